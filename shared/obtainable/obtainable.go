// Package obtainable reads the extensions that can be enabled: the listed blueprints with their dependencies, and the
// blueprints that an account tries before they are listed.
package obtainable

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// MostAtOnce keeps the enabling of an extension and its dependencies within one DynamoDB transaction of 100 items. A
// new installation takes four writes, an existing one takes one, and quotas take three.
const MostAtOnce = 20

// Refusal is the fault, when err says why an extension cannot be enabled or depended on: a Conflict.
func Refusal(err error) (*fault.Error, bool) {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Conflict {
		return nil, false
	}
	return f, true
}

// Blueprints holds the blueprints that one request may install, each read once: the listed ones, and the one on trial
// that it asks for.
type Blueprints struct {
	store   *store.Store
	read    map[domain.ExtensionID]domain.Blueprint
	partner domain.PartnerID // whose submitted blueprints will do too
}

// New reads nothing yet.
func New(s *store.Store) Blueprints {
	return Blueprints{store: s, read: map[domain.ExtensionID]domain.Blueprint{}}
}

// NewFor also accepts the partner's own submitted blueprints where no listed one is new enough: a partner submits
// extensions together that are listed one after the other.
func NewFor(s *store.Store, partner domain.PartnerID) Blueprints {
	b := New(s)
	b.partner = partner
	return b
}

// needed is the blueprint that a dependency leads to, as Listed's.
func (s Blueprints) needed(ctx context.Context, d domain.Dependency) (domain.Blueprint, error) {
	b, err := s.Listed(ctx, d.Extension)
	_, unlisted := Refusal(err)
	if s.partner == "" || err != nil && !unlisted || err == nil && b.Version >= d.MinVersion {
		return b, err
	}
	e, missing := s.store.Extension(ctx, d.Extension)
	if fault.KindOf(missing) == fault.NotFound || missing == nil && e.Partner != s.partner {
		return b, err
	}
	if missing != nil {
		return b, missing
	}
	return s.OnTrial(ctx, d.Extension)
}

// Listed is the extension's blueprint in the catalogue; Refusal when it has none.
func (s Blueprints) Listed(ctx context.Context, id domain.ExtensionID) (domain.Blueprint, error) {
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

// Offered is the blueprint that enabling the extension would install in the account: the listed one or, when the
// account tries the extension, the newest submitted one. Otherwise it is the same Refusal whatever the reason, so
// that nobody learns of an extension that is not offered to them.
func (s Blueprints) Offered(ctx context.Context, a domain.AccountID, id domain.ExtensionID) (domain.Blueprint, error) {
	b, err := s.Listed(ctx, id)
	u, ok := Refusal(err)
	if !ok {
		return b, err
	}
	if _, err := s.store.Trial(ctx, a, id); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return b, u
		}
		return b, err
	}
	return s.OnTrial(ctx, id)
}

// OnTrial is the newest blueprint of an extension that is not listed. Refusal when there is none.
func (s Blueprints) OnTrial(ctx context.Context, id domain.ExtensionID) (domain.Blueprint, error) {
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

// Read is every blueprint that was read.
func (s Blueprints) Read() []domain.Blueprint { return slices.Collect(maps.Values(s.read)) }

func notListed(id domain.ExtensionID) error {
	return fault.New(fault.Conflict, "unlisted-dependency", "The extension %q is not listed.", id)
}

// Closure is the blueprints that enabling d takes: dependencies of all levels before what needs them, d's own
// last. path is the way here, to find cycles. The error is Refusal for an extension that is not listed,
// too old, part of a cycle, or needs too many others.
func (s Blueprints) Closure(ctx context.Context, d domain.Dependency,
	path ...domain.ExtensionID) ([]domain.Blueprint, error) {
	var ordered []domain.Blueprint
	var visit func(d domain.Dependency, path []domain.ExtensionID) error
	visit = func(d domain.Dependency, path []domain.ExtensionID) error {
		if slices.Contains(path, d.Extension) {
			return fault.New(fault.Conflict, "cyclic-dependency", "The dependencies go in a circle: %s.",
				arrows(append(path, d.Extension)))
		}
		b, err := s.needed(ctx, d)
		switch {
		case err != nil:
			return err
		case b.Version < d.MinVersion:
			return fault.New(fault.Conflict, "dependency-version",
				"Version %d of the extension %q is needed; %d is listed.", d.MinVersion, d.Extension, b.Version)
		case slices.ContainsFunc(ordered, func(o domain.Blueprint) bool { return o.Extension == b.Extension }):
			return nil
		}
		path = append(slices.Clone(path), d.Extension)
		for _, next := range b.Dependencies {
			if err := visit(next, path); err != nil {
				return err
			}
		}
		if ordered = append(ordered, b); len(ordered) > MostAtOnce {
			return fault.New(fault.Conflict, "too-many-dependencies",
				"Enabling it would enable more than %d extensions.", MostAtOnce)
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
