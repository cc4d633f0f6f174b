package enablement

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Invitations lists the account's, pending and declined. An accepted one is in the catalogue instead.
func (s *Service) Invitations(ctx context.Context,
	in *contract.ListInvitationsInput) (*contract.ListInvitationsOutput, error) {
	some, err := s.store.Invitations(ctx, auth.From(ctx).Account, domain.ExtensionID(in.Cursor), in.Limit+1)
	out := &contract.ListInvitationsOutput{
		Body: contract.Page[contract.InvitationView]{Items: []contract.InvitationView{}}}
	for n, i := range some {
		if n == in.Limit {
			out.Body.NextCursor = string(some[n-1].Extension)
			break
		}
		out.Body.Items = append(out.Body.Items, contract.ViewInvitation(i, i.State))
	}
	return out, err
}

// AcceptInvitation lets the account see and enable the extension. Accepting twice is once, and an account may accept
// what it declined. NotFound when the partner does not invite the account, or not any more; Conflict `quota-exceeded`
// when it tries too many extensions.
func (s *Service) AcceptInvitation(ctx context.Context,
	in *contract.InvitationInput) (*contract.AcceptInvitationOutput, error) {
	account := auth.From(ctx).Account
	e, i, accepted, err := s.invitation(ctx, account, in.Extension)
	if err != nil {
		return nil, err
	}
	out := &contract.AcceptInvitationOutput{Body: contract.ViewInvitation(i, domain.InvitationAccepted)}
	if accepted {
		return out, nil
	}
	if !e.Invites(account) {
		return nil, notInvited()
	}
	e.Accept(account)
	var tx store.Tx
	tx.Living(account) // nothing comes behind the back of its erasing
	tx.Replace(&e)
	tx.Put(&domain.Trial{Account: account, Extension: e.ID, Invitation: &i})
	tx.Discard(i)
	tx.Count(account, domain.QuotaTrials, 1)
	return out, s.store.Commit(ctx, &tx, out)
}

// DeclineInvitation ends an invitation, or the trial that came of it. Declining twice is once.
func (s *Service) DeclineInvitation(ctx context.Context,
	in *contract.InvitationInput) (*contract.DeclineInvitationOutput, error) {
	account := auth.From(ctx).Account
	e, i, accepted, err := s.invitation(ctx, account, in.Extension)
	if err != nil {
		return nil, err
	}
	out := &contract.DeclineInvitationOutput{Body: contract.ViewInvitation(i, domain.InvitationDeclined)}
	if i.State == domain.InvitationDeclined && !accepted {
		return out, nil
	}
	var tx store.Tx
	i.State = domain.InvitationDeclined
	if accepted {
		e.Leave(account)
		tx.Replace(&e)
		tx.Discard(domain.Trial{Account: account, Extension: e.ID})
		tx.Uncount(account, domain.QuotaTrials)
		tx.Put(&i)
	} else {
		tx.Replace(&i)
	}
	return out, s.store.Commit(ctx, &tx, out)
}

// invitation reads the extension, and the account's invitation to it or the trial that came of it. NotFound when there
// is neither, as when there is no such extension.
func (s *Service) invitation(ctx context.Context, a domain.AccountID,
	id domain.ExtensionID) (e domain.Extension, i domain.Invitation, accepted bool, err error) {
	trial, err := s.store.Trial(ctx, a, id)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return
	}
	if accepted = err == nil && trial.Invitation != nil; accepted {
		i = *trial.Invitation
	} else if i, err = s.store.Invitation(ctx, a, id); fault.KindOf(err) == fault.NotFound {
		err = notInvited()
	}
	if err != nil {
		return
	}
	e, err = s.store.Extension(ctx, id)
	return
}

func notInvited() error {
	return fault.New(fault.NotFound, "not-found", "The account is not invited to try such an extension.")
}
