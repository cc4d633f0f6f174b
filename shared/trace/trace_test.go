package trace

import (
	"net/http"
	"regexp"
	"testing"
)

func TestOf(t *testing.T) {
	const (
		callers  = "0af7651916cd43dd8448eb211c80319c"
		gateways = "67891233abcdef012345678912345678"
		amazon   = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1"
	)
	for name, c := range map[string]struct {
		parent, amazon string
		want           ID
	}{
		"the caller's":                   {"00-" + callers + "-b7ad6b7169203331-01", amazon, callers},
		"a later version's":              {"01-" + callers + "-b7ad6b7169203331-01-more", "", callers},
		"version 00 with more":           {"00-" + callers + "-b7ad6b7169203331-01-more", amazon, gateways},
		"version ff":                     {"ff-" + callers + "-b7ad6b7169203331-01", amazon, gateways},
		"upper case":                     {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", amazon, gateways},
		"all zeros":                      {"00-00000000000000000000000000000000-b7ad6b7169203331-01", amazon, gateways},
		"a parent of zeros":              {"00-" + callers + "-0000000000000000-01", amazon, gateways},
		"something else in it":           {"00-" + callers + "-b7ad6b7169203331-01\r\nX: y", amazon, gateways},
		"the gateway's, not at its root": {"", "Self=1-1-2;Root=1-67891233-abcdef012345678912345678", gateways},
	} {
		h := http.Header{Header: {c.parent}, "X-Amzn-Trace-Id": {c.amazon}}
		if got := Of(h); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	first, second := Of(http.Header{"X-Amzn-Trace-Id": {"Root=2-no"}}), Of(http.Header{})
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(string(first)) || first == second {
		t.Errorf("got %q and %q, want two new ids", first, second)
	}
}

func TestParent_IsReadAgainAndNewEachTime(t *testing.T) {
	id := Of(http.Header{})
	first, second := id.Parent(), id.Parent()
	if got := Of(http.Header{Header: {first}}); got != id || first == second {
		t.Errorf("%s leads to %s, and %s is the next, want %s and another", first, got, second, id)
	}
}

func TestFrom(t *testing.T) {
	ctx := With(t.Context(), "0af7651916cd43dd8448eb211c80319c")
	if got := From(With(ctx, "")); got != "0af7651916cd43dd8448eb211c80319c" || From(t.Context()) != "" {
		t.Errorf("got %q in it and %q in none", got, From(t.Context()))
	}
}
