package contract

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

//go:generate go run ./inventory/generate

// packed is openapi.json, which people read, in a twentieth of the bytes: a function has no room for it as it is. A test
// fails when either is stale, which they may be while the generator compiles; absent they may not be.
//
//go:embed openapi.json.gz
var packed []byte

// OpenAPIJSON is the committed document: what read-openapi serves and the gate of package release judges.
var OpenAPIJSON = sync.OnceValue(func() []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err == nil {
		var document []byte
		if document, err = io.ReadAll(r); err == nil {
			return document
		}
	}
	panic(fmt.Sprintf("contract: openapi.json.gz: %v", err)) // a bad build, like a bad declaration
})

// Pack is a document as it is embedded.
func Pack(document []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(document); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

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
