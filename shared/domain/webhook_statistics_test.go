package domain

import "testing"

func attemptOf(outcome Outcome, milliseconds int64) Attempt {
	return Attempt{Outcome: outcome, Milliseconds: milliseconds}
}

func TestAttemptCounts_ADecisionToSendNothingHasNoDuration(t *testing.T) {
	var c AttemptCounts
	for _, o := range []Outcome{OutcomeDelivered, OutcomeFailed, OutcomeExhausted, OutcomeSkipped, OutcomeSkipped,
		OutcomeCancelled} {
		c.Add(attemptOf(o, 40))
	}
	if c.Delivered != 1 || c.Failed != 1 || c.Exhausted != 1 || c.Skipped != 2 || c.Cancelled != 1 {
		t.Errorf("got %+v", c)
	}
	if got := c.Latency(); len(got) != 1 || got[50] != 3 {
		t.Errorf("the durations are %v, want three within 50 ms", got)
	}
}

func TestAttemptCounts_WithinIsTheBucketsUpperBound(t *testing.T) {
	for name, test := range map[string]struct {
		milliseconds []int64
		half, most   int64
	}{
		"none":                          {nil, 0, 0},
		"one, of no duration":           {[]int64{0}, 10, 10},
		"on a bound":                    {[]int64{10}, 10, 10},
		"above a bound":                 {[]int64{11}, 20, 20},
		"half of two":                   {[]int64{5, 900}, 10, 1000},
		"one slow among twenty":         {append(make([]int64, 19), 4000), 10, 10},
		"two slow among twenty":         {append(make([]int64, 18), 4000, 4000), 10, 5000},
		"longer than every bound":       {[]int64{31_000}, 30_000, 30_000},
		"three, the middle one decides": {[]int64{1, 99, 29_999}, 100, 30_000},
	} {
		var c AttemptCounts
		for _, ms := range test.milliseconds {
			c.Add(attemptOf(OutcomeDelivered, ms))
		}
		if half, most := c.Within(50), c.Within(95); half != test.half || most != test.most {
			t.Errorf("%s: half within %d and 95 %% within %d, want %d and %d", name, half, most, test.half, test.most)
		}
	}
}

func TestAttemptCounts_MergeAndStoredBucketsGiveTheSameFigures(t *testing.T) {
	var one, other, both, stored AttemptCounts
	for i := range int64(200) {
		a := attemptOf(OutcomeDelivered, i*i)
		if i%7 == 0 {
			a.Outcome = OutcomeFailed
		}
		both.Add(a)
		if i%2 == 0 {
			one.Add(a)
		} else {
			other.Add(a)
		}
	}
	if one.Merge(other); one != both {
		t.Errorf("merged: %+v, want %+v", one, both)
	}
	stored.Delivered, stored.Failed = both.Delivered, both.Failed
	for bound, n := range both.Latency() {
		stored.AddLatency(bound, n)
	}
	if stored != both {
		t.Errorf("by bounds: %+v, want %+v", stored, both)
	}
	stored.AddLatency(60, 1) // a bound of an older release
	both.AddLatency(75, 1)
	if stored != both {
		t.Errorf("an unknown bound: %+v, want %+v", stored, both)
	}
}
