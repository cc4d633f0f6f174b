package redelivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithy "github.com/aws/smithy-go/middleware"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/metric"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// kit is a redelivery on a real table and a real queue, whose clock stands still.
type kit struct {
	*storetest.Tables
	t        *testing.T
	queue    *queuetest.Queue
	slow     *queuetest.Queue
	now      time.Time
	mu       sync.Mutex
	calls    map[string]int // of DynamoDB
	fanout   *fanout
	measured bytes.Buffer // metrics
}

func newKit(t *testing.T) *kit {
	k := &kit{
		Tables: storetest.New(t), t: t, queue: queuetest.New(t), slow: queuetest.New(t),
		now: time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC), calls: map[string]int{},
	}
	k.fanout = &fanout{kit: k}
	if err := errors.Join(k.SweptTo(t.Context(), k.now.Truncate(store.DueBucket)),
		k.PendingTo(t.Context(), k.now.Truncate(store.PendingBucket))); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kit) service(q deliveryqueue.Queue, options ...func(*dynamodb.Options)) *Service {
	count := func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *smithy.Stack) error {
			return s.Initialize.Add(smithy.InitializeMiddlewareFunc("count",
				func(ctx context.Context, in smithy.InitializeInput,
					next smithy.InitializeHandler) (smithy.InitializeOutput, smithy.Metadata, error) {
					k.mu.Lock()
					k.calls[middleware.GetOperationName(ctx)]++
					k.mu.Unlock()
					return next.HandleInitialize(ctx, in)
				}), smithy.After)
		})
	}
	clock := func() time.Time { return k.now }
	return New(k.At(clock, append(options, count)...), deliveryqueue.On(q, k.slow, clock), k.fanout,
		metric.New("test", &k.measured, clock), clock)
}

func (k *kit) sweep() {
	k.t.Helper()
	if _, err := k.service(k.queue).Handle(k.t.Context(), nil); err != nil {
		k.t.Fatal(err)
	}
}

// waiting stores a delivery that is due after a while, from now.
func (k *kit) waiting(id string, after time.Duration) events.Delivery {
	k.t.Helper()
	event := domain.EventID("evt_" + id)
	d := events.Delivery{
		ID: domain.DeliveryOf(event, "whk_1"), Account: "acct-42", Webhook: "whk_1", Event: event,
		EventType: "contract.signed",
		EventAt:   k.now, Attempt: 4, NotBefore: k.now.Add(after),
	}
	if err := k.AppendAttempts(k.t.Context(), nil, d); err != nil {
		k.t.Fatal(err)
	}
	return d
}

// sent is what was sent since the call before.
func (k *kit) sent() []events.Delivery {
	k.t.Helper()
	var all []events.Delivery
	for _, m := range k.queue.Sent() {
		d, err := deliveryqueue.Delivery(queuetest.Batch(m).Records[0], time.Hour)
		if err != nil || m.Group != "whk_1" || m.Delay != 0 {
			k.t.Fatalf("sent %+v: %v", m, err)
		}
		all = append(all, d)
	}
	return all
}

func TestRule19_WhatIsDueIsSentOnceAndInTime(t *testing.T) {
	k := newKit(t)
	soon, later := k.waiting("soon", 20*time.Minute), k.waiting("later", 40*time.Minute)
	k.sweep()
	if got := k.sent(); len(got) > 0 {
		t.Errorf("sent before its time: %+v", got)
	}
	k.now = soon.NotBefore
	k.sweep()
	if got := k.sent(); !slices.Equal(got, []events.Delivery{soon}) {
		t.Errorf("got %+v, want %+v", got, soon)
	}
	k.sweep()
	if got := k.sent(); len(got) > 0 {
		t.Errorf("sent again: %+v", got)
	}
	k.now = later.NotBefore // in the next hour's bucket
	k.sweep()
	if got := k.sent(); !slices.Equal(got, []events.Delivery{later}) {
		t.Errorf("got %+v, want %+v", got, later)
	}
}

func TestRule19_AnOutageOfDaysIsCaughtUpOldestFirst(t *testing.T) {
	k := newKit(t)
	var want []events.Delivery
	for n := range 30 {
		want = append(want, k.waiting(fmt.Sprint(n), time.Duration(n)*3*time.Hour+20*time.Minute))
	}
	k.now = k.now.Add(5 * 24 * time.Hour)
	k.sweep()
	if got := k.sent(); !slices.Equal(got, want) {
		t.Errorf("got %d, want 30 in the order of their time", len(got))
	}
	k.now = k.now.Add(time.Minute)
	clear(k.calls)
	k.sweep()
	if k.calls["Query"] != store.DueShards+store.PendingShards+1 {
		t.Errorf("the minute after reads %d times", k.calls["Query"])
	}
}

// Without a place, as before the first run ever, it looks as far back as anything is kept.
func TestRule19_ASweeperThatNeverRanFindsWhatWaits(t *testing.T) {
	k := newKit(t)
	d := k.waiting("1", 20*time.Minute)
	if _, err := k.DB.DeleteItem(t.Context(),
		&dynamodb.DeleteItemInput{TableName: &k.Config.DeliveriesTable, Key: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: "DUE"}, "sk": &types.AttributeValueMemberS{Value: "CURSOR"},
		}}); err != nil {
		t.Fatal(err)
	}
	k.now = k.now.Add(13 * 24 * time.Hour)
	k.sweep()
	if got := k.sent(); !slices.Equal(got, []events.Delivery{d}) {
		t.Errorf("got %+v, want %+v", got, d)
	}
}

// What a minute costs when there is nothing to do, whatever the hour, and however long ago the last item was.
func TestRedelivery_AnIdleMinuteIsFifteenReads(t *testing.T) {
	k := newKit(t)
	for range 3 {
		k.now = k.now.Add(time.Minute)
		clear(k.calls)
		k.sweep()
		if k.calls["GetItem"] != 2 || k.calls["Query"] != store.DueShards+store.PendingShards+1 || len(k.calls) != 2 {
			t.Errorf("an idle minute makes %v", k.calls)
		}
	}
	k.now = k.now.Add(time.Hour)
	clear(k.calls)
	k.sweep()
	if k.calls["GetItem"] != 2 || k.calls["Query"] != 2*(store.DueShards+store.PendingShards)+1 ||
		k.calls["PutItem"] != 2 || len(k.calls) != 3 {
		t.Errorf("the first minute of an hour makes %v", k.calls)
	}
}

func TestRule19_WhatTheQueueDoesNotTakeStaysAndHoldsNothingUp(t *testing.T) {
	k := newKit(t)
	first, second := k.waiting("1", 20*time.Minute), k.waiting("2", 5*time.Hour)
	k.now = k.now.Add(24 * time.Hour)
	if _, err := k.service(k.queue.Broken()).Handle(t.Context(), nil); err == nil {
		t.Error("the queue is gone, and there is no error")
	}
	if _, err := k.service(refusing{k.queue, first.ID}).Handle(t.Context(), nil); err == nil {
		t.Error("one is refused, and there is no error")
	}
	if got := k.sent(); !slices.Equal(got, []events.Delivery{second}) {
		t.Errorf("got %+v, want the other", got)
	}
	k.sweep()
	if got := k.sent(); !slices.Equal(got, []events.Delivery{first}) {
		t.Errorf("got %+v, want the one that was refused", got)
	}
}

// refusing does not take one delivery.
type refusing struct {
	deliveryqueue.Queue
	id domain.DeliveryID
}

func (r refusing) Send(ctx context.Context, messages []queue.Message) map[int]error {
	failed := map[int]error{}
	for i, m := range messages {
		d, err := deliveryqueue.Delivery(queuetest.Batch(m).Records[0], time.Hour)
		if err != nil || d.ID == r.id {
			failed[i] = fmt.Errorf("refused: %w", err)
			continue
		}
		if err := r.Queue.Send(ctx, []queue.Message{m})[0]; err != nil {
			failed[i] = err
		}
	}
	return failed
}

// A crash after sending and before removing, or another sweeper at the same moment: the same delivery and attempt.
func TestRule18_WhatIsSweptTwiceIsTheSameAttempt(t *testing.T) {
	k := newKit(t)
	d := k.waiting("1", 20*time.Minute)
	k.now = k.now.Add(2 * time.Hour)
	if _, err := k.service(k.queue, storetest.Failing("BatchWriteItem")).Handle(t.Context(), nil); err == nil {
		t.Error("nothing is removed, and there is no error")
	}
	k.sweep()
	if got := k.sent(); !slices.Equal(got, []events.Delivery{d, d}) {
		t.Errorf("got %+v, want the same twice", got)
	}
	k.sweep()
	if got := k.sent(); len(got) > 0 {
		t.Errorf("sent a third time: %+v", got)
	}
}

// A run that has too little time left begins no page, notes how far it came, and never goes behind another's place.
func TestRule19_ARunWithoutTimeLeavesTheRestToTheNext(t *testing.T) {
	k := newKit(t)
	d := k.waiting("1", 20*time.Minute)
	k.now = k.now.Add(3 * time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), leastForPage-time.Second)
	defer cancel()
	if _, err := k.service(k.queue).Handle(ctx, nil); err != nil || len(k.sent()) > 0 {
		t.Errorf("a run without time sent something, or failed: %v", err)
	}
	late := k.service(k.queue)
	behind := late.store.SweptTo(t.Context(), k.now.Add(-100*time.Hour).Truncate(time.Hour))
	if from, err := late.store.DueFrom(t.Context()); behind != nil || err != nil || from.After(d.NotBefore) ||
		from.Before(d.NotBefore.Add(-time.Hour)) {
		t.Errorf("the place is %s, %v, %v; want the hour of what waits", from, behind, err)
	}
	k.sweep()
	if got := k.sent(); !slices.Equal(got, []events.Delivery{d}) {
		t.Errorf("got %+v, want %+v", got, d)
	}
}

// More than a page, and than a call of SQS or DynamoDB takes.
func TestRule19_ManyThatAreDueAtOnceAreAllSent(t *testing.T) {
	k := newKit(t)
	want := map[domain.DeliveryID]int{}
	var many []events.Delivery
	for n := range 700 {
		event := domain.EventID(fmt.Sprint("evt_", n))
		d := events.Delivery{ID: domain.DeliveryOf(event, "whk_1"), Webhook: "whk_1", Event: event, Attempt: 2,
			NotBefore: k.now.Add(20 * time.Minute)}
		many, want[d.ID] = append(many, d), 1
	}
	if err := k.AppendAttempts(t.Context(), nil, append(many[:1:1], many...)...); err != nil {
		t.Fatal(err)
	}
	k.now = k.now.Add(time.Hour)
	k.sweep()
	got := map[domain.DeliveryID]int{}
	for _, d := range k.sent() {
		got[d.ID]++
	}
	if len(got) != len(want) {
		t.Errorf("%d were sent, want %d", len(got), len(want))
	}
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s was sent %d times", id, n)
		}
	}
}
