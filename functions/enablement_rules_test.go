package functions_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"plugboard/events"
	"plugboard/functions/provisioning"
	"plugboard/shared/domain"
)

func TestRule1_ManyClicksAtOnceGiveOneInstallation(t *testing.T) {
	a := newActors(newWorld(t))
	answers := make([]answer, 8)
	var wait sync.WaitGroup
	for n := range answers {
		wait.Go(func() {
			clicker := a.admin
			if n%2 == 1 {
				clicker = clicker.with("Idempotency-Key", "click") // a retried request among them
			}
			answers[n], _ = a.try(clicker, "PUT", "/v1/installations/"+mainExtension, parameters())
		})
	}
	wait.Wait()
	tokens := map[string]bool{}
	for _, got := range answers {
		switch got.status {
		case 202:
			for n := range got.at("created").([]any) {
				if token := got.str("created", n, "token"); token != "" {
					tokens[got.str("created", n, "extension_id")] = true
				}
			}
		case 409:
			a.refused(got, 409, "still-running")
		default:
			t.Errorf("a click answered %d: %s", got.status, got.raw)
		}
	}
	if len(tokens) != 2 {
		t.Errorf("got tokens of %v, want one each of the extension and its dependency", tokens)
	}
	a.settle()
	a.state(mainExtension, "enabled")
	for kind, want := range map[string]int{"installation": 2, "token": 2, "template-type": 2, "webhook": 2} {
		if got := len(a.stored(kind)); got != want {
			t.Errorf("got %d items of %s, want %d", got, kind, want)
		}
	}
}

func TestRule2_DependenciesAreShownAndEnabledWithIt(t *testing.T) {
	a := newActors(newWorld(t))
	catalogue := a.want(a.call(a.member, "GET", "/v1/catalogue", nil), 200)
	var shown answer
	for n := range catalogue.at("items").([]any) {
		if catalogue.str("items", n, "extension_id") == mainExtension {
			shown = answer{body: catalogue.at("items", n).(map[string]any)}
		}
	}
	if got := fmt.Sprint(shown.at("also_enables")); got != "["+dependency+"]" {
		t.Errorf("the catalogue shows that it also enables %s, want %s", got, dependency)
	}
	if got, want := lines(shown.at("parameters"), "key", "required"),
		"api_key false \ncustomer_id true \n"; got != want {
		t.Errorf("the catalogue asks for %q, want %q", got, want)
	}
	a.enable()
	if got := a.installation(dependency).str("enabled_by"); got != mainExtension {
		t.Errorf("the dependency is marked enabled by %q, want %s", got, mainExtension)
	}
	refusal := a.refused(a.call(a.admin, "POST", "/v1/installations/"+dependency+"/disable", nil),
		409, "required-by-extension")
	if !strings.Contains(refusal.str("detail"), mainExtension) {
		t.Errorf("the refusal does not name the extension that needs it: %s", refusal.raw)
	}
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.settle()
	a.want(a.call(a.admin, "POST", "/v1/installations/"+dependency+"/disable", nil), 202)
	a.settle()
	a.state(dependency, "disabled")
}

func TestRule2_ADependencyEnabledBeforeKnowsWhoNeedsIt(t *testing.T) {
	a := newActors(newWorld(t))
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+dependency, object{}), 202)
	a.settle()
	a.enable()
	if got := a.installation(dependency); got.str("enabled_by") != "" || got.str("required_by", 0) != mainExtension {
		t.Errorf("the dependency says %s", got.raw)
	}
	a.refused(a.call(a.admin, "POST", "/v1/installations/"+dependency+"/disable", nil), 409, "required-by-extension")
}

func TestRule2_AllMissingParametersAreReportedAtOnce(t *testing.T) {
	a := newActors(newWorld(t))
	asking := coreBlueprint()
	asking["parameters"] = asks(object{"key": "region", "required": true, "enum": []string{"eu", "us"}})
	a.submitAndList(dependency, asking)

	a.refusedFields(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, object{"parameters": object{
		dependency: object{"planet": "earth"}, "nobody": object{"x": "y"},
		mainExtension: object{"api_key": "line\nbreak"},
	}}), "/parameters/acme-core/region", "/parameters/acme-core/planet", "/parameters/acme-crm/customer_id",
		"/parameters/acme-crm/api_key", "/parameters/nobody")
	if left := a.stored("installation"); len(left) != 0 {
		t.Errorf("a refused enabling left %d installations", len(left))
	}
}

func TestRule2_CyclesAndUnlistedDependenciesAreRefusedAtSubmit(t *testing.T) {
	a := newActors(newWorld(t))
	circular := coreBlueprint()
	circular["dependencies"] = []object{{"extension_id": mainExtension}, {"extension_id": "nowhere"},
		{"extension_id": dependency}}
	refusal := a.want(a.call(a.partner, "POST", "/v1/extensions/"+dependency+"/versions",
		object{"blueprint": circular}), 422)
	for _, code := range []string{"cyclic-dependency", "unlisted-dependency"} {
		if !strings.Contains(string(refusal.raw), code) {
			t.Errorf("the refusal lacks %s: %s", code, refusal.raw)
		}
	}
}

func TestRule3_TokenIsShownOnceAndWorksOnlyWhenEnabled(t *testing.T) {
	a := newActors(newWorld(t))
	clicker := a.admin.with("Idempotency-Key", "one")
	first := a.want(a.call(clicker, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	a.token = first.str("created", 1, "token")
	if !strings.HasPrefix(a.token, "pb_live_") {
		t.Fatalf("the answer shows no token: %s", first.raw)
	}
	again := a.want(a.call(clicker, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	if again.str("created", 1, "token_id") != first.str("created", 1, "token_id") ||
		strings.Contains(string(again.raw), "pb_live_") {
		t.Errorf("the repeated request answers %s, want the same without the token", again.raw)
	}
	a.refused(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 401, "unauthenticated")
	a.settle()
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 200)
}

func TestRule3_RotatingEndsTheOldTokenAfterTheOverlap(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	before := a.integration(adminEmail)
	a.token = a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/token",
		object{"overlap_seconds": 60}), 201).str("token")
	a.want(a.call(before, "GET", "/v1/templates", nil), 200)
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 200)
	a.pass(61 * time.Second)
	a.refused(a.call(before, "GET", "/v1/templates", nil), 401, "unauthenticated")
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 200)
}

// A rotation that does not say leaves the token before a day; one that ends it at once says what that breaks.
func TestRule3_ARotationOverlapsByADayUnlessItSaysOtherwise(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	at := "/v1/installations/" + mainExtension
	first := a.integration(adminEmail)
	rotated := a.want(a.call(a.admin, "POST", at+"/token", object{}), 201)
	if rotated.str("before_ends_at") == "" || rotated.str("warning") != "" {
		t.Errorf("the token before ends at %q, with the warning %q", rotated.str("before_ends_at"),
			rotated.str("warning"))
	}
	a.token = rotated.str("token")
	a.pass(23 * time.Hour)
	a.want(a.call(first, "GET", "/v1/templates", nil), 200)
	a.pass(time.Hour + time.Second)
	a.refused(a.call(first, "GET", "/v1/templates", nil), 401, "unauthenticated")
	a.admin = a.dashboard("customer", "ada") // the day is longer than a sign-in
	second := a.integration(adminEmail)
	ended := a.want(a.call(a.admin, "POST", at+"/token", object{"overlap_seconds": 0}), 201)
	if !strings.Contains(ended.str("warning"), "401") {
		t.Errorf("got the warning %q", ended.str("warning"))
	}
	a.refused(a.call(second, "GET", "/v1/templates", nil), 401, "unauthenticated")
	if secret := a.want(a.call(a.admin, "POST", at+"/callback-secret", object{}),
		201); secret.str("before_ends_at") == "" || secret.str("warning") != "" {
		t.Errorf("the callback secret before ends at %q, with the warning %q", secret.str("before_ends_at"),
			secret.str("warning"))
	}
	if secret := a.want(a.call(a.admin, "POST", at+"/callback-secret", object{"overlap_seconds": 0}),
		201); !strings.Contains(secret.str("warning"), "401") {
		t.Errorf("a callback secret that ends at once: got the warning %q", secret.str("warning"))
	}
}

func TestRule3_AtMostTwoTokensAreGoodAtATime(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	rotate := func(overlap int) who {
		before := a.integration(adminEmail)
		a.token = a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/token",
			object{"overlap_seconds": overlap}), 201).str("token")
		return before
	}
	first := rotate(604800)
	second := rotate(0)
	for name, old := range map[string]who{"the first": first, "the second": second} {
		if got := a.call(old, "GET", "/v1/templates", nil); got.status != 401 {
			t.Errorf("%s token still answers %d", name, got.status)
		}
	}
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 200)
}

func TestPartnerKey_ARotationEndsWhatItSays(t *testing.T) {
	a := newActors(newWorld(t))
	at := "/v1/extensions/" + mainExtension
	id := a.want(a.call(a.partner, "GET", at, nil), 200).str("partner_id")
	rotate := func(by who, body object) who {
		return bearer("partner", a.want(a.call(by, "POST", "/v1/partners/"+id+"/keys", body), 201).str("key"))
	}
	first := a.partner
	second := rotate(first, object{})
	a.want(a.call(first, "GET", at, nil), 200) // a day, unless it says otherwise
	third := rotate(second, object{"overlap_seconds": 60})
	a.refused(a.call(first, "GET", at, nil), 401, "unauthenticated") // at most two are good at a time
	a.want(a.call(second, "GET", at, nil), 200)
	fourth := rotate(third, object{"overlap_seconds": 0})
	for _, ended := range []who{second, third} {
		a.refused(a.call(ended, "GET", at, nil), 401, "unauthenticated")
	}
	a.want(a.call(fourth, "GET", at, nil), 200)
}

// killed makes the n-th transaction of a store the process's last: before AWS has it, or after.
type killed struct {
	at     int
	after  bool
	writes int
}

var errKilled = errors.New("the process was killed")

func (k *killed) option(o *dynamodb.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		if stack.ID() != "TransactWriteItems" {
			return nil
		}
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("killed",
			func(ctx context.Context, in middleware.InitializeInput,
				next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				k.writes++
				if k.writes > k.at || k.writes == k.at && !k.after {
					return middleware.InitializeOutput{}, middleware.Metadata{}, errKilled
				}
				out, meta, err := next.HandleInitialize(ctx, in)
				if k.writes == k.at && err == nil {
					err = errKilled
				}
				return out, meta, err
			}), middleware.Before)
	})
}

func TestRule4_KilledAfterEachStepReachesTheSameEnd(t *testing.T) {
	const writes = 5 // two template types, two webhooks, enabled
	for _, after := range []bool{false, true} {
		for at := 1; at <= writes; at++ {
			t.Run(fmt.Sprintf("write %d, after it %v", at, after), func(t *testing.T) {
				a := newActors(newWorld(t))
				a.want(a.call(a.admin, "PUT", "/v1/installations/"+dependency, object{}), 202)
				a.settle()
				a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
				kill := &killed{at: at, after: after}
				dying := provisioning.New(a.tables.At(a.now, kill.option), a.sealer, a.now, domain.NewID)
				err := dying.Advance(t.Context(), a.account, events.ProvisionedInstance{Extension: mainExtension})
				if !errors.Is(err, errKilled) {
					t.Fatalf("provisioning ended with %v after %d writes, want it killed", err, kill.writes)
				}
				visible := a.installation(mainExtension).str("state")
				if complete := at == writes && after; (visible == "enabled") != complete {
					t.Fatalf("the installation is %s after write %d of %d", visible, at, writes)
				}
				a.settle()
				a.state(mainExtension, "enabled")
				if got, want := a.shape(), endShape; got != want {
					t.Errorf("the end is\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}

// endShape is what the main extension's installation comes to: ids derive from the account and the blueprint.
const endShape = `template-type acme-crm fields=4
template-type acme-crm_addendum fields=1
webhook contracts of acme-crm
webhook contracts of acme-crm_addendum
`

// shape tells the installation's resources, each read from its own place.
func (a *actors) shape() string {
	a.t.Helper()
	var lines []string
	for n := range a.installation(mainExtension).at("resources").([]any) {
		r := a.installation(mainExtension)
		id := r.str("resources", n, "id")
		switch kind := r.str("resources", n, "kind"); kind {
		case "template-type":
			stored := a.want(a.call(a.admin, "GET", "/v1/template-types/"+id, nil), 200)
			lines = append(lines, fmt.Sprintf("%s %s fields=%d\n", kind, stored.str("extension_type"),
				len(stored.at("fields").([]any))))
		case "webhook":
			lines = append(lines, fmt.Sprintf("%s %s\n", kind,
				a.want(a.call(a.admin, "GET", "/v1/webhooks/"+id, nil), 200).str("name")))
		}
	}
	if types, hooks := len(a.stored("template-type")), len(a.stored("webhook")); types+hooks != len(lines) {
		lines = append(lines, fmt.Sprintf("and %d template types and %d webhooks are stored\n", types, hooks))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func TestRule5_DisableKillsTheTokenAtOnceAndEnableBringsTheSameTypes(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	types := []string{a.templateType("acme-crm"), a.templateType("acme-crm_addendum")}
	secrets := a.signingSecrets()
	before := a.integration(adminEmail)
	a.want(a.call(before, "GET", "/v1/templates", nil), 200)
	a.want(a.call(a.admin, "PATCH", "/v1/template-types/"+types[0]+"/fields/urgent", object{"active": false}), 200)

	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	// before provisioning has done anything
	a.refused(a.call(before, "GET", "/v1/templates", nil), 401, "unauthenticated")
	a.refused(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 409, "installation-state")
	a.settle()
	a.state(mainExtension, "disabled")
	if hooks := a.stored("webhook"); len(hooks) != 0 {
		t.Errorf("%d webhooks outlive the installation", len(hooks))
	}

	a.enable()
	a.refused(a.call(before, "GET", "/v1/templates", nil), 401, "unauthenticated")
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 200)
	if got := []string{a.templateType("acme-crm"), a.templateType("acme-crm_addendum")}; !slices.Equal(got, types) {
		t.Errorf("the template types are %v, want the same as before, %v", got, types)
	}
	if field := a.want(a.call(a.admin, "GET", "/v1/template-types/"+types[0], nil), 200).at("fields",
		2, "active"); field != false {
		t.Errorf("the flag of a field did not survive disable and enable: active is %v", field)
	}
	for id, secret := range a.signingSecrets() {
		if secret == secrets[id] {
			t.Errorf("webhook %s kept its signing secret", id)
		}
	}
}

// signingSecrets are the webhooks' secrets by id, which nobody is shown: they are opened where they are kept.
func (a *actors) signingSecrets() map[string]string {
	a.t.Helper()
	secrets := map[string]string{}
	list := a.want(a.call(a.admin, "GET", "/v1/webhooks", nil), 200)
	for n := range list.at("items").([]any) {
		id := list.str("items", n, "id")
		w, err := a.tables.Webhook(a.t.Context(), a.account, domain.WebhookID(id))
		must(a.t, err)
		plain, err := a.sealer.Open(a.t.Context(), a.account, id, w.Secret)
		must(a.t, err)
		secrets[id] = plain.Reveal()
	}
	return secrets
}

func TestRule5_EachLiftsOnlyItsOwnSuspension(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	at := "/v1/installations/" + mainExtension
	a.want(a.call(platformFor(a.account), "POST", at+"/suspend", nil), 200)
	a.refused(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 403, "installation-suspended")
	a.refused(a.call(a.admin, "POST", at+"/resume", nil), 409, "suspended-by-another")
	a.want(a.call(a.admin, "POST", at+"/suspend", nil), 200)
	a.want(a.call(platformFor(a.account), "POST", at+"/resume", nil), 200)
	a.state(mainExtension, "suspended")
	a.want(a.call(a.admin, "POST", at+"/resume", nil), 200)
	a.state(mainExtension, "enabled")
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/templates", nil), 200)
}

func TestRule5_FailedRemembersTheStepAndRetryGoesOn(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	id := a.templateType("acme-crm")
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.settle()
	a.ownField(id, "due", "user") // as if a user had made a field that the extension comes to need
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	a.settle()
	failed := a.installation(mainExtension)
	if failed.str("state") != "failed" || failed.str("failure", "step") != "template-type" ||
		failed.str("failure", "goal") != "enabled" || !strings.Contains(failed.str("failure", "reason"), "due") {
		t.Fatalf("the failed installation says %s", failed.raw)
	}
	a.refused(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 409, "installation-failed")
	a.ownField(id, "due", "system")
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/retry", nil), 202)
	a.settle()
	a.state(mainExtension, "enabled")
}

// failTogether enables the main extension with acme-base, which it needs, and whose field "key" a user holds, so that
// both fail. It returns the template type with the field.
func (a *actors) failTogether() (typeID string) {
	a.t.Helper()
	core := coreBlueprint()
	core["template_types"] = []object{{"name": "Core", "no_webhooks": true,
		"fields": []object{{"custom_id": "key", "name": "Key", "kind": "text"}}}}
	a.list("acme-base", []string{""}, core)
	next := crmBlueprint(a.receiver.URL)
	next["dependencies"] = []object{{"extension_id": "acme-base"}}
	a.submitAndList(mainExtension, next)
	a.enable()
	for _, e := range []string{mainExtension, "acme-base"} {
		a.want(a.call(a.admin, "POST", "/v1/installations/"+e+"/disable", nil), 202)
		a.settle()
	}
	typeID = a.templateType("acme-base")
	a.ownField(typeID, "key", "user")
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	a.settle()
	return typeID
}

func TestRule5_WhatComesWithAFailedOneFailsTooAndCanBeRetried(t *testing.T) {
	a := newActors(newWorld(t))
	id := a.failTogether()
	for e, reason := range map[string]string{"acme-base": `"key"`, mainExtension: `"acme-base"`} {
		if got := a.installation(e); got.str("state") != "failed" ||
			!strings.Contains(got.str("failure", "reason"), reason) {
			t.Fatalf("%s says %s", e, got.raw)
		}
	}
	a.ownField(id, "key", "system")
	for _, e := range []string{"acme-base", mainExtension} {
		a.want(a.call(a.admin, "POST", "/v1/installations/"+e+"/retry", nil), 202)
		a.settle()
		a.state(e, "enabled")
	}
}

func TestRule7_SecretParametersAreSealedAndShownNowhere(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	for _, got := range []answer{a.installation(mainExtension),
		a.want(a.call(a.admin, "GET", "/v1/installations", nil), 200)} {
		if strings.Contains(string(got.raw), "sesame") || !strings.Contains(string(got.raw), "C-1001") {
			t.Errorf("an answer shows the secret parameter, or hides the open one: %s", got.raw)
		}
	}
	if dump := a.dump(); strings.Contains(dump, "sesame") || strings.Contains(dump, a.token) ||
		strings.Contains(dump, "whsec_") {
		t.Error("a table holds a secret in the clear")
	}
}
