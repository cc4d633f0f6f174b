package functions_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/functions/redelivery"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/store"
)

// What becomes of a webhook whose endpoint fails, from the POST to what an admin sees and hears.

// heard is how many requests of that event type came since the call of take before.
func heard(got []received, t events.Type) int {
	n := 0
	for _, r := range got {
		if strings.Contains(string(r.body), `"type":"`+string(t)+`"`) {
			n++
		}
	}
	return n
}

func TestRule8_AnEndpointThatIsGoneIsDisabledToldToTheOthersAndEnabledByHand(t *testing.T) {
	s := newScene(newWorld(t))
	gone := newReceiver(t)
	id := s.want(s.call(s.admin, "POST", "/v1/webhooks", object{"name": "Gone", "url": gone.URL}), 201).str("id")
	s.settle()
	if n := len(gone.take()); n != 1 {
		t.Fatalf("it got %d requests, want the ping", n)
	}
	s.receiver.take()
	gone.answer(http.StatusGone)
	s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	s.settle()
	view := s.want(s.call(s.admin, "GET", "/v1/webhooks/"+id, nil), 200)
	if view.str("health", "state") != "disabled" || !strings.Contains(view.str("disabled", "reason"), "410 Gone") ||
		view.str("disabled", "at") == "" || view.at("paused") != false {
		t.Errorf("it reads as %s", view.raw)
	}
	// The account's own webhook hears both once. The managed one, which posts to the same receiver, hears neither (rule
	// 17), and the one that is gone is not told of itself.
	got := s.receiver.take()
	if disabled, exhausted := heard(got, events.WebhookDisabled), heard(got, events.DeliveryExhausted); disabled != 1 ||
		exhausted != 1 {
		t.Errorf("webhook.disabled was heard %d times, delivery.exhausted %d times; want each once", disabled,
			exhausted)
	}
	if n := len(gone.take()); n != 1 {
		t.Errorf("the endpoint that is gone got %d requests, want one", n)
	}

	s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	s.settle()
	list := s.want(s.call(s.admin, "GET", "/v1/webhooks/"+id+"/deliveries?day="+s.now().Format(time.DateOnly),
		nil), 200)
	if got := list.str("items", 0, "state") + " " + list.str("items", 0, "attempts",
		0, "reason"); !strings.HasPrefix(got, "skipped The webhook is disabled.") || len(gone.take()) > 0 {
		t.Errorf("the newest delivery is %q", got)
	}
	gone.answer(http.StatusOK)
	if again := s.want(s.call(s.admin, "PATCH", "/v1/webhooks/"+id, object{"enabled": true}), 200); again.str("health",
		"state") != "healthy" {
		t.Errorf("enabled it reads as %s", again.raw)
	}
	s.pass(3 * time.Second) // a target is known for two
	s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	s.settle()
	if got := gone.take(); len(got) != 2 || heard(got, "webhook.ping") != 1 {
		t.Errorf("enabled it got %d requests, want a ping and the event", len(got))
	}
}

// A distant attempt waits in the table, is found by redelivery when its time has come, and brings the same body.
func TestRule19_ADistantAttemptIsMadeInItsTime(t *testing.T) {
	s := newScene(newWorld(t))
	late := newReceiver(t)
	busy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7200")
		late.Config.Handler.ServeHTTP(w, r)
	})
	front := newFront(t, busy)
	id := s.want(s.call(s.admin, "POST", "/v1/webhooks", object{"name": "Late", "url": front}), 201).str("id")
	s.settle()
	late.take() // the ping
	late.answer(http.StatusServiceUnavailable)
	s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)), 201)
	s.settle()
	first := late.take()
	if len(first) != 1 {
		t.Fatalf("%d requests, want one", len(first))
	}
	sweeper := redelivery.New(s.tables.At(s.now), s.workers.queues, past{s.workers.fanout},
		metric.New("test", io.Discard, s.now), s.now)
	if err := s.tables.SweptTo(t.Context(), s.now().Truncate(store.DueBucket)); err != nil {
		t.Fatal(err)
	}
	sweep := func() {
		t.Helper()
		_, err := sweeper.Handle(t.Context(), nil)
		must(t, err)
		s.settle()
	}
	s.pass(time.Hour)
	if sweep(); len(late.take()) > 0 {
		t.Error("it was tried before its time")
	}
	s.pass(2 * time.Hour)
	late.answer(http.StatusOK)
	sweep()
	sweep()
	got := late.take()
	if len(got) != 1 || string(got[0].body) != string(first[0].body) ||
		got[0].header.Get("Webhook-Id") != first[0].header.Get("Webhook-Id") {
		t.Fatalf("%d requests, want the same once more", len(got))
	}
	read := s.want(s.call(s.dashboard(s.account, "ada"), "GET", "/v1/webhooks/"+id+"/deliveries/"+
		first[0].header.Get("Webhook-Id")+"?day="+s.now().Add(-3*time.Hour).Format(time.DateOnly), nil), 200)
	if read.str("state") != string(domain.DeliveryDelivered) || read.str("attempts", 0, "failure") != "status" ||
		read.str("attempts", 0, "headers", "Retry-After") != "7200" {
		t.Errorf("it reads as %s", read.raw)
	}
}

// newFront is a server before a handler.
func newFront(t *testing.T, h http.Handler) string {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
