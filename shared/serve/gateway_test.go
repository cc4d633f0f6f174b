package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"plugboard/shared/contract"
)

// bytesOfAll are every value that a byte has: no UTF-8, with line ends and zeros.
func bytesOfAll() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// echo answers with the body, of the content type that the request names.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if kind := r.Header.Get("Accept"); kind != "" {
		w.Header().Set("Content-Type", kind)
	}
	_, _ = w.Write(body)
})

func TestGateway_BodiesArriveAsSentPlainOrBase64(t *testing.T) {
	binary := base64.StdEncoding.EncodeToString(bytesOfAll())
	for name, test := range map[string]struct {
		event events.APIGatewayProxyRequest
		want  []byte
	}{
		"base64": {events.APIGatewayProxyRequest{Body: binary, IsBase64Encoded: true},
			bytesOfAll()},
		"plain": {events.APIGatewayProxyRequest{Body: `{"name":"Zoë"}`},
			[]byte(`{"name":"Zoë"}`)},
		"plain that looks like base64": {events.APIGatewayProxyRequest{Body: binary}, []byte(binary)},
		"nothing, said to be base64":   {events.APIGatewayProxyRequest{IsBase64Encoded: true}, nil},
	} {
		test.event.HTTPMethod, test.event.Path = "PUT", "/v1/things"
		var got []byte
		var length int64
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, _ = io.ReadAll(r.Body)
			length = r.ContentLength
		})
		if _, err := (gateway{h}).invoke(t.Context(), test.event); err != nil || !bytes.Equal(got, test.want) ||
			length != int64(len(test.want)) {
			t.Errorf("%s: got %q of %d bytes (%v), want %q", name, got, length, err, test.want)
		}
	}
	if _, err := (gateway{echo}).invoke(t.Context(),
		events.APIGatewayProxyRequest{HTTPMethod: "PUT", Path: "/", Body: "%%%", IsBase64Encoded: true}); err == nil {
		t.Error("what is said to be base64 and is not was taken")
	}
}

func TestGateway_AnswersAreBase64OnlyWhenTheyAreBinary(t *testing.T) {
	for kind, binary := range map[string]bool{
		"image/png": true, "image/jpeg": true, "application/octet-stream": true, "": true,
		"application/json": false, "application/problem+json": false, "application/json; charset=utf-8": false,
		"text/html": false,
	} {
		sent := []byte(`{"name":"Zoë"}`)
		if binary {
			sent = bytesOfAll()
		}
		e := events.APIGatewayProxyRequest{HTTPMethod: "PUT", Path: "/", Body: base64.StdEncoding.EncodeToString(sent),
			IsBase64Encoded: true, Headers: map[string]string{"accept": kind}}
		got, err := gateway{echo}.invoke(t.Context(), e)
		want := string(sent)
		if binary {
			want = base64.StdEncoding.EncodeToString(sent)
		}
		if err != nil || got.IsBase64Encoded != binary || got.Body != want {
			t.Errorf("%q: got base64 %t (%v), want %t", kind, got.IsBase64Encoded, err, binary)
		}
	}
	empty := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
	})
	got, err := gateway{empty}.invoke(t.Context(), events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/"})
	if err != nil || got.StatusCode != 304 || got.IsBase64Encoded || got.Body != "" ||
		got.MultiValueHeaders["Etag"][0] != `"1"` {
		t.Errorf("got %+v (%v), want 304 without a body", got, err)
	}
}

// Under a custom domain the event's path begins with the base path of the domain's mapping; the route does not.
func TestGateway_ACustomDomainsBasePathIsNoPartOfTheRoute(t *testing.T) {
	for name, test := range map[string]struct{ path, route, want, raw string }{
		"no base path": {"/v1/contracts/c1", "/v1/contracts/{contract_id}", "/v1/contracts/c1",
			"/v1/contracts/c1"},
		"a base path": {"/plugboard/v1/contracts/c1", "/v1/contracts/{contract_id}", "/v1/contracts/c1",
			"/v1/contracts/c1"},
		"one of several parts": {"/api/v1/plugboard/v1/me", "/v1/me", "/v1/me", "/v1/me"},
		"an encoded slash": {"/plugboard/v1/accounts/a%2Fb/users/u", "/v1/accounts/{account_id}/users/{user_id}",
			"/v1/accounts/a/b/users/u", "/v1/accounts/a%2Fb/users/u"},
		"decoded by an emulator": {"/v1/accounts/a/b/users/u", "/v1/accounts/{account_id}/users/{user_id}",
			"/v1/accounts/a/b/users/u", "/v1/accounts/a/b/users/u"},
		"an emulator without one": {"/v1/me", "", "/v1/me", "/v1/me"},
		"a value like a route": {"/v1/contracts/v1", "/v1/contracts/{contract_id}", "/v1/contracts/v1",
			"/v1/contracts/v1"},
	} {
		var got, raw string
		h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got, raw = r.URL.Path, r.URL.EscapedPath()
		})
		_, err := gateway{h}.invoke(t.Context(),
			events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: test.path, Resource: test.route})
		if err != nil || got != test.want || raw != test.raw {
			t.Errorf("%s: got %s, encoded %s (%v), want %s, %s", name, got, raw, err, test.want, test.raw)
		}
	}
}

// Lambda refuses an answer of more than 6 MB, and API Gateway makes a 502 of that.
func TestGateway_AnAnswerThatLambdaWouldRefuseIsAProblemInstead(t *testing.T) {
	for name, test := range map[string]struct {
		kind string
		body []byte
		fits bool
	}{
		"text that fits": {"application/json", bytes.Repeat([]byte("x"), contract.LambdaAnswer-1000),
			true},
		"text":                        {"application/json", bytes.Repeat([]byte("x"), contract.LambdaAnswer), false},
		"text that escaping makes so": {"application/json", bytes.Repeat([]byte(`"`), contract.LambdaAnswer/2), false},
		"a file that fits":            {"image/png", make([]byte, contract.LambdaAnswer/4*3-1000), true},
		"a file that base64 makes so": {"image/png", make([]byte, contract.LambdaAnswer/4*3), false},
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", test.kind)
			w.Header().Set("ETag", `"1"`)
			_, _ = w.Write(test.body)
		})
		e := events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/",
			RequestContext: events.APIGatewayProxyRequestContext{RequestID: "req-1"}}
		got, err := gateway{h}.invoke(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(got)
		if err != nil || len(encoded) > contract.LambdaAnswer {
			t.Errorf("%s: Lambda gets %d bytes (%v)", name, len(encoded), err)
		}
		var p contract.Problem
		problem := json.Unmarshal([]byte(got.Body), &p) == nil && p.Code == "answer-too-large" &&
			p.RequestID == "req-1" && got.StatusCode == http.StatusInternalServerError
		if problem == test.fits || !test.fits && got.MultiValueHeaders["Etag"] != nil {
			t.Errorf("%s: got %d %.100s", name, got.StatusCode, got.Body)
		}
	}
}
