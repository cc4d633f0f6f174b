package domain

import (
	"net/url"
	"slices"
	"time"
)

// Extension is what a partner offers. Its id is the slug; the extension types that its template types will
// have are reserved with it and never change (design rule 9).
type Extension struct {
	ID               ExtensionID `json:"id"`
	Partner          PartnerID   `json:"partner_id"`
	Name             string      `json:"name"`
	Description      string      `json:"description"`
	Contact          string      `json:"contact"`
	CapabilityFamily string      `json:"capability_family"`
	TypeKeys         []string    `json:"template_type_keys"`
	LatestVersion    int         `json:"latest_version"` // of the submitted blueprints; 0 when there is none
	ListedVersion    int         `json:"listed_version"` // what enabling installs; 0 while unlisted
	Logo             string      `json:"logo_sha256,omitempty" doc:"The logo's hash. Absent without a logo."`
	Links            MakerLinks  `json:"links,omitzero"`
	FirstListedAt    time.Time   `json:"first_listed_at,omitzero"`
	TestAccounts     []AccountID `json:"test_accounts" doc:"Those that the partner invites to try it before it is listed."`
	AcceptedBy       []AccountID `json:"accepted_test_accounts,omitempty" doc:"Those of test_accounts that accepted. Any other is pending, whether or not there is such an account."`
	CreatedAt        time.Time   `json:"created_at"`
	UpdatedAt        time.Time   `json:"updated_at"`
	Revision
}

// MakerLinks are pages of the extension's maker that a customer may want to read before enabling it.
type MakerLinks struct {
	SetupGuide string `json:"setup_guide,omitempty" format:"uri" pattern:"^https://" maxLength:"1024" doc:"How to set it up. HTTPS."`
	Support    string `json:"support,omitempty" format:"uri" pattern:"^https://" maxLength:"1024" doc:"Where to get help. HTTPS."`
	Privacy    string `json:"privacy,omitempty" format:"uri" pattern:"^https://" maxLength:"1024" doc:"What its maker does with data. HTTPS."`
}

// Authored leads from a partner to an extension of its own, and from the platform to all.
type Authored struct {
	Partner   PartnerID   `json:"partner_id"`
	Extension ExtensionID `json:"extension_id"`
}

// ExtensionState is where an extension is on its way to the catalogue.
type ExtensionState string

const (
	ExtensionDraft     ExtensionState = "draft"
	ExtensionSubmitted ExtensionState = "submitted"
	ExtensionListed    ExtensionState = "listed"
	ExtensionUnlisted  ExtensionState = "unlisted"
)

// State derives from the versions: nothing submitted, something submitted, something listed, or listed once.
func (e Extension) State() ExtensionState {
	switch {
	case e.ListedVersion > 0:
		return ExtensionListed
	case !e.FirstListedAt.IsZero():
		return ExtensionUnlisted
	case e.LatestVersion > 0:
		return ExtensionSubmitted
	default:
		return ExtensionDraft
	}
}

// TypeOf is the extension type of the template type with that key: the slug alone for the empty key. A slug
// has no underscore, so no two extensions can make the same.
func (e ExtensionID) TypeOf(key string) string {
	if key == "" {
		return string(e)
	}
	return string(e) + "_" + key
}

// Listing is an extension's line in the catalogue: one small item each, in one partition.
type Listing struct {
	Extension        ExtensionID  `json:"extension_id"`
	Version          int          `json:"version"`
	Name             string       `json:"name"`
	Maker            string       `json:"maker,omitempty" doc:"Its partner's name, as of the listing."`
	Description      string       `json:"description"`
	CapabilityFamily string       `json:"capability_family"`
	Dependencies     []Dependency `json:"dependencies"`
	Logo             string       `json:"logo_sha256,omitempty" doc:"The logo's hash. Absent without a logo."`
}

// ListingOf is the line of that version. maker is the partner's name.
func ListingOf(e Extension, b Blueprint, maker string) Listing {
	return Listing{
		Extension: e.ID, Version: b.Version, Name: e.Name, Maker: maker, Description: e.Description,
		CapabilityFamily: e.CapabilityFamily, Dependencies: b.Dependencies, Logo: e.Logo,
	}
}

// Blueprint is one immutable version of what an extension provisions.
type Blueprint struct {
	Extension   ExtensionID `json:"extension_id"`
	Version     int         `json:"version"`
	SubmittedAt time.Time   `json:"submitted_at"`
	BlueprintSpec
}

// BlueprintSpec is the part of a blueprint that its author writes.
type BlueprintSpec struct {
	Scopes        []Scope                 `json:"scopes" maxItems:"20" doc:"Scopes of the installation's API token." example:"[\"contracts:write\"]"`
	Parameters    Parameters              `json:"parameters,omitzero" doc:"Parameters to ask the customer for when enabling: a JSON Schema."`
	Dependencies  []Dependency            `json:"dependencies,omitempty" maxItems:"10" doc:"Extensions that are enabled with this one."`
	TemplateTypes []TemplateTypeBlueprint `json:"template_types" maxItems:"20"`
	Webhooks      []WebhookBlueprint      `json:"webhooks" maxItems:"5" doc:"Each becomes one webhook per template type."`
	Setup         *SetupBlueprint         `json:"setup,omitempty" doc:"Chooses hand-off: the partner gets the token and the callback secret, and nobody is shown them."`
	Lifecycle     *LifecycleBlueprint     `json:"lifecycle,omitempty" doc:"Hears the events of every installation of the extension, even its end."`
}

// Dependency is another extension that must be enabled, at least at that version.
type Dependency struct {
	Extension  ExtensionID `json:"extension_id" minLength:"3" maxLength:"40"`
	MinVersion int         `json:"min_version,omitempty" minimum:"1" maximum:"999999" doc:"The lowest blueprint version. Default: any."`
}

// TemplateTypeBlueprint is a template type to make in every account that enables the extension.
type TemplateTypeBlueprint struct {
	Key         string            `json:"key,omitempty" maxLength:"32" doc:"One of the extension's template_type_keys. Empty for the extension type that is the slug alone."`
	Name        string            `json:"name" minLength:"1" maxLength:"128"`
	Description string            `json:"description,omitempty" maxLength:"512" text:"lines"`
	Fields      []FieldDefinition `json:"fields" maxItems:"300"`
	NoWebhooks  bool              `json:"no_webhooks,omitempty" doc:"True: no webhook is made for this template type, so that no event tells of its contracts. Otherwise it gets one of each that the blueprint declares. Needed where it declares none."`
}

// WebhookBlueprint is a webhook to make for each template type.
type WebhookBlueprint struct {
	Key        string            `json:"key" pattern:"^[a-z][a-z0-9-]{0,31}$" example:"contracts"`
	URL        string            `json:"url" format:"uri" maxLength:"1024" doc:"HTTPS. Its host never changes without the customer's consent."`
	EventTypes []string          `json:"event_types" minItems:"1" maxItems:"50"`
	Headers    map[string]string `json:"headers,omitempty" doc:"Values may contain {{parameter}}."`
	Query      map[string]string `json:"query,omitempty" doc:"Values may contain {{parameter}}, but no secret one."`
	Context    map[string]string `json:"context,omitempty" doc:"Sent as the body's context. Values may contain {{parameter}}, but no secret one."`
	Auth       WebhookAuth       `json:"auth,omitzero"`
	Policy     SendPolicy        `json:"policy,omitzero" doc:"Timeout, retry schedule and rate limit."`
}

// SetupBlueprint is where an admin is sent to finish on the partner's side.
type SetupBlueprint struct {
	URL string `json:"url" format:"uri" maxLength:"1024" doc:"HTTPS. Gets the query parameters state and code; exchange-hand-off takes the code once, within 10 minutes."`
}

// LifecycleBlueprint is an endpoint for the events installation.*, signed with a secret of the extension's own.
type LifecycleBlueprint struct {
	URL string `json:"url" format:"uri" maxLength:"1024" doc:"HTTPS."`
}

// AuthScheme is how a delivery proves itself to an endpoint, besides its signature.
type AuthScheme string

const (
	AuthNone   AuthScheme = ""
	AuthBasic  AuthScheme = "basic"
	AuthBearer AuthScheme = "bearer"
	AuthOAuth2 AuthScheme = "oauth2" // client credentials (RFC 6749, 4.4): a token is fetched, and sent as bearer is
)

// WebhookAuth is sent in the Authorization header. In a blueprint the values hold {{parameter}}s.
type WebhookAuth struct {
	Scheme   AuthScheme `json:"scheme,omitempty" enum:"basic,bearer,oauth2"`
	Username string     `json:"username,omitempty" maxLength:"256" doc:"For basic: without a colon, and empty where the password is all."`
	Password string     `json:"password,omitempty" maxLength:"1024" doc:"For basic."`
	Token    string     `json:"token,omitempty" maxLength:"4096" doc:"For bearer."`

	TokenURL     string `json:"token_url,omitempty" format:"uri" maxLength:"1024" doc:"For oauth2: the token endpoint. HTTPS; its host never changes without the customer's consent."`
	ClientID     string `json:"client_id,omitempty" maxLength:"256" doc:"For oauth2."`
	ClientSecret string `json:"client_secret,omitempty" maxLength:"1024" doc:"For oauth2."`
	Scope        string `json:"scope,omitempty" maxLength:"1024" doc:"For oauth2: the scopes to ask for, separated by spaces."`

	ClientAuth  ClientAuth        `json:"client_auth,omitempty" enum:"client_secret_basic,client_secret_post" doc:"For oauth2: how the client proves itself to the token endpoint (RFC 7591). When absent by client_secret_basic, and after invalid_client by client_secret_post."`
	TokenParams map[string]string `json:"token_params,omitempty" maxProperties:"10" doc:"For oauth2: further parameters of the token request. Values may contain {{parameter}}." example:"{\"audience\":\"https://api.example.com/\"}"`
}

// ClientAuth is how a client proves itself to a token endpoint, by RFC 7591's names.
type ClientAuth string

const (
	ClientAuthBasic ClientAuth = "client_secret_basic" // in the Authorization header
	ClientAuthPost  ClientAuth = "client_secret_post"  // in the body
)

// Templates are the values that may hold {{parameter}}s.
func (a WebhookAuth) Templates() []string {
	all := []string{a.Username, a.Password, a.Token, a.ClientID, a.ClientSecret, a.Scope}
	for _, name := range sortedKeys(a.TokenParams) {
		all = append(all, a.TokenParams[name])
	}
	return all
}

// authPart is a part of a WebhookAuth, and the scheme that it belongs to.
type authPart struct {
	name, text string
	of         AuthScheme
	needed     bool
}

func (a WebhookAuth) parts() []authPart {
	return []authPart{
		{"username", a.Username, AuthBasic, false}, {"password", a.Password, AuthBasic, false},
		{"token", a.Token, AuthBearer, true},
		{"token_url", a.TokenURL, AuthOAuth2, true}, {"client_id", a.ClientID, AuthOAuth2, true},
		{"client_secret", a.ClientSecret, AuthOAuth2, true},
		{"scope", a.Scope, AuthOAuth2, false}, {"client_auth", string(a.ClientAuth), AuthOAuth2, false},
	}
}

// Hosts are those that the blueprint's endpoints send data to, each once, sorted: of webhooks, of the lifecycle
// endpoint and of token endpoints.
func (b BlueprintSpec) Hosts() []string {
	hosts := []string{}
	add := func(address string) {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			hosts = append(hosts, u.Host)
		}
	}
	for _, w := range b.Webhooks {
		add(w.URL)
		add(w.Auth.TokenURL)
	}
	if b.Lifecycle != nil {
		add(b.Lifecycle.URL)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// Steps is what provisioning does for this blueprint, in order, none done.
func (b Blueprint) Steps() []Step {
	var steps []Step
	if b.Lifecycle != nil { // first, so that it hears when another fails
		steps = append(steps, Step{Kind: StepLifecycle})
	}
	for _, t := range b.TemplateTypes {
		steps = append(steps, Step{Kind: StepTemplateType, TypeKey: t.Key})
	}
	for _, t := range b.TemplateTypes {
		if t.NoWebhooks {
			continue
		}
		for _, w := range b.Webhooks {
			steps = append(steps, Step{Kind: StepWebhook, TypeKey: t.Key, WebhookKey: w.Key})
		}
	}
	return steps
}

// TemplateType finds the declared template type with that key.
func (b BlueprintSpec) TemplateType(key string) (TemplateTypeBlueprint, bool) {
	i := slices.IndexFunc(b.TemplateTypes, func(t TemplateTypeBlueprint) bool { return t.Key == key })
	if i < 0 {
		return TemplateTypeBlueprint{}, false
	}
	return b.TemplateTypes[i], true
}

// Webhook finds the declared webhook with that key.
func (b BlueprintSpec) Webhook(key string) (WebhookBlueprint, bool) {
	i := slices.IndexFunc(b.Webhooks, func(w WebhookBlueprint) bool { return w.Key == key })
	if i < 0 {
		return WebhookBlueprint{}, false
	}
	return b.Webhooks[i], true
}

// Allows tells whether the extension's installations have that scope.
func (b BlueprintSpec) Allows(s Scope) bool { return slices.Contains(b.Scopes, s) }
