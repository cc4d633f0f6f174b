package functions_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// wilderBlueprint is crmBlueprint's next version: a field is renamed, one comes and one goes, events go to another
// host, of one type more, and a parameter is needed that the first version lacks.
func wilderBlueprint(receiver string) object {
	b := crmBlueprint(strings.Replace(receiver, "127.0.0.1", "localhost", 1))
	b["template_types"].([]object)[0]["fields"] = []object{
		{"custom_id": "order_number", "name": "Order number", "kind": "text", "filled_by": "participants"},
		{"custom_id": "amount", "name": "Total amount", "kind": "number", "default": "0", "filled_by": "participants"},
		{"custom_id": "due", "name": "Due", "kind": "date", "filled_by": "participants"},
		{"custom_id": "on_site", "name": "On site", "kind": "checkbox"},
	}
	hook := b["webhooks"].([]object)[0]
	hook["event_types"] = append(hook["event_types"].([]string), "data_field.updated")
	b["parameters"] = asks(append(crmParameters(),
		object{"key": "region", "title": "Region", "required": true, "enum": []string{"eu", "us"}})...)
	return b
}

// hiddenFields are the page's hidden inputs of those names.
func hiddenFields(body string, names ...string) url.Values {
	form := url.Values{}
	for _, name := range names {
		_, value, _ := strings.Cut(body, `name="`+name+`" value="`)
		value, _, _ = strings.Cut(value, `"`)
		form.Set(name, html.UnescapeString(value))
	}
	return form
}

func TestConsole_AnUpgradeIsReadConsentedToAndApplied(t *testing.T) {
	c := newConsole(t)
	c.enable()
	c.submitAndList(mainExtension, wilderBlueprint(c.receiver.URL))
	b := c.newTab()
	b.signIn("ada", "installations/acme-crm")
	b.sees("#upgrade", "Version 2 is ready")
	shown := ask(b, chromedp.Text(chromedp.CSS("#upgrade")))
	for _, want := range []string{
		"Renamed", "Amount", "Total amount", "On site, a checkbox", "Urgent disappears from new contracts", "Moved",
		"a data field that is updated", "Events go to", "Region", "what its token may do",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("the upgrade does not show %q: %s", want, shown)
		}
	}
	b.look("installation-upgrade")

	b.expects("409")
	b.run(chromedp.SetValue(chromedp.CSS(`[id="acme-crm.region"]`), "eu"))
	b.click("#upgrade button.primary")
	b.sees("#upgrade", "Tick what you agree to")
	b.look("upgrade-unticked")
	if got := c.installation(mainExtension); got.at("version") != 1.0 || got.str("state") != "enabled" {
		t.Fatalf("without consent the installation is %s", got.raw)
	}
	for _, box := range ask(b, chromedp.Evaluate[[]string](
		`[...document.querySelectorAll("#upgrade input[name=consent]")].map((i) => i.value)`)) {
		b.run(chromedp.Click(chromedp.CSS(`#upgrade input[value="` + box + `"]`)))
	}
	b.click("#upgrade button.primary")
	b.waitFor("#steps .pill.busy")
	b.look("installation-upgrading")
	c.settle()
	b.waitFor("#steps .pill.good")
	if got := c.installation(mainExtension); got.at("version") != 2.0 || got.str("parameters", "region") != "eu" {
		t.Errorf("after the upgrade the installation is %s", got.raw)
	}
	b.open("installations/acme-crm/upgrade")
	b.sees(".empty", "There is nothing to upgrade now")
	b.look("upgrade-none")
}

func TestConsole_AStaleUpgradeShowsWhatChangedAndAppliesNothing(t *testing.T) {
	c := newConsole(t)
	c.enable()
	c.submitAndList(mainExtension, tamerBlueprint(c.receiver.URL))
	v := c.newVisitor()
	_, page := v.signIn("ada", "installations/acme-crm/upgrade")
	sent := hiddenFields(page, "key", "plan", "version", "seen")
	other := hiddenFields(page, "version", "seen")
	other.Set("plan", `"another plan"`)
	if resp, body := v.post("installations/acme-crm/upgrade",
		other); resp.StatusCode != http.StatusPreconditionFailed ||
		!strings.Contains(body, "The upgrade changed while you read") || strings.Contains(body, `class="new"`) {
		t.Fatalf("another plan with the same changes: got %d %s", resp.StatusCode, body)
	}
	next := tamerBlueprint(c.receiver.URL)
	next["template_types"].([]object)[0]["fields"] = []object{
		{"custom_id": "order_number", "name": "Order number", "kind": "text", "filled_by": "participants"},
		{"custom_id": "amount", "name": "Total amount", "kind": "number", "default": "0", "filled_by": "participants"},
		{"custom_id": "due", "name": "Due", "kind": "date", "filled_by": "participants"},
		{"custom_id": "place", "name": "Place " + hostile, "kind": "text"},
	}
	// While the page was open, a version was listed, and a field came that is in the way of the version that was shown.
	c.submitAndList(mainExtension, next)
	fields := "/v1/template-types/" + c.templateType("acme-crm") + "/fields"
	c.want(c.call(c.admin, "POST", fields, object{"custom_id": "currency", "name": "Ours", "kind": "text"}), 201)
	resp, body := v.post("installations/acme-crm/upgrade", sent)
	if resp.StatusCode != http.StatusPreconditionFailed ||
		!strings.Contains(body, "The upgrade changed while you read") {
		t.Fatalf("a stale plan: got %d %s", resp.StatusCode, body)
	}
	for _, want := range []string{"No longer part of it", "Currency, a text", "Place &lt;script&gt;",
		"Version 3 is ready"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q: %s", want, body)
		}
	}
	if n := strings.Count(body, `class="new"`); n != 1 {
		t.Errorf("%d lines are marked as new, want that of the field alone: %s", n, body)
	}
	if strings.Contains(body, hostile) {
		t.Error("a script of somebody else's is in the page")
	}
	if got := c.installation(mainExtension); got.at("version") != 1.0 || got.str("state") != "enabled" {
		t.Fatalf("a stale plan changed the installation: %s", got.raw)
	}
	again := hiddenFields(body, "key", "plan", "version", "seen")
	if resp, body := v.post("installations/acme-crm/upgrade", again); resp.StatusCode != 200 ||
		!strings.Contains(body, "Upgrading") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	c.settle()
	if got := c.installation(mainExtension); got.at("version") != 3.0 {
		t.Errorf("the plan that was shown second led to %s", got.raw)
	}
}

func TestConsole_AnUpgradeThatIsInTheWayOrNotOnesOwnIsNotOffered(t *testing.T) {
	c := newConsole(t)
	c.enable()
	m := c.newVisitor()
	if _, body := m.signIn("mel", "installations/acme-crm"); strings.Contains(body, `id="upgrade"`) {
		t.Error("an upgrade is offered where there is no newer version")
	}
	c.submitAndList(mainExtension, tamerBlueprint(c.receiver.URL))
	if _, body := m.page("installations/acme-crm"); !strings.Contains(body, "Only an admin can upgrade") ||
		strings.Contains(body, `name="plan"`) {
		t.Errorf("a member sees %s", body)
	}
	if resp, _ := m.post("installations/acme-crm/upgrade",
		url.Values{"plan": {`"x"`}, "version": {"2"}}); resp.StatusCode != 403 {
		t.Errorf("a member upgraded: %d", resp.StatusCode)
	}
	c.want(c.call(c.admin, "POST", "/v1/template-types/"+c.templateType("acme-crm")+"/fields",
		object{"custom_id": "currency", "name": "Ours", "kind": "text"}), 201)
	v := c.newVisitor()
	if _, body := v.signIn("ada", "installations/acme-crm"); !strings.Contains(body, "In the way") ||
		!strings.Contains(body, "Delete that field") || strings.Contains(body, `name="plan"`) {
		t.Errorf("with an obstacle the page is %s", body)
	}
	for name, form := range map[string]url.Values{"no plan": {"version": {"2"}},
		"any plan": {"plan": {"*"}, "version": {"2"}}} {
		if resp, _ := v.post("installations/acme-crm/upgrade", form); resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%s: got %d", name, resp.StatusCode)
		}
	}
	if got := c.installation(mainExtension); got.at("version") != 1.0 {
		t.Errorf("the installation is %s", got.raw)
	}
}

func TestConsole_ParametersAreEditedAndSecretsKeptUnlessReplaced(t *testing.T) {
	c := newConsole(t)
	c.enable()
	b := c.newTab()
	b.signIn("ada", "installations/acme-crm")
	b.click(`a[href$="/parameters"]`)
	b.sees("h1", "Parameters of acme-crm")
	if value := ask(b, chromedp.Value(chromedp.CSS(`[id="value.customer_id"]`))); value != "C-1001" {
		t.Errorf("the form begins with %q", value)
	}
	b.look("parameters")
	b.expects("422")
	b.fill("value.customer_id", "not a number")
	b.click("form.form-card button.primary")
	b.sees("#errors", "Nothing was saved")
	b.sees(".wrong", "Customer id")
	b.look("parameters-wrong")
	b.fill("value.customer_id", "C-2002")
	b.click("form.form-card button.primary")
	b.sees("main", "C-2002")

	sealed := func() string { return string(c.stands(mainExtension).Secrets["api_key"]) }
	before := sealed()
	if before == "" {
		t.Fatal("the secret is gone after another value was changed")
	}
	v := c.newVisitor()
	post := func(change func(url.Values)) (*http.Response, string) {
		t.Helper()
		_, page := v.page("installations/acme-crm/parameters")
		form := hiddenFields(page, "key", "etag", "was.customer_id", "was.api_key")
		form.Set("value.customer_id", form.Get("was.customer_id"))
		change(form)
		return v.post("installations/acme-crm/parameters", form)
	}
	v.signIn("ada", "installations/acme-crm/parameters")
	if resp, body := post(func(f url.Values) {
		f.Set("value.api_key", "open-barley")
	}); resp.StatusCode != 200 || strings.Contains(body, "barley") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if sealed() == before || strings.Contains(c.dump(), "barley") {
		t.Error("the secret was not replaced, or is stored in the open")
	}
	if resp, _ := post(func(f url.Values) {
		f.Set("remove.api_key", "yes")
	}); resp.StatusCode != 200 || sealed() != "" {
		t.Errorf("the optional secret was not removed: %d %q", resp.StatusCode, sealed())
	}
	if got := c.installation(mainExtension).str("parameters", "customer_id"); got != "C-2002" {
		t.Errorf("the other value became %q", got)
	}
}

func TestConsole_AStaleParameterFormShowsWhatChanged(t *testing.T) {
	c := newConsole(t)
	c.enable()
	v := c.newVisitor()
	_, page := v.signIn("ada", "installations/acme-crm/parameters")
	form := hiddenFields(page, "key", "etag", "was.customer_id", "was.api_key")
	form.Set("value.customer_id", "C-3003")
	c.want(c.change(object{"customer_id": "C-2002"}), 200)
	resp, body := v.post("installations/acme-crm/parameters", form)
	if resp.StatusCode != http.StatusPreconditionFailed ||
		!strings.Contains(body, "Customer id is now <strong>C-2002</strong>") ||
		!strings.Contains(body, `value="C-3003"`) {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	again := hiddenFields(body, "key", "etag", "was.customer_id", "was.api_key")
	again.Set("value.customer_id", "C-3003")
	if resp, body := v.post("installations/acme-crm/parameters", again); resp.StatusCode != 200 ||
		!strings.Contains(body, "C-3003") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	m := c.newVisitor()
	if resp, _ := m.signIn("mel", "installations/acme-crm/parameters"); resp.StatusCode != 403 {
		t.Errorf("a member is shown the form: %d", resp.StatusCode)
	}
	if resp, _ := m.post("installations/acme-crm/parameters", form); resp.StatusCode != 403 {
		t.Errorf("a member changed parameters: %d", resp.StatusCode)
	}
}

func TestConsole_AnOfferThatChangedIsShownWithWhatChanged(t *testing.T) {
	c := newConsole(t)
	v := c.newVisitor()
	_, page := v.signIn("ada", "extensions/acme-crm")
	sent := hiddenFields(page, "key", "version", "brings", "seen")
	sent.Set("acme-crm.customer_id", "C-1001")
	sent.Set("acme-crm.api_key", "sesame-sesame")
	c.submitAndList(mainExtension, wilderBlueprint(c.receiver.URL)) // while the page was open
	resp, body := v.post("extensions/acme-crm", sent)
	if resp.StatusCode != http.StatusConflict || !strings.Contains(body, "The extension changed while you read") {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	_, changes, _ := strings.Cut(body, "The extension changed while you read")
	changes, _, _ = strings.Cut(changes, "decide again")
	added, gone, _ := strings.Cut(changes, "No longer:")
	for _, want := range []string{"On site", "Total amount", "localhost", "Asks for Region"} {
		if !strings.Contains(added, want) {
			t.Errorf("what is new lacks %q: %s", want, added)
		}
	}
	for _, want := range []string{"Urgent", "127.0.0.1"} {
		if !strings.Contains(gone, want) {
			t.Errorf("what is gone lacks %q: %s", want, gone)
		}
	}
	if strings.Contains(changes, "Order number") {
		t.Errorf("what stayed is called a change: %s", changes)
	}
	c.refused(c.call(c.admin, "GET", "/v1/installations/acme-crm", nil), 404, "not-found")
	again := hiddenFields(body, "key", "version", "brings", "seen")
	again.Set("acme-crm.customer_id", "C-1001")
	again.Set("acme-crm.region", "eu")
	if resp, body := v.post("extensions/acme-crm", again); resp.StatusCode != 200 ||
		!strings.Contains(body, "pb_live_") {
		t.Errorf("what is shown now cannot be enabled: %d %s", resp.StatusCode, body)
	}
	if resp, body := v.post("extensions/acme-crm", again); resp.StatusCode != 200 ||
		!strings.Contains(body, "Your first click did it") {
		t.Errorf("a second click: got %d %s", resp.StatusCode, body)
	}
}

func TestConsole_UpgradingTwiceByOneFormIsOnce(t *testing.T) {
	c := newConsole(t)
	c.enable()
	c.submitAndList(mainExtension, wilderBlueprint(c.receiver.URL))
	v := c.newVisitor()
	_, page := v.signIn("ada", "installations/acme-crm/upgrade")
	form := hiddenFields(page, "key", "plan", "version", "seen")
	form.Set("acme-crm.region", "eu")
	form["consent"] = []string{"event-type-added", "parameter-sent", "target-host-changed"}
	for click := range 3 {
		resp, body := v.post("installations/acme-crm/upgrade", form)
		if resp.StatusCode != 200 || !strings.HasSuffix(resp.Request.URL.Path, "installations/acme-crm") {
			t.Errorf("click %d led to %d %s: %s", click, resp.StatusCode, resp.Request.URL, body)
		}
		if click == 1 {
			c.settle()
		}
	}
	if got := c.installation(mainExtension); got.at("version") != 2.0 || got.str("state") != "enabled" {
		t.Errorf("the installation is %s", got.raw)
	}
	form.Set("version", "7")
	if resp, body := v.post("installations/acme-crm/upgrade", form); !strings.Contains(body, "nothing to upgrade now") {
		t.Errorf("another version led to %d %s", resp.StatusCode, body)
	}
}

// A parameter's key may be any word, also one that a form has for itself.
func TestConsole_AParameterMayBeCalledKey(t *testing.T) {
	c := newConsole(t)
	b := coreBlueprint()
	b["parameters"] = asks(object{"key": "key", "title": "Key"}, object{"key": "etag", "type": "boolean"},
		object{"key": "limit", "type": "integer", "default": 3})
	c.list("acme-words", []string{}, b)
	c.want(c.call(c.admin, "PUT", "/v1/installations/acme-words", object{}), 202)
	c.settle()
	v := c.newVisitor()
	_, page := v.signIn("ada", "installations/acme-words/parameters")
	form := hiddenFields(page, "key", "etag", "was.key", "was.etag", "was.limit")
	form.Set("value.key", "K-1")
	form.Set("value.etag", "true")
	form.Set("value.limit", "12")
	if resp, body := v.post("installations/acme-words/parameters", form); resp.StatusCode != 200 {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	got := c.installation("acme-words")
	if got.at("parameters", "key") != "K-1" || got.at("parameters", "etag") != true ||
		got.at("parameters", "limit") != 12.0 {
		t.Errorf("the parameters are %s", got.raw)
	}
	form = hiddenFields(page, "key", "etag", "was.key", "was.etag", "was.limit")
	form.Set("value.limit", "a dozen")
	form.Del("etag")
	form.Set("key", "of another page")
	if resp, body := v.post("installations/acme-words/parameters", form); resp.StatusCode != 422 ||
		!strings.Contains(body, "is of the type integer") || !strings.Contains(body, `value="a dozen"`) {
		t.Errorf("a text for a number: got %d %s", resp.StatusCode, body)
	}
}
