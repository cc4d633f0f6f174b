package contract

import "plugboard/shared/domain"

// An installation's parameters, after it was enabled.

type UpdateParametersInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	IfMatch   string             `header:"If-Match" maxLength:"1024" doc:"The ETag that was read. 412 when the installation has changed since."`
	Body      struct {
		Parameters map[string]domain.ParameterValue `json:"parameters" maxProperties:"20" doc:"New values by key. null removes an optional value or restores its default. Values not named stay." example:"{\"customer_id\":\"C-2002\"}"`
	}
}

type UpdateParametersOutput struct {
	ETag string `header:"ETag"`
	Body InstallationView
}
