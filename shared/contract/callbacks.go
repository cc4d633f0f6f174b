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
	Reason   string            `json:"reason,omitempty" maxLength:"1024" doc:"Of setup.failed, which needs one: why, for the account's people."`
	Contract domain.ContractID `json:"contract_id,omitempty" maxLength:"64" doc:"Of contract.fields: one that was made through the installation."`

	DataFields    []domain.GivenValue `json:"data_fields,omitempty" maxItems:"300" doc:"Of contract.fields: the values that change."`
	FieldsVersion int                 `json:"fields_version,omitempty" minimum:"1" maximum:"999999999" doc:"Of contract.fields: the version of the template type's fields that the values were chosen by. The change fails when it has changed."`
}

type ReceiveCallbackOutput struct{}
