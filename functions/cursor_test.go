package functions_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
)

// checksummed is a cursor as contract 0.5 made them, by a checksum that needs no key: of the operation's list for
// callers of that account, after the place.
func checksummed(operation, account, path, place string) string {
	list := sha256.New()
	for _, part := range []string{operation, account, path} {
		fmt.Fprintf(list, "%d:%s", len(part), part)
	}
	sum := sha256.Sum256([]byte(hex.EncodeToString(list.Sum(nil)) + "\x00" + place))
	return base64.RawURLEncoding.EncodeToString([]byte(string(sum[:8]) + place))
}

// A partner reaches no other partner's extensions by a cursor: neither a forged one nor one of somebody else.
func TestRule26_ACursorShowsAPartnerNoOthersExtensions(t *testing.T) {
	a := newActors(newWorld(t))
	second := a.newPartner("Second")
	for _, slug := range []string{"second-a", "second-b"} {
		a.want(a.call(second, "POST", "/v1/extensions",
			object{"slug": slug, "name": slug, "template_type_keys": []string{}}), 201)
	}
	cursors := map[string]string{
		"of the other partner": a.want(a.call(a.partner, "GET", "/v1/extensions?limit=1", nil), 200).str("next_cursor"),
		"of the platform":      a.want(a.call(platform, "GET", "/v1/extensions?limit=1", nil), 200).str("next_cursor"),
	}
	for _, place := range []string{"\x00", " ", "par_", "\U0010ffff", "\xff", "#"} {
		cursors[fmt.Sprintf("forged, after %q", place)] = checksummed("list-extensions", "", "/v1/extensions", place)
	}
	for name, cursor := range cursors {
		got := a.call(second, "GET", "/v1/extensions?cursor="+url.QueryEscape(cursor), nil)
		if got.status != 422 || !slices.Equal(got.pointers(), []string{"query.cursor"}) ||
			strings.Contains(string(got.raw), mainExtension) {
			t.Errorf("a cursor %s is answered %d: %s", name, got.status, got.raw)
		}
	}

	first := a.want(a.call(second, "GET", "/v1/extensions?limit=1", nil), 200)
	id := a.want(a.call(second, "GET", "/v1/extensions/second-a", nil), 200).str("partner_id")
	rotated := bearer("partner", a.want(a.call(second, "POST", "/v1/partners/"+id+"/keys", object{}), 201).str("key"))
	rest := a.want(a.call(rotated, "GET", "/v1/extensions?cursor="+url.QueryEscape(first.str("next_cursor")), nil), 200)
	if first.str("items", 0, "id") != "second-a" || rest.str("items", 0, "id") != "second-b" {
		t.Errorf("with the key rotated between, the pages are\n%s\n%s", first.raw, rest.raw)
	}
}

// No list, whoever reads it, takes a cursor that it did not give, or fails at one.
func TestRule26_EveryListRefusesAForgedCursor(t *testing.T) {
	s := newScene(newWorld(t))
	lists := 0
	for _, o := range contract.All() {
		if o.Mutates() {
			continue
		}
		path, _ := requests[o.ID].of(s, o)
		at, _ := url.Parse(path)
		of := func(cursor string) string {
			query := at.Query()
			query.Set("cursor", cursor)
			return at.Path + "?" + query.Encode()
		}
		for _, rule := range o.Auth {
			by := s.right(rule)
			if first := s.call(by, "GET", of("x"), nil); first.status == 422 &&
				first.str("errors", 0, "code") == "unknown" {
				continue // it is no list
			}
			lists++
			account := string(s.account)
			if rule.Model == auth.ModelPartner || rule.Model == auth.ModelPlatform &&
				!strings.Contains(o.Auth.String(), "dashboard") {
				account = ""
			}
			for _, place := range []string{"a", "\x00", "\xff\xff", "\U0010ffff", "2026-11-30 \xff", "2026-11-30 ~~",
				strings.Repeat("z", 700)} {
				got := s.call(by, "GET", of(checksummed(o.ID, account, at.Path, place)), nil)
				if got.status != 422 || !slices.Contains(got.pointers(), "query.cursor") {
					t.Errorf("%s by %s, after %.10q: got %d %s", o.ID, by.name, place, got.status, got.raw)
				}
			}
		}
	}
	if lists < 25 {
		t.Errorf("tried %d lists, want all of them", lists)
	}
}
