package domain

import (
	"slices"
	"time"

	"plugboard/shared/fault"
)

// Roll-outs: a job upgrades all installations of an extension to a newer version, page by page.

// Installed is a line of an extension's roster: an account in which it is enabled or being enabled.
type Installed struct {
	Extension ExtensionID `json:"extension_id"`
	Account   AccountID   `json:"account_id"`
}

// RolloutState is the state of a roll-out.
type RolloutState string

const (
	RolloutRunning   RolloutState = "running"
	RolloutPaused    RolloutState = "paused"  // by people, who may resume it
	RolloutStopped   RolloutState = "stopped" // by itself, for good
	RolloutDone      RolloutState = "done"
	RolloutCancelled RolloutState = "cancelled"
)

// Rollout is a roll-out with its progress. Upgrades that it has started go on even when it stops.
type Rollout struct {
	ID          RolloutID    `json:"id"`
	Extension   ExtensionID  `json:"extension_id"`
	Version     int          `json:"version"`
	State       RolloutState `json:"state"`
	MaxFailures int          `json:"max_failures"`     // it stops when more fail
	Reason      string       `json:"reason,omitempty"` // why it stopped
	RolloutProgress
	Page      int       `json:"page"`  // the current or next page; a message for another page does nothing
	After     AccountID `json:"after"` // the last account of the pages so far
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision
}

// RolloutProgress counts installations by result.
type RolloutProgress struct {
	Seen              int              `json:"seen" doc:"Every installation processed: the sum of the counts below."`
	Upgraded          int              `json:"upgraded"`
	Current           int              `json:"current" doc:"Already at the version or a newer one."`
	WaitingForConsent int              `json:"waiting_for_consent" doc:"Left unchanged: only an admin of the account can start this upgrade."`
	ByHand            int              `json:"by_hand" doc:"Left unchanged by the account's policy."`
	Skipped           int              `json:"skipped" doc:"Not enabled: suspended, failed before, or in progress."`
	Failed            int              `json:"failed" doc:"Unchanged or still working, with the failure recorded."`
	Failures          []RolloutFailure `json:"failures" doc:"The first ten. Only the platform sees account and detail, which end with the account."`
}

// RolloutFailure is why one installation was not upgraded.
type RolloutFailure struct {
	Account AccountID `json:"account_id,omitempty"`
	Code    string    `json:"code" example:"upgrade-conflict"`
	Detail  string    `json:"detail,omitempty"`
}

const maxRolloutFailures = 10 // failures that are named

// RolloutOutcome is the result of one installation. Exactly one count of RolloutProgress includes it.
type RolloutOutcome string

const (
	RolloutUpgraded RolloutOutcome = "upgraded"
	RolloutCurrent  RolloutOutcome = "current"
	RolloutConsent  RolloutOutcome = "consent"
	RolloutByHand   RolloutOutcome = "by-hand"
	RolloutSkipped  RolloutOutcome = "skipped"
	RolloutFailed   RolloutOutcome = "failed"
)

// Count adds one installation; failure comes with RolloutFailed.
func (p *RolloutProgress) Count(o RolloutOutcome, failure RolloutFailure) {
	p.Seen++
	switch o {
	case RolloutUpgraded:
		p.Upgraded++
	case RolloutCurrent:
		p.Current++
	case RolloutConsent:
		p.WaitingForConsent++
	case RolloutByHand:
		p.ByHand++
	case RolloutSkipped:
		p.Skipped++
	case RolloutFailed:
		p.Failed++
		if len(p.Failures) < maxRolloutFailures {
			p.Failures = append(slices.Clone(p.Failures), failure)
		}
	}
}

func (p RolloutProgress) plus(o RolloutProgress) RolloutProgress {
	p.Failures = append(slices.Clone(p.Failures), o.Failures...)
	p.Failures = p.Failures[:min(len(p.Failures), maxRolloutFailures)]
	return RolloutProgress{
		Seen: p.Seen + o.Seen, Upgraded: p.Upgraded + o.Upgraded, Current: p.Current + o.Current,
		WaitingForConsent: p.WaitingForConsent + o.WaitingForConsent,
		ByHand:            p.ByHand + o.ByHand, Skipped: p.Skipped + o.Skipped, Failed: p.Failed + o.Failed,
		Failures: p.Failures,
	}
}

// Forget removes the account from the failures; their codes and count stay. False when it is in none.
func (r *Rollout) Forget(a AccountID) bool {
	was := r.Failures
	r.Failures = slices.Clone(was)
	for n, f := range r.Failures {
		if f.Account == a {
			r.Failures[n] = RolloutFailure{Code: f.Code}
		}
	}
	return !slices.Equal(r.Failures, was)
}

// Outcome is the result of i as it stands. It is empty when i must be upgraded, or when an upgrade started by this
// roll-out is in progress. It is the same before and after a crash.
func (r Rollout) Outcome(i Installation) (RolloutOutcome, RolloutFailure) {
	ours := i.Upgrade != nil && i.Upgrade.Rollout == r.ID
	switch {
	case ours && i.State == Upgrading:
		return "", RolloutFailure{}
	case ours && i.Failure != nil:
		return RolloutFailed, RolloutFailure{Account: i.Account, Code: "installation-failed", Detail: i.Failure.Reason}
	case ours && i.Version == r.Version:
		return RolloutUpgraded, RolloutFailure{}
	case i.Version >= r.Version:
		return RolloutCurrent, RolloutFailure{}
	case i.State != Enabled:
		return RolloutSkipped, RolloutFailure{}
	case i.UpgradePolicy == UpgradeByHand:
		return RolloutByHand, RolloutFailure{}
	}
	return "", RolloutFailure{}
}

// Exceeds is true when the counts since then stop the roll-out.
func (r Rollout) Exceeds(since RolloutProgress) bool { return r.Failed+since.Failed > r.MaxFailures }

// Worked is the roll-out after a page, or the part of a page up to that account; end marks the last page.
func (r Rollout) Worked(since RolloutProgress, after AccountID, end bool, now time.Time) Rollout {
	if r.State == RolloutRunning {
		switch {
		case r.Exceeds(since):
			r.State, r.Reason = RolloutStopped, "More installations failed than it allows."
		case end:
			r.State = RolloutDone
		}
	}
	r.RolloutProgress = r.plus(since)
	r.Page, r.After, r.UpdatedAt = r.Page+1, after, now
	return r
}

// Stop ends the roll-out by itself.
func (r Rollout) Stop(reason string, now time.Time) Rollout {
	r.State, r.Reason, r.UpdatedAt = RolloutStopped, reason, now
	return r
}

// Pause stops the roll-out before its next installation. Pausing again changes nothing; Conflict when it has ended.
func (r Rollout) Pause(now time.Time) (Rollout, error) { return r.to(RolloutPaused, now) }

// Resume continues a paused roll-out. Resuming a running one changes nothing; Conflict when it has ended.
func (r Rollout) Resume(now time.Time) (Rollout, error) { return r.to(RolloutRunning, now) }

// Cancel ends the roll-out. Upgraded installations stay upgraded. Cancelling again changes nothing; Conflict when it
// has ended otherwise.
func (r Rollout) Cancel(now time.Time) (Rollout, error) { return r.to(RolloutCancelled, now) }

func (r Rollout) to(s RolloutState, now time.Time) (Rollout, error) {
	if r.State == s {
		return r, nil
	}
	if r.State != RolloutRunning && r.State != RolloutPaused {
		return r, fault.New(fault.Conflict, "rollout-state", "The roll-out is %s, so it cannot become %s.", r.State, s)
	}
	r.State, r.UpdatedAt = s, now
	return r, nil
}
