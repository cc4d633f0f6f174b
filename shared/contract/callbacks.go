package contract

import "plugboard/shared/domain"

// Callbacks: what a partner reports on its own.

type ReceiveCallbackInput struct {
	Account   domain.AccountID   `path:"account_id" maxLength:"64"`
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Type domain.CallbackType `json:"type" enum:"setup.completed,setup.failed,contract.fields"`
		Data CallbackData        `json:"data,omitzero"`
	}
}

type CallbackData struct {
	Reason   string            `json:"reason,omitempty" maxLength:"1024" doc:"Required for setup.failed: the reason, shown to the account's people."`
	Contract domain.ContractID `json:"contract_id,omitempty" maxLength:"64" doc:"For contract.fields: a contract made through the installation."`

	DataFields    []domain.GivenValue `json:"data_fields,omitempty" maxItems:"300" doc:"For contract.fields: the values to change."`
	FieldsVersion int                 `json:"fields_version,omitempty" minimum:"1" maximum:"999999999" doc:"For contract.fields: the version of the template type's fields that the values were chosen from. The change fails when that version has changed."`
}

type ReceiveCallbackOutput struct{}
