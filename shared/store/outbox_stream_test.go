package store_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// What Commit writes comes back whole by way of the stream.
func TestStream_RoundTrip(t *testing.T) {
	s := storetest.New(t)
	at := domain.SystemClock()
	event, err := events.OfContract("evt_1", events.ContractSigned, domain.Contract{
		ID: "con_1", Account: "acct-42", Origin: "acme-crm", TemplateType: "tt_1", Name: "\x00 ☃ \"quoted\"",
		UpdatedAt: at,
	})
	if err != nil {
		t.Fatal(err)
	}
	provision := events.Provision{ID: "prv_1", Account: "acct-42", At: at,
		Installations: []events.ProvisionedInstance{{Extension: "acme-base", Epoch: 1},
			{Extension: "acme-crm", Epoch: 2}}}
	s.Given(&domain.Account{ID: "acct-42"}) // in the stream, but in no outbox
	var tx store.Tx
	tx.Emit(event)
	tx.Provision(provision)
	if err := s.Commit(t.Context(), &tx, nil); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Outbox(2).Records {
		switch purpose := store.Outbox(r); purpose {
		case store.OutboxEvent:
			got, err := store.EventOf(r)
			if event.AcceptedAt = got.AcceptedAt; err != nil || got.AcceptedAt.Before(at) ||
				!reflect.DeepEqual(got, event) {
				t.Errorf("got %+v, %v, want %+v", got, err, event)
			}
		case store.OutboxProvision:
			if got, err := store.ProvisionOf(r); err != nil || !reflect.DeepEqual(got, provision) {
				t.Errorf("got %+v, %v, want %+v", got, err, provision)
			}
		default:
			t.Errorf("got a record for %q", purpose)
		}
	}
}

// The captured invocation is what Lambda really sends; it names its numbers and times in ways of its own.
func TestStream_CapturedInvocation(t *testing.T) {
	var batch lambda.DynamoDBEvent
	if err := json.Unmarshal(events.Invocation("fanout"), &batch); err != nil {
		t.Fatal(err)
	}
	if len(batch.Records) != 2 {
		t.Fatalf("got %d records, want an event and a provision", len(batch.Records))
	}
	event, err := store.EventOf(batch.Records[0])
	if err != nil || store.Outbox(batch.Records[0]) != store.OutboxEvent {
		t.Fatalf("the first record: %q, %v", store.Outbox(batch.Records[0]), err)
	}
	want := domain.Subject{EventType: "contract.signed", Origin: "acme-crm",
		TemplateType: "tt_4k2v9x0c7m1n8b5z3q6w2e9r1t"}
	if event.Subject != want || !event.At.Equal(time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)) ||
		!json.Valid(event.Body) {
		t.Errorf("got %+v", event)
	}
	provision, err := store.ProvisionOf(batch.Records[1])
	if err != nil || store.Outbox(batch.Records[1]) != store.OutboxProvision || len(provision.Installations) != 2 ||
		provision.Installations[1].Epoch != 3 {
		t.Errorf("the second record: got %+v, %v", provision, err)
	}
}

func TestStream_UnreadableRecordsAreErrors(t *testing.T) {
	for name, image := range map[string]map[string]lambda.DynamoDBAttributeValue{
		"a text for a time": {"at": lambda.NewStringAttribute("yesterday")},
		"a map for a text":  {"id": lambda.NewMapAttribute(nil)},
		"a set, deep inside": {"subject": lambda.NewMapAttribute(
			map[string]lambda.DynamoDBAttributeValue{"event_type": lambda.NewStringSetAttribute([]string{"a"})})},
	} {
		if got, err := store.EventOf(lambda.DynamoDBEventRecord{
			Change: lambda.DynamoDBStreamRecord{NewImage: image}}); err == nil {
			t.Errorf("%s: got %+v and no error", name, got)
		}
	}
}
