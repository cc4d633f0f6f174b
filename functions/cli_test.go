package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/shared/cli"
	"plugboard/shared/domain"
)

// The partner's command line against the real services.

// terminal is a person's machine with plugboard on it. Each of its waits lets the workers work.
type terminal struct {
	*world
	env cli.Env
}

func newTerminal(w *world) *terminal {
	return &terminal{w, cli.Env{
		Getenv: func(string) string { return "" }, ConfigDir: filepath.Join(w.t.TempDir(), "config"),
		Folder: w.t.TempDir(),
		Now:    w.now, Transport: http.DefaultTransport,
		Wait: func(ctx context.Context, d time.Duration) error {
			w.pass(d)
			w.settle()
			return ctx.Err()
		},
	}}
}

// run runs a command line and expects an exit code. Its result is decoded into out, if any.
func (m *terminal) run(exit cli.Exit, out any, line ...string) (said string) {
	m.t.Helper()
	return m.typed("", exit, out, line...)
}

// typed is run with standard input.
func (m *terminal) typed(in string, exit cli.Exit, out any, line ...string) (said string) {
	m.t.Helper()
	var stdout, stderr bytes.Buffer
	m.env.In, m.env.Out, m.env.Err = strings.NewReader(in), &stdout, &stderr
	if out != nil {
		line = append([]string{"--json"}, line...)
	}
	if got := cli.Run(m.t.Context(), line, m.env); got != exit {
		m.t.Fatalf("plugboard %s: exit %d, want %d: %s%s", strings.Join(line, " "), got, exit, &stdout, &stderr)
	}
	if out != nil {
		must(m.t, json.Unmarshal(stdout.Bytes(), out))
	}
	return stdout.String() + stderr.String()
}

// login keeps the credential of a caller.
func (m *terminal) login(c who, more ...string) {
	m.t.Helper()
	key := strings.TrimPrefix(c.headers[0][1], "Bearer ")
	said := m.typed(key, cli.ExitOK, nil, append([]string{"login", "--url", m.api.URL}, more...)...)
	if strings.Contains(said, key) {
		m.t.Errorf("the key is printed: %s", said)
	}
}

// ownToken makes an API token of the account's own.
func (a *actors) ownToken(scopes ...domain.Scope) who {
	a.t.Helper()
	made := a.want(a.call(a.admin, "POST", "/v1/tokens", object{"name": "CLI", "scopes": scopes}), 201)
	return bearer("own token", made.str("token"))
}

func TestCLI_EventsAreTriggeredReplayedAndExplained(t *testing.T) {
	r := newReplaying(t)
	m := newTerminal(r.world)
	m.login(r.ownToken(domain.ScopeWebhooksRead, domain.ScopeWebhooksSecrets, domain.ScopeWebhooksWrite))
	m.login(r.admin)
	var sent struct {
		Event    string `json:"event_id"`
		Delivery string `json:"delivery_id"`
		Attempt  domain.Attempt
	}
	m.run(cli.ExitOK, &sent, "trigger", "contract.signed", "--webhook", r.hook)
	if sent.Attempt.Status != 200 || sent.Attempt.Number != 1 {
		t.Errorf("it was sent as %+v", sent)
	}
	m.run(cli.ExitInvalid, nil, "trigger", "contract.deleted", "--webhook", r.hook) // it hears no such event
	r.receiver.take()
	id, _ := r.exhaust()
	r.mended()
	var job struct {
		State string
		Sent  int
	}
	m.run(cli.ExitOK, &job, "replay", "--webhook", r.hook, "--since", "2h")
	m.settle()
	if job.State != "done" || job.Sent != 1 || r.delivery(id).str("state") != "delivered" {
		t.Errorf("the replay of all is %+v, and %s is %s", job, id, r.delivery(id).str("state"))
	}

	event := r.delivery(id).str("event_id")
	var reason struct {
		Reason  string
		Webhook struct{ Clause string }
	}
	m.run(cli.ExitOK, &reason, "why", event, r.hook)
	r.receiver.take()
	deaf, _ := r.ownHook(object{"name": "Deaf", "event_types": []string{"contract.signed"}})
	m.run(cli.ExitNo, &reason, "why", event, deaf)
	if reason.Webhook.Clause != "event-type" || reason.Reason != "The webhook hears only contract.signed." {
		t.Errorf("the reason is %+v", reason)
	}
	m.run(cli.ExitNotFound, nil, "why", event, "whk_nobody")

	r.receiver.answer(http.StatusTeapot)
	m.run(cli.ExitNo, &sent, "trigger", "contract.signed", "--webhook", r.hook)
	if sent.Attempt.Status != http.StatusTeapot {
		t.Errorf("a teapot answered %+v", sent)
	}
	r.receiver.answer(http.StatusOK)
	if said := m.run(cli.ExitOK, nil, "replay", sent.Delivery, "--webhook", r.hook); !strings.Contains(said,
		"attempt 2 of "+sent.Delivery) {
		t.Errorf("the replay said %s", said)
	}
}

func TestCLI_ACapturedRequestVerifies(t *testing.T) {
	r := newReplaying(t)
	m := newTerminal(r.world)
	m.login(r.admin)
	var hook struct{ ID string }
	m.run(cli.ExitOK, &hook, "api", "create-webhook", "--name", "Ours", "--url", r.receiver.URL, "--secret-to",
		"secret.txt")
	m.settle()
	got := r.receiver.take()[0]
	raw := "POST / HTTP/1.1\r\n"
	for name := range got.header {
		raw += name + ": " + got.header.Get(name) + "\r\n"
	}
	verify := func(exit cli.Exit, request string) string {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(m.env.Folder, "request.http"), []byte(request), 0o600))
		return m.run(exit, nil, "verify", "request.http", "--secret-file", "secret.txt", "--webhook", hook.ID)
	}
	verify(cli.ExitOK, raw+"\r\n"+string(got.body))
	for want, body := range map[string]string{
		"body-whitespace": string(got.body) + "\n",
		"body-encoding":   string(sortedNames(t, got.body)),
	} {
		if said := verify(cli.ExitNo, raw+"\r\n"+body); !strings.Contains(said, "✗ "+want+": ") {
			t.Errorf("of another %s it said %s", want, said)
		}
	}
	var sent struct {
		Event string `json:"event_id"`
	}
	json.Unmarshal(got.body, &struct {
		ID *string `json:"id"`
	}{&sent.Event})
	swapped := strings.Replace(raw, got.header.Get("webhook-id"), sent.Event, 1)
	if said := verify(cli.ExitNo, swapped+"\r\n"+string(got.body)); !strings.Contains(said,
		"✗ id: webhook-id is "+sent.Event) {
		t.Errorf("of the event's id it said %s", said)
	}
	m.pass(time.Hour)
	if said := verify(cli.ExitNo, raw+"\r\n"+string(got.body)); !strings.Contains(said,
		"✗ timestamp: The request was signed 60 minutes ago") {
		t.Errorf("an hour later it said %s", said)
	}
}

// sortedNames is the JSON as a receiver writes that decodes it into a map.
func sortedNames(t *testing.T, body []byte) []byte {
	var v any
	must(t, json.Unmarshal(body, &v))
	out, err := json.Marshal(v)
	must(t, err)
	return out
}

func TestCLI_FromInitToAListedExtension(t *testing.T) {
	a := newActors(newWorld(t))
	typeID := a.develop("acme-dev", "order")
	m := newTerminal(a.world)
	m.login(a.partner)
	m.login(platform, "--as", "platform")
	m.run(cli.ExitOK, nil, "init", "acme-first", "--language", "go", "--endpoint-url", a.receiver.URL)
	m.run(cli.ExitNo, nil, "validate", "--dir", "acme-first") // the receiver's address is private
	m.run(cli.ExitOK, nil, "validate", "--dir", "acme-first", "--private-urls")
	m.run(cli.ExitOK, nil, "promote", typeID, "--dir", "acme-first")
	var s struct {
		Version int
		Created bool `json:"extension_created"`
	}
	m.run(cli.ExitOK, &s, "submit", "--dir", "acme-first", "--private-urls")
	if s.Version != 1 || s.Created {
		t.Errorf("submitted as %+v; promote created the extension", s)
	}
	if said := m.run(cli.ExitOK, nil, "diff", "--dir", "acme-first"); !strings.Contains(said,
		"has no changes against version 1.") {
		t.Errorf("the diff of what was submitted says %s", said)
	}
	waited := false
	wait := m.env.Wait
	m.env.Wait = func(ctx context.Context, d time.Duration) error {
		if !waited {
			a.want(a.call(platform, "POST", versionOf("acme-first", 1)+"/review", object{"decision": "approve"}), 200)
		}
		waited = true
		return wait(ctx, d)
	}
	if said := m.run(cli.ExitOK, nil, "status", "--watch", "--dir", "acme-first"); !strings.Contains(said,
		"version 1: submitted") ||
		!strings.Contains(said, "✓ version 1: approved") {
		t.Errorf("the status says %s", said)
	}
	m.env.Wait = wait
	m.run(cli.ExitOK, nil, "api", "list-extension", "--extension-id", "acme-first", "--version", "1")
	if said := m.run(cli.ExitOK, nil, "status", "--dir", "acme-first"); !strings.Contains(said,
		"acme-first) is listed.") {
		t.Errorf("the status says %s", said)
	}

	edit := filepath.Join(m.env.Folder, "acme-first", "blueprint.json")
	raw, err := os.ReadFile(edit)
	must(t, err)
	must(t, os.WriteFile(edit, bytes.Replace(raw, []byte(`"contract.signed"`),
		[]byte(`"contract.signed", "contract.declined"`), 1), 0o644))
	if said := m.run(cli.ExitOK, nil, "diff", "--dir", "acme-first"); !strings.Contains(said,
		`+ /webhooks/0/event_types/1: "contract.declined"`) ||
		!strings.Contains(said, "An admin must consent:") {
		t.Errorf("the diff says %s", said)
	}
	m.run(cli.ExitOK, nil, "submit", "--dir", "acme-first", "--private-urls")
	a.want(a.call(platform, "POST", versionOf("acme-first", 2)+"/review",
		object{"decision": "reject", "reasons": []string{"No logo."}}), 200)
	if said := m.run(cli.ExitNo, nil, "status", "--watch", "--dir", "acme-first"); !strings.Contains(said,
		"✗ version 2: rejected. No logo.") {
		t.Errorf("the status says %s", said)
	}
	var d struct{ Changes []domain.Change }
	m.run(cli.ExitOK, &d, "diff", "1", "2", "--extension", "acme-first")
	if len(d.Changes) != 1 {
		t.Errorf("the two versions differ in %+v", d.Changes)
	}
}

// What the command line says offline is what the server says of the same blueprint.
func TestRule11_ValidateOfflineSaysWhatTheServerSays(t *testing.T) {
	d := newDeveloping(t)
	m := newTerminal(d.world)
	must(t, os.WriteFile(filepath.Join(m.env.Folder, "extension.json"),
		[]byte(`{"slug":"`+unlisted+`","template_type_keys":["","addendum"]}`), 0o644))
	good := crmBlueprint("https://acme.test/hooks")
	delete(good, "dependencies")
	text, err := json.Marshal(good)
	must(t, err)
	for _, change := range [][2]string{
		{`"kind":"number"`, `"kind":"colour"`}, {`"contract.signed"`, `"contract.sigend"`},
		{`"templates:read"`, `"templates:raed"`},
		{`"key":"addendum"`, `"key":"quote"`}, {`"https://acme.test/hooks"`, `"ftp://acme.test"`},
		{`"https://acme.test/hooks"`, `"hooks"`},
		{`{{api_key}}`, `{{nobody}}`}, {`"context":{"customer_id":"{{customer_id}}"}`, `"context":{"a":"{{api_key}}"}`},
		{`"custom_id":"due",`, ``}, {`"custom_id":"due"`, `"custom_id":"amount"`},
		{`"name":"Due"`, `"name":"Due","colour":"red"`},
		{`"pattern":"^C-[0-9]+$"`, `"pattern":"["`}, {`"event_types":[`, `"event_types":["contract.created",`},
		{`"default":"0"`, `"default":"much"`}, {`"X-Api-Key"`, `"Content-Length"`}, {`"name":"CRM order"`, `"name":""`},
		{`"required":["customer_id"]`, `"required":["customer_id","nobody"]`}, {`"scopes":[`, `"scopes":[7,`},
	} {
		changed := strings.Replace(string(text), change[0], change[1], 1)
		if changed == string(text) {
			t.Fatalf("nothing is changed by %q", change)
		}
		refused := d.want(d.call(d.partner, "POST", "/v1/extensions/"+unlisted+"/versions",
			`{"blueprint":`+changed+`}`), 422)
		var server, offline []string
		for n := range refused.at("errors").([]any) {
			server = append(server, strings.TrimPrefix(refused.str("errors", n, "pointer"), "/blueprint")+
				" "+refused.str("errors", n, "code"))
		}
		var v struct {
			Problems []struct{ Pointer, Code string }
		}
		must(t, os.WriteFile(filepath.Join(m.env.Folder, "blueprint.json"), []byte(changed), 0o644))
		m.run(cli.ExitNo, &v, "validate", "--private-urls")
		for _, p := range v.Problems {
			offline = append(offline, p.Pointer+" "+p.Code)
		}
		slices.Sort(server)
		slices.Sort(offline)
		if fmt.Sprint(server) != fmt.Sprint(offline) {
			t.Errorf("%q: offline %q, the server %q", change[1], offline, server)
		}
	}
}
