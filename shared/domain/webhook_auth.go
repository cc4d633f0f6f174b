package domain

import (
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"plugboard/shared/fault"
)

// What both doors check of an endpoint's headers and auth: a blueprint's webhook, and a webhook of the account's own.

const (
	authorizationHeader = "Authorization"

	authTwice     = "A header Authorization and a scheme of auth cannot both be sent. Take one away."
	basicEmpty    = "The scheme basic needs a user name, a password, or both."
	userNameColon = "A user name has no colon (RFC 7617)."
)

// reservedHeaders are set by Plugboard or by HTTP itself.
var reservedHeaders = []string{
	"Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Expect", "Host",
	"Keep-Alive",
	"Te", "Traceparent", "Tracestate", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
}

// headerName is RFC 9110's token, 5.6.2.
var headerName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$")

// HeaderProblem says why a webhook may not set that header; empty when it may. Authorization is one that it may:
// endpoints have other schemes than those of auth, and bare keys. Underscores count as hyphens, as they do to CGI and
// its heirs.
func HeaderProblem(name string) string {
	if !headerName.MatchString(name) {
		return "A header's name is letters, digits and !#$%&'*+-.^_`|~, at most 64 (RFC 9110)."
	}
	canonical := textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
	prefixed := func(prefix string) bool { return strings.HasPrefix(canonical, prefix) }
	if slices.Contains(reservedHeaders, canonical) || prefixed("Webhook-") || prefixed("Proxy-") || prefixed("X-Amz") {
		return fmt.Sprintf("The header %s is set by Plugboard or by HTTP itself.", canonical)
	}
	return ""
}

// Limits of the further parameters of a token request.
const (
	TokenParamsMost     = 10
	TokenParamValueMost = 1024 // bytes
)

// tokenParamName leaves out braces, by which Credentials.Declared names parts.
var tokenParamName = regexp.MustCompile(`^[A-Za-z0-9_.:~\[\]-]{1,64}$`)

// tokenParamsSet are the parameters of a token request that other members of auth give.
var tokenParamsSet = []string{"grant_type", "client_id", "client_secret", "scope"}

// tokenParamFaults reports what is wrong with further token parameters in themselves. at is the pointer of the auth.
func tokenParamFaults(at string, scheme AuthScheme, given map[string]string) []fault.Field {
	var wrong []fault.Field
	add := func(pointer, code, format string, args ...any) {
		wrong = append(wrong, fault.Field{Pointer: at + "/token_params" + pointer, Code: code,
			Detail: fmt.Sprintf(format, args...)})
	}
	if len(given) > 0 && scheme != AuthOAuth2 {
		add("", "unexpected", "This belongs to the scheme %s.", AuthOAuth2)
	}
	if len(given) > TokenParamsMost {
		add("", "too-many", "At most %d; these are %d.", TokenParamsMost, len(given))
	}
	for _, name := range sortedKeys(given) {
		pointer, value := "/"+EscapePointer(name), given[name]
		switch {
		case !tokenParamName.MatchString(name):
			add(pointer, "invalid", "A parameter's name is letters, digits and _.:~[]-, at most 64.")
		case slices.Contains(tokenParamsSet, name):
			add(pointer, "reserved-parameter", "The parameter %s is set by Plugboard, from the other members of auth.",
				name)
		case value == "" || len(value) > TokenParamValueMost:
			add(pointer, "invalid", "A value has 1 to %d bytes.", TokenParamValueMost)
		}
	}
	return wrong
}
