package domain

import (
	"slices"
	"time"

	"plugboard/shared/fault"
)

// Replays: failed or held-back deliveries are sent again on demand.

// Held is the reason why nothing is sent to w now, as an error; nil when something is. installation is a managed
// webhook's. An open breaker is no reason: it lets a probe through.
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
		return fault.New(fault.Conflict, "extension-suspended", "The extension %q is suspended. Resume it first.",
			w.Extension)
	case !installation.Installed():
		return fault.New(fault.Conflict, "installation-state", "The extension %q is not enabled.", w.Extension)
	}
	return nil
}

// ReplayState is the state of a replay job.
type ReplayState string

const (
	ReplayRunning   ReplayState = "running"
	ReplayPaused    ReplayState = "paused"  // until somebody resumes it
	ReplayStopped   ReplayState = "stopped" // by itself, for good
	ReplayDone      ReplayState = "done"
	ReplayCancelled ReplayState = "cancelled"
)

// Unfinished is true for a job that goes on, at once or when it is resumed. Its webhook has no other.
func (s ReplayState) Unfinished() bool { return s == ReplayRunning || s == ReplayPaused }

// Replay is a job that sends deliveries to one webhook again, by a filter, page by page. Deliveries that it has sent
// go on even when it stops.
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
	Page      int       `json:"page"`  // the current or next page; a message for another page does nothing
	After     string    `json:"after"` // the place reached in the log
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision
}

// ReplayProgress counts deliveries by result.
type ReplayProgress struct {
	Seen    int `json:"seen" doc:"Every delivery processed: the sum of the counts below."`
	Sent    int `json:"sent" doc:"Sent to the queue. The attempts of each tell its result."`
	Skipped int `json:"skipped" doc:"Not sent: older than the extension's last disabling, its event is erased, or it has too many attempts."`
}

// Replaying is the lock by which a webhook has one running replay job.
type Replaying struct {
	Account AccountID `json:"account_id"`
	Webhook WebhookID `json:"webhook_id"`
	Replay  ReplayID  `json:"replay_id"`
}

// replayKept is how long a job is kept after its last change: as long as the log of its deliveries.
const replayKept = 30 * 24 * time.Hour

// Ends is when DynamoDB may remove it. An unfinished job is kept: it holds its webhook's one place.
func (r Replay) Ends() time.Time {
	if r.State.Unfinished() {
		return time.Time{}
	}
	return r.UpdatedAt.Add(replayKept)
}

// Takes is true when the job must send a delivery with those attempts. A delivery attempted since the job began is
// left out: a repeated page or someone else has sent it.
func (r Replay) Takes(attempts []Attempt) bool {
	since := func(a Attempt) bool { return a.At.After(r.CreatedAt) }
	return slices.Contains(r.States, StateOf(attempts)) && !slices.ContainsFunc(attempts, since)
}

// Worked is the job after a page, or the part of a page up to that place; end marks the last page.
func (r Replay) Worked(since ReplayProgress, after string, end bool, now time.Time) Replay {
	if r.State.Unfinished() && end {
		r.State = ReplayDone
	}
	r.Seen, r.Sent, r.Skipped = r.Seen+since.Seen, r.Sent+since.Sent, r.Skipped+since.Skipped
	r.Page, r.After, r.UpdatedAt = r.Page+1, after, now
	return r
}

// Stop ends an unfinished job by itself.
func (r Replay) Stop(reason string, now time.Time) Replay {
	if r.State.Unfinished() {
		r.State, r.Reason, r.UpdatedAt = ReplayStopped, reason, now
	}
	return r
}

// Pause holds the job before its next page. Pausing again changes nothing; Conflict when the job has ended.
func (r Replay) Pause(now time.Time) (Replay, error) {
	if !r.State.Unfinished() {
		return r, fault.New(fault.Conflict, "replay-state", "The replay is %s, so it cannot be paused.", r.State)
	}
	if r.State == ReplayRunning {
		r.State, r.UpdatedAt = ReplayPaused, now
	}
	return r, nil
}

// Resume lets a paused job go on at its next page. Resuming a running job changes nothing; Conflict when it has ended.
func (r Replay) Resume(now time.Time) (Replay, error) {
	if !r.State.Unfinished() {
		return r, fault.New(fault.Conflict, "replay-state", "The replay is %s, so it cannot be resumed.", r.State)
	}
	if r.State == ReplayPaused {
		r.State, r.UpdatedAt = ReplayRunning, now
	}
	return r, nil
}

// Cancel ends the job. Cancelling again changes nothing; Conflict when it has ended otherwise.
func (r Replay) Cancel(now time.Time) (Replay, error) {
	if !r.State.Unfinished() && r.State != ReplayCancelled {
		return r, fault.New(fault.Conflict, "replay-state", "The replay is %s, so it cannot be cancelled.", r.State)
	}
	if r.State.Unfinished() {
		r.State, r.UpdatedAt = ReplayCancelled, now
	}
	return r, nil
}
