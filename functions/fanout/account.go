package fanout

import (
	"context"
	"encoding/json"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/queue"
)

// account is an account as one invocation knows it. It is read when the first of its events comes, after the whole
// batch was committed, so no webhook older than an event is missing. It is never kept for the next invocation: a
// webhook created in between would be missing, and its events lost.
type account struct {
	domain.Account // zero unless the account lives
	records        Records
	id             domain.AccountID
	at             time.Time // when reading began
	webhooks       []domain.Webhook
	health         map[domain.WebhookID]domain.Health // of webhooks that are not healthy
	sources        map[blueprintKey]source
	hints          map[domain.WebhookID]string // target hints by webhook
}

// blueprintKey is the blueprint version that declares a managed webhook. During an upgrade, an extension's webhooks are
// of two versions.
type blueprintKey struct {
	extension domain.ExtensionID
	version   int
}

// source holds the inputs of the contexts of an extension's webhooks.
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
	a := &account{
		Account: i.living[id], records: i.service.records, id: id, at: i.at, webhooks: webhooks, health: health,
		sources: map[blueprintKey]source{}, hints: map[domain.WebhookID]string{},
	}
	i.accounts[id] = a
	return a, nil
}

// delivery is the first message of the delivery of e to w. The context is fixed here, so that the body is the same on
// every attempt, even when parameters change (design rule 18). Deliveries to a slow endpoint go to the slow queue
// (rule 20).
func (a *account) delivery(ctx context.Context, w domain.Webhook, e events.Event) (events.Delivery, error) {
	d := events.DeliveryTo(w, e)
	d.Body, d.Slow = string(e.Body), a.health[w.ID].Of(w).Slow()
	if w.Extension != "" && !w.Lifecycle {
		filled, err := a.context(ctx, w)
		if err != nil {
			return d, err
		}
		d.Context = filled
		d.Known = a.sources[blueprintKey{w.Extension, w.Version}].installation.Rev
	}
	d.Known += w.Rev
	var err error
	d.Target, err = a.targetHint(w)
	return d, err
}

// suspended is true when nothing is sent to a managed webhook now. The webhook's delivery was made before.
func (a *account) suspended(w domain.Webhook) bool {
	return a.sources[blueprintKey{w.Extension, w.Version}].installation.State == domain.Suspended
}

// maxTargetHint is the limit of a target hint, in bytes. Ten hints with ten events of 4 KB fit into one billed request.
// Most webhooks take 600 bytes; delivery reads a larger webhook again.
const maxTargetHint = 2 << 10

// targetHint is the target hint as JSON, which spares delivery a read. It is empty for an account that is being
// deleted, for an unhealthy endpoint, and for a lifecycle endpoint, whose secrets belong to its extension.
func (a *account) targetHint(w domain.Webhook) (string, error) {
	if _, ill := a.health[w.ID]; ill || w.Lifecycle || a.ID == "" {
		return "", nil
	}
	if told, ok := a.hints[w.ID]; ok {
		return told, nil
	}
	k := events.Target{At: a.at, Account: a.Account, Webhook: w}
	if w.Extension != "" {
		i := a.sources[blueprintKey{w.Extension, w.Version}].installation
		k.Installation = domain.Installation{
			Account: i.Account, Extension: i.Extension, Version: i.Version, Epoch: i.Epoch, State: i.State,
			Failure:    i.Failure,
			Parameters: i.Parameters, Secrets: i.Secrets, Revision: i.Revision,
		}
	}
	told, err := queue.Encode(k)
	if len(told) > maxTargetHint {
		told = ""
	}
	a.hints[w.ID] = told
	return told, err
}

// context fills the webhook's templates with the installation's parameters, as a JSON object with sorted keys. No
// parameter in it is secret (design rule 7). It is empty when the webhook declares no context.
func (a *account) context(ctx context.Context, w domain.Webhook) (string, error) {
	s, err := a.source(ctx, blueprintKey{w.Extension, w.Version})
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

// source reads an installation and its blueprint once. It is empty when the installation is gone: delivery then
// cancels the deliveries.
func (a *account) source(ctx context.Context, by blueprintKey) (source, error) {
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
