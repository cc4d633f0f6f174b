package functions_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// scene is actors with one of everything, so that every operation has something to act on.
type scene struct {
	*actors
	otherPartner who
	partnerID    string
	typeID       string // of the main extension
	developedID  string // of a template type in the partner's development account
	templateID   string
	ownTypeID    string // of the account's own, used by no template
	draft        string
	published    string
	participant  string // of the published contract, the only one
	session      who    // its session
	managedHook  string
	ownHook      string
	otherHook    string // the main extension's of its other template type
	delivery     string
	event        string // of that delivery
	replay       string // to the managed webhook, running
	rollout      string // of the main extension, paused
	ownToken     who    // an API token of the account's own, with every scope
	ownTokenID   string
	scopeless    string // the token of an enabled extension without any scope
	code         string // a hand-off's, once there is one
	agentHook    string // the account's own, without URL
	agent        who    // its agent
	pairing      who    // a code that pairs another
	agentID      string
	receipts     [2]string // of deliveries to the agentHook, once they are pulled
}

const (
	scopelessExtension = "acme-none"
	idleExtension      = "acme-idle" // listed, enabled nowhere
)

func newScene(w *world) *scene {
	s := &scene{actors: newActors(w)}
	s.list(scopelessExtension, []string{},
		object{"scopes": []string{}, "template_types": []object{}, "webhooks": []object{}})
	s.list(idleExtension, []string{}, coreBlueprint())
	s.enable()
	s.scopeless = s.want(s.call(s.admin, "PUT", "/v1/installations/"+scopelessExtension, object{}), 202).str("created",
		0, "token")
	s.settle()
	s.partnerID = s.want(s.call(s.partner, "GET", "/v1/extensions/"+mainExtension, nil), 200).str("partner_id")
	s.otherPartner = s.newPartner("Other")
	s.typeID = s.templateType("acme-crm")
	s.templateID = s.template(s.typeID)
	s.developedID = s.want(s.call(s.dashboard("acme-dev", "ada"), "POST", "/v1/template-types",
		object{"name": "Draft", "fields": []object{{"custom_id": "reason", "name": "Reason", "kind": "text"}}}),
		201).str("id")
	s.want(s.call(s.partner, "PUT", "/v1/extensions/"+mainExtension+"/draft",
		object{"blueprint": crmBlueprint(s.receiver.URL)}), 200)
	s.want(s.call(s.partner, "PUT", "/v1/extensions/"+mainExtension+"/logo", form{{"logo", pngOf(2, 2)}}), 200)
	s.submit(idleExtension, coreBlueprint()) // a second version, to be reviewed
	s.ownTypeID = s.want(s.call(s.admin, "POST", "/v1/template-types",
		object{"name": "Ours", "fields": []object{{"custom_id": "note", "name": "Note", "kind": "text"}}}),
		201).str("id")
	s.draft = s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)),
		201).str("id")
	s.published = s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts", contractOf(s.templateID)),
		201).str("id")
	s.want(s.call(s.integration(adminEmail), "POST", "/v1/contracts/"+s.published+"/publish", nil), 200)
	s.participant = s.want(s.call(s.admin, "GET", "/v1/contracts/"+s.published, nil), 200).str("participants", 0, "id")
	s.session = s.sessionOf(s.published, s.participant)
	s.ownHook = s.want(s.call(s.admin, "POST", "/v1/webhooks", object{"name": "Ours", "url": s.receiver.URL}),
		201).str("id")
	s.managedHook = s.hookOf(s.typeID)
	own := s.want(s.call(s.admin, "POST", "/v1/tokens", object{"name": "Ours", "scopes": domain.Scopes}), 201)
	s.ownToken, s.ownTokenID = bearer("the account's own token", own.str("token")), own.str("id")
	for _, token := range []who{s.ownToken, bearer("scopeless", s.scopeless)} {
		s.want(s.call(token, "GET", "/v1/me", nil), 200) // its first use is noted, as any once an hour
	}
	s.rollout = s.want(s.call(s.partner, "POST", "/v1/extensions/"+mainExtension+"/rollouts", object{"version": 1}),
		201).str("id")
	s.want(s.call(s.partner, "POST", "/v1/extensions/"+mainExtension+"/rollouts/"+s.rollout+"/pause", nil), 200)
	s.settle()
	s.delivery = s.want(s.call(s.admin, "GET", "/v1/webhooks/"+s.managedHook+"/deliveries", nil), 200).str("items",
		0, "id")
	s.event = s.want(s.call(s.admin, "GET", "/v1/webhooks/"+s.managedHook+"/deliveries", nil), 200).str("items", 0,
		"event_id")
	s.otherHook = s.hookOf(s.templateType("acme-crm_addendum"))
	s.agentHook = s.want(s.call(s.admin, "POST", "/v1/webhooks", object{"name": "Pulled", "url": domain.AgentURL,
		"event_types": []string{"contract.expired"}}), 201).str("id")
	pairing := func() who {
		code := s.want(s.call(s.admin, "POST", "/v1/webhooks/"+s.agentHook+"/agent-codes", nil), 201).str("code")
		return bearer("pairing code", code)
	}
	paired := s.want(s.call(pairing(), "POST", "/v1/agents", object{"name": "rack 1"}), 201)
	s.agent, s.agentID, s.pairing = bearer("agent", paired.str("key")), paired.str("agent_id"), pairing()
	s.settle()
	s.replay = "rpl_1"
	s.tables.Given( // between two pages, of which there is nothing in the outbox
		&domain.Replay{
			ID: "rpl_1", Account: s.account, Webhook: domain.WebhookID(s.managedHook), State: domain.ReplayRunning,
			From: s.now(), To: s.now(),
			States: []domain.DeliveryState{domain.DeliveryExhausted}, Page: 1, CreatedAt: s.now(), UpdatedAt: s.now(),
		},
		&domain.Replaying{Account: s.account, Webhook: domain.WebhookID(s.managedHook), Replay: "rpl_1"},
	)
	return s
}

// hookOf is the managed webhook of a template type.
func (a *actors) hookOf(typeID string) string {
	a.t.Helper()
	list := a.want(a.call(a.admin, "GET", "/v1/webhooks", nil), 200)
	for n := range list.at("items").([]any) {
		if list.str("items", n, "template_type_id") == typeID {
			return list.str("items", n, "id")
		}
	}
	a.t.Fatalf("no webhook of template type %s: %s", typeID, list.raw)
	return ""
}

// request is one that a right caller is not refused. Path and body are of the scene; other is the path of the
// same kind of thing that does not exist.
type request struct {
	prepare func(s *scene, by who) // what must have happened before
	path    func(s *scene) string  // empty: the operation's own path, which has no parameters
	other   string
	body    func(s *scene) any
	dressed func(s *scene, by who) who // the caller with the headers that the operation needs
	also    []func(s *scene) any       // further right bodies, when one alone cannot do all that the row declares
	// of the tokens only the account's own may: it is about what no extension manages
	own bool
}

func fixed(body any) func(*scene) any    { return func(*scene) any { return body } }
func at(path string) func(*scene) string { return func(*scene) string { return path } }
func installationOf(action string) request {
	return request{path: at("/v1/installations/" + mainExtension + action), other: "/v1/installations/nowhere" + action}
}

// replayPath is of the scene's replay.
func replayPath(s *scene, action string) string {
	return "/v1/webhooks/" + s.managedHook + "/replays/" + s.replay + action
}

// rolloutRequest is about the scene's roll-out, which is paused.
func rolloutRequest(action string) request {
	return request{
		path:  func(s *scene) string { return "/v1/extensions/" + mainExtension + "/rollouts/" + s.rollout + action },
		other: "/v1/extensions/" + mainExtension + "/rollouts/rol_none" + action,
	}
}

func ofAgentHook(action string) func(*scene) string {
	return func(s *scene) string { return "/v1/webhooks/" + s.agentHook + action }
}

// pulledTwo has two deliveries pulled by the caller, or by the account's own token in place of the extension's.
func pulledTwo(s *scene, by who) {
	if by.headers[0] != s.agent.headers[0] {
		by = s.ownToken
	}
	pull := func(cursor object) answer {
		return s.want(s.call(by, "POST", "/v1/webhooks/"+s.agentHook+"/pull", cursor), 200)
	}
	begin := pull(object{})
	for range 2 {
		s.want(s.call(s.admin, "POST", "/v1/webhooks/"+s.agentHook+"/test", object{"event_type": "webhook.ping"}), 202)
	}
	s.settle()
	got := pull(object{"cursor": begin.str("cursor")})
	s.receipts = [2]string{got.str("deliveries", 0, "receipt"), got.str("deliveries", 1, "receipt")}
}

func acknowledged(s *scene) any {
	return object{"results": []object{{"receipt": cmp.Or(s.receipts[0], "none"), "status": 200},
		{"receipt": cmp.Or(s.receipts[1], "none"), "status": 500}}}
}

// draftRequest is about the main extension's draft.
func draftRequest(action string, body object) request {
	r := request{path: at("/v1/extensions/" + mainExtension + "/draft" + action),
		other: "/v1/extensions/nowhere/draft" + action}
	if body != nil {
		r.body = fixed(body)
	}
	return r
}

// requests has one for every operation: an operation without one fails the tests that walk them all.
var requests = map[string]request{
	"create-partner": {body: fixed(object{"name": "New", "contact": "new@partner.test",
		"development_account_id": "acme-dev"})},
	"read-partner": {path: func(s *scene) string {
		return "/v1/partners/" + s.partnerID
	}, other: "/v1/partners/par_none"},
	"create-console-link": {body: fixed(object{"account_id": "customer", "user_id": "ada", "lifetime_seconds": 60})},
	"update-partner": {
		path: func(s *scene) string { return "/v1/partners/" + s.partnerID }, other: "/v1/partners/par_none",
		body: fixed(object{"name": "Acme 2", "development_account_id": "other"}),
	},
	"rotate-partner-key": {path: func(s *scene) string {
		return "/v1/partners/" + s.partnerID + "/keys"
	}, other: "/v1/partners/par_none/keys", body: fixed(object{})},
	"create-extension": {body: fixed(object{"slug": "acme-new", "name": "New",
		"template_type_keys": []string{"a"}})},
	"read-extension":  {path: at("/v1/extensions/" + mainExtension), other: "/v1/extensions/nowhere"},
	"list-accounts":   {},
	"list-extensions": {},
	"update-extension": {path: at("/v1/extensions/" + mainExtension), other: "/v1/extensions/nowhere",
		body: fixed(object{"name": "Acme CRM 2", "description": "Anew."})},
	"list-submissions": {},
	"list-extension-installations": {path: at("/v1/extensions/" + mainExtension + "/installations"),
		other: "/v1/extensions/nowhere/installations"},
	"submit-blueprint": {path: at("/v1/extensions/" + dependency + "/versions"),
		other: "/v1/extensions/nowhere/versions", body: fixed(object{"blueprint": coreBlueprint()})},
	"read-draft":    draftRequest("", nil),
	"replace-draft": draftRequest("", object{"blueprint": coreBlueprint()}),
	"promote-template-type": {
		path:  at("/v1/extensions/" + mainExtension + "/draft/template-types"),
		other: "/v1/extensions/nowhere/draft/template-types",
		body:  func(s *scene) any { return object{"template_type_id": s.developedID, "key": "addendum"} },
	},
	"check-draft": draftRequest("/problems", nil),
	"list-versions": {path: at("/v1/extensions/" + mainExtension + "/versions"),
		other: "/v1/extensions/nowhere/versions"},
	"read-version": {path: at(versionOf(mainExtension, 1)), other: versionOf(mainExtension, 9)},
	"diff-versions": {path: at(versionOf(mainExtension, 1) + "/diff?against=1"), other: versionOf(mainExtension, 9) +
		"/diff?against=1"},
	"review-version": {
		path: at(versionOf(idleExtension, 2) + "/review"), other: versionOf(idleExtension, 9) + "/review",
		body: fixed(object{"decision": "reject", "reasons": []string{"unclear", "untested"}}),
	},
	"yank-version": {path: at(versionOf(mainExtension, 1) + "/yank"),
		other: versionOf(mainExtension, 9) + "/yank", body: fixed(object{"reason": "it loses orders"})},
	"rotate-lifecycle-secret": {path: at("/v1/extensions/" + mainExtension + "/lifecycle-secret"),
		other: "/v1/extensions/nowhere/lifecycle-secret", body: fixed(object{})},
	"put-test-accounts": {path: at("/v1/extensions/" + mainExtension + "/test-accounts"),
		other: "/v1/extensions/nowhere/test-accounts", body: fixed(object{"accounts": []string{"customer", "other"}})},
	"list-extension": {path: at("/v1/extensions/" + mainExtension + "/listing"),
		other: "/v1/extensions/nowhere/listing", body: fixed(object{"version": 1})},
	"unlist-extension": {path: at("/v1/extensions/" + mainExtension + "/listing"),
		other: "/v1/extensions/nowhere/listing"},
	"list-catalogue":           {own: true},
	"read-catalogue-extension": {own: true, path: at("/v1/catalogue/" + dependency), other: "/v1/catalogue/nowhere"},
	"put-extension-logo": {
		path: at("/v1/extensions/" + dependency + "/logo"), other: "/v1/extensions/nowhere/logo",
		body: func(*scene) any { return form{{"logo", pngOf(2, 2)}} },
	},
	"read-extension-logo": {path: at("/v1/extensions/" + mainExtension + "/logo"),
		other: "/v1/extensions/nowhere/logo"},
	"delete-extension-logo": {path: at("/v1/extensions/" + mainExtension + "/logo"),
		other: "/v1/extensions/nowhere/logo"},
	"read-catalogue-logo": {path: at("/v1/catalogue/" + mainExtension + "/logo"),
		other: "/v1/catalogue/nowhere/logo"},
	"create-rollout": {path: at("/v1/extensions/" + mainExtension + "/rollouts"),
		other: "/v1/extensions/nowhere/rollouts", body: fixed(object{"version": 1})},
	"list-rollouts": {path: at("/v1/extensions/" + mainExtension + "/rollouts"),
		other: "/v1/extensions/nowhere/rollouts"},
	"read-rollout": rolloutRequest(""),
	"pause-rollout": {path: rolloutRequest("/pause").path, other: rolloutRequest("/pause").other,
		prepare: func(s *scene, by who) {
			s.want(s.call(by, "POST", rolloutRequest("/resume").path(s), nil), 200)
		}},
	"resume-rollout": rolloutRequest("/resume"),
	"cancel-rollout": rolloutRequest("/cancel"),

	"list-invitations": {},
	"accept-invitation": {
		prepare: func(s *scene, _ who) { s.invites(idleExtension, "customer") },
		path:    at(invitationTo(idleExtension, "accept")), other: invitationTo("nowhere", "accept"),
	},
	"decline-invitation": {
		prepare: func(s *scene, _ who) { s.invites(idleExtension, "customer") },
		path:    at(invitationTo(idleExtension, "decline")), other: invitationTo("nowhere", "decline"),
	},
	"enable-extension": {path: at("/v1/installations/" + idleExtension), other: "/v1/installations/nowhere",
		body: fixed(object{"parameters": object{idleExtension: object{}}})},
	"list-installations": {},
	"read-installation":  installationOf(""),
	"disable-extension":  installationOf("/disable"),
	"suspend-extension":  installationOf("/suspend"),
	"resume-extension": {path: installationOf("/resume").path, other: installationOf("/resume").other,
		prepare: func(s *scene, by who) {
			s.want(s.call(by, "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
		}},
	"retry-installation": {path: installationOf("/retry").path, other: installationOf("/retry").other,
		prepare: func(s *scene, _ who) {
			s.failInstallation(mainExtension)
		}},
	"rotate-callback-secret": {path: installationOf("/callback-secret").path,
		other: installationOf("/callback-secret").other, body: fixed(object{})},
	"update-parameters": {path: installationOf("/parameters").path, other: installationOf("/parameters").other,
		body: fixed(object{"parameters": object{"customer_id": "C-2", "api_key": "open-sesame"}})},
	"start-hand-off": {
		prepare: func(s *scene, _ who) { s.enableHandOff() },
		path:    at("/v1/installations/" + handOffExtension + "/hand-off"), other: "/v1/installations/nowhere/hand-off",
		body: fixed(object{"state": "the-partners"}),
	},
	"exchange-hand-off": {
		prepare: func(s *scene, _ who) {
			s.enableHandOff()
			s.code = s.handOff("").code
		},
		body: func(s *scene) any { return object{"code": orNone(s.code)} },
	},
	"read-drift": installationOf("/drift"),
	"repair-installation": {path: installationOf("/repair").path, other: installationOf("/repair").other,
		body: fixed(object{"daily": true})},
	"rotate-installation-token": {path: installationOf("/token").path, other: installationOf("/token").other,
		body: fixed(object{})},
	"preview-upgrade": installationOf("/upgrade"),
	"upgrade-extension": {
		prepare: func(s *scene, _ who) { s.submitAndList(mainExtension, tamerBlueprint(s.receiver.URL)) },
		path:    installationOf("/upgrade").path, other: installationOf("/upgrade").other,
		body: fixed(object{"version": 2}),
		dressed: func(s *scene, by who) who {
			return s.previewed(by, "/v1/installations/"+mainExtension+"/upgrade", object{"version": 2})
		},
	},
	"put-upgrade-policy": {path: installationOf("/upgrade-policy").path,
		other: installationOf("/upgrade-policy").other, body: fixed(object{"policy": "by-hand"})},
	"create-token": {body: fixed(object{"name": "New", "scopes": []string{"contracts:read"}})},
	"list-tokens":  {},
	"revoke-token": {path: func(s *scene) string {
		return "/v1/tokens/" + s.ownTokenID
	}, other: "/v1/tokens/tok_none"},
	"read-me":               {},
	"read-openapi":          {},
	"read-blueprint-schema": {},

	"list-template-types": {},
	"read-template-type": {path: func(s *scene) string {
		return "/v1/template-types/" + s.typeID
	}, other: "/v1/template-types/tt_none"},
	"create-template-type": {own: true, body: fixed(object{"name": "New", "fields": []object{}})},
	"update-template-type": {own: true, path: func(s *scene) string {
		return "/v1/template-types/" + s.ownTypeID
	}, other: "/v1/template-types/tt_none", body: fixed(object{"name": "Renamed"})},
	"add-data-field": {
		path:  func(s *scene) string { return "/v1/template-types/" + s.typeID + "/fields" },
		other: "/v1/template-types/tt_none/fields",
		body:  fixed(object{"custom_id": "extra", "name": "Extra", "kind": "text"}),
	},
	"delete-data-field": {own: true, path: func(s *scene) string {
		return "/v1/template-types/" + s.ownTypeID + "/fields/note"
	}, other: "/v1/template-types/tt_none/fields/note"},
	"order-data-fields": {
		path:  func(s *scene) string { return "/v1/template-types/" + s.typeID + "/field-order" },
		other: "/v1/template-types/tt_none/field-order",
		body:  fixed(object{"custom_ids": []string{"due", "urgent", "amount", "order_number"}}),
	},
	"replace-data-fields": {
		own:   true,
		path:  func(s *scene) string { return "/v1/template-types/" + s.ownTypeID + "/fields" },
		other: "/v1/template-types/tt_none/fields",
		body:  fixed(object{"fields": []object{{"custom_id": "other", "name": "Other", "kind": "date"}}}),
	},
	"update-data-field": {
		path:  func(s *scene) string { return "/v1/template-types/" + s.typeID + "/fields/urgent" },
		other: "/v1/template-types/tt_none/fields/urgent", body: fixed(object{"active": false}),
	},
	"delete-template-type": {own: true, path: func(s *scene) string {
		return "/v1/template-types/" + s.ownTypeID
	}, other: "/v1/template-types/tt_none"},

	"put-account":    {path: at("/v1/accounts/new"), other: "", body: fixed(object{"name": "New"})},
	"read-account":   {path: at("/v1/accounts/customer"), other: "/v1/accounts/nowhere"},
	"delete-account": {path: at("/v1/accounts/customer"), other: "/v1/accounts/nowhere"},
	"read-deletion": {path: at("/v1/accounts/other/deletion"), other: "/v1/accounts/nowhere/deletion",
		prepare: func(s *scene, _ who) {
			s.want(s.call(platform, "DELETE", "/v1/accounts/other", nil), 202)
		}},
	"put-user": {path: at("/v1/accounts/customer/users/new"), other: "/v1/accounts/nowhere/users/new",
		body: fixed(object{"email": "new@customer.test", "name": "New", "role": "member", "workspaces": []string{}})},
	"put-user-by-id": {
		path: at("/v1/accounts/customer/users"), other: "/v1/accounts/nowhere/users",
		body: fixed(object{"id": "https://idp.test/users/42", "email": "new@customer.test", "name": "New",
			"role": "member", "workspaces": []string{}}),
	},
	"delete-user-by-id": {path: at("/v1/accounts/customer/users/delete"), other: "/v1/accounts/nowhere/users/delete",
		body: fixed(object{"id": "mel"})},
	"delete-user": {path: at("/v1/accounts/customer/users/mel"), other: "/v1/accounts/customer/users/nobody"},
	"delete-workspace": {path: at("/v1/accounts/customer/workspaces/spare"),
		other: "/v1/accounts/customer/workspaces/nowhere", prepare: func(s *scene, _ who) {
			s.want(s.call(platform, "PUT", "/v1/accounts/customer/workspaces/spare", object{"name": "Spare"}), 200)
		}},
	"put-workspace": {path: at("/v1/accounts/customer/workspaces/new"), other: "/v1/accounts/nowhere/workspaces/new",
		body: fixed(object{"name": "New"})},
	"import-accounts": {
		body: fixed(object{"items": []object{{"id": "new", "name": "New"}, {"id": "new-2", "name": "New"}}})},
	"import-users": {body: fixed(object{"items": []object{
		{"account_id": "customer", "id": "new", "email": "new@customer.test", "name": "New", "role": "member",
			"workspaces": []string{"sales"}},
		{"account_id": "other", "id": "new", "email": "new@customer.test", "name": "New", "role": "admin",
			"workspaces": []string{}},
	}})},
	"import-workspaces": {body: fixed(object{"items": []object{{"account_id": "customer", "id": "new", "name": "New"},
		{"account_id": "other", "id": "new", "name": "New"}}})},
	"import-templates": {body: func(s *scene) any {
		return object{"items": []object{
			{"account_id": "customer", "id": "new", "name": "New", "workspace_id": "sales",
				"template_type_id": s.typeID},
			{"account_id": "customer", "id": "new-2", "name": "New", "workspace_id": "sales",
				"template_type_id": s.typeID},
		}}
	}},
	"send-events": {body: func(s *scene) any {
		var items []object
		for n, t := range events.OfContractTypes() {
			items = append(items, object{
				"id": fmt.Sprint("e-", n), "account_id": "customer", "type": t,
				"timestamp": s.now().Format(time.RFC3339Nano), "contract_id": "K-1", "workspace_id": "sales",
				"extension_id": mainExtension, "extension_type": mainExtension, "data": object{"name": "Order"},
			})
		}
		return object{"items": items}
	}},
	"list-quotas":     {},
	"list-workspaces": {},
	"create-template": {body: func(s *scene) any {
		return object{"name": "New", "workspace_id": "sales", "template_type_id": s.typeID}
	}},
	"delete-template": {path: func(s *scene) string {
		return "/v1/templates/" + s.templateID
	}, other: "/v1/templates/tpl_none"},
	"read-template": {path: func(s *scene) string {
		return "/v1/templates/" + s.templateID
	}, other: "/v1/templates/tpl_none"},
	"update-template": {path: func(s *scene) string {
		return "/v1/templates/" + s.templateID
	}, other: "/v1/templates/tpl_none", body: fixed(object{"name": "Renamed"})},
	"list-users":           {},
	"list-templates":       {},
	"contract-create-data": {},
	"create-contract": {body: func(s *scene) any {
		return contractOf(s.templateID, [2]string{"order_number", "7"})
	}},
	"read-contract": {path: func(s *scene) string {
		return "/v1/contracts/" + s.draft
	}, other: "/v1/contracts/con_none"},
	"publish-contract": {path: func(s *scene) string {
		return "/v1/contracts/" + s.draft + "/publish"
	}, other: "/v1/contracts/con_none/publish"},
	"sign-contract": {path: func(s *scene) string {
		return "/v1/contracts/" + s.published + "/sign"
	}, other: "/v1/contracts/con_none/sign"},
	"decline-contract": {path: func(s *scene) string {
		return "/v1/contracts/" + s.published + "/decline"
	}, other: "/v1/contracts/con_none/decline"},

	"list-contracts": {},
	"update-contract": {path: func(s *scene) string {
		return "/v1/contracts/" + s.draft
	}, other: "/v1/contracts/con_none", body: fixed(object{"name": "Renamed"})},
	"cancel-contract": {path: func(s *scene) string {
		return "/v1/contracts/" + s.draft + "/cancel"
	}, other: "/v1/contracts/con_none/cancel"},
	"delete-contract": {path: func(s *scene) string {
		return "/v1/contracts/" + s.draft
	}, other: "/v1/contracts/con_none"},
	"expire-contract": {
		prepare: func(s *scene, _ who) { s.makeDue(s.published) },
		path: func(s *scene) string {
			return "/v1/contracts/" + s.published + "/expire"
		}, other: "/v1/contracts/con_none/expire",
	},
	"update-data-field-values": {path: func(s *scene) string {
		return "/v1/contracts/" + s.published + "/data-fields"
	}, other: "/v1/contracts/con_none/data-fields", body: fixed(newValues)},
	"create-participant-session": {
		path: func(s *scene) string {
			return "/v1/contracts/" + s.published + "/participants/" + s.participant + "/sessions"
		},
		other: "/v1/contracts/con_none/participants/ptc_none/sessions", body: fixed(object{"lifetime_seconds": 600}),
	},
	"read-session-contract":      {},
	"update-session-data-fields": {body: fixed(newValues)},
	"sign-session-contract":      {},
	"decline-session-contract":   {},

	"list-webhooks": {},
	"create-webhook": {own: true, body: func(s *scene) any {
		return object{"name": "New", "url": s.receiver.URL}
	}},
	"read-webhook": {path: func(s *scene) string {
		return "/v1/webhooks/" + s.managedHook
	}, other: "/v1/webhooks/whk_none"},
	"update-webhook": {own: true, path: func(s *scene) string {
		return "/v1/webhooks/" + s.ownHook
	}, other: "/v1/webhooks/whk_none", body: fixed(object{"paused": true, "enabled": true})},
	"delete-webhook": {own: true, path: func(s *scene) string {
		return "/v1/webhooks/" + s.ownHook
	}, other: "/v1/webhooks/whk_none"},
	"rotate-webhook-secret": {path: func(s *scene) string {
		return "/v1/webhooks/" + s.managedHook + "/secret"
	}, other: "/v1/webhooks/whk_none/secret", body: fixed(object{})},
	"send-test-event": {
		path: func(s *scene) string {
			return "/v1/webhooks/" + s.managedHook + "/test"
		}, other: "/v1/webhooks/whk_none/test",
		body: fixed(object{"event_type": "webhook.ping"}),
	},
	"receive-callback": {
		path: at(callbacksOf("customer", mainExtension)), body: fixed(setupFailed("No such customer.")),
		also: []func(s *scene) any{fixed(setupCompleted), func(s *scene) any {
			return contractFields(s.draft, [2]string{"order_number", "12"})
		}},
	},
	"pull-deliveries": {own: true, path: ofAgentHook("/pull"), other: "/v1/webhooks/whk_none/pull",
		body: fixed(object{"limit": 5})},
	"acknowledge-deliveries": {own: true, path: ofAgentHook("/pull/ack"), other: "/v1/webhooks/whk_none/pull/ack",
		prepare: pulledTwo, body: acknowledged},
	"create-agent-code": {own: true, path: ofAgentHook("/agent-codes"),
		other: "/v1/webhooks/whk_none/agent-codes"},
	"pair-agent":  {body: fixed(object{"name": "rack 2"})},
	"list-agents": {own: true, path: ofAgentHook("/agents"), other: "/v1/webhooks/whk_none/agents"},
	"remove-agent": {own: true, path: func(s *scene) string {
		return "/v1/webhooks/" + s.agentHook + "/agents/" + s.agentID
	},
		other: "/v1/webhooks/whk_none/agents/agt_none"},
	"list-deliveries": {path: func(s *scene) string {
		return "/v1/webhooks/" + s.managedHook + "/deliveries"
	}, other: "/v1/webhooks/whk_none/deliveries"},
	"count-deliveries": {path: func(s *scene) string {
		return "/v1/webhooks/" + s.managedHook + "/delivery-count?state=exhausted" // by the index of what failed
	}, other: "/v1/webhooks/whk_none/delivery-count"},
	"read-delivery": {
		path:  func(s *scene) string { return "/v1/webhooks/" + s.managedHook + "/deliveries/" + s.delivery },
		other: "/v1/webhooks/whk_none/deliveries/dlv_none",
	},
	"list-parked-deliveries": {path: func(s *scene) string {
		return "/v1/webhooks/" + s.managedHook + "/parked-deliveries"
	}, other: "/v1/webhooks/whk_none/parked-deliveries"},
	"list-event-deliveries": {path: func(s *scene) string {
		return "/v1/events/" + s.event + "/deliveries"
	}, other: "/v1/events/evt_none/deliveries"},
	"list-account-deliveries": {},
	"read-delivery-request": {
		path: func(s *scene) string {
			return "/v1/webhooks/" + s.managedHook + "/deliveries/" + s.delivery + "/request"
		},
		other: "/v1/webhooks/whk_none/deliveries/dlv_none/request",
	},
	"list-event-audience": {path: func(s *scene) string {
		return "/v1/events/" + s.event + "/audience"
	}, other: "/v1/events/evt_none/audience"},
	"replay-delivery": {
		path: func(s *scene) string {
			return "/v1/webhooks/" + s.managedHook + "/deliveries/" + s.delivery + "/replay"
		},
		other: "/v1/webhooks/whk_none/deliveries/dlv_none/replay",
	},
	"create-replay": {
		path: func(s *scene) string {
			return "/v1/webhooks/" + s.otherHook + "/replays"
		}, other: "/v1/webhooks/whk_none/replays",
		body: func(s *scene) any {
			return object{"from": s.now().Add(-time.Hour).Format(time.RFC3339),
				"states": []string{"exhausted", "skipped"}}
		},
	},
	"list-replays": {path: func(s *scene) string {
		return "/v1/webhooks/" + s.managedHook + "/replays"
	}, other: "/v1/webhooks/whk_none/replays"},
	"read-replay": {path: func(s *scene) string {
		return replayPath(s, "")
	}, other: "/v1/webhooks/whk_none/replays/rpl_none"},
	"pause-replay": {path: func(s *scene) string {
		return replayPath(s, "/pause")
	}, other: "/v1/webhooks/whk_none/replays/rpl_none/pause"},
	"resume-replay": {
		prepare: func(s *scene, _ who) { s.want(s.call(s.admin, "POST", replayPath(s, "/pause"), nil), 200) },
		path:    func(s *scene) string { return replayPath(s, "/resume") },
		other:   "/v1/webhooks/whk_none/replays/rpl_none/resume",
	},
	"read-webhook-statistics": {path: func(s *scene) string {
		return "/v1/webhooks/" + s.managedHook + "/statistics"
	}, other: "/v1/webhooks/whk_none/statistics"},
	"list-delivery-addresses": {},
	"read-parameters":         installationOf("/parameters"),
	"cancel-replay": {path: func(s *scene) string {
		return replayPath(s, "/cancel")
	}, other: "/v1/webhooks/whk_none/replays/rpl_none/cancel"},
}

// newValues are none that the scene's contracts have.
var newValues = object{"data_fields": []object{{"custom_id": "order_number", "value": "8"},
	{"custom_id": "amount", "value": "9"}}}

// makeDue leaves a contract as it is on the day on which it expires.
func (s *scene) makeDue(id string) {
	s.t.Helper()
	c, err := s.tables.Contract(s.t.Context(), s.account, domain.ContractID(id))
	must(s.t, err)
	c.ExpiresOn = s.now().Format(time.DateOnly)
	var tx store.Tx
	tx.Put(&c)
	must(s.t, s.tables.Commit(s.t.Context(), &tx, nil))
}

// failInstallation leaves an installation where provisioning gave up, which takes a fault of AWS otherwise.
func (s *scene) failInstallation(e domain.ExtensionID) {
	s.t.Helper()
	i, err := s.tables.Installation(s.t.Context(), s.account, e)
	must(s.t, err)
	i.State = domain.Enabling
	i = i.Fail("template-type", "the test says so", s.now())
	s.overwrite(i)
}

// right is a caller whom the rule lets in, and who sees the scene.
func (s *scene) right(r auth.Rule) who {
	s.t.Helper()
	switch r.Model {
	case auth.ModelDashboard:
		if r.Role == domain.Admin {
			return s.admin
		}
		return s.member
	case auth.ModelIntegration:
		return s.integration(adminEmail)
	case auth.ModelParticipant:
		return s.session
	case auth.ModelPartner:
		return s.partner
	case auth.ModelPlatform:
		return platformFor(s.account)
	case auth.ModelWebhookSecret:
		return callback(s.callbackSecret)
	case auth.ModelAgent:
		return s.agent
	case auth.ModelAgentCode:
		return s.pairing
	case auth.ModelPublic:
		return who{name: "anyone"}
	}
	s.t.Fatalf("the tests know no caller by %s; give them one", r.Model)
	return who{}
}

// expired is a credential of the model that was good until a moment ago.
func (s *scene) expired(m auth.Model) who {
	s.t.Helper()
	switch m {
	case auth.ModelDashboard:
		return bearer("expired dashboard", s.jwt(s.account, "ada", -time.Minute))
	case auth.ModelIntegration:
		token, hash := secret.NewCredential(secret.TokenPrefix)
		s.tables.Given(&domain.Token{Hash: hash, ID: "tok_old", Account: s.account, Scopes: domain.Scopes,
			ExpiresAt: s.now().Add(-time.Minute)})
		return bearer("expired integration", reveal(token))
	case auth.ModelParticipant:
		token, hash := secret.NewCredential(secret.SessionPrefix)
		s.tables.Given(&domain.Session{Hash: hash, ID: "ses_old", Account: s.account,
			Contract: domain.ContractID(s.published), Participant: domain.ParticipantID(s.participant),
			EndsAt: s.now().Add(-time.Second)})
		return bearer("expired session", reveal(token))
	case auth.ModelWebhookSecret:
		return callback(s.callbackSecret).with(auth.HeaderCallbackTimestamp,
			stamp(s.now().Add(-5*time.Minute-time.Second)))
	case auth.ModelPartner:
		key, hash := secret.NewCredential(secret.PartnerKeyPrefix)
		s.tables.Given(&domain.PartnerKey{Hash: hash, Partner: domain.PartnerID(s.partnerID),
			ExpiresAt: s.now().Add(-time.Minute)})
		return bearer("expired partner", reveal(key))
	case auth.ModelAgent:
		key, _ := secret.NewCredential(secret.AgentPrefix)
		return bearer("a removed agent", reveal(key))
	case auth.ModelAgentCode:
		code, hash := secret.NewCredential(secret.AgentCodePrefix)
		s.tables.Given(&domain.AgentCode{Hash: hash, Account: s.account, Webhook: domain.WebhookID(s.agentHook),
			EndsAt: s.now().Add(-time.Second)})
		return bearer("expired pairing code", reveal(code))
	}
	return who{"a rotated platform key", [][2]string{{auth.HeaderPlatformKey, "the-key-before-the-one-before"}}}
}

// reveal shows a credential as its one answer does.
func reveal(s domain.ShownOnce) string {
	raw, _ := json.Marshal(s)
	var shown string
	_ = json.Unmarshal(raw, &shown)
	return shown
}
