package domain

import "time"

// LifecycleSecret signs requests to an extension's lifecycle endpoint, for every account. It belongs to the partner:
// no admin sees it, so no admin can forge another account's events, and the partner can verify the first event of an
// unknown installation.
type LifecycleSecret struct {
	Extension ExtensionID `json:"extension_id"`
	Secret    Sealed      `json:"signing_secret"`
	// Previous also signs until PreviousEndsAt, as Standard Webhooks rotates.
	Previous       Sealed    `json:"previous_signing_secret,omitempty"`
	PreviousEndsAt time.Time `json:"previous_ends_at,omitzero"`
	UpdatedAt      time.Time `json:"updated_at"`
	Revision
}

// Good are the valid secrets at that time, the newest first.
func (l LifecycleSecret) Good(at time.Time) []Sealed {
	if l.Previous != "" && at.Before(l.PreviousEndsAt) {
		return []Sealed{l.Secret, l.Previous}
	}
	return []Sealed{l.Secret}
}

// LifecycleResource names an extension's lifecycle secret to the sealer. It is sealed for no account.
func LifecycleResource(e ExtensionID) string { return "lifecycle/" + string(e) }

// LifecycleKept is how long the lifecycle webhook outlives its installation, for its last delivery.
const LifecycleKept = RetriesWithin

// LifecycleID is the webhook that tells the extension about its installation in the account.
func LifecycleID(a AccountID, e ExtensionID) WebhookID {
	return WebhookID(DerivedID("whk", string(a), string(e)))
}
