package functions_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"plugboard/functions/console"
)

// wide gives the tab a window in which the navigation stands beside the page.
func (b *tab) wide() {
	b.t.Helper()
	must(b.t, called(b, emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: 1440, Height: 900, DeviceScaleFactor: 1}))
}

// From sign-in to a delivered webhook, and the token is on no page besides the one that shows it.
func TestConsole_TheStoryFromSignInToADeliveredWebhook(t *testing.T) {
	c := newConsole(t)
	b := c.newTab()
	b.wide()
	b.signIn("ada", "extensions")
	b.click(`main a[href$="extensions/acme-crm"]`)
	b.fill("acme-crm.customer_id", "C-1001")
	b.fill("acme-crm.api_key", "key-of-the-customer")
	b.click(`#decide button.primary`)
	b.waitFor(`#token-acme-crm`)
	c.token = ask(b, chromedp.Value(chromedp.CSS(`#token-acme-crm`)))
	c.settle()
	b.waitFor(`#steps .pill.good`)

	c.receiver.take()
	template := c.template(c.templateType("acme-crm"))
	made := c.want(c.call(c.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	c.settle()
	if n := len(c.receiver.take()); n != 1 {
		t.Fatalf("%d webhooks came, want 1", n)
	}
	b.click(`.side nav a[href$="deliveries"]`)
	b.sees(".log tbody", "Delivered")
	b.click(`.log .event a`)
	b.sees("h1", "Delivered")
	b.sees("main", made.str("id"))

	// Whatever the navigation and the pages of this story lead to.
	seen, found := map[string]bool{}, 0
	var walk func(page string, depth int)
	walk = func(page string, depth int) {
		if seen[page] || depth > 3 || strings.Contains(page, "/csv") {
			return
		}
		seen[page] = true
		b.run(chromedp.Navigate(page))
		html := ask(b, chromedp.OuterHTML(chromedp.CSS("html")))
		if strings.Contains(html, c.token) || strings.Contains(html, "key-of-the-customer") {
			t.Errorf("a secret is on %s", page)
		}
		found++
		links := ask(b, chromedp.Evaluate[[]string](
			`[...document.querySelectorAll("a[href]")].map((a) => a.href.split("#")[0])`))
		for _, link := range links {
			if strings.HasPrefix(link, c.address+"/console/") {
				walk(link, depth+1)
			}
		}
	}
	walk(c.address+"/console/extensions", 0)
	if found < 15 {
		t.Errorf("%d pages were looked at, which proves little", found)
	}
}

func TestConsole_AMemberSeesWhomToAskAndTheLinkLetsAnAdminEnable(t *testing.T) {
	c := newConsole(t)
	m := c.newTab()
	m.signIn("mel", "extensions/acme-core")
	if disabled := ask(m,
		chromedp.Evaluate[bool](`document.querySelector("#decide button.wide").disabled`)); !disabled {
		t.Error("a member's button works")
	}
	m.sees("#ask", "Only an admin can enable extensions. Ask ada.")
	if mail := ask(m, chromedp.Evaluate[string](`document.querySelector("#ask a").href`)); mail != "mailto:"+
		adminEmail {
		t.Errorf("the link to whom to ask is %s", mail)
	}
	m.look("extension-member")
	link := ask(m, chromedp.Value(chromedp.CSS("#page-link")))
	a := c.newTab()
	a.run(chromedp.Navigate(link))
	a.click(`button[value="ada"]`)
	a.sees("h1", "acme-core")
	a.click(`#decide button.primary`)
	a.waitFor(`#token-acme-core`)
}

func TestConsole_TheHandOffLeadsToTheMakersPage(t *testing.T) {
	c := newConsole(t)
	c.list(handOffExtension, []string{}, handOffBlueprint())
	b := c.newTab()
	b.signIn("ada", "extensions/"+handOffExtension)
	b.sees("main", "nobody here sees it")
	b.expects("setup.acme.test") // a host of another's, to which the browser goes at last
	b.click(`#decide button.primary`)
	b.sees("main", "Finish at "+handOffExtension)
	if html := ask(b, chromedp.OuterHTML(chromedp.CSS("html"))); strings.Contains(html, "pb_live_") {
		t.Error("the token is shown, although it is handed over")
	}
	b.look("enabled-hand-off")

	// Without its Refresh, which would leave the page before it can be looked at.
	v := c.newVisitor()
	_, page := v.signIn("ada", "installations/"+handOffExtension+"/hand-off")
	resp, body := v.post("installations/"+handOffExtension+"/hand-off", map[string][]string{"key": {keyIn(t, page)}})
	_, to, _ := strings.Cut(resp.Header.Get("Refresh"), "url=")
	if !strings.HasPrefix(to, "https://setup.acme.test/welcome?code=pb_code_") ||
		!strings.Contains(body, "Go on at "+handOffExtension) ||
		!strings.Contains(body, `href="https://setup.acme.test/welcome?code=pb_code_`) {
		t.Errorf("got %s %s", resp.Header.Get("Refresh"), body)
	}
}

// Every form of the console is sent in a browser that runs no script.
func TestConsole_EveryFormWorksWithJavaScriptOff(t *testing.T) {
	c := newConsole(t)
	c.people[0].Accounts = []string{"customer", "other"}
	c.list(handOffExtension, []string{}, handOffBlueprint())
	b := c.newTab()
	b.wide()
	must(t, called(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}))
	b.open("extensions")
	b.click(`button[value="ada"]`)
	b.click(`form:has(input[value="customer"]) button`) // an account
	// send sends a page's form and expects the next page's heading.
	send := func(page, button, selector, says string) {
		t.Helper()
		if page != "" {
			b.open(page)
		}
		b.click(button)
		b.sees(selector, says)
	}
	const primary, danger = "main button.primary", "main button.danger"
	b.open("extensions/acme-crm")
	b.fill("acme-crm.customer_id", "C-1001")
	b.fill("acme-crm.api_key", "sesame-sesame")
	send("", "#decide button.primary", "main", "API token")
	c.settle()
	send("installations/acme-crm/suspend", primary, "h1", "Suspended")
	send("installations/acme-crm/resume", primary, "h1", "Enabled")
	send("installations/acme-crm/rotate", primary, "main", "only time that it is shown")
	b.open("installations/acme-crm/parameters")
	b.fill("value.customer_id", "C-2002")
	send("", primary, "h1", "acme-crm")
	c.submitAndList(mainExtension, wilderBlueprint(c.receiver.URL))
	b.open("installations/acme-crm/upgrade")
	b.run(chromedp.SetValue(chromedp.CSS(`[id="acme-crm.region"]`), "eu"))
	for _, box := range ask(b, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll("#upgrade input[name=consent]")].map((i) => i.value)`)) {
		b.run(chromedp.Click(chromedp.CSS(`#upgrade input[value="` + box + `"]`)))
	}
	send("", primary, "h1", "acme-crm")
	c.settle()
	send("extensions/"+handOffExtension, "#decide button.primary", "main", "Finish at")
	c.settle()

	b.open("webhooks/new")
	b.fill("name", "Ours")
	b.fill("url", c.receiver.URL)
	send("", "form.form-card button.primary", "main", "secret")
	id := ""
	list := c.want(c.call(c.admin, "GET", "/v1/webhooks", nil), 200)
	for n := range list.at("items").([]any) {
		if list.str("items", n, "name") == "Ours" {
			id = list.str("items", n, "id")
		}
	}
	send("webhooks/"+id+"/edit", "form.form-card button.primary", "h1", "Ours")
	send("webhooks/"+id, ".aside form button", ".alert.busy", "on its way")
	c.settle()
	deliveries := c.want(c.call(c.admin, "GET", "/v1/webhooks/"+id+"/deliveries", nil), 200)
	send("deliveries/"+id+"/"+deliveries.str("items", 0, "id"), ".page-head button.primary, .page-head form button",
		".alert.busy", "on its way")
	c.settle()
	send("webhooks/"+id+"/pause", ".confirm button", "h1", "Paused")
	send("webhooks/"+id+"/resume", ".confirm button", "h1", "Ours")
	send("webhooks/"+id+"/rotate", ".confirm button", "main", "Signs, too, until")

	b.open("recover?webhook=" + id + "&since=7+days&state=delivered")
	send("", `#count button.primary`, "h1", "Recovery of Ours")
	b.click(`#recovery a[href$="/cancel"]`)
	send("", danger, "#recovery .pill", "Cancelled")
	send("webhooks/"+id+"/delete", ".confirm button", "main", "Webhooks")

	b.open("tokens")
	b.fill("name", "Export")
	send("", "#create button.primary", "main", "only time that it is shown")
	b.open("tokens")
	b.click(`a[aria-label="Revoke Export"]`)
	send("", danger, "h1", "API tokens")
	b.open("installations/acme-crm/disable")
	b.fill("confirm", "acme-crm")
	b.click(danger)
	c.settle()
	send("extensions", `.side button.plain`, "h1", "You are signed out")

	for _, r := range console.Routes() {
		if r.Method == http.MethodPost && !slices.Contains(c.sent(), r.Path) {
			t.Errorf("the form of %s was not sent", r.Path)
		}
	}
}

// Whoever has a keyboard alone reaches everything, and sees where it is.
func TestConsole_EverythingIsReachedByKeyboardWithVisibleFocus(t *testing.T) {
	c := newConsole(t)
	b := c.newTab()
	b.signIn("ada", "extensions")
	const reachable = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, " +
			"[tabindex='0']")]
		.filter((e) => !e.disabled && e.type !== "hidden" && e.checkVisibility({visibilityProperty: true}))`
	for _, page := range []string{"extensions", "extensions/acme-crm", "webhooks/new", "deliveries", "recover",
		"tokens"} {
		b.open(page)
		missed := ask(b, chromedp.Evaluate[int](`(window.left = new Set(`+reachable+`)).size`))
		for range missed + 20 {
			b.run(chromedp.KeyEvent(kb.Tab))
			at := ask(b, chromedp.Evaluate[string](`(() => {
				const e = document.activeElement, s = getComputedStyle(e);
				window.left.delete(e);
				if (e === document.body) return "";
				const outlined = s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2;
				return outlined ? "" : e.outerHTML;
			})()`))
			if at != "" {
				t.Errorf("%s: no focus is seen on %s", page, at)
			}
		}
		if left := ask(b, chromedp.Evaluate[[]string](`[...window.left].map((e) => e.outerHTML)`)); len(left) > 0 {
			t.Errorf("%s: by keyboard nobody reaches %s", page, left)
		}
	}

	b.open("extensions/acme-core")
	b.run(chromedp.KeyEvent(kb.Tab))
	if skip := ask(b, chromedp.Evaluate[string](`document.activeElement.textContent`)); skip != "Skip to the page" {
		t.Errorf("the first stop is %q", skip)
	}
	b.run(chromedp.KeyEvent(kb.Enter))
	for range 40 {
		b.run(chromedp.KeyEvent(kb.Tab))
		if ask(b, chromedp.Evaluate[bool](`document.activeElement.matches("#decide button.primary")`)) {
			break
		}
	}
	_, err := chromedp.RunResponse(b.ctx, chromedp.KeyEvent(kb.Enter))
	must(t, err)
	b.waitFor(`#token-acme-core`)
}
