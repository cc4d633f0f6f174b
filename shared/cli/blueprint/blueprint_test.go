package blueprint_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plugboard/shared"
	"plugboard/shared/cli/blueprint"
	"plugboard/shared/domain"
)

var crm = domain.Extension{ID: "acme-crm", TypeKeys: []string{"", "addendum"}}

func check(text string) string {
	var all []string
	for _, p := range blueprint.Check([]byte(text), crm, false) {
		all = append(all, fmt.Sprintf("%d:%d %s %s", p.Line, p.Column, p.Pointer, p.Code))
	}
	return strings.Join(all, ", ")
}

const (
	types = `"template_types": [{"name": "T", "no_webhooks": true, "fields": []}]`
	hooks = `"webhooks": []`
)

func TestRule11_EachProblemHasItsLineAndColumn(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"all well":       {"{\"$schema\": \"x\", \"scopes\": [],\n" + types + ", " + hooks + "}", ""},
		"no JSON":        {"{\n  \"scopes\": [,]}", "2:14  malformed"},
		"ends too early": {"{\n  \"scopes\": [", "2:14  malformed"},
		"empty":          {"", "1:1  malformed"},
		"text after it":  {"{}\n x", "2:2  malformed"},
		"not UTF-8":      {"{\"scopes\": [\"\xff\"]}", "1:1  not-utf-8"},
		"no object":      {"[]", "1:1  invalid"},
		"missing":        {"{\n" + types + ", " + hooks + "}", "1:1 /scopes required"},
		"missing, inside": {"{\"scopes\": [], " + hooks +
			",\n \"template_types\": [{\"name\": \"T\", \"no_webhooks\": true,\n  \"fields\": [{\"name\": \"Ö\", " +
			"\"kind\": \"text\"}]}]}", "3:14 /template_types/0/fields/0/custom_id required"},
		"an unknown name": {"{\"scopes\": [],\n \"hooks\": [],\n" + types + ", " + hooks + "}", "2:2 /hooks unknown"},
		"a name twice": {"{\"scopes\": [],\n \"scopes\": [],\n" + types + ", " + hooks + "}",
			"2:2 /scopes duplicate"},
		"an unknown scope": {"{\"scopes\": [\n\"contracts:read\", \"ö:read\"],\n" + types + ", " + hooks + "}",
			"2:19 /scopes/1 unknown-scope"},
		"after umlauts": {"{\"scopes\": [\"ööö\", \"nope\"], " + types + ", " + hooks + "}",
			"1:13 /scopes/0 unknown-scope, 1:20 /scopes/1 unknown-scope"},
		"an unreserved key": {"{\"scopes\": [], " + hooks +
			",\n \"template_types\": [{\"key\": \"quote\", \"name\": \"T\", \"no_webhooks\": true, \"fields\": []}]}",
			"2:29 /template_types/0/key unreserved-template-type"},
		"a private URL": {"{\"scopes\": [], \"template_types\": [{\"name\": \"T\", \"fields\": []}],\n\"webhooks\": " +
			"[{\"key\": \"w\", \"url\": \"http://127.0.0.1/\", \"event_types\": [\"contract.signed\"]}]}",
			"2:34 /webhooks/0/url invalid"},
		"an event that is none": {"{\"scopes\": [], \"template_types\": [{\"name\": \"T\", \"fields\": []}]," +
			"\n\"webhooks\": [{\"key\": \"w\", \"url\": \"https://a.example/\", \"event_types\": " +
			"[\"contract.sigend\"]}]}",
			"2:72 /webhooks/0/event_types/0 unknown-event-type"},
		"an undeclared parameter": {"{\"scopes\": [], \"template_types\": [{\"name\": \"T\", \"fields\": []}]," +
			"\n\"webhooks\": [{\"key\": \"w\", \"url\": \"https://a.example/\", \"event_types\": " +
			"[\"contract.signed\"], \"headers\": {\"X-A~\": \"{{nobody}}\"}}]}",
			"2:112 /webhooks/0/headers/X-A~0 undeclared-parameter"},
	} {
		if got := check(c.text); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestRule11_TheExamplesAreValid(t *testing.T) {
	examples, err := filepath.Glob("../../../localstack/demo/*.json")
	if err != nil || len(examples) < 4 {
		t.Fatalf("got the examples %v, %v", examples, err)
	}
	for _, example := range examples {
		var offer struct {
			Extension struct {
				Slug domain.ExtensionID
				Keys []string `json:"template_type_keys"`
			}
			Blueprint json.RawMessage
		}
		raw, err := os.ReadFile(example)
		if err != nil || json.Unmarshal(raw, &offer) != nil {
			t.Fatalf("%s: %v", example, err)
		}
		e := domain.Extension{ID: offer.Extension.Slug, TypeKeys: offer.Extension.Keys}
		if wrong := blueprint.Check(offer.Blueprint, e, false); len(wrong) > 0 {
			t.Errorf("%s: %+v", example, wrong)
		}
	}
}

func TestEditorSchema_TakesItsOwnLine(t *testing.T) {
	var s struct {
		Properties map[string]any
		ID         string `json:"$id"`
	}
	raw, err := blueprint.EditorSchema(shared.BlueprintSchema)
	if err != nil || json.Unmarshal(raw, &s) != nil || s.Properties["$schema"] == nil ||
		s.Properties["scopes"] == nil ||
		s.ID == "" {
		t.Errorf("got %.300s, %v", raw, err)
	}
}
