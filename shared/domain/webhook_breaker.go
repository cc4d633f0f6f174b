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

	// ProbeLease is how long a claimed probe excludes others. It is longer than an attempt, so that no second probe
	// runs beside it. A process that dies with its claim delays the next probe by this time.
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

// Released is how many parked deliveries a recovered webhook gets back in this minute. before is the number of the
// minute before, and webhooks the number of webhooks that share the rate.
func Released(before, webhooks int) int {
	return min(max(ReleaseFirst, 2*before), ReleaseMax, releaseShare(webhooks))
}

// ReleasedToRecord is the release rate of each webhook that may not be sent to any more, in deliveries a minute. Its
// deliveries are only recorded.
func ReleasedToRecord(webhooks int) int { return min(ReleaseRecordedMax, releaseShare(webhooks)) }

func releaseShare(webhooks int) int { return max(1, ReleaseTotal/max(1, webhooks)) }

// ParkedKept is the longest time that a parked delivery is kept: longer than it may wait for an agent. Behind a
// breaker it waits less: after five days without a success the webhook is disabled. Then, or when the webhook is
// gone, its parked deliveries are released to be recorded.
const ParkedKept = PulledWithin + 24*time.Hour

// Breaker holds back the deliveries of a failing webhook. While it is open, deliveries are parked, which uses up no
// attempt. From ProbeAt on, one delivery claims the probe and makes its attempt. A success closes the breaker.
type Breaker struct {
	OpenedAt time.Time `json:"opened_at"`
	ProbeAt  time.Time `json:"probe_at"`
	Trips    int       `json:"trips,omitempty"` // probes that failed
}

// Open tells whether the breaker is open or half-open.
func (b Breaker) Open() bool { return !b.OpenedAt.IsZero() }

// Holds tells whether deliveries are parked for the breaker, all but a probe.
func (b Breaker) Holds(now time.Time) bool { return b.Open() && now.Before(b.ProbeAt.Add(ProbeLapses)) }

// Due tells whether the breaker is half-open: one delivery may be the probe.
func (b Breaker) Due(now time.Time) bool { return b.Open() && !now.Before(b.ProbeAt) }

// next is the time of the next probe after a failure. asked is the pause that the answer asked for. drawn, from 0 to
// 1, shifts the wait by up to 20 % either way.
func (b Breaker) next(asked time.Duration, now time.Time, drawn float64) time.Time {
	wait := ProbeWaitLeast << min(b.Trips, 10)
	wait = min(max(wait, asked), ProbeWaitMost)
	return now.Add(time.Duration(float64(wait) * (0.8 + 0.4*drawn))).Truncate(time.Millisecond)
}

// Run is the recent history of an endpoint, as one process saw it.
type Run struct {
	Failures    int // each success subtracts successWeighs
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

// Observation is what one process knows of an attempt beside its log line.
type Observation struct {
	Run   Run           // including this attempt
	Probe bool          // the attempt was the breaker's probe
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

// paused is h after an answer that asked for a pause. The pause is prolonged by 10 to 20 %, so that the next answers
// that ask for it cause no further write.
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

// Claimed is h after a process has claimed the probe of its due breaker.
func (h Health) Claimed(now time.Time) Health {
	h.Breaker.ProbeAt = now.Add(ProbeLease)
	return h
}

// Slow tells whether the webhook's deliveries take the slow queue. An open breaker parks deliveries from either
// queue, so that a hanging endpoint, which is slow too, need not crowd the slow queue.
func (h Health) Slow() bool { return !h.SlowSince.IsZero() && !h.Breaker.Open() }

// Well tells whether the health is perfect, so that no item need be stored.
func (h Health) Well() bool {
	return h.State() == HealthGood && !h.Breaker.Open() && h.SlowSince.IsZero() && h.PausedUntil.IsZero()
}
