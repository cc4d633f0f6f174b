// Package fanout is the function that turns what was committed to the outbox into messages: a provision into one
// to provisioning, an event into one to delivery for every webhook that hears it, what is sent again into one to delivery
// or, for a page of it, to replay. It hears the accounts table's
// stream, and decides nothing: who hears what is domain.Webhook.Hears.
package fanout

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/lane"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/store"
)

// Records is what fanout reads, and where it notes what it sent. Installation and Blueprint return NotFound for what is
// absent.
type Records interface {
	StillPending(ctx context.Context, events []events.Event) (map[domain.EventID]bool, error)
	SentOn(ctx context.Context, events []events.Event) error
	WebhooksAndHealth(ctx context.Context, a domain.AccountID) ([]domain.Webhook, map[domain.WebhookID]domain.Health, error)
	Installation(ctx context.Context, a domain.AccountID, e domain.ExtensionID) (domain.Installation, error)
	Blueprint(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error)
}

// Queue takes messages, and names those that it did not take by their place.
type Queue interface {
	Send(ctx context.Context, messages []queue.Message) map[int]error
}

// Config names the queues.
type Config struct {
	Provisions string `env:"PROVISIONS_QUEUE_URL,required"`
	Replays    string `env:"REPLAYS_QUEUE_URL,required"`
	Lanes      lane.Config
}

// Service fans out.
type Service struct {
	records    Records
	provisions Queue
	replays    Queue
	deliveries lane.Lanes
	metrics    *metric.Log
	now        domain.Clock
}

// New does not call AWS.
func New(r Records, provisions, replays Queue, deliveries lane.Lanes, m *metric.Log, now domain.Clock) *Service {
	return &Service{records: r, provisions: provisions, replays: replays, deliveries: deliveries, metrics: m, now: now}
}

// Handle works a batch of the stream. Any failure fails all of it, and the stream hands it over again, whole or
// halved: partial answers are not understood by every emulator, and a repeat is harmless, since a delivery's id
// derives from event and webhook, and provisioning goes by an installation's own state.
//
// Once all is sent, the events are noted as sent on. What is not noted, redelivery hands over again after a minute; so an
// event that comes that late is looked up first, and left out when it was sent on meanwhile.
func (s *Service) Handle(ctx context.Context, batch lambda.DynamoDBEvent) (struct{}, error) {
	began := time.Now()
	i := &invocation{
		service: s, accounts: map[domain.AccountID]*account{},
		provisions: outgoing[queue.Message]{send: s.provisions.Send}, replays: outgoing[queue.Message]{send: s.replays.Send}, deliveries: outgoing[events.Delivery]{send: s.deliveries.Send},
	}
	for _, r := range batch.Records {
		if err := i.record(ctx, r); err != nil {
			return struct{}{}, fault.Wrap(err, "fan out %s", r.EventID)
		}
	}
	if err := i.sendOn(ctx); err != nil {
		return struct{}{}, err
	}
	if err := i.flush(ctx); err != nil {
		return struct{}{}, err
	}
	if err := s.records.SentOn(ctx, i.events); err != nil { // to fail now would send all of it again, and again
		slog.ErrorContext(ctx, "events were sent on and are not noted as such", "events", len(i.events), "error", err)
	}
	s.metrics.Put(map[metric.Name][]float64{metric.Events: {float64(len(i.events))}})
	slog.InfoContext(ctx, "fanned out", "records", len(batch.Records), "events", len(i.events), "provisions", i.provisions.sent,
		"replays", i.replays.sent, "deliveries", i.deliveries.sent, "accounts", len(i.accounts), "ms", time.Since(began).Milliseconds())
	return struct{}{}, nil
}

// invocation is one batch being worked.
type invocation struct {
	service    *Service
	accounts   map[domain.AccountID]*account
	provisions outgoing[queue.Message]
	replays    outgoing[queue.Message]
	deliveries outgoing[events.Delivery]
	events     []events.Event
}

func (i *invocation) record(ctx context.Context, r lambda.DynamoDBEventRecord) error {
	switch store.Outbox(r) {
	case store.OutboxEvent:
		e, err := store.EventOf(r)
		if err != nil {
			return err
		}
		i.events = append(i.events, e)
		return nil
	case store.OutboxProvision:
		p, err := store.ProvisionOf(r)
		if err != nil {
			return err
		}
		body, err := queue.Encode(p)
		if err != nil {
			return err
		}
		return i.provisions.add(ctx, queue.Message{Body: body, Delay: p.Wait})
	case store.OutboxResend:
		again, err := store.ResendOf(r)
		if err != nil {
			return err
		}
		return i.resend(ctx, again)
	default:
		return nil
	}
}

// sendOn sends the events on that nobody else has.
func (i *invocation) sendOn(ctx context.Context) error {
	var late []events.Event
	for _, e := range i.events {
		if !e.AcceptedAt.IsZero() && i.service.now().Sub(e.AcceptedAt) > store.PendingLate {
			late = append(late, e)
		}
	}
	if len(late) > 0 {
		still, err := i.service.records.StillPending(ctx, late)
		if err != nil {
			return fault.Wrap(err, "look whether %d events were sent on", len(late))
		}
		i.events = slices.DeleteFunc(i.events, func(e events.Event) bool {
			return !still[e.ID] && slices.ContainsFunc(late, func(l events.Event) bool { return l.ID == e.ID })
		})
	}
	for _, e := range i.events {
		if err := i.event(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (i *invocation) resend(ctx context.Context, r events.Resend) error {
	if r.Page == nil {
		return i.deliveries.add(ctx, *r.Delivery)
	}
	body, err := queue.Encode(r.Page)
	if err != nil {
		return err
	}
	return i.replays.add(ctx, queue.Message{Body: body, Delay: r.Wait})
}

func (i *invocation) event(ctx context.Context, e events.Event) error {
	a, err := i.account(ctx, e.Account)
	if err != nil {
		return err
	}
	for _, w := range a.webhooks {
		if !w.Hears(e.Subject) {
			continue
		}
		d, err := a.delivery(ctx, w, e)
		if err != nil {
			return fault.Wrap(err, "event %s to webhook %s", e.ID, w.ID)
		}
		if err := i.deliveries.add(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

func (i *invocation) flush(ctx context.Context) error {
	for _, out := range []*outgoing[queue.Message]{&i.provisions, &i.replays} {
		if err := out.flush(ctx); err != nil {
			return err
		}
	}
	return i.deliveries.flush(ctx)
}

// outgoing holds messages back until they fill eight calls of ten, so that calls are full, and memory is not: a
// batch of 100 events that 100 webhooks each hear is 10,000 messages.
type outgoing[M any] struct {
	send    func(context.Context, []M) map[int]error
	waiting []M
	sent    int
}

const outgoingMost = 80

func (o *outgoing[M]) add(ctx context.Context, m M) error {
	if o.waiting = append(o.waiting, m); len(o.waiting) < outgoingMost {
		return nil
	}
	return o.flush(ctx)
}

func (o *outgoing[M]) flush(ctx context.Context) error {
	failed := o.send(ctx, o.waiting)
	for _, err := range failed { // one says it; they mostly agree
		return fmt.Errorf("%d of %d messages were not sent: %w", len(failed), len(o.waiting), err)
	}
	o.sent, o.waiting = o.sent+len(o.waiting), nil
	return nil
}
