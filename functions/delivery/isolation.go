package delivery

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Design rule 20 at work: which delivery makes no attempt for the others' sake. When, domain.Breaker and domain.Health say.

// aside is where a delivery goes that makes no attempt and is not done either. None uses up an attempt, or has a line.
type aside string

const (
	parked aside = "parked" // until its webhook's breaker closes
	moved  aside = "moved"  // to the slow lane
	waits  aside = "waits"  // for its turn (turns.go), or for the end of a short pause
)

// setAside says in m where d goes instead of making its attempt; false when it makes it, as the probe of a breaker that
// is due if it could claim that.
//
// Somebody who has an attempt made now has mended the endpoint, or wants to know: that attempt probes before its time.
// A probe is made on the slow lane, where redelivery sends one: of thousands of endpoints that hang, the probes alone would
// hold the quick one up. A breaker that is remembered as open may have closed up to targetKept ago: what is parked then is
// let go by redelivery within its minute.
func (s *Service) setAside(ctx context.Context, m *made, t *target, d events.Delivery) bool {
	now := s.now()
	m.before = t.health
	switch breaker := t.health.Breaker; {
	case breaker.Holds(now) && !(d.Slow && (breaker.Due(now) || d.Asked)):
		m.aside = parked
	case breaker.Holds(now):
		if m.before, m.probe = s.claims(ctx, t); !m.probe {
			m.aside = parked
		}
	case now.Before(t.health.PausedUntil) && !d.Asked:
		d.NotBefore, d.Turn = s.afterPause(t.health.PausedUntil, now), false
		m.aside, m.next = waits, &d
	case t.health.Slow() && !d.Slow:
		d.Slow, m.aside, m.next = true, moved, &d
	}
	if m.aside == parked {
		s.seen.forget(targetKey{d.Account, d.Webhook}) // as fares does, of one that another process opened
	}
	return m.aside != ""
}

// claims takes the probe of a breaker that is due, which one alone can. Nobody holds it: a process that dies lets the
// time pass, and another claims it. It returns the health with the claim.
func (s *Service) claims(ctx context.Context, t *target) (domain.Health, bool) {
	claimed := t.health.Claimed(s.now())
	var tx store.Tx
	tx.Replace(&claimed)
	err := s.store.Commit(ctx, &tx, nil)
	s.targets.forget(targetKey{t.webhook.Account, t.webhook.ID})
	if err != nil && !fault.Is(err, store.Raced) {
		slog.ErrorContext(ctx, "a probe was not claimed", "account", t.webhook.Account, "webhook", t.webhook.ID, "error", err)
	}
	return claimed, err == nil
}

// park puts the batch's parked deliveries where they wait. When it cannot, their messages come again.
func (s *Service) park(ctx context.Context, jobs []job) {
	var all []events.Delivery
	for _, j := range jobs {
		if j.aside == parked {
			d := j.delivery
			d.Turn, d.Asked = false, false // which is over when it is let go
			all = append(all, d)
		}
	}
	if err := s.store.Park(ctx, all); err != nil {
		for i := range jobs {
			if jobs[i].aside == parked {
				jobs[i].fault = err
			}
		}
	}
}

// runs is what this process saw of each endpoint. Beyond runsMost it forgets, and counts anew.
type runs struct {
	mu    sync.Mutex
	known map[targetKey]domain.Run
}

const runsMost = 10_000

func (r *runs) after(k targetKey, a domain.Attempt) domain.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	run, ok := r.known[k]
	if !ok && len(r.known) >= runsMost {
		clear(r.known)
	}
	run = run.After(a)
	r.known[k] = run
	return run
}

func (r *runs) forget(k targetKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, k)
}

// sight is what is seen with the attempt, which the endpoint answered with a.
func (s *Service) sight(m made, a answer) domain.Sight {
	return domain.Sight{
		Run: s.seen.after(targetKey{m.line.Account, m.line.Webhook}, m.line), Probe: m.probe, Asked: pause(paced(a)), Pause: paced(a).pauseForAll(), Drawn: s.jitter(),
	}
}

// pauseForAll is the pause that an endpoint, or its token server, asks for on behalf of all deliveries: with other statuses
// Retry-After is about the one request.
func (a answer) pauseForAll() time.Duration {
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		return a.retryAfter
	}
	return 0
}

// afterPause is when a delivery comes again that meets a pause: spread over half of what is left of it, so that those that
// waited do not come at once.
func (s *Service) afterPause(until, now time.Time) time.Time {
	return until.Add(scaled(until.Sub(now), s.jitter()/2)).Truncate(time.Millisecond)
}

// pause is what a failed answer asks for, or is due after it.
func pause(a answer) time.Duration {
	if a.overrun() {
		return max(a.retryAfter, pauseLeast)
	}
	return a.retryAfter
}
