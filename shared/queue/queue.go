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
	Body  string        // as Encode makes it
	Aside string        // as Encode makes it, too: what can be taken without reading Body; empty for nothing
	Group string        // at most 128 characters. On a standard queue it makes groups wait for their own, not for each other
	Delay time.Duration // at most MaxDelay; rounded up to a second, so that none comes early
}

// AsideAttribute is the attribute of SQS's message that is Aside, of the type textType.
const (
	AsideAttribute = "aside"
	textType       = "String"
)

// AsideOf is what came beside the body.
func AsideOf(m lambda.SQSMessage) string {
	return aws.ToString(m.MessageAttributes[AsideAttribute].StringValue)
}

// Attributes are the message's, as a function gets them.
func (m Message) Attributes() map[string]lambda.SQSMessageAttribute {
	if m.Aside == "" {
		return nil
	}
	return map[string]lambda.SQSMessageAttribute{AsideAttribute: {DataType: textType, StringValue: &m.Aside}}
}

// Size is what SQS counts, in bytes.
func (m Message) Size() int {
	if m.Aside == "" {
		return len(m.Body)
	}
	return len(m.Body) + len(m.Aside) + len(AsideAttribute) + len(textType)
}

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
		if messages[i].Aside != "" {
			entry.MessageAttributes = map[string]types.MessageAttributeValue{AsideAttribute: {DataType: aws.String(textType), StringValue: &messages[i].Aside}}
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
