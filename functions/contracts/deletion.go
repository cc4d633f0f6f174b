package contracts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// DeleteAccount starts the deletion of an account. From this write on, every credential of the account is invalid.
// Only lifecycle endpoints still get an event, about the end. Provisioning then erases the data page by page, and
// keeps the proof. A repeated request asks for the next page, in case erasing stopped. NotFound for a missing or
// erased account. Conflict `development-account` while a partner develops in the account: the next account of that id
// would become the partner's.
func (s *Service) DeleteAccount(ctx context.Context,
	in *contract.DeleteAccountInput) (*contract.DeleteAccountOutput, error) {
	a, err := s.store.Account(ctx, in.Account)
	if err != nil {
		return nil, err
	}
	if err := s.notDeveloped(ctx, a); err != nil {
		return nil, err
	}
	now := s.now()
	d := domain.Deletion{ID: s.newID("del"), Account: a.ID, AskedBy: auth.From(ctx).Principal, AskedAt: now, Page: 1,
		Erased: map[domain.Record]int{}}
	var tx store.Tx
	if a.Living() {
		a.State, a.Name, a.UpdatedAt = domain.AccountDeleting, "", now
		tx.Replace(&a)
		tx.Create(&d)
	} else if d, err = s.store.Deletion(ctx, a.ID); err != nil {
		return nil, err
	}
	tx.Provision(events.Provision{ID: s.newID("prv"), Account: d.Account, At: now,
		Erasing: &events.Erasing{Deletion: d.ID}})
	tx.Provision(erasing(s.newID("prv"), d, now))
	out := &contract.DeleteAccountOutput{Body: contract.ViewDeletion(d)}
	return out, s.store.Commit(ctx, &tx, out)
}

// notDeveloped is Conflict, naming the partners that develop in the account.
func (s *Service) notDeveloped(ctx context.Context, a domain.Account) error {
	if len(a.DevelopmentOf) == 0 {
		return nil
	}
	var names []string
	for _, id := range a.DevelopmentOf {
		p, err := s.store.Partner(ctx, id)
		if err != nil {
			return fault.Wrap(err, "a partner that develops in %s", a.ID)
		}
		names = append(names, fmt.Sprintf("%q (%s)", p.Name, p.ID))
	}
	return fault.New(fault.Conflict, "development-account",
		"The account is the development account of %s, so it cannot be deleted.", strings.Join(names, " and "))
}

// erasing asks for the next page of d, after the grace period.
func erasing(id string, d domain.Deletion, now time.Time) events.Provision {
	return events.Provision{
		ID: id, Account: d.Account, At: now, Erasing: &events.Erasing{Deletion: d.ID, Page: d.Page},
		Wait: max(0, d.AskedAt.Add(domain.DeletionGrace).Sub(now)),
	}
}

// Deletion shows the progress of an account's newest deletion, and proves it once it is finished.
func (s *Service) Deletion(ctx context.Context, in *contract.ReadDeletionInput) (*contract.ReadDeletionOutput, error) {
	d, err := s.store.Deletion(ctx, in.Account)
	return &contract.ReadDeletionOutput{Body: contract.ViewDeletion(d)}, err
}
