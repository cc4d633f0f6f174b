package contract

import "plugboard/shared/domain"

// The helper for integrations whose users choose a workspace and a template.

type ContractCreateDataInput struct {
	PageInput
	ExtensionTypes []string              `query:"extension_type,explode" nullable:"false" maxItems:"20" doc:"Only templates of these extension types, which are the same in every account. Repeatable."`
	TemplateType   domain.TemplateTypeID `query:"template_type_id" maxLength:"64" doc:"Only templates of this type of the account's own. The id of an extension's type differs in every account: use extension_type for it."`
}

type ContractCreateDataOutput struct {
	Body struct {
		Page[WorkspaceChoice]
		TemplateTypes []TemplateTypeChoice `json:"template_types" doc:"The template types of this page's templates, by name."`
	}
}

type WorkspaceChoice struct {
	ID        domain.WorkspaceID `json:"id"`
	Name      string             `json:"name"`
	Templates []TemplateChoice   `json:"templates" doc:"Active templates, by name."`
}

type TemplateChoice struct {
	ID           domain.TemplateID     `json:"id"`
	Name         string                `json:"name"`
	TemplateType domain.TemplateTypeID `json:"template_type_id"`
	DataFields   []domain.GivenValue   `json:"data_fields" doc:"The values used where a contract gives none."`
}

type TemplateTypeChoice struct {
	ID            domain.TemplateTypeID    `json:"id"`
	Name          string                   `json:"name"`
	ExtensionType string                   `json:"extension_type,omitempty"`
	FieldsVersion int                      `json:"fields_version" doc:"Send it with create-contract. The creation then fails if a field was switched on or off meanwhile."`
	DataFields    []domain.FieldDefinition `json:"data_fields" doc:"The fields that take values now."`
}
