package domain

import (
	"slices"
	"time"

	"plugboard/shared/fault"
)

// Replays: what failed, or was held back, is sent again on demand.

// Held is why nothing is sent to w now, as an error for whoever asks for it; nil when something is. installation is that of
// a managed webhook. What an open circuit breaker holds back, here is the place to say.
//
// Conflict `webhook-disabled`, `webhook-paused`, `extension-suspended` or `installation-state`.
func (w Webhook) Held(h Health, installation Installation) error {
	switch {
	case h.State() == HealthDisabled:
		return fault.New(fault.Conflict, "webhook-disabled", "The webhook is disabled. Enable it first. %s", h.Reason)
	case w.Paused:
		return fault.New(fault.Conflict, "webhook-paused", "The webhook is paused. Let it go on first.")
	case w.Extension == "" || w.Lifecycle:
		return nil
	case installation.State == Suspended:
		return fault.New(fault.Conflict, "extension-suspended", "The extension %q is suspended. Resume it first.", w.Extension)
	case !installation.Installed():
		return fault.New(fault.Conflict, "installation-state", "The extension %q is not enabled.", w.Extension)
	}
	return nil
}

// ReplayState is where a replay is.
type ReplayState string

const (
	ReplayRunning   ReplayState = "running"
	ReplayStopped   ReplayState = "stopped" // by itself, and for good
	ReplayDone      ReplayState = "done"
	ReplayCancelled ReplayState = "cancelled"
)

// Replay sends the deliveries to one webhook again that a filter finds, page by page, with its progress. What it has sent
// goes on whatever becomes of it.
type Replay struct {
	ID         ReplayID        `json:"id"`
	Account    AccountID       `json:"account_id"`
	Webhook    WebhookID       `json:"webhook_id"`
	State      ReplayState     `json:"state"`
	Reason     string          `json:"reason,omitempty"` // why it stopped
	From       time.Time       `json:"from"`             // of events: at From or later
	To         time.Time       `json:"to"`               // and before To
	States     []DeliveryState `json:"states"`
	EventTypes []string        `json:"event_types"` // empty: every one
	ReplayProgress
	Page      int       `json:"page"`  // the one that is worked, or will be: a message for another finds nothing to do
	After     string    `json:"after"` // the place in the log to which it has come
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision
}

// ReplayProgress counts deliveries by what became of them.
type ReplayProgress struct {
	Seen    int `json:"seen" doc:"All that it came to and was to send: the sum of those below."`
	Sent    int `json:"sent" doc:"Put into the queue; what became of each, its attempts say."`
	Skipped int `json:"skipped" doc:"Not sent: from before the extension was disabled, of an event that is not stored any more, or tried too often already."`
}

// Replaying holds a webhook's one place for a replay that runs.
type Replaying struct {
	Account AccountID `json:"account_id"`
	Webhook WebhookID `json:"webhook_id"`
	Replay  ReplayID  `json:"replay_id"`
}

// replayKept is how long a replay is remembered after it last did something: as long as the log of what it sent.
const replayKept = 30 * 24 * time.Hour

// Ends is when it may be swept away.
func (r Replay) Ends() time.Time { return r.UpdatedAt.Add(replayKept) }

// Takes tells whether it sends a delivery with those attempts. What was tried since it began is not sent by it: its page
// was worked before and is worked again, or others were faster.
func (r Replay) Takes(attempts []Attempt) bool {
	since := func(a Attempt) bool { return a.At.After(r.CreatedAt) }
	return slices.Contains(r.States, StateOf(attempts)) && !slices.ContainsFunc(attempts, since)
}

// Worked is the replay after a page, or the part of one up to that place; end tells that there is no more.
func (r Replay) Worked(since ReplayProgress, after string, end bool, now time.Time) Replay {
	if r.State == ReplayRunning && end {
		r.State = ReplayDone
	}
	r.Seen, r.Sent, r.Skipped = r.Seen+since.Seen, r.Sent+since.Sent, r.Skipped+since.Skipped
	r.Page, r.After, r.UpdatedAt = r.Page+1, after, now
	return r
}

// Stop ends one that runs by itself.
func (r Replay) Stop(reason string, now time.Time) Replay {
	if r.State == ReplayRunning {
		r.State, r.Reason, r.UpdatedAt = ReplayStopped, reason, now
	}
	return r
}

// Cancel ends it. Cancelling twice is once; Conflict when it has ended otherwise.
func (r Replay) Cancel(now time.Time) (Replay, error) {
	if r.State != ReplayRunning && r.State != ReplayCancelled {
		return r, fault.New(fault.Conflict, "replay-state", "The replay is %s, so it cannot be cancelled.", r.State)
	}
	if r.State == ReplayRunning {
		r.State, r.UpdatedAt = ReplayCancelled, now
	}
	return r, nil
}
