package domain

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"plugboard/shared/fault"
)

// Finding is one difference between a managed resource and its blueprint (design rule 10).
type Finding struct {
	Kind     StepKind `json:"kind" enum:"template-type,webhook,lifecycle,token"`
	ID       string   `json:"id" doc:"The resource's id."`
	Name     string   `json:"name"`
	Pointer  string   `json:"pointer" doc:"A pointer into the resource, a data field by its custom id. Empty for the whole resource." example:"/fields/order_number/kind"`
	Expected string   `json:"expected" doc:"As JSON. Empty for a value that should not exist."`
	Found    string   `json:"found" doc:"As JSON. Empty for a missing value."`
}

// KindToken is the token, the one resource that no step makes: enabling makes it.
const KindToken StepKind = "token"

// Drift is the last check's findings, stored with the installation, so that the same findings are reported once.
type Drift struct {
	Findings []Finding `json:"findings"` // the first of them
	Total    int       `json:"total"`
	Print    string    `json:"print"` // of all findings
	FoundAt  time.Time `json:"found_at"`
}

const (
	driftRemembered = 20  // few, because the installation is read with every call of its token
	driftText       = 200 // characters of an expected or found value
)

// NewDrift stores findings, at least one.
func NewDrift(all []Finding, now time.Time) *Drift {
	parts := make([]string, 0, 6*len(all))
	for _, f := range all {
		parts = append(parts, string(f.Kind), f.ID, f.Name, f.Pointer, f.Expected, f.Found)
	}
	d := &Drift{Total: len(all), Print: DerivedID("drift", parts...), FoundAt: now}
	for _, f := range all[:min(len(all), driftRemembered)] {
		f.Expected, f.Found = cut(f.Expected), cut(f.Found)
		d.Findings = append(d.Findings, f)
	}
	return d
}

func cut(s string) string {
	if utf8.RuneCountInString(s) <= driftText {
		return s
	}
	return string([]rune(s)[:driftText]) + "…"
}

// Checkable is true when the managed resources should match the blueprint: not while they are being created, changed
// or removed.
func (i Installation) Checkable() bool {
	return i.State == Enabled || i.State == Suspended && !i.HalfUpgraded()
}

// Managed is the existing resources of an installation.
type Managed struct {
	TemplateTypes map[TemplateTypeID]TemplateType
	Webhooks      map[WebhookID]Webhook // every webhook of the extension in the account
	Token         Token                 // zero when there is none
}

// DriftFrom compares the existing resources with the blueprint. Each expected resource is made from the found one
// with its runtime state, so only definitions are compared, and the findings are exactly what reconciling would
// change. Sorted by kind, id and pointer.
func (i Installation) DriftFrom(b Blueprint, m Managed) []Finding {
	var all []Finding
	for _, s := range b.Steps() {
		switch s.Kind {
		case StepTemplateType:
			declared, _ := b.TemplateType(s.TypeKey)
			id := i.TemplateTypeID(s.TypeKey)
			found, ok := m.TemplateTypes[id]
			at := Finding{Kind: s.Kind, ID: string(id), Name: i.Extension.TypeOf(s.TypeKey)}
			if !ok {
				all = append(all, at.missing())
				continue
			}
			all = append(all, i.typeDrift(at, declared, found)...)
		case StepWebhook:
			declared, _ := b.Webhook(s.WebhookKey)
			id := i.WebhookID(s.TypeKey, s.WebhookKey)
			found, ok := m.Webhooks[id]
			want := i.DefineWebhook(b, declared, s.TypeKey, found)
			at := Finding{Kind: s.Kind, ID: string(id), Name: want.Name}
			if !ok {
				all = append(all, at.missing())
				continue
			}
			all = append(all, at.differences(want, found)...)
		case StepLifecycle:
			id := LifecycleID(i.Account, i.Extension)
			found, ok := m.Webhooks[id]
			ok = ok && !i.Orphaned(found)
			want := i.DefineLifecycle(*b.Lifecycle, found)
			at := Finding{Kind: s.Kind, ID: string(id), Name: want.Name}
			if !ok {
				all = append(all, at.missing())
				continue
			}
			all = append(all, at.differences(want, found)...)
		}
	}
	for _, w := range i.Surplus(b, m) {
		kind := StepWebhook
		if w.Lifecycle {
			kind = StepLifecycle
		}
		all = append(all, Finding{Kind: kind, ID: string(w.ID), Name: w.Name, Found: "true"})
	}
	at := Finding{Kind: KindToken, ID: string(i.TokenID), Name: "API token of " + string(i.Extension)}
	switch {
	case i.TokenID == "": // waits for its hand-off
	case m.Token.Hash == "":
		all = append(all, at.missing())
	default:
		all = append(all, at.differences(i.DefineToken(b, m.Token), m.Token)...)
	}
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Pointer, b.Pointer))
	})
	return all
}

// WebhookIDs are the ids of all webhooks that the blueprint declares for the installation.
func (i Installation) WebhookIDs(b Blueprint) map[WebhookID]bool {
	ids := map[WebhookID]bool{}
	for _, s := range b.Steps() {
		switch s.Kind {
		case StepWebhook:
			ids[i.WebhookID(s.TypeKey, s.WebhookKey)] = true
		case StepLifecycle:
			ids[LifecycleID(i.Account, i.Extension)] = true
		}
	}
	return ids
}

// Surplus are the existing webhooks that the blueprint does not declare.
func (i Installation) Surplus(b Blueprint, m Managed) []Webhook {
	declared := i.WebhookIDs(b)
	var all []Webhook
	for id, w := range m.Webhooks {
		if !declared[id] && !i.Orphaned(w) {
			all = append(all, w)
		}
	}
	return all
}

// DefineToken is the found token as the blueprint declares it. A missing token cannot be made again, since someone
// would have to be shown it.
func (i Installation) DefineToken(b Blueprint, found Token) Token {
	found.ID, found.Account, found.Extension, found.Epoch, found.Scopes = i.TokenID, i.Account, i.Extension, i.Epoch,
		b.Scopes
	return found
}

func (i Installation) typeDrift(at Finding, declared TemplateTypeBlueprint, found TemplateType) []Finding {
	want, err := i.DefineTemplateType(declared, found)
	var f *fault.Error
	switch {
	case errors.As(err, &f): // only people can resolve it
		at.Pointer, at.Expected, at.Found = "/fields", text(declared.Fields), text(f.Detail)
		return []Finding{at}
	case err != nil:
		at.Pointer, at.Expected, at.Found = "/fields", text(declared.Fields), text(err.Error())
		return []Finding{at}
	}
	return at.differences(want, found)
}

func (f Finding) missing() Finding {
	f.Expected = "true"
	return f
}

// differences are the differences of two values as JSON, except their times, revisions and sealed secrets.
func (f Finding) differences(expected, found any) []Finding {
	want, is := map[string]string{}, map[string]string{}
	flatten("", parsed(expected), want)
	flatten("", parsed(found), is)
	both := maps.Clone(want)
	maps.Copy(both, is)
	var all []Finding
	for _, pointer := range slices.Sorted(maps.Keys(both)) {
		if want[pointer] != is[pointer] && !slices.Contains([]string{"/rev", "/created_at", "/updated_at",
			"/signing_secret", "/signing_secret_made_at", "/former_signing_secrets"}, pointer) {
			f.Pointer, f.Expected, f.Found = pointer, want[pointer], is[pointer]
			all = append(all, f)
		}
	}
	return all
}

// flatten puts v's parts into out by their pointers. Fields are identified by custom id, because users may reorder
// them; any other list is one part.
func flatten(pointer string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, part := range v {
			flatten(pointer+"/"+EscapePointer(name), part, out)
		}
		return
	case []any:
		if strings.HasSuffix(pointer, "/fields") {
			for _, part := range v {
				field, _ := part.(map[string]any)
				id, _ := field["custom_id"].(string)
				flatten(pointer+"/"+EscapePointer(id), field, out)
			}
			return
		}
	}
	out[pointer] = text(v)
}

func parsed(v any) (parsed any) {
	_ = json.Unmarshal([]byte(text(v)), &parsed)
	return parsed
}

// text is v as JSON; no stored type fails.
func text(v any) string {
	raw, _ := JSON(v)
	return string(raw)
}
