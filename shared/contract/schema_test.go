package contract

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestBlueprintSchema_CommittedSchemaIsCurrent(t *testing.T) {
	want, err := EncodeBlueprintSchema()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(BlueprintSchemaJSON, want) {
		t.Error("shared/contract/blueprint.schema.json is stale: run make inventory")
	}
}

// compiled is the committed schema as an editor would use it, by another implementation than the API's.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(BlueprintSchemaJSON))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("blueprint.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("blueprint.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestRule11_TheSchemaTakesTheExamplesAndRefusesWhatIsWrong(t *testing.T) {
	schema := compiled(t)
	if schema.DraftVersion != 2020 || schema.Title == "" || schema.Description == "" {
		t.Errorf("got draft %d, title %q, description %q", schema.DraftVersion, schema.Title, schema.Description)
	}
	examples, err := filepath.Glob("../../localstack/demo/*.json")
	if err != nil || len(examples) < 2 {
		t.Fatalf("got the examples %v, %v; want those of the demo", examples, err)
	}
	for _, example := range examples {
		var offer struct {
			Blueprint any `json:"blueprint"`
		}
		raw, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &offer); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(offer.Blueprint); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
	const rest = `,"template_types":[],"webhooks":[]`
	for name, test := range map[string]struct{ blueprint, at string }{
		"no object":       {`[]`, "got array, want object"},
		"nothing":         {`{}`, "missing properties 'scopes', 'template_types', 'webhooks'"},
		"a null list":     {`{"scopes":null` + rest + `}`, "at '/scopes'"},
		"an unknown name": {`{"scopes":[],"hooks":[]` + rest + `}`, "'hooks' not allowed"},
		"a parameter's key": {`{"scopes":[],"parameters":{"type":"object",` +
			`"properties":{"Customer":{"type":"string"}}}` + rest + `}`, "invalid propertyName 'Customer'"},
		"another keyword": {`{"scopes":[],"parameters":{"type":"object","properties":{"customer":{"type":"string",` +
			`"oneOf":[]}}}` + rest + `}`, "'oneOf' not allowed"},
		"a type of values": {`{"scopes":[],"parameters":{"type":"object",` +
			`"properties":{"customer":{"type":"object"}}}` + rest + `}`, "at '/parameters/properties/customer/type'"},
		"a field's kind": {`{"scopes":[],"template_types":[{"name":"T","fields":[{"custom_id":"a","name":"A",` +
			`"kind":"colour"}]}],"webhooks":[]}`, "at '/template_types/0/fields/0/kind'"},
		"no event": {`{"scopes":[],"template_types":[],"webhooks":[{"key":"w","url":"https://a.test",` +
			`"event_types":[]}]}`, "at '/webhooks/0/event_types'"},
		"an unknown scheme": {`{"scopes":[],"template_types":[],"webhooks":[{"key":"w","url":"https://a.test",` +
			`"event_types":["a"],"auth":{"scheme":"magic"}}]}`, "at '/webhooks/0/auth/scheme'"},
		"a header's value": {`{"scopes":[],"template_types":[],"webhooks":[{"key":"w","url":"https://a.test",` +
			`"event_types":["a"],"headers":{"X":1}}]}`, "at '/webhooks/0/headers/X'"},
		"too many templates": {`{"scopes":[],"template_types":[` + strings.Repeat(`{"name":"T","fields":[]},`, 20) +
			`{"name":"T","fields":[]}],"webhooks":[]}`, "at '/template_types'"},
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(test.blueprint))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err == nil || !strings.Contains(err.Error(), test.at) {
			t.Errorf("%s: got %v, want a refusal %s", name, err, test.at)
		}
	}
}
