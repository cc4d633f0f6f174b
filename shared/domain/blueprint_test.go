package domain_test

import (
	"encoding/json"
	"strings"
	"testing"

	"plugboard/shared/domain"
)

func TestRule7_HeadersThatPlugboardOrHTTPSetAreRefused(t *testing.T) {
	for _, name := range []string{"host", "Content-Length", "webhook-signature", "Webhook-Id", "Transfer-Encoding",
		"proxy-authorization", "X-Amz-Date", "Bad Name", "a:b", "", "x\r\ny", strings.Repeat("a", 65)} {
		if domain.HeaderProblem(name) == "" {
			t.Errorf("the header %q is taken", name)
		}
	}
	for _, name := range []string{"X-Customer", "x-api-key", "Accept-Language"} {
		if problem := domain.HeaderProblem(name); problem != "" {
			t.Errorf("the header %q is refused: %s", name, problem)
		}
	}
}

func TestRule7_TemplatesFillWhatTheyName(t *testing.T) {
	values := map[string]string{"customer_id": "C-1", "a": "{{customer_id}}"}
	for text, want := range map[string]string{
		"": "", "plain": "plain", "{{customer_id}}": "C-1", "id={{ customer_id }};": "id=C-1;", "{{nobody}}": "",
		"{{a}}": "{{customer_id}}", "{{": "{{", "{{}}": "",
	} {
		if got := domain.FillTemplate(text, values); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// parametersOf are the parameters of these properties.
func parametersOf(properties string, required ...string) domain.Parameters {
	p := domain.Parameters{Type: "object", Required: required}
	if err := json.Unmarshal([]byte(properties), &p.Properties); err != nil {
		panic(err)
	}
	return p
}

func TestRule7_ParametersAreCheckedAsDeclared(t *testing.T) {
	b := domain.BlueprintSpec{Parameters: parametersOf(
		`{"id":{"type":"string","title":"Id","pattern":"^(C-[0-9]+|X)$"},"region":{"type":"string","enum":["eu","us"]},
		"short":{"type":"string","minLength":2,"maxLength":3},"day":{"type":"string","format":"date"},
		"count":{"type":"integer","minimum":1,"maximum":9},"rate":{"type":"number","enum":[0.5,1]},
		"on":{"type":"boolean"}}`, "id")}
	for name, test := range map[string]struct {
		given map[string]domain.ParameterValue
		want  string
	}{
		"all well":             {map[string]domain.ParameterValue{"id": "C-12", "region": "eu", "short": "äöü"}, ""},
		"missing":              {nil, "/p/id missing-parameter"},
		"empty":                {map[string]domain.ParameterValue{"id": ""}, "/p/id missing-parameter"},
		"only a part matches":  {map[string]domain.ParameterValue{"id": "C-12 and more"}, "/p/id invalid"},
		"an end of the choice": {map[string]domain.ParameterValue{"id": "XC-1"}, "/p/id invalid"},
		"a control character": {map[string]domain.ParameterValue{"id": "X", "short": "a\r"},
			"/p/short control-character"},
		"too long": {map[string]domain.ParameterValue{"id": "X", "short": "äöüß"}, "/p/short invalid"},
		"every type": {map[string]domain.ParameterValue{"id": "X", "day": "2026-11-25", "count": 9.0,
			"rate": 0.5, "on": false}, ""},
		"other types": {map[string]domain.ParameterValue{"id": 7.0, "day": true, "count": "9", "rate": nil,
			"on": "true"}, "/p/count invalid, /p/day invalid, /p/id invalid, /p/on invalid"},
		"no scalars": {map[string]domain.ParameterValue{"id": []any{"X"},
			"on": map[string]domain.ParameterValue{}}, "/p/id invalid, /p/on invalid"},
		"no integer":           {map[string]domain.ParameterValue{"id": "X", "count": 1.5}, "/p/count invalid"},
		"beyond what is exact": {map[string]domain.ParameterValue{"id": "X", "count": 1e17}, "/p/count invalid"},
		"below": {map[string]domain.ParameterValue{"id": "X", "count": 0.0, "short": "a"},
			"/p/count invalid, /p/short invalid"},
		"above":           {map[string]domain.ParameterValue{"id": "X", "count": 10.0}, "/p/count invalid"},
		"no such number":  {map[string]domain.ParameterValue{"id": "X", "rate": 0.7}, "/p/rate invalid"},
		"no day":          {map[string]domain.ParameterValue{"id": "X", "day": "2026-02-30"}, "/p/day invalid"},
		"not of the list": {map[string]domain.ParameterValue{"id": "X", "region": "mars"}, "/p/region invalid"},
		"nobody asked": {map[string]domain.ParameterValue{"id": "X", "a/b~": "1"},
			"/p/a~1b~0 unknown-parameter"},
	} {
		var got []string
		for _, f := range b.CheckParameters("/p", test.given) {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestRule7_WhatAWebhookAddsIsBounded(t *testing.T) {
	spec := func(change func(*domain.WebhookBlueprint)) domain.BlueprintSpec {
		w := domain.WebhookBlueprint{Key: "w", URL: "https://a.test/", EventTypes: []string{"x"}}
		change(&w)
		return domain.BlueprintSpec{
			Parameters:    parametersOf(`{"long":{"type":"string","maxLength":1024}}`),
			Webhooks:      []domain.WebhookBlueprint{w},
			TemplateTypes: []domain.TemplateTypeBlueprint{{Name: "T"}},
		}
	}
	many := map[string]string{}
	for n := range 21 {
		many[strings.Repeat("a", n+1)] = ""
	}
	for name, test := range map[string]struct {
		change func(*domain.WebhookBlueprint)
		want   string
	}{
		"all well": {func(w *domain.WebhookBlueprint) {
			w.Context = map[string]string{"a": "{{long}}"}
		}, ""},
		"too long when filled in": {func(w *domain.WebhookBlueprint) {
			w.Context = map[string]string{"a": "{{long}}{{long}}"}
		}, "/blueprint/webhooks/0/context too-large"},
		"too many": {func(w *domain.WebhookBlueprint) { w.Query = many },
			"/blueprint/webhooks/0/query too-many"},
		"a header twice": {func(w *domain.WebhookBlueprint) {
			w.Headers = map[string]string{"X-A": "", "x-a": ""}
		}, "/blueprint/webhooks/0/headers/x-a duplicate"},
		"a line break": {func(w *domain.WebhookBlueprint) {
			w.Headers = map[string]string{"X-A": "a\u2028b"}
		}, "/blueprint/webhooks/0/headers/X-A control-character"},
		"bearer without a token": {func(w *domain.WebhookBlueprint) {
			w.Auth.Scheme = domain.AuthBearer
		}, "/blueprint/webhooks/0/auth/token required"},
		"a token without a scheme": {func(w *domain.WebhookBlueprint) {
			w.Auth.Token = "{{long}}"
		}, "/blueprint/webhooks/0/auth/token unexpected"},
		"oauth2 alone": {func(w *domain.WebhookBlueprint) {
			w.Auth.Scheme = domain.AuthOAuth2
		}, "/blueprint/webhooks/0/auth/token_url required, /blueprint/webhooks/0/auth/client_id required, " +
			"/blueprint/webhooks/0/auth/client_secret required"},
		"oauth2, all well": {func(w *domain.WebhookBlueprint) {
			w.Auth = domain.WebhookAuth{Scheme: domain.AuthOAuth2, TokenURL: "https://id.test/token",
				ClientID: "{{long}}", ClientSecret: "{{long}}", Scope: "a b"}
		}, ""},
		"a parameter in the token URL": {func(w *domain.WebhookBlueprint) {
			w.Auth = domain.WebhookAuth{Scheme: domain.AuthOAuth2, TokenURL: "https://{{long}}/token", ClientID: "a",
				ClientSecret: "{{nobody}}"}
		}, "/blueprint/webhooks/0/auth/token_url invalid, /blueprint/webhooks/0/auth/client_secret " +
			"undeclared-parameter"},
		"a policy out of bounds": {func(w *domain.WebhookBlueprint) {
			w.Policy = domain.SendPolicy{TimeoutSeconds: 31, RetryWaitSeconds: []int{0}}
		}, "/blueprint/webhooks/0/policy/timeout_seconds invalid, /blueprint/webhooks/0/policy/retry_wait_seconds/0 " +
			"invalid"},
		"a scheme that is none": {func(w *domain.WebhookBlueprint) {
			w.Auth = domain.WebhookAuth{Scheme: "digest", Username: "a"}
		}, ""},
		"a parameter in the URL": {func(w *domain.WebhookBlueprint) {
			w.URL = "https://a.test/{{long}}"
		}, "/blueprint/webhooks/0/url invalid"},
	} {
		var got []string
		for _, f := range spec(test.change).Check(func(string) bool { return true }) {
			got = append(got, f.Pointer+" "+f.Code)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestWebhookURL_OnlyWhatCanBeCalledPlainly(t *testing.T) {
	for _, url := range []string{"", "x", "/hooks", "ftp://a.test", "https://", "https://user:pass@a.test/",
		"https://a.test/#x", "https://{{host}}/"} {
		if domain.WebhookURL.Problem(url) == "" {
			t.Errorf("%q is taken", url)
		}
	}
	if problem := domain.WebhookURL.Problem("https://a.test:8443/hooks?x=1"); problem != "" {
		t.Errorf("a good URL is refused: %s", problem)
	}
}
