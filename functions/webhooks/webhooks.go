package webhooks

import (
	"context"

	"plugboard/events"
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
		if !visible(w, caller) {
			continue
		}
		view, err := s.view(ctx, w, health[w.ID].Of(w))
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return &contract.ListWebhooksOutput{Body: contract.PageOf(views,
		func(v contract.WebhookView) string { return string(v.ID) }, in.PageInput)}, nil
}

// Read shows a webhook, with the number of deliveries that are parked for it.
func (s *Service) Read(ctx context.Context, in *contract.WebhookInput) (*contract.ReadWebhookOutput, error) {
	w, health, err := s.webhookAndHealth(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	out := &contract.ReadWebhookOutput{ETag: w.ETag()}
	if out.Body.WebhookView, err = s.view(ctx, w, health); err != nil {
		return nil, err
	}
	out.Body.Parked, err = s.store.CountParked(ctx, w.ID, contract.ParkedMost)
	return out, err
}

// Create makes a webhook of the account's own. The answer shows the new signing secret, this once. The webhook is
// sent a ping, so that its log shows an unreachable endpoint before the first event is missed. Invalid with every
// fault. Conflict `quota-exceeded` at the account's limit. Forbidden to an extension's token.
func (s *Service) Create(ctx context.Context, in *contract.CreateWebhookInput) (*contract.CreateWebhookOutput, error) {
	if auth.From(ctx).Extension() != "" {
		return nil, fault.New(fault.Forbidden, "extension-token",
			"An extension's webhooks come from its blueprint. Use an account's own credential.")
	}
	account, now := auth.From(ctx).Account, s.now()
	w := domain.Webhook{
		Account: account, ID: domain.WebhookID(s.newID("whk")), Name: in.Body.Name, URL: in.Body.URL, CreatedAt: now,
		UpdatedAt: now,
	}
	w.Policy = in.Body.Policy
	filter(&w, in.Body.Filters)
	wrong, err := s.validateNew(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	if err := s.prove(ctx, &w, in.Change()); err != nil {
		return nil, err
	}
	signing := secret.NewSigningSecret()
	if w.Secret, err = s.seal.Seal(ctx, account, string(w.ID), signing); err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Create(&w)
	tx.Count(account, domain.QuotaWebhooks, 1)
	ping, err := events.OfPing(domain.EventID(s.newID("evt")), w, now)
	if err != nil {
		return nil, err
	}
	tx.Emit(ping)
	out := &contract.CreateWebhookOutput{ETag: w.ETag()}
	out.Body.WebhookView, out.Body.SigningSecret = contract.ViewWebhook(w, domain.WebhookBlueprint{}, domain.Health{},
		now), domain.ShownOnce(signing.Reveal())
	return out, s.store.Commit(ctx, &tx, out)
}

// Update changes the given members. Enabling clears the webhook's health and sends a ping, as the probe of its
// endpoint. Conflict `managed-resource` for any change of a managed webhook but paused and enabled. Stale when
// If-Match names another version; Conflict `raced` after a concurrent change.
func (s *Service) Update(ctx context.Context, in *contract.UpdateWebhookInput) (*contract.UpdateWebhookOutput, error) {
	w, health, err := s.webhookAndHealth(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	switch {
	case w.Extension != "" && in.Defines():
		return nil, domain.ManagedBy(w.Extension, "webhook")
	case !domain.MatchesETag(in.IfMatch, w.ETag()):
		return nil, stale()
	}
	// Only given members are checked, so that pausing never fails for a member that was valid when it was set.
	wrong, err := s.changeFaults(ctx, w, in)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	set(&w.Paused, in.Body.Paused)
	set(&w.Name, in.Body.Name)
	set(&w.URL, in.Body.URL)
	set(&w.Policy, in.Body.Policy)
	filter(&w, in.Body.Filters)
	if err := s.prove(ctx, &w, in.Change()); err != nil {
		return nil, err
	}
	w.UpdatedAt = s.now()
	var tx store.Tx
	if replaced := tx.Replace(&w); in.IfMatch != "" {
		replaced.Else(stale())
	}
	if in.Body.Enabled != nil {
		tx.Discard(health)
		health = domain.Health{}
		ping, err := events.OfPing(domain.EventID(s.newID("evt")), w, w.UpdatedAt)
		if err != nil {
			return nil, err
		}
		tx.Emit(ping)
	}
	out := &contract.UpdateWebhookOutput{ETag: w.ETag()}
	if out.Body, err = s.view(ctx, w, health); err != nil {
		return nil, err
	}
	return out, s.store.Commit(ctx, &tx, out)
}

// Delete removes a webhook of the account's own. Its deliveries on the way are cancelled. Conflict `managed-resource`
// for a managed webhook.
func (s *Service) Delete(ctx context.Context, in *contract.WebhookInput) (*contract.DeleteWebhookOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	if w.Extension != "" {
		return nil, domain.ManagedBy(w.Extension, "webhook")
	}
	agents, err := s.store.Agents(ctx, w.Account, w.ID)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	for _, a := range agents {
		tx.Discard(a)
		tx.Discard(domain.AgentKey{Hash: a.Hash})
	}
	tx.Delete(&w)
	tx.Remember(w, s.now())
	tx.Count(w.Account, domain.QuotaWebhooks, -1)
	out := &contract.DeleteWebhookOutput{}
	return out, s.store.Commit(ctx, &tx, out)
}

// urlFaults reports a URL that this stage does not send to.
func (s *Service) urlFaults(pointer string, use domain.URLUse, url string) []fault.Field {
	if problem := s.egress.URLProblem(use, url); problem != "" {
		return []fault.Field{{Pointer: pointer, Code: "invalid", Detail: problem}}
	}
	return nil
}

// credentialFaults reports what is wrong with a change of c.
func (s *Service) credentialFaults(c domain.Credentials, given domain.CredentialsChange) []fault.Field {
	wrong := c.CheckChange(given)
	if to := given.Parts["token_url"]; to != "" {
		wrong = append(wrong, s.urlFaults("/auth/token_url", domain.TokenURL, to)...)
	}
	return wrong
}

// prove sets the given credentials on w. Each secret is sealed for its part.
func (s *Service) prove(ctx context.Context, w *domain.Webhook, given domain.CredentialsChange) error {
	changed, plain := w.Credentials.Change(given)
	for part, value := range plain {
		sealed, err := s.seal.Seal(ctx, w.Account, domain.CredentialResource(w.ID, part), value)
		if err != nil {
			return err
		}
		changed.Secrets[part] = sealed
	}
	w.Credentials = changed
	return nil
}

// validateNew is everything that is wrong with a new webhook in the light of the stage and the account.
func (s *Service) validateNew(ctx context.Context, in *contract.CreateWebhookInput) ([]fault.Field, error) {
	wrong, err := s.filterFaults(ctx, auth.From(ctx).Account, in.Body.Filters)
	wrong = append(wrong, s.urlFaults("/url", domain.WebhookURL, in.Body.URL)...)
	wrong = append(wrong, domain.Credentials{}.CheckPulled(in.Body.URL, in.Change())...)
	return append(wrong, s.credentialFaults(domain.Credentials{}, in.Change())...), err
}

// changeFaults is validateNew, of what is given, for w as it is.
func (s *Service) changeFaults(ctx context.Context, w domain.Webhook,
	in *contract.UpdateWebhookInput) ([]fault.Field, error) {
	wrong, err := s.filterFaults(ctx, auth.From(ctx).Account, in.Body.Filters)
	wrong = append(wrong, s.credentialFaults(w.Credentials, in.Change())...)
	if to := in.Body.URL; to != nil {
		wrong = append(wrong, s.urlFaults("/url", domain.WebhookURL, *to)...)
	}
	to := w.URL
	set(&to, in.Body.URL)
	wrong = append(wrong, w.Credentials.CheckPulled(to, in.Change())...)
	return append(wrong, w.Credentials.MovedSecrets(in.Change(), w.URL, to)...), err
}

// validateChange is changeFaults, for an input that is wrong already.
func (s *Service) validateChange(ctx context.Context, in *contract.UpdateWebhookInput) ([]fault.Field, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil || w.Extension != "" {
		return nil, err
	}
	return s.changeFaults(ctx, w, in)
}

func stale() error {
	return fault.New(fault.Stale, "stale", "The webhook has changed since you read it. Read it again and repeat.")
}

// set copies a given value; a nil given leaves v unchanged.
func set[T any](v *T, given *T) {
	if given != nil {
		*v = *given
	}
}
