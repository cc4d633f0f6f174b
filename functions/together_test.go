package functions_test

import (
	"testing"
	"time"

	"plugboard/functions/provisioning"

	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// What two features do to each other: a deletion, an upgrade, a roll-out or a loss in the middle of another.

func TestRule27_ACallbackForADyingAccountProvesNothing(t *testing.T) {
	s := newScene(newWorld(t))
	s.remove()
	before := s.dump()
	s.refused(s.callBack(callback(s.callbackSecret), contractFields(s.draft, [2]string{"order_number", "9"})), 401,
		"unauthenticated")
	s.refused(s.callBack(callback(s.callbackSecret), setupCompleted), 401, "unauthenticated")
	if s.dump() != before {
		t.Error("a callback wrote to an account that is being deleted")
	}
}

func TestRule27_AHandOffOfADyingAccountGivesNothing(t *testing.T) {
	s := newScene(newWorld(t))
	s.enableHandOff()
	code := s.handOff("").code
	message := s.remove()
	before := s.dump()
	s.refusedFields(s.exchange(s.partner, code), "/code")
	if s.dump() != before {
		t.Error("an exchange wrote to an account that is being deleted")
	}
	s.erased(message)
	s.want(s.call(platform, "PUT", "/v1/accounts/customer", object{"name": "Successor"}), 200)
	s.putUser(s.account, "ada", adminEmail, "admin")
	s.enableHandOffAgain()
	s.refusedFields(s.exchange(s.partner, code), "/code") // of the account that had the id before
}

func TestRule27_TheLogOfAnEndedLifecycleWebhookIsErased(t *testing.T) {
	a := newActors(newWorld(t))
	a.offerLifecycle()
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+lifecycleExtension, object{}), 202)
	a.settle()
	hook := domain.WebhookID(a.lifecycleHook())
	a.want(a.call(a.admin, "POST", "/v1/installations/"+lifecycleExtension+"/disable", nil), 202)
	a.settle()
	// as DynamoDB does when its time has come
	a.tamper(func(tx *store.Tx) { tx.Discard(domain.Webhook{Account: a.account, ID: hook}) })
	if len(a.scan(a.tables.Config.DeliveriesTable)) == 0 {
		t.Fatal("the test has no log to erase")
	}
	(&scene{actors: a}).erased((&scene{actors: a}).remove())
	if n := len(a.scan(a.tables.Config.DeliveriesTable)); n > 0 {
		t.Errorf("%d lines of the delivery log are left", n)
	}
}

func TestRule7_ParametersChangedDuringAnUpgradeFitBothVersions(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	next := crmBlueprint(a.receiver.URL)
	delete(next["webhooks"].([]object)[0], "context")
	next["parameters"] = asks(
		object{"key": "customer_id", "required": true, "pattern": "^C-2[0-9]+$", "writeOnly": true},
		object{"key": "api_key", "writeOnly": true, "required": true}, object{"key": "region"},
	)
	a.submitAndList(mainExtension, next)
	typeID := a.templateType("acme-crm")
	a.want(a.upgrade(object{"consent": []string{"required-parameter-added"},
		"parameters": object{mainExtension: object{"customer_id": "C-2001", "region": "eu"}}}), 202)
	const path = "/v1/installations/" + mainExtension + "/parameters"
	change := func(values object) answer { return a.call(a.admin, "PATCH", path, object{"parameters": values}) }
	a.refusedFields(change(object{"customer_id": "C-3001"}), "/parameters/customer_id")
	a.refusedFields(change(object{"api_key": nil}), "/parameters/api_key")
	a.refusedFields(change(object{"planet": "mars"}), "/parameters/planet")
	a.want(change(object{"customer_id": "C-2002", "region": "us"}), 200)
	a.settle()
	a.state(mainExtension, "enabled")
	i := a.stands(mainExtension)
	if i.Version != 2 || len(i.Parameters) != 1 || i.Parameters["region"] != "us" || i.Secrets["customer_id"] == "" ||
		i.Secrets["api_key"] == "" {
		t.Fatalf("after the upgrade it has the parameters %v and secrets %v", i.Parameters, i.Secrets)
	}
	a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(a.template(typeID))), 201)
	a.receiver.take()
	a.settle()
	if sent := a.receiver.take(); len(sent) != 1 || sent[0].header.Get("X-Customer") != "C-2002" {
		t.Errorf("sent %v", sent)
	}
}

func TestRule2_WithoutItsDependencyNothingIsEnabledByARetry(t *testing.T) {
	a := newActors(newWorld(t))
	id := a.failTogether()
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/retry", nil), 202)
	a.settle()
	if got := a.installation(mainExtension); got.str("state") != "failed" || got.str("failure", "reason") == "" {
		t.Fatalf("without its dependency it is %s: %s", got.str("state"), got.raw)
	}
	a.ownField(id, "key", "system")
	for _, e := range []string{"acme-base", mainExtension} {
		a.want(a.call(a.admin, "POST", "/v1/installations/"+e+"/retry", nil), 202)
		a.settle()
		a.state(e, "enabled")
	}
}

func TestRule10_ALostTokenIsRotatedAndALostWebhookKeepsNothingEnabled(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	a.tamper(func(tx *store.Tx) { tx.Discard(domain.Token{Hash: a.stands(mainExtension).TokenHash}) })
	a.want(a.call(a.admin, "GET", "/v1/tokens", nil), 200)
	a.token = a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/token", object{}), 201).str("token")
	if got := a.want(a.call(a.integration(adminEmail), "GET", "/v1/me", nil),
		200); len(got.at("token", "scopes").([]any)) != 9 {
		t.Errorf("the new token is %s", got.raw)
	}
	a.offerLifecycle()
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+lifecycleExtension, object{}), 202)
	a.settle()
	a.tamper(func(tx *store.Tx) {
		tx.Discard(domain.Webhook{Account: a.account, ID: domain.WebhookID(a.lifecycleHook())})
	})
	a.want(a.call(a.admin, "POST", "/v1/installations/"+lifecycleExtension+"/disable", nil), 202)
	a.settle()
	a.state(lifecycleExtension, "disabled")
}

func TestRule6_AVersionYankedMidPageReachesNoMore(t *testing.T) {
	c := newCrowd(t, 3)
	at := c.start(platform, object{"version": 2})
	hook := &interrupted{at: 5, do: func() { // within the second installation
		c.want(c.call(platform, "POST", versionOf(rolledExtension, 2)+"/yank", object{"reason": "no"}), 200)
	}}
	must(t, provisioning.New(c.tables.At(c.now, hook.option), c.sealer, c.now, domain.NewID).RollOut(t.Context(),
		pageOf(at, 0), false))
	c.settle()
	if got, want := c.standing(), "enabled2 enabled2 enabled1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	c.expect(at, "stopped seen=2 upgraded=2 current=0 consent=0 by-hand=0 skipped=0 failed=0")
}

func TestRule27_AnExtensionThatWasEnabledAgainIsErased(t *testing.T) {
	s := newScene(newWorld(t))
	s.want(s.call(s.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	s.settle()
	s.enable()
	s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	s.settle()
	if len(s.scan(s.tables.Config.DeliveriesTable)) == 0 {
		t.Fatal("the test has no log to erase")
	}
	s.erased(s.remove())
	if n := len(s.scan(s.tables.Config.DeliveriesTable)); n > 0 {
		t.Errorf("%d lines of the delivery log are left", n)
	}
}

func TestRule4_AChangeMeanwhileDoesNotHoldUpProvisioning(t *testing.T) {
	for at := 1; at <= 3; at++ {
		a := newActors(newWorld(t))
		a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
		_, err := a.workers.fanout.Handle(t.Context(), a.tables.Outbox(a.newInOutbox()))
		must(t, err)
		hook := &interrupted{at: at, do: func() {
			a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension+"/upgrade-policy",
				object{"policy": "by-hand"}), 200)
		}}
		done, err := provisioning.New(a.tables.At(a.now, hook.option), a.sealer, a.now,
			domain.NewID).Handle(t.Context(), a.workers.provisions.Take())
		if must(t, err); len(done.BatchItemFailures) > 0 {
			t.Errorf("interrupted at transaction %d, %d messages failed", at, len(done.BatchItemFailures))
		}
		a.settle()
		a.state(mainExtension, "enabled")
	}
}

func TestRule6_EveryReasonTogetherIsConsentedTo(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	a.list("acme-more", []string{}, coreBlueprint())
	next := crmBlueprint(a.receiver.URL)
	next["parameters"] = asks(append(crmParameters(), object{"key": "region", "required": true})...)
	next["dependencies"] = append(next["dependencies"].([]object), object{"extension_id": "acme-more"})
	hook := next["webhooks"].([]object)[0]
	hook["url"], hook["event_types"] = "http://localhost:8123/",
		append(hook["event_types"].([]string), "contract.expired", "contract.canceled")
	next["webhooks"] = append(next["webhooks"].([]object),
		object{"key": "more", "url": a.receiver.URL, "event_types": []string{"contract.signed"}})
	next["setup"] = object{"url": setupURL}
	a.submitAndList(mainExtension, next)
	var codes []string
	shown := a.want(a.call(a.admin, "GET", upgradePath, nil), 200)
	for n := range shown.at("needs_consent").([]any) {
		codes = append(codes, shown.str("needs_consent", n, "code"))
	}
	if len(codes) < 7 {
		t.Fatalf("the preview names only %v", codes)
	}
	a.want(a.upgrade(object{"consent": codes, "parameters": object{mainExtension: object{"region": "eu"}}}), 202)
}

func TestRule27_TheLogOfALateAttemptIsErased(t *testing.T) {
	a := newActors(newWorld(t))
	hook := a.want(a.call(a.admin, "POST", "/v1/webhooks", object{"name": "Ours", "url": a.receiver.URL}),
		201).str("id")
	a.tamper(func(tx *store.Tx) {
		w := a.storedHook(hook)
		w.CreatedAt = a.now().AddDate(0, 0, -50)
		tx.Replace(&w)
	})
	late := domain.Attempt{
		Account: a.account, Webhook: domain.WebhookID(hook), Event: "evt_1",
		EventDay: a.now().AddDate(0, 0, -40).Format(time.DateOnly), Number: 10, At: a.now().AddDate(0, 0, -29),
	}
	must(t, a.tables.AppendAttempts(t.Context(), []domain.Attempt{late}))
	(&scene{actors: a}).erased((&scene{actors: a}).remove())
	if n := len(a.scan(a.tables.Config.DeliveriesTable)); n > 0 {
		t.Errorf("%d lines of the delivery log are left", n)
	}
}
