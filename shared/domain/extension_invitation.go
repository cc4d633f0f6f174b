package domain

import (
	"slices"
	"time"
)

// InvitationState is what an account's admins made of an invitation. An accepted invitation is a Trial instead.
type InvitationState string

const (
	InvitationPending  InvitationState = "pending"
	InvitationDeclined InvitationState = "declined"
	InvitationAccepted InvitationState = "accepted" // never stored
)

// Invitation asks an account to try an extension before it is listed. Names and description are the partner's own
// words, which nobody reviewed, as they were when it invited.
type Invitation struct {
	Account     AccountID       `json:"account_id"`
	Extension   ExtensionID     `json:"extension_id"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	PartnerName string          `json:"partner_name"`
	Contact     string          `json:"contact"`
	State       InvitationState `json:"state"`
	InvitedAt   time.Time       `json:"invited_at"`
	Revision
}

// InvitationTo asks the account to try the partner's extension.
func InvitationTo(a AccountID, e Extension, p Partner, now time.Time) Invitation {
	return Invitation{
		Account: a, Extension: e.ID, Name: e.Name, Description: e.Description, PartnerName: p.Name, Contact: e.Contact,
		State: InvitationPending, InvitedAt: now,
	}
}

// Trial lets an account see an extension before it is listed: the partner's development account, and each test account
// that accepted its invitation. The development account is not asked, since the platform gave it to the partner.
type Trial struct {
	Account    AccountID   `json:"account_id"`
	Extension  ExtensionID `json:"extension_id"`
	Invitation *Invitation `json:"invitation,omitempty"` // the accepted one; nil in a development account
}

// Invites tells whether the account is one of its test accounts.
func (e Extension) Invites(a AccountID) bool { return slices.Contains(e.TestAccounts, a) }

// Accept makes a test account one that accepted.
func (e *Extension) Accept(a AccountID) {
	e.AcceptedBy = append(slices.Clone(e.AcceptedBy), a)
}

// Leave takes back that the account accepted; false when it had not.
func (e *Extension) Leave(a AccountID) bool {
	accepted := slices.Contains(e.AcceptedBy, a)
	e.AcceptedBy = slices.DeleteFunc(slices.Clone(e.AcceptedBy), func(o AccountID) bool { return o == a })
	return accepted
}

// MaxExtensions is how many extensions a partner may have. None can be deleted, and each may invite MaxTestAccounts.
const MaxExtensions = 100
