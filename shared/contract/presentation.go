package contract

import (
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
)

// The words of the OpenAPI document that are for people and generators: who is behind the API, where it is, what its
// operations are about.

const tagEvents = "events"

// tags describe the families of operations, in the order in which a reader meets them.
var tags = []*huma.Tag{
	{Name: string(FamilyCatalogue), Description: "Partners, their extensions, and what an account may enable."},
	{Name: string(FamilyInstall), Description: "Enabling, upgrading, suspending and disabling an extension in an " +
		"account."},
	{Name: string(FamilyAccount), Description: "Accounts, users, workspaces and API tokens."},
	{Name: string(FamilyField), Description: "Template types and their data fields."},
	{Name: string(FamilyContract), Description: "Templates, contracts, participants and their sessions."},
	{Name: string(FamilyWebhook), Description: "Webhooks, their deliveries, replays and callbacks."},
	{Name: string(FamilyConsole), Description: "The pages for an account's people, and links into them."},
	{Name: string(FamilyMeta), Description: "Documents by which the API describes itself."},
	{Name: tagEvents, Description: "Events, as Plugboard sends them to webhooks."},
}

// present fills in what no single operation says.
func present(doc *huma.OpenAPI) {
	doc.Info.Description = "Partner extensions: enable with one click, provision, protect, and hear of the contracts " +
		"made through them."
	doc.Info.Contact = &huma.Contact{Name: DefaultOwner + ", the team that runs this API"}
	doc.Info.License = &huma.License{Name: "Apache License 2.0", Identifier: "Apache-2.0"}
	// A relative URL is resolved against the place where the document is served (OpenAPI 3.1, 4.8.5): the stage's root,
	// on any host or custom domain, without trust in a header of the request.
	doc.Servers = []*huma.Server{{URL: "..",
		Description: "The stage that serves this document, at /v1/openapi.json below it."}}
	doc.Tags = tags
	doc.Components.SecuritySchemes = securitySchemes
	for _, o := range all {
		documentedIn(doc, o).Description = o.description()
	}
}

func documentedIn(doc *huma.OpenAPI, o Operation) *huma.Operation {
	item := doc.Paths[o.Path]
	return map[string]*huma.Operation{
		"GET": item.Get, "POST": item.Post, "PUT": item.Put, "PATCH": item.Patch, "DELETE": item.Delete,
	}[o.Method]
}

// description says of an operation, besides its summary, what its row knows and a caller needs.
func (o Operation) description() string {
	var sentences []string
	say := func(format string, args ...any) { sentences = append(sentences, fmt.Sprintf(format, args...)) }
	say("Open to %s.", o.callers())
	switch o.ActingUser {
	case RequiredActingUser:
		say("A token names the user for whom it acts, by the header `%s`.", auth.HeaderUser)
	case OptionalActingUser:
		say("A token may name the user for whom it acts, by the header `%s`.", auth.HeaderUser)
	}
	if len(o.Emits) > 0 {
		say("The change and its event are one transaction: %s.", listed(o.Emits))
	}
	if len(o.Causes) > 0 {
		say("The work goes on after the answer; its end is told by %s.", listed(o.Causes))
	}
	if o.Mutates() {
		say("Safe to repeat with the same `%s`.", HeaderIdempotencyKey)
	}
	if o.Revalidates {
		say("An `If-None-Match` with the current ETag is answered by 304.")
	}
	if o.Deprecated != "" {
		say("Deprecated: %s", o.Deprecated)
	}
	say("Since %s.", o.Since)
	return strings.Join(sentences, " ")
}

// callers is the row's auth in words.
func (o Operation) callers() string {
	var words []string
	for _, r := range o.Auth {
		words = append(words, callerInWords(r))
	}
	if len(words) > 1 {
		return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
	}
	return words[0]
}

func callerInWords(r auth.Rule) string {
	switch r.Model {
	case auth.ModelDashboard:
		if r.Role == domain.Admin {
			return "signed-in admins of the account"
		}
		return "signed-in members of the account"
	case auth.ModelIntegration:
		return "API tokens with the scope `" + string(r.Scope) + "`"
	case auth.ModelParticipant:
		return "the contract's participant, by a session"
	case auth.ModelPartner:
		return "partners"
	case auth.ModelPlatform:
		return "the platform"
	case auth.ModelWebhookSecret:
		return "the partner's signed callbacks"
	case auth.ModelAgent:
		return "the webhook's agents"
	case auth.ModelAgentCode:
		return "who has a pairing code"
	case auth.ModelPublic:
		return "everyone, without a credential"
	default:
		return string(r.Model)
	}
}

func listed[T ~string](names []T) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "`" + string(n) + "`"
	}
	return strings.Join(quoted, ", ")
}
