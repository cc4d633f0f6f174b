package inventory_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"plugboard/functions/console"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/contract/inventory"
	"plugboard/shared/domain"
)

func root(t *testing.T) string {
	t.Helper()
	root, err := inventory.Root(".")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// An operation's identity is method and path. Lines are left out of the comparison, as an edit far above a handler
// would otherwise make every branch run make inventory, for a diff that says nothing; what the committed lines say
// is where things were at the last refresh. That those are right when they are made is tested on fresh rows.
func TestRule23_CommittedInventoryIsCurrent(t *testing.T) {
	fresh := rows(t)
	markdown, err := os.ReadFile(filepath.Join(root(t), inventory.MarkdownFile))
	if err != nil {
		t.Fatal(err)
	}
	if withoutLines(string(markdown)) != withoutLines(string(inventory.Markdown(fresh))) {
		t.Errorf("%s is stale: run make inventory", inventory.MarkdownFile)
	}
	everyLineIsRight(t, fresh)
	document, err := inventory.Document(fresh)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(contract.OpenAPIJSON(), document) {
		t.Errorf("%s is stale: run make inventory", inventory.OpenAPIFile)
	}
}

var line = regexp.MustCompile(`\.go:\d+`)

func withoutLines(s string) string { return line.ReplaceAllString(s, ".go") }

var whole = sync.OnceValues(func() ([]inventory.Row, error) {
	root, err := inventory.Root(".")
	if err != nil {
		return nil, err
	}
	return inventory.Whole(root)
})

// rows is the inventory of the module, built once.
func rows(t *testing.T) []inventory.Row {
	t.Helper()
	rows, err := whole()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func everyLineIsRight(t *testing.T, rows []inventory.Row) {
	t.Helper()
	for _, r := range rows {
		if len(r.Trace) < 2 || r.Trace[0].Kind != inventory.Declaration || r.Trace[1].Kind != inventory.Handler ||
			r.Trace[1].At != r.HandlerAt {
			t.Errorf("%s: got the trace %v, want it to begin with declaration and handler", r.Operation, r.Trace)
		}
		for _, s := range r.Trace {
			name := s.Name[strings.LastIndex(s.Name, ".")+1:]
			if name == inventory.Closure {
				name = "func"
			}
			if got := text(t, s.At); !strings.Contains(got, name) {
				t.Errorf("%s: %s says %q, want it to mention %s", r.Operation, s.At, got, name)
			}
		}
	}
}

// text is the line at the position.
func text(t *testing.T, at inventory.Position) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(t), at.File()))
	if err != nil {
		t.Fatal(err)
	}
	_, number, _ := strings.Cut(string(at), ":")
	n, err := strconv.Atoi(number)
	lines := strings.Split(string(raw), "\n")
	if err != nil || n < 1 || n > len(lines) {
		t.Fatalf("%s is no line", at)
	}
	return lines[n-1]
}

func TestRule23_EveryColumnIsFilled(t *testing.T) {
	rows := rows(t)
	if got, want := len(rows), len(contract.All())+len(console.Routes()); got != want {
		t.Errorf("got %d rows, want one for each operation and each page: %d", got, want)
	}
	for _, r := range rows {
		for column, value := range map[string]string{
			"service": r.Service, "function": string(r.Function), "operation": r.Operation, "summary": r.Summary,
			"owner":       r.Owner,
			"acting user": string(r.ActingUser), "family": string(r.Family), "since": r.Since, "handler": r.Handler,
			"handler's place": string(r.HandlerAt),
		} {
			if value == "" {
				t.Errorf("%s has no %s", r.Operation, column)
			}
		}
		if len(r.Auth) == 0 || len(r.Responses) == 0 || len(r.Errors) == 0 {
			t.Errorf("%s has no auth, no answer or no error", r.Operation)
		}
		for _, e := range r.Errors {
			if len(e.Codes) == 0 {
				t.Errorf("%s: nothing on its way answers %d, which its row declares", r.Operation, e.Status)
			}
		}
		for _, i := range r.Inputs {
			if i.Type == "" {
				t.Errorf("%s: its input %s %s has no type", r.Operation, i.In, i.Name)
			}
		}
		for _, parameter := range regexp.MustCompile(`\{([a-z_]+)\}`).FindAllStringSubmatch(r.Path, -1) {
			if !slices.ContainsFunc(r.Inputs, func(i inventory.Input) bool {
				return i.In == "path" && i.Name == parameter[1] && i.Required && i.Limits != ""
			}) {
				t.Errorf("%s: its inputs have no %s with a limit", r.Operation, parameter[1])
			}
		}
	}
}

// small is the function under testdata.
func small(t *testing.T) *inventory.Code {
	t.Helper()
	code, err := inventory.Load(root(t), "./shared/contract/inventory/testdata/functions/...")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestRule23_TraceAndFailures(t *testing.T) {
	code := small(t)
	row := func(o contract.Operation) (inventory.Row, error) {
		rows, err := inventory.Of([]contract.Operation{o}, contract.OpenAPI(), code)
		if err != nil {
			return inventory.Row{}, err
		}
		return rows[0], nil
	}

	for _, test := range []struct {
		operation contract.Operation
		handler   string
		want      []string
	}{
		{contract.ReadPartner.Operation, "Service.ReadPartner", []string{"store Store.Partner in Service.ReadPartner"}},
		{contract.CreatePartner.Operation, "Service.Create",
			[]string{"store Tx.Create in Service.Create", "store Store.Commit in Service.commit"}},
		{contract.RotatePartnerKey.Operation, "Service.Rotate", []string{
			"store Store.Partner in Service.Rotate", "secret Sealer.Open in Service.Rotate",
			"queue queue.SendMessage in Service.Rotate",
		}},
		{contract.ListExtension.Operation, "listed", []string{"store Store.Listings in listed"}},
		{contract.UnlistExtension.Operation, inventory.Closure, []string{"store Store.Commit in Service.commit"}},
		{contract.ReadOpenapi.Operation, "Document", nil},
	} {
		t.Run(test.operation.ID, func(t *testing.T) {
			r, err := row(test.operation)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range r.Trace[2:] {
				got = append(got, fmt.Sprintf("%s %s in %s", s.Kind, s.Name, s.In))
			}
			if r.Handler != test.handler || !slices.Equal(got, test.want) {
				t.Errorf("got %s: %q, want %s: %q", r.Handler, got, test.handler, test.want)
			}
			if !strings.HasPrefix(string(r.HandlerAt),
				"shared/contract/inventory/testdata/functions/catalogue/service.go:") {
				t.Errorf("got the handler at %s, want it in testdata", r.HandlerAt)
			}
		})
	}

	unknown, none := contract.ReadPartner.Operation, contract.ReadPartner.Operation
	unknown.Auth = auth.AnyOf(auth.Rule{Model: "cookie"})
	none.Auth = nil
	elsewhere, undeclared := contract.ReadPartner.Operation, contract.ReadPartner.Operation
	elsewhere.Path = "/v1/elsewhere"
	undeclared.ID = "read-nothing"
	for _, test := range []struct {
		operation contract.Operation
		want      string
	}{
		{contract.CreateExtension.Operation,
			"the operation create-extension has no handler: no function calls contract.CreateExtension.Handle"},
		{contract.ListCatalogue.Operation, "the operation list-catalogue is handled more than once"},
		{contract.ReadExtension.Operation, "the operation read-extension declares records, and its handler " +
			"Service.Idle makes no store call"},
		{contract.ReadWebhook.Operation, "the operation read-webhook belongs to the function webhooks, and its " +
			"handler is in catalogue"},
		{undeclared, "the operation read-nothing has no declaration"},
		{elsewhere, "the operation read-partner is not in the OpenAPI document"},
		{unknown, `the operation read-partner names the unknown auth model "cookie"`},
		{none, "the operation read-partner names no auth model"},
	} {
		if _, err := row(test.operation); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}

	t.Run("every problem is told at once", func(t *testing.T) {
		_, err := inventory.Of(contract.OwnedBy(contract.Contracts), contract.OpenAPI(), code)
		if got, want := strings.Count(fmt.Sprint(err), "has no handler"),
			len(contract.OwnedBy(contract.Contracts)); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	})
	t.Run("codes are those that the way can answer", func(t *testing.T) {
		r, err := row(contract.ReadPartner.Operation)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int][]string{}
		for _, e := range r.Errors {
			got[e.Status] = e.Codes
		}
		if want := []string{"another-partner", "not-found"}; !slices.Equal(got[404], want) {
			t.Errorf("got %v, want %v", got[404], want)
		}
		if want := []string{"wrong-credential"}; !slices.Equal(got[403], want) { // neither role nor scope is asked for
			t.Errorf("got %v, want %v", got[403], want)
		}
	})
}

// A page is as much of a capability as an operation: somebody may do something by it.
func TestRule23_EveryPageHasARowThatSaysWhoMayOpenIt(t *testing.T) {
	code, err := inventory.Load(root(t), "./functions/...")
	if err != nil {
		t.Fatal(err)
	}
	operations, err := inventory.Of(contract.All(), contract.OpenAPI(), code)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := inventory.Pages(console.Routes(), operations, code)
	if err != nil {
		t.Fatal(err)
	}
	row := func(id string) inventory.Row {
		at := slices.IndexFunc(rows, func(r inventory.Row) bool { return r.Operation == id })
		if at < 0 {
			t.Fatalf("there is no row of %s", id)
		}
		return rows[at]
	}
	if r := row("tokens"); r.Auth.String() != "dashboard (admin)" || r.Handler != "Console.tokens" ||
		len(r.Writes) > 0 {
		t.Errorf("got %+v", r)
	}
	if r := row("enable"); !slices.Contains(r.Writes, domain.RecordInstallation) ||
		!slices.ContainsFunc(r.Effects, func(e inventory.Effect) bool { return e.Name == "installation.enabled" }) {
		t.Errorf("enabling by a page writes %v and causes %v", r.Writes, r.Effects)
	}
	if r := row("sign-in"); r.Auth.String() != "public" {
		t.Errorf("signing in needs %s", r.Auth)
	}

	taken, lost, calls := console.Routes()[0], console.Routes()[0], console.Routes()[0]
	taken.ID, lost.ID, calls.Calls = "enable-extension", "nowhere", []contract.Operation{{ID: "do-nothing"}}
	for route, want := range map[*console.Route]string{
		&taken: "has no handler", &lost: "the page nowhere has no handler",
		&calls: "calls do-nothing, which has no row",
	} {
		if _, err := inventory.Pages([]console.Route{*route}, operations, code); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", route.ID, err, want)
		}
	}
	if _, err := inventory.Pages(nil, operations, code); err == nil {
		t.Error("an inventory of no page was made")
	}
}

func TestRule23_NothingIsAnError(t *testing.T) {
	if _, err := inventory.Of(nil, contract.OpenAPI(), nil); err == nil {
		t.Error("an inventory of no operation was made")
	}
}

// A code that leaves a function must be found, whatever built it.
func TestRule23_CodesOfDependenciesAndEffectsThroughTheQueueAreThere(t *testing.T) {
	rows := rows(t)
	enable := rows[slices.IndexFunc(rows, func(r inventory.Row) bool { return r.Operation == "enable-extension" })]
	conflicts := enable.Errors[slices.IndexFunc(enable.Errors, func(e inventory.Error) bool {
		return e.Status == 409
	})].Codes
	for _, code := range []string{"cyclic-dependency", "dependency-version", "too-many-dependencies",
		"unlisted-dependency"} {
		if !slices.Contains(conflicts, code) {
			t.Errorf("got the conflicts %v, want %s among them", conflicts, code)
		}
		if !bytes.Contains(contract.OpenAPIJSON(), []byte(code)) {
			t.Errorf("the document has no %s", code)
		}
	}
	want := []string{"fanout", "provisions queue", "provisioning", "fanout", "deliveries queue", "delivery"}
	if !slices.ContainsFunc(enable.Effects, func(e inventory.Effect) bool {
		return e.Name == "installation.enabled" && slices.Equal(e.To, want)
	}) {
		t.Errorf("got the effects %v, want installation.enabled and its deliveries", enable.Effects)
	}
}

func TestRule23_ACodeThatIsNoConstantFailsTheInventory(t *testing.T) {
	_, err := inventory.Of([]contract.Operation{contract.ReadRollout.Operation}, contract.OpenAPI(), small(t))
	if err == nil || !strings.Contains(err.Error(),
		"answers with a kind or code that is no constant, at shared/contract/inventory/testdata") {
		t.Errorf("got %v, want the place", err)
	}
}
