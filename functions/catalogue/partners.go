package catalogue

import (
	"context"
	"slices"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// CreatePartner makes a partner and its first key, shown this once. Invalid when the development account does
// not exist.
func (s *Service) CreatePartner(ctx context.Context,
	in *contract.CreatePartnerInput) (*contract.CreatePartnerOutput, error) {
	now := s.now()
	key, hash := secret.NewCredential(secret.PartnerKeyPrefix)
	p := domain.Partner{
		ID: domain.PartnerID(s.newID("par")), Name: in.Body.Name, Contact: domain.KeptEmail(in.Body.Contact),
		DevelopmentAccount: in.Body.DevelopmentAccount, KeyHash: hash, CreatedAt: now, UpdatedAt: now,
	}
	out := &contract.CreatePartnerOutput{}
	out.Body.Partner, out.Body.Key = viewPartner(p), key

	a, err := s.store.Account(ctx, p.DevelopmentAccount)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	if !a.Living() {
		return nil, fault.InvalidFields(noDevelopmentAccount())
	}
	a.DevelopmentOf = append(a.DevelopmentOf, p.ID)

	var tx store.Tx
	tx.Replace(&a)
	tx.Create(&p)
	tx.Create(&domain.PartnerKey{Hash: hash, Partner: p.ID, CreatedAt: now})
	return out, s.store.Commit(ctx, &tx, out)
}

func noDevelopmentAccount() []fault.Field {
	return []fault.Field{{Pointer: "/development_account_id", Code: "unknown-account",
		Detail: "There is no such account."}}
}

func (s *Service) validatePartner(ctx context.Context, in *contract.CreatePartnerInput) ([]fault.Field, error) {
	return s.validateDevelopmentAccount(ctx, in.Body.DevelopmentAccount)
}

func (s *Service) validateDevelopmentAccount(ctx context.Context, id domain.AccountID) ([]fault.Field, error) {
	_, err := s.store.Account(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return noDevelopmentAccount(), nil
	}
	return nil, err
}

// ReadPartner is NotFound for a partner that asks for another.
func (s *Service) ReadPartner(ctx context.Context, in *contract.ReadPartnerInput) (*contract.ReadPartnerOutput, error) {
	p, err := s.partner(ctx, in.Partner)
	return &contract.ReadPartnerOutput{Body: viewPartner(p)}, err
}

// relinkMost is how many of a partner's extensions another development account may come to see: within one transaction
// (100 items), with what they are held to.
const relinkMost = 40

// UpdatePartner changes what is given. Another development account sees the partner's extensions from now on, in place
// of the one before, unless that accepted an invitation. Invalid when it does not exist; Conflict `too-many-extensions`
// beyond relinkMost.
func (s *Service) UpdatePartner(ctx context.Context,
	in *contract.UpdatePartnerInput) (*contract.UpdatePartnerOutput, error) {
	p, err := s.partner(ctx, in.Partner)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	change(&p.Name, in.Body.Name)
	change(&p.Contact, keptEmail(in.Body.Contact))
	if to := in.Body.DevelopmentAccount; to != nil && *to != p.DevelopmentAccount {
		if err := s.relink(ctx, &tx, &p, *to); err != nil {
			return nil, err
		}
	}
	p.UpdatedAt = s.now()
	tx.Replace(&p)
	out := &contract.UpdatePartnerOutput{Body: viewPartner(p)}
	return out, s.store.Commit(ctx, &tx, out)
}

// relink has the partner develop in another account. An extension that is created at the same moment makes the Tx fail,
// or is made for the new account: both hold to the partner.
func (s *Service) relink(ctx context.Context, tx *store.Tx, p *domain.Partner, to domain.AccountID) error {
	before, err := s.store.Account(ctx, p.DevelopmentAccount)
	if err != nil {
		return fault.Wrap(err, "the development account of %s", p.ID)
	}
	after, err := s.store.Account(ctx, to)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if !after.Living() {
		return fault.InvalidFields(noDevelopmentAccount())
	}
	all, _, err := s.store.Extensions(ctx, p.ID, "", relinkMost+1)
	if err != nil {
		return err
	}
	if len(all) > relinkMost {
		return fault.New(fault.Conflict, "too-many-extensions",
			"The partner has more than %d extensions, which do not move together. Create another partner for the "+
				"other account.", relinkMost)
	}
	before.DevelopmentOf = slices.DeleteFunc(slices.Clone(before.DevelopmentOf),
		func(o domain.PartnerID) bool { return o == p.ID })
	after.DevelopmentOf = append(slices.Clone(after.DevelopmentOf), p.ID)
	tx.Replace(&before)
	tx.Replace(&after)
	for _, e := range all {
		if !slices.Contains(e.AcceptedBy, to) { // else it has a trial, which its quota counts
			tx.Put(&domain.Trial{Account: to, Extension: e.ID})
		}
		if !slices.Contains(e.AcceptedBy, before.ID) {
			tx.Discard(domain.Trial{Account: before.ID, Extension: e.ID})
		}
	}
	p.DevelopmentAccount = to
	return nil
}

func (s *Service) validatePartnerUpdate(ctx context.Context, in *contract.UpdatePartnerInput) ([]fault.Field, error) {
	if in.Body.DevelopmentAccount == nil {
		return nil, nil
	}
	return s.validateDevelopmentAccount(ctx, *in.Body.DevelopmentAccount)
}

// RotatePartnerKey makes a new key; the one before ends after the overlap, and the one before that at once: at most
// two are good at a time, and an overlap of 0 leaves one.
func (s *Service) RotatePartnerKey(ctx context.Context,
	in *contract.RotatePartnerKeyInput) (*contract.RotatePartnerKeyOutput, error) {
	p, err := s.partner(ctx, in.Partner)
	if err != nil {
		return nil, err
	}
	before, err := s.store.PartnerKey(ctx, p.KeyHash)
	if err != nil {
		return nil, fault.Wrap(err, "the newest key of partner %s", p.ID)
	}
	now := s.now()
	before.ExpiresAt = now.Add(domain.Overlap(in.Body.OverlapSeconds))
	key, hash := secret.NewCredential(secret.PartnerKeyPrefix)
	ended := p.PreviousKeyHash
	p.KeyHash, p.PreviousKeyHash, p.UpdatedAt = hash, before.Hash, now
	out := &contract.RotatePartnerKeyOutput{}
	out.Body.Key = key

	var tx store.Tx
	tx.Replace(&p)
	tx.Replace(&before)
	if ended != "" {
		tx.Discard(domain.PartnerKey{Hash: ended})
	}
	tx.Create(&domain.PartnerKey{Hash: hash, Partner: p.ID, CreatedAt: now})
	return out, s.store.Commit(ctx, &tx, out)
}

// partner reads a partner that the caller may see.
func (s *Service) partner(ctx context.Context, id domain.PartnerID) (domain.Partner, error) {
	if c := auth.From(ctx); c.Model == auth.ModelPartner && c.Partner != id {
		return domain.Partner{}, fault.New(fault.NotFound, "not-found", "There is no such partner.")
	}
	return s.store.Partner(ctx, id)
}

func viewPartner(p domain.Partner) contract.PartnerView {
	return contract.PartnerView{ID: p.ID, Name: p.Name, Contact: p.Contact, DevelopmentAccount: p.DevelopmentAccount,
		CreatedAt: p.CreatedAt}
}

// keptEmail is domain.KeptEmail of an address that may be absent.
func keptEmail(email *string) *string {
	if email == nil {
		return nil
	}
	kept := domain.KeptEmail(*email)
	return &kept
}
