package contract

import (
	"time"

	"plugboard/shared/domain"
)

// Hand-off: an installation's credentials go to the partner and are shown to nobody (design rule 3).

type StartHandOffInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		State string `json:"state,omitempty" maxLength:"512" doc:"What the partner's page gave, if the admin comes from there; it goes back as it is, so that the page knows its own visitor."`
	}
}

type StartHandOffOutput struct {
	Location       domain.HandOffURL `header:"Location" doc:"The partner's setup URL with code, good once within 10 minutes, and state. A repeated request answers without the code."`
	ReferrerPolicy string            `header:"Referrer-Policy" doc:"no-referrer: the code goes nowhere else."`
	CacheControl   string            `header:"Cache-Control" doc:"no-store."`
}

type ExchangeHandOffInput struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"128" doc:"From the setup URL's query."`
	}
}

type ExchangeHandOffOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         struct {
		Account      domain.AccountID                 `json:"account_id"`
		Extension    domain.ExtensionID               `json:"extension_id"`
		Version      int                              `json:"version"`
		State        domain.InstallationState         `json:"state" enum:"enabling,enabled,suspended,upgrading,failed"`
		Epoch        int                              `json:"epoch"`
		HandedOffBy  domain.UserID                    `json:"handed_off_by" doc:"The admin who was sent to you."`
		Parameters   map[string]domain.ParameterValue `json:"parameters" doc:"Those that are not secret."`
		TokenID      domain.TokenID                   `json:"token_id"`
		CallbackPath string                           `json:"callback_path" doc:"Where callbacks go, under this API's root." example:"/v1/callbacks/acct-42/acme-crm"`
		Credentials
	}
}

// Credentials are the credentials of an installation's partner.
type Credentials struct {
	Token          domain.ShownOnce `json:"token,omitempty" doc:"The API token, shown this once. It answers 401 until the installation is enabled. Lost? rotate-installation-token makes another, or handing off again."`
	CallbackSecret domain.ShownOnce `json:"callback_secret,omitempty" doc:"Signs callbacks, as Standard Webhooks do. Shown this once. Lost? rotate-callback-secret makes another, or handing off again."`
}

type RotateCallbackSecretInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long the secret before stays good: a day when absent, at most 7; 0 ends it at once, and callbacks that are signed with it get 401. The one before that ends at once in any case."`
	}
}

type RotateCallbackSecretOutput struct {
	Body struct {
		Extension      domain.ExtensionID `json:"extension_id"`
		CallbackSecret domain.ShownOnce   `json:"callback_secret,omitempty" doc:"Shown this once."`
		BeforeEndsAt   time.Time          `json:"before_ends_at,omitzero" doc:"When the secret before ends, or ended; absent when there was none."`
		Warning        string             `json:"warning,omitempty" doc:"What the rotation breaks; absent unless it ended a secret at once."`
	}
}

type RotateLifecycleSecretInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long events are signed with the secret before, too: a day when absent, at most 7; 0 ends it at once."`
	}
}

type RotateLifecycleSecretOutput struct {
	Body struct {
		Extension       domain.ExtensionID `json:"extension_id"`
		LifecycleSecret domain.ShownOnce   `json:"lifecycle_secret,omitempty" doc:"A Standard Webhooks secret, whsec_…, shown this once."`
	}
}
