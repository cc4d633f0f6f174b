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

// The limit of attempts a second that a webhook's policy may set holds over all processes and both lanes: turns are given
// out by the store. A delivery whose turn is yet to come goes back with it, so that it asks once, however many wait.

// Pace gives out the next n turns of a webhook, one every so often, and returns the time of the first. Conflict `backlog`
// when there are none within domain.TurnsWithin.
type Pace interface {
	Turns(ctx context.Context, w domain.WebhookID, n int, every time.Duration) (first time.Time, err error)
}

// turns asks for a block of them at a time: as many as deliveries to the webhook in this process want one at the moment.
type turns struct {
	pace Pace

	mu     sync.Mutex
	blocks map[domain.WebhookID]*block
}

// block is what is left of the turns that were given last.
type block struct {
	mu     sync.Mutex
	wanted int // under turns.mu
	left   int
	next   time.Time
}

func newTurns(p Pace) *turns { return &turns{pace: p, blocks: map[domain.WebhookID]*block{}} }

// of is the time of the next turn of the webhook.
func (ts *turns) of(ctx context.Context, w domain.WebhookID, every time.Duration) (time.Time, error) {
	b := ts.want(w)
	b.mu.Lock()
	defer b.mu.Unlock()
	defer ts.had(w, b) // before the next one counts who wants
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

// had forgets the block with the last who wanted of it.
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
