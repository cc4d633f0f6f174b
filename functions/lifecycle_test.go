package functions_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/functions/provisioning"
	"plugboard/shared/domain"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
)

// told is what a lifecycle endpoint heard since, each verified with the secret: `account extension type`. What came
// twice under the same id is one delivery, since sending is at least once.
func (a *actors) told(t *testing.T, secret string) []string {
	t.Helper()
	var all []string
	known := map[string]bool{}
	for _, got := range a.receiver.take() {
		var body struct {
			Type    string
			Account string `json:"account_id"`
			Data    struct {
				Extension string `json:"extension_id"`
				Contract  string `json:"id"`
			}
		}
		must(t, json.Unmarshal(got.body, &body))
		if strings.HasPrefix(body.Type, "contract.") || body.Data.Contract != "" {
			t.Errorf("it heard of a contract: %s", got.body)
		}
		got.verified(t, secret, a.now())
		id := got.header.Get("Webhook-Id")
		if known[id] {
			continue
		}
		known[id] = true
		all = append(all, body.Account+" "+body.Data.Extension+" "+body.Type)
	}
	return all
}

const lifecycleExtension = "acme-life"

// offerLifecycle lists an extension with a lifecycle endpoint and returns the secret that signs for it.
func (a *actors) offerLifecycle() (secret string) {
	a.t.Helper()
	a.want(a.call(a.partner, "POST", "/v1/extensions",
		object{"slug": lifecycleExtension, "name": "Life", "template_type_keys": []string{""}}), 201)
	return a.listLifecycle(a.receiver.URL)
}

func lifecycleBlueprint(url string) object {
	return object{
		"scopes": []string{"contracts:write", "contracts:read", "webhooks:secrets"}, "webhooks": []object{},
		"lifecycle":      object{"url": url},
		"template_types": []object{{"name": "Life", "no_webhooks": true, "fields": []object{}}},
		"parameters":     asks(object{"key": "region"}),
	}
}

func (a *actors) expectTold(t *testing.T, secret, after string, want ...string) {
	t.Helper()
	a.settle()
	if got := a.told(t, secret); !slices.Equal(got, want) {
		t.Errorf("after %s it heard %q, want %q", after, got, want)
	}
}

func TestRule17_ALifecycleEndpointHearsOfItsOwnInstallationsAndOfTheirEnd(t *testing.T) {
	a := newActors(newWorld(t))
	secret := a.offerLifecycle()
	elsewhere := a.dashboard("other", "ada")
	installed := "/v1/installations/" + lifecycleExtension
	move := func(by who, method, path string, status int) { a.want(a.call(by, method, path, object{}), status) }
	heard := func(what string) string { return "customer " + lifecycleExtension + " installation." + what }

	token := a.want(a.call(a.admin, "PUT", installed, object{}), 202).str("created", 0, "token")
	a.expectTold(t, secret, "enabling", heard("enabled"))

	a.enable() // another extension's installation, and a dependency's, in the same account
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
	a.expectTold(t, secret, "what became of another extension")
	template := a.template(a.templateType(lifecycleExtension))
	a.want(a.call(bearer("its token", token).with("Plugboard-User", adminEmail), "POST", "/v1/contracts",
		contractOf(template)), 201)
	a.want(a.call(a.member, "POST", "/v1/contracts", contractOf(template)), 201)
	a.expectTold(t, secret, "contracts, through it and not")
	move(elsewhere, "PUT", installed, 202)
	a.expectTold(t, secret, "enabling elsewhere", "other "+lifecycleExtension+" installation.enabled")

	a.want(a.call(a.admin, "PATCH", installed+"/parameters", object{"parameters": object{"region": "eu"}}), 200)
	a.expectTold(t, secret, "changed parameters", heard("updated"))
	a.want(a.call(a.admin, "POST", installed+"/suspend", nil), 200)
	a.expectTold(t, secret, "a suspension", heard("suspended"))
	a.want(a.call(a.admin, "POST", installed+"/resume", nil), 200)
	a.expectTold(t, secret, "its lifting", heard("resumed"))
	hook := a.lifecycleHook()
	a.want(a.call(a.admin, "POST", installed+"/disable", nil), 202)
	a.expectTold(t, secret, "disabling", heard("disabled"))
	if last := a.lastAttempt(hook); text(last, "outcome") != "delivered" ||
		text(last, "event_type") != "installation.disabled" {
		t.Errorf("the last line of its log is %v", last)
	}

	// The next life, with the same endpoint and then without one.
	move(a.admin, "PUT", installed, 202)
	a.expectTold(t, secret, "enabling again", heard("enabled"))
	a.want(a.call(a.admin, "POST", installed+"/disable", nil), 202)
	a.expectTold(t, secret, "disabling again", heard("disabled"))
	without := lifecycleBlueprint("")
	delete(without, "lifecycle")
	a.submitAndList(lifecycleExtension, without)
	move(a.admin, "PUT", installed, 202)
	a.settle()
	a.want(a.call(a.admin, "POST", installed+"/disable", nil), 202)
	a.expectTold(t, secret, "a life of a version without an endpoint")
}

// lifecycleHook is the webhook by which the customer's installation is told of.
func (a *actors) lifecycleHook() string {
	a.t.Helper()
	list := a.want(a.call(a.admin, "GET", "/v1/webhooks", nil), 200)
	for n := range list.at("items").([]any) {
		if list.at("items", n, "lifecycle") == true {
			return list.str("items", n, "id")
		}
	}
	a.t.Fatalf("there is no lifecycle webhook: %s", list.raw)
	return ""
}

func TestRule17_ALifecycleEndpointsLastWordIsTriedAgain(t *testing.T) {
	a := newActors(newWorld(t))
	secret := a.offerLifecycle()
	installed := "/v1/installations/" + lifecycleExtension
	a.want(a.call(a.admin, "PUT", installed, object{}), 202)
	a.settle()
	hook := a.lifecycleHook()
	a.receiver.take()
	a.receiver.answer(503)
	a.want(a.call(a.admin, "POST", installed+"/disable", nil), 202)
	a.settle()
	failed := a.lastAttempt(hook)
	if text(failed, "outcome") != "failed" {
		t.Fatalf("the attempt reads %v", failed)
	}
	a.receiver.take()
	a.receiver.answer(200)
	a.want(a.call(a.admin, "PUT", installed, object{}), 202) // enabled again before the end of the first life was heard
	a.retry()
	a.settle()
	got := a.told(t, secret)
	slices.Sort(got)
	got = slices.Compact(got)
	want := []string{"customer " + lifecycleExtension + " installation.disabled",
		"customer " + lifecycleExtension + " installation.enabled"}
	if !slices.Equal(got, want) {
		t.Errorf("it heard %q, want %q", got, want)
	}
	log := a.want(a.call(a.admin, "GET", "/v1/webhooks/"+hook+"/deliveries?day="+text(failed, "event_day"), nil), 200)
	if n := len(log.at("items").([]any)); n != 3 {
		t.Errorf("its log shows %d deliveries, want 3: %s", n, log.raw)
	}
}

// Fan-out may come late: what happened before the end is heard although the end is there already.
func TestRule17_WhatHappenedBeforeTheEndIsHeardAfterIt(t *testing.T) {
	a := newActors(newWorld(t))
	secret := a.offerLifecycle()
	installed := "/v1/installations/" + lifecycleExtension
	a.want(a.call(a.admin, "PUT", installed, object{}), 202)
	a.settle()
	a.receiver.take()
	a.want(a.call(a.admin, "POST", installed+"/suspend", nil), 200)
	a.want(a.call(a.admin, "POST", installed+"/disable", nil), 202)
	ending := fmt.Sprintf(`{"account_id":"customer","installations":[{"extension_id":%q,"epoch":1}]}`,
		lifecycleExtension)
	_, err := a.workers.provisioning.Handle(t.Context(), queuetest.Batch(queue.Message{Body: ending})) // before fanout
	must(t, err)
	a.state(lifecycleExtension, "disabled")
	a.settle()
	got := a.told(t, secret)
	slices.Sort(got)
	if want := []string{"customer acme-life installation.disabled",
		"customer acme-life installation.suspended"}; !slices.Equal(got, want) {
		t.Errorf("it heard %q, want %q", got, want)
	}
}

func TestRule17_ALifecycleSecretIsThePartnersAndRotatesWithBothSignatures(t *testing.T) {
	a := newActors(newWorld(t))
	first := a.offerLifecycle()
	installed := "/v1/installations/" + lifecycleExtension
	a.want(a.call(a.admin, "PUT", installed, object{}), 202)
	a.settle()
	a.receiver.take()
	hook := "/v1/webhooks/" + a.lifecycleHook()
	a.refused(a.call(a.admin, "POST", hook+"/secret", object{}), 409, "partners-secret")
	a.refused(a.call(a.admin, "POST", hook+"/test", object{"event_type": "installation.disabled"}),
		409, "lifecycle-webhook")
	a.refused(a.call(a.admin, "DELETE", hook, nil), 409, "managed-resource")

	second := a.want(a.call(a.partner, "POST", "/v1/extensions/"+lifecycleExtension+"/lifecycle-secret",
		object{"overlap_seconds": 3600}), 201).str("lifecycle_secret")
	a.refused(a.call(a.newPartner("Other"), "POST", "/v1/extensions/"+lifecycleExtension+"/lifecycle-secret", object{}),
		404, "not-found")
	a.pass(3 * time.Second)
	a.want(a.call(a.admin, "POST", installed+"/suspend", nil), 200)
	a.settle()
	both := a.receiver.take()
	if len(both) != 1 {
		t.Fatalf("a suspension sent %d requests", len(both))
	}
	both[0].verified(t, first, a.now())
	both[0].verified(t, second, a.now())
	a.pass(time.Hour)
	a.admin = a.dashboard(a.account, "ada") // whose sign-in ended meanwhile
	a.want(a.call(a.admin, "POST", installed+"/resume", nil), 200)
	a.settle()
	alone := a.receiver.take()
	if len(alone) != 1 || strings.Contains(alone[0].header.Get("Webhook-Signature"), " ") {
		t.Fatalf("after the overlap it is signed %v", alone)
	}
	alone[0].verified(t, second, a.now())
	again := a.want(a.call(a.partner, "POST", "/v1/extensions/"+lifecycleExtension+"/versions",
		object{"blueprint": lifecycleBlueprint(a.receiver.URL)}), 201)
	if again.at("lifecycle_secret") != nil {
		t.Error("the second version made a new secret")
	}
}

// newLifecycleUpgrade is an enabled extension whose next version has a lifecycle endpoint at the second URL where the
// installed one has it at the first. No URL is no endpoint. The secret is the extension's, once a version has one.
func newLifecycleUpgrade(t *testing.T, from, to func(*actors) string) (a *actors, secret string) {
	a = newActors(newWorld(t))
	a.want(a.call(a.partner, "POST", "/v1/extensions",
		object{"slug": lifecycleExtension, "name": "Life", "template_type_keys": []string{""}}), 201)
	for n, url := range []func(*actors) string{from, to} {
		if made := a.listLifecycle(url(a)); made != "" {
			secret = made
		}
		if n == 0 {
			a.want(a.call(a.admin, "PUT", "/v1/installations/"+lifecycleExtension, object{}), 202)
			a.settle()
			a.receiver.take()
		}
	}
	return a, secret
}

func nowhere(*actors) string      { return "" }
func atReceiver(a *actors) string { return a.receiver.URL + "/first" }
func elsewhere(a *actors) string  { return a.receiver.URL + "/second" }

// listLifecycle lists the next version, with the lifecycle endpoint or without, and returns the secret that was made.
func (a *actors) listLifecycle(url string) (secret string) {
	a.t.Helper()
	blueprint := lifecycleBlueprint(url)
	if url == "" {
		delete(blueprint, "lifecycle")
	}
	submitted := a.want(a.call(a.partner, "POST", "/v1/extensions/"+lifecycleExtension+"/versions",
		object{"blueprint": blueprint}), 201)
	version := int(submitted.at("version").(float64))
	a.approve(lifecycleExtension, version)
	a.want(a.call(platform, "PUT", "/v1/extensions/"+lifecycleExtension+"/listing", object{"version": version}), 200)
	return submitted.str("lifecycle_secret")
}

// lifecycleHooks are the URLs of the customer's lifecycle webhooks.
func (a *actors) lifecycleHooks() []string {
	a.t.Helper()
	urls := []string{}
	list := a.want(a.call(a.admin, "GET", "/v1/webhooks", nil), 200)
	for n := range list.at("items").([]any) {
		if list.at("items", n, "lifecycle") == true {
			urls = append(urls, list.str("items", n, "url"))
		}
	}
	return urls
}

func TestRule6_ALifecycleEndpointComesMovesAndGoesWithAnUpgrade(t *testing.T) {
	at := "/v1/installations/" + lifecycleExtension
	heard := func(what string) string { return "customer " + lifecycleExtension + " installation." + what }
	for name, c := range map[string]struct {
		from, to func(*actors) string
		shown    string // by the preview
		reason   string // for consent: the partner's endpoint is a host that events go to
		hears    bool
	}{
		"added":   {nowhere, atReceiver, "lifecycle  added \n", "webhook-added", true},
		"moved":   {atReceiver, elsewhere, "lifecycle  changed \n", "", true},
		"dropped": {atReceiver, nowhere, "lifecycle  removed \n", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			a, secret := newLifecycleUpgrade(t, c.from, c.to)
			shown := a.want(a.call(a.admin, "GET", at+"/upgrade", nil), 200)
			if got := lines(shown.at("webhooks"), "key", "extension_type", "change"); got != c.shown {
				t.Errorf("the preview says %q, want %q", got, c.shown)
			}
			body := object{}
			if c.reason != "" {
				a.refused(a.upgradeBy(a.admin, at+"/upgrade", body), 409, "consent-required")
				body["consent"] = []string{c.reason}
			}
			a.want(a.upgradeBy(a.admin, at+"/upgrade", body), 202)
			want := func(all ...string) []string {
				if !c.hears {
					return nil
				}
				return all
			}
			a.expectTold(t, secret, "the upgrade", want(heard("upgraded"))...)
			a.want(a.call(a.admin, "POST", at+"/suspend", nil), 200)
			a.want(a.call(a.admin, "POST", at+"/resume", nil), 200)
			a.settle()
			got := a.told(t, secret)
			slices.Sort(got) // two deliveries of one batch
			if !slices.Equal(got, want(heard("resumed"), heard("suspended"))) {
				t.Errorf("after a suspension and its lifting it heard %q", got)
			}
			urls := []string{}
			if c.hears {
				urls = []string{c.to(a)}
			}
			if got := a.lifecycleHooks(); !slices.Equal(got, urls) {
				t.Errorf("the lifecycle webhooks are %q, want %q", got, urls)
			}
			a.want(a.call(a.admin, "POST", at+"/disable", nil), 202)
			a.expectTold(t, secret, "the end", want(heard("disabled"))...)
		})
	}
}

func TestRule4_AnUpgradeOfALifecycleEndpointKilledAtEveryWriteReachesTheSameEnd(t *testing.T) {
	const writes = 2 // the endpoint's webhook, the version
	for name, ends := range map[string][2]func(*actors) string{"added": {nowhere, atReceiver},
		"moved": {atReceiver, elsewhere}, "dropped": {atReceiver, nowhere}} {
		for _, after := range []bool{false, true} {
			for at := 1; at <= writes; at++ {
				t.Run(fmt.Sprintf("%s, write %d, after it %v", name, at, after), func(t *testing.T) {
					a, secret := newLifecycleUpgrade(t, ends[0], ends[1])
					a.want(a.upgradeBy(a.admin, "/v1/installations/"+lifecycleExtension+"/upgrade",
						object{"consent": []string{"webhook-added"}}), 202)
					kill := &killed{at: at, after: after}
					dying := provisioning.New(a.tables.At(a.now, kill.option), a.sealer, a.now, domain.NewID)
					if err := dying.Advance(t.Context(), a.account,
						events.ProvisionedInstance{Extension: lifecycleExtension}); !errors.Is(err, errKilled) {
						t.Fatalf("provisioning ended with %v after %d writes, want it killed", err, kill.writes)
					}
					told, urls := []string{"customer " + lifecycleExtension + " installation.upgraded"},
						[]string{ends[1](a)}
					if urls[0] == "" {
						told, urls = nil, []string{}
					}
					a.expectTold(t, secret, "it all", told...)
					a.state(lifecycleExtension, "enabled")
					owned := 0
					for _, r := range a.stands(lifecycleExtension).Resources {
						if r.Kind == domain.StepLifecycle {
							owned++
						}
					}
					if got := a.lifecycleHooks(); !slices.Equal(got, urls) || owned != len(urls) {
						t.Errorf("the lifecycle webhooks are %q, want %q; the installation owns %d", got, urls, owned)
					}
				})
			}
		}
	}
}

func TestRule6_AnEndpointHearsThatTheUpgradeFailedWhichBringsIt(t *testing.T) {
	a, secret := newLifecycleUpgrade(t, nowhere, atReceiver)
	next := lifecycleBlueprint(atReceiver(a))
	next["template_types"] = []object{{"name": "Life", "no_webhooks": true,
		"fields": []object{{"custom_id": "new", "name": "New", "kind": "text"}}}}
	a.submitAndList(lifecycleExtension, next)
	a.want(a.upgradeBy(a.admin, "/v1/installations/"+lifecycleExtension+"/upgrade",
		object{"consent": []string{"webhook-added"}}), 202)
	// Between the plan and its step a user takes what the version needs.
	a.want(a.call(a.admin, "POST", "/v1/template-types/"+a.templateType(lifecycleExtension)+"/fields",
		object{"custom_id": "new", "name": "Ours", "kind": "text"}), 201)
	a.expectTold(t, secret, "a step failed", "customer "+lifecycleExtension+" installation.failed")
}

// The end of an account is the end of its installations: the endpoint is told once, of the id and nothing more, and
// what it leaves is erased with the rest.
func TestRule17_ALifecycleEndpointHearsOfTheEndByItsAccountsDeletion(t *testing.T) {
	s := &scene{actors: newActors(newWorld(t))}
	secret := s.offerLifecycle()
	s.want(s.call(s.admin, "PUT", "/v1/installations/"+lifecycleExtension,
		object{"parameters": object{lifecycleExtension: object{"region": planted}}}), 202)
	s.want(s.call(s.dashboard("other", "ada"), "PUT", "/v1/installations/"+lifecycleExtension, object{}), 202)
	s.want(s.call(s.admin, "POST", "/v1/webhooks", object{"name": "Own", "url": s.receiver.URL}), 201)
	s.settle()
	s.receiver.take()
	s.workers.deliveries.Sent()
	s.pass(3 * time.Second) // a target is known for two
	s.receiver.answer(500)  // at first
	message := s.remove()
	s.want(s.call(platform, "DELETE", "/v1/accounts/customer", nil), 202) // asked again, and told once
	s.settle()
	s.receiver.answer(200)
	waiting := s.workers.deliveries.Sent()
	waiting = waiting[len(waiting)-1:]
	s.pass(waiting[0].Delay)
	_, err := s.workers.delivery.Handle(t.Context(), queuetest.Batch(waiting...))
	must(t, err)
	got := s.receiver.take()
	if len(got) != 2 || got[0].header.Get("Webhook-Id") != got[1].header.Get("Webhook-Id") {
		t.Fatalf("%d were sent, want one delivery, tried twice", len(got))
	}
	got[1].verified(t, secret, s.now())
	var told struct {
		Type    string
		Account string `json:"account_id"`
		Data    map[string]any
	}
	must(t, json.Unmarshal(got[1].body, &told))
	if told.Type != "installation.disabled" || told.Account != "customer" ||
		fmt.Sprint(told.Data) != "map[extension_id:acme-life reason:account-deleted state:disabled version:1]" {
		t.Errorf("it was told %s", got[1].body)
	}

	s.pass(domain.FarewellFor) // what comes later is for nobody
	before := s.dump()
	_, err = s.workers.delivery.Handle(t.Context(), queuetest.Batch(waiting...))
	must(t, err)
	if len(s.receiver.take()) > 0 || s.dump() != before {
		t.Error("after the time for it something was sent, or written")
	}
	s.erased(message)
	if left := traces(s.dump()); len(left) > 0 {
		t.Errorf("%d lines are left, like %s", len(left), left[0])
	}
	if n := s.attemptsOf("customer") + s.dueOf("customer"); n > 0 {
		t.Errorf("%d lines of the delivery log are left", n)
	}
}
