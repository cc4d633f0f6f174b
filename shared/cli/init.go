package cli

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"plugboard/shared"
	"plugboard/shared/cli/blueprint"
	"plugboard/shared/cli/credentials"
	"plugboard/shared/cli/scaffold"
)

type initCommand struct {
	Slug     string `arg:"" help:"The extension's id: small letters, digits and dashes, 3 to 40."`
	Language string `help:"The endpoint's language: go, python or typescript." default:"python" placeholder:"LANGUAGE"`
	Name     string `help:"The name that people see. Default: from the slug." placeholder:"NAME"`
	Dir      string `help:"The folder, which is made. Default: the slug." placeholder:"FOLDER"`
	URL      string `name:"endpoint-url" help:"The endpoint's public URL." default:"https://hooks.example.com/plugboard" placeholder:"URL"`
}

type initialized struct {
	Folder string   `json:"folder"`
	Files  []string `json:"files"`
}

func (r initialized) text(p *paper) {
	p.good("The extension is in %s: %s.", r.Folder, strings.Join(r.Files, ", "))
}

var slugPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{2,39}$`)

// schemaFile is the schema beside the blueprint, so that editors need no network.
const schemaFile = "blueprint.schema.json"

func (c *initCommand) Run(a *app) error {
	if !slugPattern.MatchString(c.Slug) {
		return fail(
			ExitUsage,
			"usage",
			"%q is no slug: it has 3 to 40 small letters, digits and dashes, and begins with a letter.",
			c.Slug,
		)
	}
	if !slices.Contains(scaffold.Languages(), c.Language) {
		return fail(
			ExitUsage,
			"usage",
			"--language is %s, not %q.",
			strings.Join(scaffold.Languages(), ", "),
			c.Language,
		)
	}
	dir, name := c.Dir, c.Name
	if dir == "" {
		dir = c.Slug
	}
	if name == "" {
		name = titled(c.Slug)
	}
	if strings.ContainsAny(name+c.URL, "\"\\\n\r") {
		return fail(ExitUsage, "usage", "The name and the URL have no quotes, backslashes or line ends.")
	}
	files, err := scaffold.Files(
		c.Language,
		scaffold.Names{Slug: c.Slug, Name: name, Schema: "./" + schemaFile, URL: c.URL},
	)
	if err != nil {
		return err
	}
	if files[schemaFile], err = blueprint.EditorSchema(shared.BlueprintSchema); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(files))
	for _, file := range names { // before anything is written
		if _, err := os.Stat(a.path(filepath.Join(dir, file))); !errors.Is(err, fs.ErrNotExist) {
			return fail(
				ExitUsage,
				"usage",
				"%s exists already. Choose another folder by --dir.",
				filepath.Join(dir, file),
			)
		}
	}
	if err := os.MkdirAll(a.path(dir), 0o755); err != nil {
		return err
	}
	for _, file := range names {
		if err := credentials.Replace(a.path(filepath.Join(dir, file)), files[file], 0o644); err != nil {
			return err
		}
	}
	return a.screen.show(initialized{dir, names})
}

// titled makes a name of a slug: acme-crm is Acme Crm.
func titled(slug string) string {
	words := strings.FieldsFunc(slug, func(r rune) bool { return r == '-' })
	for i, w := range words {
		words[i] = sentence(w)
	}
	return strings.Join(words, " ")
}
