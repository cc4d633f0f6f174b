package contracts

import (
	"context"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Read reads a contract. An extension's token reads only contracts that were made through the extension, so that no
// extension sees another's.
func (s *Service) Read(ctx context.Context, in *contract.ContractInput) (*contract.ReadContractOutput, error) {
	c, err := s.contract(ctx, in.Contract)
	return &contract.ReadContractOutput{ETag: c.ETag(), Body: c}, err
}

// Publish sends a draft to its participants.
func (s *Service) Publish(ctx context.Context,
	in *contract.MoveContractInput) (*contract.PublishContractOutput, error) {
	out, err := s.move(ctx, in, events.ContractPublished, transition(domain.Published))
	return (*contract.PublishContractOutput)(out), err
}

// Sign records that all participants signed, including those who did not sign in a session. The contract is then
// final.
func (s *Service) Sign(ctx context.Context, in *contract.MoveContractInput) (*contract.SignContractOutput, error) {
	out, err := s.move(ctx, in, events.ContractSigned, domain.Contract.SignByAll)
	return (*contract.SignContractOutput)(out), err
}

// Decline makes a published contract final, as declined.
func (s *Service) Decline(ctx context.Context,
	in *contract.MoveContractInput) (*contract.DeclineContractOutput, error) {
	out, err := s.move(ctx, in, events.ContractDeclined, transition(domain.Declined))
	return (*contract.DeclineContractOutput)(out), err
}

// Cancel withdraws a contract that is not final yet.
func (s *Service) Cancel(ctx context.Context, in *contract.MoveContractInput) (*contract.CancelContractOutput, error) {
	out, err := s.move(ctx, in, events.ContractCanceled, transition(domain.Canceled))
	return (*contract.CancelContractOutput)(out), err
}

// Expire ends a published contract on its day of expiry or later. Conflict `not-due` before that day.
func (s *Service) Expire(ctx context.Context, in *contract.MoveContractInput) (*contract.ExpireContractOutput, error) {
	out, err := s.move(ctx, in, events.ContractExpired, domain.Contract.Expire)
	return (*contract.ExpireContractOutput)(out), err
}

// Delete erases a contract's values and participants. From then on the contract is NotFound to everyone and in no
// list. Only the record that it existed remains.
func (s *Service) Delete(ctx context.Context, in *contract.MoveContractInput) (*contract.DeleteContractOutput, error) {
	_, err := s.move(ctx, in, events.ContractDeleted, transition(domain.Deleted))
	return &contract.DeleteContractOutput{}, err
}

func transition(next domain.ContractState) func(domain.Contract, time.Time) (domain.Contract, error) {
	return func(c domain.Contract, now time.Time) (domain.Contract, error) { return c.To(next, now) }
}

// move takes a contract to another state, with the event, in one transaction. Conflict when the lifecycle has no
// such move; Stale when If-Match names another version.
func (s *Service) move(ctx context.Context, in *contract.MoveContractInput, t events.Type,
	to func(domain.Contract, time.Time) (domain.Contract, error)) (*contract.ContractOutput, error) {
	c, err := s.contract(ctx, in.Contract)
	if err != nil {
		return nil, err
	}
	if err := fresh(c, in.IfMatch); err != nil {
		return nil, err
	}
	if c, err = to(c, s.now()); err != nil {
		return nil, err
	}
	event, err := events.OfContract(domain.EventID(s.newID("evt")), t, c)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	replace(&tx, &c, in.IfMatch)
	tx.Emit(event)
	out := &contract.ContractOutput{ETag: c.ETag(), Body: c}
	return out, s.store.Commit(ctx, &tx, out)
}

// contract reads a contract that the caller may see. NotFound for a deleted one, and for one in a workspace that the
// caller does not reach (design rule 28).
func (s *Service) contract(ctx context.Context, id domain.ContractID) (domain.Contract, error) {
	caller := auth.From(ctx)
	c, err := s.store.Contract(ctx, caller.Account, id)
	e := caller.Extension()
	if err == nil && (c.State == domain.Deleted || e != "" && c.Origin != e || !caller.Reaches(c.Workspace)) {
		return domain.Contract{}, fault.New(fault.NotFound, "not-found", "There is no such contract.")
	}
	return c, err
}

// fresh is Stale when If-Match names another version of c.
func fresh(c domain.Contract, ifMatch string) error {
	if !domain.MatchesETag(ifMatch, c.ETag()) {
		return stale()
	}
	return nil
}

// replace writes c over the version that was read. After a concurrent change, a caller that sent If-Match gets Stale,
// and any other caller Conflict `raced`.
func replace(tx *store.Tx, c *domain.Contract, ifMatch string) {
	if replaced := tx.Replace(c); ifMatch != "" {
		replaced.Else(stale())
	}
}

func stale() error {
	return fault.New(fault.Stale, "stale", "The contract has changed since you read it. Read it again and repeat.")
}
