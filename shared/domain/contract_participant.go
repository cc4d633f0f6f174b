package domain

import (
	"fmt"
	"slices"
	"time"

	"plugboard/shared/fault"
)

// GivenParticipant is a participant as a caller gives it.
type GivenParticipant struct {
	Name  string `json:"name" minLength:"1" maxLength:"128"`
	Email string `json:"email" format:"email" maxLength:"254" doc:"Once per contract, ignoring case."`
}

// Participant is a person outside the account who takes part in one contract.
type Participant struct {
	ID         ParticipantID `json:"id"`
	Name       string        `json:"name" minLength:"1" maxLength:"128"`
	Email      string        `json:"email" format:"email" maxLength:"254"`
	SignedAt   time.Time     `json:"signed_at,omitzero"`
	DeclinedAt time.Time     `json:"declined_at,omitzero"`
	// SessionOpenedBy is kept with the participant's decision, as its evidence.
	SessionOpenedBy SessionOpener `json:"session_opened_by,omitzero" doc:"Who opened the session in which the participant signed or declined. Absent when it was recorded without a session."`
}

// SessionOpener is who opened a participant's session: a user, a token, or a token that acts for a user.
type SessionOpener struct {
	User      UserID      `json:"user_id,omitempty" doc:"The account's user who called, or for whom the token acted."`
	Token     TokenID     `json:"token_id,omitempty" doc:"The API token that called."`
	Extension ExtensionID `json:"extension_id,omitempty" doc:"The extension whose token called."`
}

// CheckParticipants reports every e-mail that repeats another's, by pointer under base.
func CheckParticipants(base string, given []GivenParticipant) []fault.Field {
	var wrong []fault.Field
	seen := map[string]bool{}
	for i, g := range given {
		email := EmailIdentity(g.Email)
		if g.Email != "" && seen[email] {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("%s/%d/email", base, i), Code: "duplicate",
				Detail: "Another participant of the contract has this e-mail."})
		}
		seen[email] = true
	}
	return wrong
}

// Participants makes the participants of a contract from a checked list. A participant is recognised by e-mail and
// then keeps the id, and so the sessions. Another e-mail makes another participant.
func Participants(given []GivenParticipant, before []Participant, newID IDSource) []Participant {
	all := make([]Participant, 0, len(given))
	for _, g := range given {
		same := func(p Participant) bool { return EmailIdentity(p.Email) == EmailIdentity(g.Email) }
		p := Participant{Name: g.Name, Email: KeptEmail(g.Email)}
		if at := slices.IndexFunc(before, same); at >= 0 {
			p.ID = before[at].ID
		} else {
			p.ID = ParticipantID(newID("ptc"))
		}
		all = append(all, p)
	}
	return all
}

// Participant finds one; -1 when there is none.
func (c Contract) Participant(id ParticipantID) int {
	return slices.IndexFunc(c.Participants, func(p Participant) bool { return p.ID == id })
}

// SignBy records a participant's signature in a session; the last one makes the contract signed. Conflict
// `contract-state` while it is not published, `already-signed` for a second time, `already-declined` for a participant
// who declined.
func (c Contract) SignBy(id ParticipantID, opener SessionOpener, now time.Time) (Contract, error) {
	signed, err := c.To(Signed, now)
	if err != nil {
		return c, err
	}
	at := c.Participant(id)
	switch {
	case at < 0:
		return c, fault.New(fault.NotFound, "not-found", "The contract has no such participant.")
	case !c.Participants[at].SignedAt.IsZero():
		return c, fault.New(fault.Conflict, "already-signed", "You have signed the contract.")
	case !c.Participants[at].DeclinedAt.IsZero():
		return c, fault.New(fault.Conflict, "already-declined",
			"You have declined the contract, so you cannot sign it.")
	}
	signed.Participants = slices.Clone(c.Participants)
	signed.Participants[at].SignedAt, signed.Participants[at].SessionOpenedBy = now, opener
	if slices.ContainsFunc(signed.Participants, func(p Participant) bool { return p.SignedAt.IsZero() }) {
		signed.State = c.State
	}
	return signed, nil
}

// SignByAll records that everyone who had not signed has, so that the contract is signed.
func (c Contract) SignByAll(now time.Time) (Contract, error) {
	signed, err := c.To(Signed, now)
	if err != nil {
		return c, err
	}
	signed.Participants = slices.Clone(c.Participants)
	for i := range signed.Participants {
		if signed.Participants[i].SignedAt.IsZero() {
			signed.Participants[i].SignedAt = now
		}
	}
	return signed, nil
}

// DeclineBy makes the contract declined and records who did it, in whose session. Conflict `contract-state` while it is
// not published, `already-signed` for a participant who signed.
func (c Contract) DeclineBy(id ParticipantID, opener SessionOpener, now time.Time) (Contract, error) {
	declined, err := c.To(Declined, now)
	if err != nil {
		return c, err
	}
	at := c.Participant(id)
	switch {
	case at < 0:
		return c, fault.New(fault.NotFound, "not-found", "The contract has no such participant.")
	case !c.Participants[at].SignedAt.IsZero():
		return c, fault.New(fault.Conflict, "already-signed", "You have signed the contract, so you cannot decline it.")
	}
	declined.Participants = slices.Clone(c.Participants)
	declined.Participants[at].DeclinedAt, declined.Participants[at].SessionOpenedBy = now, opener
	return declined, nil
}

// MaxSession is how long a participant's session lasts at most.
const MaxSession = 12 * time.Hour

// Session lets a participant into one contract, found by its token's hash; the token itself is stored nowhere.
type Session struct {
	Hash        string        `json:"hash"` // hex SHA-256
	ID          SessionID     `json:"id"`
	Account     AccountID     `json:"account_id"`
	Contract    ContractID    `json:"contract_id"`
	Participant ParticipantID `json:"participant_id"`
	// Extension opened it, in that epoch of its installation, and it ends with that; empty when the account's user or
	// own token opened it.
	Extension ExtensionID   `json:"extension_id,omitempty"`
	Epoch     int           `json:"epoch,omitempty"`
	OpenedBy  SessionOpener `json:"opened_by,omitzero"` // absent in sessions from before 0.6.0
	EndsAt    time.Time     `json:"ends_at"`
	CreatedAt time.Time     `json:"created_at"`
	Revision
}

// Ends is when it may be swept away.
func (s Session) Ends() time.Time { return s.EndsAt }

// Lives tells whether the session still lets into c: not once the contract is final, or without the participant.
func (s Session) Lives(c Contract) bool {
	return c.ID == s.Contract && c.Account == s.Account && c.State.Open() && c.Participant(s.Participant) >= 0
}
