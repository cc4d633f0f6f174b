package redelivery

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// broken stores a webhook whose breaker opened, with so many deliveries parked for it.
func (k *kit) broken(id string, parked int) (*domain.Webhook, *domain.Health, []events.Delivery) {
	k.t.Helper()
	w := &domain.Webhook{Account: "acct-42", ID: domain.WebhookID(id)}
	h := &domain.Health{Account: "acct-42", Webhook: w.ID, FailingSince: k.now,
		Breaker: domain.Breaker{OpenedAt: k.now, ProbeAt: k.now.Add(time.Minute)}}
	at := k.At(func() time.Time { return k.now })
	if err := at.Watch(k.t.Context(), w.Account, w.ID); err != nil {
		k.t.Fatal(err)
	}
	k.Given(w, h)
	var all []events.Delivery
	for n := range parked {
		event := domain.EventID(fmt.Sprintf("evt_%04d", n))
		all = append(all, events.Delivery{
			ID: domain.DeliveryOf(event, w.ID), Account: w.Account, Webhook: w.ID, Event: event,
			EventAt: k.now.Add(time.Duration(n) * time.Second), Attempt: 1 + n%3,
		})
	}
	if err := at.Park(k.t.Context(), all); err != nil {
		k.t.Fatal(err)
	}
	return w, h, all
}

// written commits a change.
func (k *kit) written(change func(*store.Tx)) {
	k.t.Helper()
	var tx store.Tx
	change(&tx)
	if err := k.Commit(k.t.Context(), &tx, nil); err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) closed(h *domain.Health) { k.written(func(tx *store.Tx) { tx.Discard(*h) }) }

// letGo is what was sent down the slow queue since the call before, with the wait of each; none went down the other.
func (k *kit) letGo() (all []events.Delivery, waits []time.Duration) {
	k.t.Helper()
	if quick := k.queue.Sent(); len(quick) > 0 {
		k.t.Errorf("%d went down the quick queue", len(quick))
	}
	for _, m := range k.slow.Sent() {
		d, err := deliveryqueue.Delivery(queuetest.Batch(m).Records[0], time.Hour)
		if err != nil || !d.Slow || d.Body != "" {
			k.t.Fatalf("sent %s: %v", m.Body, err)
		}
		all, waits = append(all, d), append(waits, m.Delay)
	}
	return all, waits
}

func (k *kit) left(w *domain.Webhook) int {
	k.t.Helper()
	all, err := k.Parked(k.t.Context(), w.Account, w.ID, 10_000)
	if err != nil {
		k.t.Fatal(err)
	}
	return len(all)
}

func (k *kit) watched() int {
	k.t.Helper()
	all, err := k.Watched(k.t.Context())
	if err != nil {
		k.t.Fatal(err)
	}
	return len(all)
}

func TestRule20_OneProbeIsSentWhenItIsDueAndNothingElse(t *testing.T) {
	k := newKit(t)
	w, _, all := k.broken("whk_1", 5)
	k.sweep()
	if got, _ := k.letGo(); len(got) > 0 {
		t.Errorf("before a probe is due %d are sent", len(got))
	}
	if !strings.Contains(k.measured.String(), `"OpenBreakers":[1]`) {
		t.Errorf("the metrics are %s", k.measured.String())
	}
	k.now = k.now.Add(time.Minute)
	k.sweep()
	if got, waits := k.letGo(); len(got) != 1 || got[0].ID != all[0].ID || got[0].Attempt != all[0].Attempt ||
		waits[0] != 0 || k.left(w) != 4 {
		t.Errorf("the probe is %+v, want the oldest", got)
	}
}

func TestRule20_WhatIsParkedIsLetGoOldestFirstAndAtABoundedRate(t *testing.T) {
	k := newKit(t)
	w, h, all := k.broken("whk_1", domain.ReleaseFirst+200)
	_, _, others := k.broken("whk_2", 3)
	k.closed(h)
	k.closed(&domain.Health{Account: "acct-42", Webhook: "whk_2"})
	first := map[domain.WebhookID][]events.Delivery{}
	k.sweep()
	got, waits := k.letGo()
	late := time.Duration(0)
	for i, d := range got {
		if d.Attempt != 1+len(first[d.Webhook])%3 && d.Webhook == "whk_2" || d.NotBefore.Before(k.now) || waits[i] < 0 {
			t.Fatalf("sent %+v", d)
		}
		late = max(late, waits[i])
		first[d.Webhook] = append(first[d.Webhook], d)
	}
	if len(first["whk_2"]) != len(others) {
		t.Errorf("of the other %d were let go, want its 3", len(first["whk_2"]))
	}
	if n := len(first["whk_1"]); n > domain.ReleaseFirst || n < domain.ReleaseFirst*9/10 || late < 50*time.Second ||
		late > time.Minute {
		t.Errorf("%d were let go over %s, want about %d over a minute", n, late, domain.ReleaseFirst)
	}
	// Each of the parts gives its oldest: nobody waits who is older than all that went.
	newest := time.Time{}
	for _, d := range first["whk_1"] {
		if d.EventAt.After(newest) {
			newest = d.EventAt
		}
	}
	if newest.After(all[domain.ReleaseFirst+199].EventAt.Add(-10 * time.Second)) {
		t.Errorf("among the first is one of %s", newest)
	}
	k.now = k.now.Add(time.Minute)
	k.sweep()
	rest, _ := k.letGo()
	ids := map[domain.DeliveryID]bool{}
	for _, d := range append(rest, first["whk_1"]...) {
		ids[d.ID] = true
	}
	if len(ids) != len(all) || k.left(w) != 0 {
		t.Errorf("%d were let go in two minutes, want all %d, and %d are left", len(ids), len(all), k.left(w))
	}
}

// An endpoint that is back gets twice as many each minute that it stays so, and as few as at first when it has failed
// again.
func TestRule20_WhatIsLetGoDoublesWhileTheBreakerStaysClosed(t *testing.T) {
	k := newKit(t)
	_, h, all := k.broken("whk_1", 5*domain.ReleaseFirst+10)
	minute := func(want int) {
		t.Helper()
		k.now = k.now.Add(time.Minute)
		k.sweep()
		got, waits := k.letGo()
		if len(got) != want || slices.Max(waits) > time.Minute {
			t.Errorf("%d are let go within %s, want %d over a minute", len(got), slices.Max(waits), want)
		}
	}
	k.closed(h)
	minute(domain.ReleaseFirst)
	minute(2 * domain.ReleaseFirst)
	// it opens, and closes again
	if err := k.At(func() time.Time { return k.now }).Watch(t.Context(), "acct-42", "whk_1"); err != nil {
		t.Fatal(err)
	}
	minute(domain.ReleaseFirst)
	minute(len(all) - 4*domain.ReleaseFirst)
	if got := domain.Released(domain.ReleaseMax, 1); got != domain.ReleaseMax {
		t.Errorf("at most %d are let go, want %d", got, domain.ReleaseMax)
	}
}

func TestRule20_WhatIsParkedIsLetGoToBeRecordedOnceItsWebhookMayNotBeSentTo(t *testing.T) {
	for name, change := range map[string]func(*store.Tx, *domain.Webhook, *domain.Health){
		"deleted": func(tx *store.Tx, w *domain.Webhook, _ *domain.Health) { tx.Retire(*w, w.CreatedAt) },
		"paused":  func(tx *store.Tx, w *domain.Webhook, _ *domain.Health) { w.Paused = true; tx.Replace(w) },
		"disabled": func(tx *store.Tx, w *domain.Webhook, h *domain.Health) {
			h.DisabledAt = h.FailingSince
			tx.Replace(h)
		},
		"of another epoch": func(tx *store.Tx, w *domain.Webhook, _ *domain.Health) { w.Epoch = 2; tx.Replace(w) },
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			w, h, all := k.broken("whk_1", domain.ReleaseFirst+100) // no endpoint is to be spared
			k.written(func(tx *store.Tx) { change(tx, w, h) })
			k.sweep()
			want := len(all)
			if w.Epoch == 2 { // which has an endpoint
				want = domain.ReleaseFirst
			}
			if got, _ := k.letGo(); len(got) != want {
				t.Errorf("%d are let go, want %d", len(got), want)
			}
		})
	}
}

// A crash after sending and before removing, another sweeper at the same moment, and a queue that takes some: every one
// is sent, and those that are sent again are the same delivery and attempt.
func TestRule20_WhatIsLetGoTwiceIsTheSameAndNothingIsLost(t *testing.T) {
	k := newKit(t)
	w, h, all := k.broken("whk_1", 3)
	k.closed(h)
	if _, err := k.service(k.queue, storetest.Failing("BatchWriteItem")).Handle(t.Context(), nil); err == nil {
		t.Error("nothing is removed, and there is no error")
	}
	once, _ := k.letGo()
	clock := func() time.Time { return k.now }
	refusingSlow := New(k.At(clock), deliveryqueue.On(k.queue, refusing{k.slow, all[1].ID}, clock), k.fanout,
		metric.New("test", io.Discard, clock), clock)
	if _, err := refusingSlow.Handle(t.Context(), nil); err == nil || k.left(w) != 1 {
		t.Errorf("one is refused: %v, and %d are left", err, k.left(w))
	}
	k.letGo()
	k.now = k.now.Add(time.Minute)
	k.sweep()
	last, _ := k.letGo()
	if len(once) != 3 || len(last) != 1 || last[0].ID != all[1].ID || last[0].Attempt != all[1].Attempt ||
		k.left(w) != 0 {
		t.Errorf("sent %d, then %+v", len(once), last)
	}
}

// A webhook is watched while something may be parked for it, by whoever read an open breaker a moment ago.
func TestRule20_AWebhookIsWatchedUntilNothingCanBeParkedForItAnyMore(t *testing.T) {
	k := newKit(t)
	at := k.At(func() time.Time { return k.now })
	w, h, _ := k.broken("whk_1", 1)
	k.closed(h)
	minutes := func(n int) {
		for range n {
			k.now = k.now.Add(time.Minute)
			k.sweep()
		}
	}
	twice := int(2 * store.WatchedSettles / time.Minute)
	minutes(twice - 1)
	k.letGo()
	if k.watched() != 1 {
		t.Fatalf("it is watched no more after %d minutes", twice-1)
	}
	late := events.Delivery{ID: domain.DeliveryOf("evt_late", w.ID), Account: w.Account, Webhook: w.ID,
		Event: "evt_late", EventAt: k.now, Attempt: 1}
	if err := at.Park(t.Context(), []events.Delivery{late}); err != nil {
		t.Fatal(err)
	}
	minutes(1)
	if got, _ := k.letGo(); len(got) != 1 || k.watched() != 1 {
		t.Errorf("what was parked at the last moment: %d are let go, %d watched", len(got), k.watched())
	}
	minutes(1)
	if k.watched() != 0 {
		t.Error("it is watched still")
	}
	clear(k.calls)
	minutes(1)
	if k.calls["Query"] != store.DueShards+store.PendingShards+1 {
		t.Errorf("a minute after it makes %v", k.calls)
	}
}

// An endpoint that is dead and hears of nothing more costs nothing.
func TestRule20_AnOpenBreakerWithNothingParkedIsWatchedNoMoreOnceItLapsed(t *testing.T) {
	k := newKit(t)
	_, h, _ := k.broken("whk_1", 0)
	for k.now.Before(h.Breaker.ProbeAt.Add(domain.ProbeLapses)) {
		k.sweep()
		if k.watched() != 1 {
			t.Fatalf("it is watched no more at %s", k.now)
		}
		k.now = k.now.Add(time.Minute)
	}
	for range 2*store.WatchedSettles/time.Minute + 2 {
		k.sweep()
		k.now = k.now.Add(time.Minute)
	}
	if k.watched() != 0 {
		t.Error("it is watched still")
	}
	_, h, _ = k.broken("whk_2", 1)
	k.now = h.Breaker.ProbeAt.Add(domain.ProbeLapses) // the sweeper was down
	k.sweep()
	if got, _ := k.letGo(); len(got) != 1 {
		t.Errorf("%d are sent after an outage, want a probe", len(got))
	}
}

// The breaker opens again between what a sweeper read and what it says: it stays watched.
func TestRule20_ABreakerThatOpensAgainIsWatchedWhateverASweeperSays(t *testing.T) {
	k := newKit(t)
	at := k.At(func() time.Time { return k.now })
	_, h, _ := k.broken("whk_1", 0)
	k.closed(h)
	k.now = k.now.Add(2 * store.WatchedSettles)
	for _, step := range []string{"the first telling", "the second"} {
		read, err := k.Watched(t.Context())
		if err != nil || len(read) != 1 {
			t.Fatalf("%s: %v, %v", step, read, err)
		}
		if err := at.Watch(t.Context(), "acct-42", "whk_1"); err != nil { // it opens
			t.Fatal(err)
		}
		if err := at.Quiet(t.Context(), read[0]); err != nil {
			t.Fatal(err)
		}
		again, err := k.Watched(t.Context())
		if err != nil || len(again) != 1 || !again[0].EmptySince.IsZero() {
			t.Fatalf("after %s it is %+v, %v", step, again, err)
		}
		k.now = k.now.Add(2 * store.WatchedSettles)
		if err := at.Quiet(t.Context(), again[0]); err != nil {
			t.Fatal(err)
		}
		k.now = k.now.Add(2 * store.WatchedSettles)
	}
}

func TestRule20_ARunWithoutTimeLetsNothingGo(t *testing.T) {
	k := newKit(t)
	w, h, all := k.broken("whk_1", 3)
	k.closed(h)
	ctx, cancel := context.WithTimeout(t.Context(), leastForPage-time.Second)
	defer cancel()
	if _, err := k.service(k.queue).Handle(ctx, nil); err != nil || k.left(w) != len(all) {
		t.Errorf("%d are left: %v", k.left(w), err)
	}
	k.sweep()
	got, _ := k.letGo()
	slices.SortFunc(got, func(x, y events.Delivery) int { return x.EventAt.Compare(y.EventAt) })
	if len(got) != 3 {
		t.Errorf("%d are let go", len(got))
	}
}
