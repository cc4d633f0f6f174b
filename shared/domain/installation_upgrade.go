package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"plugboard/shared/fault"
)

// Upgrades (design rule 6): the plan that is shown is the plan that is carried out.

// UpgradePolicy says who starts an installation's upgrades.
type UpgradePolicy string

const (
	UpgradeAutomatic UpgradePolicy = "automatic" // roll-outs too, as long as nothing needs consent
	UpgradeByHand    UpgradePolicy = "by-hand"   // only the account's admins
)

// Upgrade is an installation's last upgrade, or the current one.
type Upgrade struct {
	Version int       `json:"version" doc:"The version after the upgrade."`
	Rollout RolloutID `json:"rollout_id,omitempty" doc:"The roll-out that started it. Absent when a person did."`
	At      time.Time `json:"at"`
}

// UpgradeChange is what an upgrade does to a resource.
type UpgradeChange string

const (
	UpgradeAdds        UpgradeChange = "added"
	UpgradeChanges     UpgradeChange = "changed"
	UpgradeDeactivates UpgradeChange = "deactivated" // it stays, inactive, for old contracts
	UpgradeRemoves     UpgradeChange = "removed"
)

// UpgradePlan is the exact change that an upgrade makes in one account. Equal plans have equal ids.
type UpgradePlan struct {
	Extension     ExtensionID               `json:"extension_id"`
	Epoch         int                       `json:"epoch"`
	From          int                       `json:"from_version"`
	To            int                       `json:"to_version"`
	ScopesAdded   []Scope                   `json:"scopes_added"`
	ScopesRemoved []Scope                   `json:"scopes_removed"`
	TemplateTypes []TemplateTypeUpgrade     `json:"template_types" doc:"Parameters that change."`
	Webhooks      []WebhookUpgrade          `json:"webhooks" doc:"Webhooks that change. All others stay as they are, at the new version."`
	Setup         UpgradeChange             `json:"setup,omitempty" enum:"added,changed,removed" doc:"added: an admin is asked to hand off; the token works until the partner takes its own. removed: no hand-off any more; the credentials stay. changed: the page moves."`
	Dependencies  []DependencyUpgrade       `json:"dependencies" doc:"Dependencies that are added, removed, or unfit for the new version."`
	Parameters    []Parameter               `json:"parameters" doc:"Parameters without a valid value."`
	Defaults      map[string]ParameterValue `json:"defaults,omitempty" doc:"Defaults for parameters without a value."`
	NeedsConsent  []ConsentReason           `json:"needs_consent" doc:"Why only an admin can start it. Empty when it may be automatic."`
	Conflicts     []UpgradeConflict         `json:"conflicts" doc:"Conflicts to resolve first. Nothing is changed before."`
	Steps         []Step                    `json:"steps" doc:"The steps in order: additions before removals."`
}

// TemplateTypeUpgrade is the change of one template type.
type TemplateTypeUpgrade struct {
	ID            TemplateTypeID `json:"id"`
	ExtensionType string         `json:"extension_type"`
	Name          string         `json:"name" doc:"Its future definition."`
	Change        UpgradeChange  `json:"change" enum:"added,changed,deactivated" doc:"deactivated: the version lacks it. It stays, with all its system fields inactive."`
	Fields        []FieldUpgrade `json:"fields" doc:"System fields that change. User fields never do."`
}

// FieldUpgrade is the change of one system field.
type FieldUpgrade struct {
	CustomID string        `json:"custom_id"`
	Change   UpgradeChange `json:"change" enum:"added,changed,deactivated"`

	Was     *FieldDefinition `json:"was,omitempty" doc:"The current definition. Absent for an added field."`
	Becomes *FieldDefinition `json:"becomes,omitempty" doc:"The future definition. Absent for a deactivated field."`
}

// WebhookUpgrade is the change of one webhook of one template type.
type WebhookUpgrade struct {
	ID            WebhookID     `json:"id"`
	Key           string        `json:"key"`
	ExtensionType string        `json:"extension_type" doc:"Empty for the lifecycle endpoint, whose key is lifecycle: it hears the installation's events and no contract's."`
	URL           string        `json:"url" doc:"Its future definition; of a removed one, the current."`
	Change        UpgradeChange `json:"change" enum:"added,changed,removed"`

	URLBefore     string   `json:"url_before,omitempty" doc:"Of a changed webhook whose URL changes: the current one."`
	EventsAdded   []string `json:"event_types_added,omitempty" doc:"Of a changed webhook: event types that it newly hears."`
	EventsRemoved []string `json:"event_types_removed,omitempty" doc:"Of a changed webhook: event types that it hears no more."`
}

// DependencyUpgrade is a dependency that an upgrade changes or lacks.
type DependencyUpgrade struct {
	Extension  ExtensionID   `json:"extension_id"`
	MinVersion int           `json:"min_version,omitempty"`
	Change     UpgradeChange `json:"change,omitempty" enum:"added,removed"`
	Problem    string        `json:"problem,omitempty" enum:"missing,too-old" doc:"missing: the upgrade enables it. too-old: upgrade it first."`
}

// The problems of a DependencyUpgrade.
const (
	DependencyMissing = "missing"
	DependencyTooOld  = "too-old"
)

// UpgradeConflict is an obstacle to an upgrade.
type UpgradeConflict struct {
	Code          string         `json:"code" enum:"data-field-conflict,quota-exceeded"`
	TemplateType  TemplateTypeID `json:"template_type_id"`
	ExtensionType string         `json:"extension_type"`
	CustomID      string         `json:"custom_id,omitempty" doc:"As its user spelled it."`
	Detail        string         `json:"detail" doc:"What to do."`
}

// ID is the fingerprint of the plan and of the blueprints that are enabled with it: another change, another id.
func (p UpgradePlan) ID(enabled ...Blueprint) string {
	with := make([]Dependency, len(enabled))
	for i, b := range enabled {
		with[i] = Dependency{Extension: b.Extension, MinVersion: b.Version}
	}
	raw, err := JSON([]any{p, with})
	if err != nil {
		panic(fmt.Sprintf("domain: a plan is JSON: %v", err))
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// ETag names the plan and the blueprints that are enabled with it, for If-Match.
func (p UpgradePlan) ETag(enabled ...Blueprint) string { return `"` + p.ID(enabled...) + `"` }

// UpgradeSubject is everything that an upgrade is planned from, all of one account.
type UpgradeSubject struct {
	Installation  Installation
	From, To      Blueprint
	TemplateTypes []TemplateType
	Webhooks      []Webhook
	Installed     map[ExtensionID]Installation
}

// Plan is a function of the subject alone. It plans from the existing resources, so that an upgrade also repairs
// drift.
func (s UpgradeSubject) Plan() UpgradePlan {
	p := UpgradePlan{
		Extension: s.Installation.Extension, Epoch: s.Installation.Epoch, From: s.From.Version, To: s.To.Version,
		ScopesAdded: without(s.To.Scopes, s.From.Scopes), ScopesRemoved: without(s.From.Scopes, s.To.Scopes),
		TemplateTypes: []TemplateTypeUpgrade{}, Webhooks: []WebhookUpgrade{}, Dependencies: []DependencyUpgrade{},
		Parameters:   []Parameter{},
		NeedsConsent: []ConsentReason{}, Conflicts: []UpgradeConflict{}, Steps: []Step{},
	}
	if s.From.Version == s.To.Version {
		return p
	}
	s.Installation.State = Upgrading
	p.Setup = s.From.setupTo(s.To)
	p.NeedsConsent = append(p.NeedsConsent, s.From.Diff(s.To.BlueprintSpec).NeedsConsent...)
	last := s.lifecycle(&p) // it hears of all that comes between
	for _, declared := range s.To.TemplateTypes {
		s.planAddition(&p, declared)
	}
	removals := append(s.webhooks(&p), last...)
	for _, key := range s.keys() {
		s.planRemoval(&p, key)
	}
	p.Steps = append(p.Steps, removals...)
	s.dependencies(&p)
	missing := s.CheckParameters("", nil)
	for _, param := range s.To.Parameters.All() {
		_, open := s.Installation.Parameters[param.Key]
		if _, sealed := s.Installation.Secrets[param.Key]; !open && !sealed && param.Schema.Default != nil {
			if p.Defaults == nil {
				p.Defaults = map[string]ParameterValue{}
			}
			p.Defaults[param.Key] = param.Schema.Default
		}
		if slices.ContainsFunc(missing, func(f fault.Field) bool { return f.Pointer == "/"+EscapePointer(param.Key) }) {
			p.Parameters = append(p.Parameters, param)
		}
	}
	return p
}

// planAddition plans what is new or changed in a template type that the version has, and names what is in its way.
func (s UpgradeSubject) planAddition(p *UpgradePlan, declared TemplateTypeBlueprint) {
	found := s.templateType(declared.Key)
	extensionType := s.To.Extension.TypeOf(declared.Key)
	for _, id := range found.HeldByUsers(declared.Fields) {
		p.Conflicts = append(p.Conflicts, UpgradeConflict{
			Code: "data-field-conflict", TemplateType: found.ID, ExtensionType: extensionType, CustomID: id,
			Detail: fmt.Sprintf("The template type %q has a user's data field %q, which version %d needs for itself. "+
				"Delete that field, or make it anew under another custom id.", found.Name, id, s.To.Version),
		})
	}
	t, err := s.Installation.DefineTemplateType(declared, found)
	if fault.Is(err, QuotaExceeded) {
		p.Conflicts = append(p.Conflicts, UpgradeConflict{
			Code: "quota-exceeded", TemplateType: found.ID, ExtensionType: extensionType,
			Detail: fmt.Sprintf("With the fields of version %d the template type %q would hold too many, or too much: "+
				"at most %d fields and %d KB. Delete fields of your own.", s.To.Version, found.Name, MaxFields,
				MaxFieldsBytes>>10),
		})
	}
	if err != nil || t.Same(found) {
		return
	}
	u := TemplateTypeUpgrade{ID: t.ID, ExtensionType: extensionType, Name: t.Name, Change: UpgradeChanges,
		Fields: []FieldUpgrade{}}
	if found.Rev == 0 {
		u.Change = UpgradeAdds
	}
	for _, f := range t.Fields {
		switch at := found.Field(f.CustomID); {
		case at < 0 || found.Fields[at].Withdrawn && !f.Withdrawn:
			u.Fields = append(u.Fields, FieldUpgrade{CustomID: f.CustomID, Change: UpgradeAdds,
				Becomes: &f.FieldDefinition})
		case found.Fields[at] != f:
			u.Fields = append(u.Fields, FieldUpgrade{
				CustomID: f.CustomID, Change: UpgradeChanges, Was: &found.Fields[at].FieldDefinition,
				Becomes: &f.FieldDefinition,
			})
		}
	}
	p.TemplateTypes = append(p.TemplateTypes, u)
	p.Steps = append(p.Steps, Step{Kind: StepTemplateType, TypeKey: declared.Key})
}

// planRemoval plans what a template type loses, all of it when the version lacks the type.
func (s UpgradeSubject) planRemoval(p *UpgradePlan, key string) {
	found := s.templateType(key)
	declared, kept := s.To.TemplateType(key)
	after := found.Withdraw(declared.Fields)
	if after.Same(found) {
		return
	}
	at := slices.IndexFunc(p.TemplateTypes, func(u TemplateTypeUpgrade) bool { return u.ID == found.ID })
	if at < 0 {
		at = len(p.TemplateTypes)
		p.TemplateTypes = append(p.TemplateTypes, TemplateTypeUpgrade{ID: found.ID, ExtensionType: found.ExtensionType,
			Name: found.Name, Change: UpgradeDeactivates, Fields: []FieldUpgrade{}})
		if kept {
			p.TemplateTypes[at].Change = UpgradeChanges
		}
	}
	for n, f := range after.Fields {
		if f != found.Fields[n] {
			p.TemplateTypes[at].Fields = append(p.TemplateTypes[at].Fields,
				FieldUpgrade{CustomID: f.CustomID, Change: UpgradeDeactivates, Was: &found.Fields[n].FieldDefinition})
		}
	}
	p.Steps = append(p.Steps, Step{Kind: StepWithdrawal, TypeKey: key})
}

// webhooks plans those that come and change, and returns the steps that remove the others.
func (s UpgradeSubject) webhooks(p *UpgradePlan) (removals []Step) {
	i := s.Installation
	wanted := map[WebhookID]bool{}
	for _, step := range s.To.Steps() {
		if step.Kind != StepWebhook {
			continue
		}
		declared, _ := s.To.Webhook(step.WebhookKey)
		before, known := s.From.Webhook(step.WebhookKey)
		found := s.webhook(i.WebhookID(step.TypeKey, step.WebhookKey))
		w := i.DefineWebhook(s.To, declared, step.TypeKey, found)
		wanted[w.ID] = true
		if w.SameDefinition(found) {
			continue
		}
		p.Steps = append(p.Steps, step)
		u := WebhookUpgrade{ID: w.ID, Key: step.WebhookKey, ExtensionType: i.Extension.TypeOf(step.TypeKey), URL: w.URL,
			Change: UpgradeChanges}
		if found.Epoch != i.Epoch || found.ID == "" {
			u.Change = UpgradeAdds
		}
		if found.Version = w.Version; u.Change == UpgradeChanges && w.SameDefinition(found) && known &&
			reflect.DeepEqual(before, declared) {
			continue // only its version's number changes
		}
		if u.Change == UpgradeChanges {
			u.compare(found, w)
		}
		p.Webhooks = append(p.Webhooks, u)
	}
	for _, w := range s.Webhooks {
		if w.Extension != i.Extension || w.Lifecycle || wanted[w.ID] {
			continue
		}
		key := s.keyOf(w.TemplateType)
		p.Webhooks = append(p.Webhooks, WebhookUpgrade{ID: w.ID, Key: w.WebhookKey,
			ExtensionType: i.Extension.TypeOf(key), URL: w.URL, Change: UpgradeRemoves})
		removals = append(removals, Step{Kind: StepWebhookRemoval, TypeKey: key, WebhookKey: w.WebhookKey})
	}
	return removals
}

// compare fills in what changes of a webhook that stays.
func (u *WebhookUpgrade) compare(was, becomes Webhook) {
	if was.URL != becomes.URL {
		u.URLBefore = was.URL
	}
	if len(was.EventTypes) > 0 && len(becomes.EventTypes) > 0 {
		u.EventsAdded, u.EventsRemoved = without(becomes.EventTypes, was.EventTypes),
			without(was.EventTypes, becomes.EventTypes)
	}
}

// lifecycle plans the lifecycle endpoint's webhook, and returns the step that removes it when the version has none.
func (s UpgradeSubject) lifecycle(p *UpgradePlan) (removals []Step) {
	found := s.webhook(LifecycleID(s.Installation.Account, s.Installation.Extension))
	if s.Installation.Orphaned(found) {
		found = Webhook{}
	}
	u := WebhookUpgrade{ID: found.ID, Key: string(StepLifecycle), URL: found.URL, Change: UpgradeRemoves}
	if s.To.Lifecycle == nil {
		if found.ID != "" {
			p.Webhooks = append(p.Webhooks, u)
			removals = append(removals, Step{Kind: StepLifecycleRemoval})
		}
		return removals
	}
	w := s.Installation.DefineLifecycle(*s.To.Lifecycle, found)
	if w.SameDefinition(found) {
		return nil
	}
	if u.ID, u.URL, u.Change = w.ID, w.URL, UpgradeChanges; found.ID == "" {
		u.Change = UpgradeAdds
	} else {
		u.compare(found, w)
	}
	p.Webhooks = append(p.Webhooks, u)
	p.Steps = append(p.Steps, Step{Kind: StepLifecycle})
	return nil
}

// setupTo is what becomes of the hand-off from b to the next version.
func (b Blueprint) setupTo(next Blueprint) UpgradeChange {
	switch {
	case b.Setup == nil && next.Setup != nil:
		return UpgradeAdds
	case b.Setup != nil && next.Setup == nil:
		return UpgradeRemoves
	case b.Setup != nil && *b.Setup != *next.Setup:
		return UpgradeChanges
	default:
		return ""
	}
}

func (s UpgradeSubject) dependencies(p *UpgradePlan) {
	for _, d := range s.To.Dependencies {
		u := DependencyUpgrade{Extension: d.Extension, MinVersion: d.MinVersion}
		if !s.From.dependsOn(d.Extension) {
			u.Change = UpgradeAdds
		}
		switch installed := s.Installed[d.Extension]; {
		case !installed.Present():
			u.Problem = DependencyMissing
		case installed.Version < d.MinVersion:
			u.Problem = DependencyTooOld
		}
		if u.Change != "" || u.Problem != "" {
			p.Dependencies = append(p.Dependencies, u)
		}
	}
	for _, d := range s.From.Dependencies {
		if !s.To.dependsOn(d.Extension) {
			p.Dependencies = append(p.Dependencies, DependencyUpgrade{Extension: d.Extension, Change: UpgradeRemoves})
		}
	}
}

func (b BlueprintSpec) dependsOn(e ExtensionID) bool {
	return slices.ContainsFunc(b.Dependencies, func(d Dependency) bool { return d.Extension == e })
}

// CheckParameters reports what is missing or wrong when the given values are put over those that the installation has.
// A sealed value cannot be looked at, and counts as good.
func (s UpgradeSubject) CheckParameters(base string, given map[string]ParameterValue) []fault.Field {
	spec := s.To.BlueprintSpec
	spec.Parameters.Required = slices.Clone(spec.Parameters.Required)
	all := map[string]ParameterValue{}
	maps.Copy(all, given)
	for _, p := range spec.Parameters.All() {
		value, open := s.Installation.Parameters[p.Key]
		switch {
		case !NoParameter(all[p.Key]):
		case p.Schema.WriteOnly && s.Installation.Secrets[p.Key] != "":
			spec.Parameters.Required = without(spec.Parameters.Required, []string{p.Key})
		case open:
			all[p.Key] = value
		}
	}
	return spec.CheckParameters(base, all)
}

// keys are those of the template types that the extension has made in the account, in an order.
func (s UpgradeSubject) keys() []string {
	var keys []string
	for _, t := range s.TemplateTypes {
		if t.Extension == s.Installation.Extension {
			keys = append(keys, t.Extension.keyOfType(t.ExtensionType))
		}
	}
	slices.Sort(keys)
	return keys
}

func (s UpgradeSubject) keyOf(id TemplateTypeID) string {
	for _, key := range s.keys() {
		if s.Installation.TemplateTypeID(key) == id {
			return key
		}
	}
	return ""
}

func (s UpgradeSubject) templateType(key string) TemplateType {
	at := slices.IndexFunc(s.TemplateTypes, func(t TemplateType) bool {
		return t.ID == s.Installation.TemplateTypeID(key)
	})
	if at < 0 {
		return TemplateType{}
	}
	return s.TemplateTypes[at]
}

func (s UpgradeSubject) webhook(id WebhookID) Webhook {
	at := slices.IndexFunc(s.Webhooks, func(w Webhook) bool { return w.ID == id })
	if at < 0 {
		return Webhook{}
	}
	return s.Webhooks[at]
}

// keyOfType is the key that TypeOf made the extension type of.
func (e ExtensionID) keyOfType(extensionType string) string {
	return strings.TrimPrefix(strings.TrimPrefix(extensionType, string(e)), "_")
}

func without[T comparable](all, taken []T) []T {
	return slices.DeleteFunc(append([]T{}, all...), func(v T) bool { return slices.Contains(taken, v) })
}

// StartUpgrade sets an enabled installation on its way to the plan's version. It goes on working meanwhile. Conflict
// from any other state.
func (i Installation) StartUpgrade(p UpgradePlan, by RolloutID, now time.Time) (Installation, error) {
	if i.State != Enabled {
		return i, i.conflict("upgraded")
	}
	i.State, i.UpdatedAt, i.Steps = Upgrading, now, p.Steps
	if len(p.Defaults) > 0 {
		i.Parameters = maps.Clone(i.Parameters)
		maps.Copy(i.Parameters, p.Defaults)
	}
	i.Upgrade = &Upgrade{Version: p.To, Rollout: by, At: now}
	return i, nil
}

// Upgraded is the installation at its new version. Values of parameters that the version does not have, or keeps
// secret now, go from where they were. Setup is asked for anew when the version brings it; whatever its partner said of
// an earlier one was said of another.
func (i Installation) Upgraded(from, to Blueprint, now time.Time) Installation {
	i.State, i.Version, i.UpdatedAt = Enabled, to.Version, now
	switch from.setupTo(to) {
	case UpgradeAdds:
		i.Setup = &Setup{State: SetupPending, At: now}
	case UpgradeRemoves:
		i.Setup = nil
	}
	i.Parameters, i.Secrets = maps.Clone(i.Parameters), maps.Clone(i.Secrets)
	declared := func(key string, secret bool) bool {
		p, known := to.Parameters.Properties[key]
		return known && p.WriteOnly == secret
	}
	maps.DeleteFunc(i.Parameters, func(key string, _ ParameterValue) bool { return !declared(key, false) })
	maps.DeleteFunc(i.Secrets, func(key string, _ Sealed) bool { return !declared(key, true) })
	return i
}

// Obstructed is Conflict `upgrade-conflict`, naming each, when something is in the plan's way.
func (p UpgradePlan) Obstructed() error {
	if len(p.Conflicts) == 0 {
		return nil
	}
	err := fault.New(fault.Conflict, "upgrade-conflict",
		"Something in the account is in the way of version %d; each is named in errors. Nothing was changed.", p.To)
	for _, c := range p.Conflicts {
		pointer := "/template-types/" + EscapePointer(string(c.TemplateType)) + "/fields"
		if c.CustomID != "" {
			pointer += "/" + EscapePointer(c.CustomID)
		}
		err.Fields = append(err.Fields, fault.Field{Pointer: pointer, Code: c.Code, Detail: c.Detail})
	}
	return err
}

// Unconsented is Conflict `consent-required`, naming each reason whose code is not among those consented to.
func (p UpgradePlan) Unconsented(consent []string) error {
	err := fault.New(fault.Conflict, "consent-required",
		"Version %d does more than the installed one may; an admin of the account must consent to what is named in "+
			"errors. Nothing was changed.", p.To)
	for _, r := range p.NeedsConsent {
		if !slices.Contains(consent, r.Code) {
			err.Fields = append(err.Fields, fault.Field{Pointer: r.Pointer, Code: r.Code, Detail: r.Detail})
		}
	}
	if len(err.Fields) == 0 {
		return nil
	}
	return err
}

// Ready is the Conflict that keeps the plan from being carried out as it is: without anything enabled or given with it.
func (p UpgradePlan) Ready() error {
	if err := p.Obstructed(); err != nil {
		return fault.New(fault.Conflict, "upgrade-conflict", "%s", p.Conflicts[0].Detail)
	}
	for _, d := range p.Dependencies {
		if d.Problem != "" {
			return fault.New(fault.Conflict, "dependency-"+d.Problem,
				"Version %d of the extension %q is needed and not enabled.", max(d.MinVersion, 1), d.Extension)
		}
	}
	if len(p.Parameters) > 0 {
		return fault.New(fault.Conflict, "parameter-missing", "The parameter %q must be given.", p.Parameters[0].Key)
	}
	return nil
}
