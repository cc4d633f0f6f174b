// Package replay is the function that works replay jobs off the replays queue. It finds past deliveries of a webhook
// in the log and sends them again through the slow queue, page by page. events.Again makes the messages; delivery
// decides whether an attempt is made.
package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

const (
	// pageOfReplay is how many deliveries a page sends at most. With pause between pages that is some 33 a second: a
	// replay of a million takes eight hours, and delays other deliveries of the slow queue by seconds.
	pageOfReplay = 100
	pause        = 3 * time.Second

	// atOnce is how many deliveries are made and sent together. Before each group the job's state is read again.
	atOnce = 20

	// maxReceives is the replays queue's limit before its dead-letter queue; infra sets the same. At the last receive
	// the job is stopped, so that people see it and can start another.
	maxReceives = 5

	// raceAttempts is how often saving the progress is tried when someone else changes the job meanwhile.
	raceAttempts = 5
)

// Config names the slow queue.
type Config struct {
	SlowDeliveries string `env:"SLOW_DELIVERIES_QUEUE_URL,required"`
}

// Service works replay jobs.
type Service struct {
	store  *store.Store
	queues deliveryqueue.Queues
	now    domain.Clock
	newID  domain.IDSource
}

// New makes no AWS call.
func New(s *store.Store, slow deliveryqueue.Queue, now domain.Clock, newID domain.IDSource) *Service {
	return &Service{store: s, queues: deliveryqueue.On(slow, slow, now), now: now, newID: newID}
}

// Handle works a batch of messages. A failed message is reported alone and comes again, up to maxReceives times.
func (s *Service) Handle(ctx context.Context, batch lambda.SQSEvent) (lambda.SQSEventResponse, error) {
	failures := []lambda.SQSBatchItemFailure{} // an empty list, never null: one emulator's poller breaks on null
	for _, m := range batch.Records {
		if err := s.message(ctx, m); err != nil {
			slog.ErrorContext(ctx, "replay failed", "message_id", m.MessageId, "receives",
				m.Attributes["ApproximateReceiveCount"], "error", err)
			failures = append(failures, lambda.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return lambda.SQSEventResponse{BatchItemFailures: failures}, nil
}

func (s *Service) message(ctx context.Context, m lambda.SQSMessage) error {
	var p events.ReplayPage
	if err := json.Unmarshal([]byte(m.Body), &p); err != nil {
		return fmt.Errorf("unreadable message: %w", err)
	}
	err := s.page(ctx, p)
	if receives, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"]); err != nil && receives >= maxReceives {
		stopped := s.save(ctx, p, func(r domain.Replay) domain.Replay {
			return r.Stop("Something failed on our side; begin another.", s.now())
		})
		return errors.Join(err, stopped)
	}
	return err
}

// page finds a page of deliveries, sends them, then commits the progress together with the message for the next page.
// It may run twice and stop anywhere. A repeat of a saved page does nothing. A repeat of an unsaved page sends the
// same attempts, and delivery makes each once. No delivery is left out; a page that stopped half-way may count fewer
// than it sent.
func (s *Service) page(ctx context.Context, p events.ReplayPage) error {
	r, err := s.running(ctx, p)
	if err != nil || r.State != domain.ReplayRunning {
		return err
	}
	w, held, err := s.webhook(ctx, r)
	if err != nil {
		return err
	}
	if held != "" {
		return s.save(ctx, p, func(r domain.Replay) domain.Replay { return r.Stop(held, s.now()) })
	}
	began := s.now()
	after, _ := store.ParseLogPlace(r.After)
	var found [][]domain.Attempt
	at, more, err := s.store.Deliveries(ctx, store.LogQuery{
		Account: r.Account, Webhook: r.Webhook, From: r.From, To: r.To, EventTypes: r.EventTypes, Oldest: true,
		After:  after,
		Unsent: !slices.Contains(r.States, domain.DeliveryDelivered),
	}, func(attempts []domain.Attempt) bool {
		if !r.Takes(attempts) {
			return true
		}
		if len(found) == pageOfReplay {
			return false
		}
		found = append(found, attempts)
		return true
	})
	if err != nil {
		return err
	}
	var done domain.ReplayProgress
	for part := range slices.Chunk(found, atOnce) {
		if now, err := s.running(ctx, p); err != nil {
			return err
		} else if !now.State.Unfinished() { // somebody cancelled the job; a pause waits for the page's end
			break
		}
		sent, err := s.send(ctx, w, part)
		if err != nil {
			return err
		}
		done.Seen, done.Sent, done.Skipped = done.Seen+len(part), done.Sent+sent, done.Skipped+len(part)-sent
	}
	slog.InfoContext(ctx, "replayed", "account", r.Account, "webhook", r.Webhook, "replay", r.ID, "page", r.Page,
		"seen", done.Seen, "sent", done.Sent,
		"more", more, "ms", s.now().Sub(began).Milliseconds())
	return s.save(ctx, p, func(r domain.Replay) domain.Replay { return r.Worked(done, at.String(), !more, s.now()) })
}

// running reads the job. The result has no state when the page needs no work: it was saved, or the account is being
// deleted.
func (s *Service) running(ctx context.Context, p events.ReplayPage) (domain.Replay, error) {
	r, err := s.store.Replay(ctx, p.Account, p.Webhook, p.Replay)
	if fault.KindOf(err) == fault.NotFound || err == nil && r.Page != p.Page {
		return domain.Replay{}, nil
	}
	if err != nil {
		return r, err
	}
	account, err := s.store.Account(ctx, p.Account)
	if fault.KindOf(err) == fault.NotFound || err == nil && !account.Knows(r.CreatedAt) {
		return domain.Replay{}, nil
	}
	return r, err
}

// webhook reads the job's webhook, and the reason why nothing may be sent to it.
func (s *Service) webhook(ctx context.Context, r domain.Replay) (w domain.Webhook, held string, err error) {
	w, health, err := s.store.WebhookAndHealth(ctx, r.Account, r.Webhook)
	if fault.KindOf(err) == fault.NotFound {
		return w, "The webhook was deleted.", nil
	}
	if err != nil {
		return w, "", err
	}
	var i domain.Installation
	if w.Extension != "" {
		if i, err = s.store.Installation(ctx, r.Account, w.Extension); err != nil &&
			fault.KindOf(err) != fault.NotFound {
			return w, "", err
		}
	}
	var f *fault.Error
	if errors.As(w.Held(health, i), &f) {
		held = f.Detail
	}
	return w, held, nil
}

// send sends every delivery that can be repeated, and returns their number. On an error, some were not sent.
func (s *Service) send(ctx context.Context, w domain.Webhook, found [][]domain.Attempt) (int, error) {
	made := make([]*events.Delivery, len(found))
	faults := make([]error, len(found))
	var working sync.WaitGroup
	for i, attempts := range found {
		working.Go(func() { made[i], faults[i] = s.again(ctx, w, attempts) })
	}
	working.Wait()
	if err := errors.Join(faults...); err != nil {
		return 0, err
	}
	var deliveries []events.Delivery
	for _, d := range made {
		if d != nil {
			deliveries = append(deliveries, *d)
		}
	}
	if w.Tailed(s.now()) {
		if err := s.store.AppendTailed(ctx, w.ID, deliveries); err != nil {
			return 0, err
		}
	}
	for _, err := range s.queues.Send(ctx, deliveries) { // one error stands for all: they usually agree
		return 0, fault.Wrap(err, "send deliveries to %s again", w.ID)
	}
	return len(deliveries), nil
}

// again is the message that repeats a delivery; nil when its body cannot be reproduced.
func (s *Service) again(ctx context.Context, w domain.Webhook, attempts []domain.Attempt) (*events.Delivery, error) {
	e, err := s.store.Event(ctx, w.Account, attempts[0].Contract, attempts[0].Event)
	if err == nil {
		var d events.Delivery
		if d, err = events.Again(w, e, attempts); err == nil {
			if w.Pulled() {
				d.NotBefore = s.now() // since when it waits for an agent
			}
			return &d, nil
		}
	}
	if kind := fault.KindOf(err); kind == fault.NotFound || kind == fault.Conflict {
		return nil, nil
	}
	return nil, err
}

// save commits the job's progress, with the message for the next page while the job runs; resuming a paused job sends
// that message. At the job's end, its webhook is free for another job. A concurrent cancel wins, and so does a page
// saved before.
func (s *Service) save(ctx context.Context, p events.ReplayPage, to func(domain.Replay) domain.Replay) error {
	var err error
	for range raceAttempts {
		var before domain.Replay
		if before, err = s.running(ctx, p); err != nil || before.State == "" {
			return err
		}
		after := to(before)
		var tx store.Tx
		tx.Replace(&after)
		switch {
		case after.State == domain.ReplayRunning:
			tx.Resend(events.Resend{
				ID: s.newID("rsd"), Account: after.Account, Wait: pause,
				Page: &events.ReplayPage{Account: after.Account, Webhook: after.Webhook, Replay: after.ID,
					Page: after.Page},
			})
		case before.State.Unfinished() && !after.State.Unfinished():
			tx.Discard(domain.Replaying{Account: after.Account, Webhook: after.Webhook})
		}
		if err = s.store.Commit(ctx, &tx, nil); !fault.Is(err, store.Raced) {
			return err
		}
	}
	return err
}
