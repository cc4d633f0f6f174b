package contract

import (
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Accounts as the platform syncs them, and the contracts that live in them.

type PutAccountInput struct {
	Account domain.AccountID `path:"account_id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"The platform's own id."`
	Body    AccountBody
}

type AccountBody struct {
	Name string `json:"name" minLength:"1" maxLength:"128"`
}

// about is the account whose data the answer, kept under an Idempotency-Key, shows.
func (in *PutAccountInput) about() domain.AccountID { return in.Account }

type PutAccountOutput struct{ Body domain.Account }

type ReadAccountInput struct {
	Account domain.AccountID `path:"account_id" maxLength:"64"`
}

type ReadAccountOutput struct{ Body domain.Account }

type ListAccountsInput struct{ PageInput }

type ListAccountsOutput struct{ Body Page[domain.Account] }

type PutUserInput struct {
	Account domain.AccountID `path:"account_id" maxLength:"64"`
	User    domain.UserID    `path:"user_id" maxLength:"255" pattern:"^([.]{0,2}[A-Za-z0-9_@|:+=~,-][.A-Za-z0-9_@|:+=~,-]*|[.]{3}[.A-Za-z0-9_@|:+=~,-]*)$" doc:"The subject of the user's OIDC tokens. Of one with other characters say the id in the body: see put-user-by-id."`
	Body    UserBody
}

type UserBody struct {
	Email      string               `json:"email" format:"email" maxLength:"254" doc:"Unique in the account."`
	Name       string               `json:"name" minLength:"1" maxLength:"128"`
	Role       domain.Role          `json:"role" enum:"admin,member"`
	Workspaces []domain.WorkspaceID `json:"workspaces" maxItems:"100" doc:"Where a member may create and use contracts. An admin may in every workspace."`
}

func (in *PutUserInput) about() domain.AccountID { return in.Account }

type DeleteUserInput struct {
	Account domain.AccountID `path:"account_id" maxLength:"64"`
	User    domain.UserID    `path:"user_id" maxLength:"255"`
}

func (in *DeleteUserInput) about() domain.AccountID { return in.Account }

type DeleteUserOutput struct{}

// SubjectBody is a user's id where a path cannot carry it.
type SubjectBody struct {
	ID domain.UserID `json:"id" minLength:"1" maxLength:"255" pattern:"^[ -~]+$" doc:"The subject of the user's OIDC tokens, as they have it: up to 255 characters of ASCII (OpenID Connect Core, 2)."`
}

type PutUserByIdInput struct {
	Account domain.AccountID `path:"account_id" maxLength:"64"`
	Body    struct {
		SubjectBody
		UserBody
	}
}

func (in *PutUserByIdInput) about() domain.AccountID { return in.Account }

type PutUserByIdOutput PutUserOutput

type DeleteUserByIdInput struct {
	Account domain.AccountID `path:"account_id" maxLength:"64"`
	Body    SubjectBody
}

func (in *DeleteUserByIdInput) about() domain.AccountID { return in.Account }

type DeleteUserByIdOutput DeleteUserOutput

type PutUserOutput struct{ Body domain.User }

type DeleteWorkspaceInput struct {
	Account   domain.AccountID   `path:"account_id" maxLength:"64"`
	Workspace domain.WorkspaceID `path:"workspace_id" maxLength:"64"`
}

func (in *DeleteWorkspaceInput) about() domain.AccountID { return in.Account }

type DeleteWorkspaceOutput struct{}

type PutWorkspaceInput struct {
	Account   domain.AccountID   `path:"account_id" maxLength:"64"`
	Workspace domain.WorkspaceID `path:"workspace_id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"The platform's own id."`
	Body      WorkspaceBody
}

type WorkspaceBody struct {
	Name string `json:"name" minLength:"1" maxLength:"128"`
}

func (in *PutWorkspaceInput) about() domain.AccountID { return in.Account }

type PutWorkspaceOutput struct{ Body domain.Workspace }

type ListUsersInput struct {
	PageInput
	Role domain.Role `query:"role" enum:"admin,member" doc:"Those of that role alone; all when absent."`
}

type ListUsersOutput struct{ Body Page[AccountUser] }

// AccountUser is a user as the other people of the account see it.
type AccountUser struct {
	ID    domain.UserID `json:"id"`
	Name  string        `json:"name"`
	Email string        `json:"email"`
	Role  domain.Role   `json:"role" enum:"admin,member"`
}

type ListWorkspacesInput struct{ PageInput }

type ListWorkspacesOutput struct{ Body Page[domain.Workspace] }

type CreateTemplateInput struct{ Body TemplateBody }

type TemplateInput struct {
	Template domain.TemplateID `path:"template_id" maxLength:"64"`
}

type ReadTemplateOutput struct {
	ETag string `header:"ETag"`
	Body domain.Template
}

type UpdateTemplateInput struct {
	Template domain.TemplateID `path:"template_id" maxLength:"64"`
	IfMatch  string            `header:"If-Match" maxLength:"1024" doc:"The ETag that was read; 412 when the template has changed since."`
	Body     struct {
		Name       *string             `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Workspace  *domain.WorkspaceID `json:"workspace_id,omitempty" maxLength:"64"`
		Active     *bool               `json:"active,omitempty" doc:"No contract is made from an inactive template."`
		DataFields []domain.GivenValue `json:"data_fields,omitempty" maxItems:"300" doc:"All of them: a value that is left out is taken away. Absent leaves them as they are."`
	}
}

// Check reports values that no template type takes.
func (in *UpdateTemplateInput) Check() []fault.Field {
	return domain.CheckValues("/data_fields", in.Body.DataFields)
}

type UpdateTemplateOutput ReadTemplateOutput

type DeleteTemplateInput struct {
	Template domain.TemplateID `path:"template_id" maxLength:"64"`
}

type DeleteTemplateOutput struct{}

type TemplateBody struct {
	Name         string                `json:"name" minLength:"1" maxLength:"128"`
	Workspace    domain.WorkspaceID    `json:"workspace_id" maxLength:"64"`
	TemplateType domain.TemplateTypeID `json:"template_type_id" maxLength:"64"`
	DataFields   []domain.GivenValue   `json:"data_fields,omitempty" maxItems:"300" doc:"Used where a contract gives no value."`
}

// Check reports values that no template type takes.
func (in *TemplateBody) Check() []fault.Field {
	return domain.CheckValues("/data_fields", in.DataFields)
}

// Check is the body's.
func (in *CreateTemplateInput) Check() []fault.Field { return in.Body.Check() }

type CreateTemplateOutput struct{ Body domain.Template }

type ListTemplatesInput struct {
	PageInput
	ExtensionType string `query:"extension_type" maxLength:"80" doc:"Only templates of this extension type, which is the same in every account."`
}

type ListTemplatesOutput struct{ Body Page[domain.Template] }

type CreateContractInput struct {
	Body struct {
		Name          string                    `json:"name" minLength:"1" maxLength:"256"`
		Workspace     domain.WorkspaceID        `json:"workspace_id" maxLength:"64"`
		Template      domain.TemplateID         `json:"template_id" maxLength:"64"`
		DataFields    []domain.GivenValue       `json:"data_fields,omitempty" maxItems:"300"`
		Participants  []domain.GivenParticipant `json:"participants,omitempty" maxItems:"50"`
		ExpiresOn     string                    `json:"expires_on,omitempty" format:"date" doc:"From this UTC day on, the platform may expire the contract. Tomorrow at the earliest."`
		FieldsVersion int                       `json:"fields_version,omitempty" minimum:"1" maximum:"999999999" doc:"The version of the template type's fields that the values were chosen from. The creation fails when that version has changed."`
	}
}

// Check reports values that no template takes, and participants who are one.
func (in *CreateContractInput) Check() []fault.Field {
	return append(domain.CheckValues("/data_fields", in.Body.DataFields),
		domain.CheckParticipants("/participants", in.Body.Participants)...)
}

type ContractOutput struct {
	ETag string `header:"ETag"`
	Body domain.Contract
}

type CreateContractOutput ContractOutput

type ContractInput struct {
	Contract domain.ContractID `path:"contract_id" maxLength:"64"`
}

type ReadContractOutput ContractOutput

// MoveContractInput asks for the next state of a contract.
type MoveContractInput struct {
	Contract domain.ContractID `path:"contract_id" maxLength:"64"`
	IfMatch  string            `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the contract has changed since."`
}

type PublishContractOutput ContractOutput

type SignContractOutput ContractOutput

type DeclineContractOutput ContractOutput

type CancelContractOutput ContractOutput

type ExpireContractOutput ContractOutput

type DeleteContractOutput struct{}

type ListContractsInput struct {
	PageInput
	Workspace     domain.WorkspaceID   `query:"workspace_id" maxLength:"64"`
	State         domain.ContractState `query:"state" enum:"draft,published,signed,declined,expired,canceled"`
	Origin        domain.ExtensionID   `query:"origin_extension_id" maxLength:"64" doc:"Only contracts made through this extension."`
	NoOrigin      string               `query:"origin" enum:"none" doc:"Only contracts made through no extension."`
	ExtensionType string               `query:"extension_type" maxLength:"80" doc:"Only contracts of this extension type, which is the same in every account."`
}

// Check reports a filter that nothing passes.
func (in *ListContractsInput) Check() []fault.Field {
	if in.NoOrigin != "" && in.Origin != "" {
		return []fault.Field{{Pointer: "query.origin", Code: "contradiction",
			Detail: "Give either origin or origin_extension_id."}}
	}
	return nil
}

type ListContractsOutput struct {
	Body Page[domain.ContractSummary]
}

type UpdateContractInput struct {
	Contract domain.ContractID `path:"contract_id" maxLength:"64"`
	IfMatch  string            `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the contract has changed since."`
	Body     struct {
		Name         *string                    `json:"name,omitempty" minLength:"1" maxLength:"256"`
		Participants *[]domain.GivenParticipant `json:"participants,omitempty" maxItems:"50" doc:"All participants: a missing one is removed. The same e-mail is the same participant."`
		ExpiresOn    *string                    `json:"expires_on,omitempty" format:"date" doc:"Tomorrow at the earliest, UTC."`
	}
}

// Check reports participants who are one.
func (in *UpdateContractInput) Check() []fault.Field {
	if in.Body.Participants == nil {
		return nil
	}
	return domain.CheckParticipants("/participants", *in.Body.Participants)
}

type UpdateContractOutput ContractOutput

// ValuesBody is how data field values are changed: those not given stay.
type ValuesBody struct {
	DataFields    []domain.GivenValue `json:"data_fields" minItems:"1" maxItems:"300"`
	FieldsVersion int                 `json:"fields_version,omitempty" minimum:"1" maximum:"999999999" doc:"The version of the template type's fields that the values were chosen from. The change fails when that version has changed."`
}

type UpdateDataFieldValuesInput struct {
	Contract domain.ContractID `path:"contract_id" maxLength:"64"`
	IfMatch  string            `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the contract has changed since."`
	Body     ValuesBody
}

// Check reports values that no contract takes.
func (in *UpdateDataFieldValuesInput) Check() []fault.Field {
	return domain.CheckValues("/data_fields", in.Body.DataFields)
}

type UpdateDataFieldValuesOutput ContractOutput
