package contract

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// fixInput is of an operation with a check of its own.
type fixInput struct {
	Thing   string `path:"thing_id"`
	IfMatch string `header:"If-Match"`
	PageInput
	Kinds  []string `query:"kind,explode"`
	States []string `query:"state,explode" enum:"on,off"`
	Day    string   `query:"day" format:"date"`
	Body   struct {
		Name  string            `json:"name" maxLength:"4"`
		Note  string            `json:"note,omitempty" text:"lines"`
		Text  string            `json:"text,omitempty" text:"value"`
		Email string            `json:"email,omitempty" format:"email"`
		Size  int               `json:"size,omitempty" minimum:"1" maximum:"1000"`
		Slug  string            `json:"slug,omitempty" pattern:"^[a-z]+$"`
		By    map[string]string `json:"by,omitempty"`
		Tags  []string          `json:"tags,omitempty" maxItems:"3"`
		Free  any               `json:"free,omitempty"`
	}
}

func (in *fixInput) Check() []fault.Field { return repeated("/tags", in.Body.Tags) }

// fixing serves POST /v1/things/{thing_id} with h, and with a look that finds fault with the path.
func fixing(t *testing.T, h func(context.Context, *fixInput) (*noOutput, error)) http.Handler {
	t.Helper()
	emptyTable(t)
	row := goodRow()
	op := declare[fixInput, noOutput](group{}, row)
	look := func(_ context.Context, in *fixInput) ([]fault.Field, error) {
		if in.Thing == "known" {
			return nil, nil
		}
		return []fault.Field{{Pointer: "/tags/0", Code: "of " + in.Thing}},
			errors.New("what else there is cannot be read")
	}
	handler, err := New(Webhooks, openGate{}, memory{}, testMAC{}, func(a *API) { op.Handle(a, h, look) })
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// memory takes every key for new.
type memory struct{}

func (memory) Claim(ctx context.Context, _ domain.AccountID, _, _ string) (context.Context, []byte, error) {
	return ctx, nil, nil
}
func (memory) Settle(context.Context, any, bool) error { return nil }

func pointersOf(p Problem) []string {
	var all []string
	for _, f := range p.Errors {
		all = append(all, f.Pointer+" "+f.Code)
	}
	slices.Sort(all)
	return all
}

func TestRule26_WhatIsWrongIsToldWhereverItIsFound(t *testing.T) {
	h := fixing(t, func(context.Context, *fixInput) (*noOutput, error) {
		t.Error("the handler ran")
		return nil, nil
	})
	for name, test := range map[string]struct {
		target, body string
		headers      [][2]string
		want         []string
	}{
		"the input's own check alone": {"known", `{"name":"a","tags":["x","x"]}`, nil,
			[]string{"/tags/1 duplicate"}},
		"the check, then a look": {"other", `{"name":"a","tags":["x","x"]}`, nil,
			[]string{"/tags/0 of other", "/tags/1 duplicate"}},
		"the schema, the check, a look": {"other", `{"name":"too long","tags":["x","x"]}`,
			nil, []string{"/name invalid", "/tags/0 of other", "/tags/1 duplicate"}},
		"a look at what is not there": {"other", `{"name":"too long","tags":7}`,
			nil, []string{"/name invalid", "/tags invalid"}},
		"a check of what is not there": {"known", `{"name":"a","tags":[7,"x",8]}`, nil,
			[]string{"/tags/0 invalid", "/tags/2 invalid"}},
		"too long, and of two lines": {"known", `{"name":"a\nbcde"}`,
			nil, []string{"/name control-character", "/name invalid"}},
		"the schema twice at one place": {"known", `{"name":"a","size":0.5}`, nil, []string{"/size invalid"}},
		"a list that is too long": {"known", `{"name":"a","tags":["x","y","z","x","x"]}`, nil,
			[]string{"/tags invalid"}},
		"names with dots and slashes": {"known", `{"name":"a","by":{"x.y[0]":7,"a/b~c":8,"":9}}`, nil,
			[]string{"/by/ invalid", "/by/a~1b~0c invalid", "/by/x.y[0] invalid"}},
		"an unknown name with a dot": {"known", `{"name":"a","a.b":1}`, nil, []string{"/a.b unknown"}},
		"a display name": {"known", `{"name":"a","email":"Ada <ada@x.test>"}`, nil,
			[]string{"/email invalid"}},
		"a comment": {"known", `{"name":"a","email":"ada@x.test (Ada)"}`, nil,
			[]string{"/email invalid"}},
		"spaces around": {"known", `{"name":"a","email":" ada@x.test"}`,
			nil, []string{"/email invalid"}},
		"no address":                  {"known", `{"name":"a","email":"ada"}`, nil, []string{"/email invalid"}},
		"a number past Go's integers": {"known", `{"name":"a","size":1e19}`, nil, []string{"/size invalid"}},
		"an unknown parameter": {"known?color=red", `{"name":"too long"}`, nil,
			[]string{"/name invalid", "query.color unknown"}},
		"an unknown parameter alone": {"known?color=red", `{"name":"a"}`, nil, []string{"query.color unknown"}},
		"a parameter twice": {"known?limit=1&limit=2", `{"name":"a"}`,
			nil, []string{"query.limit repeated"}},
		"a query that cannot be read": {"known?limit=%zz", `{"name":"a"}`, nil, []string{"query malformed"}},
		"limit 0":                     {"known?limit=0", `{"name":"a"}`, nil, []string{"query.limit invalid"}},
		"limit 101":                   {"known?limit=101", `{"name":"a"}`, nil, []string{"query.limit invalid"}},
		"limit -1":                    {"known?limit=-1", `{"name":"a"}`, nil, []string{"query.limit invalid"}},
		"limit ten":                   {"known?limit=ten", `{"name":"a"}`, nil, []string{"query.limit invalid"}},
		"limit 1.5":                   {"known?limit=1.5", `{"name":"a"}`, nil, []string{"query.limit invalid"}},
		"limit past Go's integers": {"known?limit=99999999999999999999", `{"name":"a"}`, nil,
			[]string{"query.limit invalid"}},
		"an empty number": {"known?limit=", `{"name":"a"}`, nil, []string{"query.limit empty"}},
		"an empty choice": {"known?state=", `{"name":"a"}`, nil, []string{"query.state empty"}},
		"an empty choice beside another": {"known?state=on&state=", `{"name":"a"}`,
			nil, []string{"query.state empty", "query.state[1] invalid"}},
		"an empty day":              {"known?day=", `{"name":"a"}`, nil, []string{"query.day empty"}},
		"a query that is not UTF-8": {"known?kind=%E9", `{"name":"a"}`, nil, []string{"query.kind not-utf-8"}},
		"a path that is not UTF-8": {"%E9", `{"name":"a"}`,
			nil, []string{"/tags/0 of \ufffd", "path.thing_id not-utf-8"}},
		"a header that is not UTF-8": {"known", `{"name":"a"}`, [][2]string{{"If-Match", "\"\xe9\""}},
			[]string{"header.If-Match not-utf-8"}},
		"null for an optional text":   {"known", `{"name":"a","note":null}`, nil, []string{"/note invalid"}},
		"null for an optional number": {"known", `{"name":"a","size":null}`, nil, []string{"/size invalid"}},
		"null for an optional list":   {"known", `{"name":"a","tags":null}`, nil, []string{"/tags invalid"}},
		"null in an optional list":    {"known", `{"name":"a","tags":[null]}`, nil, []string{"/tags/0 invalid"}},
		"null in an optional map": {"known", `{"name":"a","by":{"a/b":null}}`, nil,
			[]string{"/by/a~1b invalid"}},
		"null for what is needed": {"known", `{"name":null}`, nil, []string{"/name invalid"}},
		"a number past every float": {"known", `{"name":"a","size":1e400,"tags":["x","x"]}`,
			nil, []string{"/size out-of-range", "/tags/1 duplicate"}},
		"a number past DynamoDB's": {"known", `{"name":"too long","free":{"a":[-1e126]}}`, nil,
			[]string{"/free/a/0 out-of-range", "/name invalid"}},
		"a number too close to zero": {"known", `{"name":"a","free":1e-131}`, nil, []string{"/free out-of-range"}},
		"a number that a float has as 0": {"known", `{"name":"a","free":0.01e-400}`, nil,
			[]string{"/free out-of-range"}},
		"a long one before a mistake": {"known", `{"tags":"x","name":"a\nb"}`,
			nil, []string{"/name control-character", "/tags invalid"}},
		"a cursor that is none": {"known?cursor=junk", `{"name":"too long"}`, nil,
			[]string{"/name invalid", "query.cursor invalid"}},
		"a cursor that is no base64": {"known?cursor=%25", `{"name":"a"}`, nil, []string{"query.cursor invalid"}},
		"a cursor of another list": {"known?cursor=" + unkeyed("another", "place"), `{"name":"a"}`,
			nil, []string{"query.cursor invalid"}},
		"two Idempotency-Keys": {"known", `{"name":"too long"}`,
			[][2]string{{"Idempotency-Key", "a"}, {"Idempotency-Key", "b"}},
			[]string{"/name invalid", "header.Idempotency-Key repeated"}},
		"the same Idempotency-Key twice": {"known", `{"name":"a"}`, [][2]string{{"Idempotency-Key", "a"},
			{"idempotency-key", "a"}}, []string{"header.Idempotency-Key repeated"}},
		"a long Idempotency-Key": {"known", `{"name":"a","tags":["x","x"]}`,
			[][2]string{{"Idempotency-Key", strings.Repeat("a", 256)}},
			[]string{"/tags/1 duplicate", "header.Idempotency-Key invalid"}},
		"two If-Matches": {"known", `{"name":"a"}`,
			[][2]string{{"If-Match", `"1"`}, {"If-Match", `"2"`}}, []string{"header.If-Match repeated"}},
	} {
		r := request("POST", "/v1/things/"+test.target, test.body)
		for _, header := range test.headers {
			r.Header.Add(header[0], header[1])
		}
		p := problem(t, h, r, 422)
		if got := pointersOf(p); !slices.Equal(got, test.want) || p.Code != "invalid" {
			t.Errorf("%s: got %s %q, want %q", name, p.Code, got, test.want)
		}
		for _, f := range p.Errors {
			if strings.Contains(f.Detail, "json:") || strings.Contains(f.Detail, "mail:") ||
				strings.Contains(f.Detail, "strconv") {
				t.Errorf("%s: the answer shows what Go says: %s", name, f.Detail)
			}
		}
	}
}

func TestRule26_WhatCannotBeReadPointsNowhere(t *testing.T) {
	h := fixing(t, nil)
	const detail = "The body is missing, or not what its content type says."
	if p := problem(t, h, request("POST", "/v1/things/1?color=red", "{"), 400); len(p.Errors) > 0 ||
		p.Detail != detail {
		t.Errorf("got %q and %v, want %q", p.Detail, p.Errors, detail)
	}
}

func TestTexts_WhatALineAndATextMayHold(t *testing.T) {
	const line, lines, value = "name", "note", "text"
	for name, test := range map[string]struct {
		text  string
		taken []string
	}{
		"letters of any script":       {"ä字", []string{line, lines, value}},
		"an emoji of several":         {"👩\u200d🚀", []string{line, lines, value}},
		"a mark of direction":         {"א\u200f!", []string{line, lines, value}},
		"a line feed":                 {"a\nb", []string{lines, value}},
		"a tab":                       {"a\tb", []string{lines, value}},
		"a line feed as Windows does": {"a\r\nb", []string{lines, value}},
		"a carriage return":           {"a\rb", []string{value}},
		"a NUL":                       {"a\x00b", nil},
		"an escape":                   {"a\x1bb", nil},
		"a DEL":                       {"a\x7fb", nil},
		"a C1 control":                {"a\u0085b", nil},
		"a line separator":            {"a\u2028b", []string{value}},
		"an override of direction":    {"a\u202eb", []string{value}},
		"an isolate":                  {"a\u2066b", []string{value}},
		"a zero-width space":          {"a\u200bb", []string{value}},
		"a byte order mark":           {"\ufeffa", []string{value}},
	} {
		for _, field := range []string{line, lines, value} {
			body := map[string]string{"name": "a"}
			body[field] = test.text
			encoded, _ := json.Marshal(body)
			ran := false
			h := fixing(t, func(context.Context, *fixInput) (*noOutput, error) {
				ran = true
				return &noOutput{}, nil
			})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, request("POST", "/v1/things/known", string(encoded)))
			if want := slices.Contains(test.taken, field); ran != want {
				t.Errorf("%s in %s: taken %t, want %t: %s", name, field, ran, want, w.Body)
			}
		}
	}
}

// JSON Schema calls 1e2 and 100.0 integers, and so does what is validated; Go's decoder does not.
func TestRule26_AnIntegerIsTakenHoweverItIsWritten(t *testing.T) {
	for _, written := range []string{"100", "1e2", "100.0", "1.0E+2"} {
		got := 0
		h := fixing(t, func(_ context.Context, in *fixInput) (*noOutput, error) {
			got = in.Body.Size
			return &noOutput{}, nil
		})
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("POST", "/v1/things/known", `{"name":"a","size":`+written+`}`))
		if got != 100 {
			t.Errorf("%s: got %d: %s", written, got, w.Body)
		}
	}
}

// An integer without a maximum could pass the schema and not fit Go's. And Huma's uniqueItems takes items for keys of a
// map, which objects cannot be: it panics.
func TestRule26_WhatTheSchemaTakesCanBeDecoded(t *testing.T) {
	doc := OpenAPI()
	walked := 0
	var walk func(at string, s *huma.Schema)
	walk = func(at string, s *huma.Schema) {
		for s != nil && s.Ref != "" {
			s = doc.Components.Schemas.SchemaFromRef(s.Ref)
		}
		if s == nil {
			return
		}
		if walked++; s.Type == huma.TypeInteger && s.Maximum == nil {
			t.Errorf("%s has no maximum", at)
		}
		if s.UniqueItems {
			t.Errorf("%s has uniqueItems; check it by repeated", at)
		}
		walk(at+"[]", s.Items)
		for name, p := range s.Properties {
			walk(at+"/"+name, p)
		}
		if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
			walk(at+"{}", values)
		}
	}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Put, item.Post, item.Patch} {
			if op != nil && op.RequestBody != nil {
				for _, body := range op.RequestBody.Content { // of one type
					walk(op.Method+" "+path, body.Schema)
				}
			}
		}
	}
	if walked < 100 {
		t.Errorf("walked %d schemas, want those of every body", walked)
	}
}
