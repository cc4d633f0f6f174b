package cli

import (
	"context"
	"encoding/json"
	"strconv"

	"plugboard/shared/domain"
)

type diffCommand struct {
	extensionFlag
	From string `arg:"" optional:"" help:"A version's number. Default: the newest."`
	To   string `arg:"" optional:"" help:"A later version's number. Default: blueprint.json."`
}

type difference struct {
	Extension string `json:"extension_id"`
	From      string `json:"from"`
	To        string `json:"to"`
	domain.BlueprintDiff
}

func (d difference) text(p *paper) {
	if len(d.Changes) == 0 {
		p.line("%s has no changes against version %s.", d.To, d.From)
	}
	for _, c := range d.Changes {
		switch c.Kind {
		case domain.Added:
			p.styled(green, "+ ", "%s: %s", c.Pointer, c.To)
		case domain.Removed:
			p.styled(red, "- ", "%s: %s", c.Pointer, c.From)
		default:
			p.styled("", "~ ", "%s: %s → %s", c.Pointer, c.From, c.To)
		}
	}
	for _, r := range d.NeedsConsent {
		p.line("An admin must consent: %s", r.Detail)
	}
}

func (c *diffCommand) Run(ctx context.Context, a *app) error {
	id, err := c.id(a)
	if err != nil {
		return err
	}
	if c.From == "" {
		s, err := a.status(ctx, id)
		if err != nil {
			return err
		}
		if s.Extension.Latest == 0 {
			return fail(
				ExitNotFound,
				"no-version",
				"No version of %s is submitted yet, so there is nothing to compare with.",
				id,
			)
		}
		c.From = strconv.Itoa(s.Extension.Latest)
	}
	for _, given := range []string{c.From, c.To} {
		if n, err := strconv.Atoi(given); given != "" && (err != nil || n < 1) {
			return fail(ExitUsage, "usage", "A version is a number from 1 on, not %q.", given)
		}
	}
	d := difference{Extension: id, From: c.From, To: c.To}
	if c.To != "" {
		err = a.call(
			ctx,
			"diff-versions",
			input{"extension_id": id, "version": json.Number(c.From), "against": c.To},
			&d.BlueprintDiff,
		)
	} else {
		d.To = c.file(blueprintFile)
		d.BlueprintDiff, err = c.withFile(ctx, a, id)
	}
	if err != nil {
		return err
	}
	return a.screen.show(d)
}

// withFile compares a version with blueprint.json, by the code by which the server compares.
func (c *diffCommand) withFile(ctx context.Context, a *app, id string) (domain.BlueprintDiff, error) {
	next, err := c.blueprint(a)
	if err != nil {
		return domain.BlueprintDiff{}, err
	}
	var read struct {
		Blueprint domain.BlueprintSpec `json:"blueprint"`
	}
	if err := a.call(ctx, "read-version", input{"extension_id": id, "version": json.Number(c.From)},
		&read); err != nil {
		return domain.BlueprintDiff{}, err
	}
	return read.Blueprint.Diff(next), nil
}
