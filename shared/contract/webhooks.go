package contract

import (
	"fmt"
	"maps"
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
	Extension    domain.ExtensionID    `json:"extension_id,omitempty" doc:"The extension that manages it. Absent for the account's own."`
	TemplateType domain.TemplateTypeID `json:"template_type_id,omitempty" doc:"The one template type that a managed webhook hears."`
	Lifecycle    bool                  `json:"lifecycle,omitempty" doc:"It hears the installation's events and no contract's. Its secret belongs to the partner."`
	URL          string                `json:"url"`
	Filters
	Auth      EndpointAuthView     `json:"auth" doc:"How requests authenticate to the endpoint, besides their signature."`
	Headers   []string             `json:"header_names,omitempty" doc:"Names of the extra headers, without their values."`
	Policy    domain.SendPolicy    `json:"policy"`
	Paused    bool                 `json:"paused"`
	Health    HealthView           `json:"health"`
	Disabled  *Disablement         `json:"disabled,omitempty" doc:"When it was disabled. Until someone enables it, nothing is sent and events are recorded as skipped. Absent while it is enabled."`
	Secrets   []domain.KnownSecret `json:"signing_secrets" doc:"The signing secrets, the newest first; empty where the partner's own secret signs. A secret is shown once, when it is made."`
	CreatedAt time.Time            `json:"created_at"`
	UpdatedAt time.Time            `json:"updated_at"`
}

// HealthView is how a webhook's endpoint fares.
type HealthView struct {
	State        domain.HealthState `json:"state" enum:"healthy,failing,warned,disabled" doc:"failing: the last attempt failed. warned: failing for a day, and webhook.failing was sent."`
	FailingSince time.Time          `json:"failing_since,omitzero" doc:"The first failed attempt since the last success."`
	WarnedAt     time.Time          `json:"warned_at,omitzero"`
	Breaker      *BreakerView       `json:"breaker,omitempty" doc:"When its breaker opened: deliveries wait for the endpoint to answer again, which uses up no attempts. Absent while it is closed."`
	SlowSince    time.Time          `json:"slow_since,omitzero" doc:"Since when its endpoint is slow. Its deliveries wait for each other, and for nobody else's. Absent while it is fast."`
	PausedUntil  time.Time          `json:"paused_until,omitzero" doc:"Its endpoint asked for a pause, by 429 or 503 with Retry-After, until about this time. It holds for all deliveries, which use up none of their attempts."`
}

type BreakerView struct {
	OpenedAt    time.Time `json:"opened_at"`
	NextProbeAt time.Time `json:"next_probe_at" doc:"When the breaker sends its next probe, if a delivery waits."`
}

type Disablement struct {
	Reason string    `json:"reason" doc:"The endpoint's last answer."`
	At     time.Time `json:"at"`
}

// ViewWebhook shows a webhook as it is and fares at that time, and no secret of it. declared is a managed one's, in its
// blueprint.
func ViewWebhook(w domain.Webhook, declared domain.WebhookBlueprint, h domain.Health, at time.Time) WebhookView {
	v := WebhookView{
		ID: w.ID, Name: w.Name, Extension: w.Extension, TemplateType: w.TemplateType, Lifecycle: w.Lifecycle,
		URL:     w.URL,
		Filters: filtersOf(w),
		Health:  HealthView{State: h.State(), FailingSince: h.FailingSince, WarnedAt: h.WarnedAt},
		Policy:  w.Policy, Paused: w.Paused, CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt,
	}
	v.Health.SlowSince, v.Health.PausedUntil = h.SlowSince, h.PausedUntil
	if b := h.Breaker; b.Open() {
		v.Health.Breaker = &BreakerView{OpenedAt: b.OpenedAt, NextProbeAt: b.ProbeAt}
	}
	if v.Health.State == domain.HealthDisabled {
		v.Disabled = &Disablement{Reason: h.Reason, At: h.DisabledAt}
	}
	if w.Extension == "" {
		v.Auth, v.Headers = viewAuth(w.Credentials), w.Credentials.Headers()
	} else {
		v.Auth, v.Headers = viewManagedAuth(declared.Auth), slices.Sorted(maps.Keys(declared.Headers))
	}
	if !w.Lifecycle {
		v.Secrets = w.SecretsAt(at)
	}
	return v
}

// Filters are what a webhook of the account's own hears; each that is given must let an event through.
type Filters struct {
	EventTypes    Only[string]                `json:"event_types,omitzero" doc:"Event types. Null or absent: every type. webhook.ping and test events always come."`
	Origins       Only[domain.ExtensionID]    `json:"origin_extension_ids,omitzero" doc:"Only events of contracts made through these extensions. Null or absent: all contracts, and events of no contract."`
	Workspaces    Only[domain.WorkspaceID]    `json:"workspace_ids,omitzero" doc:"Only events of contracts in these workspaces. Null or absent: every workspace, and events of no contract."`
	TemplateTypes Only[domain.TemplateTypeID] `json:"template_type_ids,omitzero" doc:"Only events of contracts of these template types. Null or absent: every type, and events of no contract."`
}

func filtersOf(w domain.Webhook) Filters {
	return Filters{EventTypes: shown(w.EventTypes), Origins: shown(w.Origins), Workspaces: shown(w.Workspaces),
		TemplateTypes: shown(w.TemplateTypes)}
}

// shown says null where there is no filter.
func shown[T ~string](filter []T) Only[T] { return append(Only[T]{}, filter...) }

// faults are what the filters themselves show to be wrong.
func (f Filters) faults() []fault.Field {
	var wrong []fault.Field
	for i, t := range f.EventTypes {
		if !events.Filterable(t) {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/event_types/%d", i), Code: "unknown-event-type",
				Detail: fmt.Sprintf("There is no event type %q to filter by.", t)})
		}
	}
	wrong = append(wrong, namedTwice("/event_types", f.EventTypes)...)
	wrong = append(wrong, namedTwice("/origin_extension_ids", f.Origins)...)
	wrong = append(wrong, namedTwice("/workspace_ids", f.Workspaces)...)
	return append(wrong, namedTwice("/template_type_ids", f.TemplateTypes)...)
}

func namedTwice[T ~string](pointer string, list []T) []fault.Field {
	var wrong []fault.Field
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("%s/%d", pointer, i), Code: "duplicate",
				Detail: fmt.Sprintf("%q is named twice.", v)})
		}
	}
	return wrong
}

type ListWebhooksInput struct{ PageInput }

type ListWebhooksOutput struct{ Body Page[WebhookView] }

type WebhookInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
}

// WebhookOutput is a webhook with the version that If-Match names.
type WebhookOutput struct {
	ETag string `header:"ETag"`
	Body WebhookView
}

// ParkedMost is how many parked deliveries read-webhook counts.
const ParkedMost = 100

type ReadWebhookOutput struct {
	ETag string `header:"ETag"`
	Body struct {
		WebhookView
		Parked int `json:"parked_deliveries" maximum:"100" doc:"How many deliveries are parked: waiting for the breaker to close, or for their turn afterwards. 100 means 100 or more. list-parked-deliveries lists them."`
	}
}

type CreateWebhookInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"128"`
		URL  string `json:"url" format:"uri" maxLength:"1024" doc:"HTTPS, to a public address, on port 443 or 1024 and above. The name is resolved at each connection, not when the webhook is created."`
		Filters
		Auth    *EndpointAuthBody `json:"auth,omitempty" doc:"How requests authenticate to the endpoint, besides their signature."`
		Headers map[string]string `json:"headers,omitempty" doc:"At most 10 extra headers. Values are stored sealed and never shown." example:"{\"X-Api-Key\":\"key-1\"}"`
		Policy  domain.SendPolicy `json:"policy,omitzero" doc:"Timeout, retry schedule and rate limit."`
	}
}

// Check reports a URL that nothing is sent to on any stage, and what is wrong with the event types.
func (in *CreateWebhookInput) Check() []fault.Field {
	wrong := append(urlFaults(in.Body.URL), in.Body.Filters.faults()...)
	wrong = append(wrong, tokenURLFaults(in.Body.Auth)...)
	return append(wrong, in.Body.Policy.Check("/policy")...)
}

// Change is what is given of the webhook's credentials.
func (in *CreateWebhookInput) Change() domain.CredentialsChange {
	headers := make(map[string]*string, len(in.Body.Headers))
	for name, value := range in.Body.Headers {
		headers[name] = &value
	}
	return in.Body.Auth.change(headers)
}

type CreateWebhookOutput struct {
	ETag string `header:"ETag"`
	Body struct {
		WebhookView
		SigningSecret domain.ShownOnce `json:"signing_secret,omitempty" doc:"A Standard Webhooks secret, whsec_…, shown once. Verify with any of its libraries. To replace a lost one, use rotate-webhook-secret."`
	}
}

type UpdateWebhookInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	IfMatch string           `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the webhook has changed since."`
	Body    struct {
		Paused  *bool   `json:"paused,omitempty" doc:"Of a managed webhook, only paused and enabled can be changed. Events for a paused webhook are recorded as skipped."`
		Enabled *bool   `json:"enabled,omitempty" doc:"true enables a disabled webhook with fresh health, or closes an open breaker, and sends a ping. To stop a webhook, pause it."`
		Name    *string `json:"name,omitempty" minLength:"1" maxLength:"128"`
		URL     *string `json:"url,omitempty" format:"uri" maxLength:"1024" doc:"Secrets do not follow a URL to another host: give them again."`
		Filters
		Auth    *EndpointAuthBody  `json:"auth,omitempty" doc:"For the same scheme, parts not given stay. For another scheme, give all parts. none removes it."`
		Headers map[string]*string `json:"headers,omitempty" doc:"Given headers change, null removes one, the others stay." example:"{\"X-Api-Key\":\"key-2\"}"`
		Policy  *domain.SendPolicy `json:"policy,omitempty" doc:"Replaces the policy as a whole; {} is the default."`
	}
}

// Check is CreateWebhookInput's, of what is given.
func (in *UpdateWebhookInput) Check() []fault.Field {
	var wrong []fault.Field
	if in.Body.URL != nil {
		wrong = urlFaults(*in.Body.URL)
	}
	if in.Body.Enabled != nil && !*in.Body.Enabled {
		wrong = append(wrong, fault.Field{Pointer: "/enabled", Code: "invalid",
			Detail: "Only true can be given. To stop a webhook, pause it."})
	}
	wrong = append(wrong, in.Body.Filters.faults()...)
	wrong = append(wrong, tokenURLFaults(in.Body.Auth)...)
	if in.Body.Policy != nil {
		wrong = append(wrong, in.Body.Policy.Check("/policy")...)
	}
	return wrong
}

// Change is CreateWebhookInput's.
func (in *UpdateWebhookInput) Change() domain.CredentialsChange {
	return in.Body.Auth.change(in.Body.Headers)
}

// Defines tells whether anything is given that a managed webhook has from its blueprint.
func (in *UpdateWebhookInput) Defines() bool {
	b, f := in.Body, in.Body.Filters
	return b.Name != nil || b.URL != nil || b.Auth != nil || b.Headers != nil || b.Policy != nil ||
		f.EventTypes != nil || f.Origins != nil || f.Workspaces != nil || f.TemplateTypes != nil
}

func urlFaults(url string) []fault.Field {
	if problem := domain.WebhookURL.Problem(url); problem != "" {
		return []fault.Field{{Pointer: "/url", Code: "invalid", Detail: problem}}
	}
	return nil
}

type UpdateWebhookOutput WebhookOutput

type DeleteWebhookOutput struct{}

type RotateWebhookSecretInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Body    struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long requests are also signed with previous secrets. Default: one day; at most 7; 0 ends them within seconds. None signs longer than planned before."`
	}
}

type RotateWebhookSecretOutput struct {
	Body struct {
		Webhook       domain.WebhookID     `json:"webhook_id"`
		SigningSecret domain.ShownOnce     `json:"signing_secret,omitempty" doc:"A Standard Webhooks secret, whsec_…, shown once. Verify with any of its libraries."`
		Secrets       []domain.KnownSecret `json:"signing_secrets" doc:"The signing secrets from now on, the newest first: at most 3."`
		Ended         []domain.KnownSecret `json:"ended" doc:"Secrets that end now although their overlap was not over: with overlap 0, or as the oldest of more than 3."`
	}
}

type SendTestEventInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Body    struct {
		EventType string `json:"event_type" maxLength:"64" doc:"An event type that the webhook hears, or webhook.ping." example:"contract.signed"`
	}
}

// Check reports a type that there is not.
func (in *SendTestEventInput) Check() []fault.Field {
	if !events.Known(in.Body.EventType) {
		return []fault.Field{{Pointer: "/event_type", Code: "unknown-event-type",
			Detail: fmt.Sprintf("There is no event type %q.", in.Body.EventType)}}
	}
	return nil
}

type SendTestEventOutput struct {
	Body struct {
		Event    domain.EventID    `json:"event_id"`
		Delivery domain.DeliveryID `json:"delivery_id" doc:"For read-delivery, once the first attempt was made."`
	}
}

type DeliveryView struct {
	ID        domain.DeliveryID    `json:"id" doc:"The webhook-id of its requests."`
	Event     domain.EventID       `json:"event_id"`
	EventType string               `json:"event_type"`
	State     domain.DeliveryState `json:"state" enum:"delivered,retrying,exhausted,skipped,cancelled"`
	Attempts  []domain.Attempt     `json:"attempts" doc:"Oldest first."`
	Listeners []domain.Attempt     `json:"listeners,omitempty" doc:"What listeners report of it, in read-delivery. Absent when none did."`
}

type ListDeliveriesInput struct {
	PageInput
	Webhook    domain.WebhookID       `path:"webhook_id" maxLength:"64"`
	Day        string                 `query:"day" format:"date" doc:"A UTC day of the last 30. Default: today, unless from or to is given."`
	From       Time                   `query:"from" doc:"Only deliveries of events from this time on, RFC 3339, within the last 30 days. Default: 30 days ago." example:"2026-11-22T09:30:00Z"`
	To         Time                   `query:"to" doc:"Only deliveries of events before this time. Default: now."`
	States     []domain.DeliveryState `query:"state,explode" nullable:"false" maxItems:"5" enum:"delivered,retrying,exhausted,skipped,cancelled" doc:"Only deliveries in one of these states. Repeatable."`
	EventTypes []string               `query:"event_type,explode" nullable:"false" maxItems:"20" maxLength:"64" doc:"Only deliveries of events of these types. Repeatable."`
}

// Check reports times that contradict each other, and types that there are not.
func (in *ListDeliveriesInput) Check() []fault.Field {
	wrong := spanFaults(in.From, in.To)
	if in.Day != "" && !(in.From.IsZero() && in.To.IsZero()) {
		wrong = append(wrong, fault.Field{Pointer: "query.day", Code: "contradiction",
			Detail: "Give a day, or from and to."})
	}
	return append(wrong, typeFaults(in.EventTypes)...)
}

// spanFaults reports times that are none, or in the wrong order.
func spanFaults(from, to Time) []fault.Field {
	wrong := append(from.faults("query.from"), to.faults("query.to")...)
	if !from.IsZero() && !to.IsZero() && !from.Before(to.Time) {
		wrong = append(wrong, fault.Field{Pointer: "query.to", Code: "invalid", Detail: "It is not after from."})
	}
	return wrong
}

// typeFaults reports event types that there are not.
func typeFaults(types []string) []fault.Field {
	var wrong []fault.Field
	for _, t := range types {
		if !events.Known(t) {
			wrong = append(wrong, fault.Field{Pointer: "query.event_type", Code: "unknown-event-type",
				Detail: fmt.Sprintf("There is no event type %q.", t)})
		}
	}
	return wrong
}

type ListDeliveriesOutput struct{ Body Page[DeliveryView] }

// CountDeliveriesInput has the filters of ListDeliveriesInput.
type CountDeliveriesInput struct {
	Webhook    domain.WebhookID       `path:"webhook_id" maxLength:"64"`
	From       Time                   `query:"from" doc:"Only deliveries of events from this time on, RFC 3339, within the last 30 days. Default: 30 days ago." example:"2026-11-22T09:30:00Z"`
	To         Time                   `query:"to" doc:"Only deliveries of events before this time. Default: now."`
	States     []domain.DeliveryState `query:"state,explode" nullable:"false" maxItems:"5" enum:"delivered,retrying,exhausted,skipped,cancelled" doc:"Only deliveries in one of these states. Repeatable."`
	EventTypes []string               `query:"event_type,explode" nullable:"false" maxItems:"20" maxLength:"64" doc:"Only deliveries of events of these types. Repeatable."`
	Cursor     string                 `query:"cursor" maxLength:"1024" doc:"next_cursor of the part before. Opaque."`
}

// Check reports times that contradict each other, and types that there are not.
func (in *CountDeliveriesInput) Check() []fault.Field { return in.List().Check() }

// List is the list that is counted.
func (in *CountDeliveriesInput) List() *ListDeliveriesInput {
	return &ListDeliveriesInput{
		PageInput: PageInput{Cursor: in.Cursor}, Webhook: in.Webhook, From: in.From, To: in.To, States: in.States,
		EventTypes: in.EventTypes,
	}
}

type CountDeliveriesOutput struct {
	Body struct {
		Count      int    `json:"count" doc:"How many deliveries this part of the log has. The sum over all parts is exact."`
		NextCursor string `json:"next_cursor,omitempty" doc:"The next part of the log: a call reads a bounded one. Absent in the last."`
	}
}

type ListParkedDeliveriesInput struct {
	PageInput
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
}

// ParkedDelivery is one that waits for its webhook's breaker to close, or, since it has, for its turn.
type ParkedDelivery struct {
	ID        domain.DeliveryID `json:"id" doc:"The webhook-id of its requests."`
	Event     domain.EventID    `json:"event_id"`
	EventType string            `json:"event_type"`
	EventAt   time.Time         `json:"event_at" doc:"When the event happened."`
	Contract  domain.ContractID `json:"contract_id,omitempty" doc:"The event's contract, if any."`
	Attempts  int               `json:"attempts" doc:"Attempts made before. With any, list-deliveries has the delivery too."`
}

type ListParkedDeliveriesOutput struct{ Body Page[ParkedDelivery] }

type ListEventDeliveriesInput struct {
	PageInput
	Event domain.EventID `path:"event_id" maxLength:"64"`
	Day   string         `query:"day" format:"date" doc:"The UTC day of the event. Default: the day of the event's id, or today."`
}

// DeliveryOfEvent is a delivery among those of other webhooks.
type DeliveryOfEvent struct {
	Webhook domain.WebhookID `json:"webhook_id"`
	DeliveryView
}

type ListEventDeliveriesOutput struct{ Body Page[DeliveryOfEvent] }

type ReadDeliveryInput struct {
	Webhook  domain.WebhookID  `path:"webhook_id" maxLength:"64"`
	Delivery domain.DeliveryID `path:"delivery_id" maxLength:"64"`
	Day      string            `query:"day" format:"date" doc:"The UTC day of the event. Default: the day of the event's id, or today."`
}

type ReadDeliveryOutput struct{ Body DeliveryView }

type ReplayDeliveryInput struct {
	Webhook  domain.WebhookID  `path:"webhook_id" maxLength:"64"`
	Delivery domain.DeliveryID `path:"delivery_id" maxLength:"64"`
	Day      string            `query:"day" format:"date" doc:"The UTC day of the event. Default: the day of the event's id, or today."`
}

type ReplayDeliveryOutput struct {
	Body struct {
		Delivery domain.DeliveryID `json:"delivery_id"`
		Attempt  int               `json:"attempt" doc:"The number of the next attempt, which read-delivery shows once it is made."`
	}
}
