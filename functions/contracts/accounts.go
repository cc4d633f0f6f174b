package contracts

import (
	"context"
	"fmt"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// PutAccount creates or updates an account. Two at once: one is Conflict, `raced`. Conflict `account-deleting` until
// a deletion of the account is finished; after that, the id makes a new one.
func (s *Service) PutAccount(ctx context.Context, in *contract.PutAccountInput) (*contract.PutAccountOutput, error) {
	a, err := orNew(s.store.Account(ctx, in.Account))
	if err != nil {
		return nil, err
	}
	if a.State == domain.AccountDeleting {
		return nil, fault.New(fault.Conflict, "account-deleting", "The account is being deleted. Its id can be used again when that is finished: see GET /v1/accounts/%s/deletion.", a.ID)
	}
	a.State = domain.AccountActive
	a.ID, a.Name, a.UpdatedAt = in.Account, in.Body.Name, s.now()
	if a.Rev == 0 {
		a.CreatedAt = a.UpdatedAt
	}
	var tx store.Tx
	tx.Save(&a, a.Rev)
	out := &contract.PutAccountOutput{Body: a}
	return out, s.store.Commit(ctx, &tx, out)
}

// ReadAccount reads one.
func (s *Service) ReadAccount(ctx context.Context, in *contract.ReadAccountInput) (*contract.ReadAccountOutput, error) {
	a, err := s.store.Account(ctx, in.Account)
	return &contract.ReadAccountOutput{Body: a}, err
}

// PutUser creates or updates a user. Conflict `email-taken` when another user of the account has the e-mail,
// `quota-exceeded` when the account has as many users as it may.
func (s *Service) PutUser(ctx context.Context, in *contract.PutUserInput) (*contract.PutUserOutput, error) {
	wrong, err := s.lookAtUser(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	before, err := orNew(s.store.User(ctx, in.Account, in.User))
	if err != nil {
		return nil, err
	}
	u := before
	u.Account, u.ID, u.Email, u.Name = in.Account, in.User, domain.FoldEmail(in.Body.Email), in.Body.Name
	u.Role, u.Workspaces, u.UpdatedAt = in.Body.Role, in.Body.Workspaces, s.now()
	if u.Rev == 0 {
		u.CreatedAt = u.UpdatedAt
	}
	var tx store.Tx
	tx.Living(in.Account).Else(noAccount())
	tx.Save(&u, u.Rev)
	if before.Rev == 0 {
		tx.Count(u.Account, domain.QuotaUsers, 1)
	}
	tx.ReserveEmail(u).Else(fault.New(fault.Conflict, "email-taken", "Another user of the account has this e-mail."))
	if before.Rev > 0 && before.Email != u.Email {
		tx.ReleaseEmail(before)
	}
	out := &contract.PutUserOutput{Body: u}
	return out, s.store.Commit(ctx, &tx, out)
}

// lookAtUser reports workspaces that the account does not have.
func (s *Service) lookAtUser(ctx context.Context, in *contract.PutUserInput) ([]fault.Field, error) {
	var wrong []fault.Field
	for n, id := range in.Body.Workspaces {
		_, err := s.store.Workspace(ctx, in.Account, id)
		switch {
		case fault.KindOf(err) == fault.NotFound:
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/workspaces/%d", n), Code: "unknown-workspace", Detail: "The account has no such workspace."})
		case err != nil:
			return wrong, err
		}
	}
	return wrong, nil
}

// PutWorkspace creates or updates a workspace. Conflict `quota-exceeded` when the account has as many as it may.
func (s *Service) PutWorkspace(ctx context.Context, in *contract.PutWorkspaceInput) (*contract.PutWorkspaceOutput, error) {
	w, err := orNew(s.store.Workspace(ctx, in.Account, in.Workspace))
	if err != nil {
		return nil, err
	}
	w.Account, w.ID, w.Name, w.UpdatedAt = in.Account, in.Workspace, in.Body.Name, s.now()
	if w.Rev == 0 {
		w.CreatedAt = w.UpdatedAt
	}
	var tx store.Tx
	tx.Living(in.Account).Else(noAccount())
	if w.Rev == 0 {
		tx.Count(w.Account, domain.QuotaWorkspaces, 1)
	}
	tx.Save(&w, w.Rev)
	out := &contract.PutWorkspaceOutput{Body: w}
	return out, s.store.Commit(ctx, &tx, out)
}

// ListWorkspaces leaves out those in which the acting user may not create contracts.
func (s *Service) ListWorkspaces(ctx context.Context, in *contract.ListWorkspacesInput) (*contract.ListWorkspacesOutput, error) {
	caller := auth.From(ctx)
	all, err := s.store.Workspaces(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	allowed := []domain.Workspace{}
	for _, w := range all {
		if caller.User == nil || caller.User.MayCreateIn(w.ID) {
			allowed = append(allowed, w)
		}
	}
	return &contract.ListWorkspacesOutput{Body: contract.PageOf(allowed, func(w domain.Workspace) string { return string(w.ID) }, in.PageInput)}, nil
}

func noAccount() error {
	return fault.New(fault.NotFound, "not-found", "There is no such account, or it is being deleted.")
}

// orNew is the zero value, of revision 0, for what is not stored yet.
func orNew[T any](v T, err error) (T, error) {
	if fault.KindOf(err) == fault.NotFound {
		return v, nil
	}
	return v, err
}
