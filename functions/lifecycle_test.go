package functions_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
)

// told is what a lifecycle endpoint heard since, each verified with the secret: `account extension type`.
func (a *actors) told(t *testing.T, secret string) []string {
	t.Helper()
	var all []string
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
		all = append(all, body.Account+" "+body.Data.Extension+" "+body.Type)
	}
	return all
}

const lifecycleExtension = "acme-life"

// offerLifecycle lists an extension with a lifecycle endpoint and returns the secret that signs for it.
func (a *actors) offerLifecycle() (secret string) {
	a.t.Helper()
	a.want(a.call(a.partner, "POST", "/v1/extensions", object{"slug": lifecycleExtension, "name": "Life", "template_type_keys": []string{""}}), 201)
	submitted := a.want(a.call(a.partner, "POST", "/v1/extensions/"+lifecycleExtension+"/versions", object{"blueprint": lifecycleBlueprint(a.receiver.URL)}), 201)
	a.approve(lifecycleExtension, 1)
	a.want(a.call(platform, "PUT", "/v1/extensions/"+lifecycleExtension+"/listing", object{"version": 1}), 200)
	return submitted.str("lifecycle_secret")
}

func lifecycleBlueprint(url string) object {
	return object{
		"scopes": []string{"contracts:write", "contracts:read", "webhooks:secrets"}, "webhooks": []object{}, "lifecycle": object{"url": url},
		"template_types": []object{{"name": "Life", "no_webhooks": true, "fields": []object{}}},
		"parameters":     []object{{"key": "region", "name": "Region"}},
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
	a.want(a.call(bearer("its token", token).with("Plugboard-User", adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
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
	if last := a.lastAttempt(hook); text(last, "outcome") != "delivered" || text(last, "event_type") != "installation.disabled" {
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
	want := []string{"customer " + lifecycleExtension + " installation.disabled", "customer " + lifecycleExtension + " installation.enabled"}
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
	ending := fmt.Sprintf(`{"account_id":"customer","installations":[{"extension_id":%q,"epoch":1}]}`, lifecycleExtension)
	_, err := a.workers.provisioning.Handle(t.Context(), queuetest.Batch(queue.Message{Body: ending})) // before fanout
	must(t, err)
	a.state(lifecycleExtension, "disabled")
	a.settle()
	got := a.told(t, secret)
	slices.Sort(got)
	if want := []string{"customer acme-life installation.disabled", "customer acme-life installation.suspended"}; !slices.Equal(got, want) {
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
	a.refused(a.call(a.admin, "POST", hook+"/test", object{"event_type": "installation.disabled"}), 409, "lifecycle-webhook")
	a.refused(a.call(a.admin, "DELETE", hook, nil), 409, "managed-resource")

	second := a.want(a.call(a.partner, "POST", "/v1/extensions/"+lifecycleExtension+"/lifecycle-secret", object{"overlap_seconds": 3600}), 201).str("lifecycle_secret")
	a.refused(a.call(a.newPartner("Other"), "POST", "/v1/extensions/"+lifecycleExtension+"/lifecycle-secret", object{}), 404, "not-found")
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
	again := a.want(a.call(a.partner, "POST", "/v1/extensions/"+lifecycleExtension+"/versions", object{"blueprint": lifecycleBlueprint(a.receiver.URL)}), 201)
	if again.at("lifecycle_secret") != nil {
		t.Error("the second version made a new secret")
	}
}
