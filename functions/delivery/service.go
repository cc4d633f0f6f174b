// Package delivery is the function that brings events to webhooks' endpoints, from the deliveries queue. A failed
// POST is no failed message: it is logged, the next attempt is sent, and the message is done. Only a fault of the
// pipeline (an unreadable message; DynamoDB, SQS or KMS down) lets a message come again, and end in the dead-letter
// queue (design rule 19).
package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/fault"
	"plugboard/shared/queue"
	"plugboard/shared/store"
)

// Queue takes messages, and names those that it did not take by their place.
type Queue interface {
	Send(ctx context.Context, messages []queue.Message) map[int]error
}

// Config is where to send the next attempt, and where deliveries may go.
type Config struct {
	Deliveries string `env:"DELIVERIES_QUEUE_URL,required"`
	Egress     egress.Config
}

// atOnce is how many messages of a batch are worked at once: all, at SQS's 10 a batch.
const atOnce = 10

// Service delivers.
type Service struct {
	store   *store.Store
	open    Opener
	queue   Queue
	client  *http.Client
	targets *targets
	now     domain.Clock
	jitter  func() float64 // 0 to 1
	timeout time.Duration
}

// New does not call AWS.
func New(s *store.Store, open Opener, q Queue, c egress.Config, now domain.Clock) *Service {
	return &Service{
		store: s, open: open, queue: q, client: egress.New(c, atOnce), targets: newTargets(s, now), now: now,
		jitter: rand.Float64, timeout: defaultTimeout,
	}
}

// job is a message being worked. There is no claim before the POST, so that none can be lost with it. What
// happens when the process dies:
//
//   - before the log is written: the message comes again, and the attempt is made again under the same id and
//     number.
//   - after it, before the next message is sent: the same; the attempt has two lines then.
//   - after that: the message comes again, and so does the next one. Both go on; the receiver knows each attempt by
//     the delivery's id.
//
// So nothing is forgotten, and what is repeated is one delivery. The log comes before the next message: the other
// way round, a log that is down would let every repeat of the message send one more.
type job struct {
	message  lambda.SQSMessage
	delivery events.Delivery
	line     *domain.Attempt  // for the log; nil when no attempt was due
	next     *events.Delivery // to send: the next attempt, or this one, which is not due
	fault    error            // the message comes again
}

// Handle works a batch: all its attempts at once, then their lines into the log, then what follows into the queue.
// So a slow endpoint delays the others in its batch by its timeout at most, and only in the log.
func (s *Service) Handle(ctx context.Context, batch lambda.SQSEvent) (lambda.SQSEventResponse, error) {
	jobs := make([]job, len(batch.Records))
	slots := make(chan struct{}, atOnce)
	var working sync.WaitGroup
	for i, m := range batch.Records {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			jobs[i] = s.work(ctx, m)
		})
	}
	working.Wait()
	s.log(ctx, jobs)
	s.sendOn(ctx, jobs)
	failures := []lambda.SQSBatchItemFailure{} // never null: an emulator's poller breaks on it
	for _, j := range jobs {
		if j.fault != nil {
			slog.ErrorContext(ctx, "delivery failed", "message_id", j.message.MessageId, "receives", j.message.Attributes["ApproximateReceiveCount"],
				"delivery", j.delivery.ID, "error", j.fault)
			failures = append(failures, lambda.SQSBatchItemFailure{ItemIdentifier: j.message.MessageId})
		}
	}
	return lambda.SQSEventResponse{BatchItemFailures: failures}, nil
}

// work makes the message's attempt, if it is due. A panic is this message's fault, and no other's.
func (s *Service) work(ctx context.Context, m lambda.SQSMessage) (j job) {
	j.message = m
	defer func() {
		if p := recover(); p != nil {
			j = job{message: m, delivery: j.delivery, fault: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	if err := json.Unmarshal([]byte(m.Body), &j.delivery); err != nil {
		j.fault = fault.Wrap(err, "read a message")
		return j
	}
	d := j.delivery
	switch {
	case d.ID != domain.DeliveryOf(d.Event, d.Webhook) || d.Attempt < 1:
		j.fault = errors.New("the message is no delivery")
	case s.now().Before(d.NotBefore):
		j.next = &d
	default:
		var made made
		if made, j.fault = s.attempt(ctx, d); j.fault == nil {
			logged(ctx, d, made)
			if j.next = made.next; !made.forgotten { // nothing more is written of an account that is being erased
				j.line = &made.line
			}
		}
	}
	return j
}

// log appends the batch's lines. When it cannot, none of their messages is done.
func (s *Service) log(ctx context.Context, jobs []job) {
	var lines []domain.Attempt
	for _, j := range jobs {
		if j.line != nil {
			lines = append(lines, *j.line)
		}
	}
	if err := s.store.AppendAttempts(ctx, lines); err != nil {
		for i := range jobs {
			if jobs[i].line != nil {
				jobs[i].fault = err
			}
		}
	}
}

// sendOn sends what follows. A wait of more than SQS's 15 minutes hops: the message comes when they are over, is
// not due, and goes back. A hop is no attempt. (Later: long waits lie in due buckets that redelivery sweeps, and
// cost nothing meanwhile.)
func (s *Service) sendOn(ctx context.Context, jobs []job) {
	var messages []queue.Message
	var of []*job
	for i := range jobs {
		j := &jobs[i]
		if j.next == nil || j.fault != nil {
			continue
		}
		body, err := queue.Encode(j.next)
		if err != nil {
			j.fault = err
			continue
		}
		messages = append(messages, queue.Message{Body: body, Group: string(j.next.Webhook), Delay: j.next.NotBefore.Sub(s.now())})
		of = append(of, j)
	}
	for i, err := range s.queue.Send(ctx, messages) {
		of[i].fault = err
	}
}
