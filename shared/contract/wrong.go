package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"plugboard/shared/fault"
)

// One answer names everything that is wrong with a request (design rule 26). What is wrong is found in four places:
//
//   - the request itself: unknown and repeated parameters, repeated headers, a cursor of another list;
//   - the shape, by the schema: Huma's;
//   - the meaning, by the input alone: textFaults, and the input's Check, if it has one;
//   - the meaning, by what is stored or by the stage: the looks that a function gives to Handle.
//
// When all is well no look is taken, as the handler reads the same anyway and says the same. When anything is wrong
// the handler does not run, and every look does, on as much of the input as can be read.

// checker is an input that reports its own faults. Check runs before the handler, also when the schema has refused
// the input. Missing or mistyped members then have zero values, which Check need not report.
type checker interface{ Check() []fault.Field }

// Look finds the faults of an input that only stored data shows. It writes nothing and takes zero values. The caller
// uses only the fields of its error: the input is already invalid, and the answer says so.
type Look[I any] func(context.Context, *I) ([]fault.Field, error)

// inspector finds what is wrong with the requests of one operation. It is not generic: Go would compile it anew for
// each.
type inspector struct {
	operation Operation
	input     reflect.Type
	query     map[string]parameterRule
	headers   []string // headers that may come once
	path      []string
	cursors   CursorMAC
	looks     []func(context.Context, any) ([]fault.Field, error)
	// itemsApart is true when the body is a list of items, of which a wrong one fails alone.
	itemsApart bool
	schemas    huma.Registry
	schema     *huma.Schema // of the body; nil without one
}

func newInspector(o Operation, input reflect.Type, cursors CursorMAC) *inspector {
	i := &inspector{operation: o, input: input, query: map[string]parameterRule{}, cursors: cursors,
		itemsApart: takesItems(input)}
	for _, p := range o.headers() {
		i.headers = append(i.headers, p.Name)
	}
	for _, f := range reflect.VisibleFields(input) {
		if name, options, _ := strings.Cut(f.Tag.Get("query"), ","); name != "" {
			i.query[name] = parameterRule{repeatable: strings.Contains(options, "explode"), mayBeEmpty: mayBeEmpty(f)}
		}
		if name := f.Tag.Get("header"); name != "" {
			i.headers = append(i.headers, name)
		}
		if name := f.Tag.Get("path"); name != "" {
			i.path = append(i.path, name)
		}
	}
	return i
}

// parameterRule holds the rules of a query parameter that the document states and Huma does not check.
type parameterRule struct{ repeatable, mayBeEmpty bool }

// mayBeEmpty tells whether the parameter's schema accepts an empty text. Huma treats every empty value as absent.
func mayBeEmpty(f reflect.StructField) bool {
	of := f.Type
	if of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	limited := slices.ContainsFunc([]string{"enum", "format", "pattern", "minLength"}, func(tag string) bool {
		return f.Tag.Get(tag) != ""
	})
	return of.Kind() == reflect.String && !limited
}

// inspection is the state of one request's validation beside the input that Huma makes.
type inspection struct {
	*inspector
	request *http.Request
	wrong   []fault.Field         // with the request itself
	after   string                // the place of its cursor
	body    []byte                // as it is decoded
	shape   []shapeFault          // of the body, found before the schema's validation
	items   map[int][]fault.Field // faults of items that are not decoded, by place
}

type inspectionKey struct{}

func inspectionOf(ctx context.Context) *inspection {
	i, _ := ctx.Value(inspectionKey{}).(*inspection)
	return i
}

// middleware runs after the gate has let the caller in.
func (i *inspector) middleware(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	n := &inspection{inspector: i, request: r}
	n.wrong = i.requestFaults(r)
	if cursor := r.URL.Query().Get("cursor"); cursor != "" && i.pages() {
		place, ok, err := i.openCursor(ctx.Context(), i.list(ctx.Context(), r), cursor)
		if err != nil {
			writeProblem(w, problemOf(ctx.Context(), err))
			return
		}
		if n.after = place; !ok {
			n.wrong = append(n.wrong, badCursor)
		}
	}
	if i.operation.takesBody && i.operation.File == nil {
		if err := n.readBody(ctx.Context()); err != nil {
			writeProblem(w, problemOf(ctx.Context(), err))
			return
		}
	}
	next(huma.WithValue(ctx, inspectionKey{}, n))
}

// readBody scans the body and leaves it to be decoded. A body that is not in UTF-8, or has faults that the decoder
// would hide, is refused whole; an item of a list of items is refused alone.
func (n *inspection) readBody(ctx context.Context) error {
	kind, parameters, err := mime.ParseMediaType(n.request.Header.Get("Content-Type"))
	if charset := strings.ToLower(parameters["charset"]); err == nil && charset != "" && charset != "utf-8" &&
		charset != "utf8" {
		p := refusal(ctx, http.StatusUnsupportedMediaType, "unsupported-media-type", "Send "+kind+" in UTF-8.")
		p.name([]fault.Field{{Pointer: "header.Content-Type", Code: codeNotUTF8,
			Detail: fmt.Sprintf("The charset is %q; JSON is in UTF-8 (RFC 8259, 8.1).", charset)}})
		return p
	}
	raw, err := n.operation.body(n.request)
	if err != nil {
		return err
	}
	s := scanned(raw, n.itemsApart)
	if len(s.wrong) > 0 {
		p := refusal(ctx, http.StatusBadRequest, "malformed",
			"The body is not taken: "+strings.TrimSuffix(s.wrong[0].Detail, ".")+".")
		p.name(s.wrong)
		return p
	}
	n.body, n.items = s.decodable(), map[int][]fault.Field{}
	for _, item := range s.items {
		n.items[item.place] = item.wrong
	}
	for _, number := range s.numbers {
		n.shape = append(n.shape, shapeFault{number.Field, true})
	}
	n.shape = append(n.shape, nullFaultsIn(n.schemas, n.schema, n.body)...)
	for _, s := range n.shape {
		n.wrong = append(n.wrong, s.Field)
	}
	n.request.Body = io.NopCloser(bytes.NewReader(n.body))
	return nil
}

func (i *inspector) requestFaults(r *http.Request) []fault.Field {
	var wrong []fault.Field
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		wrong = append(wrong, fault.Field{Pointer: "query", Code: "malformed",
			Detail: "The query is not encoded as application/x-www-form-urlencoded."})
	}
	for name, values := range query {
		rule, known := i.query[name]
		switch {
		case !known:
			wrong = append(wrong, fault.Field{Pointer: "query." + name, Code: "unknown",
				Detail: "The operation has no such parameter."})
		case len(values) > 1 && !rule.repeatable:
			wrong = append(wrong, fault.Field{Pointer: "query." + name, Code: "repeated",
				Detail: "Give this parameter once."})
		case slices.Contains(values, "") && !rule.mayBeEmpty:
			wrong = append(wrong, fault.Field{Pointer: "query." + name, Code: "empty",
				Detail: "Give this parameter a value, or leave it out."})
		case !utf8.ValidString(strings.Join(values, "")):
			wrong = append(wrong, fault.Field{Pointer: "query." + name, Code: codeNotUTF8, Detail: notUTF8})
		}
	}
	slices.SortFunc(wrong, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	for _, name := range i.path {
		if !utf8.ValidString(r.PathValue(name)) {
			wrong = append(wrong, fault.Field{Pointer: "path." + name, Code: codeNotUTF8, Detail: notUTF8})
		}
	}
	for _, name := range i.headers {
		switch values := r.Header.Values(name); {
		case len(values) > 1:
			wrong = append(wrong, fault.Field{Pointer: "header." + name, Code: "repeated",
				Detail: "Send this header once."})
		case len(values) == 1 && !utf8.ValidString(values[0]):
			wrong = append(wrong, fault.Field{Pointer: "header." + name, Code: codeNotUTF8, Detail: notUTF8})
		}
	}
	if key := r.Header.Get(HeaderIdempotencyKey); i.operation.Mutates() && len(key) > maxIdempotencyKey {
		wrong = append(wrong, fault.Field{Pointer: "header." + HeaderIdempotencyKey, Code: "invalid",
			Detail: fmt.Sprintf("At most %d characters.", maxIdempotencyKey)})
	}
	return wrong
}

// checkFaults are the faults that the input alone shows.
func checkFaults(in any) []fault.Field {
	var wrong []fault.Field
	if body := reflect.ValueOf(in).Elem().FieldByName("Body"); body.IsValid() {
		wrong = textFaults(body, "", "")
	}
	if c, ok := in.(checker); ok {
		wrong = append(wrong, c.Check()...)
	}
	return wrong
}

// lookFaults are the faults that the looks find.
func (i *inspector) lookFaults(ctx context.Context, in any) []fault.Field {
	var wrong []fault.Field
	for _, look := range i.looks {
		found, err := look(ctx, in)
		wrong = slices.Concat(wrong, found, fault.FieldsOf(err))
		if err != nil && fault.KindOf(err) == fault.Internal {
			slog.WarnContext(ctx, "a look at a wrong input failed", "request_id", RequestID(ctx), "operation",
				i.operation.ID, "error", err)
		}
	}
	return wrong
}

// refuse is Invalid when an input of the right shape has any fault.
func (i *inspector) refuse(ctx context.Context, in any, wrong []fault.Field) error {
	meaning := checkFaults(in)
	if len(wrong)+len(meaning) == 0 {
		return nil
	}
	meaning = append(meaning, i.lookFaults(ctx, in)...)
	if n := inspectionOf(ctx); n != nil {
		meaning = slices.DeleteFunc(meaning, func(m fault.Field) bool {
			return shapeFault{Field: m}.coveredBy(n.shape)
		})
	}
	return fault.InvalidFields(joined(append(wrong, meaning...)))
}

// all is every fault of a request whose shape Huma refused.
func (n *inspection) all(ctx context.Context, shape []shapeFault) []fault.Field {
	in := reflect.New(n.input).Interface()
	readPath(reflect.ValueOf(in).Elem(), n.request)
	// The schema's faults are dropped where an earlier check found the value wrong: the schema may have seen a
	// replacement.
	shape = append(slices.DeleteFunc(shape, func(s shapeFault) bool { return s.coveredBy(n.shape) }), n.shape...)
	if body := reflect.ValueOf(in).Elem().FieldByName("Body"); body.IsValid() && len(n.body) > 0 {
		_ = decodeBeside(n.body, body.Addr().Interface(), shape) // decodes as much as it can
		cutLists(body, "")
	}
	meaning := append(checkFaults(in), n.lookFaults(ctx, in)...)
	wrong := slices.Clone(n.wrong)
	for _, s := range shape {
		wrong = append(wrong, s.Field)
	}
	for _, m := range meaning {
		if !(shapeFault{Field: m}).coveredBy(shape) {
			wrong = append(wrong, m)
		}
	}
	return joined(wrong)
}

// cutLists cuts each list to the number of items that its field takes. The schema has refused a longer one; this
// keeps a caller from multiplying the work of the checks and looks that follow.
func cutLists(v reflect.Value, tag reflect.StructTag) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			cutLists(v.Elem(), tag)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				cutLists(v.Field(i), f.Tag)
			}
		}
	case reflect.Slice:
		if most, err := strconv.Atoi(tag.Get("maxItems")); err == nil && v.Len() > most {
			v.Set(v.Slice(0, most))
		}
		for i := range v.Len() {
			cutLists(v.Index(i), "")
		}
	}
}

// readPath sets the path's parameters.
func readPath(v reflect.Value, r *http.Request) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		text := r.PathValue(f.Tag.Get("path"))
		switch to := v.FieldByIndex(f.Index); {
		case text == "":
		case to.Kind() == reflect.String:
			to.SetString(text)
		case to.Kind() == reflect.Int:
			n, _ := strconv.ParseInt(text, 10, 64)
			to.SetInt(n)
		}
	}
}

// shapeFault is a fault of the input's shape. When it is final, the value could not be read: it is absent or of
// another type.
type shapeFault struct {
	fault.Field
	final bool
}

// covers tells whether m repeats the schema's fault, or concerns a value that could not be read.
func (s shapeFault) covers(m fault.Field) bool {
	switch {
	case s.final:
		return m.Pointer == s.Pointer || strings.HasPrefix(m.Pointer, s.Pointer+"/")
	case m.Code == "duplicate" || m.Code == codeControl: // the schema does not check for such faults
		return false
	}
	return m.Pointer == s.Pointer
}

func (s shapeFault) coveredBy(others []shapeFault) bool {
	return slices.ContainsFunc(others, func(o shapeFault) bool { return o.covers(s.Field) })
}

// joined merges the faults of the same pointer and code.
func joined(wrong []fault.Field) []fault.Field {
	var all []fault.Field
	places := map[[2]string]int{}
	for _, f := range wrong {
		at, known := places[[2]string{f.Pointer, f.Code}]
		switch {
		case !known:
			places[[2]string{f.Pointer, f.Code}] = len(all)
			all = append(all, f)
		case !strings.Contains(all[at].Detail, f.Detail):
			all[at].Detail += " " + f.Detail
		}
	}
	return all
}

// repeated reports values that a list holds twice. JSON Schema's uniqueItems points only at the list, and panics in
// Huma when an item is an object.
func repeated[T ~string](base string, list []T) []fault.Field {
	var wrong []fault.Field
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("%s/%d", base, i), Code: "duplicate",
				Detail: fmt.Sprintf("%q is named twice.", string(v))})
		}
	}
	return wrong
}

// itemFaults are the faults that the scan found in the list's item at that place.
func (n *inspection) itemFaults(place int) []fault.Field {
	if n == nil {
		return nil
	}
	return n.items[place]
}

// registered is the operation as Huma has it.
func registered(a *API, o Operation) *huma.Operation {
	at := a.huma.OpenAPI().Paths[o.Path]
	return map[string]*huma.Operation{
		http.MethodGet: at.Get, http.MethodPost: at.Post, http.MethodPut: at.Put, http.MethodPatch: at.Patch,
		http.MethodDelete: at.Delete,
	}[o.Method]
}

// bodySchema is the schema that the operation's body is validated by; nil without a body in JSON.
func bodySchema(o *huma.Operation) *huma.Schema {
	if o.RequestBody == nil || o.RequestBody.Content["application/json"] == nil {
		return nil
	}
	return o.RequestBody.Content["application/json"].Schema
}
