package inventory

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"plugboard/functions/console"
	"plugboard/shared/contract"
)

// The committed files, relative to the module's root.
const (
	OpenAPIFile  = "shared/contract/openapi.json"
	PackedFile   = OpenAPIFile + ".gz"
	SchemaFile   = "shared/contract/blueprint.schema.json"
	MarkdownFile = "shared/contract/INVENTORY.md"
)

// Whole is the inventory of the module at root: its operations, then the console's pages.
func Whole(root string) ([]Row, error) {
	code, err := Load(root, "./functions/...")
	if err != nil {
		return nil, err
	}
	operations, err := Of(contract.All(), contract.OpenAPI(), code)
	if err != nil {
		return nil, err
	}
	pages, err := Pages(console.Routes(), operations, code)
	return append(operations, pages...), err
}

// Write refreshes the committed files of the module at root. The OpenAPI document and the blueprint's schema come
// first, as they need no code: they are right even when an operation has no handler yet.
func Write(root string) error {
	document, err := contract.EncodeOpenAPI()
	if err != nil {
		return err
	}
	if err := writeDocument(root, document); err != nil {
		return err
	}
	schema, err := contract.EncodeBlueprintSchema()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, SchemaFile), schema, 0o644); err != nil {
		return err
	}
	rows, err := Whole(root)
	if err != nil {
		return err
	}
	if document, err = Document(rows); err != nil {
		return err
	}
	if err := writeDocument(root, document); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, MarkdownFile), Markdown(rows), 0o644)
}

func writeDocument(root string, document []byte) error {
	packed, err := contract.Pack(document)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(root, OpenAPIFile), document, 0o644),
		os.WriteFile(filepath.Join(root, PackedFile), packed, 0o644))
}

// Document is the OpenAPI document with the codes of each problem answer, which only the code tells.
func Document(rows []Row) ([]byte, error) {
	doc := contract.OpenAPI()
	for _, o := range contract.All() {
		i := slices.IndexFunc(rows, func(r Row) bool { return r.Operation == o.ID })
		if i < 0 {
			return nil, fmt.Errorf("inventory: there is no row of %s", o.ID)
		}
		for _, e := range rows[i].Errors {
			answer := documentedOperation(doc, o).Responses[strconv.Itoa(e.Status)]
			answer.Description = fmt.Sprintf("%s. Codes: %s.", http.StatusText(e.Status), strings.Join(e.Codes, ", "))
		}
	}
	return contract.Encode(doc)
}

// Root is the module's, above dir: where go.mod is.
func Root(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("inventory: there is no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
}
