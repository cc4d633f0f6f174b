package enablement

import (
	"context"
	"maps"
	"slices"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// UpdateParameters changes the named parameters (design rule 7). Headers, query and auth use the new values from the
// next attempt on; the body of a delivery under way stays. A request that changes nothing writes nothing; a given
// secret always counts as a change, since the stored one is not opened to compare.
//
// Invalid with every wrong value, by both versions during an upgrade; Conflict `installation-state` for a disabled
// installation, which takes its parameters when it is enabled; Stale when If-Match names another revision.
func (s *Service) UpdateParameters(ctx context.Context,
	in *contract.UpdateParametersInput) (*contract.UpdateParametersOutput, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, in.Extension)
	if err != nil {
		return nil, err
	}
	stale := fault.New(fault.Stale, "stale",
		"The installation has changed since you read it. Read it again and repeat.")
	switch {
	case !domain.MatchesETag(in.IfMatch, i.ETag()):
		return nil, stale
	case i.State == domain.Disabling || i.State == domain.Disabled:
		return nil, fault.New(fault.Conflict, "installation-state",
			"The extension %q is %s. Give its parameters when you enable it.", i.Extension, i.State)
	}
	versions, err := s.readingVersions(ctx, i)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(parameterChangeFaults(versions, in.Body.Parameters)); err != nil {
		return nil, err
	}
	changed, err := s.changeParameters(ctx, &i, versions, in.Body.Parameters)
	if err != nil || len(changed) == 0 {
		return &contract.UpdateParametersOutput{ETag: i.ETag(), Body: contract.ViewInstallation(i)}, err
	}
	i.UpdatedAt = s.now()
	event, err := events.OfParameters(domain.EventID(s.newID("evt")), i, changed)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	if replaced := tx.Replace(&i); in.IfMatch != "" {
		replaced.Else(stale)
	}
	tx.Emit(event)
	out := &contract.UpdateParametersOutput{ETag: i.ETag(), Body: contract.ViewInstallation(i)}
	return out, s.store.Commit(ctx, &tx, out)
}

// validateParameterChanges is what is wrong with the values of an input that is wrong already.
func (s *Service) validateParameterChanges(ctx context.Context,
	in *contract.UpdateParametersInput) ([]fault.Field, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, in.Extension)
	if err != nil {
		return nil, err
	}
	versions, err := s.readingVersions(ctx, i)
	if err != nil {
		return nil, err
	}
	return parameterChangeFaults(versions, in.Body.Parameters), nil
}

// readingVersions are the versions that read the installation's parameters: its own and, during an upgrade and after
// one that failed, the one that it leads to.
func (s *Service) readingVersions(ctx context.Context, i domain.Installation) ([]domain.Blueprint, error) {
	numbers := []int{i.Version}
	if i.State == domain.Upgrading || i.HalfUpgraded() {
		numbers = append(numbers, i.Upgrade.Version)
	}
	var versions []domain.Blueprint
	for _, n := range numbers {
		b, err := s.store.Blueprint(ctx, i.Extension, n)
		if err != nil {
			return nil, err
		}
		versions = append(versions, b)
	}
	return versions, nil
}

// parameterChangeFaults collects each version's faults of the parameters that it declares. A parameter that no
// version declares is unknown.
func parameterChangeFaults(versions []domain.Blueprint, given map[string]domain.ParameterValue) []fault.Field {
	var wrong []fault.Field
	known := map[string]bool{}
	for n, b := range versions {
		theirs := map[string]domain.ParameterValue{}
		for key, value := range given {
			_, declared := b.Parameters.Properties[key]
			if known[key] = known[key] || declared; declared || n == len(versions)-1 && !known[key] {
				theirs[key] = value
			}
		}
		for _, f := range b.CheckParameterChanges("/parameters", theirs) {
			if !slices.Contains(wrong, f) { // both say it
				wrong = append(wrong, f)
			}
		}
	}
	return wrong
}

// changeParameters stores the values in i, sealed where a version declares them secret, and returns the changed keys
// in the versions' order.
func (s *Service) changeParameters(ctx context.Context, i *domain.Installation, versions []domain.Blueprint,
	given map[string]domain.ParameterValue) ([]string, error) {
	open, sealed := map[string]domain.ParameterValue{}, map[string]domain.Sealed{}
	var keys []string
	for _, b := range versions {
		values := b.Parameters.WithDefaults(given)
		maps.DeleteFunc(values, func(key string, _ domain.ParameterValue) bool {
			_, named := given[key]
			return !named
		})
		theirs, boxes, err := s.parameters(ctx, i.Account, b, values)
		if err != nil {
			return nil, err
		}
		maps.Copy(open, theirs)
		maps.Copy(sealed, boxes)
		for _, p := range b.Parameters.All() {
			if _, named := given[p.Key]; named && !slices.Contains(keys, p.Key) {
				keys = append(keys, p.Key)
			}
		}
	}
	before, secrets := i.Parameters, i.Secrets
	i.Parameters, i.Secrets = map[string]domain.ParameterValue{}, map[string]domain.Sealed{}
	maps.Copy(i.Parameters, before)
	maps.Copy(i.Secrets, secrets)
	var changed []string
	for _, key := range keys {
		was, had := before[key]
		_, hid := secrets[key]
		delete(i.Parameters, key)
		delete(i.Secrets, key)
		is, has := open[key]
		if has {
			i.Parameters[key] = is
		}
		box, hides := sealed[key]
		if hides {
			i.Secrets[key] = box
		}
		if was != is || had != has || hid || hides {
			changed = append(changed, key)
		}
	}
	return changed, nil
}
