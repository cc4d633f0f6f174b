package domain

import (
	"encoding/json"
	"log/slog"
)

// Secret is a value that no log, error, event or document ever shows. Each call of Reveal marks a place where it
// leaves.
type Secret string

const masked = "•••"

// Reveal is the value itself: for signing, for a header on the wire, for sealing. Never for printing.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string               { return masked }
func (s Secret) GoString() string             { return masked }
func (s Secret) LogValue() slog.Value         { return slog.StringValue(masked) }
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(masked) }

// ShownOnce is a credential in the one answer that may show it. Logs and the answer recorded under an Idempotency-Key
// leave it out.
type ShownOnce string

func (s ShownOnce) LogValue() slog.Value { return slog.StringValue(masked) }
func (s ShownOnce) String() string       { return masked }
func (s ShownOnce) GoString() string     { return masked }

// Sealed is a secret encrypted at rest, as shared/secret made it: `<yyyy-mm of its data key>.<base64>`.
type Sealed string

// SentID is an id that an answer repeats from its request. The recorded answer has SentBefore in its place: it is
// stored under no account, and a repeated request says the id again.
type SentID string

// SentBefore stands for an id of the request.
const SentBefore = "*"
