package domain

import (
	"net/url"
	"time"
)

// HandOffLife is how long a hand-off code is good.
const HandOffLife = 10 * time.Minute

// HandOff is a code by which a partner takes over an installation's credentials (design rule 3), found by its hash; the
// code itself is stored nowhere. It is good once, for that epoch, and while the admin who asked for it is one.
type HandOff struct {
	Hash      string      `json:"hash"` // hex SHA-256
	Account   AccountID   `json:"account_id"`
	Extension ExtensionID `json:"extension_id"`
	Epoch     int         `json:"epoch"`
	Admin     UserID      `json:"admin_id"`
	EndsAt    time.Time   `json:"ends_at"`
	CreatedAt time.Time   `json:"created_at"`
	Revision
}

// Ends is when DynamoDB may remove it.
func (h HandOff) Ends() time.Time { return h.EndsAt }

const handOffCode = "code"

// HandOffURL is a setup URL with a hand-off code in its query, and so a credential. Under an Idempotency-Key the URL
// is recorded without the code; the partner's page then asks to begin again.
type HandOffURL string

// NewHandOffURL adds the code, and the state unless it is empty, to the setup URL's query.
func NewHandOffURL(setup string, code ShownOnce, state string) HandOffURL {
	u, _ := url.Parse(setup) // BlueprintSpec.Check accepted it
	query := u.Query()
	query.Set(handOffCode, string(code))
	if state != "" {
		query.Set("state", state)
	}
	u.RawQuery = query.Encode()
	return HandOffURL(u.String())
}

// WithoutCode is the form that may be recorded.
func (h HandOffURL) WithoutCode() HandOffURL {
	u, err := url.Parse(string(h))
	if err != nil {
		return ""
	}
	query := u.Query()
	query.Del(handOffCode)
	u.RawQuery = query.Encode()
	return HandOffURL(u.String())
}

func (h HandOffURL) String() string   { return masked }
func (h HandOffURL) GoString() string { return masked }

// SetupState is a partner's progress with its side.
type SetupState string

const (
	SetupPending   SetupState = "pending"
	SetupCompleted SetupState = "completed"
	SetupFailed    SetupState = "failed"
)

// Setup is what the partner reports of its side, by callbacks. It does not change what the installation may do.
type Setup struct {
	State  SetupState `json:"state" enum:"pending,completed,failed"`
	Reason string     `json:"reason,omitempty" doc:"The partner's reason for the failure."`
	At     time.Time  `json:"at" doc:"When this state began."`
}
