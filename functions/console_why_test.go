package functions_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestConsole_WhyAnEventWasHeard(t *testing.T) {
	c := newConsole(t)
	b := c.newTab()
	b.signIn("mel", "why")
	b.sees("h1", "Why?")
	b.look("why-empty")

	c.enable()
	template := c.template(c.templateType("acme-crm"))
	own := func(body object) string {
		body["url"] = c.receiver.URL
		return c.want(c.call(c.admin, "POST", "/v1/webhooks", body), 201).str("id")
	}
	all := own(object{"name": scripted})
	own(object{"name": "Churn watch", "event_types": []string{"contract.declined", "contract.expired"}})
	own(object{"name": "Legal archive", "workspace_ids": []string{"legal"}})
	c.want(c.call(c.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	c.settle()
	event := ""
	list := c.want(c.call(c.admin, "GET", "/v1/webhooks/"+all+"/deliveries", nil), 200)
	for n := range list.at("items").([]any) {
		if list.str("items", n, "event_type") == "contract.created" {
			event = list.str("items", n, "event_id")
		}
	}
	own(object{"name": "Came later"})
	b.open("why?event=" + event)
	b.sees("h1", "Who heard contract.created?")
	b.sees(".why", "Only contract.declined or contract.expired")
	b.sees(".why", "Only legal")
	b.sees(".why", scripted)
	b.sees(".why", "Created or changed after the event.")
	b.sees(".page-head", "Two webhooks of 6 heard. For each of the others, its row says why.")
	b.look("why")

	b.open("why?event=" + event + "&webhook=" + all)
	b.sees(".why", "Delivered.")
	b.look("why-one")
}

func TestConsole_WhyWithoutScript(t *testing.T) {
	c := newConsole(t)
	v := c.newVisitor()
	v.signIn("mel", "extensions")
	for event, status := range map[string]int{"evt_none": 404, `"><script>alert(1)</script>`: 404,
		strings.Repeat("e", 65): 422} {
		resp, body := v.page("why?event=" + url.QueryEscape(event))
		if resp.StatusCode != status || !strings.Contains(body, "No such event") ||
			strings.Contains(body, "<script>alert") {
			t.Errorf("%s: got %d %s", event, resp.StatusCode, body)
		}
	}
}
