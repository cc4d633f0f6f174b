package domain

import (
	"slices"
	"time"
)

// Account is a customer of the platform. Everything below belongs to one account and is invisible from every other.
type Account struct {
	ID    AccountID    `json:"id"`
	Name  string       `json:"name"`
	State AccountState `json:"state" enum:"active,deleting"`
	// DevelopmentOf is stored with the account, so that deleting the account and linking a partner to it exclude each
	// other.
	DevelopmentOf []PartnerID `json:"development_of,omitempty" doc:"The partners that develop in it. An account with any cannot be deleted."`
	// Listed says that the list of all accounts has it. An account of before version 0.7.0 gets there by its next put.
	Listed    bool      `json:"listed,omitempty" hidden:"true"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Revision
}

// Shown is the account without its internal field.
func (a Account) Shown() Account {
	a.Listed = false
	return a
}

// AccountEntry is an account's place in the list of all.
type AccountEntry struct {
	Account AccountID `json:"account_id"`
}

// Role is what a stored user may do. An admin may do everything that a member may.
type Role string

const (
	Member Role = "member"
	Admin  Role = "admin"
)

// AtLeast is true when r includes need.
func (r Role) AtLeast(need Role) bool { return r == need || r == Admin && need == Member }

// User is a member of an account, as the platform synced it. Role and workspaces are read on every call, so
// that a demoted user's token stops working at once.
type User struct {
	Account    AccountID     `json:"account_id"`
	ID         UserID        `json:"id"`
	Email      string        `json:"email"` // by KeptEmail; unique in the account by EmailIdentity
	Name       string        `json:"name"`
	Role       Role          `json:"role"`
	Workspaces []WorkspaceID `json:"workspaces"` // where the user may create and use contracts; an admin may in all
	CreatedAt  time.Time     `json:"created_at"`
	UpdatedAt  time.Time     `json:"updated_at"`
	Revision
}

// MayCreateIn tells whether the user may create contracts in the workspace, and use its contracts (design rule 28).
func (u User) MayCreateIn(w WorkspaceID) bool {
	return u.Role == Admin || slices.Contains(u.Workspaces, w)
}

// Naming counts the changes of an account that may name a workspace, and its deletions of workspaces. Each is
// conditional on the other's count, so that no user or template names a deleted workspace.
type Naming struct {
	Account AccountID `json:"account_id"`
	Named   int       `json:"named"`
	Deleted int       `json:"deleted"`
}

// Workspace is where contracts live.
type Workspace struct {
	Account   AccountID   `json:"account_id"`
	ID        WorkspaceID `json:"id"`
	Name      string      `json:"name"`
	CreatedAt time.Time   `json:"created_at"`
	UpdatedAt time.Time   `json:"updated_at"`
	Revision
}

// Partner builds extensions.
type Partner struct {
	ID                 PartnerID `json:"id"`
	Name               string    `json:"name"`
	Contact            string    `json:"contact"`
	DevelopmentAccount AccountID `json:"development_account_id"`
	KeyHash            string    `json:"key_hash"`                    // of the newest key
	PreviousKeyHash    string    `json:"previous_key_hash,omitempty"` // of the previous key, which a rotation ends
	CreatedAt          time.Time `json:"created_at"`
	UpdatedAt          time.Time `json:"updated_at"`
	Revision
}

// PartnerKey is one of a partner's keys, found by its hash. An older key ends at ExpiresAt.
type PartnerKey struct {
	Hash      string    `json:"hash"`
	Partner   PartnerID `json:"partner_id"`
	ExpiresAt time.Time `json:"ends_at,omitzero"`
	CreatedAt time.Time `json:"created_at"`
	Revision
}

// Scope is what a token may do.
type Scope string

const (
	ScopeContractsRead   Scope = "contracts:read"
	ScopeContractsWrite  Scope = "contracts:write"
	ScopeParticipantsAct Scope = "participants:act" // open sessions, in which a participant fills, signs and declines
	ScopeTemplatesRead   Scope = "templates:read"
	ScopeTemplatesWrite  Scope = "templates:write"
	ScopeWebhooksRead    Scope = "webhooks:read"
	ScopeWebhooksWrite   Scope = "webhooks:write"
	ScopeWebhooksSecrets Scope = "webhooks:secrets"
	ScopeCatalogueRead   Scope = "catalogue:read"
	ScopeDeliveriesPull  Scope = "deliveries:pull" // listen to a webhook's deliveries
)

// AnyScope is the demand of an operation that every token may use, even one without a scope.
const AnyScope Scope = "any scope"

// Scopes is every scope that exists.
var Scopes = []Scope{
	ScopeContractsRead, ScopeContractsWrite, ScopeParticipantsAct, ScopeTemplatesRead, ScopeTemplatesWrite,
	ScopeWebhooksRead, ScopeWebhooksWrite, ScopeWebhooksSecrets, ScopeCatalogueRead,
	ScopeDeliveriesPull,
}

// Token is an API token, found by its hash; the token itself is stored nowhere. A token with an Extension is valid
// only in that epoch of the installation, and creates contracts whose origin is the installation.
type Token struct {
	Hash string `json:"hash"` // hex SHA-256
	// a managed token's first characters; those made before 0.6.0 have none
	Prefix    string      `json:"prefix,omitempty"`
	ID        TokenID     `json:"id"`
	Account   AccountID   `json:"account_id"`
	Extension ExtensionID `json:"extension_id,omitempty"`
	Epoch     int         `json:"epoch,omitempty"`
	Scopes    []Scope     `json:"scopes"`
	ExpiresAt time.Time   `json:"ends_at,omitzero"`
	CreatedAt time.Time   `json:"created_at"`
	// LastUsedAt is exact to the hour, so that a busy token costs a write an hour and not one a request.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
	Revision
}

// TokenUseKept is the precision of LastUsedAt.
const TokenUseKept = time.Hour

// OwnToken is the visible part of an account's own API token.
type OwnToken struct {
	Account   AccountID `json:"account_id"`
	ID        TokenID   `json:"id"`
	Name      string    `json:"name"`
	Prefix    string    `json:"prefix"` // the token's first characters, to recognise it by
	Hash      string    `json:"hash"`
	CreatedBy UserID    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	Revision
}
