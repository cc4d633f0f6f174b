package enablement

import (
	"context"
	"fmt"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// StartHandOff makes a code and redirects the admin to the setup URL with it. The code may be made while the
// extension is being enabled, so that nobody waits; the credentials work once it is enabled. Conflict `no-hand-off`
// for an extension that shows its token, `installation-state` unless the installation is present.
func (s *Service) StartHandOff(ctx context.Context,
	in *contract.StartHandOffInput) (*contract.StartHandOffOutput, error) {
	caller := auth.From(ctx)
	i, b, err := s.present(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	if b.Setup == nil {
		return nil, fault.New(fault.Conflict, "no-hand-off",
			"The extension %q shows its credentials to who enables it. Lost? Rotate them.", i.Extension)
	}
	now := s.now()
	code, hash := secret.NewCredential(secret.HandOffPrefix)
	h := domain.HandOff{
		Hash: hash, Account: i.Account, Extension: i.Extension, Epoch: i.Epoch, Admin: caller.UserID(),
		EndsAt: now.Add(domain.HandOffLife), CreatedAt: now,
	}
	var tx store.Tx
	tx.Create(&h)
	out := &contract.StartHandOffOutput{
		Location: domain.NewHandOffURL(b.Setup.URL, code, in.Body.State), ReferrerPolicy: "no-referrer",
		CacheControl: "no-store",
	}
	return out, s.store.Commit(ctx, &tx, out)
}

// exchangeAttempts is how often an exchange is repeated when the installation changed meanwhile, as it does at each
// provisioning step.
const exchangeAttempts = 10

// ExchangeHandOff gives the calling partner the credentials of the code's installation. They are made now, so that
// they were stored nowhere, and the previous ones end. The code ends in the same transaction, so that of two
// exchanges at once one succeeds. A partner that loses the answer asks the admin for another hand-off.
//
// Invalid at /code, always the same, for a code that is unknown, used or expired; of another partner's extension or
// an earlier epoch; of an account that is being deleted or was created again; or started by a user who is no admin
// any more.
func (s *Service) ExchangeHandOff(ctx context.Context,
	in *contract.ExchangeHandOffInput) (*contract.ExchangeHandOffOutput, error) {
	for n := 1; ; n++ {
		out, err := s.exchange(ctx, in.Body.Code)
		if n == exchangeAttempts || !fault.Is(err, store.Raced) {
			return out, err
		}
	}
}

func (s *Service) exchange(ctx context.Context, code string) (*contract.ExchangeHandOffOutput, error) {
	h, admin, i, b, err := s.handedOff(ctx, code)
	if fault.KindOf(err) == fault.NotFound {
		err = errHandOffCode()
	}
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Delete(&h).Else(errHandOffCode())
	tx.Unchanged(admin, admin.Rev)
	for _, hash := range []string{i.TokenHash, i.PreviousTokenHash} {
		if hash != "" {
			tx.Discard(domain.Token{Hash: hash})
		}
	}
	i.PreviousTokenHash, i.UpdatedAt = "", s.now()
	out := &contract.ExchangeHandOffOutput{CacheControl: "no-store"}
	if out.Body.Credentials, err = s.credentials(ctx, &tx, &i, b.Scopes); err != nil {
		return nil, err
	}
	tx.Replace(&i)
	out.Body.Account, out.Body.Extension, out.Body.Version, out.Body.State, out.Body.Epoch = i.Account, i.Extension,
		i.Version, i.State, i.Epoch
	out.Body.HandedOffBy, out.Body.Parameters, out.Body.TokenID = admin.ID, i.Parameters, i.TokenID
	out.Body.CallbackPath = fmt.Sprintf("/v1/callbacks/%s/%s", i.Account, i.Extension)
	tx.AnswersOf(i.Account)
	return out, s.store.Commit(ctx, &tx, out)
}

// handedOff reads what the code stands for. NotFound when the calling partner has no right to it, or no more.
func (s *Service) handedOff(ctx context.Context,
	code string) (h domain.HandOff, admin domain.User, i domain.Installation, b domain.Blueprint, err error) {
	nothing := fault.New(fault.NotFound, "not-found", "There is no such hand-off.")
	if !secret.WellFormed(code, secret.HandOffPrefix) {
		return h, admin, i, b, nothing
	}
	if h, err = s.store.HandOff(ctx, secret.Hash(code)); err != nil {
		return
	}
	e, err := s.store.Extension(ctx, h.Extension)
	if err == nil && e.Partner != auth.From(ctx).Partner {
		err = nothing
	}
	if err != nil {
		return
	}
	// the partner's key names no account, so the gate has not checked it
	account, err := s.store.Account(ctx, h.Account)
	if err == nil && !account.Knows(h.CreatedAt) {
		err = nothing
	}
	if err != nil {
		return h, admin, i, b, err
	}
	if admin, err = s.store.User(ctx, h.Account, h.Admin); err != nil {
		return
	}
	if i, err = s.store.Installation(ctx, h.Account, h.Extension); err != nil {
		return
	}
	if !admin.Role.AtLeast(domain.Admin) || !i.Present() || i.Epoch != h.Epoch {
		return h, admin, i, b, nothing
	}
	if b, err = s.store.Blueprint(ctx, i.Extension, i.Version); err == nil && b.Setup == nil { // upgraded meanwhile
		err = nothing
	}
	return
}

func errHandOffCode() error {
	return fault.InvalidFields([]fault.Field{{Pointer: "/code", Code: "hand-off-code",
		Detail: "The code is unknown, used, expired, or not for an extension of yours. Ask the account's admin to " +
			"hand off again."}})
}

// credentials makes an installation's token and callback secret. The token goes into tx; the caller writes i with the
// rest.
func (s *Service) credentials(ctx context.Context, tx *store.Tx, i *domain.Installation,
	scopes []domain.Scope) (contract.Credentials, error) {
	token, hash := secret.NewCredential(secret.TokenPrefix)
	i.TokenID, i.TokenHash = domain.TokenID(s.newID("tok")), hash
	tx.Create(&domain.Token{
		Hash: hash, Prefix: secret.Prefix(token, prefixShown), ID: i.TokenID, Account: i.Account,
		Extension: i.Extension, Epoch: i.Epoch, Scopes: scopes, CreatedAt: i.UpdatedAt,
	})
	callback, err := s.callbackSecret(ctx, i, i.UpdatedAt)
	return contract.Credentials{Token: token, CallbackSecret: callback}, err
}

// present reads an installation that has credentials, or will have, with its blueprint. Conflict `installation-state`
// for any other.
func (s *Service) present(ctx context.Context, e domain.ExtensionID) (domain.Installation, domain.Blueprint, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, e)
	if err != nil {
		return i, domain.Blueprint{}, err
	}
	if !i.Present() {
		return i, domain.Blueprint{}, fault.New(fault.Conflict, "installation-state",
			"The extension %q is %s, so it has no credentials.", i.Extension, i.State)
	}
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	return i, b, err
}
