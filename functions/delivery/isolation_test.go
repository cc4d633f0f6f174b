package delivery

import (
	"fmt"
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
	"plugboard/shared/fault"
	"plugboard/shared/metric"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// fails delivers that many events to w, which fail, and leaves nothing waiting. It returns them.
func (k *kit) fails(w *domain.Webhook, times int) []events.Delivery {
	k.t.Helper()
	k.receiver.answers(status(500, ""))
	var all []events.Delivery
	for n := range times {
		d := k.to(w, fmt.Sprint(w.ID, n))
		k.deliver(d)
		all = append(all, d)
	}
	k.receiver.take()
	k.queue.Sent()
	return all
}

// breaks opens w's breaker.
func (k *kit) breaks(w *domain.Webhook) domain.Health {
	k.t.Helper()
	k.fails(w, domain.BreakerOpensAt)
	h := k.health(w)
	if !h.Breaker.Open() {
		k.t.Fatalf("after %d failures it is %+v", domain.BreakerOpensAt, h)
	}
	return h
}

func (k *kit) parked(w *domain.Webhook) []events.Delivery {
	k.t.Helper()
	all, err := k.Parked(k.t.Context(), w.Account, w.ID, 1000)
	if err != nil {
		k.t.Fatal(err)
	}
	return all
}

// letGo sends what is parked as redelivery does, after what is done between sending and removing.
func (k *kit) letGo(w *domain.Webhook, between func(sent []events.Delivery)) []events.Delivery {
	k.t.Helper()
	all := k.parked(w)
	sent := slices.Clone(all)
	for i := range sent {
		sent[i].Slow, sent[i].NotBefore = true, k.clock.read()
	}
	if between != nil {
		between(sent)
	}
	if err := k.Unpark(k.t.Context(), all); err != nil {
		k.t.Fatal(err)
	}
	return sent
}

// probing is the first message of a new event to w, on the queue where probes are made.
func (k *kit) probing(w *domain.Webhook, event string) events.Delivery {
	k.t.Helper()
	d := k.to(w, event)
	d.Slow = true
	return d
}

// untried fails the test if d has a line.
func (k *kit) untried(d events.Delivery) {
	k.t.Helper()
	if lines, err := k.Attempts(k.t.Context(), acct, d.Webhook, d.Day(), d.Event); fault.KindOf(err) != fault.NotFound {
		k.t.Errorf("%s has the lines %+v, %v", d.ID, lines, err)
	}
}

func (k *kit) process() *Service {
	s := New(k.At(k.clock.read), k.sealer, deliveryqueue.On(k.queue, k.slow, k.clock.read), testEgress,
		metric.New("test", io.Discard, k.clock.read), k.clock.read)
	s.jitter = func() float64 { return 0.5 }
	return s
}

func TestRule20_TheSixthDeliveryToADeadEndpointIsParkedAndAHealthyOneIsLeftAlone(t *testing.T) {
	k := newKit(t)
	dead, well := k.own("whk_dead", k.receiver.URL+"/dead"), k.own("whk_well", k.receiver.URL+"/well")
	k.breaks(dead)
	k.receiver.answers(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/dead" {
			w.WriteHeader(500)
		}
	})
	sixth, other := k.to(dead, "6"), k.to(well, "6")
	written := logs(t)
	k.deliver(sixth, other, sixth) // the message may come twice
	if got := k.receiver.take(); len(got) != 1 || got[0].url != "/well" {
		t.Errorf("the receivers got %+v", got)
	}
	want := sixth
	want.Body = ""
	if got := k.parked(dead); !slices.Equal(got, []events.Delivery{want}) {
		t.Errorf("parked is %+v, want %+v", got, want)
	}
	k.untried(sixth)
	k.nothingSent()
	if h := k.health(well); k.outcome(other, 1).Outcome != domain.OutcomeDelivered || h.Rev != 0 {
		t.Errorf("the healthy one is %+v", h)
	}
	if got := strings.Count(written.String(), `"outcome":"parked"`); got != 2 {
		t.Errorf("the log tells of it %d times: %s", got, written)
	}
	if !strings.Contains(k.measured.String(), `"Parked":[2]`) {
		t.Errorf("the metrics are %s", k.measured.String())
	}
	if all, err := k.Watched(t.Context()); err != nil || len(all) != 1 || all[0].Webhook != dead.ID ||
		all[0].Account != acct {
		t.Errorf("watched are %+v, %v", all, err)
	}
	// Nobody but its readers sees it.
	if got, err := k.Parked(t.Context(), "acct-43", dead.ID, 10); err != nil || len(got) > 0 {
		t.Errorf("another account sees %+v, %v", got, err)
	}
}

func TestRule20_OneOfManyProcessesProbesAndASuccessCloses(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	h := k.breaks(w)
	var processes []*Service
	for range 6 {
		processes = append(processes, k.process())
	}
	together := func(round string) (posts int) {
		t.Helper()
		var all sync.WaitGroup
		for n, p := range processes {
			batch := k.batch(k.probing(w, fmt.Sprint(round, n, "a")), k.probing(w, fmt.Sprint(round, n, "b")))
			all.Go(func() {
				if answer, err := p.Handle(t.Context(), batch); err != nil || len(answer.BatchItemFailures) > 0 {
					t.Errorf("%+v, %v", answer, err)
				}
			})
		}
		all.Wait()
		return len(k.receiver.take())
	}
	if got := together("early"); got != 0 {
		t.Errorf("%d requests before a probe is due", got)
	}
	k.clock.forward(h.Breaker.ProbeAt.Sub(k.clock.read()))
	if got := together("first"); got != 1 || len(k.parked(w)) != 23 {
		t.Errorf("%d requests and %d parked, want one probe, and 23", got, len(k.parked(w)))
	}
	failed := k.health(w).Breaker
	if wait := failed.ProbeAt.Sub(k.clock.read()); failed.Trips != 1 || wait != 2*domain.ProbeWaitLeast ||
		!failed.OpenedAt.Equal(h.Breaker.OpenedAt) {
		t.Errorf("after a probe that failed it is %+v, %s", failed, wait)
	}
	if all, err := k.Watched(t.Context()); err != nil || len(all) != 1 || !all[0].OpenedAt.Equal(k.clock.read()) {
		t.Errorf("it holds for longer, and is not watched anew: %+v, %v", all, err)
	}
	k.slow.Sent()
	k.clock.forward(failed.ProbeAt.Sub(k.clock.read()))
	k.receiver.answers(nil)
	d := k.probing(w, "last")
	k.deliver(d)
	if h := k.health(w); k.outcome(d, 1).Outcome != domain.OutcomeDelivered || h.Rev != 0 || !h.Well() {
		t.Errorf("after a success it is %+v", h)
	}
	k.clock.forward(targetKept)
	k.receiver.take()
	if got := together("after"); got != 12 {
		t.Errorf("%d requests once it is closed, want all 12", got)
	}
}

// While a probe hangs it would hold up the batch that it is in: what comes by the quick queue is none.
func TestRule20_AProbeIsMadeOnTheSlowLane(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	h := k.breaks(w)
	k.clock.forward(h.Breaker.ProbeAt.Sub(k.clock.read()))
	d := k.to(w, "1")
	k.deliver(d)
	if len(k.parked(w)) != 1 || len(k.receiver.take()) > 0 || k.health(w) != h {
		t.Fatalf("%d are parked, and it is %+v", len(k.parked(w)), k.health(w))
	}
	k.deliver(k.letGo(w, nil)...)
	if got := k.receiver.take(); len(got) != 1 || k.health(w).Breaker.Trips != 1 {
		t.Errorf("%d requests, and it is %+v", len(got), k.health(w))
	}
}

// Another process's probe closed it: what this one had counted before is over.
func TestRule20_WhatWasCountedBeforeABreakerOpenedDoesNotOpenItAgain(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	h := k.breaks(w)
	var tx store.Tx
	tx.Discard(h)
	if err := k.Commit(t.Context(), &tx, nil); err != nil {
		t.Fatal(err)
	}
	k.clock.forward(targetKept)
	k.fails(w, domain.BreakerOpensAt-1)
	if h := k.health(w); h.Breaker.Open() {
		t.Errorf("after %d more failures it is %+v", domain.BreakerOpensAt-1, h.Breaker)
	}
}

// Without anybody who sends probes it heals, too: what comes then is parked only if the breaker opens again, and is
// watched.
func TestRule20_ABreakerThatLapsedLetsTheNextDeliveryTry(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	h := k.breaks(w)
	k.clock.forward(h.Breaker.ProbeAt.Add(domain.ProbeLapses).Sub(k.clock.read()))
	d := k.to(w, "1")
	k.deliver(d)
	k.queue.Sent()
	watched, err := k.Watched(t.Context())
	if again := k.health(w).Breaker; len(k.receiver.take()) != 1 || again.Trips != 1 || err != nil ||
		!watched[0].OpenedAt.Equal(k.clock.read()) {
		t.Errorf("after a failure it is %+v, watched %+v, %v", again, watched, err)
	}
	k.deliver(k.to(w, "2"))
	if len(k.parked(w)) != 1 || len(k.receiver.take()) != 0 {
		t.Errorf("%d are parked, want the next", len(k.parked(w)))
	}
	k.clock.forward(time.Hour)
	k.receiver.answers(nil)
	k.deliver(k.to(w, "3"))
	if len(k.receiver.take()) != 1 || !k.health(w).Well() {
		t.Errorf("after a success it is %+v", k.health(w))
	}
}

// The process that has the probe dies: between claiming and the POST it is a panic here.
func TestRule20_AProbeThatDiesIsMadeByAnother(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	h := k.breaks(w)
	k.clock.forward(h.Breaker.ProbeAt.Sub(k.clock.read()))
	k.receiver.answers(nil)
	dying := k.process()
	dying.open = slow{k.sealer, func() { panic("killed") }}
	d := k.probing(w, "probe")
	if answer, err := dying.Handle(t.Context(), k.batch(d)); err != nil || len(answer.BatchItemFailures) != 1 {
		t.Fatalf("%+v, %v: want its message to come again", answer, err)
	}
	k.deliver(d)
	if got := k.parked(w); len(got) != 1 || len(k.receiver.take()) > 0 {
		t.Errorf("while it is claimed %d are parked, want it", len(got))
	}
	k.clock.forward(domain.ProbeLease)
	again := k.letGo(w, nil)
	k.deliver(again...)
	if got := k.receiver.take(); len(got) != 1 || !k.health(w).Well() || k.outcome(d, 1).Number != 1 {
		t.Errorf("%d requests, and it is %+v", len(got), k.health(w))
	}
}

// Design rule 20: parking is no attempt, whichever one it waits for; and what was worked before is not parked.
func TestRule20_ParkingLeavesTheAttemptsNumberAndItsRepeatsAsTheyAre(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(status(500, ""))
	d := k.to(w, "1")
	k.deliver(d)
	second, wait := k.next()
	k.fails(w, domain.BreakerOpensAt-1)
	k.clock.forward(wait)
	k.deliver(second)
	k.outcome(d, 1)
	k.clock.forward(time.Hour)
	k.receiver.answers(nil)
	released := k.letGo(w, nil)
	k.deliver(released...)
	if got := k.outcome(d, 2); got.Number != 2 || got.Outcome != domain.OutcomeDelivered {
		t.Errorf("the attempt after parking is %+v", got)
	}
	k.receiver.take()
	k.fails(w, 2*domain.BreakerOpensAt)
	if !k.health(w).Breaker.Open() {
		t.Fatal("its breaker did not open again")
	}
	k.deliver(second)
	if got := k.parked(w); slices.ContainsFunc(got, func(p events.Delivery) bool { return p.ID == d.ID }) ||
		len(k.receiver.take()) > 0 {
		t.Error("a repeat of what was delivered is parked, or sent")
	}
}

// The breaker is open again, or still, when what was let go comes, and who let it go has not yet removed it.
func TestRule20_WhatIsParkedAnewIsNotRemovedWithItsFirstPlace(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.breaks(w)
	d := k.to(w, "1")
	k.deliver(d)
	k.clock.forward(time.Second)
	sent := k.letGo(w, func(sent []events.Delivery) { k.deliver(sent...); k.deliver(sent...) })
	if got := k.parked(w); !slices.Equal(got, sent) {
		t.Errorf("parked is %+v, want %+v", got, sent)
	}
	k.untried(d)
}

func TestRule20_WhatIsParkedAndMayNotBeSentAnyMoreIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		change func(k *kit, w *domain.Webhook, i *domain.Installation)
		want   domain.Outcome
	}{
		"deleted": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			var tx store.Tx
			tx.Retire(*w, k.clock.read())
			if err := k.Commit(k.t.Context(), &tx, nil); err != nil {
				k.t.Fatal(err)
			}
		}, domain.OutcomeCancelled},
		"paused": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			w.Paused = true
			k.change(w)
		}, domain.OutcomeSkipped},
		"its endpoint is gone": {func(k *kit, w *domain.Webhook, _ *domain.Installation) {
			h := k.health(w)
			h.DisabledAt = k.clock.read()
			k.change(&h)
		}, domain.OutcomeSkipped},
		"the extension is disabled": {func(k *kit, _ *domain.Webhook, i *domain.Installation) {
			*i, _ = i.Disable(k.clock.read())
			k.change(i)
		}, domain.OutcomeCancelled},
		"the extension is disabled and enabled again": {func(k *kit, w *domain.Webhook, i *domain.Installation) {
			i.Epoch, w.Epoch = 4, 4
			k.change(i)
			k.change(w)
		}, domain.OutcomeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			w, i := k.managed("whk_1")
			k.breaks(w)
			d := k.to(w, "parked")
			k.deliver(d)
			k.receiver.answers(nil)
			c.change(k, w, i)
			k.clock.forward(targetKept)
			k.deliver(k.letGo(w, nil)...) // before a probe is due
			if got := k.outcome(d, 1); got.Outcome != c.want || len(k.receiver.take()) > 0 {
				t.Errorf("it reads as %s, want %s", got.Outcome, c.want)
			}
			if left := k.parked(w); len(left) > 0 {
				t.Errorf("%d are parked still", len(left))
			}
		})
	}
}

func TestRule20_AProbeWaitsForRetryAfter(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	for n := range domain.BreakerOpensAt {
		k.deliver(k.to(w, fmt.Sprint(n)))
	}
	if got := k.health(w).Breaker.ProbeAt.Sub(k.clock.read()); got < 2*time.Minute || got > 2*time.Minute*12/10 {
		t.Errorf("the probe comes after %s, want the two minutes that were asked for, or up to a fifth more", got)
	}
}

// Probes are attempts: the five days go on, and then what is parked is skipped.
func TestRule20_AnEndpointThatStaysDeadIsDisabledWhileItsBreakerIsOpen(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.breaks(w)
	d := k.to(w, "parked")
	k.deliver(d)
	probes := 0
	for n := 0; k.health(w).State() != domain.HealthDisabled && n < 40; n++ {
		k.clock.forward(6 * time.Hour)
		k.deliver(k.probing(w, fmt.Sprint("probe", n)))
		probes += len(k.receiver.take())
		if h := k.health(w); h.State() != domain.HealthDisabled && !h.Breaker.ProbeAt.After(k.clock.read()) {
			t.Errorf("a probe that failed while it is %s leaves %+v", h.State(), h.Breaker)
		}
	}
	if h := k.health(w); h.State() != domain.HealthDisabled || h.Breaker.Open() || probes != 20 {
		t.Errorf("after %d probes it is %+v", probes, h)
	}
	k.deliver(k.letGo(w, nil)...)
	if got := k.outcome(d, 1); got.Outcome != domain.OutcomeSkipped {
		t.Errorf("what was parked reads as %+v", got)
	}
	if got := k.told(); !slices.Equal(got, []string{"webhook.disabled", "webhook.failing"}) {
		t.Errorf("told %v", got)
	}
}

func TestRule20_WhatCannotBeParkedComesAgainAndAProbeThatCannotBeClaimedIsParked(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	h := k.breaks(w)
	d := k.probing(w, "1")
	k.on(k.At(k.clock.read, storetest.Failing("BatchWriteItem")), k.queue)
	if failed := k.work(k.batch(d)); len(failed) != 1 {
		t.Error("it cannot be parked, and its message is done")
	}
	k.on(k.At(k.clock.read, storetest.Failing("TransactWriteItems")), k.queue)
	k.clock.forward(h.Breaker.ProbeAt.Sub(k.clock.read()))
	k.deliver(d)
	if got := k.parked(w); len(got) != 1 || len(k.receiver.take()) > 0 {
		t.Errorf("%d are parked, want the one whose probe nobody could claim", len(got))
	}
}

// Without being watched nothing would find what is parked.
func TestRule20_ABreakerThatCannotBeWatchedDoesNotOpen(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.fails(w, domain.BreakerOpensAt-1)
	k.on(k.At(k.clock.read, storetest.Failing("BatchWriteItem")), k.queue) // which is the log, too
	k.seen.known[targetKey{acct, w.ID}] = domain.Run{Failures: domain.BreakerOpensAt}
	k.work(k.batch(k.to(w, "last")))
	if h := k.health(w); h.Breaker.Open() {
		t.Errorf("it is %+v", h)
	}
}

// An event is stored for 30 days. What was parked for so long that it would be tried for longer is not tried again.
func TestRule20_ParkingProlongsNoDeliveryBeyondItsEvent(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(status(500, ""))
	d := k.to(w, "1")
	k.clock.forward(domain.RetriesWithin)
	k.deliver(d)
	if got := k.outcome(d, 1); got.Outcome != domain.OutcomeExhausted {
		t.Errorf("it is %+v", got)
	}
	gone := k.to(w, "2")
	gone.Body, gone.Event = "", "evt_gone"
	gone.ID = domain.DeliveryOf(gone.Event, w.ID)
	k.deliver(gone)
	if got := k.outcome(gone, 1); got.Outcome != domain.OutcomeCancelled ||
		got.Reason != "The event is not stored any more." {
		t.Errorf("without its event it is %+v", got)
	}
}

func TestRule20_ASlowEndpointMovesToTheSlowLaneAndBack(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_slow", k.receiver.URL)
	took := domain.SlowFrom
	k.since = func(time.Time) time.Duration { return took }
	for n := range domain.QueueChangesAfter {
		k.deliver(k.to(w, fmt.Sprint("slow", n)))
	}
	if h := k.health(w); !h.Slow() || h.State() != domain.HealthGood || h.Breaker.Open() {
		t.Fatalf("it is %+v", h)
	}
	k.receiver.take()
	d := k.to(w, "moved")
	k.deliver(d)
	k.untried(d)
	sent := k.slow.Sent()
	if len(sent) != 1 || len(k.receiver.take()) > 0 {
		t.Fatalf("%d went down the slow queue, want it", len(sent))
	}
	on := k.delivery(sent[0])
	want := d
	want.Slow = true
	if on != want || !strings.Contains(k.measured.String(), `"Moved":[1]`) {
		t.Errorf("sent\n%+v, want\n%+v", on, want)
	}
	k.nothingSent()
	k.deliver(on) // there it is worked
	if k.outcome(d, 1).Outcome != domain.OutcomeDelivered {
		t.Errorf("it reads as %+v", k.outcome(d, 1))
	}
	k.receiver.answers(status(500, ""))
	retried := k.to(w, "retried")
	retried.Slow = true
	k.deliver(retried)
	if again := k.slow.Sent(); len(again) != 1 {
		t.Errorf("its retry does not stay on its queue")
	}
	k.receiver.answers(nil)
	took = domain.QuickWithin - time.Millisecond
	for n := range domain.QueueChangesAfter {
		quick := k.to(w, fmt.Sprint("quick", n))
		quick.Slow = true
		k.deliver(quick)
	}
	if h := k.health(w); !h.Well() || h.Rev != 0 {
		t.Errorf("quick again it is %+v", h)
	}
	back := k.to(w, "back")
	k.deliver(back)
	if k.outcome(back, 1).Outcome != domain.OutcomeDelivered || len(k.slow.Sent()) > 0 {
		t.Error("quick again, its deliveries are moved still")
	}
	k.nothingSent()
}
