package domain_test

import (
	"net/http"
	"strings"
	"testing"

	"plugboard/shared/domain"
)

var urlUses = []domain.URLUse{domain.WebhookURL, domain.TokenURL, domain.SetupURL, domain.LifecycleURL}

func TestURL_WhatGoWouldSendRawIsRefusedWithItsEncoding(t *testing.T) {
	for raw, want := range map[string]string{
		"https://a.test/hook?name=a b":   `no ' ' as it is: write it as %20.`,
		"https://a.test/hook?q=é":        `no 'é' as it is: write it as %C3%A9.`,
		"https://a.test/hook?q={x}":      `no '{' as it is: write it as %7B.`,
		"https://a.test/hook?q=a|b":      `no '|' as it is: write it as %7C.`,
		"https://a.test/hook?q=\"a\"":    `no '"' as it is: write it as %22.`,
		"https://a.test/hook?q=<a>":      `no '<' as it is: write it as %3C.`,
		"https://a.test/hook ":           `no ' ' as it is: write it as %20.`,
		"https://bücher.test/":           `no 'ü' in its host`,
		"https://a.test/?redirect=50%":   `no '%' as it is: write it as %25.`,
		"https://a.test/?a=%zz":          `no '%' as it is: write it as %25.`,
		`https://a.test/a\b`:             `no '\' as it is: write it as %5C.`,
		"https://a.test/?q=日本":           `no '日' as it is: write it as %E6%97%A5.`,
		"https://a.test/?mark=^&quote=`": `no '^' as it is: write it as %5E.`,
		// chosen after the mending
		"https://a.test/a\tb":  `write it as %09.`,
		"https://a.test/\x7f":  `write it as %7F.`,
		"https://a.test/😀":     `write it as %F0%9F%98%80.`,
		"https://a.test/?q=%2": `no '%' as it is: write it as %25.`,
		"https://日本.test/":     `no '日' in its host`,
	} {
		for _, use := range urlUses {
			if got := use.Problem(raw); !strings.HasPrefix(got, string(use)) || !strings.Contains(got, want) {
				t.Errorf("%s %q: got %q, want %q", use, raw, got, want)
			}
		}
	}
}

// Each is in use, and goes out as it is.
func TestURL_WhatEndpointsHaveIsTakenAsItIs(t *testing.T) {
	for _, raw := range []string{
		"https://a.test/hooks?a[]=1&a[]=2", "https://a.test/a%2Fb/c+d?x=a+b&code=abc/def==",
		"https://a.test:8443/~u;v=1/(x)!$&'*,@:?q=%C3%A9",
		"https://xn--bcher-kva.test/", "https://a.test?q=1", "https://[2606:2800:220:1::1]/hook", "HTTPS://A.test/",
	} {
		for _, use := range urlUses {
			if problem := use.Problem(raw); problem != "" {
				t.Errorf("%s %q is refused: %s", use, raw, problem)
			}
		}
		if got := domain.EncodedURL(raw); got != raw {
			t.Errorf("%q becomes %q", raw, got)
		}
	}
}

func TestURL_EachUseSpeaksOfItself(t *testing.T) {
	for _, use := range urlUses {
		for _, raw := range []string{"ftp://a.test/", "https://a.test/#x", "https://a.test/#"} {
			if got := use.Problem(raw); !strings.HasPrefix(got, string(use)) {
				t.Errorf("%s %q: got %q", use, raw, got)
			}
		}
		for _, raw := range []string{"https://:443/", "https://{{host}}/", "https://u:p@a.test/", "https://u@a.test/"} {
			got := use.Problem(raw)
			if got == "" || use != domain.WebhookURL && strings.Contains(got, "headers, query") ||
				(use == domain.SetupURL || use == domain.LifecycleURL) && strings.Contains(got, "auth") {
				t.Errorf("%s %q: got %q", use, raw, got)
			}
		}
	}
}

// A webhook from before the check goes out encoded, not raw.
func TestURL_AStoredOneIsSentEncoded(t *testing.T) {
	for raw, want := range map[string]string{
		"https://a.test/hook?name=a b&x={y}": "/hook?name=a%20b&x=%7By%7D",
		"https://a.test/hook?q=é":            "/hook?q=%C3%A9",
		"https://a.test/a b?p=100%":          "/a%20b?p=100%25",
	} {
		r, err := http.NewRequest(http.MethodPost, domain.EncodedURL(raw), nil)
		if err != nil || r.URL.RequestURI() != want {
			t.Errorf("%q goes out as %v, %v, want %q", raw, r, err, want)
		}
	}
}
