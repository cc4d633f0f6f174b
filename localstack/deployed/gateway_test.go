package deployed_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/localstack/client"
	"plugboard/localstack/issuer"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

var parameter = regexp.MustCompile(`\{[a-z_]+\}`)

// A route that is missing answers by the gateway, not by our 401.
func TestGateway_RoutesEveryOperation(t *testing.T) {
	slots := make(chan struct{}, 8)
	var asking sync.WaitGroup
	for _, o := range contract.All() {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			a, err := deployed.Send(t.Context(), client.Caller{}, o.Method,
				parameter.ReplaceAllString(o.Path, "none"), nil)
			want := http.StatusUnauthorized
			if _, public := o.Auth.Of(auth.ModelPublic); public {
				want = o.Status
				if strings.Contains(o.Path, "{") { // of nothing that there is
					want = http.StatusNotFound
					if p, err := a.Problem(); err != nil || p.Code != "not-found" {
						t.Errorf("%s %s: got %s (%v), want our own not-found", o.Method, o.Path, a.Body, err)
					}
				}
			}
			if err != nil || a.Status != want {
				t.Errorf("%s %s without a credential: got %d (%v), want %d: %s", o.Method, o.Path, a.Status, err,
					want, a.Body)
			}
		})
	}
	asking.Wait()
}

// Browsers of other origins are not let in: a preflight is a request without an operation, and no answer names an
// origin.
func TestGateway_AnswersNoOtherOrigin(t *testing.T) {
	from := deployed.mel.With("Origin", "https://elsewhere.test")
	preflight := send(t, from.With("Access-Control-Request-Method", "GET"), http.MethodOptions,
		contract.ListWebhooks.Path, "")
	if preflight.Status < 400 {
		t.Errorf("a preflight is answered with %d", preflight.Status)
	}
	for name, a := range map[string]client.Answer{
		"a preflight": preflight,
		"an answer":   send(t, from, http.MethodGet, contract.ListWebhooks.Path, ""),
		"a refusal": send(t, client.Caller{}.With("Origin", "https://elsewhere.test"), http.MethodGet,
			contract.ListWebhooks.Path, ""),
		"a public answer": send(t, client.Caller{}.With("Origin", "https://elsewhere.test"), http.MethodGet,
			contract.ReadBlueprintSchema.Path, ""),
	} {
		if origin := a.Header.Get("Access-Control-Allow-Origin"); origin != "" {
			t.Errorf("%s lets %q read it", name, origin)
		}
	}
}

func TestGateway_EveryFunctionAnswers(t *testing.T) {
	lists := map[contract.Function]struct {
		by   client.Caller
		path string
	}{
		contract.Catalogue:  {deployed.partner, "/v1/extensions/" + string(deployed.core) + "/versions"},
		contract.Enablement: {deployed.mel, contract.ListCatalogue.Path},
		contract.DataFields: {deployed.mel, contract.ListTemplateTypes.Path},
		contract.Contracts:  {deployed.mel, contract.ListWorkspaces.Path},
		contract.Webhooks:   {deployed.mel, contract.ListWebhooks.Path},
	}
	for f := range lists { // the console has no list, and its pages have tests of their own
		a := send(t, lists[f].by, "GET", lists[f].path, "")
		if a.Status != http.StatusOK || !strings.HasPrefix(string(a.Body), `{"items":[{`) {
			t.Errorf("%s: got %d, want 200 and a list: %s", f, a.Status, a.Body)
		}
	}
}

func TestGateway_ACredentialThatProvesNothingIs401(t *testing.T) {
	now := time.Now()
	signed := func(change func(claims map[string]any)) client.Caller {
		claims := issuer.Claims(string(deployed.account), "ada", now)
		change(claims)
		token, err := deployed.Sign(claims)
		must(t, err)
		return client.Bearer(token)
	}
	foreign, err := issuer.Load(t.TempDir())
	must(t, err)
	forged, err := foreign.Sign(issuer.Claims(string(deployed.account), "ada", now))
	must(t, err)
	for name, by := range map[string]client.Caller{
		"none":                 {},
		"an empty bearer":      client.Caller{}.With("Authorization", "Bearer "),
		"basic auth":           client.Caller{}.With("Authorization", "Basic YWRhOmFkYQ=="),
		"no JWT":               client.Bearer("nonsense"),
		"a truncated token":    client.Bearer(deployed.token[:len(deployed.token)-1]),
		"an unknown token":     client.Bearer("pb_live_" + strings.Repeat("A", 49)),
		"a wrong platform key": client.Caller{}.With(auth.HeaderPlatformKey, "wrong"),
		"an expired JWT":       signed(func(c map[string]any) { c["exp"] = now.Add(-time.Hour).Unix() }),
		"another issuer's JWT": signed(func(c map[string]any) { c["iss"] = "https://elsewhere.test" }),
		"a JWT for others":     signed(func(c map[string]any) { c["aud"] = "elsewhere" }),
		"a JWT of nobody":      signed(func(c map[string]any) { c["sub"] = "nobody" }),
		"a forged JWT":         client.Bearer(forged),
		"two at once":          deployed.ada.With(auth.HeaderPlatformKey, deployed.Outputs.PlatformKey),
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, send(t, by, "GET", contract.ListTemplateTypes.Path, ""), http.StatusUnauthorized,
				"unauthenticated")
		})
	}
}

func TestGateway_AHeadersNameHasNoCase(t *testing.T) {
	for _, name := range []string{"authorization", "AUTHORIZATION", "aUTHORIZATION"} {
		jwt, err := deployed.Sign(issuer.Claims(string(deployed.account), "ada", time.Now()))
		must(t, err)
		if a := send(t, client.Caller{}.With(name, "Bearer "+jwt), "GET", contract.ListWebhooks.Path,
			""); a.Status != http.StatusOK {
			t.Errorf("%s: got %d, want 200: %s", name, a.Status, a.Body)
		}
	}
	by := client.Caller{}.With(strings.ToLower(auth.HeaderPlatformKey), deployed.Outputs.PlatformKey).
		With(strings.ToUpper(auth.HeaderAccount), string(deployed.account))
	if a := send(t, by, "GET", contract.ListWebhooks.Path, ""); a.Status != http.StatusOK {
		t.Errorf("the platform's headers: got %d, want 200: %s", a.Status, a.Body)
	}
}

func TestGateway_AnUnknownRouteIs404(t *testing.T) {
	for _, r := range [][2]string{
		{"GET", "/"}, {"GET", "/v1"}, {"GET", "/v1/nowhere"}, {"GET", "/v2/openapi.json"},
		{"GET", "/v1/contracts/a/b/c"},
		// a path that is known by another method
		{"PUT", contract.ListCatalogue.Path}, {"POST", contract.ReadOpenapi.Path},
		{"HEAD", contract.ReadOpenapi.Path}, {"OPTIONS", contract.ReadOpenapi.Path}, // declared for none, CORS included
	} {
		t.Run(r[0]+" "+r[1], func(t *testing.T) {
			a := send(t, deployed.ada, r[0], r[1], "")
			if a.Status != http.StatusNotFound {
				t.Fatalf("got %d, want 404: %s", a.Status, a.Body)
			}
			if r[0] == "HEAD" {
				return // no body
			}
			if !answersForItself() {
				return
			}
			refused(t, a, http.StatusNotFound, "no-such-operation")
		})
	}
}

// answersForItself tells whether the emulator's gateway gives its own answers the body and the headers that the stack
// declares. LocalStack takes their status only.
var answersForItself = sync.OnceValue(func() bool {
	response, err := http.Get(deployed.Outputs.Endpoint + "/_ministack/health")
	if err != nil {
		return true
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
})

func TestGateway_BadInputIsOneProblemDocument(t *testing.T) {
	id := unique("never")
	account := "/v1/accounts/" + id
	named := func(p contract.Problem) string {
		var all []string
		for _, f := range p.Errors {
			all = append(all, f.Pointer+" "+f.Code)
		}
		slices.Sort(all)
		return strings.Join(all, ", ")
	}
	for _, test := range []struct {
		name         string
		method, path string
		body         string
		status       int
		code, fields string
	}{
		{"over the limit", "PUT", account, `{"name":"` + strings.Repeat("n", contract.DefaultMaxBody) + `"}`, 413,
			"too-large", ""},
		{"no JSON", "PUT", account, `{"name":`, 400, "malformed", "/name"},
		{"an unknown field", "PUT", account, `{"name":"n","nmae":"n"}`, 422, "invalid", "/nmae unknown"},
		{"a missing field", "PUT", account, `{}`, 422, "invalid", "/name required"},
		{"two wrong fields", "PUT", account, `{"name":"","more":1}`, 422, "invalid", "/more unknown, /name invalid"},
		{"an unknown query parameter", "GET", account + "?verbose=1", "", 422, "invalid", "query.verbose unknown"},
		{"a list for an object", "PUT", account, `[]`, 422, "invalid", " invalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := refused(t, send(t, deployed.Platform(), test.method, test.path, test.body), test.status, test.code)
			if got := named(p); test.status == 422 && got != test.fields {
				t.Errorf("got the fields %q, want %q", got, test.fields)
			}
		})
	}
	_, err := client.Call(t.Context(), deployed.Client, deployed.Platform(), contract.ReadAccount,
		contract.ReadAccountInput{Account: domain.AccountID(id)})
	refusal(t, err, http.StatusNotFound, "not-found") // nothing half-written
}

func TestGateway_ABodyAtTheLimitIsTaken(t *testing.T) {
	body := `{"name":"Just fits"}`
	body += strings.Repeat(" ", contract.DefaultMaxBody-len(body))
	if a := send(t, deployed.Platform(), "PUT", "/v1/accounts/"+unique("fits"), body); a.Status != http.StatusOK {
		t.Errorf("%d bytes: got %d, want 200: %.300s", len(body), a.Status, a.Body)
	}
}

// What a body says in Unicode comes back as it was.
func TestGateway_TextIsNotChangedOnItsWay(t *testing.T) {
	in := contract.PutAccountInput{Account: domain.AccountID(unique("text"))}
	in.Body.Name = "Grüße, 世界 🙂 \"<&>\" %7C + \\"
	if got := call(t, deployed.Platform(), contract.PutAccount, in).Body.Name; got != in.Body.Name {
		t.Errorf("got %q, want %q", got, in.Body.Name)
	}
}

func TestGateway_AnEncodedPathNamesWhatItMeans(t *testing.T) {
	for _, id := range []domain.UserID{"auth0|0123", "kim@shop.test", "a+b", "a:b"} {
		in := contract.PutUserInput{Account: deployed.account, User: id}
		in.Body.Name, in.Body.Role, in.Body.Workspaces = "Kim", domain.Member, []domain.WorkspaceID{}
		in.Body.Email = fmt.Sprintf("%x@shop.test", string(id))
		if got := call(t, deployed.Platform(), contract.PutUser, in).Body.ID; got != id {
			t.Errorf("got the user %q, want %q", got, id)
		}
	}
	// The field "order number", which is active: nothing changes.
	yes := true
	in := contract.UpdateDataFieldInput{TemplateType: deployed.orderType, CustomID: "order number"}
	in.Body.Active = &yes
	call(t, deployed.ada, contract.UpdateDataField, in)

	for _, id := range []string{"a%2Fb", "100%25", "%00", "..%2F..%2Fv1%2Fcatalogue", "%7B%7D", "%F0%9F%99%82"} {
		a := send(t, deployed.ada, "GET", "/v1/contracts/"+id, "")
		if a.Status != http.StatusNotFound && a.Status != http.StatusUnprocessableEntity {
			t.Errorf("/v1/contracts/%s: got %d, want 404 or 422: %.300s", id, a.Status, a.Body)
		}
	}
}

func TestGateway_AnIdempotencyKeyMakesARepeatHarmless(t *testing.T) { // rule 25
	by := deployed.ada.With(contract.HeaderIdempotencyKey, unique("key"))
	in := contract.CreateTemplateInput{}
	in.Body.Name, in.Body.Workspace, in.Body.TemplateType = "Once", "sales", deployed.orderType
	first, second := call(t, by, contract.CreateTemplate, in), call(t, by, contract.CreateTemplate, in)
	if first.Body.ID != second.Body.ID {
		t.Errorf("got the templates %s and %s, want one", first.Body.ID, second.Body.ID)
	}
	in.Body.Name = "Twice"
	_, err := client.Call(t.Context(), deployed.Client, by, contract.CreateTemplate, in)
	refusal(t, err, http.StatusUnprocessableEntity, "idempotency-key-reused")
}
