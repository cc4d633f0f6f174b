package replay

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"plugboard/events"
	"plugboard/shared/deliveryqueue"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/queue"
	"plugboard/shared/queue/queuetest"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

const (
	acct = domain.AccountID("acct-42")
	hook = domain.WebhookID("whk_own")
)

// kit is a replay on real tables and a real queue, of a webhook of the account's own.
type kit struct {
	*storetest.Tables
	*Service
	t    *testing.T
	slow *queuetest.Queue
	at   time.Time
}

func newKit(t *testing.T) *kit {
	k := &kit{Tables: storetest.New(t), t: t, slow: queuetest.New(t), at: domain.SystemClock()}
	k.Given(&domain.Account{ID: acct}, &domain.Webhook{Account: acct, ID: hook, URL: "https://example.com"})
	k.on(k.Tables.Store, k.slow)
	return k
}

// on sets the service up anew, on another store or queue.
func (k *kit) on(s *store.Store, q deliveryqueue.Queue) {
	k.Service = New(s, q, func() time.Time { return k.at }, domain.NewID)
}

// exhausted makes so many deliveries of as many events that were given up an hour ago, and returns a replay of them.
func (k *kit) exhausted(n int) domain.Replay {
	k.t.Helper()
	var lines []domain.Attempt
	at := k.at.Add(-time.Hour)
	for i := range n {
		e, err := events.OfContract(domain.EventID(fmt.Sprintf("evt_%03d", i)), events.ContractSigned,
			domain.Contract{ID: "con_1", Account: acct, UpdatedAt: at})
		if err != nil {
			k.t.Fatal(err)
		}
		var tx store.Tx
		tx.Emit(e)
		if err := k.Commit(k.t.Context(), &tx, nil); err != nil {
			k.t.Fatal(err)
		}
		line := events.DeliveryTo(domain.Webhook{Account: acct, ID: hook}, e).Line(at)
		line.Outcome = domain.OutcomeExhausted
		lines = append(lines, line)
	}
	if err := k.AppendAttempts(k.t.Context(), lines); err != nil {
		k.t.Fatal(err)
	}
	r := domain.Replay{
		ID: "rpl_1", Account: acct, Webhook: hook, State: domain.ReplayRunning, From: at.Add(-time.Minute), To: k.at,
		States: []domain.DeliveryState{domain.DeliveryExhausted}, CreatedAt: k.at, UpdatedAt: k.at,
	}
	k.Given(&r, &domain.Replaying{Account: acct, Webhook: hook, Replay: r.ID})
	return r
}

// work hands the page's message over, for the receives-th time, and tells whether it was done.
func (k *kit) work(page, receives int) bool {
	k.t.Helper()
	body, err := queue.Encode(events.ReplayPage{Account: acct, Webhook: hook, Replay: "rpl_1", Page: page})
	if err != nil {
		k.t.Fatal(err)
	}
	batch := queuetest.Batch(queue.Message{Body: body})
	batch.Records[0].Attributes = map[string]string{"ApproximateReceiveCount": strconv.Itoa(receives)}
	answer, err := k.Handle(k.t.Context(), batch)
	if err != nil || answer.BatchItemFailures == nil {
		k.t.Fatalf("got %+v, %v", answer, err)
	}
	return len(answer.BatchItemFailures) == 0
}

// sent counts what was sent since the call before, by delivery, and holds it to the second attempt of a new schedule.
func (k *kit) sent() map[domain.DeliveryID]int {
	k.t.Helper()
	times := map[domain.DeliveryID]int{}
	for _, m := range k.slow.Sent() {
		d, err := deliveryqueue.Delivery(queuetest.Batch(m).Records[0], time.Hour)
		if err != nil {
			k.t.Fatal(err)
		}
		if d.Attempt != 2 || d.First != 2 || !d.Slow || d.Body != "" || m.Group != string(hook) {
			k.t.Errorf("sent was %+v in the group %s", d, m.Group)
		}
		times[d.ID]++
	}
	return times
}

func (k *kit) replay() domain.Replay {
	k.t.Helper()
	r, err := k.Replay(k.t.Context(), acct, hook, "rpl_1")
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

// runs tells whether the webhook's place for a replay is taken.
func (k *kit) runs() bool {
	k.t.Helper()
	_, err := k.Replaying(k.t.Context(), acct, hook)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		k.t.Fatal(err)
	}
	return err == nil
}

// pages are the messages for pages that were committed to the outbox since the call before.
func (k *kit) pages(n int) (pages []events.Resend) {
	k.t.Helper()
	for _, record := range k.Outbox(n).Records {
		if store.Outbox(record) != store.OutboxResend {
			continue
		}
		r, err := store.ResendOf(record)
		if err != nil {
			k.t.Fatal(err)
		}
		pages = append(pages, r)
	}
	return pages
}

func TestReplay_PageByPageWithAPauseEachOnce(t *testing.T) {
	k := newKit(t)
	k.exhausted(pageOfReplay + 30)
	k.Outbox(pageOfReplay + 30)
	if !k.work(0, 1) || len(k.sent()) != pageOfReplay {
		t.Fatal("the first page did not send as much as a page is")
	}
	if next := k.pages(1); len(next) != 1 || next[0].Page.Page != 1 || next[0].Wait != pause {
		t.Fatalf("what follows is %+v, want the next page after the pause", next)
	}
	if r := k.replay(); r.Sent != pageOfReplay || r.Page != 1 || r.State != domain.ReplayRunning || !k.runs() {
		t.Errorf("after a page it is %+v", r)
	}
	if !k.work(0, 1) || len(k.sent()) != 0 { // the message once more
		t.Error("a page that was saved was worked again")
	}
	if !k.work(1, 1) || len(k.sent()) != 30 {
		t.Error("the second page did not send the rest")
	}
	if r := k.replay(); r.State != domain.ReplayDone || r.Seen != pageOfReplay+30 || r.Sent != r.Seen || k.runs() {
		t.Errorf("at the end it is %+v", r)
	}
	if next := k.pages(0); len(next) != 0 {
		t.Errorf("after the end comes %+v", next)
	}
}

// The process dies at each of its writes and sends in turn; the message comes again. Nothing is left out, and what is
// repeated is the same attempt, which delivery makes once.
func TestRule19_AReplayThatDiesAnywhereGoesOn(t *testing.T) {
	const n = 2*atOnce + 5 // three sends and one commit
	for dies := 1; ; dies++ {
		k := newKit(t)
		k.exhausted(n)
		calls := 0
		died := func() bool { calls++; return calls == dies }
		k.on(k.At(func() time.Time { return k.at }, dying(died)), dyingQueue{k.slow, died})
		done := k.work(0, 1)
		k.on(k.Tables.Store, k.slow)
		if !k.work(0, 2) {
			t.Fatalf("died at call %d: the message failed again", dies)
		}
		if got := k.sent(); len(got) != n {
			t.Errorf("died at call %d: %d deliveries were sent, want all %d", dies, len(got), n)
		}
		if r := k.replay(); r.State != domain.ReplayDone || r.Seen != n || r.Sent != n || k.runs() {
			t.Errorf("died at call %d: it is %+v", dies, r)
		}
		if done {
			if calls >= dies || dies < 4 {
				t.Errorf("the walk over its calls ended at %d of %d", dies, calls)
			}
			return
		}
	}
}

// dying makes a commit fail: before it is made. One that was made and not answered is found by the page's number.
func dying(now func() bool) func(*dynamodb.Options) {
	m := middleware.InitializeMiddlewareFunc("dying", func(ctx context.Context, in middleware.InitializeInput,
		next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		if _, ok := in.Parameters.(*dynamodb.TransactWriteItemsInput); ok && now() {
			return middleware.InitializeOutput{}, middleware.Metadata{},
				fmt.Errorf("the process died, as the test wants it")
		}
		return next.HandleInitialize(ctx, in)
	})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Initialize.Add(m, middleware.After)
		})
	}
}

// dyingQueue takes the messages, and dies with its answer.
type dyingQueue struct {
	deliveryqueue.Queue
	now func() bool
}

func (q dyingQueue) Send(ctx context.Context, messages []queue.Message) map[int]error {
	failed := q.Queue.Send(ctx, messages)
	if len(messages) > 0 && q.now() {
		return map[int]error{0: fmt.Errorf("the process died, as the test wants it")}
	}
	return failed
}

// Cancelled while a page is being worked, it sends no further part, and says what it has sent.
func TestReplay_CancelledWithinAPage(t *testing.T) {
	k := newKit(t)
	k.exhausted(3 * atOnce)
	k.on(k.Tables.Store, meanwhile{k.slow, func() {
		r, err := k.replay().Cancel(k.at)
		if err != nil || r.Rev == 0 {
			return
		}
		var tx store.Tx
		tx.Replace(&r)
		tx.Discard(domain.Replaying{Account: acct, Webhook: hook})
		if err := k.Commit(t.Context(), &tx, nil); err != nil {
			t.Error(err)
		}
	}})
	if !k.work(0, 1) {
		t.Fatal("the message failed")
	}
	if r, sent := k.replay(), len(k.sent()); sent != atOnce || r.State != domain.ReplayCancelled || r.Sent != atOnce {
		t.Errorf("%d were sent, and it is %+v; want one part", sent, r)
	}
	if !k.work(1, 1) || len(k.sent()) != 0 {
		t.Error("a cancelled one goes on")
	}
}

// A pause waits for the end of the page: the part that was sent and the part that was not would be hard to tell apart.
func TestReplay_PausedWithinAPageAndResumed(t *testing.T) {
	k := newKit(t)
	k.exhausted(pageOfReplay + 30)
	k.Outbox(pageOfReplay + 30)
	move := func(to func(domain.Replay, time.Time) (domain.Replay, error)) {
		r, err := to(k.replay(), k.at)
		if err != nil {
			t.Fatal(err)
		}
		var tx store.Tx
		tx.Replace(&r)
		if err := k.Commit(t.Context(), &tx, nil); err != nil {
			t.Error(err)
		}
	}
	slow := k.slow
	k.on(k.Tables.Store, meanwhile{slow, func() { move(domain.Replay.Pause) }})
	if !k.work(0, 1) || len(k.sent()) != pageOfReplay {
		t.Fatal("the page was not finished")
	}
	if r := k.replay(); r.State != domain.ReplayPaused || r.Sent != pageOfReplay || r.Page != 1 || !k.runs() {
		t.Errorf("after the page it is %+v, want paused, with its place kept", r)
	}
	if ends := k.replay().Ends(); !ends.IsZero() {
		t.Errorf("a paused one is removed at %s, and its webhook never has a replay again", ends)
	}
	if next := k.pages(0); len(next) != 0 {
		t.Errorf("a paused one goes on with %+v", next)
	}
	k.on(k.Tables.Store, slow)
	if !k.work(1, 1) || len(k.sent()) != 0 {
		t.Error("a message of the next page worked a paused one")
	}
	move(domain.Replay.Resume)
	if !k.work(1, 1) || len(k.sent()) != 30 {
		t.Error("the next page did not send the rest")
	}
	if r := k.replay(); r.State != domain.ReplayDone || r.Sent != pageOfReplay+30 || k.runs() {
		t.Errorf("at the end it is %+v", r)
	}
}

// meanwhile does something when messages are sent.
type meanwhile struct {
	deliveryqueue.Queue
	do func()
}

func (m meanwhile) Send(ctx context.Context, messages []queue.Message) map[int]error {
	failed := m.Queue.Send(ctx, messages)
	if len(messages) > 0 {
		m.do()
	}
	return failed
}

// What fails on our side for good ends the replay where people see it, and leaves the webhook free for another.
func TestRule19_AReplayThatFailsForGoodIsStopped(t *testing.T) {
	k := newKit(t)
	k.exhausted(1)
	k.on(k.Tables.Store, k.slow.Broken())
	for receives := 1; receives <= maxReceives; receives++ {
		if k.work(0, receives) {
			t.Error("it was done without its queue")
		}
		if stopped := k.replay().State == domain.ReplayStopped; stopped != (receives == maxReceives) {
			t.Errorf("received %d times, it is %s", receives, k.replay().State)
		}
	}
	if k.runs() || k.replay().Reason == "" {
		t.Errorf("stopped it is %+v, its place taken: %t", k.replay(), k.runs())
	}
}

// What was tried since a replay began it does not send: others were faster, or its own page is worked again.
func TestReplay_WhatWasTriedSinceIsNotSent(t *testing.T) {
	k := newKit(t)
	k.exhausted(2)
	e, err := k.Event(t.Context(), acct, "con_1", "evt_001")
	if err != nil {
		t.Fatal(err)
	}
	line := events.DeliveryTo(domain.Webhook{Account: acct, ID: hook}, e).Line(k.at.Add(time.Second))
	line.Number, line.Outcome = 2, domain.OutcomeExhausted
	if err := k.AppendAttempts(t.Context(), []domain.Attempt{line}); err != nil {
		t.Fatal(err)
	}
	if got := k.work(0, 1); !got || len(k.sent()) != 1 || k.replay().Seen != 1 {
		t.Errorf("it is %+v", k.replay())
	}
}

// A message that cannot be read, or of what there is not, is told from one with nothing to do.
func TestReplay_MessagesOfNothing(t *testing.T) {
	k := newKit(t)
	if !k.work(0, 1) {
		t.Error("a replay that is erased fails")
	}
	answer, err := k.Handle(t.Context(), lambda.SQSEvent{Records: []lambda.SQSMessage{{MessageId: "m", Body: "{"}}})
	if err != nil || len(answer.BatchItemFailures) != 1 {
		t.Errorf("an unreadable message: got %+v, %v", answer, err)
	}
}
