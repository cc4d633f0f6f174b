package client

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	mostTries = 6
	firstWait = 500 * time.Millisecond
	// longestWait bounds what a person waits for. A Retry-After beyond it is reported instead.
	longestWait = time.Minute
)

// waitAfter is how long to wait after the failure of a try; false when another try is of no use. Each request may be
// repeated: a mutation has an Idempotency-Key.
func (c *Client) waitAfter(err error, try int) (time.Duration, bool) {
	if try >= mostTries {
		return 0, false
	}
	backoff := firstWait << (try - 1)
	backoff = backoff/2 + rand.N(backoff/2+1) // jitter: many clients were refused at once
	var refused *Problem
	var unreachable *Unreachable
	switch {
	case errors.As(err, &unreachable):
		return backoff, true
	case !errors.As(err, &refused) || !passing(refused):
		return 0, false
	}
	told, ok := c.retryAfter(refused.retryAfter)
	if !ok {
		return backoff, true
	}
	return told, told <= longestWait
}

// passing tells whether the same request may succeed later.
func passing(p *Problem) bool {
	switch p.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return p.Status == http.StatusConflict && p.Code == "still-running" // our own earlier try
}

// retryAfter reads both forms of RFC 9110, 10.2.3: seconds, or a date.
func (c *Client) retryAfter(header string) (time.Duration, bool) {
	if seconds, err := strconv.Atoi(header); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(c.Now())), true
	}
	return 0, false
}
