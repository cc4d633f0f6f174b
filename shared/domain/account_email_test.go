package domain

import (
	"strings"
	"testing"
)

func TestEmailIdentity_IsOneForAllSpellings(t *testing.T) {
	for name, spellings := range map[string][]string{
		"case":    {"ada@example.com", "Ada@Example.COM", " ADA@example.com "},
		"A-label": {"user@例え.example", "user@xn--r8jz45g.example", "USER@XN--R8JZ45G.example"},
		"umlaut domain": {"kim@bücher.example", "kim@BÜCHER.example", "kim@bu\u0308cher.example",
			"kim@xn--bcher-kva.example"},
		"composed or not":  {"zo\u00eb@example.com", "zoe\u0308@example.com", "ZOË@example.com"},
		"ideographic stop": {"a@例え。example", "a@例え.example"},
		"fullwidth":        {"a@ｅｘａｍｐｌｅ.com", "a@example.com"},
		"sharp s stays":    {"a@straße.example", "a@xn--strae-oqa.example"},
		// chosen after the mending
		"umlaut local part":  {"müller@example.com", "MÜLLER@example.com", "mu\u0308ller@example.com"},
		"Greek domain":       {"a@ελλάδα.example", "a@ΕΛΛΆΔΑ.example"},
		"fullwidth dot":      {"a@ｅｘａｍｐｌｅ．ｃｏｍ", "a@example.com"},
		"an address literal": {"a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]"},
	} {
		for _, s := range spellings {
			if got, want := EmailIdentity(s), EmailIdentity(spellings[0]); got != want {
				t.Errorf("%s: %q is %q, want %q as %q", name, s, got, want, spellings[0])
			}
		}
	}
	for _, pair := range [][2]string{{"a@straße.example", "a@strasse.example"}, {"a.b@example.com", "ab@example.com"},
		{"a+x@example.com", "a@example.com"}, {"zoe@example.com", "zoë@example.com"}, {"a@b.example", "a@c.example"},
		{"i@example.com", "ı@example.com"}, {"ﬁ@example.com", "fi@example.com"}} { // chosen after the mending
		if EmailIdentity(pair[0]) == EmailIdentity(pair[1]) {
			t.Errorf("%s and %s are taken for one", pair[0], pair[1])
		}
	}
}

func TestKeptEmail_KeepsTheCaseOfTheLocalPart(t *testing.T) {
	for given, want := range map[string]string{"Ada.Berg@Example.COM": "Ada.Berg@example.com",
		"ZOE\u0308@Bücher.example": "ZOË@bücher.example", "a@xn--bcher-kva.example": "a@xn--bcher-kva.example"} {
		if got := KeptEmail(given); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}

func TestEmailProblem_RefusesDomainsThatCannotExist(t *testing.T) {
	for email, wrong := range map[string]bool{
		"ada@example.com": false, "user@例え.example": false, "user@xn--r8jz45g.example": false, "zoë@localhost": false,
		"a_b@x_y.example":      false,
		"a@xn--\u00fc.example": true, "a@" + strings.Repeat("x", 64) + ".example": true, "a@exam\u200bple..com": true,
		"ada": true, "Ada <ada@example.com>": true, "a@xn--zzzzzzzzz.example": true,
	} {
		if got := EmailProblem(email); (got != "") != wrong {
			t.Errorf("%q: got %q, want wrong %t", email, got, wrong)
		}
	}
}

func TestEmailInHeader_ReadsTheASCIIFormOfEveryAddress(t *testing.T) {
	for value, want := range map[string]string{
		"ada@example.com": "ada@example.com", "UTF-8''zo%C3%AB%40example.com": "zoë@example.com",
		"utf-8'de'user%40%E4%BE%8B%E3%81%88.example": "user@例え.example",
		"UTF-8''a%25b@example.com":                   "a%b@example.com",
		"user@xn--r8jz45g.example":                   "user@xn--r8jz45g.example",
		"a%40b@example.com":                          "a%40b@example.com",
		"UTF-8''%E9@example.com":                     "", "UTF-8''%zz@example.com": "", "UTF-8''nobody": "", "ada": "",
		"\xe9@example.com": "", strings.Repeat("a", 255) + "@x": "",
	} {
		got, ok := EmailInHeader(value)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %q and %t, want %q", value, got, ok, want)
		}
	}
}
