package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store/storetest"
)

func TestThese_AreAtTheirPlacesAndZeroWhereThereIsNone(t *testing.T) {
	s := storetest.New(t)
	var keyed []domain.Account
	for n := range 250 {
		a := domain.Account{ID: domain.AccountID(fmt.Sprintf("a-%03d", n)), Name: fmt.Sprint(n)}
		keyed = append(keyed, domain.Account{ID: a.ID})
		if n%2 == 0 {
			s.Given(&a)
		}
	}
	calls := 0
	// DynamoDB hands back all but the first item of every second call.
	got, err := s.At(domain.SystemClock, unread(&calls, func() bool { return calls%2 == 1 })).BatchAccounts(t.Context(),
		keyed)
	if err != nil || len(got) != len(keyed) || calls != 6 {
		t.Fatalf("got %d accounts after %d calls, %v, want %d after 6", len(got), calls, err, len(keyed))
	}
	for n, a := range got {
		want := ""
		if n%2 == 0 {
			want = fmt.Sprint(n)
		}
		if a.Name != want || (a.Rev > 0) != (want != "") {
			t.Errorf("place %d has %+v, want the name %q", n, a, want)
		}
	}
	if none, err := s.BatchAccounts(t.Context(), nil); err != nil || len(none) > 0 {
		t.Errorf("of none: got %v, %v", none, err)
	}
	stuck := s.At(domain.SystemClock, unread(&calls, func() bool { return true }))
	if _, err := stuck.BatchAccounts(t.Context(), keyed[:3]); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("while nothing is processed: got %v, want Unavailable", err)
	}
	if _, err := s.At(domain.SystemClock, storetest.Failing("BatchGetItem")).BatchAccounts(t.Context(),
		keyed); err == nil {
		t.Error("while calls fail: no error")
	}
}

// unread has all but the first key of a batch handed back, when asked to, as DynamoDB does when it is throttled; of a
// batch of one, that.
func unread(calls *int, now func() bool) func(*dynamodb.Options) {
	m := middleware.InitializeMiddlewareFunc("unread", func(ctx context.Context, in middleware.InitializeInput,
		next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		batch, ok := in.Parameters.(*dynamodb.BatchGetItemInput)
		if !ok {
			return next.HandleInitialize(ctx, in)
		}
		*calls++
		back := map[string]types.KeysAndAttributes{}
		if now() {
			for table, asked := range batch.RequestItems {
				rest := asked
				if len(asked.Keys) > 1 {
					asked.Keys, rest.Keys = asked.Keys[:1], asked.Keys[1:]
				}
				batch.RequestItems[table], back[table] = asked, rest
			}
		}
		out, metadata, err := next.HandleInitialize(ctx, in)
		if result, ok := out.Result.(*dynamodb.BatchGetItemOutput); ok && len(back) > 0 {
			result.UnprocessedKeys = back
		}
		return out, metadata, err
	})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Initialize.Add(m, middleware.After)
		})
	}
}
