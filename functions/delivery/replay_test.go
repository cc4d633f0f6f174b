package delivery

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
)

// again is the message that replays the delivery.
func (k *kit) again(w *domain.Webhook, d events.Delivery) events.Delivery {
	k.t.Helper()
	e, err := k.Event(k.t.Context(), acct, d.Contract, d.Event)
	if err != nil {
		k.t.Fatal(err)
	}
	replay, err := events.Again(*w, e, k.attempts(d))
	if err != nil {
		k.t.Fatal(err)
	}
	replay.Asked = true // as webhooks makes it
	return replay
}

// Retried by hand, a delivery has nothing left for the message that waits for its time.
func TestRule18_WhatIsRetriedByHandIsNotSentAgainInItsTime(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL, domain.SendPolicy{RetryWaitSeconds: []int{100, 200, 300}})
	k.receiver.answers(status(http.StatusServiceUnavailable, ""))
	first := k.to(w, "1")
	k.deliver(first)
	waiting, _ := k.next()

	now := k.again(w, first)
	if now.Attempt != 2 || now.First != 1 || !now.Slow {
		t.Fatalf("retried now it is %+v", now)
	}
	k.deliver(now)
	if got := k.receiver.take(); len(got) != 2 || got[0].body != got[1].body ||
		got[1].header.Get("webhook-id") != string(first.ID) {
		t.Fatalf("%d requests came, want two alike", len(got))
	}
	if next := k.slow.Sent(); len(next) != 1 || next[0].Delay.Round(time.Second) != 200*time.Second {
		t.Fatalf("what follows is %+v, want the second wait of the schedule, in the slow queue", next)
	}
	k.clock.forward(100 * time.Second)
	k.deliver(waiting)
	if got := k.receiver.take(); len(got) != 0 {
		t.Errorf("the message that waited made %d requests more", len(got))
	}
	k.outcome(first, 2)
}

// However large its context is, which it was sent with.
func TestRule18_WhatWasDeliveredIsReplayedToTheByte(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	d := k.to(w, "1")
	d.Context = `{"note":"` + strings.Repeat("x", 5000) + `"}`
	k.deliver(d)
	k.deliver(k.again(w, d))
	if got := k.receiver.take(); len(got) != 2 || got[0].body != got[1].body ||
		!strings.Contains(got[0].body, d.Context) {
		t.Errorf("%d requests came, want two alike with the context", len(got))
	}
}

// After one that has ended the schedule begins anew, and tells anew when it has ended.
func TestRule19_AReplayBeginsTheScheduleAnew(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL, domain.SendPolicy{RetryWaitSeconds: []int{100}})
	k.receiver.answers(status(http.StatusServiceUnavailable, ""))
	first := k.to(w, "1")
	k.deliver(first)
	second, _ := k.next()
	k.clock.forward(2 * time.Minute)
	k.deliver(second)
	k.outcome(first, 2)
	k.nothingSent()

	replay := k.again(w, first)
	k.deliver(replay)
	if line := k.outcome(first, 3); line.Outcome != domain.OutcomeFailed || line.Number != 3 ||
		line.NextAt.Sub(k.clock.read()) != 100*time.Second {
		t.Fatalf("the replay's first attempt is %+v, want one that is repeated after the schedule's first wait", line)
	}
	k.clock.forward(2 * time.Minute)
	last := replay
	last.Attempt, last.NotBefore = 4, k.clock.read()
	k.deliver(last, first, second) // and the old messages come once more
	if line := k.outcome(first, 4); line.Number != 4 || line.Outcome != domain.OutcomeExhausted {
		t.Errorf("the last line is %+v", line) // the old messages are parked: the breaker is open by now
	}
	if told := scan[events.Event](k, k.Config.AccountsTable, domain.RecordEvent); len(told) != 3 {
		t.Errorf("%d events are stored, want the contract's and two of exhausted runs", len(told))
	}
}

// A run that goes on for longer than its event is stored ends where it can be seen, and not in the dead-letter queue.
func TestRule19_AReplayWhoseEventIsGoneEnds(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(status(http.StatusServiceUnavailable, ""))
	first := k.to(w, "1")
	k.deliver(first)
	replay := k.again(w, first)
	k.clock.forward(31 * 24 * time.Hour)
	k.deliver(replay)
	if line := k.outcome(first, 2); line.Outcome != domain.OutcomeCancelled ||
		line.Reason != "The event is not stored any more." {
		t.Errorf("the last line is %+v", line)
	}
}
