package store_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
	"plugboard/shared/store/storetest"
)

const tenth = 100 * time.Millisecond

func turns(t *testing.T, s *store.Store, n int) time.Time {
	t.Helper()
	first, err := s.LeaseTurns(t.Context(), "whk_1", n, tenth)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

func TestRule20_TurnsFollowOneAnother(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	s := storetest.New(t).At(func() time.Time { return now })
	quiet := now.Add(tenth - time.Second) // so that ten are not after now
	if got := turns(t, s, 4); !got.Equal(quiet) {
		t.Errorf("the first of a quiet webhook: got %s, want %s", got, quiet)
	}
	if got, want := turns(t, s, 10), quiet.Add(4*tenth); !got.Equal(want) {
		t.Errorf("the fifth: got %s, want %s", got, want)
	}
	if got, want := turns(t, s, 1), now.Add(5*tenth); !got.Equal(want) {
		t.Errorf("the fifteenth: got %s, want %s", got, want)
	}
	now = now.Add(time.Hour)
	if got, want := turns(t, s, 1), now.Add(tenth-time.Second); !got.Equal(want) {
		t.Errorf("after a pause: got %s, want %s: no more than a second is saved", got, want)
	}
	if first, err := s.LeaseTurns(t.Context(), "whk_2", 1, tenth); err != nil ||
		!first.Equal(now.Add(tenth-time.Second)) {
		t.Errorf("another webhook's: got %s, %v", first, err)
	}
}

func TestRule20_NoTurnIsGivenTwice(t *testing.T) {
	now := domain.SystemClock()
	s := storetest.New(t).At(func() time.Time { return now })
	var mu sync.Mutex
	var all []time.Time
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for range 3 {
				first, err := s.LeaseTurns(t.Context(), "whk_1", 2, tenth)
				mu.Lock()
				if all = append(all, first, first.Add(tenth)); err != nil {
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	asking.Wait()
	slices.SortFunc(all, time.Time.Compare)
	for i, turn := range all {
		if want := all[0].Add(time.Duration(i) * tenth); !turn.Equal(want) {
			t.Fatalf("turn %d of %d is at %s, want %s", i, len(all), turn, want)
		}
	}
}

func TestTurns_BeyondADayThereAreNone(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	s := storetest.New(t).At(func() time.Time { return now })
	turns(t, s, int((domain.TurnsWithin+2*time.Second)/tenth))
	for range 2 {
		if _, err := s.LeaseTurns(t.Context(), "whk_1", 1, tenth); !fault.Is(err, store.Backlog) ||
			fault.KindOf(err) != fault.Conflict {
			t.Fatalf("got %v, want %s", err, store.Backlog)
		}
	}
	now = now.Add(time.Minute) // a minute's worth was taken: what was refused did not move the pace on
	if got, want := turns(t, s, 1), now.Add(domain.TurnsWithin+time.Second+tenth-time.Minute); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
