package domain

import (
	"slices"
	"time"
)

// AttemptCounts counts a webhook's attempts of one hour, or of several.
type AttemptCounts struct {
	Delivered int
	Failed    int // and tried again later
	Exhausted int // the last retry failed
	Skipped   int // no request was made
	Cancelled int // no request was made

	latency [latencyBuckets + 1]int // requests by duration; the last is beyond every bound
}

const latencyBuckets = 20

// latencyBounds are the buckets' upper bounds in milliseconds. Stored counts are named by their bound.
var latencyBounds = [latencyBuckets]int64{
	10, 20, 35, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1000, 1500, 2000, 3000, 5000, 10000, 20000, 30000,
}

// Beyond is the name of the bucket above the largest bound.
const Beyond = 0

// Add counts an attempt, or the decision to make none.
func (c *AttemptCounts) Add(a Attempt) {
	switch a.Outcome {
	case OutcomeDelivered:
		c.Delivered++
	case OutcomeFailed:
		c.Failed++
	case OutcomeExhausted:
		c.Exhausted++
	case OutcomeSkipped:
		c.Skipped++
		return
	case OutcomeCancelled:
		c.Cancelled++
		return
	}
	at, _ := slices.BinarySearch(latencyBounds[:], a.Milliseconds)
	c.latency[at]++
}

// Merge adds other counts.
func (c *AttemptCounts) Merge(other AttemptCounts) {
	c.Delivered, c.Failed, c.Exhausted = c.Delivered+other.Delivered, c.Failed+other.Failed, c.Exhausted+other.Exhausted
	c.Skipped, c.Cancelled = c.Skipped+other.Skipped, c.Cancelled+other.Cancelled
	for i, n := range other.latency {
		c.latency[i] += n
	}
}

// Latency is the number of requests in each bucket that has any, by its upper bound in milliseconds.
func (c *AttemptCounts) Latency() map[int64]int {
	found := map[int64]int{}
	for i, n := range c.latency {
		if n > 0 {
			found[boundOf(i)] = n
		}
	}
	return found
}

// AddLatency adds requests to the bucket with that upper bound. A bound that no bucket has any more counts in the next.
func (c *AttemptCounts) AddLatency(bound int64, n int) {
	at := latencyBuckets
	if bound != Beyond {
		at, _ = slices.BinarySearch(latencyBounds[:], bound)
	}
	c.latency[at] += n
}

func boundOf(bucket int) int64 {
	if bucket == latencyBuckets {
		return Beyond
	}
	return latencyBounds[bucket]
}

// Within is the smallest bound, in milliseconds, within which so many percent of the requests ended. It is 0 without
// requests, and the largest bound for a request beyond it: no timeout is longer.
func (c *AttemptCounts) Within(percent int) int64 {
	requests := 0
	for _, n := range c.latency {
		requests += n
	}
	if requests == 0 {
		return 0
	}
	passed, wanted := 0, (requests*percent+99)/100
	for i, bound := range latencyBounds {
		if passed += c.latency[i]; passed >= wanted {
			return bound
		}
	}
	return latencyBounds[latencyBuckets-1]
}

// WebhookHour is a part of a webhook's figures: the attempts that one process made in one hour.
type WebhookHour struct {
	Account AccountID
	Webhook WebhookID
	Hour    time.Time // its beginning, UTC
	AttemptCounts
}
