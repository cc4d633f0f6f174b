package enablement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// maxEnabledAtOnce keeps the enabling of an extension and its dependencies within one DynamoDB transaction
// (100 items): each installation takes four writes, each that is there already one; three count by quotas.
const maxEnabledAtOnce = 20

// unobtainable says why an extension cannot be enabled or depended on.
type unobtainable struct{ code, detail string }

func (u *unobtainable) Error() string { return u.detail }

func asUnobtainable(err error, u **unobtainable) bool { return errors.As(err, u) }

// shelf holds the blueprints that one request may install, each read once: the listed ones, and the one on trial
// that it asks for.
type shelf struct {
	store *store.Store
	read  map[domain.ExtensionID]domain.Blueprint
}

func newShelf(s *store.Store) shelf {
	return shelf{store: s, read: map[domain.ExtensionID]domain.Blueprint{}}
}

// listed is the extension's blueprint in the catalogue; *unobtainable when it has none.
func (s shelf) listed(ctx context.Context, id domain.ExtensionID) (domain.Blueprint, error) {
	if b, ok := s.read[id]; ok {
		return b, nil
	}
	e, err := s.store.Extension(ctx, id)
	if fault.KindOf(err) == fault.NotFound || err == nil && e.ListedVersion == 0 {
		return domain.Blueprint{}, notListed(id)
	}
	if err != nil {
		return domain.Blueprint{}, err
	}
	b, err := s.store.Blueprint(ctx, id, e.ListedVersion)
	if err == nil {
		s.read[id] = b
	}
	return b, fault.Wrap(err, "the listed blueprint of %s", id)
}

// offered is the blueprint of the extension that enabling it would install in the account: the listed one, or the
// newest one before that, if the account tries the extension. *unobtainable when there is neither, whatever the
// reason, so that nobody learns what is not offered to him.
func (s shelf) offered(ctx context.Context, a domain.AccountID, id domain.ExtensionID) (domain.Blueprint, error) {
	b, err := s.listed(ctx, id)
	var u *unobtainable
	if !asUnobtainable(err, &u) {
		return b, err
	}
	if _, err := s.store.Trial(ctx, a, id); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return b, u
		}
		return b, err
	}
	return s.onTrial(ctx, id)
}

// onTrial is the newest blueprint of an extension that is not listed. *unobtainable when there is none.
func (s shelf) onTrial(ctx context.Context, id domain.ExtensionID) (domain.Blueprint, error) {
	versions, err := s.store.Versions(ctx, id)
	if err != nil {
		return domain.Blueprint{}, err
	}
	newest, ok := domain.Newest(versions)
	if !ok {
		return domain.Blueprint{}, notListed(id)
	}
	b, err := s.store.Blueprint(ctx, id, newest.Version)
	if err == nil {
		s.read[id] = b
	}
	return b, fault.Wrap(err, "the newest blueprint of %s", id)
}

func notListed(id domain.ExtensionID) *unobtainable {
	return &unobtainable{"unlisted-dependency", fmt.Sprintf("The extension %q is not listed.", id)}
}

// closure is the blueprints that enabling d takes: dependencies of all levels before what needs them, d's own
// last. path is the way here, to find cycles. The error is *unobtainable for an extension that is not listed,
// too old, part of a cycle, or needs too many others.
func (s shelf) closure(ctx context.Context, d domain.Dependency, path ...domain.ExtensionID) ([]domain.Blueprint, error) {
	var ordered []domain.Blueprint
	var visit func(d domain.Dependency, path []domain.ExtensionID) error
	visit = func(d domain.Dependency, path []domain.ExtensionID) error {
		if slices.Contains(path, d.Extension) {
			return &unobtainable{"cyclic-dependency", "The dependencies go in a circle: " + arrows(append(path, d.Extension)) + "."}
		}
		b, err := s.listed(ctx, d.Extension)
		switch {
		case err != nil:
			return err
		case b.Version < d.MinVersion:
			return &unobtainable{"dependency-version", fmt.Sprintf("Version %d of the extension %q is needed; %d is listed.", d.MinVersion, d.Extension, b.Version)}
		case slices.ContainsFunc(ordered, func(o domain.Blueprint) bool { return o.Extension == b.Extension }):
			return nil
		}
		path = append(slices.Clone(path), d.Extension)
		for _, next := range b.Dependencies {
			if err := visit(next, path); err != nil {
				return err
			}
		}
		if ordered = append(ordered, b); len(ordered) > maxEnabledAtOnce {
			return &unobtainable{"too-many-dependencies", fmt.Sprintf("Enabling it would enable more than %d extensions.", maxEnabledAtOnce)}
		}
		return nil
	}
	err := visit(d, path)
	return ordered, err
}

func arrows(ids []domain.ExtensionID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	return strings.Join(names, " → ")
}
