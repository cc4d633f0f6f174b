package contract

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:generate go run ./inventory/generate

// packed is openapi.json, which people read, in a twentieth of the bytes: a function has no room for it as it is. A
// test fails when either is stale, which they may be while the generator compiles; absent they may not be.
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

// PublishedCaching lets a client or a proxy keep a document for five minutes, and then ask by its ETag.
const PublishedCaching = "public, max-age=300"

type PublishedInput struct {
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024" doc:"The ETag that the caller has: 304 and no body when the document is still the same."`
}

// PublishedFile is a committed document as it is answered.
type PublishedFile struct {
	Status       int
	ContentType  string `header:"Content-Type" hidden:"true"`
	ETag         string `header:"ETag" doc:"The SHA-256 of the document."`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

type ReadOpenapiInput PublishedInput

type ReadOpenapiOutput PublishedFile

type ReadBlueprintSchemaInput PublishedInput

type ReadBlueprintSchemaOutput PublishedFile

// Published is the document with its ETag and caching, as status 200.
func Published(document []byte) PublishedFile {
	return PublishedFile{
		Status: http.StatusOK, ContentType: "application/json",
		ETag:         fmt.Sprintf("%q", fmt.Sprintf("%x", sha256.Sum256(document))),
		CacheControl: PublishedCaching, Body: document,
	}
}

// EncodeOpenAPI is OpenAPI as it is committed, but for the codes of problem answers, which package inventory adds.
func EncodeOpenAPI() ([]byte, error) { return Encode(OpenAPI()) }

// Encode is a document as it is committed: indented, the same bytes for the same contract.
func Encode(doc *huma.OpenAPI) ([]byte, error) { return indented(doc) }

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
