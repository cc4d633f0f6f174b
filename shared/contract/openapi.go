package contract

import (
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/fault"
)

// Version is the contract's: the released one is in released.json, and a breaking change against it fails.
const Version = "0.7.0"

// UserAgent names us to endpoints.
const UserAgent = "plugboard/" + Version

var problemSchema = reflect.TypeFor[Problem]()

// securitySchemes is how each model's credential travels.
var securitySchemes = map[string]*huma.SecurityScheme{
	string(auth.ModelDashboard): {Type: "http", Scheme: "bearer", BearerFormat: "JWT",
		Description: "The platform's OIDC token of a signed-in account user. Role and workspaces come from the " +
			"stored user."},
	string(auth.ModelIntegration): {Type: "http", Scheme: "bearer",
		Description: "An API token, pb_live_…. Acts for a user by the header " + auth.HeaderUser + "."},
	string(auth.ModelParticipant): {Type: "http", Scheme: "bearer",
		Description: "A participant's session, pb_sess_…, of one contract, until its end or the contract's."},
	string(auth.ModelAgent): {Type: "http", Scheme: "bearer",
		Description: "An agent's key, pb_agent_…, which is good for one webhook."},
	string(auth.ModelAgentCode): {Type: "http", Scheme: "bearer",
		Description: "A pairing code, pb_pair_…, good once within 10 minutes."},
	string(auth.ModelPartner): {Type: "http", Scheme: "bearer", Description: "A partner key, pb_partner_…."},
	string(auth.ModelWebhookSecret): {Type: "apiKey", In: "header", Name: auth.HeaderCallbackSignature,
		Description: "Standard Webhooks, with the installation's callback secret, over the body as it is sent. The " +
			"timestamp is at most 5 minutes off; a webhook-id has its effect once."},
	signedBy: {Type: "apiKey", In: "header", Name: "webhook-signature",
		Description: "Standard Webhooks, with the webhook's own signing secret, over the headers webhook-id and " +
			"webhook-timestamp and the body. An endpoint's own auth comes besides, where one is set."},
	string(auth.ModelPlatform): {Type: "apiKey", In: "header", Name: auth.HeaderPlatformKey,
		Description: "The platform's key. Names the account for which it acts by the header " + auth.HeaderAccount +
			"."},
}

// signedBy is the scheme of what Plugboard sends: the receiver checks it.
const signedBy = "webhook-signature"

func (o Operation) security() []map[string][]string {
	var alternatives []map[string][]string
	for _, r := range o.Auth {
		if r.Model == auth.ModelPublic {
			alternatives = append(alternatives, map[string][]string{})
			continue
		}
		need := []string{}
		if s := string(r.Role) + string(r.Scope); s != "" {
			need = append(need, s)
		}
		alternatives = append(alternatives, map[string][]string{string(r.Model): need})
	}
	return alternatives
}

// headers are the parameters that come from the row and not from the input's type.
func (o Operation) headers() []*huma.Param {
	var params []*huma.Param
	header := func(name, description string, required bool, limit int) {
		params = append(params, &huma.Param{Name: name, In: "header", Description: description, Required: required,
			Schema: &huma.Schema{Type: "string", MaxLength: &limit}})
	}
	if o.Mutates() {
		header(HeaderIdempotencyKey, "Makes the request safe to repeat: within 24 hours the same key and input get "+
			"the recorded answer, without secrets.", false, maxIdempotencyKey)
	}
	if _, signed := o.Auth.Of(auth.ModelWebhookSecret); signed {
		header(auth.HeaderCallbackID, "The message's own id, the same whenever it is sent.", true, 256)
		header(auth.HeaderCallbackTimestamp, "When it is sent, in seconds since 1970.", true, 20)
	}
	if o.ActingUser != NoActingUser {
		header(auth.HeaderUser, "With an API token: the e-mail of the user of the account for whom it acts, in ASCII: "+
			"its domain as A-labels (xn--…), or all of it as RFC 8187 has it (UTF-8''zo%C3%AB%40example.com). Needed: "+
			string(o.ActingUser)+".", false, auth.MaxUserHeader)
	}
	bound := slices.ContainsFunc(o.Auth, func(r auth.Rule) bool {
		return r.Model == auth.ModelDashboard || r.Model == auth.ModelIntegration
	})
	if _, platform := o.Auth.Of(auth.ModelPlatform); platform && bound {
		header(auth.HeaderAccount, "With the platform's key: the account for which it acts.", false, 64)
	}
	return params
}

// OpenAPI is the whole contract as an OpenAPI 3.1 document, webhooks and their samples included.
func OpenAPI() *huma.OpenAPI {
	a := newAPI(nil, nil, nil)
	for _, h := range handlers {
		h.document(a)
	}
	doc := a.huma.OpenAPI()
	present(doc)
	delete(doc.Components.Schemas.Map(), "ErrorModel") // Huma's own, which problemOfHuma turns into Problem
	delete(doc.Components.Schemas.Map(), "ErrorDetail")
	doc.Webhooks = map[string]*huma.PathItem{}
	for _, row := range events.Catalogue {
		doc.Webhooks[string(row.Type)] = webhook(doc.Components.Schemas, row)
	}
	plainLists(doc.Components.Schemas)
	sayAll(doc)
	correctRequired(doc)
	for _, row := range events.Catalogue { // the webhooks show them
		delete(doc.Components.Schemas.Map(), schemaName(reflect.TypeOf(row.Payload), ""))
	}
	return doc
}

// correctRequired corrects what Huma takes from the handlers' types. If-Match is required where an operation refuses to
// go without it: the handler refuses, not Huma, whose 422 would not say how to get a tag. And no body is an empty body.
func correctRequired(doc *huma.OpenAPI) {
	for _, o := range all {
		path := doc.Paths[o.Path]
		for _, documented := range []*huma.Operation{path.Put, path.Post, path.Patch, path.Delete} {
			if documented == nil || documented.OperationID != o.ID {
				continue
			}
			if o.emptyBody {
				documented.RequestBody.Required = false
			}
			for _, p := range documented.Parameters {
				p.Required = p.Required || p.Name == "If-Match" && slices.Contains(o.Errors, fault.Unconditional)
			}
		}
	}
}

// webhook is an event type as OpenAPI's webhooks section shows it. Its payload is no component: oapi-codegen 2.8 drops
// components that only webhooks refer to, and the Go that it writes does not compile then.
func webhook(schemas huma.Registry, row events.Row) *huma.PathItem {
	body := &huma.Schema{
		Type:     huma.TypeObject,
		Required: []string{"id", "type", "timestamp", "account_id", "data"},
		Properties: map[string]*huma.Schema{
			"id":         {Type: huma.TypeString, Description: "The event's."},
			"type":       {Type: huma.TypeString, Enum: []any{string(row.Type)}},
			"timestamp":  {Type: huma.TypeString, Format: "date-time"},
			"account_id": {Type: huma.TypeString},
			"test": {Type: huma.TypeBoolean,
				Description: "True of what send-test-event sent: nothing happened, and data is a sample. Absent " +
					"otherwise."},
			"data": schemas.Schema(reflect.TypeOf(row.Payload), false, ""),
			"context": {Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString},
				Description: "What the extension's blueprint adds, with the customer's parameters in it."},
		},
	}
	return &huma.PathItem{Post: &huma.Operation{
		OperationID: string(row.Type), Summary: row.Summary, Tags: []string{tagEvents},
		Security: []map[string][]string{{signedBy: {}}},
		Description: "Signed by Standard Webhooks: the headers webhook-id, webhook-timestamp and webhook-signature. " +
			"Any 2xx answer within the timeout is success.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: body, Example: events.Sample(row.Type)},
		}},
		Responses: map[string]*huma.Response{"2XX": {Description: "Received. Anything else is tried again."}},
	}}
}
