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
	Account      AccountID      `json:"account_id"`
	ID           WebhookID      `json:"id"`
	Name         string         `json:"name"`
	Extension    ExtensionID    `json:"extension_id,omitempty"`
	Epoch        int            `json:"epoch,omitempty"`       // of the installation that made it
	Version      int            `json:"version,omitempty"`     // of the blueprint that declares it: while its installation upgrades, the old or the new one
	WebhookKey   string         `json:"webhook_key,omitempty"` // in that blueprint
	Lifecycle    bool           `json:"lifecycle,omitempty"`   // hears of its installation instead of contracts; signed with the extension's LifecycleSecret
	TemplateType TemplateTypeID `json:"template_type_id,omitempty"`
	URL          string         `json:"url"`
	EventTypes   []string       `json:"event_types"` // empty: every type

	Credentials Credentials `json:"credentials,omitzero"` // of the account's own; a managed one's are its blueprint's

	// The account's own may be held to contracts made through these extensions, in these workspaces, and of these template
	// types; empty: no such filter.
	Origins       []ExtensionID    `json:"origin_extension_ids,omitempty"`
	Workspaces    []WorkspaceID    `json:"workspace_ids,omitempty"`
	TemplateTypes []TemplateTypeID `json:"template_type_ids,omitempty"`

	Policy       SendPolicy     `json:"policy,omitzero"`
	Secret       Sealed         `json:"signing_secret"`
	SecretMadeAt time.Time      `json:"signing_secret_made_at,omitzero"` // of one that was rotated
	Former       []FormerSecret `json:"former_signing_secrets,omitempty"`
	Paused       bool           `json:"paused"`
	EndsAt       time.Time      `json:"ends_at,omitzero"` // a lifecycle webhook's, once its installation has ended
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

// Hears is rule 17, and the only place where it is decided: a managed webhook hears only of contracts made
// through its own installation and from a template of its own template type; a lifecycle webhook hears only of its own
// installation, and when that has ended, of no other epoch; an account's own webhook hears whatever its filters allow.
// By extension, workspace or template type it is held to contracts, which alone have them: of an installation it then hears nothing.
// None hears of itself: one that cannot be reached is not told so. What is meant for one webhook, that one hears and
// nobody else, whatever its filters.
func (w Webhook) Hears(s Subject) bool {
	if s.Only != "" {
		return s.Only == w.ID
	}
	if s.Webhook != "" && s.Webhook == w.ID {
		return false
	}
	if w.Lifecycle {
		return w.Extension != "" && s.Installation == w.Extension && (w.EndsAt.IsZero() || s.Epoch == w.Epoch)
	}
	if w.Extension != "" && (s.Origin != w.Extension || s.TemplateType == "" || s.TemplateType != w.TemplateType) {
		return false
	}
	return allows(w.EventTypes, s.EventType) && allows(w.Origins, s.Origin) && allows(w.Workspaces, s.Workspace) && allows(w.TemplateTypes, s.TemplateType)
}

// allows tells whether a filter lets v through. One that names nothing is none.
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
