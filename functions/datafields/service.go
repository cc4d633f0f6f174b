// Package datafields is the function behind template types and their data fields. Users edit their own fields, and of
// an extension's fields only `active`.
package datafields

import (
	"context"
	"slices"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Service serves the operations that datafields owns.
type Service struct {
	store *store.Store
	now   domain.Clock
	newID domain.IDSource
}

// New makes no AWS call.
func New(s *store.Store, now domain.Clock, newID domain.IDSource) *Service {
	return &Service{store: s, now: now, newID: newID}
}

// Routes binds each operation to its method.
func (s *Service) Routes(api *contract.API) {
	contract.ListTemplateTypes.Handle(api, s.List)
	contract.ReadTemplateType.Handle(api, s.Read)
	contract.CreateTemplateType.Handle(api, s.Create)
	contract.UpdateTemplateType.Handle(api, s.Update)
	contract.AddDataField.Handle(api, s.AddField, s.validateNewField)
	contract.UpdateDataField.Handle(api, s.UpdateField, s.validateFieldChange)
	contract.DeleteDataField.Handle(api, s.DeleteField)
	contract.OrderDataFields.Handle(api, s.OrderFields, s.validateOrder)
	contract.ReplaceDataFields.Handle(api, s.ReplaceFields, s.validateReplacement)
	contract.DeleteTemplateType.Handle(api, s.Delete)
}

// List lists the template types; for an extension's token, its own.
func (s *Service) List(ctx context.Context,
	in *contract.ListTemplateTypesInput) (*contract.ListTemplateTypesOutput, error) {
	caller := auth.From(ctx)
	all, err := s.store.TemplateTypes(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(t domain.TemplateType) bool { return hidden(caller, t) })
	return &contract.ListTemplateTypesOutput{
		Body: contract.PageOf(all, func(t domain.TemplateType) string { return string(t.ID) }, in.PageInput)}, nil
}

// Read reads a template type with its fields' version. The version is read first, so that it is never newer than the
// fields shown with it.
func (s *Service) Read(ctx context.Context, in *contract.TemplateTypeInput) (*contract.ReadTemplateTypeOutput, error) {
	version, err := s.store.FieldsVersion(ctx, auth.From(ctx).Account, in.TemplateType)
	if err != nil {
		return nil, err
	}
	t, err := s.templateType(ctx, in.TemplateType)
	return &contract.ReadTemplateTypeOutput{Body: contract.VersionedTemplateType{TemplateType: t,
		FieldsVersion: version.Version}}, err
}

// Create creates a template type of the account, with user fields. Conflict `quota-exceeded` at the account's limit.
func (s *Service) Create(ctx context.Context,
	in *contract.CreateTemplateTypeInput) (*contract.CreateTemplateTypeOutput, error) {
	caller := auth.From(ctx)
	if caller.Extension() != "" {
		return nil, fault.New(fault.Forbidden, "extension-token",
			"An extension's template types come from its blueprint. Use an account's own credential.")
	}
	now := s.now()
	t := domain.TemplateType{
		Account: caller.Account, ID: domain.TemplateTypeID(s.newID("tt")), Name: in.Body.Name,
		Description: in.Body.Description,
		Fields:      []domain.DataField{}, CreatedAt: now, UpdatedAt: now,
	}
	for _, f := range in.Body.Fields {
		t.Fields = append(t.Fields, domain.DataField{FieldDefinition: f, Source: domain.SourceUser, Active: true})
	}
	var tx store.Tx
	tx.Create(&t)
	tx.Count(t.Account, domain.QuotaTemplateTypes, 1)
	tx.BumpFields(t.Account, t.ID)
	out := &contract.CreateTemplateTypeOutput{Body: contract.VersionedTemplateType{TemplateType: t, FieldsVersion: 1}}
	return out, s.store.Commit(ctx, &tx, out)
}

// Delete deletes a template type of the account. Conflict while a template uses it.
func (s *Service) Delete(ctx context.Context,
	in *contract.TemplateTypeInput) (*contract.DeleteTemplateTypeOutput, error) {
	t, err := s.templateType(ctx, in.TemplateType)
	if err != nil {
		return nil, err
	}
	if t.Extension != "" {
		return nil, domain.ManagedFault(t.Extension, "template type")
	}
	var tx store.Tx
	tx.Delete(&t)
	tx.Count(t.Account, domain.QuotaTemplateTypes, -1)
	tx.RemoveFields(t.Account, t.ID).Else(fault.New(fault.Conflict, "template-type-in-use",
		"Templates use this template type."))
	out := &contract.DeleteTemplateTypeOutput{}
	return out, s.store.Commit(ctx, &tx, out)
}

// templateType reads a template type that the caller may see.
func (s *Service) templateType(ctx context.Context, id domain.TemplateTypeID) (domain.TemplateType, error) {
	caller := auth.From(ctx)
	t, err := s.store.TemplateType(ctx, caller.Account, id)
	if err == nil && hidden(caller, t) {
		return domain.TemplateType{}, fault.New(fault.NotFound, "not-found", "There is no such template type.")
	}
	return t, err
}

// hidden is true when the caller is an extension's token and t is not the extension's.
func hidden(c auth.Caller, t domain.TemplateType) bool {
	return c.Extension() != "" && t.Extension != c.Extension()
}
