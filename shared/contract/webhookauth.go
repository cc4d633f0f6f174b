package contract

import (
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The endpoint auth of an account's own webhook. A blueprint's is domain.WebhookAuth.

// EndpointAuthBody is taken and never shown: of what is secret, views tell that it is set.
type EndpointAuthBody struct {
	Scheme       string  `json:"scheme" enum:"none,basic,bearer,oauth2" doc:"oauth2 is client credentials (RFC 6749, 4.4): a token is fetched, and sent as bearer is."`
	Username     *string `json:"username,omitempty" maxLength:"256" doc:"For basic. Kept secret: some send a key as it."`
	Password     *string `json:"password,omitempty" maxLength:"256" doc:"For basic. Kept secret."`
	Token        *string `json:"token,omitempty" maxLength:"1024" doc:"For bearer. Kept secret."`
	TokenURL     *string `json:"token_url,omitempty" format:"uri" maxLength:"1024" doc:"For oauth2: where tokens are fetched, as HTTPS goes to a webhook's URL."`
	ClientID     *string `json:"client_id,omitempty" maxLength:"256" doc:"For oauth2."`
	ClientSecret *string `json:"client_secret,omitempty" maxLength:"1024" doc:"For oauth2. Kept secret."`
	Scope        *string `json:"scope,omitempty" maxLength:"1024" doc:"For oauth2: what the token is asked for, separated by spaces."`
}

const noAuth = "none"

// EndpointAuthView is what is shown.
type EndpointAuthView struct {
	Scheme   string   `json:"scheme" enum:"none,basic,bearer,oauth2"`
	TokenURL string   `json:"token_url,omitempty"`
	ClientID string   `json:"client_id,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	Set      []string `json:"set" doc:"The secret parts that are set; none is shown." example:"[\"username\",\"password\"]"`
}

func viewAuth(c domain.Credentials) EndpointAuthView {
	v := EndpointAuthView{Scheme: string(c.Scheme), TokenURL: c.TokenURL, ClientID: c.ClientID, Scope: c.Scope, Set: c.Set()}
	if c.Scheme == domain.AuthNone {
		v.Scheme = noAuth
	}
	return v
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
	c.Scheme, c.Parts = &scheme, map[string]string{}
	for name, value := range map[string]*string{
		"username": b.Username, "password": b.Password, "token": b.Token,
		"token_url": b.TokenURL, "client_id": b.ClientID, "client_secret": b.ClientSecret, "scope": b.Scope,
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
	if problem := domain.URLProblem(*b.TokenURL); problem != "" {
		return []fault.Field{{Pointer: "/auth/token_url", Code: "invalid", Detail: problem}}
	}
	return nil
}
