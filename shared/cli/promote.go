package cli

import (
	"context"
	"slices"

	"plugboard/shared/domain"
)

type promoteCommand struct {
	project
	TemplateType string `arg:"" help:"The template type's id in your development account, tt_…"`
	Key          string `help:"The template_type_key that it becomes. Default: the empty key." placeholder:"KEY"`
}

func (*promoteCommand) Help() string {
	return "The server copies the template type's user fields into the extension's draft, and blueprint.json gets " +
		"them from " +
		"there. The rest of blueprint.json stays. The extension is created from extension.json when the server " +
		"has none."
}

type promotion struct {
	Extension string                       `json:"extension_id"`
	File      string                       `json:"file"`
	Type      domain.TemplateTypeBlueprint `json:"template_type"`
}

func (r promotion) text(p *paper) {
	p.good("%q with %s is in %s.", r.Type.Name, plural(len(r.Type.Fields), "field"), r.File)
}

func (c *promoteCommand) Run(ctx context.Context, a *app) error {
	spec, err := c.project.blueprint(a)
	if err != nil {
		return err
	}
	o, _, err := a.createExtension(ctx, c.project)
	if err != nil {
		return err
	}
	var draft domain.BlueprintDraft
	in := input{"extension_id": string(o.Slug), "template_type_id": c.TemplateType, "key": c.Key}
	if err := a.call(ctx, "promote-template-type", in, &draft); err != nil {
		return err
	}
	keyed := func(t domain.TemplateTypeBlueprint) bool { return t.Key == c.Key }
	at := slices.IndexFunc(draft.Blueprint.TemplateTypes, keyed)
	if at < 0 {
		return fail(ExitServer, "answer", "The draft that the server answered with has no template type %q.", c.Key)
	}
	promoted := draft.Blueprint.TemplateTypes[at]
	if here := slices.IndexFunc(spec.TemplateTypes, keyed); here >= 0 {
		promoted.NoWebhooks = spec.TemplateTypes[here].NoWebhooks
		spec.TemplateTypes[here] = promoted
	} else {
		spec.TemplateTypes = append(spec.TemplateTypes, promoted)
	}
	if err := c.project.keepBlueprint(a, spec); err != nil {
		return err
	}
	return a.screen.show(promotion{string(o.Slug), c.project.file(blueprintFile), promoted})
}
