package contract

import (
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// An account's own API tokens, and the identity of a credential.

type CreateTokenInput struct {
	Body struct {
		Name      string         `json:"name" minLength:"1" maxLength:"128" example:"Nightly export"`
		Scopes    []domain.Scope `json:"scopes" maxItems:"20" enum:"contracts:read,contracts:write,participants:act,templates:read,templates:write,webhooks:read,webhooks:write,webhooks:secrets,catalogue:read,deliveries:pull" doc:"Each scope once."`
		ExpiresIn int            `json:"expires_in_days,omitempty" minimum:"1" maximum:"365" default:"90" doc:"When it ends, at most a year from now."`
	}
}

// Check reports scopes that are named twice.
func (in *CreateTokenInput) Check() []fault.Field { return repeated("/scopes", in.Body.Scopes) }

type CreateTokenOutput struct {
	Body struct {
		TokenView
		Token domain.ShownOnce `json:"token,omitempty" doc:"Shown once."`
	}
}

type TokenView struct {
	ID         domain.TokenID     `json:"id"`
	Name       string             `json:"name"`
	Prefix     string             `json:"prefix,omitempty" doc:"The token's first characters, to recognise it by."`
	Extension  domain.ExtensionID `json:"extension_id,omitempty" doc:"The extension that manages it. Absent for the account's own."`
	Scopes     []domain.Scope     `json:"scopes"`
	CreatedBy  domain.UserID      `json:"created_by,omitempty"`
	CreatedAt  time.Time          `json:"created_at"`
	ExpiresAt  time.Time          `json:"expires_at,omitzero"`
	LastUsedAt time.Time          `json:"last_used_at,omitzero" doc:"Exact to the hour."`
}

type ListTokensInput struct{ PageInput }

type ListTokensOutput struct{ Body Page[TokenView] }

type RevokeTokenInput struct {
	Token domain.TokenID `path:"token_id" maxLength:"64"`
}

type RevokeTokenOutput struct{}

type ReadMeInput struct{}

type ReadMeOutput struct {
	Body struct {
		Model        string           `json:"auth_model" enum:"dashboard,integration"`
		Account      domain.AccountID `json:"account_id"`
		AccountName  string           `json:"account_name"`
		User         *domain.User     `json:"user,omitempty" doc:"The signed-in user, or the user for whom the token acts."`
		Token        *TokenView       `json:"token,omitempty"`
		Installation *MyInstallation  `json:"installation,omitempty" doc:"Present for an extension's token."`
	}
}

type MyInstallation struct {
	Extension  domain.ExtensionID               `json:"extension_id"`
	Version    int                              `json:"version"`
	State      domain.InstallationState         `json:"state"`
	Parameters map[string]domain.ParameterValue `json:"parameters" doc:"The parameters that are not secret."`
}
