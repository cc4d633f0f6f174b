package console

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The form of a webhook of the account's own: new, or to be edited.

type webhookForm struct {
	New          bool
	Title        string
	Name         string // of the webhook that is edited
	Action       string
	Back         string
	Key          string
	ETag         string
	SchemeBefore string // to tell whether the authentication was changed
	Groups       []fieldGroup
	Events       []option
	Wrong        []formField // every field with an error, and errors of none
	Changed      []keyValue  // what somebody else changed meanwhile
}

// fieldGroup is fields that belong together; all but the first are folded until needed.
type fieldGroup struct {
	Title  string
	Open   bool
	Fields []formField
}

func (k *Console) newWebhook(q *request) (answer, error) {
	form := webhookFormOf(contract.WebhookView{Auth: contract.EndpointAuthView{Scheme: "none"}}, nil, nil)
	form.New, form.Title, form.Action, form.Back = true, "Create a webhook", "new", q.Root()+"webhooks"
	return answer{template: "webhook-form", title: form.Title, data: form}, nil
}

// createWebhook shows the signing secret once.
func (k *Console) createWebhook(q *request) (answer, error) {
	if err := q.ParseForm(); err != nil {
		return answer{}, err
	}
	sent := q.PostForm
	in := contract.CreateWebhookInput{}
	in.Body.Name, in.Body.URL, in.Body.Filters = strings.TrimSpace(sent.Get("name")),
		strings.TrimSpace(sent.Get("url")), filtersSent(sent, true)
	in.Body.Auth = authSent(sent, "none")
	policy, wrong := policySent(sent)
	in.Body.Policy = policy
	headers, bad := headersSent(sent)
	in.Body.Headers = map[string]string{}
	for name, value := range headers {
		if value != nil {
			in.Body.Headers[name] = *value
		}
	}
	refuse := func(p *contract.Problem) (answer, error) {
		form := webhookFormOf(contract.WebhookView{Auth: contract.EndpointAuthView{Scheme: "none"}}, sent, p)
		form.New, form.Title, form.Action, form.Back = true, "Create a webhook", "new", q.Root()+"webhooks"
		return answer{template: "webhook-form", title: "Nothing was created · " + form.Title, data: form,
			status: p.Status}, nil
	}
	if wrong = append(wrong, bad...); len(wrong) > 0 {
		return refuse(&contract.Problem{Status: http.StatusUnprocessableEntity, Errors: wrong})
	}
	out, err := callOnce(q, contract.CreateWebhook, in, sent.Get("key"))
	if p, ok := problem(err); ok && p.Status == http.StatusUnprocessableEntity {
		return refuse(p)
	}
	if err != nil {
		return answer{}, err
	}
	page := secretPage{Webhook: out.Body.ID, Created: true, Secret: string(out.Body.SigningSecret)}
	return answer{template: "webhook-secret", title: "The signing secret", data: page}, nil
}

func (k *Console) editWebhook(q *request) (answer, error) {
	form, err := editForm(q, nil, nil)
	return answer{template: "webhook-form", title: form.Title, data: form}, err
}

// editForm is the form of the webhook as it is, or as it was sent.
func editForm(q *request, sent url.Values, p *contract.Problem) (webhookForm, error) {
	read, err := call(q, contract.ReadWebhook,
		contract.WebhookInput{Webhook: domain.WebhookID(q.PathValue("webhook_id"))})
	if err != nil {
		return webhookForm{}, err
	}
	if read.Body.Extension != "" {
		return webhookForm{}, domain.ManagedBy(read.Body.Extension, "webhook")
	}
	form := webhookFormOf(read.Body.WebhookView, sent, p)
	form.Name, form.Title, form.Action, form.Back, form.ETag = read.Body.Name, "Edit "+read.Body.Name, "edit",
		"../"+string(read.Body.ID), read.ETag
	return form, nil
}

func (k *Console) saveWebhook(q *request) (answer, error) {
	if err := q.ParseForm(); err != nil {
		return answer{}, err
	}
	sent := q.PostForm
	id := domain.WebhookID(q.PathValue("webhook_id"))
	in := contract.UpdateWebhookInput{Webhook: id, IfMatch: sent.Get("etag")}
	name, to := strings.TrimSpace(sent.Get("name")), strings.TrimSpace(sent.Get("url"))
	in.Body.Name, in.Body.URL, in.Body.Filters, in.Body.Auth = &name, &to, filtersSent(sent, false),
		authSent(sent, sent.Get("scheme-before"))
	policy, wrong := policySent(sent)
	in.Body.Policy = &policy
	headers, bad := headersSent(sent)
	if len(headers) > 0 {
		in.Body.Headers = headers
	}
	var err error
	p := &contract.Problem{Status: http.StatusUnprocessableEntity, Errors: append(wrong, bad...)}
	if len(p.Errors) == 0 {
		_, err = callOnce(q, contract.UpdateWebhook, in, sent.Get("key"))
		var refused bool
		if p, refused = problem(err); err == nil {
			return goTo("webhooks/" + string(id)), nil
		} else if !refused || p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusPreconditionFailed {
			return answer{}, err
		}
	}
	form, err := editForm(q, sent, p)
	return answer{template: "webhook-form", title: "Nothing was saved · " + form.Title, data: form,
		status: p.Status}, err
}

// webhookFormOf is the form with the webhook's values, or with those that were sent and what was wrong with them.
func webhookFormOf(w contract.WebhookView, sent url.Values, p *contract.Problem) webhookForm {
	form := webhookForm{Key: rand.Text(), SchemeBefore: w.Auth.Scheme}
	groups := webhookFields(w)
	heard := texts(w.EventTypes)
	var flat []formField
	for _, g := range groups {
		for _, f := range g.Fields {
			if sent != nil && f.Kind != "password" && f.ID != "headers" {
				if f.Value != sent.Get(f.ID) && p != nil && p.Status == http.StatusPreconditionFailed {
					form.Changed = append(form.Changed, keyValue{f.Label, f.Value})
				}
				f.Value = sent.Get(f.ID)
			}
			if f.ID == "secret" && sent != nil {
				f.Pointer = "/auth/" + secretPart[sent.Get("scheme")]
			}
			flat = append(flat, f)
		}
	}
	if sent != nil {
		if theirs := strings.Join(heard, ", "); p != nil && p.Status == http.StatusPreconditionFailed &&
			theirs != strings.Join(sent["event"], ", ") {
			form.Changed = append(form.Changed, keyValue{"Events", theirs})
		}
		heard = sent["event"]
	}
	if p != nil && p.Status == http.StatusUnprocessableEntity {
		flat = markWebhook(flat, p, sent)
	}
	n := 0
	for _, g := range groups {
		g.Fields = flat[n : n+len(g.Fields)]
		n += len(g.Fields)
		g.Open = slices.ContainsFunc(g.Fields, func(f formField) bool { return f.Error != "" })
		form.Groups = append(form.Groups, g)
	}
	for _, f := range flat {
		if f.Error != "" {
			form.Wrong = append(form.Wrong, f)
		}
	}
	for _, r := range events.Catalogue {
		if r.Type != events.WebhookPing {
			form.Events = append(form.Events, option{string(r.Type), r.Summary, slices.Contains(heard, string(r.Type))})
		}
	}
	return form
}

// markWebhook marks the fields that are wrong: of a list or a map, the field that stands for all of it.
func markWebhook(fields []formField, p *contract.Problem, sent url.Values) []formField {
	for i, e := range p.Errors {
		for _, f := range fields {
			if strings.HasPrefix(e.Pointer, f.Pointer+"/") {
				p.Errors[i].Pointer = f.Pointer
			}
		}
	}
	wrong := map[string]bool{}
	for _, e := range p.Errors {
		wrong[e.Pointer] = true
	}
	fields = mark(fields, p)
	for i, f := range fields {
		if f.Required && sent.Get(f.ID) == "" {
			fields[i].Error = "Enter a value. This field is required."
		}
		if f.Kind == "password" && sent.Get(f.ID) == "" && !wrong[f.Pointer] {
			fields[i].Error = "" // nothing was entered that is lost
		}
	}
	return fields
}

func webhookFields(w contract.WebhookView) []fieldGroup {
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	var waits []string
	for _, s := range w.Policy.RetryWaitSeconds {
		waits = append(waits, strconv.Itoa(s))
	}
	ids := func(id, pointer, label string, list []string) formField {
		return formField{ID: id, Pointer: pointer, Label: label, Kind: "text", Value: strings.Join(list, ", "),
			Hint: "Ids, separated by commas. Empty: all of them."}
	}
	return []fieldGroup{
		{"", true, []formField{
			{ID: "name", Pointer: "/name", Label: "Name", Kind: "text", Most: 128, Required: true, Value: w.Name},
			{ID: "url", Pointer: "/url", Label: "URL", Kind: "url", Most: 1024, Required: true, Value: w.URL,
				Hint: "HTTPS, to a public address. Secrets do not follow it to another host."},
		}},
		{"Only some contracts", false, []formField{
			ids("origins", "/origin_extension_ids", "Made through these extensions", texts(w.Origins)),
			ids("workspaces", "/workspace_ids", "In these workspaces", texts(w.Workspaces)),
			ids("types", "/template_type_ids", "Of these template types", texts(w.TemplateTypes)),
		}},
		{"Authentication and headers", false, []formField{
			{ID: "scheme", Pointer: "/auth/scheme", Label: "Authentication", Kind: "text", Required: true,
				Options: []string{"none", "basic", "bearer", "oauth2"}, Value: w.Auth.Scheme,
				Hint: "Besides the signature, which every message has."},
			{ID: "username", Pointer: "/auth/username", Label: "User name", Kind: "text", Most: 256,
				Hint: "For basic. Kept sealed and never shown. Empty leaves it."},
			{ID: "secret", Pointer: "/auth/" + secretPart[w.Auth.Scheme], Label: "Password, token or client secret",
				Kind: "password", Hint: "Kept sealed and never shown. Empty leaves it."},
			{ID: "token_url", Pointer: "/auth/token_url", Label: "Token URL", Kind: "url", Most: 1024,
				Value: w.Auth.TokenURL, Hint: "For oauth2."},
			{ID: "client_id", Pointer: "/auth/client_id", Label: "Client id", Kind: "text", Most: 256,
				Value: w.Auth.ClientID, Hint: "For oauth2."},
			{ID: "scope", Pointer: "/auth/scope", Label: "Scope", Kind: "text", Most: 1024, Value: w.Auth.Scope,
				Hint: "For oauth2, separated by spaces."},
			{ID: "headers", Pointer: "/headers", Label: "Extra headers", Kind: "textarea", Hint: headersHint(w)},
		}},
		{"Timeout, retries, speed", false, []formField{
			{ID: "timeout", Pointer: "/policy/timeout_seconds", Label: "Timeout in seconds", Kind: "text",
				Mode: "numeric", Value: number(w.Policy.TimeoutSeconds), Hint: "1 to 30. Empty: 5."},
			{ID: "waits", Pointer: "/policy/retry_wait_seconds", Label: "Waits before each retry, in seconds",
				Kind: "text", Value: strings.Join(waits, ", "),
				Hint: "Separated by commas, such as 5, 300, 1800. Empty: 9 retries over 75 hours."},
			{ID: "speed", Pointer: "/policy/max_per_second", Label: "Attempts a second at most", Kind: "text",
				Mode: "numeric", Value: number(w.Policy.MaxPerSecond), Hint: "1 to 1000. Empty: no limit."},
		}},
	}
}

func headersHint(w contract.WebhookView) string {
	hint := "One a line, as X-Api-Key: value. Values are kept sealed and never shown."
	if len(w.Headers) > 0 {
		hint += " Set: " + and(w.Headers) + ". A line without a value, such as " + w.Headers[0] + ":, removes one."
	}
	return hint
}

// filtersSent are the filters of the form. To an update, an empty list says that there is no filter any more.
func filtersSent(sent url.Values, create bool) contract.Filters {
	f := contract.Filters{
		EventTypes: sent["event"], Origins: idsSent[domain.ExtensionID](sent.Get("origins")),
		Workspaces:    idsSent[domain.WorkspaceID](sent.Get("workspaces")),
		TemplateTypes: idsSent[domain.TemplateTypeID](sent.Get("types")),
	}
	if !create {
		f.EventTypes, f.Origins = append(contract.Only[string]{}, f.EventTypes...),
			append(contract.Only[domain.ExtensionID]{}, f.Origins...)
		f.Workspaces, f.TemplateTypes = append(contract.Only[domain.WorkspaceID]{}, f.Workspaces...),
			append(contract.Only[domain.TemplateTypeID]{}, f.TemplateTypes...)
	}
	return f
}

func idsSent[T ~string](text string) contract.Only[T] {
	var ids contract.Only[T]
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			ids = append(ids, T(part))
		}
	}
	return ids
}

// secretPart is the secret of each scheme. A form has one field for it: a browser takes several for several sign-ins.
var secretPart = map[string]string{"basic": "password", "bearer": "token", "oauth2": "client_secret"}

// authSent is the authentication that was entered; nil when nothing was, and the scheme is as before.
func authSent(sent url.Values, before string) *contract.EndpointAuthBody {
	a := &contract.EndpointAuthBody{Scheme: sent.Get("scheme")}
	given := false
	parts := map[string]**string{"username": &a.Username, "token_url": &a.TokenURL, "client_id": &a.ClientID,
		"scope": &a.Scope}
	switch secretPart[a.Scheme] {
	case "password":
		parts["secret"] = &a.Password
	case "token":
		parts["secret"] = &a.Token
	case "client_secret":
		parts["secret"] = &a.ClientSecret
	}
	for id, to := range parts {
		if v := strings.TrimSpace(sent.Get(id)); v != "" {
			*to, given = &v, true
		}
	}
	if a.Scheme == "" || a.Scheme == before && !given {
		return nil
	}
	return a
}

// headersSent are the extra headers; nil removes one.
func headersSent(sent url.Values) (map[string]*string, []fault.Field) {
	headers := map[string]*string{}
	for _, line := range linesOf(sent.Get("headers")) {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, []fault.Field{{Pointer: "/headers", Code: "invalid",
				Detail: "Write each header on a line of its own, as X-Api-Key: value."}}
		}
		headers[strings.TrimSpace(name)] = nil
		if value = strings.TrimSpace(value); value != "" {
			headers[strings.TrimSpace(name)] = &value
		}
	}
	return headers, nil
}

func policySent(sent url.Values) (domain.SendPolicy, []fault.Field) {
	var p domain.SendPolicy
	var wrong []fault.Field
	number := func(text, pointer string) int {
		text = strings.TrimSpace(text)
		n, err := strconv.Atoi(text)
		if err != nil && text != "" || text != "" && n == 0 {
			wrong = append(wrong, fault.Field{Pointer: pointer, Code: "invalid",
				Detail: fmt.Sprintf("%q is no whole number above 0.", text)})
		}
		return n
	}
	p.TimeoutSeconds = number(sent.Get("timeout"), "/policy/timeout_seconds")
	p.MaxPerSecond = number(sent.Get("speed"), "/policy/max_per_second")
	for part := range strings.SplitSeq(sent.Get("waits"), ",") {
		if strings.TrimSpace(part) != "" {
			p.RetryWaitSeconds = append(p.RetryWaitSeconds, number(part, "/policy/retry_wait_seconds"))
		}
	}
	return p, wrong
}
