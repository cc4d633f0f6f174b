package contract

import (
	"bytes"
	_ "embed"
	"encoding/json"
)

//go:generate go run ./inventory/generate

// OpenAPIJSON is the committed document: what read-openapi serves and the gate of package release judges. A test
// fails when it is stale, which it may be while the generator compiles; absent it may not be.
//
//go:embed openapi.json
var OpenAPIJSON []byte

// BlueprintSchemaJSON is the committed JSON Schema of a blueprint: what read-blueprint-schema serves.
//
//go:embed blueprint.schema.json
var BlueprintSchemaJSON []byte

// EncodeOpenAPI is OpenAPI as it is committed: indented, the same bytes for the same contract.
func EncodeOpenAPI() ([]byte, error) {
	return indented(OpenAPI())
}

func indented(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
