package domain

import (
	"fmt"
	"maps"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"plugboard/shared/fault"
)

// Credentials are the auth and the headers that requests to an account's own webhook carry beside the signature. A
// blueprint declares them for a managed webhook by {{parameters}}; an account gives them directly. A secret part can
// be replaced or removed, never read. A header's value counts as secret, since most are API keys.
type Credentials struct {
	Scheme   AuthScheme        `json:"scheme,omitempty"`
	TokenURL string            `json:"token_url,omitempty"`
	ClientID string            `json:"client_id,omitempty"`
	Scope    string            `json:"scope,omitempty"`
	Secrets  map[string]Sealed `json:"secrets,omitempty"` // by part: that of the auth, or HeaderPart

	ClientAuth  ClientAuth        `json:"client_auth,omitempty"`
	TokenParams map[string]string `json:"token_params,omitempty"`
}

// Limits of an own webhook's headers: all of an account's webhooks are read with each of its events.
const (
	OwnHeadersMost     = 10
	OwnHeaderValueMost = 1024 // bytes

	OwnAuthorizationMost = 4096 // bytes of the header Authorization, which may hold a JWT
)

// headerValueMost is how many bytes the value of that header has at most.
func headerValueMost(name string) int {
	if textproto.CanonicalMIMEHeaderKey(name) == authorizationHeader {
		return OwnAuthorizationMost
	}
	return OwnHeaderValueMost
}

const headerPart = "header "

// HeaderPart names a header's value among the secrets.
func HeaderPart(name string) string { return headerPart + textproto.CanonicalMIMEHeaderKey(name) }

// CredentialResource names a secret part to the sealer.
func CredentialResource(w WebhookID, part string) string { return string(w) + "/" + part }

// Headers are the names of those that are set, sorted.
func (c Credentials) Headers() []string {
	names := []string{}
	for _, part := range sortedKeys(c.Secrets) {
		if name, ok := strings.CutPrefix(part, headerPart); ok {
			names = append(names, name)
		}
	}
	return names
}

// Set are the secret parts of the auth that are set, sorted.
func (c Credentials) Set() []string {
	return slices.DeleteFunc(sortedKeys(c.Secrets), func(part string) bool {
		return strings.HasPrefix(part, headerPart)
	})
}

// Declared is c in the form of a blueprint's declaration, so that delivery makes every request the same way. Each
// part is a {{parameter}} of its own, from Values or Secrets. So no text that people wrote is taken for a template.
func (c Credentials) Declared() WebhookBlueprint {
	of := func(part string) string {
		if _, ok := c.Secrets[part]; !ok {
			return ""
		}
		return "{{" + part + "}}"
	}
	d := WebhookBlueprint{Headers: map[string]string{}, Auth: WebhookAuth{
		Scheme: c.Scheme, Username: of("username"), Password: of("password"), Token: of("token"),
		TokenURL: c.TokenURL, ClientID: "{{client_id}}", ClientSecret: of("client_secret"), Scope: "{{scope}}",
		ClientAuth: c.ClientAuth,
	}}
	if len(c.TokenParams) > 0 {
		d.Auth.TokenParams = map[string]string{}
	}
	for name := range c.TokenParams {
		d.Auth.TokenParams[name] = "{{" + tokenParamPart + name + "}}"
	}
	for _, name := range c.Headers() {
		d.Headers[name] = of(HeaderPart(name))
	}
	return d
}

// Values are the parts that are no secrets, as far as Declared names them.
func (c Credentials) Values() map[string]string {
	values := map[string]string{"client_id": c.ClientID, "scope": c.Scope}
	for name, value := range c.TokenParams {
		values[tokenParamPart+name] = value
	}
	return values
}

const tokenParamPart = "token parameter "

// CredentialsChange holds the given members of a change. Members that are not given stay.
type CredentialsChange struct {
	Scheme  *AuthScheme        // a new scheme keeps no part of the old scheme
	Parts   map[string]string  // of the auth; an empty one is taken away
	Headers map[string]*string // nil takes one away

	TokenParams map[string]string // in place of those before, as a whole; nil leaves them
}

// Change is c after the change. plain holds the new secrets by part, which the caller seals.
func (c Credentials) Change(given CredentialsChange) (changed Credentials, plain map[string]Secret) {
	changed, plain = c, map[string]Secret{}
	changed.Secrets = map[string]Sealed{}
	maps.Copy(changed.Secrets, c.Secrets)
	if given.Scheme != nil && *given.Scheme != c.Scheme {
		changed = Credentials{Scheme: *given.Scheme, Secrets: changed.Secrets}
		maps.DeleteFunc(changed.Secrets, func(part string, _ Sealed) bool {
			return !strings.HasPrefix(part, headerPart)
		})
	}
	if given.TokenParams != nil {
		changed.TokenParams = given.TokenParams
	}
	open := map[string]*string{
		"token_url": &changed.TokenURL, "client_id": &changed.ClientID, "scope": &changed.Scope,
		"client_auth": (*string)(&changed.ClientAuth),
	}
	for part, value := range given.Parts {
		switch at := open[part]; {
		case at != nil:
			*at = value
		case value == "":
			delete(changed.Secrets, part)
		default:
			plain[part] = Secret(value)
		}
	}
	for name, value := range given.Headers {
		if value == nil {
			delete(changed.Secrets, HeaderPart(name))
		} else {
			plain[HeaderPart(name)] = Secret(*value)
		}
	}
	return changed, plain
}

// CheckChange reports every fault of the change, alone and together with c. Pointers are under /auth and /headers.
func (c Credentials) CheckChange(given CredentialsChange) []fault.Field {
	var wrong []fault.Field
	add := func(pointer, code, format string, args ...any) {
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: code, Detail: fmt.Sprintf(format, args...)})
	}
	changed, plain := c.Change(given)
	sends := func(part string) bool {
		_, stays := changed.Secrets[part]
		_, comes := plain[part]
		return stays || comes
	}
	if given.Scheme != nil {
		auth := WebhookAuth{Scheme: *given.Scheme}
		for _, p := range auth.parts() {
			text, is := given.Parts[p.name]
			_, stays := changed.Secrets[p.name]
			stays = !is && (stays || p.name == "client_id" && changed.ClientID != "" || p.name == "token_url" &&
				changed.TokenURL != "")
			switch pointer := "/auth/" + p.name; {
			case text != "" && p.of != auth.Scheme:
				add(pointer, "unexpected", "This belongs to the scheme %s.", p.of)
			case text == "" && p.needed && p.of == auth.Scheme && !stays:
				add(pointer, "required", "The scheme %s needs this.", p.of)
			case p.name == "username" && strings.Contains(text, ":"):
				add(pointer, "invalid", "%s", userNameColon)
			}
		}
		if auth.Scheme == AuthBasic && !sends("username") && !sends("password") {
			add("/auth/username", "required", "%s", basicEmpty)
		}
		wrong = append(wrong, tokenParamFaults("/auth", auth.Scheme, given.TokenParams)...)
	}
	seen := map[string]bool{}
	for _, name := range sortedKeys(given.Headers) {
		pointer, value := "/headers/"+EscapePointer(name), given.Headers[name]
		if problem := HeaderProblem(name); problem != "" {
			add(pointer, "invalid", "%s", problem)
		}
		if seen[HeaderPart(name)] {
			add(pointer, "duplicate", "The header is named twice.")
		}
		seen[HeaderPart(name)] = true
		if most := headerValueMost(name); value != nil && (*value == "" || len(*value) > most) {
			add(pointer, "invalid", "A value has 1 to %d bytes.", most)
		}
	}
	for part := range plain {
		changed.Secrets[part] = "" // as good as set
	}
	if changed.Scheme != AuthNone && sends(HeaderPart(authorizationHeader)) {
		pointer := "/auth/scheme"
		for name := range given.Headers {
			if textproto.CanonicalMIMEHeaderKey(name) == authorizationHeader {
				pointer = "/headers/" + EscapePointer(name)
			}
		}
		add(pointer, "contradiction", "%s", authTwice)
	}
	n := len(changed.Headers())
	if n > OwnHeadersMost {
		add("/headers", "too-many", "At most %d; these would be %d.", OwnHeadersMost, n)
	}
	return wrong
}

// MovedSecrets reports the secrets that the change would send to another host. from and to are the webhook's URL
// before and after. A caller that may change a webhook must not get its secrets by sending them to its own endpoint.
// The secrets are therefore given again.
func (c Credentials) MovedSecrets(given CredentialsChange, from, to string) []fault.Field {
	changed, plain := c.Change(given)
	moved, tokenMoved := origin(from) != origin(to), origin(c.TokenURL) != origin(changed.TokenURL)
	var wrong []fault.Field
	for _, part := range sortedKeys(changed.Secrets) {
		if _, again := plain[part]; again || !moved && !(tokenMoved && part == "client_secret") {
			continue
		}
		pointer := "/auth/" + part
		if name, ok := strings.CutPrefix(part, headerPart); ok {
			pointer = "/headers/" + EscapePointer(name)
		}
		wrong = append(wrong, fault.Field{Pointer: pointer, Code: "required",
			Detail: "This was given for another host. Give it again, or take it away."})
	}
	return wrong
}

// origin is where a URL's requests go: scheme, host and port.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}
