package domain

import "time"

// CallbackType is what a partner calls back about.
type CallbackType string

const (
	CallbackSetupCompleted CallbackType = "setup.completed"
	CallbackSetupFailed    CallbackType = "setup.failed"
	CallbackContractFields CallbackType = "contract.fields"
)

// CallbackTolerance is how far a callback's timestamp may be from our clock, as the Standard Webhooks libraries have it.
const CallbackTolerance = 5 * time.Minute

// CallbackKept is how long the id of a callback is known: longer than anyone tries a webhook again.
const CallbackKept = 30 * 24 * time.Hour

// Callback remembers that a callback had its effect: it is created in the transaction of that, so that there is none
// without the other. Its id is the sender's webhook-id, which counts within an epoch of the installation, as its secret
// does.
type Callback struct {
	Account   AccountID   `json:"account_id"`
	Extension ExtensionID `json:"extension_id"`
	Epoch     int         `json:"epoch"`
	ID        string      `json:"id"`
	Digest    string      `json:"digest"` // hex SHA-256 of the body, by which a repeat is told from another message
	EndsAt    time.Time   `json:"ends_at"`
}

// Ends is when it may be swept away.
func (c Callback) Ends() time.Time { return c.EndsAt }

// CallbackResource names an installation's callback secret to the sealer.
func CallbackResource(e ExtensionID) string { return "callback/" + string(e) }
