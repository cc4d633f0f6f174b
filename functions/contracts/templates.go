package contracts

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// CreateTemplate creates a template. Invalid with every error: the workspace, the template type (an extension's token
// may use only its own), and each value. Conflict `quota-exceeded` at the account's limit.
func (s *Service) CreateTemplate(ctx context.Context,
	in *contract.CreateTemplateInput) (*contract.CreateTemplateOutput, error) {
	caller := auth.From(ctx)
	item := contract.TemplateItem{Account: caller.Account, ID: domain.TemplateID(s.newID("tpl")), TemplateBody: in.Body}
	var tx store.Tx
	known, named := s.workspacesOnce(ctx)
	tpl, _, err := s.changeTemplate(ctx, &tx, templateLookup{known, s.templateType}, caller.Extension(),
		domain.Template{}, item)
	if err != nil {
		return nil, err
	}
	named(&tx, caller.Account)
	holdTypes(&tx, caller.Account, []domain.Template{tpl})
	out := &contract.CreateTemplateOutput{Body: tpl}
	return out, s.store.Commit(ctx, &tx, out)
}

// DeleteTemplate deletes a template. Contracts keep the values they took from it. No contract is created from it any
// more, except one whose creation has begun. NotFound for a missing template and, to an extension's token, for one of
// a type that is not the extension's.
func (s *Service) DeleteTemplate(ctx context.Context,
	in *contract.DeleteTemplateInput) (*contract.DeleteTemplateOutput, error) {
	tpl, err := s.template(ctx, in.Template)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Delete(&tpl)
	tx.UseType(tpl.Account, tpl.TemplateType, -1)
	tx.Count(tpl.Account, domain.QuotaTemplates, -1)
	out := &contract.DeleteTemplateOutput{}
	return out, s.store.Commit(ctx, &tx, out)
}

// ReadTemplate shows a template. NotFound as for DeleteTemplate.
func (s *Service) ReadTemplate(ctx context.Context, in *contract.TemplateInput) (*contract.ReadTemplateOutput, error) {
	tpl, err := s.template(ctx, in.Template)
	if err != nil {
		return nil, err
	}
	t, err := s.store.TemplateType(ctx, tpl.Account, tpl.TemplateType)
	if err != nil {
		return nil, fault.Wrap(err, "the type of the template %s", tpl.ID)
	}
	shown := []domain.Template{tpl}
	err = s.showUsable(ctx, shown, []domain.TemplateType{t})
	return &contract.ReadTemplateOutput{ETag: tpl.ETag(), Body: shown[0]}, err
}

// UpdateTemplate changes what is given. NotFound as for DeleteTemplate; Stale when If-Match names another version;
// Invalid with everything that is wrong, as for a new template; Conflict `raced` when it changed in between.
func (s *Service) UpdateTemplate(ctx context.Context,
	in *contract.UpdateTemplateInput) (*contract.UpdateTemplateOutput, error) {
	tpl, err := s.template(ctx, in.Template)
	switch {
	case err != nil:
		return nil, err
	case !domain.MatchesETag(in.IfMatch, tpl.ETag()):
		return nil, fault.New(fault.Stale, "stale", "The template has changed since you read it. Read it again.")
	}
	if in.Body.Active != nil {
		tpl.Active = *in.Body.Active
	}
	var tx store.Tx
	known, named := s.workspacesOnce(ctx)
	changed, result, err := s.changeTemplate(ctx, &tx, templateLookup{known, s.templateType},
		auth.From(ctx).Extension(), tpl, asChanged(tpl, in))
	if err != nil {
		return nil, err
	}
	if result == contract.ImportUnchanged { // only Active may have changed
		changed.UpdatedAt = s.now()
		tx.Save(&changed, changed.Rev)
	} else {
		named(&tx, changed.Account)
	}
	out := &contract.UpdateTemplateOutput{ETag: changed.ETag(), Body: changed}
	return out, s.store.Commit(ctx, &tx, out)
}

// asChanged is the template after the changes of the input.
func asChanged(tpl domain.Template, in *contract.UpdateTemplateInput) contract.TemplateItem {
	item := contract.TemplateItem{Account: tpl.Account, ID: tpl.ID, TemplateBody: contract.TemplateBody{
		Name: tpl.Name, Workspace: tpl.Workspace, TemplateType: tpl.TemplateType, DataFields: tpl.Values,
	}}
	if in.Body.Name != nil {
		item.Name = *in.Body.Name
	}
	if in.Body.Workspace != nil {
		item.Workspace = *in.Body.Workspace
	}
	if in.Body.DataFields != nil {
		item.DataFields = in.Body.DataFields
	}
	return item
}

// validateTemplateChange reports the faults of a change that is already invalid.
func (s *Service) validateTemplateChange(ctx context.Context, in *contract.UpdateTemplateInput) ([]fault.Field, error) {
	tpl, err := s.template(ctx, in.Template)
	if err != nil {
		return nil, err
	}
	return templateFaults(ctx, templateLookup{s.workspaceKnown, s.templateType}, auth.From(ctx).Extension(),
		asChanged(tpl, in))
}

// template is a template that the caller may see: an extension's token sees those of its own types, a member those of
// its workspaces (design rule 28). NotFound otherwise.
func (s *Service) template(ctx context.Context, id domain.TemplateID) (domain.Template, error) {
	caller := auth.From(ctx)
	tpl, err := s.store.Template(ctx, caller.Account, id)
	if err == nil && !caller.Reaches(tpl.Workspace) {
		return domain.Template{}, fault.New(fault.NotFound, "not-found", "There is no such template.")
	}
	if err != nil || caller.Extension() == "" {
		return tpl, err
	}
	t, err := s.store.TemplateType(ctx, caller.Account, tpl.TemplateType)
	if err != nil {
		return domain.Template{}, fault.Wrap(err, "the type of the template %s", id)
	}
	if t.Extension != caller.Extension() {
		return domain.Template{}, fault.New(fault.NotFound, "not-found", "There is no such template.")
	}
	return tpl, nil
}

// templateLookup reads the records that a template refers to.
type templateLookup struct {
	workspace workspaceKnown
	typed     func(context.Context, domain.AccountID, domain.TemplateTypeID) (usableType, error)
}

// usableType is a template type, and whether its extension is enabled.
type usableType struct {
	domain.TemplateType
	installed bool
}

func (s *Service) templateType(ctx context.Context, a domain.AccountID, id domain.TemplateTypeID) (usableType, error) {
	t, err := s.store.TemplateType(ctx, a, id)
	if err != nil {
		return usableType{}, err
	}
	installed, err := s.values.Installed(ctx, t)
	return usableType{t, installed}, err
}

// changeTemplate adds to tx the writes that turn before into the item. A zero before creates the template; its caller
// also adds the writes of holdTypes. An e that is not empty allows only template types of that extension.
func (s *Service) changeTemplate(ctx context.Context, tx *store.Tx, look templateLookup, e domain.ExtensionID,
	before domain.Template, in contract.TemplateItem) (domain.Template, contract.ImportResult, error) {
	tpl := before
	tpl.Account, tpl.ID, tpl.Name, tpl.Workspace, tpl.TemplateType, tpl.Values = in.Account, in.ID, in.Name,
		in.Workspace, in.TemplateType, in.DataFields
	if tpl.Values == nil {
		tpl.Values = []domain.GivenValue{}
	}
	if reflect.DeepEqual(tpl, before) {
		return tpl, contract.ImportUnchanged, nil
	}
	wrong, err := templateFaults(ctx, look, e, in)
	if err != nil {
		return tpl, "", err
	}
	if before.Rev > 0 && before.TemplateType != in.TemplateType {
		wrong = append(wrong, fault.Field{Pointer: "/template_type_id", Code: "fixed",
			Detail: fmt.Sprintf("The template is of the type %q, which stays. Make another template.",
				before.TemplateType)})
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return tpl, "", err
	}
	result := stampTimes(before.Rev, &tpl.CreatedAt, &tpl.UpdatedAt, s.now())
	if result == contract.ImportCreated {
		tpl.Active = true
	}
	tx.Save(&tpl, tpl.Rev)
	return tpl, result, nil
}

// holdTypes counts new templates for their quota and their types.
func holdTypes(tx *store.Tx, a domain.AccountID, created []domain.Template) {
	uses := map[domain.TemplateTypeID]int{}
	for _, t := range created {
		uses[t.TemplateType]++
	}
	for id, n := range uses {
		tx.UseType(a, id, n)
	}
	if len(created) > 0 {
		tx.Count(a, domain.QuotaTemplates, len(created))
	}
}

// templateFaults reports every error of a template against its workspace and template type.
func templateFaults(ctx context.Context, look templateLookup, e domain.ExtensionID,
	in contract.TemplateItem) ([]fault.Field, error) {
	var wrong []fault.Field
	known, err := look.workspace(ctx, in.Account, in.Workspace)
	if err != nil {
		return wrong, err
	}
	if !known {
		wrong = append(wrong, fault.Field{Pointer: "/workspace_id", Code: "unknown-workspace",
			Detail: "The account has no such workspace."})
	}
	t, err := look.typed(ctx, in.Account, in.TemplateType)
	if err == nil && e != "" && t.Extension != e {
		err = fault.New(fault.NotFound, "not-found", "")
	}
	known = err == nil
	if wrong, err = absent(wrong, err, "/template_type_id", "unknown-template-type",
		"There is no such template type."); err != nil || !known {
		return wrong, err
	}
	_, bad := t.Snapshot("/data_fields", in.DataFields, t.installed)
	return append(wrong, bad...), nil
}

// validateNewTemplate is templateFaults for an input that is already invalid.
func (s *Service) validateNewTemplate(ctx context.Context, in *contract.CreateTemplateInput) ([]fault.Field, error) {
	caller := auth.From(ctx)
	return templateFaults(ctx, templateLookup{s.workspaceKnown, s.templateType}, caller.Extension(),
		contract.TemplateItem{Account: caller.Account, TemplateBody: in.Body})
}

// ListTemplates lists the templates that the caller may see: an extension's token sees those of its own types, a member
// those of its workspaces (design rule 28).
func (s *Service) ListTemplates(ctx context.Context,
	in *contract.ListTemplatesInput) (*contract.ListTemplatesOutput, error) {
	caller := auth.From(ctx)
	types, err := s.store.TemplateTypes(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	shown := map[domain.TemplateTypeID]bool{}
	for _, t := range types {
		shown[t.ID] = (in.ExtensionType == "" || t.ExtensionType == in.ExtensionType) &&
			(caller.Extension() == "" || t.Extension == caller.Extension())
	}
	all, err := s.store.Templates(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	templates := []domain.Template{}
	for _, t := range all {
		if shown[t.TemplateType] && caller.Reaches(t.Workspace) {
			templates = append(templates, t)
		}
	}
	page := contract.PageOf(templates, func(t domain.Template) string { return string(t.ID) }, in.PageInput)
	page.Items = slices.Clone(page.Items)
	return &contract.ListTemplatesOutput{Body: page}, s.showUsable(ctx, page.Items, types)
}

// showUsable leaves out the templates' values that a new contract cannot have: an inactive field acts as a removed one.
// Stored values stay, and are shown again once their field is active.
func (s *Service) showUsable(ctx context.Context, templates []domain.Template, types []domain.TemplateType) error {
	installed := map[domain.TemplateTypeID]bool{}
	for i, tpl := range templates {
		at := slices.IndexFunc(types, func(t domain.TemplateType) bool { return t.ID == tpl.TemplateType })
		if at < 0 {
			templates[i].Values = []domain.GivenValue{}
			continue
		}
		t := types[at]
		if _, known := installed[t.ID]; !known {
			is, err := s.values.Installed(ctx, t)
			if err != nil {
				return err
			}
			installed[t.ID] = is
		}
		templates[i].Values = t.UsableValues(tpl.Values, installed[t.ID])
	}
	return nil
}

// absent adds a field for a NotFound and keeps any other error.
func absent(wrong []fault.Field, err error, pointer, code, detail string) ([]fault.Field, error) {
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return wrong, err
	}
	return append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: detail}), nil
}
