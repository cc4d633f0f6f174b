package functions_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"plugboard/functions/catalogue"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/store"
)

// developing is actors and an extension that nothing was submitted of, with a template type in the partner's
// development account to make it from.
type developing struct {
	*actors
	typeID string
}

const unlisted = "acme-next"

func newDeveloping(t *testing.T) *developing {
	d := &developing{actors: newActors(newWorld(t))}
	d.want(d.call(d.partner, "POST", "/v1/extensions",
		object{"slug": unlisted, "name": "Next", "template_type_keys": []string{"", "addendum"}}), 201)
	d.typeID = d.develop("acme-dev", "order")
	return d
}

// develop makes a template type in an account, with one field of that custom id.
func (a *actors) develop(account, customID string) string {
	a.t.Helper()
	return a.want(a.call(a.dashboard(domain.AccountID(account), "ada"), "POST", "/v1/template-types",
		object{"name": "Developed", "fields": []object{{"custom_id": customID, "name": "A", "kind": "text"}}}),
		201).str("id")
}

// sees tells whether the account's catalogue has the extension, and as what version.
func (a *actors) sees(account, extension string) (version any, trial any) {
	a.t.Helper()
	catalogue := a.want(a.call(a.dashboard(domain.AccountID(account), "ada"), "GET", "/v1/catalogue", nil), 200)
	for n := range catalogue.at("items").([]any) {
		if catalogue.str("items", n, "extension_id") == extension {
			return catalogue.at("items", n, "version"), catalogue.at("items", n, "trial")
		}
	}
	return nil, nil
}

func TestRule11_FromATemplateTypeToAListedExtension(t *testing.T) {
	d := newDeveloping(t)
	at := "/v1/extensions/" + unlisted
	d.refused(d.call(d.partner, "GET", at+"/draft", nil), 404, "not-found")
	d.refused(d.call(d.partner, "GET", at+"/draft/problems", nil), 404, "not-found")
	if got := d.want(d.call(d.partner, "POST", at+"/versions", object{}), 422).pointers(); !slices.Equal(got,
		[]string{"/blueprint"}) {
		t.Errorf("submitting no draft points at %v, want /blueprint", got)
	}

	drafted := d.want(d.call(d.partner, "POST", at+"/draft/template-types",
		object{"template_type_id": d.typeID, "key": "addendum"}), 200)
	if got := drafted.str("blueprint", "template_types", 0, "fields", 0, "custom_id"); got != "order" {
		t.Fatalf("the draft's field is %q, want the template type's: %s", got, drafted.raw)
	}
	problems := d.want(d.call(d.partner, "GET", at+"/draft/problems", nil), 200)
	refused := d.want(d.call(d.partner, "POST", at+"/versions", object{}), 422)
	if want := []string{"/blueprint/template_types/0/no_webhooks"}; problems.at("valid") != false ||
		!slices.Equal(problems.pointers(), want) || !slices.Equal(refused.pointers(), want) {
		t.Errorf("the draft's problems are %s, and submitting it is refused for %v; want %v of both", problems.raw,
			refused.pointers(), want)
	}

	edited := drafted.at("blueprint").(object)
	edited["webhooks"] = []object{{"key": "all", "url": "https://acme.test/hooks",
		"event_types": []string{"contract.signed"}}}
	replaced := d.want(d.call(d.partner.with("If-Match", drafted.header.Get("ETag")), "PUT", at+"/draft",
		object{"blueprint": edited}), 200)
	d.refused(d.call(d.partner.with("If-Match", drafted.header.Get("ETag")), "PUT", at+"/draft",
		object{"blueprint": edited}), 412, "stale")
	if read := d.want(d.call(d.partner, "GET", at+"/draft", nil),
		200); read.header.Get("ETag") != replaced.header.Get("ETag") || string(read.raw) != string(replaced.raw) {
		t.Errorf("reading gives %s %s, want what replacing answered: %s %s", read.header.Get("ETag"), read.raw,
			replaced.header.Get("ETag"), replaced.raw)
	}
	if problems := d.want(d.call(d.partner, "GET", at+"/draft/problems", nil), 200); problems.at("valid") != true {
		t.Errorf("the draft is not valid: %s", problems.raw)
	}
	d.want(d.call(d.partner, "POST", at+"/versions", object{}), 201)
	d.refused(d.call(platform, "PUT", at+"/listing", object{"version": 1}), 409, "version-state")
	if got := d.want(d.call(platform, "POST", at+"/versions/1/review", object{"decision": "reject"}),
		422).pointers(); !slices.Equal(got, []string{"/reasons"}) {
		t.Errorf("a rejection without a reason points at %v", got)
	}
	d.want(d.call(platform, "POST", at+"/versions/1/review",
		object{"decision": "reject", "reasons": []string{"No name"}}), 200)
	d.refused(d.call(platform, "POST", at+"/versions/1/review", object{"decision": "approve"}), 409, "version-state")
	d.refused(d.call(platform, "PUT", at+"/listing", object{"version": 1}), 409, "version-state")

	// The partner goes on from its draft: a promotion keeps what was edited.
	d.want(d.call(d.partner.with("If-Match", `"99"`), "POST", at+"/draft/template-types",
		object{"template_type_id": d.typeID}), 412)
	again := d.want(d.call(d.partner, "POST", at+"/draft/template-types", object{"template_type_id": d.typeID}), 200)
	if got := len(again.at("blueprint", "webhooks").([]any)); got != 1 {
		t.Errorf("promoting left %d webhooks, want the one that was edited in", got)
	}
	diff := d.want(d.call(d.partner, "GET", at+"/versions/1/diff?against=draft", nil), 200)
	if got := diff.str("changes", 0, "pointer") + " " + diff.str("needs_consent",
		0, "code"); len(diff.at("changes").([]any)) != 1 || got != "/template_types/1 webhook-added" {
		t.Errorf("the diff is %s, want the template type that was added", diff.raw)
	}
	d.want(d.call(d.partner, "POST", at+"/versions", object{}), 201)
	if same := d.want(d.call(platform, "GET", at+"/versions/2/diff?against=draft", nil),
		200); len(same.at("changes").([]any)) != 0 {
		t.Errorf("the version and the draft it was made from differ: %s", same.raw)
	}
	d.refused(d.call(d.partner, "GET", at+"/versions/2/diff?against=3", nil), 404, "not-found")
	d.approve(unlisted, 2)
	d.want(d.call(platform, "PUT", at+"/listing", object{"version": 2}), 200)
	list := d.want(d.call(d.partner, "GET", at+"/versions", nil), 200)
	if got := list.str("items", 0, "state") + " " + list.str("items", 0, "reasons", 0) + " " +
		list.str("items", 1, "state"); got != "rejected No name listed" {
		t.Errorf("the versions are %s", list.raw)
	}
	if got := d.want(d.call(platform, "GET", at+"/versions/2", nil), 200); got.str("blueprint", "webhooks",
		0, "key") != "all" || got.str("state") != "listed" {
		t.Errorf("the version reads as %s", got.raw)
	}
	if version, trial := d.sees("customer", unlisted); version != 2.0 || trial != nil {
		t.Errorf("a customer sees version %v, trial %v; want the listed 2", version, trial)
	}
}

func TestRule11_OnlyTheDevelopmentAccountsOwnTemplateTypesArePromoted(t *testing.T) {
	d := newDeveloping(t)
	at := "/v1/extensions/" + unlisted + "/draft/template-types"
	enabled := d.want(d.call(d.dashboard("acme-dev", "ada"), "PUT", "/v1/installations/"+mainExtension,
		parameters()), 202)
	d.settle()
	managed := d.want(d.call(d.dashboard("acme-dev", "ada"), "GET", "/v1/template-types", nil), 200)
	var managedID string
	for n := range managed.at("items").([]any) {
		if managed.str("items", n, "extension_type") == mainExtension {
			managedID = managed.str("items", n, "id")
		}
	}
	for name, test := range map[string]struct {
		id, key string
		want    []string
	}{
		"unknown, both": {"tt_none", "nobody",
			[]string{"/key unreserved-template-type", "/template_type_id unknown-template-type"}},
		"another account's": {d.develop("customer", "theirs"),
			"", []string{"/template_type_id unknown-template-type"}},
		"an extension's":       {managedID, "", []string{"/template_type_id managed-template-type"}},
		"a key never reserved": {d.typeID, "nobody", []string{"/key unreserved-template-type"}},
	} {
		got := d.want(d.call(d.partner, "POST", at, object{"template_type_id": test.id, "key": test.key}), 422)
		var wrong []string
		for n := range got.at("errors").([]any) {
			wrong = append(wrong, got.str("errors", n, "pointer")+" "+got.str("errors", n, "code"))
		}
		slices.Sort(wrong)
		if !slices.Equal(wrong, test.want) {
			t.Errorf("%s: got %v, want %v: %s", name, wrong, test.want, enabled.raw)
		}
	}
	if got := d.stored("draft"); len(got) != 0 {
		t.Errorf("a refused promotion left %d drafts", len(got))
	}
}

func TestRule11_ADraftThatCouldNotBeSubmittedForItsSizeIsRefused(t *testing.T) {
	d := newDeveloping(t)
	fields := []object{}
	for n := range 250 {
		fields = append(fields, object{"custom_id": fmt.Sprint("f", n), "name": "F", "kind": "text",
			"description": strings.Repeat("d", 512)})
	}
	big := d.want(d.call(d.dashboard("acme-dev", "ada"), "POST", "/v1/template-types",
		object{"name": "Big", "fields": fields}), 201).str("id")
	at := "/v1/extensions/" + unlisted + "/draft/template-types"
	d.want(d.call(d.partner, "POST", at, object{"template_type_id": big}), 200)
	if got := d.want(d.call(d.partner, "POST", at, object{"template_type_id": big, "key": "addendum"}),
		422).pointers(); !slices.Equal(got, []string{"/blueprint"}) {
		t.Errorf("got the pointers %v, want /blueprint", got)
	}
}

func TestRule11_OnlyTestAccountsSeeWhatIsNotListed(t *testing.T) {
	d := newDeveloping(t)
	at := "/v1/extensions/" + unlisted
	enable := func(account string) answer {
		return d.call(d.dashboard(domain.AccountID(account), "ada"), "PUT", "/v1/installations/"+unlisted, object{})
	}
	if version, _ := d.sees("acme-dev", unlisted); version != nil {
		t.Errorf("the development account sees version %v before one was submitted", version)
	}
	d.submit(unlisted, coreBlueprint())
	unknown := d.want(d.call(d.admin, "PUT", "/v1/installations/acme-nothing", object{}), 404)
	hidden := d.want(enable("customer"), 404)
	if got, want := strings.ReplaceAll(string(hidden.raw), unlisted, "X"),
		strings.ReplaceAll(string(unknown.raw), "acme-nothing", "X"); got != want {
		t.Errorf("one that is not listed answers %s, an unknown one %s", got, want)
	}
	// A partner does not learn whether there is an account of that id.
	answers := map[string]string{}
	stamp := regexp.MustCompile(`"updated_at":"[^"]*"|"rev":[0-9]+`)
	for _, id := range []string{"nowhere", "customer"} {
		got := d.want(d.call(d.partner, "PUT", at+"/test-accounts", object{"accounts": []string{id}}), 200)
		answers[id] = strings.ReplaceAll(stamp.ReplaceAllString(string(got.raw), ""), id, "X")
	}
	if answers["nowhere"] != answers["customer"] || strings.Contains(d.dump(), "ACCOUNT#nowhere") {
		t.Errorf("one that there is not answers %s, another %s", answers["nowhere"], answers["customer"])
	}
	d.want(d.call(d.partner, "PUT", at+"/test-accounts", object{"accounts": []string{}}), 200)
	d.want(enable("customer"), 404)

	d.want(d.call(d.partner, "PUT", at+"/test-accounts", object{"accounts": []string{"customer", "acme-dev"}}), 200)
	d.accepts("customer", unlisted) // the development account is not asked
	d.submit(unlisted, coreBlueprint())
	d.submit(unlisted, coreBlueprint())
	d.want(d.call(platform, "POST", at+"/versions/3/review",
		object{"decision": "reject", "reasons": []string{"no"}}), 200)
	for account, want := range map[string]any{"customer": 2.0, "acme-dev": 2.0, "other": nil} {
		if version, trial := d.sees(account, unlisted); version != want || (trial == true) != (want != nil) {
			t.Errorf("%s sees version %v, trial %v; want %v", account, version, trial, want)
		}
	}
	d.want(enable("other"), 404)
	d.want(enable("customer"), 202)
	d.settle()
	if got := d.installation(unlisted); got.at("version") != 2.0 || got.str("state") != "enabled" {
		t.Errorf("the test account runs %s", got.raw)
	}

	// No longer a test account: it is gone from the catalogue, and what was enabled stays.
	d.want(d.call(d.partner, "PUT", at+"/test-accounts", object{"accounts": []string{}}), 200)
	for account, want := range map[string]any{"customer": nil, "acme-dev": 2.0} {
		if version, _ := d.sees(account, unlisted); version != want {
			t.Errorf("%s sees version %v, want %v", account, version, want)
		}
	}
	d.state(unlisted, "enabled")

	// Listed, every account gets the listed version, test accounts too.
	d.approve(unlisted, 1)
	d.want(d.call(platform, "PUT", at+"/listing", object{"version": 1}), 200)
	for _, account := range []string{"other", "acme-dev"} {
		if version, trial := d.sees(account, unlisted); version != 1.0 || trial != nil {
			t.Errorf("%s sees version %v, trial %v; want the listed 1", account, version, trial)
		}
	}
	if got := d.want(enable("acme-dev"), 202); got.at("installation", "version") != 1.0 {
		t.Errorf("the development account got %s, want the listed version", got.raw)
	}
}

func TestRule11_AYankedVersionIsOutOfReachOfEverythingNew(t *testing.T) {
	d := newDeveloping(t)
	d.enable()
	yanked := d.want(d.call(d.partner, "POST", versionOf(mainExtension, 1)+"/yank",
		object{"reason": "it loses orders"}), 200)
	if got := yanked.str("state") + ": " + yanked.str("yank_reason"); got != "yanked: it loses orders" {
		t.Errorf("yanking answered %q", got)
	}
	if got := d.want(d.call(d.partner, "GET", "/v1/extensions/"+mainExtension, nil),
		200); got.str("state") != "unlisted" {
		t.Errorf("the extension is %s, want it out of the catalogue", got.str("state"))
	}
	for _, account := range []string{"customer", "acme-dev"} {
		if version, _ := d.sees(account, mainExtension); version != nil {
			t.Errorf("%s still sees version %v", account, version)
		}
	}
	d.refused(d.call(d.dashboard("other", "ada"), "PUT", "/v1/installations/"+mainExtension, parameters()),
		404, "not-found")
	d.refused(d.call(d.dashboard("acme-dev", "ada"), "PUT", "/v1/installations/"+mainExtension, parameters()), 404,
		"not-found")
	d.refused(d.call(platform, "PUT", "/v1/extensions/"+mainExtension+"/listing", object{"version": 1}), 409,
		"version-state")
	d.refused(d.call(platform, "POST", versionOf(mainExtension, 1)+"/yank", object{"reason": "again"}), 409,
		"version-state")

	d.state(mainExtension, "enabled") // who has it keeps it
	d.want(d.call(d.integration(adminEmail), "GET", "/v1/me", nil), 200)

	// A version that is not the listed one leaves the catalogue as it is.
	d.submitAndList(mainExtension, crmBlueprint(d.receiver.URL))
	d.submit(mainExtension, crmBlueprint(d.receiver.URL))
	d.want(d.call(platform, "POST", versionOf(mainExtension, 3)+"/yank", object{"reason": "never mind"}), 200)
	if version, _ := d.sees("other", mainExtension); version != 2.0 {
		t.Errorf("the catalogue has version %v, want 2", version)
	}
}

// chain lists extensions that each depend on the one before, at least at that version, and returns their slugs.
func (a *actors) chain(minVersions ...int) []string {
	a.t.Helper()
	var slugs []string
	for n, least := range minVersions {
		blueprint := coreBlueprint()
		blueprint["parameters"] = asks(object{"key": "p", "required": true})
		if n > 0 {
			blueprint["dependencies"] = []object{{"extension_id": slugs[n-1], "min_version": least}}
		}
		slugs = append(slugs, fmt.Sprintf("chain-%c", 'a'+n))
		a.list(slugs[n], []string{}, blueprint)
	}
	return slugs
}

func given(slugs ...string) object {
	each := object{}
	for _, slug := range slugs {
		each[slug] = object{"p": "x"}
	}
	return object{"parameters": each}
}

func TestRule2_DependenciesOfAllLevelsAreEnabledBeforeWhatNeedsThem(t *testing.T) {
	a := newActors(newWorld(t))
	slugs := a.chain(1, 1, 1, 1)
	last := "/v1/installations/" + slugs[3]
	if got := len(a.want(a.call(a.admin, "PUT", last, object{}), 422).pointers()); got != 4 {
		t.Errorf("got %d missing parameters, want one of each level", got)
	}
	enabled := a.want(a.call(a.admin, "PUT", last, given(slugs...)), 202)
	for n, slug := range slugs {
		if got := enabled.str("created", n, "extension_id"); got != slug {
			t.Errorf("installation %d is of %s, want %s", n, got, slug)
		}
	}
	a.settle()
	for n, slug := range slugs[:3] {
		a.state(slug, "enabled")
		if got := a.installation(slug).str("enabled_by"); got != slugs[3] {
			t.Errorf("%s is marked enabled by %q, want %s", slug, got, slugs[3])
		}
		refusal := a.refused(a.call(a.admin, "POST", "/v1/installations/"+slug+"/disable", nil), 409,
			"required-by-extension")
		if !strings.Contains(refusal.str("detail"), slugs[n+1]) {
			t.Errorf("the refusal does not name %s: %s", slugs[n+1], refusal.raw)
		}
	}
}

func TestRule2_AMinimumVersionIsHeldAtEveryLevel(t *testing.T) {
	a := newActors(newWorld(t))
	slugs := a.chain(1, 1)

	tooNew := coreBlueprint()
	tooNew["dependencies"] = []object{{"extension_id": slugs[1]}, {"extension_id": slugs[0], "min_version": 2}}
	a.want(a.call(a.partner, "POST", "/v1/extensions",
		object{"slug": "needs-more", "name": "More", "template_type_keys": []string{}}), 201)
	refused := a.want(a.call(a.partner, "POST", "/v1/extensions/needs-more/versions", object{"blueprint": tooNew}), 422)
	if got := refused.str("errors", 0, "pointer") + " " +
		refused.str("errors", 0, "code"); got != "/blueprint/dependencies/1/extension_id dependency-version" {
		t.Errorf("a version that is not listed is refused as %q: %s", got, refused.raw)
	}

	// The account has the first at version 1 when the second begins to need version 2.
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+slugs[0], given(slugs[0])), 202)
	a.settle()
	a.submitAndList(slugs[0], coreBlueprint())
	a.submitAndList("needs-more", tooNew)
	older := a.refused(a.call(a.admin, "PUT", "/v1/installations/needs-more", given(slugs[1])), 409,
		"dependency-version")
	if detail := older.str("detail"); !strings.Contains(detail, "version 2") || !strings.Contains(detail, slugs[0]) {
		t.Errorf("the refusal does not say what is needed of which: %s", detail)
	}
	if got := len(a.stored("installation")); got != 1 {
		t.Errorf("a refused enabling left %d installations, want the one before", got)
	}
	// Another account gets the newer one at once; and back at the first version, nobody does.
	a.want(a.call(a.dashboard("other", "ada"), "PUT", "/v1/installations/needs-more", given(slugs[1])), 202)
	a.want(a.call(platform, "PUT", "/v1/extensions/"+slugs[0]+"/listing", object{"version": 1}), 200)
	a.refused(a.call(a.dashboard("acme-dev", "ada"), "PUT", "/v1/installations/needs-more", given(slugs...)), 409,
		"dependency-version")
}

func TestRule2_TwoListingsAtTheSameMomentCloseNoCycle(t *testing.T) {
	a := newActors(newWorld(t))
	needing := func(slug string) object {
		b := coreBlueprint()
		if slug != "" {
			b["dependencies"] = []object{{"extension_id": slug}}
		}
		return b
	}
	for _, slug := range []string{"cycle-a", "cycle-b", "cycle-c"} {
		a.list(slug, []string{}, needing(""))
	}
	// a needs b, b needs c, and c is to need a: each is fine while the others are listed as they are.
	for slug, needed := range map[string]string{"cycle-a": "cycle-b", "cycle-b": "cycle-c", "cycle-c": "cycle-a"} {
		a.approve(slug, a.submit(slug, needing(needed)))
	}
	listing := func(slug string, during func()) error {
		s := catalogue.New(a.tables.At(a.now, between(during)), a.sealer, egress.Config{}, a.now, domain.NewID)
		in := &contract.ListExtensionInput{Extension: domain.ExtensionID(slug)}
		in.Body.Version = 2
		_, err := s.List(t.Context(), in)
		return err
	}
	list := func(slug string) {
		a.want(a.call(platform, "PUT", "/v1/extensions/"+slug+"/listing", object{"version": 2}), 200)
	}
	if err := listing("cycle-a", func() { list("cycle-b") }); !isCode(err, store.Raced) {
		t.Errorf("a dependency was listed anew during the listing: got %v, want raced", err)
	}
	if err := listing("cycle-a", func() { list("cycle-c") }); !isCode(err, store.Raced) {
		t.Errorf("the cycle was closed two levels down during the listing: got %v, want raced", err)
	}
	if err := listing("cycle-a", func() {}); !isCode(err, "dependencies") {
		t.Errorf("the last of the cycle: got %v, want dependencies", err)
	}
	if err := listing("cycle-b", func() { // what else changes of a dependency does not matter
		a.submit("cycle-c", needing(""))
	}); err != nil {
		t.Errorf("a dependency got another version during the listing: %v", err)
	}
	if err := listing("cycle-b", func() {
		a.want(a.call(platform, "DELETE", "/v1/extensions/cycle-c/listing", nil), 200)
	}); !isCode(err, store.Raced) {
		t.Errorf("a dependency was unlisted during the listing: got %v, want raced", err)
	}
}
