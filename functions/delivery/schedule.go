package delivery

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"plugboard/shared/domain"
)

const (
	jitter = 0.2 // of a wait, either way, so that what failed together does not come back together

	// pauseLeast is the least wait after 429 or a timeout: an endpoint that is overrun gets a pause.
	pauseLeast = time.Minute

	// retryAfterMost limits a Retry-After to a policy's longest wait, so that the bounds of domain.SendPolicy hold
	// for it too.
	retryAfterMost = domain.RetryWaitMost
)

// wait is how long the delivery waits by the policy after its attempt of that number failed with a; false after the
// last. Retry-After lengthens the policy's wait and never shortens it.
func (s *Service) wait(p domain.SendPolicy, number int, a answer) (time.Duration, bool) {
	wait, again := p.RetryWait(number)
	if !again {
		return 0, false
	}
	drawn := 2*s.jitter() - 1 // -1 to 1
	wait = scaled(wait, 1+jitter*drawn)
	if a.overrun() {
		wait = max(wait, pauseLeast)
	}
	// Jitter only lengthens the wait that the endpoint asked for.
	return max(wait, scaled(min(a.retryAfter, retryAfterMost), 1+jitter*(drawn+1)/2)), true
}

// overrun tells that the endpoint has, or seems to have, too much to do.
func (a answer) overrun() bool { return a.timedOut || a.status == http.StatusTooManyRequests }

func scaled(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }

// retryAfter is the header's wait, at most retryAfterMost: seconds, however many, or a date (RFC 9110, 10.2.3). 0 when
// there is none, or it is past.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value == "" { // as nearly always; parsing nothing makes four errors
		return 0
	}
	switch seconds, err := strconv.ParseUint(value, 10, 64); {
	case errors.Is(err, strconv.ErrRange), err == nil && seconds > uint64(retryAfterMost.Seconds()):
		return retryAfterMost
	case err == nil:
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(0, at.Sub(now)), retryAfterMost)
	}
	return 0
}
