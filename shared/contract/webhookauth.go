package contract

import (
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The endpoint auth of an account's own webhook. A blueprint's is domain.WebhookAuth.

// EndpointAuthBody is taken and never shown: of what is secret, views tell that it is set.
type EndpointAuthBody struct {
	Scheme       string  `json:"scheme" enum:"none,basic,bearer,oauth2" doc:"oauth2: client credentials (RFC 6749, 4.4). An access token is fetched and sent as bearer."`
	Username     *string `json:"username,omitempty" maxLength:"256" doc:"For basic; empty where the password is all. Kept secret: some send a key as it."`
	Password     *string `json:"password,omitempty" maxLength:"1024" doc:"For basic. Kept secret."`
	Token        *string `json:"token,omitempty" maxLength:"4096" doc:"For bearer. Stored sealed."`
	TokenURL     *string `json:"token_url,omitempty" format:"uri" maxLength:"1024" doc:"For oauth2: the token endpoint. The rules of a webhook's URL apply."`
	ClientID     *string `json:"client_id,omitempty" maxLength:"256" doc:"For oauth2."`
	ClientSecret *string `json:"client_secret,omitempty" maxLength:"1024" doc:"For oauth2. Stored sealed."`
	Scope        *string `json:"scope,omitempty" maxLength:"1024" doc:"For oauth2: the scopes to ask for, separated by spaces."`

	ClientAuth  *string           `json:"client_auth,omitempty" enum:"client_secret_basic,client_secret_post" doc:"For oauth2: how the client proves itself to the token endpoint (RFC 7591). When absent by client_secret_basic, and after invalid_client by client_secret_post."`
	TokenParams map[string]string `json:"token_params,omitempty" maxProperties:"10" doc:"For oauth2: further parameters of the token request, each of 1 to 1,024 bytes. They are shown, so none is a secret. In an update in place of those before, as a whole." example:"{\"audience\":\"https://api.example.com/\"}"`
}

const noAuth = "none"

// EndpointAuthView is what is shown.
type EndpointAuthView struct {
	Scheme   string   `json:"scheme" enum:"none,basic,bearer,oauth2"`
	TokenURL string   `json:"token_url,omitempty"`
	ClientID string   `json:"client_id,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	Set      []string `json:"set" doc:"The secret parts that are set. Their values are never shown." example:"[\"username\",\"password\"]"`
	Managed  bool     `json:"managed,omitempty" doc:"True of a managed webhook: its blueprint declares the scheme, and its secrets are the installation's parameters, so that none is set here."`

	ClientAuth  domain.ClientAuth `json:"client_auth,omitempty" enum:"client_secret_basic,client_secret_post"`
	TokenParams map[string]string `json:"token_params,omitempty"`
}

func viewAuth(c domain.Credentials) EndpointAuthView {
	return EndpointAuthView{
		Scheme: shownScheme(c.Scheme), TokenURL: c.TokenURL, ClientID: c.ClientID, Scope: c.Scope, Set: c.Set(),
		ClientAuth: c.ClientAuth, TokenParams: c.TokenParams,
	}
}

// viewManagedAuth shows the auth that a blueprint declares, without its templates, which may name secrets.
func viewManagedAuth(a domain.WebhookAuth) EndpointAuthView {
	return EndpointAuthView{Scheme: shownScheme(a.Scheme), TokenURL: a.TokenURL, Set: []string{}, Managed: true,
		ClientAuth: a.ClientAuth}
}

func shownScheme(s domain.AuthScheme) string {
	if s == domain.AuthNone {
		return noAuth
	}
	return string(s)
}

// change is what is given; a nil b gives no auth.
func (b *EndpointAuthBody) change(headers map[string]*string) domain.CredentialsChange {
	c := domain.CredentialsChange{Headers: headers}
	if b == nil {
		return c
	}
	scheme := domain.AuthScheme(b.Scheme)
	if b.Scheme == noAuth {
		scheme = domain.AuthNone
	}
	c.Scheme, c.Parts, c.TokenParams = &scheme, map[string]string{}, b.TokenParams
	for name, value := range map[string]*string{
		"username": b.Username, "password": b.Password, "token": b.Token,
		"token_url": b.TokenURL, "client_id": b.ClientID, "client_secret": b.ClientSecret, "scope": b.Scope,
		"client_auth": b.ClientAuth,
	} {
		if value != nil {
			c.Parts[name] = *value
		}
	}
	return c
}

// tokenURLFaults reports a token URL that nothing is sent to on any stage.
func tokenURLFaults(b *EndpointAuthBody) []fault.Field {
	if b == nil || b.TokenURL == nil || *b.TokenURL == "" {
		return nil
	}
	if problem := domain.TokenURL.Problem(*b.TokenURL); problem != "" {
		return []fault.Field{{Pointer: "/auth/token_url", Code: "invalid", Detail: problem}}
	}
	return nil
}
