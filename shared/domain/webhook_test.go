package domain

import "testing"

// Rule 17 has two halves, and a managed webhook hears nothing unless both hold.
func TestRule17_Hears(t *testing.T) {
	managed := Webhook{Extension: "acme-crm", TemplateType: "tt_orders", EventTypes: []string{"contract.signed"}}
	own := Webhook{}
	filtered := Webhook{EventTypes: []string{"contract.created"}}
	through := Subject{EventType: "contract.signed", Origin: "acme-crm", TemplateType: "tt_orders"}
	for name, c := range map[string]struct {
		webhook Webhook
		subject Subject
		want    bool
	}{
		"through the installation, of the type":        {managed, through, true},
		"another extension's contract":                 {managed, Subject{"contract.signed", "other-crm", "tt_orders"}, false},
		"another template type":                        {managed, Subject{"contract.signed", "acme-crm", "tt_quotes"}, false},
		"a contract made directly":                     {managed, Subject{"contract.signed", "", "tt_orders"}, false},
		"an event of no contract":                      {managed, Subject{"contract.signed", "acme-crm", ""}, false},
		"another event type":                           {managed, Subject{"contract.created", "acme-crm", "tt_orders"}, false},
		"a managed one without a type, and no event's": {Webhook{Extension: "acme-crm"}, Subject{"contract.signed", "acme-crm", ""}, false},
		"the account's own hears an extension's":       {own, through, true},
		"the account's own hears a direct contract":    {own, Subject{"contract.signed", "", "tt_orders"}, true},
		"the account's own hears its account":          {own, Subject{EventType: "installation.enabled"}, true},
		"the account's own by its filter, no":          {filtered, through, false},
		"the account's own by its filter, yes":         {filtered, Subject{EventType: "contract.created"}, true},
	} {
		if got := c.webhook.Hears(c.subject); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
