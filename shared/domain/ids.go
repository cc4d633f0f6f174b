package domain

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Typed ids: the compiler keeps an account's from a workspace's. AccountID, UserID and WorkspaceID are chosen
// by the platform, which syncs its own; the others are ours: a prefix, `_`, and a ULID in lower case.
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
)

// Clock is where the time comes from; tests hold it still. UTC.
type Clock func() time.Time

// SystemClock is the machine's, in UTC and cut to milliseconds, as it is stored.
func SystemClock() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// IDSource makes a new id with that prefix.
type IDSource func(prefix string) string

// NewID is the IDSource in production: sorted by time, 80 random bits.
func NewID(prefix string) string {
	return prefix + "_" + strings.ToLower(ulid.MustNew(ulid.Now(), rand.Reader).String())
}

// ExternalEventID is the id of an event that the platform sent of a contract kept elsewhere. It begins with the event's
// time, as the others do, so that it is listed among them; the rest, 80 bits of SHA-256, derives from the account and the
// sender's id, and is what it is known again by, whatever its time.
func ExternalEventID(a AccountID, id string, at time.Time) EventID {
	const timeLength, known = 10, 16 // characters of base 32, of a ULID and of the rest
	var u ulid.ULID
	u.SetTime(uint64(at.UnixMilli()))
	return EventID(eventPrefix + strings.ToLower(u.String()[:timeLength]) + "_" + strings.TrimPrefix(DerivedID("", string(a), id), "_")[:known])
}

// External is what an event of a contract kept elsewhere is known again by; empty for any other.
func (e EventID) External() string {
	_, known, _ := strings.Cut(strings.TrimPrefix(string(e), eventPrefix), "_")
	return known
}

// Made is when the id was made, to the millisecond, or of an event from outside when it happened; false for one that
// derives from something else.
func (e EventID) Made() (time.Time, bool) {
	text, isEvent := strings.CutPrefix(string(e), eventPrefix)
	if known := e.External(); known != "" {
		text = strings.TrimSuffix(text, "_"+known) + known
	}
	id, err := ulid.ParseStrict(strings.ToUpper(text))
	return ulid.Time(id.Time()).UTC(), err == nil && isEvent
}

var base32Lower = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// DerivedID is the same for the same parts, on every attempt: what makes a repeated step or a repeated
// fan-out land on the thing that it made before. 130 bits of SHA-256.
func DerivedID(prefix string, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return prefix + "_" + base32Lower.EncodeToString(h.Sum(nil))[:26]
}
