package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// transacting stands in for DynamoDB where it lets nothing pass: a transaction holds its items for a time, and what
// meets it there is refused, as AWS does and no emulator. It stores nothing.
type transacting struct {
	hold time.Duration

	mu        sync.Mutex
	inUse     map[string]bool
	conflicts int
	refusals  int // of single writes that are to come
}

func (d *transacting) client() *dynamodb.Client {
	answer := middleware.InitializeMiddlewareFunc("transacting", func(_ context.Context, in middleware.InitializeInput,
		_ middleware.InitializeHandler) (out middleware.InitializeOutput, _ middleware.Metadata, err error) {
		switch in := in.Parameters.(type) {
		case *dynamodb.TransactWriteItemsInput:
			out.Result, err = &dynamodb.TransactWriteItemsOutput{}, d.transact(in.TransactItems)
		case *dynamodb.PutItemInput:
			out.Result, err = &dynamodb.PutItemOutput{}, d.single()
		case *dynamodb.UpdateItemInput:
			out.Result, err = &dynamodb.UpdateItemOutput{}, d.single()
		case *dynamodb.DeleteItemInput:
			out.Result, err = &dynamodb.DeleteItemOutput{}, d.single()
		default:
			err = fmt.Errorf("%T is unexpected", in)
		}
		return out, middleware.Metadata{}, err
	})
	return dynamodb.New(dynamodb.Options{Region: "eu-north-1", APIOptions: []func(*middleware.Stack) error{
		func(s *middleware.Stack) error { return s.Initialize.Add(answer, middleware.Before) },
	}})
}

func (d *transacting) store() *store.Store {
	return store.New(d.client(), store.Config{AccountsTable: "accounts", DeliveriesTable: "deliveries"}, time.Now)
}

func keyText(item types.TransactWriteItem) string {
	var key map[string]types.AttributeValue
	switch {
	case item.Put != nil:
		key = item.Put.Item
	case item.Update != nil:
		key = item.Update.Key
	case item.Delete != nil:
		key = item.Delete.Key
	default:
		key = item.ConditionCheck.Key
	}
	pk, _ := key[store.PartitionKey].(*types.AttributeValueMemberS)
	sk, _ := key[store.SortKey].(*types.AttributeValueMemberS)
	return pk.Value + " " + sk.Value
}

// transact takes its time when it goes through, and a third of it when it is refused.
func (d *transacting) transact(items []types.TransactWriteItem) error {
	if !d.take(items) {
		time.Sleep(d.hold / 3)
		reasons := make([]types.CancellationReason, len(items))
		for i := range reasons {
			reasons[i].Code = aws.String("TransactionConflict")
		}
		return &types.TransactionCanceledException{CancellationReasons: reasons}
	}
	time.Sleep(d.hold)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, item := range items {
		delete(d.inUse, keyText(item))
	}
	return nil
}

func (d *transacting) take(items []types.TransactWriteItem) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, item := range items {
		if d.inUse[keyText(item)] {
			d.conflicts++
			return false
		}
	}
	if d.inUse == nil {
		d.inUse = map[string]bool{}
	}
	for _, item := range items {
		d.inUse[keyText(item)] = true
	}
	return true
}

func (d *transacting) single() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refusals > 0 {
		d.refusals--
		return &types.TransactionConflictException{Message: aws.String("Transaction is ongoing for the item")}
	}
	return nil
}

// commits makes so many transactions, 100 a second at random, and returns how many failed.
func commits(t *testing.T, d *transacting, n int, check func(*store.Tx)) int {
	s, drawn := d.store(), rand.New(rand.NewPCG(1, 2))
	var failed atomic.Int32
	var all sync.WaitGroup
	for i := range n {
		time.Sleep(time.Duration(drawn.ExpFloat64() * float64(10*time.Millisecond)))
		all.Go(func() {
			var tx store.Tx
			tx.Create(&domain.Contract{Account: "a", ID: domain.ContractID(fmt.Sprint("con_", i))})
			check(&tx)
			if err := s.Commit(t.Context(), &tx, nil); err != nil {
				if fault.KindOf(err) != fault.Unavailable {
					t.Errorf("got %v", err)
				}
				failed.Add(1)
			}
		})
	}
	all.Wait()
	return int(failed.Load())
}

// Rule 13: every creation of a contract checks the version of one template type's fields, and a check conflicts with
// another's. 100 creations a second all go through. With a single item to check, many would end in 503.
func TestRule13_ManyCreationsOfOneTypeAtOnce(t *testing.T) {
	fields := domain.FieldsVersion{Account: "a", TemplateType: "tt_1", Version: 1}
	for _, hold := range []time.Duration{10 * time.Millisecond, 20 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			d := &transacting{hold: hold}
			failed := commits(t, d, 6000, func(tx *store.Tx) { tx.HoldFields(fields) })
			t.Logf("a transaction takes %s: %d of 6,000 creations failed, after %d conflicts", hold, failed,
				d.conflicts)
			if failed > 0 || d.conflicts == 0 {
				t.Errorf("a transaction takes %s: %d of 6,000 creations failed, after %d conflicts", hold, failed,
					d.conflicts)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		d := &transacting{hold: 20 * time.Millisecond}
		if failed := commits(t, d, 6000, func(tx *store.Tx) { tx.Exists(domain.Account{ID: "a"}) }); failed < 100 {
			t.Errorf("with one item %d of 6,000 failed: the stand-in proves nothing", failed)
		}
	})
}

// A change of the version writes every item that a creation may check.
func TestRule13_EveryCopyOfAVersionIsRaisedAndRemoved(t *testing.T) {
	d := &recording{}
	s := store.New(d.client(), store.Config{AccountsTable: "accounts"}, time.Now)
	var checked, raised, removed store.Tx
	for range 60 {
		checked.HoldFields(domain.FieldsVersion{Account: "a", TemplateType: "tt_1", Version: 7})
	}
	raised.BumpFields("a", "tt_1")
	removed.RemoveFields("a", "tt_1")
	keys := func(tx *store.Tx) map[string]bool {
		if err := s.Commit(t.Context(), tx, nil); err != nil {
			t.Fatal(err)
		}
		of := map[string]bool{}
		for _, item := range d.items {
			of[keyText(item)] = true
		}
		return of
	}
	c, up, gone := keys(&checked), keys(&raised), keys(&removed)
	if fmt.Sprint(c) != fmt.Sprint(up) || fmt.Sprint(c) != fmt.Sprint(gone) || len(c) < 2 {
		t.Errorf("checked are %v, raised %v, removed %v", c, up, gone)
	}
	// An extension with the 20 template types that it may have is disabled in one transaction of at most 100 writes.
	if most := 20*len(up) + 15; most > 100 {
		t.Errorf("disabling would take %d writes", most)
	}
}

// recording keeps the items of the last transaction, which goes through.
type recording struct{ items []types.TransactWriteItem }

func (d *recording) client() *dynamodb.Client {
	answer := middleware.InitializeMiddlewareFunc("recording", func(_ context.Context, in middleware.InitializeInput,
		_ middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		d.items = in.Parameters.(*dynamodb.TransactWriteItemsInput).TransactItems
		return middleware.InitializeOutput{Result: &dynamodb.TransactWriteItemsOutput{}}, middleware.Metadata{}, nil
	})
	return dynamodb.New(dynamodb.Options{Region: "eu-north-1", APIOptions: []func(*middleware.Stack) error{
		func(s *middleware.Stack) error { return s.Initialize.Add(answer, middleware.Before) },
	}})
}

// A single write that meets a transaction on its item: the SDK does not repeat it.
func TestSingleWrites_ATransactionOnTheItemIsNoInternalError(t *testing.T) {
	claimed := func(t *testing.T, s *store.Store) context.Context {
		ctx, _, err := s.Claim(t.Context(), "a", "key", "input")
		if err != nil {
			t.Fatal(err)
		}
		return ctx
	}
	for name, c := range map[string]struct {
		write    func(context.Context, *store.Store) error
		once, on string // the code after one conflict, and when there is no end of them; empty for success
	}{
		"the use of a token": {func(ctx context.Context, s *store.Store) error {
			return s.TouchToken(ctx, "hash", time.Now())
		}, "", ""},
		"a claim": {func(ctx context.Context, s *store.Store) error {
			_, _, err := s.Claim(ctx, "a", "another key", "input")
			return err
		}, "still-running", "still-running"},
		"the release of a claim": {func(ctx context.Context, s *store.Store) error {
			return s.Settle(ctx, nil, true)
		}, "", "busy"},
		"a data key": {func(ctx context.Context, s *store.Store) error {
			return s.CreateDataKey(ctx, store.DataKey{Month: "2026-11"})
		}, "", "busy"},
		"what was let go": {func(ctx context.Context, s *store.Store) error {
			return s.NoteReleased(ctx, store.Watched{Account: "a", Webhook: "whk_1"}, 1)
		}, "busy", "busy"},
		"a turn": {func(ctx context.Context, s *store.Store) error {
			_, err := s.LeaseTurns(ctx, "whk_1", 1, time.Second)
			return err
		}, "busy", "busy"},
	} {
		for refusals, want := range map[int]string{1: c.once, 1 << 20: c.on} {
			synctest.Test(t, func(t *testing.T) {
				d := &transacting{}
				s := d.store()
				ctx := claimed(t, s)
				d.refusals = refusals
				err := c.write(ctx, s)
				if want == "" && err != nil || want != "" && !fault.Is(err, want) {
					t.Errorf("%s, %d conflicts: got %v, want %q", name, refusals, err, want)
				}
				if want == "busy" && fault.KindOf(err) != fault.Unavailable {
					t.Errorf("%s: %v is no fault that is worth a repetition", name, err)
				}
			})
		}
	}
}
