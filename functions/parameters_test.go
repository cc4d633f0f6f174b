package functions_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func (a *actors) change(values object) answer {
	a.t.Helper()
	return a.call(a.admin, "PATCH", "/v1/installations/"+mainExtension+"/parameters", object{"parameters": values})
}

func TestRule7_ParametersAreChangedAsTheyWereGiven(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	before := len(a.stored("event"))
	state := a.dump()
	a.refusedFields(a.change(object{"customer_id": "not a number", "api_key": "line\nbreak", "planet": "earth"}),
		"/parameters/api_key", "/parameters/customer_id", "/parameters/planet")
	a.refusedFields(a.change(object{"customer_id": nil, "api_key": "new"}), "/parameters/customer_id")
	a.refusedFields(a.change(object{"customer_id": ""}), "/parameters/customer_id")
	a.want(a.change(object{"customer_id": "C-1001"}), 200) // as it is
	a.want(a.change(object{}), 200)
	if a.dump() != state {
		t.Error("what was refused, or changes nothing, left something")
	}

	changed := a.want(a.change(object{"customer_id": "C-2002"}), 200)
	if changed.str("parameters", "customer_id") != "C-2002" || changed.header.Get("ETag") == "" ||
		changed.header.Get("ETag") != a.installation(mainExtension).header.Get("ETag") {
		t.Errorf("the change answers %s with the ETag %s", changed.raw, changed.header.Get("ETag"))
	}
	a.want(a.change(object{"api_key": "open-barley"}), 200)
	a.want(a.change(object{"api_key": nil}), 200)
	a.want(a.change(object{"api_key": nil}), 200) // gone already
	var keys []string
	for _, e := range a.eventBodies(before) {
		var body struct {
			Type string
			Data struct {
				Changed []string `json:"changed_parameters"`
			}
		}
		must(t, json.Unmarshal(e, &body))
		keys = append(keys, body.Type+" "+strings.Join(body.Data.Changed, ","))
		if strings.Contains(string(e), "2002") || strings.Contains(string(e), "barley") {
			t.Errorf("an event tells a value: %s", e)
		}
	}
	if want := []string{"installation.updated customer_id", "installation.updated api_key",
		"installation.updated api_key"}; !slices.Equal(keys, want) {
		t.Errorf("got the events %q, want %q", keys, want)
	}
	if dump := a.dump(); strings.Contains(dump, "barley") {
		t.Error("a table holds the secret in the clear")
	}

	stale := a.admin.with("If-Match", changed.header.Get("ETag"))
	a.refused(a.call(stale, "PATCH", "/v1/installations/"+mainExtension+"/parameters",
		object{"parameters": object{"customer_id": "C-3"}}), 412, "stale")
	fresh := a.admin.with("If-Match", a.installation(mainExtension).header.Get("ETag"))
	a.want(a.call(fresh, "PATCH", "/v1/installations/"+mainExtension+"/parameters",
		object{"parameters": object{"customer_id": "C-3"}}), 200)
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.refused(a.change(object{"customer_id": "C-4"}), 409, "installation-state")
}

func TestRule7_AnOptionalParameterIsRemovedByNull(t *testing.T) {
	a := newActors(newWorld(t))
	a.offerLifecycle()
	at := "/v1/installations/" + lifecycleExtension
	a.want(a.call(a.admin, "PUT", at, object{"parameters": object{lifecycleExtension: object{"region": "eu"}}}), 202)
	a.settle()
	for _, absent := range []any{nil, ""} {
		a.want(a.call(a.admin, "PATCH", at+"/parameters", object{"parameters": object{"region": "us"}}), 200)
		got := a.want(a.call(a.admin, "PATCH", at+"/parameters", object{"parameters": object{"region": absent}}), 200)
		if left := got.at("parameters", "region"); left != nil {
			t.Errorf("after %#v the region is %v", absent, left)
		}
	}
}

// eventBodies are the bodies of all events after so many, in their order.
func (a *actors) eventBodies(after int) [][]byte {
	a.t.Helper()
	all := a.stored("event")
	slices.SortFunc(all, func(x, y item) int { return strings.Compare(text(x, "id"), text(y, "id")) })
	var bodies [][]byte
	for _, e := range all[after:] {
		bodies = append(bodies, blob(e, "body"))
	}
	return bodies
}

// A delivery that is on its way keeps its body, to the byte; its headers are those of now. What comes after has the new
// values everywhere.
func TestRule7_ChangedParametersHoldFromTheNextAttemptOn(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	create := func() { a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201) }
	a.receiver.answer(500)
	create()
	a.settle()
	first := a.receiver.take()
	a.receiver.answer(200)
	a.want(a.change(object{"customer_id": "C-2002", "api_key": "open-barley"}), 200)
	a.retry()
	second := a.receiver.take()
	create()
	a.settle()
	third := slices.DeleteFunc(a.receiver.take(), func(r received) bool {
		return r.header.Get("Webhook-Id") == first[0].header.Get("Webhook-Id")
	})
	if len(first) != 1 || len(second) != 1 || len(third) != 1 {
		t.Fatalf("got %d, %d and %d requests, want one each", len(first), len(second), len(third))
	}
	if string(first[0].body) != string(second[0].body) ||
		!strings.Contains(string(second[0].body), `"context":{"customer_id":"C-1001"}`) {
		t.Errorf("the body was\n%s\nand is\n%s", first[0].body, second[0].body)
	}
	if got := second[0].header; got.Get("X-Customer") != "C-2002" || got.Get("X-Api-Key") != "open-barley" {
		t.Errorf("the headers are %v", got)
	}
	if !strings.Contains(string(third[0].body), `"context":{"customer_id":"C-2002"}`) {
		t.Errorf("the next body is %s", third[0].body)
	}
}

// A secret parameter's few likely values could be tried against a fingerprint of the input alone.
func TestRule22_AnInputCannotBeGuessedFromWhatIsKeptOfIt(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	change := object{"parameters": object{"api_key": "hunter2-hunter2"}}
	for _, key := range []string{"one", "two"} {
		a.want(a.call(a.admin.with("Idempotency-Key", key), "PATCH", "/v1/installations/"+mainExtension+"/parameters",
			change), 200)
	}
	var kept []string
	for _, i := range a.stored("idempotency") {
		kept = append(kept, text(i, "fingerprint"))
	}
	if len(kept) != 2 || kept[0] == kept[1] || kept[0] == "" {
		t.Errorf("the same input under two keys left the fingerprints %q", kept)
	}
}

func TestRule7_ValuesKeepTheirTypesAndTakeDefaults(t *testing.T) {
	a := newActors(newWorld(t))
	typed := func(more ...object) object {
		b := coreBlueprint()
		b["parameters"] = asks(append(more, object{"key": "region", "default": "eu", "required": true},
			object{"key": "count", "type": "integer", "minimum": 1},
			object{"key": "rate", "type": "number"}, object{"key": "on", "type": "boolean"},
			object{"key": "pin", "type": "integer", "writeOnly": true})...)
		return b
	}
	a.list("acme-typed", []string{}, typed())
	const at = "/v1/installations/acme-typed"
	stands := func(want string) {
		t.Helper()
		if got := fmt.Sprint(a.want(a.call(a.admin, "GET", at, nil), 200).at("parameters")); got != want {
			t.Errorf("the parameters are %s, want %s", got, want)
		}
	}
	before := a.dump()
	a.refusedFields(a.call(a.admin, "PUT",
		at, object{"parameters": object{"acme-typed": object{"count": "3", "rate": true, "on": "yes", "region": 7,
			"pin": []int{1}}}}),
		"/parameters/acme-typed/count", "/parameters/acme-typed/on", "/parameters/acme-typed/pin",
		"/parameters/acme-typed/rate", "/parameters/acme-typed/region")
	if a.dump() != before {
		t.Error("what was refused left something")
	}
	a.want(a.call(a.admin, "PUT", at,
		object{"parameters": object{"acme-typed": object{"count": 3, "rate": 0.5, "on": false, "pin": 471147}}}), 202)
	a.settle()
	stands("map[count:3 on:false rate:0.5 region:eu]")
	if strings.Contains(a.dump(), "471147") {
		t.Error("a table holds the secret in the clear")
	}
	a.want(a.call(a.admin, "PATCH", at+"/parameters", object{"parameters": object{"region": "us", "on": true}}), 200)
	stands("map[count:3 on:true rate:0.5 region:us]")
	a.want(a.call(a.admin, "PATCH", at+"/parameters", object{"parameters": object{"region": nil, "count": nil}}), 200)
	stands("map[on:true rate:0.5 region:eu]")

	a.submitAndList("acme-typed", typed(object{"key": "tier", "default": "basic", "required": true}))
	shown := a.want(a.call(a.admin, "GET", at+"/upgrade", nil), 200)
	if got := fmt.Sprint(shown.at("parameters"), shown.at("needs_consent"),
		shown.at("defaults")); got != "[] [] map[tier:basic]" {
		t.Errorf("the preview asks %s", got)
	}
	a.want(a.upgradeBy(a.admin, at+"/upgrade", object{}), 202)
	a.settle()
	a.state("acme-typed", "enabled")
	stands("map[on:true rate:0.5 region:eu tier:basic]")
}

func TestRule7_ParametersAreReadWithTheirSchemasAndWithoutSecrets(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	at := "/v1/installations/" + mainExtension + "/parameters"
	read := func() answer { return a.want(a.call(a.admin, "GET", at, nil), 200) }
	got := read()
	if want := "api_key <nil> true false \ncustomer_id C-1001 true true \n"; lines(got.at("parameters"), "key", "value",
		"given", "required") != want {
		t.Errorf("they read as %s", got.raw)
	}
	if got.str("parameters", 1, "schema", "title") != "Customer id" ||
		got.at("parameters", 0, "schema", "writeOnly") != true {
		t.Errorf("the schemas are %s", got.raw)
	}
	if strings.Contains(string(got.raw), "sesame") ||
		got.header.Get("ETag") != a.installation(mainExtension).header.Get("ETag") {
		t.Errorf("a secret is shown, or the tag is not the installation's: %s", got.raw)
	}
	a.want(a.change(object{"api_key": nil}), 200)
	if got := read(); got.at("parameters", 0, "given") != false {
		t.Errorf("a removed secret reads as %s", got.raw)
	}
	a.refused(a.call(a.member, "GET", at, nil), 403, "missing-role")
	a.refused(a.call(a.dashboard("other", "ada"), "GET", at, nil), 404, "not-found")
}
