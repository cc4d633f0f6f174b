// Package redelivery is the function that, every minute, sends what is due to the deliveries' queues: the next attempts
// that were further away than a message can wait, and what was parked while a breaker was open. It decides nothing:
// whether an attempt still is to be made, delivery looks.
package redelivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/lane"
	"plugboard/shared/metric"
	"plugboard/shared/store"
)

// Config names what it sends to.
type Config struct {
	Lanes  lane.Config
	Fanout string `env:"FANOUT_FUNCTION,required"`
}

const (
	// pageOfDue is how many are read, sent and removed at a time: eight calls of SQS, which are made at once.
	pageOfDue = 80

	// leastForPage is what must be left of the function's time to begin another page.
	leastForPage = 10 * time.Second

	// forParked is what the sweep leaves of it.
	forParked = 15 * time.Second
)

// Service sweeps.
type Service struct {
	store   *store.Store
	lanes   lane.Lanes
	fanout  Fanout
	metrics *metric.Log
	now     domain.Clock
}

// New does not call AWS.
func New(s *store.Store, l lane.Lanes, f Fanout, m *metric.Log, now domain.Clock) *Service {
	return &Service{store: s, lanes: l, fanout: f, metrics: m, now: now}
}

// Handle hands over again what was forgotten, sends what is due, and lets go what is parked. Each leaves the next one time,
// however much there is.
func (s *Service) Handle(ctx context.Context, _ any) (struct{}, error) {
	forgotten, repairing := s.repair(ctx)
	sweeping, cancel := leaving(ctx, forParked)
	defer cancel()
	due, sending := s.due(sweeping)
	began := time.Now()
	r, err := s.parked(ctx)
	// What could not be looked at is no nought: silence raises the alarm that good news would keep quiet.
	seen := map[metric.Name][]float64{}
	if repairing == nil || forgotten > 0 {
		seen[metric.Unsent] = []float64{float64(forgotten)}
	}
	if sending == nil || due.found > 0 {
		seen[metric.Due], seen[metric.Overdue] = []float64{float64(due.found)}, []float64{float64(due.overdue)}
	}
	if r.left == 0 && err == nil { // or there may be more
		seen[metric.OpenBreakers] = []float64{float64(r.open)}
	}
	s.metrics.Put(seen)
	slog.InfoContext(ctx, "looked after breakers", "watched", r.watched, "open", r.open, "probes", r.probes, "let_go", r.letGo, "left", r.left, "ms", time.Since(began).Milliseconds())
	return struct{}{}, errors.Join(repairing, sending, err)
}

// leaving ends so long before ctx, or after half of its time when that is less.
func leaving(ctx context.Context, rest time.Duration) (context.Context, context.CancelFunc) {
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

// due sends what is due, the oldest hour first, for as long as the function's time allows; the next minute's goes on
// where it stopped. It may run late, twice, or at once with another: each item is removed after it was sent, so that
// none is lost, and what is sent twice is the same delivery and attempt, which delivery makes once or, when both come at
// the same moment, twice under one id.
//
// An hour that is over and empty is never read again. So a minute with nothing to do is a read of how far was swept and
// one of each shard, and after an outage of days there are 24 hours a day to look into, and not 1,440 minutes.
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
	slog.InfoContext(ctx, "swept", "due", run.found, "overdue", run.overdue, "sent", run.sent, "from", from, "to", run.swept, "stopped", run.stopped, "ms", time.Since(began).Milliseconds())
	return run, err
}

// sweep is one run.
type sweep struct {
	*Service
	ctx     context.Context
	until   time.Time
	swept   time.Time // every bucket before it is over and empty
	held    bool      // something in a bucket could not be sent
	stopped bool      // for want of time
	found   int       // that are due
	overdue int       // of these, sent or not
	sent    int
}

// overdueAfter is how late an attempt may be sent before it counts as overdue: a sweep a minute, and its time.
const overdueAfter = 2 * time.Minute

// from sweeps the buckets from the oldest on. What cannot be sent stays, and the sweep goes on behind it; its error comes
// at the end.
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

// shard sends what is due in one shard of a bucket, page by page.
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

// sendPage sends and then removes: a crash between the two sends again.
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
	failed := s.lanes.Send(s.ctx, due)
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
