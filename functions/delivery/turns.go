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

// A webhook's rate limit holds over all processes and both queues: the store leases the turns. A delivery whose turn
// is in the future goes back to the queue with it, so that it asks only once.

// Pace leases the next n turns of a webhook at equal distances, and returns the time of the first. Conflict `backlog`
// when none is free within domain.TurnsWithin.
type Pace interface {
	Turns(ctx context.Context, w domain.WebhookID, n int, every time.Duration) (first time.Time, err error)
}

// turns leases a block of turns at a time: as many as the process's deliveries to the webhook need at the moment.
type turns struct {
	pace Pace

	mu     sync.Mutex
	blocks map[domain.WebhookID]*block
}

// block is the rest of the last lease.
type block struct {
	mu     sync.Mutex
	wanted int // guarded by turns.mu
	left   int
	next   time.Time
}

func newTurns(p Pace) *turns { return &turns{pace: p, blocks: map[domain.WebhookID]*block{}} }

// of is the time of the webhook's next turn.
func (ts *turns) of(ctx context.Context, w domain.WebhookID, every time.Duration) (time.Time, error) {
	b := ts.want(w)
	b.mu.Lock()
	defer b.mu.Unlock()
	defer ts.had(w, b) // before the next caller counts who waits
	if b.left == 0 {
		n := ts.wanted(b)
		first, err := ts.pace.Turns(ctx, w, n, every)
		if err != nil {
			return time.Time{}, err
		}
		b.left, b.next = n, first
	}
	turn := b.next
	b.left, b.next = b.left-1, b.next.Add(every)
	return turn, nil
}

func (ts *turns) want(w domain.WebhookID) *block {
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

func (ts *turns) wanted(b *block) int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return b.wanted
}

// had forgets the block when its last user is done.
func (ts *turns) had(w domain.WebhookID, b *block) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if b.wanted--; b.wanted == 0 {
		delete(ts.blocks, w)
	}
}

// paced says in m when d's turn is, if it is not now, or that there is none; false when d is sent now. What waits uses up
// no attempt.
func (s *Service) paced(ctx context.Context, m *made, t *target, d events.Delivery) (bool, error) {
	every, limited := t.webhook.Policy.Every()
	if !limited || d.Turn {
		return false, nil
	}
	turn, err := s.turns.of(ctx, d.Webhook, every)
	switch {
	case fault.Is(err, store.Backlog):
		m.line.Outcome, m.line.Failure = domain.OutcomeExhausted, domain.FailureBacklog
		m.line.Reason = "More waits for this endpoint than it takes in a day at the pace of its policy."
		return true, s.exhausted(ctx, t.webhook, d, m.line)
	case err != nil:
		return false, err
	case !turn.After(m.line.At):
		return false, nil
	}
	d.NotBefore, d.Turn = turn, true
	m.aside, m.next = waits, &d
	return true, nil
}
