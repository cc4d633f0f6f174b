package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/contract"
)

// What the OpenAPI document says of an operation: its inputs with their limits, and its answers.

// Input is one thing that a caller may send. Name is a parameter's, or a pointer into the body in which * stands
// for every item of a list and every key of a map.
type Input struct {
	In       string `json:"in"` // path, query, header, body, file
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required"` // of a body's part: where the object around it is given
	Limits   string `json:"limits,omitempty"`
}

// Response is an answer of success.
type Response struct {
	Status      int      `json:"status"`
	ContentType string   `json:"content_type,omitempty"`
	Type        string   `json:"type,omitempty"` // the schema's name
	Headers     []string `json:"headers"`
}

func documentedOperation(doc *huma.OpenAPI, o contract.Operation) *huma.Operation {
	item := doc.Paths[o.Path]
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{
		"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete,
	}[o.Method]
}

func inputs(doc *huma.OpenAPI, op *huma.Operation) []Input {
	all := []Input{}
	for _, in := range []string{"path", "query", "header"} {
		for _, p := range op.Parameters {
			if p.In == in {
				all = append(all, Input{In: in, Name: p.Name, Type: typeOf(doc, p.Schema), Required: p.Required,
					Limits: limits(p.Schema)})
			}
		}
	}
	if op.RequestBody == nil {
		return all
	}
	for _, kind := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
		schema := op.RequestBody.Content[kind].Schema
		if kind != "application/json" {
			all = append(all, files(op.RequestBody.Content[kind])...)
			continue
		}
		all = append(all, Input{In: "body", Name: "", Type: typeOf(doc, schema), Required: op.RequestBody.Required})
		all = append(all, parts(doc, "", schema, nil)...)
	}
	return all
}

// files are the parts of a form: each one's type is what its content may be.
func files(form *huma.MediaType) []Input {
	var all []Input
	for _, name := range slices.Sorted(maps.Keys(form.Schema.Properties)) {
		p := form.Schema.Properties[name]
		in := Input{In: "file", Name: "/" + name, Type: form.Encoding[name].ContentType,
			Required: slices.Contains(form.Schema.Required, name)}
		if most, ok := p.Extensions[contract.ExtensionMaxBytes]; ok {
			in.Limits = fmt.Sprintf("at most %d bytes", most)
		}
		all = append(all, in)
	}
	return all
}

// parts is what an object, or the items of a list, are made of. inside guards against a schema within itself.
func parts(doc *huma.OpenAPI, at string, s *huma.Schema, inside []string) []Input {
	if s.Ref != "" {
		if slices.Contains(inside, s.Ref) {
			return nil
		}
		inside = append(slices.Clone(inside), s.Ref)
	}
	s = resolved(doc, s)
	if s.Items != nil {
		return parts(doc, at+"/*", s.Items, inside)
	}
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
		return parts(doc, at+"/*", values, inside)
	}
	var all []Input
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		in := Input{In: "body", Name: at + "/" + name, Type: typeOf(doc, p),
			Required: slices.Contains(s.Required, name), Limits: limits(p)}
		all = append(append(all, in), parts(doc, in.Name, p, inside)...)
	}
	return all
}

func resolved(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func typeOf(doc *huma.OpenAPI, s *huma.Schema) string {
	switch values, isMap := s.AdditionalProperties.(*huma.Schema); {
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	case s.Items != nil:
		return "list of " + typeOf(doc, s.Items)
	case isMap:
		return "map of " + typeOf(doc, values)
	case s.Format == "binary":
		return "file"
	case s.Type == "":
		return "any"
	default:
		return s.Type
	}
}

// limits is in words what a validator would refuse by.
func limits(s *huma.Schema) string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	between(say, "characters", s.MinLength, s.MaxLength)
	between(say, "items", s.MinItems, s.MaxItems)
	between(say, "keys", s.MinProperties, s.MaxProperties)
	between(say, "", s.Minimum, s.Maximum)
	if s.UniqueItems {
		say("no item twice")
	}
	if s.Format != "" && s.Format != "int64" {
		say("%s", s.Format)
	}
	if s.Pattern != "" {
		say("%s", s.Pattern)
	}
	if len(s.Enum) > 0 {
		say("one of %s", strings.Trim(fmt.Sprint(s.Enum), "[]"))
	}
	if s.Default != nil {
		say("%v when absent", s.Default)
	}
	if s.Items != nil {
		if each := limits(s.Items); each != "" {
			say("each %s", each)
		}
	}
	return strings.Join(all, "; ")
}

func between[N int | float64](say func(string, ...any), unit string, least, most *N) {
	if unit != "" {
		unit = " " + unit
	}
	switch {
	case least != nil && most != nil:
		say("%v to %v%s", *least, *most, unit)
	case least != nil:
		say("at least %v%s", *least, unit)
	case most != nil:
		say("at most %v%s", *most, unit)
	}
}

func responses(doc *huma.OpenAPI, op *huma.Operation, o contract.Operation) []Response {
	var all []Response
	for status, r := range op.Responses {
		number, err := strconv.Atoi(status)
		if err != nil || slices.Contains(o.Statuses(), number) {
			continue
		}
		answer := Response{Status: number, Headers: slices.Sorted(maps.Keys(r.Headers))}
		kinds := slices.Sorted(maps.Keys(r.Content))
		answer.ContentType = strings.Join(kinds, ", ")
		for _, kind := range kinds {
			answer.Type = typeOf(doc, r.Content[kind].Schema)
		}
		answer.Headers = list(answer.Headers)
		all = append(all, answer)
	}
	slices.SortFunc(all, func(a, b Response) int { return a.Status - b.Status })
	return all
}
