package store_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

func TestTx_OfTwoReplacementsOfOneRevisionOneIsRaced(t *testing.T) {
	s := storetest.New(t)
	a := domain.Account{ID: "a", Name: "first"}
	s.Given(&a)
	mine, theirs := a, a
	var first, second store.Tx
	first.Replace(&mine)
	second.Replace(&theirs)
	if err := s.Commit(t.Context(), &first, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), &second, nil); !fault.Is(err, store.Raced) || fault.KindOf(err) != fault.Conflict {
		t.Errorf("the second replacement gave %v, want raced", err)
	}
	if got, _ := s.Account(t.Context(), "a"); got.Rev != 2 {
		t.Errorf("got revision %d, want 2", got.Rev)
	}
}

func TestTx_OneFailedConditionWritesNothingAndGivesItsOwnError(t *testing.T) {
	s := storetest.New(t)
	s.Given(&domain.Account{ID: "a"})
	want := errors.New("this is taken")
	var tx store.Tx
	tx.Create(&domain.Account{ID: "b"})
	tx.Create(&domain.Account{ID: "a"}).Else(want)
	if err := s.Commit(t.Context(), &tx, nil); !errors.Is(err, want) {
		t.Errorf("got %v, want the write's own error", err)
	}
	if _, err := s.Account(t.Context(), "b"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("reading what the failed Tx would have made gave %v, want NotFound", err)
	}
}

// conflicting answers the first n transactions as DynamoDB does when another is under way; MiniStack never does.
func conflicting(n int, asked *int) func(*dynamodb.Options) {
	return canceled(n, asked, types.CancellationReason{Code: aws.String("TransactionConflict")})
}

// canceled answers the first n transactions with that reason.
func canceled(n int, asked *int, reason types.CancellationReason) func(*dynamodb.Options) {
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			if stack.ID() != "TransactWriteItems" {
				return nil
			}
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("conflicting",
				func(ctx context.Context, in middleware.InitializeInput,
					next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					if *asked++; *asked <= n {
						return middleware.InitializeOutput{}, middleware.Metadata{},
							&types.TransactionCanceledException{
								CancellationReasons: []types.CancellationReason{{Code: aws.String("None")}, reason},
							}
					}
					return next.HandleInitialize(ctx, in)
				}), middleware.Before)
		})
	}
}

func TestRule13_ATransactionConflictIsRetriedAndIsNoRace(t *testing.T) {
	tables := storetest.New(t)
	asked := 0
	s := tables.At(domain.SystemClock, conflicting(3, &asked))
	var tx store.Tx
	tx.Create(&domain.Account{ID: "a"})
	if err := s.Commit(t.Context(), &tx, nil); err != nil || asked != 4 {
		t.Errorf("after %d transactions the commit gave %v, want success at the fourth", asked, err)
	}
	asked = 0
	s = tables.At(domain.SystemClock, conflicting(1<<30, &asked))
	var hopeless store.Tx
	hopeless.Create(&domain.Account{ID: "b"})
	if err := s.Commit(t.Context(), &hopeless, nil); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a conflict without end gave %v, want Unavailable", err)
	}
}

func TestRule25_TwoAtOnceRunOnce(t *testing.T) {
	s := storetest.New(t)
	results := make([]error, 6)
	var wait sync.WaitGroup
	for n := range results {
		wait.Go(func() { _, _, results[n] = s.Claim(t.Context(), "a", "key", "input") })
	}
	wait.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if !fault.Is(err, "still-running") {
			t.Errorf("a request that came too late got %v, want still-running", err)
		}
	}
	if won != 1 {
		t.Errorf("%d requests run, want one", won)
	}
}

func TestRule25_AfterTheLeaseAnotherRunsAndTheFirstCanNoLongerCommit(t *testing.T) {
	tables := storetest.New(t)
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	s := tables.At(func() time.Time { return now })
	slow, _, err := s.Claim(t.Context(), "a", "key", "input")
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(61 * time.Second)
	if _, _, err := s.Claim(t.Context(), "a", "key", "another input"); !fault.Is(err, "idempotency-key-reused") {
		t.Errorf("another input after the lease gave %v, want idempotency-key-reused", err)
	}
	fresh, _, err := s.Claim(t.Context(), "a", "key", "input")
	if err != nil {
		t.Fatalf("after the lease the key is still held: %v", err)
	}
	var late, good store.Tx
	late.Create(&domain.Account{ID: "late"})
	good.Create(&domain.Account{ID: "good"})
	if err := s.Commit(slow, &late, &struct{}{}); !fault.Is(err, "still-running") {
		t.Errorf("the run whose lease was over committed: %v", err)
	}
	if err := s.Commit(fresh, &good, &struct{ Answer string }{"yes"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Account(t.Context(), "late"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("the late run left something: %v", err)
	}
	if _, recorded, err := s.Claim(t.Context(), "a", "key", "input"); err != nil ||
		string(recorded) != `{"Answer":"yes"}` {
		t.Errorf("the repeated request got %s, %v", recorded, err)
	}
	now = now.Add(25 * time.Hour)
	if _, recorded, err := s.Claim(t.Context(), "a", "key", "another input"); err != nil || recorded != nil {
		t.Errorf("after 24 hours the key is not free: %s, %v", recorded, err)
	}
}

func TestRule25_AFailedRequestFreesItsKey(t *testing.T) {
	s := storetest.New(t)
	ctx, _, err := s.Claim(t.Context(), "a", "key", "input")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(ctx, nil, true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Claim(t.Context(), "a", "key", "corrected input"); err != nil {
		t.Errorf("the corrected request got %v", err)
	}
}

func TestRead_HidesWhatHasExpiredBeforeDynamoDBSweepsIt(t *testing.T) {
	tables := storetest.New(t)
	now := time.Now()
	s := tables.At(func() time.Time { return now })
	var tx store.Tx
	tx.Emit(events.Event{ID: "evt_1", Account: "a", Body: []byte("{}")})
	if err := s.Commit(t.Context(), &tx, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Event(t.Context(), "a", "", "evt_1"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(31 * 24 * time.Hour)
	if _, err := s.Event(t.Context(), "a", "", "evt_1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("an outbox item of 31 days ago reads as %v, want NotFound", err)
	}
}

// lost lets the first PutItem through and loses its answer, so that the SDK repeats it.
func lost(o *dynamodb.Options) {
	once := false
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		if stack.ID() != "PutItem" {
			return nil
		}
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("lost",
			func(ctx context.Context, in middleware.FinalizeInput,
				next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
				out, meta, err := next.HandleFinalize(ctx, in)
				if !once && err == nil {
					once = true
					return middleware.FinalizeOutput{}, meta, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
				}
				return out, meta, err
			}), middleware.After)
	})
}

// A request that lost a race looks again, and may find nothing left to do: its answer is recorded all the same.
func TestRule25_AnAnswerAfterALostRaceIsRecorded(t *testing.T) {
	s := storetest.New(t)
	a := domain.Account{ID: "a"}
	s.Given(&a)
	ctx, _, err := s.Claim(t.Context(), "a", "key", "input")
	if err != nil {
		t.Fatal(err)
	}
	a.Rev = 7
	var tx store.Tx
	tx.Replace(&a)
	answer := &struct{ Answer string }{"yes"}
	if err := s.Commit(ctx, &tx, answer); !fault.Is(err, store.Raced) {
		t.Fatalf("got %v, want raced", err)
	}
	if err := s.Settle(ctx, answer, false); err != nil {
		t.Fatal(err)
	}
	if _, recorded, err := s.Claim(t.Context(), "a", "key", "input"); err != nil ||
		string(recorded) != `{"Answer":"yes"}` {
		t.Errorf("repeated, it got %s, %v", recorded, err)
	}
}

func TestRule25_AClaimWhoseAnswerWasLostIsStillOurs(t *testing.T) {
	s := storetest.New(t).At(domain.SystemClock, lost)
	ctx, recorded, err := s.Claim(t.Context(), "a", "key", "input")
	if err != nil || recorded != nil {
		t.Fatalf("the claim gave %s, %v; want it to be ours", recorded, err)
	}
	var tx store.Tx
	tx.Create(&domain.Account{ID: "a"})
	if err := s.Commit(ctx, &tx, &struct{}{}); err != nil {
		t.Errorf("the commit under it gave %v", err)
	}
}

func TestTx_AnItemThatIsTooLargeIsTheCallersToMend(t *testing.T) {
	s := storetest.New(t)
	var tx store.Tx
	tx.Create(&domain.Account{ID: "a", Name: strings.Repeat("a", 400<<10)})
	tx.Create(&domain.Account{ID: "b"})
	if err := s.Commit(t.Context(), &tx, nil); fault.KindOf(err) != fault.Invalid || !fault.Is(err, "too-large") {
		t.Errorf("got %v, want too-large", err)
	}
	if _, err := s.Account(t.Context(), "b"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("reading what the failed Tx would have made gave %v, want NotFound", err)
	}

	// So DynamoDB says it of an item that an update makes too large; MiniStack never does.
	asked := 0
	grown := s.At(domain.SystemClock, canceled(1, &asked, types.CancellationReason{
		Code:    aws.String("ValidationError"),
		Message: aws.String("Item size to update has exceeded the maximum allowed size"),
	}))
	var update store.Tx
	update.Put(&domain.Account{ID: "a"})
	update.Put(&domain.Account{ID: "b"})
	if err := grown.Commit(t.Context(), &update, nil); fault.KindOf(err) != fault.Invalid ||
		!fault.Is(err, "too-large") || asked != 1 {
		t.Errorf("an update: got %v after %d transactions, want too-large at once", err, asked)
	}
}
