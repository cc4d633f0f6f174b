// Package shared embeds the documents that shared/contract publishes, for programs that need no code of the contract:
// Huma doubles a program's size.
package shared

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"
)

//go:embed contract/openapi.json.gz
var packedOpenAPI []byte

// BlueprintSchema is the JSON Schema of a blueprint, draft 2020-12.
//
//go:embed contract/blueprint.schema.json
var BlueprintSchema []byte

// OpenAPI is the API as an OpenAPI 3.1 document.
var OpenAPI = sync.OnceValue(func() []byte {
	r, err := gzip.NewReader(bytes.NewReader(packedOpenAPI))
	if err == nil {
		var document []byte
		if document, err = io.ReadAll(r); err == nil {
			return document
		}
	}
	panic(fmt.Sprintf("shared: contract/openapi.json.gz: %v", err)) // a bad build
})
