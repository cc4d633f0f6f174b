package contracts

import (
	"cmp"
	"context"
	"slices"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// CreateData lists the workspaces in which the acting user may create contracts and that hold an active template of a
// wanted type. It includes those templates, their types' usable fields, and the fields' version (design rule 14).
// Creation checks the pair of workspace and template again. The order is stable: workspaces by id, templates and
// types by name, then id.
func (s *Service) CreateData(ctx context.Context,
	in *contract.ContractCreateDataInput) (*contract.ContractCreateDataOutput, error) {
	caller := auth.From(ctx)
	wanted, err := s.wantedTypes(ctx, caller, in)
	if err != nil {
		return nil, err
	}
	workspaces, err := s.store.Workspaces(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	templates, err := s.store.Templates(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(templates, func(a, b domain.Template) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	choices := []contract.WorkspaceChoice{}
	for _, w := range workspaces {
		if !caller.User.MayCreateIn(w.ID) {
			continue
		}
		choice := contract.WorkspaceChoice{ID: w.ID, Name: w.Name}
		for _, t := range templates {
			if _, ok := wanted[t.TemplateType]; ok && t.Active && t.Workspace == w.ID {
				choice.Templates = append(choice.Templates, contract.TemplateChoice{ID: t.ID, Name: t.Name,
					TemplateType: t.TemplateType, DataFields: t.Values})
			}
		}
		if len(choice.Templates) > 0 {
			choices = append(choices, choice)
		}
	}
	out := &contract.ContractCreateDataOutput{}
	out.Body.Page = contract.PageOf(choices, func(w contract.WorkspaceChoice) string { return string(w.ID) },
		in.PageInput)
	if out.Body.TemplateTypes, err = s.typeChoices(ctx, out.Body.Items, wanted); err != nil {
		return nil, err
	}
	for _, w := range out.Body.Items {
		for i, t := range w.Templates {
			w.Templates[i].DataFields = valuesOfShownFields(t, out.Body.TemplateTypes)
		}
	}
	return out, nil
}

// valuesOfShownFields are the template's values of the fields that are shown with its type. Creation would refuse
// values of other fields.
func valuesOfShownFields(t contract.TemplateChoice, types []contract.TemplateTypeChoice) []domain.GivenValue {
	at := slices.IndexFunc(types, func(c contract.TemplateTypeChoice) bool { return c.ID == t.TemplateType })
	return slices.DeleteFunc(slices.Clone(t.DataFields), func(v domain.GivenValue) bool {
		return !slices.ContainsFunc(types[at].DataFields, func(f domain.FieldDefinition) bool {
			return domain.FoldCustomID(f.CustomID) == domain.FoldCustomID(v.CustomID)
		})
	})
}

// wantedTypes are the requested template types; for an extension's token, among its own types.
func (s *Service) wantedTypes(ctx context.Context, caller auth.Caller,
	in *contract.ContractCreateDataInput) (map[domain.TemplateTypeID]domain.TemplateType, error) {
	all, err := s.store.TemplateTypes(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	wanted := map[domain.TemplateTypeID]domain.TemplateType{}
	for _, t := range all {
		switch {
		case caller.Extension() != "" && t.Extension != caller.Extension():
		case len(in.ExtensionTypes) > 0 && !slices.Contains(in.ExtensionTypes, t.ExtensionType):
		case in.TemplateType != "" && (t.ID != in.TemplateType || t.Extension != ""):
		default:
			wanted[t.ID] = t
		}
	}
	return wanted, nil
}

// typeChoices describes the types of the shown templates. A type's version is read before its fields, so that the
// version is never newer than the fields shown with it.
func (s *Service) typeChoices(ctx context.Context, shown []contract.WorkspaceChoice,
	wanted map[domain.TemplateTypeID]domain.TemplateType) ([]contract.TemplateTypeChoice, error) {
	choices := []contract.TemplateTypeChoice{}
	seen := map[domain.TemplateTypeID]bool{}
	for _, w := range shown {
		for _, template := range w.Templates {
			id := template.TemplateType
			if seen[id] {
				continue
			}
			seen[id] = true
			choice, err := s.typeChoice(ctx, wanted[id])
			if err != nil {
				return nil, err
			}
			choices = append(choices, choice)
		}
	}
	slices.SortFunc(choices, func(a, b contract.TemplateTypeChoice) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return choices, nil
}

func (s *Service) typeChoice(ctx context.Context, known domain.TemplateType) (contract.TemplateTypeChoice, error) {
	version, err := s.store.FieldsVersion(ctx, known.Account, known.ID)
	if err != nil {
		return contract.TemplateTypeChoice{}, fault.Wrap(err, "fields version of %s", known.ID)
	}
	t, err := s.store.TemplateType(ctx, known.Account, known.ID)
	if err != nil {
		return contract.TemplateTypeChoice{}, err
	}
	installed, err := s.values.Installed(ctx, t)
	if err != nil {
		return contract.TemplateTypeChoice{}, err
	}
	choice := contract.TemplateTypeChoice{ID: t.ID, Name: t.Name, ExtensionType: t.ExtensionType,
		FieldsVersion: version.Version, DataFields: []domain.FieldDefinition{}}
	for _, f := range t.Fields {
		if f.Usable(installed) {
			choice.DataFields = append(choice.DataFields, f.FieldDefinition)
		}
	}
	return choice, nil
}
