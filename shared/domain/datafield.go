package domain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"plugboard/shared/fault"
)

// Limits of data fields. The sum of a template type's fields stays far below DynamoDB's 400 KB an item.
const (
	MaxTextLength = 1024 // characters, not bytes
	MaxFields     = 300  // in a template type
)

// FieldKind is what a data field holds.
type FieldKind string

const (
	Text     FieldKind = "text"     // ≤ MaxTextLength characters
	Checkbox FieldKind = "checkbox" // "true" or "false"
	Number   FieldKind = "number"   // a decimal number
	Date     FieldKind = "date"     // YYYY-MM-DD
)

// Source says who made a data field: a user, or an extension's blueprint.
type Source string

const (
	SourceUser   Source = "user"
	SourceSystem Source = "system"
)

// Filler says who gives a field's value in a contract (design rule 29). Empty: the account.
type Filler string

const (
	FilledByAccount      Filler = "account"      // its users, its tokens and its extensions; participants only read
	FilledByParticipants Filler = "participants" // any participant, and the account before and beside them
)

// UnmarshalJSON takes the default as absent, so that a definition that names it equals one that does not. A value of
// another type is skipped: the schema refuses it, and all other errors of the body are reported beside it.
func (f *Filler) UnmarshalJSON(raw []byte) error {
	var name string
	if *f = ""; json.Unmarshal(raw, &name) == nil && name != string(FilledByAccount) {
		*f = Filler(name)
	}
	return nil
}

// FieldDefinition is what a field is, apart from who made it and whether it is active.
type FieldDefinition struct {
	CustomID    string    `json:"custom_id" minLength:"1" maxLength:"64" pattern:"^([.]{0,2}[A-Za-z0-9_ -][.A-Za-z0-9_ -]*|[.]{3}[.A-Za-z0-9_ -]*)$" doc:"Unique in its template type, ignoring case and spaces." example:"order_number"`
	Name        string    `json:"name" minLength:"1" maxLength:"128" doc:"The name that people see." example:"Order number"`
	Description string    `json:"description,omitempty" maxLength:"512" text:"lines"`
	Placeholder string    `json:"placeholder,omitempty" maxLength:"128"`
	Kind        FieldKind `json:"kind" enum:"text,checkbox,number,date" doc:"text: at most 1,024 characters; checkbox: true or false; number: decimal; date: YYYY-MM-DD."`
	Default     string    `json:"default,omitempty" maxLength:"1024" text:"value" doc:"Used when a contract gives no value."`
	FilledBy    Filler    `json:"filled_by,omitempty" enum:"account,participants" doc:"Who gives its value in a contract: account (also when absent): participants only read it; participants: they may change it, as the account may."`
}

// Filler is who gives the field's value, by name.
func (d FieldDefinition) Filler() Filler { return cmp.Or(d.FilledBy, FilledByAccount) }

// DataField is a field of a template type.
type DataField struct {
	FieldDefinition
	Source Source `json:"source" enum:"user,system" doc:"system: made by an extension; only active can be changed."`
	Active bool   `json:"active" doc:"An inactive field acts as removed for everything new."`
	// Withdrawn tells a field that became inactive because the version lacks it from one that people switched off:
	// only the first becomes active when a later version has it again, and only once does it become inactive.
	Withdrawn bool `json:"withdrawn,omitempty" doc:"The extension's current version no longer has this field."`
	// WasOff: people had switched it off before it was withdrawn, and so it comes back.
	WasOff bool `json:"was_off,omitempty" doc:"It was inactive before it was withdrawn, and will return inactive."`
}

// TemplateType is a container of data fields that templates, contracts and webhooks refer to. One that an
// extension made has an ExtensionType, which is the same in every account.
type TemplateType struct {
	Account       AccountID      `json:"account_id"`
	ID            TemplateTypeID `json:"id"`
	Name          string         `json:"name"`
	Description   string         `json:"description,omitempty"`
	Extension     ExtensionID    `json:"extension_id,omitempty"` // who manages it; empty: the account
	ExtensionType string         `json:"extension_type,omitempty"`
	Fields        []DataField    `json:"fields"`
	CreatedAt     time.Time      `json:"created_at"`
	UpdatedAt     time.Time      `json:"updated_at"`
	Revision
}

// FieldsVersion is an item of its own, under 200 bytes, that a contract's creation condition-checks: the version
// rises with every change after which a value that was fine may not be (design rule 13). It also counts the
// templates of the type, so that one in use is not deleted, whatever happens at the same moment.
type FieldsVersion struct {
	Account      AccountID      `json:"account_id"`
	TemplateType TemplateTypeID `json:"template_type_id"`
	Version      int            `json:"version"`
	Templates    int            `json:"templates"`
}

// FoldCustomID is how custom ids are compared: case and spaces do not count.
func FoldCustomID(id string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, id)
}

// Field finds a field by its folded custom id; -1 when there is none.
func (t TemplateType) Field(customID string) int {
	want := FoldCustomID(customID)
	return slices.IndexFunc(t.Fields, func(f DataField) bool { return FoldCustomID(f.CustomID) == want })
}

// withDeclared is t's fields with the declared definitions put in. A known field keeps its place, since users may
// order fields; a new field follows the field declared before it. The caller has checked with HeldByUsers that no
// user field is among the declared.
func (t TemplateType) withDeclared(declared []FieldDefinition) []DataField {
	t.Fields = slices.Clone(t.Fields)
	place := 0
	for _, d := range declared {
		at := t.Field(d.CustomID)
		if at < 0 {
			at = place
			t.Fields = slices.Insert(t.Fields, at, DataField{Source: SourceSystem, Active: true})
		}
		f := &t.Fields[at]
		f.FieldDefinition, f.Active = d, f.Active || f.Withdrawn && !f.WasOff
		f.Withdrawn, f.WasOff = false, false
		place = at + 1
	}
	return t.Fields
}

// withoutUndeclared is t's fields, with every undeclared system field withdrawn. A withdrawn field stays, inactive,
// for old contracts.
func (t TemplateType) withoutUndeclared(declared []FieldDefinition) []DataField {
	wanted := map[string]bool{}
	for _, d := range declared {
		wanted[FoldCustomID(d.CustomID)] = true
	}
	fields := slices.Clone(t.Fields)
	for i, f := range fields {
		if f.Source == SourceSystem && !f.Withdrawn && !wanted[FoldCustomID(f.CustomID)] {
			fields[i].Active, fields[i].Withdrawn, fields[i].WasOff = false, true, !f.Active
		}
	}
	return fields
}

// Usable tells whether values may be given for f. installed is whether the template type's extension is
// enabled; a user field of a managed template type needs only its own flag (design rule 5).
func (f DataField) Usable(installed bool) bool {
	return f.Active && (f.Source == SourceUser || installed)
}

// CheckDefinitions reports every field that is wrong or repeats another's custom id. base is the pointer of
// the list, `/fields`.
func CheckDefinitions(base string, fields []FieldDefinition) []fault.Field {
	var wrong []fault.Field
	if len(fields) > MaxFields {
		wrong = append(wrong, fault.Field{Pointer: base, Code: "too-many",
			Detail: fmt.Sprintf("A template type holds at most %d data fields; these are %d.", MaxFields, len(fields))})
	}
	first := map[string]int{}
	for i, f := range fields {
		at := fmt.Sprintf("%s/%d", base, i)
		folded := FoldCustomID(f.CustomID)
		if earlier, repeated := first[folded]; folded != "" && repeated {
			wrong = append(wrong, fault.Field{Pointer: at + "/custom_id", Code: "duplicate",
				Detail: fmt.Sprintf("%q is the same as field %d's, as case and spaces do not count.", f.CustomID,
					earlier)})
		} else {
			first[folded] = i
		}
		wrong = append(wrong, f.Kind.CheckDefault(at, f.Default)...)
	}
	return wrong
}

// CheckDefault reports a default that is not of the kind. at is the pointer of the field.
func (k FieldKind) CheckDefault(at, value string) []fault.Field {
	if problem := k.problem(value); value != "" && problem != "" {
		return []fault.Field{{Pointer: at + "/default", Code: "invalid", Detail: problem}}
	}
	return nil
}

// Value is a data field's value in a template or contract: a snapshot that later changes to the field do not
// rewrite.
type Value struct {
	CustomID string    `json:"custom_id"`
	Name     string    `json:"name"`
	Kind     FieldKind `json:"kind"`
	Source   Source    `json:"source"`
	Value    string    `json:"value"`
}

// UsableValues are the values of fields that are usable: a new contract can have them. installed says whether t's
// extension is enabled. The result is never nil.
func (t TemplateType) UsableValues(values []GivenValue, installed bool) []GivenValue {
	usable := []GivenValue{}
	for _, v := range values {
		if i := t.Field(v.CustomID); i >= 0 && t.Fields[i].Usable(installed) {
			usable = append(usable, v)
		}
	}
	return usable
}

// GivenValue is a value as a caller gives it.
type GivenValue struct {
	CustomID string `json:"custom_id" minLength:"1" maxLength:"64"`
	Value    string `json:"value" text:"value" doc:"A text of at most 1,024 characters; true or false; a decimal number; YYYY-MM-DD."`
}

// CheckValues reports values that are wrong for any template type: those given twice, and those that no kind of field
// takes.
func CheckValues(base string, given []GivenValue) []fault.Field {
	var wrong []fault.Field
	seen := map[string]bool{}
	for i, g := range given {
		at := fmt.Sprintf("%s/%d", base, i)
		if folded := FoldCustomID(g.CustomID); folded != "" && seen[folded] {
			wrong = append(wrong, twice(at, g))
		} else {
			seen[folded] = true
		}
		if problem := Text.problem(g.Value); problem != "" {
			wrong = append(wrong, fault.Field{Pointer: at + "/value", Code: "invalid", Detail: problem})
		}
	}
	return wrong
}

func twice(at string, g GivenValue) fault.Field {
	return fault.Field{Pointer: at + "/custom_id", Code: "duplicate",
		Detail: fmt.Sprintf("The data field %q is given twice.", g.CustomID)}
}

// Snapshot takes the given values over the type's usable fields, defaults filling the rest. It reports every
// value that is unknown, inactive, repeated or not of its kind, by pointer under base (design rule 12).
func (t TemplateType) Snapshot(base string, given []GivenValue, installed bool) ([]Value, []fault.Field) {
	taken, wrong := t.take(base, given, installed)
	if len(wrong) > 0 {
		return nil, wrong
	}
	values := []Value{}
	for i, f := range t.Fields {
		value, ok := taken[i]
		if !ok {
			value = f.Default
		}
		if !f.Usable(installed) || !ok && value == "" {
			continue
		}
		values = append(values, f.holding(value))
	}
	return values, tooMuch(base, values)
}

// Refill puts the given values over those of a contract. Values not given stay, also those of inactive fields. It
// returns all values and the changed ones, or reports the same faults as Snapshot.
func (t TemplateType) Refill(base string, before []Value, given []GivenValue,
	installed bool) (all, changed []Value, wrong []fault.Field) {
	taken, wrong := t.take(base, given, installed)
	if len(wrong) > 0 {
		return nil, nil, wrong
	}
	all = slices.Clone(before)
	for i, f := range t.Fields {
		value, ok := taken[i]
		if !ok {
			continue
		}
		at := slices.IndexFunc(all, func(v Value) bool { return FoldCustomID(v.CustomID) == FoldCustomID(f.CustomID) })
		switch {
		case at < 0:
			all = append(all, f.holding(value))
		case all[at].Value == value:
			continue
		default:
			all[at] = f.holding(value)
		}
		changed = append(changed, f.holding(value))
	}
	return all, changed, tooMuch(base, all)
}

// ParticipantFaults reports each given value of a usable field that participants do not fill.
func (t TemplateType) ParticipantFaults(base string, given []GivenValue, installed bool) []fault.Field {
	var wrong []fault.Field
	for i, g := range given {
		if f := t.Field(g.CustomID); f >= 0 && t.Fields[f].Usable(installed) &&
			t.Fields[f].Filler() != FilledByParticipants {
			wrong = append(wrong, fault.Field{
				Pointer: fmt.Sprintf("%s/%d/custom_id", base, i), Code: "filled-by-account",
				Detail: fmt.Sprintf("The account fills the data field %q. Leave it out.", g.CustomID),
			})
		}
	}
	return wrong
}

func (f DataField) holding(value string) Value {
	return Value{CustomID: f.CustomID, Name: f.Name, Kind: f.Kind, Source: f.Source, Value: value}
}

// maxValues is how many bytes a contract's values have at most, names included: it and its event must each fit into
// an item of DynamoDB, 400 KB.
const maxValues = 256 << 10

func tooMuch(base string, values []Value) []fault.Field {
	bytes := 0
	for _, v := range values {
		bytes += len(v.CustomID) + len(v.Name) + len(v.Value)
	}
	if bytes <= maxValues {
		return nil
	}
	return []fault.Field{{Pointer: base, Code: "too-large",
		Detail: fmt.Sprintf("A contract's values have at most %d bytes together; these have %d.", maxValues, bytes)}}
}

// take is the given values by the place of their field, or their faults.
func (t TemplateType) take(base string, given []GivenValue, installed bool) (map[int]string, []fault.Field) {
	var wrong []fault.Field
	taken := map[int]string{}
	for i, g := range given {
		at := fmt.Sprintf("%s/%d", base, i)
		f := t.Field(g.CustomID)
		switch {
		case f < 0:
			wrong = append(wrong, fault.Field{Pointer: at + "/custom_id", Code: "unknown-data-field",
				Detail: fmt.Sprintf("The template type %q has no data field %q.", t.Name, g.CustomID)})
			continue
		case !t.Fields[f].Usable(installed):
			wrong = append(wrong, fault.Field{Pointer: at + "/custom_id", Code: "inactive-data-field",
				Detail: fmt.Sprintf("The data field %q is inactive.", g.CustomID)})
			continue
		}
		if _, repeated := taken[f]; repeated {
			wrong = append(wrong, twice(at, g))
			continue
		}
		taken[f] = g.Value
		if problem := t.Fields[f].Kind.problem(g.Value); problem != "" {
			wrong = append(wrong, fault.Field{Pointer: at + "/value", Code: "invalid", Detail: problem})
		}
	}
	return taken, wrong
}

// Inherit is the given values, and after them a template's for usable fields that were not given. A template's
// value that no longer fits its field is left out, as one for a removed field is.
func (t TemplateType) Inherit(given, template []GivenValue, installed bool) []GivenValue {
	all := slices.Clone(given)
	for _, v := range template {
		f := t.Field(v.CustomID)
		taken := slices.ContainsFunc(given, func(g GivenValue) bool { return t.Field(g.CustomID) == f })
		if f >= 0 && !taken && t.Fields[f].Usable(installed) && t.Fields[f].Kind.problem(v.Value) == "" {
			all = append(all, v)
		}
	}
	return all
}

var decimal = regexp.MustCompile(`^-?[0-9]{1,30}(\.[0-9]{1,30})?$`)

// problem says why value is not of the kind; empty when it is.
func (k FieldKind) problem(value string) string {
	switch k {
	case Text:
		if n := utf8.RuneCountInString(value); n > MaxTextLength {
			return fmt.Sprintf("A text has at most %d characters; this has %d.", MaxTextLength, n)
		}
	case Checkbox:
		if value != "true" && value != "false" {
			return "A checkbox is true or false."
		}
	case Number:
		if !decimal.MatchString(value) {
			return "A number is decimal, like -12.50, with at most 30 digits before the point and after it."
		}
	case Date:
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return "A date is YYYY-MM-DD."
		}
	}
	return ""
}
