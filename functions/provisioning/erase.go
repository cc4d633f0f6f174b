package provisioning

import (
	"context"
	"log/slog"
	"slices"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// pageOfErasing is how many items one page erases: with the record of it, well within a DynamoDB transaction (100).
const pageOfErasing = 80

// erase does one page of an account's erasing (design rule 27): a transaction that erases some, counts it in the proof,
// and asks for the next page; the last one erases the account itself, and says when. A message for another page than
// comes next is a repetition. So a crash at any point loses nothing, and nothing is counted twice.
func (s *Service) erase(ctx context.Context, a domain.AccountID, e plugboard.Erasing) error {
	d, err := s.store.Deletion(ctx, a)
	if err != nil {
		return fault.Wrap(err, "erase %s", a)
	}
	if d.ID != e.Deletion || d.Page != e.Page || !d.FinishedAt.IsZero() {
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
		tx.Provision(plugboard.Provision{ID: s.newID("prv"), Account: a, At: s.now(), Erasing: &plugboard.Erasing{Deletion: d.ID, Page: d.Page}})
	} else {
		tx.Discard(domain.Account{ID: a})
		d.Erased[domain.RecordAccount]++
		d.FinishedAt = s.now()
	}
	tx.Replace(&d)
	slog.InfoContext(ctx, "erasing", "account", a, "deletion", d.ID, "page", e.Page, "items", len(found), "more", more)
	return fault.Wrap(s.store.Commit(ctx, &tx, nil), "erase page %d of %s", e.Page, a)
}

// forget takes the account out of what is others' and names it: the test accounts of an extension that it tries, the
// failures of a roll-out that came to it. Each is a transaction of its own, since there may be more than one takes, and
// comes before what leads to it is erased, so that a crash between loses none.
func (s *Service) forget(ctx context.Context, a domain.AccountID, found []store.Belonging) error {
	for _, b := range found {
		var err error
		switch b.Record {
		case domain.RecordTrial:
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
