package datafields

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Edits of a template type and its fields. domain decides what an edit may do to managed fields. This file reads and
// writes, and makes concurrent contract creations fail when their values may have become invalid.

// Update renames a template type of the account. Conflict `managed-resource` for an extension's.
func (s *Service) Update(ctx context.Context,
	in *contract.UpdateTemplateTypeInput) (*contract.UpdateTemplateTypeOutput, error) {
	out := &contract.UpdateTemplateTypeOutput{}
	return out, s.edit(ctx, in.TemplateType, out, &out.Body, func(t domain.TemplateType) (domain.TemplateType, error) {
		if t.Extension != "" {
			return t, domain.ManagedFault(t.Extension, "template type")
		}
		if in.Body.Name != nil {
			t.Name = *in.Body.Name
		}
		if in.Body.Description != nil {
			t.Description = *in.Body.Description
		}
		return t, nil
	})
}

// AddField adds a user field, also to an extension's template type. Invalid when its custom id is taken.
func (s *Service) AddField(ctx context.Context, in *contract.AddDataFieldInput) (*contract.AddDataFieldOutput, error) {
	out := &contract.AddDataFieldOutput{}
	return out, s.edit(ctx, in.TemplateType, out, &out.Body, func(t domain.TemplateType) (domain.TemplateType, error) {
		return t.AddField(in.Body)
	})
}

// UpdateField changes a field; of a system field only `active`.
func (s *Service) UpdateField(ctx context.Context,
	in *contract.UpdateDataFieldInput) (*contract.UpdateDataFieldOutput, error) {
	out := &contract.UpdateDataFieldOutput{}
	return out, s.edit(ctx, in.TemplateType, out, &out.Body, func(t domain.TemplateType) (domain.TemplateType, error) {
		return t.UpdateField(in.CustomID, in.Body)
	})
}

// DeleteField deletes a user field.
func (s *Service) DeleteField(ctx context.Context,
	in *contract.DeleteDataFieldInput) (*contract.DeleteDataFieldOutput, error) {
	out := &contract.DeleteDataFieldOutput{}
	return out, s.edit(ctx, in.TemplateType, out, &out.Body, func(t domain.TemplateType) (domain.TemplateType, error) {
		return t.RemoveField(in.CustomID)
	})
}

// OrderFields reorders all fields, including an extension's.
func (s *Service) OrderFields(ctx context.Context,
	in *contract.OrderDataFieldsInput) (*contract.OrderDataFieldsOutput, error) {
	out := &contract.OrderDataFieldsOutput{}
	return out, s.edit(ctx, in.TemplateType, out, &out.Body, func(t domain.TemplateType) (domain.TemplateType, error) {
		return t.OrderFields(in.Body.CustomIDs)
	})
}

// ReplaceFields replaces all fields: a missing field is removed. Conflict `managed-resource` when a system field is
// missing or defined otherwise.
func (s *Service) ReplaceFields(ctx context.Context,
	in *contract.ReplaceDataFieldsInput) (*contract.ReplaceDataFieldsOutput, error) {
	out := &contract.ReplaceDataFieldsOutput{}
	return out, s.edit(ctx, in.TemplateType, out, &out.Body, func(t domain.TemplateType) (domain.TemplateType, error) {
		return t.ReplaceFields(in.Body.Fields)
	})
}

// Checks against the records, for inputs that are already invalid.

func (s *Service) validateNewField(ctx context.Context, in *contract.AddDataFieldInput) ([]fault.Field, error) {
	t, err := s.templateType(ctx, in.TemplateType)
	if err == nil {
		_, err = t.AddField(in.Body)
	}
	return nil, err
}

func (s *Service) validateFieldChange(ctx context.Context, in *contract.UpdateDataFieldInput) ([]fault.Field, error) {
	t, err := s.templateType(ctx, in.TemplateType)
	if err == nil {
		_, err = t.UpdateField(in.CustomID, in.Body)
	}
	return nil, err
}

func (s *Service) validateOrder(ctx context.Context, in *contract.OrderDataFieldsInput) ([]fault.Field, error) {
	t, err := s.templateType(ctx, in.TemplateType)
	if err == nil {
		_, err = t.OrderFields(in.Body.CustomIDs)
	}
	return nil, err
}

func (s *Service) validateReplacement(ctx context.Context, in *contract.ReplaceDataFieldsInput) ([]fault.Field, error) {
	t, err := s.templateType(ctx, in.TemplateType)
	if err == nil {
		_, err = t.ReplaceFields(in.Body.Fields)
	}
	return nil, err
}

// edit reads a template type, changes it, fills the answer's view, and commits.
func (s *Service) edit(ctx context.Context, id domain.TemplateTypeID, answer any, view *contract.VersionedTemplateType,
	change func(domain.TemplateType) (domain.TemplateType, error)) error {
	version, err := s.store.FieldsVersion(ctx, auth.From(ctx).Account, id)
	if err != nil {
		return err
	}
	before, err := s.templateType(ctx, id)
	if err != nil {
		return err
	}
	after, err := change(before)
	if err != nil {
		return err
	}
	var tx store.Tx
	if after.ChangesAcceptedValues(before) {
		version.Version++
		tx.BumpFields(after.Account, after.ID)
	}
	after.UpdatedAt = s.now()
	tx.Replace(&after)
	*view = contract.VersionedTemplateType{TemplateType: after, FieldsVersion: version.Version}
	return s.store.Commit(ctx, &tx, answer)
}
