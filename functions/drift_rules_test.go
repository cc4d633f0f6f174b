package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store"
)

// Rule 10: drift is of definitions alone, shown at any time and daily, and repaired without undoing runtime state.

const driftOf = "/v1/installations/" + mainExtension + "/drift"

// findings are what the check shows, as `kind pointer`.
func (a *actors) findings() []string {
	a.t.Helper()
	got := a.want(a.call(a.member, "GET", driftOf, nil), 200)
	all := []string{}
	for n := range got.at("findings").([]any) {
		all = append(all, got.str("findings", n, "kind")+" "+got.str("findings", n, "pointer"))
	}
	return all
}

// toldOfDrift are the drift events in the customer's outbox, in the order of their making.
func (a *actors) toldOfDrift() []string {
	a.t.Helper()
	var ids []string
	types := map[string]string{}
	for _, i := range a.stored("event") {
		if t := eventType(i); t == string(events.InstallationDrifted) || t == string(events.InstallationRepaired) {
			ids = append(ids, text(i, "id"))
			types[text(i, "id")] = strings.TrimPrefix(t, "installation.")
		}
	}
	slices.Sort(ids)
	for n, id := range ids {
		ids[n] = types[id]
	}
	return ids
}

// tamper stores things past the API, as a mistake of ours or an operator's would.
func (a *actors) tamper(change func(*store.Tx)) {
	a.t.Helper()
	var tx store.Tx
	change(&tx)
	must(a.t, a.tables.Commit(a.t.Context(), &tx, nil))
}

func (a *actors) storedType(id string) domain.TemplateType {
	a.t.Helper()
	t, err := a.tables.TemplateType(a.t.Context(), a.account, domain.TemplateTypeID(id))
	must(a.t, err)
	return t
}

func (a *actors) storedHook(id string) domain.Webhook {
	a.t.Helper()
	w, err := a.tables.Webhook(a.t.Context(), a.account, domain.WebhookID(id))
	must(a.t, err)
	return w
}

// useRuntimeState changes all that people may of what the extension manages.
func (a *actors) useRuntimeState(typeID string) {
	a.t.Helper()
	fields := "/v1/template-types/" + typeID + "/fields"
	a.want(a.call(a.admin, "PATCH", fields+"/urgent", object{"active": false}), 200)
	a.want(a.call(a.admin, "POST", fields, object{"custom_id": "ours", "name": "Ours", "kind": "text"}), 201)
	a.want(a.call(a.admin, "PUT", "/v1/template-types/"+typeID+"/field-order",
		object{"custom_ids": []string{"ours", "due", "urgent", "amount", "order_number"}}), 200)
	a.want(a.call(a.admin, "PATCH", "/v1/webhooks/"+a.hookOf(typeID), object{"paused": true}), 200)
	a.template(typeID)
	a.token = a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/token", object{}), 201).str("token")
	a.want(a.call(a.integration(adminEmail), "GET", "/v1/me", nil), 200)
}

func (a *actors) repair(body object) {
	a.t.Helper()
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/repair", body), 202)
	a.settle()
}

func TestRule10_RuntimeStateIsNoDriftAndRepairingWritesNothing(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	a.useRuntimeState(typeID)
	for _, state := range []string{"enabled", "suspended"} {
		if got := a.findings(); len(got) > 0 {
			t.Errorf("%s: got %q, want no findings", state, got)
		}
		before := []any{a.storedType(typeID), a.storedHook(a.hookOf(typeID)), a.stands(mainExtension)}
		a.repair(object{})
		a.daily()
		if after := []any{a.storedType(typeID), a.storedHook(a.hookOf(typeID)),
			a.stands(mainExtension)}; fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: repairing what is as it should be changed\n%v\nto\n%v", state, before, after)
		}
		if state == "enabled" {
			a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
		}
	}
	if got := a.toldOfDrift(); len(got) > 0 {
		t.Errorf("events tell of %q", got)
	}
}

// drift makes everything differ that a definition has.
func (a *actors) drift(typeID, addendumID string) {
	a.t.Helper()
	a.tamper(func(tx *store.Tx) {
		tt := a.storedType(typeID)
		tt.Name = "Renamed"
		tt.Fields[tt.Field("amount")].Kind = domain.Text
		tt.Fields = slices.Delete(tt.Fields, tt.Field("due"), tt.Field("due")+1)
		tx.Replace(&tt)
		w := a.storedHook(a.hookOf(typeID))
		w.URL, w.EventTypes = "https://elsewhere.example/", []string{"contract.signed"}
		tx.Replace(&w)
		extra := w
		extra.ID, extra.Revision = "whk_extra", domain.Revision{}
		tx.Create(&extra)
		tx.Discard(domain.Webhook{Account: a.account, ID: domain.WebhookID(a.hookOf(addendumID))})
		i := a.stands(mainExtension)
		token, err := a.tables.Token(a.t.Context(), i.TokenHash)
		must(a.t, err)
		token.Scopes = domain.Scopes[:1]
		tx.Replace(&token)
	})
}

func TestRule10_EveryDriftIsFoundByPointerAndRepairedWithoutUndoingRuntimeState(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID, addendumID := a.templateType("acme-crm"), a.templateType("acme-crm_addendum")
	a.useRuntimeState(typeID)
	wantType, wantHook, used := a.storedType(typeID), a.storedHook(a.hookOf(typeID)), a.extensionsUse()
	a.drift(typeID, addendumID)
	got := a.findings()
	for _, want := range []string{
		"template-type /name", "template-type /fields/amount/kind", "template-type /fields/due/kind",
		"template-type /fields/due/source",
		"webhook /url", "webhook /event_types", "webhook ", "token /scopes",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("got %q, want %q among them", got, want)
		}
	}
	for _, finding := range got {
		if strings.Contains(finding, "urgent") || strings.Contains(finding, "ours") ||
			strings.Contains(finding, "paused") || strings.Contains(finding, "secret") ||
			strings.Contains(finding, "order_number") {
			t.Errorf("%q is no drift", finding)
		}
	}
	a.repair(object{})
	if left := a.findings(); len(left) > 0 {
		t.Errorf("after the repair: %q", left)
	}
	gotType, gotHook := a.storedType(typeID), a.storedHook(a.hookOf(typeID))
	if gotType.Fields[gotType.Field("urgent")].Active || gotType.Field("ours") < 0 || gotType.Name != wantType.Name ||
		len(gotType.Fields) != len(wantType.Fields) {
		t.Errorf("the template type is\n%+v\nwant\n%+v", gotType, wantType)
	}
	if !gotHook.Paused || gotHook.Secret != wantHook.Secret || !gotHook.SameDefinition(wantHook) {
		t.Errorf("the webhook is\n%+v\nwant\n%+v", gotHook, wantHook)
	}
	if got := a.call(a.integration(adminEmail), "GET", "/v1/me", nil); got.status != 200 ||
		len(got.at("token", "scopes").([]any)) != 9 {
		t.Errorf("the token answers %d: %s", got.status, got.raw)
	}
	if got := a.extensionsUse(); got != used {
		t.Errorf("after the repair %v are counted, want %v", got, used)
	}
	if got := a.toldOfDrift(); !slices.Equal(got, []string{"drifted", "repaired"}) {
		t.Errorf("events tell %q", got)
	}
	a.state(mainExtension, "enabled")
}

// daily is what the schedule does every day.
func (w *world) daily() {
	w.t.Helper()
	body, err := queue.Encode(events.DailyCheck())
	must(w.t, err)
	done, err := w.workers.provisioning.Handle(w.t.Context(), queuetest.Batch(queue.Message{Body: body}))
	must(w.t, err)
	if len(done.BatchItemFailures) > 0 {
		w.t.Fatal("the check failed; the log says why")
	}
	w.settle()
}

// nextDay comes, and the admin signs in again.
func (a *actors) nextDay() {
	a.pass(24 * time.Hour)
	a.admin = a.dashboard(a.account, "ada")
}

func TestRule10_TheDailyCheckTellsTheSameOnceAndRepairsWhereItWasAsked(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	hook := a.hookOf(a.templateType("acme-crm"))
	a.daily()
	expect := func(when string, want ...string) {
		t.Helper()
		if got := a.toldOfDrift(); !slices.Equal(got, want) {
			t.Fatalf("%s: events tell %q, want %q", when, got, want)
		}
	}
	move := func(url string) {
		t.Helper()
		a.tamper(func(tx *store.Tx) {
			w := a.storedHook(hook)
			w.URL = url
			tx.Replace(&w)
		})
		a.nextDay()
	}
	expect("nothing drifted")
	move("https://elsewhere.example/")
	a.daily()
	expect("a first day", "drifted")
	if a.storedHook(hook).URL != "https://elsewhere.example/" ||
		a.installation(mainExtension).str("drift", "findings", 0, "pointer") != "/url" {
		t.Errorf("nobody asked for a repair; the installation shows %s", a.installation(mainExtension).raw)
	}
	a.nextDay()
	a.daily()
	expect("the same on the next day", "drifted")
	move("https://further.example/")
	a.daily()
	expect("something else", "drifted", "drifted")
	a.repair(object{"daily": true})
	expect("repaired", "drifted", "drifted", "repaired")
	move("https://again.example/")
	a.daily()
	expect("repaired by itself", "drifted", "drifted", "repaired", "drifted", "repaired")
	if a.storedHook(hook).URL != a.receiver.URL {
		t.Error("the daily check did not repair")
	}
}

// The walk comes to every installation of every account, over pages; a day's second message starts no second walk.
func TestRule10_TheDailyCheckComesToEveryInstallationOnceADay(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	const accounts = 12
	for n := range accounts {
		id := domain.AccountID(fmt.Sprint("acct-", n))
		a.want(a.call(platform, "PUT", "/v1/accounts/"+string(id), object{"name": "A"}), 200)
		a.putUser(id, "ada", adminEmail, "admin")
		a.want(a.call(a.dashboard(id, "ada"), "PUT", "/v1/installations/"+dependency, object{}), 202)
	}
	a.settle()
	for n := range accounts {
		i, err := a.tables.Installation(t.Context(), domain.AccountID(fmt.Sprint("acct-", n)), dependency)
		must(t, err)
		a.tamper(func(tx *store.Tx) {
			token, err := a.tables.Token(t.Context(), i.TokenHash)
			must(t, err)
			token.Scopes = nil
			tx.Replace(&token)
		})
	}
	a.daily()
	if got := a.toldOfDrift(); len(got) != accounts {
		t.Errorf("%d installations were found to have drifted, want %d", len(got), accounts)
	}
	messages := len(a.stored("provision"))
	a.daily()
	if more := len(a.stored("provision")) - messages; more != 0 {
		t.Errorf("the schedule fired twice, and %d messages more were sent", more)
	}
}

func TestRule10_WhatPeopleMustChangeFirstStaysAFinding(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	a.ownField(typeID, "urgent", "user")
	for range 2 {
		a.repair(object{})
		if got := a.findings(); !slices.Equal(got, []string{"template-type /fields"}) {
			t.Fatalf("got %q", got)
		}
	}
	if got := a.toldOfDrift(); !slices.Equal(got, []string{"drifted"}) {
		t.Errorf("events tell %q", got)
	}
	a.ownField(typeID, "urgent", "system")
	a.daily()
	if got := a.toldOfDrift(); !slices.Equal(got, []string{"drifted", "repaired"}) ||
		a.installation(mainExtension).at("drift") != nil {
		t.Errorf("when people repaired it: events tell %q", got)
	}
	// and before it comes to it
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/repair", object{}), 202)
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.settle()
	a.state(mainExtension, "disabled")
	a.daily()
	a.refused(a.call(a.admin, "GET", driftOf, nil), 409, "installation-state")
	a.refused(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/repair", object{}), 409,
		"installation-state")
	for _, w := range a.stored("webhook") {
		t.Errorf("a repair made a webhook of what is disabled: %v", w)
	}
}

const lifecycleDrift = "/v1/installations/" + lifecycleExtension + "/drift"

func TestRule10_TheLifecycleWebhooksDriftIsFoundAndRepaired(t *testing.T) {
	at := "/v1/installations/" + lifecycleExtension
	for name, c := range map[string]struct {
		endpoint func(*actors) string
		drift    func(*store.Tx, domain.Webhook)
		want     string // kind and pointer of each finding
	}{
		"missing": {atReceiver, func(tx *store.Tx, w domain.Webhook) { tx.Discard(w) }, "lifecycle  \n"},
		"changed": {atReceiver, func(tx *store.Tx, w domain.Webhook) {
			w.URL, w.EventTypes, w.Name, w.EndsAt, w.TemplateType = "https://elsewhere.example/",
				[]string{"contract.signed"}, "Other", w.CreatedAt.Add(time.Hour), "tt_other"
			tx.Replace(&w)
		}, "lifecycle /ends_at \nlifecycle /event_types \nlifecycle /name \nlifecycle /template_type_id \nlifecycle " +
			"/url \n"},
		"disowned": {atReceiver, func(tx *store.Tx, w domain.Webhook) {
			w.Extension, w.Lifecycle = "", false
			tx.Replace(&w)
		}, "lifecycle /extension_id \nlifecycle /lifecycle \n"},
		"extra": {nowhere, func(tx *store.Tx, w domain.Webhook) { tx.Create(&w) }, "lifecycle  \n"},
	} {
		t.Run(name, func(t *testing.T) {
			a, secret := newLifecycleUpgrade(t, c.endpoint, atReceiver) // it stays at the first version
			extra := a.stands(lifecycleExtension).DefineLifecycle(domain.LifecycleBlueprint{URL: atReceiver(a)},
				domain.Webhook{})
			hook, want := extra, []string{}
			if c.endpoint(a) != "" {
				want = []string{c.endpoint(a)}
				a.want(a.call(a.admin, "PATCH", "/v1/webhooks/"+a.lifecycleHook(), object{"paused": true}), 200)
				hook = a.storedHook(a.lifecycleHook())
			}
			a.tamper(func(tx *store.Tx) { c.drift(tx, hook) })
			found := a.want(a.call(a.member, "GET", lifecycleDrift, nil), 200)
			if got := lines(found.at("findings"), "kind", "pointer"); got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
			a.want(a.call(a.admin, "POST", at+"/repair", object{}), 202)
			a.settle()
			if left := a.want(a.call(a.member, "GET", lifecycleDrift, nil), 200); len(left.at("findings").([]any)) > 0 {
				t.Errorf("after the repair: %s", left.raw)
			}
			if got := a.toldOfDrift(); !slices.Equal(got, []string{"drifted", "repaired"}) {
				t.Errorf("events tell %q", got)
			}
			if got := a.lifecycleHooks(); !slices.Equal(got, want) {
				t.Fatalf("the lifecycle webhooks are %q, want %q", got, want)
			}
			if name == "changed" || name == "disowned" {
				if repaired := a.storedHook(a.lifecycleHook()); !repaired.Paused ||
					!repaired.CreatedAt.Equal(hook.CreatedAt) {
					t.Errorf("the repair undid runtime state: %+v", repaired)
				}
				a.want(a.call(a.admin, "PATCH", "/v1/webhooks/"+a.lifecycleHook(), object{"paused": false}), 200)
			}
			a.receiver.take()
			a.want(a.call(a.admin, "POST", at+"/disable", nil), 202)
			told := []string{}
			if len(want) > 0 {
				told = []string{"customer " + lifecycleExtension + " installation.disabled"}
			}
			a.settle()
			if got := a.told(t, secret); !slices.Equal(got, told) {
				t.Errorf("of the end it heard %q, want %q", got, told)
			}
		})
	}
}

// It is kept for its last delivery, whatever the next life's version declares.
func TestRule10_TheLifecycleWebhookOfAnEarlierLifeIsNoDrift(t *testing.T) {
	a, _ := newLifecycleUpgrade(t, atReceiver, nowhere)
	at := "/v1/installations/" + lifecycleExtension
	a.want(a.call(a.admin, "POST", at+"/disable", nil), 202)
	a.settle()
	ended := a.lifecycleHook()
	a.want(a.call(a.admin, "PUT", at, object{}), 202) // at the version without an endpoint
	a.settle()
	if found := a.want(a.call(a.member, "GET", lifecycleDrift, nil), 200); len(found.at("findings").([]any)) > 0 {
		t.Errorf("found %s", found.raw)
	}
	a.want(a.call(a.admin, "POST", at+"/repair", object{}), 202)
	a.settle()
	a.storedHook(ended)
	a.listLifecycle("")
	a.want(a.upgradeBy(a.admin, at+"/upgrade", object{}), 202)
	a.settle()
	a.storedHook(ended)
}

// What has drifted away does not hold the installation: nobody could disable it.
func TestRule5_DisablingEndsWhatIsThere(t *testing.T) {
	a, _ := newLifecycleUpgrade(t, atReceiver, nowhere)
	a.tamper(func(tx *store.Tx) { tx.Discard(a.storedHook(a.lifecycleHook())) })
	a.want(a.call(a.admin, "POST", "/v1/installations/"+lifecycleExtension+"/disable", nil), 202)
	a.settle()
	a.state(lifecycleExtension, "disabled")
}
