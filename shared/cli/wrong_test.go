package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"plugboard/shared/cli"
)

// Wrong input of each command gets one clear sentence and the right exit code, and prints nothing as a result.
func TestWrongInput_OneSentenceAndTheRightExitCode(t *testing.T) {
	m := newMachine(t).login("partner", "token")
	m.file("extension.json", `{"slug":"acme-crm","template_type_keys":[""]}`)
	m.file("empty.txt", "")
	m.file("secret.txt", "whsec_AAAA")
	m.file("damaged/extension.json", "{")
	m.on("GET /v1/webhooks/whk_1", refuse(403, "missing-scope", "The token lacks webhooks:read."))
	m.on("POST /v1/webhooks/whk_1/test", refuse(422, "invalid", "There is no such event type."))
	for _, c := range []struct {
		args string
		exit cli.Exit
		want string
	}{
		{"nonsense", cli.ExitUsage, "Unexpected argument nonsense. `plugboard --help`"},
		{"why evt_1", cli.ExitUsage, `Expected "<webhook>". ` + "`plugboard why --help`"},
		{"why evt_1 whk_1", cli.ExitNotFound, "There is no such thing."},
		{"why evt_1 whk_1 --as nobody", cli.ExitUsage, "--as is partner, token, user or platform"},
		{"why evt_1 whk_1 --as partner", cli.ExitUsage, "list-event-audience does not accept a partner key."},
		{"why evt_1 whk_1 --profile ../x", cli.ExitUsage, `The profile "../x" is no name`},
		{"why evt_1 whk_1 --profile other", cli.ExitUnauthenticated, `Nobody is logged in under the profile "other".`},
		{"login --url http://api.example.com --profile new", cli.ExitUsage, "begins with https://"},
		{"login --profile new", cli.ExitUsage, "Give the API's URL by --url"},
		{"login --url https://elsewhere.example", cli.ExitUsage, `The profile "default" is for http://127.0.0.1`},
		{"login", cli.ExitUsage, "There is no key in standard input."},
		{"logout --as nobody", cli.ExitUsage, "--as is partner"},
		{"init X", cli.ExitUsage, `"X" is no slug`},
		{"init acme-crm --language cobol", cli.ExitUsage, `--language is go, python, typescript, not "cobol".`},
		{"open --profile other", cli.ExitUnauthenticated, "no console is known"},
		{"validate --dir nowhere", cli.ExitLocal, "no such file"},
		{"validate --dir damaged", cli.ExitLocal, "damaged/extension.json is not the JSON object"},
		{"promote tt_1", cli.ExitLocal, "blueprint.json: no such file"},
		{"diff --dir nowhere", cli.ExitUsage, "There is no nowhere/extension.json"},
		{"diff one", cli.ExitUsage, `A version is a number from 1 on, not "one".`},
		{"submit --dir nowhere", cli.ExitLocal, "nowhere/blueprint.json: no such file"},
		{"status", cli.ExitNotFound, "There is no such thing."},
		{"listen", cli.ExitUsage, "Missing flags: --to"},
		{"listen --to localhost:3000", cli.ExitUsage, "--to takes a URL such as http://localhost:3000"},
		{"tail --profile other", cli.ExitUnauthenticated, "This needs an API token"},
		{"agent run --to http://localhost:1", cli.ExitUnauthenticated, "This needs the key of an agent"},
		{"agent run --to http://localhost:1 --headers damaged/extension.json", cli.ExitUsage, "is no list of headers"},
		{"agent pair --url http://a.example --name x", cli.ExitUsage, "begins with https://"},
		{"agent service --to x", cli.ExitUsage, "--to takes a URL"},
		{"agent service --to http://a --program x", cli.ExitUsage, "the whole path"},
		{"trigger contract.signed", cli.ExitUsage, "Missing flags: --webhook"},
		{"trigger contract.sigend --webhook whk_1", cli.ExitInvalid,
			"There is no such event type. (invalid, request req-1)"},
		{"replay --webhook whk_1", cli.ExitUsage, "Give a delivery, or --since"},
		{"replay dlv_1 --webhook whk_1 --since 2h", cli.ExitUsage, "Give a delivery, or --since with other filters."},
		{"replay --webhook whk_1 --since yesterday", cli.ExitUsage,
			`--since takes a time such as 2026-11-22T09:30:00Z, or a duration such as 2h, not "yesterday".`},
		{"verify request.http", cli.ExitUsage, "Missing flags: --secret-file"},
		{"verify empty.txt --secret-file empty.txt", cli.ExitUsage, "There is no secret in empty.txt."},
		{"verify empty.txt --secret-file secret.txt", cli.ExitUsage, "Empty.txt holds no HTTP request: no empty line"},
		{"verify - --secret-file -", cli.ExitUsage, "Only one of"},
		{"verify nowhere --secret-file secret.txt", cli.ExitLocal, "nowhere: no such file"},
		{"api list-webhoks", cli.ExitUsage, "Is it list-webhooks?"},
		{"api read-webhook", cli.ExitUsage, "Missing flags: --webhook-id=TEXT. `plugboard api read-webhook --help`"},
		{"api read-webhook --webhook-id whk_1", cli.ExitForbidden, "The token lacks webhooks:read."},
		{"api read-webhook --webhook-id ..", cli.ExitUsage, `".." is no webhook_id.`},
		{"api list-webhooks --limit many", cli.ExitUsage, `--limit takes an integer, not "many".`},
		{"api create-webhook --name a --name b", cli.ExitUsage, "--name is given twice."},
		{"api create-webhook --body nonsense", cli.ExitUsage, "--body is no JSON object"},
		{"api create-webhook --headers [1]", cli.ExitUsage, "--headers takes a JSON object"},
		{"api create-partner --name a", cli.ExitUnauthenticated, "create-partner needs the platform's key"},
		{"api read-session-contract", cli.ExitUsage, "takes a credential that plugboard does not keep: participant."},
		{"completion tcsh", cli.ExitUsage, "for bash, zsh and fish"},
	} {
		out, errs, exit := m.run(strings.Fields(c.args)...)
		if exit != c.exit || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%s: exit %d, want %d; said %q, want %q; printed %q", c.args, exit, c.exit, errs, c.want, out)
		}
		if lines := strings.Count(errs, "\n"); lines != 1 || !strings.HasPrefix(errs, "plugboard: ") {
			t.Errorf("%s: it said %d lines, want one: %q", c.args, lines, errs)
		}
	}
}

func TestWrongInput_IsJSONWhereJSONIsAsked(t *testing.T) {
	m := newMachine(t).login("token")
	_, errs := m.want(cli.ExitNotFound, "why", "evt_1", "whk_1", "--json")
	same(
		t,
		"the failure",
		errs,
		`{"error":{"exit":5,"code":"not-found","detail":"There is no such thing.","request_id":"req-1"}}`+"\n",
	)
}

func TestFailure_PointsAtEachWrongField(t *testing.T) {
	m := newMachine(t).login("token")
	m.on("POST /v1/webhooks", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(422)
		io.WriteString(
			w,
			`{"code":"invalid","detail":"Some fields are wrong.","request_id":"r","errors":[{"pointer":"/url",`+
				`"code":"invalid","detail":"It is \u001b[31mred."}]}`,
		)
	})
	_, errs := m.want(cli.ExitInvalid, "api", "create-webhook", "--name", "a")
	same(
		t,
		"the failure",
		errs,
		"plugboard: Some fields are wrong. (invalid, request r)\n  /url: It is \uFFFD[31mred.\n",
	)
}

func TestExits_EveryStatusHasADocumentedCode(t *testing.T) {
	m := newMachine(t).login("token")
	documented := map[cli.Exit]bool{}
	for _, e := range cli.Exits {
		documented[e.Exit] = true
	}
	for status, want := range map[int]cli.Exit{
		400: 7, 401: 3, 403: 4, 404: 5, 409: 6, 412: 6, 413: 7, 415: 7, 422: 7, 428: 6, 429: 8, 500: 10, 501: 10,
		502: 8, 503: 8, 504: 8,
	} {
		m.on("GET /v1/me", refuse(status, "x", "No."))
		if _, errs, exit := m.run("api", "read-me"); exit != want || !documented[exit] {
			t.Errorf("status %d: exit %d, want %d: %s", status, exit, want, errs)
		}
	}
	m.server.Close()
	_, errs := m.want(cli.ExitUnreachable, "api", "read-me")
	if !strings.Contains(errs, "cannot be reached: nothing listens there.") {
		t.Errorf("of a dead server it said %q", errs)
	}
}

// README.md has the table of exit codes, word by word.
func TestExits_TheReadmeHasTheTable(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range cli.Exits {
		if line := fmt.Sprintf("| %d | %s |", e.Exit, e.Meaning); !strings.Contains(string(readme), line) {
			t.Errorf("README.md lacks %q", line)
		}
	}
}
