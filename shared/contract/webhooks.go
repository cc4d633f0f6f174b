package contract

import (
	"fmt"
	"slices"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Webhooks, and what was sent to them.

type WebhookView struct {
	ID           domain.WebhookID      `json:"id"`
	Name         string                `json:"name"`
	Extension    domain.ExtensionID    `json:"extension_id,omitempty" doc:"The extension that manages it; absent for the account's own."`
	TemplateType domain.TemplateTypeID `json:"template_type_id,omitempty" doc:"The one template type that a managed webhook hears of."`
	Lifecycle    bool                  `json:"lifecycle,omitempty" doc:"It hears what becomes of the installation, and of no contract. Its secret is the partner's."`
	URL          string                `json:"url"`
	EventTypes   []string              `json:"event_types" doc:"Empty: every type."`
	Paused       bool                  `json:"paused"`
	Health       HealthView            `json:"health"`
	Disabled     *DisabledView         `json:"disabled,omitempty" doc:"Nothing is sent, and events are recorded as skipped, until somebody enables it; absent when it is not disabled."`
	CreatedAt    time.Time             `json:"created_at"`
	UpdatedAt    time.Time             `json:"updated_at"`
}

// HealthView is how a webhook's endpoint fares.
type HealthView struct {
	State        domain.HealthState `json:"state" enum:"healthy,failing,warned,disabled" doc:"failing: an attempt failed since the last success; warned: so for a day, and webhook.failing was sent."`
	FailingSince time.Time          `json:"failing_since,omitzero" doc:"The first failed attempt since the last success."`
	WarnedAt     time.Time          `json:"warned_at,omitzero"`
}

type DisabledView struct {
	Reason string    `json:"reason" doc:"What its endpoint answered last."`
	At     time.Time `json:"at"`
}

// ViewWebhook leaves out the secret.
func ViewWebhook(w domain.Webhook, h domain.Health) WebhookView {
	health := HealthView{State: h.State(), FailingSince: h.FailingSince, WarnedAt: h.WarnedAt}
	var disabled *DisabledView
	if health.State == domain.HealthDisabled {
		disabled = &DisabledView{Reason: h.Reason, At: h.DisabledAt}
	}
	return WebhookView{
		Health: health, Disabled: disabled,
		ID: w.ID, Name: w.Name, Extension: w.Extension, TemplateType: w.TemplateType, Lifecycle: w.Lifecycle, URL: w.URL, EventTypes: w.EventTypes,
		Paused: w.Paused, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt,
	}
}

type ListWebhooksInput struct{ PageInput }

type ListWebhooksOutput struct{ Body Page[WebhookView] }

type WebhookInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
}

type ReadWebhookOutput struct{ Body WebhookView }

type CreateWebhookInput struct {
	Body struct {
		Name       string   `json:"name" minLength:"1" maxLength:"128"`
		URL        string   `json:"url" format:"uri" maxLength:"1024" doc:"HTTPS, to a public address, on port 443 or 1024 and above."`
		EventTypes []string `json:"event_types,omitempty" maxItems:"50" doc:"Absent or empty: every type."`
	}
}

// Check reports a URL that nothing is sent to on any stage, and what is wrong with the event types.
func (in *CreateWebhookInput) Check() []fault.Field {
	return append(urlFaults(in.Body.URL), eventTypeFaults(in.Body.EventTypes)...)
}

type CreateWebhookOutput struct{ Body WebhookView }

type UpdateWebhookInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Body    struct {
		Paused     *bool     `json:"paused,omitempty" doc:"With enabled all that can be changed of a managed webhook. Events of a paused one are recorded as skipped."`
		Enabled    *bool     `json:"enabled,omitempty" doc:"true enables a webhook that was disabled, with its health as new: the next event is sent. To stop one, pause it."`
		Name       *string   `json:"name,omitempty" minLength:"1" maxLength:"128"`
		URL        *string   `json:"url,omitempty" format:"uri" maxLength:"1024"`
		EventTypes *[]string `json:"event_types,omitempty" maxItems:"50"`
	}
}

// Check is CreateWebhookInput's, of what is given.
func (in *UpdateWebhookInput) Check() []fault.Field {
	var wrong []fault.Field
	if in.Body.URL != nil {
		wrong = urlFaults(*in.Body.URL)
	}
	if in.Body.Enabled != nil && !*in.Body.Enabled {
		wrong = append(wrong, fault.Field{Pointer: "/enabled", Code: "invalid", Detail: "Only true can be given. To stop a webhook, pause it."})
	}
	if in.Body.EventTypes != nil {
		wrong = append(wrong, eventTypeFaults(*in.Body.EventTypes)...)
	}
	return wrong
}

func urlFaults(url string) []fault.Field {
	if problem := domain.URLProblem(url); problem != "" {
		return []fault.Field{{Pointer: "/url", Code: "invalid", Detail: problem}}
	}
	return nil
}

func eventTypeFaults(types []string) []fault.Field {
	var wrong []fault.Field
	for i, t := range types {
		at := fmt.Sprintf("/event_types/%d", i)
		switch {
		case !events.Known(t):
			wrong = append(wrong, fault.Field{Pointer: at, Code: "unknown-event-type", Detail: fmt.Sprintf("There is no event type %q.", t)})
		case slices.Contains(types[:i], t):
			wrong = append(wrong, fault.Field{Pointer: at, Code: "duplicate", Detail: fmt.Sprintf("The event type %q is named twice.", t)})
		}
	}
	return wrong
}

type UpdateWebhookOutput struct{ Body WebhookView }

type DeleteWebhookOutput struct{}

type ReadWebhookSecretOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Secret domain.ShownOnce `json:"signing_secret" doc:"A Standard Webhooks secret, whsec_…: verify with any of its libraries."`
	}
}

type DeliveryView struct {
	ID        domain.DeliveryID    `json:"id" doc:"What the request carries as webhook-id."`
	Event     domain.EventID       `json:"event_id"`
	EventType string               `json:"event_type"`
	State     domain.DeliveryState `json:"state" enum:"delivered,retrying,exhausted,skipped,cancelled"`
	Attempts  []domain.Attempt     `json:"attempts" doc:"Oldest first."`
}

type ListDeliveriesInput struct {
	PageInput
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Day     string           `query:"day" format:"date" doc:"A UTC day of the last 30; today when absent."`
}

type ListDeliveriesOutput struct{ Body Page[DeliveryView] }

type ReadDeliveryInput struct {
	Webhook  domain.WebhookID  `path:"webhook_id" maxLength:"64"`
	Delivery domain.DeliveryID `path:"delivery_id" maxLength:"64"`
	Day      string            `query:"day" format:"date" doc:"The UTC day of the event; today when absent."`
}

type ReadDeliveryOutput struct{ Body DeliveryView }
