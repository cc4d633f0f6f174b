package functions_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/shared/domain"
)

// An account's own webhooks, and what can be done with a managed one.

// ownHook makes a webhook of the account's own and takes its ping. It returns the id and the secret.
func (a *actors) ownHook(body object) (id, secret string) {
	a.t.Helper()
	body["url"] = a.receiver.URL
	made := a.want(a.call(a.admin, "POST", "/v1/webhooks", body), 201)
	a.settle()
	if got := a.heard(made.str("id")); !slices.Equal(got, []string{"webhook.ping"}) {
		a.t.Fatalf("a new webhook heard %v, want its ping alone", got)
	}
	return made.str("id"), made.str("signing_secret")
}

// of tells whether the request is for the webhook.
func (r received) of(hook string) bool {
	_, ok := domain.EventOf(domain.DeliveryID(r.header.Get("webhook-id")), domain.WebhookID(hook))
	return ok
}

// heard are the types of what came, of which nothing may be for any other webhook than these.
func (a *actors) heard(hooks ...string) []string {
	a.t.Helper()
	var types []string
	for _, r := range a.receiver.take() {
		if !slices.ContainsFunc(hooks, r.of) {
			a.t.Errorf("a webhook other than %v heard %s", hooks, r.body)
		}
		var body struct{ Type string }
		must(a.t, json.Unmarshal(r.body, &body))
		types = append(types, body.Type)
	}
	slices.Sort(types)
	return types
}

// whoHeard names those for whom something came.
func (a *actors) whoHeard(hooks map[string]string) string {
	a.t.Helper()
	var names []string
	for _, r := range a.receiver.take() {
		for name, id := range hooks {
			if r.of(id) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestRule17_AnOwnWebhookHearsWhatItsFiltersAllow(t *testing.T) {
	a := newActors(newWorld(t))
	own := func(name string) string {
		return a.want(a.call(a.admin, "POST", "/v1/template-types", object{"name": name, "fields": []object{}}),
			201).str("id")
	}
	order, quote := own("Order"), own("Quote")
	hooks := map[string]string{}
	for name, filters := range map[string]object{
		"all":         {"event_types": nil, "workspace_ids": nil},
		"signed":      {"event_types": []string{"contract.signed"}},
		"sales":       {"workspace_ids": []string{"sales"}},
		"legal":       {"workspace_ids": []string{"legal"}},
		"orders":      {"template_type_ids": []string{order}},
		"sales-quote": {"workspace_ids": []string{"sales", "legal"}, "template_type_ids": []string{quote}},
	} {
		filters["name"] = name
		hooks[name], _ = a.ownHook(filters)
	}
	hears := func(what, want string) {
		t.Helper()
		a.settle()
		if got := a.whoHeard(hooks); got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	contract := func(typeID string) string {
		return a.want(a.call(a.admin, "POST", "/v1/contracts", contractOf(a.template(typeID))), 201).str("id")
	}
	of := contract(order)
	hears("an order in sales", "all orders sales")
	contract(quote)
	hears("a quote in sales", "all sales sales-quote")
	a.want(a.call(a.admin, "POST", "/v1/contracts/"+of+"/publish", nil), 200)
	hears("published", "all orders sales")
	a.enable()
	hears("two installations'", "all all")
	hooks["through"], _ = a.ownHook(object{"name": "through", "origin_extension_ids": []string{mainExtension}})
	a.settle()
	a.whoHeard(hooks) // the ping
	a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts",
		contractOf(a.template(a.templateType("acme-crm")))), 201)
	hears("through the extension", "all sales through")
	contract(order)
	hears("another order in sales", "all orders sales")

	patch := func(hook string, body object) answer {
		return a.want(a.call(a.admin, "PATCH", "/v1/webhooks/"+hooks[hook], body), 200)
	}
	if got := patch("legal", object{"workspace_ids": nil, "event_types": []string{"contract.signed"}}); got.at(
		"workspace_ids") != nil || got.str("event_types", 0) != "contract.signed" {
		t.Errorf("null took no filter away: %s", got.raw)
	}
	if got := patch("orders", object{"name": "Orders"}); got.str("template_type_ids", 0) != order {
		t.Errorf("what was not named changed: %s", got.raw)
	}
	a.want(a.call(a.admin, "POST", "/v1/contracts/"+of+"/sign", nil), 200)
	hears("signed", "all legal orders sales signed")
	for _, list := range []string{"event_types", "origin_extension_ids", "workspace_ids", "template_type_ids"} {
		a.refusedFields(a.call(a.admin, "PATCH", "/v1/webhooks/"+hooks["all"], object{list: []string{}}), "/"+list)
	}
	foreign := a.want(a.call(a.dashboard("other", "ada"), "POST", "/v1/template-types",
		object{"name": "Theirs", "fields": []object{}}), 201).str("id")
	a.refusedFields(a.call(a.admin, "PATCH", "/v1/webhooks/"+hooks["all"],
		object{"template_type_ids": []string{order, foreign}}), "/template_type_ids/1")
	a.refusedFields(a.call(a.admin, "PATCH", "/v1/webhooks/"+hooks["all"],
		object{"origin_extension_ids": []string{mainExtension, "nobodys", mainExtension}}),
		"/origin_extension_ids/1", "/origin_extension_ids/2")
}

func TestRule26_AWebhookIsChangedAsItWasRead(t *testing.T) {
	a := newActors(newWorld(t))
	id, _ := a.ownHook(object{"name": "Ours"})
	read := a.want(a.call(a.member, "GET", "/v1/webhooks/"+id, nil), 200).header.Get("ETag")
	changed := a.want(a.call(a.admin.with("If-Match", read), "PATCH", "/v1/webhooks/"+id,
		object{"name": "Renamed"}), 200)
	a.refused(a.call(a.admin.with("If-Match", read), "PATCH", "/v1/webhooks/"+id, object{"paused": true}), 412, "stale")
	a.want(a.call(a.admin.with("If-Match", changed.header.Get("ETag")), "PATCH", "/v1/webhooks/"+id,
		object{"paused": true}), 200)
}

func TestRule17_ATestIsHeardByItsWebhookAlone(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	managed := a.hookOf(a.templateType("acme-crm"))
	other, _ := a.ownHook(object{"name": "Everything"})
	own, secret := a.ownHook(object{"name": "Signed ones in legal", "event_types": []string{"contract.signed"},
		"workspace_ids": []string{"legal"}})
	test := func(by who, hook, eventType string) answer {
		return a.call(by, "POST", "/v1/webhooks/"+hook+"/test", object{"event_type": eventType})
	}
	token := bearer("integration", a.token)

	sent := a.want(test(a.admin, own, "contract.signed"), 202)
	a.settle()
	got := a.receiver.take()
	if len(got) != 1 || got[0].header.Get("webhook-id") != sent.str("delivery_id") {
		t.Fatalf("%d requests came of the test of one webhook, want its own", len(got))
	}
	got[0].verified(t, secret, a.now())
	var body struct {
		ID, Type string
		Account  string `json:"account_id"`
		Test     bool
		Data     struct{ Name string }
	}
	must(t, json.Unmarshal(got[0].body, &body))
	if body.ID != sent.str("event_id") || body.Type != "contract.signed" || body.Account != "customer" || !body.Test ||
		body.Data.Name != "Order 1001" {
		t.Errorf("the test says %s", got[0].body)
	}
	if d := a.want(a.call(a.admin, "GET", "/v1/webhooks/"+own+"/deliveries/"+sent.str("delivery_id"), nil),
		200); d.str("state") != "delivered" {
		t.Errorf("the log says %s", d.raw)
	}
	for name, by := range map[string]who{"an admin": a.admin, "the extension": token} {
		for _, eventType := range []string{"contract.signed", "webhook.ping"} {
			a.want(test(by, managed, eventType), 202)
			a.settle()
			if got := a.heard(managed); !slices.Equal(got, []string{eventType}) {
				t.Errorf("of a test by %s came %v, want %s", name, got, eventType)
			}
		}
	}
	a.want(test(a.admin, other, "installation.enabled"), 202)
	a.settle()
	if got := a.heard(other); len(got) != 1 {
		t.Errorf("of another test came %v", got)
	}
	a.refusedFields(test(a.admin, own, "contract.created"), "/event_type")
	a.refusedFields(test(a.admin, own, "contract.eaten"), "/event_type")
	a.refusedFields(test(a.admin, managed, "installation.enabled"), "/event_type")
	a.refused(test(token, own, "webhook.ping"), 404, "not-found")
	a.refused(test(a.dashboard("other", "ada"), own, "webhook.ping"), 404, "not-found")
	a.settle()
	if got := a.heard(); len(got) > 0 {
		t.Errorf("of refused tests came %v", got)
	}
}

// A ping is committed with its webhook: none for one that was refused.
func TestRule16_NoPingOfAWebhookThatWasNotMade(t *testing.T) {
	a := newActors(newWorld(t))
	a.tables.Given(&domain.QuotaUse{Account: a.account, Quota: domain.QuotaWebhooks,
		Used: domain.LimitOf(domain.QuotaWebhooks).Limit})
	a.refused(a.call(a.admin, "POST", "/v1/webhooks", object{"name": "One more", "url": a.receiver.URL}),
		409, "quota-exceeded")
	a.settle()
	if got := a.heard(); len(got) > 0 || a.eventsOf("webhook.ping") > 0 {
		t.Errorf("it was told of: %v", got)
	}
}

// verifies tells whether the request is signed by the secret, whenever it was sent.
func (r received) verifies(t *testing.T, secret string) bool {
	t.Helper()
	hook, err := standardwebhooks.NewWebhook(secret)
	must(t, err)
	return hook.VerifyIgnoringTimestamp(r.body, r.header) == nil
}

func TestRule22_ASigningSecretIsShownOnceAndRotatedWithAnOverlap(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	token := bearer("integration", a.token)
	managed := a.hookOf(a.templateType("acme-crm"))
	own, first := a.ownHook(object{"name": "Ours"})
	for name, hook := range map[string]string{"own": own, "managed": managed} {
		at, by := "/v1/webhooks/"+hook, a.dashboard(a.account, "ada")
		signed := func(want ...string) {
			t.Helper()
			a.pass(3 * time.Second) // a target is known for two
			a.want(a.call(a.dashboard(a.account, "ada"), "POST", at+"/test", object{"event_type": "webhook.ping"}), 202)
			a.settle()
			got := a.receiver.take()
			if len(got) != 1 || len(strings.Fields(got[0].header.Get("webhook-signature"))) != len(want) {
				t.Fatalf("%s: %d requests came, want one with %d signatures", name, len(got), len(want))
			}
			for n, secret := range want {
				if !got[0].verifies(t, secret) {
					t.Errorf("%s: secret %d of %d does not verify it", name, n, len(want))
				}
			}
		}
		rotate := func(by who, body object, living, ended int) string {
			t.Helper()
			made := a.want(a.call(by, "POST", at+"/secret", body), 201)
			if len(made.at("signing_secrets").([]any)) != living || len(made.at("ended").([]any)) != ended {
				t.Errorf("%s: %d should sign and %d end: %s", name, living, ended, made.raw)
			}
			if n := living - 1; n > 0 && made.str("signing_secrets", n, "ends_at") == "" {
				t.Errorf("%s: it is not said when the oldest ends: %s", name, made.raw)
			}
			return made.str("signing_secret")
		}
		before := first
		if hook == managed {
			by = token
			before = rotate(by, object{"overlap_seconds": 0}, 1, 1)
		}
		signed(before)
		second := rotate(by, object{}, 2, 0)
		signed(second, before)
		third := rotate(by, object{}, 3, 0)
		signed(third, second, before)
		fourth := rotate(by, object{"overlap_seconds": 604800}, 3, 1)
		signed(fourth, third, second)
		a.pass(25 * time.Hour)
		signed(fourth, third)
		by = a.dashboard(a.account, "ada")
		fifth := rotate(by, object{"overlap_seconds": 0}, 1, 2)
		signed(fifth)
		for _, shown := range []string{first, before, second, third, fourth, fifth} {
			for _, answer := range []answer{a.call(by, "GET", at, nil),
				a.call(by, "PATCH", at, object{"paused": false}), a.call(by, "GET", "/v1/webhooks", nil)} {
				if strings.Contains(string(answer.raw), "whsec_") || strings.Contains(string(answer.raw), shown) {
					t.Errorf("%s: a secret is shown again: %s", name, answer.raw)
				}
			}
			if strings.Contains(a.dump(), strings.TrimPrefix(shown, "whsec_")) {
				t.Errorf("%s: a secret is stored as it is", name)
			}
		}
		a.want(a.call(by, "GET", at+"/secret", nil), 405)
	}
}

// What was signed before the receiver had a secret comes again, signed with the new one, too.
func TestRule22_WhatFailedBeforeARotationVerifiesByTheNewSecret(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	managed := a.hookOf(a.templateType("acme-crm"))
	template := a.template(a.templateType("acme-crm"))
	a.receiver.answer(401)
	a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	a.settle()
	early := a.receiver.take()
	secret := a.want(a.call(bearer("integration", a.token), "POST", "/v1/webhooks/"+managed+"/secret",
		object{"overlap_seconds": 0}), 201).str("signing_secret")
	a.receiver.answer(200)
	a.retry()
	late := a.receiver.take()
	if len(early) != 1 || len(late) != 1 || early[0].verifies(t, secret) || !late[0].verifies(t, secret) ||
		fmt.Sprint(early[0].header["Webhook-Id"]) != fmt.Sprint(late[0].header["Webhook-Id"]) {
		t.Errorf("%d came before, %d after; want one each, the same, and the later signed with what was made between",
			len(early), len(late))
	}
}

func TestRule22_AnOwnWebhooksCredentialsAreTakenAndNeverShown(t *testing.T) {
	a := newActors(newWorld(t))
	sent := func() received {
		t.Helper()
		got := a.receiver.take()
		if len(got) != 1 {
			t.Fatalf("%d requests came, want 1", len(got))
		}
		return got[0]
	}
	all := []string{"ada-4711", "pass-4712", "key-4713", "key-4714", "bearer-4715"}
	made := a.want(a.call(a.admin, "POST", "/v1/webhooks", object{
		"name": "Ours", "url": a.receiver.URL,
		"auth":    object{"scheme": "basic", "username": "ada-4711", "password": "pass-4712"},
		"headers": object{"x-key": "key-4713", "X-Other": "other"},
		"policy":  object{"timeout_seconds": 7, "retry_wait_seconds": []int{1, 2}},
	}), 201)
	a.settle()
	ping := sent()
	if user, pass, _ := (&http.Request{Header: ping.header}).BasicAuth(); user != "ada-4711" || pass != "pass-4712" ||
		ping.header.Get("X-Key") != "key-4713" {
		t.Errorf("the ping came with %v", ping.header)
	}
	at := "/v1/webhooks/" + made.str("id")
	hidden := func(what string, got answer) answer {
		t.Helper()
		for _, s := range all {
			if strings.Contains(string(got.raw), s) {
				t.Errorf("%s shows %s: %s", what, s, got.raw)
			}
		}
		return got
	}
	read := hidden("read", a.want(a.call(a.member, "GET", at, nil), 200))
	for _, got := range []answer{hidden("create", made), read} {
		if s := fmt.Sprint(got.at("auth"), got.at("header_names"), got.at("policy")); s != "map[scheme:basic "+
			"set:[password username]] [X-Key X-Other] map[retry_wait_seconds:[1 2] timeout_seconds:7]" {
			t.Errorf("the view says %s", s)
		}
	}
	hidden("list", a.want(a.call(a.member, "GET", "/v1/webhooks", nil), 200))
	patched := func(body object) received {
		t.Helper()
		hidden("update", a.want(a.call(a.admin, "PATCH", at, body), 200))
		a.pass(3 * time.Second) // a target is known for two
		a.want(a.call(a.admin, "POST", at+"/test", object{"event_type": "webhook.ping"}), 202)
		a.settle()
		return sent()
	}
	got := patched(object{"headers": object{"X-Key": "key-4714", "X-Other": nil}})
	if user, _, _ := (&http.Request{Header: got.header}).BasicAuth(); user != "ada-4711" ||
		got.header.Get("X-Key") != "key-4714" || got.header.Get("X-Other") != "" {
		t.Errorf("after a change of headers came %v", got.header)
	}
	got = patched(object{"name": "Renamed", "auth": object{"scheme": "bearer", "token": "bearer-4715"}})
	if got.header.Get("Authorization") != "Bearer bearer-4715" || got.header.Get("X-Key") != "key-4714" {
		t.Errorf("after a change of the scheme came %v", got.header)
	}
	a.refusedFields(a.call(a.admin, "PATCH", at, object{"url": "http://localhost:9999/"}), "/auth/token",
		"/headers/X-Key")
	got = patched(object{"auth": object{"scheme": "none"}, "headers": object{"X-Key": nil}, "policy": object{}})
	if got.header.Get("Authorization") != "" || got.header.Get("X-Key") != "" {
		t.Errorf("after all was taken away came %v", got.header)
	}
	if dump := a.dump(); slices.ContainsFunc(all, func(s string) bool { return strings.Contains(dump, s) }) {
		t.Error("a secret is stored as it is")
	}
}
