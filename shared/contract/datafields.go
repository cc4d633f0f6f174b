package contract

import "plugboard/shared/domain"

// Template types and their data fields.

type TemplateTypeView struct {
	domain.TemplateType
	FieldsVersion int `json:"fields_version" doc:"What create-contract takes as fields_version."`
}

type ListTemplateTypesInput struct{ PageInput }

type ListTemplateTypesOutput struct{ Body Page[domain.TemplateType] }

type TemplateTypeInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
}

type ReadTemplateTypeOutput struct{ Body TemplateTypeView }

type CreateTemplateTypeInput struct {
	Body struct {
		Name        string                   `json:"name" minLength:"1" maxLength:"128"`
		Description string                   `json:"description,omitempty" maxLength:"512"`
		Fields      []domain.FieldDefinition `json:"fields" maxItems:"300"`
	}
}

type CreateTemplateTypeOutput struct{ Body TemplateTypeView }

type DeleteTemplateTypeOutput struct{}

type UpdateTemplateTypeInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	Body         struct {
		Name        *string `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Description *string `json:"description,omitempty" maxLength:"512"`
	}
}

type UpdateTemplateTypeOutput struct{ Body TemplateTypeView }

type AddDataFieldInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	Body         domain.FieldDefinition
}

type AddDataFieldOutput struct{ Body TemplateTypeView }

type UpdateDataFieldInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	CustomID     string                `path:"custom_id" maxLength:"64"`
	Body         domain.FieldChange
}

type UpdateDataFieldOutput struct{ Body TemplateTypeView }

type DeleteDataFieldInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	CustomID     string                `path:"custom_id" maxLength:"64"`
}

type DeleteDataFieldOutput struct{ Body TemplateTypeView }

type OrderDataFieldsInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	Body         struct {
		CustomIDs []string `json:"custom_ids" maxItems:"300" doc:"Every field of the template type, each once."`
	}
}

type OrderDataFieldsOutput struct{ Body TemplateTypeView }

type ReplaceDataFieldsInput struct {
	TemplateType domain.TemplateTypeID `path:"template_type_id" maxLength:"64"`
	Body         struct {
		Fields []domain.GivenField `json:"fields" maxItems:"300" doc:"All the fields, in their order: absent means removed. System fields must be among them, as they are; only their order and active may differ."`
	}
}

type ReplaceDataFieldsOutput struct{ Body TemplateTypeView }
