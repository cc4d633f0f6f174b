package delivery

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/queue"
)

func TestRule19_WaitsAreThePolicys(t *testing.T) {
	s := &Service{jitter: func() float64 { return 0.5 }}
	p := domain.SendPolicy{RetryWaitSeconds: []int{7, 70}}
	for number, want := range map[int]time.Duration{1: 7 * time.Second, 2: 70 * time.Second, 3: 0} {
		if got, again := s.wait(p, number, answer{status: 500}); got != want || again != (want > 0) {
			t.Errorf("after attempt %d: got %s, %v, want %s", number, got, again, want)
		}
	}
}

func TestWait_JitterIs20PercentEitherWay(t *testing.T) {
	for drawn, want := range map[float64]time.Duration{0: 24 * time.Minute, 0.5: 30 * time.Minute,
		1: 36 * time.Minute} {
		s := &Service{jitter: func() float64 { return drawn }}
		if got, _ := s.wait(domain.SendPolicy{}, 3, answer{status: 500}); got.Round(time.Second) != want {
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
		"500":                                {1, 0.5, answer{status: 500}, 5 * time.Second},
		"429":                                {1, 0, answer{status: 429}, time.Minute},
		"a timeout":                          {1, 0, answer{timedOut: true, err: errors.New("")}, time.Minute},
		"429 when the schedule waits longer": {2, 0.5, answer{status: 429}, 5 * time.Minute},
		"Retry-After, more than the schedule": {1, 0, answer{status: 503, retryAfter: 10 * time.Minute},
			10 * time.Minute},
		"Retry-After is never shortened": {1, 1, answer{status: 503, retryAfter: 10 * time.Minute},
			12 * time.Minute},
		"Retry-After, less than the schedule": {2, 0.5, answer{status: 503, retryAfter: time.Second}, 5 * time.Minute},
		"Retry-After, less than the pause":    {1, 0, answer{status: 429, retryAfter: 2 * time.Second}, time.Minute},
		"Retry-After of a month":              {1, 0, answer{status: 503, retryAfter: 720 * time.Hour}, 24 * time.Hour},
	} {
		s := &Service{jitter: func() float64 { return c.drawn }}
		if got, _ := s.wait(domain.SendPolicy{}, c.number, c.answer); got.Round(time.Second) != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// Whatever an endpoint asks for, all attempts end within the time for which others keep what is to be delivered, or
// erased.
func TestSchedule_EndsWithinDomainsTime(t *testing.T) {
	s := &Service{jitter: func() float64 { return 1 }}
	longest := domain.SendPolicy{RetryWaitSeconds: slices.Repeat(
		[]int{int(domain.RetryWaitsMost.Seconds()) / domain.RetriesMost}, domain.RetriesMost)}
	if wrong := longest.Check(""); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	var all time.Duration
	for n := 1; ; n++ {
		wait, again := s.wait(longest, n, answer{status: http.StatusTooManyRequests, retryAfter: 365 * 24 * time.Hour})
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
		"": 0, "120": 2 * time.Minute, "0": 0, "-5": 0, "1.5": 0, "soon": 0,
		// ten, and twenty nines
		"2147483647": retryAfterMost, "2147483648": retryAfterMost, "9999999999": retryAfterMost,
		"99999999999999999999": retryAfterMost,
		"18446744073709551616": retryAfterMost, "86400": 24 * time.Hour, "86401": retryAfterMost,
		"00000000000000000000000060":    time.Minute,
		"Fri, 31 Dec 9999 23:59:59 GMT": retryAfterMost,
		"Sun, 22 Nov 2026 09:31:30 GMT": 90 * time.Second,
		"Sun, 22 Nov 2026 09:00:00 GMT": 0,
		// chosen after the mending
		"Sunday, 22-Nov-26 09:31:30 GMT": 90 * time.Second, "Sun Nov 22 09:31:30 2026": 90 * time.Second,
		"120, 60": 0, "1e3": 0, "0x3c": 0,
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

// A policy that waits a second still leaves an endpoint that is overrun a minute.
func TestRule19_ThePauseOutweighsAnImpatientPolicy(t *testing.T) {
	k := newKit(t)
	impatient := domain.SendPolicy{TimeoutSeconds: 1, RetryWaitSeconds: []int{1, 2}}
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   time.Duration
	}{
		"500": {status(500, ""), time.Second}, "429": {status(429, ""), time.Minute},
		"silence": {func(_ http.ResponseWriter, r *http.Request) { <-over }, time.Minute},
	} {
		k.receiver.answers(c.answer)
		d := k.to(k.own("whk_"+name, k.receiver.URL, impatient), "1")
		k.deliver(d)
		if _, delay := k.next(); delay != c.want {
			t.Errorf("%s: tried again after %s, want %s", name, delay, c.want)
		}
	}
}

// A wait beyond SQS's 15 minutes is an item, which redelivery sends in time: of the message all but the event's body,
// so that nothing of a customer's waits where an account's erasing does not look.
func TestRule19_ADistantAttemptWaitsInTheTable(t *testing.T) {
	k := newKit(t)
	k.receiver.answers(status(500, ""))
	d := k.to(k.own("whk_own", k.receiver.URL), "1")
	d.Attempt, d.Context = 4, `{"a":"b"}` // the next comes in two hours
	body := string(d.Payload([]byte(d.Body)))
	k.deliver(d)
	if sent := k.queue.Sent(); len(sent) > 0 {
		t.Errorf("%d messages were sent", len(sent))
	}
	k.receiver.take()
	next, wait := k.next()
	want := d
	want.Attempt, want.NotBefore, want.Body = 5, k.clock.read().Add(2*time.Hour), ""
	if next != want || wait != 2*time.Hour {
		t.Errorf("got\n%+v, want\n%+v", next, want)
	}
	k.clock.forward(wait)
	k.deliver(next)
	if got := k.receiver.take(); len(got) != 1 || got[0].body != body {
		t.Errorf("the attempt after it sent %+v, want the same body", got)
	}
}

// What comes before its time, by a clock that is behind or from before a change of the waits, goes back to wait.
func TestRule19_WhatIsNotDueGoesBackAndIsNoAttempt(t *testing.T) {
	k := newKit(t)
	d := k.to(k.own("whk_own", k.receiver.URL), "1")
	d.Attempt = 2
	for _, wait := range []time.Duration{time.Minute, queue.MaxDelay, queue.MaxDelay + time.Second} {
		d.NotBefore = k.clock.read().Add(wait)
		k.deliver(d)
		if waits := len(k.due()); (waits == 1) != (wait > queue.MaxDelay) {
			t.Errorf("%s: %d wait in the table", wait, waits)
		}
		if next, delay := k.next(); next.Attempt != 2 || delay != wait {
			t.Errorf("%s: attempt %d goes back for %s", wait, next.Attempt, delay)
		}
	}
	if got := k.receiver.take(); len(got) > 0 {
		t.Errorf("the receiver got %v", got)
	}
}

// Design rule 18: however often a retry's message comes, one attempt follows, at one time.
func TestRule18_RepeatsOfARetryDoNotMultiply(t *testing.T) {
	k := newKit(t)
	k.receiver.answers(status(500, ""))
	drawn := 0.0
	k.Service.jitter = func() float64 { drawn += 0.1; return drawn }
	d := k.to(k.own("whk_own", k.receiver.URL), "1")
	d.Attempt = 3
	k.deliver(d, d) // at the same moment: both are sent
	if got := len(k.receiver.take()); got != 2 {
		t.Fatalf("%d requests, want two", got)
	}
	waiting := k.due()
	if len(waiting) != 2 {
		t.Fatalf("%d attempts wait, want two", len(waiting))
	}
	k.deliver(d) // late: it sends nothing, and what it is followed by waits already
	if again := k.due(); len(k.receiver.take()) != 0 || len(again) != 2 {
		t.Errorf("a third message made a request, or another attempt: %+v", again)
	}
	if err := k.RemoveDue(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	k.clock.forward(time.Hour)
	k.deliver(waiting[0])
	k.deliver(waiting[1])
	if got := k.due(); len(k.receiver.take()) != 1 || len(got) != 1 || got[0].Attempt != 5 {
		t.Errorf("two repeats are followed by %+v, want one attempt", got)
	}
	k.receiver.answers(nil)
	five, _ := k.next()
	k.clock.forward(6 * time.Hour)
	five.Slow = true // as a probe: the breaker is open
	k.deliver(five)
	k.deliver(five, waiting[0], d) // all that ever was, once more, after the success
	if got := len(k.receiver.take()); got != 1 {
		t.Errorf("%d requests, want the one that succeeded", got)
	}
	k.nothingSent()
}

// A crash after a retry's line and before what follows: the message comes again, and sends what the line promised.
func TestRule19_ARetryThatWasLoggedAndNotFollowedIsFollowedWhenItComesAgain(t *testing.T) {
	k := newKit(t)
	k.receiver.answers(status(500, ""))
	d := k.to(k.own("whk_own", k.receiver.URL), "1")
	d.Attempt = 2
	line := domain.Attempt{Account: acct, Webhook: d.Webhook, Event: d.Event, EventDay: d.Day(), Number: 2,
		Outcome: domain.OutcomeFailed, At: k.clock.read(), NextAt: k.clock.read().Add(30 * time.Minute)}
	if err := k.AppendAttempts(t.Context(), []domain.Attempt{line}); err != nil {
		t.Fatal(err)
	}
	k.deliver(d)
	if next, wait := k.next(); next.Attempt != 3 || wait != 30*time.Minute || len(k.receiver.take()) != 0 {
		t.Errorf("attempt %d follows in %s", next.Attempt, wait)
	}
	k.outcome(d, 1)
	k.clock.forward(time.Hour) // and when it comes very late, at once
	k.deliver(d)
	if next, wait := k.next(); next.Attempt != 3 || wait > 0 {
		t.Errorf("attempt %d follows in %s", next.Attempt, wait)
	}
}

// An endpoint that uses up the function's time fails its own message, and no other's is worked twice for it.
func TestRule20_TheBatchIsLoggedBeforeTheFunctionsTimeIsUp(t *testing.T) {
	k := newKit(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	k.receiver.answers(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			select {
			case <-over:
			case <-r.Context().Done():
			}
		}
	})
	slow := k.to(k.own("whk_slow", k.receiver.URL+"/slow", domain.SendPolicy{TimeoutSeconds: 30}), "1")
	quick := k.to(k.own("whk_quick", k.receiver.URL), "1")
	ctx, cancel := context.WithTimeout(t.Context(), leastToEnd+time.Second)
	defer cancel()
	batch := k.batch(slow, quick)
	answer, err := k.Handle(ctx, batch)
	if err != nil || len(answer.BatchItemFailures) != 1 ||
		answer.BatchItemFailures[0].ItemIdentifier != batch.Records[0].MessageId {
		t.Fatalf("got %+v, %v; want the slow one's message to come again", answer, err)
	}
	if ctx.Err() != nil || k.outcome(quick, 1).Outcome != domain.OutcomeDelivered {
		t.Errorf("the function's time is up: %v", ctx.Err())
	}
}
