package functions_test

import (
	"slices"
	"strings"
	"testing"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// wrong is a body with several mistakes, of shape and of meaning, and exactly what the answer points at.
type wrong struct {
	path string // where the right request's would not do
	body any
	want []string
}

const line = "two\nlines"

// wrongBodies has one for every operation that takes a body. Each is sent with a query parameter that no operation has.
func wrongBodies(s *scene) map[string]wrong {
	long := strings.Repeat("ä", 1025)
	yesterday := s.now().AddDate(0, 0, -1).Format("2006-01-02")
	values := []any{
		object{"custom_id": "order_number", "value": long}, object{"custom_id": "Order_Number", "value": "2"},
		object{"custom_id": "due", "value": "soon"},
		object{"custom_id": "nobody", "value": "x"}, object{"custom_id": "amount", "value": 7},
		object{"custom_id": "urgent"}, "reason",
	}
	ofValues := []string{
		"/data_fields/0/value", "/data_fields/1/custom_id", "/data_fields/2/value", "/data_fields/3/custom_id",
		"/data_fields/4/value",
		"/data_fields/5/value", "/data_fields/6",
	}
	fields := []object{
		{"custom_id": "a", "name": "A", "kind": "date", "default": "soon"},
		{"custom_id": " A ", "name": "Again", "kind": "text"},
		{"custom_id": "b!", "name": line, "kind": "color", "placeholder": "a\u202eb"},
		{"name": "", "kind": "text", "description": "one\x00two"}, {"custom_id": 7, "name": "C", "kind": "text"},
	}
	ofFields := []string{
		"/fields/0/default", "/fields/1/custom_id", "/fields/2/custom_id", "/fields/2/name", "/fields/2/kind",
		"/fields/2/placeholder",
		"/fields/3/custom_id", "/fields/3/name", "/fields/3/description", "/fields/4/custom_id",
	}
	return map[string]wrong{
		"create-partner": {
			body: object{"name": "", "contact": "Ada <ada@partner.test>", "development_account_id": "nowhere",
				"more": 1},
			want: []string{"/name", "/contact", "/development_account_id", "/more"},
		},
		"create-console-link": {
			body: object{"account_id": "nowhere", "user_id": "ada", "page": "nothing",
				"framed_by":        "https://evil.example",
				"lifetime_seconds": 601, "more": 1},
			want: []string{"/account_id", "/page", "/framed_by", "/lifetime_seconds", "/more"},
		},
		"update-partner": {
			body: object{"name": line, "contact": "nobody", "development_account_id": "nowhere", "more": 1},
			want: []string{"/name", "/contact", "/development_account_id", "/more"},
		},
		"rotate-partner-key": {body: object{"overlap_seconds": -1, "more": 1},
			want: []string{"/overlap_seconds", "/more"}},
		"create-extension": {
			body: object{"slug": "Acme", "name": line, "description": "a\u200bb", "capability_family": 7,
				"template_type_keys": []any{"a", "a", "B", object{}}},
			want: []string{"/slug", "/name", "/description", "/capability_family", "/template_type_keys/1",
				"/template_type_keys/2", "/template_type_keys/3"},
		},
		"update-extension": {
			body: object{"name": "", "description": "a\u200bb", "contact": 7, "capability_family": line, "slug": "new"},
			want: []string{"/name", "/description", "/contact", "/capability_family", "/slug"},
		},
		"submit-blueprint": {
			path: "/v1/extensions/" + mainExtension + "/versions",
			body: object{"blueprint": object{
				"scopes": []string{"everything", "contracts:read", "contracts:read"},
				"parameters": object{"type": "array", "required": []string{"s", "nobody", "s"},
					"additionalProperties": true, "properties": object{
						"K": object{"type": "string", "title": ""}, "k": object{"type": "string", "pattern": "(",
							"minimum": 1}, "s": object{"type": "string", "writeOnly": true, "maxLength": 5000},
						"n": object{"type": "integer", "enum": []any{1, "x", 1.5, 1}, "default": 7},
						"t": object{"type": "text", "oneOf": []any{}},
					}},
				"dependencies": []object{
					{"extension_id": mainExtension}, {"extension_id": "nowhere"},
					{"extension_id": dependency, "min_version": 9}, {"min_version": 0},
				},
				"template_types": []object{
					{"key": "nowhere", "name": "", "fields": []object{{"custom_id": "a", "name": line, "kind": "text"},
						{"custom_id": "A", "name": "A", "kind": "number", "default": "x"}}},
					{"name": "T", "fields": 7, "color": "red"},
				},
				"webhooks": []object{{
					"key": "W", "url": "ftp://crm.test",
					"event_types": []string{"contract.signed", "contract.eaten", "contract.signed"},
					"headers":     object{"Webhook-Id": "mine", "X-A": "{{nobody}}", "X.B[0]": 7, "a~/b": "x"},
					"query":       object{"q": "{{s}}"}, "context": object{"c": "a\r\nb"},
				}, {
					"url": "https://127.0.0.1:22/", "key": "v", "event_types": []string{},
					"auth": object{"scheme": "oauth2", "token_url": "http://localhost:25/", "client_id": "{{nobody}}",
						"username": "u"},
				}},
			}},
			want: []string{
				"/blueprint/webhooks/0/query", "/blueprint/scopes/0", "/blueprint/scopes/2",
				"/blueprint/parameters/type", "/blueprint/parameters/additionalProperties",
				"/blueprint/parameters/required/1", "/blueprint/parameters/required/2",
				"/blueprint/parameters/properties/K", "/blueprint/parameters/properties/K/title",
				"/blueprint/parameters/properties/k/pattern", "/blueprint/parameters/properties/k/minimum",
				"/blueprint/parameters/properties/s/maxLength", "/blueprint/parameters/properties/n/enum/1",
				"/blueprint/parameters/properties/n/enum/2", "/blueprint/parameters/properties/n/enum/3",
				"/blueprint/parameters/properties/n/default", "/blueprint/parameters/properties/t/type",
				"/blueprint/parameters/properties/t/oneOf",
				"/blueprint/dependencies/0/extension_id", "/blueprint/dependencies/1/extension_id",
				"/blueprint/dependencies/2/extension_id",
				"/blueprint/dependencies/3/extension_id", "/blueprint/dependencies/3/min_version",
				"/blueprint/template_types/0/key", "/blueprint/template_types/0/name",
				"/blueprint/template_types/0/fields/0/name",
				"/blueprint/template_types/0/fields/1/custom_id", "/blueprint/template_types/0/fields/1/default",
				"/blueprint/template_types/1/fields", "/blueprint/template_types/1/color",
				"/blueprint/webhooks/0/key", "/blueprint/webhooks/0/url", "/blueprint/webhooks/0/event_types/1",
				"/blueprint/webhooks/0/event_types/2",
				"/blueprint/webhooks/0/headers/Webhook-Id", "/blueprint/webhooks/0/headers/X-A",
				"/blueprint/webhooks/0/headers/X.B[0]",
				"/blueprint/webhooks/0/headers/a~0~1b", "/blueprint/webhooks/0/query/q",
				"/blueprint/webhooks/0/context/c",
				"/blueprint/webhooks/1/url", "/blueprint/webhooks/1/event_types",
				"/blueprint/webhooks/1/auth/token_url", "/blueprint/webhooks/1/auth/client_id",
				"/blueprint/webhooks/1/auth/client_secret", "/blueprint/webhooks/1/auth/username",
			},
		},
		"replace-draft": {
			body: object{"blueprint": object{"scopes": 7,
				"template_types": []object{{"name": line, "fields": []object{}}}, "more": 1}},
			want: []string{"/blueprint/scopes", "/blueprint/template_types/0/name", "/blueprint/webhooks",
				"/blueprint/more"},
		},
		"promote-template-type": {
			body: object{"template_type_id": "tt_none", "key": "nowhere", "more": 1},
			want: []string{"/template_type_id", "/key", "/more"},
		},
		"review-version": {body: object{"decision": "reject", "reasons": []string{}, "more": 1},
			want: []string{"/reasons", "/more"}},
		"yank-version": {body: object{"reason": "a\x1bb", "more": 1}, want: []string{"/reason", "/more"}},
		"put-test-accounts": {body: object{"accounts": []any{"customer", "customer", "nowhere", "", 7}},
			want: []string{"/accounts/1", "/accounts/3", "/accounts/4"}},
		"list-extension": {body: object{"version": 99, "more": 1}, want: []string{"/version", "/more"}},
		"enable-extension": {
			path: "/v1/installations/acme-asks",
			body: object{"parameters": object{"acme-asks": object{"number": "x", "key": 7, "a.b": "?"},
				"a.stranger": object{}, "another": 7}, "more": 1},
			want: []string{
				"/parameters/acme-asks/number", "/parameters/acme-asks/key", "/parameters/acme-asks/a.b",
				"/parameters/acme-asks/needed",
				"/parameters/a.stranger", "/parameters/another", "/more",
			},
		},
		"put-extension-logo": {body: form{{"logo", "no picture"}, {"more", "1"}},
			want: []string{"/logo", "/more"}},
		"rotate-lifecycle-secret": {body: object{"overlap_seconds": 604801, "more": 1},
			want: []string{"/overlap_seconds", "/more"}},
		"rotate-callback-secret": {body: object{"overlap_seconds": -1, "more": 1},
			want: []string{"/overlap_seconds", "/more"}},
		"create-rollout": {body: object{"version": 0, "max_failures": 1001, "more": 1},
			want: []string{"/version", "/max_failures", "/more"}},
		"repair-installation": {body: object{"daily": "yes", "more": 1}, want: []string{"/daily", "/more"}},
		"update-parameters": {
			body: object{"parameters": object{"customer_id": "", "api_key": line, "a.stranger": 7}, "more": 1},
			want: []string{"/parameters/customer_id", "/parameters/api_key", "/parameters/a.stranger", "/more"},
		},
		"start-hand-off":    {body: object{"state": 7, "more": 1}, want: []string{"/state", "/more"}},
		"exchange-hand-off": {body: object{"code": "", "more": 1}, want: []string{"/code", "/more"}},
		"upgrade-extension": {
			body: object{"version": 99, "consent": []any{"everything", 7}, "more": 1},
			want: []string{"/version", "/consent/1", "/more"},
		},
		"put-upgrade-policy": {body: object{"policy": "never", "more": 1}, want: []string{"/policy", "/more"}},
		"import-accounts":    {body: object{"items": nil, "more": 1}, want: []string{"/items", "/more"}},
		"send-events":        {body: object{"items": []object{}, "more": 1}, want: []string{"/items", "/more"}},
		"import-users":       {body: object{"items": []object{}, "more": 1}, want: []string{"/items", "/more"}},
		"import-workspaces":  {body: object{"items": 7, "more": 1}, want: []string{"/items", "/more"}},
		"import-templates":   {body: object{"more": 1}, want: []string{"/items", "/more"}},
		"receive-callback": {
			body: object{"type": "setup.over", "data": object{"reason": line, "fields_version": 0,
				"data_fields": []any{"reason"}}, "more": 1},
			want: []string{"/type", "/data/reason", "/data/fields_version", "/data/data_fields/0", "/more"},
		},
		"rotate-installation-token": {body: object{"overlap_seconds": "x", "more": 1},
			want: []string{"/overlap_seconds", "/more"}},
		"create-token": {
			body: object{"name": line, "scopes": []any{"contracts:read", "contracts:read", "everything", object{}},
				"expires_in_days": 366},
			want: []string{"/name", "/scopes/1", "/scopes/2", "/scopes/3", "/expires_in_days"},
		},
		"create-template-type": {body: object{"name": line, "description": 7, "fields": fields},
			want: append([]string{"/name", "/description"}, ofFields...)},
		"update-template-type": {body: object{"name": "", "description": "a\x07b"},
			want: []string{"/name", "/description"}},
		"add-data-field": {
			body: object{"custom_id": "Order_Number", "name": "", "kind": "date", "default": "soon",
				"source": "system"},
			want: []string{"/custom_id", "/name", "/default", "/source"},
		},
		"update-data-field": {
			path: "/v1/template-types/" + s.ownTypeID + "/fields/note",
			body: object{"name": line, "kind": "date", "default": "soon", "custom_id": "x"},
			want: []string{"/name", "/default", "/custom_id"},
		},
		"order-data-fields": {
			body: object{"custom_ids": []any{"due", "due", "nobody", "urgent", 7}, "more": 1},
			want: []string{"/custom_ids/1", "/custom_ids/2", "/custom_ids/4", "/custom_ids", "/more"},
		},
		"replace-data-fields": {body: object{"fields": fields, "more": 1},
			want: append([]string{"/more"}, ofFields...)},

		"put-account": {body: object{"name": line, "zz": "zz"}, want: []string{"/name", "/zz"}},
		"put-user": {
			body: object{"email": "Ada <ada@customer.test>", "name": "", "role": "owner",
				"workspaces": []any{"sales", "nowhere", 7}},
			want: []string{"/email", "/name", "/role", "/workspaces/1", "/workspaces/2"},
		},
		"put-user-by-id": {
			body: object{"id": "ü", "email": "Ada <ada@customer.test>", "name": "", "role": "owner",
				"workspaces": []any{"sales", "nowhere", 7}},
			want: []string{"/id", "/email", "/name", "/role", "/workspaces/1", "/workspaces/2"},
		},
		"delete-user-by-id": {body: object{"id": "", "zz": "zz"}, want: []string{"/id", "/zz"}},
		"update-template": {
			body: object{"name": line, "workspace_id": "nowhere", "data_fields": values},
			want: append([]string{"/name", "/workspace_id"}, ofValues...),
		},
		"put-workspace": {body: object{"name": "", "zz": "zz"}, want: []string{"/name", "/zz"}},
		"create-template": {
			body: object{"name": line, "workspace_id": "nowhere", "template_type_id": s.typeID, "data_fields": values},
			want: append([]string{"/name", "/workspace_id"}, ofValues...),
		},
		"create-contract": {
			body: object{
				"name": line, "workspace_id": "nowhere", "template_id": s.templateID, "data_fields": values,
				"expires_on": yesterday, "fields_version": 0,
				"participants": []object{{"name": "Kim", "email": "kim@example.test"},
					{"name": "", "email": "KIM@example.test"}, {"name": "Lee", "email": "Lee <lee@example.test>"}, {}},
			},
			want: append([]string{
				"/name", "/workspace_id", "/template_id", "/expires_on", "/fields_version",
				"/participants/1/name", "/participants/1/email", "/participants/2/email", "/participants/3/name",
				"/participants/3/email",
			}, ofValues...),
		},
		"update-contract": {
			body: object{"name": "", "expires_on": yesterday,
				"participants": []object{{"name": line, "email": "kim@example.test"},
					{"name": "Kim", "email": "kim@example.test"}}},
			want: []string{"/name", "/expires_on", "/participants/0/name", "/participants/1/email"},
		},
		"update-data-field-values": {body: object{"data_fields": values, "fields_version": "x"},
			want: append([]string{"/fields_version"}, ofValues...)},
		"create-participant-session": {body: object{"lifetime_seconds": 1, "more": 1},
			want: []string{"/lifetime_seconds", "/more"}},
		"update-session-data-fields": {body: object{"data_fields": values, "fields_version": 1e19},
			want: append([]string{"/fields_version"}, ofValues...)},

		"create-webhook": {
			body: object{
				"name": "a\u2066b", "url": "http://localhost:25/",
				"event_types":   []any{"contract.signed", "contract.signed", "contract.eaten", 7, "webhook.ping"},
				"workspace_ids": []string{"sales", "nowhere", "sales"}, "template_type_ids": []any{},
				"origin_extension_ids": []any{mainExtension, "nobodys", 7},
				"auth": object{"scheme": "oauth2", "token_url": "ftp://127.0.0.1/", "client_id": line,
					"username": "ada", "more": 1},
				"headers": object{"Webhook-Id": "mine", "X-A": "a\r\nb", "X-B": 7, "x~/y": "z"},
				"policy":  object{"timeout_seconds": 31, "retry_wait_seconds": []int{0}},
			},
			want: []string{
				"/auth/token_url", "/auth/client_id", "/auth/client_secret", "/auth/username", "/auth/more",
				"/headers/Webhook-Id", "/headers/X-A", "/headers/X-B", "/headers/x~0~1y",
				"/policy/timeout_seconds", "/policy/retry_wait_seconds/0", "/name", "/url", "/event_types/1",
				"/event_types/2", "/event_types/3", "/event_types/4", "/workspace_ids/1", "/workspace_ids/2",
				"/template_type_ids", "/origin_extension_ids/1", "/origin_extension_ids/2"},
		},
		"update-webhook": {
			body: object{"name": "", "paused": "yes", "enabled": false, "url": "nowhere",
				"event_types": []string{"contract.eaten"}, "workspace_ids": []string{},
				"template_type_ids": []string{"tt_none", s.typeID},
				"auth":              object{"scheme": "bearer"}, "headers": object{"Host": "x", "X-A": ""},
				"policy": object{"timeout_seconds": 0}},
			want: []string{"/auth/token", "/headers/Host", "/headers/X-A", "/policy/timeout_seconds", "/name",
				"/paused", "/enabled", "/url", "/event_types/0", "/workspace_ids", "/template_type_ids/0"},
		},
		"rotate-webhook-secret": {body: object{"overlap_seconds": 604801, "more": 1},
			want: []string{"/overlap_seconds", "/more"}},
		"create-replay": {
			body: object{"from": "yesterday", "to": 7, "states": []any{"exhausted", "lost", "exhausted"},
				"event_types": []any{"contract.eaten", 7}, "more": 1},
			want: []string{"/from", "/to", "/states/1", "/states/2", "/event_types/0", "/event_types/1", "/more"},
		},
		"send-test-event": {body: object{"event_type": "contract.eaten", "more": 1},
			want: []string{"/event_type", "/more"}},
		"pull-deliveries": {body: object{"cursor": 7, "limit": 51, "more": 1},
			want: []string{"/cursor", "/limit", "/more"}},
		"acknowledge-deliveries": {
			body: object{"results": []any{object{"receipt": 7, "status": 99}, "none"}, "more": 1},
			want: []string{"/results/0/receipt", "/results/0/status", "/results/1", "/more"},
		},
		"pair-agent": {body: object{"name": line, "more": 1}, want: []string{"/name", "/more"}},
	}
}

// Rule 26: one document names every wrong field, whether the schema, the domain or the tables know that it is wrong,
// and names none twice.
func TestRule26_EveryWrongFieldInOneAnswer(t *testing.T) {
	s := newScene(newWorld(t))
	s.list("acme-asks", []string{}, object{
		"scopes": []string{}, "template_types": []object{}, "webhooks": []object{},
		"parameters": asks(object{"key": "number", "pattern": "^[0-9]+$"},
			object{"key": "key", "writeOnly": true, "required": true}, object{"key": "needed", "required": true}),
	})
	bodies := wrongBodies(s)
	before := s.dump()
	for _, o := range contract.All() {
		takesBody := slices.Contains(o.Statuses(), 415)
		w, ok := bodies[o.ID]
		if ok != takesBody {
			t.Errorf("%s takes a body: %t, has a wrong one: %t", o.ID, takesBody, ok)
		}
		if !ok {
			continue
		}
		path, _ := requests[o.ID].of(s, o)
		if w.path != "" {
			path = w.path
		}
		got := s.call(s.right(o.Auth[0]), o.Method, path+"?color=red", w.body)
		pointers, want := got.pointers(), append(slices.Clone(w.want), "query.color")
		slices.Sort(pointers)
		slices.Sort(want)
		if got.status != 422 || !slices.Equal(pointers, want) {
			t.Errorf("%s: got %d with\n%q, want 422 with\n%q: %s", o.ID, got.status, pointers, want, got.raw)
		}
		for _, leak := range []string{"json:", "mail:", "parse \"", "strconv", "Go struct", "RFC 5322 email:"} {
			if strings.Contains(string(got.raw), leak) {
				t.Errorf("%s: the answer shows what Go says: %s", o.ID, got.raw)
			}
		}
	}
	if s.dump() != before {
		t.Error("a refused request left something in the tables")
	}
}

// Rule 12: what is wrong with the values is told even when the template is unknown, as far as that can be known.
func TestRule12_AnUnknownTemplateHidesNothing(t *testing.T) {
	s := newScene(newWorld(t))
	s.refusedFields(s.call(s.integration(adminEmail), "POST", "/v1/contracts", object{
		"name": "x", "workspace_id": "nowhere", "template_id": "tpl_none", "expires_on": "2020-01-01",
		"data_fields": []object{{"custom_id": "a", "value": strings.Repeat("a", domain.MaxTextLength+1)},
			{"custom_id": "A", "value": ""}},
		"participants": []object{{"name": "Kim", "email": "kim@example.test"},
			{"name": "Kim", "email": "Kim@example.test"}},
	}), "/workspace_id", "/template_id", "/expires_on", "/data_fields/0/value", "/data_fields/1/custom_id",
		"/participants/1/email")
}

// Of two headers that say different things, neither is believed.
func TestRule26_AHeaderThatComesTwiceIsRefused(t *testing.T) {
	s := newScene(newWorld(t))
	twice := s.member.with("Idempotency-Key", "a").with("Idempotency-Key", "b").with("If-Match", `"1"`).with("If-Match",
		`"2"`)
	s.refusedFields(s.call(twice, "PATCH", "/v1/contracts/"+s.draft, object{"name": ""}), "header.Idempotency-Key",
		"header.If-Match", "/name")
	s.refusedFields(s.call(s.integration(adminEmail).with("Plugboard-User", memberEmail), "GET", "/v1/me", nil),
		"header.Plugboard-User")
	s.refusedFields(s.call(platformFor(s.account).with("Plugboard-Account", "other"), "GET", "/v1/contracts", nil),
		"header.Plugboard-Account")
}
