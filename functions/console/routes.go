package console

import (
	"net/http"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// root is the path of all pages, below the API's root.
const root = "/console"

// Route is a page or an action. The gateway's routes, the inventory's rows and the navigation come from the table.
type Route struct {
	ID      string // kebab-case
	Method  string
	Path    string      // below the API's root
	Role    domain.Role // the least role of the stored user; empty: nobody needs to have signed in
	Calls   []contract.Operation
	Summary string
	Nav     Nav // where the navigation shows it; the zero value hides it

	handle func(*Console, *request) (answer, error)
}

// Nav is a page's place in the navigation.
type Nav struct{ Group, Label, Icon string }

// The navigation's groups, in their order.
const (
	connect = "Connect"
	deliver = "Deliver"
	account = "Account"
)

// Routes is every page and action of the console, those of one noun together.
func Routes() []Route {
	type ops = []contract.Operation
	catalogue, enable := contract.ReadCatalogueExtension.Operation, contract.EnableExtension.Operation
	installation := contract.ReadInstallation.Operation
	statistics, addresses := contract.ReadWebhookStatistics.Operation, contract.ListDeliveryAddresses.Operation
	return []Route{
		{"console", "GET", root, "", nil, "Go to the first page.", Nav{}, (*Console).first},
		{"asset", "GET", root + "/assets/{file}", "", nil, "A style sheet, script or icon of the pages.", Nav{}, nil},

		{"sign-in", "GET", root + "/sign-in", "", nil, "Go to the issuer to sign in.", Nav{}, (*Console).signIn},
		{"signed-in", "GET", root + "/signed-in", "", nil, "Come back from the issuer.", Nav{}, (*Console).signedIn},
		{"sign-out", "POST", root + "/sign-out", "", nil, "End the session.", Nav{}, (*Console).signOut},
		{"signed-out", "GET", root + "/signed-out", "", nil, "The page after signing out.", Nav{},
			(*Console).signedOut},
		{"console-link", "GET", root + "/links/{code}", "", nil, "Begin the session that a console link is for.",
			Nav{}, (*Console).openLink},
		{"accounts", "GET", root + "/accounts", domain.Member, ops{contract.ReadMe.Operation},
			"Choose one of the person's accounts.", Nav{}, (*Console).accounts},
		{"choose-account", "POST", root + "/accounts", domain.Member, ops{contract.ReadMe.Operation},
			"Switch to another of the person's accounts.", Nav{}, (*Console).chooseAccount},

		{"extensions", "GET", root + "/extensions", domain.Member,
			ops{contract.ListCatalogue.Operation, contract.ListInstallations.Operation},
			"What can be enabled, what is in use, what needs someone.", Nav{connect, "Extensions", "extensions"},
			(*Console).extensions},
		{"extension", "GET", root + "/extensions/{extension_id}", domain.Member,
			ops{catalogue, contract.ListUsers.Operation},
			"What enabling an extension creates, before the click.", Nav{}, (*Console).extension},
		{"enable", "POST", root + "/extensions/{extension_id}", domain.Admin, ops{catalogue, installation, enable},
			"Enable an extension, and show its tokens once.", Nav{}, (*Console).enable},

		{"installation", "GET", root + "/installations/{extension_id}", domain.Member,
			ops{catalogue, installation, contract.PreviewUpgrade.Operation, contract.ListWebhooks.Operation,
				statistics, contract.ListAccountDeliveries.Operation},
			"The state of an installation, and what to do next.", Nav{}, (*Console).installation},
		{"installation-steps", "GET", root + "/installations/{extension_id}/steps", domain.Member, ops{installation},
			"The steps of an installation, for a page that polls.", Nav{}, (*Console).installationSteps},
		{"upgrade", "GET", root + "/installations/{extension_id}/upgrade", domain.Member,
			ops{catalogue, installation, contract.PreviewUpgrade.Operation},
			"What an upgrade changes, and the consent that it needs.", Nav{}, (*Console).upgrade},
		{"apply-upgrade", "POST", root + "/installations/{extension_id}/upgrade", domain.Admin,
			ops{catalogue, installation, contract.PreviewUpgrade.Operation, contract.UpgradeExtension.Operation},
			"Apply the upgrade that was shown, or show what changed since.", Nav{}, (*Console).applyUpgrade},
		{"parameters", "GET", root + "/installations/{extension_id}/parameters", domain.Admin,
			ops{catalogue, installation, contract.ReadParameters.Operation},
			"The form of an installation's parameters.", Nav{}, (*Console).parameters},
		{"save-parameters", "POST", root + "/installations/{extension_id}/parameters", domain.Admin,
			ops{catalogue, installation, contract.ReadParameters.Operation, contract.UpdateParameters.Operation},
			"Change parameters as their form was sent.", Nav{}, (*Console).saveParameters},
		{"drift", "GET", root + "/installations/{extension_id}/drift", domain.Member,
			ops{catalogue, installation, contract.ReadDrift.Operation},
			"Compare what an installation manages with its blueprint.", Nav{}, (*Console).drift},
		{"confirm-change", "GET", root + "/installations/{extension_id}/{change}", domain.Admin,
			ops{catalogue, installation},
			"What suspending, disabling or another change does, before it is done.", Nav{}, (*Console).confirmChange},
		{"change-installation", "POST", root + "/installations/{extension_id}/{change}", domain.Admin,
			changeOperations(),
			"Suspend, resume, retry, rotate, repair, hand off or disable an installation.", Nav{},
			(*Console).changeInstallation},

		{"webhooks", "GET", root + "/webhooks", domain.Member,
			ops{contract.ListWebhooks.Operation, contract.ReadWebhook.Operation, statistics, addresses},
			"Every webhook with its health.", Nav{deliver, "Webhooks", "webhook"}, (*Console).webhooks},
		{"new-webhook", "GET", root + "/webhooks/new", domain.Admin, nil, "The form of a new webhook.", Nav{},
			(*Console).newWebhook},
		{"create-webhook-page", "POST", root + "/webhooks/new", domain.Admin, ops{contract.CreateWebhook.Operation},
			"Create a webhook, and show its secret once.", Nav{}, (*Console).createWebhook},
		{"webhook", "GET", root + "/webhooks/{webhook_id}", domain.Member,
			ops{contract.ReadWebhook.Operation, contract.ListDeliveries.Operation, statistics, addresses,
				contract.ListAgents.Operation},
			"How a webhook fares, what it hears, its last deliveries.", Nav{}, (*Console).webhook},
		{"edit-webhook", "GET", root + "/webhooks/{webhook_id}/edit", domain.Admin, ops{contract.ReadWebhook.Operation},
			"The form of a webhook of the account's own.", Nav{}, (*Console).editWebhook},
		{"save-webhook", "POST", root + "/webhooks/{webhook_id}/edit", domain.Admin,
			ops{contract.ReadWebhook.Operation, contract.UpdateWebhook.Operation},
			"Change a webhook as its form was sent.", Nav{}, (*Console).saveWebhook},
		{"test-webhook", "POST", root + "/webhooks/{webhook_id}/test", domain.Admin,
			ops{contract.SendTestEvent.Operation},
			"Send a webhook a test.", Nav{}, (*Console).testWebhook},
		{"confirm-webhook-change", "GET", root + "/webhooks/{webhook_id}/{change}", domain.Admin,
			ops{contract.ReadWebhook.Operation},
			"What pausing, rotating or another change of a webhook does, before it is done.", Nav{},
			(*Console).confirmWebhookChange},
		{"change-webhook", "POST", root + "/webhooks/{webhook_id}/{change}", domain.Admin,
			ops{contract.UpdateWebhook.Operation, contract.RotateWebhookSecret.Operation,
				contract.DeleteWebhook.Operation},
			"Pause, let go on, enable, rotate the secret of or delete a webhook.", Nav{}, (*Console).changeWebhook},

		{"deliveries", "GET", root + "/deliveries", domain.Member,
			ops{contract.ListAccountDeliveries.Operation, contract.ListWebhooks.Operation},
			"The log of deliveries over all webhooks, or one's.", Nav{deliver, "Deliveries", "arrow"},
			(*Console).deliveries},
		{"deliveries-csv", "GET", root + "/deliveries/csv", domain.Member,
			ops{contract.ListAccountDeliveries.Operation, contract.ListWebhooks.Operation},
			"The filtered log as a CSV file of at most 10,000 rows.", Nav{}, (*Console).deliveriesCSV},
		{"delivery", "GET", root + "/deliveries/{webhook_id}/{delivery_id}", domain.Member,
			ops{contract.ReadWebhook.Operation, contract.ReadDelivery.Operation,
				contract.ReadDeliveryRequest.Operation},
			"The attempts of a delivery, with request and answer.", Nav{}, (*Console).delivery},
		{"replay-delivery-page", "POST", root + "/deliveries/{webhook_id}/{delivery_id}", domain.Admin,
			ops{contract.ReplayDelivery.Operation},
			"Send a delivery again.", Nav{}, (*Console).replayDelivery},

		{"why", "GET", root + "/why", domain.Member, ops{
			contract.ListEventAudience.Operation, contract.ListEventDeliveries.Operation,
			contract.ListTemplateTypes.Operation, contract.ListWorkspaces.Operation,
		}, "Which webhooks heard an event, and the clause that decided for each of the others.",
			Nav{deliver, "Why?", "help"}, (*Console).why},

		{"recover", "GET", root + "/recover", domain.Member,
			ops{contract.ListWebhooks.Operation, contract.CountDeliveries.Operation, contract.ListReplays.Operation},
			"Choose what to send again, and see how much it is.", Nav{deliver, "Recover", "retry"},
			(*Console).recover},
		{"recover-count", "GET", root + "/recover/count", domain.Member, ops{contract.CountDeliveries.Operation},
			"The next part of the count, for a page that polls.", Nav{}, (*Console).recoverPart},
		{"start-recovery", "POST", root + "/recover", domain.Admin, ops{contract.CreateReplay.Operation},
			"Send again what was counted.", Nav{}, (*Console).startRecovery},
		{"recovery", "GET", root + "/recover/{webhook_id}/{replay_id}", domain.Member,
			ops{contract.ReadReplay.Operation, contract.ReadWebhook.Operation}, "The progress of a replay job.", Nav{},
			(*Console).recovery},
		{"recovery-progress", "GET", root + "/recover/{webhook_id}/{replay_id}/progress", domain.Member,
			ops{contract.ReadReplay.Operation},
			"The progress of a replay job, for a page that polls.", Nav{}, (*Console).recoveryProgress},
		{"confirm-cancellation", "GET", root + "/recover/{webhook_id}/{replay_id}/cancel", domain.Admin,
			ops{contract.ReadReplay.Operation},
			"What cancelling a replay job does, before it is done.", Nav{}, (*Console).confirmCancellation},
		{"change-recovery", "POST", root + "/recover/{webhook_id}/{replay_id}/{change}", domain.Admin,
			ops{contract.PauseReplay.Operation, contract.ResumeReplay.Operation, contract.CancelReplay.Operation},
			"Pause, resume or cancel a replay job.", Nav{}, (*Console).changeRecovery},

		{"tokens", "GET", root + "/tokens", domain.Admin,
			ops{contract.ListTokens.Operation, contract.ListUsers.Operation},
			"The account's API tokens, and the form that creates one.", Nav{account, "API tokens", "key"},
			(*Console).tokens},
		{"create-own-token", "POST", root + "/tokens", domain.Admin,
			ops{contract.CreateToken.Operation, contract.ListTokens.Operation, contract.ListUsers.Operation},
			"Create an API token, and show it once.", Nav{}, (*Console).createToken},
		{"confirm-revocation", "GET", root + "/tokens/{token_id}/revoke", domain.Admin,
			ops{contract.ListTokens.Operation},
			"What revoking an API token does, before it is done.", Nav{}, (*Console).confirmRevocation},
		{"revoke-own-token", "POST", root + "/tokens/{token_id}/revoke", domain.Admin,
			ops{contract.RevokeToken.Operation},
			"Revoke an API token.", Nav{}, (*Console).revokeToken},
	}
}

// first leads to the page that the console opens with.
func (k *Console) first(*request) (answer, error) { return goTo("extensions"), nil }

// serve answers a route's requests.
func (k *Console) serve(r Route) http.Handler {
	if r.handle == nil {
		return http.HandlerFunc(k.serveAsset)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, raw *http.Request) {
		q := &request{Request: raw, w: w, console: k, route: r}
		a, err := k.answer(q)
		if err != nil {
			a = k.refusal(q, err)
		}
		k.write(q, a)
	})
}
