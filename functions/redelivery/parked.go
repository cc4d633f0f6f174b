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

// Design rule 20: while a breaker is open, its webhook gets one probe at a time. Once it is closed, the parked
// deliveries are released at a rate that an endpoint can take that has just recovered.

// lookedAtOnce is how many webhooks are worked concurrently.
const lookedAtOnce = 8

// round is one run over the watched webhooks: those with an open breaker or parked deliveries.
type round struct {
	*Service
	ctx context.Context

	mu sync.Mutex
	// webhooks whose parked deliveries may go: to be sent; to be recorded only, since nothing may be sent to them
	closed, silent                  []store.Watched
	releasing                       int // webhooks among them that had parked deliveries in the run before
	watched, open, probes, released int
	left                            int // webhooks left for the next run, for lack of time
	failure                         error
}

// parked checks every watched webhook and releases the parked deliveries of those whose breaker is closed. Each
// webhook gets the same share, in random order, so that no webhook always comes last. A run may be late, repeated, or
// concurrent with another: a delivery is removed after it was sent, and a repeat is the same delivery and attempt.
func (s *Service) parked(ctx context.Context) (*round, error) {
	all, err := s.store.Watched(ctx)
	r := &round{Service: s, ctx: ctx, watched: len(all), failure: err}
	r.each(all, r.inspect)
	r.each(r.closed, r.release)
	r.each(r.silent, r.discharge)
	return r, r.failure
}

// each calls do for every webhook, some concurrently, while time lasts.
func (r *round) each(all []store.Watched, do func(store.Watched) error) {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	slots := make(chan struct{}, lookedAtOnce)
	var working sync.WaitGroup
	for i, w := range all {
		slots <- struct{}{}
		if outOfTime(r.ctx) {
			r.addFailure(func() { r.left += len(all) - i })
			break
		}
		working.Go(func() {
			defer func() { <-slots }()
			if err := do(w); err != nil {
				r.addFailure(func() {
					r.failure = errors.Join(r.failure, fmt.Errorf("what is parked for %s: %w", w.Webhook, err))
				})
			}
		})
	}
	working.Wait()
}

func (r *round) addFailure(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// inspect decides what one webhook may get, and sends its probe when the probe is due.
func (r *round) inspect(watched store.Watched) error {
	w, health, err := r.store.WebhookAndHealth(r.ctx, watched.Account, watched.Webhook)
	gone := fault.KindOf(err) == fault.NotFound
	if err != nil && !gone {
		return err
	}
	silent := gone || w.Paused || health.State() == domain.HealthDisabled
	if silent || !health.Breaker.Open() && !w.Pulled() {
		r.addFailure(func() { r.mayGo(watched, silent) })
		return nil
	}
	if w.Pulled() {
		return r.unpulled(watched, w, health)
	}
	r.addFailure(func() { r.open++ })
	if health.Breaker.Due(r.now()) {
		return r.probe(watched, health.Breaker)
	}
	return nil
}

// unpulledLooked is how many of the oldest deliveries that wait for an agent are looked at in a run.
const unpulledLooked = 100

// unpulled sends delivery what no agent can pull any more, to be recorded: deliveries of an older epoch, of a suspended
// extension, and those that waited too long. Once the oldest has waited for domain.WarnAfter it sends that, too, so
// that the account is warned; delivery lets it wait on.
func (r *round) unpulled(watched store.Watched, w domain.Webhook, health domain.Health) error {
	found, err := r.store.Parked(r.ctx, w.Account, w.ID, unpulledLooked)
	if err == nil && len(found) == 0 {
		return r.store.Quiet(r.ctx, watched)
	}
	if err != nil {
		return err
	}
	to := domain.Destination{Webhook: w, Health: health, ReadAt: r.now()}
	if to.Account, err = r.store.Account(r.ctx, w.Account); err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if w.Extension != "" {
		to.Installation, err = r.store.Installation(r.ctx, w.Account, w.Extension)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	warned := health.State() == domain.HealthWarned
	var over []events.Delivery
	for _, d := range found {
		switch {
		case domain.Decide(&to, d.Dispatch(), r.now()).Action != domain.ActionPark:
			over = append(over, d)
		case !warned && r.now().Sub(d.Waits()) >= domain.WarnAfter:
			over, warned = append(over, d), true
		}
	}
	_, err = r.sendParked(over, 0)
	return err
}

func (r *round) mayGo(w store.Watched, silent bool) {
	if silent {
		r.silent = append(r.silent, w)
	} else {
		r.closed = append(r.closed, w)
	}
	if w.EmptySince.IsZero() {
		r.releasing++
	}
}

// probe sends the oldest parked delivery, which claims the probe on arrival. Until then, the next run sends another.
// With nothing parked the breaker lapses, and its webhook is watched no longer.
func (r *round) probe(w store.Watched, b domain.Breaker) error {
	found, err := r.store.Parked(r.ctx, w.Account, w.Webhook, 1)
	if err == nil && len(found) == 0 && !b.Holds(r.now()) {
		return r.store.Quiet(r.ctx, w)
	}
	if err != nil || len(found) == 0 {
		return err
	}
	sent, err := r.sendParked(found, 0)
	r.addFailure(func() { r.probes += sent })
	return err
}

// release sends the oldest parked deliveries to a recovered endpoint, spread over the minute, and notes their number
// for the next run. If the breaker opens again, they are parked again.
func (r *round) release(w store.Watched) error {
	most := domain.Released(w.Released, r.releasing)
	sent, err := r.send(w, most, time.Minute/time.Duration(most))
	if err != nil || sent < most {
		return err
	}
	return r.store.NoteReleased(r.ctx, w, sent)
}

// discharge sends the oldest parked deliveries of a webhook that may get nothing, so that delivery records them.
func (r *round) discharge(w store.Watched) error {
	_, err := r.send(w, domain.ReleasedToRecord(r.releasing), 0)
	return err
}

// send sends at most `most` of the oldest, one each pace. When none is left, it ends the watch.
func (r *round) send(w store.Watched, most int, pace time.Duration) (sent int, err error) {
	found, err := r.store.Parked(r.ctx, w.Account, w.Webhook, most)
	if err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, r.store.Quiet(r.ctx, w)
	}
	sent, err = r.sendParked(found, pace)
	r.addFailure(func() { r.released += sent })
	return sent, err
}

// sendParked sends deliveries to the slow queue, one each pace, then removes them: a crash in between sends them
// again. Each gets its own time, and so its own key if it is parked again before the old item is removed.
func (r *round) sendParked(found []events.Delivery, pace time.Duration) (int, error) {
	now := r.now().Truncate(time.Millisecond)
	out := make([]events.Delivery, len(found))
	for i, d := range found {
		d.Waiting = d.Waits()
		d.Slow, d.NotBefore = true, now.Add(time.Duration(i)*pace)
		out[i] = d
	}
	failed := r.queues.Send(r.ctx, out)
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
