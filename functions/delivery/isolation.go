package delivery

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Design rule 20: domain.Decide says which delivery makes no attempt, for the sake of others. This file carries it out.

// withhold carries out a decision to make no attempt. Park, defer and move use up no attempt and write no line.
//
// A cached open breaker may have closed up to targetKept ago. A delivery parked then is released within a minute.
func (s *Service) withhold(r result, d events.Delivery, decision domain.Decision) result {
	r.action = decision.Action
	switch decision.Action {
	case domain.ActionSkip:
		r.line.Outcome, r.line.Reason = domain.OutcomeSkipped, decision.Reason
	case domain.ActionCancel:
		r.line.Outcome, r.line.Reason = domain.OutcomeCancelled, decision.Reason
	case domain.ActionPark:
		if !r.pulled {
			s.seen.forget(targetKey{d.Account, d.Webhook}) // another process opened the breaker
		}
	case domain.ActionDefer:
		d.NotBefore, d.Turn = s.afterPause(decision.Until, s.now()), false
		r.next = &d
	case domain.ActionMove:
		d.Slow, r.next = true, &d
	}
	return r
}

// claims claims the probe of a due breaker; only one process can. The claim is a lease: when its process dies, another
// process claims the probe after domain.ProbeLease. It returns the health with the claim.
func (s *Service) claims(ctx context.Context, t *target) (domain.Health, bool) {
	claimed := t.Health.Claimed(s.now())
	var tx store.Tx
	tx.Replace(&claimed)
	err := s.store.Commit(ctx, &tx, nil)
	s.targets.forget(targetKey{t.Webhook.Account, t.Webhook.ID})
	if err != nil && !fault.Is(err, store.Raced) {
		slog.ErrorContext(ctx, "a probe was not claimed", "account", t.Webhook.Account, "webhook", t.Webhook.ID,
			"error", err)
	}
	return claimed, err == nil
}

// park stores the batch's parked deliveries. When that fails, their messages come again.
func (s *Service) park(ctx context.Context, jobs []job) {
	var all []events.Delivery
	watched := map[targetKey]bool{}
	for _, j := range jobs {
		if j.parked == nil || j.fault != nil {
			continue
		}
		all = append(all, *j.parked)
		if j.pulled {
			watched[targetKey{j.parked.Account, j.parked.Webhook}] = true
		}
	}
	var err error
	for k := range watched { // redelivery checks deliveries that no agent pulls
		err = errors.Join(err, s.store.Watch(ctx, k.account, k.webhook))
	}
	if err == nil {
		err = s.store.Park(ctx, all)
	}
	if err != nil {
		for i := range jobs {
			if jobs[i].parked != nil && jobs[i].fault == nil {
				jobs[i].fault = err
			}
		}
	}
}

// runs is this process's recent attempts at each endpoint. Beyond runsMost endpoints it starts over.
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

// sight is this process's view of the endpoint after the attempt, which it answered with a.
func (s *Service) sight(r result, a answer) domain.Observation {
	return domain.Observation{
		Run: s.seen.after(targetKey{r.line.Account, r.line.Webhook}, r.line), Probe: r.probe, Asked: pause(a.asker()),
		Pause: a.asker().pauseForAll(), Drawn: s.jitter(),
	}
}

// pauseForAll is the pause that an endpoint, or its token server, asks for on behalf of all deliveries: with other
// statuses Retry-After is about the one request.
func (a answer) pauseForAll() time.Duration {
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		return a.retryAfter
	}
	return 0
}

// afterPause is when a deferred delivery comes again: after the pause, and up to half of the remaining pause later.
// So deferred deliveries do not all come at once.
func (s *Service) afterPause(until, now time.Time) time.Time {
	return until.Add(scaled(until.Sub(now), s.jitter()/2)).Truncate(time.Millisecond)
}

// pause is the pause that a failed answer asks for, or that is due after it.
func pause(a answer) time.Duration {
	if a.overrun() {
		return max(a.retryAfter, pauseLeast)
	}
	return a.retryAfter
}
