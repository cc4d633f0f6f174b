package delivery

import (
	"context"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// A webhook's rate limit holds over all processes and both queues, because the store leases the turns. A delivery
// with a later turn takes the turn along to the queue, so that it asks only once.

// TurnLeases leases the next n turns of a webhook at equal distances, and returns the time of the first. Conflict
// `backlog` when no turn is free within domain.TurnsWithin.
type TurnLeases interface {
	LeaseTurns(ctx context.Context, w domain.WebhookID, n int, every time.Duration) (first time.Time, err error)
}

// rateLimiter leases turns in blocks. A block has as many turns as the process has deliveries waiting for the
// webhook.
type rateLimiter struct {
	pace TurnLeases

	mu     sync.Mutex
	blocks map[domain.WebhookID]*block
}

// block is the rest of the last lease.
type block struct {
	mu     sync.Mutex
	wanted int // guarded by rateLimiter.mu
	left   int
	at     time.Time // of the next turn
}

func newRateLimiter(p TurnLeases) *rateLimiter {
	return &rateLimiter{pace: p, blocks: map[domain.WebhookID]*block{}}
}

// next is the time of the webhook's next turn.
func (ts *rateLimiter) next(ctx context.Context, w domain.WebhookID, every time.Duration) (time.Time, error) {
	b := ts.join(w)
	b.mu.Lock()
	defer b.mu.Unlock()
	defer ts.release(w, b) // before the next caller counts who waits
	if b.left == 0 {
		n := ts.waiting(b)
		first, err := ts.pace.LeaseTurns(ctx, w, n, every)
		if err != nil {
			return time.Time{}, err
		}
		b.left, b.at = n, first
	}
	turn := b.at
	b.left, b.at = b.left-1, b.at.Add(every)
	return turn, nil
}

func (ts *rateLimiter) join(w domain.WebhookID) *block {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	b, ok := ts.blocks[w]
	if !ok {
		b = &block{}
		ts.blocks[w] = b
	}
	b.wanted++
	return b
}

func (ts *rateLimiter) waiting(b *block) int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return b.wanted
}

// release forgets the block when its last user is done.
func (ts *rateLimiter) release(w domain.WebhookID, b *block) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if b.wanted--; b.wanted == 0 {
		delete(ts.blocks, w)
	}
}

// awaitRateLimit takes a turn for d when its webhook has a rate limit. It is true when d is not sent now. r then
// defers d to its turn, which uses up no attempt. When no turn is free within domain.TurnsWithin, r gives d up.
func (s *Service) awaitRateLimit(ctx context.Context, r *result, t *target, d events.Delivery) (bool, error) {
	every, limited := t.Webhook.Policy.Every()
	if !limited || d.Turn {
		return false, nil
	}
	turn, err := s.limiter.next(ctx, d.Webhook, every)
	switch {
	case fault.Is(err, store.Backlog):
		r.line.Outcome, r.line.Failure = domain.OutcomeExhausted, domain.FailureBacklog
		r.line.Reason = "More deliveries wait for this endpoint than its rate limit allows in a day."
		return true, s.exhausted(ctx, t.Webhook, d, r.line)
	case err != nil:
		return false, err
	case !turn.After(r.line.At):
		return false, nil
	}
	d.NotBefore, d.Turn = turn, true
	r.action, r.next = domain.ActionDefer, &d
	return true, nil
}
