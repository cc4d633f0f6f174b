package contract

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The document states the limits that textFaults and the scan enforce on a request's body, as far as JSON Schema can
// express them. The functions do not validate by these schemas, because their own refusals say more.

// The characters of texts, as regular expressions that JSON Schema, Go, Python and Java read alike: see
// domain.LineProblem, domain.TextProblem and domain.ValueProblem.
const (
	linePattern  = "^[^\\x00-\\x1F\\x7F-\\x9F\u2028\u2029]*$"
	linesPattern = "^([^\\x00-\\x08\\x0B-\\x1F\\x7F-\\x9F\u2028\u2029]|\\r\\n)*$"
	valuePattern = "^[^\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\x7F-\\x9F]*$"
)

// textsAndNumbers is the part of the document's description about what no schema can say.
const textsAndNumbers = "A text's `pattern` says whether it may have several lines. Besides, 422 `control-character` " +
	"refuses a name that has characters which hide or reorder text, or invisible ones where no writing needs them. " +
	"A number other than 0 lies between 1e-130 and 1e126, or between their negatives; else it is 422 `out-of-range`, " +
	"in values of any type, too. An object's name has at most 256 characters, and objects and lists stand in each " +
	"other at most 100 deep. null is a value only where the schema has it."

// limitSayer adds limits to the schemas of request bodies.
type limitSayer struct {
	schemas huma.Registry
	seen    map[*huma.Schema]map[reflect.Type]bool // an embedded type has no schema of its own
}

func sayLimits(schemas huma.Registry) limitSayer {
	return limitSayer{schemas, map[*huma.Schema]map[reflect.Type]bool{}}
}

// say adds the limits of a value of the type whose field has the tag, as textFaults walks it.
func (l limitSayer) say(t reflect.Type, s *huma.Schema, tag reflect.StructTag) {
	if s != nil && s.Ref != "" {
		s = l.schemas.SchemaFromRef(s.Ref)
	}
	if s == nil || t == reflect.TypeFor[Time]() {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		l.say(t.Elem(), s, tag)
	case reflect.Struct:
		l.members(t, s)
	case reflect.Slice:
		if t.Elem() != reflect.TypeFor[json.RawMessage]() {
			l.say(t.Elem(), s.Items, tag)
		} else if s.Items != nil && s.Items.Ref != "" { // Items
			l.say(l.schemas.TypeFromRef(s.Items.Ref), s.Items, "")
		}
	case reflect.Map:
		s.Extensions = with(s.Extensions, "propertyNames", map[string]any{"pattern": linePattern})
		if values, is := s.AdditionalProperties.(*huma.Schema); is {
			l.say(t.Elem(), values, tag)
		}
	case reflect.String:
		sayText(s, tag)
	case reflect.Float64, reflect.Interface:
		sayNumber(s)
	}
}

func (l limitSayer) members(t reflect.Type, s *huma.Schema) {
	if l.seen[s][t] {
		return
	}
	if l.seen[s] == nil {
		l.seen[s] = map[reflect.Type]bool{}
	}
	l.seen[s][t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		switch name := nameInJSON(f); {
		case f.Anonymous && name == "":
			l.say(f.Type, s, f.Tag)
		case f.IsExported() && name != "-":
			l.say(f.Type, s.Properties[name], f.Tag)
		}
	}
}

func sayText(s *huma.Schema, tag reflect.StructTag) {
	if s.Pattern != "" || len(s.Enum) > 0 || s.Type != huma.TypeString || s.Format == "date" {
		return
	}
	switch tag.Get("text") {
	case "lines":
		s.Pattern = linesPattern
	case "value":
		s.Pattern = valuePattern
	default:
		s.Pattern = linePattern
	}
}

// sayNumber bounds a number, or the numbers among values of any type.
func sayNumber(s *huma.Schema) {
	least, most := -mostNumber, mostNumber
	if s.Minimum == nil {
		s.ExclusiveMinimum = &least
	}
	if s.Maximum == nil {
		s.ExclusiveMaximum = &most
	}
}

func with(extensions map[string]any, name string, value any) map[string]any {
	if extensions == nil {
		extensions = map[string]any{}
	}
	extensions[name] = value
	return extensions
}

// sayAll adds the limits of every operation's body.
func sayAll(doc *huma.OpenAPI) {
	l := sayLimits(doc.Components.Schemas)
	for n, o := range all {
		body, is := handlers[n].input.FieldByName("Body")
		if schema := bodySchema(documentedIn(doc, o)); is && schema != nil {
			l.say(body.Type, schema, body.Tag)
		}
	}
	doc.Info.Description = strings.TrimSpace(doc.Info.Description + "\n\n" + textsAndNumbers)
}
