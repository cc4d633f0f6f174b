package functions_test

import (
	"fmt"
	"maps"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
)

// actors is a small cast that most tests begin with: a partner with two listed extensions, one depending on the
// other, and a customer's account with an admin, a member and two workspaces.
type actors struct {
	*world
	account domain.AccountID
	admin   who
	member  who // may create contracts in `sales`
	partner who
	token   string // of the main extension's installation, once enabled
	// callbackSecret is that installation's.
	callbackSecret string
}

const (
	mainExtension = "acme-crm"
	dependency    = "acme-core"
	adminEmail    = "ada@customer.test"
	memberEmail   = "mel@customer.test"
)

type object = map[string]any

func newActors(w *world) *actors {
	a := &actors{world: w, account: "customer"}
	for _, account := range []string{"customer", "other", "acme-dev"} {
		w.want(w.call(platform, "PUT", "/v1/accounts/"+account, object{"name": account}), 200)
		for _, workspace := range []string{"sales", "legal"} {
			w.want(w.call(platform, "PUT", "/v1/accounts/"+account+"/workspaces/"+workspace,
				object{"name": workspace}), 200)
		}
		a.putUser(domain.AccountID(account), "ada", adminEmail, "admin")
		a.putUser(domain.AccountID(account), "mel", memberEmail, "member", "sales")
	}
	a.admin, a.member = w.dashboard("customer", "ada"), w.dashboard("customer", "mel")
	a.partner = a.newPartner("Acme")
	a.list(dependency, []string{}, coreBlueprint())
	a.list(mainExtension, []string{"", "addendum"}, crmBlueprint(w.receiver.URL))
	return a
}

func (a *actors) putUser(account domain.AccountID, id, email, role string, workspaces ...string) {
	a.t.Helper()
	if workspaces == nil {
		workspaces = []string{}
	}
	a.want(a.call(platform, "PUT", "/v1/accounts/"+string(account)+"/users/"+id,
		object{"email": email, "name": id, "role": role, "workspaces": workspaces}), 200)
}

func (a *actors) newPartner(name string) who {
	a.t.Helper()
	made := a.want(a.call(platform, "POST", "/v1/partners",
		object{"name": name, "contact": "help@acme.test", "development_account_id": "acme-dev"}), 201)
	return bearer("partner", made.str("key"))
}

// list takes an extension all the way into the catalogue.
func (a *actors) list(slug string, keys []string, blueprint object) {
	a.t.Helper()
	a.want(a.call(a.partner, "POST", "/v1/extensions",
		object{"slug": slug, "name": slug, "template_type_keys": keys}), 201)
	a.submitAndList(slug, blueprint)
}

func (a *actors) submitAndList(slug string, blueprint object) {
	a.t.Helper()
	version := a.submit(slug, blueprint)
	a.approve(slug, version)
	a.want(a.call(platform, "PUT", "/v1/extensions/"+slug+"/listing", object{"version": version}), 200)
}

// submit freezes the blueprint as the extension's next version.
func (a *actors) submit(slug string, blueprint object) (version int) {
	a.t.Helper()
	frozen := a.want(a.call(a.partner, "POST", "/v1/extensions/"+slug+"/versions", object{"blueprint": blueprint}), 201)
	return int(frozen.at("version").(float64))
}

// approve is the platform's good word on a version.
func (a *actors) approve(slug string, version int) {
	a.t.Helper()
	a.want(a.call(platform, "POST", versionOf(slug, version)+"/review", object{"decision": "approve"}), 200)
}

func versionOf(slug string, version int) string {
	return fmt.Sprintf("/v1/extensions/%s/versions/%d", slug, version)
}

func coreBlueprint() object {
	return object{"scopes": []string{"templates:read"}, "template_types": []object{}, "webhooks": []object{}}
}

// crmBlueprint has a dependency, two template types and so two webhooks, an open and a secret parameter.
func crmBlueprint(url string) object {
	return object{
		"scopes": []string{"contracts:read", "contracts:write", "participants:act", "templates:read",
			"templates:write", "webhooks:read", "webhooks:write", "webhooks:secrets", "catalogue:read"},
		"parameters":   asks(crmParameters()...),
		"dependencies": []object{{"extension_id": dependency}},
		"template_types": []object{
			{"name": "CRM order", "fields": []object{
				{"custom_id": "order_number", "name": "Order number", "kind": "text", "filled_by": "participants"},
				{"custom_id": "amount", "name": "Amount", "kind": "number", "default": "0",
					"filled_by": "participants"},
				{"custom_id": "urgent", "name": "Urgent", "kind": "checkbox", "filled_by": "participants"},
				{"custom_id": "due", "name": "Due", "kind": "date", "filled_by": "participants"},
			}},
			{"key": "addendum", "name": "CRM addendum",
				"fields": []object{{"custom_id": "reason", "name": "Reason", "kind": "text"}}},
		},
		"webhooks": []object{{
			"key": "contracts", "url": url, "event_types": []string{"contract.created", "contract.published",
				"contract.signed", "contract.declined"},
			"headers": object{"X-Customer": "{{customer_id}}", "X-Api-Key": "{{api_key}}"},
			"context": object{"customer_id": "{{customer_id}}"},
		}},
	}
}

func crmParameters() []object {
	return []object{{"key": "customer_id", "title": "Customer id", "required": true, "pattern": "^C-[0-9]+$"},
		{"key": "api_key", "title": "API key", "writeOnly": true}}
}

// asks is the JSON Schema of parameters, each of which is its keywords, its key, and whether it is required; a text if
// nothing else is said.
func asks(parameters ...object) object {
	properties, required := object{}, []string{}
	for _, p := range parameters {
		schema := object{"type": "string"}
		maps.Copy(schema, p)
		delete(schema, "key")
		delete(schema, "required")
		key := p["key"].(string)
		if properties[key] = schema; p["required"] == true {
			required = append(required, key)
		}
	}
	return object{"type": "object", "properties": properties, "required": required}
}

func parameters() object {
	return object{"parameters": object{mainExtension: object{"customer_id": "C-1001", "api_key": "sesame-sesame"}}}
}

// enable enables the main extension and lets provisioning finish.
func (a *actors) enable() {
	a.t.Helper()
	enabled := a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	created := enabled.at("created").([]any) // its dependency before it, if that was not there
	a.token = enabled.str("created", len(created)-1, "token")
	a.callbackSecret = enabled.str("created", len(created)-1, "callback_secret")
	a.settle()
	a.state(mainExtension, "enabled")
}

// integration is the main extension's token, acting for a user.
func (a *actors) integration(email string) who {
	return bearer("integration", a.token).with(auth.HeaderUser, email)
}

func (a *actors) installation(extension string) answer {
	a.t.Helper()
	return a.want(a.call(a.admin, "GET", "/v1/installations/"+extension, nil), 200)
}

func (a *actors) state(extension, want string) {
	a.t.Helper()
	if got := a.installation(extension); got.str("state") != want {
		a.t.Fatalf("the installation of %s is %s, want %s: %s", extension, got.str("state"), want, got.raw)
	}
}

// templateType is the id, in the customer's account, of the main extension's template type with that extension type.
func (a *actors) templateType(extensionType string) string {
	a.t.Helper()
	list := a.want(a.call(a.admin, "GET", "/v1/template-types", nil), 200)
	for n := range list.at("items").([]any) {
		if list.str("items", n, "extension_type") == extensionType {
			return list.str("items", n, "id")
		}
	}
	a.t.Fatalf("the account has no template type %s: %s", extensionType, list.raw)
	return ""
}

// template makes a template of a template type in `sales`.
func (a *actors) template(templateType string) string {
	a.t.Helper()
	return a.want(a.call(a.admin, "POST", "/v1/templates",
		object{"name": "Standard", "workspace_id": "sales", "template_type_id": templateType}), 201).str("id")
}

// contractOf is the body that creates a contract.
func contractOf(template string, values ...[2]string) object {
	fields := []object{}
	for _, v := range values {
		fields = append(fields, object{"custom_id": v[0], "value": v[1]})
	}
	return object{"name": "Order", "workspace_id": "sales", "template_id": template, "data_fields": fields,
		"participants": []object{{"name": "Kim", "email": "kim@example.test"}}}
}

// sessionOf lets a participant into its contract.
func (a *actors) sessionOf(contractID, participant string) who {
	a.t.Helper()
	made := a.want(a.call(a.admin, "POST", "/v1/contracts/"+contractID+"/participants/"+participant+"/sessions",
		object{}), 201)
	return bearer("session of "+participant, made.str("token"))
}
