package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

// accountLogged is one walk through the logs of those webhooks.
func accountLogged(t *testing.T, s *store.Store, q store.AccountLogQuery, most int) ([]string, store.AccountLog) {
	t.Helper()
	var page []string
	log, err := s.AccountDeliveries(t.Context(), q, func(lines []domain.Attempt) bool {
		if len(page) == most {
			return false
		}
		page = append(page, fmt.Sprint(lines[0].EventDay, " ", lines[0].Event, " ", lines[0].Webhook, " ", len(lines)))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return page, log
}

func accountQuery(webhooks ...domain.WebhookID) store.AccountLogQuery {
	to, _ := time.Parse(time.DateOnly, day)
	return store.AccountLogQuery{
		Webhooks: webhooks, LogQuery: store.LogQuery{Account: "acct-42", From: to.AddDate(0, 0, -3),
			To: to.AddDate(0, 0, 1)},
	}
}

func TestAccountDeliveries_TheNewestDayFirstAndEachOnceWhateverThePage(t *testing.T) {
	s := storetest.New(t)
	var lines []domain.Attempt
	var want []string
	for _, date := range []string{day, "2026-11-21", "2026-11-19"} {
		for n := 9; n > 0; n-- {
			for _, w := range []domain.WebhookID{"whk_a", "whk_ab", "whk_c"} {
				l := line(fmt.Sprintf("evt_%s_%d", date[8:], n), 1, domain.OutcomeFailed)
				l.Webhook, l.EventDay = w, date
				again := l
				again.Number, again.Outcome = 2, domain.OutcomeDelivered
				lines = append(lines, l, again)
				want = append(want, fmt.Sprint(date, " ", l.Event, " ", w, " ", 2))
			}
		}
	}
	foreign := lines[0]
	foreign.Account = "acct-43"
	appended(t, s, append(lines, foreign)...)
	for _, unsent := range []bool{false, true} {
		for _, size := range []int{1, 2, 7, 100} {
			q := accountQuery("whk_c", "whk_a", "whk_ab")
			q.Unsent = unsent
			var got []string
			for more := true; more; {
				page, log := accountLogged(t, s.Store, q, size)
				got, more = append(got, page...), log.More
				place, ok := store.ParseAccountLogPlace(log.At.String())
				if more && (!ok || place != log.At) {
					t.Fatalf("the place %q reads as %v", log.At, place)
				}
				q.From = place
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("unsent %v, pages of %d: got %q, want %q", unsent, size, got, want)
			}
		}
	}
}

// A page makes at most so many queries, and many webhooks and empty days take several: none is passed over.
func TestAccountDeliveries_ManyWebhooksAreReadInGroupsWithinTheBound(t *testing.T) {
	s := storetest.New(t)
	var webhooks []domain.WebhookID
	var lines []domain.Attempt
	want := map[string]bool{}
	for n := range 60 {
		l := line(fmt.Sprintf("evt_%03d", n), 1, domain.OutcomeDelivered)
		l.Webhook = domain.WebhookID(fmt.Sprintf("whk_%d", n))
		l.EventDay = []string{day, "2026-11-20"}[n%2]
		webhooks, lines = append(webhooks, l.Webhook), append(lines, l)
		want[fmt.Sprint(l.EventDay, " ", l.Event, " ", l.Webhook, " ", 1)] = true
	}
	appended(t, s, lines...)
	q := accountQuery(webhooks...)
	back := q.To.Add(time.Hour)
	for pages, more := 0, true; more; pages++ {
		page, log := accountLogged(t, s.Store, q, 100)
		if pages == 20 || log.To.After(back) {
			t.Fatalf("page %d ends at %v, looked back to %s, before to %s", pages, log.At, log.To, back)
		}
		for _, p := range page {
			if !want[p] {
				t.Errorf("%s came twice, or is none", p)
			}
			delete(want, p)
		}
		q.From, more, back = log.At, log.More, log.To
	}
	if len(want) > 0 {
		t.Errorf("these were passed over: %v", want)
	}
	if !back.Equal(q.LogQuery.From) {
		t.Errorf("at the end it looked back to %s, want %s", back, q.LogQuery.From)
	}
}

func TestAccountDeliveries_FiltersByContractTypeAndTime(t *testing.T) {
	s := storetest.New(t)
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var lines []domain.Attempt
	for n, c := range []domain.ContractID{"con_1", "con_2", "con_1", ""} {
		l := line(fmt.Sprintf("evt_%d", n), 1, domain.OutcomeDelivered)
		l.Contract, l.EventAt = c, noon.Add(time.Duration(n)*time.Minute)
		l.EventType = []string{"contract.signed", "contract.created"}[n/2]
		lines = append(lines, l)
	}
	appended(t, s, lines...)
	for name, test := range map[string]struct {
		change func(*store.AccountLogQuery)
		want   []string
	}{
		"none":     {func(*store.AccountLogQuery) {}, []string{"evt_3", "evt_2", "evt_1", "evt_0"}},
		"contract": {func(q *store.AccountLogQuery) { q.Contract = "con_1" }, []string{"evt_2", "evt_0"}},
		"type": {func(q *store.AccountLogQuery) {
			q.EventTypes = []string{"contract.created"}
		}, []string{"evt_3", "evt_2"}},
		"from": {func(q *store.AccountLogQuery) {
			q.LogQuery.From = noon.Add(time.Minute)
		}, []string{"evt_3", "evt_2", "evt_1"}},
		"to": {func(q *store.AccountLogQuery) { q.To = noon.Add(time.Minute) }, []string{"evt_0"}},
	} {
		q := accountQuery("whk_a")
		test.change(&q)
		page, log := accountLogged(t, s.Store, q, 10)
		var want []string
		for _, e := range test.want {
			want = append(want, day+" "+e+" whk_a 1")
		}
		if !slices.Equal(page, want) || log.More {
			t.Errorf("%s: got %v, more %v, want %v", name, page, log.More, want)
		}
	}
}
