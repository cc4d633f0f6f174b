// Package deliveryqueue sends deliveries to the two queues that delivery works on. The slow queue has a concurrency
// of its own and takes deliveries to slow endpoints, replays and recovered deliveries, so that they delay no others
// (design rule 20). Each delivery says which queue it takes.
package deliveryqueue

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/queue"
)

// Queue takes messages, and names those that it did not take by their place.
type Queue interface {
	Send(ctx context.Context, messages []queue.Message) map[int]error
}

// Config names the queues.
type Config struct {
	Deliveries     string `env:"DELIVERIES_QUEUE_URL,required"`
	SlowDeliveries string `env:"SLOW_DELIVERIES_QUEUE_URL,required"`
}

// Queues are both queues. Safe for concurrent use.
type Queues struct {
	quick, slow Queue
	now         domain.Clock
}

// New does not call AWS.
func New(client *sqs.Client, c Config, now domain.Clock) Queues {
	return On(queue.New(client, c.Deliveries), queue.New(client, c.SlowDeliveries), now)
}

// On is the pair of those queues.
func On(quick, slow Queue, now domain.Clock) Queues {
	return Queues{quick: quick, slow: slow, now: now}
}

// Send sends each delivery to its queue, to arrive at NotBefore, or after 15 minutes when that is earlier. It returns
// an error for each that was not sent, by its place; nil when all were. An event's body goes along while the message
// stays one billed request; delivery reads a bigger one from the event's item.
func (l Queues) Send(ctx context.Context, deliveries []events.Delivery) map[int]error {
	var failed map[int]error
	fail := func(at int, err error) {
		if failed == nil {
			failed = map[int]error{}
		}
		failed[at] = err
	}
	var quick, slow load
	for i, d := range deliveries {
		m, err := Message(d)
		if err != nil {
			fail(i, err)
			continue
		}
		on := &quick
		if d.Slow {
			on = &slow
		}
		m.Delay = max(0, d.NotBefore.Sub(l.now()))
		on.messages = append(on.messages, m)
		on.of = append(on.of, i)
	}
	for i, err := range l.quick.Send(ctx, quick.messages) {
		fail(quick.of[i], err)
	}
	for i, err := range l.slow.Send(ctx, slow.messages) {
		fail(slow.of[i], err)
	}
	return failed
}

// load is the messages for one queue, with each one's place among the deliveries.
type load struct {
	messages []queue.Message
	of       []int
}

// The attributes that a delivery's message has beside it, so that neither has to be taken out of JSON.
const (
	eventAttribute  = "event"  // the event's body
	targetAttribute = "target" // what is known of where it goes
)

// Message is the delivery's, due at once. An event's body goes along while the message stays one billed request, and
// SQS takes it; then what is known of its target.
func Message(d events.Delivery) (queue.Message, error) {
	body, err := queue.Encode(d)
	m := queue.Message{Body: body, Attributes: map[string]string{}, Group: string(d.Webhook)}
	along := func(name, text string) {
		if text == "" || !queue.Takes(text) {
			return
		}
		if m.Attributes[name] = text; m.Size() > queue.BilledRequest {
			delete(m.Attributes, name)
		}
	}
	along(eventAttribute, d.Body)
	along(targetAttribute, d.Target)
	return m, err
}

// Delivery decodes a message. It drops the target hint when the queue held the message for long or longer, since a
// stale hint is not worth reading.
func Delivery(m lambda.SQSMessage, long time.Duration) (events.Delivery, error) {
	var d events.Delivery
	if err := json.Unmarshal([]byte(m.Body), &d); err != nil {
		return d, fault.Wrap(err, "read a message")
	}
	d.Body = queue.Attribute(m, eventAttribute)
	if comesWithin(m, long) {
		d.Target = queue.Attribute(m, targetAttribute)
	}
	return d, nil
}

// comesWithin tells whether the message came so soon after it was sent, by the queue's own clock, and for the first
// time.
func comesWithin(m lambda.SQSMessage, long time.Duration) bool {
	stamp := func(name types.MessageSystemAttributeName) int64 {
		milliseconds, err := strconv.ParseInt(m.Attributes[string(name)], 10, 64)
		if err != nil {
			return 0
		}
		return milliseconds
	}
	sent, came := stamp(types.MessageSystemAttributeNameSentTimestamp),
		stamp(types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp)
	held := time.Duration(came-sent) * time.Millisecond
	return sent > 0 && held >= 0 && held < long && stamp(types.MessageSystemAttributeNameApproximateReceiveCount) == 1
}
