package release_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/contract"
	"plugboard/shared/contract/release"
)

// document is the committed contract, decoded, for a test to change.
type document map[string]any

func current(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(contract.OpenAPIJSON(), &d); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(d.at("paths"), func(path string, _ any) bool { return !slices.Contains(kept, path) })
	maps.DeleteFunc(d.at("webhooks"), func(name string, _ any) bool { return name != "contract.signed" })
	return d
}

// kept are the paths that the tests change. To compare all of them takes seconds each time.
var kept = []string{"/v1/webhooks", "/v1/webhooks/{webhook_id}", "/v1/contracts", "/v1/catalogue"}

func (d document) encode(t *testing.T) []byte {
	t.Helper()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// at goes down by keys; it panics when one is missing, so that a renamed operation does not empty a test.
func (d document) at(keys ...string) document {
	for _, k := range keys {
		d = d[k].(map[string]any)
	}
	return d
}

// signed is the schema of what contract.signed tells.
func (d document) signed() document {
	return d.at("webhooks", "contract.signed", "post", "requestBody", "content", "application/json", "schema",
		"properties", "data")
}

func (d document) operation(method, path string) document { return d.at("paths", path, method) }

func TestRule26_ContractKeepsWhatWasReleasedOrSaysWhatCallersChange(t *testing.T) {
	released, err := os.ReadFile("../released.json")
	if err != nil {
		t.Fatal(err)
	}
	changelog, err := os.ReadFile("../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := release.Check(released, contract.OpenAPIJSON(), changelog); err != nil {
		t.Error(err)
		t.Log("Keep the old beside the new. Where it must break, raise contract.Version and write the line.")
	}
}

func TestRule26_HarmfulChangesAreFound(t *testing.T) {
	const read, create = "/v1/webhooks/{webhook_id}", "/v1/contracts"
	for name, test := range map[string]struct {
		class  release.Class
		at     string
		change func(document)
	}{
		"an operation is removed": {release.Breaking, "GET " + read, func(d document) {
			delete(d.at("paths", read), "get")
		}},
		"a path is removed": {release.Breaking, "GET " + read, func(d document) { delete(d.at("paths"), read) }},
		"an optional field becomes required": {release.Breaking, "POST " + create, func(d document) {
			body := d.at("components", "schemas", "CreateContractRequest")
			body["required"] = append(body["required"].([]any), "participants")
		}},
		"a field is no longer taken": {release.Breaking, "POST " + create, func(d document) {
			delete(d.at("components", "schemas", "CreateContractRequest", "properties"), "participants")
		}},
		"an answer loses a field": {release.Breaking, "GET " + read, func(d document) {
			view := d.at("components", "schemas", "ReadWebhookResult")
			view["required"] = slices.DeleteFunc(view["required"].([]any), func(v any) bool { return v == "url" })
			delete(view.at("properties"), "url")
		}},
		"a limit shrinks": {release.Breaking, "POST " + create, func(d document) {
			d.at("components", "schemas", "CreateContractRequest", "properties", "name")["maxLength"] = 10
		}},
		"an event type is removed": {release.Breaking, "POST /webhooks/contract.signed", func(d document) {
			delete(d.at("webhooks"), "contract.signed")
		}},
		"an event may lack a field": {release.Breaking, "POST /webhooks/contract.signed", func(d document) {
			data := d.signed()
			data["required"] = slices.DeleteFunc(data["required"].([]any), func(v any) bool { return v == "state" })
		}},
		"a credential travels another way": {release.Breaking, "every operation", func(d document) {
			d.at("components", "securitySchemes")["platform"] = map[string]any{"type": "http", "scheme": "bearer"}
		}},
		"another model gets in": {release.Loosened, "GET /v1/catalogue", func(d document) {
			o := d.operation("get", "/v1/catalogue")
			o["security"] = append(o["security"].([]any), map[string]any{"platform": []any{}})
		}},
		"anyone gets in": {release.Loosened, "GET /v1/catalogue", func(d document) {
			o := d.operation("get", "/v1/catalogue")
			o["security"] = append(o["security"].([]any), map[string]any{})
		}},
		"no security is named": {release.Loosened, "GET /v1/catalogue", func(d document) {
			delete(d.operation("get", "/v1/catalogue"), "security")
		}},
		"a member may do what an admin may": {release.Loosened, "POST /v1/webhooks", func(d document) {
			d.operation("post", "/v1/webhooks")["security"] = []any{map[string]any{"dashboard": []any{"member"}}}
		}},
		"another scope is enough": {release.Loosened, "POST " + create, func(d document) {
			d.operation("post", create)["security"].([]any)[1] = map[string]any{"integration": []any{"contracts:read"}}
		}},
		"no scope is asked for": {release.Loosened, "POST " + create, func(d document) {
			d.operation("post", create)["security"].([]any)[1] = map[string]any{"integration": []any{}}
		}},
		"the acting user is not asked for": {release.Loosened, "POST " + create, func(d document) {
			d.operation("post", create)["x-plugboard-acting-user"] = "optional"
		}},
		"only an admin may do what a member may": {release.Tightened, "GET /v1/catalogue", func(d document) {
			d.operation("get", "/v1/catalogue")["security"] = []any{map[string]any{"dashboard": []any{"admin"}}}
		}},
		"a model is left out": {release.Tightened, "GET " + read, func(d document) {
			o := d.operation("get", read)
			o["security"] = o["security"].([]any)[:1]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			changed := current(t)
			test.change(changed)
			findings, err := release.Compare(current(t).encode(t), changed.encode(t))
			if err != nil {
				t.Fatal(err)
			}
			found := slices.ContainsFunc(findings, func(f release.Finding) bool {
				return f.Class == test.class && f.Operation == test.at
			})
			if !found {
				t.Errorf("got %v, want one that is %s at %s", findings, test.class, test.at)
			}
		})
	}
}

func TestRule26_AdditionsPass(t *testing.T) {
	changed := current(t)
	added := current(t).at("paths", "/v1/catalogue")
	added.at("get")["operationId"] = "list-more"
	changed.at("paths")["/v1/more"] = map[string]any(added)
	changed.at("components", "schemas", "CreateContractRequest",
		"properties")["note"] = map[string]any{"type": "string"}
	changed.at("components", "schemas", "Webhook", "properties")["note"] = map[string]any{"type": "string"}
	data := changed.signed() // an event is sent, so more of it is always there
	data.at("properties")["note"] = map[string]any{"type": "string"}
	data["required"] = append(data["required"].([]any), "note")
	changed.at("webhooks")["contract.archived"] = map[string]any(current(t).at("webhooks", "contract.signed"))
	for name := range changed.at("webhooks") {
		// has no note
		delete(changed.at("webhooks", name, "post", "requestBody", "content", "application/json"), "example")
	}
	findings, err := release.Compare(current(t).encode(t), changed.encode(t))
	if err != nil || len(findings) > 0 {
		t.Errorf("got %v, %v; want nothing", findings, err)
	}
}

func TestRule26_GateFailsClosed(t *testing.T) {
	good := current(t).encode(t)
	pathless := current(t)
	pathless["paths"] = map[string]any{}
	dangling := current(t)
	delete(dangling.at("components", "schemas"), "Webhook")
	global := current(t)
	global["security"] = []any{map[string]any{"dashboard": []any{}}}
	versionless := current(t)
	versionless.at("info")["version"] = "new"
	for name, bad := range map[string][]byte{
		"nothing": nil, "an empty object": []byte("{}"), "null": []byte("null"), "a list": []byte("[]"),
		"no JSON":    []byte("<html>"),
		"half of it": good[:len(good)/2], "no paths": pathless.encode(t), "a dangling reference": dangling.encode(t),
		"security for all": global.encode(t), "no version": versionless.encode(t),
	} {
		if findings, err := release.Compare(bad, good); err == nil {
			t.Errorf("%s as released: got %v and no error", name, findings)
		}
		if findings, err := release.Compare(good, bad); err == nil {
			t.Errorf("%s as current: got %v and no error", name, findings)
		}
	}
}

func TestAllowed_AsksForTheVersionAndTheLineThatTheChangeNeeds(t *testing.T) {
	version := func(v string, broken bool) []byte {
		d := current(t)
		d.at("info")["version"] = v
		if broken {
			delete(d.at("paths"), "/v1/catalogue")
		}
		return d.encode(t)
	}
	const line = "# Versions\n\n## 0.2.0\n\n### Breaking\n\n- `list-catalogue` is gone. Callers\n  read\n  something " +
		"else.\n\n## 2.0.0 (not released yet)\n\n### Breaking\n- `list-catalogue` is gone. Callers stop."
	for _, test := range []struct {
		from, to  string
		broken    bool
		changelog string
		want      string // part of the error; empty: allowed
	}{
		{"0.1.0", "0.1.0", false, "", "was released"},
		{"0.2.0", "0.1.9", false, "", "was released"},
		{"0.1.0", "0.1.1", false, "", ""},
		{"0.1.0", "0.1.1", true, line, "no step for a breaking change"},
		{"0.1.0", "0.2.0", true, line, ""},
		{"1.1.0", "1.2.0", true, line, "no step for a breaking change"},
		{"1.1.0", "2.0.0", true, line, ""},
		{"0.1.0", "0.2.0", true, "", "has no line"},
		{"0.1.0", "0.3.0", true, line, "has no line"},
		{"0.1.0", "0.2.0", true, "## 0.2.0\n### Added\n- `list-catalogue` is gone. Callers read something else.",
			"has no line"},
		{"0.1.0", "0.2.0", true, "## 0.2.0\n### Breaking\n- `list-catalogue` is gone.", "has no line"},
		{"0.1.0", "0.2.0", true, "## 0.2.0\n### Breaking\n- `list-catalogues` is gone. Callers stop.", "has no line"},
		{"0.1.0", "0.2.0", true, "## 0.2.0\n### Breaking\n- Every operation is gone. Callers stop.", "has no line"},
	} {
		err := release.Allowed(version(test.from, false), version(test.to, test.broken), []byte(test.changelog))
		if got := err == nil; got != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("from %s to %s, broken %v, with %q: got %v, want %q", test.from, test.to, test.broken,
				test.changelog, err, test.want)
		}
	}
}

func TestUnexplained_ALooserAuthNeedsALineInAnyPart(t *testing.T) {
	findings := []release.Finding{
		{Class: release.Loosened, ID: "list-catalogue"}, {Class: release.Tightened, ID: "read-webhook"},
		{Class: release.Breaking, ID: release.EveryOperation},
	}
	for changelog, want := range map[string]int{
		"": 3,
		"## 0.1.0\n### Added\n- Tokens reach `list-catalogue` and `read-webhook`; callers need nothing.":      2,
		"## 0.1.0\n### Breaking\n- `list-catalogue`, `read-webhook`: callers sign in.":                        1,
		"## 0.1.0\n### Breaking\n- A problem of every operation has no title. Callers read its code.":         2,
		"## 0.0.9\n### Breaking\n- Every operation, `list-catalogue`, `read-webhook`: callers read its code.": 3,
	} {
		if got := release.Unexplained(findings, []byte(changelog), "0.1.0"); len(got) != want {
			t.Errorf("%q: got %v, want %d of them", changelog, got, want)
		}
	}
}

func TestDated_TakesTheMarkFromTheVersionsPart(t *testing.T) {
	got, err := release.Dated([]byte("## " + contract.Version + " (not released yet)\n- x\n"))
	if want := "## " + contract.Version + "\n- x\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := release.Dated([]byte("## 0.0.1\n")); err == nil {
		t.Error("a changelog without a part of the version was taken")
	}
}
