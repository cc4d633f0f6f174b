package store_test

import (
	"testing"
	"time"

	"plugboard/shared/store/storetest"
)

func TestTakeRequests_CountsACallersWindowUpToTheMost(t *testing.T) {
	s := storetest.New(t)
	window := time.Unix(1_000_000_000, 0)
	for n, test := range []struct {
		caller string
		window time.Time
		n      int
		want   bool
	}{
		{"account:a", window, 15, true}, {"account:a", window, 10, true}, {"account:a", window, 10, false},
		{"account:a", window, 5, true}, {"account:a", window, 1, false},
		{"account:b", window, 30, true}, {"partner:a", window, 30, true},
		{"account:a", window.Add(5 * time.Second), 30, true},
	} {
		if got, err := s.TakeRequests(t.Context(), test.caller, test.window, test.n, 30); err != nil ||
			got != test.want {
			t.Errorf("%d: got %t, %v; want %t", n, got, err, test.want)
		}
	}
}
