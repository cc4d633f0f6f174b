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

// Made is when the id was made, to the millisecond; false for one that derives from something else.
func (e EventID) Made() (time.Time, bool) {
	id, err := ulid.ParseStrict(strings.ToUpper(strings.TrimPrefix(string(e), eventPrefix)))
	return ulid.Time(id.Time()).UTC(), err == nil && strings.HasPrefix(string(e), eventPrefix)
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
