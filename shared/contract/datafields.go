package contract

import (
	"fmt"
	"slices"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Template types and their data fields.

type VersionedTemplateType struct {
	domain.TemplateType
	FieldsVersion int `json:"fields_version" doc:"The value for fields_version of create-contract."`
}

type ListTemplateTypesInput struct{ PageInput }

type ListTemplateTypesOutput struct{ Body Page[domain.TemplateType] }

type TemplateTypeInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
}

type ReadTemplateTypeOutput struct{ Body VersionedTemplateType }

type CreateTemplateTypeInput struct {
	Body struct {
		Name        string                   `json:"name" minLength:"1" maxLength:"128"`
		Description string                   `json:"description,omitempty" maxLength:"512" text:"lines"`
		Fields      []domain.FieldDefinition `json:"fields" maxItems:"300"`
	}
}

// Check reports every field that is wrong or repeats another's custom id.
func (in *CreateTemplateTypeInput) Check() []fault.Field {
	return domain.CheckDefinitions("/fields", in.Body.Fields)
}

type CreateTemplateTypeOutput struct{ Body VersionedTemplateType }

type DeleteTemplateTypeOutput struct{}

type UpdateTemplateTypeInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	Body         struct {
		Name        *string `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Description *string `json:"description,omitempty" maxLength:"512" text:"lines"`
	}
}

type UpdateTemplateTypeOutput struct{ Body VersionedTemplateType }

type AddDataFieldInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	Body         domain.FieldDefinition
}

// Check reports a default that is not of the kind.
func (in *AddDataFieldInput) Check() []fault.Field {
	return in.Body.Kind.CheckDefault("", in.Body.Default)
}

type AddDataFieldOutput struct{ Body VersionedTemplateType }

type UpdateDataFieldInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	CustomID     string                `path:"custom_id" maxLength:"64"`
	Body         domain.FieldChange
}

// Check reports a default that is not of the kind given with it.
func (in *UpdateDataFieldInput) Check() []fault.Field {
	if in.Body.Kind == nil || in.Body.Default == nil {
		return nil
	}
	return in.Body.Kind.CheckDefault("", *in.Body.Default)
}

type UpdateDataFieldOutput struct{ Body VersionedTemplateType }

type DeleteDataFieldInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	CustomID     string                `path:"custom_id" maxLength:"64"`
}

type DeleteDataFieldOutput struct{ Body VersionedTemplateType }

type OrderDataFieldsInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	Body         struct {
		CustomIDs []string `json:"custom_ids" maxItems:"300" doc:"Every field of the template type, each once."`
	}
}

// Check reports fields that are named twice.
func (in *OrderDataFieldsInput) Check() []fault.Field {
	var wrong []fault.Field
	for i, id := range in.Body.CustomIDs {
		same := func(earlier string) bool { return domain.FoldCustomID(earlier) == domain.FoldCustomID(id) }
		if slices.ContainsFunc(in.Body.CustomIDs[:i], same) {
			wrong = append(wrong, fault.Field{Pointer: fmt.Sprintf("/custom_ids/%d", i), Code: "duplicate",
				Detail: fmt.Sprintf("The data field %q is named twice.", id)})
		}
	}
	return wrong
}

type OrderDataFieldsOutput struct{ Body VersionedTemplateType }

type ReplaceDataFieldsInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	Body         struct {
		Fields []domain.GivenField `json:"fields" maxItems:"300" doc:"All fields, in their order: a missing one is removed. System fields must be among them, unchanged; only their order and active may differ."`
	}
}

// Check reports every field that is wrong or repeats another's custom id.
func (in *ReplaceDataFieldsInput) Check() []fault.Field {
	definitions := make([]domain.FieldDefinition, len(in.Body.Fields))
	for i, f := range in.Body.Fields {
		definitions[i] = f.FieldDefinition
	}
	return domain.CheckDefinitions("/fields", definitions)
}

type ReplaceDataFieldsOutput struct{ Body VersionedTemplateType }
