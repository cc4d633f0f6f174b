// Package webhooks is the function behind webhooks, the log of their deliveries, and partners' callbacks. An
// extension's token sees only the webhooks that its installation manages. Only provisioning changes a managed
// webhook, apart from its pause (design rule 8).
package webhooks

import (
	"context"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/fault"
	"plugboard/shared/fieldvalues"
	"plugboard/shared/signing"
	"plugboard/shared/store"
)

// Sealer keeps webhooks' secrets, and opens those that sign deliveries.
type Sealer interface {
	signing.Opener
	Seal(ctx context.Context, a domain.AccountID, resource string, plain domain.Secret) (domain.Sealed, error)
}

// Service serves the operations that webhooks owns.
type Service struct {
	store  *store.Store
	values fieldvalues.Writer
	seal   Sealer
	egress egress.Config
	now    domain.Clock
	newID  domain.IDSource

	addresses  []string // that deliveries come from
	blueprints *blueprints
}

// New does not call AWS.
func New(s *store.Store, seal Sealer, c egress.Config, now domain.Clock, newID domain.IDSource) *Service {
	return &Service{
		store: s, values: fieldvalues.New(s, now, newID), seal: seal, egress: c, now: now, newID: newID,
		blueprints: &blueprints{read: s.Blueprint},
	}
}

// Routes binds each operation to its method.
func (s *Service) Routes(api *contract.API) {
	contract.ListWebhooks.Handle(api, s.List)
	contract.CreateWebhook.Handle(api, s.Create, s.validateNew)
	contract.ReadWebhook.Handle(api, s.Read)
	contract.UpdateWebhook.Handle(api, s.Update, s.validateChange)
	contract.DeleteWebhook.Handle(api, s.Delete)
	contract.RotateWebhookSecret.Handle(api, s.RotateSecret)
	contract.SendTestEvent.Handle(api, s.SendTest)
	contract.ReceiveCallback.Handle(api, s.ReceiveCallback)
	contract.ListDeliveries.Handle(api, s.ListDeliveries)
	contract.CountDeliveries.Handle(api, s.CountDeliveries)
	contract.ReadDelivery.Handle(api, s.ReadDelivery)
	contract.ListParkedDeliveries.Handle(api, s.ListParkedDeliveries)
	contract.ListEventDeliveries.Handle(api, s.ListEventDeliveries)
	contract.ListAccountDeliveries.Handle(api, s.ListAccountDeliveries)
	contract.ReadDeliveryRequest.Handle(api, s.ReadDeliveryRequest)
	contract.ReadWebhookStatistics.Handle(api, s.Statistics)
	contract.ListDeliveryAddresses.Handle(api, s.DeliveryAddresses)
	contract.ListEventAudience.Handle(api, s.ListEventAudience)
	contract.PullDeliveries.Handle(api, s.PullDeliveries)
	contract.AcknowledgeDeliveries.Handle(api, s.AcknowledgeDeliveries)
	contract.CreateAgentCode.Handle(api, s.CreateAgentCode)
	contract.PairAgent.Handle(api, s.PairAgent)
	contract.ListAgents.Handle(api, s.Agents)
	contract.RemoveAgent.Handle(api, s.RemoveAgent)
	contract.ReplayDelivery.Handle(api, s.ReplayDelivery)
	contract.CreateReplay.Handle(api, s.CreateReplay)
	contract.ListReplays.Handle(api, s.Replays)
	contract.ReadReplay.Handle(api, s.Replay)
	contract.PauseReplay.Handle(api, s.PauseReplay)
	contract.ResumeReplay.Handle(api, s.ResumeReplay)
	contract.CancelReplay.Handle(api, s.CancelReplay)
}

// webhook is the caller's webhook with that id. NotFound for another account's, and to an extension's token for
// any that its installation does not manage.
func (s *Service) webhook(ctx context.Context, id domain.WebhookID) (domain.Webhook, error) {
	w, _, err := s.webhookAndHealth(ctx, id)
	return w, err
}

// webhookAndHealth is the caller's webhook, as webhook reads it, with its health.
func (s *Service) webhookAndHealth(ctx context.Context, id domain.WebhookID) (domain.Webhook, domain.Health, error) {
	caller := auth.From(ctx)
	w, health, err := s.store.WebhookAndHealth(ctx, caller.Account, id)
	if err == nil && !visible(w, caller) {
		return domain.Webhook{}, domain.Health{}, fault.New(fault.NotFound, "not-found", "There is no such webhook.")
	}
	return w, health, err
}

func visible(w domain.Webhook, c auth.Caller) bool {
	if c.Agent != nil {
		return w.ID == c.Agent.Webhook
	}
	return c.Extension() == "" || w.Extension == c.Extension()
}

// reaches tells whether the caller may read the event. A member reads events of its workspaces (design rule 28). An
// event without a workspace belongs to the whole account.
func reaches(c auth.Caller, e events.Event) bool {
	return e.Subject.Workspace == "" || c.Reaches(e.Subject.Workspace)
}
