// Package blueprint checks a blueprint file offline, by the schema and the rules that the server checks it by, and
// points at lines of the file.
package blueprint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"plugboard/events"
	"plugboard/shared"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/fault"
)

// SchemaName is the member by which editors find the schema. It is no part of a blueprint, and is not sent.
const SchemaName = "$schema"

// Problem is something for which the server would refuse the blueprint.
type Problem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

// Check reports everything wrong with the file's text, in the order of the file. e is the extension that it is for.
// privateURLs allows what only local stages allow: plain HTTP, and private addresses.
func Check(text []byte, e domain.Extension, privateURLs bool) []Problem {
	p, err := placesIn(text)
	if err != nil {
		return []Problem{p.syntax(err)}
	}
	if !utf8.Valid(text) {
		return []Problem{{1, 1, "", "not-utf-8", "The file holds bytes that are not UTF-8."}}
	}
	wrong := append(p.repeats, schemaFaults(text)...)
	wrong = append(wrong, ruleFaults(text, e, privateURLs, wrong)...)
	var found []Problem
	for _, f := range wrong {
		line, column := p.of(f)
		found = append(found, Problem{line, column, f.Pointer, f.Code, f.Detail})
	}
	slices.SortStableFunc(found, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return found
}

func (p *places) syntax(err error) Problem {
	offset, detail := len(p.text), "The JSON ends too early."
	var wrong *json.SyntaxError
	if errors.As(err, &wrong) && strings.HasPrefix(wrong.Error(), "invalid") {
		offset, detail = int(wrong.Offset)-1, "This is no JSON: "+wrong.Error()+"."
	}
	line, column := p.position(offset)
	return Problem{line, column, "", "malformed", detail}
}

// Read decodes a blueprint file without SchemaName.
func Read(text []byte) (domain.BlueprintSpec, error) {
	var spec domain.BlueprintSpec
	err := json.Unmarshal(text, &spec)
	return spec, err
}

// ruleFaults is what the rules say beyond the schema. A text that does not decode has schema faults, to mend first.
func ruleFaults(text []byte, e domain.Extension, privateURLs bool, already []fault.Field) []fault.Field {
	spec, err := Read(text)
	if err != nil {
		if len(already) == 0 {
			return []fault.Field{{Code: "invalid", Detail: err.Error()}}
		}
		return nil
	}
	if e.ID == "" { // no extension is known: the blueprint's own keys count as reserved
		for _, t := range spec.TemplateTypes {
			e.TypeKeys = append(e.TypeKeys, t.Key)
		}
	}
	wrong := append(
		spec.Check(events.OfContracts),
		spec.CheckFor(e, egress.Config{AllowPrivate: privateURLs}.URLProblem)...)
	if raw, err := json.Marshal(spec); err == nil && len(raw) > domain.MaxBlueprint {
		wrong = append(
			wrong,
			fault.Field{
				Code: "too-large",
				Detail: fmt.Sprintf(
					"A blueprint has at most %d bytes as JSON; this has %d.",
					domain.MaxBlueprint,
					len(raw),
				),
			},
		)
	}
	half := spec.TemplateTypes == nil || spec.Webhooks == nil // a missing one says nothing about the other
	var more []fault.Field
	for _, f := range wrong {
		f.Pointer = strings.TrimPrefix(f.Pointer, "/blueprint")
		same := func(a fault.Field) bool { return a.Pointer == f.Pointer }
		if half && (f.Code == "no-template-type" || f.Code == "no-webhook") || slices.ContainsFunc(already, same) {
			continue
		}
		more = append(more, f)
	}
	return more
}

var schema = sync.OnceValue(func() *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(shared.BlueprintSchema))
	if err == nil {
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err = c.AddResource("blueprint.schema.json", document); err == nil {
			var compiled *jsonschema.Schema
			if compiled, err = c.Compile("blueprint.schema.json"); err == nil {
				return compiled
			}
		}
	}
	panic(fmt.Sprintf("blueprint: the embedded schema: %v", err)) // a bad build
})

func schemaFaults(text []byte) []fault.Field {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return []fault.Field{{Code: "malformed", Detail: err.Error()}}
	}
	if object, is := value.(map[string]any); is {
		delete(object, SchemaName)
	}
	var wrong *jsonschema.ValidationError
	if err := schema().Validate(value); errors.As(err, &wrong) {
		return leaves(wrong)
	}
	return nil
}

// leaves are the faults at the ends of the tree of causes.
func leaves(e *jsonschema.ValidationError) []fault.Field {
	if len(e.Causes) > 0 {
		var all []fault.Field
		for _, cause := range e.Causes {
			all = append(all, leaves(cause)...)
		}
		return all
	}
	pointer := ""
	for _, part := range e.InstanceLocation {
		pointer += "/" + domain.EscapePointer(part)
	}
	each := func(names []string, code, detail string) []fault.Field {
		var all []fault.Field
		for _, name := range names {
			all = append(
				all,
				fault.Field{
					Pointer: pointer + "/" + domain.EscapePointer(name),
					Code:    code,
					Detail:  fmt.Sprintf(detail, name),
				},
			)
		}
		return all
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return each(k.Missing, "required", "%q is missing.")
	case *kind.AdditionalProperties:
		return each(k.Properties, "unknown", "There is no %q here.")
	}
	said := e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	return []fault.Field{{Pointer: pointer, Code: "invalid", Detail: strings.ToUpper(said[:1]) + said[1:] + "."}}
}

// EditorSchema is the schema with a property for SchemaName, which the API does not take.
func EditorSchema(schema []byte) ([]byte, error) {
	var s map[string]any
	if err := json.Unmarshal(schema, &s); err != nil {
		return nil, err
	}
	properties, is := s["properties"].(map[string]any)
	if !is {
		return nil, errors.New("the schema has no properties")
	}
	properties[SchemaName] = map[string]any{
		"type":        "string",
		"description": "This schema, for editors. `plugboard` does not send it.",
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	return append(raw, '\n'), err
}
