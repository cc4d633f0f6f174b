package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"plugboard/shared/store/storetest"
)

// yard is a stack's queues, named as CloudFormation names them.
type yard struct {
	t     *testing.T
	sqs   *sqs.Client
	stack string
}

func newYard(t *testing.T) *yard {
	return &yard{t: t, sqs: sqs.NewFromConfig(storetest.AWS(t)), stack: "plugboard-" + strings.ToLower(rand.Text()[:8])}
}

// queue makes one, and its dead-letter queue if it has one.
func (y *yard) queue(id string, attributes map[string]string) string {
	y.t.Helper()
	made, err := y.sqs.CreateQueue(y.t.Context(),
		&sqs.CreateQueueInput{QueueName: aws.String(y.stack + "-queues" + id + "9AEE047C-21A1"),
			Attributes: attributes})
	if err != nil {
		y.t.Fatal(err)
	}
	y.t.Cleanup(func() { y.sqs.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: made.QueueUrl}) })
	return *made.QueueUrl
}

func (y *yard) pair(id string) pair {
	y.t.Helper()
	dead := y.queue(id+"dead", nil)
	got, err := y.sqs.GetQueueAttributes(y.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &dead,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		y.t.Fatal(err)
	}
	policy, _ := json.Marshal(map[string]any{"deadLetterTargetArn": got.Attributes["QueueArn"], "maxReceiveCount": 5})
	return pair{y.queue(id, map[string]string{"RedrivePolicy": string(policy)}), dead}
}

func (y *yard) put(url string, n int) {
	y.t.Helper()
	for i := range n {
		if _, err := y.sqs.SendMessage(y.t.Context(), &sqs.SendMessageInput{
			QueueUrl: &url, MessageBody: aws.String(fmt.Sprint("message ", i)),
			MessageGroupId: aws.String(fmt.Sprint("whk_", i)),
		}); err != nil {
			y.t.Fatal(err)
		}
	}
}

// holds is what lies in the queue, each message with its group.
func (y *yard) holds(url string) []string {
	y.t.Helper()
	var all []string
	for {
		got, err := y.sqs.ReceiveMessage(y.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{
				types.MessageSystemAttributeNameMessageGroupId},
		})
		if err != nil {
			y.t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			slices.Sort(all)
			return all
		}
		for _, m := range got.Messages {
			all = append(all, *m.Body+" of "+m.Attributes["MessageGroupId"])
		}
	}
}

func (y *yard) run(only string) (string, error) {
	y.t.Helper()
	ctx, cancel := context.WithTimeout(y.t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	err := run(ctx, y.stack, only, &out)
	return out.String(), err
}

func TestRedrive_WhatDiedIsBackInItsQueueAsItWas(t *testing.T) {
	y := newYard(t)
	deliveries, slow := y.pair("deliveries"), y.pair("slowdeliveries")
	fanoutDead := y.queue("fanoutdead", nil)
	y.put(deliveries.dead, 12)
	y.put(slow.dead, 1)
	y.put(fanoutDead, 2)
	out, err := y.run("")
	if err != nil {
		t.Fatal(err)
	}
	got := y.holds(deliveries.queue)
	if len(got) != 12 || got[0] != "message 0 of whk_0" || got[11] != "message 9 of whk_9" {
		t.Errorf("deliveries holds %q", got)
	}
	if got := y.holds(slow.queue); !slices.Equal(got, []string{"message 0 of whk_0"}) {
		t.Errorf("slow-deliveries holds %q", got)
	}
	for _, url := range []string{deliveries.dead, slow.dead} {
		if got := y.holds(url); len(got) > 0 {
			t.Errorf("%s still holds %q", name(url), got)
		}
	}
	if !strings.Contains(out, "13 messages are back") || !strings.Contains(out, "holds 2 more") {
		t.Errorf("it says %q", out)
	}
}

func TestRedrive_OneQueueAlone(t *testing.T) {
	y := newYard(t)
	deliveries, slow := y.pair("deliveries"), y.pair("slowdeliveries")
	y.put(deliveries.dead, 1)
	y.put(slow.dead, 1)
	if _, err := y.run("slow-deliveries"); err != nil {
		t.Fatal(err)
	}
	if got, left := y.holds(slow.queue), y.holds(deliveries.dead); len(got) != 1 || len(left) != 1 {
		t.Errorf("slow-deliveries holds %q, deliveries-dead %q", got, left)
	}
	if _, err := y.run("nowhere"); err == nil || !strings.Contains(err.Error(), `no queue "nowhere"`) {
		t.Errorf("of a queue that is not there it says %v", err)
	}
}

func TestRedrive_WhatCannotBeSentStays(t *testing.T) {
	y := newYard(t)
	p := y.pair("deliveries")
	y.put(p.dead, 3)
	var out bytes.Buffer
	moved, err := redrive{sqs: y.sqs, out: &out}.move(t.Context(), pair{queue: p.queue + "-gone", dead: p.dead})
	if err == nil || moved != 0 {
		t.Errorf("%d moved, %v", moved, err)
	}
	got, err := y.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &p.dead, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible},
	})
	if n := got.Attributes["ApproximateNumberOfMessagesNotVisible"]; err != nil || n != "3" {
		t.Errorf("%s messages are there, out of sight for a minute, %v; want 3", n, err)
	}
}

func TestRedrive_AStackThatIsNotThere(t *testing.T) {
	if _, err := newYard(t).run(""); err == nil || !strings.Contains(err.Error(), "no queues") {
		t.Errorf("got %v", err)
	}
}
