package domain

import "time"

// LifecycleSecret signs what goes to an extension's lifecycle endpoint, whichever account it is about. It is the
// partner's and no account's: its admins never see it, so none of them can make up what another account did, and the
// partner can verify the very first event of an installation that it has not heard of before.
type LifecycleSecret struct {
	Extension ExtensionID `json:"extension_id"`
	Secret    Sealed      `json:"signing_secret"`
	// Previous signs besides until PreviousEndsAt: Standard Webhooks' way to rotate.
	Previous       Sealed    `json:"previous_signing_secret,omitempty"`
	PreviousEndsAt time.Time `json:"previous_ends_at,omitzero"`
	UpdatedAt      time.Time `json:"updated_at"`
	Revision
}

// Good are the secrets to sign with at that time, the newest first.
func (l LifecycleSecret) Good(at time.Time) []Sealed {
	if l.Previous != "" && at.Before(l.PreviousEndsAt) {
		return []Sealed{l.Secret, l.Previous}
	}
	return []Sealed{l.Secret}
}

// LifecycleResource names an extension's lifecycle secret to the sealer. It is sealed for no account.
func LifecycleResource(e ExtensionID) string { return "lifecycle/" + string(e) }

// LifecycleKept is how long an ended installation's lifecycle webhook is kept, for its last delivery to arrive.
const LifecycleKept = RetriesWithin

// LifecycleID is the webhook that tells the extension of its installation in the account.
func LifecycleID(a AccountID, e ExtensionID) WebhookID {
	return WebhookID(DerivedID("whk", string(a), string(e)))
}
