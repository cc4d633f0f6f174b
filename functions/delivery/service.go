// Package delivery is the function that sends events to webhooks' endpoints. A failed POST is no failed message: it
// is logged, the next attempt is scheduled, and the message is done. Only a fault of the pipeline (an unreadable
// message; DynamoDB, SQS or KMS down) lets a message come again, and end in the dead-letter queue (design rule 19).
package delivery

import (
	"context"
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
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/store"
)

// Config names the queues, and where deliveries may go.
type Config struct {
	Queues deliveryqueue.Config
	Egress egress.Config
}

const (
	// usualBatch is SQS's batch size, for which connections are kept.
	usualBatch = 10
	// atOnce is how many messages of a batch are worked concurrently: all, even of a larger batch.
	atOnce = 100
)

// MemoryLimit is for the garbage collector alone, in bytes. Without it, a hundred slow endpoints at once took up to
// 63 MB. Live memory is a few MB, so nothing ever waits for the limit.
const MemoryLimit = 40 << 20

// Service sends deliveries.
type Service struct {
	store      *store.Store
	open       Opener
	queues     deliveryqueue.Queues
	client     *http.Client
	tokens     *accessTokens
	targets    *targets
	limiter    *rateLimiter
	seen       runs
	statistics *statistics
	now        domain.Clock
	since      func(time.Time) time.Duration
	metrics    *metric.Log
	jitter     func() float64 // 0 to 1
}

// New makes no AWS call.
func New(s *store.Store, open Opener, l deliveryqueue.Queues, c egress.Config, m *metric.Log,
	now domain.Clock) *Service {
	client := egress.New(c, usualBatch)
	return &Service{
		store: s, open: open, queues: l, client: client, tokens: newAccessTokens(client, now),
		targets: newTargets(s, now), limiter: newRateLimiter(s), now: now,
		statistics: newStatistics(),
		seen:       runs{known: map[targetKey]domain.Run{}}, since: time.Since, metrics: m, jitter: rand.Float64,
	}
}

// job is a message being worked. There is no claim before the POST, so that none can be lost with it. What
// happens when the process dies:
//
//   - before the log is written: the message comes again, and the attempt is made again under the same id and
//     number.
//   - after it, before what follows is sent: the same for a first attempt, which has two lines then. A retry finds its
//     line (repeats), makes no second POST, and sends what that line promised.
//   - after that: the message comes again, and so does what follows it. Both go on until the next attempt, where the
//     second finds the first one's line, and takes its time for the one after: what was two is one again.
//
// So no delivery is lost, and all repeats are one delivery. The log line comes before the next message: in the
// other order, a log that is down would let every repeat of the message send another one.
type job struct {
	message  lambda.SQSMessage
	delivery events.Delivery
	line     *domain.Attempt  // for the log; nil when no attempt was due
	next     *events.Delivery // the next attempt, or this one when it is not due or moves to the other queue
	parked   *events.Delivery // what waits in the table for a breaker, or for an agent
	pulled   bool             // agents pull the webhook's deliveries
	action   domain.Action
	distant  bool  // next is due later than a message can wait
	fault    error // the message comes again
}

// leastToEnd is the time left for the log and the next messages when attempts stop. One endpoint that uses up the
// time of its batch must not cost the others theirs.
const leastToEnd = 8 * time.Second

// Handle works a batch: all attempts concurrently, then their lines into the log, then the next messages. So a slow
// endpoint delays the others of its batch by its timeout at most, and only in the log.
func (s *Service) Handle(ctx context.Context, batch lambda.SQSEvent) (lambda.SQSEventResponse, error) {
	jobs := make([]job, len(batch.Records))
	attempts := ctx
	if end, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		attempts, cancel = context.WithDeadline(ctx, end.Add(-leastToEnd))
		defer cancel()
	}
	s.targets.ahead(attempts, s.read(jobs, batch.Records))
	slots := make(chan struct{}, atOnce)
	var working sync.WaitGroup
	for i := range jobs {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			reserveStack(i)
			jobs[i] = s.work(attempts, jobs[i])
		})
	}
	working.Wait()
	s.log(ctx, jobs)
	s.park(ctx, jobs)
	s.sendOn(ctx, jobs)
	s.count(jobs)
	s.noteStatistics(ctx, jobs)
	failures := []lambda.SQSBatchItemFailure{} // an empty list, never null: one emulator's poller breaks on null
	for _, j := range jobs {
		if j.fault != nil {
			slog.ErrorContext(ctx, "delivery failed", "message_id", j.message.MessageId, "receives",
				j.message.Attributes["ApproximateReceiveCount"],
				"delivery", j.delivery.ID, "error", j.fault)
			failures = append(failures, lambda.SQSBatchItemFailure{ItemIdentifier: j.message.MessageId})
		}
	}
	return lambda.SQSEventResponse{BatchItemFailures: failures}, nil
}

// reserveStack grows a goroutine's stack once to what an attempt needs. It begins with 2 KB, and would otherwise be
// doubled and copied three times, deep inside JSON and HTTP. The parameter keeps the compiler from removing the array.
//
//go:noinline
func reserveStack(i int) byte {
	var room [12 << 10]byte
	return room[i%len(room)]
}

// read decodes messages into jobs. It returns the deliveries that are due, with their target hints.
func (s *Service) read(jobs []job, messages []lambda.SQSMessage) []events.Delivery {
	all := make([]events.Delivery, 0, len(messages))
	for i, m := range messages {
		j := &jobs[i]
		j.message = m
		d, err := deliveryqueue.Delivery(m, targetKept)
		if err != nil {
			j.fault = err
			continue
		}
		j.delivery = d
		j.delivery.Target = "" // the hint goes no further
		if d.ID != domain.DeliveryOf(d.Event, d.Webhook) || d.Attempt < 1 {
			j.fault = errors.New("the message is no delivery")
		} else if !s.now().Before(d.NotBefore) {
			all = append(all, d)
		}
	}
	return all
}

// work makes the message's attempt, if it is due. A panic fails this message and no other.
func (s *Service) work(ctx context.Context, j job) (done job) {
	done = j
	defer func() {
		if p := recover(); p != nil {
			done = job{message: j.message, delivery: j.delivery, fault: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	if j.fault != nil {
		return done
	}
	d := j.delivery
	if s.now().Before(d.NotBefore) {
		j.next = &d
	} else {
		var r result
		if r, j.fault = s.attempt(ctx, d); j.fault == nil {
			logged(ctx, d, r)
			j.next, j.action, j.pulled = r.next, r.action, r.pulled
			switch {
			case r.action == domain.ActionPark:
				d.Turn, d.Asked = false, false // neither holds when it is released
				j.parked = &d
			case r.pulled:
				j.next, j.parked = nil, r.next
			}
			if r.logs() {
				j.line = &r.line
			}
		}
	}
	j.distant = j.next != nil && j.next.NotBefore.Sub(s.now()) > queue.MaxDelay
	return j
}

// log appends the batch's lines, and stores the next attempts beyond SQS's 15 minutes, which redelivery sends in
// time. When it fails, none of their messages is done.
func (s *Service) log(ctx context.Context, jobs []job) {
	var lines []domain.Attempt
	var distant []events.Delivery
	for _, j := range jobs {
		if j.line != nil {
			lines = append(lines, *j.line)
		}
		if j.distant {
			distant = append(distant, *j.next)
		}
	}
	if err := s.store.AppendAttempts(ctx, lines, distant...); err != nil {
		for i := range jobs {
			if jobs[i].line != nil || jobs[i].distant {
				jobs[i].fault = errors.Join(jobs[i].fault, err)
			}
		}
	}
}

// sendOn sends the next attempts within SQS's 15 minutes.
func (s *Service) sendOn(ctx context.Context, jobs []job) {
	var next []events.Delivery
	var of []*job
	for i := range jobs {
		j := &jobs[i]
		if j.next == nil || j.distant || j.fault != nil {
			continue
		}
		next, of = append(next, *j.next), append(of, j)
	}
	for i, err := range s.queues.Send(ctx, next) {
		of[i].fault = err
	}
}

var outcomes = map[domain.Outcome]metric.Name{
	domain.OutcomeDelivered: metric.Delivered, domain.OutcomeFailed: metric.Failed,
	domain.OutcomeExhausted: metric.Exhausted,
	domain.OutcomeSkipped:   metric.Skipped, domain.OutcomeCancelled: metric.Cancelled,
}

var withheldMetrics = map[domain.Action]metric.Name{
	domain.ActionPark: metric.Parked, domain.ActionMove: metric.Moved, domain.ActionDefer: metric.Paced,
}

// count publishes metrics of finished work.
func (s *Service) count(jobs []job) {
	values := map[metric.Name][]float64{}
	one := func(name metric.Name) {
		if values[name] == nil {
			values[name] = []float64{0}
		}
		values[name][0]++
	}
	for _, j := range jobs {
		if name, withheld := withheldMetrics[j.action]; withheld && j.fault == nil {
			one(name)
			continue
		}
		if j.fault != nil || j.line == nil {
			continue
		}
		one(outcomes[j.line.Outcome])
		if j.line.Outcome == domain.OutcomeSkipped || j.line.Outcome == domain.OutcomeCancelled {
			continue
		}
		values[metric.AttemptTime] = append(values[metric.AttemptTime], float64(j.line.Milliseconds))
		if j.line.Number == 1 {
			values[metric.FirstAttempt] = append(values[metric.FirstAttempt],
				float64(j.line.At.Sub(j.delivery.EventAt).Milliseconds()))
		}
	}
	s.metrics.Put(values)
}
