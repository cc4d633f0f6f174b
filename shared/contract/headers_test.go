package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// refusingGate knows who calls, and refuses.
type refusingGate struct{ caller auth.Caller }

func (g refusingGate) Admit(context.Context, auth.Request, auth.Demand) (auth.Caller, error) {
	return g.caller, fault.New(fault.Forbidden, "missing-scope", "No.")
}

// A leaked key can be traced: each request's line names where it came from and who called, refused or not, and never
// shows the credential.
func TestLog_NamesSourceAndCallerAndNoCredential(t *testing.T) {
	const credential = "pb_partner_0123456789abcdef"
	good := auth.Caller{Model: auth.ModelPartner, Partner: "par_1", Principal: "partner:par_1", KeyPrint: "a1b2c3",
		Account: "acct-1", User: &domain.User{ID: "ada"}}
	for name, test := range map[string]struct {
		gate   Gate
		source string
		status float64
		caller string
	}{
		"let in":              {&callerGate{good}, "203.0.113.9:4711", 201, "partner:par_1"},
		"from API Gateway":    {&callerGate{good}, "203.0.113.9", 201, "partner:par_1"},
		"over IPv6":           {&callerGate{good}, "[2001:db8::9]:4711", 201, "partner:par_1"},
		"over IPv6, by AWS":   {&callerGate{good}, "2001:db8::9", 201, "partner:par_1"},
		"refused, yet known":  {refusingGate{good}, "203.0.113.9", 403, "partner:par_1"},
		"refused and unknown": {closedGate{}, "203.0.113.9", 401, ""},
	} {
		h := serve(t, test.gate, func(context.Context, *makeInput) (*makeOutput, error) { return &makeOutput{}, nil })
		var log bytes.Buffer
		logTo(t, &log)
		r := request("POST", "/v1/things/1", strings.Replace(goodBody, "Kim", "Zoë", 1))
		r.RemoteAddr = test.source
		r.Header.Set("Authorization", "Bearer "+credential)
		r.Header.Set(auth.HeaderPlatformKey, credential)
		r.Header.Set("X-Forwarded-For", "198.51.100.1")
		h.ServeHTTP(httptest.NewRecorder(), r)
		var line map[string]any
		if err := json.Unmarshal(log.Bytes(), &line); err != nil {
			t.Fatalf("%s: the log is not one line: %v: %s", name, err, &log)
		}
		source := strings.Trim(strings.TrimSuffix(test.source, ":4711"), "[]")
		if line["source"] != source || line["principal"] != test.caller || line["operation"] != "do-it" ||
			line["status"] != test.status || line["request_id"] != "req-1" {
			t.Errorf("%s: the line is %s", name, &log)
		}
		if test.caller != "" && (line["key_print"] != "a1b2c3" || line["acting_user"] != "ada" ||
			line["account"] != "acct-1") {
			t.Errorf("%s: the caller is not told: %s", name, &log)
		}
		if strings.Contains(log.String(), credential) || strings.Contains(log.String(), "Zo") ||
			strings.Contains(log.String(), "198.51.100.1") {
			t.Errorf("%s: the line shows too much: %s", name, &log)
		}
	}
}

// A 401 says how to authenticate, and a refusal for now says when to come back, from the gate and from a handler.
func TestProblem_HeadersOfARefusal(t *testing.T) {
	throttled := &fault.Error{Kind: fault.Throttled, Code: "too-many-requests", Wait: 1500 * time.Millisecond}
	for name, test := range map[string]struct {
		err                   error
		status                int
		challenge, retryAfter string
	}{
		"unauthenticated":      {fault.New(fault.Unauthenticated, "unauthenticated", "No."), 401, challenge, ""},
		"a session that ended": {auth.ErrEnded(), 401, challenge, ""},
		"throttled":            {throttled, 429, "", "2"},
		"throttled, wrapped":   {fault.Wrap(throttled, "somewhere"), 429, "", "2"},
		"unavailable for a time": {&fault.Error{Kind: fault.Unavailable, Code: "busy", Detail: "No.",
			Wait: time.Millisecond}, 503, "", "1"},
		"unavailable": {fault.New(fault.Unavailable, "busy", "No."), 503, "", ""},
		"forbidden":   {fault.New(fault.Forbidden, "forbidden", "No."), 403, "", ""},
	} {
		gate := serve(t, errorGate{test.err}, unreachable(t))
		w := httptest.NewRecorder()
		gate.ServeHTTP(w, request("POST", "/v1/things/1", goodBody))
		handler := serve(t, openGate{}, func(context.Context, *makeInput) (*makeOutput, error) { return nil, test.err })
		v := httptest.NewRecorder()
		handler.ServeHTTP(v, request("POST", "/v1/things/1", goodBody))
		for from, got := range map[string]*httptest.ResponseRecorder{"the gate": w, "the handler": v} {
			if h := got.Header(); got.Code != test.status || h.Get("WWW-Authenticate") != test.challenge ||
				h.Get("Retry-After") != test.retryAfter {
				t.Errorf("%s by %s: got %d, %q, %q", name, from, got.Code, h.Get("WWW-Authenticate"),
					h.Get("Retry-After"))
			}
		}
	}
}

type errorGate struct{ err error }

func (g errorGate) Admit(context.Context, auth.Request, auth.Demand) (auth.Caller, error) {
	return auth.Caller{}, g.err
}

// An answer that can show a credential is kept by no cache. That follows from the output's type, so no row can forget
// it.
func TestAnswer_WithACredentialIsNotStored(t *testing.T) {
	type inner struct {
		Token domain.ShownOnce `json:"token,omitempty"`
	}
	type embedded struct{ inner }
	type loop struct{ Next *loop }
	for name, test := range map[string]struct {
		of   any
		want bool
	}{
		"in the body":      {struct{ Body inner }{}, true},
		"in a list":        {struct{ Body struct{ Items []inner } }{}, true},
		"behind a pointer": {struct{ Body *inner }{}, true},
		"in a map":         {struct{ Body map[string]inner }{}, true},
		"embedded":         {struct{ Body embedded }{}, true},
		"in a header": {struct {
			Location domain.HandOffURL `header:"Location"`
		}{}, true},
		"nothing":          {struct{ Body struct{ Name string } }{}, false},
		"a type of itself": {struct{ Body loop }{}, false},
		"a sealed secret":  {struct{ Body struct{ S domain.Sealed } }{}, false},
		"a list of its like": {struct {
			Body struct{ Next []struct{ inner } }
		}{}, true},
	} {
		if got := holdsSecret(reflect.TypeOf(test.of), nil); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
	secretive := map[string]bool{}
	for _, o := range All() {
		secretive[o.ID] = o.showsSecret
	}
	for _, id := range []string{
		"create-partner", "rotate-partner-key", "enable-extension", "start-hand-off", "exchange-hand-off",
		"rotate-installation-token",
		"rotate-callback-secret", "create-token", "create-webhook", "rotate-webhook-secret",
		"create-participant-session",
		"submit-blueprint", "rotate-lifecycle-secret",
	} {
		shown, known := secretive[id]
		if !known || !shown {
			t.Errorf("%s: known %t, shows a credential %t; want both", id, known, shown)
		}
	}
	for _, id := range []string{"read-webhook", "list-catalogue", "read-contract"} {
		if secretive[id] {
			t.Errorf("%s shows no credential", id)
		}
	}
}

type tokenOutput struct {
	Body struct {
		Token domain.ShownOnce `json:"token,omitempty"`
	}
}

func TestAnswer_NoStoreIsOnEveryAnswerOfTheOperation(t *testing.T) {
	for name, gate := range map[string]Gate{"let in": openGate{}, "refused": closedGate{}} {
		emptyTable(t)
		op := declare[noInput, tokenOutput](group{}, goodRow())
		h, err := New(Webhooks, gate, memory{}, nil, func(a *API) {
			op.Handle(a, func(context.Context, *noInput) (*tokenOutput, error) { return &tokenOutput{}, nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("POST", goodPath(), ""))
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control is %q: %d %s", name, got, w.Code, w.Body)
		}
	}
	h := serve(t, openGate{}, func(context.Context, *makeInput) (*makeOutput, error) { return &makeOutput{}, nil })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("POST", "/v1/things/1", goodBody))
	if got := w.Header().Get("Cache-Control"); got != "" {
		t.Errorf("an answer without a credential has Cache-Control %q", got)
	}
}

func goodPath() string { return strings.Replace(goodRow().Path, "{thing_id}", "1", 1) }
