package redelivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// fanout takes what is handed over as the function would: as JSON, and notes that it is sent on.
type fanout struct {
	*kit
	took []events.Event
	dead bool
	dies bool           // before it can note
	ill  domain.EventID // what it fails of
}

func (f *fanout) Handle(ctx context.Context, batch lambda.DynamoDBEvent) error {
	if f.dead {
		return errors.New("nobody is there")
	}
	raw, err := json.Marshal(batch)
	if err != nil {
		return err
	}
	var got lambda.DynamoDBEvent
	if err := json.Unmarshal(raw, &got); err != nil {
		return err
	}
	var all []events.Event
	var pending []store.Pending
	for _, r := range got.Records {
		e, err := store.EventOf(r)
		p, ok := store.PendingOf(r)
		if err != nil || !ok {
			return fmt.Errorf("no item of the outbox: %w", err)
		}
		all, pending = append(all, e), append(pending, p)
	}
	if slices.ContainsFunc(all, func(e events.Event) bool { return e.ID == f.ill }) {
		return errFailed
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.took = append(f.took, all...); f.dies {
		return errors.New("it died")
	}
	return f.SentOn(ctx, pending)
}

// took is what was handed over since the call before.
func (k *kit) took() []string {
	var ids []string
	for _, e := range k.fanout.took {
		ids = append(ids, string(e.ID)+" "+string(e.Body))
	}
	k.fanout.took = nil
	slices.Sort(ids)
	return ids
}

// accepted commits an event at the kit's time, and no stream shows it.
func (k *kit) accepted(id string) {
	k.t.Helper()
	var tx store.Tx
	tx.Emit(events.Event{
		ID: domain.EventID("evt_" + id), Account: "acct-42", Contract: domain.ContractID("con_" + id), At: k.now,
		Subject: domain.Subject{EventType: "contract.signed", Workspace: "sales"}, Body: []byte(`{"id":"` + id + `"}`),
	})
	if err := k.At(func() time.Time { return k.now }).Commit(k.t.Context(), &tx, nil); err != nil {
		k.t.Fatal(err)
	}
}

// says tells whether the last line of metrics has that.
func (k *kit) says(metric string) bool {
	lines := strings.Split(strings.TrimSpace(k.measured.String()), "\n")
	return strings.Contains(lines[len(lines)-1], metric)
}

func TestRule16_AnEventThatNobodySentOnIsHandedOverAfterAMinute(t *testing.T) {
	k := newKit(t)
	k.accepted("1")
	k.accepted("2")
	k.now = k.now.Add(59 * time.Second)
	k.sweep()
	if got := k.took(); len(got) != 0 || !k.says(`"Unsent":[0]`) {
		t.Errorf("before a minute: %v was handed over; %s", got, k.measured.String())
	}
	k.now = k.now.Add(2 * time.Second)
	k.sweep()
	if got := k.took(); !slices.Equal(got, []string{`evt_1 {"id":"1"}`, `evt_2 {"id":"2"}`}) ||
		!k.says(`"Unsent":[2]`) {
		t.Errorf("after a minute: %v was handed over; %s", got, k.measured.String())
	}
	k.now = k.now.Add(time.Hour)
	k.sweep()
	if got := k.took(); len(got) != 0 || !k.says(`"Unsent":[0]`) {
		t.Errorf("again: %v was handed over", got)
	}
}

// Counted every minute until it is repaired, however long that takes.
func TestRule16_WhatCannotBeHandedOverIsNotForgotten(t *testing.T) {
	k := newKit(t)
	k.accepted("1")
	k.fanout.dead = true
	for range 3 {
		k.now = k.now.Add(5 * time.Hour)
		if _, err := k.service(k.queue).Handle(t.Context(), nil); err == nil || !k.says(`"Unsent":[1]`) {
			t.Fatalf("got %v; %s", err, k.measured.String())
		}
	}
	k.fanout.dead, k.fanout.dies = false, true
	if _, err := k.service(k.queue).Handle(t.Context(), nil); err == nil || len(k.took()) != 1 {
		t.Errorf("fanout died of it: got %v", err)
	}
	k.fanout.dies = false
	k.sweep()
	if got := k.took(); len(got) != 1 {
		t.Errorf("handed over %v", got)
	}
}

// One event that fanout fails of keeps nobody else's back, neither of its page nor behind it; and it is counted for as
// long as that goes on.
func TestRule16_OneThatCannotBeSentOnKeepsNoOtherBack(t *testing.T) {
	k := newKit(t)
	ids := inOneShard(250)
	for _, id := range ids {
		k.accepted(id)
	}
	k.fanout.ill = domain.EventID("evt_" + slices.Min(ids)) // on the first page
	for range 2 {
		k.now = k.now.Add(5 * time.Minute)
		if _, err := k.service(k.queue).Handle(t.Context(), nil); !errors.Is(err, errFailed) {
			t.Fatalf("got %v", err)
		}
	}
	if got := k.took(); len(got) != 249 || len(slices.Compact(got)) != 249 || !k.says(`"Unsent":[1]`) {
		t.Errorf("%d were handed over, want the other 249; %s", len(got), k.measured.String())
	}
	k.fanout.ill = ""
	k.sweep()
	if got := k.took(); len(got) != 1 {
		t.Errorf("once it is well: %v", got)
	}
}

// inOneShard are ids of so many events that are pending in the same place.
func inOneShard(n int) (ids []string) {
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprint(i); crc32.ChecksumIEEE([]byte("EVENT#evt_"+id))%store.PendingShards == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// A fanout that fails of everything is not asked a hundred times a page.
func TestRule16_AFanoutThatFailsOfAllIsAskedSoOften(t *testing.T) {
	k := newKit(t)
	for n := range 200 {
		k.accepted(fmt.Sprint(n))
	}
	k.now = k.now.Add(2 * time.Minute)
	calls := 0
	clock := func() time.Time { return k.now }
	ill := New(k.At(clock), deliveryqueue.On(k.queue, k.slow, clock),
		fanoutFunc(func(context.Context, lambda.DynamoDBEvent) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			calls++
			return errFailed
		}), metric.New("test", &k.measured, clock), clock)
	if _, err := ill.Handle(t.Context(), nil); !errors.Is(err, errFailed) ||
		calls > 2*maxHalvings+store.PendingShards ||
		!k.says(`"Unsent":[200]`) {
		t.Errorf("%d calls, %v; %s", calls, err, k.measured.String())
	}
}

type fanoutFunc func(context.Context, lambda.DynamoDBEvent) error

func (f fanoutFunc) Handle(ctx context.Context, batch lambda.DynamoDBEvent) error {
	return f(ctx, batch)
}

// Who stores events may have a clock ten minutes behind the sweeper's, and ten ahead: on either side of an hour's
// border.
func TestRule16_ClocksTenMinutesApartLoseNothing(t *testing.T) {
	for _, apart := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		k := newKit(t)
		k.now = time.Date(2026, 11, 24, 10, 5, 0, 0, time.UTC)
		k.sweep()
		for n := range 3 {
			k.now = k.now.Add(apart)
			k.accepted(fmt.Sprint(n))
			k.now = k.now.Add(-apart + 3*time.Minute)
			k.sweep()
		}
		k.now = k.now.Add(11 * time.Minute)
		k.sweep()
		if got := k.took(); len(slices.Compact(got)) != 3 || len(got) != 3 {
			t.Errorf("a clock off by %s: %v were handed over", apart, got)
		}
		k.now = time.Date(2026, 11, 24, 15, 40, 0, 0, time.UTC) // the hour before is over for both clocks
		k.sweep()
		clear(k.calls)
		k.sweep()
		if k.calls["Query"] != store.DueShards+store.PendingShards+1 {
			t.Errorf("after all it makes %v", k.calls)
		}
	}
}

// What says that an event is pending is stored before it: a sweeper whose clock is ahead leaves it alone.
func TestRule16_WhatIsPendingOfAnEventThatIsYetToComeStays(t *testing.T) {
	k := newKit(t)
	k.accepted("1")
	item := k.lifted()
	k.now = k.now.Add(10 * time.Minute)
	if k.sweep(); !k.says(`"Unsent":[0]`) {
		t.Errorf("what is not there is counted: %s", k.measured.String())
	}
	if _, err := k.DB.PutItem(t.Context(),
		&dynamodb.PutItemInput{TableName: &k.Config.AccountsTable, Item: item}); err != nil {
		t.Fatal(err)
	}
	k.sweep()
	if got := k.took(); len(got) != 1 {
		t.Errorf("handed over %v", got)
	}
}

// ofRecord is all of that kind in the accounts table.
func (k *kit) ofRecord(r domain.Record) []map[string]types.AttributeValue {
	k.t.Helper()
	out, err := k.DB.Scan(k.t.Context(), &dynamodb.ScanInput{
		TableName: &k.Config.AccountsTable, FilterExpression: aws.String("#record = :record"),
		ExpressionAttributeNames: map[string]string{"#record": "record"},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":record": &types.AttributeValueMemberS{Value: string(r)}},
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return out.Items
}

// lifted takes the one event out of the table.
func (k *kit) lifted() map[string]types.AttributeValue {
	k.t.Helper()
	all := k.ofRecord(domain.RecordEvent)
	if len(all) != 1 {
		k.t.Fatalf("there are %d events, want one", len(all))
	}
	if _, err := k.DB.DeleteItem(k.t.Context(),
		&dynamodb.DeleteItemInput{TableName: &k.Config.AccountsTable, Key: map[string]types.AttributeValue{
			store.PartitionKey: all[0][store.PartitionKey], store.SortKey: all[0][store.SortKey],
		}}); err != nil {
		k.t.Fatal(err)
	}
	return all[0]
}

// Of two calls with the same event from outside, one that stored nothing may have died before it took back that the
// event is pending. It was sent on by the other's word, and is not again.
func TestRule18_WhatAnotherCallLeftPendingIsNotSentOnAgain(t *testing.T) {
	k := newKit(t)
	e := events.Event{
		ID: domain.ExternalEventID("acct-42", "theirs", k.now), Account: "acct-42", Contract: "K-1", At: k.now,
		Subject: domain.Subject{EventType: "contract.signed"}, Body: []byte("{}"),
	}
	sent := []events.Event{e}
	at := k.At(func() time.Time { return k.now })
	if done, err := at.Accept(t.Context(), sent); err != nil || done[0].Err != nil {
		t.Fatal(err, done)
	}
	k.now = k.now.Add(2 * time.Minute)
	if k.sweep(); len(k.took()) != 1 {
		t.Fatal("it was not sent on")
	}
	item := k.lifted()
	k.now = k.now.Add(time.Second)
	if _, err := k.At(func() time.Time { return k.now }, storetest.Failing("PutItem")).Accept(t.Context(),
		[]events.Event{e}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.DB.PutItem(t.Context(),
		&dynamodb.PutItemInput{TableName: &k.Config.AccountsTable, Item: item}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		k.now = k.now.Add(45 * time.Minute)
		if k.sweep(); !k.says(`"Unsent":[0]`) || len(k.took()) != 0 {
			t.Errorf("it is sent on again: %s", k.measured.String())
		}
	}
	if len(k.ofRecord(domain.RecordPending)) != 0 {
		t.Error("it is pending for ever")
	}
}

func TestRule27_WhatIsPendingOfAnErasedEventGoes(t *testing.T) {
	k := newKit(t)
	k.accepted("1")
	k.lifted()
	k.now = k.now.Add(store.ClocksDiffer + time.Minute)
	if k.sweep(); len(k.took()) != 0 || !k.says(`"Unsent":[0]`) || len(k.ofRecord(domain.RecordPending)) != 0 {
		t.Errorf("it is pending, or handed over: %s", k.measured.String())
	}
}

// Not events alone: an enabling that provisioning never hears of would go on for ever.
func TestRule16_ProvisionsThatNobodySentOnAreHandedOver(t *testing.T) {
	k := newKit(t)
	var tx store.Tx
	tx.Provision(events.Provision{ID: "prv_1", Account: "acct-42", At: k.now})
	tx.Resend(events.Resend{ID: "rsd_1", Account: "acct-42", Page: &events.ReplayPage{Page: 2}})
	if err := k.At(func() time.Time { return k.now }).Commit(t.Context(), &tx, nil); err != nil {
		t.Fatal(err)
	}
	k.now = k.now.Add(2 * time.Minute)
	k.sweep()
	if got := k.took(); !slices.Equal(got, []string{"prv_1 ", "rsd_1 "}) || !k.says(`"Unsent":[2]`) {
		t.Errorf("handed over %q; %s", got, k.measured.String())
	}
	k.now = k.now.Add(time.Minute)
	if k.sweep(); len(k.took()) != 0 || !k.says(`"Unsent":[0]`) {
		t.Errorf("and again: %s", k.measured.String())
	}
}

func TestRule16_ManyThatNobodySentOnAreHandedOverInPages(t *testing.T) {
	k := newKit(t)
	for n := range 250 {
		k.accepted(fmt.Sprint(n))
	}
	k.now = k.now.Add(3 * time.Hour) // over the border of an hour
	k.sweep()
	if got := k.took(); len(slices.Compact(got)) != 250 {
		t.Errorf("%d were handed over, want 250", len(got))
	}
}

// What is due is sent whatever becomes of what was forgotten.
func TestRedelivery_WhatIsForgottenHoldsUpNothing(t *testing.T) {
	k := newKit(t)
	d := k.waiting("1", 20*time.Minute)
	k.accepted("2")
	k.fanout.dead = true
	k.now = k.now.Add(30 * time.Minute)
	if _, err := k.service(k.queue).Handle(t.Context(), nil); err == nil {
		t.Error("no error")
	}
	if got := k.sent(); len(got) != 1 || got[0] != d {
		t.Errorf("got %+v, want what is due", got)
	}
	if !k.says(`"Due":[1]`) || !k.says(`"Overdue":[1]`) {
		t.Errorf("the metrics are %s", k.measured.String())
	}
	k.fanout.dead = false
	k.waiting("3", 20*time.Minute)
	k.now = k.now.Add(21 * time.Minute)
	if k.sweep(); !k.says(`"Due":[1]`) || !k.says(`"Overdue":[0]`) {
		t.Errorf("a minute late: %s", k.measured.String())
	}
}

// What cannot be sent is overdue all the same, and of what cannot be looked at nothing is said: no nought, which would
// be good news.
func TestRedelivery_CountsWhatItCannotSendAndIsSilentOfWhatItCannotSee(t *testing.T) {
	k := newKit(t)
	k.waiting("1", 20*time.Minute)
	k.now = k.now.Add(30 * time.Minute)
	if _, err := k.service(k.queue.Broken()).Handle(t.Context(), nil); err == nil || !k.says(`"Due":[1]`) ||
		!k.says(`"Overdue":[1]`) {
		t.Errorf("the queue is gone: %v; %s", err, k.measured.String())
	}
	for _, call := range []string{"GetItem", "Query"} {
		k.measured.Reset()
		if _, err := k.service(k.queue, storetest.Failing(call)).Handle(t.Context(), nil); err == nil ||
			k.measured.Len() > 0 && (k.says("Unsent") || k.says("Due")) {
			t.Errorf("%s fails: %v; %s", call, err, k.measured.String())
		}
	}
}
