package delivery

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"plugboard/shared/domain"
)

// asksToPause answers with a status and Retry-After.
func asksToPause(code int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", retryAfter)
		w.WriteHeader(code)
	}
}

// Rule 20: a short pause that one answer asks for holds for what comes to another process, too; it uses up no attempt.
func TestRule20_AShortPauseHoldsForAllDeliveriesOfTheEndpointInEveryProcess(t *testing.T) {
	for _, code := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		k := newKit(t)
		w, other := k.own("whk_own", k.receiver.URL), k.own("whk_other", k.receiver.URL)
		k.receiver.answers(asksToPause(code, "40"))
		k.deliver(k.to(w, "first"))
		k.next()
		k.receiver.take()
		k.receiver.answers(nil)
		until := k.health(w).PausedUntil
		if wait := until.Sub(k.clock.read()); wait < 40*time.Second || wait > 48*time.Second {
			t.Fatalf("%d: the pause is %s", code, wait)
		}
		for n, process := range []*Service{k.Service, k.process()} {
			k.Service = process
			d := k.to(w, fmt.Sprint("held", n))
			d.Turn = true
			k.deliver(d)
			next, delay := k.next()
			if next.Attempt != 1 || next.NotBefore.Before(until) || next.Turn || delay < 40*time.Second ||
				delay > time.Minute {
				t.Errorf("%d, process %d: attempt %d comes in %s, at %s; the pause ends at %s", code, n, next.Attempt,
					delay, next.NotBefore, until)
			}
			k.untried(d)
		}
		if got := k.receiver.take(); len(got) > 0 {
			t.Errorf("%d: in the pause the receiver got %d requests", code, len(got))
		}
		asked := k.to(w, "asked")
		asked.Asked = true
		k.delivered(other, "whose endpoint asked for nothing")
		k.deliver(asked) // somebody wants to know
		if got := k.receiver.take(); len(got) != 2 {
			t.Errorf("%d: the receiver got %d requests, want that of the other webhook and the one that was asked for",
				code, len(got))
		}
		if h := k.health(w); !h.PausedUntil.Equal(until) {
			t.Errorf("%d: a success within it makes the pause end at %s", code, h.PausedUntil)
		}
		k.clock.forward(until.Sub(k.clock.read()) + targetKept)
		k.delivered(w, "after")
		if h := k.health(w); h.Rev != 0 {
			t.Errorf("%d: after the pause a success leaves %+v", code, h)
		}
	}
}

// Rule 20: during a long pause deliveries are parked, and the probe waits, too.
func TestRule20_ALongPauseParksAndItsProbeWaits(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.receiver.answers(asksToPause(http.StatusServiceUnavailable, "7200"))
	k.deliver(k.to(w, "first"))
	k.next()
	k.receiver.take()
	k.receiver.answers(nil)
	until := k.health(w).PausedUntil
	if wait := until.Sub(k.clock.read()); wait < 2*time.Hour || wait > 145*time.Minute {
		t.Fatalf("the pause is %s", wait)
	}
	for n, process := range []*Service{k.Service, k.process()} {
		k.Service = process
		k.clock.forward(30 * time.Minute)
		k.deliver(k.to(w, fmt.Sprint("quick", n)), k.probing(w, fmt.Sprint("slow", n)))
	}
	if got := k.parked(w); len(got) != 4 || len(k.receiver.take()) != 0 {
		t.Errorf("%d are parked, want 4", len(got))
	}
	k.clock.forward(until.Sub(k.clock.read()))
	k.deliver(k.letGo(w, nil)[0])
	if got := k.receiver.take(); len(got) != 1 {
		t.Errorf("once the pause is over the receiver got %d requests, want the probe", len(got))
	}
	if h := k.health(w); h.Rev != 0 {
		t.Errorf("the probe's success leaves %+v", h)
	}
}

// A token server's pause holds as the endpoint's does: without a token nothing can be sent.
func TestRule20_ATokenServersPauseHoldsForAllDeliveries(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	w, _ := k.authorized(i.URL)
	asked := 0
	i.answer = func(w http.ResponseWriter, r *http.Request) {
		asked++
		asksToPause(http.StatusTooManyRequests, "30")(w, r)
	}
	k.deliver(k.to(w, "1"))
	k.next()
	k.Service = k.process()
	k.deliver(k.to(w, "2"))
	if next, delay := k.next(); asked != 1 || next.Attempt != 1 || delay < 30*time.Second {
		t.Errorf("the token server was asked %d times, and attempt %d comes in %s", asked, next.Attempt, delay)
	}
	i.set(func() { i.answer = nil })
	k.receiver.answers(i.protects)
	k.clock.forward(time.Minute)
	k.delivered(w, "3")
}

// Of other statuses Retry-After is about the one request, and a bare 429 names no time.
func TestPauseForAll(t *testing.T) {
	for _, c := range []struct {
		answer answer
		want   time.Duration
	}{
		{answer{status: 429, retryAfter: time.Minute}, time.Minute},
		{answer{status: 503, retryAfter: time.Hour}, time.Hour},
		{answer{status: 429}, 0}, {answer{status: 503}, 0}, {answer{status: 500, retryAfter: time.Minute}, 0},
		{answer{status: 301, retryAfter: time.Minute}, 0},
		{answer{timedOut: true, err: unsendable("")}, 0},
		{answer{err: tokenFailure{answer: answer{status: 503, retryAfter: time.Minute}}}, time.Minute},
	} {
		if got := c.answer.asker().pauseForAll(); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.answer, got, c.want)
		}
	}
	s := &Service{jitter: func() float64 { return 1 }}
	now := domain.SystemClock()
	if got := s.afterPause(now.Add(time.Minute), now).Sub(now).Round(time.Second); got != 90*time.Second {
		t.Errorf("the last that waits a minute's pause comes after %s", got)
	}
}
