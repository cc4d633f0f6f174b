package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"plugboard/shared/cli"
)

// What each command prints for people, and for programs, to the letter.

func TestWhy_SaysTheClauseThatDecided(t *testing.T) {
	m := newMachine(t).login("token")
	hearers := `"event":{"id":"evt_1","event_type":"contract.signed","origin_extension_id":"acme-crm",` +
		`"workspace_id":"sales","template_type_id":"tt_1"}`
	m.on("GET /v1/events/evt_1/audience", func(w http.ResponseWriter, r *http.Request) {
		page := `{"items":[{"webhook_id":"whk_1","name":"Ours","heard":true,"changed_since":true},
			{"webhook_id":"whk_2","name":"Legal","heard":false,"clause":"workspace",
			"workspace_ids":["legal","hr","board"]}],"next_cursor":"2",` + hearers + `}`
		if r.URL.Query().Get("cursor") == "2" {
			page = `{"items":[{"webhook_id":"whk_3","name":"Orbit","heard":false,"clause":"origin",` +
				`"extension_id":"orbit-crm"}],` + hearers + `}`
		}
		answer(200, page)(w, r)
	})
	out, _ := m.want(cli.ExitOK, "why", "evt_1", "whk_1")
	same(t, "heard", out, "✓ Ours hears evt_1 (contract.signed).\n"+
		"  The webhook was created or changed after the event; this is by the webhook as it is now.\n")
	out, _ = m.want(cli.ExitNo, "why", "evt_1", "whk_2")
	same(t, "another workspace", out, "✗ Legal does not hear evt_1 (contract.signed). "+
		"The contract is in the workspace sales, and the webhook hears only legal, hr and board.\n")
	out, _ = m.want(cli.ExitNo, "why", "evt_1", "whk_3", "--json")
	var r struct {
		Webhook struct{ Clause string }
		Reason  string
	}
	want := "The contract was made through acme-crm, and the webhook hears only contracts made through orbit-crm."
	if json.Unmarshal([]byte(out), &r) != nil || r.Webhook.Clause != "origin" || r.Reason != want {
		t.Errorf("got %s", out)
	}
	_, errs := m.want(cli.ExitNotFound, "why", "evt_1", "whk_4")
	same(t, "no such webhook", errs, "plugboard: There is no webhook whk_4 that you may see.\n")
}

func TestTrigger_ShowsWhatTheEndpointAnswered(t *testing.T) {
	m := newMachine(t).login("token")
	m.on("POST /v1/webhooks/whk_1/test", answer(202, `{"event_id":"evt_1","delivery_id":"dlv_1"}`))
	good := answer(
		200,
		`{"state":"delivered","attempts":[{"number":1,"outcome":"delivered","status":204,"milliseconds":12}]}`,
	)
	bad := answer(
		200,
		`{"state":"retrying","attempts":[{"number":1,"outcome":"failed","status":503,"milliseconds":9,"reason":"The `+
			`endpoint answered 503."}]}`,
	)
	m.on("GET /v1/webhooks/whk_1/deliveries/dlv_1", inTurn(refuse(404, "not-found", "Not yet."), good))
	out, errs := m.want(cli.ExitOK, "trigger", "contract.signed", "--webhook", "whk_1")
	same(t, "accepted", out, "✓ attempt 1 of dlv_1: 204 in 12 ms\n")
	same(t, "progress", errs, "Waiting for attempt 1 of dlv_1 …\n")
	m.on("GET /v1/webhooks/whk_1/deliveries/dlv_1", bad)
	out, _ = m.want(cli.ExitNo, "trigger", "contract.signed", "--webhook", "whk_1")
	same(t, "refused", out, "✗ attempt 1 of dlv_1: 503 in 9 ms. The endpoint answered 503.\n")
	out, _ = m.want(cli.ExitOK, "trigger", "contract.signed", "--webhook", "whk_1", "--no-wait")
	same(t, "not awaited", out, "dlv_1 is on its way to whk_1.\n")
	m.on("GET /v1/webhooks/whk_1/deliveries/dlv_1", refuse(404, "not-found", "Not yet."))
	_, errs = m.want(cli.ExitNo, "trigger", "contract.signed", "--webhook", "whk_1")
	if !strings.Contains(errs, "No attempt of dlv_1 was made within 1 minute.") {
		t.Errorf("it said %q", errs)
	}
	if m.bodies[0] != `{"event_type":"contract.signed"}` {
		t.Errorf("it sent %s", m.bodies[0])
	}
}

func TestReplay_OneOrAllOfAFilter(t *testing.T) {
	m := newMachine(t).login("token")
	m.on("POST /v1/webhooks/whk_1/deliveries/dlv_1/replay", answer(202, `{"delivery_id":"dlv_1","attempt":4}`))
	m.on(
		"GET /v1/webhooks/whk_1/deliveries/dlv_1",
		answer(
			200,
			`{"state":"delivered","attempts":[{"number":3,"outcome":"failed"},{"number":4,"outcome":"delivered",`+
				`"status":200,"milliseconds":3}]}`,
		),
	)
	out, _ := m.want(cli.ExitOK, "replay", "dlv_1", "--webhook", "whk_1")
	same(t, "one", out, "✓ attempt 4 of dlv_1: 200 in 3 ms\n")

	m.on(
		"POST /v1/webhooks/whk_1/replays",
		answer(202, `{"id":"rpl_1","webhook_id":"whk_1","state":"running","sent":0}`),
	)
	m.on(
		"GET /v1/webhooks/whk_1/replays/rpl_1",
		inTurn(answer(200, `{"id":"rpl_1","webhook_id":"whk_1","state":"running","sent":40}`),
			answer(200, `{"id":"rpl_1","webhook_id":"whk_1","state":"done","sent":41}`)),
	)
	m.bodies = nil
	out, errs := m.want(
		cli.ExitOK,
		"replay",
		"--webhook",
		"whk_1",
		"--since",
		"2h",
		"--state",
		"exhausted",
		"--event",
		"contract.signed",
	)
	same(t, "all", out, "✓ rpl_1: 41 deliveries sent again.\n")
	same(t, "progress", errs, "rpl_1: 0 deliveries sent so far …\nrpl_1: 40 deliveries sent so far …\n")
	same(
		t,
		"the filter",
		m.bodies[0],
		`{"event_types":["contract.signed"],"from":"2026-11-30T16:00:00Z","states":["exhausted"]}`,
	)
	m.on(
		"GET /v1/webhooks/whk_1/replays/rpl_1",
		answer(200, `{"id":"rpl_1","webhook_id":"whk_1","state":"stopped","reason":"The webhook is paused."}`),
	)
	out, _ = m.want(cli.ExitNo, "replay", "--webhook", "whk_1", "--since", "2026-11-30T10:00:00+01:00")
	same(t, "stopped", out, "✗ rpl_1 is stopped. The webhook is paused.\n")
}

func TestStatus_WatchEndsWithTheReview(t *testing.T) {
	m := newMachine(t).login("partner")
	m.on(
		"GET /v1/extensions/acme-crm",
		answer(200, `{"id":"acme-crm","name":"Acme CRM","state":"submitted","latest_version":2,"listed_version":0}`),
	)
	versions := func(state string) http.HandlerFunc {
		return answer(
			200,
			`{"items":[{"version":2,"state":"`+state+`"},{"version":1,"state":"rejected","reasons":["No logo."]}]}`,
		)
	}
	m.on("GET /v1/extensions/acme-crm/versions", versions("submitted"))
	out, _ := m.want(cli.ExitOK, "status", "--extension", "acme-crm")
	same(
		t,
		"status",
		out,
		"Acme CRM (acme-crm) is submitted.\n✗ version 1: rejected. No logo.\n  version 2: submitted\n",
	)
	m.on(
		"GET /v1/extensions/acme-crm/versions",
		inTurn(versions("submitted"), versions("submitted"), versions("approved")),
	)
	out, _ = m.want(cli.ExitOK, "status", "--extension", "acme-crm", "--watch", "--json")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 ||
		!strings.Contains(lines[1], `"approved"`) {
		t.Errorf("it printed %q, want a line for each change", out)
	}
	m.on("GET /v1/extensions/acme-crm/versions", inTurn(versions("submitted"), versions("rejected")))
	m.want(cli.ExitNo, "status", "--extension", "acme-crm", "--watch")
}

const goodBlueprint = `{
  "$schema": "./blueprint.schema.json",
  "scopes": ["contracts:read"],
  "template_types": [{"name": "Order", "fields": [], "no_webhooks": true}],
  "webhooks": []
}
`

func TestSubmit_ChecksThenCreatesThenSubmits(t *testing.T) {
	m := newMachine(t).login("partner")
	m.file("extension.json", `{"slug":"acme-crm","name":"Acme CRM","template_type_keys":[""]}`)
	m.file("blueprint.json", strings.Replace(goodBlueprint, "contracts:read", "contracts:raed", 1))
	out, _ := m.want(cli.ExitNo, "submit")
	same(
		t,
		"an invalid blueprint",
		out,
		"blueprint.json:3:14: /scopes/0: There is no scope \"contracts:raed\". (unknown-scope)\n✗ 1 problem in "+
			"blueprint.json.\n",
	)
	if len(m.requests) != 0 {
		t.Errorf("an invalid blueprint is sent: %v", m.requests[0].URL)
	}
	m.file("blueprint.json", goodBlueprint)
	m.on("POST /v1/extensions", answer(201, `{"id":"acme-crm"}`))
	m.on("POST /v1/extensions/acme-crm/versions", answer(201, `{"version":1,"lifecycle_secret":"whsec_once"}`))
	out, errs := m.want(cli.ExitOK, "submit")
	same(
		t,
		"submitted",
		out,
		"✓ The extension acme-crm is created.\n"+
			"✓ Version 1 of acme-crm is submitted. `plugboard status --watch` waits "+
			"for its review.\n"+
			"The lifecycle endpoint's signing secret is in lifecycle-secret.txt.\n",
	)
	if kept := m.content("lifecycle-secret.txt"); kept != "whsec_once\n" || strings.Contains(out+errs, "whsec_once") {
		t.Errorf("the secret is kept as %q", kept)
	}
	if created := m.bodies[1]; created != `{"name":"Acme CRM","slug":"acme-crm","template_type_keys":[""]}` {
		t.Errorf("it created %s", created)
	}
	if sent := m.bodies[2]; strings.Contains(sent, "$schema") ||
		!strings.Contains(sent, `"scopes":["contracts:read"]`) {
		t.Errorf("it submitted %s", sent)
	}
}

func TestPromote_KeepsTheRestOfTheFile(t *testing.T) {
	m := newMachine(t).login("partner")
	m.file("extension.json", `{"slug":"acme-crm","template_type_keys":[""]}`)
	m.file("blueprint.json", goodBlueprint)
	m.on("GET /v1/extensions/acme-crm", answer(200, `{"id":"acme-crm"}`))
	m.on("POST /v1/extensions/acme-crm/draft/template-types", answer(
		200,
		`{"blueprint":{"scopes":[],"template_types":[{"name":"Order","fields":[{"custom_id":"amount","name":"Amount",`+
			`"kind":"number"}]}],"webhooks":[]}}`,
	))
	out, _ := m.want(cli.ExitOK, "promote", "tt_1")
	same(t, "promoted", out, "✓ \"Order\" with 1 field is in blueprint.json.\n")
	text := m.content("blueprint.json")
	for _, want := range []string{`"$schema": "./blueprint.schema.json"`, `"contracts:read"`, `"custom_id": "amount"`,
		`"no_webhooks": true`} {
		if !strings.Contains(text, want) {
			t.Errorf("blueprint.json lacks %s: %s", want, text)
		}
	}
	m.want(cli.ExitOK, "validate")
}

func TestDiff_OfTheFileAndOfTwoVersions(t *testing.T) {
	m := newMachine(t).login("partner")
	m.file("extension.json", `{"slug":"acme-crm","template_type_keys":[""]}`)
	m.file("blueprint.json", goodBlueprint)
	m.on("GET /v1/extensions/acme-crm", answer(200, `{"id":"acme-crm","latest_version":1}`))
	m.on("GET /v1/extensions/acme-crm/versions", answer(200, `{"items":[{"version":1,"state":"approved"}]}`))
	m.on(
		"GET /v1/extensions/acme-crm/versions/1",
		answer(
			200,
			`{"blueprint":{"scopes":["templates:read"],"template_types":[{"name":"Order","fields":[],`+
				`"no_webhooks":true}],"webhooks":[]}}`,
		),
	)
	out, _ := m.want(cli.ExitOK, "diff")
	same(
		t,
		"the file",
		out,
		"- /scopes/0: \"templates:read\"\n+ /scopes/0: \"contracts:read\"\nAn admin must consent: Its token may also "+
			"do contracts:read.\n",
	)
	m.on(
		"GET /v1/extensions/acme-crm/versions/1/diff",
		answer(
			200,
			`{"changes":[{"kind":"changed","pointer":"/template_types/0/name","from":"\"A\"","to":"\"B\""}],`+
				`"needs_consent":[]}`,
		),
	)
	out, _ = m.want(cli.ExitOK, "diff", "1", "2")
	same(t, "two versions", out, `~ /template_types/0/name: "\"A\"" → "\"B\""`+"\n")
}

func TestOpen_PrintsThePage(t *testing.T) {
	m := newMachine(t).login("token")
	for what, want := range map[string]string{
		"": "/console", "webhooks": "/console/webhooks", "whk_1": "/console/webhooks/whk_1",
		"evt_1":    "/console/why?event=evt_1",
		"acme-crm": "/console/extensions/acme-crm",
	} {
		out, _ := m.want(cli.ExitOK, strings.Fields("open "+what)...)
		same(t, "open "+what, out, m.server.URL+want+"\n")
	}
	opened := ""
	m.env.OutTerminal, m.env.Browse = true, func(url string) error { opened = url; return nil }
	m.want(cli.ExitOK, "open", "tokens")
	same(t, "on a terminal", opened, m.server.URL+"/console/tokens")
}

func TestLogin_KeepsOnlyAKeyThatTheServerAccepts(t *testing.T) {
	m := newMachine(t)
	m.on("GET /v1/me", refuse(401, "unauthenticated", "The token is unknown."))
	_, errs, exit := m.runWith(keys["token"], "login", "--url", m.server.URL)
	same(t, "refused", errs, "plugboard: The token is unknown. (unauthenticated, request req-1)\n")
	if exit != cli.ExitUnauthenticated {
		t.Errorf("exit %d", exit)
	}
	m.want(cli.ExitUnauthenticated, "api", "read-me")
	m.on("GET /v1/me", answer(200, `{"account_id":"acct-1"}`))
	out, _, _ := m.runWith(keys["token"]+"\n", "login", "--url", m.server.URL+"/")
	same(t, "accepted", out, "✓ Logged in to "+m.server.URL+" with an API token, as the profile default.\n")
	if got := m.requests[len(m.requests)-1].Header.Get("Authorization"); got != "Bearer "+keys["token"] {
		t.Errorf("it authenticated by %q", got)
	}
	m.env.AskSecret = func(string) (string, error) { return keys["user"], nil }
	out, _ = m.want(cli.ExitOK, "login")
	same(t, "asked", out, "✓ Logged in to "+m.server.URL+" with a user's sign-in token, as the profile default.\n")
	out, _ = m.want(cli.ExitOK, "logout", "--json")
	same(
		t,
		"logged out",
		out,
		"{\n  \"profile\": \"default\",\n  \"removed\": [\n    \"token\",\n    \"user\"\n  ]\n}\n",
	)
	m.want(cli.ExitUnauthenticated, "api", "read-me")
}

func TestAPI_EachFieldIsAFlag(t *testing.T) {
	m := newMachine(t).login("token", "user", "platform")
	m.on("POST /v1/webhooks", answer(201, `{"id":"whk_1","signing_secret":"whsec_once"}`))
	m.file("headers.json", `{"X-Key": "k"}`)
	out, errs := m.want(
		cli.ExitOK,
		"api",
		"create-webhook",
		"--name",
		"Ours",
		"--url",
		"https://a.example",
		"--event-types",
		"contract.signed",
		"--event-types",
		"contract.declined",
		"--headers",
		"@headers.json",
		"--user",
		"ada@a.example",
		"--secret-to",
		"secret.txt",
		"--get",
		"id",
	)
	same(t, "the id", out, "whk_1\n")
	same(
		t,
		"the request",
		m.bodies[0],
		`{"event_types":["contract.signed","contract.declined"],"headers":{"X-Key":"k"},"name":"Ours",`+
			`"url":"https://a.example"}`,
	)
	same(t, "the secret", m.content("secret.txt"), "whsec_once\n")
	r := m.requests[0]
	if r.Header.Get("Plugboard-User") != "ada@a.example" || r.Header.Get("Authorization") != "Bearer "+keys["token"] ||
		errs != "" {
		t.Errorf("it sent %v and said %q", r.Header, errs)
	}

	m.on("GET /v1/webhooks", answer(200, `{"items":[]}`))
	m.requests = nil
	m.want(
		cli.ExitOK,
		"api",
		"list-webhooks",
		"--as",
		"platform",
		"--account",
		"acct-1",
		"--limit",
		"5",
		"--cursor",
		"a b&c",
	)
	r = m.requests[0]
	if r.Header.Get("Plugboard-Platform-Key") != keys["platform"] || r.Header.Get("Plugboard-Account") != "acct-1" ||
		r.URL.RawQuery != "cursor=a+b%26c&limit=5" {
		t.Errorf("it sent %s with %v", r.URL, r.Header)
	}

	m.on("PUT /v1/installations/a%2Fb",
		answer(202, `{"created":[{"extension_id":"a","token":"pb_live_once","callback_secret":"whsec_x"}]}`))
	m.bodies = nil
	out, _, _ = m.runWith(
		`{"parameters":{"a":{"n":12345678901234567890}}}`,
		"--json",
		"api",
		"enable-extension",
		"--extension-id",
		"a/b",
		"--body",
		"@-",
		"--secret-to",
		"token=token.txt",
	)
	same(t, "the body", m.bodies[0], `{"parameters":{"a":{"n":12345678901234567890}}}`)
	same(
		t,
		"the answer",
		out,
		"{\n  \"created\": [\n    {\n      \"callback_secret\": \"(hidden)\",\n      \"extension_id\": \"a\",\n      "+
			"\"token\": \"(hidden)\"\n    }\n  ]\n}\n",
	)

	m.on("DELETE /v1/webhooks/whk_1", answer(204, ""))
	out, errs = m.want(cli.ExitOK, "api", "delete-webhook", "--webhook-id", "whk_1")
	same(t, "no answer", out+errs, "")
}

func TestVerify_OfAFile(t *testing.T) {
	m := newMachine(t)
	m.file("secret.txt", "whsec_AAAA")
	m.file(
		"request.http",
		"POST / HTTP/1.1\nwebhook-id: dlv_1\nwebhook-timestamp: 1796061600\nwebhook-signature: v1,AAAA\n\n{\"a\": 1}\n",
	)
	out, _ := m.want(cli.ExitNo, "verify", "request.http", "--secret-file", "secret.txt")
	if !strings.HasPrefix(out, "✗ body-encoding: The body is JSON with blanks between its values") ||
		strings.Contains(out, "whsec_AAAA") {
		t.Errorf("it printed %q", out)
	}
	out, _ = m.want(cli.ExitNo, "verify", "request.http", "--secret-file", "secret.txt", "--json")
	if !strings.Contains(out, `"verified": false`) || !strings.Contains(out, `"part": "body-encoding"`) {
		t.Errorf("it printed %s", out)
	}
}

func TestColours_OnATerminalOnlyAndNotWithNoColor(t *testing.T) {
	m := newMachine(t)
	m.file("blueprint.json", goodBlueprint)
	m.env.OutTerminal = true
	out, _ := m.want(cli.ExitOK, "validate")
	same(t, "on a terminal", out, "\x1b[32m✓ blueprint.json is valid.\x1b[0m\n")
	m.env.Getenv = func(name string) string { return map[string]string{"NO_COLOR": "1"}[name] }
	out, _ = m.want(cli.ExitOK, "validate")
	same(t, "with NO_COLOR", out, "✓ blueprint.json is valid.\n")
}

func TestInit_WritesAllOrNothing(t *testing.T) {
	m := newMachine(t)
	m.want(cli.ExitOK, "init", "acme-crm", "--language", "typescript")
	m.want(cli.ExitOK, "validate", "--dir", "acme-crm")
	if first := strings.SplitN(m.content("acme-crm/blueprint.json"), "\n",
		3)[1]; first != `  "$schema": "./blueprint.schema.json",` {
		t.Errorf("the blueprint begins with %s", first)
	}
	before := m.content("acme-crm/extension.json")
	_, errs := m.want(cli.ExitUsage, "init", "acme-crm", "--name", "Another")
	same(t, "again", errs, "plugboard: acme-crm/README.md exists already. Choose another folder by --dir.\n")
	same(t, "the first", m.content("acme-crm/extension.json"), before)
}

func TestCompletion_OfCommandsFlagsAndIDs(t *testing.T) {
	m := newMachine(t).login("token", "partner")
	m.on("GET /v1/webhooks", answer(200, `{"items":[{"id":"whk_1"},{"id":"whk_2"}]}`))
	m.on("GET /v1/webhooks/whk_1/deliveries", answer(200, `{"items":[{"id":"dlv_1"}]}`))
	for words, want := range map[string]string{
		"val":                       "validate\n",
		"replay --webh":             "--webhook\n",
		"replay --webhook ":         "whk_1\nwhk_2\n",
		"api replay-d":              "replay-delivery\n",
		"api replay-delivery --web": "--webhook-id\n",
		"api replay-delivery --webhook-id whk_1 --delivery-id ":   "dlv_1\n",
		"api list-account-deliveries --webhook-id ":               "whk_1\nwhk_2\n",
		"api list-account-deliveries --state re":                  "retrying\n",
		"why evt_1 ":                                              "whk_1\nwhk_2\n",
		"api replay-delivery --webhook-id whk_404 --delivery-id ": "",
	} {
		out, errs := m.want(cli.ExitOK, append([]string{"__complete", "--"}, strings.Split(words, " ")...)...)
		same(t, words, out+errs, want)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if out, _ := m.want(cli.ExitOK, "completion", shell); !strings.Contains(out, "plugboard __complete") {
			t.Errorf("%s: %s", shell, out)
		}
	}
}

func TestHelp_OfEveryCommandAndOperation(t *testing.T) {
	m := newMachine(t)
	for _, command := range []string{
		"login", "logout", "init", "open", "validate", "promote", "diff", "submit", "status", "trigger", "replay",
		"verify", "why", "api", "completion", "exits", "version",
	} {
		if out, errs := m.want(cli.ExitOK, command, "--help"); !strings.Contains(out, "Usage: plugboard "+command) ||
			errs != "" {
			t.Errorf("%s: %s%s", command, out, errs)
		}
	}
	list, _ := m.want(cli.ExitOK, "api")
	lines := strings.Split(strings.TrimSpace(list), "\n")
	if len(lines) < 130 {
		t.Fatalf("%d operations are listed", len(lines))
	}
	for _, line := range lines {
		id := strings.Fields(line)[0]
		if out, errs := m.want(cli.ExitOK, "api", id, "--help"); !strings.Contains(out, "Usage: plugboard api "+id) ||
			errs != "" {
			t.Errorf("%s: %s%s", id, out, errs)
		}
	}
}
