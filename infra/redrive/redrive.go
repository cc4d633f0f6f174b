package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// pair is a queue and its dead-letter queue.
type pair struct {
	queue, dead string // URLs
}

// name is what is shown of a queue.
func name(url string) string { return url[strings.LastIndex(url, "/")+1:] }

const (
	batchMost = 10 // messages of a call, an SQS quota

	// hidden is how long what is being moved stays out of sight, in seconds: when this program is stopped in between,
	// the rest comes back after it.
	hidden = 60

	// longPoll, in seconds, asks all of SQS's servers: a short poll may find nothing in a queue that holds something.
	longPoll = 2
)

// redrive moves messages from dead-letter queues back to where they died.
type redrive struct {
	sqs *sqs.Client
	out io.Writer
}

// pairs are the queues of the stack that have a dead-letter queue; others are those that no queue's messages go to when
// they die. Their names begin with the stack's, as CloudFormation makes them.
func (r redrive) pairs(ctx context.Context, stack string) (pairs []pair, others []string, err error) {
	urls := map[string]string{} // by ARN
	policies := map[string]string{}
	pages := sqs.NewListQueuesPaginator(r.sqs,
		&sqs.ListQueuesInput{QueueNamePrefix: aws.String(stack + "-"), MaxResults: aws.Int32(1000)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, nil, fmt.Errorf("list the queues of %s: %w", stack, err)
		}
		for _, url := range page.QueueUrls {
			got, err := r.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
				QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn,
					types.QueueAttributeNameRedrivePolicy},
			})
			if err != nil {
				return nil, nil, fmt.Errorf("ask %s: %w", name(url), err)
			}
			urls[got.Attributes["QueueArn"]] = url
			if policy := got.Attributes["RedrivePolicy"]; policy != "" {
				policies[url] = policy
			}
		}
	}
	for url, policy := range policies {
		var to struct {
			Dead string `json:"deadLetterTargetArn"`
		}
		if err := json.Unmarshal([]byte(policy), &to); err != nil {
			return nil, nil, fmt.Errorf("read the redrive policy of %s: %w", name(url), err)
		}
		if dead, ok := urls[to.Dead]; ok {
			pairs = append(pairs, pair{url, dead})
			delete(urls, to.Dead)
		}
	}
	for _, url := range urls {
		if policies[url] == "" {
			others = append(others, url)
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.queue, b.queue) })
	slices.Sort(others)
	return pairs, others, nil
}

// move moves as many messages as the dead-letter queue holds at the beginning, so that a message that dies again is
// not moved for ever. It deletes a message after sending it: a stop in between sends some twice, which the functions
// recognise as repeats.
func (r redrive) move(ctx context.Context, p pair) (moved int, err error) {
	most, err := r.waiting(ctx, p.dead)
	if err != nil || most == 0 {
		return 0, err
	}
	for moved < most {
		got, err := r.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &p.dead, MaxNumberOfMessages: int32(min(batchMost, most-moved)), VisibilityTimeout: hidden,
			WaitTimeSeconds: longPoll,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameMessageGroupId},
		})
		if err != nil {
			return moved, fmt.Errorf("receive from %s: %w", name(p.dead), err)
		}
		if len(got.Messages) == 0 {
			break // somebody else took the rest
		}
		sent, err := r.send(ctx, p.queue, got.Messages)
		moved += len(sent)
		if gone := r.remove(ctx, p.dead, sent); gone != nil {
			return moved, errors.Join(err, gone)
		}
		if err != nil {
			return moved, err
		}
		fmt.Fprintf(r.out, "  %s: %d of %d\n", name(p.dead), moved, most)
	}
	return moved, nil
}

func (r redrive) waiting(ctx context.Context, queue string) (int, error) {
	got, err := r.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages},
	})
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", name(queue), err)
	}
	return strconv.Atoi(got.Attributes["ApproximateNumberOfMessages"])
}

// send returns those that were sent, whatever became of the others.
func (r redrive) send(ctx context.Context, queue string, messages []types.Message) (sent []types.Message, err error) {
	in := &sqs.SendMessageBatchInput{QueueUrl: &queue}
	for i, m := range messages {
		entry := types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: m.Body}
		if group := m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]; group != "" {
			entry.MessageGroupId = &group
		}
		in.Entries = append(in.Entries, entry)
	}
	out, err := r.sqs.SendMessageBatch(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("send to %s: %w", name(queue), err)
	}
	for _, s := range out.Successful {
		i, _ := strconv.Atoi(aws.ToString(s.Id))
		sent = append(sent, messages[i])
	}
	for _, f := range out.Failed {
		err = fmt.Errorf("send to %s: %s: %s", name(queue), aws.ToString(f.Code), aws.ToString(f.Message))
	}
	return sent, err
}

func (r redrive) remove(ctx context.Context, queue string, messages []types.Message) error {
	if len(messages) == 0 {
		return nil
	}
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &queue}
	for i, m := range messages {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)),
			ReceiptHandle: m.ReceiptHandle})
	}
	out, err := r.sqs.DeleteMessageBatch(ctx, in)
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("%d messages stayed", len(out.Failed))
	}
	if err != nil {
		return fmt.Errorf("delete what was moved from %s: %w", name(queue), err)
	}
	return nil
}
