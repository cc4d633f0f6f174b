package domain

import (
	"fmt"
	"slices"
	"time"

	"plugboard/shared/fault"
)

// InstallationState is the state of an installation (design rule 5).
type InstallationState string

const (
	Enabling  InstallationState = "enabling"
	Enabled   InstallationState = "enabled"
	Upgrading InstallationState = "upgrading"
	Suspended InstallationState = "suspended"
	Failed    InstallationState = "failed"
	Disabling InstallationState = "disabling"
	Disabled  InstallationState = "disabled"

	Upgraded InstallationState = "upgraded" // the goal of a failed upgrade; no installation is in it
)

// Suspender is who suspended an installation; each lifts only its own suspension.
type Suspender string

const (
	SuspendedByAdmin    Suspender = "admin"
	SuspendedByPlatform Suspender = "platform"
)

// Installation is an extension in an account, pinned to a blueprint version. Every disable raises the epoch: a token
// or delivery of an older epoch is dead.
type Installation struct {
	Account   AccountID         `json:"account_id"`
	Extension ExtensionID       `json:"extension_id"`
	Version   int               `json:"version"`
	Epoch     int               `json:"epoch"`
	State     InstallationState `json:"state"`
	// the extension that required it; empty when an admin enabled it directly
	EnabledBy   ExtensionID               `json:"enabled_by,omitempty"`
	RequiredBy  []ExtensionID             `json:"required_by,omitempty"` // installations that depend on it directly
	SuspendedBy []Suspender               `json:"suspended_by,omitempty"`
	Parameters  map[string]ParameterValue `json:"parameters"`                  // not secret
	Secrets     map[string]Sealed         `json:"secret_parameters,omitempty"` // secret
	TokenID     TokenID                   `json:"token_id,omitempty"`
	TokenHash   string                    `json:"token_hash,omitempty"`
	// PreviousTokenHash is the hash of the previous token, so that the next rotation ends it: at most two are valid
	// at a time.
	PreviousTokenHash string `json:"previous_token_hash,omitempty"`
	// The partner signs its callbacks with CallbackSecret. The previous secret is valid until it ends.
	CallbackSecret         Sealed    `json:"callback_secret,omitempty"`
	PreviousCallbackSecret Sealed    `json:"previous_callback_secret,omitempty"`
	PreviousCallbackEndsAt time.Time `json:"previous_callback_ends_at,omitzero"`
	// nil while the partner has nothing to set up and has reported nothing
	Setup     *Setup            `json:"setup,omitempty"`
	Steps     []Step            `json:"steps"`
	Resources []ManagedResource `json:"resources"`
	// Released says of a disabled installation that its template types count for no quota. Disabling before version
	// 0.6.0 left them counted.
	Released      bool          `json:"released,omitempty"`
	Failure       *Failure      `json:"failure,omitempty"`
	UpgradePolicy UpgradePolicy `json:"upgrade_policy"`
	Upgrade       *Upgrade      `json:"upgrade,omitempty"`
	Drift         *Drift        `json:"drift,omitempty"`        // of the last check; nil without findings
	RepairDaily   bool          `json:"repair_daily,omitempty"` // the daily check repairs its findings
	CreatedAt     time.Time     `json:"created_at"`
	UpdatedAt     time.Time     `json:"updated_at"`
	Revision
}

// StepKind is the resource that a provisioning step makes or removes.
type StepKind string

const (
	StepTemplateType StepKind = "template-type"
	StepWebhook      StepKind = "webhook"
	StepLifecycle    StepKind = "lifecycle"

	// Removals come last.
	StepWithdrawal       StepKind = "withdrawal"      // of a template type's fields: they stay, inactive
	StepWebhookRemoval   StepKind = "webhook-removal" // of one webhook of one template type
	StepLifecycleRemoval StepKind = "lifecycle-removal"
)

// Step is one unit of provisioning. It may run twice with the same result.
type Step struct {
	Kind       StepKind  `json:"kind" enum:"template-type,webhook,lifecycle,withdrawal,webhook-removal,lifecycle-removal"`
	TypeKey    string    `json:"template_type_key"`
	WebhookKey string    `json:"webhook_key,omitempty"`
	DoneAt     time.Time `json:"done_at,omitzero"`
}

// Name is the step's name in logs and answers.
func (s Step) Name() string {
	name := string(s.Kind)
	for _, part := range []string{s.WebhookKey, s.TypeKey} {
		if part != "" {
			name += " " + part
		}
	}
	return name
}

// ManagedResource is a resource that an installation owns.
type ManagedResource struct {
	Kind          StepKind `json:"kind" enum:"template-type,webhook,lifecycle"`
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	ExtensionType string   `json:"extension_type,omitempty"`
}

// Failure says where a failed installation stands, so that a retry can continue.
type Failure struct {
	Step   string            `json:"step" doc:"The provisioning step that failed."`
	Reason string            `json:"reason"`
	Goal   InstallationState `json:"goal" enum:"enabled,upgraded,disabled" doc:"The state it was moving to."`
	At     time.Time         `json:"at"`
}

// Installed is true when its fields are usable, its token is valid and its deliveries are sent. That holds during an
// upgrade, even a failed one (design rule 6).
func (i Installation) Installed() bool {
	return i.State == Enabled || i.State == Upgrading || i.State == Failed && i.HalfUpgraded()
}

// HalfUpgraded is true after a failed upgrade that can be retried, even while suspended.
func (i Installation) HalfUpgraded() bool { return i.Failure != nil && i.Failure.Goal == Upgraded }

// Present is true when it is enabled or being enabled, as a dependency must be.
func (i Installation) Present() bool {
	return i.Installed() || i.State == Enabling || i.State == Suspended
}

// Life is the epoch that its current changes belong to: while it is being disabled, the epoch before.
func (i Installation) Life() int {
	if i.State == Disabling || i.State == Disabled || i.State == Failed && i.Failure.Goal == Disabled {
		return i.Epoch - 1
	}
	return i.Epoch
}

// CallbackSecrets are the valid callback secrets, the newest first.
func (i Installation) CallbackSecrets(at time.Time) []Sealed {
	var good []Sealed
	if i.CallbackSecret != "" {
		good = append(good, i.CallbackSecret)
	}
	if i.PreviousCallbackSecret != "" && at.Before(i.PreviousCallbackEndsAt) {
		good = append(good, i.PreviousCallbackSecret)
	}
	return good
}

// ETag names this revision, for If-Match.
func (i Installation) ETag() string { return fmt.Sprintf(`"%d"`, i.Rev) }

// NextStep is the index of the first open step; -1 when all are done.
func (i Installation) NextStep() int {
	return slices.IndexFunc(i.Steps, func(s Step) bool { return s.DoneAt.IsZero() })
}

// Own records a managed resource, replacing its earlier record.
func (i *Installation) Own(r ManagedResource) {
	at := slices.IndexFunc(i.Resources, func(o ManagedResource) bool { return o.ID == r.ID })
	if at < 0 {
		i.Resources = append(slices.Clone(i.Resources), r)
		return
	}
	i.Resources = slices.Clone(i.Resources)
	i.Resources[at] = r
}

// Disown removes the record of a managed resource.
func (i *Installation) Disown(id string) {
	i.Resources = slices.DeleteFunc(slices.Clone(i.Resources), func(r ManagedResource) bool { return r.ID == id })
}

// Release removes e from the extensions that require it; false when e did not.
func (i *Installation) Release(e ExtensionID) bool {
	if !slices.Contains(i.RequiredBy, e) {
		return false
	}
	i.RequiredBy = slices.DeleteFunc(slices.Clone(i.RequiredBy), func(o ExtensionID) bool { return o == e })
	return true
}

// StepsTo are the steps of enabling at that version: its declared resources, then the withdrawal of template types
// left by an earlier version.
func (i Installation) StepsTo(b Blueprint) []Step {
	steps := b.Steps()
	for _, r := range i.Resources {
		key := i.Extension.keyOfType(r.ExtensionType)
		if _, declared := b.TemplateType(key); r.Kind == StepTemplateType && !declared {
			steps = append(steps, Step{Kind: StepWithdrawal, TypeKey: key})
		}
	}
	return steps
}

// TemplateTypes are the ids of its template types.
func (i Installation) TemplateTypes() []TemplateTypeID {
	var ids []TemplateTypeID
	for _, r := range i.Resources {
		if r.Kind == StepTemplateType {
			ids = append(ids, TemplateTypeID(r.ID))
		}
	}
	return ids
}

// State changes. Each returns the installation as it will be, or a Conflict with the reason.

// Suspend stops the API and sending in by's name. Suspending again changes nothing. An installation whose upgrade
// failed works on, so it can be suspended; one that is being upgraded is enabled or failed within moments.
func (i Installation) Suspend(by Suspender, now time.Time) (Installation, error) {
	if i.State != Enabled && i.State != Suspended && !(i.State == Failed && i.HalfUpgraded()) {
		return i, i.conflict("suspended")
	}
	if !slices.Contains(i.SuspendedBy, by) {
		i.SuspendedBy = append(slices.Clone(i.SuspendedBy), by)
	}
	i.State, i.UpdatedAt = Suspended, now
	return i, nil
}

// Resume lifts by's suspension. The installation stays suspended while another suspension stands, and then returns to
// its state before.
func (i Installation) Resume(by Suspender, now time.Time) (Installation, error) {
	if i.State == Enabled || i.State == Failed && i.HalfUpgraded() {
		return i, nil
	}
	if i.State != Suspended {
		return i, i.conflict("resumed")
	}
	if !slices.Contains(i.SuspendedBy, by) {
		return i, fault.New(fault.Conflict, "suspended-by-another",
			"The extension %q was suspended by the %s, who alone can resume it.", i.Extension, i.SuspendedBy[0])
	}
	i.SuspendedBy = slices.DeleteFunc(slices.Clone(i.SuspendedBy), func(s Suspender) bool { return s == by })
	if len(i.SuspendedBy) == 0 {
		i.State = Enabled
		if i.HalfUpgraded() {
			i.State = Failed
		}
	}
	i.UpdatedAt = now
	return i, nil
}

// Disable raises the epoch, so that the token and the deliveries of the old epoch are dead with this write. Disabling
// again changes nothing.
func (i Installation) Disable(now time.Time) (Installation, error) {
	switch {
	case i.State == Disabling || i.State == Disabled:
		return i, nil
	case len(i.RequiredBy) > 0:
		return i, fault.New(fault.Conflict, "required-by-extension",
			"The extension %q is needed by %s. Disable that first.", i.Extension, quoteAll(i.RequiredBy))
	case i.State == Enabled || i.State == Suspended || i.State == Failed:
		i.State, i.Epoch, i.UpdatedAt = Disabling, i.Epoch+1, now
		i.SuspendedBy, i.Failure, i.Upgrade = nil, nil, nil
		return i, nil
	default:
		return i, i.conflict("disabled")
	}
}

// Retry continues a failed installation towards its goal.
func (i Installation) Retry(now time.Time) (Installation, error) {
	if i.State != Failed {
		return i, i.conflict("retried")
	}
	i.State = map[InstallationState]InstallationState{Enabled: Enabling, Upgraded: Upgrading,
		Disabled: Disabling}[i.Failure.Goal]
	i.Failure, i.UpdatedAt = nil, now
	return i, nil
}

// Fail stores the step, the reason and the goal.
func (i Installation) Fail(step, reason string, now time.Time) Installation {
	goal := map[InstallationState]InstallationState{Enabling: Enabled, Upgrading: Upgraded,
		Disabling: Disabled}[i.State]
	i.State, i.Failure, i.UpdatedAt = Failed, &Failure{Step: step, Reason: reason, Goal: goal, At: now}, now
	return i
}

// HandedOff is the refusal to show an admin credentials that only the partner gets (design rule 3).
func HandedOff(e ExtensionID) error {
	return fault.New(fault.Conflict, "hand-off",
		"The credentials of the extension %q go to its partner alone. Hand off again, and the partner gets "+
			"new ones.", e)
}

func (i Installation) conflict(done string) error {
	return fault.New(fault.Conflict, "installation-state", "The extension %q is %s, so it cannot be %s now.",
		i.Extension, i.State, done)
}

func quoteAll(ids []ExtensionID) string {
	s := ""
	for n, id := range ids {
		if n > 0 {
			s += " and "
		}
		s += fmt.Sprintf("%q", id)
	}
	return s
}

// ManagedBy is the refusal of a change to a token or webhook of an extension (design rule 8): disabling removes it.
func ManagedBy(e ExtensionID, what string) error {
	return fault.New(fault.Conflict, "managed-resource",
		"This %s is managed by the extension %q. It goes when the extension is disabled, and cannot be changed or "+
			"removed otherwise.", what, e)
}

// ManagedFault is the refusal of a change to a template type or data field of an extension (design rule 8), enabled or
// not: contracts have values of it.
func ManagedFault(e ExtensionID, what string) error {
	return fault.New(fault.Conflict, "managed-resource",
		"This %s is managed by the extension %q, and cannot be changed or removed. It stays when the extension is "+
			"disabled, for the contracts that were made with it.", what, e)
}

// ParameterResource names a secret parameter to the sealer.
func ParameterResource(e ExtensionID, key string) string {
	return "parameter/" + string(e) + "/" + key
}
