package domain

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Consent (design rule 6): the reasons for which an upgrade waits for an admin of the account.

// ConsentReason is why an upgrade waits for an admin, whatever the installation's policy.
type ConsentReason struct {
	Code      string `json:"code" enum:"scope-added,webhook-added,event-type-added,dependency-added,required-parameter-added,target-host-changed,hand-off-added,parameter-sent,access-token-sent,secret-opened"`
	Pointer   string `json:"pointer" doc:"A JSON pointer into the new blueprint."`
	Parameter string `json:"parameter,omitempty" doc:"The key of the parameter whose value newly leaves."`
	Host      string `json:"host,omitempty" doc:"Where that value, or an access token, newly goes: scheme, host and port." example:"https://hooks.acme.example:443"`
	Detail    string `json:"detail"`
}

// consent lists everything that next may do to a customer and b may not.
func (b BlueprintSpec) consent(next BlueprintSpec) []ConsentReason {
	var reasons []ConsentReason
	add := func(code, pointer, format string, args ...any) {
		reasons = append(reasons, ConsentReason{Code: code, Pointer: pointer, Detail: fmt.Sprintf(format, args...)})
	}
	for i, s := range next.Scopes {
		if !slices.Contains(b.Scopes, s) {
			add("scope-added", fmt.Sprintf("/scopes/%d", i), "Its token may also do %s.", s)
		}
	}
	for _, p := range next.Parameters.All() {
		asked := slices.ContainsFunc(b.Parameters.All(), func(o Parameter) bool { return o.Key == p.Key && o.Required })
		if p.Required && !asked {
			add("required-parameter-added", "/parameters/properties/"+EscapePointer(p.Key),
				"The parameter %q is needed.", p.Key)
		}
	}
	for i, d := range next.Dependencies {
		if !slices.ContainsFunc(b.Dependencies, func(o Dependency) bool { return o.Extension == d.Extension }) {
			add("dependency-added", fmt.Sprintf("/dependencies/%d", i), "The extension %q is enabled with it.",
				d.Extension)
		}
	}
	for i, t := range next.TemplateTypes {
		old, known := b.TemplateType(t.Key)
		if heard := known && !old.NoWebhooks; !heard && !t.NoWebhooks && len(next.Webhooks) > 0 {
			add("webhook-added", fmt.Sprintf("/template_types/%d", i),
				"Its webhooks also hear of contracts of the template type %q.", t.Name)
		}
	}
	for i, w := range next.Webhooks {
		at := fmt.Sprintf("/webhooks/%d", i)
		old, known := b.Webhook(w.Key)
		if !known {
			add("webhook-added", at, "Events are also sent to %s.", host(w.URL))
			continue
		}
		if from, to := host(old.URL), host(w.URL); from != to {
			add("target-host-changed", at+"/url", "Events go to %s instead of %s.", to, from)
		}
		if from, to := host(old.Auth.TokenURL), host(w.Auth.TokenURL); to != "" && from != to {
			add("target-host-changed", at+"/auth/token_url",
				"Access tokens are fetched from %s, with the client's credentials.", to)
		}
		for j, event := range w.EventTypes {
			if !slices.Contains(old.EventTypes, event) {
				add("event-type-added", fmt.Sprintf("%s/event_types/%d", at, j), "The webhook %q also hears of %s.",
					w.Key, event)
			}
		}
	}
	if s, old := next.Setup, b.Setup; s != nil {
		switch {
		case old == nil:
			add("hand-off-added", "/setup", "The API token goes to %s instead of the admin who enables.", host(s.URL))
		case host(old.URL) != host(s.URL):
			add("target-host-changed", "/setup/url",
				"Admins, and with them the API token, are sent to %s instead of %s.", host(s.URL), host(old.URL))
		}
	}
	if l, old := next.Lifecycle, b.Lifecycle; l != nil {
		switch {
		case old == nil:
			add("webhook-added", "/lifecycle", "What becomes of the installation is also sent to %s.", host(l.URL))
		case host(old.URL) != host(l.URL):
			add("target-host-changed", "/lifecycle/url",
				"What becomes of the installation is sent to %s instead of %s.", host(l.URL), host(old.URL))
		}
	}
	reasons = append(reasons, b.newOutflows(next)...)
	slices.SortStableFunc(reasons, func(a, b ConsentReason) int { return cmp.Compare(a.Code, b.Code) })
	return reasons
}

// host is where a URL leads: scheme, name and port. Text that is no absolute URL stays as it is.
func host(raw string) string {
	if raw == AgentURL {
		return "an agent in the account's own network"
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return raw
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return fmt.Sprintf("%s://%s:%s", u.Scheme, strings.ToLower(u.Hostname()), port)
}
