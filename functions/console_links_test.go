package functions_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"plugboard/functions/console"
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
		fmt.Fprintf(w, `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Harbor</title><h1>Harbor</h1>
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
	all := object{"account_id": "customer", "user_id": "ada"}
	for name, value := range body {
		all[name] = value
	}
	return c.want(c.call(platform, "POST", "/v1/console-links", all), 201)
}

func TestConsoleLink_OpensOncePersonAndPage(t *testing.T) {
	c := newConsole(t)
	made := c.link(object{"page": "extensions?q=crm"})
	if address := made.str("url"); !strings.HasPrefix(address, c.address+"/console/links/pb_link_") {
		t.Fatalf("got %s", made.raw)
	}
	v := c.newVisitor()
	resp, body := v.get(made.str("url"))
	if got := resp.Request.URL.RequestURI(); got != stagePrefix+"/console/extensions?q=crm" || !strings.Contains(body, "ada · Admin") {
		t.Errorf("came to %s: %s", got, body)
	}
	for name, other := range map[string]*visitor{"the same browser": v, "another browser": c.newVisitor()} {
		if resp, body := other.get(made.str("url")); resp.StatusCode != 404 || !strings.Contains(body, "This link has ended") {
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
		{object{"user_id": "nobody", "page": "nothing/at/all", "framed_by": "https://evil.example"}, "/user_id /page /framed_by"},
		{object{"page": "https://evil.example/"}, "/page"},
		{object{"page": "../v1/me"}, "/page"},
		{object{"page": "sign-in"}, "/page"},
		{object{"page": "extensions/../tokens"}, "/page"},
	} {
		body := object{"account_id": "customer", "user_id": "ada"}
		for name, value := range test.body {
			body[name] = value
		}
		refused := c.want(c.call(platform, "POST", "/v1/console-links", body), 422)
		if got := strings.Join(refused.pointers(), " "); got != test.pointers {
			t.Errorf("%v: got %s, want %s", test.body, got, test.pointers)
		}
	}
	for _, lifetime := range []int{9, 601} {
		c.want(c.call(platform, "POST", "/v1/console-links", object{"account_id": "customer", "user_id": "ada", "lifetime_seconds": lifetime}), 422)
	}
	for page := range map[string]bool{"extensions/acme-crm": true, "webhooks": true, "deliveries?state=retrying": true} {
		c.link(object{"page": page})
	}
}

// The console works in a frame of a site that the stage names, there alone, and without any cookie in a tab.
func TestConsoleLink_AFramedSessionWorksInItsFrameAndNowhereElse(t *testing.T) {
	harbor, evil := newFraming(t), newFraming(t)
	c := newConsole(t, func(config *console.Config) { config.FrameOrigins = []string{harbor.origin} })
	b := c.newTab()
	b.show(harbor, c.link(object{"framed_by": harbor.origin, "page": "extensions/acme-core"}).str("url"))
	f := b.frame("/console/extensions/acme-core")
	f.sees("h1", "acme-core")
	b.photograph("framed-extension")
	f.click(`form button.primary`)
	f.waitFor(`#token-acme-core`)
	c.settle()
	f.waitFor(`#steps .pill.good`) // a fetch from within the frame has the frame's session
	if html := ask(f, chromedp.OuterHTML(chromedp.CSS("html"))); strings.Contains(html, "sign-out") || strings.Contains(html, "accounts") {
		t.Error("the frame offers to sign out or to switch accounts, which its site does")
	}
	cookies := ask(b, chromedp.Func2(network.GetCookies, network.GetCookiesParams{URLs: []string{c.address + "/console/"}}))
	_ = cookies

	// The same session, in a frame of another site: the browser refuses to show it.
	b.expects("Framing '" + strings.TrimSuffix(c.address, stagePrefix))
	b.expects("Refused to frame")
	b.show(evil, c.address+"/console/extensions")
	b.refusesFrame()

	// In a tab there is no session.
	b.open("extensions")
	b.sees("h1", "Choose who you are")

	// A tab's session is none in a frame.
	b.signIn("ada", "extensions")
	b.show(harbor, c.address+"/console/tokens")
	b.refusesFrame()
}
