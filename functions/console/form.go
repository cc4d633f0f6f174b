package console

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// formField is a field of a form, as the component "field" shows it.
type formField struct {
	ID       string // of the element, and its name in what the browser sends
	Pointer  string // of the value in the operation's input
	Label    string
	Hint     string
	Kind     string // of the input: text, password, number, email, url, date, checkbox; ticks for several checkboxes
	Mode     string // inputmode
	Most     int    // characters
	Options  []string
	Ticks    []tick
	Required bool
	Value    string
	Error    string
}

// tick is a checkbox among several of one field.
type tick struct {
	Value, Label, Hint string
	On                 bool
}

// parameterFields are a form for what enabling asks, from the parameters' JSON Schemas. sent is what the browser sent;
// nil before.
func parameterFields(asked []contract.NeededParameter, names map[domain.ExtensionID]string,
	sent url.Values) []formField {
	fields := []formField{}
	for _, p := range asked {
		f := parameterField(p)
		if name := names[p.Extension]; name != "" {
			f.Label = name + ": " + f.Label
		}
		if sent != nil && !p.Schema.WriteOnly {
			f.Value = sent.Get(f.ID)
		}
		fields = append(fields, f)
	}
	return fields
}

func parameterField(p contract.NeededParameter) formField {
	s := p.Schema
	f := formField{
		ID: string(p.Extension) + "." + p.Key, Pointer: "/parameters/" + string(p.Extension) + "/" +
			domain.EscapePointer(p.Key),
		Label: cmp.Or(s.Title, p.Key), Hint: s.Description, Kind: "text", Required: p.Required,
	}
	if s.Default != nil {
		f.Value = domain.ParameterText(s.Default)
	}
	if s.MaxLength != nil {
		f.Most = *s.MaxLength
	}
	for _, v := range s.Enum {
		f.Options = append(f.Options, domain.ParameterText(v))
	}
	switch {
	case s.Type == domain.BooleanParameter:
		f.Kind, f.Options = "checkbox", nil
	case s.WriteOnly:
		f.Kind = "password"
		f.Hint = strings.TrimSpace(f.Hint + " Kept sealed and never shown again.")
	case s.Type == domain.IntegerParameter:
		f.Mode = "numeric"
	case s.Type == domain.NumberParameter:
		f.Mode = "decimal"
	case s.Format == "email":
		f.Kind = "email"
	case s.Format == "uri":
		f.Kind = "url"
	case s.Format == "date":
		f.Kind = "date"
	}
	return f
}

// parameterValue is a text as a value of the schema's type. A text that is no number stays a text, which the operation
// refuses by its pointer.
func parameterValue(s domain.ParameterSchema, text string) domain.ParameterValue {
	switch s.Type {
	case domain.BooleanParameter:
		return text == "true"
	case domain.IntegerParameter, domain.NumberParameter:
		if n, err := strconv.ParseFloat(text, 64); err == nil {
			return n
		}
	}
	return text
}

// parameterValues are the values that the browser sent, of the types that the schemas ask for.
func parameterValues(asked []contract.NeededParameter,
	sent url.Values) map[domain.ExtensionID]map[string]domain.ParameterValue {
	all := map[domain.ExtensionID]map[string]domain.ParameterValue{}
	for _, p := range asked {
		text := strings.TrimSpace(sent.Get(parameterField(p).ID))
		if text == "" && p.Schema.Type != domain.BooleanParameter {
			continue
		}
		if all[p.Extension] == nil {
			all[p.Extension] = map[string]domain.ParameterValue{}
		}
		all[p.Extension][p.Key] = parameterValue(p.Schema, text)
	}
	return all
}

// mark puts each error of a refusal to its field. Others become fields without an element, for the summary alone.
func mark(fields []formField, p *contract.Problem) []formField {
	for _, wrong := range p.Errors {
		at := slices.IndexFunc(fields, func(f formField) bool {
			return f.Pointer == wrong.Pointer || f.Ticks != nil && strings.HasPrefix(wrong.Pointer, f.Pointer+"/")
		})
		if at < 0 {
			fields = append(fields, formField{Error: wrong.Detail})
			continue
		}
		fields[at].Error = wrong.Detail
		if wrong.Code == "required" {
			fields[at].Error = "Enter a value. This field is required."
		}
	}
	for i, f := range fields {
		if f.Kind == "password" && f.Error == "" {
			fields[i].Error = "Enter it again. It is not kept after an error."
		}
	}
	return fields
}

// outcome is what a change does, on the page that asks.
type outcome struct{ Tone, Icon, Text string }

// confirmation is a page that asks before a change.
type confirmation struct {
	Title    string
	Outcomes []outcome
	Action   string // where the form goes
	Key      string // an Idempotency-Key, so that a second click changes nothing
	Button   string // the class: primary or danger
	Label    string
	Back     string
	Keep     string
	Type     string // what must be typed; empty for nothing

	TypeField formField
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
