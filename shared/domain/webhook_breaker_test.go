package domain_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"plugboard/shared/domain"
)

var (
	succeeded = domain.Attempt{Outcome: domain.OutcomeDelivered, Status: 200}
	refused   = domain.Attempt{Outcome: domain.OutcomeFailed, Status: 500}
)

// watched is an endpoint as one process sees it.
type watched struct {
	run    domain.Run
	health domain.Health
}

func (w *watched) sees(a domain.Attempt, probe bool, asked time.Duration, at time.Time) {
	w.run = w.run.After(a)
	w.health = w.health.Observe(a, domain.Observation{Run: w.run, Probe: probe, Asked: asked, Drawn: 0.5}, at)
}

func TestRule20_ABreakerOpensWithTheFifthFailureAndASuccessClosesIt(t *testing.T) {
	var w watched
	for n := range domain.BreakerOpensAt {
		if w.health.Breaker.Open() {
			t.Fatalf("it is open after %d failures", n)
		}
		w.sees(refused, false, 0, now)
	}
	if b := w.health.Breaker; !b.Open() || b.Due(now.Add(domain.ProbeWaitLeast-time.Millisecond)) ||
		!b.Due(now.Add(domain.ProbeWaitLeast)) {
		t.Fatalf("after %d failures it is %+v", domain.BreakerOpensAt, b)
	}
	before := w.health
	w.sees(refused, false, 0, now.Add(time.Second)) // one that was on its way
	if w.health != before {
		t.Errorf("a failure that is no probe changes it to %+v", w.health)
	}
	at := now
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		10 * time.Minute, 10 * time.Minute} {
		at = w.health.Breaker.ProbeAt
		w.health = w.health.Claimed(at)
		if w.health.Breaker.Due(at.Add(domain.ProbeLease - time.Millisecond)) {
			t.Error("what is claimed is due")
		}
		w.sees(refused, true, 0, at)
		if got := w.health.Breaker.ProbeAt.Sub(at); got != want {
			t.Errorf("after %d probes it waits %s, want %s", w.health.Breaker.Trips, got, want)
		}
	}
	w.sees(succeeded, true, 0, at)
	if !w.health.Well() {
		t.Errorf("a success leaves %+v", w.health)
	}
}

// Whatever a process knows of it, half a minute without a success of anybody's is enough.
func TestRule20_ABreakerOpensByTheDurableClockHoweverLittleAProcessSees(t *testing.T) {
	for after, want := range map[time.Duration]bool{0: false, domain.BreakerOpensAfter - time.Second: false,
		domain.BreakerOpensAfter: true} {
		h := domain.Health{FailingSince: now}
		well := domain.Observation{Run: domain.Run{Failures: -20}, Drawn: 0.5}
		if got := h.Observe(refused, well, now.Add(after)); got.Breaker.Open() != want {
			t.Errorf("failing for %s: %+v", after, got.Breaker)
		}
		if got := h.Observe(succeeded, well, now.Add(after)); !got.Well() {
			t.Errorf("a success after %s leaves %+v", after, got)
		}
	}
}

func TestRule20_AProbeWaitsForWhatTheEndpointAskedForAndNoLongerThanTenMinutes(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{0: 30 * time.Second, time.Second: 30 * time.Second,
		2 * time.Minute: 2 * time.Minute, time.Hour: 10 * time.Minute} {
		w := watched{run: domain.Run{Failures: domain.BreakerOpensAt - 1}}
		w.sees(refused, false, asked, now)
		if got := w.health.Breaker.ProbeAt.Sub(now); got != want {
			t.Errorf("asked for %s: probed after %s, want %s", asked, got, want)
		}
	}
	for drawn, want := range map[float64]time.Duration{0: 24 * time.Second, 1: 36 * time.Second} {
		h := domain.Health{}.Observe(refused, domain.Observation{Run: domain.Run{Failures: domain.BreakerOpensAt},
			Drawn: drawn}, now)
		if got := h.Breaker.ProbeAt.Sub(now); got != want {
			t.Errorf("drawn %v: probed after %s, want %s", drawn, got, want)
		}
	}
}

// How long an endpoint that fails at random is let alone: in 100,000 deliveries, one a second, seen by one process. An
// open breaker is probed and closes with a success.
func TestRule20_AnEndpointThatFailsHalfOfTheTimeKeepsItsBreakerClosed(t *testing.T) {
	for _, c := range []struct {
		failing float64
		most    int // openings
	}{{0.1, 0}, {0.5, 0}, {0.67, 10}} {
		drawn := rand.New(rand.NewPCG(1, 2))
		var w watched
		openings := 0
		for n := range 100_000 {
			was, a := w.health.Breaker.Open(), succeeded
			if drawn.Float64() < c.failing {
				a = refused
			}
			if w.sees(a, was, 0, now.Add(time.Duration(n)*time.Second)); w.health.Breaker.Open() && !was {
				openings++
				w.run = domain.Run{}
			}
		}
		if openings > c.most {
			t.Errorf("failing %.0f%% it opened %d times, want at most %d", 100*c.failing, openings, c.most)
		}
		t.Logf("failing %.0f%%: opened %d times in 100,000", 100*c.failing, openings)
	}
}

// One that was well is known for it: a restart that fails a few opens nothing.
func TestRule20_AnEndpointThatWasWellHasSomeCredit(t *testing.T) {
	var w watched
	for range 100 {
		w.sees(succeeded, false, 0, now)
	}
	n := 0
	for ; !w.health.Breaker.Open(); n++ {
		w.sees(refused, false, 0, now)
	}
	if n != 25 {
		t.Errorf("it opened with the failure %d, want 25", n)
	}
}

// Whoever sends probes may be down, or have nothing to send: then the next delivery is one.
func TestRule20_ABreakerThatNobodyProbesLapsesAndOpensAgainWithTheNextFailure(t *testing.T) {
	h := domain.Health{FailingSince: now}.Observe(refused,
		domain.Observation{Run: domain.Run{Failures: domain.BreakerOpensAt}, Drawn: 0.5}, now)
	lapsed := h.Breaker.ProbeAt.Add(domain.ProbeLapses)
	if !h.Breaker.Holds(lapsed.Add(-time.Millisecond)) || h.Breaker.Holds(lapsed) {
		t.Errorf("it is %+v", h.Breaker)
	}
	again := h.Observe(refused, domain.Observation{Drawn: 0.5}, lapsed).Breaker
	if !again.Holds(lapsed) || again.Trips != 1 || again.ProbeAt.Sub(lapsed) != 2*domain.ProbeWaitLeast ||
		!again.OpenedAt.Equal(now) {
		t.Errorf("after a failure it is %+v", again)
	}
	if got := h.Observe(succeeded, domain.Observation{Drawn: 0.5}, lapsed); !got.Well() {
		t.Errorf("after a success it is %+v", got)
	}
}

func TestRule20_WhatIsDisabledHasNoBreakerAnyMore(t *testing.T) {
	w := watched{run: domain.Run{Failures: 100}}
	w.sees(refused, false, 0, now)
	w.sees(domain.Attempt{Outcome: domain.OutcomeExhausted, Status: 410}, true, 0, now)
	if w.health.State() != domain.HealthDisabled || w.health.Breaker.Open() {
		t.Errorf("it is %+v", w.health)
	}
	w.sees(refused, false, 0, now)
	if w.health.Breaker.Open() {
		t.Error("its breaker opened")
	}
}

func TestRule20_ASlowEndpointMovesAndAQuickOneMovesBack(t *testing.T) {
	took := func(d time.Duration) domain.Attempt {
		return domain.Attempt{Outcome: domain.OutcomeDelivered, Status: 200, Milliseconds: d.Milliseconds()}
	}
	var w watched
	step := func(times int, d time.Duration, want bool) {
		t.Helper()
		for range times {
			w.sees(took(d), false, 0, now)
		}
		if w.health.Slow() != want {
			t.Errorf("after %d of %s it is slow: %v", times, d, w.health.Slow())
		}
	}
	step(4, 2*time.Second, false)
	step(1, 1500*time.Millisecond, false)
	step(4, 2*time.Second, false)
	step(1, 2*time.Second, true)
	if w.health.Well() || w.health.State() != domain.HealthGood {
		t.Errorf("slow it is %+v", w.health)
	}
	step(50, 1500*time.Millisecond, true) // on the border it stays where it is
	step(4, 100*time.Millisecond, true)
	step(1, 100*time.Millisecond, false)
	if !w.health.Well() {
		t.Errorf("quick again it is %+v", w.health)
	}
	step(50, 1500*time.Millisecond, false)
}

// Rule 20: a pause that an endpoint asks for holds for all of its deliveries and for its probe.
func TestRule20_APauseIsKeptInHealthAndALongOneOpensTheBreaker(t *testing.T) {
	asks := func(pause time.Duration) domain.Observation {
		return domain.Observation{Pause: pause, Asked: pause, Drawn: 0.5}
	}
	for _, c := range []struct {
		pause, least, most time.Duration
		opens              bool
	}{
		{time.Second, time.Second, 2 * time.Second, false},
		{30 * time.Second, 30 * time.Second, 36 * time.Second, false},
		{domain.PauseWaits, domain.PauseWaits, 72 * time.Second, false},
		{domain.PauseWaits + time.Second, domain.PauseWaits + time.Second, 74 * time.Second, true},
		{time.Hour, time.Hour, 72 * time.Minute, true},
		{1000 * time.Hour, 24 * time.Hour, 29 * time.Hour, true},
	} {
		h := domain.Health{}.Observe(refused, asks(c.pause), now)
		if wait := h.PausedUntil.Sub(now); wait < c.least || wait > c.most || h.Breaker.Open() != c.opens {
			t.Errorf("a pause of %s: until %s, the breaker is %+v", c.pause, wait, h.Breaker)
		}
		if c.opens && (h.Breaker.Due(h.PausedUntil.Add(-time.Millisecond)) || !h.Breaker.Due(h.PausedUntil)) {
			t.Errorf("a pause of %s: the probe is due at %s, the pause ends at %s", c.pause, h.Breaker.ProbeAt,
				h.PausedUntil)
		}
		again := h.Observe(refused, asks(c.pause), now.Add(min(c.pause, domain.PauseMost)/20))
		if again != h {
			t.Errorf("the next answer that asks for %s changes %+v to %+v", c.pause, h, again)
		}
	}
}

func TestRule20_ASuccessThatWasOnItsWayEndsNoPauseAndTheProbesDoes(t *testing.T) {
	for _, pause := range []time.Duration{30 * time.Second, time.Hour} {
		h := domain.Health{}.Observe(refused, domain.Observation{Pause: pause, Drawn: 0.5}, now)
		during := h.Observe(succeeded, domain.Observation{}, now.Add(time.Second))
		if !during.PausedUntil.Equal(h.PausedUntil) || during.Breaker != h.Breaker ||
			during.State() != domain.HealthGood || during.Well() {
			t.Errorf("%s: a success in between leaves %+v of %+v", pause, during, h)
		}
		if after := during.Observe(succeeded, domain.Observation{}, h.PausedUntil); !after.Well() {
			t.Errorf("%s: a success after it leaves %+v", pause, after)
		}
		if probed := h.Observe(succeeded, domain.Observation{Probe: true}, now.Add(time.Second)); !probed.Well() {
			t.Errorf("%s: a probe that somebody asked for leaves %+v", pause, probed)
		}
	}
}

func TestRule20_AProbeThatIsAskedToPauseWaitsAsLong(t *testing.T) {
	var w watched
	for range domain.BreakerOpensAt {
		w.sees(refused, false, 0, now)
	}
	at := w.health.Breaker.ProbeAt
	h := w.health.Claimed(at).Observe(refused,
		domain.Observation{Probe: true, Pause: 2 * time.Hour, Asked: 2 * time.Hour, Drawn: 0.5}, at)
	if wait := h.Breaker.ProbeAt.Sub(at); wait < 2*time.Hour || wait > 150*time.Minute {
		t.Errorf("the next probe comes after %s, want two hours", wait)
	}
	// it was on its way
	late := h.Observe(refused, domain.Observation{Pause: 5 * time.Hour, Drawn: 0.5}, at.Add(time.Second))
	if wait := late.Breaker.ProbeAt.Sub(at); wait < 5*time.Hour || late.Breaker.Trips != h.Breaker.Trips {
		t.Errorf("another answer asks for five hours; the probe comes after %s", wait)
	}
	if gone := h.Observe(domain.Attempt{Outcome: domain.OutcomeFailed, Status: 410},
		domain.Observation{Pause: time.Hour},
		at); gone.Breaker.Open() || !gone.PausedUntil.IsZero() {
		t.Errorf("one that is disabled is %+v", gone)
	}
}
