package deliveryqueue_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
)

var at = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

func clock() time.Time { return at }

func to(w domain.WebhookID) events.Delivery {
	return events.Delivery{ID: domain.DeliveryOf("evt_1", w), Webhook: w, Event: "evt_1", Attempt: 1, Body: "{}"}
}

// taken is what lies in the queue, by webhook.
func taken(t *testing.T, q *queuetest.Queue) map[domain.WebhookID]events.Delivery {
	t.Helper()
	all := map[domain.WebhookID]events.Delivery{}
	for _, m := range q.Take().Records {
		d, err := deliveryqueue.Delivery(m, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Attributes["MessageGroupId"]; got != string(d.Webhook) {
			t.Errorf("%s came in the group %q", d.Webhook, got)
		}
		all[d.Webhook] = d
	}
	return all
}

func TestRule20_WhatIsSlowHasALaneOfItsOwn(t *testing.T) {
	quick, slow := queuetest.New(t), queuetest.New(t)
	late := to("whk_late")
	late.Slow = true
	if failed := deliveryqueue.On(quick, slow, clock).Send(t.Context(),
		[]events.Delivery{to("whk_1"), late, to("whk_2")}); failed != nil {
		t.Fatal(failed)
	}
	for name, c := range map[string]struct {
		queue *queuetest.Queue
		want  []domain.WebhookID
	}{"quick": {quick, []domain.WebhookID{"whk_1", "whk_2"}}, "slow": {slow, []domain.WebhookID{"whk_late"}}} {
		if got := slices.Sorted(maps.Keys(taken(t, c.queue))); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestSend_NamesWhatWasNotSentByItsPlace(t *testing.T) {
	quick, slow := queuetest.New(t), queuetest.New(t)
	late := to("whk_late")
	late.Slow = true
	failed := deliveryqueue.On(quick, slow.Broken(), clock).Send(t.Context(),
		[]events.Delivery{to("whk_1"), late, to("whk_2")})
	if len(failed) != 1 || failed[1] == nil {
		t.Errorf("got %v, want the second alone", failed)
	}
}

func TestSend_ComesWhenItIsDue(t *testing.T) {
	quick, slow := queuetest.New(t), queuetest.New(t)
	for wait, want := range map[time.Duration]time.Duration{-time.Hour: 0, 30 * time.Second: 30 * time.Second} {
		d := to("whk_1")
		d.NotBefore = at.Add(wait)
		if failed := deliveryqueue.On(quick, slow, clock).Send(t.Context(), []events.Delivery{d}); failed != nil {
			t.Fatal(failed)
		}
		if sent := quick.Sent(); len(sent) != 1 || sent[0].Delay != want {
			t.Errorf("due in %s: sent %+v, want the delay %s", wait, sent, want)
		}
	}
}

// held is a delivery's message that the queue held for so long, and hands over for so many-th time.
func held(t *testing.T, d events.Delivery, long time.Duration, receives string) lambda.SQSMessage {
	t.Helper()
	m, err := deliveryqueue.Message(d)
	if err != nil {
		t.Fatal(err)
	}
	r := queuetest.Batch(m).Records[0]
	r.Attributes["SentTimestamp"] = fmt.Sprint(at.UnixMilli())
	r.Attributes["ApproximateFirstReceiveTimestamp"] = fmt.Sprint(at.Add(long).UnixMilli())
	r.Attributes["ApproximateReceiveCount"] = receives
	return r
}

// What is known of a target comes with its delivery only while the queue's own clock says that it may be true.
func TestDelivery_WhatIsKnownOfItsTarget(t *testing.T) {
	with := to("whk_1")
	with.Target = `{"at":"then"}`
	unstamped := held(t, with, 0, "1")
	delete(unstamped.Attributes, "SentTimestamp")
	for name, c := range map[string]struct {
		message lambda.SQSMessage
		want    string
	}{
		"quick":              {held(t, with, 1999*time.Millisecond, "1"), with.Target},
		"held for long":      {held(t, with, 2*time.Second, "1"), ""},
		"received again":     {held(t, with, 0, "2"), ""},
		"received before":    {held(t, with, -time.Millisecond, "1"), ""},
		"without its stamps": {unstamped, ""},
		"none":               {held(t, to("whk_1"), 0, "1"), ""},
	} {
		got, err := deliveryqueue.Delivery(c.message, 2*time.Second)
		if got.Target != c.want || got.ID != with.ID || err != nil {
			t.Errorf("%s: got %+v, %v; want the target %q", name, got, err, c.want)
		}
	}
	if _, err := deliveryqueue.Delivery(lambda.SQSMessage{Body: "not json"}, time.Hour); err == nil {
		t.Error("what is no JSON is a delivery")
	}
}

// It is worth no second billed request.
func TestMessage_WhatIsKnownStaysBehindWhenTheBodyFillsTheRequest(t *testing.T) {
	d := to("whk_1")
	d.Target = strings.Repeat("t", 1000)
	empty, err := deliveryqueue.Message(d)
	if err != nil {
		t.Fatal(err)
	}
	for over, want := range []string{d.Target, ""} {
		d.Body = strings.Repeat("x", queue.BilledRequest-empty.Size()+len("{}")+over)
		m, err := deliveryqueue.Message(d)
		if got := m.Attributes["target"]; err != nil || got != want || m.Attributes["event"] != d.Body {
			t.Errorf("%d bytes too many: %d bytes are along, %v; want %d", over, len(got), err, len(want))
		}
	}
}

func TestSend_ABodyTooBigForABilledRequestOrNotForSQSStaysBehind(t *testing.T) {
	quick, slow := queuetest.New(t), queuetest.New(t)
	small, big, odd := to("whk_1"), to("whk_big"), to("whk_odd")
	small.Body, big.Body, odd.Body = `{"a":"<\u0000 \"q\" \\>"}`, strings.Repeat("x", queue.BilledRequest),
		"{\"a\":\"\uffff\"}"
	if failed := deliveryqueue.On(quick, slow, clock).Send(t.Context(), []events.Delivery{small, big, odd}); failed !=
		nil {
		t.Fatal(errors.Join(slices.Collect(maps.Values(failed))...))
	}
	if got := taken(t, quick); got["whk_1"] != small || got["whk_big"].Body != "" || got["whk_big"].Event != "evt_1" ||
		got["whk_odd"].Body != "" || got["whk_odd"].Event != "evt_1" {
		t.Errorf("got %+v", got)
	}
}
