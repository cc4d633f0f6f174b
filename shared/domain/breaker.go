package domain

import "time"

// Design rule 20: how an endpoint that fails or is slow is kept from delaying others. All of it is runtime state (rule
// 8), kept with the webhook's health. What is decided here, delivery does; what it comes to over a day is simulated
// with this same code.

// When a breaker opens: at a failure after BreakerOpensAfter without a success, whichever process notes it, by the
// durable clock of the webhook's health; or before, when one process sees so many that it can tell by itself.
//
// It counts failures, less what successes weigh. So an endpoint that is dead opens it with the fifth delivery, one that
// was well until now after 25, which a restart rarely reaches, and one that fails half of the time never: while a
// success weighs four failures, only more than four failures in five get anywhere. But many processes each see little
// of an endpoint, of which the clock sees all: without it 200 of them would try a dead one for minutes before one of
// them had seen five.
//
// A failure counts whatever it failed of: who cannot be reached by our own fault is not reached either.
const (
	BreakerOpensAt    = 5
	BreakerOpensAfter = 30 * time.Second
	successWeighs     = 4
	successesMost     = 20 // weight that is remembered
)

// How long an open breaker waits for its next probe: ProbeWaitLeast, doubled with each that fails. So what is parked is
// later than by its own schedule by ProbeWaitMost at most, and the minute until redelivery looks, once an endpoint is
// back; and while it is not, an attempt is only spared.
const (
	ProbeWaitLeast = 30 * time.Second
	ProbeWaitMost  = 10 * time.Minute

	// ProbeLapses is how long after its time a probe is waited for. Nothing was parked then, to be sent, or whoever
	// sends it is down: the breaker holds nothing any more, and the next delivery is the probe, on whatever queue it
	// planAddition.
	ProbeLapses = 10 * time.Minute

	// ProbeLease is for how long a probe is the only one: longer than an attempt takes, so that none is made beside it.
	// A process that dies with it costs this time.
	ProbeLease = time.Minute
)

// When a webhook changes queues: after so many answers in a row that were slow, or quick. What is between counts as
// neither, so that an endpoint on the border does not wander.
const (
	QueueChangesAfter = 5
	SlowFrom          = 2 * time.Second
	QuickWithin       = time.Second
)

// What is let go in a minute, once breakers are closed: to one webhook 10 a second at first, besides its new
// deliveries, and twice as many each minute that its breaker stays closed, up to 160 a second, so that what an hour's
// outage left of an endpoint that takes 100 a second is over in another. Of a webhook that may not be sent to any more,
// which has no endpoint to spare, as many as are recorded quickly. And of all together, half of what the slow queue's
// 50 batches at once take when endpoints answer in a quarter of a second, so that what else goes by that queue does not
// wait behind it.
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

// ParkedKept is how long what is parked is kept at most. Five days without a success disable a webhook, and then, as
// when it is gone, what is parked is let go to be recorded.
const ParkedKept = 14 * 24 * time.Hour

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
