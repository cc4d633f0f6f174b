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

// enable runs the open steps, each in a transaction with its record. Then it sets the installation to enabled: only
// when every resource (design rule 4) and every dependency (rule 2) exists.
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
	if len(b.Dependencies) > 0 {
		installed, err := s.store.Installations(ctx, i.Account)
		if err != nil {
			return err
		}
		if err := dependenciesCame(installed, b); err != nil {
			return err
		}
	}
	i.State, i.UpdatedAt = domain.Enabled, s.now()
	return s.commit(ctx, plugboard.InstallationEnabled, &i, &store.Tx{})
}

// step runs one step of b and records it in the same transaction. A resource's id derives from the installation and
// the blueprint's keys, so a repeated step finds the same resource.
func (s *Service) step(ctx context.Context, i *domain.Installation, b domain.Blueprint, n int) error {
	var tx store.Tx
	var err error
	before := *i
	switch step := i.Steps[n]; step.Kind {
	case domain.StepTemplateType:
		err = s.templateType(ctx, &tx, i, b, step)
	case domain.StepWebhook:
		err = s.webhook(ctx, &tx, i, b, step)
	case domain.StepLifecycle:
		err = s.lifecycle(ctx, &tx, i, b)
	case domain.StepWithdrawal:
		err = s.withdraw(ctx, &tx, *i, b, step)
	case domain.StepWebhookRemoval:
		id := i.WebhookID(step.TypeKey, step.WebhookKey)
		tx.Retire(domain.Webhook{Account: i.Account, ID: id}, s.now())
		i.Disown(string(id))
	case domain.StepLifecycleRemoval:
		id := domain.LifecycleID(i.Account, i.Extension)
		tx.Retire(domain.Webhook{Account: i.Account, ID: id}, s.now())
		i.Disown(string(id))
	default:
		err = fmt.Errorf("unknown step kind %q", step.Kind)
	}
	if err != nil {
		return err
	}
	i.Steps = slices.Clone(i.Steps)
	i.Steps[n].DoneAt = s.now()
	i.UpdatedAt = i.Steps[n].DoneAt
	use := domain.Use{}
	use.Change(before, *i)
	tx.CountAll(i.Account, use)
	tx.Replace(i)
	return s.store.Commit(ctx, &tx, nil)
}

// templateType creates a template type, or updates the existing one to the blueprint's definition. It writes only the
// differences.
func (s *Service) templateType(ctx context.Context, tx *store.Tx, i *domain.Installation, b domain.Blueprint,
	step domain.Step) error {
	declared, ok := b.TemplateType(step.TypeKey)
	if !ok {
		return fmt.Errorf("blueprint %s version %d has no template type %q", b.Extension, b.Version, step.TypeKey)
	}
	found, err := s.store.TemplateType(ctx, i.Account, i.TemplateTypeID(step.TypeKey))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	t, err := i.DefineTemplateType(declared, found)
	if err != nil {
		return err
	}
	s.saveTemplateType(tx, t, found)
	i.Own(domain.ManagedResource{Kind: step.Kind, ID: string(t.ID), Name: t.Name, ExtensionType: t.ExtensionType})
	return nil
}

// saveTemplateType writes t if it differs from the stored one, and raises the fields' version if the difference
// matters to a contract being created.
func (s *Service) saveTemplateType(tx *store.Tx, t, found domain.TemplateType) {
	if t.Same(found) {
		return
	}
	t.UpdatedAt = s.now()
	if t.CreatedAt.IsZero() {
		t.CreatedAt = t.UpdatedAt
	}
	if found.Rev == 0 || t.ChangesAcceptedValues(found) {
		tx.BumpFields(t.Account, t.ID)
	}
	tx.Save(&t, t.Rev)
}

// withdraw sets the fields inactive that the version no longer has; all fields, when it no longer has the template
// type.
func (s *Service) withdraw(ctx context.Context, tx *store.Tx, i domain.Installation, b domain.Blueprint,
	step domain.Step) error {
	found, err := s.store.TemplateType(ctx, i.Account, i.TemplateTypeID(step.TypeKey))
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	declared, _ := b.TemplateType(step.TypeKey)
	s.saveTemplateType(tx, found.Withdraw(declared.Fields), found)
	return nil
}

// webhook creates one webhook for one template type, with its own secret, or updates this epoch's webhook to the
// blueprint's definition. The secret and the pause of an existing webhook stay.
func (s *Service) webhook(ctx context.Context, tx *store.Tx, i *domain.Installation, b domain.Blueprint,
	step domain.Step) error {
	declared, ok := b.Webhook(step.WebhookKey)
	if !ok {
		return fmt.Errorf("blueprint %s version %d has no webhook %q", b.Extension, b.Version, step.WebhookKey)
	}
	found, err := s.store.Webhook(ctx, i.Account, i.WebhookID(step.TypeKey, step.WebhookKey))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	w := i.DefineWebhook(b, declared, step.TypeKey, found)
	if !w.SameDefinition(found) {
		w.UpdatedAt = s.now()
		if w.Secret == "" {
			w.CreatedAt = w.UpdatedAt
			if w.Secret, err = s.seal.Seal(ctx, i.Account, string(w.ID), secret.NewSigningSecret()); err != nil {
				return err
			}
		}
		tx.Save(&w, w.Rev)
	}
	i.Own(domain.ManagedResource{Kind: step.Kind, ID: string(w.ID), Name: w.Name,
		ExtensionType: i.Extension.TypeOf(step.TypeKey)})
	return nil
}
