package contracts

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// PutAccount creates or updates an account. A request that changes nothing writes nothing. Conflict
// `account-deleting` until a deletion of the account is finished; after that, the id makes a new account. Conflict
// `raced` for one of two concurrent changes.
func (s *Service) PutAccount(ctx context.Context, in *contract.PutAccountInput) (*contract.PutAccountOutput, error) {
	before, err := zeroWhenAbsent(s.store.Account(ctx, in.Account))
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	a, _, err := s.changeAccount(&tx, before, contract.AccountItem{ID: in.Account, AccountBody: in.Body})
	if err != nil {
		return nil, err
	}
	out := &contract.PutAccountOutput{Body: a.Shown()}
	return out, s.store.Commit(ctx, &tx, out)
}

// changeAccount adds to tx the writes that turn before into the item. A zero before creates the account. Conflict
// `account-deleting` while the account is being deleted.
func (s *Service) changeAccount(tx *store.Tx, before domain.Account,
	in contract.AccountItem) (domain.Account, contract.ImportResult, error) {
	if before.State == domain.AccountDeleting {
		return before, "", fault.New(fault.Conflict, "account-deleting",
			"The account is being deleted. Its id can be used again when that is finished: see GET "+
				"/v1/accounts/%s/deletion.", before.ID)
	}
	a := before
	a.ID, a.Name, a.State, a.Listed = in.ID, in.Name, domain.AccountActive, true
	if reflect.DeepEqual(a, before) {
		return a, contract.ImportUnchanged, nil
	}
	result := stampTimes(before.Rev, &a.CreatedAt, &a.UpdatedAt, s.now())
	tx.Save(&a, a.Rev)
	if !before.Listed {
		tx.Put(&domain.AccountEntry{Account: a.ID})
	}
	return a, result, nil
}

// ReadAccount reads an account.
func (s *Service) ReadAccount(ctx context.Context, in *contract.ReadAccountInput) (*contract.ReadAccountOutput, error) {
	a, err := s.store.Account(ctx, in.Account)
	return &contract.ReadAccountOutput{Body: a.Shown()}, err
}

// ListAccounts lists all accounts by their ids, those that are being deleted included.
func (s *Service) ListAccounts(ctx context.Context,
	in *contract.ListAccountsInput) (*contract.ListAccountsOutput, error) {
	all, next, err := s.store.Accounts(ctx, domain.AccountID(in.Cursor), in.Limit)
	out := &contract.ListAccountsOutput{}
	out.Body.NextCursor = next
	for _, a := range all {
		out.Body.Items = append(out.Body.Items, a.Shown())
	}
	return out, err
}

// PutUser creates or updates a user. A request that changes nothing writes nothing. Invalid with every unknown
// workspace; Conflict `email-taken` when another user of the account has the e-mail, `quota-exceeded` when the
// account has its maximum of users.
func (s *Service) PutUser(ctx context.Context, in *contract.PutUserInput) (*contract.PutUserOutput, error) {
	return s.putUser(ctx, contract.UserItem{Account: in.Account, SubjectBody: contract.SubjectBody{ID: in.User},
		UserBody: in.Body})
}

// PutUserById is PutUser, for an id that a path cannot carry.
func (s *Service) PutUserById(ctx context.Context, in *contract.PutUserByIdInput) (*contract.PutUserByIdOutput, error) {
	out, err := s.putUser(ctx, contract.UserItem{Account: in.Account, SubjectBody: in.Body.SubjectBody,
		UserBody: in.Body.UserBody})
	return (*contract.PutUserByIdOutput)(out), err
}

func (s *Service) putUser(ctx context.Context, in contract.UserItem) (*contract.PutUserOutput, error) {
	before, err := zeroWhenAbsent(s.store.User(ctx, in.Account, in.ID))
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	known, named := s.workspacesOnce(ctx)
	u, result, err := s.changeUser(ctx, &tx, known, before, in)
	if err != nil {
		return nil, err
	}
	if err := s.commitOne(ctx, &tx, in.Account, domain.QuotaUsers, result); err != nil {
		return nil, err
	}
	if result != contract.ImportUnchanged {
		named(&tx, in.Account)
	}
	out := &contract.PutUserOutput{Body: u}
	return out, s.store.Commit(ctx, &tx, out)
}

// changeUser adds to tx the writes that turn before into the user of the input. A zero before creates the user. The
// caller also adds the writes of holdAccount.
func (s *Service) changeUser(ctx context.Context, tx *store.Tx, known workspaceKnown, before domain.User,
	in contract.UserItem) (domain.User, contract.ImportResult, error) {
	u := before
	u.Account, u.ID, u.Email, u.Name = in.Account, in.ID, domain.KeptEmail(in.Email), in.Name
	u.Role, u.Workspaces = in.Role, in.Workspaces
	if reflect.DeepEqual(u, before) {
		return u, contract.ImportUnchanged, nil
	}
	wrong, err := userFaults(ctx, known, in.Account, in.Workspaces)
	if err != nil {
		return u, "", err
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return u, "", err
	}
	result := stampTimes(before.Rev, &u.CreatedAt, &u.UpdatedAt, s.now())
	tx.Save(&u, u.Rev)
	another := domain.EmailIdentity(before.Email) != domain.EmailIdentity(u.Email)
	if before.Rev == 0 || another {
		tx.ReserveEmail(u).Else(fault.New(fault.Conflict, emailTaken, "Another user of the account has this e-mail."))
	}
	if before.Rev > 0 && another {
		tx.ReleaseEmail(before)
	}
	return u, result, nil
}

// DeleteUser deletes a user. Roles are read on every call, so the next request by or for the user is refused. The
// e-mail is free again. NotFound for an unknown or deleted user.
func (s *Service) DeleteUser(ctx context.Context, in *contract.DeleteUserInput) (*contract.DeleteUserOutput, error) {
	return s.deleteUser(ctx, in.Account, in.User)
}

// DeleteUserById is DeleteUser, for an id that a path cannot carry.
func (s *Service) DeleteUserById(ctx context.Context,
	in *contract.DeleteUserByIdInput) (*contract.DeleteUserByIdOutput, error) {
	out, err := s.deleteUser(ctx, in.Account, in.Body.ID)
	return (*contract.DeleteUserByIdOutput)(out), err
}

func (s *Service) deleteUser(ctx context.Context, a domain.AccountID,
	id domain.UserID) (*contract.DeleteUserOutput, error) {
	u, err := s.store.User(ctx, a, id)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Living(a).Else(noAccount())
	tx.Delete(&u)
	tx.ReleaseEmail(u)
	tx.Count(a, domain.QuotaUsers, -1)
	out := &contract.DeleteUserOutput{}
	return out, s.store.Commit(ctx, &tx, out)
}

const emailTaken = "email-taken"

// workspaceKnown tells whether the account has the workspace.
type workspaceKnown func(context.Context, domain.AccountID, domain.WorkspaceID) (bool, error)

func (s *Service) workspaceKnown(ctx context.Context, a domain.AccountID, id domain.WorkspaceID) (bool, error) {
	w, err := zeroWhenAbsent(s.store.Workspace(ctx, a, id))
	return w.Rev > 0, err
}

// userFaults reports workspaces that the account does not have.
func userFaults(ctx context.Context, known workspaceKnown, a domain.AccountID,
	ids []domain.WorkspaceID) ([]fault.Field, error) {
	var wrong []fault.Field
	for n, id := range ids {
		ok, err := known(ctx, a, id)
		if err != nil {
			return wrong, err
		}
		if !ok {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/workspaces/%d", n), Code: "unknown-workspace",
				Detail: "The account has no such workspace."})
		}
	}
	return wrong, nil
}

// validateUserByID is validateUser, for an id in the body.
func (s *Service) validateUserByID(ctx context.Context, in *contract.PutUserByIdInput) ([]fault.Field, error) {
	return userFaults(ctx, s.workspaceKnown, in.Account, in.Body.Workspaces)
}

// validateUser reports the unknown workspaces of an input that is already invalid.
func (s *Service) validateUser(ctx context.Context, in *contract.PutUserInput) ([]fault.Field, error) {
	return userFaults(ctx, s.workspaceKnown, in.Account, in.Body.Workspaces)
}

// PutWorkspace creates or updates a workspace. A request that changes nothing writes nothing. Conflict
// `quota-exceeded` when the account has its maximum of workspaces.
func (s *Service) PutWorkspace(ctx context.Context,
	in *contract.PutWorkspaceInput) (*contract.PutWorkspaceOutput, error) {
	before, err := zeroWhenAbsent(s.store.Workspace(ctx, in.Account, in.Workspace))
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	w, result := s.changeWorkspace(&tx, before,
		contract.WorkspaceItem{Account: in.Account, ID: in.Workspace, WorkspaceBody: in.Body})
	if err := s.commitOne(ctx, &tx, in.Account, domain.QuotaWorkspaces, result); err != nil {
		return nil, err
	}
	out := &contract.PutWorkspaceOutput{Body: w}
	return out, s.store.Commit(ctx, &tx, out)
}

// DeleteWorkspace removes a workspace. Contracts keep the workspace's id. A webhook's filter by the workspace matches
// no new contract. NotFound for an unknown workspace. Conflict `workspace-in-use`, naming an example, while a
// template or a user names the workspace. Conflict `raced` when a template or a user began to name it during the
// call.
func (s *Service) DeleteWorkspace(ctx context.Context,
	in *contract.DeleteWorkspaceInput) (*contract.DeleteWorkspaceOutput, error) {
	naming, err := s.store.Naming(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	w, err := s.store.Workspace(ctx, in.Account, in.Workspace)
	if err != nil {
		return nil, err
	}
	templates, err := s.store.Templates(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	users, err := s.store.Users(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	templates = slices.DeleteFunc(templates, func(t domain.Template) bool { return t.Workspace != w.ID })
	users = slices.DeleteFunc(users, func(u domain.User) bool { return !slices.Contains(u.Workspaces, w.ID) })
	switch {
	case len(templates) > 0:
		return nil, fault.New(fault.Conflict, "workspace-in-use",
			"%d templates are in the workspace %q, %q among them. Delete them first.", len(templates), w.ID,
			templates[0].ID)
	case len(users) > 0:
		return nil, fault.New(fault.Conflict, "workspace-in-use",
			"%d users may create contracts in the workspace %q, %q among them. Take it from them first.", len(users),
			w.ID, users[0].ID)
	}
	var tx store.Tx
	tx.Living(in.Account).Else(noAccount())
	tx.DeleteWorkspace(&w, naming)
	tx.Count(in.Account, domain.QuotaWorkspaces, -1)
	out := &contract.DeleteWorkspaceOutput{}
	return out, s.store.Commit(ctx, &tx, out)
}

// changeWorkspace adds to tx the writes that turn before into the item. A zero before creates the workspace. The
// caller also adds the writes of holdAccount.
func (s *Service) changeWorkspace(tx *store.Tx, before domain.Workspace,
	in contract.WorkspaceItem) (domain.Workspace, contract.ImportResult) {
	w := before
	w.Account, w.ID, w.Name = in.Account, in.ID, in.Name
	if w == before {
		return w, contract.ImportUnchanged
	}
	result := stampTimes(before.Rev, &w.CreatedAt, &w.UpdatedAt, s.now())
	tx.Save(&w, w.Rev)
	return w, result
}

// stampTimes sets the times of a changed record, and returns whether the change creates or updates it. rev is the
// stored revision; 0 for a new record.
func stampTimes(rev int, created, updated *time.Time, now time.Time) contract.ImportResult {
	*updated = now
	if rev > 0 {
		return contract.ImportUpdated
	}
	*created = now
	return contract.ImportCreated
}

// commitOne adds the writes of holdAccount for a single record. An unchanged record needs no write, so commitOne only
// checks that the account lives.
func (s *Service) commitOne(ctx context.Context, tx *store.Tx, a domain.AccountID, q domain.Quota,
	result contract.ImportResult) error {
	switch result {
	case contract.ImportUnchanged:
		return s.accountLives(ctx, a)
	case contract.ImportCreated:
		holdAccount(tx, a, q, 1)
	default:
		holdAccount(tx, a, q, 0)
	}
	return nil
}

// accountLives is NotFound for an account that does not exist or is being deleted.
func (s *Service) accountLives(ctx context.Context, id domain.AccountID) error {
	a, err := zeroWhenAbsent(s.store.Account(ctx, id))
	if err == nil && !a.Living() {
		err = noAccount()
	}
	return err
}

// holdAccount adds the writes that every change in an account needs: the condition that the account lives, and the
// count of created records by the quota.
func holdAccount(tx *store.Tx, a domain.AccountID, q domain.Quota, created int) {
	tx.Living(a).Else(noAccount())
	if created > 0 {
		tx.Count(a, q, created)
	}
}

// ListUsers lists the account's people, by id.
func (s *Service) ListUsers(ctx context.Context, in *contract.ListUsersInput) (*contract.ListUsersOutput, error) {
	all, err := s.store.Users(ctx, auth.From(ctx).Account)
	if err != nil {
		return nil, err
	}
	views := []contract.AccountUser{}
	for _, u := range all {
		if in.Role == "" || u.Role == in.Role {
			views = append(views, contract.AccountUser{ID: u.ID, Name: u.Name, Email: u.Email, Role: u.Role})
		}
	}
	return &contract.ListUsersOutput{Body: contract.PageOf(views,
		func(u contract.AccountUser) string { return string(u.ID) }, in.PageInput)}, nil
}

// ListWorkspaces leaves out those in which the acting user may not create contracts.
func (s *Service) ListWorkspaces(ctx context.Context,
	in *contract.ListWorkspacesInput) (*contract.ListWorkspacesOutput, error) {
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
	return &contract.ListWorkspacesOutput{
		Body: contract.PageOf(allowed, func(w domain.Workspace) string { return string(w.ID) }, in.PageInput)}, nil
}

func noAccount() error {
	return fault.New(fault.NotFound, "not-found", "There is no such account, or it is being deleted.")
}

// zeroWhenAbsent turns NotFound into the zero value, of revision 0.
func zeroWhenAbsent[T any](v T, err error) (T, error) {
	if fault.KindOf(err) == fault.NotFound {
		return v, nil
	}
	return v, err
}
