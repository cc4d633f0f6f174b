package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store/storetest"
)

// The pages of a list go over all shards at once, in the order of the events, and none is left out or comes twice.
func TestParkedAfter_PagesOverTheShardsInOrder(t *testing.T) {
	s := storetest.New(t)
	at := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	to := func(a domain.AccountID, n int) events.Delivery {
		id := domain.EventID(fmt.Sprintf("evt_%02d", n))
		return events.Delivery{ID: domain.DeliveryOf(id, "whk_1"), Account: a, Webhook: "whk_1", Event: id,
			EventAt: at.Add(time.Duration(n) * time.Second), Attempt: 1}
	}
	const parked = 43
	for n := range parked {
		// b had it before
		if err := s.Park(t.Context(), []events.Delivery{to("a", parked-1-n), to("b", n-parked)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, most := range []int{1, 7, 100} {
		var got, want []domain.EventID
		for after, pages := "", 0; pages == 0 || after != "" && pages <= parked; pages++ {
			page, next, err := s.ParkedAfter(t.Context(), "a", "whk_1", after, most)
			if err != nil || len(page) > most || len(page) == 0 {
				t.Fatalf("a page of %d has %d: %v", most, len(page), err)
			}
			for _, d := range page {
				got = append(got, d.Event)
			}
			after = next
		}
		for n := range parked {
			want = append(want, to("a", n).Event)
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: got %v", most, got)
		}
	}
}
