package domain

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRule19_DeliveryStateDerivesFromAttempts(t *testing.T) {
	at := func(number int, o Outcome, second int) Attempt {
		return Attempt{Number: number, Outcome: o, At: time.Unix(int64(second), 0)}
	}
	for name, c := range map[string]struct {
		attempts []Attempt
		want     DeliveryState
	}{
		"one success":                   {[]Attempt{at(1, OutcomeDelivered, 1)}, DeliveryDelivered},
		"a failure that is tried again": {[]Attempt{at(1, OutcomeFailed, 1)}, DeliveryRetrying},
		"a success after failures": {[]Attempt{at(1, OutcomeFailed, 1), at(2, OutcomeFailed, 2),
			at(3, OutcomeDelivered, 3)}, DeliveryDelivered},
		"a success, then its repeat failed": {[]Attempt{at(1, OutcomeDelivered, 1), at(1, OutcomeFailed, 2)},
			DeliveryDelivered},
		"a success, then a straggler exhausted": {[]Attempt{at(3, OutcomeDelivered, 3), at(10, OutcomeExhausted, 9)},
			DeliveryDelivered},
		"the last failure was the last try": {[]Attempt{at(9, OutcomeFailed, 9), at(10, OutcomeExhausted, 10)},
			DeliveryExhausted},
		"suspended between two attempts": {[]Attempt{at(1, OutcomeFailed, 1), at(2, OutcomeSkipped, 2)},
			DeliverySkipped},
		"the same attempt twice, then disabled": {[]Attempt{at(1, OutcomeFailed, 1), at(1, OutcomeCancelled, 2)},
			DeliveryCancelled},
	} {
		if got := StateOf(c.attempts); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		slices.Reverse(c.attempts)
		if got := StateOf(c.attempts); got != c.want {
			t.Errorf("%s, read backwards: got %s, want %s", name, got, c.want)
		}
	}
}

func TestRule18_DeliveryIDDerivesFromEventAndWebhook(t *testing.T) {
	event, webhook := EventID("evt_01jd3zq8v5w0c2m9x7r4t6y1ab"), WebhookID("whk_a")
	id := DeliveryOf(event, webhook)
	if again := DeliveryOf(event, webhook); again != id {
		t.Errorf("got %s and %s for the same event and webhook", id, again)
	}
	for _, other := range []DeliveryID{DeliveryOf(event, "whk_b"),
		DeliveryOf("evt_01jd3zq8v5w0c2m9x7r4t6y1ac", webhook)} {
		if other == id {
			t.Errorf("two deliveries have the id %s", id)
		}
	}
	if got, ok := EventOf(id, webhook); !ok || got != event {
		t.Errorf("EventOf(%s): got %s, %v, want %s", id, got, ok, event)
	}
	if len(id) > 64 {
		t.Errorf("%s has %d characters; the API takes 64", id, len(id))
	}
	for _, foreign := range []DeliveryID{"", "dlv_", "_", "dlv_x", DeliveryOf(event, "whk_b"), id[:len(id)-1],
		"evt" + id[3:]} {
		if got, ok := EventOf(foreign, webhook); ok {
			t.Errorf("EventOf(%q): got %s, want none", foreign, got)
		}
	}
}

func TestSentTo_ASuccessKeepsItsURLOnlyWhereThatCostsNothing(t *testing.T) {
	short, long := "https://example.com/hooks", "https://example.com/"+strings.Repeat("x", SuccessRoom)
	for name, test := range map[string]struct {
		line      Attempt
		url, want string
	}{
		"success":           {Attempt{Outcome: OutcomeDelivered}, short, short},
		"success, long URL": {Attempt{Outcome: OutcomeDelivered}, long, ""},
		"success, exactly the room": {Attempt{Outcome: OutcomeDelivered,
			Context: strings.Repeat("x", SuccessRoom-len(short))}, short, short},
		"success, one byte more": {Attempt{Outcome: OutcomeDelivered,
			Context: strings.Repeat("x", SuccessRoom-len(short)+1)}, short, ""},
		"failure, long URL": {Attempt{Outcome: OutcomeFailed}, long, long},
	} {
		if got := test.line.SentTo(test.url).URL; got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
