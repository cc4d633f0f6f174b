package webhooks

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// List lists the webhooks that the caller sees.
func (s *Service) List(ctx context.Context, in *contract.ListWebhooksInput) (*contract.ListWebhooksOutput, error) {
	caller := auth.From(ctx)
	all, health, err := s.store.WebhooksAndHealth(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	views := []contract.WebhookView{}
	for _, w := range all {
		if visible(w, caller) {
			views = append(views, contract.ViewWebhook(w, health[w.ID].Of(w)))
		}
	}
	return &contract.ListWebhooksOutput{Body: contract.PageOf(views, func(v contract.WebhookView) string { return string(v.ID) }, in.PageInput)}, nil
}

// Read shows one.
func (s *Service) Read(ctx context.Context, in *contract.WebhookInput) (*contract.ReadWebhookOutput, error) {
	w, health, err := s.webhookAndHealth(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	return &contract.ReadWebhookOutput{Body: contract.ViewWebhook(w, health)}, nil
}

// Create makes a webhook of the account's own, with a new signing secret. Invalid with everything that is wrong;
// Conflict `quota-exceeded` when the account has as many as it may.
func (s *Service) Create(ctx context.Context, in *contract.CreateWebhookInput) (*contract.CreateWebhookOutput, error) {
	account, now := auth.From(ctx).Account, s.now()
	w := domain.Webhook{
		Account: account, ID: domain.WebhookID(s.newID("whk")), Name: in.Body.Name, URL: in.Body.URL, EventTypes: in.Body.EventTypes,
		CreatedAt: now, UpdatedAt: now,
	}
	if err := fault.InvalidFields(s.urlFaults(w.URL)); err != nil {
		return nil, err
	}
	var err error
	if w.Secret, err = s.seal.Seal(ctx, account, string(w.ID), secret.NewSigningSecret()); err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Create(&w)
	tx.Count(account, domain.QuotaWebhooks, 1)
	out := &contract.CreateWebhookOutput{Body: contract.ViewWebhook(w, domain.Health{})}
	return out, s.store.Commit(ctx, &tx, out)
}

// Update changes what is given. Conflict `managed-resource` for anything but paused and enabled of a managed webhook;
// Conflict `raced` when it changed in between. Enabling forgets how the webhook fared, and sends nothing by itself: the
// next event is the probe.
func (s *Service) Update(ctx context.Context, in *contract.UpdateWebhookInput) (*contract.UpdateWebhookOutput, error) {
	w, health, err := s.webhookAndHealth(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	if w.Extension != "" && (in.Body.Name != nil || in.Body.URL != nil || in.Body.EventTypes != nil) {
		return nil, domain.ManagedBy(w.Extension, "webhook")
	}
	set(&w.Paused, in.Body.Paused)
	set(&w.Name, in.Body.Name)
	set(&w.URL, in.Body.URL)
	set(&w.EventTypes, in.Body.EventTypes)
	if in.Body.URL != nil { // pausing never fails for what was allowed when it was made
		if err := fault.InvalidFields(s.urlFaults(w.URL)); err != nil {
			return nil, err
		}
	}
	w.UpdatedAt = s.now()
	var tx store.Tx
	tx.Replace(&w)
	if in.Body.Enabled != nil {
		tx.Discard(health)
		health = domain.Health{}
	}
	out := &contract.UpdateWebhookOutput{Body: contract.ViewWebhook(w, health)}
	return out, s.store.Commit(ctx, &tx, out)
}

// Delete removes a webhook of the account's own; what is on its way to it is cancelled. Conflict
// `managed-resource` for a managed one.
func (s *Service) Delete(ctx context.Context, in *contract.WebhookInput) (*contract.DeleteWebhookOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	if w.Extension != "" {
		return nil, domain.ManagedBy(w.Extension, "webhook")
	}
	var tx store.Tx
	tx.Delete(&w)
	tx.Remember(w, s.now())
	tx.Count(w.Account, domain.QuotaWebhooks, -1)
	out := &contract.DeleteWebhookOutput{}
	return out, s.store.Commit(ctx, &tx, out)
}

// ReadSecret shows the signing secret. It is no ShownOnce of a mutation: a receiver may be set up at any time. Conflict
// `partners-secret` for a lifecycle webhook's, which signs for every account of the extension.
func (s *Service) ReadSecret(ctx context.Context, in *contract.WebhookInput) (*contract.ReadWebhookSecretOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	if w.Lifecycle {
		return nil, fault.New(fault.Conflict, "partners-secret", "The lifecycle webhook of %q is signed with a secret of its partner's, who alone has it.", w.Extension)
	}
	plain, err := s.seal.Open(ctx, w.Account, string(w.ID), w.Secret)
	if err != nil {
		return nil, err
	}
	out := &contract.ReadWebhookSecretOutput{CacheControl: "no-store"}
	out.Body.Secret = domain.ShownOnce(plain.Reveal())
	return out, nil
}

// urlFaults reports a URL that this stage sends nothing to.
func (s *Service) urlFaults(url string) []fault.Field {
	if problem := s.egress.URLProblem(url); problem != "" {
		return []fault.Field{{Pointer: "/url", Code: "invalid", Detail: problem}}
	}
	return nil
}

func (s *Service) lookAtNew(_ context.Context, in *contract.CreateWebhookInput) ([]fault.Field, error) {
	return s.urlFaults(in.Body.URL), nil
}

func (s *Service) lookAtChange(_ context.Context, in *contract.UpdateWebhookInput) ([]fault.Field, error) {
	if in.Body.URL == nil {
		return nil, nil
	}
	return s.urlFaults(*in.Body.URL), nil
}

// set takes what was given; nil leaves it.
func set[T any](v *T, given *T) {
	if given != nil {
		*v = *given
	}
}
