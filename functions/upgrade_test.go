package functions_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"plugboard/events"
	"plugboard/functions/provisioning"
	"plugboard/shared/domain"
)

const upgradePath = "/v1/installations/" + mainExtension + "/upgrade"

// tamerBlueprint is crmBlueprint's next version, which needs no consent: of each kind of thing something comes,
// changes or goes.
func tamerBlueprint(url string) object {
	b := crmBlueprint(url)
	b["scopes"] = []string{
		"contracts:read", "contracts:write", "participants:act", "templates:read", "templates:write", "webhooks:read",
		"webhooks:write", "catalogue:read",
	}
	b["template_types"] = []object{{"name": "CRM order", "fields": []object{
		{"custom_id": "order_number", "name": "Order number", "kind": "text", "filled_by": "participants"},
		{"custom_id": "amount", "name": "Total amount", "kind": "number", "default": "0", "filled_by": "participants"},
		{"custom_id": "currency", "name": "Currency", "kind": "text"},
		{"custom_id": "due", "name": "Due", "kind": "date", "filled_by": "participants"},
	}}}
	hook := b["webhooks"].([]object)[0]
	hook["headers"] = object{"X-Customer": "{{customer_id}}", "X-Version": "two"}
	hook["event_types"] = []string{"contract.created", "contract.published", "contract.signed"}
	return b
}

// newTamer is the next version, listed, over an enabled first one.
func newTamer(t testing.TB) *actors {
	a := newActors(newWorld(t))
	a.enable()
	a.submitAndList(mainExtension, tamerBlueprint(a.receiver.URL))
	return a
}

func (a *actors) upgrade(body object) answer {
	a.t.Helper()
	return a.upgradeBy(a.admin, upgradePath, body)
}

// previewed is the caller with the tag of the upgrade's preview; without one when there is no preview.
func (w *world) previewed(by who, path string, body object) who {
	w.t.Helper()
	if version, ok := body["version"]; ok {
		path += fmt.Sprint("?version=", version)
	}
	if tag := w.call(by, "GET", path, nil).header.Get("ETag"); tag != "" {
		return by.with("If-Match", tag)
	}
	return by
}

// upgradeBy upgrades by a preview that was just read.
func (w *world) upgradeBy(by who, path string, body object) answer {
	w.t.Helper()
	return w.call(w.previewed(by, path, body), "POST", path, body)
}

// upgraded upgrades and lets provisioning finish.
func (a *actors) upgraded(body object, version int) {
	a.t.Helper()
	a.want(a.upgrade(body), 202)
	a.settle()
	a.state(mainExtension, "enabled")
	if got := a.stands(mainExtension).Version; got != version {
		a.t.Fatalf("got version %d, want %d", got, version)
	}
}

// lines is what the members of a list say under those names, one line each.
func lines(v any, names ...string) string {
	all, _ := v.([]any)
	var b strings.Builder
	for _, one := range all {
		for _, name := range names {
			fmt.Fprint(&b, one.(map[string]any)[name], " ")
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestRule6_ThePreviewIsTheExactChange(t *testing.T) {
	a := newTamer(t)
	before := a.dump()
	got := a.want(a.call(a.member, "GET", upgradePath, nil), 200)
	if a.dump() != before {
		t.Error("a preview changed something")
	}
	for what, c := range map[string][2]string{
		"versions": {fmt.Sprint(got.at("from_version"), got.at("to_version")), "1 2"},
		"scopes":   {fmt.Sprint(got.at("scopes_added"), got.at("scopes_removed")), "[] [webhooks:secrets]"},
		"template types": {lines(got.at("template_types"), "extension_type", "change"),
			"acme-crm changed \nacme-crm_addendum deactivated \n"},
		"fields": {lines(got.at("template_types", 0, "fields"), "custom_id", "change"),
			"amount changed \ncurrency added \nurgent deactivated \n"},
		"fields that go": {lines(got.at("template_types", 1, "fields"), "custom_id", "change"),
			"reason deactivated \n"},
		"webhooks": {lines(got.at("webhooks"), "key", "extension_type", "change"),
			"contracts acme-crm changed \ncontracts acme-crm_addendum removed \n"},
		"steps": {lines(got.at("steps"), "kind", "template_type_key"),
			"template-type  \nwebhook  \nwithdrawal  \nwithdrawal addendum \nwebhook-removal addendum \n"},
		"obstacles": {fmt.Sprint(got.at("conflicts"), got.at("needs_consent"), got.at("parameters"),
			got.at("dependencies")), "[] [] [] []"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: got %q, want %q", what, c[0], c[1])
		}
	}
	a.want(a.call(platformFor(a.account), "GET", upgradePath, nil), 200)
	a.upgraded(object{}, 2)
	after := a.want(a.call(a.member, "GET", upgradePath, nil), 200)
	if fmt.Sprint(after.at("steps"), after.at("from_version")) != "[] 2" {
		t.Errorf("after the upgrade the preview says %s", after.raw)
	}
}

// A person reads the preview before the click: what each field and webhook was, and what it becomes.
func TestRule6_ThePreviewSaysWhatFieldsAndWebhooksWere(t *testing.T) {
	a := newTamer(t)
	got := a.want(a.call(a.member, "GET", upgradePath, nil), 200)
	field := func(n int, which string) any { return got.at("template_types", 0, "fields", n, which) }
	amount, currency, urgent := 0, 1, 2
	if got.str("template_types", 0, "fields", amount, "was", "name") != "Amount" ||
		got.str("template_types", 0, "fields", amount, "becomes", "name") != "Total amount" {
		t.Errorf("the renamed field reads %v and %v", field(amount, "was"), field(amount, "becomes"))
	}
	if field(currency, "was") != nil || got.str("template_types", 0, "fields", currency, "becomes", "kind") != "text" {
		t.Errorf("the new field reads %v and %v", field(currency, "was"), field(currency, "becomes"))
	}
	if field(urgent, "becomes") != nil || got.str("template_types", 0, "fields", urgent, "was", "name") != "Urgent" {
		t.Errorf("the field that goes reads %v and %v", field(urgent, "was"), field(urgent, "becomes"))
	}
	if removed := fmt.Sprint(got.at("webhooks", 0, "event_types_removed")); removed != "[contract.declined]" ||
		got.at("webhooks", 0, "event_types_added") != nil || got.at("webhooks", 0, "url_before") != nil {
		t.Errorf("the webhook that changes reads %v", got.at("webhooks", 0))
	}
	b := tamerBlueprint(strings.Replace(a.receiver.URL, "127.0.0.1", "localhost", 1))
	b["webhooks"].([]object)[0]["event_types"] = []string{"contract.signed", "contract.expired"}
	a.submitAndList(mainExtension, b)
	got = a.want(a.call(a.member, "GET", upgradePath, nil), 200)
	if got.str("webhooks", 0, "url_before") != a.receiver.URL ||
		fmt.Sprint(got.at("webhooks", 0, "event_types_added")) != "[contract.expired]" {
		t.Errorf("the webhook that moves reads %v", got.at("webhooks", 0))
	}
}

// upgradedShape is what the main extension comes to at the next version.
const upgradedShape = `template-type acme-crm fields=5
template-type acme-crm_addendum fields=1
webhook contracts of acme-crm
`

func TestRule6_RuntimeStateAndUsersFieldsSurvive(t *testing.T) {
	a := newTamer(t)
	typeID := a.templateType("acme-crm")
	fields := "/v1/template-types/" + typeID + "/fields"
	a.want(a.call(a.admin, "PATCH", fields+"/amount", object{"active": false}), 200)
	a.want(a.call(a.admin, "POST", fields,
		object{"custom_id": "ours", "name": "Ours", "kind": "text", "default": "x"}), 201)
	a.want(a.call(a.admin, "PUT", "/v1/template-types/"+typeID+"/field-order",
		object{"custom_ids": []string{"ours", "due", "urgent", "amount", "order_number"}}), 200)
	hook := a.hookOf(typeID)
	a.want(a.call(a.admin, "PATCH", "/v1/webhooks/"+hook, object{"paused": true}), 200)
	secret := a.signingSecrets()[hook]
	a.upgraded(object{}, 2)

	stored := a.want(a.call(a.admin, "GET", "/v1/template-types/"+typeID, nil), 200)
	want := "ours user true Ours \ndue system true Due \nurgent system false Urgent \namount system false Total " +
		"amount \ncurrency system true Currency \norder_number system true Order number \n"
	if got := lines(stored.at("fields"), "custom_id", "source", "active", "name"); got != want {
		t.Errorf("got the fields\n%swant\n%s", got, want)
	}
	kept := a.want(a.call(a.admin, "GET", "/v1/webhooks/"+hook, nil), 200)
	if kept.at("paused") != true || a.signingSecrets()[hook] != secret || len(kept.at("event_types").([]any)) != 3 {
		t.Errorf("the webhook became %s", kept.raw)
	}
	before := a.managed()
	a.again(mainExtension)
	if after := a.managed(); after != before {
		t.Errorf("the plan applied twice made\n%s\nof\n%s", after, before)
	}
}

func TestRule6_EachReasonWaitsForConsent(t *testing.T) {
	// else the code
	alone := map[string]string{"target-host-changed": "parameter-sent \nparameter-sent \ntarget-host-changed \n"}
	for code, change := range map[string]func(object){
		"scope-added": func(b object) { b["scopes"] = append(b["scopes"].([]string), "webhooks:secrets") },
		"webhook-added": func(b object) {
			b["webhooks"] = append(b["webhooks"].([]object),
				object{"key": "more", "url": b["webhooks"].([]object)[0]["url"],
					"event_types": []string{"contract.signed"}})
		},
		"event-type-added": func(b object) {
			hook := b["webhooks"].([]object)[0]
			hook["event_types"] = append(hook["event_types"].([]string), "contract.expired")
		},
		"dependency-added": func(b object) {
			b["dependencies"] = append(b["dependencies"].([]object), object{"extension_id": "acme-more"})
		},
		"required-parameter-added": func(b object) {
			b["parameters"] = asks(append(crmParameters(), object{"key": "region", "required": true})...)
		},
		"target-host-changed": func(b object) { b["webhooks"].([]object)[0]["url"] = "http://localhost:8123/" },
		"hand-off-added":      func(b object) { b["setup"] = object{"url": setupURL} },
		"parameter-sent": func(b object) { // a host that heard of contracts, and had no parameter
			b["webhooks"].([]object)[1]["headers"] = object{"X-Key": "{{api_key}}"}
		},
		"access-token-sent": func(b object) { oauthOf(b)["scope"] = "read write" },
		"secret-opened": func(b object) {
			b["parameters"].(object)["properties"].(object)["api_key"] = object{"type": "string"}
			delete(b["webhooks"].([]object)[0]["headers"].(object), "X-Api-Key")
		},
	} {
		t.Run(code, func(t *testing.T) {
			a := newActors(newWorld(t))
			first, next := crmBlueprint(a.receiver.URL), crmBlueprint(a.receiver.URL)
			for _, b := range []object{first, next} {
				b["scopes"] = []string{"contracts:write"}
				b["webhooks"] = append(b["webhooks"].([]object), object{
					"key": "second", "url": "http://localhost:8124/", "event_types": []string{"contract.signed"},
					"auth": object{"scheme": "oauth2", "token_url": "http://localhost:8125/", "client_id": "fixed",
						"scope": "read", "client_secret": "fixed"},
				})
			}
			a.submitAndList(mainExtension, first)
			a.enable()
			a.list("acme-more", []string{}, coreBlueprint())
			change(next)
			a.submitAndList(mainExtension, next)
			shown := a.want(a.call(a.admin, "GET", upgradePath, nil), 200)
			if got := lines(shown.at("needs_consent"), "code"); got != cmp.Or(alone[code], code+" \n") {
				t.Fatalf("the preview names %q, want %s", got, code)
			}
			before := a.dump()
			body := object{"parameters": object{}}
			if code == "required-parameter-added" {
				body["parameters"] = object{mainExtension: object{"region": "eu"}}
			}
			refusal := a.refused(a.upgrade(body), 409, "consent-required")
			if !slices.Contains(refusal.pointers(), shown.str("needs_consent", 0, "pointer")) {
				t.Errorf("the refusal names no reason: %s", refusal.raw)
			}
			body["consent"] = []string{code, "parameter-sent"}
			a.refused(a.upgradeBy(platformFor(a.account), upgradePath, body), 409, "consent-required")
			if a.dump() != before {
				t.Error("a refused upgrade changed something")
			}
			a.upgraded(body, 3)
		})
	}
}

// oauthOf is the auth of the blueprint's second webhook.
func oauthOf(b object) object { return b["webhooks"].([]object)[1]["auth"].(object) }

// A secret goes nowhere new by a roll-out: the account's admin is asked first.
func TestRule6_ARollOutSendsNoSecretToANewHost(t *testing.T) {
	a := newActors(newWorld(t))
	first, next := crmBlueprint(a.receiver.URL), crmBlueprint(a.receiver.URL)
	for _, b := range []object{first, next} {
		b["webhooks"] = append(b["webhooks"].([]object),
			object{"key": "second", "url": "http://localhost:8124/", "event_types": []string{"contract.signed"}})
	}
	a.submitAndList(mainExtension, first)
	a.enable()
	next["webhooks"].([]object)[1]["headers"] = object{"X-Key": "{{api_key}}"}
	a.submitAndList(mainExtension, next)
	rollout := a.want(a.call(a.partner, "POST", "/v1/extensions/"+mainExtension+"/rollouts", object{"version": 3}),
		201).str("id")
	a.settle()
	done := a.want(a.call(a.partner, "GET", "/v1/extensions/"+mainExtension+"/rollouts/"+rollout, nil), 200)
	if done.at("waiting_for_consent") != 1.0 || done.at("upgraded") != 0.0 || a.stands(mainExtension).Version != 2 {
		t.Errorf("the roll-out ended as %s", done.raw)
	}
}

func TestRule6_AConflictIsNamedAndNothingIsHalfDone(t *testing.T) {
	a := newTamer(t)
	typeID := a.templateType("acme-crm")
	a.want(a.call(a.admin, "POST", "/v1/template-types/"+typeID+"/fields",
		object{"custom_id": "CURR ency", "name": "Ours", "kind": "text"}), 201)
	shown := a.want(a.call(a.admin, "GET", upgradePath, nil), 200)
	if got := lines(shown.at("conflicts"), "code", "extension_type",
		"custom_id"); got != "data-field-conflict acme-crm CURR ency \n" {
		t.Fatalf("the preview names %q", got)
	}
	before := a.dump()
	refusal := a.refused(a.upgrade(object{}), 409, "upgrade-conflict")
	if want := []string{"/template-types/" + typeID + "/fields/CURR ency"}; !slices.Equal(refusal.pointers(), want) {
		t.Errorf("got pointers %q, want %q", refusal.pointers(), want)
	}
	if a.dump() != before {
		t.Error("a refused upgrade changed something")
	}
	a.want(a.call(a.admin, "DELETE", "/v1/template-types/"+typeID+"/fields/currency", nil), 200)
	a.upgraded(object{}, 2)
}

// works says what of the running extension does not: its token, its fields, its webhook.
func (a *actors) works(template string) error {
	if got, err := a.try(a.integration(adminEmail), "GET", "/v1/templates", nil); err != nil || got.status != 200 {
		return fmt.Errorf("its token got %d %s, %v", got.status, got.raw, err)
	}
	made, err := a.try(a.integration(adminEmail), "POST", "/v1/contracts",
		contractOf(template, [2]string{"order_number", "7"}))
	if err != nil || made.status != 201 {
		return fmt.Errorf("its fields are not usable: %s, %v", made.raw, err)
	}
	a.receiver.take()
	a.deliverOnly()
	got := a.receiver.take()
	if len(ids(got)) != 1 || got[0].header.Get("X-Customer") != "C-1001" {
		return fmt.Errorf("its webhook sent %v", got)
	}
	return nil
}

// deliverOnly carries events to their endpoints, and leaves provisioning's messages in their queue.
func (a *actors) deliverOnly() {
	a.t.Helper()
	if pending := a.newInOutbox(); pending > 0 {
		_, err := a.workers.fanout.Handle(a.t.Context(), a.tables.Outbox(pending))
		must(a.t, err)
	}
	_, err := a.workers.delivery.Handle(a.t.Context(), a.workers.deliveries.Take())
	must(a.t, err)
}

func TestRule4_AnUpgradeKilledAfterEachStepGoesOnAndWorksAllTheWhile(t *testing.T) {
	const writes = 6 // a template type, a webhook, two withdrawals, a removal, the version
	for _, after := range []bool{false, true} {
		for at := 1; at <= writes; at++ {
			t.Run(fmt.Sprintf("write %d, after it %v", at, after), func(t *testing.T) {
				a := newTamer(t)
				template := a.template(a.templateType("acme-crm"))
				a.settle()
				a.want(a.upgrade(object{}), 202)
				kill := &killed{at: at, after: after}
				dying := provisioning.New(a.tables.At(a.now, kill.option), a.sealer, a.now, domain.NewID)
				if err := dying.Advance(t.Context(), a.account,
					events.ProvisionedInstance{Extension: mainExtension}); !errors.Is(err, errKilled) {
					t.Fatalf("provisioning ended with %v after %d writes, want it killed", err, kill.writes)
				}
				complete := at == writes && after
				if got, want := a.installation(mainExtension), map[bool]string{false: "upgrading 1",
					true: "enabled 2"}[complete]; fmt.Sprint(got.str("state"), " ", got.at("version")) != want {
					t.Fatalf("the installation is %s, want %s", got.raw, want)
				}
				if err := a.works(template); err != nil {
					t.Error(err)
				}
				a.settle()
				a.state(mainExtension, "enabled")
				if got := a.shape(); got != upgradedShape {
					t.Errorf("the end is\n%s\nwant\n%s", got, upgradedShape)
				}
				if got := a.eventsOf("installation.upgraded"); got != 1 {
					t.Errorf("got %d events of it, want one", got)
				}
				if err := a.works(template); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		}
	}
}

// eventsOf is how many events of that type were ever committed.
func (w *world) eventsOf(eventTypeName string) int {
	n := 0
	for _, i := range w.stored("event") {
		if eventType(i) == eventTypeName {
			n++
		}
	}
	return n
}

func TestRule6_TheTokensScopesChangeWithTheVersionAndNotBefore(t *testing.T) {
	a := newTamer(t)
	before := a.integration(adminEmail)
	a.token = a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/token",
		object{"overlap_seconds": 600}), 201).str("token")
	secret := "/v1/webhooks/" + a.hookOf(a.templateType("acme-crm")) + "/secret"
	a.want(a.upgrade(object{}), 202)
	for _, token := range []who{before, a.integration(adminEmail)} {
		a.want(a.call(token, "POST", secret, object{}), 201)
	}
	a.settle()
	for _, token := range []who{before, a.integration(adminEmail)} {
		a.refused(a.call(token, "POST", secret, object{}), 403, "missing-scope")
		a.want(a.call(token, "GET", "/v1/templates", nil), 200)
	}
}

func TestRule6_AFailedUpgradeStopsNothingAndCanBeRetriedSuspendedOrDisabled(t *testing.T) {
	for _, end := range []string{"retry", "disable"} {
		t.Run(end, func(t *testing.T) {
			a := newTamer(t)
			typeID := a.templateType("acme-crm")
			template := a.template(typeID)
			a.want(a.upgrade(object{}), 202)
			// Between the plan and its step a user takes what the version needs.
			a.want(a.call(a.admin, "POST", "/v1/template-types/"+typeID+"/fields",
				object{"custom_id": "currency", "name": "Ours", "kind": "text"}), 201)
			a.settle()
			failed := a.installation(mainExtension)
			if failed.str("state") != "failed" || failed.str("failure", "goal") != "upgraded" ||
				failed.str("failure", "step") != "template-type" ||
				!strings.Contains(failed.str("failure", "reason"), `"currency"`) {
				t.Fatalf("the failed installation says %s", failed.raw)
			}
			if err := a.works(template); err != nil {
				t.Error(err)
			}
			a.refused(a.upgrade(object{}), 409, "installation-state")
			a.want(a.call(platformFor(a.account), "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
			a.refused(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 403, "installation-suspended")
			a.refused(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/retry", nil), 409,
				"installation-state")
			if end == "disable" {
				a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
				a.settle()
				a.state(mainExtension, "disabled")
				if hooks := a.stored("webhook"); len(hooks) != 0 {
					t.Errorf("%d webhooks outlive it", len(hooks))
				}
				return
			}
			a.want(a.call(platformFor(a.account), "POST", "/v1/installations/"+mainExtension+"/resume", nil), 200)
			a.state(mainExtension, "failed")
			if err := a.works(template); err != nil {
				t.Error(err)
			}
			a.want(a.call(a.admin, "DELETE", "/v1/template-types/"+typeID+"/fields/currency", nil), 200)
			a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/retry", nil), 202)
			a.settle()
			a.state(mainExtension, "enabled")
			if got := a.shape(); got != upgradedShape {
				t.Errorf("the end is\n%s\nwant\n%s", got, upgradedShape)
			}
		})
	}
}

func TestRule6_OnlyThePlanThatWasSeen(t *testing.T) {
	a := newTamer(t)
	seen := a.want(a.call(a.admin, "GET", upgradePath, nil), 200)
	if tag := seen.header.Get("ETag"); tag != `"`+seen.str("plan_id")+`"` {
		t.Fatalf("got the ETag %s of the plan %s", tag, seen.str("plan_id"))
	}
	exactly := a.admin.with("If-Match", seen.header.Get("ETag"))
	a.ownField(a.templateType("acme-crm"), "urgent", "user")
	a.refused(a.call(exactly, "POST", upgradePath, object{}), 412, "stale")
	a.ownField(a.templateType("acme-crm"), "urgent", "system")
	a.want(a.call(exactly, "POST", upgradePath, object{}), 202)
}

func TestRule6_AnUpgradeWithoutAPreviewIsRefused(t *testing.T) {
	a := newTamer(t)
	before := a.dump()
	for _, by := range []who{a.admin, a.admin.with("If-Match", "*"), platformFor(a.account)} {
		for _, body := range []object{{}, {"version": 2}, {"consent": []string{"scope-added"}}} {
			got := a.refused(a.call(by, "POST", upgradePath, body), 428, "preview-required")
			if !slices.Equal(got.pointers(), []string{"header.If-Match"}) {
				t.Errorf("%s: got pointers %q", by.name, got.pointers())
			}
		}
	}
	if a.dump() != before {
		t.Error("a refused upgrade changed something")
	}
}

// What was previewed is listed no more, or something else would come with it.
func TestRule6_AnotherPlanThanThePreviewedIsRefused(t *testing.T) {
	for name, change := range map[string]func(a *actors){
		"a newer version is listed": func(a *actors) {
			wider := tamerBlueprint(a.receiver.URL)
			wider["webhooks"].([]object)[0]["headers"] = object{"X-Customer": "{{customer_id}}",
				"X-Api-Key": "{{api_key}}", "X-New": "1"}
			a.submitAndList(mainExtension, wider)
		},
		"a dependency that comes with it has a newer version": func(a *actors) {
			a.submitAndList("acme-more", coreBlueprint())
		},
		"a dependency was enabled meanwhile": func(a *actors) {
			a.want(a.call(a.admin, "PUT", "/v1/installations/acme-more", object{}), 202)
			a.settle()
		},
		"a colleague upgraded to another version": func(a *actors) {
			a.upgraded(object{"version": 2}, 2)
		},
		"it was disabled and enabled again": func(a *actors) {
			a.want(a.call(platform, "PUT", "/v1/extensions/"+mainExtension+"/listing", object{"version": 1}), 200)
			a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
			a.settle()
			a.enable()
			a.want(a.call(platform, "PUT", "/v1/extensions/"+mainExtension+"/listing", object{"version": 3}), 200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTamer(t)
			a.list("acme-more", []string{}, coreBlueprint())
			next := tamerBlueprint(a.receiver.URL)
			next["dependencies"] = append(next["dependencies"].([]object), object{"extension_id": "acme-more"})
			a.submitAndList(mainExtension, next)
			seen := a.previewed(a.admin, upgradePath, object{})
			change(a)
			before := a.dump()
			a.refused(a.call(seen, "POST", upgradePath, object{"consent": []string{"dependency-added"}}), 412, "stale")
			if a.dump() != before {
				t.Error("a refused upgrade changed something")
			}
			a.want(a.upgrade(object{"consent": []string{"dependency-added"}}), 202)
		})
	}
}

func TestRule6_OnlyToANewerApprovedVersion(t *testing.T) {
	a := newTamer(t)
	for _, version := range []int{3, 99} {
		for _, got := range []answer{a.upgrade(object{"version": version}),
			a.call(a.admin, "GET", fmt.Sprintf("%s?version=%d", upgradePath, version), nil)} {
			if a.want(got, 422); !strings.Contains(string(got.raw), "unknown-version") {
				t.Errorf("version %d: got %s", version, got.raw)
			}
		}
		if version == 3 {
			a.submit(mainExtension, tamerBlueprint(a.receiver.URL)) // submitted is not approved
		}
	}
	a.want(a.upgrade(object{"version": 3}), 422)
	a.approve(mainExtension, 3)
	a.want(a.call(platform, "POST", versionOf(mainExtension, 3)+"/yank", object{"reason": "no"}), 200)
	a.want(a.upgrade(object{"version": 3}), 422)
	a.upgraded(object{"version": 2}, 2)
	if got := a.want(a.upgrade(object{"version": 1}), 422); !strings.Contains(string(got.raw), "not-newer") {
		t.Errorf("an older version got %s", got.raw)
	}
	before := a.dump()
	a.want(a.upgrade(object{}), 202)
	if a.dump() != before {
		t.Error("upgrading to the version that is there changed something")
	}
}

func TestRule6_OnlyFromEnabled(t *testing.T) {
	a := newTamer(t)
	at := "/v1/installations/" + mainExtension
	a.want(a.call(platformFor(a.account), "POST", at+"/suspend", nil), 200)
	a.refused(a.upgrade(object{}), 409, "installation-state")
	a.want(a.call(platformFor(a.account), "POST", at+"/resume", nil), 200)
	a.want(a.upgrade(object{}), 202)
	a.refused(a.call(a.admin, "POST", at+"/disable", nil), 409, "installation-state")
	a.refused(a.call(a.admin, "POST", at+"/suspend", nil), 409, "installation-state")
	a.want(a.upgrade(object{}), 202) // a second click
	a.settle()
	a.want(a.call(a.admin, "POST", at+"/disable", nil), 202)
	a.submitAndList(mainExtension, tamerBlueprint(a.receiver.URL))
	a.refused(a.upgrade(object{}), 409, "installation-state")
}

func TestRule6_ThePolicyIsTheAccounts(t *testing.T) {
	a := newActors(newWorld(t))
	body := parameters()
	body["upgrade_policy"] = "by-hand"
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, body), 202)
	a.settle()
	if got := a.installation(mainExtension).str("upgrade_policy") +
		a.installation(dependency).str("upgrade_policy"); got != "by-handautomatic" {
		t.Errorf("got the policies %s", got)
	}
	a.submitAndList(mainExtension, tamerBlueprint(a.receiver.URL))
	a.refused(a.upgradeBy(platformFor(a.account), upgradePath, object{}), 409, "by-hand")
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension+"/upgrade-policy",
		object{"policy": "automatic"}), 200)
	a.want(a.upgradeBy(platformFor(a.account), upgradePath, object{}), 202)
}

func TestRule6_NewParametersAndDependenciesComeWithIt(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	more := coreBlueprint()
	more["parameters"] = asks(object{"key": "planet", "required": true})
	a.list("acme-more", []string{}, more)
	next := crmBlueprint(a.receiver.URL)
	next["dependencies"] = []object{{"extension_id": "acme-more"}} // and acme-core no more
	next["parameters"] = asks(
		object{"key": "customer_id", "required": true, "writeOnly": true},
		object{"key": "api_key", "writeOnly": true, "required": true},
		object{"key": "pin", "required": true, "writeOnly": true}, object{"key": "region", "required": true},
	)
	hook := next["webhooks"].([]object)[0]
	hook["headers"], hook["context"] = object{"X-Customer": "{{customer_id}}", "X-Pin": "{{pin}}"},
		object{"region": "{{region}}"}
	a.submitAndList(mainExtension, next)
	shown := a.want(a.call(a.admin, "GET", upgradePath, nil), 200)
	if got := lines(shown.at("parameters"), "key") + fmt.Sprint(shown.at("also_enables")) +
		lines(shown.at("dependencies"), "extension_id", "change",
			"problem"); got != "pin \nregion \n[acme-more]acme-more added missing \nacme-core removed <nil> \n" {
		t.Errorf("the preview says %s", got)
	}
	consent := []string{"dependency-added", "required-parameter-added", "parameter-sent"}
	before := a.dump()
	got := a.want(a.upgrade(object{"consent": consent, "parameters": object{mainExtension: object{"nonsense": "x"}}}),
		422).pointers()
	if want := []string{"/parameters/acme-crm/pin", "/parameters/acme-crm/region", "/parameters/acme-crm/nonsense",
		"/parameters/acme-more/planet"}; !slices.Equal(got, want) {
		t.Errorf("got pointers %q, want %q", got, want)
	}
	if a.dump() != before {
		t.Error("a refused upgrade changed something")
	}
	given := object{mainExtension: object{"pin": "pin-4711-pin", "region": "eu"},
		"acme-more": object{"planet": "earth"}}
	made := a.want(a.upgrade(object{"consent": consent, "parameters": given}), 202)
	if token := made.str("created", 0, "token"); made.str("created", 0, "extension_id") != "acme-more" ||
		!strings.HasPrefix(token, "pb_live_") {
		t.Errorf("got %s", made.raw)
	}
	a.settle()
	i := a.stands(mainExtension)
	if i.State != domain.Enabled || i.Version != 2 || len(i.Parameters) != 1 || i.Parameters["region"] != "eu" ||
		len(i.Secrets) != 3 {
		t.Fatalf("got %+v", i)
	}
	if dump := a.dump(); strings.Contains(dump, "pin-4711") {
		t.Error("a table holds a secret in the clear")
	}
	a.refused(a.call(a.admin, "POST", "/v1/installations/acme-more/disable", nil), 409, "required-by-extension")
	a.want(a.call(a.admin, "POST", "/v1/installations/"+dependency+"/disable", nil), 202)
	a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts",
		contractOf(a.template(a.templateType("acme-crm")))), 201)
	a.receiver.take()
	a.settle()
	sent := a.receiver.take()
	if len(sent) != 1 || sent[0].header.Get("X-Pin") != "pin-4711-pin" ||
		sent[0].header.Get("X-Customer") != "C-1001" || !strings.Contains(string(sent[0].body), `"region":"eu"`) {
		t.Errorf("sent %v", sent)
	}
}

func TestRule6_ADependencyThatCannotBeHadIsNamed(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	a.submitAndList(dependency, coreBlueprint())
	next := crmBlueprint(a.receiver.URL)
	next["dependencies"] = []object{{"extension_id": dependency, "min_version": 2}}
	a.submitAndList(mainExtension, next)
	if shown := a.want(a.call(a.admin, "GET", upgradePath, nil), 200); shown.str("dependencies", 0,
		"problem") != "too-old" || shown.str("unobtainable") == "" {
		t.Errorf("the preview says %s", shown.raw)
	}
	a.refused(a.upgrade(object{}), 409, "dependency-version")
	a.want(a.upgradeBy(a.admin, "/v1/installations/"+dependency+"/upgrade", object{}), 202)
	a.settle()
	a.upgraded(object{}, 2)
}

func TestRule6_TwoAtOnceAreOneAndADisableAtOnceWinsOrWaits(t *testing.T) {
	for range 3 {
		a := newTamer(t)
		seen := a.previewed(a.admin, upgradePath, object{})
		platformsToo := a.previewed(platformFor(a.account), upgradePath, object{})
		calls := []func() (answer, error){
			func() (answer, error) { return a.try(seen, "POST", upgradePath, object{}) },
			func() (answer, error) { return a.try(platformsToo, "POST", upgradePath, object{}) },
			func() (answer, error) { return a.try(seen, "POST", upgradePath, object{}) },
			func() (answer, error) {
				return a.try(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil)
			},
		}
		answers := make([]answer, len(calls))
		var wait sync.WaitGroup
		for n, call := range calls {
			wait.Go(func() { answers[n], _ = call() })
		}
		wait.Wait()
		for n, got := range answers {
			// 412: the disabling was first, and began a new epoch
			if got.status != 202 && got.status != 409 && got.status != 412 {
				t.Errorf("call %d got %d %s", n, got.status, got.raw)
			}
		}
		a.settle()
		i := a.stands(mainExtension)
		switch upgradedOnce := a.eventsOf("installation.upgraded"); {
		case i.State == domain.Enabled && i.Version == 2 && upgradedOnce == 1:
		case i.State == domain.Disabled && upgradedOnce == 0:
		default:
			t.Errorf("it ended %s at version %d, upgraded %d times", i.State, i.Version, upgradedOnce)
		}
	}
}

// What an earlier version had, and the one that is enabled lacks, is withdrawn by enabling too.
func TestRule6_EnablingANewerVersionWithdrawsWhatTheOlderLeft(t *testing.T) {
	a := newTamer(t)
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.settle()
	a.enable()
	if got := a.shape(); got != upgradedShape {
		t.Errorf("the end is\n%s\nwant\n%s", got, upgradedShape)
	}
	left := a.want(a.call(a.admin, "GET", "/v1/template-types/"+a.templateType("acme-crm_addendum"), nil), 200)
	if left.at("fields", 0, "active") != false {
		t.Errorf("a template type that the version lacks has usable fields: %s", left.raw)
	}
}
