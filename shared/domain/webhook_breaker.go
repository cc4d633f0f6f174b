package domain

import "time"

// Design rule 20: a failing or slow endpoint must not delay others. The breaker is runtime state (rule 8), stored
// with the webhook's health. This file decides and delivery executes; the simulation of a day runs the same code.

// A breaker opens at a failure that comes BreakerOpensAfter or longer after the last success, by the stored clock of
// the webhook's health. It opens earlier when one process has counted BreakerOpensAt failures.
//
// A success takes successWeighs failures off the count. So a dead endpoint opens the breaker with its fifth delivery,
// and an endpoint that was healthy until now after 25. An endpoint that fails half of the time never does: only more
// than four failures in five raise the count. The clock is needed besides, because each of 200 processes sees little
// of an endpoint: without it they would try a dead one for minutes.
//
// Every cause counts, also a fault on our side: the endpoint is unreachable either way.
const (
	BreakerOpensAt    = 5
	BreakerOpensAfter = 30 * time.Second
	successWeighs     = 4
	successesMost     = 20 // weight that is remembered
)

// An open breaker waits ProbeWaitLeast before its next probe, and twice as long after each failed one. A parked
// delivery is therefore late by at most ProbeWaitMost, plus the minute until the next sweep, once its endpoint is
// back.
const (
	ProbeWaitLeast = 30 * time.Second
	ProbeWaitMost  = 10 * time.Minute

	// ProbeLapses is how long a probe may be overdue. After that nothing was parked that could be the probe, or
	// redelivery is down. The breaker then holds nothing back, and the next delivery from either queue is the probe.
	ProbeLapses = 10 * time.Minute

	// ProbeLease is for how long a probe is the only one: longer than an attempt takes, so that none is made beside it.
	// A process that dies with it costs this time.
	ProbeLease = time.Minute
)

// A webhook moves to the other queue after QueueChangesAfter slow or quick answers in a row. An answer between the
// two limits counts as neither, so that an endpoint at the border stays where it is.
const (
	QueueChangesAfter = 5
	SlowFrom          = 2 * time.Second
	QuickWithin       = time.Second
)

// How many parked deliveries are released a minute, once breakers are closed. A webhook gets 10 a second at first,
// beside its new deliveries, and twice as many each minute that its breaker stays closed, up to 160 a second: the
// backlog of an hour at 100 a second is gone within another hour. A webhook that may no longer be sent to has no
// endpoint to spare, so its deliveries are recorded faster. All webhooks together get half of the slow queue's
// capacity (50 batches at once, a quarter of a second an answer), so that its other deliveries need not wait behind
// them.
const (
	ReleaseFirst       = 600
	ReleaseMax         = 16 * ReleaseFirst
	ReleaseRecordedMax = 4_000
	ReleaseTotal       = 60_000
)

// Released is how many a minute each of so many webhooks gets back, of which it got so many in the minute before.
func Released(before, webhooks int) int {
	return min(max(ReleaseFirst, 2*before), ReleaseMax, releaseShare(webhooks))
}

// ReleasedToRecord is how many of those are of each that may not be sent to any more.
func ReleasedToRecord(webhooks int) int { return min(ReleaseRecordedMax, releaseShare(webhooks)) }

func releaseShare(webhooks int) int { return max(1, ReleaseTotal/max(1, webhooks)) }

// ParkedKept is how long what is parked is kept at most: longer than a delivery waits for an agent. Behind a breaker it
// waits less. Five days without a success disable a webhook, and then, as when it is gone, what is parked is let go to
// be recorded.
const ParkedKept = PulledWithin + 24*time.Hour

// Breaker is a webhook's. While it is open deliveries are parked, which is no attempt; when ProbeAt has come, one of
// them, who claims it, makes its attempt as the probe. A success closes it.
type Breaker struct {
	OpenedAt time.Time `json:"opened_at"`
	ProbeAt  time.Time `json:"probe_at"`
	Trips    int       `json:"trips,omitempty"` // probes that failed
}

// Open tells whether it is, half-open or not.
func (b Breaker) Open() bool { return !b.OpenedAt.IsZero() }

// Holds tells whether it is and deliveries are parked for it: all but a probe.
func (b Breaker) Holds(now time.Time) bool { return b.Open() && now.Before(b.ProbeAt.Add(ProbeLapses)) }

// Due tells whether it is half-open: one may probe.
func (b Breaker) Due(now time.Time) bool { return b.Open() && !now.Before(b.ProbeAt) }

// next is when to probe after a failure whose answer asked for a pause. drawn, 0 to 1, spreads it by 20 % either way.
func (b Breaker) next(asked time.Duration, now time.Time, drawn float64) time.Time {
	wait := ProbeWaitLeast << min(b.Trips, 10)
	wait = min(max(wait, asked), ProbeWaitMost)
	return now.Add(time.Duration(float64(wait) * (0.8 + 0.4*drawn))).Truncate(time.Millisecond)
}

// Run is what one process saw of an endpoint, the last of it.
type Run struct {
	Failures    int // less what successes weigh
	Slow, Quick int // answers in a row
}

// After is r after an attempt.
func (r Run) After(a Attempt) Run {
	if a.Outcome == OutcomeDelivered {
		r.Failures = max(r.Failures-successWeighs, -successesMost)
	} else {
		r.Failures++
	}
	switch took := time.Duration(a.Milliseconds) * time.Millisecond; {
	case took >= SlowFrom:
		r.Slow, r.Quick = r.Slow+1, 0
	case took < QuickWithin:
		r.Slow, r.Quick = 0, r.Quick+1
	default:
		r.Slow, r.Quick = 0, 0
	}
	return r
}

// Sight is what goes with an attempt that was made.
type Observation struct {
	Run   Run           // with it
	Probe bool          // it was one
	Asked time.Duration // the pause that the endpoint asked for, or is due
	Pause time.Duration // the pause that it asked for on behalf of all deliveries, by 429 or 503 with Retry-After
	Drawn float64       // 0 to 1
}

// A pause that an endpoint asks for holds for all of its deliveries and for its probe, in every process. PauseMost is
// the longest. Up to PauseWaits deliveries wait in the queue, since a breaker would hold them for longer than that. For
// a longer pause the breaker opens, and its probe comes when the pause is over.
const (
	PauseMost  = RetryWaitMost
	PauseWaits = time.Minute
)

// paused is h whose endpoint asked for a pause. The pause is prolonged by 10 to 20 %, so that the next answers that ask
// for the same change nothing and are not written.
func (h Health) paused(s Observation, now time.Time) Health {
	asked := min(s.Pause, PauseMost)
	if asked > 0 && h.PausedUntil.Before(now.Add(asked)) {
		h.PausedUntil = now.Add(time.Duration(float64(asked) * (1.1 + 0.1*s.Drawn))).Truncate(time.Millisecond)
	}
	return h
}

// probeAt is when an open breaker's next probe is due after a failure: never within the pause.
func (h Health) probeAt(s Observation, now time.Time) time.Time {
	if next := h.Breaker.next(s.Asked, now, s.Drawn); next.After(h.PausedUntil) {
		return next
	}
	return h.PausedUntil
}

// Observe is h after an attempt, with its breaker and its queue. A success of an attempt that was on its way when the
// endpoint asked for a pause does not end the pause.
func (h Health) Observe(a Attempt, s Observation, now time.Time) Health {
	before, failed := h, a.Outcome != OutcomeDelivered
	h = h.After(a, now)
	if failed {
		h = h.paused(s, now)
	} else if !s.Probe && now.Before(before.PausedUntil) {
		h.PausedUntil, h.Breaker = before.PausedUntil, before.Breaker
	}
	dead := s.Run.Failures >= BreakerOpensAt || now.Sub(h.FailingSince) >= BreakerOpensAfter
	switch {
	case h.State() == HealthDisabled: // nothing is sent any more
		h.Breaker, h.PausedUntil = Breaker{}, time.Time{}
	case failed && h.Breaker.Open() && (s.Probe || !h.Breaker.Holds(now)):
		h.Breaker.Trips++
		h.Breaker.ProbeAt = h.probeAt(s, now)
	// it was on its way when the breaker opened
	case failed && h.Breaker.Open() && h.Breaker.ProbeAt.Before(h.PausedUntil):
		h.Breaker.ProbeAt = h.PausedUntil
	case failed && !h.Breaker.Open() && (dead || s.Pause > PauseWaits):
		h.Breaker.OpenedAt = now
		h.Breaker.ProbeAt = h.probeAt(s, now)
	}
	switch {
	case h.SlowSince.IsZero() && s.Run.Slow >= QueueChangesAfter:
		h.SlowSince = now
	case s.Run.Quick >= QueueChangesAfter:
		h.SlowSince = time.Time{}
	}
	return h
}

// Claimed is h whose breaker is due, with the probe given to one.
func (h Health) Claimed(now time.Time) Health {
	h.Breaker.ProbeAt = now.Add(ProbeLease)
	return h
}

// Slow tells that its deliveries take the slow queue. While its breaker is open they are parked from either, and need
// not crowd that one: an endpoint that hangs is slow, too.
func (h Health) Slow() bool { return !h.SlowSince.IsZero() && !h.Breaker.Open() }

// Well tells that there is nothing to say of it: then nothing is kept.
func (h Health) Well() bool {
	return h.State() == HealthGood && !h.Breaker.Open() && h.SlowSince.IsZero() && h.PausedUntil.IsZero()
}
