package queue_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store/storetest"
)

func TestSend_EveryMessageArrivesOnce(t *testing.T) {
	q := queuetest.New(t)
	var messages []queue.Message
	for i := range 37 {
		messages = append(messages, queue.Message{Body: fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000*i)),
			Group: fmt.Sprint("whk_", i%3)})
	}
	for i := range 10 { // together more than SQS takes in a call
		messages = append(messages, queue.Message{Body: fmt.Sprint(i, strings.Repeat("y", 150<<10))})
	}
	messages = append(messages, queue.Message{Body: strings.Repeat("z", 300<<10)}) // alone more than we put into one
	if failed := q.Send(t.Context(), messages); failed != nil {
		t.Fatal(failed)
	}
	got := q.Take().Records
	if len(got) != len(messages) {
		t.Fatalf("got %d messages, want %d", len(got), len(messages))
	}
	for _, m := range messages {
		i := slices.IndexFunc(got, func(r lambda.SQSMessage) bool { return r.Body == m.Body })
		if i < 0 {
			t.Fatalf("%.10s… did not arrive", m.Body)
		}
		if g := got[i].Attributes["MessageGroupId"]; g != m.Group {
			t.Errorf("%.10s…: got group %q, want %q", m.Body, g, m.Group)
		}
	}
}

func TestSend_AttributesArriveToTheByte(t *testing.T) {
	q := queuetest.New(t)
	with := queue.Message{Body: "with",
		Attributes: map[string]string{"one": "{\"a\":\"<&>\\u0000 \u007f\U0001F600\"}\r\n\t ", "two": "2"}}
	if failed := q.Send(t.Context(), []queue.Message{with, {Body: "without"}}); failed != nil {
		t.Fatal(failed)
	}
	got := q.Take().Records
	for _, m := range append(got, queuetest.Batch(with).Records...) {
		want := map[string]string{}
		if m.Body == with.Body {
			want = with.Attributes
		}
		if len(m.MessageAttributes) != len(want) || queue.Attribute(m, "one") != want["one"] ||
			queue.Attribute(m, "two") != want["two"] || queue.Attribute(m, "three") != "" {
			t.Errorf("%s: got %q and %q of %d, want %q", m.Body, queue.Attribute(m, "one"), queue.Attribute(m, "two"),
				len(m.MessageAttributes), want)
		}
	}
	if len(got) != 2 {
		t.Errorf("%d messages arrived, want 2", len(got))
	}
}

// What Takes refuses, SQS does: a message with it would never be sent.
func TestTakes_IsWhatSQSTakes(t *testing.T) {
	q := queuetest.New(t)
	for text, want := range map[string]bool{"a": true, "\u007f\U0010FFFD": true, "a\uffff": false, "\ufffe": false} {
		failed := q.Send(t.Context(), []queue.Message{{Body: text}})
		if queue.Takes(text) != want || (failed == nil) != want {
			t.Errorf("%q: says %v, and SQS %v; want %v", text, queue.Takes(text), failed, want)
		}
	}
}

func TestSend_NamesTheMessagesThatWereNotSent(t *testing.T) {
	q := queuetest.New(t)
	messages := []queue.Message{{Body: "one"}, {Body: "not for SQS: \uffff"}, {Body: "three"}}
	failed := q.Send(t.Context(), messages)
	for i, m := range messages {
		if wrong := i == 1; (failed[i] != nil) != wrong {
			t.Errorf("%q: got error %v", m.Body, failed[i])
		}
	}
	if got := len(q.Take().Records); got != 2 {
		t.Errorf("got %d messages, want 2", got)
	}
	gone := queue.New(sqs.NewFromConfig(storetest.AWS(t)), q.URL+"-gone")
	if failed := gone.Send(t.Context(), messages); len(failed) != 3 {
		t.Errorf("to a queue that is not there: got %d errors, want 3", len(failed))
	}
}

func TestSend_DelayIsRoundedUpAndKeptToSQSsLimit(t *testing.T) {
	q := queuetest.New(t)
	failed := q.Send(t.Context(), []queue.Message{{Body: "a little", Delay: 300 * time.Millisecond},
		{Body: "too long", Delay: 20 * time.Hour}})
	if failed != nil {
		t.Fatal(failed)
	}
	// A busy emulator may lose an answer; the SDK then sends the batch again.
	if got, err := strconv.Atoi(q.Waiting()); err != nil || got < 2 {
		t.Errorf("%d messages wait, want 2", got)
	}
}

func TestEncode_SQSTakesAnyText(t *testing.T) {
	text := "a\ufffe\uffff<&>\u0000 \U0001F600 \\uffff \"q\""
	body, err := queue.Encode(map[string]string{"text": text})
	if err != nil {
		t.Fatal(err)
	}
	q := queuetest.New(t)
	if failed := q.Send(t.Context(), []queue.Message{{Body: body}}); failed != nil {
		t.Fatal(failed)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(q.Take().Records[0].Body), &got); err != nil || got["text"] != text {
		t.Errorf("got %q, %v, want %q", got["text"], err, text)
	}
}
