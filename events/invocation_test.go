package events

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/shared/domain"
)

// The example's message is read, written again the same, and makes the body that its webhook gets.
func TestDelivery_ExampleInvocation(t *testing.T) {
	var batch lambda.SQSEvent
	if err := json.Unmarshal(Invocation("delivery"), &batch); err != nil {
		t.Fatal(err)
	}
	m := batch.Records[0]
	var d Delivery
	if err := json.Unmarshal([]byte(m.Body), &d); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(d); err != nil || string(again) != m.Body {
		t.Errorf("got\n%s, %v, want\n%s", again, err, m.Body)
	}
	if d.ID != domain.DeliveryOf(d.Event, d.Webhook) || d.Day() != "2026-11-22" ||
		string(d.Webhook) != m.Attributes["MessageGroupId"] {
		t.Errorf("got %+v", d)
	}
	var body struct {
		Envelope
		Context map[string]string `json:"context"`
	}
	if err := json.Unmarshal(d.Payload([]byte(*m.MessageAttributes["event"].StringValue)), &body); err != nil ||
		body.ID != d.Event || body.Context["customer_id"] != "C-1001" {
		t.Errorf("got %+v, %v", body, err)
	}
}

func TestDelivery_PayloadIsTheEventAndThenTheContext(t *testing.T) {
	event := `{"id":"evt_1","data":{"a":"}"}}`
	for context, want := range map[string]string{
		"":          event,
		`{"b":"1"}`: `{"id":"evt_1","data":{"a":"}"},"context":{"b":"1"}}`,
	} {
		if got := string(Delivery{Context: context}.Payload([]byte(event))); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestDelivery_DayIsUTCs(t *testing.T) {
	late := time.Date(2026, 11, 22, 23, 30, 0, 0, time.FixedZone("", -3600))
	if got := (Delivery{EventAt: late}).Day(); got != "2026-11-23" {
		t.Errorf("got %s, want 2026-11-23", got)
	}
}

func TestInvocation_UnknownPanics(t *testing.T) {
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "no valid invocation of nothing") {
			t.Errorf("got %q", p)
		}
	}()
	Invocation("nothing")
}
