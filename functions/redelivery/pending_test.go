package redelivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// fanout takes what is handed over as the function would: as JSON, and notes that it is sent on.
type fanout struct {
	*kit
	took []events.Event
	dead bool
	dies bool // before it can note
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
	for _, r := range got.Records {
		e, err := store.EventOf(r)
		if err != nil || store.Outbox(r) != store.OutboxEvent {
			return fmt.Errorf("no event of the outbox: %w", err)
		}
		all = append(all, e)
	}
	if f.took = append(f.took, all...); f.dies {
		return errors.New("it died")
	}
	return f.SentOn(ctx, all)
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
	if got := k.took(); !slices.Equal(got, []string{`evt_1 {"id":"1"}`, `evt_2 {"id":"2"}`}) || !k.says(`"Unsent":[2]`) {
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

func TestRule27_WhatIsPendingOfAnErasedEventGoes(t *testing.T) {
	k := newKit(t)
	k.accepted("1")
	found, _, err := k.PendingIn(t.Context(), k.now.Truncate(store.PendingBucket), shardOf(t, k), k.now, "", 10)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d are pending, %v", len(found), err)
	}
	if _, err := k.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &k.Config.AccountsTable, Key: map[string]types.AttributeValue{
		store.PartitionKey: &types.AttributeValueMemberS{Value: "CONTRACT#con_1"}, store.SortKey: &types.AttributeValueMemberS{Value: "EVENT#evt_1"},
	}}); err != nil {
		t.Fatal(err)
	}
	k.now = k.now.Add(time.Hour)
	k.sweep()
	k.sweep()
	if got := k.took(); len(got) != 0 || !k.says(`"Unsent":[0]`) {
		t.Errorf("handed over %v; %s", got, k.measured.String())
	}
}

// shardOf is where the one event that is pending is.
func shardOf(t *testing.T, k *kit) int {
	for shard := range store.PendingShards {
		found, _, err := k.PendingIn(t.Context(), k.now.Truncate(store.PendingBucket), shard, k.now, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return shard
		}
	}
	return 0
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
