package contracts

import (
	"context"
	"slices"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// CreateSession opens a session of limited length for a participant. A session opened by an extension's token ends
// with that epoch of the installation, as the token does (design rule 5). The session's token is shown only in this
// answer; a repeated request answers without it. Conflict `contract-state` when the contract is final.
func (s *Service) CreateSession(ctx context.Context,
	in *contract.CreateParticipantSessionInput) (*contract.CreateParticipantSessionOutput, error) {
	c, err := s.contract(ctx, in.Contract)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Participant(in.Participant) < 0:
		return nil, fault.New(fault.NotFound, "not-found", "The contract has no such participant.")
	case !c.State.Open():
		return nil, fault.New(fault.Conflict, "contract-state",
			"The contract is %s, so nobody takes part in it any more.", c.State)
	}
	now, caller := s.now(), auth.From(ctx)
	life := min(time.Duration(in.Body.Lifetime)*time.Second, domain.MaxSession)
	token, hash := secret.NewCredential(secret.SessionPrefix)
	session := domain.Session{
		Hash: hash, ID: domain.SessionID(s.newID("ses")), Account: c.Account, Contract: c.ID,
		Participant: in.Participant,
		OpenedBy:    caller.SessionOpener(), EndsAt: now.Add(life), CreatedAt: now,
	}
	if by := caller.Token; by != nil {
		session.Extension, session.Epoch = by.Extension, by.Epoch
	}
	var tx store.Tx
	tx.Create(&session)
	tx.Create(&domain.ContractSession{Contract: c.ID, Hash: hash, EndsAt: session.EndsAt})
	out := &contract.CreateParticipantSessionOutput{}
	out.Body.ID, out.Body.Contract, out.Body.Participant = session.ID, session.Contract, session.Participant
	out.Body.OpenedBy, out.Body.ExpiresAt, out.Body.Token = session.OpenedBy, session.EndsAt, token
	return out, s.store.Commit(ctx, &tx, out)
}

// ReadSession reads the session's contract as its participant sees it.
func (s *Service) ReadSession(ctx context.Context,
	_ *contract.ReadSessionContractInput) (*contract.ReadSessionContractOutput, error) {
	c, by, err := s.sessionContract(ctx)
	if err != nil {
		return nil, err
	}
	out, err := s.view(ctx, c, by)
	return (*contract.ReadSessionContractOutput)(out), err
}

// FillSession is UpdateValues for a participant.
func (s *Service) FillSession(ctx context.Context,
	in *contract.UpdateSessionDataFieldsInput) (*contract.UpdateSessionDataFieldsOutput, error) {
	c, by, err := s.sessionContract(ctx)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	if c, err = s.fill(ctx, &tx, c, by, in.IfMatch, in.Body); err != nil {
		return nil, err
	}
	out, err := s.view(ctx, c, by)
	if err != nil {
		return nil, err
	}
	return (*contract.UpdateSessionDataFieldsOutput)(out), s.store.Commit(ctx, &tx, out)
}

// validateFill is validateValues for a participant.
func (s *Service) validateFill(ctx context.Context, in *contract.UpdateSessionDataFieldsInput) ([]fault.Field, error) {
	c, by, err := s.sessionContract(ctx)
	if err != nil {
		return nil, err
	}
	return s.valueFaults(ctx, c, by, in.Body.DataFields)
}

// SignSession records the participant's signature; with the last one the contract is signed, and this session and
// all others end. Conflict `contract-state` while it is not published, `already-signed` for a second time.
func (s *Service) SignSession(ctx context.Context,
	in *contract.SessionMoveInput) (*contract.SignSessionContractOutput, error) {
	out, err := s.decide(ctx, in, func(c domain.Contract,
		by domain.ParticipantID) (domain.Contract, []events.Event, error) {
		c, err := c.SignBy(by, auth.From(ctx).Session.OpenedBy, s.now())
		if err != nil {
			return c, nil, err
		}
		signature, err := events.OfParticipant(domain.EventID(s.newID("evt")), events.ParticipantSigned, c,
			c.Participants[c.Participant(by)])
		if err != nil || c.State != domain.Signed {
			return c, []events.Event{signature}, err
		}
		last, err := events.OfContract(domain.EventID(s.newID("evt")), events.ContractSigned, c)
		return c, []events.Event{signature, last}, err
	})
	return (*contract.SignSessionContractOutput)(out), err
}

// DeclineSession makes the contract declined, by this participant; all sessions of it end.
func (s *Service) DeclineSession(ctx context.Context,
	in *contract.SessionMoveInput) (*contract.DeclineSessionContractOutput, error) {
	out, err := s.decide(ctx, in, func(c domain.Contract,
		by domain.ParticipantID) (domain.Contract, []events.Event, error) {
		c, err := c.DeclineBy(by, auth.From(ctx).Session.OpenedBy, s.now())
		if err != nil {
			return c, nil, err
		}
		event, err := events.OfContract(domain.EventID(s.newID("evt")), events.ContractDeclined, c)
		return c, []events.Event{event}, err
	})
	return (*contract.DeclineSessionContractOutput)(out), err
}

// signers is how many times a decision is tried when other participants' decisions come between. A contract has at
// most 50 participants, and each try lets at least one decision through.
const signers = 5

// decide commits a participant's decision with its events. After a concurrent decision by another participant, decide
// tries again. A participant that named a version in If-Match gets Stale instead.
func (s *Service) decide(ctx context.Context, in *contract.SessionMoveInput,
	decision func(domain.Contract,
		domain.ParticipantID) (domain.Contract, []events.Event, error)) (*contract.SessionContractOutput, error) {
	for n := 1; ; n++ {
		c, by, err := s.sessionContract(ctx)
		if err != nil {
			return nil, err
		}
		if err := fresh(c, in.IfMatch); err != nil {
			return nil, err
		}
		c, told, err := decision(c, by)
		if err != nil {
			return nil, err
		}
		var tx store.Tx
		replace(&tx, &c, in.IfMatch)
		for _, e := range told {
			tx.Emit(e)
		}
		out, err := s.view(ctx, c, by)
		if err != nil {
			return nil, err
		}
		if err := s.store.Commit(ctx, &tx, out); n == signers || !fault.Is(err, store.Raced) {
			return out, err
		}
	}
}

// sessionContract is the session's contract and the id of its participant. Unauthenticated once the contract is
// final.
func (s *Service) sessionContract(ctx context.Context) (domain.Contract, domain.ParticipantID, error) {
	session := auth.From(ctx).Session
	c, err := s.store.Contract(ctx, session.Account, session.Contract)
	if err != nil {
		return c, "", err
	}
	if !session.Lives(c) {
		return c, "", auth.ErrEnded()
	}
	return c, session.Participant, nil
}

// view shows a contract to one of its participants: every value, the usable fields without a value, and the other
// participants' names and signing times.
func (s *Service) view(ctx context.Context, c domain.Contract,
	by domain.ParticipantID) (*contract.SessionContractOutput, error) {
	version, t, installed, err := s.values.Fields(ctx, c.Account, c.TemplateType, 0)
	if err != nil {
		return nil, err
	}
	self := c.Participants[c.Participant(by)]
	self.SessionOpenedBy = domain.SessionOpener{} // the account's people and tokens are no participant's business
	out := &contract.SessionContractOutput{ETag: c.ETag(), Body: contract.SessionContract{
		ID: c.ID, Name: c.Name, State: c.State, ExpiresOn: c.ExpiresOn, FieldsVersion: version.Version,
		Participant: self,
	}}
	for _, p := range c.Participants {
		if p.ID != by {
			out.Body.Others = append(out.Body.Others, contract.OtherParticipant{Name: p.Name, SignedAt: p.SignedAt})
		}
	}
	for _, v := range c.Values {
		field := contract.SessionField{
			CustomID: v.CustomID, Name: v.Name, Kind: v.Kind, Value: v.Value, FilledBy: domain.FilledByAccount,
		}
		if at := t.Field(v.CustomID); at >= 0 {
			field.Active = t.Fields[at].Usable(installed)
			field.Description, field.Placeholder = t.Fields[at].Description, t.Fields[at].Placeholder
			field.FilledBy = t.Fields[at].Filler()
		}
		out.Body.DataFields = append(out.Body.DataFields, field)
	}
	for _, f := range t.Fields {
		known := slices.ContainsFunc(c.Values, func(v domain.Value) bool {
			return domain.FoldCustomID(v.CustomID) == domain.FoldCustomID(f.CustomID)
		})
		if f.Usable(installed) && !known {
			out.Body.DataFields = append(out.Body.DataFields, contract.SessionField{
				CustomID: f.CustomID, Name: f.Name, Description: f.Description, Placeholder: f.Placeholder,
				Kind: f.Kind, Active: true,
				FilledBy: f.Filler(),
			})
		}
	}
	return out, nil
}
