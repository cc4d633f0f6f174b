package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"plugboard/functions/console"
	"plugboard/shared/auth"
)

// framing is another site: its page shows an address in a frame. Its name is localhost, and the console's 127.0.0.1.
type framing struct {
	origin string
	mu     sync.Mutex
	shows  string
}

func newFraming(t testing.TB) *framing {
	f := &framing{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w,
			`<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Harbor</title><h1>Harbor</h1>
<iframe title="Extensions" width="1200" height="800" src="%s"></iframe>`, html.EscapeString(f.shows))
	}))
	t.Cleanup(server.Close)
	f.origin = "http://localhost:" + server.URL[strings.LastIndex(server.URL, ":")+1:]
	return f
}

// show opens the site's page with the address in its frame.
func (b *tab) show(f *framing, address string) {
	b.t.Helper()
	f.mu.Lock()
	f.shows = address
	f.mu.Unlock()
	b.expects("a request to another host: " + f.origin)
	b.run(chromedp.Navigate(f.origin))
}

// frame is the page in the tab's frame, once it is at an address with that part.
func (b *tab) frame(part string) *tab {
	b.t.Helper()
	deadline := time.Now().Add(tabLimit)
	for {
		targets, err := chromedp.Targets(b.ctx)
		must(b.t, err)
		for _, info := range targets {
			if info.Type == "iframe" && strings.Contains(info.URL, part) {
				return b.attach(info.TargetID)
			}
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("no frame shows %s", part)
		}
		b.run(chromedp.Sleep(50 * time.Millisecond))
	}
}

// refusesFrame waits until the browser says that it does not show the frame.
func (b *tab) refusesFrame() {
	b.t.Helper()
	const complaint = "frame-ancestors"
	deadline := time.Now().Add(tabLimit)
	for !b.complained(complaint) {
		if time.Now().After(deadline) {
			b.t.Fatal("the browser shows the frame")
		}
		b.run(chromedp.Sleep(50 * time.Millisecond))
	}
}

// photograph keeps a picture of the tab, for people to look at.
func (b *tab) photograph(name string) {
	b.t.Helper()
	folder := filepath.Join("..", "build", "pages")
	must(b.t, os.MkdirAll(folder, 0o755))
	must(b.t, os.WriteFile(filepath.Join(folder, name+".png"), ask(b, chromedp.CaptureScreenshot()), 0o644))
}

func (b *tab) attach(id target.ID) *tab {
	b.t.Helper()
	f := &tab{t: b.t, console: b.console}
	f.ctx, f.end = chromedp.NewContext(b.ctx, chromedp.WithTargetID(id), chromedp.WithListener(b.listen))
	must(b.t, chromedp.Do(f.ctx))
	return f
}

// link makes a console link, as the platform does.
func (c *consoleWorld) link(body object) answer {
	c.t.Helper()
	return c.want(c.askLink(body), 201)
}

// askLink asks for one at the console's address, for Ada unless the body says another.
func (c *consoleWorld) askLink(body object) answer {
	c.t.Helper()
	all := object{"account_id": "customer", "user_id": "ada"}
	maps.Copy(all, body)
	encoded, err := json.Marshal(all)
	must(c.t, err)
	r, err := http.NewRequest("POST", c.address+"/v1/console-links", bytes.NewReader(encoded))
	must(c.t, err)
	r.Header.Set(auth.HeaderPlatformKey, platformKey)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	must(c.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(c.t, err)
	a := answer{status: resp.StatusCode, header: resp.Header, raw: raw}
	must(c.t, json.Unmarshal(raw, &a.body))
	return a
}

// get asks for an address, with headers by name and value, and follows where it leads.
func (v *visitor) get(address string, headers ...string) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequest("GET", address, nil)
	must(v.t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return v.do(r)
}

func TestConsoleLink_OpensOncePersonAndPage(t *testing.T) {
	c := newConsole(t)
	made := c.link(object{"page": "extensions?q=crm"})
	if address := made.str("url"); !strings.HasPrefix(address, c.address+"/console/links/pb_link_") {
		t.Fatalf("got %s", made.raw)
	}
	v := c.newVisitor()
	resp, body := v.get(made.str("url"))
	if got := resp.Request.URL.RequestURI(); got != stagePrefix+"/console/extensions?q=crm" ||
		!strings.Contains(body, "ada · Admin") {
		t.Errorf("came to %s: %s", got, body)
	}
	for name, other := range map[string]*visitor{"the same browser": v, "another browser": c.newVisitor()} {
		if resp, body := other.get(made.str("url")); resp.StatusCode != 404 ||
			!strings.Contains(body, "This link has ended") {
			t.Errorf("%s opened it again: %d %s", name, resp.StatusCode, body)
		}
	}
	if resp, _ := v.post("accounts", url.Values{"account": {"other"}}); resp.StatusCode != 404 {
		t.Errorf("a link to one account let its user into another: %d", resp.StatusCode)
	}
}

func TestConsoleLink_OfManyAtOnceOneOpens(t *testing.T) {
	c := newConsole(t)
	address := c.link(nil).str("url")
	results := make(chan int, 8)
	for range cap(results) {
		v := c.newVisitor()
		go func() {
			resp, err := v.http.Get(address)
			if err != nil {
				results <- 0
				return
			}
			resp.Body.Close()
			results <- resp.StatusCode
		}()
	}
	opened := map[int]int{}
	for range cap(results) {
		opened[<-results]++
	}
	if opened[200] != 1 || opened[404] != cap(results)-1 {
		t.Errorf("got %v by status, want one 200", opened)
	}
}

func TestConsoleLink_EndsWithTimeUserAndAccount(t *testing.T) {
	for name, ends := range map[string]func(*consoleWorld){
		"time": func(c *consoleWorld) { c.pass(5*time.Minute + time.Second) },
		"the user is removed": func(c *consoleWorld) {
			c.want(c.call(platform, "DELETE", "/v1/accounts/customer/users/ada", nil), 204)
		},
		"the account is deleted": func(c *consoleWorld) {
			c.want(c.call(platform, "DELETE", "/v1/accounts/customer", nil), 202)
		},
	} {
		c := newConsole(t)
		address := c.link(nil).str("url")
		ends(c)
		if resp, _ := c.newVisitor().get(address); resp.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", name, resp.StatusCode)
		}
	}
	c := newConsole(t)
	for _, code := range []string{"x", "pb_link_short", "pb_link_" + strings.Repeat("a", 49)} {
		if resp, _ := c.newVisitor().page("links/" + code); resp.StatusCode != 404 {
			t.Errorf("%s: got %d, want 404", code, resp.StatusCode)
		}
	}
}

func TestConsoleLink_WhatIsWrongIsNamedAllAtOnce(t *testing.T) {
	c := newConsole(t)
	for _, test := range []struct {
		body     object
		pointers string
	}{
		{object{"account_id": "nowhere"}, "/account_id"},
		{object{"user_id": "nobody", "page": "nothing/at/all", "framed_by": "https://evil.example"},
			"/user_id /page /framed_by"},
		{object{"page": "https://evil.example/"}, "/page"},
		{object{"page": "../v1/me"}, "/page"},
		{object{"page": "sign-in"}, "/page"},
		{object{"page": "extensions/../tokens"}, "/page"},
		{object{"lifetime_seconds": 601}, "/lifetime_seconds"},
		{object{"lifetime_seconds": 9}, "/lifetime_seconds"},
	} {
		refused := c.want(c.askLink(test.body), 422)
		if got := strings.Join(refused.pointers(), " "); got != test.pointers {
			t.Errorf("%v: got %s, want %s", test.body, got, test.pointers)
		}
	}
	for _, page := range []string{"extensions/acme-crm", "webhooks", "deliveries?state=retrying"} {
		c.link(object{"page": page})
	}
}

// framedBy is the stage that names the site.
func framedBy(f *framing) func(*console.Config) {
	return func(config *console.Config) { config.FrameOrigins = []string{f.origin} }
}

// The console works in a frame of a site that the stage names, in that frame alone.
func TestConsoleLink_AFramedSessionWorksInItsFrameAndNowhereElse(t *testing.T) {
	harbor, evil := newFraming(t), newFraming(t)
	c := newConsole(t, framedBy(harbor))
	b := c.newTab()
	b.show(harbor, c.link(object{"framed_by": harbor.origin, "page": "extensions/acme-core"}).str("url"))
	f := b.frame("/console/extensions/acme-core")
	f.sees("h1", "acme-core")
	b.photograph("framed-extension")
	f.click(`form button.primary`)
	f.waitFor(`#token-acme-core`)
	c.settle()
	f.waitFor(`#steps .pill.good`) // a fetch from within the frame has the frame's session
	if page := ask(f, chromedp.OuterHTML(chromedp.CSS("html"))); strings.Contains(page, "sign-out") ||
		strings.Contains(page, `href="../accounts"`) {
		t.Error("the frame offers to sign out or to switch accounts, which its site does")
	}

	// The same session, in a frame of another site: the browser refuses to show it.
	b.show(evil, c.address+"/console/extensions")
	b.refusesFrame()

	// In a tab there is no session.
	b.open("extensions")
	b.sees("h1", "Choose who you are")

	// A tab's session is none in a frame.
	other := c.newTab()
	other.signIn("ada", "extensions")
	other.show(harbor, c.address+"/console/extensions")
	other.refusesFrame()
}

// Where the browser keeps no cookie in a frame, the page offers a tab, and the link is still good there.
func TestConsoleLink_WithoutACookieInTheFrameItOpensInATab(t *testing.T) {
	harbor := newFraming(t)
	c := newConsole(t, framedBy(harbor))
	c.cookieless.Store(true)
	address := c.link(object{"framed_by": harbor.origin}).str("url")
	b := c.newTab()
	b.show(harbor, address)
	f := b.frame("?probed")
	f.sees("h1", "Open Plugboard in a tab")
	b.photograph("framed-without-cookie")
	tab := ask(f, chromedp.Evaluate[string](`document.querySelector('a[target="_blank"]').href`))
	c.cookieless.Store(false)
	b.run(chromedp.Navigate(tab))
	b.sees("h1", "Extensions")
	if resp, _ := c.newVisitor().get(address); resp.StatusCode != 404 {
		t.Errorf("the link is good a second time: %d", resp.StatusCode)
	}
}

// inAFrame is what a browser says of a page in a frame.
var inAFrame = []string{"Sec-Fetch-Dest", "iframe"}

func TestConsoleLink_OnlyAFramedSessionsCookieAndPolicyAllowAFrame(t *testing.T) {
	harbor := newFraming(t)
	c := newConsole(t, framedBy(harbor))
	v := c.newVisitor()
	v.http.Jar = nil
	v.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	policy := func(resp *http.Response) string {
		_, ancestors, _ := strings.Cut(resp.Header.Get("Content-Security-Policy"), "frame-ancestors ")
		return ancestors
	}
	address := c.link(object{"framed_by": harbor.origin}).str("url")
	resp, _ := v.get(address, inAFrame...)
	if got := resp.Header.Get("Set-Cookie"); !strings.Contains(got, "plugboard_probe=1") ||
		policy(resp) != harbor.origin {
		t.Fatalf("got %d %s, %s", resp.StatusCode, got, policy(resp))
	}
	resp, _ = v.get(address, append(inAFrame, "Cookie", "plugboard_probe=1")...)
	framed := resp.Cookies()[len(resp.Cookies())-1]
	for _, set := range resp.Cookies() {
		if set.Value != "" {
			framed = set
		}
	}
	if framed.Name != "plugboard_framed" || !framed.Partitioned || !framed.Secure || !framed.HttpOnly ||
		framed.SameSite != http.SameSiteNoneMode {
		t.Errorf("the frame's cookie is %s", framed)
	}
	cookie := framed.Name + "=" + framed.Value
	in := func(headers ...string) *http.Response {
		resp, _ := v.get(c.address+"/console/extensions", append(headers, "Cookie", cookie)...)
		return resp
	}
	if resp := in(inAFrame...); resp.StatusCode != 200 || policy(resp) != harbor.origin {
		t.Errorf("in the frame: %d, %s", resp.StatusCode, policy(resp))
	}
	if resp := in("Sec-Fetch-Dest", "document"); resp.StatusCode != 303 || policy(resp) != "'none'" {
		t.Errorf("in a tab: %d, %s", resp.StatusCode, policy(resp))
	}
	if resp := in("Sec-Fetch-Dest", "empty", "Plugboard-Framed", "1"); resp.StatusCode != 200 {
		t.Errorf("fetched by the frame: %d", resp.StatusCode)
	}
	if resp := in("Sec-Fetch-Dest", "empty"); resp.StatusCode != 303 {
		t.Errorf("fetched by a tab: %d", resp.StatusCode)
	}
	c.pass(9 * time.Hour)
	resp, body := v.get(c.address+"/console/extensions", append(inAFrame, "Cookie", cookie)...)
	if resp.StatusCode != 401 || policy(resp) != harbor.origin || !strings.Contains(body, "Reload the page around") {
		t.Errorf("after its end: %d, %s: %s", resp.StatusCode, policy(resp), body)
	}

	// A link for a tab is none for a frame, and is not used up by one.
	address = c.link(nil).str("url")
	if resp, _ := v.get(address, inAFrame...); resp.StatusCode != 403 || policy(resp) != "'none'" {
		t.Errorf("a tab's link in a frame: %d, %s", resp.StatusCode, policy(resp))
	}
	resp, _ = v.get(address, "Sec-Fetch-Dest", "document")
	set := resp.Cookies()[0]
	if resp.StatusCode != 303 || set.Name != "plugboard_session" || set.SameSite != http.SameSiteLaxMode ||
		set.Partitioned {
		t.Errorf("in a tab: %d %s", resp.StatusCode, set)
	}
}
