package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"plugboard/shared/cli/client"
	"plugboard/shared/cli/credentials"
)

type submitCommand struct {
	project
	Private  bool   `name:"private-urls" help:"Allow http:// and private addresses, as local stages do."`
	SecretTo string `help:"Keep the lifecycle endpoint's signing secret, which is shown once, in this file." placeholder:"FILE" default:"lifecycle-secret.txt"`
}

func (*submitCommand) Help() string {
	return "blueprint.json is checked first. The extension is created from extension.json when the server has none."
}

type submission struct {
	Extension  string `json:"extension_id"`
	Version    int    `json:"version"`
	Created    bool   `json:"extension_created"`
	SecretFile string `json:"lifecycle_secret_file,omitempty"`
}

func (s submission) text(p *paper) {
	if s.Created {
		p.good("The extension %s is created.", s.Extension)
	}
	p.good("Version %d of %s is submitted. `plugboard status --watch` waits for its review.", s.Version, s.Extension)
	if s.SecretFile != "" {
		p.line("The lifecycle endpoint's signing secret is in %s.", s.SecretFile)
	}
}

func (c *submitCommand) Run(ctx context.Context, a *app) error {
	v, err := c.project.validate(a, c.Private)
	if err != nil {
		return err
	}
	if !v.Valid {
		if err := a.screen.show(v); err != nil {
			return err
		}
		return errNo
	}
	o, created, err := a.createExtension(ctx, c.project)
	if err != nil {
		return err
	}
	spec, err := c.project.blueprint(a)
	if err != nil {
		return err
	}
	var frozen struct {
		Version int    `json:"version"`
		Secret  string `json:"lifecycle_secret"`
	}
	if err := a.call(ctx, "submit-blueprint", input{"extension_id": string(o.Slug), "blueprint": spec},
		&frozen); err != nil {
		return err
	}
	s := submission{Extension: string(o.Slug), Version: frozen.Version, Created: created}
	if frozen.Secret != "" {
		s.SecretFile = c.SecretTo
		if err := credentials.Replace(a.path(c.SecretTo), []byte(frozen.Secret+"\n"), 0o600); err != nil {
			return fail(
				ExitLocal,
				"file",
				"Version %d is submitted, but its lifecycle secret could not be kept in %s. `plugboard api "+
					"rotate-lifecycle-secret` makes another.",
				s.Version,
				c.SecretTo,
			)
		}
	}
	return a.screen.show(s)
}

// createExtension creates the folder's extension unless the server has it.
func (a *app) createExtension(ctx context.Context, p project) (offer, bool, error) {
	o, found, err := p.offer(a)
	if err != nil {
		return o, false, err
	}
	if !found {
		return o, false, fail(ExitUsage, "usage", "There is no %s. `plugboard init` makes one.", p.file(extensionFile))
	}
	err = a.call(ctx, "read-extension", input{"extension_id": string(o.Slug)}, nil)
	var refused *client.Problem
	if !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		return o, false, err
	}
	if err := a.call(ctx, "create-extension", o.raw, nil); err != nil {
		return o, false, fmt.Errorf("create the extension: %w", err)
	}
	return o, true, nil
}
