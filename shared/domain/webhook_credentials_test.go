package domain

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/fault"
)

func scheme(s AuthScheme) *AuthScheme { return &s }
func value(s string) *string          { return &s }

func pointersOf(wrong []fault.Field) string {
	var all []string
	for _, f := range wrong {
		all = append(all, f.Pointer+" "+f.Code)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestRule7_WhatIsWrongWithAnOwnWebhooksCredentials(t *testing.T) {
	none := Credentials{}
	basic := Credentials{Scheme: AuthBasic,
		Secrets: map[string]Sealed{"username": "u", "password": "p", "header X-Key": "k"}}
	oauth := Credentials{Scheme: AuthOAuth2, TokenURL: "https://a.test/", ClientID: "c", Scope: "s",
		Secrets: map[string]Sealed{"client_secret": "s"}}
	full := Credentials{Secrets: map[string]Sealed{}}
	for n := range OwnHeadersMost {
		full.Secrets[HeaderPart(fmt.Sprint("X-", n))] = "v"
	}
	for name, c := range map[string]struct {
		before Credentials
		given  CredentialsChange
		want   string
	}{
		"nothing": {none, CredentialsChange{}, ""},
		"basic": {none,
			CredentialsChange{Scheme: scheme(AuthBasic), Parts: map[string]string{"username": "u"}}, ""},
		"basic without a user name": {none,
			CredentialsChange{Scheme: scheme(AuthBasic), Parts: map[string]string{"password": "p"}}, ""},
		"a user name with a colon": {none, CredentialsChange{Scheme: scheme(AuthBasic),
			Parts: map[string]string{"username": "a:b"}}, "/auth/username invalid"},
		"basic that is there": {basic,
			CredentialsChange{Scheme: scheme(AuthBasic), Parts: map[string]string{"password": "q"}}, ""},
		"what it needs taken away": {basic, CredentialsChange{Scheme: scheme(AuthBasic),
			Parts: map[string]string{"username": "", "password": ""}}, "/auth/username required"},
		"another scheme, all of it": {basic,
			CredentialsChange{Scheme: scheme(AuthBearer), Parts: map[string]string{"token": "t"}}, ""},
		"another scheme takes none over": {basic, CredentialsChange{Scheme: scheme(AuthBearer)},
			"/auth/token required"},
		"parts of another scheme": {none,
			CredentialsChange{Scheme: scheme(AuthBearer), Parts: map[string]string{"token": "t", "username": "u",
				"scope": "s"}}, "/auth/scope unexpected, /auth/username unexpected"},
		"oauth2 without anything": {none, CredentialsChange{Scheme: scheme(AuthOAuth2)},
			"/auth/client_id required, /auth/client_secret required, /auth/token_url required"},
		"oauth2 that is there": {oauth,
			CredentialsChange{Scheme: scheme(AuthOAuth2), Parts: map[string]string{"scope": ""}}, ""},
		"no auth with a part": {basic, CredentialsChange{Scheme: scheme(AuthNone),
			Parts: map[string]string{"token": "t"}}, "/auth/token unexpected"},
		"reserved and misspelt headers": {none,
			CredentialsChange{Headers: map[string]*string{"Host": value("x"), "webhook-id": value("x"),
				"X Y": value("x")}}, "/headers/Host invalid, /headers/X Y invalid, /headers/webhook-id invalid"},
		"one header by two names": {none,
			CredentialsChange{Headers: map[string]*string{"X-Key": value("x"), "x-key": value("y")}},
			"/headers/x-key duplicate"},
		"no value, and too much": {none,
			CredentialsChange{Headers: map[string]*string{"X-A": value(""),
				"X-B": value(strings.Repeat("x", OwnHeaderValueMost+1))}},
			"/headers/X-A invalid, /headers/X-B invalid"},
		"one header too many": {full, CredentialsChange{Headers: map[string]*string{"X-New": value("x")}},
			"/headers too-many"},
		"one in place of another": {full,
			CredentialsChange{Headers: map[string]*string{"X-New": value("x"), "x-0": nil, "X-1": value("y")}}, ""},
	} {
		if got := pointersOf(c.before.CheckChange(c.given)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// Rule 22: a secret that nobody is shown is not to be had by sending it elsewhere.
func TestRule22_NoSecretGoesAlongToAnotherHost(t *testing.T) {
	c := Credentials{Scheme: AuthOAuth2, TokenURL: "https://login.test/a",
		Secrets: map[string]Sealed{"client_secret": "s", "header X-Key": "k"}}
	all := "/auth/client_secret required, /headers/X-Key required"
	for name, x := range map[string]struct {
		to    string
		given CredentialsChange
		want  string
	}{
		"the same":                   {"https://a.test/hooks", CredentialsChange{}, ""},
		"another path":               {"https://A.test/other?x", CredentialsChange{}, ""},
		"another host":               {"https://b.test/hooks", CredentialsChange{}, all},
		"another port":               {"https://a.test:8443/hooks", CredentialsChange{}, all},
		"without encryption":         {"http://a.test/hooks", CredentialsChange{}, all},
		"a user named before a host": {"https://a.test@b.test/hooks", CredentialsChange{}, all},
		"given again": {"https://b.test/hooks", CredentialsChange{
			Scheme: scheme(AuthOAuth2), Parts: map[string]string{"client_secret": "s"},
			Headers: map[string]*string{"x-key": value("k")},
		}, ""},
		"taken away": {"https://b.test/hooks",
			CredentialsChange{Scheme: scheme(AuthNone), Headers: map[string]*string{"X-Key": nil}}, ""},
		"another token endpoint": {"https://a.test/hooks", CredentialsChange{Scheme: scheme(AuthOAuth2),
			Parts: map[string]string{"token_url": "https://evil.test/a"}}, "/auth/client_secret required"},
		"another path of it": {"https://a.test/hooks", CredentialsChange{Scheme: scheme(AuthOAuth2),
			Parts: map[string]string{"token_url": "https://login.test/b"}}, ""},
	} {
		if got := pointersOf(c.MovedSecrets(x.given, "https://a.test/hooks", x.to)); got != x.want {
			t.Errorf("%s: got %q, want %q", name, got, x.want)
		}
	}
}

func TestRule22_AnotherSchemeTakesNothingOver(t *testing.T) {
	before := Credentials{Scheme: AuthOAuth2, TokenURL: "https://a.test/", ClientID: "c", Scope: "s",
		Secrets: map[string]Sealed{"client_secret": "s", "header X-Key": "k"}}
	after, plain := before.Change(CredentialsChange{Scheme: scheme(AuthBearer), Parts: map[string]string{"token": "t"}})
	if got, want := fmt.Sprintf("%+v %d", after, len(plain)),
		`{Scheme:bearer TokenURL: ClientID: Scope: Secrets:map[header X-Key:k] ClientAuth: TokenParams:map[]} 1`; got !=
		want {
		t.Errorf("got %s, want %s", got, want)
	}
	if len(before.Secrets) != 2 {
		t.Error("the change changed what it was made of")
	}
	same, _ := before.Change(CredentialsChange{Scheme: scheme(AuthOAuth2), Parts: map[string]string{"scope": ""}})
	if same.ClientID != "c" || same.Scope != "" || len(same.Secrets) != 2 {
		t.Errorf("of the same scheme, what was not given is %+v", same)
	}
}
