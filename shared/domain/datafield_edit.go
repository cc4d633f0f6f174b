package domain

import (
	"fmt"
	"slices"

	"plugboard/shared/fault"
)

// MaxFieldsBytes keeps a template type well inside one DynamoDB item (400 KB), as JSON.
const MaxFieldsBytes = 256 << 10

// GivenField is a field of a bulk replacement.
type GivenField struct {
	FieldDefinition
	Active *bool `json:"active,omitempty" doc:"Default: true."`
}

// FieldChange is an update of a field; nil leaves a value unchanged.
type FieldChange struct {
	Active      *bool      `json:"active,omitempty" doc:"Of a system field, only this can be changed."`
	Name        *string    `json:"name,omitempty" minLength:"1" maxLength:"128"`
	Description *string    `json:"description,omitempty" maxLength:"512" text:"lines"`
	Placeholder *string    `json:"placeholder,omitempty" maxLength:"128"`
	Kind        *FieldKind `json:"kind,omitempty" enum:"text,checkbox,number,date"`
	Default     *string    `json:"default,omitempty" maxLength:"1024" text:"value"`
	FilledBy    *Filler    `json:"filled_by,omitempty" enum:"account,participants" doc:"Who gives its value in a contract."`
}

// Edits of a template type. Each returns the template type as it will be. Of a managed field they change only Active
// (design rule 8); otherwise Conflict `managed-resource`.

// AddField puts a user field at the end. Invalid when the custom id is taken or the default is not of the kind.
func (t TemplateType) AddField(d FieldDefinition) (TemplateType, error) {
	fields := append(slices.Clone(t.Fields), DataField{FieldDefinition: d, Source: SourceUser, Active: true})
	return t.withFields(fields, func(pointer string) string {
		return pointer[len(fmt.Sprintf("/fields/%d", len(fields)-1)):] // the body is the new field alone
	})
}

// UpdateField changes a field. NotFound when no field has that custom id.
func (t TemplateType) UpdateField(customID string, c FieldChange) (TemplateType, error) {
	at := t.Field(customID)
	if at < 0 {
		return t, noField(customID)
	}
	f := t.Fields[at]
	definition := c.Name != nil || c.Description != nil || c.Placeholder != nil || c.Kind != nil || c.Default != nil ||
		c.FilledBy != nil
	if definition && f.Source == SourceSystem {
		return t, ManagedFault(t.Extension, "data field")
	}
	set(&f.Active, c.Active)
	set(&f.Name, c.Name)
	set(&f.Description, c.Description)
	set(&f.Placeholder, c.Placeholder)
	set(&f.Kind, c.Kind)
	set(&f.Default, c.Default)
	set(&f.FilledBy, c.FilledBy)
	fields := slices.Clone(t.Fields)
	fields[at] = f
	return t.withFields(fields, func(pointer string) string { return pointer[len(fmt.Sprintf("/fields/%d", at)):] })
}

// RemoveField deletes a user field. Values in contracts stay.
func (t TemplateType) RemoveField(customID string) (TemplateType, error) {
	at := t.Field(customID)
	switch {
	case at < 0:
		return t, noField(customID)
	case t.Fields[at].Source == SourceSystem:
		return t, ManagedFault(t.Extension, "data field")
	}
	t.Fields = slices.Delete(slices.Clone(t.Fields), at, at+1)
	return t, nil
}

// OrderFields reorders the fields. Invalid unless each is named once.
func (t TemplateType) OrderFields(customIDs []string) (TemplateType, error) {
	ordered := TemplateType{Name: t.Name}
	var wrong []fault.Field
	for i, id := range customIDs {
		at := t.Field(id)
		switch {
		case at < 0:
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/custom_ids/%d", i), Code: "unknown-data-field",
				Detail: fmt.Sprintf("The template type has no data field %q.", id)})
		case ordered.Field(id) >= 0:
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/custom_ids/%d", i), Code: "duplicate",
				Detail: fmt.Sprintf("The data field %q is named twice.", id)})
		default:
			ordered.Fields = append(ordered.Fields, t.Fields[at])
		}
	}
	for _, f := range t.Fields {
		if ordered.Field(f.CustomID) < 0 {
			wrong = append(wrong, fault.Field{Pointer: "/custom_ids", Code: "missing",
				Detail: fmt.Sprintf("The data field %q is not named.", f.CustomID)})
		}
	}
	if len(wrong) > 0 {
		return t, fault.InvalidFields(wrong)
	}
	t.Fields = ordered.Fields
	return t, nil
}

// ReplaceFields replaces all fields: a missing field is removed. Every system field must be there with its
// definition; only order and Active may differ.
func (t TemplateType) ReplaceFields(given []GivenField) (TemplateType, error) {
	fields := make([]DataField, 0, len(given))
	for _, g := range given {
		f := DataField{FieldDefinition: g.FieldDefinition, Source: SourceUser, Active: g.Active == nil || *g.Active}
		if at := t.Field(g.CustomID); at >= 0 && t.Fields[at].Source == SourceSystem {
			if t.Fields[at].FieldDefinition != g.FieldDefinition {
				return t, ManagedFault(t.Extension, fmt.Sprintf("data field %q", g.CustomID))
			}
			f.Source, f.Withdrawn, f.WasOff = SourceSystem, t.Fields[at].Withdrawn, t.Fields[at].WasOff
		}
		fields = append(fields, f)
	}
	replaced := TemplateType{Fields: fields}
	for _, f := range t.Fields {
		if f.Source == SourceSystem && replaced.Field(f.CustomID) < 0 {
			return t, ManagedFault(t.Extension, fmt.Sprintf("data field %q", f.CustomID))
		}
	}
	return t.withFields(fields, func(pointer string) string { return pointer })
}

// withFields checks the fields as a whole. pointer turns a pointer into /fields into one into the caller's body.
func (t TemplateType) withFields(fields []DataField, pointer func(string) string) (TemplateType, error) {
	definitions := make([]FieldDefinition, len(fields))
	for i, f := range fields {
		definitions[i] = f.FieldDefinition
	}
	if err := FieldsFit(fields); err != nil { // the limit is of the template type, not of one field
		return t, err
	}
	wrong := CheckDefinitions("/fields", definitions)
	for i := range wrong {
		wrong[i].Pointer = pointer(wrong[i].Pointer)
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return t, err
	}
	t.Fields = fields
	return t, nil
}

// ChangesAcceptedValues tells whether a value that was fine by the fields before may not be by those after: a field was
// removed, changed its kind or who fills it, or was switched on or off. Then the fields' version rises (design rule
// 13).
func (t TemplateType) ChangesAcceptedValues(before TemplateType) bool {
	return slices.ContainsFunc(before.Fields, func(was DataField) bool {
		at := t.Field(was.CustomID)
		return at < 0 || t.Fields[at].Kind != was.Kind || t.Fields[at].Active != was.Active ||
			t.Fields[at].FilledBy != was.FilledBy
	})
}

func noField(customID string) error {
	return fault.New(fault.NotFound, "not-found", "The template type has no data field %q.", customID)
}

func set[T any](field *T, change *T) {
	if change != nil {
		*field = *change
	}
}
