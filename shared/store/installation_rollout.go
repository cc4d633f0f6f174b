package store

import (
	"context"
	"slices"

	"plugboard/shared/domain"
)

func (s *Store) Rollout(ctx context.Context, e domain.ExtensionID, id domain.RolloutID) (domain.Rollout, error) {
	return get[domain.Rollout](ctx, s, rolloutKey(e, id), "roll-out")
}

// Rollouts is every roll-out of the extension, the first created first.
func (s *Store) Rollouts(ctx context.Context, e domain.ExtensionID) ([]domain.Rollout, error) {
	return list[domain.Rollout](ctx, s, extensionKey(e).pk, "ROLLOUT#")
}

// Roster is a page of the accounts that have the extension, after one; empty starts at the first.
func (s *Store) Roster(ctx context.Context, e domain.ExtensionID, after domain.AccountID,
	most int) ([]domain.AccountID, error) {
	from := ""
	if after != "" {
		from = rosterKey(e, after).sk
	}
	lines, _, err := page[domain.Installed](ctx, s, extensionKey(e).pk, rosterKey(e, "").sk, from, most)
	if err != nil {
		return nil, err
	}
	accounts := make([]domain.AccountID, len(lines))
	for i, line := range lines {
		accounts[i] = line.Account
	}
	return accounts, nil
}

// InstallationsOf is the installations of the extension in those accounts, at most 100, in their order. Missing ones
// are left out.
func (s *Store) InstallationsOf(ctx context.Context, e domain.ExtensionID,
	accounts []domain.AccountID) ([]domain.Installation, error) {
	keyed := make([]domain.Installation, len(accounts))
	for n, a := range accounts {
		keyed[n] = domain.Installation{Account: a, Extension: e}
	}
	all, err := getAll(ctx, s, keyed)
	return slices.DeleteFunc(all, func(i domain.Installation) bool { return i.Account == "" }), err
}
