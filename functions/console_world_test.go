package functions_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"plugboard/functions/console"
	localissuer "plugboard/localstack/issuer"
	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
)

// consoleWorld is a world with the console in front, under a stage's prefix, and the local issuer.
type consoleWorld struct {
	*actors
	address string // of the API's root
	people  []localissuer.Person
	pages   http.Handler // the console's, below the API's root
	// cookieless has browsers get no cookie, as those do that keep none in a frame.
	cookieless atomic.Bool

	mu    sync.Mutex
	forms []string // the paths of routes to which forms were sent
}

// stagePrefix is that of a stage without a domain of its own: a link that forgets it leads nowhere.
const stagePrefix = "/stage"

func newConsole(t testing.TB, change ...func(*console.Config)) *consoleWorld {
	t.Helper()
	return consoleOf(newActors(newWorld(t)), change...)
}

// consoleOf puts the console in front of what there is. change is what the stage says otherwise.
func consoleOf(a *actors, change ...func(*console.Config)) *consoleWorld {
	t := a.t
	t.Helper()
	noteConsoleTime(t)
	c := &consoleWorld{actors: a}
	c.people = []localissuer.Person{
		{ID: "ada", Name: "Ada", Accounts: []string{"customer"}, About: "Admin of customer"},
		{ID: "mel", Name: "Mel", Accounts: []string{"customer"}, About: "Member of customer"},
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c.address = server.URL + stagePrefix
	signing, err := localissuer.Load(t.TempDir())
	must(t, err)
	signIn := localissuer.NewSignIn(signing, c.address+"/console/signed-in",
		func(context.Context) ([]localissuer.Person, error) { return c.people, nil })
	config := console.Config{
		Address: c.address, Name: "Plugboard",
		AuthorizationURL: server.URL + "/issuer" + localissuer.AuthorizePath,
		TokenURL:         server.URL + "/issuer" + localissuer.TokenPath,
		OIDC: auth.OIDCConfig{Issuer: localissuer.Name, Audience: localissuer.Audience,
			JWKS: signing.Keys()},
		Egress: egress.Config{AllowPrivate: true},
	}
	for _, f := range change {
		f(&config)
	}
	keys := auth.NewSecretKeys(secretsmanager.NewFromConfig(c.tables.AWS),
		auth.PlatformKeyConfig{Secret: shared.secret}, c.now)
	pages, err := console.New(config, console.Parts{Store: c.tables.Store, Sealer: c.sealer, Cursors: c.cursors,
		Platform: keys, Now: c.now, NewID: domain.NewID})
	must(t, err)
	c.pages = pages
	mux.Handle("/issuer/", http.StripPrefix("/issuer", signIn))
	mux.Handle(stagePrefix+"/console/", http.StripPrefix(stagePrefix, c.withoutCookies(pages)))
	mux.Handle(stagePrefix+"/console", http.StripPrefix(stagePrefix, pages))
	mux.Handle(stagePrefix+"/v1/console-links", http.StripPrefix(stagePrefix, pages))
	mux.Handle(stagePrefix+"/v1/", http.StripPrefix(stagePrefix, c.api.Config.Handler))
	return c
}

// sent are the paths of routes to which forms were sent.
func (c *consoleWorld) sent() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.forms)
}

// withoutCookies notes which forms are sent, and takes them out of answers while the world is cookieless.
func (c *consoleWorld) withoutCookies(pages http.Handler) http.Handler {
	patterns := http.NewServeMux()
	for _, r := range console.Routes() {
		patterns.Handle(r.Method+" "+r.Path, http.NotFoundHandler())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := patterns.Handler(r); strings.HasPrefix(pattern, "POST ") {
			c.mu.Lock()
			c.forms = append(c.forms, strings.TrimPrefix(pattern, "POST "))
			c.mu.Unlock()
		}
		if !c.cookieless.Load() {
			pages.ServeHTTP(w, r)
			return
		}
		kept := httptest.NewRecorder()
		pages.ServeHTTP(kept, r)
		kept.Header().Del("Set-Cookie")
		maps.Copy(w.Header(), kept.Header())
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	})
}

// tab is a page in a browser of its own: no cookie of another tab is in it.
type tab struct {
	t       testing.TB
	ctx     context.Context
	end     context.CancelFunc
	console *consoleWorld

	mu       sync.Mutex
	faults   []string // whatever the browser complains of, and requests to other hosts
	accepted []string // parts of complaints that the test expects
}

var chromium struct {
	once sync.Once
	ctx  context.Context
}

// browser starts Chromium once for all tests. It ends with the test process, to which it is bound by a pipe.
func browser(t testing.TB) context.Context {
	chromium.once.Do(func() {
		path, err := exec.LookPath("chromium")
		if err != nil {
			t.Fatal("Chromium is missing: install it (on Debian: apt-get install chromium).")
		}
		allocator, _ := chromedp.NewExecAllocator(context.Background(),
			chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
			chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
		ctx, _ := chromedp.NewContext(allocator)
		must(t, chromedp.Do(ctx))
		chromium.ctx = ctx
	})
	if chromium.ctx == nil {
		t.Fatal("Chromium did not start.")
	}
	return chromium.ctx
}

// tabLimit ends a page that hangs.
const tabLimit = 2 * time.Minute

func (c *consoleWorld) newTab() *tab {
	c.t.Helper()
	b := &tab{t: c.t, console: c}
	ctx, cancel := chromedp.NewContext(browser(c.t), chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	must(c.t, chromedp.Do(ctx))
	b.ctx, b.end = context.WithTimeout(ctx, tabLimit)
	c.t.Cleanup(func() {
		b.end()
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, f := range b.faults {
			c.t.Error("the browser complains:", f)
		}
	})
	return b
}

func (b *tab) listen(event any) {
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		u, err := url.Parse(e.Request.URL)
		if own, _ := url.Parse(b.console.address); err != nil || u.Host != own.Host && u.Scheme != "data" {
			b.fault("a request to another host: " + e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		b.fault("exception: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, a := range e.Args {
				b.fault("console: " + a.Description + string(a.Value))
			}
		}
	case *log.EventEntryAdded:
		b.fault(string(e.Entry.Source) + ": " + e.Entry.Text + " " + e.Entry.URL)
	}
}

func (b *tab) fault(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range b.accepted {
		if strings.Contains(text, part) {
			return
		}
	}
	b.faults = append(b.faults, text)
}

// expects says that a complaint of the browser is right: mostly of a status that the test wants.
func (b *tab) expects(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.accepted = append(b.accepted, part)
}

// complained tells whether the browser complained of that, and takes the complaint for expected.
func (b *tab) complained(part string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.faults)
	b.faults = slices.DeleteFunc(b.faults, func(f string) bool { return strings.Contains(f, part) })
	return len(b.faults) < before
}

func (b *tab) run(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	must(b.t, chromedp.Do(b.ctx, steps...))
}

// ask runs an action that has an answer.
func ask[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	must(b.t, err)
	return v
}

// open goes to a page below the console's root.
func (b *tab) open(page string) {
	b.t.Helper()
	b.run(chromedp.Navigate(b.console.address + "/console/" + page))
}

// signIn chooses the person at the local issuer. The tab is then at the page that it asked for.
func (b *tab) signIn(person, page string) {
	b.t.Helper()
	b.open(page)
	b.click(`button[value="` + person + `"]`)
	b.waitFor("h1")
}

// click presses what leads to another page, and waits for that. It returns the page's status.
func (b *tab) click(selector string) int64 {
	b.t.Helper()
	response, err := chromedp.RunResponse(b.ctx, chromedp.Click(chromedp.CSS(selector)))
	must(b.t, err)
	return response.Status
}

// fill types into a field.
func (b *tab) fill(id, text string) {
	b.t.Helper()
	b.run(chromedp.SetValue(chromedp.CSS(`[id="`+id+`"]`), text))
}

func (b *tab) waitFor(selector string) {
	b.t.Helper()
	b.run(chromedp.WaitVisible(chromedp.CSS(selector)))
}

func (b *tab) sees(selector, part string) {
	b.t.Helper()
	if got := ask(b, chromedp.Text(chromedp.CSS(selector))); !strings.Contains(got, part) {
		b.t.Fatalf("%s says %q, and should say %q", selector, got, part)
	}
}

// looks are those in which every page is looked at.
var looks = []struct {
	name, theme string
	width       int64
}{{"light-1440", "light", 1440}, {"dark-1440", "dark", 1440}, {"light-390", "light", 390}, {"dark-390", "dark", 390}}

// look takes the page's pictures, and holds it to WCAG 2.2 AA in both themes and at both widths.
func (b *tab) look(name string) {
	b.t.Helper()
	folder := filepath.Join("..", "build", "pages")
	must(b.t, os.MkdirAll(folder, 0o755))
	for _, l := range looks {
		for _, err := range []error{
			called(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: l.width,
				Height: 900, DeviceScaleFactor: 1, Mobile: l.width < 800}),
			called(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: l.theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}}),
		} {
			must(b.t, err)
		}
		// innerWidth would not do: a phone's window widens with its page.
		if width := ask(b, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); width > l.width {
			b.t.Errorf("%s, %s: the page is wider than the window", name, l.name)
		}
		must(b.t, os.WriteFile(filepath.Join(folder, name+"-"+l.name+".png"), ask(b, chromedp.FullScreenshot(100)),
			0o644))
		b.accessible(name + ", " + l.name)
	}
}

// called runs a command of the protocol.
func called[P, R any](b *tab, command cdp.Command[P, R], params P) error {
	_, err := chromedp.Call(b.ctx, command, params)
	return err
}

var axe = sync.OnceValues(func() ([]byte, error) {
	return os.ReadFile(filepath.Join("console", "npm", "node_modules", "axe-core", "axe.min.js"))
})

// accessible has axe-core look at the page. It is evaluated by the debugger, which the page's policy does not bind.
func (b *tab) accessible(where string) {
	b.t.Helper()
	source, err := axe()
	must(b.t, err)
	b.run(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: string(source) + ";0"})
		return err
	}))
	type violation struct {
		ID, Help string
		Nodes    []string
	}
	violations := ask(b, chromedp.Evaluate[[]violation](
		`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})`+
			`.then((r) => r.violations.map((v) => ({ID: v.id, Help: v.help, Nodes: v.nodes.map((n) => n.html)})))`,
		chromedp.EvalAwaitPromise))
	for _, v := range violations {
		for _, html := range v.Nodes {
			b.t.Errorf("%s: %s (%s): %s", where, v.ID, v.Help, html)
		}
	}
}
