package enablement

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// prefixShown is how many characters of a token a list shows: what all begin with, and six of 256 bits.
const prefixShown = len(secret.TokenPrefix) + 6

// CreateToken makes an API token of the account's own and shows it once. A partner develops with one in its
// development account; an application integration of one customer uses one. Contracts made with it have no origin.
// Conflict `quota-exceeded` when the account has its maximum of tokens.
func (s *Service) CreateToken(ctx context.Context, in *contract.CreateTokenInput) (*contract.CreateTokenOutput, error) {
	caller := auth.From(ctx)
	now := s.now()
	shown, hash := secret.NewCredential(secret.TokenPrefix)
	id := domain.TokenID(s.newID("tok"))
	token := domain.Token{
		Hash: hash, ID: id, Account: caller.Account, Scopes: in.Body.Scopes,
		ExpiresAt: now.AddDate(0, 0, in.Body.ExpiresIn), CreatedAt: now,
	}
	named := domain.OwnToken{
		Account: caller.Account, ID: id, Name: in.Body.Name, Prefix: secret.Prefix(shown, prefixShown), Hash: hash,
		CreatedBy: caller.UserID(), CreatedAt: now,
	}
	out := &contract.CreateTokenOutput{}
	out.Body.TokenView, out.Body.Token = viewToken(named, token), shown

	var tx store.Tx
	tx.Create(&token)
	tx.Create(&named)
	tx.Count(caller.Account, domain.QuotaTokens, 1)
	return out, s.store.Commit(ctx, &tx, out)
}

// Tokens lists the account's own and, marked with their extension, the managed ones.
func (s *Service) Tokens(ctx context.Context, in *contract.ListTokensInput) (*contract.ListTokensOutput, error) {
	account := auth.From(ctx).Account
	own, err := s.store.OwnTokens(ctx, account)
	if err != nil {
		return nil, err
	}
	views := []contract.TokenView{}
	for _, o := range own {
		token, err := s.store.Token(ctx, o.Hash)
		if err != nil {
			return nil, fault.Wrap(err, "token %s", o.ID)
		}
		views = append(views, viewToken(o, token))
	}
	installed, err := s.store.Installations(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, i := range installed {
		if i.TokenHash == "" {
			continue
		}
		token, err := s.store.Token(ctx, i.TokenHash)
		if fault.KindOf(err) == fault.NotFound { // lost: a finding of the drift check, which hides no other token
			continue
		}
		if err != nil {
			return nil, fault.Wrap(err, "token %s", i.TokenID)
		}
		view := viewToken(domain.OwnToken{ID: i.TokenID, Name: fmt.Sprintf("Extension %s", i.Extension),
			CreatedAt: token.CreatedAt}, token)
		view.Extension = i.Extension
		views = append(views, view)
	}
	slices.SortFunc(views, func(a, b contract.TokenView) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return &contract.ListTokensOutput{Body: contract.PageOf(views,
		func(v contract.TokenView) string { return string(v.ID) }, in.PageInput)}, nil
}

// RevokeToken ends a token of the account's own at once. Conflict `managed-resource` for an extension's.
func (s *Service) RevokeToken(ctx context.Context, in *contract.RevokeTokenInput) (*contract.RevokeTokenOutput, error) {
	account := auth.From(ctx).Account
	own, err := s.store.OwnToken(ctx, account, in.Token)
	if fault.KindOf(err) == fault.NotFound {
		return nil, s.managedToken(ctx, account, in.Token, err)
	}
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Delete(&own)
	tx.Count(account, domain.QuotaTokens, -1)
	tx.Discard(domain.Token{Hash: own.Hash})
	out := &contract.RevokeTokenOutput{}
	return out, s.store.Commit(ctx, &tx, out)
}

// managedToken is the refusal when an installation manages the token, and absent otherwise.
func (s *Service) managedToken(ctx context.Context, a domain.AccountID, id domain.TokenID, absent error) error {
	installed, err := s.store.Installations(ctx, a)
	if err != nil {
		return err
	}
	for _, i := range installed {
		if i.TokenID == id {
			return domain.ManagedBy(i.Extension, "API token")
		}
	}
	return absent
}

// Me tells what a credential stands for: whose account, which installation, what it may do, for whom it acts.
func (s *Service) Me(ctx context.Context, _ *contract.ReadMeInput) (*contract.ReadMeOutput, error) {
	caller := auth.From(ctx)
	out := &contract.ReadMeOutput{}
	account, err := s.store.Account(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	out.Body.Model, out.Body.Account, out.Body.AccountName, out.Body.User = string(caller.Model), caller.Account,
		account.Name, caller.User
	if caller.Token == nil {
		return out, nil
	}
	view := viewToken(domain.OwnToken{ID: caller.Token.ID, CreatedAt: caller.Token.CreatedAt}, *caller.Token)
	out.Body.Token = &view
	if view.Extension = caller.Extension(); view.Extension == "" {
		own, err := s.store.OwnToken(ctx, caller.Account, view.ID)
		view.Name, view.Prefix, view.CreatedBy = own.Name, own.Prefix, own.CreatedBy
		return out, err
	}
	i, err := s.store.Installation(ctx, caller.Account, caller.Extension())
	out.Body.Installation = &contract.MyInstallation{Extension: i.Extension, Version: i.Version, State: i.State,
		Parameters: i.Parameters}
	return out, err
}

func viewToken(o domain.OwnToken, t domain.Token) contract.TokenView {
	return contract.TokenView{
		ID: o.ID, Name: o.Name, Prefix: cmp.Or(o.Prefix, t.Prefix), Scopes: t.Scopes, CreatedBy: o.CreatedBy,
		CreatedAt: o.CreatedAt, ExpiresAt: t.ExpiresAt, LastUsedAt: t.LastUsedAt,
	}
}
