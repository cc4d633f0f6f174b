package domain

import (
	"testing"
	"time"
)

// Rule 17 has two halves, and a managed webhook hears nothing unless both hold.
func TestRule17_Hears(t *testing.T) {
	managed := Webhook{Extension: "acme-crm", TemplateType: "tt_orders", EventTypes: []string{"contract.signed"}}
	own := Webhook{}
	filtered := Webhook{EventTypes: []string{"contract.created"}}
	lifecycle, ended := Webhook{Extension: "acme-crm", Lifecycle: true},
		Webhook{Extension: "acme-crm", Lifecycle: true, EndsAt: time.Now(), Epoch: 3}
	suspended := Subject{EventType: "installation.suspended", Installation: "acme-crm", Epoch: 4}
	disabled := Subject{EventType: "installation.disabled", Installation: "acme-crm", Epoch: 3}
	ofSales, typed := Webhook{Workspaces: []WorkspaceID{"hr", "sales"}},
		Webhook{TemplateTypes: []TemplateTypeID{"tt_orders"}}
	all := Webhook{EventTypes: []string{"contract.signed"}, Workspaces: []WorkspaceID{"sales", "legal"},
		TemplateTypes: []TemplateTypeID{"tt_quotes", "tt_orders"}}
	byOrigin := Webhook{Origins: []ExtensionID{"other-crm", "acme-crm"}}
	inSales := Subject{EventType: "contract.signed", Workspace: "sales", TemplateType: "tt_orders"}
	through := Subject{EventType: "contract.signed", Origin: "acme-crm", TemplateType: "tt_orders"}
	for name, c := range map[string]struct {
		webhook Webhook
		subject Subject
		want    bool
	}{
		"through the installation, of the type": {managed, through, true},
		"another extension's contract": {managed,
			Subject{EventType: "contract.signed", Origin: "other-crm", TemplateType: "tt_orders"}, false},
		"another template type": {managed,
			Subject{EventType: "contract.signed", Origin: "acme-crm", TemplateType: "tt_quotes"}, false},
		"a contract made directly": {managed,
			Subject{EventType: "contract.signed", Origin: "", TemplateType: "tt_orders"}, false},
		"an event of no contract": {managed,
			Subject{EventType: "contract.signed", Origin: "acme-crm", TemplateType: ""}, false},
		"another event type": {managed,
			Subject{EventType: "contract.created", Origin: "acme-crm", TemplateType: "tt_orders"}, false},
		"a managed one without a type, and no event's": {Webhook{Extension: "acme-crm"},
			Subject{EventType: "contract.signed", Origin: "acme-crm", TemplateType: ""}, false},
		"the account's own hears an extension's": {own, through, true},
		"the account's own hears a direct contract": {own,
			Subject{EventType: "contract.signed", Origin: "", TemplateType: "tt_orders"}, true},
		"the account's own hears its account":     {own, Subject{EventType: "installation.enabled"}, true},
		"the account's own by its filter, no":     {filtered, through, false},
		"a lifecycle one, its installation":       {lifecycle, suspended, true},
		"a lifecycle one, its installation's end": {lifecycle, disabled, true},
		"a lifecycle one, another installation": {lifecycle,
			Subject{EventType: "installation.enabled", Installation: "other-crm"}, false},
		"a lifecycle one, a contract through it": {lifecycle, through, false},
		"a lifecycle one, an event of nothing":   {lifecycle, Subject{EventType: "installation.enabled"}, false},
		"a lifecycle one of nobody": {Webhook{Lifecycle: true},
			Subject{EventType: "installation.enabled"}, false},
		"an ended lifecycle one, the end":       {ended, disabled, true},
		"an ended lifecycle one, the next life": {ended, suspended, false},
		"a managed one hears of no installation": {Webhook{Extension: "acme-crm", TemplateType: "tt_orders"},
			suspended, false},
		"the account's own hears how another fares": {Webhook{ID: "whk_1"},
			Subject{EventType: "webhook.failing", Webhook: "whk_2"}, true},
		"none hears how it fares itself": {Webhook{ID: "whk_1"},
			Subject{EventType: "webhook.failing", Webhook: "whk_1"}, false},
		"a managed one hears how none fares": {Webhook{ID: "whk_1", Extension: "acme-crm",
			TemplateType: "tt_orders"}, Subject{EventType: "webhook.failing", Webhook: "whk_2"}, false},
		"nor does a lifecycle one": {lifecycle,
			Subject{EventType: "webhook.failing", Webhook: "whk_2"}, false},
		"the account's own by its filter, yes": {filtered, Subject{EventType: "contract.created"}, true},
		"what is meant for it": {Webhook{ID: "whk_1"},
			Subject{EventType: "webhook.ping", Only: "whk_1"}, true},
		"what is meant for another": {Webhook{ID: "whk_2"},
			Subject{EventType: "webhook.ping", Only: "whk_1"}, false},
		"meant for it, past its filters": {Webhook{ID: "whk_1", EventTypes: []string{"contract.created"},
			Workspaces: []WorkspaceID{"hr"}}, Subject{EventType: "contract.signed", Only: "whk_1"}, true},
		"meant for it, a managed one": {Webhook{ID: "whk_1", Extension: "acme-crm",
			TemplateType: "tt_orders"}, Subject{EventType: "contract.signed", Only: "whk_1"}, true},
		"meant for another, of its installation": {managed,
			Subject{EventType: "contract.signed", Origin: "acme-crm", TemplateType: "tt_orders", Only: "whk_1"}, false},
		"meant for another, a lifecycle one": {lifecycle,
			Subject{EventType: "installation.suspended", Installation: "acme-crm", Epoch: 4, Only: "whk_1"}, false},
		"in the workspace": {ofSales, inSales, true},
		"in another workspace": {ofSales,
			Subject{EventType: "contract.signed", Workspace: "legal", TemplateType: "tt_orders"}, false},
		"by workspace, an event of no contract": {ofSales, Subject{EventType: "installation.enabled"}, false},
		"by workspace, an installation's":       {ofSales, suspended, false},
		"of the template type":                  {typed, inSales, true},
		"of another template type": {typed,
			Subject{EventType: "contract.signed", Workspace: "sales", TemplateType: "tt_quotes"}, false},
		"by template type, an event of no contract": {typed, Subject{EventType: "installation.enabled"}, false},
		"by template type, an extension's contract": {typed, through, true},
		"through the extension":                     {byOrigin, through, true},
		"through another extension": {byOrigin,
			Subject{EventType: "contract.signed", Origin: "third-crm", TemplateType: "tt_orders"}, false},
		"by extension, a direct contract":       {byOrigin, inSales, false},
		"by extension, an event of no contract": {byOrigin, suspended, false},
		"by all three":                          {all, inSales, true},
		"by all three, another event type": {all,
			Subject{EventType: "contract.created", Workspace: "sales", TemplateType: "tt_orders"}, false},
		"by all three, another workspace": {all,
			Subject{EventType: "contract.signed", Workspace: "hr", TemplateType: "tt_orders"}, false},
		"by all three, another template type": {all,
			Subject{EventType: "contract.signed", Workspace: "sales", TemplateType: "tt_bills"}, false},
	} {
		if got := c.webhook.Hears(c.subject) == Heard; got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// Each clause refuses where nothing before it does.
func TestRule17_TheClauseThatDecides(t *testing.T) {
	managed := Webhook{ID: "whk_1", Extension: "acme-crm", TemplateType: "tt_orders",
		EventTypes: []string{"contract.signed"}}
	lifecycle := Webhook{ID: "whk_1", Extension: "acme-crm", Lifecycle: true, Epoch: 3, EndsAt: time.Now()}
	own := Webhook{ID: "whk_1", EventTypes: []string{"contract.signed"}, Origins: []ExtensionID{"acme-crm"},
		Workspaces: []WorkspaceID{"sales"}, TemplateTypes: []TemplateTypeID{"tt_orders"}}
	for _, c := range []struct {
		webhook Webhook
		subject Subject
		want    Clause
	}{
		{managed, Subject{EventType: "contract.signed", Origin: "acme-crm", TemplateType: "tt_orders"}, Heard},
		{managed, Subject{EventType: "webhook.ping", Only: "whk_2"}, ClauseMeantFor},
		{managed, Subject{EventType: "webhook.failing", Webhook: "whk_1"}, ClauseItself},
		{lifecycle, Subject{EventType: "installation.enabled", Installation: "other-crm"}, ClauseInstallation},
		{lifecycle, Subject{EventType: "installation.enabled", Installation: "acme-crm", Epoch: 4}, ClauseEnded},
		{managed, Subject{EventType: "contract.created", Origin: "other-crm", TemplateType: "tt_quotes"}, ClauseOrigin},
		{managed, Subject{EventType: "contract.created", Origin: "acme-crm", TemplateType: "tt_quotes"},
			ClauseTemplateType},
		{managed, Subject{EventType: "contract.created", Origin: "acme-crm", TemplateType: "tt_orders"},
			ClauseEventType},
		{own, Subject{EventType: "contract.created", Workspace: "hr", TemplateType: "tt_quotes"}, ClauseOrigin},
		{own, Subject{EventType: "contract.created", Workspace: "hr", TemplateType: "tt_quotes", Origin: "acme-crm"},
			ClauseTemplateType},
		{own, Subject{EventType: "contract.created", Workspace: "hr", TemplateType: "tt_orders", Origin: "acme-crm"},
			ClauseEventType},
		{own, Subject{EventType: "contract.signed", Workspace: "hr", TemplateType: "tt_orders", Origin: "acme-crm"},
			ClauseWorkspace},
		{own, Subject{EventType: "contract.signed", Workspace: "sales", TemplateType: "tt_orders", Origin: "acme-crm"},
			Heard},
	} {
		if got := c.webhook.Hears(c.subject); got != c.want {
			t.Errorf("%+v of %+v: got %q, want %q", c.webhook, c.subject, got, c.want)
		}
	}
}
