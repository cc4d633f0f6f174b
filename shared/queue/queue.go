// Package queue sends messages to SQS. Taking them is Lambda's work: a handler gets batches.
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

// SQS quotas (Developer Guide, "Message quotas"), and what we make of them.
const (
	batchMost = 10 // messages
	MaxDelay  = 15 * time.Minute

	// BilledRequest is what SQS counts as one request, in bytes of a call's messages.
	BilledRequest = 64 << 10

	// batchBytes keeps a call well under SQS's 1 MiB; a bigger one costs no less, as it is billed by BilledRequest.
	batchBytes = 256 << 10

	callsAtOnce = 8
)

// Message is one to send.
type Message struct {
	Body       string            // as Encode makes it
	Attributes map[string]string // texts that SQS takes (Takes), none empty: what is had without decoding Body
	Group      string            // at most 128 characters. On a standard queue it makes groups wait for their own, not for each other
	Delay      time.Duration     // at most MaxDelay; rounded up to a second, so that none comes early
}

// textType is SQS's type of an attribute that is text.
const textType = "String"

// Attribute is one of a message that came; empty when it has none of the name.
func Attribute(m lambda.SQSMessage, name string) string {
	return aws.ToString(m.MessageAttributes[name].StringValue)
}

// MessageAttributes are its Attributes as Lambda hands them to a function.
func (m Message) MessageAttributes() map[string]lambda.SQSMessageAttribute {
	all := make(map[string]lambda.SQSMessageAttribute, len(m.Attributes))
	for name, text := range m.Attributes {
		all[name] = lambda.SQSMessageAttribute{DataType: textType, StringValue: &text}
	}
	return all
}

// Size is what SQS counts, in bytes.
func (m Message) Size() int {
	size := len(m.Body)
	for name, text := range m.Attributes {
		size += len(name) + len(textType) + len(text)
	}
	return size
}

// Takes tells whether SQS takes the text as it is.
func Takes(text string) bool { return !strings.ContainsAny(text, "\ufffe\uffff") }

// Encode is v as JSON that SQS takes: it refuses U+FFFE and U+FFFF, which a text of a customer's may hold, and
// which JSON may write as escapes.
func Encode(v any) (string, error) {
	raw, err := domain.JSON(v)
	if err != nil {
		return "", fmt.Errorf("encode a %T: %w", v, err)
	}
	return strings.NewReplacer("\ufffe", `\ufffe`, "\uffff", `\uffff`).Replace(string(raw)), nil
}

// Queue sends to one queue. Safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
}

// New does not call AWS.
func New(client *sqs.Client, url string) *Queue { return &Queue{client: client, url: url} }

// Send sends the messages, ten a call where their sizes allow, in no order. It returns an error for each that
// was not sent, by its place in messages; nil when all were. One that SQS reports as failed may still be there.
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

// batches groups the messages' places into calls.
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

// call sends one batch, and returns the errors of those that were not sent.
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
			entry.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String(textType), StringValue: &text}
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
