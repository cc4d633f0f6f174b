package contracts

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// CreateTemplate makes a template. Invalid with everything that is wrong: the workspace, the template type (an
// extension's token may use its own only), and each value. Conflict `quota-exceeded` when the account has as many as it may.
func (s *Service) CreateTemplate(ctx context.Context, in *contract.CreateTemplateInput) (*contract.CreateTemplateOutput, error) {
	caller := auth.From(ctx)
	t, wrong, err := s.base(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	now := s.now()
	tpl := domain.Template{
		Account: caller.Account, ID: domain.TemplateID(s.newID("tpl")), Workspace: in.Body.Workspace, TemplateType: t.ID,
		Name: in.Body.Name, Active: true, Values: in.Body.DataFields, CreatedAt: now, UpdatedAt: now,
	}
	if tpl.Values == nil {
		tpl.Values = []domain.GivenValue{}
	}
	var tx store.Tx
	tx.Create(&tpl)
	tx.Count(tpl.Account, domain.QuotaTemplates, 1)
	tx.UseType(t.Account, t.ID)
	out := &contract.CreateTemplateOutput{Body: tpl}
	return out, s.store.Commit(ctx, &tx, out)
}

// ListTemplates lists templates, to an extension's token those of its own types.
func (s *Service) ListTemplates(ctx context.Context, in *contract.ListTemplatesInput) (*contract.ListTemplatesOutput, error) {
	caller := auth.From(ctx)
	types, err := s.store.TemplateTypes(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	shown := map[domain.TemplateTypeID]bool{}
	for _, t := range types {
		shown[t.ID] = (in.ExtensionType == "" || t.ExtensionType == in.ExtensionType) && (caller.Extension() == "" || t.Extension == caller.Extension())
	}
	all, err := s.store.Templates(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	templates := []domain.Template{}
	for _, t := range all {
		if shown[t.TemplateType] {
			templates = append(templates, t)
		}
	}
	return &contract.ListTemplatesOutput{Body: contract.PageOf(templates, func(t domain.Template) string { return string(t.ID) }, in.PageInput)}, nil
}

// base reads the template type of a new template, and reports everything that is wrong with the template in its light.
func (s *Service) base(ctx context.Context, in *contract.CreateTemplateInput) (domain.TemplateType, []fault.Field, error) {
	caller := auth.From(ctx)
	var wrong []fault.Field
	_, err := s.store.Workspace(ctx, caller.Account, in.Body.Workspace)
	if wrong, err = absent(wrong, err, "/workspace_id", "unknown-workspace", "The account has no such workspace."); err != nil {
		return domain.TemplateType{}, wrong, err
	}
	t, err := s.store.TemplateType(ctx, caller.Account, in.Body.TemplateType)
	if err == nil && caller.Extension() != "" && t.Extension != caller.Extension() {
		err = fault.New(fault.NotFound, "not-found", "")
	}
	known := err == nil
	if wrong, err = absent(wrong, err, "/template_type_id", "unknown-template-type", "There is no such template type."); err != nil || !known {
		return t, wrong, err
	}
	installed, err := s.filling.Installed(ctx, t)
	if err != nil {
		return t, wrong, err
	}
	_, bad := t.Snapshot("/data_fields", in.Body.DataFields, installed)
	return t, append(wrong, bad...), nil
}

func (s *Service) lookAtNewTemplate(ctx context.Context, in *contract.CreateTemplateInput) ([]fault.Field, error) {
	_, wrong, err := s.base(ctx, in)
	return wrong, err
}

// absent adds a field for a NotFound and keeps any other error.
func absent(wrong []fault.Field, err error, pointer, code, detail string) ([]fault.Field, error) {
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return wrong, err
	}
	return append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail}), nil
}
