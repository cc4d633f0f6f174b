// Package faults is the kit of the fault suite: a ledger of accepted events and their fates, endpoints that
// misbehave, and a proxy that misbehaves in front of AWS. The faults are lists: list_test.go for functions in this
// process or in a killed one, and faults_test.go in localstack/deployed for the deployed stack.
package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// Ledger compares accepted events with the attempt log, the waiting deliveries, the dead-letter queues and the
// endpoints. It reads the tables itself, because the store is under test.
type Ledger struct {
	DB                 *dynamodb.Client
	SQS                *sqs.Client
	Accounts           string // tables
	Deliveries         string
	DeadQueues         []string // URLs
	mu                 sync.Mutex
	hearers            []*hearer
	accepted, poisoned map[string]bool // event ids; messages that must still become dead letters
	dead               int
	innocent           []string // dead letters that were not poisoned
}

// hearer is a webhook and its endpoint.
type hearer struct {
	webhook  domain.Webhook
	endpoint *Endpoint
	until    time.Time // when the webhook was removed; zero: never
}

// Hears registers a webhook: from now on it must get every event of its account that it hears.
func (l *Ledger) Hears(w domain.Webhook, at *Endpoint) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.ContainsFunc(l.hearers, func(h *hearer) bool { return h.webhook.ID == w.ID }) {
		l.hearers = append(l.hearers, &hearer{webhook: w, endpoint: at})
	}
}

// Ends makes deliveries of later events to the webhook optional: it is removed, and fan-out may know it for a while.
func (l *Ledger) Ends(w domain.WebhookID, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.hearers {
		if h.webhook.ID == w {
			h.until = at
		}
	}
}

// Accepted registers events that a caller was told are accepted. Events found only in the table count too.
func (l *Ledger) Accepted(ids ...domain.EventID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accepted == nil {
		l.accepted = map[string]bool{}
	}
	for _, id := range ids {
		l.accepted[string(id)] = true
	}
}

// Poisoned registers a message that must end in a dead-letter queue.
func (l *Ledger) Poisoned(body string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.poisoned == nil {
		l.poisoned = map[string]bool{}
	}
	l.poisoned[body] = true
}

// Balance is the fate of every event.
type Balance struct {
	Events     int
	Deliveries int
	States     map[domain.DeliveryState]int
	Requests   int // received by endpoints
	Repeats    int // requests whose id an endpoint had accepted before
	Dead       int // poisoned messages in a dead-letter queue
	Open       int // deliveries and poisoned messages still on their way
	Wrong      []string
}

// String is the line that a fault prints.
func (b Balance) String() string {
	var ended []string
	for _, s := range []domain.DeliveryState{domain.DeliveryDelivered, domain.DeliveryExhausted, domain.DeliverySkipped,
		domain.DeliveryCancelled} {
		ended = append(ended, fmt.Sprintf("%d %s", b.States[s], s))
	}
	line := fmt.Sprintf("%d events, %d deliveries: %s; %d requests, %d of them repeats", b.Events, b.Deliveries,
		strings.Join(ended, ", "), b.Requests, b.Repeats)
	if b.Dead > 0 {
		line += fmt.Sprintf("; %d dead letters, all poison", b.Dead)
	}
	return line
}

// books is the content of the tables.
type books struct {
	events  map[domain.EventID]events.Event
	places  map[domain.EventID]store.Item
	unsent  map[store.Item]bool // accepted and not sent on
	lines   map[domain.DeliveryID][]domain.Attempt
	waiting map[domain.DeliveryID]bool // due later, or parked
}

// Balance reads everything. Deliveries on their way are Open; errors that cannot right themselves are in Wrong.
func (l *Ledger) Balance(ctx context.Context) (Balance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := Balance{States: map[domain.DeliveryState]int{}}
	books, err := l.read(ctx)
	if err != nil {
		return b, err
	}
	b.Events = len(books.events)
	for id := range l.accepted {
		if _, stored := books.events[domain.EventID(id)]; !stored {
			b.wrong("%s was accepted, and is not stored", id)
		}
	}
	known := map[domain.DeliveryID]bool{}
	for _, h := range l.hearers {
		for _, e := range books.events {
			if e.Account != h.webhook.Account || h.webhook.Hears(e.Subject) != domain.Heard {
				continue
			}
			id := domain.DeliveryOf(e.ID, h.webhook.ID)
			known[id] = true
			b.delivery(books, h, e, id)
		}
	}
	for _, h := range l.hearers {
		b.endpoint(h, known)
		for id, lines := range books.lines {
			if lines[0].Webhook == h.webhook.ID && !known[id] {
				b.wrong("the log has a delivery of %s to %s, which does not hear it", lines[0].Event, h.webhook.ID)
			}
		}
	}
	return b, l.deadLetters(ctx, &b)
}

func (b *Balance) wrong(format string, args ...any) {
	b.Wrong = append(b.Wrong, fmt.Sprintf(format, args...))
}

// delivery judges an expected delivery, unless it is optional.
func (b *Balance) delivery(k books, h *hearer, e events.Event, id domain.DeliveryID) {
	lines := k.lines[id]
	if len(lines) == 0 && !h.until.IsZero() && !e.AcceptedAt.Before(h.until) {
		return
	}
	b.Deliveries++
	if k.waiting[id] || k.unsent[k.places[e.ID]] {
		b.Open++
		return
	}
	if len(lines) == 0 { // in a queue, or lost: the queues are empty at the end, which tells
		b.Open++
		return
	}
	switch state := domain.StateOf(lines); state {
	case domain.DeliveryRetrying:
		b.Open++
	case domain.DeliveryDelivered:
		b.States[state]++
		if !h.endpoint.took(id) {
			b.wrong("%s reads as delivered, and the endpoint of %s has taken no such request", id, h.webhook.ID)
		}
	default:
		b.States[state]++
	}
}

// endpoint judges an endpoint's requests: only events it must hear, each under one id with one body, every request
// signed.
func (b *Balance) endpoint(h *hearer, known map[domain.DeliveryID]bool) {
	bodies, taken := map[domain.DeliveryID]string{}, map[domain.DeliveryID]bool{}
	for _, a := range h.endpoint.Arrivals() {
		b.Requests++
		var body events.Envelope
		if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
			b.wrong("%s got no event: %v", h.webhook.ID, err)
			continue
		}
		switch before, repeated := bodies[a.Delivery]; {
		case a.Delivery != domain.DeliveryOf(body.ID, h.webhook.ID):
			b.wrong("%s got %s under the webhook-id %q, which is another delivery's", h.webhook.ID, body.ID, a.Delivery)
		case !known[a.Delivery]:
			b.wrong("%s got %s, of which it is not to hear", h.webhook.ID, body.ID)
		case repeated && before != a.Body:
			b.wrong("%s came with two bodies:\n%s\n%s", a.Delivery, before, a.Body)
		case !a.Signed:
			b.wrong("%s is signed with no secret of %s", a.Delivery, h.webhook.ID)
		}
		bodies[a.Delivery] = a.Body
		if taken[a.Delivery] {
			b.Repeats++
		}
		taken[a.Delivery] = taken[a.Delivery] || a.taken()
	}
}

func (l *Ledger) read(ctx context.Context) (books, error) {
	k := books{
		events: map[domain.EventID]events.Event{}, places: map[domain.EventID]store.Item{},
		unsent: map[store.Item]bool{}, lines: map[domain.DeliveryID][]domain.Attempt{},
		waiting: map[domain.DeliveryID]bool{},
	}
	ours := func(a domain.AccountID) bool {
		return slices.ContainsFunc(l.hearers, func(h *hearer) bool { return h.webhook.Account == a })
	}
	// The log is read first: an event accepted meanwhile then counts as open, and is not overlooked.
	err := l.each(ctx, l.Deliveries, func(record domain.Record, item map[string]types.AttributeValue) error {
		if record == domain.RecordAttempt {
			var line domain.Attempt
			err := decode(item, &line)
			id := domain.DeliveryOf(line.Event, line.Webhook)
			k.lines[id] = append(k.lines[id], line)
			return err
		}
		var d events.Delivery // whatever it waits for
		err := decode(item, &d)
		if d.ID != "" {
			k.waiting[d.ID] = true
		}
		return err
	})
	if err != nil {
		return k, err
	}
	return k, l.each(ctx, l.Accounts, func(record domain.Record, item map[string]types.AttributeValue) error {
		switch record {
		case domain.RecordEvent:
			var e events.Event
			err := decode(item, &e)
			if ours(e.Account) {
				k.events[e.ID], k.places[e.ID] = e,
					store.Item{PK: text(item, store.PartitionKey), SK: text(item, store.SortKey)}
			}
			return err
		case domain.RecordPending:
			var p store.Item
			err := decode(item, &p)
			k.unsent[p] = true
			return err
		}
		return nil
	})
}

func text(item map[string]types.AttributeValue, name string) string {
	v, _ := item[name].(*types.AttributeValueMemberS)
	if v == nil {
		return ""
	}
	return v.Value
}

func decode(item map[string]types.AttributeValue, v any) error {
	return attributevalue.UnmarshalMapWithOptions(item, v, func(o *attributevalue.DecoderOptions) { o.TagKey = "json" })
}

func (l *Ledger) each(ctx context.Context, table string,
	take func(record domain.Record, item map[string]types.AttributeValue) error) error {
	pages := dynamodb.NewScanPaginator(l.DB, &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("read %s: %w", table, err)
		}
		for _, item := range page.Items {
			record := text(item, "record")
			if record == "" {
				return fmt.Errorf("an item of %s says no record: %v", table, item)
			}
			if err := take(domain.Record(record), item); err != nil {
				return fmt.Errorf("decode a %s of %s: %w", record, table, err)
			}
		}
	}
	return nil
}

// deadLetters takes all dead letters.
func (l *Ledger) deadLetters(ctx context.Context, b *Balance) error {
	for _, url := range l.DeadQueues {
		for {
			got, err := l.SQS.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
			if err != nil {
				return fmt.Errorf("read %s: %w", url, err)
			}
			if len(got.Messages) == 0 {
				break
			}
			for _, m := range got.Messages {
				if _, err := l.SQS.DeleteMessage(ctx,
					&sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
					return err
				}
				if !l.poisoned[*m.Body] {
					l.innocent = append(l.innocent, fmt.Sprintf("%s holds what is no fault: %.300s", url, *m.Body))
					continue
				}
				delete(l.poisoned, *m.Body)
				l.dead++
			}
		}
	}
	b.Wrong, b.Dead, b.Open = append(b.Wrong, l.innocent...), l.dead, b.Open+len(l.poisoned)
	return nil
}
