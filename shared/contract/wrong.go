package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

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

// checker is an input that can say what is wrong with it. It is asked before the handler runs, and also when the
// schema has refused the input: then with zero values for what is missing or of another type, which it need not
// mention.
type checker interface{ Check() []fault.Field }

// Look says what is wrong with an input that the input alone does not show. It writes nothing, and takes zero values
// as a checker does. Of its error only the fields count: who asks has made a mistake already, which is the answer.
type Look[I any] func(context.Context, *I) ([]fault.Field, error)

// inspector finds what is wrong with the requests of one operation. It is not generic: Go would compile it anew for
// each.
type inspector struct {
	operation Operation
	input     reflect.Type
	query     map[string]bool // its parameters; true for one that may be repeated
	headers   []string        // those of which one is taken
	cursors   CursorMAC
	looks     []func(context.Context, any) ([]fault.Field, error)
}

func newInspector(o Operation, input reflect.Type, cursors CursorMAC) *inspector {
	i := &inspector{operation: o, input: input, query: map[string]bool{}, cursors: cursors}
	for _, p := range o.headers() {
		i.headers = append(i.headers, p.Name)
	}
	for _, f := range reflect.VisibleFields(input) {
		if name, options, _ := strings.Cut(f.Tag.Get("query"), ","); name != "" {
			i.query[name] = strings.Contains(options, "explode")
		}
		if name := f.Tag.Get("header"); name != "" {
			i.headers = append(i.headers, name)
		}
	}
	return i
}

// inspection is what is known of one request besides the input that Huma makes of it.
type inspection struct {
	*inspector
	request *http.Request
	wrong   []fault.Field // with the request itself
	after   string        // the place of its cursor
	body    bytes.Buffer  // as far as it was read
}

type inspectionKey struct{}

func inspectionOf(ctx context.Context) *inspection {
	i, _ := ctx.Value(inspectionKey{}).(*inspection)
	return i
}

// middleware stands behind the gate.
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
	next(recorded{huma.WithValue(ctx, inspectionKey{}, n), &n.body})
}

type humaContext = huma.Context

// recorded keeps a copy of the body as it is read.
type recorded struct {
	humaContext
	body *bytes.Buffer
}

func (c recorded) BodyReader() io.Reader { return io.TeeReader(c.humaContext.BodyReader(), c.body) }
func (c recorded) Unwrap() huma.Context  { return c.humaContext }

func (i *inspector) requestFaults(r *http.Request) []fault.Field {
	var wrong []fault.Field
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		wrong = append(wrong, fault.Field{Pointer: "query", Code: "malformed", Detail: "The query is not encoded as application/x-www-form-urlencoded."})
	}
	for name, values := range query {
		repeatable, known := i.query[name]
		switch {
		case !known:
			wrong = append(wrong, fault.Field{Pointer: "query." + name, Code: "unknown", Detail: "The operation has no such parameter."})
		case len(values) > 1 && !repeatable:
			wrong = append(wrong, fault.Field{Pointer: "query." + name, Code: "repeated", Detail: "Give this parameter once."})
		}
	}
	slices.SortFunc(wrong, func(a, b fault.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	for _, name := range i.headers {
		if len(r.Header.Values(name)) > 1 {
			wrong = append(wrong, fault.Field{Pointer: "header." + name, Code: "repeated", Detail: "Send this header once."})
		}
	}
	if key := r.Header.Get(HeaderIdempotencyKey); i.operation.Mutates() && len(key) > maxIdempotencyKey {
		wrong = append(wrong, fault.Field{Pointer: "header." + HeaderIdempotencyKey, Code: "invalid", Detail: fmt.Sprintf("At most %d characters.", maxIdempotencyKey)})
	}
	return wrong
}

// checkFaults is what the input alone shows.
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

// lookFaults is what the looks show.
func (i *inspector) lookFaults(ctx context.Context, in any) []fault.Field {
	var wrong []fault.Field
	for _, look := range i.looks {
		found, err := look(ctx, in)
		wrong = slices.Concat(wrong, found, fault.FieldsOf(err))
		if err != nil && fault.KindOf(err) == fault.Internal {
			slog.WarnContext(ctx, "a look at a wrong input failed", "request_id", RequestID(ctx), "operation", i.operation.ID, "error", err)
		}
	}
	return wrong
}

// refuse is Invalid when anything is wrong with in, whose shape is right.
func (i *inspector) refuse(ctx context.Context, in any, wrong []fault.Field) error {
	if wrong = append(wrong, checkFaults(in)...); len(wrong) == 0 {
		return nil
	}
	return fault.InvalidFields(joined(append(wrong, i.lookFaults(ctx, in)...)))
}

// all is everything that is wrong with a request whose shape Huma refused.
func (n *inspection) all(ctx context.Context, shape []shapeFault) []fault.Field {
	in := reflect.New(n.input).Interface()
	readPath(reflect.ValueOf(in).Elem(), n.request)
	if body := reflect.ValueOf(in).Elem().FieldByName("Body"); body.IsValid() && n.body.Len() > 0 {
		_ = json.Unmarshal(n.body.Bytes(), body.Addr().Interface()) // as far as it goes: Go decodes what is beside a wrong type
		cutLists(body, "")
	}
	meaning := append(checkFaults(in), n.lookFaults(ctx, in)...)
	wrong := slices.Clone(n.wrong)
	for _, s := range shape {
		wrong = append(wrong, s.Field)
	}
	for _, m := range meaning {
		if !slices.ContainsFunc(shape, func(s shapeFault) bool { return s.covers(m) }) {
			wrong = append(wrong, m)
		}
	}
	return joined(wrong)
}

// cutLists leaves of each list as many items as its field takes. The schema has refused a longer one; checks and looks,
// whose work a caller could otherwise multiply, see no more than they do of an input that is right.
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

// shapeFault is one that the schema found. With a final one nothing is known of the value: it is absent, or of another
// type.
type shapeFault struct {
	fault.Field
	final bool
}

// covers tells whether m says again what the schema said, or speaks of a value that was not there.
func (s shapeFault) covers(m fault.Field) bool {
	switch {
	case s.final:
		return m.Pointer == s.Pointer || strings.HasPrefix(m.Pointer, s.Pointer+"/")
	case m.Code == "duplicate" || m.Code == codeControl: // of which the schema knows nothing
		return false
	}
	return m.Pointer == s.Pointer
}

// joined is the faults with one for each pointer and code.
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

// repeated reports what stands in a list twice. (JSON Schema's uniqueItems points at the list, and in Huma panics when an
// item is an object.)
func repeated[T ~string](base string, list []T) []fault.Field {
	var wrong []fault.Field
	for i, v := range list {
		if slices.Contains(list[:i], v) {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("%s/%d", base, i), Code: "duplicate", Detail: fmt.Sprintf("%q is named twice.", string(v))})
		}
	}
	return wrong
}
