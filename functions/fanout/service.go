// Package fanout is the function that turns what was committed to the outbox into messages: a provision into one
// to provisioning, an event into one to delivery for every webhook that hears it, what is sent again into one to delivery
// or, for a page of it, to replay. It hears the accounts table's
// stream, and decides nothing: who hears what is domain.Webhook.Hears.
package fanout

import (
	"context"
	"fmt"
	"log/slog"
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
	StillPending(ctx context.Context, all []store.Pending) (map[store.Item]bool, error)
	SentOn(ctx context.Context, all []store.Pending) error
	TheseAccounts(ctx context.Context, keyed []domain.Account) ([]domain.Account, error)
	WebhooksAndHealth(ctx context.Context, a domain.AccountID) ([]domain.Webhook, map[domain.WebhookID]domain.Health, error)
	Installation(ctx context.Context, a domain.AccountID, e domain.ExtensionID) (domain.Installation, error)
	Blueprint(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error)
	Park(ctx context.Context, all []events.Delivery) error
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
// Once all is sent, it is noted as sent on. What is not noted, redelivery hands over again after a minute; so what comes
// that late is looked up first, and left out when it was sent on meanwhile.
func (s *Service) Handle(ctx context.Context, batch lambda.DynamoDBEvent) (struct{}, error) {
	began := time.Now()
	i := &invocation{
		service: s, at: s.now(), living: map[domain.AccountID]domain.Account{}, accounts: map[domain.AccountID]*account{},
		provisions: outgoing[queue.Message]{send: s.provisions.Send}, replays: outgoing[queue.Message]{send: s.replays.Send}, deliveries: outgoing[events.Delivery]{send: s.deliveries.Send},
		parked: outgoing[events.Delivery]{send: s.park},
	}
	records, pending, err := s.left(ctx, batch.Records)
	if err != nil {
		return struct{}{}, err
	}
	for _, r := range records {
		if err := i.record(ctx, r); err != nil {
			return struct{}{}, fault.Wrap(err, "fan out %s", r.EventID)
		}
	}
	if err := i.fanOut(ctx); err != nil {
		return struct{}{}, err
	}
	if err := i.flush(ctx); err != nil {
		return struct{}{}, err
	}
	if err := s.records.SentOn(ctx, pending); err != nil { // to fail now would send all of it again, and again
		slog.ErrorContext(ctx, "sent on and not noted as such", "records", len(pending), "error", err)
	}
	s.metrics.Put(map[metric.Name][]float64{metric.Events: {float64(len(i.events))}, metric.Parked: {float64(i.parked.sent)}})
	slog.InfoContext(ctx, "fanned out", "records", len(batch.Records), "events", len(i.events), "provisions", i.provisions.sent,
		"replays", i.replays.sent, "deliveries", i.deliveries.sent, "parked", i.parked.sent, "accounts", len(i.accounts), "ms", time.Since(began).Milliseconds())
	return struct{}{}, nil
}

// invocation is one batch being worked.
type invocation struct {
	service    *Service
	at         time.Time // it began: what it knows is no older
	events     []events.Event
	living     map[domain.AccountID]domain.Account // of the events' accounts; zero for one that is being deleted, or is gone
	accounts   map[domain.AccountID]*account
	provisions outgoing[queue.Message]
	replays    outgoing[queue.Message]
	deliveries outgoing[events.Delivery]
	parked     outgoing[events.Delivery]
}

// left are the records that nobody else has sent on, and what says that they are pending.
func (s *Service) left(ctx context.Context, all []lambda.DynamoDBEventRecord) (records []lambda.DynamoDBEventRecord, pending []store.Pending, err error) {
	var late []store.Pending
	for _, r := range all {
		if p, ok := store.PendingOf(r); ok && s.late(p) {
			late = append(late, p)
		}
	}
	var still map[store.Item]bool
	if len(late) > 0 {
		if still, err = s.records.StillPending(ctx, late); err != nil {
			return nil, nil, fault.Wrap(err, "look whether %d were sent on", len(late))
		}
	}
	for _, r := range all {
		p, ok := store.PendingOf(r)
		if ok && s.late(p) && !still[p.Item] {
			continue
		}
		if records = append(records, r); ok {
			pending = append(pending, p)
		}
	}
	return records, pending, nil
}

// late tells that redelivery may have handed it over.
func (s *Service) late(p store.Pending) bool { return s.now().Sub(p.AcceptedAt) > store.PendingLate }

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

// fanOut fans out the events, once their accounts are read, all at once.
func (i *invocation) fanOut(ctx context.Context) error {
	var of []domain.Account
	for _, e := range i.events {
		if _, wanted := i.living[e.Account]; !wanted {
			i.living[e.Account] = domain.Account{}
			of = append(of, domain.Account{ID: e.Account})
		}
	}
	found, err := i.service.records.TheseAccounts(ctx, of)
	if err != nil {
		return fault.Wrap(err, "read %d accounts", len(of))
	}
	for _, a := range found {
		if a.Living() {
			i.living[a.ID] = a
		}
	}
	for _, e := range i.events {
		if err := i.event(ctx, e); err != nil {
			return fault.Wrap(err, "fan out event %s", e.ID)
		}
	}
	return nil
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
			return fault.Wrap(err, "to webhook %s", w.ID)
		}
		out := &i.deliveries
		switch held := !w.Paused && a.Knows(e.At) && a.health[w.ID].Of(w).Breaker.Holds(i.service.now()); {
		case held && e.Subject.Only != "": // a ping or a test: somebody looks whether the endpoint is mended
			d.Slow, d.Asked = true, true
		case held:
			out = &i.parked
		}
		if err := out.add(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// park puts deliveries to endpoints whose breaker is open where they wait (design rule 20): however many they are, no queue
// has them before others'.
func (s *Service) park(ctx context.Context, all []events.Delivery) map[int]error {
	if err := s.records.Park(ctx, all); err != nil {
		return map[int]error{0: err}
	}
	return nil
}

func (i *invocation) flush(ctx context.Context) error {
	for _, out := range []*outgoing[queue.Message]{&i.provisions, &i.replays} {
		if err := out.flush(ctx); err != nil {
			return err
		}
	}
	if err := i.deliveries.flush(ctx); err != nil {
		return err
	}
	return i.parked.flush(ctx)
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
