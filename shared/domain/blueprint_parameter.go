package domain

import (
	"encoding/json"
	"fmt"
	"math"
	"net/mail"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"plugboard/shared/fault"
)

// Parameters is what a customer gives when enabling, its customer id in the partner's system, say: a JSON Schema (draft
// 2020-12) of the object that holds the values, in the keywords that a form for people needs. What any JSON Schema
// validator refuses is refused here; here alone are refused: names that it does not have, control characters, an empty
// text where one is required (it counts as not given), and more characters than maxLength allows when it is absent.
type Parameters struct {
	Type       string                     `json:"type" enum:"object"`
	Properties map[string]ParameterSchema `json:"properties" maxProperties:"20" doc:"A schema for each parameter by its key: small letters, digits and underscores, at most 40." example:"{\"customer_id\":{\"type\":\"string\",\"title\":\"Customer id\",\"pattern\":\"^C-[0-9]+$\"}}"`
	Required   []string                   `json:"required,omitempty" maxItems:"20" doc:"The keys of parameters that must be given or have a default."`
	Additional *bool                      `json:"additionalProperties,omitempty" enum:"false" doc:"Always false."`
}

// ParameterSchema is the JSON Schema of one parameter's value.
type ParameterSchema struct {
	Type        ParameterType    `json:"type" enum:"string,integer,number,boolean"`
	Title       string           `json:"title,omitempty" minLength:"1" maxLength:"128" doc:"The name that people see. Default: the key." example:"Customer id"`
	Description string           `json:"description,omitempty" maxLength:"512" text:"lines"`
	Default     ParameterValue   `json:"default,omitempty" doc:"Used when no value is given. A secret has none."`
	Enum        []ParameterValue `json:"enum,omitempty" maxItems:"50" doc:"The allowed values."`
	MinLength   *int             `json:"minLength,omitempty" minimum:"0" maximum:"2048" doc:"Characters."`
	MaxLength   *int             `json:"maxLength,omitempty" minimum:"1" maximum:"2048" doc:"Characters. Default: 256."`
	Pattern     string           `json:"pattern,omitempty" maxLength:"256" doc:"An RE2 regular expression that a part of the value must match; with ^ and $, the whole value."`
	Format      string           `json:"format,omitempty" enum:"date,date-time,email,uri,uuid"`
	Minimum     *float64         `json:"minimum,omitempty"`
	Maximum     *float64         `json:"maximum,omitempty"`
	WriteOnly   bool             `json:"writeOnly,omitempty" doc:"True for a secret: sealed at rest, never shown, and allowed only in headers and auth."`
}

// ParameterType is a type of JSON Schema that a value may have.
type ParameterType string

const (
	TextParameter    ParameterType = "string"
	IntegerParameter ParameterType = "integer"
	NumberParameter  ParameterType = "number"
	BooleanParameter ParameterType = "boolean"
)

const (
	defaultParameterLength = 256     // in characters, of a maxLength that is absent
	maxSafeInteger         = 1 << 53 // beyond it a JSON number is not exact everywhere (RFC 8259, 6)
)

// ParameterValue is a text, a number (float64) or a truth value, once it is checked; before it is whatever JSON holds.
type ParameterValue any

// Parameter is one of a blueprint's parameters.
type Parameter struct {
	Key      string          `json:"key" example:"customer_id"`
	Required bool            `json:"required" doc:"Whether a value must be given. One with a default need not be."`
	Schema   ParameterSchema `json:"schema"`
}

// IsZero tells whether nothing is asked.
func (p Parameters) IsZero() bool { return len(p.Properties) == 0 && len(p.Required) == 0 }

// All are the parameters in the order of their keys.
func (p Parameters) All() []Parameter {
	all := []Parameter{}
	for _, key := range sortedKeys(p.Properties) {
		s := p.Properties[key]
		all = append(all, Parameter{Key: key, Required: s.Default == nil && slices.Contains(p.Required, key),
			Schema: s})
	}
	return all
}

// WithDefaults is the values, with the defaults of those that have none.
func (p Parameters) WithDefaults(values map[string]ParameterValue) map[string]ParameterValue {
	all := map[string]ParameterValue{}
	for key, s := range p.Properties {
		if s.Default != nil {
			all[key] = s.Default
		}
	}
	for key, v := range values {
		if !NoParameter(v) {
			all[key] = v
		}
	}
	return all
}

// NoParameter tells whether v stands for no value: null, as in a JSON merge patch, and the empty text, which is what a
// form sends of a field that was left alone.
func NoParameter(v ParameterValue) bool { return v == nil || v == "" }

// ParameterTexts are the values as they stand in headers, queries and contexts: a text as it is, others as JSON writes
// them.
func ParameterTexts(values map[string]ParameterValue) map[string]string {
	texts := make(map[string]string, len(values))
	for key, v := range values {
		texts[key] = ParameterText(v)
	}
	return texts
}

// ParameterText is one of them.
func ParameterText(v ParameterValue) string {
	if text, ok := v.(string); ok {
		return text
	}
	raw, _ := json.Marshal(v) // a checked value is a scalar
	return string(raw)
}

// CheckParameters reports every given value that is missing, unknown or not as declared. base is the pointer
// of the values' object.
func (b BlueprintSpec) CheckParameters(base string, given map[string]ParameterValue) []fault.Field {
	var wrong []fault.Field
	add := func(key, code, format string, args ...any) {
		wrong = append(wrong, fault.Field{Pointer: base + "/" + EscapePointer(key), Code: code,
			Detail: fmt.Sprintf(format, args...)})
	}
	for _, p := range b.Parameters.All() {
		value := given[p.Key]
		if NoParameter(value) {
			if p.Required {
				add(p.Key, "missing-parameter", "%s is needed.", p.Name())
			}
			continue
		}
		if code, problem := p.problem(value); problem != "" {
			add(p.Key, code, "%s", problem)
		}
	}
	for _, key := range sortedKeys(given) {
		if _, declared := b.Parameters.Properties[key]; !declared {
			add(key, "unknown-parameter", "There is no parameter %q.", key)
		}
	}
	return wrong
}

// CheckParameterChanges reports every given value that is unknown, not as declared, or takes away what is needed. base
// is the pointer of the values' object.
func (b BlueprintSpec) CheckParameterChanges(base string, given map[string]ParameterValue) []fault.Field {
	var wrong []fault.Field
	for _, key := range sortedKeys(given) {
		one := BlueprintSpec{Parameters: Parameters{Required: b.Parameters.Required}}
		if s, declared := b.Parameters.Properties[key]; declared {
			one.Parameters.Properties = map[string]ParameterSchema{key: s}
		}
		wrong = append(wrong, one.CheckParameters(base, map[string]ParameterValue{key: given[key]})...)
	}
	return wrong
}

// Name is what people know the parameter by.
func (p Parameter) Name() string {
	if p.Schema.Title != "" {
		return p.Schema.Title
	}
	return p.Key
}

// problem says why a value is not as declared, with the code of it; empty when it is. It never repeats the value.
func (p Parameter) problem(value ParameterValue) (code, detail string) {
	s, name := p.Schema, p.Name()
	switch v := value.(type) {
	case string:
		if problem := LineProblem(v); problem != "" {
			return "control-character", problem
		}
		if s.Type != TextParameter {
			return "invalid", fmt.Sprintf("%s is of the type %s.", name, s.Type)
		}
		if problem := s.textProblem(v); problem != "" {
			return "invalid", name + problem
		}
	case float64:
		switch {
		case s.Type != NumberParameter && s.Type != IntegerParameter, s.Type == IntegerParameter && v != math.Trunc(v):
			return "invalid", fmt.Sprintf("%s is of the type %s.", name, s.Type)
		case s.Type == IntegerParameter && math.Abs(v) > maxSafeInteger:
			return "invalid", fmt.Sprintf("%s is beyond 2^53, where numbers are not exact. Ask for a text instead.",
				name)
		case s.Minimum != nil && v < *s.Minimum:
			return "invalid", fmt.Sprintf("%s is at least %s.", name, ParameterText(*s.Minimum))
		case s.Maximum != nil && v > *s.Maximum:
			return "invalid", fmt.Sprintf("%s is at most %s.", name, ParameterText(*s.Maximum))
		}
	case bool:
		if s.Type != BooleanParameter {
			return "invalid", fmt.Sprintf("%s is of the type %s.", name, s.Type)
		}
	default:
		return "invalid", fmt.Sprintf("%s is of the type %s.", name, s.Type)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		var choices []string
		for _, v := range s.Enum {
			choices = append(choices, ParameterText(v))
		}
		return "invalid", fmt.Sprintf("%s is one of %s.", name, strings.Join(choices, ", "))
	}
	return "", ""
}

// textProblem goes on after the parameter's name.
func (s ParameterSchema) textProblem(text string) string {
	switch n := utf8.RuneCountInString(text); {
	case n > s.longest():
		return fmt.Sprintf(" has at most %d characters.", s.longest())
	case s.MinLength != nil && n < *s.MinLength:
		return fmt.Sprintf(" has at least %d characters.", *s.MinLength)
	case s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(text):
		return fmt.Sprintf(" does not match %s.", s.Pattern)
	case s.Format != "" && !parameterFormats[s.Format](text):
		return fmt.Sprintf(" is no %s.", s.Format)
	}
	return ""
}

// longest is how many characters a text has at most.
func (s ParameterSchema) longest() int {
	if s.MaxLength == nil {
		return defaultParameterLength
	}
	return *s.MaxLength
}

// bytes is how many a value takes at most where it is filled in.
func (s ParameterSchema) bytes() int {
	if s.Type == TextParameter {
		return bytesOfCharacter * s.longest()
	}
	return len("-1.7976931348623157e+308")
}

var uuidPattern = regexp.MustCompile(`^(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// parameterFormats are the formats of JSON Schema that a text is held to.
var parameterFormats = map[string]func(string) bool{
	"date":      func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil },
	"date-time": func(s string) bool { _, err := ParseTime(s); return err == nil },
	"email":     func(s string) bool { a, err := mail.ParseAddress(s); return err == nil && a.Address == s },
	"uri":       func(s string) bool { u, err := url.Parse(s); return err == nil && u.IsAbs() },
	"uuid":      uuidPattern.MatchString,
}

var parameterKey = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// ParameterKeyPattern is what a key matches, for the schema of a blueprint.
var ParameterKeyPattern = parameterKey.String()

func (c *blueprintCheck) parameters() {
	required := map[string]bool{}
	for i, key := range c.spec.Parameters.Required {
		at := fmt.Sprintf("/parameters/required/%d", i)
		if _, declared := c.spec.Parameters.Properties[key]; !declared {
			c.add(at, "undeclared-parameter", "There is no property %q.", key)
		}
		c.once(required, key, at, "The required parameter")
	}
	for _, p := range c.spec.Parameters.All() {
		at := "/parameters/properties/" + EscapePointer(p.Key)
		if !parameterKey.MatchString(p.Key) {
			c.add(at, "invalid", "A key begins with a small letter and has small letters, digits and underscores, at "+
				"most 40.")
		}
		c.parameter(at, p)
	}
}

// parameter checks one schema in itself: keywords that say nothing of its type, and values that it refuses itself.
func (c *blueprintCheck) parameter(at string, p Parameter) {
	s := p.Schema
	for _, k := range []struct {
		name  string
		given bool
		of    []ParameterType
	}{
		{"minLength", s.MinLength != nil, []ParameterType{TextParameter}},
		{"maxLength", s.MaxLength != nil, []ParameterType{TextParameter}},
		{"pattern", s.Pattern != "", []ParameterType{TextParameter}},
		{"format", s.Format != "", []ParameterType{TextParameter}},
		{"minimum", s.Minimum != nil, []ParameterType{IntegerParameter, NumberParameter}},
		{"maximum", s.Maximum != nil, []ParameterType{IntegerParameter, NumberParameter}},
	} {
		if k.given && s.Type.known() && !slices.Contains(k.of, s.Type) {
			c.add(at+"/"+k.name, "unexpected", "This says nothing of the type %s.", s.Type)
		}
	}
	if s.MinLength != nil && *s.MinLength > s.longest() {
		c.add(at+"/minLength", "invalid", "No text has at least %d and at most %d characters.", *s.MinLength,
			s.longest())
	}
	if s.Minimum != nil && s.Maximum != nil && *s.Minimum > *s.Maximum {
		c.add(at+"/minimum", "invalid", "No number is at least %v and at most %v.", *s.Minimum, *s.Maximum)
	}
	if s.Default != nil && s.WriteOnly {
		c.add(at+"/default", "secret-default", "A default stands in the blueprint, where no secret does.")
	}
	if _, err := regexp.Compile(s.Pattern); err != nil {
		c.add(at+"/pattern", "invalid", "The pattern is no RE2 regular expression.")
		return
	}
	if !s.Type.known() {
		c.add(at+"/type", "invalid", "The type of a parameter is string, integer, number or boolean.")
		return
	}
	if _, known := parameterFormats[s.Format]; s.Format != "" && !known {
		c.add(at+"/format", "invalid", "A text's format is one of %s.",
			strings.Join(sortedKeys(parameterFormats), ", "))
		return
	}
	own := func(pointer string, p Parameter, value ParameterValue) {
		switch code, problem := p.problem(value); {
		case NoParameter(value):
			c.add(pointer, "invalid", "This counts as no value.")
		case problem != "":
			c.add(pointer, code, "%s", problem)
		}
	}
	choice := p
	choice.Schema.Enum = nil
	for i, v := range s.Enum {
		own(fmt.Sprintf("%s/enum/%d", at, i), choice, v)
		if slices.ContainsFunc(s.Enum[:i], func(other ParameterValue) bool { return reflect.DeepEqual(v, other) }) {
			c.add(fmt.Sprintf("%s/enum/%d", at, i), "duplicate", "The value is named twice.")
		}
	}
	if s.Default != nil {
		own(at+"/default", p, s.Default)
	}
}

func (t ParameterType) known() bool {
	return slices.Contains([]ParameterType{TextParameter, IntegerParameter, NumberParameter, BooleanParameter}, t)
}
