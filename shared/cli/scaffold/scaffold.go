// Package scaffold holds the files that a new extension begins with.
package scaffold

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"
)

//go:embed files
var files embed.FS

// Names are what the files are filled in with.
type Names struct {
	Slug, Name string
	Schema     string // what $schema of the blueprint names
	URL        string // of the endpoint
	language
}

// language is what the README says of a language's files.
type language struct{ Endpoint, Test, Run, RunTest string }

var languages = map[string]language{
	"go":         {"endpoint.go", "endpoint_test.go", "go run .", "go test"},
	"python":     {"endpoint.py", "test_endpoint.py", "python3 endpoint.py", "python3 -m unittest"},
	"typescript": {"endpoint.ts", "endpoint.test.ts", "node endpoint.ts", "node --test"},
}

// Languages are the languages of the endpoint, sorted.
func Languages() []string { return slices.Sorted(maps.Keys(languages)) }

// Files are a new extension's files with their content, by name.
func Files(chosen string, n Names) (map[string][]byte, error) {
	n.language = languages[chosen]
	filled := map[string][]byte{}
	for _, folder := range []string{"shared", chosen} {
		entries, err := fs.ReadDir(files, path.Join("files", folder))
		if err != nil {
			return nil, fmt.Errorf("no files for the language %q", chosen)
		}
		for _, e := range entries {
			text, err := fs.ReadFile(files, path.Join("files", folder, e.Name()))
			if err != nil {
				return nil, err
			}
			t, err := template.New(e.Name()).Parse(string(text))
			if err != nil {
				return nil, err
			}
			var out bytes.Buffer
			if err := t.Execute(&out, n); err != nil {
				return nil, err
			}
			filled[strings.TrimSuffix(e.Name(), ".tmpl")] = out.Bytes()
		}
	}
	return filled, nil
}
