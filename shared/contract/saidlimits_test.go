package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The patterns refuse what the functions refuse by single characters.
func TestRule26_PatternsOfTextsSayWhatIsChecked(t *testing.T) {
	for name, test := range map[string]struct {
		pattern string
		problem func(string) string
	}{
		"a line": {linePattern, domain.LineProblem}, "lines": {linesPattern, domain.TextProblem},
		"a value": {valuePattern, domain.ValueProblem},
	} {
		says := regexp.MustCompile(test.pattern)
		for r := rune(0); r < 0x3000; r++ {
			text := "a" + string(r) + "b"
			refused := test.problem(text) == "This holds a control character."
			if says.MatchString(text) == refused {
				t.Errorf("%s: the pattern and the check differ by %U", name, r)
			}
		}
		for _, text := range []string{"", "a\r\nb", "\r\n", "a\rb", "\n\r", "\t\t"} {
			if says.MatchString(text) != (test.problem(text) == "") {
				t.Errorf("%s: the pattern and the check differ by %q", name, text)
			}
		}
	}
}

// place is a value in a request's body: names of objects, "[]" of lists, "{}" of maps.
type place struct {
	path   []string
	schema *huma.Schema
}

// pointer is where a refusal names the place, in a body with one item of each list and map on the way.
func (p place) pointer() string {
	var b strings.Builder
	for _, step := range p.path {
		b.WriteString("/" + map[string]string{"[]": "0", "{}": "k"}[step])
		if step != "[]" && step != "{}" {
			b.WriteString(step)
		}
	}
	return b.String()
}

// holding is a body that holds the value at the place and nothing else.
func (p place) holding(v any) any {
	for _, step := range slices.Backward(p.path) {
		switch step {
		case "[]":
			v = []any{v}
		case "{}":
			v = map[string]any{"k": v}
		default:
			v = map[string]any{step: v}
		}
	}
	return v
}

// places walks a schema. A list of items that are validated alone is left out: its refusals are in the report.
func places(schemas huma.Registry, s *huma.Schema, path []string, within []*huma.Schema) []place {
	if s != nil && s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	if s == nil || slices.Contains(within, s) || s.Extensions[validatedAlone] != nil {
		return nil
	}
	within = append(slices.Clone(within), s)
	at := func(step string) []string { return append(slices.Clone(path), step) }
	all := []place{{path, s}}
	for name, member := range s.Properties {
		all = append(all, places(schemas, member, at(name), within)...)
	}
	all = append(all, places(schemas, s.Items, at("[]"), within)...)
	if values, is := s.AdditionalProperties.(*huma.Schema); is {
		all = append(all, places(schemas, values, at("{}"), within)...)
	}
	return all
}

// bodyPlaces are the places of the operation's body.
func bodyPlaces(doc *huma.OpenAPI, o Operation) []place {
	return places(doc.Components.Schemas, bodySchema(documentedIn(doc, o)), nil, nil)
}

func TestRule26_EveryTextAndNumberOfARequestHasItsLimitsInTheDocument(t *testing.T) {
	doc := OpenAPI()
	texts, numbers := 0, 0
	for _, o := range All() {
		for _, p := range bodyPlaces(doc, o) {
			s := p.schema
			switch {
			case s.Type == huma.TypeString:
				texts++
				held := slices.Contains([]string{formatTime, "date", "binary"}, s.Format)
				if s.Pattern == "" && len(s.Enum) == 0 && !held {
					t.Errorf("%s %s: a text without a pattern", o.ID, p.pointer())
				}
			case s.Type == huma.TypeInteger || s.Type == huma.TypeNumber:
				numbers++
				least := s.Minimum != nil || s.ExclusiveMinimum != nil
				if most := s.Maximum != nil || s.ExclusiveMaximum != nil; !least || !most {
					t.Errorf("%s %s: a number without bounds", o.ID, p.pointer())
				}
			}
		}
	}
	if texts < 100 || numbers < 20 {
		t.Errorf("the walk saw %d texts and %d numbers", texts, numbers)
	}
}

// alone serves the n-th operation with a handler that finds nothing.
func alone(n int) http.Handler {
	a := newAPI(openGate{}, memory{}, testMAC{})
	s := &served{
		Operation: all[n], idem: memory{}, inspect: newInspector(all[n], handlers[n].input, testMAC{}),
		answer: func() any { return reflect.New(handlers[n].output).Interface() },
		handle: func(context.Context, any) (any, error) {
			return nil, fault.New(fault.NotFound, "not-found", "It is not here.")
		},
	}
	registrars[all[n].ID](a, s)
	return http.HandlerFunc(a.serve)
}

// filled is the operation's path with a right value for each parameter but those given.
func (o Operation) filled(given map[string]string) string {
	return parameter.ReplaceAllStringFunc(o.Path, func(name string) string {
		if v, ok := given[name[1:len(name)-1]]; ok {
			return url.PathEscape(v)
		}
		return "1"
	})
}

// refusals are the pointers of the answer's errors; the answer must be a problem document, and no fault of ours.
func refusals(t *testing.T, what string, h http.Handler, r *http.Request) []string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(WithRequestID(r.Context(), "req-1")))
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code < 400 || w.Code >= 500 ||
		w.Header().Get("Content-Type") != problemType {
		t.Errorf("%s: got %d %.200s", what, w.Code, w.Body)
	}
	var pointers []string
	for _, f := range p.Errors {
		pointers = append(pointers, f.Pointer)
	}
	return pointers
}

// ofTheGate are headers that the gate reads before anything is validated.
var ofTheGate = []string{
	auth.HeaderUser, auth.HeaderAccount, auth.HeaderCallbackID, auth.HeaderCallbackTimestamp,
	auth.HeaderCallbackSignature,
}

// Every text that has a limit, in path, query, header and body, is refused by its pointer when it is one character
// longer, and not at its limit.
func TestRule26_NothingLongerThanItsLimitIsTaken(t *testing.T) {
	logTo(t, io.Discard)
	doc := OpenAPI()
	walked := 0
	for n, o := range All() {
		h := alone(n)
		for _, p := range documentedIn(doc, o).Parameters {
			if p.Schema.MaxLength == nil || slices.Contains(ofTheGate, p.Name) {
				continue
			}
			send := func(value string) []string {
				given, query := map[string]string{}, url.Values{}
				switch p.In {
				case "path":
					given[p.Name] = value
				case "query":
					query.Set(p.Name, value)
				}
				r := httptest.NewRequest(o.Method, o.filled(given)+"?"+query.Encode(), strings.NewReader("{}"))
				r.Header.Set("Content-Type", "application/json")
				if p.In == "header" {
					r.Header.Set(p.Name, value)
				}
				return refusals(t, o.ID+" "+p.Name, h, r)
			}
			walked++
			pointer := p.In + "." + p.Name
			if got := send(strings.Repeat("a", *p.Schema.MaxLength+1)); !slices.Contains(got, pointer) {
				t.Errorf("%s: %s of %d characters is refused at %q", o.ID, pointer, *p.Schema.MaxLength+1, got)
			}
			if free(p.Schema) && p.Name != "cursor" {
				if got := send(strings.Repeat("a", *p.Schema.MaxLength)); slices.Contains(got, pointer) {
					t.Errorf("%s: %s of %d characters is refused", o.ID, pointer, *p.Schema.MaxLength)
				}
			}
		}
		for _, p := range bodyPlaces(doc, o) {
			s := p.schema
			if s.Type != huma.TypeString || s.MaxLength == nil {
				continue
			}
			walked++
			if got := sent(t, h, o, p, strings.Repeat("a", *s.MaxLength+1)); !slices.Contains(got, p.pointer()) {
				t.Errorf("%s: %s of %d characters is refused at %q", o.ID, p.pointer(), *s.MaxLength+1, got)
			}
		}
	}
	if walked < 350 {
		t.Errorf("the walk saw %d texts", walked)
	}
}

// sent are the refusals of a body that holds the value at the place.
func sent(t *testing.T, h http.Handler, o Operation, p place, v any) []string {
	t.Helper()
	body, err := json.Marshal(p.holding(v))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(o.Method, o.filled(nil), strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/json")
	return refusals(t, fmt.Sprint(o.ID, " ", p.pointer()), h, r)
}

// free tells whether a text is held to its length alone.
func free(s *huma.Schema) bool {
	return s.Type == huma.TypeString && s.Pattern == "" && s.Format == "" && len(s.Enum) == 0 && s.MinLength == nil
}

// null and an empty query value are taken where the document has them, and refused by pointer elsewhere.
func TestRule26_NullAndTheEmptyTextAreTakenWhereTheDocumentSaysSo(t *testing.T) {
	logTo(t, io.Discard)
	doc := OpenAPI()
	nulls, empties := 0, 0
	for n, o := range All() {
		h := alone(n)
		for _, p := range bodyPlaces(doc, o) {
			if p.schema.Type == "" || len(p.path) == 0 {
				continue
			}
			nulls++
			got := sent(t, h, o, p, nil)
			if slices.Contains(got, p.pointer()) == p.schema.Nullable {
				t.Errorf("%s: null at %s, nullable %v, is refused at %q", o.ID, p.pointer(), p.schema.Nullable, got)
			}
		}
		for _, p := range documentedIn(doc, o).Parameters {
			if p.In != "query" || p.Schema.Type == huma.TypeArray {
				continue
			}
			empties++
			r := httptest.NewRequest(o.Method, o.filled(nil)+"?"+p.Name+"=", strings.NewReader("{}"))
			r.Header.Set("Content-Type", "application/json")
			got := refusals(t, o.ID+" "+p.Name, h, r)
			if slices.Contains(got, "query."+p.Name) == free(p.Schema) {
				t.Errorf("%s: %s= is refused at %q", o.ID, p.Name, got)
			}
		}
	}
	if nulls < 200 || empties < 30 {
		t.Errorf("the walk saw %d members and %d parameters", nulls, empties)
	}
}
