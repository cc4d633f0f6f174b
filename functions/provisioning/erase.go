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
	var tx store.Tx
	if err := s.leaveTrials(ctx, &tx, a, found); err != nil {
		return err
	}
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

// leaveTrials takes the account out of the test accounts of the extensions that it tries.
func (s *Service) leaveTrials(ctx context.Context, tx *store.Tx, a domain.AccountID, found []store.Belonging) error {
	for _, b := range found {
		if b.Extension == "" {
			continue
		}
		e, err := s.store.Extension(ctx, b.Extension)
		if err != nil {
			return fault.Wrap(err, "the extension %s, on trial in %s", b.Extension, a)
		}
		if slices.Contains(e.TestAccounts, a) {
			e.TestAccounts = slices.DeleteFunc(slices.Clone(e.TestAccounts), func(o domain.AccountID) bool { return o == a })
			tx.Replace(&e)
		}
	}
	return nil
}
