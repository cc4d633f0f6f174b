package domain

import (
	"fmt"
	"slices"
	"time"

	"plugboard/shared/fault"
)

// Template is what contracts are made from: a workspace, a template type, and values to begin with.
type Template struct {
	Account      AccountID      `json:"account_id"`
	ID           TemplateID     `json:"id"`
	Workspace    WorkspaceID    `json:"workspace_id"`
	TemplateType TemplateTypeID `json:"template_type_id"`
	Name         string         `json:"name"`
	Active       bool           `json:"active"`
	Values       []GivenValue   `json:"values"` // taken where the contract gives none
	CreatedAt    time.Time      `json:"created_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	Revision
}

// ETag is the revision as HTTP compares it.
func (t Template) ETag() string { return fmt.Sprintf(`"%d"`, t.Rev) }

// ContractState is where a contract is in its life.
type ContractState string

const (
	Draft     ContractState = "draft"
	Published ContractState = "published"
	Signed    ContractState = "signed"
	Declined  ContractState = "declined"
	Expired   ContractState = "expired"
	Canceled  ContractState = "canceled"
	Deleted   ContractState = "deleted"
)

// contractMoves is the lifecycle: from each state to those that may follow.
var contractMoves = map[ContractState][]ContractState{
	Draft:     {Published, Canceled, Deleted},
	Published: {Signed, Declined, Expired, Canceled},
	Signed:    {Deleted},
	Declined:  {Deleted},
	Expired:   {Deleted},
	Canceled:  {Deleted},
}

// Open tells whether a contract of that state is still being worked on.
func (s ContractState) Open() bool { return s == Draft || s == Published }

// Contract is the thing itself. Origin is the extension through whose installation's token it was made; empty
// for one made directly (design rule 15).
type Contract struct {
	ID            ContractID     `json:"id"`
	Account       AccountID      `json:"account_id"`
	Workspace     WorkspaceID    `json:"workspace_id"`
	Template      TemplateID     `json:"template_id"`
	TemplateType  TemplateTypeID `json:"template_type_id"`
	ExtensionType string         `json:"extension_type,omitempty"`
	Origin        ExtensionID    `json:"origin_extension_id,omitempty"`
	Name          string         `json:"name"`
	State         ContractState  `json:"state"`
	ExpiresOn     string         `json:"expires_on,omitempty" doc:"From this UTC day on, the platform may expire the contract."`
	Values        []Value        `json:"values"`
	Participants  []Participant  `json:"participants"`
	CreatedBy     UserID         `json:"created_by,omitempty"`
	CreatedAt     time.Time      `json:"created_at"`
	UpdatedAt     time.Time      `json:"updated_at"`
	Revision
}

// ContractSummary is a contract without its values and participants, as lists show it and the index stores it.
type ContractSummary struct {
	ID            ContractID     `json:"id"`
	Workspace     WorkspaceID    `json:"workspace_id"`
	Template      TemplateID     `json:"template_id"`
	TemplateType  TemplateTypeID `json:"template_type_id"`
	ExtensionType string         `json:"extension_type,omitempty"`
	Origin        ExtensionID    `json:"origin_extension_id,omitempty"`
	Name          string         `json:"name"`
	State         ContractState  `json:"state"`
	ExpiresOn     string         `json:"expires_on,omitempty"`
	CreatedBy     UserID         `json:"created_by,omitempty"`
	CreatedAt     time.Time      `json:"created_at"`
	UpdatedAt     time.Time      `json:"updated_at"`
	Rev           int            `json:"rev"`
}

// To moves the contract. Conflict when the lifecycle has no such move. A deleted one keeps neither values nor
// participants.
func (c Contract) To(next ContractState, now time.Time) (Contract, error) {
	if !slices.Contains(contractMoves[c.State], next) {
		return c, fault.New(fault.Conflict, "contract-state", "The contract is %s, so it cannot become %s.", c.State,
			next)
	}
	c.State, c.UpdatedAt = next, now
	if next == Deleted {
		c.Values, c.Participants = []Value{}, []Participant{}
	}
	return c, nil
}

// Expire moves a published contract on the day that it names, or later. Conflict `not-due` before, and for one that
// names none.
func (c Contract) Expire(now time.Time) (Contract, error) {
	moved, err := c.To(Expired, now)
	switch {
	case err != nil:
		return c, err
	case c.ExpiresOn == "":
		return c, fault.New(fault.Conflict, "not-due", "The contract has no day on which it expires.")
	case now.Format(time.DateOnly) < c.ExpiresOn:
		return c, fault.New(fault.Conflict, "not-due", "The contract expires on %s, not before.", c.ExpiresOn)
	}
	return moved, nil
}

// CheckExpiry reports a day that is not after today, UTC.
func CheckExpiry(day string, now time.Time) []fault.Field {
	if day == "" || day > now.Format(time.DateOnly) {
		return nil
	}
	return []fault.Field{{Pointer: "/expires_on", Code: "past",
		Detail: "A contract expires tomorrow, UTC, at the earliest."}}
}

// Fillable says whether values may change: not when the contract is final, and not once someone signed it, who would
// have signed something else. Conflict when they may not.
func (c Contract) Fillable() error {
	if !c.State.Open() {
		return fault.New(fault.Conflict, "contract-state", "The contract is %s, so its values stay as they are.",
			c.State)
	}
	if slices.ContainsFunc(c.Participants, func(p Participant) bool { return !p.SignedAt.IsZero() }) {
		return fault.New(fault.Conflict, "already-signed",
			"A participant has signed the contract, so its values stay as they are.")
	}
	return nil
}

// ETag is the version that If-Match names.
func (c Contract) ETag() string { return fmt.Sprintf(`"%d"`, c.Rev) }
