// Package operations knows the API from its embedded OpenAPI document: the path, the fields and the auth of each
// operation.
package operations

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"plugboard/shared"
)

// Operation is one operation of the API.
type Operation struct {
	ID, Method, Path     string
	Summary, Description string
	Tag                  string
	Fields               []Field
	Auth                 []Requirement // any of them is enough
	Public               bool          // no credential is needed
	BodyRequired         bool
	Upload               bool // its body is multipart/form-data
	HasBody              bool
}

// Requirement is an auth model with the role or scope that it needs, if any.
type Requirement struct{ Model, Needs string }

// Place is the part of a request in which a field travels.
type Place string

const (
	InPath   Place = "path"
	InQuery  Place = "query"
	InHeader Place = "header"
	InBody   Place = "body"
)

// Field is a parameter, or a field of the body.
type Field struct {
	Name     string
	In       Place
	Doc      string
	Type     string // string, integer, number, boolean, array, object
	Items    string // an array's items' type
	Required bool
	Values   []string
}

// Version is the API's version that this program was built with.
func Version() string { return document().Info.Version }

// All are all operations, sorted by id.
var All = sync.OnceValue(func() []Operation {
	doc := document()
	var all []Operation
	for path, methods := range doc.Paths {
		for method, o := range methods {
			all = append(all, doc.operation(strings.ToUpper(method), path, o))
		}
	}
	slices.SortFunc(all, func(a, b Operation) int { return cmp.Compare(a.ID, b.ID) })
	return all
})

// Find is the operation with that id.
func Find(id string) (Operation, bool) {
	i := slices.IndexFunc(All(), func(o Operation) bool { return o.ID == id })
	if i < 0 {
		return Operation{}, false
	}
	return All()[i], true
}

// At is the operation with that method and path.
func At(method, path string) (Operation, bool) {
	i := slices.IndexFunc(All(), func(o Operation) bool { return o.Method == method && o.Path == path })
	if i < 0 {
		return Operation{}, false
	}
	return All()[i], true
}

// Accepts are the names of its auth models.
func (o Operation) Accepts() string {
	var models []string
	for _, r := range o.Auth {
		models = append(models, r.Model)
	}
	return strings.Join(models, " or ")
}

// Collection is the operation that lists what the path parameter of o names, such as list-webhooks for webhook_id.
func (o Operation) Collection(parameter string) (Operation, bool) {
	before, _, found := strings.Cut(o.Path, "/{"+parameter+"}")
	if !found {
		return Operation{}, false
	}
	return At("GET", before)
}

// CollectionOf is the shortest collection that lists what a parameter of that name names.
func CollectionOf(parameter string) (Operation, bool) {
	var best Operation
	for _, o := range All() {
		if list, ok := o.Collection(parameter); ok && (best.Path == "" || len(list.Path) < len(best.Path)) {
			best = list
		}
	}
	return best, best.Path != ""
}

type openAPI struct {
	Info       struct{ Version string }
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

type operation struct {
	OperationID string
	Summary     string
	Description string
	Tags        []string
	Parameters  []struct {
		Name, In, Description string
		Required              bool
		Schema                schema
	}
	RequestBody *struct {
		Required bool
		Content  map[string]struct{ Schema schema }
	}
	Security []map[string][]string
}

type schema struct {
	Ref         string          `json:"$ref"`
	Type        json.RawMessage // a name, or a list with null
	Description string
	Enum        []any
	Required    []string
	Properties  map[string]schema
	Items       *schema
}

var document = sync.OnceValue(func() openAPI {
	var doc openAPI
	if err := json.Unmarshal(shared.OpenAPI(), &doc); err != nil {
		panic(fmt.Sprintf("operations: the embedded OpenAPI document: %v", err)) // a bad build
	}
	return doc
})

func (d openAPI) resolved(s schema) schema {
	name, referred := strings.CutPrefix(s.Ref, "#/components/schemas/")
	if !referred {
		return s
	}
	target := d.Components.Schemas[name]
	target.Description = cmp.Or(s.Description, target.Description)
	return target
}

func (d openAPI) operation(method, path string, o operation) Operation {
	out := Operation{ID: o.OperationID, Method: method, Path: path, Summary: o.Summary, Description: o.Description}
	if len(o.Tags) > 0 {
		out.Tag = o.Tags[0]
	}
	for _, needed := range o.Security {
		for model, needs := range needed {
			out.Auth = append(out.Auth, Requirement{model, strings.Join(needs, " ")})
		}
		out.Public = out.Public || len(needed) == 0
	}
	out.Public = out.Public || len(o.Security) == 0
	for _, p := range o.Parameters {
		f := d.field(p.Name, Place(p.In), p.Schema, p.Required)
		f.Doc = cmp.Or(p.Description, f.Doc)
		out.Fields = append(out.Fields, f)
	}
	if o.RequestBody == nil {
		return out
	}
	out.HasBody, out.BodyRequired = true, o.RequestBody.Required
	content, isJSON := o.RequestBody.Content["application/json"]
	if !isJSON {
		content, out.Upload = o.RequestBody.Content["multipart/form-data"], true
	}
	body := d.resolved(content.Schema)
	for _, name := range slices.Sorted(maps.Keys(body.Properties)) {
		out.Fields = append(
			out.Fields,
			d.field(name, InBody, body.Properties[name], slices.Contains(body.Required, name)),
		)
	}
	return out
}

func (d openAPI) field(name string, in Place, s schema, required bool) Field {
	s = d.resolved(s)
	f := Field{Name: name, In: in, Doc: s.Description, Type: s.kind(), Required: required}
	for _, v := range s.Enum {
		f.Values = append(f.Values, fmt.Sprint(v))
	}
	if s.Items != nil {
		items := d.resolved(*s.Items)
		f.Items = items.kind()
		for _, v := range items.Enum {
			f.Values = append(f.Values, fmt.Sprint(v))
		}
	}
	return f
}

// kind is the type, without null. A schema without type takes any value.
func (s schema) kind() string {
	var names []string
	if json.Unmarshal(s.Type, &names) != nil {
		var name string
		if json.Unmarshal(s.Type, &name) == nil {
			names = []string{name}
		}
	}
	for _, name := range names {
		if name != "null" {
			return name
		}
	}
	return "object"
}
