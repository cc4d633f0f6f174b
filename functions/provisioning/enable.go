package provisioning

import (
	"context"
	"fmt"
	"slices"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// enable does the steps that are not done, each in a transaction with its record, and then shows the
// installation as enabled: only when all of it exists (design rule 4).
func (s *Service) enable(ctx context.Context, i domain.Installation) error {
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return err
	}
	for n := i.NextStep(); n >= 0; n = i.NextStep() {
		if err := s.step(ctx, &i, b, n); err != nil {
			return fault.Wrap(err, "step %s", i.Steps[n].Name())
		}
	}
	i.State, i.UpdatedAt = domain.Enabled, s.now()
	return s.commit(ctx, plugboard.InstallationEnabled, &i, &store.Tx{})
}

// step makes one resource. Its id derives from the installation and the blueprint's keys, so that a step which
// runs again, after a crash or at the next enabling, meets the same resource.
func (s *Service) step(ctx context.Context, i *domain.Installation, b domain.Blueprint, n int) error {
	var tx store.Tx
	var made domain.ManagedResource
	var err error
	switch step := i.Steps[n]; step.Kind {
	case domain.StepTemplateType:
		made, err = s.templateType(ctx, &tx, *i, b, step)
	case domain.StepWebhook:
		made, err = s.webhook(ctx, &tx, *i, b, step)
	case domain.StepLifecycle:
		made, err = s.lifecycle(&tx, *i, b)
	default:
		err = fmt.Errorf("unknown step kind %q", step.Kind)
	}
	if err != nil {
		return err
	}
	i.Steps = slices.Clone(i.Steps)
	i.Steps[n].DoneAt = s.now()
	i.UpdatedAt = i.Steps[n].DoneAt
	i.Own(made)
	tx.Replace(i)
	return s.store.Commit(ctx, &tx, nil)
}

// templateType makes a template type, or brings the one of an earlier enabling to the blueprint's fields. What
// users added and which fields are active stays.
func (s *Service) templateType(ctx context.Context, tx *store.Tx, i domain.Installation, b domain.Blueprint, step domain.Step) (domain.ManagedResource, error) {
	id := templateTypeID(i, step.TypeKey)
	declared, ok := b.TemplateType(step.TypeKey)
	if !ok {
		return domain.ManagedResource{}, fmt.Errorf("blueprint %s version %d has no template type %q", b.Extension, b.Version, step.TypeKey)
	}
	t, err := s.store.TemplateType(ctx, i.Account, id)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return domain.ManagedResource{}, err
	}
	for _, f := range declared.Fields {
		if at := t.Field(f.CustomID); at >= 0 && t.Fields[at].Source == domain.SourceUser {
			return domain.ManagedResource{}, fault.New(fault.Conflict, "data-field-conflict", "The template type %q has a data field %q of a user's, which the extension needs for itself. Rename or delete that field, and retry.", t.Name, t.Fields[at].CustomID)
		}
	}
	now := s.now()
	t.Account, t.ID, t.Name, t.Description = i.Account, id, declared.Name, declared.Description
	t.Extension, t.ExtensionType, t.UpdatedAt = i.Extension, i.Extension.TypeOf(step.TypeKey), now
	t.Fields = t.WithSystemFields(declared.Fields)
	if t.CreatedAt.IsZero() {
		t.CreatedAt = now
	}
	tx.Save(&t, t.Rev)
	tx.BumpFields(i.Account, id)
	return domain.ManagedResource{Kind: step.Kind, ID: string(id), Name: t.Name, ExtensionType: t.ExtensionType}, nil
}

// webhook makes one webhook for one template type, with a secret of its own.
func (s *Service) webhook(ctx context.Context, tx *store.Tx, i domain.Installation, b domain.Blueprint, step domain.Step) (domain.ManagedResource, error) {
	declared, ok := b.Webhook(step.WebhookKey)
	if !ok {
		return domain.ManagedResource{}, fmt.Errorf("blueprint %s version %d has no webhook %q", b.Extension, b.Version, step.WebhookKey)
	}
	id := webhookID(i, step)
	sealed, err := s.seal.Seal(ctx, i.Account, string(id), secret.NewSigningSecret())
	if err != nil {
		return domain.ManagedResource{}, err
	}
	now := s.now()
	w := domain.Webhook{
		Account: i.Account, ID: id, Name: declared.Key + " of " + i.Extension.TypeOf(step.TypeKey), Extension: i.Extension, Epoch: i.Epoch,
		WebhookKey: declared.Key, TemplateType: templateTypeID(i, step.TypeKey), URL: declared.URL, EventTypes: declared.EventTypes,
		Secret: sealed, CreatedAt: now, UpdatedAt: now,
	}
	w.Bump()
	tx.Put(&w)
	return domain.ManagedResource{Kind: step.Kind, ID: string(id), Name: w.Name, ExtensionType: i.Extension.TypeOf(step.TypeKey)}, nil
}

func templateTypeID(i domain.Installation, key string) domain.TemplateTypeID {
	return domain.TemplateTypeID(domain.DerivedID("tt", string(i.Account), string(i.Extension), key))
}

func webhookID(i domain.Installation, step domain.Step) domain.WebhookID {
	return domain.WebhookID(domain.DerivedID("whk", string(i.Account), string(i.Extension), step.WebhookKey, step.TypeKey))
}
