// Package queue sends messages to SQS. Lambda receives them and calls the handlers.
package queue

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// SQS quotas (Developer Guide, "Message quotas"), and our own limits within them.
const (
	batchMost = 10 // messages
	MaxDelay  = 15 * time.Minute

	// BilledRequest is what SQS bills as one request, in bytes of a call's messages.
	BilledRequest = 64 << 10

	// batchBytes keeps a call well under SQS's 1 MiB. A larger call costs no less, since SQS bills by BilledRequest.
	batchBytes = 256 << 10

	callsAtOnce = 8
)

// Message is one message to send.
type Message struct {
	Body       string            // from Encode
	Attributes map[string]string // texts that SQS takes (Takes), none empty: readable without decoding Body
	// at most 128 characters; on a standard queue it keeps one group's backlog from delaying others
	Group string
	Delay time.Duration // at most MaxDelay; rounded up to a second, so that no message comes early
}

// textType is SQS's type of a text attribute.
const textType = "String"

// Attribute is an attribute of a received message; empty when there is none of that name.
func Attribute(m lambda.SQSMessage, name string) string {
	return aws.ToString(m.MessageAttributes[name].StringValue)
}

// MessageAttributes are the Attributes as Lambda hands them to a function.
func (m Message) MessageAttributes() map[string]lambda.SQSMessageAttribute {
	all := make(map[string]lambda.SQSMessageAttribute, len(m.Attributes))
	for name, text := range m.Attributes {
		all[name] = lambda.SQSMessageAttribute{DataType: textType, StringValue: &text}
	}
	return all
}

// Size is the size that SQS counts, in bytes.
func (m Message) Size() int {
	size := len(m.Body)
	for name, text := range m.Attributes {
		size += len(name) + len(textType) + len(text)
	}
	return size
}

// Takes is true when SQS accepts the text unchanged.
func Takes(text string) bool { return !strings.ContainsAny(text, "\ufffe\uffff") }

// Encode is v as JSON that SQS accepts. SQS refuses U+FFFE and U+FFFF, which a customer's text may hold; JSON escapes
// them.
func Encode(v any) (string, error) {
	raw, err := domain.JSON(v)
	if err != nil {
		return "", fmt.Errorf("encode a %T: %w", v, err)
	}
	return strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(string(raw)), nil
}

// Queue sends to one queue. It is safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
}

// New makes no AWS call.
func New(client *sqs.Client, url string) *Queue { return &Queue{client: client, url: url} }

// Send sends the messages, ten a call where their sizes allow, in no order. It returns the error of each unsent
// message by its index; nil when all were sent. A message that SQS reports as failed may have been sent all the same.
func (q *Queue) Send(ctx context.Context, messages []Message) map[int]error {
	failed := map[int]error{}
	var mu sync.Mutex
	var calls sync.WaitGroup
	slots := make(chan struct{}, callsAtOnce)
	for _, batch := range batches(messages) {
		slots <- struct{}{}
		calls.Go(func() {
			defer func() { <-slots }()
			errs := q.call(ctx, messages, batch)
			mu.Lock()
			defer mu.Unlock()
			for i, err := range errs {
				failed[i] = err
			}
		})
	}
	calls.Wait()
	if len(failed) == 0 {
		return nil
	}
	return failed
}

// batches groups the indexes of messages into calls.
func batches(messages []Message) [][]int {
	var all [][]int
	size := 0
	for i, m := range messages {
		if last := len(all) - 1; last >= 0 && len(all[last]) < batchMost && size+m.Size() <= batchBytes {
			all[last], size = append(all[last], i), size+m.Size()
			continue
		}
		all, size = append(all, []int{i}), m.Size()
	}
	return all
}

// call sends one batch, and returns the errors of the unsent messages.
func (q *Queue) call(ctx context.Context, messages []Message, batch []int) map[int]error {
	in := &sqs.SendMessageBatchInput{QueueUrl: &q.url}
	for _, i := range batch {
		entry := types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &messages[i].Body}
		if messages[i].Group != "" {
			entry.MessageGroupId = &messages[i].Group
		}
		if len(messages[i].Attributes) > 0 {
			entry.MessageAttributes = map[string]types.MessageAttributeValue{}
		}
		for name, text := range messages[i].Attributes {
			entry.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String(textType),
				StringValue: &text}
		}
		if d := messages[i].Delay; d > 0 {
			entry.DelaySeconds = int32((min(d, MaxDelay) + time.Second - 1) / time.Second)
		}
		in.Entries = append(in.Entries, entry)
	}
	failed := map[int]error{}
	out, err := q.client.SendMessageBatch(ctx, in)
	if err != nil {
		for _, i := range batch {
			failed[i] = fault.Wrap(err, "send %d messages", len(batch))
		}
		return failed
	}
	for _, f := range out.Failed {
		i, _ := strconv.Atoi(aws.ToString(f.Id))
		failed[i] = fault.Wrap(fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message)), "send a message")
	}
	return failed
}
