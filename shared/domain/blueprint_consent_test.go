package domain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/domain"
)

const (
	homeHost  = "https://home.test:443"
	otherHost = "https://other.test:443"
	tokenHost = "https://id.home.test:443"
)

// sender sends the parameter "open" to home, and gives "api_key" nowhere.
func sender() domain.BlueprintSpec {
	return domain.BlueprintSpec{
		Parameters: parametersOf(`{"open":{"type":"string"},"api_key":{"type":"string","title":"API key",` +
			`"writeOnly":true},"more":{"type":"string"}}`),
		TemplateTypes: []domain.TemplateTypeBlueprint{{Name: "Order"}},
		Webhooks: []domain.WebhookBlueprint{
			{Key: "home", URL: "https://home.test/hooks", Headers: map[string]string{"X-Open": "{{open}}"}},
			{Key: "other", URL: "https://other.test/hooks"},
		},
	}
}

// clientAuth fetches an access token of home's token server.
func clientAuth(client, scope string) domain.WebhookAuth {
	return domain.WebhookAuth{Scheme: domain.AuthOAuth2, TokenURL: "https://id.home.test/token", ClientID: "plugboard",
		ClientSecret: client, Scope: scope}
}

func TestRule6_AValueThatNewlyLeavesNeedsConsent(t *testing.T) {
	for name, test := range map[string]struct {
		before func(*domain.BlueprintSpec)
		change func(*domain.BlueprintSpec)
		want   []string
	}{
		"a secret in a header": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Headers["X-Key"] = "Key {{ api_key }}"
		},
			[]string{"parameter-sent /webhooks/0/headers/X-Key api_key " + homeHost}},
		"a parameter in the query": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Query = map[string]string{"q": "{{more}}"}
		},
			[]string{"parameter-sent /webhooks/0/query/q more " + homeHost}},
		"a parameter in the context": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[1].Context = map[string]string{"a/b": "{{open}}"}
		},
			[]string{"parameter-sent /webhooks/1/context/a~1b open " + otherHost}},
		"a password": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[1].Auth = domain.WebhookAuth{Scheme: domain.AuthBasic, Username: "{{open}}",
				Password: "{{api_key}}"}
		}, []string{"parameter-sent /webhooks/1/auth/password api_key " + otherHost,
			"parameter-sent /webhooks/1/auth/username open " + otherHost}},
		"a bearer token": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Auth = domain.WebhookAuth{Scheme: domain.AuthBearer, Token: "{{api_key}}"}
		}, []string{"parameter-sent /webhooks/0/auth/token api_key " + homeHost}},
		"the same value to the same host by another door": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Headers = nil
			b.Webhooks[0].Context = map[string]string{"open": "{{open}}"}
		}, nil},
		"the same value once more": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Headers["X-Again"] = "{{open}}{{open}}"
		}, nil},
		"a known value to another webhook's host": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[1].Headers = map[string]string{"X-Open": "{{open}}"}
		},
			[]string{"parameter-sent /webhooks/1/headers/X-Open open " + otherHost}},
		"a value that is not sent any more": {nil, func(b *domain.BlueprintSpec) { b.Webhooks[0].Headers = nil }, nil},
		"a constant": {nil, func(b *domain.BlueprintSpec) {
			b.Webhooks[1].Headers = map[string]string{"X": "1"}
		}, nil},
		"a client's secret": {
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("fixed", "read") },
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("{{api_key}}", "read") },
			[]string{"parameter-sent /webhooks/0/auth/client_secret api_key " + tokenHost}},
		"a wider access token": {
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("fixed", "read") },
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("fixed", "admin  read") },
			[]string{"access-token-sent /webhooks/0/auth  " + homeHost}},
		"an access token of no scope in particular": {
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("fixed", "read") },
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("fixed", "") },
			[]string{"access-token-sent /webhooks/0/auth  " + homeHost}},
		"a narrower access token": {
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("fixed", "read write") },
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("fixed", "write") }, nil},
		"an access token to another host": {
			func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = clientAuth("{{api_key}}", "read") },
			func(b *domain.BlueprintSpec) { b.Webhooks[1].Auth = clientAuth("{{api_key}}", "read") },
			[]string{"access-token-sent /webhooks/1/auth  " + otherHost,
				"target-host-changed /webhooks/1/auth/token_url  "}},
		"webhooks that were not made before": {
			func(b *domain.BlueprintSpec) { b.TemplateTypes[0].NoWebhooks = true },
			func(b *domain.BlueprintSpec) { b.TemplateTypes[0].NoWebhooks = false },
			[]string{"parameter-sent /webhooks/0/headers/X-Open open " + homeHost,
				"webhook-added /template_types/0  "}},
		"a secret that is none any more": {nil, func(b *domain.BlueprintSpec) {
			edit(b, "api_key", func(s *domain.ParameterSchema) { s.WriteOnly = false })
		}, []string{"secret-opened /parameters/properties/api_key api_key "}},
		"a secret that is taken away": {nil, func(b *domain.BlueprintSpec) {
			delete(b.Parameters.Properties, "api_key")
		}, nil},
	} {
		before, next := sender(), sender()
		if test.before != nil {
			test.before(&before)
			test.before(&next)
		}
		test.change(&next)
		var got []string
		for _, r := range before.Diff(next).NeedsConsent {
			got = append(got, fmt.Sprintf("%s %s %s %s", r.Code, r.Pointer, r.Parameter, r.Host))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

func TestRule6_ThePersonReadsWhichValueGoesWhere(t *testing.T) {
	next := sender()
	next.Webhooks[1].Headers = map[string]string{"X-Key": "{{api_key}}"}
	reasons := sender().Diff(next).NeedsConsent
	if len(reasons) != 1 || reasons[0].Detail != "The value of API key is also sent to https://other.test:443." {
		t.Errorf("got %+v", reasons)
	}
}
