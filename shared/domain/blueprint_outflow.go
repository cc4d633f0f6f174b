package domain

import (
	"fmt"
	"slices"
	"strings"
)

// outflow is a value of the customer's, and a host that gets it: the value of a parameter, or an access token that was
// fetched with the customer's client.
type outflow struct {
	parameter string // its key; empty for an access token
	issuer    string // the host that issues the access token
	scope     string // one of the access token's; empty when the endpoint is asked for none
	host      string
}

// outflowAt is an outflow with the pointer of a text that causes it.
type outflowAt struct {
	outflow
	pointer string
}

// outflows are all of the blueprint's webhooks, in the order of their texts. Every text of a webhook's declaration
// counts, whatever its name is, so that a new member of the declaration cannot be forgotten here.
func (b BlueprintSpec) outflows() []outflowAt {
	heard := slices.ContainsFunc(b.TemplateTypes, func(t TemplateTypeBlueprint) bool { return !t.NoWebhooks })
	if !heard {
		return nil // no webhook is made
	}
	var all []outflowAt
	for i, w := range b.Webhooks {
		at, target := fmt.Sprintf("/webhooks/%d", i), host(w.URL)
		declared := tree(w)
		auth := declared["auth"]
		delete(declared, "auth")
		all = appendOutflows(all, at, declared, target)
		if w.Auth.Scheme != AuthOAuth2 {
			all = appendOutflows(all, at+"/auth", auth, target)
			continue
		}
		issuer := host(w.Auth.TokenURL)
		all = appendOutflows(all, at+"/auth", auth, issuer)
		scopes := strings.Fields(w.Auth.Scope)
		// an audience says what a token opens as much as a scope does
		for _, name := range sortedKeys(w.Auth.TokenParams) {
			scopes = append(scopes, name+"="+w.Auth.TokenParams[name])
		}
		if len(scopes) == 0 {
			scopes = []string{""}
		}
		for _, scope := range scopes {
			all = append(all, outflowAt{outflow{issuer: issuer, scope: scope, host: target}, at + "/auth"})
		}
	}
	return all
}

// appendOutflows adds the parameters that the texts in v name, at any depth.
func appendOutflows(all []outflowAt, pointer string, v any, host string) []outflowAt {
	switch v := v.(type) {
	case string:
		for _, key := range TemplateKeys(v) {
			all = append(all, outflowAt{outflow{parameter: key, host: host}, pointer})
		}
	case []any:
		for i, element := range v {
			all = appendOutflows(all, fmt.Sprintf("%s/%d", pointer, i), element, host)
		}
	case map[string]any:
		for _, name := range sortedKeys(v) {
			all = appendOutflows(all, pointer+"/"+EscapePointer(name), v[name], host)
		}
	}
	return all
}

// newOutflows is a reason for each value and host that b has not, and for each secret that next opens.
func (b BlueprintSpec) newOutflows(next BlueprintSpec) []ConsentReason {
	known := map[outflow]bool{}
	for _, o := range b.outflows() {
		known[o.outflow] = true
	}
	var reasons []ConsentReason
	for _, o := range next.outflows() {
		if known[o.outflow] {
			continue
		}
		known[o.outflow] = true
		reasons = append(reasons, next.reason(o))
	}
	for _, p := range next.Parameters.All() {
		if b.Parameters.Properties[p.Key].WriteOnly && !p.Schema.WriteOnly {
			reasons = append(reasons, ConsentReason{
				Code: "secret-opened", Pointer: "/parameters/properties/" + EscapePointer(p.Key), Parameter: p.Key,
				Detail: fmt.Sprintf("%s is no secret any more: its partner and the account's people can read it.",
					p.Name()),
			})
		}
	}
	return reasons
}

func (b BlueprintSpec) reason(o outflowAt) ConsentReason {
	if o.parameter == "" {
		scope := "no scope in particular"
		if o.scope != "" {
			scope = fmt.Sprintf("the scope %q", o.scope)
		}
		return ConsentReason{
			Code: "access-token-sent", Pointer: o.pointer, Host: o.host,
			Detail: fmt.Sprintf("An access token of %s, for %s, is also sent to %s.", o.issuer, scope, o.host),
		}
	}
	p := Parameter{Key: o.parameter, Schema: b.Parameters.Properties[o.parameter]}
	return ConsentReason{
		Code: "parameter-sent", Pointer: o.pointer, Parameter: o.parameter, Host: o.host,
		Detail: fmt.Sprintf("The value of %s is also sent to %s.", p.Name(), o.host),
	}
}
