package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"

	"plugboard/shared/cli/blueprint"
	"plugboard/shared/cli/credentials"
	"plugboard/shared/domain"
)

// The files of an extension's folder. extension.json is the body of create-extension.
const (
	extensionFile = "extension.json"
	blueprintFile = "blueprint.json"
)

// project is the folder in which an extension is written.
type project struct {
	Dir string `help:"The folder of extension.json and blueprint.json." default:"." placeholder:"FOLDER"`
}

// extensionFlag names the extension where the folder does not.
type extensionFlag struct {
	project
	Extension string `help:"The extension's id. Default: the slug in extension.json." placeholder:"ID"`
}

func (p project) file(name string) string { return filepath.Join(p.Dir, name) }

// offer is extension.json. Fields that the program does not know stay in raw.
type offer struct {
	Slug     domain.ExtensionID `json:"slug"`
	TypeKeys []string           `json:"template_type_keys"`
	raw      map[string]any
}

// offer reads extension.json; false when there is none.
func (p project) offer(a *app) (offer, bool, error) {
	var o offer
	raw, err := a.read(p.file(extensionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return o, false, nil
	}
	if err != nil {
		return o, false, err
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, false, fail(
			ExitLocal,
			"damaged",
			"%s is not the JSON object that it should be: %s.",
			p.file(extensionFile),
			err,
		)
	}
	json.Unmarshal(raw, &o.raw)
	if !o.Slug.Possible() {
		return o, false, fail(ExitLocal, "damaged", "%s has no slug.", p.file(extensionFile))
	}
	return o, true, nil
}

// id is the extension that a command is about.
func (e extensionFlag) id(a *app) (string, error) {
	if e.Extension != "" {
		return e.Extension, nil
	}
	o, found, err := e.offer(a)
	if err != nil {
		return "", err
	}
	if !found {
		return "", fail(
			ExitUsage,
			"usage",
			"There is no %s: name the extension by --extension, or the folder by --dir.",
			e.file(extensionFile),
		)
	}
	return string(o.Slug), nil
}

// blueprint reads blueprint.json.
func (p project) blueprint(a *app) (domain.BlueprintSpec, error) {
	raw, err := a.read(p.file(blueprintFile))
	if err != nil {
		return domain.BlueprintSpec{}, err
	}
	spec, err := blueprint.Read(raw)
	if err != nil {
		return spec, fail(
			ExitLocal,
			"damaged",
			"%s cannot be read; `plugboard validate` says why.",
			p.file(blueprintFile),
		)
	}
	return spec, nil
}

// keepBlueprint replaces blueprint.json, and keeps its schema line.
func (p project) keepBlueprint(a *app, spec domain.BlueprintSpec) error {
	line := struct {
		Schema string `json:"$schema,omitempty"`
	}{}
	raw, err := a.read(p.file(blueprintFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	json.Unmarshal(raw, &line)
	text, err := json.MarshalIndent(struct {
		Schema string `json:"$schema,omitempty"`
		domain.BlueprintSpec
	}{line.Schema, spec}, "", "  ")
	if err != nil {
		return err
	}
	return credentials.Replace(a.path(p.file(blueprintFile)), append(text, '\n'), 0o644)
}
