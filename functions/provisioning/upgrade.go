package provisioning

import (
	"context"
	"slices"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// upgrade runs the open steps of the plan, then sets the new version. The extension works meanwhile: additions come
// first, each webhook moves to the new version as a whole, and removals come last. A failure at any step leaves a
// working extension, and a retry continues.
func (s *Service) upgrade(ctx context.Context, i domain.Installation) error {
	from, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return err
	}
	to, err := s.store.Blueprint(ctx, i.Extension, i.Upgrade.Version)
	if err != nil {
		return err
	}
	for n := i.NextStep(); n >= 0; n = i.NextStep() {
		if err := s.step(ctx, &i, to, n); err != nil {
			return fault.Wrap(err, "step %s", i.Steps[n].Name())
		}
	}
	var tx store.Tx
	if err := s.exchangeDependencies(ctx, &tx, i, from, to); err != nil {
		return err
	}
	if err := s.rescope(ctx, &tx, i, to.Scopes); err != nil {
		return err
	}
	i = i.Upgraded(from, to, s.now())
	return s.commit(ctx, plugboard.InstallationUpgraded, &i, &tx)
}

// exchangeDependencies releases dependencies that the new version does not have. Conflict when a dependency that it
// does have is not enabled.
func (s *Service) exchangeDependencies(ctx context.Context, tx *store.Tx, i domain.Installation, from,
	to domain.Blueprint) error {
	if len(from.Dependencies)+len(to.Dependencies) == 0 {
		return nil
	}
	installed, err := s.store.Installations(ctx, i.Account)
	if err != nil {
		return err
	}
	if err := dependenciesCame(installed, to); err != nil {
		return err
	}
	for _, dependency := range installed {
		if slices.ContainsFunc(to.Dependencies, func(d domain.Dependency) bool {
			return d.Extension == dependency.Extension
		}) {
			continue
		}
		if dependency.Release(i.Extension) {
			tx.Replace(&dependency)
		}
	}
	return nil
}

// dependenciesCame is Conflict when a dependency of the version is not enabled, for instance because it failed and
// this installation was retried first.
func dependenciesCame(installed map[domain.ExtensionID]domain.Installation, b domain.Blueprint) error {
	for _, d := range b.Dependencies {
		if dependency := installed[d.Extension]; !dependency.Present() {
			return fault.New(fault.Conflict, "dependency-not-enabled",
				"Version %d needs the extension %q, which is not enabled. Enable it, or retry it if it failed, and "+
					"then retry this.", b.Version, d.Extension)
		}
	}
	return nil
}

// rescope gives the installation's tokens, at most two, the scopes of the new version.
func (s *Service) rescope(ctx context.Context, tx *store.Tx, i domain.Installation, scopes []domain.Scope) error {
	for _, hash := range []string{i.TokenHash, i.PreviousTokenHash} {
		if hash == "" {
			continue
		}
		token, err := s.store.Token(ctx, hash)
		if fault.KindOf(err) == fault.NotFound {
			continue // the previous token, whose overlap is over
		}
		if err != nil {
			return err
		}
		if !slices.Equal(token.Scopes, scopes) {
			token.Scopes = scopes
			tx.Replace(&token)
		}
	}
	return nil
}
