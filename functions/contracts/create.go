package contracts

import (
	"context"
	"fmt"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/fieldvalues"
	"plugboard/shared/store"
)

// Create creates a contract from a template. Values come from the request, else from the template, else from the
// fields' defaults. The origin is the installation whose token creates it, or none.
//
// Invalid with every error at once: workspace, template, each value (design rule 12). Conflict `data-field-changed`
// when a field's flag, kind or presence changed: since the version that the caller named, or else during the creation
// (design rule 13). Nothing is created then.
func (s *Service) Create(ctx context.Context,
	in *contract.CreateContractInput) (*contract.CreateContractOutput, error) {
	caller := auth.From(ctx)
	found, wrong, err := s.readReferences(ctx, in, in.Body.FieldsVersion)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(wrong); err != nil {
		return nil, err
	}
	template, t, now := found.template, found.templateType, s.now()
	c := domain.Contract{
		ID: domain.ContractID(s.newID("con")), Account: caller.Account, Workspace: template.Workspace,
		Template:     template.ID,
		TemplateType: t.ID, ExtensionType: t.ExtensionType, Origin: caller.Extension(), Name: in.Body.Name,
		State:     domain.Draft,
		ExpiresOn: in.Body.ExpiresOn, Values: found.values, Participants: domain.Participants(in.Body.Participants,
			nil, s.newID), CreatedBy: caller.UserID(), CreatedAt: now, UpdatedAt: now,
	}
	event, err := events.OfContract(domain.EventID(s.newID("evt")), events.ContractCreated, c)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Create(&c)
	tx.HoldFields(found.version).Else(fieldvalues.FieldsChanged())
	tx.Emit(event)
	out := &contract.CreateContractOutput{ETag: c.ETag(), Body: c}
	return out, s.store.Commit(ctx, &tx, out)
}

// references holds the records and values that a contract's creation reads.
type references struct {
	template     domain.Template
	templateType domain.TemplateType
	version      domain.FieldsVersion
	values       []domain.Value
}

// readReferences reads the records that the input names, and reports every error of the input against them. With an
// unknown template it reports the template alone, since its fields are unknown. seen is the fields' version that the
// caller has seen.
func (s *Service) readReferences(ctx context.Context, in *contract.CreateContractInput,
	seen int) (f references, wrong []fault.Field, err error) {
	caller := auth.From(ctx)
	wrong = domain.CheckExpiry(in.Body.ExpiresOn, s.now())
	template, bad, err := s.workspaceAndTemplate(ctx, caller, in.Body.Workspace, in.Body.Template)
	wrong = append(bad, wrong...)
	if err != nil || template == nil {
		return f, wrong, err
	}
	version, t, installed, err := s.values.Fields(ctx, caller.Account, template.TemplateType, seen)
	if err != nil {
		return f, wrong, err
	}
	if e := caller.Extension(); e != "" && t.Extension != e {
		wrong = append(wrong, fault.Field{Pointer: "/template_id", Code: "foreign-template",
			Detail: fmt.Sprintf("The extension %q creates contracts from templates of its own template "+
				"types only.", e)})
	}
	values, bad := t.Snapshot("/data_fields", t.Inherit(in.Body.DataFields, template.Values, installed), installed)
	return references{*template, t, version, values}, append(wrong, bad...), nil
}

// validateNew reports the faults of readReferences, for an input that is already invalid.
func (s *Service) validateNew(ctx context.Context, in *contract.CreateContractInput) ([]fault.Field, error) {
	_, wrong, err := s.readReferences(ctx, in, 0)
	return wrong, err
}

// workspaceAndTemplate checks that the acting user may create contracts in the workspace, and that the template is
// active and belongs to it. The template is nil when it does not exist.
func (s *Service) workspaceAndTemplate(ctx context.Context, caller auth.Caller, w domain.WorkspaceID,
	id domain.TemplateID) (*domain.Template, []fault.Field, error) {
	var wrong []fault.Field
	_, err := s.store.Workspace(ctx, caller.Account, w)
	if wrong, err = absent(wrong, err, "/workspace_id", "unknown-workspace",
		"The account has no such workspace."); err != nil {
		return nil, nil, err
	}
	if len(wrong) == 0 && !caller.User.MayCreateIn(w) {
		wrong = append(wrong, fault.Field{Pointer: "/workspace_id", Code: "workspace-not-allowed",
			Detail: "The acting user may not create contracts in this workspace."})
	}
	template, err := s.store.Template(ctx, caller.Account, id)
	known := err == nil
	if wrong, err = absent(wrong, err, "/template_id", "unknown-template", "There is no such template."); err != nil {
		return nil, nil, err
	}
	if known && template.Workspace != w {
		wrong = append(wrong, fault.Field{Pointer: "/template_id", Code: "unknown-template",
			Detail: "The workspace has no such template."})
	}
	if known && !template.Active {
		wrong = append(wrong, fault.Field{Pointer: "/template_id", Code: "inactive-template",
			Detail: "The template is inactive."})
	}
	if !known {
		return nil, wrong, nil
	}
	return &template, wrong, nil
}
