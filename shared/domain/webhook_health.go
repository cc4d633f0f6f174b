package domain

import "time"

// HealthState is how a webhook's endpoint fares. It is runtime state, not definition (design rule 8), and not a pause,
// which is somebody's wish.
type HealthState string

const (
	HealthGood     HealthState = "healthy"
	HealthFailing  HealthState = "failing"  // since the last success an attempt failed
	HealthWarned   HealthState = "warned"   // for so long that the account was told
	HealthDisabled HealthState = "disabled" // nothing is sent until somebody enables it
)

// The times after which a failing webhook goes on to the next state. It does so at the first failed attempt after
// them. A failure that heals within WarnAfter warns nobody. A webhook is disabled only if it was warned WarningLeast
// before: otherwise, after a month without an event, the second failure would disable it.
const (
	WarnAfter    = 24 * time.Hour
	DisableAfter = 5 * 24 * time.Hour
	WarningLeast = 24 * time.Hour
)

// Health is the stored state of a webhook whose endpoint is failing or slow; a healthy webhook has none. The clock is
// stored, so that five days are five days whichever processes run.
type Health struct {
	Account      AccountID `json:"account_id"`
	Webhook      WebhookID `json:"webhook_id"`
	Epoch        int       `json:"epoch,omitempty"` // of the webhook; another epoch's is another webhook
	FailingSince time.Time `json:"failing_since"`   // the first failed attempt since the last success
	WarnedAt     time.Time `json:"warned_at,omitzero"`
	DisabledAt   time.Time `json:"disabled_at,omitzero"`
	// UnpulledSince is the time since which a delivery has waited unpulled, if the account was warned for that
	// reason.
	UnpulledSince time.Time `json:"unpulled_since,omitzero"`
	Reason        string    `json:"reason"` // of the attempt that led to the state
	Breaker       Breaker   `json:"breaker,omitzero"`
	SlowSince     time.Time `json:"slow_since,omitzero"`   // when its deliveries moved to the slow queue
	PausedUntil   time.Time `json:"paused_until,omitzero"` // the pause that its endpoint asked for
	Revision
}

// State derives from the times.
func (h Health) State() HealthState {
	switch {
	case !h.DisabledAt.IsZero():
		return HealthDisabled
	case !h.WarnedAt.IsZero():
		return HealthWarned
	case !h.FailingSince.IsZero():
		return HealthFailing
	}
	return HealthGood
}

// Of is h if it is w's in w's epoch, and w's perfect health otherwise.
func (h Health) Of(w Webhook) Health {
	if h.Webhook != w.ID || h.Epoch != w.Epoch {
		return Health{Account: w.Account, Webhook: w.ID, Epoch: w.Epoch, Revision: h.Revision}
	}
	return h
}

// After is h after an attempt, by the clock alone. A success heals every state but disabled. 410 Gone disables at
// once, as Standard Webhooks says. Any other failure starts the clock or, when its time has come, moves to the next
// state.
func (h Health) After(a Attempt, now time.Time) Health {
	const gone = 410
	if !h.UnpulledSince.IsZero() { // an attempt was made: silence does not count towards disabling
		h.UnpulledSince, h.FailingSince = time.Time{}, now
	}
	switch state := h.State(); {
	case state == HealthDisabled:
		return h
	case a.Outcome == OutcomeDelivered:
		return Health{Account: h.Account, Webhook: h.Webhook, Epoch: h.Epoch, SlowSince: h.SlowSince,
			Revision: h.Revision}
	case a.Status == gone, state == HealthWarned && now.Sub(h.FailingSince) >= DisableAfter &&
		now.Sub(h.WarnedAt) >= WarningLeast:
		h.DisabledAt = now
	case state == HealthGood:
	case state == HealthFailing && now.Sub(h.FailingSince) >= WarnAfter:
		h.WarnedAt = now
	default:
		return h
	}
	if h.FailingSince.IsZero() {
		h.FailingSince = now
	}
	h.Reason = a.Reason
	return h
}

// Unpulled is h after a delivery has waited for an agent since that time, for WarnAfter. The account is then warned.
// Waiting never disables the webhook, since it harms nobody.
func (h Health) Unpulled(since, now time.Time) Health {
	if s := h.State(); s == HealthDisabled || s == HealthWarned {
		return h
	}
	h.FailingSince, h.UnpulledSince, h.WarnedAt = since, since, now
	h.Reason = "No agent has pulled deliveries that wait since " + since.Format(time.RFC3339) + "."
	return h
}
