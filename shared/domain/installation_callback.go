package domain

import "time"

// CallbackType is the subject of a callback.
type CallbackType string

const (
	CallbackSetupCompleted CallbackType = "setup.completed"
	CallbackSetupFailed    CallbackType = "setup.failed"
	CallbackContractFields CallbackType = "contract.fields"
)

// CallbackTolerance is how far a callback's timestamp may be from our clock, as in the Standard Webhooks libraries.
const CallbackTolerance = 5 * time.Minute

// CallbackKept is how long a callback's id is remembered: longer than senders retry.
const CallbackKept = 30 * 24 * time.Hour

// Callback records that a callback had its effect, and is created in the same transaction. Its id is the sender's
// webhook-id, unique within an epoch of the installation, like the secret.
type Callback struct {
	Account   AccountID   `json:"account_id"`
	Extension ExtensionID `json:"extension_id"`
	Epoch     int         `json:"epoch"`
	ID        string      `json:"id"`
	Digest    string      `json:"digest"` // hex SHA-256 of the body, which tells a repeat from another message
	EndsAt    time.Time   `json:"ends_at"`
}

// Ends is when DynamoDB may remove it.
func (c Callback) Ends() time.Time { return c.EndsAt }

// CallbackResource names an installation's callback secret to the sealer.
func CallbackResource(e ExtensionID) string { return "callback/" + string(e) }
