package contracts

import (
	"context"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Imports of accounts, users, workspaces and templates; import.go holds the machinery. An item makes the same change
// as the single operation, by the same code.

// ImportAccounts creates and updates accounts.
func (s *Service) ImportAccounts(ctx context.Context,
	in *contract.ImportAccountsInput) (*contract.ImportAccountsOutput, error) {
	report, err := importer[contract.AccountItem, domain.Account]{
		account:  func(i contract.AccountItem) domain.AccountID { return i.ID },
		sameItem: func(i contract.AccountItem) [][2]string { return [][2]string{{"/id", string(i.ID)}} },
		frees:    func(domain.Account) string { return "" },
		read: func(ctx context.Context, items []contract.AccountItem) ([]domain.Account, error) {
			return s.store.BatchAccounts(ctx, each(items, func(i contract.AccountItem) domain.Account {
				return domain.Account{ID: i.ID}
			}))
		},
		change: func(_ context.Context, tx *store.Tx, before domain.Account,
			item contract.AccountItem) (domain.Account, contract.ImportResult, error) {
			return s.changeAccount(tx, before, item)
		},
		lives: func(context.Context, domain.AccountID) error { return nil }, // changeAccount checks the account
		hold:  func(*store.Tx, domain.AccountID, []domain.Account) {},
	}.run(ctx, s, in.Body.Items)
	if err != nil {
		return nil, err
	}
	return &contract.ImportAccountsOutput{Body: *report}, nil
}

// ImportUsers creates and updates users. A user may take an e-mail that another user of the same call gives up.
func (s *Service) ImportUsers(ctx context.Context, in *contract.ImportUsersInput) (*contract.ImportUsersOutput, error) {
	known, named := s.workspacesOnce(ctx)
	report, err := importer[contract.UserItem, domain.User]{
		account: func(i contract.UserItem) domain.AccountID { return i.Account },
		sameItem: func(i contract.UserItem) [][2]string {
			return [][2]string{{"/id", inAccount(i.Account, i.ID)}, {"/email", emailIn(i.Account, i.Email)}}
		},
		frees: func(u domain.User) string {
			if u.Rev == 0 {
				return ""
			}
			return emailIn(u.Account, u.Email)
		},
		read: func(ctx context.Context, items []contract.UserItem) ([]domain.User, error) {
			return s.store.BatchUsers(ctx, each(items, func(i contract.UserItem) domain.User {
				return domain.User{Account: i.Account, ID: i.ID}
			}))
		},
		look: func(ctx context.Context, i contract.UserItem) ([]fault.Field, error) {
			return userFaults(ctx, known, i.Account, i.Workspaces)
		},
		change: func(ctx context.Context, tx *store.Tx, before domain.User,
			item contract.UserItem) (domain.User, contract.ImportResult, error) {
			return s.changeUser(ctx, tx, known, before, item)
		},
		hold: func(tx *store.Tx, a domain.AccountID, created []domain.User) {
			holdAccount(tx, a, domain.QuotaUsers, len(created))
			named(tx, a)
		},
		lives: s.accountLives,
	}.run(ctx, s, in.Body.Items)
	if err != nil {
		return nil, err
	}
	return &contract.ImportUsersOutput{Body: *report}, nil
}

// ImportWorkspaces creates and updates workspaces.
func (s *Service) ImportWorkspaces(ctx context.Context,
	in *contract.ImportWorkspacesInput) (*contract.ImportWorkspacesOutput, error) {
	report, err := importer[contract.WorkspaceItem, domain.Workspace]{
		account: func(i contract.WorkspaceItem) domain.AccountID { return i.Account },
		sameItem: func(i contract.WorkspaceItem) [][2]string {
			return [][2]string{{"/id", inAccount(i.Account, i.ID)}}
		},
		frees: func(domain.Workspace) string { return "" },
		read: func(ctx context.Context, items []contract.WorkspaceItem) ([]domain.Workspace, error) {
			return s.store.BatchWorkspaces(ctx, each(items, func(i contract.WorkspaceItem) domain.Workspace {
				return domain.Workspace{Account: i.Account, ID: i.ID}
			}))
		},
		change: func(_ context.Context, tx *store.Tx, before domain.Workspace,
			item contract.WorkspaceItem) (domain.Workspace, contract.ImportResult, error) {
			w, result := s.changeWorkspace(tx, before, item)
			return w, result, nil
		},
		hold: func(tx *store.Tx, a domain.AccountID, created []domain.Workspace) {
			holdAccount(tx, a, domain.QuotaWorkspaces, len(created))
		},
		lives: s.accountLives,
	}.run(ctx, s, in.Body.Items)
	if err != nil {
		return nil, err
	}
	return &contract.ImportWorkspacesOutput{Body: *report}, nil
}

// ImportTemplates creates and updates templates, by ids that the platform chooses. Values are checked against the
// fields as they were when the call first read the template type.
func (s *Service) ImportTemplates(ctx context.Context,
	in *contract.ImportTemplatesInput) (*contract.ImportTemplatesOutput, error) {
	type typeKey struct {
		account domain.AccountID
		id      domain.TemplateTypeID
	}
	typed := once(func(k typeKey) (usableType, error) { return s.templateType(ctx, k.account, k.id) })
	known, named := s.workspacesOnce(ctx)
	look := templateLookup{known, func(_ context.Context, a domain.AccountID,
		id domain.TemplateTypeID) (usableType, error) {
		return typed(typeKey{a, id})
	}}
	report, err := importer[contract.TemplateItem, domain.Template]{
		account:  func(i contract.TemplateItem) domain.AccountID { return i.Account },
		sameItem: func(i contract.TemplateItem) [][2]string { return [][2]string{{"/id", inAccount(i.Account, i.ID)}} },
		frees:    func(domain.Template) string { return "" },
		read: func(ctx context.Context, items []contract.TemplateItem) ([]domain.Template, error) {
			return s.store.BatchTemplates(ctx, each(items, func(i contract.TemplateItem) domain.Template {
				return domain.Template{Account: i.Account, ID: i.ID}
			}))
		},
		look: func(ctx context.Context, i contract.TemplateItem) ([]fault.Field, error) {
			return templateFaults(ctx, look, "", i)
		},
		change: func(ctx context.Context, tx *store.Tx, before domain.Template,
			item contract.TemplateItem) (domain.Template, contract.ImportResult, error) {
			return s.changeTemplate(ctx, tx, look, "", before, item)
		},
		hold: func(tx *store.Tx, a domain.AccountID, created []domain.Template) {
			tx.Living(a).Else(noAccount())
			holdTypes(tx, a, created)
			named(tx, a)
		},
		lives: s.accountLives,
	}.run(ctx, s, in.Body.Items)
	if err != nil {
		return nil, err
	}
	return &contract.ImportTemplatesOutput{Body: *report}, nil
}

// workspacesOnce is workspaceKnown with one read for each account. Its second result holds a Tx to the workspaces
// that were read, so that a concurrent deletion makes the Tx `raced`.
func (s *Service) workspacesOnce(ctx context.Context) (workspaceKnown, func(*store.Tx, domain.AccountID)) {
	naming := once(func(a domain.AccountID) (domain.Naming, error) { return s.store.Naming(ctx, a) })
	type workspaceKey struct {
		account domain.AccountID
		id      domain.WorkspaceID
	}
	known := once(func(k workspaceKey) (bool, error) { return s.workspaceKnown(ctx, k.account, k.id) })
	look := func(_ context.Context, a domain.AccountID, id domain.WorkspaceID) (bool, error) {
		if _, err := naming(a); err != nil {
			return false, err
		}
		return known(workspaceKey{a, id})
	}
	return look, func(tx *store.Tx, a domain.AccountID) {
		if seen, err := naming(a); err == nil { // otherwise no write in tx names a workspace
			tx.NameWorkspaces(seen)
		}
	}
}

func each[T, U any](items []T, make func(T) U) []U {
	made := []U{}
	for _, i := range items {
		made = append(made, make(i))
	}
	return made
}
