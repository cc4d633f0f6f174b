package contract

import "plugboard/shared/domain"

// An installation's parameters with their schemas, for a form.

type ReadParametersInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

// GivenParameter is a parameter and its value.
type GivenParameter struct {
	domain.Parameter
	Value    domain.ParameterValue `json:"value,omitempty" doc:"The value. Absent for a secret, and without one."`
	HasValue bool                  `json:"given" doc:"Whether there is a value. A secret's is never shown."`
}

type ReadParametersOutput struct {
	ETag string `header:"ETag"`
	Body struct {
		Extension  domain.ExtensionID `json:"extension_id"`
		Version    int                `json:"version"`
		Parameters []GivenParameter   `json:"parameters" doc:"By key. During an upgrade, those of the new version are included."`
	}
}
