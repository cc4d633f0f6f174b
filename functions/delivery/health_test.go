package delivery

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/store/storetest"
)

const day = 24 * time.Hour

// try makes a delivery of a new event to w, which is answered with a status, when its breaker lets one through at the
// latest. It leaves nothing waiting.
func (k *kit) try(w *domain.Webhook, event string, code int) domain.Attempt {
	k.t.Helper()
	k.receiver.answers(status(code, ""))
	k.clock.forward(targetKept)
	if probe := k.health(w).Breaker.ProbeAt; probe.After(k.clock.read()) {
		k.clock.forward(probe.Sub(k.clock.read()))
	}
	d := k.to(w, event)
	d.Slow = true // where probes are made
	k.deliver(d)
	k.slow.Sent()
	return k.outcome(d, 1)
}

func (k *kit) health(w *domain.Webhook) domain.Health {
	k.t.Helper()
	_, h, err := k.WebhookAndHealth(k.t.Context(), w.Account, w.ID)
	if err != nil {
		k.t.Fatal(err)
	}
	return h
}

// told is the events about sending that were committed so far, by type, in no order.
func (k *kit) told() []string {
	k.t.Helper()
	var all []string
	for _, e := range scan[events.Event](k, k.Config.AccountsTable, domain.RecordEvent) {
		if events.OfSending(e.Subject.EventType) {
			var body events.Envelope
			if err := json.Unmarshal(e.Body, &body); err != nil || string(body.Type) != e.Subject.EventType ||
				e.Subject.Webhook == "" || e.At.IsZero() {
				k.t.Errorf("an event is %+v: %v", e, err)
			}
			all = append(all, e.Subject.EventType)
		}
	}
	slices.Sort(all)
	return all
}

func TestRule8_HealthIsWrittenWhenItChangesAndNeverForASuccess(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	began := k.clock.read()
	k.try(w, "1", 200)
	if h := k.health(w); h.Rev != 0 || h.State() != domain.HealthGood {
		t.Errorf("a success wrote %+v", h)
	}
	k.try(w, "2", 500)
	first := k.health(w)
	if first.State() != domain.HealthFailing || first.FailingSince.Before(began) || first.Rev != 1 {
		t.Fatalf("a failure wrote %+v", first)
	}
	for _, event := range []string{"3", "3a"} {
		k.try(w, event, 503)
		if again := k.health(w); again != first {
			t.Errorf("more failures changed it to %+v", again)
		}
	}
	k.clock.forward(23 * time.Hour)
	k.try(w, "4", 500)
	if again := k.health(w); again.State() != domain.HealthFailing || !again.FailingSince.Equal(first.FailingSince) {
		t.Errorf("after 23 hours it is %+v", again)
	}
	k.clock.forward(2 * time.Hour)
	k.try(w, "5", 500)
	if h := k.health(w); h.State() != domain.HealthWarned || !h.FailingSince.Equal(first.FailingSince) {
		t.Errorf("after a day it is %+v", h)
	}
	k.clock.forward(4*day - 2*time.Hour)
	k.try(w, "6", 500)
	if h := k.health(w); h.State() != domain.HealthWarned {
		t.Errorf("before five days it is %+v", h)
	}
	k.try(w, "7", 200)
	if h := k.health(w); h.State() != domain.HealthGood || h.Rev != 0 {
		t.Errorf("a success leaves %+v", h)
	}
	if got := k.told(); !slices.Equal(got, []string{"webhook.failing", "webhook.recovered"}) {
		t.Errorf("told %v", got)
	}
	if got, err := k.Webhook(t.Context(), acct, w.ID); err != nil || got.Rev != w.Rev {
		t.Errorf("the webhook is at revision %d, want %d as before", got.Rev, w.Rev)
	}
}

func TestRule8_ABlipIsToldToNobody(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	for _, code := range []int{500, 200, 500, 200} {
		k.try(w, time.Duration(k.clock.read().UnixNano()).String(), code)
	}
	if got := k.told(); len(got) > 0 {
		t.Errorf("told %v", got)
	}
}

func TestRule8_FiveDaysWithoutASuccessDisable(t *testing.T) {
	k := newKit(t)
	w, _ := k.managed("whk_1")
	k.try(w, "1", 500)
	k.clock.forward(day)
	k.try(w, "2", 500)
	k.clock.forward(4 * day)
	if got := k.try(w, "3", 500); got.Outcome != domain.OutcomeFailed {
		t.Errorf("the attempt that disables is %+v", got)
	}
	if h := k.health(w); h.State() != domain.HealthDisabled || h.Reason != "The answer was 500 Internal Server Error." {
		t.Errorf("after five days it is %+v", h)
	}
	k.receiver.take()
	if got := k.try(w, "4", 200); got.Outcome != domain.OutcomeSkipped ||
		!strings.Contains(got.Reason, "disabled. The answer was 500") || len(k.receiver.take()) > 0 {
		t.Errorf("a delivery to it is %+v", got)
	}
	if got := k.told(); !slices.Equal(got, []string{"webhook.disabled", "webhook.failing"}) {
		t.Errorf("told %v", got)
	}
}

// Standard Webhooks: who answers 410 wants no more. Lifecycle endpoints, too.
func TestRule19_410GoneDisablesAndRetriesOnTheirWayAreSkipped(t *testing.T) {
	k := newKit(t)
	w, i := k.lifecycle()
	e := k.toldOf(w, i, events.InstallationSuspended)
	k.receiver.answers(status(http.StatusGone, ""))
	k.deliver(e)
	if got := k.outcome(e, 1); got.Outcome != domain.OutcomeExhausted || k.health(w).State() != domain.HealthDisabled {
		t.Errorf("got %+v, and its health is %+v", got, k.health(w))
	}
	own := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(status(500, ""))
	d := k.to(own, "1")
	k.deliver(d)
	retry, _ := k.next()
	k.try(own, "2", http.StatusGone)
	k.receiver.take()
	k.clock.forward(time.Minute)
	k.deliver(retry)
	if got := domain.StateOf(k.attempts(d)); got != domain.DeliverySkipped || len(k.receiver.take()) > 0 {
		t.Errorf("the retry reads as %s", got)
	}
	if got := k.told(); !slices.Equal(got,
		[]string{"delivery.exhausted", "delivery.exhausted", "webhook.disabled", "webhook.disabled"}) {
		t.Errorf("told %v", got)
	}
}

// Many processes that see the same make one transition, and one event.
func TestRule16_ManyAtOnceMakeOneTransitionAndOneEvent(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.try(w, "first", 500)
	k.clock.forward(day)
	var together sync.WaitGroup
	for range 8 {
		process := New(k.At(k.clock.read), k.sealer, deliveryqueue.On(k.queue, k.slow, k.clock.read), testEgress,
			metric.New("test", io.Discard, k.clock.read), k.clock.read)
		batch := k.batch(k.to(w, "1"), k.to(w, "2"))
		together.Go(func() {
			if _, err := process.Handle(t.Context(), batch); err != nil {
				t.Error(err)
			}
		})
	}
	together.Wait()
	if h := k.health(w); h.State() != domain.HealthWarned || h.Rev != 2 {
		t.Errorf("the health is %+v, want one transition", h)
	}
	if got := k.told(); !slices.Equal(got, []string{"webhook.failing"}) {
		t.Errorf("told %v, want it once", got)
	}
}

// The event is committed with the transition, or neither is; and the delivery goes on without.
func TestRule16_HealthThatCannotBeNotedHoldsNoDeliveryUp(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.on(k.At(k.clock.read, storetest.Failing("TransactWriteItems")), k.queue)
	if got := k.try(w, "1", 500); got.Outcome != domain.OutcomeFailed {
		t.Errorf("got %+v", got)
	}
	if h := k.health(w); h.Rev != 0 {
		t.Errorf("the health is %+v", h)
	}
	k.on(k.At(k.clock.read), k.queue)
	k.try(w, "2", 500)
	if h := k.health(w); h.State() != domain.HealthFailing {
		t.Errorf("the next attempt leaves %+v", h)
	}
}

func TestRule16_AnExhaustedDeliveryIsToldOnceOrItsMessageComesAgain(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL, domain.SendPolicy{RetryWaitSeconds: []int{1}})
	k.receiver.answers(status(500, ""))
	d := k.to(w, "1")
	d.Attempt = 2
	k.on(k.At(k.clock.read, storetest.Failing("TransactWriteItems")), k.queue)
	if failed := k.work(k.batch(d)); len(failed) != 1 {
		t.Fatal("the event cannot be committed, and the message is done")
	}
	k.on(k.At(k.clock.read), k.queue)
	k.deliver(d, d)
	k.deliver(d)
	if got := k.told(); !slices.Equal(got, []string{"delivery.exhausted"}) {
		t.Errorf("told %v, want it once", got)
	}
	// Of a delivery that tells of sending nothing more is told: two endpoints that are down would go on for ever.
	about := k.to(w, "about")
	about.EventType, about.Attempt = string(events.DeliveryExhausted), 2
	k.deliver(about)
	if got := k.outcome(about, 1); got.Outcome != domain.OutcomeExhausted || len(k.told()) != 1 {
		t.Errorf("got %+v", got)
	}
}
