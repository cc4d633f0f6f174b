package cli_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/shared/cli"
)

// The keys of these tests, by kind. No output ever has them.
var keys = map[string]string{
	"partner": "pb_partner_secret1", "token": "pb_live_secret2", "user": "eyJsecret3", "platform": "platform-secret4",
}

// machine is a person's machine, with a server that answers by "METHOD path".
type machine struct {
	t      *testing.T
	env    cli.Env
	server *httptest.Server
	now    time.Time
	waited []time.Duration

	mu       sync.Mutex
	answers  map[string]http.HandlerFunc
	requests []*http.Request
	bodies   []string
	said     string // everything that was ever printed
}

func newMachine(t *testing.T) *machine {
	m := &machine{t: t, answers: map[string]http.HandlerFunc{}, now: time.Date(2026, 11, 30, 18, 0, 0, 0, time.UTC)}
	m.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		m.mu.Lock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		m.requests, m.bodies = append(m.requests, r), append(m.bodies, string(body))
		answer := m.answers[r.Method+" "+r.URL.EscapedPath()]
		m.mu.Unlock()
		if answer == nil {
			refuse(404, "not-found", "There is no such thing.")(w, r)
			return
		}
		answer(w, r)
	}))
	t.Cleanup(m.server.Close)
	m.env = cli.Env{
		Getenv: func(string) string { return "" }, ConfigDir: filepath.Join(t.TempDir(), "config"), Folder: t.TempDir(),
		Now: m.clock, Transport: http.DefaultTransport,
		Wait: func(ctx context.Context, d time.Duration) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.waited, m.now = append(m.waited, d), m.now.Add(d)
			return ctx.Err()
		},
	}
	t.Cleanup(m.noSecretWasPrinted)
	return m
}

func (m *machine) clock() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

func (m *machine) noSecretWasPrinted() {
	for kind, key := range keys {
		if strings.Contains(m.said, key) {
			m.t.Errorf("the %s key was printed", kind)
		}
	}
}

// on sets the answer to "METHOD path".
func (m *machine) on(request string, answer http.HandlerFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[request] = answer
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func refuse(status int, code, detail string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		io.WriteString(w, `{"status":400,"code":"`+code+`","detail":"`+detail+`","request_id":"req-1"}`)
	}
}

// inTurn gives one answer after the other, the last again and again.
func inTurn(answers ...http.HandlerFunc) http.HandlerFunc {
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		answers[min(n, len(answers)-1)](w, r)
		n++
	}
}

// run runs a command line.
func (m *machine) run(args ...string) (out, errs string, exit cli.Exit) {
	return m.runWith("", args...)
}

// runWith runs a command line with standard input.
func (m *machine) runWith(in string, args ...string) (out, errs string, exit cli.Exit) {
	return m.runIn(m.t.Context(), in, args...)
}

func (m *machine) runIn(ctx context.Context, in string, args ...string) (out, errs string, exit cli.Exit) {
	return m.runOn(ctx, m.env, in, args...)
}

// runOn runs a command line on a changed copy of the machine. Several may run at once.
func (m *machine) runOn(ctx context.Context, env cli.Env, in string, args ...string) (out, errs string, exit cli.Exit) {
	var o, e bytes.Buffer
	env.In, env.Out, env.Err = strings.NewReader(in), &o, &e
	exit = cli.Run(ctx, args, env)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said += o.String() + e.String()
	if strings.Contains(m.said, "goroutine ") {
		m.t.Errorf("%v: a stack trace: %s", args, m.said)
	}
	return o.String(), e.String(), exit
}

// want runs a command line and expects an exit code.
func (m *machine) want(exit cli.Exit, args ...string) (out, errs string) {
	m.t.Helper()
	out, errs, got := m.run(args...)
	if got != exit {
		m.t.Fatalf("%v: exit %d, want %d: %s%s", args, got, exit, out, errs)
	}
	return out, errs
}

// login keeps a key of each of these kinds.
func (m *machine) login(kinds ...string) *machine {
	m.t.Helper()
	m.on("GET /v1/me", answer(200, `{}`))
	m.on("GET /v1/extensions", answer(200, `{"items":[]}`))
	for _, kind := range kinds {
		args := []string{"login", "--url", m.server.URL}
		if kind == "platform" {
			args = append(args, "--as", "platform")
		}
		if _, errs, exit := m.runWith(keys[kind]+"\n", args...); exit != cli.ExitOK {
			m.t.Fatalf("log in with %s: exit %d: %s", kind, exit, errs)
		}
	}
	m.requests, m.bodies = nil, nil
	return m
}

func (m *machine) file(name, content string) {
	m.t.Helper()
	path := filepath.Join(m.env.Folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) content(name string) string {
	m.t.Helper()
	raw, err := os.ReadFile(filepath.Join(m.env.Folder, name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(raw)
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\ngot\n%s\nwant\n%s", what, got, want)
	}
}
