package domain

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Typed ids: the compiler tells an account's id from a workspace's. The platform chooses AccountID, UserID and
// WorkspaceID. The others are ours: a prefix, `_`, and a lower-case ULID.
type (
	AccountID      string
	UserID         string // the subject of the platform's OIDC tokens
	WorkspaceID    string
	TemplateTypeID string
	TemplateID     string
	ContractID     string
	ParticipantID  string
	SessionID      string
	PartnerID      string
	ExtensionID    string // the slug that the partner chose
	TokenID        string
	WebhookID      string
	EventID        string
	DeliveryID     string
	RolloutID      string
	ReplayID       string
	AgentID        string
)

// Longest ids, in characters. Credentials and headers name things before any schema is looked at, and a key of DynamoDB
// has at most 1,024 bytes.
const (
	maxAccountID   = 64
	maxUserID      = 255 // OpenID Connect Core, 2
	maxExtensionID = 40
)

// Possible tells whether an account can have the id.
func (id AccountID) Possible() bool { return possible(string(id), maxAccountID) }

// Possible tells whether a user can have the id.
func (id UserID) Possible() bool { return possible(string(id), maxUserID) }

// Possible tells whether an extension can have the id.
func (id ExtensionID) Possible() bool { return possible(string(id), maxExtensionID) }

func possible(id string, most int) bool {
	return id != "" && len(id) <= most && !strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' })
}

// Clock is the source of time, in UTC; tests hold it still.
type Clock func() time.Time

// SystemClock is the machine's clock in UTC, cut to milliseconds, as times are stored.
func SystemClock() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// IDSource makes a new id with a prefix.
type IDSource func(prefix string) string

// NewID is the IDSource in production: sorted by time, with 80 random bits.
func NewID(prefix string) string {
	return prefix + "_" + strings.ToLower(ulid.MustNew(ulid.Now(), rand.Reader).String())
}

// ExternalEventID is the id of an event of a contract kept elsewhere. It begins with the event's time, so that it
// sorts among other events. The rest, 80 bits of SHA-256, derives from the account and the sender's id, and
// identifies a repeat whatever its time.
func ExternalEventID(a AccountID, id string, at time.Time) EventID {
	const timeLength, known = 10, 16 // base-32 characters: of a ULID's time, and of the rest
	var u ulid.ULID
	u.SetTime(uint64(at.UnixMilli()))
	return EventID(eventPrefix + strings.ToLower(u.String()[:timeLength]) + "_" +
		strings.TrimPrefix(DerivedID("", string(a), id), "_")[:known])
}

// External is the identifying rest of an external event's id; empty for any other event.
func (e EventID) External() string {
	_, known, _ := strings.Cut(strings.TrimPrefix(string(e), eventPrefix), "_")
	return known
}

// Time is when the id was made, to the millisecond; for an external event, when it happened. False for a derived id.
func (e EventID) Time() (time.Time, bool) {
	text, isEvent := strings.CutPrefix(string(e), eventPrefix)
	if known := e.External(); known != "" {
		text = strings.TrimSuffix(text, "_"+known) + known
	}
	id, err := ulid.ParseStrict(strings.ToUpper(text))
	return ulid.Time(id.Time()).UTC(), err == nil && isEvent
}

var base32Lower = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// DerivedID is the same for the same parts: a repeated step or fan-out finds what it made before. 130 bits of
// SHA-256.
func DerivedID(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return prefix + "_" + base32Lower.EncodeToString(h.Sum(nil))[:26]
}
