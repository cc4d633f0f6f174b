package provisioning

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// pageOfErasing is how many items one page erases: with their record, well within the 100 items of a DynamoDB
// transaction.
const pageOfErasing = 80

// erase runs one page of an account's erasing (design rule 27). One transaction erases items, counts them in the
// proof, and asks for the next page; the last page erases the account and dates the proof. A message for any page but
// the next is a repeat and does nothing, so a crash loses nothing and nothing is counted twice.
func (s *Service) erase(ctx context.Context, a domain.AccountID, e plugboard.Erasing) error {
	d, err := s.store.Deletion(ctx, a)
	if err != nil {
		return fault.Wrap(err, "erase %s", a)
	}
	switch {
	case d.ID != e.Deletion || !d.FinishedAt.IsZero():
		return nil
	case e.Page == 0:
		return s.farewell(ctx, a, d)
	case d.Page != e.Page:
		return nil
	}
	found, more, err := s.store.Belongings(ctx, a, pageOfErasing)
	if err != nil {
		return err
	}
	if err := s.forget(ctx, a, found); err != nil {
		return err
	}
	var tx store.Tx
	tx.Erase(found)
	erased := map[domain.Record]int{}
	for r, n := range d.Erased {
		erased[r] = n
	}
	for _, b := range found {
		erased[b.Record]++
	}
	d.Page, d.Erased = d.Page+1, erased
	if more {
		tx.Provision(plugboard.Provision{ID: s.newID("prv"), Account: a, At: s.now(),
			Erasing: &plugboard.Erasing{Deletion: d.ID, Page: d.Page}})
	} else {
		account, err := s.store.Account(ctx, a)
		if err != nil {
			return fault.Wrap(err, "the account of the deletion %s", d.ID)
		}
		tx.Discard(domain.Account{ID: a})
		d.Erased[domain.RecordAccount]++
		if account.Listed {
			tx.Discard(domain.AccountEntry{Account: a})
			d.Erased[domain.RecordAccountEntry]++
		}
		d.FinishedAt = s.now()
	}
	tx.Replace(&d)
	slog.InfoContext(ctx, "erasing", "account", a, "deletion", d.ID, "page", e.Page, "items", len(found), "more", more)
	return fault.Wrap(s.store.Commit(ctx, &tx, nil), "erase page %d of %s", e.Page, a)
}

// farewell tells the lifecycle endpoints of the account's installations of its end (design rule 17). An event's id
// derives from the deletion, so a repeat tells nobody twice. Each Tx also changes the deletion, so that an event is
// never committed after erasing began.
func (s *Service) farewell(ctx context.Context, a domain.AccountID, d domain.Deletion) error {
	account, err := s.store.Account(ctx, a)
	if fault.KindOf(err) == fault.NotFound || err == nil && (!account.Ending(s.now()) || d.Page > 1) {
		return nil
	}
	if err != nil {
		return err
	}
	installed, err := s.store.Installations(ctx, a)
	if err != nil {
		return err
	}
	var told []plugboard.Event
	for _, i := range installed {
		if i.State == domain.Disabled || !slices.ContainsFunc(i.Resources, func(r domain.ManagedResource) bool {
			return r.Kind == domain.StepLifecycle
		}) {
			continue
		}
		i.UpdatedAt = account.UpdatedAt
		e, err := plugboard.OfFarewell(domain.EventID(domain.DerivedID("evt", string(d.ID), string(i.Extension))), i)
		if err != nil {
			return err
		}
		told = append(told, e)
	}
	// sorted, so that a repeat makes the same transactions
	slices.SortFunc(told, func(x, y plugboard.Event) int { return strings.Compare(string(x.ID), string(y.ID)) })
	for together := range slices.Chunk(told, pageOfErasing) {
		const toldBefore = "told-before"
		var tx store.Tx
		for _, e := range together {
			tx.Emit(e).Else(fault.New(fault.Conflict, toldBefore, "The end is told already."))
		}
		next := d
		tx.Replace(&next)
		switch err := s.store.Commit(ctx, &tx, nil); {
		case fault.Is(err, toldBefore):
		case err != nil:
			return fault.Wrap(err, "tell of the end of %s", a)
		default:
			d = next
		}
	}
	return nil
}

// forget removes the account from records of others that name it: an extension's test accounts, a roll-out's
// failures. Each is a transaction of its own, since there may be more than one transaction takes. It runs before the
// items that lead to these records are erased, so that a crash in between loses none.
func (s *Service) forget(ctx context.Context, a domain.AccountID, found []store.Belonging) error {
	for _, b := range found {
		var err error
		switch b.Record {
		case domain.RecordTrial, domain.RecordInvitation:
			err = s.leaveTrial(ctx, a, b.Extension)
		case domain.RecordInstallation:
			err = s.leaveRollouts(ctx, a, b.Extension)
		}
		if err != nil {
			return fault.Wrap(err, "take %s out of what is of %s", a, b.Extension)
		}
	}
	return nil
}

func (s *Service) leaveTrial(ctx context.Context, a domain.AccountID, id domain.ExtensionID) error {
	e, err := s.store.Extension(ctx, id)
	if err != nil || !slices.Contains(e.TestAccounts, a) {
		return err
	}
	e.Leave(a)
	e.TestAccounts = slices.DeleteFunc(slices.Clone(e.TestAccounts), func(o domain.AccountID) bool { return o == a })
	var tx store.Tx
	tx.Replace(&e)
	return s.store.Commit(ctx, &tx, nil)
}

func (s *Service) leaveRollouts(ctx context.Context, a domain.AccountID, id domain.ExtensionID) error {
	rollouts, err := s.store.Rollouts(ctx, id)
	if err != nil {
		return err
	}
	for _, r := range rollouts {
		if !r.Forget(a) {
			continue
		}
		var tx store.Tx
		tx.Replace(&r)
		if err := s.store.Commit(ctx, &tx, nil); err != nil {
			return err
		}
	}
	return nil
}
