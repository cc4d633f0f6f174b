package functions_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"plugboard/functions/redelivery"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
)

// Rule 20 from what happens to what is delivered, through every function.

// minute runs redelivery, and then what it let go, as if a minute had passed. What the queue holds back meanwhile it
// will hand over again when it really has.
func (s *scene) minute() {
	s.t.Helper()
	s.workers.slow.Sent()
	sweeper := redelivery.New(s.tables.At(s.now), s.workers.queues, past{s.workers.fanout},
		metric.New("test", io.Discard, s.now), s.now)
	_, err := sweeper.Handle(s.t.Context(), nil)
	must(s.t, err)
	s.pass(time.Minute)
	held := slices.DeleteFunc(s.workers.slow.Sent(), func(m queue.Message) bool { return m.Delay == 0 })
	done, err := s.workers.delivery.Handle(s.t.Context(), queuetest.Batch(held...))
	must(s.t, err)
	if len(done.BatchItemFailures) > 0 {
		s.t.Fatalf("%d messages failed", len(done.BatchItemFailures))
	}
	s.settle()
}

func ids(got []received) []string {
	var all []string
	for _, r := range got {
		all = append(all, r.header.Get("Webhook-Id"))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestRule20_WhatADeadEndpointMissedComesWhenItIsBackAndTheOthersNeverWaited(t *testing.T) {
	s := newScene(newWorld(t))
	dead, well := newReceiver(t), newReceiver(t)
	id := s.want(s.call(s.admin, "POST", "/v1/webhooks",
		object{"name": "Dead", "url": dead.URL, "policy": object{"retry_wait_seconds": []int{86400}}}), 201).str("id")
	s.want(s.call(s.admin, "POST", "/v1/webhooks", object{"name": "Well", "url": well.URL}), 201)
	s.settle()
	dead.take() // the pings
	well.take()
	dead.answer(http.StatusInternalServerError)
	const credit = 4 // of the ping, in failures
	const signed = domain.BreakerOpensAt + credit + 6
	for range signed {
		s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
		s.settle()
	}
	missed := dead.take()
	if len(missed) != domain.BreakerOpensAt+credit || len(ids(well.take())) != signed {
		t.Fatalf("the dead one got %d requests, want %d", len(missed), domain.BreakerOpensAt+credit)
	}
	reads := s.want(s.call(s.admin, "GET", "/v1/webhooks/"+id, nil), 200)
	if reads.at("parked_deliveries") != float64(6) || reads.str("health", "breaker", "next_probe_at") == "" ||
		reads.str("health", "state") != "failing" {
		t.Errorf("it reads as %s", reads.raw)
	}
	pages := "/v1/webhooks/" + id + "/parked-deliveries?limit=4"
	first := s.want(s.call(s.admin, "GET", pages, nil), 200)
	rest := s.want(s.call(s.admin, "GET", pages+"&cursor="+url.QueryEscape(first.str("next_cursor")), nil), 200)
	if got := s.want(s.call(s.admin, "GET", pages+"&cursor=elsewhere", nil), 422); got.str("errors",
		0, "pointer") != "query.cursor" {
		t.Errorf("got %s", got.raw)
	}
	waiting := append(first.at("items").([]any), rest.at("items").([]any)...)
	if len(waiting) != 6 || rest.at("next_cursor") != nil {
		t.Errorf("parked are %s and %s", first.raw, rest.raw)
	}
	heardOf := map[any]bool{}
	for n, d := range waiting {
		d := d.(object)
		if n > 0 && d["event_at"].(string) < waiting[n-1].(object)["event_at"].(string) || heardOf[d["id"]] ||
			d["attempts"] != float64(0) || d["event_type"] != "contract.created" || d["contract_id"] == nil {
			t.Errorf("parked is %v", d)
		}
		heardOf[d["id"]] = true
	}
	s.minute() // the probe: dead still
	s.minute()
	if got := dead.take(); len(got) != 1 {
		t.Errorf("%d probes, want one", len(got))
	}
	dead.answer(http.StatusOK)
	s.pass(domain.ProbeWaitMost)
	s.minute()
	if got := dead.take(); len(got) != 1 {
		t.Errorf("%d probes, want one", len(got))
	}
	s.minute()
	if got := ids(dead.take()); len(got) != 4 {
		t.Errorf("%d are let go, want 4: all but those that were probes", len(got))
	}
	reads = s.want(s.call(s.admin, "GET", "/v1/webhooks/"+id, nil), 200)
	if reads.at("parked_deliveries") != float64(0) || reads.str("health", "state") != "healthy" {
		t.Errorf("in the end it reads as %s", reads.raw)
	}
	states, before := map[string]int{}, map[string]bool{} // what the queue held back comes again when it really is time
	listed := s.want(s.call(s.admin, "GET", "/v1/webhooks/"+id+"/deliveries?limit=100", nil), 200)
	for n := range listed.at("items").([]any) {
		states[listed.str("items", n, "state")]++
		before[listed.str("items", n, "id")] = true
		if got := listed.at("items", n, "attempts").([]any); len(got) != 1 {
			t.Errorf("a delivery has %d attempts", len(got))
		}
	}
	if states["delivered"] != 6 || states["retrying"] != domain.BreakerOpensAt+credit+1 { // with the ping
		t.Errorf("the deliveries are %v", states)
	}
	// By hand it is sooner: whoever mended it says so, and the ping shows it.
	dead.answer(http.StatusInternalServerError)
	for range 30 {
		s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	}
	s.settle()
	dead.take()
	dead.answer(http.StatusOK)
	if got := s.want(s.call(s.admin, "PATCH", "/v1/webhooks/"+id, object{"enabled": true}), 200); got.at("health",
		"breaker") != nil {
		t.Errorf("enabled it reads as %s", got.raw)
	}
	s.pass(3 * time.Second) // a target is known for two
	s.settle()
	got := slices.DeleteFunc(dead.take(), func(r received) bool { return before[r.header.Get("Webhook-Id")] })
	if len(ids(got)) != 1 || heard(got, "webhook.ping") != 1 {
		t.Errorf("enabled it got %d requests, want the ping", len(got))
	}
	s.minute()
	if got := s.want(s.call(s.admin, "GET", "/v1/webhooks/"+id, nil), 200); got.at("parked_deliveries") != float64(0) {
		t.Errorf("a minute later %s", got.raw)
	}
}
