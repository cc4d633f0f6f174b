package delivery

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/queue"
)

func TestWait_TheScheduleIsStandardWebhooks(t *testing.T) {
	s := &Service{jitter: func() float64 { return 0.5 }}
	want := []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
	for i, w := range want {
		if got, again := s.wait(i+1, answer{status: 500}); got != w || !again {
			t.Errorf("after attempt %d: got %s, %v, want %s", i+1, got, again, w)
		}
	}
	if got, again := s.wait(10, answer{status: 500}); again {
		t.Errorf("after attempt 10: got %s, want none", got)
	}
}

func TestWait_JitterIs20PercentEitherWay(t *testing.T) {
	for drawn, want := range map[float64]time.Duration{0: 24 * time.Minute, 0.5: 30 * time.Minute, 1: 36 * time.Minute} {
		s := &Service{jitter: func() float64 { return drawn }}
		if got, _ := s.wait(3, answer{status: 500}); got.Round(time.Second) != want {
			t.Errorf("drawn %v: got %s, want %s", drawn, got, want)
		}
	}
}

func TestWait_PausesAndRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		number int
		drawn  float64
		answer answer
		want   time.Duration
	}{
		"500":                                 {1, 0.5, answer{status: 500}, 5 * time.Second},
		"429":                                 {1, 0, answer{status: 429}, time.Minute},
		"a timeout":                           {1, 0, answer{timedOut: true, err: errors.New("")}, time.Minute},
		"429 when the schedule waits longer":  {2, 0.5, answer{status: 429}, 5 * time.Minute},
		"Retry-After, more than the schedule": {1, 0, answer{status: 503, retryAfter: 10 * time.Minute}, 10 * time.Minute},
		"Retry-After is never shortened":      {1, 1, answer{status: 503, retryAfter: 10 * time.Minute}, 12 * time.Minute},
		"Retry-After, less than the schedule": {2, 0.5, answer{status: 503, retryAfter: time.Second}, 5 * time.Minute},
		"Retry-After, less than the pause":    {1, 0, answer{status: 429, retryAfter: 2 * time.Second}, time.Minute},
		"Retry-After of a month":              {1, 0, answer{status: 503, retryAfter: 720 * time.Hour}, 24 * time.Hour},
	} {
		s := &Service{jitter: func() float64 { return c.drawn }}
		if got, _ := s.wait(c.number, c.answer); got.Round(time.Second) != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// Whatever an endpoint asks for, all attempts end within the time for which others keep what is to be delivered, or erased.
func TestSchedule_EndsWithinDomainsTime(t *testing.T) {
	s := &Service{jitter: func() float64 { return 1 }}
	var all time.Duration
	for n := 1; ; n++ {
		wait, again := s.wait(n, answer{status: http.StatusTooManyRequests, retryAfter: 365 * 24 * time.Hour})
		if !again {
			break
		}
		all += wait
	}
	if all > domain.RetriesWithin || all < domain.RetriesWithin*9/10 {
		t.Errorf("all attempts end within %s; domain says %s", all, domain.RetriesWithin)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "0": 0, "-5": 0, "1.5": 0, "soon": 0, "99999999999999999999": 0,
		"Sun, 22 Nov 2026 09:31:30 GMT": 90 * time.Second,
		"Sun, 22 Nov 2026 09:00:00 GMT": 0,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

func TestDelivery_RetryAfterIsHonoured(t *testing.T) {
	k := newKit(t)
	k.receiver.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	d := k.to(k.own("whk_own", k.receiver.URL), "1")
	k.deliver(d)
	// Spread upwards, by half of 20 % as the kit draws.
	if next, delay := k.next(); delay != 11*time.Minute || !next.NotBefore.Equal(k.clock.read().Add(11*time.Minute)) {
		t.Errorf("got %s, %s", delay, next.NotBefore)
	}
}

// A wait beyond SQS's 15 minutes goes round by hops, none of which is an attempt.
func TestDelivery_AHopIsNoAttempt(t *testing.T) {
	k := newKit(t)
	k.receiver.answers(status(500, ""))
	d := k.to(k.own("whk_own", k.receiver.URL), "1")
	d.Attempt = 4 // the next comes in two hours
	k.deliver(d)
	due := k.clock.read().Add(2 * time.Hour)
	k.receiver.take()
	hops := 0
	for d, delay := k.next(); ; d, delay = k.next() {
		if delay != due.Sub(k.clock.read()) || d.Attempt != 5 || !d.NotBefore.Equal(due) {
			t.Fatalf("hop %d: got attempt %d, due %s, after %s", hops, d.Attempt, d.NotBefore, delay)
		}
		k.clock.forward(min(delay, queue.MaxDelay)) // as queue.Send keeps it
		if !k.clock.read().Before(due) {
			k.deliver(d)
			break
		}
		hops++
		k.deliver(d)
		if got := k.receiver.take(); len(got) != 0 {
			t.Fatalf("hop %d made a request", hops)
		}
		k.outcome(d, 1)
	}
	if hops != 7 || len(k.receiver.take()) != 1 {
		t.Errorf("got %d hops, want 7 and then a request", hops)
	}
	if got := k.outcome(d, 2); got.Number != 5 || got.Outcome != domain.OutcomeFailed {
		t.Errorf("got %+v", got)
	}
}
