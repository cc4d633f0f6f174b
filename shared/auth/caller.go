// Package auth says who calls and what for: the models, the rules by which an operation lets callers in, and
// the gate that enforces them, in one place, before any handler.
package auth

import (
	"context"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
)

// Caller is who the gate let in.
type Caller struct {
	Model     Model
	Account   domain.AccountID  // the account that the request is about; empty for partner and public
	User      *domain.User      // dashboard: who signed in; integration: for whom it acts, if it says
	Token     *domain.Token     // integration
	Partner   domain.PartnerID  // partner
	Session   *domain.Session   // participant
	Callback  *Callback         // webhook-secret
	Agent     *domain.AgentKey  // agent
	AgentCode *domain.AgentCode // agent-code
	Principal string            // the credential's owner, for logs and Idempotency-Key; no secret
	// for logs, of a platform's or partner's key, of which an owner may have two: see keyPrint
	KeyPrint string
}

// keyPrint tells an owner's keys apart in the log: the first 48 bits of the key's SHA-256, of which a key of 192 random
// bits cannot be found.
func keyPrint(key string) string { return secret.Hash(key)[:12] }

// Extension is the extension whose installation calls, by its token or by a callback; empty for everyone else.
func (c Caller) Extension() domain.ExtensionID {
	switch {
	case c.Token != nil:
		return c.Token.Extension
	case c.Callback != nil:
		return c.Callback.Installation.Extension
	}
	return ""
}

// UserID is the acting user's; empty when there is none.
func (c Caller) UserID() domain.UserID {
	if c.User == nil {
		return ""
	}
	return c.User.ID
}

// SessionOpener is the caller as a participant's session names it.
func (c Caller) SessionOpener() domain.SessionOpener {
	opener := domain.SessionOpener{User: c.UserID(), Extension: c.Extension()}
	if c.Token != nil {
		opener.Token = c.Token.ID
	}
	return opener
}

// Reaches tells whether the caller may use the contracts of the workspace. Members are limited, also those for whom a
// token acts; admins, the platform and tokens that act for nobody are not (design rule 28).
func (c Caller) Reaches(w domain.WorkspaceID) bool { return c.User == nil || c.User.MayCreateIn(w) }

// Suspender is in whose name this caller suspends.
func (c Caller) Suspender() domain.Suspender {
	if c.Model == ModelPlatform {
		return domain.SuspendedByPlatform
	}
	return domain.SuspendedByAdmin
}

type callerKey struct{}

// With puts the caller where From finds it.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From is the caller of the request. Behind the gate there always is one; the zero Caller may do nothing.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// errUnauthenticated is the same for an unknown, expired, revoked or foreign credential: which of them it was
// would help only a thief.
func errUnauthenticated(cause error) error {
	return &fault.Error{
		Kind: fault.Unauthenticated, Code: "unauthenticated",
		Detail: "The credential is missing, malformed, unknown, expired or revoked.", Op: "authenticate", Err: cause,
	}
}
