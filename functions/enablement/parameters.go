package enablement

import (
	"context"
	"maps"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// UpdateParameters changes the parameters that are named (design rule 7). Headers, query and auth have the new ones from
// the next attempt on; the body of a delivery that is on its way stays as it was fixed. What changes nothing is no
// change; a secret that is given always is one, since what it was is not opened to compare.
//
// Invalid with every value that is wrong, as when enabling; Conflict `installation-state` for a disabled installation,
// which takes its parameters when it is enabled; Stale when If-Match names another revision.
func (s *Service) UpdateParameters(ctx context.Context, in *contract.UpdateParametersInput) (*contract.UpdateParametersOutput, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, in.Extension)
	if err != nil {
		return nil, err
	}
	stale := fault.New(fault.Stale, "stale", "The installation has changed since you read it. Read it again and repeat.")
	switch {
	case in.IfMatch != "" && in.IfMatch != i.ETag():
		return nil, stale
	case i.State == domain.Disabling || i.State == domain.Disabled:
		return nil, fault.New(fault.Conflict, "installation-state", "The extension %q is %s. Give its parameters when you enable it.", i.Extension, i.State)
	}
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(b.CheckParameterChanges("/parameters", in.Body.Parameters)); err != nil {
		return nil, err
	}
	changed, err := s.changeParameters(ctx, &i, b, in.Body.Parameters)
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

// lookAtParameterChanges is what is wrong with the values of an input that is wrong already.
func (s *Service) lookAtParameterChanges(ctx context.Context, in *contract.UpdateParametersInput) ([]fault.Field, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, in.Extension)
	if err != nil {
		return nil, err
	}
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return nil, err
	}
	return b.CheckParameterChanges("/parameters", in.Body.Parameters), nil
}

// changeParameters puts the values into i, secret ones sealed, and tells the keys of those that changed, in the
// blueprint's order.
func (s *Service) changeParameters(ctx context.Context, i *domain.Installation, b domain.Blueprint, given map[string]*string) ([]string, error) {
	values := map[string]string{}
	for key, value := range given {
		if value != nil {
			values[key] = *value
		}
	}
	open, sealed, err := s.parameters(ctx, i.Account, b, values)
	if err != nil {
		return nil, err
	}
	before, secrets := i.Parameters, i.Secrets
	i.Parameters, i.Secrets = map[string]string{}, map[string]domain.Sealed{}
	maps.Copy(i.Parameters, before)
	maps.Copy(i.Secrets, secrets)
	var changed []string
	for _, p := range b.Parameters {
		if _, named := given[p.Key]; !named {
			continue
		}
		was, had := before[p.Key]
		_, hid := secrets[p.Key]
		delete(i.Parameters, p.Key)
		delete(i.Secrets, p.Key)
		is, has := open[p.Key]
		if has {
			i.Parameters[p.Key] = is
		}
		box, hides := sealed[p.Key]
		if hides {
			i.Secrets[p.Key] = box
		}
		if was != is || had != has || hid || hides {
			changed = append(changed, p.Key)
		}
	}
	return changed, nil
}
