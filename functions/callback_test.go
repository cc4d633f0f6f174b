package functions_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
)

// What callbacks do. Whom they are refused, TestAuth_EveryOperationRefusesEveryWrongCaller says besides.

// callBack sends a callback of the main extension.
func (a *actors) callBack(by who, body any) answer {
	a.t.Helper()
	return a.call(by, "POST", callbacksOf(string(a.account), mainExtension), body)
}

// events are the types of all that was emitted, in their order.
func (a *actors) events(after int) []string {
	a.t.Helper()
	all := a.stored("event")
	slices.SortFunc(all, func(x, y item) int { return strings.Compare(text(x, "id"), text(y, "id")) })
	var types []string
	for _, e := range all[after:] {
		types = append(types, eventType(e))
	}
	return types
}

func TestWebhookSecret_SetupIsSeenAndHeard(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	before := len(a.stored("event"))
	right := callback(a.callbackSecret)
	if got := a.installation(mainExtension).at("setup"); got != nil {
		t.Errorf("before anyone said anything, setup is %v", got)
	}
	a.want(a.callBack(right, setupFailed("The CRM has no customer C-1001.")), 204)
	if got := a.installation(mainExtension); got.str("setup", "state") != "failed" ||
		got.str("setup", "reason") != "The CRM has no customer C-1001." || got.str("state") != "enabled" {
		t.Errorf("after a failure the installation reads %s", got.raw)
	}
	a.want(a.callBack(right, setupCompleted), 204)
	if got := a.installation(mainExtension); got.str("setup", "state") != "completed" ||
		got.str("setup", "reason") != "" {
		t.Errorf("after completion the installation reads %s", got.raw)
	}
	if got, want := a.events(before), []string{"installation.setup_failed",
		"installation.setup_completed"}; !slices.Equal(got, want) {
		t.Errorf("got the events %v, want %v", got, want)
	}
	a.refusedFields(a.callBack(right, object{"type": "setup.failed"}), "/data/reason")
	a.want(a.callBack(right, object{"type": "setup.exploded"}), 422)
}

func TestWebhookSecret_FieldsOfItsOwnContractsAlone(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	through := a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201).str("id")
	direct := a.want(a.call(a.member, "POST", "/v1/contracts", contractOf(template)), 201).str("id")
	right := callback(a.callbackSecret)
	a.settle()
	before := len(a.stored("event"))
	a.want(a.callBack(right, contractFields(through, [2]string{"order_number", "77"}, [2]string{"amount", "5"})), 204)
	if got := a.want(a.call(a.member, "GET", "/v1/contracts/"+through, nil), 200); !strings.Contains(string(got.raw),
		`"77"`) {
		t.Errorf("the contract reads %s", got.raw)
	}
	a.want(a.callBack(right, contractFields(through, [2]string{"order_number", "77"})), 204) // what changes nothing
	if got, want := a.events(before), []string{"data_field.updated"}; !slices.Equal(got, want) {
		t.Errorf("got the events %v, want %v", got, want)
	}

	missing := a.callBack(right, contractFields("con_none", [2]string{"order_number", "1"}))
	a.refusedFields(missing, "/data/contract_id")
	if foreign := a.callBack(right, contractFields(direct, [2]string{"order_number", "1"})); string(foreign.raw) !=
		string(missing.raw) {
		t.Errorf("a contract made directly reads as %s, a missing one as %s", foreign.raw, missing.raw)
	}
	a.refusedFields(a.callBack(right, object{"type": "contract.fields"}), "/data/contract_id", "/data/data_fields")
	state := a.dump()
	a.refusedFields(a.callBack(right, contractFields(through, [2]string{"amount", "x"}, [2]string{"nothing", "1"},
		[2]string{"order_number", "1"})),
		"/data/data_fields/0/value", "/data/data_fields/1/custom_id")
	if a.dump() != state {
		t.Error("a refused callback left something")
	}
	a.want(a.call(platformFor(a.account), "POST", "/v1/contracts/"+through+"/cancel", nil), 200)
	a.refused(a.callBack(right, contractFields(through, [2]string{"order_number", "1"})), 409, "contract-state")

	a.list("acme-quiet", []string{}, coreBlueprint()) // its token may not write contracts, and so no callback of it may
	secret := a.want(a.call(a.admin, "PUT", "/v1/installations/acme-quiet", object{}), 202).str("created",
		0, "callback_secret")
	a.settle()
	a.refused(a.call(callback(secret), "POST", callbacksOf("customer", "acme-quiet"),
		contractFields(through, [2]string{"order_number", "1"})), 403, "missing-scope")
}

func TestWebhookSecret_EachIDHasItsEffectOnce(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	through := a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201).str("id")
	before := len(a.stored("event"))
	once := callback(a.callbackSecret).named("msg_1")
	body := contractFields(through, [2]string{"order_number", "1"})

	answers := make([]answer, 6)
	var wait sync.WaitGroup
	for n := range answers {
		wait.Go(func() { answers[n], _ = a.try(once, "POST", callbacksOf("customer", mainExtension), body) })
	}
	wait.Wait()
	for _, got := range answers {
		if got.status != 204 {
			t.Errorf("one of many at once answered %d %s", got.status, got.raw)
		}
	}
	// Another value since: a replay must not put the old one back.
	a.want(a.callBack(callback(a.callbackSecret), contractFields(through, [2]string{"order_number", "2"})), 204)
	state := a.dump()
	a.want(a.callBack(once, body), 204)
	a.pass(20 * 24 * time.Hour) // sent again, signed anew
	a.want(a.callBack(once, body), 204)
	a.refused(a.callBack(once, contractFields(through, [2]string{"order_number", "3"})), 401, "unauthenticated")
	if a.dump() != state {
		t.Error("a replay changed something")
	}
	if got := len(a.events(before)); got != 2 {
		t.Errorf("there are %d events, want 2", got)
	}

	// What was refused had no effect, and its id is free.
	again := callback(a.callbackSecret).named("msg_2")
	a.want(a.callBack(again, contractFields(through, [2]string{"amount", "x"})), 422)
	a.want(a.callBack(again, contractFields(through, [2]string{"amount", "9"})), 204)
}

// Both at once under one id: one has its effect, and the other is no repeat of it.
func TestWebhookSecret_TwoBodiesUnderOneIDAtOnce(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	for round := range 3 {
		by := callback(a.callbackSecret).named(fmt.Sprint("msg_", round))
		answers := make([]answer, 2)
		var wait sync.WaitGroup
		for n, body := range []object{setupCompleted, setupFailed("No.")} {
			wait.Go(func() { answers[n], _ = a.try(by, "POST", callbacksOf("customer", mainExtension), body) })
		}
		wait.Wait()
		if got := []int{answers[0].status, answers[1].status}; !slices.Contains(got, 204) ||
			!slices.Contains(got, 401) {
			t.Errorf("got %v, want one 204 and one 401: %s %s", got, answers[0].raw, answers[1].raw)
		}
	}
}

func TestWebhookSecret_GoodWhileTheInstallationIsEnabled(t *testing.T) {
	a := newActors(newWorld(t))
	made := a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	secret := made.str("created", 1, "callback_secret")
	right := callback(secret)
	installed := "/v1/installations/" + mainExtension
	a.refused(a.callBack(right, setupCompleted), 401, "unauthenticated") // as its token
	a.settle()
	a.want(a.callBack(right, setupCompleted), 204)
	a.want(a.call(a.admin, "POST", installed+"/suspend", nil), 200)
	a.refused(a.callBack(right, setupCompleted), 403, "installation-suspended")
	a.refused(a.callBack(callback(strangersSecret), setupCompleted), 401, "unauthenticated")
	a.want(a.call(a.admin, "POST", installed+"/resume", nil), 200)
	a.want(a.call(a.admin, "POST", installed+"/disable", nil), 202)
	a.refused(a.callBack(right, setupCompleted), 401, "unauthenticated")
	a.settle()
	a.refused(a.callBack(right, setupCompleted), 401, "unauthenticated")
	for _, i := range a.stored("installation") {
		if text(i, "extension_id") == mainExtension && (i["callback_secret"] != nil || i["setup"] != nil) {
			t.Errorf("a disabled installation keeps %v", i)
		}
	}
	a.enable()
	a.refused(a.callBack(right, setupCompleted), 401, "unauthenticated")
	if got := a.installation(mainExtension).at("setup"); got != nil {
		t.Errorf("what was said of the epoch before is still there: %v", got)
	}
	a.want(a.callBack(callback(a.callbackSecret), setupCompleted), 204)
}

func TestWebhookSecret_RotatesWithAnOverlap(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	rotate := func(overlap int) who {
		t.Helper()
		return callback(a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/callback-secret",
			object{"overlap_seconds": overlap}), 201).str("callback_secret"))
	}
	first := callback(a.callbackSecret)
	second := rotate(3600)
	a.want(a.callBack(first, setupCompleted), 204)
	a.want(a.callBack(second, setupCompleted), 204)
	a.pass(time.Hour)
	a.admin = a.dashboard(a.account, "ada") // whose sign-in ended meanwhile
	a.refused(a.callBack(first, setupCompleted), 401, "unauthenticated")
	a.want(a.callBack(second, setupCompleted), 204)
	third := rotate(3600)
	fourth := rotate(0)
	for _, ended := range []who{second, third} {
		a.refused(a.callBack(ended, setupCompleted), 401, "unauthenticated")
	}
	a.want(a.callBack(fourth, setupCompleted), 204)
}

// The signature is over the bytes: another spelling of the same JSON is another message, and nothing is parsed before.
func TestWebhookSecret_IsOverTheBytesBeforeTheyAreParsed(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	right := callback(a.callbackSecret)
	a.want(a.callBack(right, ` { "type" : "setup.completed" } `), 204)
	a.refused(a.callBack(right, `{"type":`), 400, "malformed")
	a.refused(a.callBack(callback(strangersSecret), `{"type":`), 401, "unauthenticated")
	signedElsewhere := right.with(auth.HeaderCallbackID, "msg").with(auth.HeaderCallbackTimestamp,
		stamp(a.now())).with(auth.HeaderCallbackSignature, "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=")
	a.refused(a.callBack(signedElsewhere, setupCompleted), 401, "unauthenticated")

	big := `{"type":"setup.failed","data":{"reason":"` + strings.Repeat("x", 256<<10) + `"}}`
	a.refused(a.callBack(right, big), 413, "too-large")
	a.refused(a.callBack(right.with("Authorization", "Bearer x"), setupCompleted), 401, "unauthenticated")
}

// Rule 22 over all the secrets of this story: nothing that was shown once is in a table, an event, a later answer or a
// log.
func TestRule22_WhatIsShownOnceIsNowhereElse(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	defer slog.SetDefault(before)

	a := newActors(newWorld(t))
	var shown []string
	keyed := func(by who, key string) who { return by.with("Idempotency-Key", key) }
	twice := func(by who, method, path string, body any, status int, members ...[]any) {
		t.Helper()
		first := a.want(a.call(by, method, path, body), status)
		again := a.want(a.call(by, method, path, body), status)
		for _, at := range members {
			secret := first.str(at...)
			if len(secret) < 32 || again.at(at...) != nil {
				t.Errorf("%s %s: %v is %q, and when repeated %v", method, path, at, secret, again.at(at...))
			}
			shown = append(shown, secret)
		}
	}
	blueprint := handOffBlueprint()
	blueprint["lifecycle"] = object{"url": a.receiver.URL}
	a.want(a.call(a.partner, "POST", "/v1/extensions",
		object{"slug": handOffExtension, "name": "Hand", "template_type_keys": []string{}}), 201)
	twice(keyed(a.partner, "1"), "POST", "/v1/extensions/"+handOffExtension+"/versions", object{"blueprint": blueprint},
		201, []any{"lifecycle_secret"})
	a.approve(handOffExtension, 1)
	a.want(a.call(platform, "PUT", "/v1/extensions/"+handOffExtension+"/listing", object{"version": 1}), 200)
	twice(keyed(a.partner, "2"), "POST", "/v1/extensions/"+handOffExtension+"/lifecycle-secret", object{},
		201, []any{"lifecycle_secret"})
	a.enableHandOffAgain()
	code := a.handOff("").code
	shown = append(shown, code)
	twice(keyed(a.partner, "3"), "POST", "/v1/hand-offs/exchange", object{"code": code}, 201, []any{"token"},
		[]any{"callback_secret"})
	twice(keyed(a.admin, "4"), "PUT", "/v1/installations/"+mainExtension, parameters(), 202,
		[]any{"created", 1, "token"}, []any{"created", 1, "callback_secret"})
	a.settle()
	twice(keyed(a.admin, "5"), "POST", "/v1/installations/"+mainExtension+"/callback-secret", object{}, 201,
		[]any{"callback_secret"})
	a.want(a.callBack(callback(shown[len(shown)-1]), setupFailed("No.")), 204)
	a.exchange(a.partner, code)
	a.call(a.partner, "POST", "/v1/hand-offs/exchange", `{"code":"`+code+`","more":1}`) // a refusal that quotes
	a.want(a.call(a.admin, "PATCH", "/v1/installations/"+mainExtension+"/parameters",
		object{"parameters": object{"api_key": "sesame-2-sesame-2"}}), 200)
	shown = append(shown, "sesame")
	a.settle()

	var read strings.Builder
	for _, path := range []string{"/v1/installations", "/v1/installations/" + mainExtension,
		"/v1/installations/" + handOffExtension, "/v1/webhooks", "/v1/tokens", "/v1/catalogue"} {
		read.Write(a.want(a.call(a.admin, "GET", path, nil), 200).raw)
	}
	for _, sent := range a.receiver.take() {
		fmt.Fprint(&read, string(sent.body))
	}
	for place, content := range map[string]string{"a table": a.dump(), "an answer or an event": read.String(),
		"the log": log.String()} {
		if content == "" {
			t.Errorf("%s is empty, so this proves nothing", place)
		}
		for _, secret := range shown {
			if strings.Contains(content, strings.TrimPrefix(secret, "whsec_")) {
				t.Errorf("%s holds %s…", place, secret[:min(len(secret), 9)])
			}
		}
		if strings.Contains(content, string(domain.NewHandOffURL(setupURL, "x", ""))[:len(setupURL)]+"&code=pb") {
			t.Errorf("%s holds a setup URL with its code", place)
		}
	}
}
