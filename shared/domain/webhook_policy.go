package domain

import (
	"fmt"
	"slices"
	"time"

	"plugboard/shared/fault"
)

// SendPolicy is the timeout, retry schedule and rate limit of one webhook. An absent field is the default, so the
// zero value is valid. It is part of a managed webhook's definition (design rule 8).
type SendPolicy struct {
	TimeoutSeconds   int   `json:"timeout_seconds,omitempty" minimum:"1" maximum:"30" doc:"Timeout of an attempt, from dialling to the last byte read. Default: 5."`
	RetryWaitSeconds []int `json:"retry_wait_seconds,omitempty" minItems:"1" maxItems:"20" minimum:"1" maximum:"86400" doc:"Waits after each failed attempt, 1 to 86400 seconds each, 14 days in all: as many retries as waits. Default: 9 waits over some 75 hours: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h." example:"[5,300,1800]"`
	MaxPerSecond     int   `json:"max_per_second,omitempty" minimum:"1" maximum:"1000" doc:"Attempts a second, averaged over a few seconds. After a quiet second, a second's worth may come at once. Further deliveries wait their turn, which uses up no attempt. Default: no limit."`
}

// Limits of a policy.
const (
	TimeoutMost    = 30 * time.Second
	TimeoutDefault = 5 * time.Second

	RetriesMost    = 20
	RetryWaitMost  = 24 * time.Hour
	RetryWaitsMost = 14 * 24 * time.Hour // in total

	// RetriesWithin is the longest time from an event to its last attempt: by the longest policy, with the jitter of
	// 20 % and a Retry-After of a day after each attempt. Events are stored longer, for 30 days. A delivery parked
	// until then gets one more attempt.
	RetriesWithin = 26 * 24 * time.Hour
)

// PaceMost is the highest MaxPerSecond; a faster endpoint needs no limit.
const PaceMost = 1000

// TurnsWithin is how far ahead turns are leased. A delivery that would wait longer is given up visibly, and can be
// sent again on demand.
const TurnsWithin = 24 * time.Hour

// defaultRetryWaits is the example of the Standard Webhooks specification.
var defaultRetryWaits = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour,
	20 * time.Hour, 24 * time.Hour,
}

// Timeout is the time of an attempt, from dialling to the last byte read.
func (p SendPolicy) Timeout() time.Duration {
	if p.TimeoutSeconds == 0 {
		return TimeoutDefault
	}
	return time.Duration(p.TimeoutSeconds) * time.Second
}

// RetryWait is the wait after a failed attempt, 1 being the first; false after the last.
func (p SendPolicy) RetryWait(number int) (time.Duration, bool) {
	if len(p.RetryWaitSeconds) == 0 {
		if number > len(defaultRetryWaits) {
			return 0, false
		}
		return defaultRetryWaits[number-1], true
	}
	if number > len(p.RetryWaitSeconds) {
		return 0, false
	}
	return time.Duration(p.RetryWaitSeconds[number-1]) * time.Second, true
}

// Every is the time between two turns; false without a limit.
func (p SendPolicy) Every() (time.Duration, bool) {
	if p.MaxPerSecond == 0 {
		return 0, false
	}
	return time.Second / time.Duration(p.MaxPerSecond), true
}

// Same is true when both policies are equal.
func (p SendPolicy) Same(o SendPolicy) bool {
	return p.TimeoutSeconds == o.TimeoutSeconds && p.MaxPerSecond == o.MaxPerSecond &&
		slices.Equal(p.RetryWaitSeconds, o.RetryWaitSeconds)
}

// Check reports every value out of bounds. base is the policy's pointer.
func (p SendPolicy) Check(base string) []fault.Field {
	var wrong []fault.Field
	add := func(pointer, format string, args ...any) {
		wrong = append(wrong, fault.Field{Pointer: base + pointer, Code: "invalid",
			Detail: fmt.Sprintf(format, args...)})
	}
	if p.TimeoutSeconds < 0 || p.Timeout() > TimeoutMost {
		add("/timeout_seconds", "A timeout is 1 to %.0f seconds.", TimeoutMost.Seconds())
	}
	if p.MaxPerSecond < 0 || p.MaxPerSecond > PaceMost {
		add("/max_per_second", "A limit is 1 to %d attempts a second.", PaceMost)
	}
	if len(p.RetryWaitSeconds) > RetriesMost {
		add("/retry_wait_seconds", "At most %d waits; these are %d.", RetriesMost, len(p.RetryWaitSeconds))
	}
	total, most := 0, int(RetryWaitMost.Seconds())
	for i, s := range p.RetryWaitSeconds {
		if s < 1 || s > most {
			add(fmt.Sprintf("/retry_wait_seconds/%d", i), "A wait is 1 to %d seconds.", most)
			continue
		}
		total += s
	}
	if most := int(RetryWaitsMost.Seconds()); total > most {
		add("/retry_wait_seconds", "The waits come to %d seconds; at most %d, which are 14 days.", total, most)
	}
	return wrong
}
