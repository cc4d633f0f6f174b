package functions_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"plugboard/functions/console"
)

// visitor is a browser without JavaScript: cookies, links and forms.
type visitor struct {
	*consoleWorld
	http *http.Client
}

func (c *consoleWorld) newVisitor() *visitor {
	jar, err := cookiejar.New(nil)
	must(c.t, err)
	return &visitor{c, &http.Client{Jar: jar}}
}

// page asks for a page below the console's root, and follows where it leads.
func (v *visitor) page(path string) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequest("GET", v.address+"/console/"+path, nil)
	must(v.t, err)
	return v.do(r)
}

func (v *visitor) do(r *http.Request) (*http.Response, string) {
	v.t.Helper()
	resp, err := v.http.Do(r)
	must(v.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(v.t, err)
	return resp, string(body)
}

// post sends a form with the headers that a browser would add; a test gives others.
func (v *visitor) post(path string, form url.Values, headers ...string) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequest("POST", v.address+"/console/"+path, strings.NewReader(form.Encode()))
	must(v.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if headers == nil {
		headers = []string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return v.do(r)
}

// signIn goes to the page, chooses the person at the issuer, and comes back to the page.
func (v *visitor) signIn(person, page string) (*http.Response, string) {
	v.t.Helper()
	resp, body := v.page(page)
	if !strings.Contains(body, "Choose who you are") {
		v.t.Fatalf("got %d %s, want the issuer's page", resp.StatusCode, body)
	}
	r, err := http.NewRequest("POST", resp.Request.URL.String(),
		strings.NewReader(url.Values{"person": {person}}.Encode()))
	must(v.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

func TestConsole_ABookmarkSurvivesSignIn(t *testing.T) {
	v := newConsole(t).newVisitor()
	resp, body := v.signIn("ada", "extensions?q=crm")
	if got := resp.Request.URL.RequestURI(); got != stagePrefix+"/console/extensions?q=crm" ||
		!strings.Contains(body, "acme-crm") || strings.Contains(body, "acme-core</h3>") {
		t.Fatalf("came to %s", got)
	}
	for _, to := range []string{"https://evil.example/", "//evil.example", `\\evil.example`, "../../evil", "/evil"} {
		w := v.newVisitor()
		if resp, _ := w.signIn("ada", "sign-in?to="+url.QueryEscape(to)); resp.Request.URL.RequestURI() != stagePrefix+
			"/console/extensions" {
			t.Errorf("%q led to %s", to, resp.Request.URL)
		}
	}
}

func TestConsole_AChangeThatAnotherSiteSendsIsRefused(t *testing.T) {
	c := newConsole(t)
	v := c.newVisitor()
	v.signIn("ada", "extensions")
	own := strings.TrimSuffix(c.address, stagePrefix)
	for name, test := range map[string]struct {
		headers []string
		want    int
	}{
		"neither header":   {[]string{"X-Nothing", "1"}, 403},
		"a foreign origin": {[]string{"Origin", "https://evil.example"}, 403},
		"a foreign origin, said to be ours": {[]string{"Origin", "https://evil.example", "Sec-Fetch-Site",
			"same-origin"}, 403},
		"a foreign site":                  {[]string{"Sec-Fetch-Site", "cross-site"}, 403},
		"a foreign site under our origin": {[]string{"Origin", own, "Sec-Fetch-Site", "cross-site"}, 403},
		"a sibling of our site":           {[]string{"Sec-Fetch-Site", "same-site"}, 403},
		"no origin that is one":           {[]string{"Origin", "null"}, 403},
		"our origin":                      {[]string{"Origin", own}, 200},
		"our site":                        {[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		"what a browser sends":            {[]string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}, 200},
	} {
		if resp, _ := v.post("accounts", url.Values{"account": {"customer"}}, test.headers...); resp.StatusCode !=
			test.want {
			t.Errorf("%s: got %d, want %d", name, resp.StatusCode, test.want)
		}
	}
}

func TestConsole_WhoWasRemovedIsOutWithTheNextRequest(t *testing.T) {
	c := newConsole(t)
	v := c.newVisitor()
	v.signIn("ada", "extensions")
	c.putUser("customer", "ada", adminEmail, "member", "sales")
	if resp, body := v.post("extensions/acme-core", url.Values{"version": {"1"}}); resp.StatusCode != 403 ||
		!strings.Contains(body, "Only an admin") {
		t.Errorf("a former admin enabled an extension: %d %s", resp.StatusCode, body)
	}
	c.want(c.call(platform, "DELETE", "/v1/accounts/customer/users/ada", nil), 204)
	if resp, body := v.page("extensions"); resp.StatusCode != 401 ||
		!strings.Contains(body, "no longer in this account") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

func TestConsole_AnAccountThatTheIssuerDidNotVouchForIsNotToBeHad(t *testing.T) {
	c := newConsole(t)
	c.people[0].Accounts = []string{"customer", "other", "acme-dev"}
	v := c.newVisitor()
	_, body := v.signIn("ada", "extensions")
	for _, name := range []string{"customer", "other", "acme-dev"} {
		if !strings.Contains(body, `value="`+name+`"`) {
			t.Errorf("the account %s is no choice: %s", name, body)
		}
	}
	if resp, body := v.post("accounts", url.Values{"account": {"other"}}); resp.StatusCode != 200 ||
		!strings.Contains(body, "Connect other to") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	w := c.newVisitor()
	w.signIn("mel", "extensions")
	if resp, _ := w.post("accounts", url.Values{"account": {"other"}}); resp.StatusCode != 404 {
		t.Errorf("got %d, want 404", resp.StatusCode)
	}
}

func TestConsole_EnablingTwiceByOneFormIsOnce(t *testing.T) {
	c := newConsole(t)
	v := c.newVisitor()
	_, page := v.signIn("ada", "extensions/acme-core")
	_, key, _ := strings.Cut(page, `name="key" value="`)
	key, _, _ = strings.Cut(key, `"`)
	form := url.Values{"key": {key}, "version": {"1"}}
	if _, body := v.post("extensions/acme-core", form); !strings.Contains(body, "pb_live_") {
		t.Fatalf("no token is shown: %s", body)
	}
	if _, body := v.post("extensions/acme-core", form); strings.Contains(body, "pb_live_") ||
		!strings.Contains(body, "Your first click did it") {
		t.Errorf("got %s", body)
	}
	w := c.newVisitor()
	w.signIn("ada", "extensions/acme-crm")
	if resp, body := w.post("extensions/acme-crm", url.Values{"version": {"7"}}); resp.StatusCode != 409 ||
		!strings.Contains(body, "changed while you read") {
		t.Errorf("a form of another version: got %d %s", resp.StatusCode, body)
	}
}

func TestConsole_DisablingNeedsTheTypedNameHoweverItIsPosted(t *testing.T) {
	c := newConsole(t)
	v := c.newVisitor()
	_, page := v.signIn("ada", "extensions/acme-core")
	_, key, _ := strings.Cut(page, `name="key" value="`)
	key, _, _ = strings.Cut(key, `"`)
	v.post("extensions/acme-core", url.Values{"key": {key}, "version": {"1"}})
	c.settle()
	state := func() string {
		return c.want(c.call(c.admin, "GET", "/v1/installations/acme-core", nil), 200).str("state")
	}
	before := state()
	for name, form := range map[string]url.Values{"no name": {}, "another name": {"confirm": {"acme-crm"}}} {
		if resp, body := v.post("installations/acme-core/disable", form); resp.StatusCode != 422 ||
			!strings.Contains(body, "Nothing was changed") {
			t.Errorf("%s: got %d %s", name, resp.StatusCode, body)
		}
	}
	if got := state(); got != before {
		t.Fatalf("the installation is %s, was %s", got, before)
	}
	v.post("installations/acme-core/disable", url.Values{"confirm": {"acme-core"}})
	if got := state(); got == before {
		t.Errorf("the typed name changed nothing: it is still %s", got)
	}
}

func TestConsole_HtmxIsTheOneOfItsRelease(t *testing.T) {
	const want = "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"
	for _, file := range []string{filepath.Join("console", "assets", "htmx.min.js"),
		filepath.Join("console", "npm", "node_modules", "htmx.org", "dist", "htmx.min.js")} {
		content, err := os.ReadFile(file)
		must(t, err)
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s has the hash %x", file, sum)
		}
	}
}

// Each page calls operations with the roles that they ask for: a page that lets in a member and calls an admin's
// operation would be a page of errors.
func TestConsole_EveryRouteSaysWhoMayComeIn(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range console.Routes() {
		if seen[r.Method+r.Path] || r.ID == "" || r.Summary == "" {
			t.Errorf("%s %s: taken, or without an id or a summary", r.Method, r.Path)
		}
		seen[r.Method+r.Path] = true
		for _, o := range r.Calls {
			if rule, ok := o.Auth.Of("dashboard"); r.Role == "" || !ok || !r.Role.AtLeast(rule.Role) {
				t.Errorf("the page %s, for the role %q, calls %s, which is for %s", r.ID, r.Role, o.ID, o.Auth)
			}
		}
		if r.Method == http.MethodGet {
			for _, o := range r.Calls {
				if o.Mutates() {
					t.Errorf("the page %s changes something by GET: %s", r.ID, o.ID)
				}
			}
		}
	}
}
