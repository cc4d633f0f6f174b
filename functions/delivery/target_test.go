package delivery

import (
	"net/http"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
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
		"disabled and enabled again, the webhook not yet there": {func(k *kit, _ *domain.Webhook, i *domain.Installation) {
			i.Epoch, i.State = 4, domain.Enabling
			k.change(i)
		}, domain.OutcomeCancelled},
		"disabled and enabled again, the webhook still the old one": {func(k *kit, _ *domain.Webhook, i *domain.Installation) {
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
	if got := k.outcome(next, 2); got.Outcome != domain.OutcomeCancelled || got.Number != 2 || len(k.receiver.take()) != 0 {
		t.Errorf("got %+v, want cancelled", got)
	}
	if got := domain.StateOf(k.attempts(next)); got != domain.DeliveryCancelled {
		t.Errorf("got %s, want cancelled", got)
	}
}

func TestTargets_ReadOnceForABatch(t *testing.T) {
	k := newKit(t)
	w, _ := k.managed("whk_1")
	counted := &counting{Records: k.Tables}
	k.Service.targets = newTargets(counted, k.clock.read)
	var batch []events.Delivery
	for _, id := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"} {
		batch = append(batch, k.to(w, id))
	}
	k.deliver(batch...)
	if got := counted.webhooks.Load(); got != 1 {
		t.Errorf("a batch read its one webhook %d times", got)
	}
	if got := len(k.receiver.take()); got != 10 {
		t.Errorf("got %d requests, want 10", got)
	}
}
