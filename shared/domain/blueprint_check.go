package domain

import (
	"fmt"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"plugboard/shared/fault"
)

// Check reports every fault that the spec has by itself, such as an undeclared or repeated name. heard tells which
// event types a managed webhook can hear. Pointers are under /blueprint. CheckFor adds the limits of the extension
// and the stage. The caller checks the dependencies, which needs the catalogue.
func (b BlueprintSpec) Check(heard func(eventType string) bool) []fault.Field {
	c := blueprintCheck{spec: b}
	c.scopes()
	c.parameters()
	c.templateTypes()
	c.webhooks(heard)
	c.endpoints()
	c.dependencies()
	return c.wrong
}

// CheckFor reports what the extension never reserved, a dependency on itself, and where this stage sends nothing:
// urlProblem says what is wrong with a URL on it. Pointers are under /blueprint.
func (b BlueprintSpec) CheckFor(e Extension, urlProblem func(use URLUse, url string) string) []fault.Field {
	c := blueprintCheck{spec: b}
	for i, t := range b.TemplateTypes {
		if !slices.Contains(e.TypeKeys, t.Key) {
			c.add(fmt.Sprintf("/template_types/%d/key", i), "unreserved-template-type",
				"The extension reserved no template type %q: its template_type_keys are %q.", t.Key, e.TypeKeys)
		}
	}
	var all []endpoint
	for i, w := range b.Webhooks {
		at := fmt.Sprintf("/webhooks/%d", i)
		all = append(all, endpoint{at + "/url", WebhookURL, w.URL},
			endpoint{at + "/auth/token_url", TokenURL, w.Auth.TokenURL})
	}
	for _, e := range append(all, b.endpoints()...) {
		if problem := urlProblem(e.use, e.url); problem != "" && e.use.Problem(e.url) == "" {
			c.add(e.pointer, "invalid", "%s", problem)
		}
	}
	for i, d := range b.Dependencies {
		if d.Extension == e.ID {
			c.add(fmt.Sprintf("/dependencies/%d/extension_id", i), "cyclic-dependency",
				"An extension cannot depend on itself.")
		}
	}
	return c.wrong
}

type blueprintCheck struct {
	spec  BlueprintSpec
	wrong []fault.Field
}

func (c *blueprintCheck) add(pointer, code, format string, args ...any) {
	c.wrong = append(c.wrong, fault.Field{Pointer: "/blueprint" + pointer, Code: code,
		Detail: fmt.Sprintf(format, args...)})
}

// once reports a value that came before in the same list.
func (c *blueprintCheck) once(seen map[string]bool, value, pointer, what string) {
	if seen[value] {
		c.add(pointer, "duplicate", "%s %q is declared twice.", what, value)
	}
	seen[value] = true
}

func (c *blueprintCheck) scopes() {
	seen := map[string]bool{}
	for i, s := range c.spec.Scopes {
		at := fmt.Sprintf("/scopes/%d", i)
		if !slices.Contains(Scopes, s) {
			c.add(at, "unknown-scope", "There is no scope %q.", s)
		}
		c.once(seen, string(s), at, "The scope")
	}
}

func (c *blueprintCheck) templateTypes() {
	if len(c.spec.TemplateTypes) == 0 && len(c.spec.Webhooks) > 0 {
		c.add("/webhooks", "no-template-type",
			"A webhook hears of contracts of a template type, and the blueprint declares none.")
	}
	seen := map[string]bool{}
	for i, t := range c.spec.TemplateTypes {
		at := fmt.Sprintf("/template_types/%d", i)
		c.once(seen, t.Key, at+"/key", "The template type")
		if len(c.spec.Webhooks) == 0 && !t.NoWebhooks {
			c.add(at+"/no_webhooks", "no-webhook",
				"The blueprint declares no webhook for this template type. Declare one, or set no_webhooks.")
		}
		for _, f := range CheckDefinitions(at+"/fields", t.Fields) {
			f.Pointer = "/blueprint" + f.Pointer
			c.wrong = append(c.wrong, f)
		}
	}
}

func (c *blueprintCheck) webhooks(heard func(string) bool) {
	seen := map[string]bool{}
	for i, w := range c.spec.Webhooks {
		at := fmt.Sprintf("/webhooks/%d", i)
		c.once(seen, w.Key, at+"/key", "The webhook")
		if problem := WebhookURL.Problem(w.URL); problem != "" {
			c.add(at+"/url", "invalid", "%s", problem)
		}
		if w.URL == AgentURL && (w.Auth.Scheme != AuthNone || len(w.Headers)+len(w.Query) > 0) {
			c.add(at+"/url", "contradiction", "%s", agentAddsAuth)
		}
		for j, event := range w.EventTypes {
			if !heard(event) {
				c.add(fmt.Sprintf("%s/event_types/%d", at, j), "unknown-event-type", "Contracts have no event type %q.",
					event)
			}
			if slices.Contains(w.EventTypes[:j], event) {
				c.add(fmt.Sprintf("%s/event_types/%d", at, j), "duplicate", "The event type %q is named twice.", event)
			}
		}
		c.templates(at+"/headers", w.Headers, true)
		c.templates(at+"/query", w.Query, false)
		c.templates(at+"/context", w.Context, false)
		headers := map[string]bool{}
		for _, name := range sortedKeys(w.Headers) {
			pointer := at + "/headers/" + EscapePointer(name)
			if problem := HeaderProblem(name); problem != "" {
				c.add(pointer, "invalid", "%s", problem)
			}
			c.once(headers, textproto.CanonicalMIMEHeaderKey(name), pointer, "The header")
		}
		for name := range headers {
			if name == authorizationHeader && w.Auth.Scheme != AuthNone {
				c.add(at+"/auth/scheme", "contradiction", "%s", authTwice)
			}
		}
		c.auth(at+"/auth", w.Auth)
		c.wrong = append(c.wrong, w.Policy.Check("/blueprint"+at+"/policy")...)
	}
}

// endpoints checks the URLs that stand outside webhooks.
func (c *blueprintCheck) endpoints() {
	for _, e := range c.spec.endpoints() {
		if problem := e.use.Problem(e.url); problem != "" {
			c.add(e.pointer, "invalid", "%s", problem)
		}
	}
	if s := c.spec.Setup; s != nil {
		if u, err := url.Parse(s.URL); err == nil && (u.Query().Has("code") || u.Query().Has("state")) {
			c.add("/setup/url", "reserved-parameter", "The query parameters code and state are set by Plugboard.")
		}
	}
}

// endpoint is a URL of the partner's, what it is for, and where the blueprint says it.
type endpoint struct {
	pointer string
	use     URLUse
	url     string
}

func (b BlueprintSpec) endpoints() []endpoint {
	var all []endpoint
	if b.Setup != nil {
		all = append(all, endpoint{"/setup/url", SetupURL, b.Setup.URL})
	}
	if b.Lifecycle != nil {
		all = append(all, endpoint{"/lifecycle/url", LifecycleURL, b.Lifecycle.URL})
	}
	return all
}

// Limits of the headers, query and context that a webhook adds to its requests. Filled with the longest parameters,
// they must fit an SQS message beside the event, and a header block that servers accept (8 KB is common).
const (
	maxTemplates     = 20
	maxFilledBytes   = 8 << 10
	bytesOfCharacter = 4 // at most, in UTF-8
)

// templates checks the values of headers, query or context: each alone, and what all can come to.
func (c *blueprintCheck) templates(at string, texts map[string]string, secretAllowed bool) {
	if len(texts) > maxTemplates {
		c.add(at, "too-many", "At most %d; these are %d.", maxTemplates, len(texts))
	}
	filled := 0
	for _, name := range sortedKeys(texts) {
		c.template(at+"/"+EscapePointer(name), texts[name], secretAllowed)
		filled += len(name) + c.filled(texts[name])
	}
	if filled > maxFilledBytes {
		c.add(at, "too-large", "With the longest parameters filled in these come to %d bytes; at most %d.", filled,
			maxFilledBytes)
	}
}

// filled is how many bytes the text has at most when its parameters are filled in.
func (c *blueprintCheck) filled(text string) int {
	size := len(text)
	for _, key := range TemplateKeys(text) {
		if p, declared := c.spec.Parameters.Properties[key]; declared {
			size += p.bytes()
		}
	}
	return size
}

// auth checks that the given parts belong to the scheme. The schema refuses an unknown scheme.
func (c *blueprintCheck) auth(at string, a WebhookAuth) {
	if !slices.Contains([]AuthScheme{AuthNone, AuthBasic, AuthBearer, AuthOAuth2}, a.Scheme) {
		return
	}
	for _, p := range a.parts() {
		pointer := at + "/" + p.name
		switch {
		case p.text != "" && p.of != a.Scheme:
			c.add(pointer, "unexpected", "This belongs to the scheme %s.", p.of)
		case p.text == "" && p.needed && p.of == a.Scheme:
			c.add(pointer, "required", "The scheme %s needs this.", p.of)
		case p.text != "" && p.name == "token_url":
			if problem := TokenURL.Problem(p.text); problem != "" {
				c.add(pointer, "invalid", "%s", problem)
			}
		case p.name == "username" && strings.Contains(templateKey.ReplaceAllString(p.text, ""), ":"):
			c.add(pointer, "invalid", "%s", userNameColon)
		default:
			c.template(pointer, p.text, true)
		}
	}
	if a.Scheme == AuthBasic && a.Username == "" && a.Password == "" {
		c.add(at+"/username", "required", "%s", basicEmpty)
	}
	for _, f := range tokenParamFaults(at, a.Scheme, a.TokenParams) {
		f.Pointer = "/blueprint" + f.Pointer
		c.wrong = append(c.wrong, f)
	}
	c.templates(at+"/token_params", a.TokenParams, true)
}

func (c *blueprintCheck) dependencies() {
	seen := map[string]bool{}
	for i, d := range c.spec.Dependencies {
		c.once(seen, string(d.Extension), fmt.Sprintf("/dependencies/%d/extension_id", i), "The dependency")
	}
}

// template checks that every {{parameter}} in text is declared, and that secret ones stand only where they may.
func (c *blueprintCheck) template(pointer, text string, secretAllowed bool) {
	if problem := LineProblem(text); problem != "" {
		c.add(pointer, "control-character", "%s", problem)
	}
	for _, key := range TemplateKeys(text) {
		p, declared := c.spec.Parameters.Properties[key]
		switch {
		case !declared:
			c.add(pointer, "undeclared-parameter", "{{%s}} is declared by no parameter.", key)
		case p.WriteOnly && !secretAllowed:
			c.add(pointer, "secret-parameter", "{{%s}} is secret, so it may stand only in headers and auth.", key)
		}
	}
}

var templateKey = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// TemplateKeys are the parameter keys that the text names, in order.
func TemplateKeys(text string) []string {
	var keys []string
	for _, m := range templateKey.FindAllStringSubmatch(text, -1) {
		keys = append(keys, m[1])
	}
	return keys
}

// FillTemplate puts the values in place of the {{parameter}}s; one without a value becomes nothing.
func FillTemplate(text string, values map[string]string) string {
	return templateKey.ReplaceAllStringFunc(text, func(m string) string {
		return values[templateKey.FindStringSubmatch(m)[1]]
	})
}

// EscapePointer is a name as a part of a JSON pointer (RFC 6901).
func EscapePointer(token string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
