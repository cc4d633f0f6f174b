package functions_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestConsole_AnAdminEnablesAnExtension(t *testing.T) {
	c := newConsole(t)
	b := c.newTab()
	b.signIn("ada", "extensions")
	b.sees("h1", "Extensions")
	b.look("extensions")

	b.click(`a[href="../console/extensions/acme-crm"], a[href="extensions/acme-crm"]`)
	b.sees("h1", "acme-crm")
	b.look("extension")

	b.expects("422")
	b.click(`form button.primary`)
	b.waitFor(`[role="alert"]`)
	b.look("extension-wrong")

	b.fill("acme-crm.customer_id", "C-1001")
	b.fill("acme-crm.api_key", "key-of-the-customer")
	b.click(`form button.primary`)
	b.waitFor(`#token-acme-crm`)
	token := ask(b, chromedp.Value(chromedp.CSS(`#token-acme-crm`)))
	if !strings.HasPrefix(token, "pb_live_") {
		t.Fatalf("got the token %q", token)
	}
	b.look("enabled")
	c.settle()
	b.waitFor(`#steps .pill.good`) // the page asks again by itself
	b.click(`.aside a.button`)
	b.sees("h1", "Enabled")
	b.look("installation")

	for _, page := range []string{"accounts", "signed-out", "installations/acme-crm/disable",
		"installations/acme-crm/rotate"} {
		b.open(page)
		b.look(strings.ReplaceAll(page, "/", "-"))
	}
	b.open("extensions")
	b.sees("main", "Came with acme-crm")
	b.sees("main", "Sends to "+strings.TrimPrefix(c.receiver.URL, "http://"))
	b.look("extensions-in-use")
	b.open("installations/acme-crm")
	if strings.Contains(ask(b, chromedp.OuterHTML(chromedp.CSS("html"))), token) {
		t.Error("the token is on a page again")
	}
}
