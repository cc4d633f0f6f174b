package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// Rule 27, its first half: quotas hold exactly, and are named when they are hit.

// use sets how much of a quota the customer uses, past the conditions.
func (a *actors) use(q domain.Quota, n int) {
	a.t.Helper()
	var tx store.Tx
	tx.Put(&domain.QuotaUse{Account: a.account, Quota: q, Used: n})
	must(a.t, a.tables.Commit(a.t.Context(), &tx, nil))
}

// used is what GET /v1/quotas says.
func (a *actors) used(q domain.Quota) int {
	a.t.Helper()
	list := a.want(a.call(a.admin, "GET", "/v1/quotas", nil), 200)
	for n := range list.at("items").([]any) {
		if list.str("items", n, "quota") == string(q) {
			used, _ := list.at("items", n, "used").(float64)
			return int(used)
		}
	}
	a.t.Fatalf("no quota %s: %s", q, list.raw)
	return 0
}

func TestRule27_OfTwentyAtOnceBeforeTheLimitOnePasses(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	for q, c := range map[domain.Quota]struct {
		by           who
		method, path string // the path's %d is the place among the twenty
		body         object
		remove       string // what room is made by
	}{
		domain.QuotaTokens: {a.admin, "POST", "/v1/tokens", object{"name": "One", "scopes": []string{}},
			"/v1/tokens/"},
		domain.QuotaWebhooks: {a.admin, "POST", "/v1/webhooks", object{"name": "One", "url": a.receiver.URL},
			"/v1/webhooks/"},
		domain.QuotaTemplateTypes: {a.admin, "POST", "/v1/template-types", object{"name": "One", "fields": []object{}},
			"/v1/template-types/"},
		domain.QuotaTemplates: {a.admin, "POST", "/v1/templates",
			object{"name": "One", "workspace_id": "sales", "template_type_id": typeID}, "/v1/templates/"},
		domain.QuotaUsers: {platform, "PUT", "/v1/accounts/customer/users/u%d",
			object{"email": "u%d@customer.test", "name": "U", "role": "member", "workspaces": []string{}},
			"/v1/accounts/customer/users/"},
		domain.QuotaWorkspaces: {platform, "PUT", "/v1/accounts/customer/workspaces/w%d", object{"name": "W"},
			"/v1/accounts/customer/workspaces/"},
	} {
		t.Run(string(q), func(t *testing.T) {
			limit := domain.LimitOf(q).Limit
			a.use(q, limit-1)
			ask := func(n int) answer {
				body := object{}
				for k, v := range c.body {
					if text, ok := v.(string); ok && strings.Contains(text, "%d") {
						v = fmt.Sprintf(text, n)
					}
					body[k] = v
				}
				path := c.path
				if strings.Contains(path, "%d") {
					path = fmt.Sprintf(path, n)
				}
				got, err := a.try(c.by, c.method, path, body)
				if err != nil {
					t.Error(err)
				}
				return got
			}
			got := make([]answer, 20)
			var asking sync.WaitGroup
			for n := range got {
				asking.Go(func() { got[n] = ask(n) })
			}
			asking.Wait()
			var made []answer
			for _, g := range got {
				switch {
				case g.status < 300:
					made = append(made, g)
				case g.status != 409 || g.str("code") != "quota-exceeded":
					t.Errorf("got %d %s, want 409 quota-exceeded: %s", g.status, g.str("code"), g.raw)
				case !strings.Contains(g.str("detail"), fmt.Sprintf("%q", q)) ||
					!strings.Contains(g.str("detail"), fmt.Sprint(limit)):
					t.Errorf("the refusal names neither the quota nor its limit: %s", g.raw)
				}
			}
			if len(made) != 1 || a.used(q) != limit {
				t.Fatalf("%d of 20 passed, and %d of %d are used", len(made), a.used(q), limit)
			}
			a.want(a.call(c.by, "DELETE", c.remove+made[0].str("id"), nil), 204)
			if again := a.call(c.by, "DELETE", c.remove+made[0].str("id"), nil); again.status != 404 ||
				a.used(q) != limit-1 {
				t.Errorf("after two deletions of one: %d used, want %d", a.used(q), limit-1)
			}
			a.want(ask(99), made[0].status)
		})
	}
}

// What is there keeps working at the limit: a change is no creation.
func TestRule27_AtTheLimitWhatIsThereCanBeChanged(t *testing.T) {
	a := newActors(newWorld(t))
	for _, q := range []domain.Quota{domain.QuotaUsers, domain.QuotaWorkspaces} {
		a.use(q, domain.LimitOf(q).Limit)
	}
	a.putUser(a.account, "mel", "melanie@customer.test", "admin", "legal")
	a.want(a.call(platform, "PUT", "/v1/accounts/customer/workspaces/legal", object{"name": "Law"}), 200)
	if a.used(domain.QuotaUsers) != domain.LimitOf(domain.QuotaUsers).Limit {
		t.Errorf("a changed user was counted: %d", a.used(domain.QuotaUsers))
	}
}

func (a *actors) extensionsUse() [3]int {
	a.t.Helper()
	return [3]int{a.used(domain.QuotaInstallations), a.used(domain.QuotaTemplateTypes),
		a.used(domain.QuotaManagedWebhooks)}
}

func TestRule27_ExtensionsAreCountedOnceThroughTheirWholeLife(t *testing.T) {
	a := newActors(newWorld(t))
	check := func(when string, want [3]int) {
		t.Helper()
		if got := a.extensionsUse(); got != want {
			t.Errorf("%s: got %v installations, template types, webhooks, want %v", when, got, want)
		}
	}
	check("before", [3]int{})
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	check("enabling: all of it has its place", [3]int{2, 2, 2})
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, object{}), 202)
	a.settle()
	check("enabled, asked for twice", [3]int{2, 2, 2})
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	check("disabling", [3]int{2, 2, 2})
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.settle()
	check("disabled: its dependency stays, and its types, which take no room", [3]int{1, 0, 0})
	a.enable()
	check("enabled again", [3]int{2, 2, 2})
}

func TestRule27_WhatHasNoRoomIsNotEnabledHalfWay(t *testing.T) {
	a := newActors(newWorld(t))
	_, err := a.sealer.Seal(t.Context(), a.account, "any", "secret") // the first of a month leaves its data key
	must(t, err)
	for _, q := range []domain.Quota{domain.QuotaInstallations, domain.QuotaTemplateTypes,
		domain.QuotaManagedWebhooks} {
		limit := domain.LimitOf(q).Limit
		a.use(q, limit-1) // it needs two of each
		before := a.dump()
		withoutSecret := object{"parameters": object{mainExtension: object{"customer_id": "C-1001"}}}
		refused := a.refused(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, withoutSecret), 409,
			"quota-exceeded")
		if !strings.Contains(refused.str("detail"), fmt.Sprintf("%q", q)) {
			t.Errorf("the refusal names no quota %s: %s", q, refused.raw)
		}
		if a.dump() != before {
			t.Errorf("%s: the refusal left something", q)
		}
		a.use(q, limit-2)
	}
	a.enable()
}

// Users added fields while the extension was disabled; the next version has no room beside them.
func TestRule27_FieldsWithoutRoomFailTheStepByNameAndCanBeRetried(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	fields := a.want(a.call(a.admin, "GET", "/v1/template-types/"+typeID, nil), 200).at("fields").([]any)
	for n := len(fields); n < domain.MaxFields; n++ {
		fields = append(fields, object{"custom_id": fmt.Sprint("user ", n), "name": "U", "kind": "text"})
	}
	for _, f := range fields {
		if m, ok := f.(map[string]any); ok {
			delete(m, "source")
		}
	}
	a.want(a.call(a.admin, "PUT", "/v1/template-types/"+typeID+"/fields", object{"fields": fields}), 200)
	a.refused(a.call(a.admin, "POST", "/v1/template-types/"+typeID+"/fields",
		object{"custom_id": "more", "name": "M", "kind": "text"}), 409, "quota-exceeded")
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.settle()
	next := crmBlueprint(a.receiver.URL)
	types := slices.Clone(next["template_types"].([]object))
	types[0]["fields"] = append(types[0]["fields"].([]object),
		object{"custom_id": "brand_new", "name": "New", "kind": "text"})
	a.submitAndList(mainExtension, next)
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	a.settle()
	failed := a.installation(mainExtension)
	if failed.str("state") != "failed" || !strings.Contains(failed.str("failure", "reason"), `"data-fields"`) {
		t.Fatalf("got %s, want it failed by the quota: %s", failed.str("state"), failed.raw)
	}
	a.want(a.call(a.admin, "DELETE", "/v1/template-types/"+typeID+"/fields/user%20299", nil), 200)
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/retry", nil), 202)
	a.settle()
	a.state(mainExtension, "enabled")
}
