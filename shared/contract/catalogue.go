package contract

import "plugboard/shared/domain"

// The catalogue: what an account can enable, and all that enabling would create.

type ReadCatalogueExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

type ReadCatalogueExtensionOutput struct{ Body CatalogueExtension }

// CatalogueExtension is an extension as an account sees it before it decides.
type CatalogueExtension struct {
	CatalogueItem
	Contact string            `json:"contact" doc:"Whom a customer asks for help."`
	Links   domain.MakerLinks `json:"links,omitzero"`
	Creates Creation          `json:"creates" doc:"What the extension itself creates."`
	Brings  []BroughtAlong    `json:"brings" doc:"The dependencies that would be enabled with it, each with what it creates."`
}

// BroughtAlong is a dependency that would be enabled with another extension.
type BroughtAlong struct {
	Extension   domain.ExtensionID   `json:"extension_id"`
	Version     int                  `json:"version"`
	Name        string               `json:"name"`
	Description string               `json:"description"`
	LogoURL     string               `json:"logo_url,omitempty"`
	NeededBy    []domain.ExtensionID `json:"needed_by"`
	Creates     Creation             `json:"creates"`
}

// Creation is what enabling one blueprint makes in an account.
type Creation struct {
	Scopes        []domain.Scope                 `json:"scopes" doc:"What its API token may do."`
	HandsOff      bool                           `json:"hands_off" doc:"Its partner takes the token, and the admin does not see it."`
	TemplateTypes []domain.TemplateTypeBlueprint `json:"template_types"`
	Webhooks      []PromisedWebhook              `json:"webhooks"`
	LifecycleHost string                         `json:"lifecycle_host,omitempty" doc:"Hears of the installation itself."`
}

// PromisedWebhook is a webhook that would be created, without what it proves itself with.
type PromisedWebhook struct {
	Key        string            `json:"key"`
	Host       string            `json:"host"`
	EventTypes []string          `json:"event_types"`
	Each       []string          `json:"template_types" doc:"One webhook for each of these extension types."`
	Scheme     domain.AuthScheme `json:"auth_scheme,omitempty" enum:"basic,bearer,oauth2"`
	TokenHost  string            `json:"token_host,omitempty" doc:"For oauth2: where access tokens are fetched."`
	Parameters []string          `json:"parameters" doc:"Keys of the parameters that are sent along."`
}
