package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"plugboard/functions/contracts"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// importing calls an import as the platform.
func (w *world) importing(kind string, items ...object) answer {
	w.t.Helper()
	return w.call(platform, "POST", "/v1/import/"+kind, object{"items": items})
}

// imported expects what became of each item, in their order: a failed one by its code.
func (w *world) imported(a answer, want ...string) answer {
	w.t.Helper()
	w.want(a, 200)
	var got []string
	counts := map[string]int{"created": 0, "updated": 0, "unchanged": 0, "failed": 0, "not_tried": 0}
	for n := range a.at("items").([]any) {
		result := a.str("items", n, "result")
		counts[strings.ReplaceAll(result, "-", "_")]++
		if result == "failed" {
			result = a.str("items", n, "code")
		}
		got = append(got, result)
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("got %v, want %v: %s", got, want, a.raw)
	}
	for result, n := range counts {
		if a.at(result) != float64(n) {
			w.t.Errorf("the report counts %v %s, want %d", a.at(result), result, n)
		}
	}
	return a
}

func userItem(account, id, email string, more ...object) object {
	item := object{"account_id": account, "id": id, "email": email, "name": id, "role": "member",
		"workspaces": []string{}}
	for _, m := range more {
		maps.Copy(item, m)
	}
	return item
}

// times repeats what is expected of each item.
func times(n int, result string) []string { return slices.Repeat([]string{result}, n) }

func users(n int, account string, more ...object) []object {
	var items []object
	for i := range n {
		items = append(items, userItem(account, fmt.Sprintf("u%04d", i), fmt.Sprintf("u%04d@customer.test", i),
			more...))
	}
	return items
}

func TestImport_CreatesUpdatesAndLeavesAlone(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	typeID := a.templateType("acme-crm")
	template := object{"account_id": "customer", "id": "t1", "name": "T", "workspace_id": "sales",
		"template_type_id": typeID, "data_fields": []object{{"custom_id": "amount", "value": "7"}}}
	for _, test := range []struct {
		kind, single string // where the single operation reads or writes the first item
		first, other object
		change       object
	}{
		{"accounts", "/v1/accounts/new", object{"id": "new", "name": "New"}, object{"id": "new-2", "name": "New"},
			object{"name": "Newer"}},
		{"workspaces", "/v1/accounts/customer/workspaces/w1", object{"account_id": "customer", "id": "w1", "name": "W"},
			object{"account_id": "other", "id": "w1", "name": "W"}, object{"name": "X"}},
		{"users", "/v1/accounts/customer/users/u1", userItem("customer", "u1", "U1@customer.test"),
			userItem("other", "u1", "u1@customer.test"), object{"role": "admin"}},
		{"templates", "", template, object{"account_id": "customer", "id": "t2", "name": "T", "workspace_id": "legal",
			"template_type_id": typeID}, object{"name": "T1"}},
	} {
		a.imported(a.importing(test.kind, test.first, test.other), "created", "created")
		before := a.dump()
		a.cost.reset()
		a.imported(a.importing(test.kind, test.first, test.other), "unchanged", "unchanged")
		accounts := map[any]bool{}
		for _, item := range []object{test.first, test.other} {
			if account, in := item["account_id"]; in {
				accounts[account] = true
			}
		}
		reads := int64(2 + len(accounts)) // each item, and whether its account is there
		if wrote := a.cost.written.Load() + a.cost.transacted.Load() + a.cost.checked.Load(); wrote > 0 ||
			a.cost.read.Load() != reads || a.dump() != before {
			t.Errorf("%s: unchanged items took %d writes and %d reads", test.kind, wrote, a.cost.read.Load())
		}
		maps.Copy(test.first, test.change)
		a.imported(a.importing(test.kind, test.first, test.other), "updated", "unchanged")
		if test.single == "" {
			continue
		}
		body := maps.Clone(test.first)
		delete(body, "id")
		delete(body, "account_id")
		before = a.dump()
		a.want(a.call(platform, "PUT", test.single, body), 200)
		if a.dump() != before {
			t.Errorf("%s: the single operation finds something to change in what was imported", test.kind)
		}
	}
	// What was imported is the real thing.
	a.want(a.call(a.dashboard("customer", "u1"), "GET", "/v1/templates", nil), 200)
	c := a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf("t1")), 201)
	if got := c.raw; !bytes.Contains(got, []byte(`"value":"7"`)) {
		t.Errorf("a contract of the imported template has not its value: %s", got)
	}
	a.refused(a.call(a.admin, "DELETE", "/v1/template-types/"+a.ownTypeInUse(), nil), 409, "template-type-in-use")
}

// ownTypeInUse is a template type of the account's own, which two imported templates use.
func (a *actors) ownTypeInUse() string {
	a.t.Helper()
	id := a.want(a.call(a.admin, "POST", "/v1/template-types", object{"name": "Own", "fields": []object{}}),
		201).str("id")
	of := func(name string) object {
		return object{"account_id": "customer", "id": name, "name": name, "workspace_id": "sales",
			"template_type_id": id}
	}
	a.imported(a.importing("templates", of("own-1"), of("own-2")), "created", "created")
	return id
}

func TestImport_OneThatIsWrongFailsAloneAsTheSingleOperationWould(t *testing.T) {
	a := newActors(newWorld(t))
	good := userItem("customer", "good", "good@customer.test")
	bad := []object{
		userItem("customer", "bad", "no e-mail", object{"role": "owner", "color": "red"}),
		userItem("nowhere", "bad", "bad@customer.test"),
		userItem("customer", "bad-2", "bad-2@customer.test",
			object{"workspaces": []string{"sales", "none", "nor-this"}}),
		userItem("customer", "bad-3", strings.ToUpper(adminEmail)),
		{"account_id": 7},
	}
	items := append([]object{good}, bad...)
	items = append(items, userItem("customer", "last", "last@customer.test"))
	got := a.imported(a.importing("users", items...), "created", "invalid", "not-found", "invalid", "email-taken",
		"invalid", "created")
	for n, item := range bad {
		id, account := "x", "customer"
		if s, ok := item["id"].(string); ok {
			id, account = s, item["account_id"].(string)
		}
		body := maps.Clone(item)
		delete(body, "id")
		delete(body, "account_id")
		single := a.call(platform, "PUT", "/v1/accounts/"+account+"/users/"+id, body)
		at := func(path ...any) any { return got.at(append([]any{"items", n + 1}, path...)...) }
		if n == 4 {
			continue // the single operation has these in its path
		}
		if at("code") != single.at("code") || at("detail") != single.at("detail") {
			t.Errorf("item %d: got %v, want what the single operation says: %s", n+1, at(), single.raw)
		}
		var want []string
		for _, p := range single.pointers() {
			want = append(want, fmt.Sprintf("/items/%d%s", n+1, p))
		}
		var pointers []string
		list, _ := at("errors").([]any)
		for _, e := range list {
			pointers = append(pointers, e.(object)["pointer"].(string))
		}
		if !slices.Equal(pointers, want) {
			t.Errorf("item %d: got %v, want %v", n+1, pointers, want)
		}
	}
	if got := len(a.stored("user")); got != 6+2 {
		t.Errorf("got %d users, want the 6 that there were and the 2 good ones", got)
	}
	typeID := a.ownTypeInUse()
	a.imported(a.importing("templates",
		object{"account_id": "customer", "id": "own-1", "name": "T", "workspace_id": "none",
			"template_type_id": "tt_none", "data_fields": []object{}},
		object{"account_id": "other", "id": "t", "name": "T", "workspace_id": "sales", "template_type_id": typeID},
	), "invalid", "invalid")
}

// Of two that contradict each other none is known to be right. Each says so beside whatever else is wrong with it, and
// the others are imported.
func TestRule26_ItemsThatContradictEachOtherFailWithAllElseThatIsWrong(t *testing.T) {
	a := newActors(newWorld(t))
	got := a.imported(a.importing("users",
		userItem("customer", "one", "one@customer.test"),
		userItem("other", "one", "one@customer.test"), // another account's: another one
		userItem("customer", "one", "two@customer.test", object{"workspaces": []string{"sales", "none"}}),
		userItem("customer", "three", "ONE@customer.test", object{"color": "red"}),
		object{"account_id": "customer", "id": "one", "email": 7},
		object{"id": "lost", "email": "lost@customer.test", "name": "L", "role": "member", "workspaces": []string{}},
		// of whatever account
		object{"id": "lost", "email": "lost@customer.test", "name": "L", "role": "member", "workspaces": []string{}},
	), "invalid", "created", "invalid", "invalid", "invalid", "invalid", "invalid")
	want := [][]string{
		{"/items/0/email duplicate", "/items/0/id duplicate"}, nil,
		{"/items/2/id duplicate", "/items/2/workspaces/1 unknown-workspace"},
		{"/items/3/color unknown", "/items/3/email duplicate"},
		{"/items/4/email invalid", "/items/4/id duplicate", "/items/4/name required", "/items/4/role required",
			"/items/4/workspaces required"},
		{"/items/5/account_id required"}, {"/items/6/account_id required"},
	}
	for n := range want {
		var errors []string
		list, _ := got.at("items", n, "errors").([]any)
		for _, e := range list {
			errors = append(errors, fmt.Sprint(e.(object)["pointer"], " ", e.(object)["code"]))
		}
		slices.Sort(errors)
		if !slices.Equal(errors, want[n]) {
			t.Errorf("item %d: got %q, want %q", n, errors, want[n])
		}
	}
	if detail := got.str("items", 3, "errors", 1, "detail"); detail != "Item 0 has the same." {
		t.Errorf("item 3 says %q", detail)
	}
	if n := len(a.stored("user")); n != 6+1 {
		t.Errorf("got %d users, want the 6 that there were and the other account's", n)
	}
	typeID := a.ownTypeInUse()
	twice := object{"account_id": "customer", "id": "twice", "name": "T", "workspace_id": "sales",
		"template_type_id": typeID}
	a.imported(a.importing("templates", twice, twice), "invalid", "invalid")
	a.imported(a.importing("workspaces", object{"account_id": "customer", "id": "w", "name": "W"},
		object{"account_id": "customer", "id": "w", "name": "V"}), "invalid", "invalid")
	a.imported(a.importing("accounts", object{"id": "a", "name": "A"}, object{"id": "a", "name": "B"},
		object{"id": "b", "name": "B"}), "invalid", "invalid", "created")
}

func TestImport_RefusesACallThatIsTooLongOrNoList(t *testing.T) {
	a := newActors(newWorld(t))
	before := a.dump()
	many := a.refused(a.importing("users", users(1001, "customer")...), 422, "invalid")
	if got := many.pointers(); !slices.Equal(got, []string{"/items"}) {
		t.Errorf("1,001 items: got %v, want /items", got)
	}
	for name, body := range map[string]any{"none": object{"items": []object{}}, "no list": object{"items": nil},
		"no items": object{}, "more": object{"items": []object{{}}, "color": 1}} {
		if got := a.call(platform, "POST", "/v1/import/accounts", body); got.status != 422 {
			t.Errorf("%s: got %s, want 422", name, got.raw)
		}
	}
	a.refused(a.call(platform, "POST", "/v1/import/accounts", `{"items":[],"items":[{"id":"a","name":"A"}]}`), 400,
		"malformed")
	a.imported(a.call(platform, "POST", "/v1/import/accounts", `{"items":[{"id":"a","id":"b","name":"A"}]}`), "invalid")
	a.refused(a.call(platform, "POST", "/v1/import/accounts", `{"items":["`+strings.Repeat("x", 1<<20)+`"]}`), 413,
		"too-large")
	a.imported(a.call(platform, "POST", "/v1/import/accounts", `{"items":[7,null,"x",[]]}`), times(4, "invalid")...)
	if a.dump() != before {
		t.Error("a refused import left something")
	}
}

func TestImport_AThousandAtOnceAndTwiceInParallel(t *testing.T) {
	a := newActors(newWorld(t))
	items := users(400, "customer", object{"workspaces": []string{"sales", "legal"}})
	for _, account := range []string{"other", "acme-dev"} {
		items = append(items, users(300, account)...)
	}
	answers := make([]answer, 2)
	errs := make([]error, 2)
	var both sync.WaitGroup
	for n := range answers {
		both.Go(func() { answers[n], errs[n] = a.try(platform, "POST", "/v1/import/users", object{"items": items}) })
	}
	both.Wait()
	created := 0.0
	for n, got := range answers {
		must(t, errs[n])
		a.want(got, 200)
		if got.at("failed") != 0.0 || got.at("not_tried") != 0.0 {
			t.Fatalf("call %d: %v failed, %v were not tried: %.2000s", n, got.at("failed"), got.at("not_tried"),
				got.raw)
		}
		created += got.at("created").(float64)
	}
	if created != 1000 {
		t.Errorf("both calls say that they created %v users, want 1,000", created)
	}
	if got := len(a.stored("user")) - 6; got != 1000 || len(a.stored("reservation")) != 1006 {
		t.Errorf("got %d users and %d e-mails, want 1,000 more", got, len(a.stored("reservation")))
	}
	a.imported(a.importing("users", items...), times(1000, "unchanged")...)
}

func TestImport_AnEmailThatOneGivesUpAnotherMayTake(t *testing.T) {
	a := newActors(newWorld(t))
	of := func(id, email string) object { return userItem("customer", id, email+"@customer.test") }
	a.imported(a.importing("users", of("a", "1"), of("b", "2"), of("c", "3")), times(3, "created")...)
	a.imported(a.importing("users", of("c", "2"), of("b", "1"), of("a", "4")), times(3, "updated")...)
	for id, email := range map[string]string{"a": "4", "b": "1", "c": "2"} {
		if u, err := a.tables.UserByEmail(t.Context(), "customer", email+"@customer.test"); err != nil ||
			string(u.ID) != id {
			t.Errorf("%s is %s (%v), want %s", email, u.ID, err, id)
		}
	}
	if _, err := a.tables.UserByEmail(t.Context(), "customer", "3@customer.test"); err == nil {
		t.Error("an e-mail that was given up still finds someone")
	}
	// Two who change places have no order that works: each is told.
	a.imported(a.importing("users", of("b", "2"), of("c", "1"), of("d", "5")), "email-taken", "email-taken", "created")
}

// importService is the service itself, with a store and a clock of the test's.
func (w *world) importService(now domain.Clock, options ...func(*dynamodb.Options)) *contracts.Service {
	return contracts.New(w.tables.At(now, options...), now, domain.NewID)
}

func rawUsers(t *testing.T, items []object) *contract.ImportUsersInput {
	t.Helper()
	in := &contract.ImportUsersInput{}
	encoded, err := json.Marshal(object{"items": items})
	must(t, err)
	must(t, json.Unmarshal(encoded, &in.Body))
	return in
}

func TestImport_EndsInTimeAndNamesWhatWasNotTried(t *testing.T) {
	a := newActors(newWorld(t))
	// Each transaction takes 6 seconds of this clock: the fourth is begun after 18, and no fifth.
	var passed atomic.Int64
	began := a.now()
	clock := func() time.Time { return began.Add(time.Duration(passed.Load())) }
	slow := onTransaction(func(int64) error { passed.Add(int64(6 * time.Second)); return nil })
	out, err := a.importService(clock, slow).ImportUsers(t.Context(), rawUsers(t, users(200, "customer")))
	must(t, err)
	report := out.Body
	if report.Created != 100 || report.NotTried != 100 || report.Failed != 0 {
		t.Fatalf("got %d created, %d not tried, %d failed, want 100, 100, 0", report.Created, report.NotTried,
			report.Failed)
	}
	for n, item := range report.Items {
		want := contract.ImportCreated
		if n >= 100 {
			want = contract.ImportNotTried
		}
		if item.Result != want || string(item.ID) != fmt.Sprintf("u%04d", n) {
			t.Fatalf("item %d: got %+v, want %s", n, item, want)
		}
	}
	a.imported(a.importing("users", users(200, "customer")...),
		append(times(100, "unchanged"), times(100, "created")...)...)
}

// onTransaction calls at with the number of each transaction, whose error it gets.
func onTransaction(at func(n int64) error) func(*dynamodb.Options) {
	var n atomic.Int64
	return func(o *dynamodb.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
			if stack.ID() != "TransactWriteItems" {
				return nil
			}
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("at",
				func(ctx context.Context, in middleware.InitializeInput,
					next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
					if err := at(n.Add(1)); err != nil {
						return middleware.InitializeOutput{}, middleware.Metadata{}, err
					}
					return next.HandleInitialize(ctx, in)
				}), middleware.Before)
		})
	}
}

// passGate lets in as the platform.
type passGate struct{}

func (passGate) Admit(context.Context, auth.Request, auth.Demand) (auth.Caller, error) {
	return auth.Caller{Model: auth.ModelPlatform, Principal: "platform"}, nil
}

func TestImport_KilledMidwayTheSameCallFinishesIt(t *testing.T) {
	a := newActors(newWorld(t))
	// From the third transaction on nothing reaches DynamoDB, the answer's record neither: as when the process dies.
	dead := func(n int64) error {
		if n > 2 {
			return fmt.Errorf("killed")
		}
		return nil
	}
	send := func(tables *store.Store) *httptest.ResponseRecorder {
		h, err := contract.New(contract.Contracts, passGate{}, tables, nil,
			contracts.New(tables, a.now, domain.NewID).Routes)
		must(t, err)
		body, err := json.Marshal(object{"items": users(100, "customer")})
		must(t, err)
		r := httptest.NewRequest("POST", "/v1/import/users", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "sync-1")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := send(a.tables.At(a.now, onTransaction(dead))); w.Code != 500 {
		t.Fatalf("got %d, want 500 as the answer could not be kept: %s", w.Code, w.Body)
	}
	if got := len(a.stored("user")) - 6; got != 50 {
		t.Fatalf("got %d users of two transactions, want 50", got)
	}
	if w := send(a.tables.Store); w.Code != 409 {
		t.Errorf("within the lease: got %d, want 409: %s", w.Code, w.Body)
	}
	a.pass(61 * time.Second)
	var report contract.ImportReport
	w := send(a.tables.Store)
	must(t, json.Unmarshal(w.Body.Bytes(), &report))
	if w.Code != 200 || report.Unchanged != 50 || report.Created != 50 {
		t.Errorf("after it: got %d with %d unchanged and %d created, want 50 and 50", w.Code, report.Unchanged,
			report.Created)
	}
	if again := send(a.tables.Store); again.Code != 200 || again.Body.String() != w.Body.String() {
		t.Errorf("once more: got %d and another answer", again.Code)
	}
}

func TestImport_AReportOfAThousandFailuresIsKeptForItsKey(t *testing.T) {
	a := newActors(newWorld(t))
	var items []object
	for n := range 1000 {
		bad := userItem("customer", fmt.Sprintf("%0120d", n), "bad")
		for i := range 12 {
			bad[fmt.Sprintf("unknown-%d-%0200d", i, n*i)] = 1
		}
		items = append(items, bad)
	}
	by := platform.with("Idempotency-Key", "bad")
	first := a.imported(a.call(by, "POST", "/v1/import/users", object{"items": items}), times(1000, "invalid")...)
	again := a.imported(a.call(by, "POST", "/v1/import/users", object{"items": items}), times(1000, "invalid")...)
	if !bytes.Equal(first.raw, again.raw) {
		t.Error("the repeated call got another answer")
	}
	if n := len(first.at("items", 0, "errors").([]any)); n != 10 {
		t.Errorf("got %d errors of an item, want 10", n)
	}
	for _, i := range a.stored("idempotency") {
		if kept := i["answer"].(*types.AttributeValueMemberB).Value; len(kept) > 350<<10 || len(first.raw) < 256<<10 {
			t.Errorf("of an answer of %d bytes %d are kept, where an item has 400 KB", len(first.raw), len(kept))
		}
	}
}
