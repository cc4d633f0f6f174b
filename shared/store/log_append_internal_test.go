package store

import (
	"reflect"
	"testing"
	"time"

	"plugboard/shared/domain"
)

// Each field alone, too, so that one that is added to the type and not to attemptItem is missed.
func TestAttemptItem_IsWhatMarshalMakes(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 30, 0, 120_000_000, time.UTC)
	full := domain.Attempt{
		Account: "acct-42", Webhook: "whk_a", Event: "evt_1", EventType: "contract.signed", EventDay: "2026-11-22",
		Number: 12, Outcome: domain.OutcomeFailed,
		URL:    "https://example.com/hooks?account=42",
		Status: 503, Failure: domain.FailureStatus, Reason: "The answer was 503.",
		Headers: map[string]string{"Server": "s", "Date": ""}, Excerpt: "busy",
		EventAt: at.Add(-1), Contract: "con_1", Epoch: 3, Context: `{"customer_id":"C-1"}`,
		Agent: "agt_1", Listener: "token:tok_1",
		At: at, Milliseconds: 40, NextAt: at.In(time.FixedZone("", 3600)),
	}
	cases := map[string]domain.Attempt{"empty": {}, "full": full}
	all := reflect.ValueOf(full)
	for i := range all.NumField() {
		if all.Field(i).IsZero() {
			t.Fatalf("this test fills no %s", all.Type().Field(i).Name)
		}
		one := reflect.New(all.Type()).Elem()
		one.Field(i).Set(all.Field(i))
		cases[all.Type().Field(i).Name] = one.Interface().(domain.Attempt)
	}
	for name, a := range cases {
		want, err := marshal(a)
		if a.NextAt.IsZero() { // attributevalue knows omitempty, and not omitzero
			delete(want, "next_at")
		}
		if a.EventAt.IsZero() {
			delete(want, "event_at")
		}
		if got := attemptItem(a); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v, %v", name, got, want, err)
		}
	}
}
