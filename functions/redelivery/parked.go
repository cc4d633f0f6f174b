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

// lookedAtOnce is how many webhooks are worked at a time.
const lookedAtOnce = 8

// round is one run over the webhooks that are watched.
type round struct {
	*Service
	ctx context.Context

	mu                           sync.Mutex
	closed, silent               []store.Watched // what is parked may go: to be sent; to be recorded, as nothing may be sent any more
	lettingGo                    int             // of those, that had something parked when they were last looked at
	watched, open, probes, letGo int
	left                         int // for the next run, for want of time
	failure                      error
}

// parked looks at every webhook that is watched, and lets go what is parked for those whose breaker is closed, each as much
// as any other, in an order that is drawn, so that none is always the one for which no time is left. It may run late, twice,
// or at once with another, as the sweep: what is sent is removed afterwards, and is the same delivery and attempt however
// often it is sent.
func (s *Service) parked(ctx context.Context) (*round, error) {
	all, err := s.store.Watched(ctx)
	r := &round{Service: s, ctx: ctx, watched: len(all), failure: err}
	r.each(all, r.look)
	r.each(r.closed, r.release)
	r.each(r.silent, r.discharge)
	return r, r.failure
}

// each does something for every one of them, some at a time, as long as there is time.
func (r *round) each(all []store.Watched, do func(store.Watched) error) {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slots := make(chan struct{}, lookedAtOnce)
	var working sync.WaitGroup
	for i, w := range all {
		slots <- struct{}{}
		if outOfTime(r.ctx) {
			r.note(func() { r.left += len(all) - i })
			break
		}
		working.Go(func() {
			defer func() { <-slots }()
			if err := do(w); err != nil {
				r.note(func() { r.failure = errors.Join(r.failure, fmt.Errorf("what is parked for %s: %w", w.Webhook, err)) })
			}
		})
	}
	working.Wait()
}

func (r *round) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// look finds out what may be done for one webhook, and sends its probe when that is due.
func (r *round) look(watched store.Watched) error {
	w, health, err := r.store.WebhookAndHealth(r.ctx, watched.Account, watched.Webhook)
	gone := fault.KindOf(err) == fault.NotFound
	if err != nil && !gone {
		return err
	}
	silent := gone || w.Paused || health.State() == domain.HealthDisabled
	if silent || !health.Breaker.Open() {
		r.note(func() { r.mayGo(watched, silent) })
		return nil
	}
	r.note(func() { r.open++ })
	if health.Breaker.Due(r.now()) {
		return r.probe(watched, health.Breaker)
	}
	return nil
}

func (r *round) mayGo(w store.Watched, silent bool) {
	if silent {
		r.silent = append(r.silent, w)
	} else {
		r.closed = append(r.closed, w)
	}
	if w.EmptySince.IsZero() {
		r.lettingGo++
	}
}

// probe sends the oldest delivery, which claims the probe when it comes. Until it does, the next run sends another. With
// nothing to send, the breaker lapses, and its webhook need not be watched.
func (r *round) probe(w store.Watched, b domain.Breaker) error {
	found, err := r.store.Parked(r.ctx, w.Account, w.Webhook, 1)
	if err == nil && len(found) == 0 && !b.Holds(r.now()) {
		return r.store.Quiet(r.ctx, w)
	}
	if err != nil || len(found) == 0 {
		return err
	}
	sent, err := r.sendParked(found, 0)
	r.note(func() { r.probes += sent })
	return err
}

// release sends the oldest deliveries to an endpoint that is back, spread over the minute, and notes how many, for the next.
// Should the breaker open again they are parked again, and the next run sees it open.
func (r *round) release(w store.Watched) error {
	most := domain.LetGo(w.LetGo, r.lettingGo)
	sent, err := r.send(w, most, time.Minute/time.Duration(most))
	if err != nil || sent < most {
		return err
	}
	return r.store.NoteLetGo(r.ctx, w, sent)
}

// discharge sends the oldest of a webhook that may not be sent to any more, to be recorded.
func (r *round) discharge(w store.Watched) error {
	_, err := r.send(w, domain.LetGoToRecord(r.lettingGo), 0)
	return err
}

// send sends the oldest, at most so many, one each pace. When nothing is left it says so.
func (r *round) send(w store.Watched, most int, pace time.Duration) (sent int, err error) {
	found, err := r.store.Parked(r.ctx, w.Account, w.Webhook, most)
	if err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, r.store.Quiet(r.ctx, w)
	}
	sent, err = r.sendParked(found, pace)
	r.note(func() { r.letGo += sent })
	return sent, err
}

// sendParked sends deliveries down the slow lane, one each pace, and then removes them: a crash between the two sends again.
// The time that each gets gives it another place, should it be parked before its first is removed.
func (r *round) sendParked(found []events.Delivery, pace time.Duration) (int, error) {
	now := r.now().Truncate(time.Millisecond)
	out := make([]events.Delivery, len(found))
	for i, d := range found {
		d.Slow, d.NotBefore = true, now.Add(time.Duration(i)*pace)
		out[i] = d
	}
	failed := r.lanes.Send(r.ctx, out)
	var sent []events.Delivery
	var failure error
	for i, d := range found {
		if err, ok := failed[i]; ok {
			failure = fmt.Errorf("%d of %d were not sent: %w", len(failed), len(out), err)
			continue
		}
		sent = append(sent, d)
	}
	return len(sent), errors.Join(failure, r.store.Unpark(r.ctx, sent))
}
