package domain

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Webhook is where someone wants to hear of events. One with an Extension is managed: it belongs to exactly
// one template type of the installation.
type Webhook struct {
	Account   AccountID   `json:"account_id"`
	ID        WebhookID   `json:"id"`
	Name      string      `json:"name"`
	Extension ExtensionID `json:"extension_id,omitempty"`
	Epoch     int         `json:"epoch,omitempty"` // of the installation that made it
	// of the blueprint that declares it: while its installation upgrades, the old or the new one
	Version    int    `json:"version,omitempty"`
	WebhookKey string `json:"webhook_key,omitempty"` // in that blueprint
	// hears of its installation instead of contracts; signed with the extension's LifecycleSecret
	Lifecycle    bool           `json:"lifecycle,omitempty"`
	TemplateType TemplateTypeID `json:"template_type_id,omitempty"`
	URL          string         `json:"url"`
	EventTypes   []string       `json:"event_types"` // empty: every type

	Credentials Credentials `json:"credentials,omitzero"` // of the account's own; a managed one's are its blueprint's

	// The account's own may be held to contracts made through these extensions, in these workspaces, and of these
	// template types; empty: no such filter.
	Origins       []ExtensionID    `json:"origin_extension_ids,omitempty"`
	Workspaces    []WorkspaceID    `json:"workspace_ids,omitempty"`
	TemplateTypes []TemplateTypeID `json:"template_type_ids,omitempty"`

	Policy       SendPolicy     `json:"policy,omitzero"`
	Secret       Sealed         `json:"signing_secret"`
	SecretMadeAt time.Time      `json:"signing_secret_made_at,omitzero"` // of one that was rotated
	Former       []FormerSecret `json:"former_signing_secrets,omitempty"`
	Paused       bool           `json:"paused"`
	EndsAt       time.Time      `json:"ends_at,omitzero"`      // a lifecycle webhook's, once its installation has ended
	TailedUntil  time.Time      `json:"tailed_until,omitzero"` // its deliveries are kept for listeners until then
	CreatedAt    time.Time      `json:"created_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	Revision
}

// Ends is when it may be swept away; zero for never.
func (w Webhook) Ends() time.Time { return w.EndsAt }

// Subject is what an event is about, as far as webhooks filter by it.
type Subject struct {
	EventType    string         `json:"event_type"`
	Origin       ExtensionID    `json:"origin_extension_id,omitempty"`
	Workspace    WorkspaceID    `json:"workspace_id,omitempty"`
	TemplateType TemplateTypeID `json:"template_type_id,omitempty"`
	Installation ExtensionID    `json:"installation_extension_id,omitempty"` // of an installation's event: whose
	Epoch        int            `json:"installation_epoch,omitempty"`        // and of which of its lives
	Webhook      WebhookID      `json:"webhook_id,omitempty"`                // of an event of sending: to which
	Only         WebhookID      `json:"only_webhook_id,omitempty"`           // of a ping or a test: who alone hears it
}

// Clause is a part of rule 17. The clause that refuses an event decides that a webhook does not hear it.
type Clause string

// The clauses, in the order in which they are looked at: the first that refuses decides.
const (
	Heard          Clause = ""          // no clause refuses
	ClauseMeantFor Clause = "meant-for" // the event is meant for another webhook alone
	ClauseItself   Clause = "itself"    // the event tells how the webhook itself fares
	// of a lifecycle webhook: the event is of no installation, or of another
	ClauseInstallation Clause = "installation"
	// of a lifecycle webhook: its installation ended before the event's began
	ClauseEnded        Clause = "installation-ended"
	ClauseOrigin       Clause = "origin"        // the contract was made through no extension, or through another
	ClauseTemplateType Clause = "template-type" // the contract has no such template type
	ClauseEventType    Clause = "event-type"
	ClauseWorkspace    Clause = "workspace"
)

// Clauses is each that can refuse, in their order.
var Clauses = []Clause{
	ClauseMeantFor, ClauseItself, ClauseInstallation, ClauseEnded, ClauseOrigin, ClauseTemplateType, ClauseEventType,
	ClauseWorkspace,
}

// Hears is rule 17, and the only place where it is decided. It returns the first clause that refuses the event, or
// Heard.
//
// A managed webhook hears only of contracts made through its own installation and from a template of its own template
// type. A lifecycle webhook hears only of its own installation and, once that has ended, of no later one. An
// account's own webhook hears every event that its filters allow; an event without a contract passes no filter by
// extension, template type or workspace. No webhook hears of its own health. An event meant for one webhook is heard
// by that webhook, whatever its filters, and by no other.
func (w Webhook) Hears(s Subject) Clause {
	managed := w.Extension != ""
	switch {
	case s.Only != "" && s.Only == w.ID:
		return Heard
	case s.Only != "":
		return ClauseMeantFor
	case s.Webhook != "" && s.Webhook == w.ID:
		return ClauseItself
	case w.Lifecycle && (!managed || s.Installation != w.Extension):
		return ClauseInstallation
	case w.Lifecycle && !w.EndsAt.IsZero() && s.Epoch != w.Epoch:
		return ClauseEnded
	case w.Lifecycle:
		return Heard
	case managed && s.Origin != w.Extension, !allows(w.Origins, s.Origin):
		return ClauseOrigin
	case managed && (s.TemplateType == "" || s.TemplateType != w.TemplateType),
		!allows(w.TemplateTypes, s.TemplateType):
		return ClauseTemplateType
	case !allows(w.EventTypes, s.EventType):
		return ClauseEventType
	case !allows(w.Workspaces, s.Workspace):
		return ClauseWorkspace
	}
	return Heard
}

// allows tells whether a filter lets v through. An empty filter lets everything through.
func allows[T comparable](filter []T, v T) bool {
	return len(filter) == 0 || slices.Contains(filter, v)
}

// ETag names this revision, for If-Match.
func (w Webhook) ETag() string { return fmt.Sprintf(`"%d"`, w.Rev) }

// DeliveryOf is the id of the delivery of that event to that webhook: a repeated fan-out makes the same
// (design rule 18). It travels as `webhook-id`. It begins with the event's own, so that a delivery's log is
// found by its id without an index.
func DeliveryOf(e EventID, w WebhookID) DeliveryID {
	event := strings.TrimPrefix(string(e), eventPrefix)
	return DeliveryID(DerivedID(deliveryPrefix+event, string(e), string(w)))
}

// EventOf is the event that a delivery to w brings; false when d is no delivery to w.
func EventOf(d DeliveryID, w WebhookID) (EventID, bool) {
	end := strings.LastIndex(string(d), "_")
	if end < len(deliveryPrefix) {
		return "", false
	}
	e := EventID(eventPrefix + string(d)[len(deliveryPrefix):end])
	return e, DeliveryOf(e, w) == d
}

const (
	eventPrefix    = "evt_"
	deliveryPrefix = "dlv_"
)
