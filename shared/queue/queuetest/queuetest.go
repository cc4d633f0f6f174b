// Package queuetest gives a test a queue of its own on the emulator, and hands its messages over as Lambda would.
package queuetest

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"plugboard/shared/queue"
	"plugboard/shared/store/storetest"
)

// Queue is the queue of one test, deleted at the test's end.
type Queue struct {
	Client *sqs.Client
	URL    string

	t     testing.TB
	queue *queue.Queue
	mu    sync.Mutex
	sent  []queue.Message
	owed  int // messages sent without a delay and not yet received
}

// New creates an empty queue.
func New(t testing.TB) *Queue {
	t.Helper()
	client := sqs.NewFromConfig(storetest.AWS(t))
	name := "test-" + strings.ToLower(rand.Text()[:10])
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: &name, Attributes: map[string]string{string(types.QueueAttributeNameVisibilityTimeout): hidden},
	})
	if err != nil {
		t.Fatalf("create the queue %s: %v", name, err)
	}
	t.Cleanup(func() {
		if _, err := client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: made.QueueUrl}); err !=
			nil {
			t.Errorf("delete the queue %s: %v", name, err)
		}
	})
	return &Queue{Client: client, URL: *made.QueueUrl, t: t, queue: queue.New(client, *made.QueueUrl)}
}

// Send sends to the real queue and remembers the messages, because a delayed message cannot be read from it.
func (q *Queue) Send(ctx context.Context, messages []queue.Message) map[int]error {
	failed := q.queue.Send(ctx, messages)
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, m := range messages {
		if failed[i] == nil {
			q.sent = append(q.sent, m)
			if m.Delay == 0 {
				q.owed++
			}
		}
	}
	return failed
}

// Sent is the messages sent since the last call of Sent.
func (q *Queue) Sent() []queue.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	sent := q.sent
	q.sent = nil
	return sent
}

// Batch is messages as Lambda hands them to a function, whether or not their delay is over.
func Batch(messages ...queue.Message) events.SQSEvent {
	var batch events.SQSEvent
	for _, m := range messages {
		batch.Records = append(batch.Records, events.SQSMessage{
			MessageId: rand.Text(), Body: m.Body, EventSource: "aws:sqs",
			Attributes: map[string]string{
				"ApproximateReceiveCount": "1", "MessageGroupId": m.Group, "SentTimestamp": sentAt,
				"ApproximateFirstReceiveTimestamp": sentAt,
			},
			MessageAttributes: m.MessageAttributes(),
		})
	}
	return batch
}

const sentAt = "1764020000000" // milliseconds

// Received is received messages with all their attributes, as Lambda hands them to a function.
func Received(messages ...types.Message) events.SQSEvent {
	var batch events.SQSEvent
	for _, m := range messages {
		r := events.SQSMessage{
			MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle),
			Body:      aws.ToString(m.Body),
			Md5OfBody: aws.ToString(m.MD5OfBody), Attributes: m.Attributes,
			MessageAttributes: map[string]events.SQSMessageAttribute{}, EventSource: "aws:sqs",
		}
		for name, a := range m.MessageAttributes {
			r.MessageAttributes[name] = events.SQSMessageAttribute{DataType: aws.ToString(a.DataType),
				StringValue: a.StringValue}
		}
		batch.Records = append(batch.Records, r)
	}
	return batch
}

// Broken sends to a queue that does not exist.
func (q *Queue) Broken() *queue.Queue { return queue.New(q.Client, q.URL+"-gone") }

// hidden is how long a received message stays invisible, in seconds, unless it is deleted. When the answer to a
// receive is lost, the SDK asks again, and finds its messages after that time.
const hidden = "10"

// patience is how long Take waits, in polls of SQS's longest wait.
const (
	longPoll = 20 // seconds
	patience = 3
)

// Take removes every visible message from the queue, as one batch. It waits for the messages that Send sent without a
// delay. Delayed messages stay.
func (q *Queue) Take() events.SQSEvent {
	q.t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	var batch events.SQSEvent
	for polls := 0; ; {
		in := &sqs.ReceiveMessageInput{
			QueueUrl: &q.URL, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		}
		if q.owed > 0 {
			in.WaitTimeSeconds = longPoll
		}
		got, err := q.Client.ReceiveMessage(q.t.Context(), in)
		if err != nil {
			q.t.Fatalf("receive: %v", err)
		}
		if len(got.Messages) == 0 {
			if polls++; q.owed > 0 && polls < patience {
				continue
			}
			if q.owed > 0 {
				q.t.Fatalf("%d messages that were sent did not come within %d s", q.owed, patience*longPoll)
			}
			return batch
		}
		q.owed = max(0, q.owed-len(got.Messages))
		for _, m := range got.Messages {
			if _, err := q.Client.DeleteMessage(q.t.Context(),
				&sqs.DeleteMessageInput{QueueUrl: &q.URL, ReceiptHandle: m.ReceiptHandle}); err != nil {
				q.t.Fatalf("delete a message: %v", err)
			}
		}
		batch.Records = append(batch.Records, Received(got.Messages...).Records...)
	}
}

// Waiting is the number of delayed messages in the queue.
func (q *Queue) Waiting() string {
	q.t.Helper()
	got, err := q.Client.GetQueueAttributes(q.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &q.URL, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed},
	})
	if err != nil {
		q.t.Fatalf("ask the queue: %v", err)
	}
	return got.Attributes[string(types.QueueAttributeNameApproximateNumberOfMessagesDelayed)]
}
