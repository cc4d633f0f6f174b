package cli

import (
	"plugboard/shared/cli/blueprint"
	"plugboard/shared/domain"
)

type validateCommand struct {
	project
	Private bool `name:"private-urls" help:"Allow http:// and private addresses, as local stages do."`
}

func (*validateCommand) Help() string {
	return "Nothing is sent. Only the server knows whether dependencies are listed."
}

type validation struct {
	File     string              `json:"file"`
	Valid    bool                `json:"valid"`
	Problems []blueprint.Problem `json:"problems"`
}

func (v validation) text(p *paper) {
	if v.Valid {
		p.good("%s is valid.", v.File)
		return
	}
	for _, w := range v.Problems {
		at := w.Pointer
		if at == "" {
			at = "the whole"
		}
		p.line("%s:%d:%d: %s: %s (%s)", v.File, w.Line, w.Column, at, w.Detail, w.Code)
	}
	p.bad("%s in %s.", plural(len(v.Problems), "problem"), v.File)
}

func (c *validateCommand) Run(a *app) error {
	v, err := c.project.validate(a, c.Private)
	if err != nil {
		return err
	}
	if err := a.screen.show(v); err != nil || v.Valid {
		return err
	}
	return errNo
}

func (p project) validate(a *app, private bool) (validation, error) {
	o, _, err := p.offer(a)
	if err != nil {
		return validation{}, err
	}
	raw, err := a.read(p.file(blueprintFile))
	if err != nil {
		return validation{}, err
	}
	wrong := blueprint.Check(raw, domain.Extension{ID: o.Slug, TypeKeys: o.TypeKeys}, private)
	return validation{p.file(blueprintFile), len(wrong) == 0, append([]blueprint.Problem{}, wrong...)}, nil
}
