package functions_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
)

// Listeners (design rule 30). The tests are named for what people complain of in others' `listen`.

func TestRule30_AListenerHearsWhatTheEndpointIsSentAndTheEndpointNoticesNothing(t *testing.T) {
	p := newPuller(t, "")
	first := p.pull(p.token, "")
	if first.Mode != "tail" || len(first.Deliveries) > 0 || first.Cursor == "" || first.AskAgain != 1 {
		t.Fatalf("the first pull answers %+v, want a cursor alone", first)
	}
	p.happen()
	posted := p.receiver.take()
	got := p.pull(p.token, first.Cursor)
	if len(posted) != 1 || len(got.Deliveries) != 1 {
		t.Fatalf("the endpoint got %d requests and the listener %d deliveries, want one each", len(posted),
			len(got.Deliveries))
	}
	d := got.Deliveries[0]
	d.request().verified(t, p.secret, p.now())
	if d.Body != string(posted[0].body) || d.ID != posted[0].header.Get("webhook-id") || d.Attempt != 1 {
		t.Errorf("the listener got %s %q, and the endpoint %s %q", d.ID, d.Body, posted[0].header, posted[0].body)
	}
	const traceID = len("00-") + 32 // the span after it is each request's own
	if a, b := d.Headers["Traceparent"], posted[0].header.Get("Traceparent"); a == "" || a[:traceID] != b[:traceID] {
		t.Errorf("the traces are %s and %s", a, b)
	}
	for _, name := range []string{"Content-Type", "User-Agent", "Webhook-Id"} {
		if d.Headers[name] != posted[0].header.Get(name) {
			t.Errorf("%s is %q for the listener, and %q for the endpoint", name, d.Headers[name],
				posted[0].header.Get(name))
		}
	}
	if read := p.read(d.ID); read.str("state") != "delivered" || p.lines(d.ID) != 1 {
		t.Errorf("the delivery reads %s", read.raw)
	}
	if again := p.pull(p.token, got.Cursor); len(again.Deliveries) > 0 {
		t.Errorf("with the next cursor %v came again", again.ids())
	}
}

// "Silent loss after sleep", "events while offline".
func TestRule30_AListenerThatSleptForThirtyDaysMissesNothing(t *testing.T) {
	p := newPuller(t, "")
	cursor := p.pull(p.token, "").Cursor
	var want []string
	for range 3 {
		p.happen()
		want = append(want, p.receiver.take()[0].header.Get("webhook-id"))
	}
	p.pass(domain.TailKept - time.Hour)
	var got []string
	for n := 0; ; n++ {
		f := p.pull(p.token, cursor, 2)
		got, cursor = append(got, f.ids()...), f.Cursor
		if f.AskAgain > 0 {
			break
		}
		if n > 5 {
			t.Fatal("it never ends")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("after 30 days it got %v, want %v", got, want)
	}
	p.pass(domain.TailKept + time.Hour)
	p.refused(p.call(p.token, "POST", "/v1/webhooks/"+p.hook+"/pull", object{"cursor": cursor}), 409, "cursor-expired")
}

// Events that are gone are counted and not passed over in silence.
func TestRule30_WhatCannotBeHandedOutAnyMoreIsCounted(t *testing.T) {
	p := newPuller(t, "")
	cursor := p.pull(p.token, "").Cursor
	p.happen()
	p.happen()
	p.pass(12 * time.Hour)
	cursor = p.pull(p.token, cursor, 1).Cursor
	p.pass(domain.TailKept - 6*time.Hour)
	if got := p.pull(p.token, cursor); got.Expired != 1 || len(got.Deliveries) != 0 {
		t.Errorf("got %+v, want one expired", got)
	}
}

// "Replays never reach it."
func TestRule30_ReplaysReachListeners(t *testing.T) {
	p := newPuller(t, "")
	cursor := p.pull(p.token, "").Cursor
	p.happen()
	first := p.pull(p.token, cursor)
	id := first.ids()[0]
	p.want(p.call(p.admin, "POST", "/v1/webhooks/"+p.hook+"/deliveries/"+id+"/replay", nil), 202)
	p.settle()
	one := p.pull(p.token, first.Cursor)
	if len(one.Deliveries) != 1 || one.Deliveries[0].ID != id || one.Deliveries[0].Attempt != 2 ||
		one.Deliveries[0].Body != first.Deliveries[0].Body {
		t.Fatalf("of the replay came %+v", one.Deliveries)
	}
	p.want(p.call(p.admin, "POST", "/v1/webhooks/"+p.hook+"/replays", object{"from": p.now().Add(-time.Hour),
		"states": []string{"delivered"}, "event_types": []string{"contract.created"}}), 202)
	p.replayOn()
	if all := p.pull(p.token, one.Cursor); len(all.Deliveries) != 1 || all.Deliveries[0].Attempt != 3 {
		t.Errorf("of the job came %+v", all.Deliveries)
	}
}

// "One listener a repository."
func TestRule30_AnyNumberOfListenersEachWithACursorOfItsOwn(t *testing.T) {
	p := newPuller(t, "")
	var cursors []string
	for range 3 {
		cursors = append(cursors, p.pull(p.token, "").Cursor)
	}
	p.happen()
	p.happen()
	want := p.pull(p.token, cursors[0]).ids()
	if len(want) != 2 {
		t.Fatalf("the first got %v", want)
	}
	for n, cursor := range cursors {
		if got := p.pull(p.token, cursor).ids(); !slices.Equal(got, want) {
			t.Errorf("listener %d got %v, want %v", n, got, want)
		}
	}
	late := p.pull(p.token, "").Cursor
	p.happen()
	if got := p.pull(p.token, late).ids(); len(got) != 1 {
		t.Errorf("who came later got %v, want one", got)
	}
}

// The order is the order of commits, whatever the clocks of processes say.
func TestRule30_AClockThatIsBehindHidesNothing(t *testing.T) {
	p := newPuller(t, "")
	cursor := p.pull(p.token, "").Cursor
	p.happen()
	first := p.pull(p.token, cursor)
	w, err := p.tables.Store.Webhook(t.Context(), p.account, domain.WebhookID(p.hook))
	must(t, err)
	e := events.Event{ID: "evt_01jd3zq8v5w0c2m9x7r4t6y1ab", At: p.now()}
	behind := p.tables.At(func() time.Time { return p.now().Add(-time.Hour) })
	must(t, behind.AppendTailed(t.Context(), w.ID, []events.Delivery{events.DeliveryTo(w, e)}))
	if got := p.pull(p.token, first.Cursor); len(got.Deliveries)+got.Expired != 1 {
		t.Errorf("a delivery that a process with a slow clock kept late was not found: %+v", got)
	}
}

func TestRule30_APauseOrADeadEndpointDoesNotConcernListeners(t *testing.T) {
	p := newPuller(t, "")
	cursor := p.pull(p.token, "").Cursor
	p.want(p.call(p.admin, "PATCH", "/v1/webhooks/"+p.hook, object{"paused": true}), 200)
	p.pass(3 * time.Second)
	p.happen()
	got := p.pull(p.token, cursor)
	if len(got.Deliveries) != 1 || p.read(got.ids()[0]).str("state") != "skipped" {
		t.Errorf("while paused the listener got %v", got.ids())
	}
}

// A managed webhook: in its partner's development account alone, while it is not suspended, and of this epoch.
func TestRule30_APartnerListensInItsDevelopmentAccountAlone(t *testing.T) {
	p := newPuller(t, "")
	p.enable()
	p.refused(p.call(p.token, "POST", "/v1/webhooks/"+p.hookOf(p.templateType("acme-crm"))+"/pull", object{}), 403,
		"not-development")
	p.in("acme-dev", "")
	p.enable()
	typeID := p.templateType("acme-crm")
	hook, template := p.hookOf(typeID), p.actors.template(typeID)
	cursor := p.pullOf(hook, p.token, "").Cursor
	made := func() {
		t.Helper()
		p.want(p.call(p.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
		p.settle()
	}
	made()
	first := p.pullOf(hook, p.token, cursor)
	if len(first.Deliveries) != 1 {
		t.Fatalf("got %v, want one", first.ids())
	}
	suspend := func(action string) {
		t.Helper()
		p.want(p.call(p.admin, "POST", "/v1/installations/"+mainExtension+"/"+action, nil), 200)
		p.settle()
	}
	made()
	suspend("suspend")
	if got := p.pullOf(hook, p.token, first.Cursor); len(got.Deliveries) != 0 {
		t.Errorf("while suspended came %v", got.ids())
	}
	suspend("resume")
	if got := p.pullOf(hook, p.token, first.Cursor); len(got.Deliveries) != 1 {
		t.Errorf("after the suspension came %v, want the one from before it", got.ids())
	}
}

// A cursor from before an epoch goes on, and what is of the older epoch is passed over.
func TestRule30_ACursorFromBeforeAnEpochShowsNothingOfThatEpoch(t *testing.T) {
	p := newPuller(t, "").in("acme-dev", "")
	p.enable()
	hookAndTemplate := func() (string, string) {
		typeID := p.templateType("acme-crm")
		return p.hookOf(typeID), p.actors.template(typeID)
	}
	hook, template := hookAndTemplate()
	before := p.pullOf(hook, p.token, "").Cursor
	made := func(template string) {
		t.Helper()
		p.want(p.call(p.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
		p.settle()
	}
	made(template)
	p.want(p.call(p.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	p.settle()
	p.enable()
	again, template := hookAndTemplate()
	if again != hook {
		p.refused(p.call(p.token, "POST", "/v1/webhooks/"+hook+"/pull", object{"cursor": before}), 404, "not-found")
		got := p.want(p.call(p.token, "POST", "/v1/webhooks/"+again+"/pull", object{"cursor": before}), 422)
		if pointers := got.pointers(); !slices.Equal(pointers, []string{"/cursor"}) {
			t.Errorf("the cursor of the older epoch's webhook: %v", pointers)
		}
		return
	}
	cursor := p.pullOf(hook, p.token, before)
	if len(cursor.Deliveries) != 0 {
		t.Errorf("of the older epoch came %v", cursor.ids())
	}
	made(template)
	if got := p.pullOf(hook, p.token, cursor.Cursor); len(got.Deliveries) != 1 {
		t.Errorf("of the new epoch came %v, want one", got.ids())
	}
}

func TestRule30_AListenersAnswerIsALineOfItsOwn(t *testing.T) {
	p := newPuller(t, "")
	cursor := p.pull(p.token, "").Cursor
	p.happen()
	d := p.pull(p.token, cursor).Deliveries[0]
	p.ack(p.token, 500, d)
	read := p.read(d.ID)
	if strings.Contains(string(read.raw), "says the endpoint") { // it might echo a secret
		t.Errorf("a listener's answer is kept: %s", read.raw)
	}
	if read.str("state") != "delivered" || p.lines(d.ID) != 1 {
		t.Errorf("the endpoint's part reads %s", read.raw)
	}
	if read.at("listeners", 0, "status") != 500.0 || read.at("listeners", 0, "excerpt") != nil ||
		read.at("listeners", 1) != nil {
		t.Errorf("the listener's part reads %s", read.raw)
	}
	list := p.want(p.call(p.admin, "GET", "/v1/webhooks/"+p.hook+"/deliveries?state=retrying&state=exhausted",
		nil), 200)
	if len(list.at("items").([]any)) != 0 {
		t.Errorf("a listener's failure is listed as the endpoint's: %s", list.raw)
	}
}

func TestPull_ACursorOrReceiptOfElsewhereIsRefused(t *testing.T) {
	p := newPuller(t, "")
	hook, first := p.hook, p.pull(p.token, "").Cursor
	p.in("customer", "")
	for _, cursor := range []string{first, "garbage", "e30"} {
		got := p.want(p.call(p.token, "POST", "/v1/webhooks/"+p.hook+"/pull", object{"cursor": cursor}), 422)
		if pointers := got.pointers(); !slices.Equal(pointers, []string{"/cursor"}) {
			t.Errorf("%s: %v", cursor, pointers)
		}
	}
	p.refused(p.call(p.token, "POST", "/v1/webhooks/whk_none/pull", object{"cursor": first}), 404, "not-found")
	got := p.want(p.call(p.token, "POST", "/v1/webhooks/"+hook+"/pull/ack",
		object{"results": []object{{"receipt": "e30", "status": 200}}}), 422)
	if pointers := got.pointers(); !slices.Equal(pointers, []string{"/results/0/receipt"}) {
		t.Errorf("a foreign receipt: %v", pointers)
	}
}
