package fanout

import (
	"context"
	"encoding/json"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// account is what one invocation knows of an account: read once, when the first of its events comes. That is
// after all of the batch was committed, so no webhook that was there before an event is missing. It is kept for
// no other invocation: one that was made since would be missing, and its events lost.
type account struct {
	records  Records
	id       domain.AccountID
	webhooks []domain.Webhook
	health   map[domain.WebhookID]domain.Health // of those that are not well
	sources  map[declaredBy]source
}

// declaredBy is what declares a managed webhook. While an extension upgrades, its webhooks are of two versions.
type declaredBy struct {
	extension domain.ExtensionID
	version   int
}

// source is what the contexts of an extension's webhooks are made of.
type source struct {
	installation domain.Installation
	blueprint    domain.Blueprint
}

func (i *invocation) account(ctx context.Context, id domain.AccountID) (*account, error) {
	if known, ok := i.accounts[id]; ok {
		return known, nil
	}
	webhooks, health, err := i.service.records.WebhooksAndHealth(ctx, id)
	if err != nil {
		return nil, fault.Wrap(err, "webhooks of %s", id)
	}
	a := &account{records: i.service.records, id: id, webhooks: webhooks, health: health, sources: map[declaredBy]source{}}
	i.accounts[id] = a
	return a, nil
}

// delivery is the first message of the delivery of e to w. The context is fixed here, so that the body is the same on
// every attempt, whatever becomes of the parameters (design rule 18). A slow endpoint's goes by the slow lane (rule 20).
func (a *account) delivery(ctx context.Context, w domain.Webhook, e events.Event) (events.Delivery, error) {
	d := events.DeliveryTo(w, e)
	d.Body, d.Slow = string(e.Body), a.health[w.ID].Of(w).Slow()
	if w.Extension != "" && !w.Lifecycle {
		filled, err := a.context(ctx, w)
		if err != nil {
			return d, err
		}
		d.Context = filled
	}
	return d, nil
}

// context fills the webhook's templates with the installation's parameters, none of which are secret (design
// rule 7), as a JSON object; empty when it declares none. Keys are sorted.
func (a *account) context(ctx context.Context, w domain.Webhook) (string, error) {
	s, err := a.source(ctx, declaredBy{w.Extension, w.Version})
	if err != nil {
		return "", err
	}
	declared, _ := s.blueprint.Webhook(w.WebhookKey)
	if len(declared.Context) == 0 {
		return "", nil
	}
	filled, values := make(map[string]string, len(declared.Context)), domain.ParameterTexts(s.installation.Parameters)
	for name, text := range declared.Context {
		filled[name] = domain.FillTemplate(text, values)
	}
	raw, err := json.Marshal(filled)
	return string(raw), err
}

// source reads an installation and its blueprint once. An installation that is gone leaves it empty: delivery
// will cancel what is sent for it.
func (a *account) source(ctx context.Context, by declaredBy) (source, error) {
	if known, ok := a.sources[by]; ok {
		return known, nil
	}
	var s source
	var err error
	if s.installation, err = a.records.Installation(ctx, a.id, by.extension); fault.KindOf(err) != fault.NotFound {
		if err == nil {
			s.blueprint, err = a.records.Blueprint(ctx, by.extension, by.version)
		}
		if err != nil {
			return source{}, err
		}
	}
	a.sources[by] = s
	return s, nil
}
