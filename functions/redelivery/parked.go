package redelivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// What is parked while a breaker is open (design rule 20): a probe while it is, and all of it afterwards, at a rate that an
// endpoint that is just back can take.

const (
	// letGoMost is how many deliveries a minute a webhook gets back, 10 a second, besides its new ones.
	letGoMost = 600

	// recordedMost is the same of one that gets no request any more: they are only recorded as cancelled or skipped.
	recordedMost = 3000

	// lookedAtOnce is how many webhooks are worked at a time.
	lookedAtOnce = 8
)

// round is one run over the webhooks that are watched.
type round struct {
	*Service
	mu                           sync.Mutex
	watched, open, probes, letGo int
	left                         int // for the next run, for want of time
	failure                      error
}

// parked looks after every webhook that is watched, in an order that is drawn, so that none is always the one for which no
// time is left. It may run late, twice, or at once with another, as the sweep: what is sent is removed afterwards, and is
// the same delivery and attempt however often it is sent.
func (s *Service) parked(ctx context.Context) (*round, error) {
	all, err := s.store.Watched(ctx)
	if err != nil {
		return &round{}, err
	}
	r := &round{Service: s, watched: len(all)}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slots := make(chan struct{}, lookedAtOnce)
	var looking sync.WaitGroup
	for _, w := range all {
		slots <- struct{}{}
		looking.Go(func() {
			defer func() { <-slots }()
			r.look(ctx, w)
		})
	}
	looking.Wait()
	return r, r.failure
}

// look does for one webhook what is due.
func (r *round) look(ctx context.Context, w store.Watched) {
	if outOfTime(ctx) {
		r.count(func() { r.left++ })
		return
	}
	if err := r.tend(ctx, w); err != nil {
		r.count(func() { r.failure = errors.Join(r.failure, fmt.Errorf("what is parked for %s: %w", w.Webhook, err)) })
	}
}

func (r *round) count(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *round) tend(ctx context.Context, watched store.Watched) error {
	w, health, err := r.store.WebhookAndHealth(ctx, watched.Account, watched.Webhook)
	gone := fault.KindOf(err) == fault.NotFound
	if err != nil && !gone {
		return err
	}
	silent := gone || w.Paused || health.State() == domain.HealthDisabled
	switch breaker := health.Breaker; {
	case silent:
		return r.release(ctx, watched, recordedMost)
	case !breaker.Open():
		return r.release(ctx, watched, letGoMost)
	case breaker.Due(r.now()):
		err = r.probe(ctx, watched)
	}
	r.count(func() { r.open++ })
	return err
}

// probe sends the oldest delivery, which claims the probe when it comes. Until it does, the next run sends another.
func (r *round) probe(ctx context.Context, w store.Watched) error {
	found, err := r.store.Parked(ctx, w.Account, w.Webhook, 1)
	if err != nil || len(found) == 0 {
		return err
	}
	sent, err := r.sendParked(ctx, found, 0)
	r.count(func() { r.probes += sent })
	return err
}

// release sends the oldest deliveries, at most so many, spread over the minute. When nothing is left it says so. Should the
// breaker open again they are parked again, and the next run sees it open.
func (r *round) release(ctx context.Context, w store.Watched, most int) error {
	found, err := r.store.Parked(ctx, w.Account, w.Webhook, most)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return r.store.Quiet(ctx, w)
	}
	sent, err := r.sendParked(ctx, found, time.Minute/time.Duration(most))
	r.count(func() { r.letGo += sent })
	return err
}

// sendParked sends deliveries down the slow lane, one each pace, and then removes them: a crash between the two sends again.
// The time that each gets gives it another place, should it be parked before its first is removed.
func (r *round) sendParked(ctx context.Context, found []events.Delivery, pace time.Duration) (int, error) {
	now := r.now().Truncate(time.Millisecond)
	out := make([]events.Delivery, len(found))
	for i, d := range found {
		d.Slow, d.NotBefore = true, now.Add(time.Duration(i)*pace)
		out[i] = d
	}
	failed := r.lanes.Send(ctx, out)
	var sent []events.Delivery
	var failure error
	for i, d := range found {
		if err, ok := failed[i]; ok {
			failure = fmt.Errorf("%d of %d were not sent: %w", len(failed), len(out), err)
			continue
		}
		sent = append(sent, d)
	}
	return len(sent), errors.Join(failure, r.store.Unpark(ctx, sent))
}
