package store_test

import (
	"sync"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/store/storetest"
)

func hourOf(at time.Time, delivered, failed int) domain.WebhookHour {
	h := domain.WebhookHour{Account: "acct-42", Webhook: "whk_1", Hour: at.Truncate(time.Hour)}
	for range delivered {
		h.Add(domain.Attempt{Outcome: domain.OutcomeDelivered, Milliseconds: 40})
	}
	for range failed {
		h.Add(domain.Attempt{Outcome: domain.OutcomeFailed, Milliseconds: 40_000})
	}
	return h
}

func TestStatistics_ProcessesAddToOneHour(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	s := storetest.New(t).At(func() time.Time { return now })
	var adding sync.WaitGroup
	for range 8 {
		adding.Go(func() {
			if err := s.AddStatistics(t.Context(), hourOf(now, 3, 1)); err != nil {
				t.Error(err)
			}
		})
	}
	adding.Wait()
	if err := s.AddStatistics(t.Context(), hourOf(now, 0, 0)); err != nil {
		t.Errorf("counts of nothing: %v", err)
	}
	hours, err := s.Statistics(t.Context(), "acct-42", "whk_1", now)
	if err != nil || len(hours) != 1 || hours[0] != hourOf(now, 24, 8) {
		t.Errorf("got %+v %v, want %+v", hours, err, hourOf(now, 24, 8))
	}
}

func TestStatistics_AreOfTheHoursSinceATimeAndOfOneAccount(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	s := storetest.New(t).At(func() time.Time { return now })
	for ago := range 4 {
		if err := s.AddStatistics(t.Context(), hourOf(now.Add(-time.Duration(ago)*time.Hour), ago+1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	hours, err := s.Statistics(t.Context(), "acct-42", "whk_1", now.Add(-2*time.Hour))
	if err != nil || len(hours) != 3 || hours[0].Delivered != 3 || hours[2].Delivered != 1 {
		t.Errorf("got %+v %v, want three hours, the oldest first", hours, err)
	}
	if other, err := s.Statistics(t.Context(), "acct-43", "whk_1", now.Add(-2*time.Hour)); err != nil ||
		len(other) != 0 {
		t.Errorf("another account reads %+v %v", other, err)
	}
}
