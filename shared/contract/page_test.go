package contract

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/auth"
	"plugboard/shared/fault"
)

// testMAC has a key that its tests' callers do not know.
type testMAC struct{ failure error }

func (m testMAC) Sum(_ context.Context, message string) ([]byte, error) {
	mac := hmac.New(sha256.New, []byte("a key"))
	mac.Write([]byte(message))
	return mac.Sum(nil), m.failure
}

func (m testMAC) Verify(ctx context.Context, message string, sum []byte) (bool, error) {
	want, err := m.Sum(ctx, message)
	return hmac.Equal(want, sum), err
}

// unkeyed is a cursor by a checksum that anybody can make.
func unkeyed(list, place string) string {
	sum := sha256.Sum256([]byte(list + place))
	return base64.RawURLEncoding.EncodeToString(append(sum[:], place...))
}

type pagesInput struct {
	Of    string   `path:"thing_id"`
	Color string   `query:"color"`
	Tags  []string `query:"tag,explode"`
	PageInput
}

type pagesOutput struct{ Body Page[string] }

// callerGate lets in whoever it holds.
type callerGate struct{ caller auth.Caller }

func (g *callerGate) Admit(context.Context, auth.Request, auth.Demand) (auth.Caller, error) {
	return g.caller, nil
}

// paging serves two lists of a, b and c: /v1/things/{thing_id} and /v1/others/{thing_id}.
type paging struct {
	t       *testing.T
	gate    callerGate
	handler http.Handler
}

func newPaging(t *testing.T, mac CursorMAC) *paging {
	emptyTable(t)
	p := &paging{t: t, gate: callerGate{auth.Caller{Model: auth.ModelDashboard, Account: "acct-1",
		Principal: "user:acct-1/ada"}}}
	row, other := goodRow(), goodRow()
	row.Method, row.Writes, row.Status = http.MethodGet, nil, 200
	other.Method, other.Writes, other.Status, other.ID, other.Path = http.MethodGet, nil, 200, "do-other",
		"/v1/others/{thing_id}"
	list := func(_ context.Context, in *pagesInput) (*pagesOutput, error) {
		items := []string{"a", "b", "c"}
		return &pagesOutput{Body: PageOf(items, func(s string) string { return s }, in.PageInput)}, nil
	}
	one, two := declare[pagesInput, pagesOutput](group{}, row), declare[pagesInput, pagesOutput](group{}, other)
	h, err := New(Webhooks, &p.gate, nil, mac, func(a *API) { one.Handle(a, list); two.Handle(a, list) })
	if err != nil {
		t.Fatal(err)
	}
	p.handler = h
	return p
}

func (p *paging) ask(path string, query ...string) (got Page[string], status int) {
	p.t.Helper()
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Add(query[i], query[i+1])
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, request("GET", path+"?"+values.Encode(), ""))
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		p.t.Fatal(err)
	}
	return got, w.Code
}

// first is the cursor of the first page of the things of x that are red, two a page.
func (p *paging) first() string {
	p.t.Helper()
	page, status := p.ask("/v1/things/x", "limit", "2", "color", "red", "tag", "1", "tag", "2")
	if status != 200 || !slices.Equal(page.Items, []string{"a", "b"}) || page.NextCursor == "" {
		p.t.Fatalf("got %d %+v, want the first page", status, page)
	}
	return page.NextCursor
}

func TestRule26_ACursorGoesOnInItsList(t *testing.T) {
	for name, change := range map[string]func(*paging){
		"the same caller":              func(*paging) {},
		"another person of theirs":     func(p *paging) { p.gate.caller.Principal = "user:acct-1/mel" },
		"the same filters, other ways": func(*paging) {},
	} {
		p := newPaging(t, testMAC{})
		cursor := p.first()
		change(p)
		page, status := p.ask("/v1/things/x", "tag", "2", "cursor", cursor, "limit", "1", "tag", "1", "color", "red")
		if status != 200 || !slices.Equal(page.Items, []string{"c"}) || page.NextCursor != "" {
			t.Errorf("%s: got %d %+v, want the last page", name, status, page)
		}
	}
}

func TestRule26_ACursorIsOfOneListOfOneCaller(t *testing.T) {
	p := newPaging(t, testMAC{})
	good := p.gate.caller
	for name, test := range map[string]struct {
		path   string
		query  []string
		caller func(*auth.Caller)
	}{
		"another thing":      {path: "/v1/things/y"},
		"another operation":  {path: "/v1/others/x"},
		"another account":    {caller: func(c *auth.Caller) { c.Account = "acct-2" }},
		"no account":         {caller: func(c *auth.Caller) { c.Account = "" }},
		"another model":      {caller: func(c *auth.Caller) { c.Model = auth.ModelIntegration }},
		"a partner":          {caller: func(c *auth.Caller) { c.Partner = "par_1" }},
		"account as partner": {caller: func(c *auth.Caller) { c.Account, c.Partner = "", "acct-1" }},
		"another filter":     {query: []string{"color", "blue", "tag", "1", "tag", "2"}},
		"one filter less":    {query: []string{"color", "red", "tag", "1"}},
		"no filter":          {query: []string{}},
	} {
		p.gate.caller = good
		cursor := p.first()
		if test.caller != nil {
			test.caller(&p.gate.caller)
		}
		path, query := test.path, test.query
		if path == "" {
			path = "/v1/things/x"
		}
		if query == nil {
			query = []string{"color", "red", "tag", "1", "tag", "2"}
		}
		if _, status := p.ask(path, append(query, "cursor", cursor)...); status != 422 {
			t.Errorf("%s: the cursor is answered %d, want 422", name, status)
		}
	}
}

func TestRule26_ACursorThatNoPageGaveIsRefused(t *testing.T) {
	p := newPaging(t, testMAC{})
	cursor := p.first()
	raw, _ := base64.RawURLEncoding.DecodeString(cursor)
	encode := base64.RawURLEncoding.EncodeToString
	other := &inspector{operation: Operation{ID: "do-thing"}}
	list := other.list(auth.With(t.Context(), p.gate.caller), request("GET", "/v1/things/x?color=red&tag=1&tag=2", ""))
	for name, forged := range map[string]string{
		"a checksum without a key":   unkeyed(list, "a"),
		"the key of another machine": encode(append(cursorSumOf("another key", list+"a"), 'a')),
		"another place":              encode(append(raw[:32:32], 'a')),
		"a longer place":             encode(append(slices.Clone(raw), 0)),
		"no place":                   encode(raw[:32]),
		"no sum":                     encode([]byte("b")),
		"half a sum":                 encode(append(raw[:16:16], raw[32:]...)),
		"a sum of zeros":             encode(append(make([]byte, 32), 'b')),
		"bytes that are no text":     encode([]byte(strings.Repeat("\xff\x00", 40))),
		"padding":                    base64.URLEncoding.EncodeToString(append(slices.Clone(raw), 'x')) + "=",
		"no base64":                  "!",
	} {
		page, status := p.ask("/v1/things/x", "color", "red", "tag", "1", "tag", "2", "cursor", forged)
		if status != 422 || len(page.Items) > 0 {
			t.Errorf("%s: got %d %+v, want 422", name, status, page)
		}
	}
}

func cursorSumOf(key, message string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// A key that cannot be read is no fault of the cursor.
func TestRule26_WithoutItsKeyNoCursorIsJudged(t *testing.T) {
	cursor := newPaging(t, testMAC{}).first()
	p := newPaging(t, testMAC{failure: errors.New("no key today")})
	if _, status := p.ask("/v1/things/x", "cursor", cursor); status != 500 {
		t.Errorf("a page with a cursor is answered %d, want 500", status)
	}
	if _, status := p.ask("/v1/things/x", "limit", "2"); status != 500 {
		t.Errorf("a page with a next one is answered %d, want 500", status)
	}
	if page, status := p.ask("/v1/things/x"); status != 200 || len(page.Items) != 3 {
		t.Errorf("the only page is answered %d %+v", status, page)
	}
}

func TestProblem_BadCursorIsNothingElse(t *testing.T) {
	for name, test := range map[string]struct {
		wrong []string
		want  bool
	}{
		"nothing": {nil, false}, "the cursor": {[]string{"query.cursor"}, true},
		"a cursor that is too long, and forged": {[]string{"query.cursor", "query.cursor"}, true},
		"the limit":                             {[]string{"query.limit"}, false},
		"both":                                  {[]string{"query.cursor", "query.limit"}, false},
	} {
		p := &Problem{}
		for _, pointer := range test.wrong {
			p.Errors = append(p.Errors, fault.Field{Pointer: pointer})
		}
		if got := p.BadCursor(); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
}
