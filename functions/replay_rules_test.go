package functions_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/shared/domain"
)

// What failed is sent again on demand: one delivery, or all of them that a filter finds.

// patience is a policy that gives up after two attempts.
func impatient(url string) object {
	b := crmBlueprint(url)
	b["webhooks"].([]object)[0]["policy"] = object{"retry_wait_seconds": []int{600}}
	return b
}

// replaying is actors with the main extension enabled, whose webhook gives up after two attempts.
type replaying struct {
	*actors
	hook     string
	template string
}

func newReplaying(t *testing.T) *replaying {
	r := &replaying{actors: newActors(newWorld(t))}
	r.submitAndList(mainExtension, impatient(r.receiver.URL))
	r.enable()
	typeID := r.templateType("acme-crm")
	r.hook, r.template = r.hookOf(typeID), r.actors.template(typeID)
	return r
}

// exhaust makes a delivery that is given up, and returns its id and the last request.
func (r *replaying) exhaust() (id string, last received) {
	r.t.Helper()
	r.receiver.answer(http.StatusServiceUnavailable)
	r.want(r.call(r.integration(adminEmail), "POST", "/v1/contracts", contractOf(r.template)), 201)
	r.settle()
	r.retry()
	r.settle()
	got := r.receiver.take()
	if len(got) != 2 {
		r.t.Fatalf("%d attempts were made, want 2", len(got))
	}
	r.receiver.answer(http.StatusOK)
	r.pass(3 * time.Second) // a target is known for two
	return got[1].header.Get("webhook-id"), got[1]
}

func (r *replaying) delivery(id string) answer {
	r.t.Helper()
	return r.want(r.call(r.admin, "GET", "/v1/webhooks/"+r.hook+"/deliveries/"+id, nil), 200)
}

func TestRule18_AnExhaustedDeliveryIsReplayedToTheByteAndDelivered(t *testing.T) {
	r := newReplaying(t)
	id, last := r.exhaust()
	if got := r.delivery(id); got.str("state") != "exhausted" || strings.Contains(string(got.raw), `"context"`) {
		t.Fatalf("it reads %s, want exhausted and what is kept for a replay not shown", got.raw)
	}
	r.want(r.call(r.admin, "PATCH", "/v1/installations/"+mainExtension+"/parameters", object{"parameters": object{"customer_id": "C-2002"}}), 200)
	r.settle()

	replay := "/v1/webhooks/" + r.hook + "/deliveries/" + id + "/replay"
	asked := r.want(r.call(bearer("integration", r.token), "POST", replay, nil), 202)
	r.settle()
	got := r.receiver.take()
	if len(got) != 1 || got[0].header.Get("webhook-id") != id || string(got[0].body) != string(last.body) {
		t.Fatalf("%d requests came of the replay, want one with the id and the bytes of the first: %q, %q", len(got), got, last.body)
	}
	if got[0].header.Get("X-Customer") != "C-2002" {
		t.Error("headers are not as they are now")
	}
	read := r.delivery(id)
	if lines := read.at("attempts").([]any); read.str("state") != "delivered" || len(lines) != 3 || asked.at("attempt") != 3.0 {
		t.Errorf("replayed as attempt %v it reads %s", asked.at("attempt"), read.raw)
	}

	r.want(r.call(r.admin, "POST", replay, nil), 202) // what was delivered may be wanted again
	r.settle()
	if again := r.receiver.take(); len(again) != 1 || string(again[0].body) != string(last.body) {
		t.Errorf("a delivered one was sent %d times more, want once, with the same bytes", len(again))
	}
}

// What is not sent is refused by name, and leaves nothing.
func TestRule5_NothingOfAnOlderEpochIsReplayed(t *testing.T) {
	r := newReplaying(t)
	id, _ := r.exhaust()
	replay := "/v1/webhooks/" + r.hook + "/deliveries/" + id + "/replay"
	refused := func(code string) {
		t.Helper()
		before := r.dump()
		r.refused(r.call(r.admin, "POST", replay, nil), 409, code)
		if r.dump() != before {
			t.Errorf("%s: the refusal left something", code)
		}
	}
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"paused": true}), 200)
	refused("webhook-paused")
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"paused": false}), 200)
	r.want(r.call(r.admin, "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
	refused("extension-suspended")
	r.want(r.call(r.admin, "POST", "/v1/installations/"+mainExtension+"/resume", nil), 200)
	r.settle()

	// Asked for, and then disabled: the message that is on its way is not sent.
	r.want(r.call(r.admin, "POST", replay, nil), 202)
	r.want(r.call(r.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	r.pass(6 * time.Second)
	r.settle()
	if got := r.receiver.take(); len(got) != 0 {
		t.Errorf("%d requests came after the extension was disabled", len(got))
	}
	r.enable()
	r.hook = r.hookOf(r.templateType("acme-crm"))
	replay = "/v1/webhooks/" + r.hook + "/deliveries/" + id + "/replay"
	before := r.dump()
	got := r.call(r.admin, "POST", replay, nil)
	if code := got.str("code"); code != "older-epoch" && code != "not-found" || r.dump() != before {
		t.Errorf("after it was enabled again, a replay is answered %d %s", got.status, got.raw)
	}
	if state := r.attemptsOf(id); !slices.Equal(state, []string{"failed", "exhausted", "cancelled"}) {
		t.Errorf("the delivery's attempts are %v", state)
	}
}

// attemptsOf are the outcomes of a delivery, whatever became of its webhook.
func (r *replaying) attemptsOf(id string) []string {
	r.t.Helper()
	var outcomes []string
	for _, i := range r.scan(r.tables.Config.DeliveriesTable) {
		if text(i, "record") == string(domain.RecordAttempt) && strings.Contains(id, strings.TrimPrefix(text(i, "event_id"), "evt_")) {
			outcomes = append(outcomes, text(i, "outcome"))
		}
	}
	order := []string{"failed", "exhausted", "skipped", "cancelled", "delivered"}
	slices.SortFunc(outcomes, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	return outcomes
}
