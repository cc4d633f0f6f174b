// Package redelivery is the function that runs every minute. It sends due retries, releases parked deliveries, and
// repairs the outbox. It never decides whether an attempt is made: delivery does.
package redelivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/store"
)

// Config names the delivery queues and the fanout function.
type Config struct {
	Queues deliveryqueue.Config
	Fanout string `env:"FANOUT_FUNCTION,required"`
}

const (
	// pageOfDue is how many due deliveries are read, sent and removed at a time: eight concurrent SQS calls.
	pageOfDue = 80

	// leastForPage is the time that must be left to begin another page.
	leastForPage = 10 * time.Second

	// forParked is the time that the sweep leaves for parked deliveries.
	forParked = 15 * time.Second
)

// Service is the function's three jobs: repair, sweep and release.
type Service struct {
	store   *store.Store
	queues  deliveryqueue.Queues
	fanout  Fanout
	metrics *metric.Log
	now     domain.Clock
}

// New makes no AWS call.
func New(s *store.Store, l deliveryqueue.Queues, f Fanout, m *metric.Log, now domain.Clock) *Service {
	return &Service{store: s, queues: l, fanout: f, metrics: m, now: now}
}

// Handle repairs the outbox, sends due deliveries, and releases parked ones. Each job leaves time for the next.
func (s *Service) Handle(ctx context.Context, _ any) (struct{}, error) {
	forgotten, repairing := s.repair(ctx)
	sweeping, cancel := withTimeLeft(ctx, forParked)
	defer cancel()
	due, sending := s.due(sweeping)
	began := time.Now()
	r, err := s.parked(ctx)
	// If a check failed, publish no metric: missing data raises the alarm.
	seen := map[metric.Name][]float64{}
	if repairing == nil || forgotten > 0 {
		seen[metric.Unsent] = []float64{float64(forgotten)}
	}
	if sending == nil || due.found > 0 {
		seen[metric.Due], seen[metric.Overdue] = []float64{float64(due.found)}, []float64{float64(due.overdue)}
	}
	if r.left == 0 && err == nil { // a partial count would be too low
		seen[metric.OpenBreakers] = []float64{float64(r.open)}
	}
	s.metrics.Put(seen)
	slog.InfoContext(ctx, "looked after breakers", "watched", r.watched, "open", r.open, "probes", r.probes, "let_go",
		r.released, "left", r.left, "ms", time.Since(began).Milliseconds())
	return struct{}{}, errors.Join(repairing, sending, err)
}

// withTimeLeft is ctx with an earlier end. The end leaves rest to later work, but never more than half of the
// remaining time.
func withTimeLeft(ctx context.Context, rest time.Duration) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, end.Add(-min(rest, time.Until(end)/2)))
}

func outOfTime(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < leastForPage
}

// due sends due deliveries, the oldest hour first, while time lasts; the next run continues. A run may be late,
// repeated, or concurrent with another: an item is removed after it was sent, so none is lost, and a repeat is the
// same delivery and attempt.
//
// An hour that is over and empty is never read again. So an idle minute reads the cursor and each shard once, and an
// outage of a day leaves 24 hours to read, not 1,440 minutes.
func (s *Service) due(ctx context.Context) (sweep, error) {
	began := time.Now()
	run := sweep{Service: s, ctx: ctx, until: s.now()}
	from, err := s.store.DueFrom(ctx)
	if err != nil {
		return run, err
	}
	run.swept = from
	err = run.from(from)
	if run.swept.After(from) {
		if noted := s.store.SweptTo(ctx, run.swept); err == nil {
			err = noted
		}
	}
	slog.InfoContext(ctx, "swept", "due", run.found, "overdue", run.overdue, "sent", run.sent, "from", from, "to",
		run.swept, "stopped", run.stopped, "ms", time.Since(began).Milliseconds())
	return run, err
}

// sweep is one run over the due deliveries.
type sweep struct {
	*Service
	ctx     context.Context
	until   time.Time
	swept   time.Time // every bucket before it is over and empty
	held    bool      // some deliveries of a bucket could not be sent
	stopped bool      // for lack of time
	found   int       // due deliveries
	overdue int       // overdue among them, sent or not
	sent    int
}

// overdueAfter is how late a delivery may be before it counts as overdue: the minute between runs, and the time of a
// run.
const overdueAfter = 2 * time.Minute

// from sweeps the buckets from the oldest on. A delivery that cannot be sent stays, the sweep continues, and its
// error is returned at the end.
func (s *sweep) from(bucket time.Time) error {
	var failure error
	for ; !bucket.After(s.until); bucket = bucket.Add(store.DueBucket) {
		for shard := range store.DueShards {
			if err := s.shard(bucket, shard); err != nil {
				failure, s.held = err, true
			}
			if s.stopped {
				return failure
			}
		}
		if end := bucket.Add(store.DueBucket); !s.held && !end.After(s.until) {
			s.swept = end
		}
	}
	return failure
}

// shard sends the due deliveries of one shard of a bucket, page by page.
func (s *sweep) shard(bucket time.Time, shard int) error {
	var failure error
	for after := ""; ; {
		if outOfTime(s.ctx) {
			s.stopped = true
			return failure
		}
		due, next, err := s.store.Due(s.ctx, bucket, shard, s.until, after, pageOfDue)
		if err != nil {
			return err
		}
		if err := s.sendPage(due); err != nil {
			failure = err
		}
		if after = next; after == "" {
			return failure
		}
	}
}

// sendPage sends, then removes: a crash in between sends again.
func (s *sweep) sendPage(due []events.Delivery) error {
	if len(due) == 0 {
		return nil
	}
	s.found += len(due)
	for _, d := range due {
		if s.until.Sub(d.NotBefore) > overdueAfter {
			s.overdue++
		}
	}
	failed := s.queues.Send(s.ctx, due)
	var sent []events.Delivery
	var failure error
	for i, d := range due {
		if err, ok := failed[i]; ok {
			failure = fmt.Errorf("%d of %d that are due were not sent: %w", len(failed), len(due), err)
			continue
		}
		sent = append(sent, d)
	}
	s.sent += len(sent)
	if err := s.store.RemoveDue(s.ctx, sent); err != nil {
		return err
	}
	return failure
}
