package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// walked is a page of a walk through whk_a's log: all of `day`, unless q says other times.
func walked(t *testing.T, s *store.Store, q store.LogQuery, most int) ([][]domain.Attempt, store.LogPlace, bool) {
	t.Helper()
	q.Account, q.Webhook = "acct-42", "whk_a"
	if q.From.IsZero() {
		q.From, _ = time.Parse(time.DateOnly, day)
		q.To = q.From.AddDate(0, 0, 1)
	}
	var page [][]domain.Attempt
	at, more, err := s.Deliveries(t.Context(), q, func(lines []domain.Attempt) bool {
		if len(page) == most {
			return false
		}
		page = append(page, lines)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return page, at, more
}

// eventsOf walks to the end, in pages of that size, and returns what came.
func eventsOf(t *testing.T, s *store.Store, q store.LogQuery, size int) []domain.EventID {
	t.Helper()
	var all []domain.EventID
	for more := true; more; {
		var page [][]domain.Attempt
		page, q.After, more = walked(t, s, q, size)
		for _, lines := range page {
			all = append(all, lines[0].Event)
		}
		if read, ok := store.ParseLogPlace(q.After.String()); more && (!ok || read != q.After) {
			t.Fatalf("the place %q reads as %v", q.After, read)
		}
	}
	return all
}

func TestDeliveries_ByTimeTypeAndWhatFailedEitherWay(t *testing.T) {
	s := storetest.New(t)
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var lines []domain.Attempt
	for i := range 24 { // one every three hours, over three days; of every third an attempt failed
		l := line(fmt.Sprintf("evt_%02d", i), 1, domain.OutcomeDelivered)
		l.EventAt = noon.Add(time.Duration(i) * 3 * time.Hour)
		l.EventDay = l.EventAt.Format(time.DateOnly)
		if i%2 == 1 {
			l.EventType = "contract.created"
		}
		if i%3 == 0 {
			failed := l
			failed.Outcome = domain.OutcomeFailed
			l.Number = 2
			lines = append(lines, failed)
		}
		lines = append(lines, l)
	}
	foreign := line("evt_03", 1, domain.OutcomeExhausted)
	foreign.Account, foreign.EventAt, foreign.EventDay = "acct-43", noon, "2026-11-20"
	appended(t, s, append(lines, foreign)...)

	ids := func(numbers ...int) (ids []domain.EventID) {
		for _, n := range numbers {
			ids = append(ids, domain.EventID(fmt.Sprintf("evt_%02d", n)))
		}
		return ids
	}
	all := store.LogQuery{From: noon, To: noon.AddDate(0, 0, 3)}
	some := store.LogQuery{From: noon.Add(9 * time.Hour), To: noon.Add(36 * time.Hour)}
	for name, c := range map[string]struct {
		query store.LogQuery
		want  []domain.EventID
	}{
		"some hours over a midnight": {some, ids(3, 4, 5, 6, 7, 8, 9, 10, 11)},
		"a type": {with(some, func(q *store.LogQuery) {
			q.EventTypes = []string{"contract.created"}
		}), ids(3, 5, 7, 9, 11)},
		"what failed": {with(all, func(q *store.LogQuery) { q.Unsent = true }),
			ids(0, 3, 6, 9, 12, 15, 18, 21)},
		"what failed of a type": {with(some, func(q *store.LogQuery) {
			q.Unsent, q.EventTypes = true, []string{"contract.created"}
		}), ids(3, 9)},
		"no time": {store.LogQuery{From: noon, To: noon}, nil},
	} {
		for _, size := range []int{1, 2, 100} {
			c.query.Oldest = true
			if got := eventsOf(t, s.Store, c.query, size); !slices.Equal(got, c.want) {
				t.Errorf("%s, oldest first in pages of %d: got %v, want %v", name, size, got, c.want)
			}
			c.query.Oldest = false
			newest := slices.Clone(c.want)
			slices.Reverse(newest)
			if got := eventsOf(t, s.Store, c.query, size); !slices.Equal(got, newest) {
				t.Errorf("%s, newest first in pages of %d: got %v, want %v", name, size, got, newest)
			}
		}
	}
	found, _, _ := walked(t, s.Store, with(all, func(q *store.LogQuery) { q.Unsent = true }), 1)
	if len(found[0]) != 2 || !reflect.DeepEqual(found[0][1].Outcome, domain.OutcomeDelivered) {
		t.Errorf("what the index found comes as %+v, want with all its lines", found[0])
	}
}

func with(q store.LogQuery, change func(*store.LogQuery)) store.LogQuery {
	change(&q)
	return q
}

// A walk that finds little in much ends, and goes on where it was; the next finds what it did not.
func TestDeliveries_AWalkHasBounds(t *testing.T) {
	s := storetest.New(t)
	var lines []domain.Attempt
	for i := range 300 { // each costs the index's walk a query
		l := line(fmt.Sprintf("evt_%03d", i), 1, domain.OutcomeFailed)
		lines = append(lines, l)
	}
	appended(t, s, lines...)
	q := store.LogQuery{Unsent: true}
	page, at, more := walked(t, s.Store, q, 1000)
	if !more || len(page) < 200 || len(page) >= 300 || at.Event != page[len(page)-1][0].Event {
		t.Errorf("%d deliveries came at once, more: %t, at %v", len(page), more, at)
	}
	if got := eventsOf(t, s.Store, q, 1000); len(got) != 300 ||
		!slices.IsSortedFunc(got, func(a, b domain.EventID) int {
			return strings.Compare(string(b), string(a))
		}) {
		t.Errorf("%d deliveries came in all, want each of 300 once", len(got))
	}
}

// The index holds nothing of a success.
func TestAttempts_OnlyWhatFailedIsIndexed(t *testing.T) {
	s := storetest.New(t)
	outcomes := []domain.Outcome{domain.OutcomeDelivered, domain.OutcomeFailed, domain.OutcomeExhausted,
		domain.OutcomeSkipped, domain.OutcomeCancelled}
	for n, o := range outcomes {
		appended(t, s, line(fmt.Sprint("evt_", n), 1, o))
	}
	for _, item := range everything(t, s, s.Config.DeliveriesTable) {
		_, indexed := item[store.UnsentIndex.SortKey]
		if outcome := item["outcome"].(*types.AttributeValueMemberS).
			Value; indexed == (outcome == string(domain.OutcomeDelivered)) {
			t.Errorf("a line that is %s is indexed: %t", outcome, indexed)
		}
	}
}
