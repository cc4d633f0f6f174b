// Package fanout is the function that turns outbox items into messages: a provisioning job into a message to
// provisioning, an event into one delivery per webhook that hears it, and a replay job into a delivery or a message
// to replay. It reads the accounts table's stream. domain.Webhook.Hears decides who hears an event.
package fanout

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/store"
)

// Records is the part of the store that fanout needs. Installation and Blueprint return NotFound for an absent item.
type Records interface {
	StillPending(ctx context.Context, all []store.Pending) (map[store.Item]bool, error)
	SentOn(ctx context.Context, all []store.Pending) error
	BatchAccounts(ctx context.Context, keyed []domain.Account) ([]domain.Account, error)
	WebhooksAndHealth(ctx context.Context,
		a domain.AccountID) ([]domain.Webhook, map[domain.WebhookID]domain.Health, error)
	Installation(ctx context.Context, a domain.AccountID, e domain.ExtensionID) (domain.Installation, error)
	Blueprint(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error)
	Park(ctx context.Context, all []events.Delivery) error
	Watch(ctx context.Context, a domain.AccountID, w domain.WebhookID) error
	AppendTailed(ctx context.Context, w domain.WebhookID, all []events.Delivery) error
}

// Queue sends messages. It returns the error of each refused message by its index.
type Queue interface {
	Send(ctx context.Context, messages []queue.Message) map[int]error
}

// Config names the queues.
type Config struct {
	Provisions string `env:"PROVISIONS_QUEUE_URL,required"`
	Replays    string `env:"REPLAYS_QUEUE_URL,required"`
	Queues     deliveryqueue.Config
}

// Service fans out.
type Service struct {
	records    Records
	provisions Queue
	replays    Queue
	deliveries deliveryqueue.Queues
	metrics    *metric.Log
	now        domain.Clock
}

// New makes no AWS call.
func New(r Records, provisions, replays Queue, deliveries deliveryqueue.Queues, m *metric.Log,
	now domain.Clock) *Service {
	return &Service{records: r, provisions: provisions, replays: replays, deliveries: deliveries, metrics: m, now: now}
}

// Handle works a batch of the stream. Any failure fails the whole batch, and the stream shows it again, whole or
// halved. Partial answers would save repeats, but one emulator ignores them. A repeat is harmless: a delivery's id
// derives from event and webhook, and provisioning follows the installation's own state.
//
// Handle deletes the pending markers once every message is sent. Redelivery hands over an item whose marker is a
// minute old, so Handle first checks such items and skips those that were sent meanwhile.
func (s *Service) Handle(ctx context.Context, batch lambda.DynamoDBEvent) (struct{}, error) {
	began := time.Now()
	i := &invocation{
		service: s, at: s.now(), living: map[domain.AccountID]domain.Account{},
		accounts:   map[domain.AccountID]*account{},
		provisions: outgoing[queue.Message]{send: s.provisions.Send},
		replays:    outgoing[queue.Message]{send: s.replays.Send},
		deliveries: outgoing[events.Delivery]{send: s.deliveries.Send},
		parked:     outgoing[events.Delivery]{send: s.park},
		tailed:     map[domain.WebhookID][]events.Delivery{}, pulled: map[domain.WebhookID]bool{},
	}
	records, pending, err := s.unsent(ctx, batch.Records)
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
	if err := i.keepTailed(ctx); err != nil {
		return struct{}{}, err
	}
	if err := i.flush(ctx); err != nil {
		return struct{}{}, err
	}
	if err := s.records.SentOn(ctx, pending); err != nil { // returning the error would send the whole batch again
		slog.ErrorContext(ctx, "sent on and not noted as such", "records", len(pending), "error", err)
	}
	s.metrics.Put(map[metric.Name][]float64{metric.Events: {float64(len(i.events))},
		metric.Parked: {float64(i.parked.sent)}})
	slog.InfoContext(ctx, "fanned out", "records", len(batch.Records), "events", len(i.events), "provisions",
		i.provisions.sent,
		"replays", i.replays.sent, "deliveries", i.deliveries.sent, "parked", i.parked.sent, "accounts",
		len(i.accounts), "ms", time.Since(began).Milliseconds())
	return struct{}{}, nil
}

// invocation is one batch in progress.
type invocation struct {
	service *Service
	at      time.Time // when the batch began; everything it knows was read later
	events  []events.Event
	// of the events' accounts; zero for an account that is gone or being deleted
	living     map[domain.AccountID]domain.Account
	accounts   map[domain.AccountID]*account
	provisions outgoing[queue.Message]
	replays    outgoing[queue.Message]
	deliveries outgoing[events.Delivery]
	parked     outgoing[events.Delivery]
	tailed     map[domain.WebhookID][]events.Delivery // to be kept for listeners
	pulled     map[domain.WebhookID]bool              // webhooks of agents that are watched by now
}

// unsent returns the records that nobody has sent yet, with their pending markers.
func (s *Service) unsent(ctx context.Context,
	all []lambda.DynamoDBEventRecord) (records []lambda.DynamoDBEventRecord, pending []store.Pending, err error) {
	var late []store.Pending
	for _, r := range all {
		if p, ok := store.PendingOf(r); ok && s.mayBeHandedOver(p) {
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
		if ok && s.mayBeHandedOver(p) && !still[p.Item] {
			continue
		}
		if records = append(records, r); ok {
			pending = append(pending, p)
		}
	}
	return records, pending, nil
}

// mayBeHandedOver is true when redelivery may have handed the item over already.
func (s *Service) mayBeHandedOver(p store.Pending) bool {
	return s.now().Sub(p.AcceptedAt) > store.PendingLate
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

func (i *invocation) resend(ctx context.Context, r events.Resend) error {
	if r.Page == nil {
		if r.Delivery.Tailed {
			i.tail(*r.Delivery)
		}
		return i.deliveries.add(ctx, *r.Delivery)
	}
	body, err := queue.Encode(r.Page)
	if err != nil {
		return err
	}
	return i.replays.add(ctx, queue.Message{Body: body, Delay: r.Wait})
}

// fanOut reads the accounts of all events in one call, then makes the deliveries.
func (i *invocation) fanOut(ctx context.Context) error {
	var of []domain.Account
	for _, e := range i.events {
		if _, wanted := i.living[e.Account]; !wanted {
			i.living[e.Account] = domain.Account{}
			of = append(of, domain.Account{ID: e.Account})
		}
	}
	found, err := i.service.records.BatchAccounts(ctx, of)
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
		if w.Hears(e.Subject) != domain.Heard {
			continue
		}
		d, err := a.delivery(ctx, w, e)
		if err != nil {
			return fault.Wrap(err, "to webhook %s", w.ID)
		}
		out, health := &i.deliveries, a.health[w.ID].Of(w)
		sendable := !w.Paused && a.Knows(e.At)
		switch held := sendable && health.Breaker.Holds(i.service.now()); {
		case w.Pulled() && sendable && health.State() != domain.HealthDisabled:
			if err := i.watched(ctx, w); err != nil {
				return err
			}
			out = &i.parked
		case held && e.Subject.Only != "": // a ping or a test: the caller checks whether the endpoint works again
			d.Slow, d.Asked = true, true
		case held:
			out = &i.parked
		}
		if w.Tailed(i.at) && a.Knows(e.At) && !a.suspended(w) {
			i.tail(d)
		}
		if err := out.add(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// watched has redelivery look after a webhook whose deliveries wait for an agent, once a batch.
func (i *invocation) watched(ctx context.Context, w domain.Webhook) error {
	if i.pulled[w.ID] {
		return nil
	}
	i.pulled[w.ID] = true
	return i.service.records.Watch(ctx, w.Account, w.ID)
}

// tail keeps a delivery for listeners of its webhook (design rule 30).
func (i *invocation) tail(d events.Delivery) {
	d.Body, d.Target = "", ""
	i.tailed[d.Webhook] = append(i.tailed[d.Webhook], d)
}

// keepTailed comes before the last messages: when it fails, the batch comes again, and little was sent for nothing.
func (i *invocation) keepTailed(ctx context.Context) error {
	for w, all := range i.tailed {
		if err := i.service.records.AppendTailed(ctx, w, all); err != nil {
			return err
		}
	}
	return nil
}

// park stores deliveries to endpoints whose breaker is open (design rule 20). However many there are, they take no
// place in a queue.
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

// outgoing collects messages until they fill eight calls of ten. Calls are full, and memory stays small: a batch of
// 100 events for 100 webhooks makes 10,000 messages.
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
	for _, err := range failed { // one error stands for all: they usually agree
		return fmt.Errorf("%d of %d messages were not sent: %w", len(failed), len(o.waiting), err)
	}
	o.sent, o.waiting = o.sent+len(o.waiting), nil
	return nil
}
