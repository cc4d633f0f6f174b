package contract

import (
	"time"

	"plugboard/shared/domain"
)

// Hand-off: an installation's credentials go to the partner and are shown to nobody (design rule 3).

type StartHandOffInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		State string `json:"state,omitempty" maxLength:"512" doc:"A value from the partner's page, if the admin comes from there. It is returned unchanged, so that the page recognises its visitor."`
	}
}

type StartHandOffOutput struct {
	Location       domain.HandOffURL `header:"Location" doc:"The partner's setup URL with state and code. The code is good once, within 10 minutes. A repeated request answers without it."`
	ReferrerPolicy string            `header:"Referrer-Policy" doc:"no-referrer, so that the code reaches no other site."`
	CacheControl   string            `header:"Cache-Control" doc:"no-store."`
}

type ExchangeHandOffInput struct {
	Body struct {
		Code string `json:"code" minLength:"1" maxLength:"128" doc:"The code in the setup URL's query."`
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
		HandedOffBy  domain.UserID                    `json:"handed_off_by" doc:"The admin who was sent."`
		Parameters   map[string]domain.ParameterValue `json:"parameters" doc:"The parameters that are not secret."`
		TokenID      domain.TokenID                   `json:"token_id"`
		CallbackPath string                           `json:"callback_path" doc:"Where to send callbacks, below this API's root." example:"/v1/callbacks/acct-42/acme-crm"`
		Credentials
	}
}

// Credentials are the credentials of an installation's partner.
type Credentials struct {
	Token          domain.ShownOnce `json:"token,omitempty" doc:"The API token, shown once. It gets 401 until the installation is enabled. To replace a lost one, use rotate-installation-token or hand off again."`
	CallbackSecret domain.ShownOnce `json:"callback_secret,omitempty" doc:"The signing secret for callbacks, as in Standard Webhooks. Shown once. To replace a lost one, use rotate-callback-secret or hand off again."`
}

type RotateCallbackSecretInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long the previous secret stays valid. Default: one day; at most 7; 0 ends it at once, and callbacks signed with it get 401. Any older secret ends at once."`
	}
}

type RotateCallbackSecretOutput struct {
	Body struct {
		Extension      domain.ExtensionID `json:"extension_id"`
		CallbackSecret domain.ShownOnce   `json:"callback_secret,omitempty" doc:"Shown once."`
		BeforeEndsAt   time.Time          `json:"before_ends_at,omitzero" doc:"When the previous secret ends or ended. Absent when there was none."`
		Warning        string             `json:"warning,omitempty" doc:"What the rotation breaks. Absent unless it ended a secret at once."`
	}
}

type RotateLifecycleSecretInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long events are also signed with the previous secret. Default: one day; at most 7; 0 ends it at once."`
	}
}

type RotateLifecycleSecretOutput struct {
	Body struct {
		Extension       domain.ExtensionID `json:"extension_id"`
		LifecycleSecret domain.ShownOnce   `json:"lifecycle_secret,omitempty" doc:"A Standard Webhooks secret, whsec_…, shown once."`
	}
}
