package delivery

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/queue"
	"plugboard/shared/store"
)

// verdict delivers d once and tells what the log says and whether a request was made.
func (k *kit) verdict(d events.Delivery) (domain.Outcome, bool) {
	k.t.Helper()
	k.deliver(d)
	k.nothingSent()
	return k.outcome(d, 1).Outcome, len(k.receiver.take()) > 0
}

func TestRule5_WhatIsNotSent(t *testing.T) {
	now := domain.SystemClock()
	for name, c := range map[string]struct {
		change func(k *kit, w *domain.Webhook, i *domain.Installation)
		want   domain.Outcome
	}{
		"nothing happened": {func(*kit, *domain.Webhook, *domain.Installation) {}, domain.OutcomeDelivered},
		"disabled": {func(k *kit, _ *domain.Webhook, i *domain.Installation) {
			*i, _ = i.Disable(now)
			k.change(i)
		}, domain.OutcomeCancelled},
		"disabled and enabled again, the webhook not yet there": {func(k *kit, _ *domain.Webhook,
			i *domain.Installation) {
			i.Epoch, i.State = 4, domain.Enabling
			k.change(i)
		}, domain.OutcomeCancelled},
		"disabled and enabled again, the webhook still the old one": {func(k *kit, _ *domain.Webhook,
			i *domain.Installation) {
			i.Epoch = 4
			k.change(i)
		}, domain.OutcomeCancelled},
		"disabled and enabled again": {func(k *kit, w *domain.Webhook, i *domain.Installation) {
			i.Epoch, w.Epoch = 4, 4
			k.change(i)
			k.change(w)
		}, domain.OutcomeCancelled},
		"the webhook was made for a new epoch": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			w.Epoch = 4
			k.change(w)
		}, domain.OutcomeCancelled},
		"the webhook is gone": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			var tx store.Tx
			tx.Discard(*w)
			if err := k.Commit(k.t.Context(), &tx, nil); err != nil {
				k.t.Fatal(err)
			}
		}, domain.OutcomeCancelled},
		"suspended": {func(k *kit, _ *domain.Webhook, i *domain.Installation) {
			*i, _ = i.Suspend(domain.SuspendedByAdmin, now)
			k.change(i)
		}, domain.OutcomeSkipped},
		"paused": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			w.Paused = true
			k.change(w)
		}, domain.OutcomeSkipped},
		"failed": {func(k *kit, _ *domain.Webhook, i *domain.Installation) {
			i.State = domain.Failed
			k.change(i)
		}, domain.OutcomeCancelled},
		"the version has no such webhook": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			w.WebhookKey = "another"
			k.change(w)
		}, domain.OutcomeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			w, i := k.managed("whk_1")
			d := k.to(w, "1")
			c.change(k, w, i)
			if got, posted := k.verdict(d); got != c.want || posted != (c.want == domain.OutcomeDelivered) {
				t.Errorf("got %s, a request: %v; want %s", got, posted, c.want)
			}
		})
	}
}

// The target of the first delivery is remembered, and forgotten in time.
func TestRule5_ADisableIsFeltWithinTwoSeconds(t *testing.T) {
	k := newKit(t)
	w, i := k.managed("whk_1")
	if got, _ := k.verdict(k.to(w, "1")); got != domain.OutcomeDelivered {
		t.Fatalf("got %s, want delivered", got)
	}
	*i, _ = i.Disable(k.clock.read())
	k.change(i)
	k.clock.forward(2 * time.Second)
	if got, posted := k.verdict(k.to(w, "2")); got != domain.OutcomeCancelled || posted {
		t.Errorf("got %s, a request: %v; want cancelled", got, posted)
	}
}

func TestRule5_AClockThatIsSetBackKeepsNothingAlive(t *testing.T) {
	k := newKit(t)
	w, i := k.managed("whk_1")
	if got, _ := k.verdict(k.to(w, "1")); got != domain.OutcomeDelivered {
		t.Fatalf("got %s, want delivered", got)
	}
	*i, _ = i.Disable(k.clock.read())
	k.change(i)
	k.clock.forward(-time.Hour)
	if got, posted := k.verdict(k.to(w, "2")); got != domain.OutcomeCancelled || posted {
		t.Errorf("got %s, a request: %v; want cancelled", got, posted)
	}
}

// Between looking at the target and the POST, KMS may take its time.
func TestRule5_TheTargetIsLookedAtAgainRightBeforeThePost(t *testing.T) {
	k := newKit(t)
	w, i := k.managed("whk_1")
	k.Service.open = slow{k.sealer, func() {
		k.clock.forward(4 * time.Second)
		if i.State == domain.Enabled {
			*i, _ = i.Disable(k.clock.read())
			k.change(i)
		}
	}}
	if got, posted := k.verdict(k.to(w, "1")); got != domain.OutcomeCancelled || posted {
		t.Errorf("got %s, a request: %v; want cancelled", got, posted)
	}
}

func TestRule5_ARetryOfAnOlderEpochIsCancelled(t *testing.T) {
	k := newKit(t)
	w, i := k.managed("whk_1")
	k.receiver.answers(status(http.StatusInternalServerError, ""))
	k.deliver(k.to(w, "1"))
	k.receiver.take()
	next, delay := k.next()
	*i, _ = i.Disable(k.clock.read())
	k.change(i)
	k.clock.forward(delay)
	k.deliver(next)
	k.nothingSent()
	if got := k.outcome(next, 2); got.Outcome != domain.OutcomeCancelled || got.Number != 2 ||
		len(k.receiver.take()) != 0 {
		t.Errorf("got %+v, want cancelled", got)
	}
	if got := domain.StateOf(k.attempts(next)); got != domain.DeliveryCancelled {
		t.Errorf("got %s, want cancelled", got)
	}
}

func TestTargets_ReadOnceForABatch(t *testing.T) {
	k := newKit(t)
	w, _ := k.managed("whk_1")
	counted := k.counts()
	var batch []events.Delivery
	for _, id := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"} {
		batch = append(batch, k.to(w, id))
	}
	k.deliver(batch...)
	k.deliver(k.to(w, "11"))
	if ahead, singly := counted.ahead.Load(), counted.singly.Load(); ahead != 1 || singly != 0 {
		t.Errorf("two batches read their one webhook %d times ahead and %d times singly, want once ahead", ahead,
			singly)
	}
	k.clock.forward(targetKept - targetSoon + 1) // it is known still, and not for long
	k.deliver(k.to(w, "12"))
	k.deliver(k.to(w, "13"))
	if ahead, singly := counted.ahead.Load(), counted.singly.Load(); ahead != 2 || singly != 0 {
		t.Errorf("later two more read it %d times ahead and %d times singly, want once more ahead", ahead-1, singly)
	}
	if got := len(k.receiver.take()); got != 13 {
		t.Errorf("got %d requests, want 13", got)
	}
}

// One is gone, one is managed, one has failed before, and one is not due.
func TestTargets_ABatchForManyWebhooksIsOneRead(t *testing.T) {
	k := newKit(t)
	managed, _ := k.managed("whk_managed")
	batch := []events.Delivery{k.to(managed, "1"), k.to(&domain.Webhook{Account: acct, ID: "whk_gone"}, "2"),
		k.to(k.own("whk_later", k.receiver.URL), "3")}
	batch[2].NotBefore = k.clock.read().Add(time.Minute)
	for _, id := range []string{"4", "5", "6", "7", "8", "9", "10"} {
		batch = append(batch, k.to(k.own("whk_"+id, k.receiver.URL), id))
	}
	k.Given(&domain.Health{Account: acct, Webhook: "whk_10", DisabledAt: k.clock.read(), Reason: "It was disabled."})
	counted := k.counts()
	k.deliver(batch...)
	if ahead, singly := counted.ahead.Load(), counted.singly.Load(); ahead != 1 || singly != 0 {
		t.Errorf("the batch was read %d times ahead and %d times singly, want once ahead", ahead, singly)
	}
	if got := len(k.receiver.take()); got != 7 {
		t.Errorf("got %d requests, want 7", got)
	}
	if got := k.outcome(batch[1], 1); got.Outcome != domain.OutcomeCancelled {
		t.Errorf("the delivery to what is gone is %s", got.Outcome)
	}
	if got := k.outcome(batch[9], 1); got.Outcome != domain.OutcomeSkipped {
		t.Errorf("the delivery to what is disabled is %s", got.Outcome)
	}
}

// knowing is d with what fan-out, a moment ago, had read of where it goes.
func (k *kit) knowing(d events.Delivery, w *domain.Webhook, i *domain.Installation, ago time.Duration) events.Delivery {
	k.t.Helper()
	account, err := k.Account(k.t.Context(), w.Account)
	if err != nil {
		k.t.Fatal(err)
	}
	known := events.Target{At: k.clock.read().Add(-ago), Account: account, Webhook: *w}
	if i != nil {
		known.Installation = *i
	}
	if d.Target, err = queue.Encode(known); err != nil {
		k.t.Fatal(err)
	}
	return d
}

func TestTargets_WhatFanOutHasReadIsNotReadAgain(t *testing.T) {
	k := newKit(t)
	managed, i := k.managed("whk_managed")
	own := k.own("whk_own", k.receiver.URL)
	counted := k.counts()
	k.deliver(k.knowing(k.to(managed, "1"), managed, i, time.Second), k.knowing(k.to(own, "2"), own, nil, time.Second))
	if ahead, singly := counted.ahead.Load(), counted.singly.Load(); ahead != 0 || singly != 0 {
		t.Errorf("read %d times ahead and %d times singly, want neither", ahead, singly)
	}
	if got := k.receiver.take(); len(got) != 2 {
		t.Errorf("got %d requests, want 2", len(got))
	}
	k.clock.forward(targetKept - time.Second) // what it was told was a second old then
	k.deliver(k.to(own, "3"))
	if counted.ahead.Load() != 1 {
		t.Error("what fan-out had read is remembered for longer than what is read here")
	}
}

// What fan-out had read is of use only as long as what is read here would be, and only to send.
func TestRule5_WhatFanOutHasReadHoldsForTwoSecondsAndHoldsNothingBack(t *testing.T) {
	for name, c := range map[string]struct {
		ago    time.Duration
		before func(*domain.Webhook, *domain.Installation) // when fan-out read it
		since  func(*kit, *domain.Installation)
		want   domain.Outcome
	}{
		"disabled since, two seconds ago": {ago: targetKept, since: (*kit).disabled,
			want: domain.OutcomeCancelled},
		"disabled since, and it would be as old before the POST": {ago: targetKept - targetSoon, since: (*kit).disabled,
			want: domain.OutcomeCancelled},
		"disabled since, by a clock that is ahead": {ago: -time.Second, since: (*kit).disabled,
			want: domain.OutcomeCancelled},
		"it was suspended, and is resumed": {before: func(_ *domain.Webhook, i *domain.Installation) {
			i.State = domain.Suspended
		}, want: domain.OutcomeDelivered},
		"it was gone, and is there": {before: func(_ *domain.Webhook, i *domain.Installation) {
			*i = domain.Installation{}
		}, want: domain.OutcomeDelivered},
		"it was paused, and is not": {before: func(w *domain.Webhook,
			_ *domain.Installation) {
			w.Paused = true
		}, want: domain.OutcomeDelivered},
		"of another webhook": {before: func(w *domain.Webhook, _ *domain.Installation) {
			w.ID, w.URL = "whk_2", "https://127.0.0.1:1"
		}, want: domain.OutcomeDelivered},
		"of another account": {before: func(w *domain.Webhook, _ *domain.Installation) {
			w.URL = "https://127.0.0.1:1"
			w.Account = "other"
		}, want: domain.OutcomeDelivered},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			k.Given(&domain.Account{ID: "other", CreatedAt: k.clock.read().Add(-time.Hour)})
			w, i := k.managed("whk_1")
			d := k.to(w, "1")
			oldHook, oldInstallation := *w, *i
			if c.before != nil {
				c.before(&oldHook, &oldInstallation)
			}
			d = k.knowing(d, &oldHook, &oldInstallation, c.ago)
			if c.since != nil {
				c.since(k, i)
			}
			counted := k.counts()
			if got, posted := k.verdict(d); got != c.want || posted != (c.want == domain.OutcomeDelivered) ||
				counted.ahead.Load()+counted.singly.Load() == 0 {
				t.Errorf("got %s, a request: %v, after %d reads; want %s", got, posted,
					counted.ahead.Load()+counted.singly.Load(), c.want)
			}
		})
	}
}

func (k *kit) disabled(i *domain.Installation) {
	*i, _ = i.Disable(k.clock.read())
	k.change(i)
}

// A process that changed a webhook's health does not take it from fan-out that it is well.
func TestTargets_WhatFanOutHadReadBeforeAChangeMadeHereIsReadAgain(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_1", k.receiver.URL)
	first, second := k.to(w, "1"), k.to(w, "2")
	k.receiver.answers(status(http.StatusGone, ""))
	k.deliver(k.knowing(first, w, nil, 0))
	if got := k.outcome(first, 1); got.Outcome != domain.OutcomeExhausted {
		t.Fatalf("got %+v", got)
	}
	k.receiver.take()
	if got, posted := k.verdict(k.knowing(second, w, nil, 0)); got != domain.OutcomeSkipped || posted {
		t.Errorf("got %s, a request: %v; want skipped, as the endpoint was disabled", got, posted)
	}
}

// The next attempt's message, a minute later, has nothing beside it.
func TestTargets_WhatFanOutHasReadGoesNoFurther(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_1", k.receiver.URL)
	k.receiver.answers(status(http.StatusInternalServerError, ""))
	k.deliver(k.knowing(k.to(w, "1"), w, nil, 0))
	if sent := k.queue.Sent(); len(sent) != 1 || sent[0].Attributes["target"] != "" ||
		sent[0].Attributes["event"] == "" {
		t.Errorf("sent %+v", sent)
	}
}

func TestTargets_WithoutReadingAheadEachReadsItsOwn(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_1", k.receiver.URL)
	counted := k.counts()
	counted.failure = errors.New("DynamoDB is busy")
	if got, posted := k.verdict(k.to(w, "1")); got != domain.OutcomeDelivered || !posted || counted.singly.Load() != 1 {
		t.Errorf("got %s, a request: %v, after %d single reads", got, posted, counted.singly.Load())
	}
}

// What was read ahead is as old as its reading.
func TestRule5_WhatWasReadAheadTooLongAgoIsReadAgain(t *testing.T) {
	k := newKit(t)
	w, i := k.managed("whk_1")
	counted := k.counts()
	counted.meanwhile = func() {
		k.clock.forward(targetKept)
		*i, _ = i.Disable(k.clock.read())
		k.change(i)
	}
	if got, posted := k.verdict(k.to(w, "1")); got != domain.OutcomeCancelled || posted || counted.ahead.Load() != 1 {
		t.Errorf("got %s, a request: %v; want cancelled", got, posted)
	}
}
