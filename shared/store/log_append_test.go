package store_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

const day = "2026-11-22"

func line(event string, number int, o domain.Outcome) domain.Attempt {
	return domain.Attempt{
		Account: "acct-42", Webhook: "whk_a", Event: domain.EventID(event), EventType: "contract.signed", EventDay: day,
		Number:  number,
		Outcome: o, Status: 200, At: domain.SystemClock(), Milliseconds: 12,
	}
}

func appended(t *testing.T, s *storetest.Tables, lines ...domain.Attempt) {
	t.Helper()
	if err := s.AppendAttempts(t.Context(), lines); err != nil {
		t.Fatal(err)
	}
}

func TestRule19_ARepeatedAttemptTakesNoOthersPlace(t *testing.T) {
	s := storetest.New(t)
	first, repeat := line("evt_1", 1, domain.OutcomeDelivered), line("evt_1", 1, domain.OutcomeFailed)
	repeat.At = first.At.Add(time.Second)
	appended(t, s, first)
	appended(t, s, repeat)
	got, err := s.Attempts(t.Context(), "acct-42", "whk_a", day, "evt_1")
	if err != nil || len(got) != 2 || !reflect.DeepEqual(got[0], first) || !reflect.DeepEqual(got[1], repeat) {
		t.Fatalf("got %+v, %v, want both lines", got, err)
	}
	if state := domain.StateOf(got); state != domain.DeliveryDelivered {
		t.Errorf("got %s, want delivered", state)
	}
}

func TestAttempts_OfOneDeliveryOnly(t *testing.T) {
	s := storetest.New(t)
	want := []domain.Attempt{line("evt_1", 1, domain.OutcomeFailed), line("evt_1", 2, domain.OutcomeFailed),
		line("evt_1", 10, domain.OutcomeExhausted)}
	foreign, other, yesterday := want[0], want[0], want[0]
	foreign.Account, other.Webhook, yesterday.EventDay = "acct-43", "whk_b", "2026-11-21"
	appended(t, s, want[2], want[0], foreign, other, yesterday, line("evt_10", 1, domain.OutcomeDelivered), want[1])
	got, err := s.Attempts(t.Context(), "acct-42", "whk_a", day, "evt_1")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, absent := range []domain.EventID{"evt_2", "evt_", ""} {
		if got, err := s.Attempts(t.Context(), "acct-42", "whk_a", day, absent); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%q: got %v, %v, want NotFound", absent, got, err)
		}
	}
}

func TestDeliveries_NewestFirstAcrossShardsPageByPage(t *testing.T) {
	s := storetest.New(t)
	var lines []domain.Attempt
	var want []domain.EventID
	for i := range 30 {
		e := fmt.Sprintf("evt_%02d", i)
		for n := range 1 + i%4 {
			lines = append(lines, line(e, n+1, domain.OutcomeFailed))
		}
		want = append(want, domain.EventID(e))
	}
	slices.Reverse(want)
	appended(t, s, lines...)
	for _, size := range []int{1, 7, 30, 100} {
		var got []domain.EventID
		for place, more := (store.LogPlace{}), true; more; {
			var page [][]domain.Attempt
			page, place, more = walked(t, s.Store, store.LogQuery{After: place}, size)
			for _, attempts := range page {
				e := attempts[0].Event
				got = append(got, e)
				var i int
				fmt.Sscanf(string(e), "evt_%d", &i)
				if len(attempts) != 1+i%4 || attempts[0].Number != 1 {
					t.Errorf("%s: got %d attempts, the first of number %d", e, len(attempts), attempts[0].Number)
				}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in pages of %d: got %v, want %v", size, got, want)
		}
	}
}

func TestAttempts_ExpireAfter30Days(t *testing.T) {
	s := storetest.New(t)
	made := line("evt_1", 1, domain.OutcomeDelivered)
	appended(t, s, made)
	for age, want := range map[time.Duration]int{30*24*time.Hour - 2*time.Second: 1, 30 * 24 * time.Hour: 0} {
		later := s.At(func() time.Time { return made.At.Add(age) })
		if got, _, _ := walked(t, later, store.LogQuery{}, 10); len(got) != want {
			t.Errorf("after %s: got %d deliveries, want %d", age, len(got), want)
		}
	}
}

func TestAppendAttempts_WritesAgainWhatWasNotProcessed(t *testing.T) {
	s := storetest.New(t)
	var lines []domain.Attempt
	for i := range 60 {
		lines = append(lines, line(fmt.Sprintf("evt_%02d", i), 1, domain.OutcomeDelivered))
	}
	calls := 0
	throttled := s.At(domain.SystemClock, unprocessed(&calls, func() bool { return calls%2 == 1 }))
	if err := throttled.AppendAttempts(t.Context(), lines); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := walked(t, s.Store, store.LogQuery{}, 100); len(got) != len(lines) || calls != 6 {
		t.Errorf("got %d deliveries after %d calls, want %d after 6", len(got), calls, len(lines))
	}
	stuck := s.At(domain.SystemClock, unprocessed(&calls, func() bool { return true }))
	if err := stuck.AppendAttempts(t.Context(), lines[:1]); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("while nothing is processed: got %v, want Unavailable", err)
	}
	if err := s.At(domain.SystemClock, storetest.Failing("BatchWriteItem")).AppendAttempts(t.Context(),
		lines); err == nil {
		t.Error("while calls fail: no error")
	}
}

// unprocessed hands all but the first item of a batch back, when asked to, as DynamoDB does when it is throttled.
func unprocessed(calls *int, now func() bool) func(*dynamodb.Options) {
	m := middleware.InitializeMiddlewareFunc("unprocessed", func(ctx context.Context, in middleware.InitializeInput,
		next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		batch, ok := in.Parameters.(*dynamodb.BatchWriteItemInput)
		if !ok {
			return next.HandleInitialize(ctx, in)
		}
		*calls++
		back := map[string][]types.WriteRequest{}
		if now() {
			for table, puts := range batch.RequestItems {
				batch.RequestItems[table], back[table] = puts[:1], puts[1:]
				if len(puts) == 1 {
					back[table] = puts
				}
			}
		}
		out, metadata, err := next.HandleInitialize(ctx, in)
		if result, ok := out.Result.(*dynamodb.BatchWriteItemOutput); ok && len(back) > 0 {
			result.UnprocessedItems = back
		}
		return out, metadata, err
	})
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Initialize.Add(m, middleware.After)
		})
	}
}

// What a replay is made of is kept, and costs a success no second write unit unless its context is large: DynamoDB
// bills 1 KB each.
func TestAttempts_ASuccessIsOneWriteUnit(t *testing.T) {
	s := storetest.New(t)
	long := func(prefix string, n int) string { return prefix + strings.Repeat("x", n-len(prefix)) }
	big := line(long("evt_", 30), 1, domain.OutcomeDelivered)
	big.Account, big.Webhook, big.Contract = domain.AccountID(long("a", 64)), domain.WebhookID(long("whk_", 30)),
		domain.ContractID(long("con_", 30))
	big.EventAt, big.EventType, big.Epoch, big.Milliseconds = big.At, "installation.setup_completed", 12345, 30000
	big.Context = long(`{"a":"`, 200)
	big = big.SentTo(long("https://example.com/", domain.SuccessRoom-200))
	failed := big
	failed.Number, failed.Outcome, failed.Context = 2, domain.OutcomeFailed, long(`{"a":"`, 4000)
	wide := big
	wide.Number, wide.Context = 3, failed.Context
	appended(t, s, big, failed, wide)
	got, err := s.Attempts(t.Context(), big.Account, big.Webhook, day, big.Event)
	if want := []domain.Attempt{big, failed, wide}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, item := range everything(t, s, s.Config.DeliveriesTable) {
		size := 0
		for name, v := range item {
			size += len(name)
			switch v := v.(type) {
			case *types.AttributeValueMemberS:
				size += len(v.Value)
			default:
				size += 21 // the most that a number takes
			}
		}
		if number := item["number"].(*types.AttributeValueMemberN).Value; number == "1" && size > 1024 {
			t.Errorf("the line of a success has %d bytes, want at most 1024", size)
		}
	}
}

func everything(t *testing.T, s *storetest.Tables, table string) []map[string]types.AttributeValue {
	t.Helper()
	found, err := s.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	return found.Items
}
