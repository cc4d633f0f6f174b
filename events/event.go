package events

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/trace"
)

// Envelope is the body of a webhook request, apart from `context`, which is added for each webhook.
type Envelope struct {
	ID        domain.EventID   `json:"id"`
	Type      Type             `json:"type"`
	Timestamp time.Time        `json:"timestamp"` // when it happened, RFC 3339, UTC
	Account   domain.AccountID `json:"account_id"`
	Test      bool             `json:"test,omitempty"` // nothing happened: data is a sample
	Data      any              `json:"data"`
}

// ContractData is the data of contract.* events: the contract as it is after the change.
type ContractData struct {
	ID            domain.ContractID     `json:"id"`
	Name          string                `json:"name"`
	State         domain.ContractState  `json:"state"`
	Workspace     domain.WorkspaceID    `json:"workspace_id"`
	Template      domain.TemplateID     `json:"template_id"`
	TemplateType  domain.TemplateTypeID `json:"template_type_id"`
	ExtensionType string                `json:"extension_type,omitempty"`
	Origin        domain.ExtensionID    `json:"origin_extension_id,omitempty"`
	ExpiresOn     string                `json:"expires_on,omitempty"` // YYYY-MM-DD
	DataFields    []domain.Value        `json:"data_fields"`
	Participants  []domain.Participant  `json:"participants"`
}

// DataFieldData is the data of data_field.updated: one event for all values that changed at once.
type DataFieldData struct {
	Contract      domain.ContractID     `json:"contract_id"`
	State         domain.ContractState  `json:"state"`
	Workspace     domain.WorkspaceID    `json:"workspace_id"`
	TemplateType  domain.TemplateTypeID `json:"template_type_id"`
	ExtensionType string                `json:"extension_type,omitempty"`
	Origin        domain.ExtensionID    `json:"origin_extension_id,omitempty"`
	Participant   domain.ParticipantID  `json:"participant_id,omitempty"` // who filled them in; empty: the account
	DataFields    []domain.Value        `json:"data_fields"`              // as they are now, of those that changed
}

// ParticipantData is the data of participant.* events.
type ParticipantData struct {
	Contract      domain.ContractID     `json:"contract_id"`
	State         domain.ContractState  `json:"state"`
	Workspace     domain.WorkspaceID    `json:"workspace_id"`
	TemplateType  domain.TemplateTypeID `json:"template_type_id"`
	ExtensionType string                `json:"extension_type,omitempty"`
	Origin        domain.ExtensionID    `json:"origin_extension_id,omitempty"`
	Participant   domain.Participant    `json:"participant"`
}

// InstallationData is the data of installation.* events.
type InstallationData struct {
	Extension domain.ExtensionID       `json:"extension_id"`
	Version   int                      `json:"version"`
	State     domain.InstallationState `json:"state"`
	Failure   *domain.Failure          `json:"failure,omitempty"`
	Setup     *domain.Setup            `json:"setup,omitempty"` // what the partner says of its side
	Reason    string                   `json:"reason,omitempty" enum:"account-deleted" doc:"Why the extension was disabled, when nobody disabled it: its account was deleted."`

	// ChangedParameters are the keys, of installation.updated; values stay where they are.
	ChangedParameters []string `json:"changed_parameters,omitempty"`
}

// DriftData is the data of installation.drifted and installation.repaired.
type DriftData struct {
	Extension domain.ExtensionID       `json:"extension_id"`
	Version   int                      `json:"version"`
	State     domain.InstallationState `json:"state"`
	Findings  []domain.Finding         `json:"findings"` // the first twenty, their texts cut
	Total     int                      `json:"total"`
}

// WebhookData is the data of webhook.* events. The URL, which may hold what only its owner knows, is not among it.
type WebhookData struct {
	ID           domain.WebhookID   `json:"id"`
	Name         string             `json:"name"`
	Extension    domain.ExtensionID `json:"extension_id,omitempty"` // that manages it
	State        domain.HealthState `json:"state"`
	FailingSince time.Time          `json:"failing_since"`
	Reason       string             `json:"reason"` // of the attempt that failed last before the event
}

// DeliveryData is the data of delivery.* events.
type DeliveryData struct {
	ID        domain.DeliveryID   `json:"id"`
	Webhook   domain.WebhookID    `json:"webhook_id"`
	Name      string              `json:"webhook_name"`
	Extension domain.ExtensionID  `json:"extension_id,omitempty"` // that manages the webhook
	Event     domain.EventID      `json:"event_id"`
	EventType string              `json:"event_type"`
	EventDay  string              `json:"event_day"` // UTC, YYYY-MM-DD: where its attempts are listed
	Attempts  int                 `json:"attempts"`
	Failure   domain.FailureClass `json:"failure"` // of the last
	Reason    string              `json:"reason"`
}

// PingData is the data of webhook.ping.
type PingData struct {
	ID         domain.WebhookID `json:"id"`
	Name       string           `json:"name"`
	EventTypes []string         `json:"event_types"` // what it hears; empty: every type
}

// Event is an outbox item: committed with the change that it tells of, its body's bytes stored once. Fan-out
// reads it from the table's stream.
type Event struct {
	ID       domain.EventID    `json:"id"`
	Account  domain.AccountID  `json:"account_id"`
	Contract domain.ContractID `json:"contract_id,omitempty"` // empty: an event of the account itself
	Subject  domain.Subject    `json:"subject"`
	Body     []byte            `json:"body"` // an Envelope's JSON
	At       time.Time         `json:"at"`
	Trace    trace.ID          `json:"trace,omitempty"` // of the request that changed it; store.Commit knows
	// AcceptedAt is when it was stored, which the store knows: at once, but for one that came from outside.
	AcceptedAt time.Time `json:"accepted_at,omitzero"`
}

// OfContract is the event that c's change makes.
func OfContract(id domain.EventID, t Type, c domain.Contract) (Event, error) {
	return about(id, t, c).with(t, ContractData{
		ID: c.ID, Name: c.Name, State: c.State, Workspace: c.Workspace, Template: c.Template,
		TemplateType:  c.TemplateType,
		ExtensionType: c.ExtensionType, Origin: c.Origin, ExpiresOn: c.ExpiresOn, DataFields: c.Values,
		Participants: c.Participants,
	})
}

// OfDataFields is the event of c's values that changed, by a participant or, when by is empty, by the account.
func OfDataFields(id domain.EventID, c domain.Contract, by domain.ParticipantID,
	changed []domain.Value) (Event, error) {
	return about(id, DataFieldUpdated, c).with(DataFieldUpdated, DataFieldData{
		Contract: c.ID, State: c.State, Workspace: c.Workspace, TemplateType: c.TemplateType,
		ExtensionType: c.ExtensionType, Origin: c.Origin, Participant: by, DataFields: changed,
	})
}

// OfParticipant is the event of what a participant of c did.
func OfParticipant(id domain.EventID, t Type, c domain.Contract, p domain.Participant) (Event, error) {
	return about(id, t, c).with(t, ParticipantData{
		Contract: c.ID, State: c.State, Workspace: c.Workspace, TemplateType: c.TemplateType,
		ExtensionType: c.ExtensionType, Origin: c.Origin, Participant: p,
	})
}

// about is an event of c without its body: every webhook that may hear of c's life may hear of it.
func about(id domain.EventID, t Type, c domain.Contract) Event {
	return Event{
		ID: id, Account: c.Account, Contract: c.ID, At: c.UpdatedAt,
		Subject: domain.Subject{EventType: string(t), Origin: c.Origin, Workspace: c.Workspace,
			TemplateType: c.TemplateType},
	}
}

// OfInstallation is the event that i's change makes.
func OfInstallation(id domain.EventID, t Type, i domain.Installation) (Event, error) {
	return ofInstallation(id, t, i).with(t, installationData(i))
}

// OfParameters is the event of i's parameters that changed, by their keys.
func OfParameters(id domain.EventID, i domain.Installation, changed []string) (Event, error) {
	data := installationData(i)
	data.ChangedParameters = changed
	return ofInstallation(id, InstallationUpdated, i).with(InstallationUpdated, data)
}

// OfFarewell is the event of i's end with its account, which is being deleted: of the account it says the id alone.
func OfFarewell(id domain.EventID, i domain.Installation) (Event, error) {
	e := ofInstallation(id, InstallationDisabled, i)
	return e.with(InstallationDisabled, InstallationData{Extension: i.Extension, Version: i.Version,
		State: domain.Disabled, Reason: ReasonAccountDeleted})
}

// ReasonAccountDeleted is why an installation ends that nobody disabled.
const ReasonAccountDeleted = "account-deleted"

func ofInstallation(id domain.EventID, t Type, i domain.Installation) Event {
	return Event{ID: id, Account: i.Account, At: i.UpdatedAt, Subject: domain.Subject{
		EventType: string(t), Installation: i.Extension, Epoch: i.Life(),
	}}
}

func installationData(i domain.Installation) InstallationData {
	return InstallationData{Extension: i.Extension, Version: i.Version, State: i.State, Failure: i.Failure,
		Setup: i.Setup}
}

// OfDrift is the event of what a check of i found, or of its not being there any more.
func OfDrift(id domain.EventID, t Type, i domain.Installation, d domain.Drift) (Event, error) {
	return ofInstallation(id, t, i).with(t,
		DriftData{Extension: i.Extension, Version: i.Version, State: i.State, Findings: d.Findings, Total: d.Total})
}

// OfWebhook is the event of a change of w's health. Its id derives from the change, so that it is told once; so it does
// not rise with time, which sorts it apart in the log of a day.
func OfWebhook(t Type, w domain.Webhook, state domain.HealthState, h domain.Health, at time.Time) (Event, error) {
	id := domain.EventID(domain.DerivedID("evt", string(t), string(w.Account), string(w.ID),
		fmt.Sprint(h.FailingSince.UnixMilli())))
	return ofSending(id, t, w, at).with(t, WebhookData{
		ID: w.ID, Name: w.Name, Extension: w.Extension, State: state, FailingSince: h.FailingSince, Reason: h.Reason,
	})
}

// OfExhausted is the event of a delivery that was tried for the last time. Its id derives from the delivery, as above,
// and from where a replay began its schedule anew.
func OfExhausted(w domain.Webhook, d Delivery, last domain.Attempt) (Event, error) {
	parts := []string{string(DeliveryExhausted), string(d.ID)}
	if d.First > 1 {
		parts = append(parts, fmt.Sprint(d.First))
	}
	id := domain.EventID(domain.DerivedID("evt", parts...))
	return ofSending(id, DeliveryExhausted, w, last.At).with(DeliveryExhausted, DeliveryData{
		ID: d.ID, Webhook: w.ID, Name: w.Name, Extension: w.Extension, Event: d.Event, EventType: d.EventType,
		EventDay: d.Day(),
		Attempts: last.Number, Failure: last.Failure, Reason: last.Reason,
	})
}

func ofSending(id domain.EventID, t Type, w domain.Webhook, at time.Time) Event {
	return Event{ID: id, Account: w.Account, At: at, Subject: domain.Subject{EventType: string(t), Webhook: w.ID}}
}

// OfPing is the event of w's being there.
func OfPing(id domain.EventID, w domain.Webhook, at time.Time) (Event, error) {
	types := w.EventTypes
	if types == nil {
		types = []string{}
	}
	return forOne(id, WebhookPing, w, at).with(WebhookPing, PingData{ID: w.ID, Name: w.Name, EventTypes: types})
}

// OfTest is a sample of that type for w alone, marked as a test. A ping is no sample: what it says is so.
func OfTest(id domain.EventID, t Type, w domain.Webhook, at time.Time) (Event, error) {
	if t == WebhookPing {
		return OfPing(id, w, at)
	}
	var sample struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(Sample(t), &sample); err != nil {
		return Event{}, fmt.Errorf("read the sample of %s: %w", t, err)
	}
	return forOne(id, t, w, at).encode(Envelope{Type: t, Test: true, Data: sample.Data})
}

func forOne(id domain.EventID, t Type, w domain.Webhook, at time.Time) Event {
	return Event{ID: id, Account: w.Account, At: at, Subject: domain.Subject{EventType: string(t), Only: w.ID}}
}

// OfExternal is the event of a contract that is kept elsewhere. Its data holds the sender's fields, and the same
// identifying fields as events of our own contracts.
func OfExternal(id domain.EventID, t Type, a domain.AccountID, c domain.ContractID, s domain.Subject,
	extensionType string, at time.Time, said map[string]any) (Event, error) {
	data := maps.Clone(said)
	if data == nil {
		data = map[string]any{}
	}
	data["id"], data["workspace_id"] = c, s.Workspace
	for name, value := range map[string]string{"template_type_id": string(s.TemplateType),
		"extension_type": extensionType, "origin_extension_id": string(s.Origin)} {
		if delete(data, name); value != "" {
			data[name] = value
		}
	}
	s.EventType = string(t)
	return Event{ID: id, Account: a, Contract: c, At: at, Subject: s}.with(t, data)
}

func (e Event) with(t Type, data any) (Event, error) {
	return e.encode(Envelope{Type: t, Data: data})
}

func (e Event) encode(v Envelope) (Event, error) {
	v.ID, v.Timestamp, v.Account = e.ID, e.At, e.Account
	body, err := domain.JSON(v)
	if err != nil {
		return Event{}, fmt.Errorf("encode event %s of type %s: %w", e.ID, v.Type, err)
	}
	e.Body = body
	return e, nil
}

// Provision asks provisioning to carry installations of an account on to where their state says they go, in
// that order, which puts dependencies first. Acting on it twice changes nothing: what an installation needs
// is told by its own state, and an older epoch's message finds nothing to do. Or it asks for a page of a roll-out, and
// is of no account.
type Provision struct {
	ID            string                `json:"id"`
	Account       domain.AccountID      `json:"account_id"`
	Installations []ProvisionedInstance `json:"installations"`
	Erasing       *Erasing              `json:"erasing,omitempty"` // instead: go on with the account's deletion
	Rollout       *RolloutPage          `json:"rollout,omitempty"`
	// instead: reconcile an installation with its blueprint
	Repair *ProvisionedInstance `json:"repair,omitempty"`
	Check  *DriftCheck          `json:"check,omitempty"` // instead, of no account: go on with the daily check
	At     time.Time            `json:"at"`
	Trace  trace.ID             `json:"trace,omitempty"` // as Event's
	// in nanoseconds, before it is worked; SQS's 15 minutes at most
	Wait time.Duration `json:"wait,omitempty"`
}

// DriftCheck asks for one page of the daily check of all installations. The schedule sends the zero one.
type DriftCheck struct {
	Day   string `json:"day,omitempty"`   // UTC, YYYY-MM-DD; empty: today
	Shard int    `json:"shard,omitempty"` // of the list of installations
	After string `json:"after,omitempty"` // the one before, in that shard
}

// IdempotencyKey is the same for the same page of the same day.
func (c DriftCheck) IdempotencyKey() string {
	return domain.DerivedID("prv", "drift", c.Day, fmt.Sprint(c.Shard), c.After)
}

// DailyCheck is the message that begins a day's check.
func DailyCheck() Provision { return Provision{Check: &DriftCheck{}} }

// Erasing asks for one page of an account's deletion. A page that is done is not done again. Page 0 erases nothing: it
// tells the lifecycle endpoints.
type Erasing struct {
	Deletion string `json:"deletion_id"`
	Page     int    `json:"page"`
}

// RolloutPage names a page of a roll-out. When another is being worked, there is nothing to do.
type RolloutPage struct {
	Extension domain.ExtensionID `json:"extension_id"`
	Rollout   domain.RolloutID   `json:"rollout_id"`
	Page      int                `json:"page"`
}

// ProvisionedInstance names an installation and the epoch that the message is for.
type ProvisionedInstance struct {
	Extension domain.ExtensionID `json:"extension_id"`
	Epoch     int                `json:"epoch"`
}
