package domain_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

func TestRule7_HeaderNamesAreRFC9110Tokens(t *testing.T) {
	for _, name := range []string{"Authorization", "authorization", "X_Api_Key", "x.key", "X!#$%&'*+-.^_`|~9",
		"Api-Key", "X-Hub_Signature"} {
		if problem := domain.HeaderProblem(name); problem != "" {
			t.Errorf("the header %q is refused: %s", name, problem)
		}
	}
	for _, name := range []string{"X Key", "X:Key", "X(Key)", "X/Key", "Schlüssel", "X\"", "Accept-Encoding",
		"webhook_id", "Webhook_Signature", "proxy_authorization", "Content_Length"} {
		if domain.HeaderProblem(name) == "" {
			t.Errorf("the header %q is taken", name)
		}
	}
}

// problems are the pointers and codes, as one text.
func problems(wrong []fault.Field) string {
	var all []string
	for _, f := range wrong {
		all = append(all, f.Pointer+" "+f.Code)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// door is a way in for the same auth and headers: a blueprint's webhook, or one of the account's own.
type door func(auth domain.WebhookAuth, headers map[string]string) string

func byBlueprint(auth domain.WebhookAuth, headers map[string]string) string {
	w := domain.WebhookBlueprint{Key: "w", URL: "https://a.test/", EventTypes: []string{"x"}, Auth: auth,
		Headers: headers}
	b := domain.BlueprintSpec{Webhooks: []domain.WebhookBlueprint{w},
		TemplateTypes: []domain.TemplateTypeBlueprint{{Name: "T"}}}
	return strings.ReplaceAll(problems(b.Check(func(string) bool { return true })), "/blueprint/webhooks/0", "")
}

func byAccount(auth domain.WebhookAuth, headers map[string]string) string {
	return problems(domain.Credentials{}.CheckChange(changeOf(auth, headers)))
}

func changeOf(auth domain.WebhookAuth, headers map[string]string) domain.CredentialsChange {
	given := domain.CredentialsChange{Scheme: &auth.Scheme, TokenParams: auth.TokenParams,
		Headers: map[string]*string{}, Parts: map[string]string{}}
	for part, text := range map[string]string{
		"username": auth.Username, "password": auth.Password, "token": auth.Token, "token_url": auth.TokenURL,
		"client_id": auth.ClientID, "client_secret": auth.ClientSecret,
		"scope": auth.Scope, "client_auth": string(auth.ClientAuth),
	} {
		if text != "" {
			given.Parts[part] = text
		}
	}
	for name, value := range headers {
		given.Headers[name] = &value
	}
	return given
}

func TestRule7_BothDoorsTakeAndRefuseTheSameAuth(t *testing.T) {
	oauth := func(change func(*domain.WebhookAuth)) domain.WebhookAuth {
		a := domain.WebhookAuth{Scheme: domain.AuthOAuth2, TokenURL: "https://id.test/token", ClientID: "c",
			ClientSecret: "s"}
		change(&a)
		return a
	}
	params := func(of map[string]string) domain.WebhookAuth {
		return oauth(func(a *domain.WebhookAuth) { a.TokenParams = of })
	}
	many := map[string]string{}
	for n := range domain.TokenParamsMost + 1 {
		many[fmt.Sprint("p", n)] = "x"
	}
	for name, c := range map[string]struct {
		auth    domain.WebhookAuth
		headers map[string]string
		want    string
	}{
		"a password alone":  {domain.WebhookAuth{Scheme: domain.AuthBasic, Password: "pat"}, nil, ""},
		"a user name alone": {domain.WebhookAuth{Scheme: domain.AuthBasic, Username: "key"}, nil, ""},
		"neither":           {domain.WebhookAuth{Scheme: domain.AuthBasic}, nil, "/auth/username required"},
		"a colon": {domain.WebhookAuth{Scheme: domain.AuthBasic, Username: "a:b"},
			nil, "/auth/username invalid"},
		"another scheme": {domain.WebhookAuth{}, map[string]string{"Authorization": "Splunk 5f0e-11"}, ""},
		"a bare key":     {domain.WebhookAuth{}, map[string]string{"authorization": "0a1b2c3d"}, ""},
		"both": {domain.WebhookAuth{Scheme: domain.AuthBearer, Token: "t"},
			map[string]string{"X-Key": "k"}, ""},
		"an audience": {params(map[string]string{"audience": "https://api.test/", "resource": "urn:a",
			"x-1": "y"}), nil, ""},
		"the client in the body": {oauth(func(a *domain.WebhookAuth) {
			a.ClientAuth = domain.ClientAuthPost
		}), nil, ""},
		"what others give": {params(map[string]string{"grant_type": "password", "scope": "a"}), nil,
			"/auth/token_params/grant_type reserved-parameter, /auth/token_params/scope reserved-parameter"},
		"no name": {params(map[string]string{"": "x", "a b": "x", "a{b": "x"}), nil,
			"/auth/token_params/ invalid, /auth/token_params/a b invalid, /auth/token_params/a{b invalid"},
		"an empty value": {params(map[string]string{"audience": ""}), nil,
			"/auth/token_params/audience invalid"},
		"too many": {params(many), nil, "/auth/token_params too-many"},
		"without oauth2": {domain.WebhookAuth{Scheme: domain.AuthBearer, Token: "t",
			TokenParams: map[string]string{"audience": "a"}}, nil, "/auth/token_params unexpected"},
		"client_auth without": {domain.WebhookAuth{Scheme: domain.AuthBearer, Token: "t",
			ClientAuth: domain.ClientAuthPost}, nil, "/auth/client_auth unexpected"},
	} {
		for way, check := range map[string]door{"a blueprint's": byBlueprint, "the account's": byAccount} {
			if got := check(c.auth, c.headers); got != c.want {
				t.Errorf("%s, %s: got %q, want %q", way, name, got, c.want)
			}
		}
	}
	twice := domain.WebhookAuth{Scheme: domain.AuthBearer, Token: "t"}
	if got := byBlueprint(twice, map[string]string{"AUTHORIZATION": "x"}); got != "/auth/scheme contradiction" {
		t.Errorf("a blueprint's header beside a scheme: got %q", got)
	}
	if got := byAccount(twice, map[string]string{"AUTHORIZATION": "x"}); got != "/headers/AUTHORIZATION contradiction" {
		t.Errorf("the account's header beside a scheme: got %q", got)
	}
}

// What is there already counts as much as what is given.
func TestRule7_AnUpdateSendsAuthorizationOnce(t *testing.T) {
	value := "GenieKey 1"
	sealed := func(part string) map[string]domain.Sealed { return map[string]domain.Sealed{part: "sealed"} }
	header := domain.Credentials{Secrets: sealed(domain.HeaderPart("authorization"))}
	bearer := domain.Credentials{Scheme: domain.AuthBearer, Secrets: sealed("token")}
	basic := domain.Credentials{Scheme: domain.AuthBasic, Secrets: sealed("username")}
	scheme := func(s domain.AuthScheme) *domain.AuthScheme { return &s }
	for name, c := range map[string]struct {
		before domain.Credentials
		given  domain.CredentialsChange
		want   string
	}{
		"a scheme to the header": {header, domain.CredentialsChange{Scheme: scheme(domain.AuthBearer),
			Parts: map[string]string{"token": "t"}}, "/auth/scheme contradiction"},
		"a header to the scheme": {bearer,
			domain.CredentialsChange{Headers: map[string]*string{"Authorization": &value}},
			"/headers/Authorization contradiction"},
		"in place of the header": {header, domain.CredentialsChange{Scheme: scheme(domain.AuthBearer),
			Parts: map[string]string{"token": "t"}, Headers: map[string]*string{"Authorization": nil}}, ""},
		"in place of the scheme": {bearer, domain.CredentialsChange{Scheme: scheme(domain.AuthNone),
			Headers: map[string]*string{"Authorization": &value}}, ""},
		"the user name goes": {basic, domain.CredentialsChange{Scheme: scheme(domain.AuthBasic),
			Parts: map[string]string{"username": ""}}, "/auth/username required"},
		"the user name goes, a key in": {basic, domain.CredentialsChange{Scheme: scheme(domain.AuthBasic),
			Parts: map[string]string{"username": "", "password": "p"}}, ""},
		"a password to the user name": {basic,
			domain.CredentialsChange{Scheme: scheme(domain.AuthBasic), Parts: map[string]string{"password": "p"}}, ""},
		"another header beside bearer": {bearer,
			domain.CredentialsChange{Headers: map[string]*string{"X-Authorization": &value}}, ""},
		"a bare JWT in another header": {bearer,
			domain.CredentialsChange{Headers: map[string]*string{"X-Jwt": long(1600)}}, "/headers/X-Jwt invalid"},
		"a JWT as Authorization": {domain.Credentials{},
			domain.CredentialsChange{Headers: map[string]*string{"Authorization": long(1600)}}, ""},
		"too long even for a JWT": {domain.Credentials{},
			domain.CredentialsChange{Headers: map[string]*string{"Authorization": long(5000)}},
			"/headers/Authorization invalid"},
	} {
		if got := problems(c.before.CheckChange(c.given)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func long(n int) *string {
	text := strings.Repeat("x", n)
	return &text
}

// Delivery makes one kind of request, whichever door the auth came in by.
func TestRule7_TokenParametersOfAnOwnWebhookAreNoTemplates(t *testing.T) {
	given := changeOf(domain.WebhookAuth{
		Scheme: domain.AuthOAuth2, TokenURL: "https://id.test/", ClientID: "{{scope}}", ClientSecret: "s",
		ClientAuth:  domain.ClientAuthPost,
		TokenParams: map[string]string{"audience": "{{client_id}}", "resource": "urn:a"},
	}, nil)
	c, _ := domain.Credentials{}.Change(given)
	d := c.Declared()
	got := map[string]string{"client_id": domain.FillTemplate(d.Auth.ClientID, c.Values())}
	for name, text := range d.Auth.TokenParams {
		got[name] = domain.FillTemplate(text, c.Values())
	}
	if fmt.Sprint(got) != "map[audience:{{client_id}} client_id:{{scope}} resource:urn:a]" ||
		d.Auth.ClientAuth != domain.ClientAuthPost {
		t.Errorf("got %v, by %q", got, d.Auth.ClientAuth)
	}
	scheme := domain.AuthOAuth2
	stays, _ := c.Change(domain.CredentialsChange{Scheme: &scheme})
	gone, _ := c.Change(domain.CredentialsChange{Scheme: &scheme, TokenParams: map[string]string{}})
	if len(stays.TokenParams) != 2 || len(gone.TokenParams) != 0 {
		t.Errorf("not given: %v; given as none: %v", stays.TokenParams, gone.TokenParams)
	}
}

// An audience, as a scope, says what an access token opens.
func TestRule6_AnotherAudienceOfAnAccessTokenNeedsConsent(t *testing.T) {
	of := func(params map[string]string) domain.BlueprintSpec {
		return domain.BlueprintSpec{
			TemplateTypes: []domain.TemplateTypeBlueprint{{Name: "T"}},
			Parameters:    parametersOf(`{"tenant":{"type":"string"}}`),
			Webhooks: []domain.WebhookBlueprint{{Key: "w", URL: "https://a.test/", EventTypes: []string{"x"},
				Auth: domain.WebhookAuth{
					Scheme: domain.AuthOAuth2, TokenURL: "https://id.test/", ClientID: "c", ClientSecret: "s",
					Scope:       "a",
					TokenParams: params,
				}}},
		}
	}
	none, crm, all := of(nil), of(map[string]string{"audience": "https://crm.test/"}),
		of(map[string]string{"audience": "https://crm.test/", "tenant": "{{tenant}}"})
	for name, c := range map[string]struct {
		from, to domain.BlueprintSpec
		want     string
	}{
		"the same": {crm, crm, ""}, "an audience": {none, crm, "access-token-sent"}, "less": {all, none, ""},
		"a parameter in it": {crm, all, "access-token-sent, parameter-sent"},
		"another":           {of(map[string]string{"audience": "https://erp.test/"}), crm, "access-token-sent"},
	} {
		var codes []string
		for _, r := range c.from.Diff(c.to).NeedsConsent {
			codes = append(codes, r.Code)
		}
		slices.Sort(codes)
		if got := strings.Join(codes, ", "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
