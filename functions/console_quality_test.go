package functions_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/functions/console"
)

// Limits of a page, in bytes as they are served without compression.
const (
	mostHTML = 30 << 10
	mostPage = 100 << 10
)

// figures are written where `make test` prints them from.
func figures(t testing.TB, name, text string) {
	t.Helper()
	folder := filepath.Join("..", "build", "pages")
	must(t, os.MkdirAll(folder, 0o755))
	must(t, os.WriteFile(filepath.Join(folder, name+".txt"), []byte(text), 0o644))
	t.Log(text)
}

// firstByte notes when an answer begins.
type firstByte struct {
	*httptest.ResponseRecorder
	at time.Time
}

func (w *firstByte) Write(b []byte) (int, error) {
	if w.at.IsZero() {
		w.at = time.Now()
	}
	return w.ResponseRecorder.Write(b)
}

// calledOperations keeps the names of operations that the log tells of.
type calledOperations struct {
	mu    sync.Mutex
	names []string
}

func (c *calledOperations) Enabled(context.Context, slog.Level) bool { return true }
func (c *calledOperations) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c *calledOperations) WithGroup(string) slog.Handler            { return c }
func (c *calledOperations) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "operation" {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.names = append(c.names, a.Value.String())
		}
		return true
	})
	return nil
}

// listened are the operations that the log told of since the call before.
func (c *calledOperations) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := c.names
	c.names = nil
	return names
}

// loaded are the addresses of what a page loads.
var loaded = regexp.MustCompile(`<(?:link|script|img)[^>]* (?:href|src)="([^"]+)"`)

// Every page is light, is there soon, calls the operations that its row names and no others, and reads nothing besides
// them.
func TestConsole_APageIsLightAndReadsWhatItsOperationsRead(t *testing.T) {
	s := newPageScene(t)
	log := &calledOperations{}
	before := slog.Default()
	slog.SetDefault(slog.New(log))
	t.Cleanup(func() { slog.SetDefault(before) })
	admin := s.tabOf(nil)
	var out strings.Builder
	fmt.Fprintf(&out, "%-52s %8s %8s %9s %8s %6s  %s\n", "page", "HTML KB", "all KB", "first ms", "own ms", "reads",
		"operations")
	for _, r := range console.Routes() {
		if r.Method != http.MethodGet || r.Role == "" {
			continue
		}
		s.ask(r, admin) // what a process learns once, such as the data key of the month
		log.taken()
		s.cost.reset()
		w := &firstByte{ResponseRecorder: httptest.NewRecorder()}
		q := httptest.NewRequest(r.Method, s.path(r)+s.query(r), nil)
		q.Header.Set("Cookie", admin)
		began := time.Now()
		s.console.pages.ServeHTTP(w, q)
		reads, besides, called := s.cost.read.Load(), s.cost.besides.Load(), log.taken()
		if w.Code != 200 {
			if r.ID != "extension" {
				t.Errorf("%s: got %d", r.Path, w.Code)
			}
			continue
		}
		if besides > 0 {
			t.Errorf("%s reads the table %d times besides its operations", r.Path, besides)
		}
		names := []string{"read-me"}
		for _, o := range r.Calls {
			names = append(names, o.ID)
		}
		for _, name := range called {
			if !slices.Contains(names, name) {
				t.Errorf("%s calls %s, which its row does not name", r.Path, name)
			}
		}
		html := w.Body.String()
		whole := len(html) + s.weightOf(s.path(r), html)
		if !strings.HasSuffix(r.ID, "-csv") && len(html) > mostHTML || whole > mostPage {
			t.Errorf("%s has %d bytes of HTML, %d in all", r.Path, len(html), whole)
		}
		slices.Sort(called)
		took := w.at.Sub(began)
		own := took - s.cost.waited
		fmt.Fprintf(&out, "%-52s %8.1f %8.1f %9.1f %8.1f %6d  %s\n", r.Path, float64(len(html))/1024,
			float64(whole)/1024,
			ms(took), ms(max(own, 0)), reads, strings.Join(slices.Compact(called), " "))
	}
	figures(t, "weights", out.String())
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// weightOf is what the page at the path loads besides itself.
func (s *pageScene) weightOf(path, html string) int {
	s.t.Helper()
	at, err := url.Parse(s.console.address + path)
	must(s.t, err)
	sum := 0
	for _, found := range loaded.FindAllStringSubmatch(html, -1) {
		to, err := at.Parse(found[1])
		must(s.t, err)
		resp, err := http.Get(to.String())
		must(s.t, err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		must(s.t, err)
		if resp.StatusCode != 200 {
			s.t.Errorf("%s loads %s, which answers %d", path, to, resp.StatusCode)
		}
		sum += len(body)
	}
	return sum
}

// An extension may declare 20 template types and a webhook for each: with four webhooks they are 100 resources.
func TestConsole_AnInstallationOfAHundredResourcesHasItsPage(t *testing.T) {
	c := newConsole(t)
	const slug = "acme-large"
	var keys []string
	var types, hooks []object
	for n := range 20 {
		key := fmt.Sprintf("type-%d", n)
		keys = append(keys, key)
		types = append(types, object{"key": key, "name": fmt.Sprintf("Work order %d", n),
			"fields": []object{{"custom_id": "number", "name": "Number", "kind": "text"}}})
	}
	for n := range 4 {
		hooks = append(hooks, object{"key": fmt.Sprintf("hook-%d", n), "url": c.receiver.URL,
			"event_types": []string{"contract.signed"}})
	}
	c.list(slug, keys, object{"scopes": []string{}, "template_types": types, "webhooks": hooks})
	b := c.newTab()
	b.signIn("ada", "extensions/"+slug)
	b.sees("main", "Work order 19")
	b.look("extension-large")
	c.want(c.call(c.admin, "PUT", "/v1/installations/"+slug, object{}), 202)
	c.settle()
	v := c.newVisitor()
	resp, body := v.signIn("ada", "installations/"+slug)
	// The gateway compresses it (compressFrom in infra/gatewaybody.go): so much comes to the browser.
	var sent bytes.Buffer
	packed := gzip.NewWriter(&sent)
	_, err := io.WriteString(packed, body)
	must(t, errors.Join(err, packed.Close()))
	whole := sent.Len() + (&pageScene{&scene{actors: c.actors}, c}).weightOf(root("installations/"+slug), body)
	if n := strings.Count(body, "Webhook “"); resp.StatusCode != 200 || n < 80 || whole > mostPage {
		t.Errorf("got %d, %d webhooks in %d bytes, %d in all", resp.StatusCode, n, len(body), whole)
	}
	b.open("installations/" + slug)
	b.look("installation-large")
	b.open("installations/" + slug + "/disable")
	b.look("installation-large-disable")
}

// Whatever others can write is text on every page.
func TestConsole_AScriptInATextOfOthersIsText(t *testing.T) {
	s := newPageScene(t)
	s.want(s.call(platform, "PUT", "/v1/accounts/customer", object{"name": "Harbor " + hostile}), 200)
	s.want(s.call(platform, "PUT", "/v1/accounts/customer/users/ada",
		object{"email": adminEmail, "name": "Ada " + hostile, "role": "admin", "workspaces": []string{}}), 200)
	s.want(s.call(platform, "PUT", "/v1/accounts/customer/workspaces/sales", object{"name": "Sales " + hostile}), 200)
	s.want(s.call(s.partner, "PATCH", "/v1/extensions/"+idleExtension,
		object{"name": "Idle " + hostile, "description": "Idles " + hostile}), 200)
	s.want(s.call(platform, "PUT", "/v1/extensions/"+idleExtension+"/listing", object{"version": 1}), 200)
	for path, name := range map[string]string{
		"/v1/webhooks/" + s.ownHook: "Ours ", "/v1/template-types/" + s.ownTypeID: "Type ",
	} {
		s.want(s.call(s.admin, "PATCH", path, object{"name": name + hostile}), 200)
	}
	s.want(s.call(s.admin, "POST", "/v1/tokens", object{"name": "Export " + hostile, "scopes": []string{}}), 201)
	admin, member, seen := s.tabOf(nil), s.tabOf(object{"subject": "mel"}), 0
	pages := map[string]string{root("extensions/" + idleExtension): admin,
		root("extensions/"+idleExtension) + "?": member,
		root("why?event=" + s.event):            admin, root("extensions?q=" + url.QueryEscape(hostile)): admin,
		root("deliveries?contract=" + url.QueryEscape(hostile)): admin}
	for _, r := range console.Routes() {
		if r.Method == http.MethodGet && r.Role != "" && r.ID != "deliveries-csv" {
			pages[s.path(r)+s.query(r)] = admin
		}
	}
	for path, cookie := range pages {
		q := httptest.NewRequest("GET", path, nil)
		q.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		s.console.pages.ServeHTTP(w, q)
		if w.Code >= 400 || strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: got %d, and a script of somebody else's: %t", path, w.Code,
				strings.Contains(w.Body.String(), "<script>"))
		}
		seen += strings.Count(w.Body.String(), "&lt;script&gt;")
	}
	if seen < 50 {
		t.Errorf("the texts are %d times on the pages, so that little was looked at", seen)
	}
}

// root is a page's path below the API's root.
func root(page string) string { return "/console/" + page }

// What is gone meanwhile has a page that says so, and leads on.
func TestConsole_WhatIsGoneHasAPage(t *testing.T) {
	s := newPageScene(t)
	admin := s.tabOf(nil)
	for _, r := range console.Routes() {
		if r.Method != http.MethodGet || r.Role == "" || !strings.Contains(r.Path, "{") {
			continue
		}
		path := regexp.MustCompile(`\{[a-z]+_id\}`).ReplaceAllString(r.Path, "gone")
		path = strings.NewReplacer("{change}", "pause").Replace(path)
		q := httptest.NewRequest("GET", path, nil)
		q.Header.Set("Cookie", admin)
		w := httptest.NewRecorder()
		s.console.pages.ServeHTTP(w, q)
		if w.Code != 404 || !strings.Contains(w.Body.String(), `class="button"`) ||
			!strings.Contains(w.Body.String(), "<h1>") {
			t.Errorf("%s: got %d %.200s", path, w.Code, w.Body)
		}
	}
}
