package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/shared/domain"
)

// pages follows a list to its end, two at a time, and returns what each item says under those names.
func (a *actors) pages(by who, path string, names ...string) []string {
	a.t.Helper()
	all := []string{}
	for cursor := ""; ; {
		page := a.want(a.call(by, "GET", path+"?limit=2"+cursor, nil), 200)
		items := page.at("items").([]any)
		if len(items) > 2 {
			a.t.Errorf("a page of two has %d", len(items))
		}
		for line := range strings.Lines(lines(items, names...)) {
			all = append(all, strings.TrimSpace(line))
		}
		next, _ := page.at("next_cursor").(string)
		if next == "" {
			return all
		}
		cursor = "&cursor=" + next
	}
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// A partner finds what is its own, and who has it; the platform finds all of it, and what waits for its review.
func TestRule11_PartnersAndThePlatformFindTheirExtensions(t *testing.T) {
	a := newActors(newWorld(t))
	second := a.newPartner("Second")
	for _, slug := range []string{"second-a", "second-b", "second-c"} {
		a.want(a.call(second, "POST", "/v1/extensions",
			object{"slug": slug, "name": slug, "template_type_keys": []string{}}), 201)
	}
	a.want(a.call(platform, "DELETE", "/v1/extensions/"+mainExtension+"/listing", nil), 200)
	wantLines(t, "the partner's", a.pages(a.partner, "/v1/extensions", "id", "state"), "acme-core listed",
		"acme-crm unlisted")
	wantLines(t, "the other's", a.pages(second, "/v1/extensions", "id", "state"), "second-a draft", "second-b draft",
		"second-c draft")
	all := a.pages(platform, "/v1/extensions", "id")
	slices.Sort(all)
	wantLines(t, "the platform's", all, "acme-core", "acme-crm", "second-a", "second-b", "second-c")

	wantLines(t, "nothing submitted", a.pages(platform, "/v1/submissions", "extension_id", "version"))
	for _, e := range []string{dependency, mainExtension, dependency} {
		a.submit(e, coreBlueprint())
		a.pass(time.Second)
	}
	wantLines(t, "submitted", a.pages(platform, "/v1/submissions", "extension_id", "version"), "acme-core 2",
		"acme-crm 2", "acme-core 3")
	a.approve(dependency, 2)
	a.want(a.call(a.partner, "POST", versionOf(mainExtension, 2)+"/yank", object{"reason": "too soon"}), 200)
	wantLines(t, "left to review", a.pages(platform, "/v1/submissions", "extension_id", "version"), "acme-core 3")
}

func TestRule11_APartnerSeesWhoHasItsExtension(t *testing.T) {
	a := newActors(newWorld(t))
	at := "/v1/extensions/" + mainExtension + "/installations"
	wantLines(t, "nobody", a.pages(a.partner, at, "account_id"))
	a.enable()
	for _, account := range []string{"other", "acme-dev"} {
		a.want(a.call(a.dashboard(domain.AccountID(account), "ada"), "PUT", "/v1/installations/"+mainExtension,
			parameters()), 202)
	}
	a.settle()
	for _, by := range []who{a.partner, platform} {
		wantLines(t, by.name, a.pages(by, at, "account_id", "version", "state"), "acme-dev 1 enabled",
			"customer 1 enabled", "other 1 enabled")
	}
	seen := a.want(a.call(a.partner, "GET", at, nil), 200)
	if seen.str("items", 1, "parameters", "customer_id") != "C-1001" || strings.Contains(string(seen.raw), "sesame") ||
		strings.Contains(string(seen.raw), "token") {
		t.Errorf("the partner sees %s", seen.raw)
	}
	a.refused(a.call(a.newPartner("Second"), "GET", at, nil), 404, "not-found")

	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.settle()
	wantLines(t, "disabled", a.pages(a.partner, at, "account_id", "version", "state"), "acme-dev 1 enabled",
		"other 1 enabled")
}

// The catalogue is what the platform listed: a partner's later words reach it with the next listing.
func TestRule11_WhatAnExtensionSaysOfItselfIsListedByThePlatform(t *testing.T) {
	a := newActors(newWorld(t))
	at := "/v1/extensions/" + mainExtension
	changed := a.want(a.call(a.partner, "PATCH", at,
		object{"name": "The official CRM", "contact": "new@acme.test"}), 200)
	if changed.str("name") != "The official CRM" || changed.str("contact") != "new@acme.test" ||
		changed.str("id") != mainExtension {
		t.Errorf("the extension reads %s", changed.raw)
	}
	named := func() string {
		for _, l := range a.pages(a.admin, "/v1/catalogue", "extension_id", "name") {
			if name, ok := strings.CutPrefix(l, mainExtension+" "); ok {
				return name
			}
		}
		return ""
	}
	if got := named(); got != mainExtension {
		t.Errorf("the catalogue says %q before the platform does", got)
	}
	a.want(a.call(a.partner, "PUT", at+"/logo", form{{"logo", pngOf(2, 2)}}), 200)
	if got := named(); got != mainExtension {
		t.Errorf("with another logo the catalogue says %q before the platform does", got)
	}
	a.want(a.call(platform, "PUT", at+"/listing", object{"version": 1}), 200)
	if got := named(); got != "The official CRM" {
		t.Errorf("the catalogue says %q", got)
	}
	a.refused(a.call(a.newPartner("Second"), "PATCH", at, object{"name": "Mine"}), 404, "not-found")
}

// An account in which a partner develops can be deleted once the partner develops in another.
func TestRule27_APartnerMovesToAnotherDevelopmentAccount(t *testing.T) {
	d := newDeveloping(t)
	id := d.want(d.call(d.partner, "GET", "/v1/extensions/"+unlisted, nil), 200).str("partner_id")
	d.want(d.call(d.partner, "PUT", "/v1/extensions/"+unlisted+"/test-accounts",
		object{"accounts": []string{"customer"}}), 200)
	d.accepts("customer", unlisted)
	moved := d.want(d.call(platform, "PATCH", "/v1/partners/"+id,
		object{"name": "Acme 2", "development_account_id": "other"}), 200)
	if moved.str("name") != "Acme 2" || moved.str("development_account_id") != "other" ||
		moved.str("contact") != "help@acme.test" {
		t.Errorf("the partner reads %s", moved.raw)
	}
	trials := func(account string) []string {
		var all []string
		for _, i := range d.stored("trial") {
			if text(i, "account_id") == account {
				all = append(all, text(i, "extension_id"))
			}
		}
		slices.Sort(all)
		return all
	}
	wantLines(t, "the account before", trials("acme-dev"))
	wantLines(t, "the new one", trials("other"), "acme-core", "acme-crm", unlisted)
	wantLines(t, "a test account", trials("customer"), unlisted)
	d.refused(d.call(d.partner, "POST", "/v1/extensions/"+unlisted+"/draft/template-types",
		object{"template_type_id": d.typeID, "key": ""}), 422, "invalid")
	d.want(d.call(platform, "DELETE", "/v1/accounts/acme-dev", nil), 202)
	d.refused(d.call(platform, "DELETE", "/v1/accounts/other", nil), 409, "development-account")
	for _, to := range []string{"nowhere", "acme-dev"} {
		before := d.dump()
		if got := d.want(d.call(platform, "PATCH", "/v1/partners/"+id,
			object{"name": "No", "development_account_id": to}), 422).pointers(); !slices.Equal(got,
			[]string{"/development_account_id"}) || d.dump() != before {
			t.Errorf("%s: the answer points at %v", to, got)
		}
	}
	d.want(d.call(platform, "PATCH", "/v1/partners/"+id, object{"contact": "x@acme.test"}), 200)
	d.want(d.call(d.partner, "POST", "/v1/extensions",
		object{"slug": "acme-late", "name": "Late", "template_type_keys": []string{}}), 201)
	wantLines(t, "with the next extension", trials("other"), "acme-core", "acme-crm", "acme-late", unlisted)
	for n := range 37 {
		d.want(d.call(d.partner, "POST", "/v1/extensions",
			object{"slug": fmt.Sprintf("acme-%02d", n), "name": "One more", "template_type_keys": []string{}}), 201)
	}
	before := d.dump()
	d.refused(d.call(platform, "PATCH", "/v1/partners/"+id, object{"development_account_id": "customer"}),
		409, "too-many-extensions")
	if d.dump() != before {
		t.Error("a refused move changed something")
	}
}
