package functions_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// scripted is a name that somebody gave to run a script in the reader's browser.
const scripted = `Nightly <script>document.title="owned"</script>`

func TestConsole_AnAdminCreatesAndRevokesAnAPIToken(t *testing.T) {
	c := newConsole(t)
	b := c.newTab()
	b.signIn("ada", "tokens")
	b.sees("h1", "API tokens")
	b.sees(".empty h2", "No token yet")
	b.look("tokens-empty")

	b.expects("422")
	b.click(`form button.primary`)
	b.waitFor(`[role="alert"]`)
	b.look("tokens-wrong")

	b.fill("name", scripted)
	b.run(chromedp.Click(chromedp.CSS(`input[value="contracts:read"]`)),
		chromedp.Click(chromedp.CSS(`input[value="webhooks:read"]`)))
	b.click(`form button.primary`)
	b.waitFor(`#token`)
	token := ask(b, chromedp.Value(chromedp.CSS(`#token`)))
	by := bearer("the new token", token)
	me := c.want(c.call(by, "GET", "/v1/me", nil), 200)
	if me.str("token", "name") != scripted || me.str("token", "scopes", 0) != "contracts:read" ||
		me.str("token", "scopes", 1) != "webhooks:read" {
		t.Errorf("the token is %s", me.raw)
	}
	b.look("token-created")

	c.enable()
	b.open("tokens")
	b.sees("tbody", scripted)
	b.sees("main", "Held by extensions")
	b.look("tokens")
	if page := ask(b, chromedp.OuterHTML(chromedp.CSS("html"))); strings.Contains(page, token) ||
		strings.Contains(page, "<script>document") {
		t.Error("the token is on a page again, or its name is a script")
	}

	b.click(`a[aria-label^="Revoke"]`)
	b.sees("h1", "Revoke "+scripted)
	b.look("token-revoke")
	c.want(c.call(by, "GET", "/v1/me", nil), 200)
	b.click(`form button.danger`)
	b.sees(".empty h2", "No token yet")
	c.refused(c.call(by, "GET", "/v1/me", nil), 401, "unauthenticated")
}

func TestConsole_APITokensWithoutScript(t *testing.T) {
	c := newConsole(t)
	c.enable()
	v := c.newVisitor()
	_, page := v.signIn("ada", "tokens")
	form := url.Values{"key": {keyIn(t, page)}, "name": {"Export"}, "ends": {"1 year"},
		"scopes": {"contracts:read", "contracts:write"}}
	if _, body := v.post("tokens", form); !strings.Contains(body, "pb_live_") ||
		!strings.Contains(body, "Read contracts and create and change contracts") {
		t.Fatalf("no token is shown: %s", body)
	}
	if _, body := v.post("tokens", form); strings.Contains(body, `value="pb_live_`) ||
		!strings.Contains(body, "Your first click created it") {
		t.Errorf("the second click of one form: %s", body)
	}
	for field, wrong := range map[string]url.Values{
		"name": {"ends": {"1 year"}}, "scopes": {"name": {"x"}, "ends": {"7 days"}, "scopes": {"everything"}},
		"ends": {"name": {"x"}, "ends": {"for ever"}},
	} {
		resp, body := v.post("tokens", wrong)
		if resp.StatusCode != 422 || !strings.Contains(body, `href="#`+field+`"`) ||
			!strings.Contains(body, `id="`+field+`-error"`) {
			t.Errorf("a wrong %s: got %d %s", field, resp.StatusCode, body)
		}
	}
	tokens := c.want(c.call(c.admin, "GET", "/v1/tokens", nil), 200)
	if items := tokens.at("items").([]any); len(items) != 3 { // ours, and those of the two extensions
		t.Fatalf("the tokens are %s", tokens.raw)
	}
	for n := range 3 {
		id, managed := tokens.str("items", n, "id"), tokens.at("items", n, "extension_id") != nil
		resp, asked := v.page("tokens/" + id + "/revoke")
		if at := resp.Request.URL.Path; strings.Contains(at, "installations/") != managed {
			t.Errorf("the question about a token, managed %v, is at %s", managed, at)
		}
		if managed {
			if resp, body := v.post("tokens/"+id+"/revoke", nil); resp.StatusCode != 409 {
				t.Errorf("an extension's token was revoked: %d %s", resp.StatusCode, body)
			}
			continue
		}
		for _, key := range []string{keyIn(t, asked), "of another page"} { // whoever revoked it, it is revoked
			if resp, body := v.post("tokens/"+id+"/revoke", url.Values{"key": {key}}); resp.StatusCode != 200 ||
				!strings.Contains(body, "No token yet") {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
		}
	}
	if resp, body := v.page("tokens/tok_none/revoke"); resp.StatusCode != 404 ||
		!strings.Contains(body, "revoked meanwhile") {
		t.Errorf("a token that is gone: %d %s", resp.StatusCode, body)
	}
}

func TestConsole_AMemberSeesNoAPIToken(t *testing.T) {
	v := newConsole(t).newVisitor()
	if _, body := v.signIn("mel", "extensions"); strings.Contains(body, "API tokens") {
		t.Error("the navigation leads a member to a page that refuses members")
	}
	if resp, body := v.page("tokens"); resp.StatusCode != 403 || !strings.Contains(body, "Only an admin") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if resp, _ := v.post("tokens", url.Values{"name": {"Mine"}, "ends": {"7 days"}}); resp.StatusCode != 403 {
		t.Errorf("a member created a token: %d", resp.StatusCode)
	}
}

// keyIn is the Idempotency-Key of a page's form.
func keyIn(t testing.TB, page string) string {
	t.Helper()
	_, key, found := strings.Cut(page, `name="key" value="`)
	key, _, _ = strings.Cut(key, `"`)
	if !found {
		t.Fatalf("no form is on the page: %s", page)
	}
	return key
}
