package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// openGate lets everyone in: these tests are about what stands behind the gate. The gate has its own.
type openGate struct{}

func (openGate) Admit(context.Context, auth.Request, auth.Demand) (auth.Caller, error) {
	return auth.Caller{Model: auth.ModelPlatform, Principal: "platform"}, nil
}

// closedGate lets nobody in.
type closedGate struct{}

func (closedGate) Admit(context.Context, auth.Request, auth.Demand) (auth.Caller, error) {
	return auth.Caller{}, fault.New(fault.Unauthenticated, "unauthenticated", "No.")
}

// readingGate reads the body, as for a callback, and lets everyone in.
type readingGate struct{ read *string }

func (g readingGate) Admit(_ context.Context, r auth.Request, _ auth.Demand) (auth.Caller, error) {
	body, err := r.Body()
	*g.read = string(body) + r.Param("thing_id")
	return auth.Caller{Model: auth.ModelWebhookSecret, Principal: "callback"}, err
}

type makeInput struct {
	Thing string `path:"thing_id" maxLength:"8"`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
	Body  struct {
		Name  string     `json:"name" minLength:"1" maxLength:"4"`
		Email string     `json:"email" format:"email"`
		Tags  []string   `json:"tags" maxItems:"2"`
		Parts []makePart `json:"parts,omitempty"`
	}
}

type makePart struct {
	Key  string `json:"key" pattern:"^[a-z]+$"`
	Size int    `json:"size" minimum:"1"`
}

type makeOutput struct {
	Body struct {
		Names  []string          `json:"names"`
		ByName map[string]string `json:"by_name"`
		Inner  []makeInner       `json:"inner"`
		Some   []string          `json:"some,omitempty"`
	}
}

type makeInner struct {
	Names []string `json:"names"`
	Bytes []byte   `json:"bytes,omitempty"`
}

const goodBody = `{"name":"Kim","email":"kim@example.com","tags":[]}`

// serve makes a function that owns one operation, POST /v1/things/{thing_id}, with a body of at most 200 bytes.
func serve(t *testing.T, gate Gate, h func(context.Context, *makeInput) (*makeOutput, error)) http.Handler {
	t.Helper()
	logTo(t, io.Discard)
	emptyTable(t)
	row := goodRow()
	row.MaxBody = 200
	op := declare[makeInput, makeOutput](group{}, row)
	handler, err := New(Webhooks, gate, nil, nil, func(a *API) { op.Handle(a, h) })
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func logTo(t *testing.T, w io.Writer) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(w, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
}

func unreachable(t *testing.T) func(context.Context, *makeInput) (*makeOutput, error) {
	return func(context.Context, *makeInput) (*makeOutput, error) {
		t.Error("the handler ran")
		return &makeOutput{}, nil
	}
}

func request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r.WithContext(WithRequestID(r.Context(), "req-1"))
}

// problem is the answer, which must be one whole problem document with that status.
func problem(t *testing.T, h http.Handler, r *http.Request, status int) Problem {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	var p Problem
	if err := d.Decode(&p); err != nil {
		t.Fatalf("got status %d and no problem document: %v", w.Code, err)
	}
	if rest, _ := io.ReadAll(d.Buffered()); len(bytes.TrimSpace(rest)) > 0 {
		t.Errorf("got more after the problem: %q", rest)
	}
	if w.Code != status || p.Status != status || p.Title != http.StatusText(status) || p.Type != "about:blank" {
		t.Errorf("got %d and %+v, want status %d", w.Code, p, status)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("got content type %q, want application/problem+json", got)
	}
	if p.RequestID != "req-1" || p.Code == "" || p.Detail == "" {
		t.Errorf("got %+v, want a code, a detail and the request's id", p)
	}
	return p
}

func TestNew_RefusesAFunctionThatLeavesOutAnOperation(t *testing.T) {
	emptyTable(t)
	declare[noInput, noOutput](group{}, goodRow())
	_, err := New(Webhooks, openGate{}, nil, nil, func(*API) {})
	if err == nil || !strings.Contains(err.Error(), "owns the operation do-it and does not serve it") {
		t.Errorf("got %v, want the name of what is left out", err)
	}
}

func TestNew_RefusesAFunctionThatServesAnothersOperation(t *testing.T) {
	emptyTable(t)
	op := declare[noInput, noOutput](group{}, goodRow())
	_, err := New(Contracts, openGate{}, nil, nil, func(a *API) {
		op.Handle(a, func(context.Context, *noInput) (*noOutput, error) { return nil, nil })
	})
	if err == nil || !strings.Contains(err.Error(), "serves the operation do-it, which it does not own") {
		t.Errorf("got %v, want the name of what is another's", err)
	}
}

// What the gate reads is no more than the operation takes, and is there for the handler again.
func TestRule26_ABodyThatTheGateReadsKeepsItsLimit(t *testing.T) {
	var read, made string
	h := serve(t, readingGate{&read}, func(_ context.Context, in *makeInput) (*makeOutput, error) {
		made = in.Body.Name
		return &makeOutput{}, nil
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("POST", "/v1/things/a", goodBody))
	if w.Code != 201 || read != goodBody+"a" || made != "Kim" {
		t.Errorf("got %d; the gate read %q and the handler %q", w.Code, read, made)
	}
	exactly := goodBody + strings.Repeat(" ", 200-len(goodBody))
	for _, length := range []int64{-1, 201} { // unknown, as with chunks; and known
		made = ""
		r := request("POST", "/v1/things/a", exactly+" ")
		r.ContentLength = length
		if p := problem(t, h, r, 413); p.Code != "too-large" || len(read) > 1 || made != "" {
			t.Errorf("with the length %d: got %+v; the gate read %d bytes", length, p, len(read))
		}
	}
	r := request("POST", "/v1/things/a", exactly)
	r.ContentLength = -1
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 201 {
		t.Errorf("a body of exactly the limit: got %d", w.Code)
	}
}

func TestRule26_EveryWrongFieldIsNamedAtOnce(t *testing.T) {
	h := serve(t, openGate{}, unreachable(t))
	p := problem(t, h, request("POST", "/v1/things/much-too-long?limit=1000&color=red", `{
		"name": "too long", "tags": ["a", "b", "c"], "extra": 1,
		"parts": [{"key": "fine", "size": 1}, {"key": "NOT FINE", "size": 0, "more": {}}, {}]
	}`), 422)
	got := map[string]string{}
	for _, f := range p.Errors {
		got[f.Pointer] = f.Code
	}
	want := map[string]string{
		"query.color": "unknown", "path.thing_id": "invalid", "query.limit": "invalid",
		"/name": "invalid", "/email": "required", "/tags": "invalid", "/extra": "unknown",
		"/parts/1/key": "invalid", "/parts/1/size": "invalid", "/parts/1/more": "unknown",
		"/parts/2/key": "required", "/parts/2/size": "required",
	}
	for pointer, code := range want {
		if got[pointer] != code {
			t.Errorf("%s: got %q, want %q", pointer, got[pointer], code)
		}
	}
	if len(p.Errors) != len(want) || p.Code != "invalid" {
		t.Errorf("got %s with %v, want invalid with %d fields", p.Code, p.Errors, len(want))
	}
}

func TestRule26_BodiesThatCannotBeTaken(t *testing.T) {
	h := serve(t, openGate{}, unreachable(t))
	padded := func(size int) string { return goodBody + strings.Repeat(" ", size-len(goodBody)) }
	for name, test := range map[string]struct {
		body   string
		status int
		code   string
	}{
		"nothing":            {"", 400, "malformed"},
		"no JSON":            {"name=Kim", 400, "malformed"},
		"truncated":          {goodBody[:len(goodBody)-3], 400, "malformed"},
		"two documents":      {goodBody + goodBody, 400, "malformed"},
		"null":               {"null", 422, "invalid"},
		"a list":             {"[]", 422, "invalid"},
		"null for a list":    {`{"name":"Kim","email":"kim@example.com","tags":null}`, 422, "invalid"},
		"a name in capitals": {`{"NAME":"Kim","email":"kim@example.com","tags":[]}`, 422, "invalid"},
		"a name in two cases": {`{"name":"Kim","NAME":"far too long","email":"kim@example.com","tags":[]}`,
			422, "invalid"},
		"a name twice": {`{"name":"Kim","email":"kim@example.com","tags":["a","b","c"],"tags":[]}`,
			400, "malformed"},
		"a name twice inside": {`{"name":"Kim","email":"kim@example.com","tags":[],"parts":[{"key":"BAD",` +
			`"key":"good",` +
			`"size":1}]}`, 400, "malformed"},
		"one byte too many":   {padded(201), 413, "too-large"},
		"many bytes too many": {padded(100_000), 413, "too-large"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := problem(t, h, request("POST", "/v1/things/1", test.body), test.status).Code; got != test.code {
				t.Errorf("got %q, want %q", got, test.code)
			}
		})
	}
	form := request("POST", "/v1/things/1", goodBody)
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got, want := problem(t, h, form, 415).Code, "unsupported-media-type"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRule26_BodyOfExactlyTheLimitIsTaken(t *testing.T) {
	h := serve(t, openGate{}, func(context.Context, *makeInput) (*makeOutput, error) { return &makeOutput{}, nil })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("POST", "/v1/things/1", goodBody+strings.Repeat(" ", 200-len(goodBody))))
	if w.Code != 201 {
		t.Errorf("got %d, want 201: %s", w.Code, w.Body)
	}
}

func TestAnswer_ListsAndMapsAreNeverNull(t *testing.T) {
	h := serve(t, openGate{}, func(context.Context, *makeInput) (*makeOutput, error) {
		out := &makeOutput{}
		out.Body.Inner = []makeInner{{}}
		return out, nil
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("POST", "/v1/things/1", goodBody))
	if got, want := strings.TrimSpace(w.Body.String()),
		`{"names":[],"by_name":{},"inner":[{"names":[]}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAdmit_ComesBeforeAnythingElseIsLookedAt(t *testing.T) {
	h := serve(t, closedGate{}, unreachable(t))
	for _, body := range []string{goodBody, "", "{", `{"name":1}`, strings.Repeat(" ", 100_000)} {
		if got, want := problem(t, h, request("POST", "/v1/things/much-too-long?color=red", body), 401).Code,
			"unauthenticated"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNew_UnknownOperationIsAProblem(t *testing.T) {
	h := serve(t, openGate{}, unreachable(t))
	for _, target := range []string{"GET /v1/things/1", "POST /v1/things", "POST /v1/things/1/", "POST /",
		"GET /openapi.json", "GET /docs", "GET /schemas/x.json"} {
		method, path, _ := strings.Cut(target, " ")
		if got, want := problem(t, h, request(method, path, ""), 404).Code, "no-such-operation"; got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}

func TestFaultsOfOurs_ShowNothingButTheRequestsID(t *testing.T) {
	const internal = "dial tcp 10.0.0.1: table plugboard-accounts"
	for name, handler := range map[string]func(context.Context, *makeInput) (*makeOutput, error){
		"an error": func(context.Context, *makeInput) (*makeOutput, error) { return nil, io.ErrUnexpectedEOF },
		"a wrapped error": func(context.Context, *makeInput) (*makeOutput, error) {
			return nil, fault.Wrap(io.EOF, internal)
		},
		"a panic": func(context.Context, *makeInput) (*makeOutput, error) { panic(internal) },
		"a nil pointer": func(context.Context, *makeInput) (*makeOutput, error) {
			var c *domain.Contract
			return nil, fault.New(fault.Conflict, c.Name, "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, openGate{}, handler)
			var log bytes.Buffer
			logTo(t, &log)
			p := problem(t, h, request("POST", "/v1/things/1", goodBody), 500)
			if p.Code != "internal" || strings.Contains(p.Detail, "10.0.0.1") || len(p.Errors) > 0 {
				t.Errorf("got %+v, want nothing of what happened", p)
			}
			if got := strings.Count(log.String(), `"request_id":"req-1"`); got != 2 {
				t.Errorf("got %d lines of the request in the log, want the fault and the request: %s", got, &log)
			}
			if !strings.Contains(log.String(), `"status":500`) {
				t.Errorf("got %s, want the status in the request's line", &log)
			}
		})
	}
}
