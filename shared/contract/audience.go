package contract

import (
	"time"

	"plugboard/shared/domain"
)

// The audience of an event: every webhook of the account, with the clause of rule 17 that decided whether it hears.

type ListEventAudienceInput struct {
	PageInput
	Event    domain.EventID    `path:"event_id" maxLength:"64"`
	Contract domain.ContractID `query:"contract_id" maxLength:"64" doc:"The event's contract, if any. Without it, an event of a contract is found only when some webhook was sent it."`
}

type ListEventAudienceOutput struct {
	Body struct {
		Event HeardEvent `json:"event"`
		Page[Hearer]
	}
}

// HeardEvent is an event as far as webhooks filter by it.
type HeardEvent struct {
	ID           domain.EventID        `json:"id"`
	Type         string                `json:"event_type"`
	At           time.Time             `json:"event_at" doc:"When the event happened."`
	Contract     domain.ContractID     `json:"contract_id,omitempty" doc:"The event's contract, if any."`
	Origin       domain.ExtensionID    `json:"origin_extension_id,omitempty" doc:"The extension through which the contract was made."`
	TemplateType domain.TemplateTypeID `json:"template_type_id,omitempty"`
	Workspace    domain.WorkspaceID    `json:"workspace_id,omitempty"`
	Installation domain.ExtensionID    `json:"installation_extension_id,omitempty" doc:"Of an installation's event: its extension."`
	Webhook      domain.WebhookID      `json:"webhook_id,omitempty" doc:"Of an event about a webhook: that webhook, which does not hear it."`
	Only         domain.WebhookID      `json:"only_webhook_id,omitempty" doc:"Of a ping or a test: the only webhook that hears it."`
}

// Hearer is a webhook, and whether it hears the event.
type Hearer struct {
	Webhook      domain.WebhookID      `json:"webhook_id"`
	Name         string                `json:"name"`
	Extension    domain.ExtensionID    `json:"extension_id,omitempty" doc:"The extension that manages it. Absent for the account's own."`
	TemplateType domain.TemplateTypeID `json:"template_type_id,omitempty" doc:"The one template type that a managed webhook hears."`
	Lifecycle    bool                  `json:"lifecycle,omitempty"`
	URL          string                `json:"url"`
	Filters
	Heard  bool          `json:"heard" doc:"By the webhook as it is now. changed_since tells whether it was otherwise."`
	Clause domain.Clause `json:"clause,omitempty" enum:"meant-for,itself,installation,installation-ended,origin,template-type,event-type,workspace" doc:"The first clause that refuses the event, in the order of this list. Later clauses are not looked at. Absent when it hears."`

	ChangedSince bool `json:"changed_since,omitempty" doc:"The webhook was created or changed after the event. list-event-deliveries tells what was really sent."`
}

// ViewHearer shows whether a webhook hears an event of that time, by the one place that decides it.
func ViewHearer(w domain.Webhook, of domain.Subject, at time.Time) Hearer {
	clause := w.Hears(of)
	return Hearer{
		Webhook: w.ID, Name: w.Name, Extension: w.Extension, TemplateType: w.TemplateType, Lifecycle: w.Lifecycle,
		URL:     w.URL,
		Filters: filtersOf(w), Heard: clause == domain.Heard, Clause: clause, ChangedSince: w.CreatedAt.After(at) ||
			w.UpdatedAt.After(at),
	}
}
