package delivery

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store/storetest"
)

// sentOn is what was sent since the call before.
func (k *kit) sentOn() []events.Delivery {
	k.t.Helper()
	var all []events.Delivery
	for _, m := range append(k.queue.Sent(), k.slow.Sent()...) {
		all = append(all, k.delivery(m))
	}
	return all
}

func TestRule20_AnEndpointGetsNoMoreASecondThanItsPolicySays(t *testing.T) {
	k := newKit(t)
	limited, other := k.own("whk_1", k.receiver.URL, domain.SendPolicy{MaxPerSecond: 2}), k.own("whk_2", k.receiver.URL)
	var all []events.Delivery
	for n := range 5 {
		all = append(all, k.to(limited, fmt.Sprint(n)))
	}
	k.deliver(append(all, k.to(other, "6"))...)
	if got := len(k.receiver.take()); got != 3 {
		t.Fatalf("%d requests, want two and the other webhook's", got)
	}
	waiting := k.sentOn()
	now := k.clock.read()
	turns := map[time.Duration]bool{}
	for _, d := range waiting {
		turns[d.NotBefore.Sub(now).Round(time.Millisecond)] = d.Turn && d.Attempt == 1
	}
	if want := map[time.Duration]bool{500 * time.Millisecond: true, time.Second: true,
		1500 * time.Millisecond: true}; fmt.Sprint(turns) != fmt.Sprint(want) {
		t.Fatalf("they wait for %v, want %v", turns, want)
	}
	k.clock.forward(2 * time.Second)
	k.deliver(waiting...)
	if got := len(k.receiver.take()); got != 3 {
		t.Errorf("%d requests when their turns came, want 3", got)
	}
	k.nothingSent()
	for _, d := range all {
		if line := k.outcome(d, 1); line.Number != 1 || line.Outcome != domain.OutcomeDelivered {
			t.Errorf("got %+v, want one attempt, the first", line)
		}
	}
}

// Whichever process it is, and whatever else is in its batch.
func TestRule20_ThePaceHoldsOverProcesses(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_1", k.receiver.URL, domain.SendPolicy{MaxPerSecond: 3})
	for n := range 4 {
		k.on(k.At(k.clock.read), k.queue) // a new process
		k.deliver(k.to(w, fmt.Sprint(n)), k.to(w, fmt.Sprint(n+10)))
	}
	if got := len(k.receiver.take()); got != 3 {
		t.Errorf("%d requests at one moment, want 3", got)
	}
	if got := len(k.sentOn()); got != 5 {
		t.Errorf("%d wait, want 5", got)
	}
}

// A retry takes a turn of its own.
func TestRule20_ARetryWaitsItsTurnToo(t *testing.T) {
	k := newKit(t)
	k.receiver.answers(status(500, ""))
	w := k.own("whk_1", k.receiver.URL, domain.SendPolicy{MaxPerSecond: 1})
	k.deliver(k.to(w, "1"))
	retry, _ := k.next()
	if retry.Turn || retry.Attempt != 2 {
		t.Fatalf("got %+v, want a second attempt without a turn", retry)
	}
	k.clock.forward(5 * time.Second)
	k.deliver(k.to(w, "2"))
	k.receiver.take()
	k.sentOn()
	k.deliver(retry)
	if got := k.sentOn(); len(got) != 1 || !got[0].Turn || got[0].Attempt != 2 || len(k.receiver.take()) != 0 {
		t.Errorf("got %+v, want the second attempt to wait for its turn", got)
	}
}

func TestRule20_WhatWouldWaitForMoreThanADayIsGivenUpVisibly(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_1", k.receiver.URL, domain.SendPolicy{MaxPerSecond: 1})
	if _, err := k.LeaseTurns(t.Context(), w.ID, int(domain.TurnsWithin/time.Second)+2, time.Second); err != nil {
		t.Fatal(err)
	}
	d := k.to(w, "1")
	k.deliver(d)
	if line := k.outcome(d, 1); line.Outcome != domain.OutcomeExhausted || line.Failure != domain.FailureBacklog {
		t.Errorf("got %+v", line)
	}
	k.nothingSent()
	if told := scan[events.Event](k, k.Config.AccountsTable, domain.RecordEvent); len(told) != 2 { // with d's own
		t.Errorf("%d events, want delivery.exhausted among two", len(told))
	}
}

// Nothing is posted without a turn, and nothing is lost.
func TestRule20_AMessageWhoseTurnCannotBeTakenComesAgain(t *testing.T) {
	k := newKit(t)
	d := k.to(k.own("whk_1", k.receiver.URL, domain.SendPolicy{MaxPerSecond: 1}), "1")
	k.on(k.At(k.clock.read, storetest.Failing("UpdateItem")), k.queue)
	if failed := k.work(k.batch(d)); len(failed) != 1 || len(k.receiver.take()) != 0 {
		t.Errorf("%d messages failed, want one, and no request", len(failed))
	}
}

type countedPace struct {
	TurnLeases
	calls atomic.Int32
}

func (c *countedPace) LeaseTurns(ctx context.Context, w domain.WebhookID,
	n int, every time.Duration) (time.Time, error) {
	c.calls.Add(1)
	return c.TurnLeases.LeaseTurns(ctx, w, n, every)
}

func TestTurns_ABatchTakesThemInBlocks(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_1", k.receiver.URL, domain.SendPolicy{MaxPerSecond: 100})
	counted := &countedPace{TurnLeases: k.Tables}
	k.Service.limiter = newRateLimiter(counted)
	var all []events.Delivery
	for n := range 10 {
		all = append(all, k.to(w, fmt.Sprint(n)))
	}
	k.deliver(all...)
	if got := counted.calls.Load(); got < 1 || got > 5 {
		t.Errorf("%d calls for a batch of ten", got)
	}
	if got := len(k.receiver.take()); got != 10 {
		t.Errorf("%d requests, want 10", got)
	}
}
