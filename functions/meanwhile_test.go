package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const (
	lower = "acme-lower"
	upper = "acme-upper"
)

// newMeanwhile is an extension with two parameters that a colleague enabled, and another one that needs it.
func newMeanwhile(t *testing.T) *actors {
	a := newActors(newWorld(t))
	b := coreBlueprint()
	b["parameters"] = asks(object{"key": "planet", "required": true}, object{"key": "moons", "type": "integer"},
		object{"key": "pin", "writeOnly": true})
	a.list(lower, []string{}, b)
	a.leaning(upper, lower)
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+lower,
		givenTo(lower, object{"planet": "earth", "moons": 1, "pin": "4711-pin"})), 202)
	return a
}

func givenTo(extension string, values object) object {
	return object{"parameters": object{extension: values}}
}

// A click that was drawn before a colleague's gives values that were given meanwhile.
func TestRule2_ValuesOfWhatAColleagueEnabledAreTakenWhenTheyAgree(t *testing.T) {
	for name, c := range map[string]struct {
		given object
		want  []string // the pointers of the refusal; none when it is taken
	}{
		"the same":             {object{"planet": "earth", "moons": 1.0, "pin": "4711-pin"}, nil},
		"a part of them":       {object{"moons": 1}, nil},
		"nothing, as null":     {object{"planet": "earth", "pin": nil}, nil},
		"another text":         {object{"planet": "mars", "pin": "4711-pin"}, []string{"planet"}},
		"another number":       {object{"moons": 2}, []string{"moons"}},
		"another secret":       {object{"planet": "earth", "pin": "4712-pin"}, []string{"pin"}},
		"one that it has not":  {object{"colour": "red"}, []string{"colour"}},
		"two that are not so":  {object{"planet": "mars", "pin": "x"}, []string{"pin", "planet"}},
		"a text for a number":  {object{"moons": "one"}, []string{"moons"}},
		"a secret's beginning": {object{"pin": "4711"}, []string{"pin"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newMeanwhile(t)
			before := a.dump()
			var pointers []string
			for _, key := range c.want {
				pointers = append(pointers, "/parameters/"+lower+"/"+key)
			}
			for _, extension := range []string{upper, lower} { // what needs it, and itself once more
				got := a.call(a.admin, "PUT", "/v1/installations/"+extension, givenTo(lower, c.given))
				if pointers == nil {
					a.want(got, 202)
					continue
				}
				a.refused(got, 409, "enabled-otherwise")
				if !slices.Equal(got.pointers(), pointers) || strings.Contains(string(got.raw), "471") ||
					!strings.Contains(got.str("detail"), "Reload the catalogue") {
					t.Errorf("got %s, want the pointers %q", got.raw, pointers)
				}
			}
			if pointers != nil && a.dump() != before {
				t.Error("a refused click changed something")
			}
		})
	}
}

// A click enables the versions that it was shown, or nothing.
func TestRule2_AClickEnablesTheVersionsThatItWasShown(t *testing.T) {
	a := newActors(newWorld(t))
	a.list(lower, []string{}, coreBlueprint())
	a.leaning(upper, lower)
	at := "/v1/installations/" + upper
	shown := a.want(a.call(a.admin, "GET", "/v1/catalogue/"+upper, nil), 200)
	versions := object{upper: shown.at("version"), lower: shown.at("brings", 0, "version")}
	asShown := object{"versions": versions}
	if versions[upper] != 1.0 || versions[lower] != 1.0 {
		t.Fatalf("the catalogue shows %v", versions)
	}
	a.submitAndList(lower, coreBlueprint())
	before := a.dump()
	for name, c := range map[string]struct {
		versions object
		pointers []string
	}{
		"listed anew meanwhile":         {versions, []string{"/versions/" + lower}},
		"an old version of its own":     {object{upper: 2, lower: 2}, []string{"/versions/" + upper}},
		"what comes with it, not shown": {object{upper: 1}, []string{"/versions/" + lower}},
		"itself, not shown":             {object{lower: 2}, []string{"/versions/" + upper}},
		"what does not come with it":    {object{upper: 1, lower: 2, "acme-x": 1}, []string{"/versions/acme-x"}},
		"nothing as shown": {
			object{upper: 7, "acme-x": 1}, []string{"/versions/" + lower, "/versions/" + upper, "/versions/acme-x"},
		},
	} {
		got := a.refused(a.call(a.admin, "PUT", at, object{"versions": c.versions}), 409, "offer-changed")
		pointers := got.pointers()
		if slices.Sort(pointers); !slices.Equal(pointers, c.pointers) {
			t.Errorf("%s: got %s, want the pointers %q", name, got.raw, c.pointers)
		}
	}
	if a.dump() != before {
		t.Error("a refused click changed something")
	}
	versions[lower] = 2
	a.want(a.call(a.admin, "PUT", at, asShown), 202)
	a.settle()
	a.want(a.call(a.admin, "PUT", at, asShown), 202) // once more
	a.refused(a.call(a.admin, "PUT", at, object{"versions": object{upper: 2}}), 409, "offer-changed")
}

func TestRule2_NothingElseThatIsGivenIsIgnored(t *testing.T) {
	a := newMeanwhile(t)
	at := "/v1/installations/" + lower
	a.refused(a.call(a.admin, "PUT", at, object{"upgrade_policy": "by-hand"}), 409, "enabled-otherwise")
	a.want(a.call(a.admin, "PUT", at, object{"upgrade_policy": "automatic"}), 202)
	if got := a.want(a.call(a.admin, "PUT", at, givenTo("acme-nothing", object{"a": "b"})),
		422).pointers(); !slices.Equal(got, []string{"/parameters/acme-nothing"}) {
		t.Errorf("got the pointers %q", got)
	}
	a.settle()
	// at its version
	a.refused(a.upgradeBy(a.admin, at+"/upgrade", givenTo(lower, object{"planet": "mars"})), 409, "enabled-otherwise")
	a.want(a.upgradeBy(a.admin, at+"/upgrade", givenTo(lower, object{"planet": "earth"})), 202)
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+upper, object{}), 202)
	a.settle()
	next := coreBlueprint()
	next["dependencies"] = []object{{"extension_id": lower}}
	next["template_types"] = []object{}
	a.submitAndList(upper, next)
	a.refused(a.upgradeBy(a.admin, "/v1/installations/"+upper+"/upgrade", givenTo(lower, object{"planet": "mars"})),
		409, "enabled-otherwise")
	a.want(a.upgradeBy(a.admin, "/v1/installations/"+upper+"/upgrade", givenTo(lower, object{"planet": "earth"})), 202)
}

func TestRule26_NoBodyIsAnEmptyBody(t *testing.T) {
	s := newScene(newWorld(t))
	at := "/v1/installations/" + mainExtension
	s.submitAndList(mainExtension, tamerBlueprint(s.receiver.URL))
	s.want(s.call(s.admin, "PUT", "/v1/installations/"+idleExtension, nil), 202)
	s.want(s.call(s.admin, "POST", at+"/token", nil), 201)
	s.want(s.call(s.admin, "POST", at+"/callback-secret", nil), 201)
	s.want(s.call(s.admin, "POST", "/v1/webhooks/"+s.ownHook+"/secret", nil), 201)
	s.want(s.call(s.previewed(s.admin, at+"/upgrade", object{}), "POST", at+"/upgrade", nil), 202)
	s.want(s.call(s.admin, "POST", "/v1/webhooks", nil), 400) // it has members that are required
}

func TestRule2_APartnerSubmitsTogetherWhatDependsOnEachOther(t *testing.T) {
	a := newActors(newWorld(t))
	for _, slug := range []string{lower, upper} {
		a.want(a.call(a.partner, "POST", "/v1/extensions",
			object{"slug": slug, "name": slug, "template_type_keys": []string{}}), 201)
	}
	needs := func(slug string, version int) object {
		b := coreBlueprint()
		b["dependencies"] = []object{{"extension_id": slug, "min_version": version}}
		return b
	}
	refused := func(by who, slug string, b object, code string) {
		t.Helper()
		got := a.want(a.call(by, "POST", "/v1/extensions/"+slug+"/versions", object{"blueprint": b}), 422)
		if !strings.Contains(string(got.raw), code) ||
			!slices.Equal(got.pointers(), []string{"/blueprint/dependencies/0/extension_id"}) {
			t.Errorf("got %s, want %s", got.raw, code)
		}
	}
	refused(a.partner, upper, needs(lower, 1), "unlisted-dependency") // nothing is submitted
	a.submit(lower, coreBlueprint())
	a.submit(upper, needs(lower, 1))
	refused(a.partner, upper, needs(lower, 2), "dependency-version")
	refused(a.partner, lower, needs(upper, 1), "cyclic-dependency")
	second := a.newPartner("Second")
	a.want(a.call(second, "POST", "/v1/extensions",
		object{"slug": "second-one", "name": "One", "template_type_keys": []string{}}), 201)
	refused(second, "second-one", needs(lower, 1), "unlisted-dependency")

	for _, slug := range []string{upper, lower} {
		a.approve(slug, 1)
	}
	listing := func(slug string) answer {
		return a.call(platform, "PUT", "/v1/extensions/"+slug+"/listing", object{"version": 1})
	}
	got := a.refused(listing(upper), 409, "dependencies")
	if !strings.Contains(got.str("detail"), fmt.Sprintf("%q is not listed. List first", lower)) {
		t.Errorf("the refusal does not say what comes first: %s", got.raw)
	}
	a.want(listing(lower), 200)
	a.want(listing(upper), 200)
	a.submit(lower, coreBlueprint())
	a.submit(upper, needs(lower, 2)) // newer than the listed one
}

func TestRule8_WhatADisabledExtensionLeavesIsRefusedTruly(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.settle()
	at := "/v1/template-types/" + typeID
	for path, call := range map[string]func() answer{
		"the type":       func() answer { return a.call(a.admin, "DELETE", at, nil) },
		"its name":       func() answer { return a.call(a.admin, "PATCH", at, object{"name": "Ours"}) },
		"a field":        func() answer { return a.call(a.admin, "DELETE", at+"/fields/due", nil) },
		"a field's name": func() answer { return a.call(a.admin, "PATCH", at+"/fields/due", object{"name": "Ours"}) },
		"all fields":     func() answer { return a.call(a.admin, "PUT", at+"/fields", object{"fields": []object{}}) },
	} {
		got := a.refused(call(), 409, "managed-resource")
		if !strings.Contains(got.str("detail"), "It stays when the extension is disabled") {
			t.Errorf("%s: the refusal says %s", path, got.str("detail"))
		}
	}
}
