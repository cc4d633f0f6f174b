package functions_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/shared/domain"
)

// external is an event of a contract kept elsewhere, made through the main extension.
func (w *world) external(id string, more ...object) object {
	item := object{
		"id": id, "account_id": "customer", "type": "contract.signed", "timestamp": w.now().Format(time.RFC3339Nano),
		"contract_id":  "K-1",
		"workspace_id": "sales", "extension_id": mainExtension, "extension_type": mainExtension,
		"data": object{"name": "Order 1001", "total": 12.5},
	}
	for _, m := range more {
		maps.Copy(item, m)
	}
	return item
}

func (w *world) sendEvents(items ...object) answer {
	w.t.Helper()
	return w.call(platform, "POST", "/v1/events", object{"items": items})
}

// ofRecord is all of a kind in the accounts table.
func (w *world) ofRecord(r domain.Record) []item {
	w.t.Helper()
	return slices.DeleteFunc(w.scan(w.tables.Config.AccountsTable), func(i item) bool {
		return text(i, "record") != string(r)
	})
}

func TestRule17_EventsFromOutsideAreHeardByTheSameRules(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	order, addendum := a.templateType("acme-crm"), a.templateType("acme-crm_addendum")
	ownType := a.want(a.call(a.admin, "POST", "/v1/template-types", object{"name": "Ours", "fields": []object{}}),
		201).str("id")
	own := a.want(a.call(a.admin, "POST", "/v1/webhooks", object{"name": "All", "url": a.receiver.URL}), 201).str("id")
	hooks := map[string]string{"order": a.hookOf(order), "addendum": a.hookOf(addendum), "own": own}
	a.settle()
	a.receiver.take()
	for name, c := range map[string]struct {
		item object
		want string
	}{
		"through the extension, by its type": {a.external("1"), "order own"},
		"its other type, by id": {
			a.external("2", object{"extension_type": "", "template_type_id": addendum}), "addendum own"},
		"of its type and not through it": {a.external("3", object{"extension_id": ""}), "own"},
		"of a type of the account's": {
			a.external("4", object{"extension_id": "", "extension_type": "", "template_type_id": ownType}), "own"},
		"of no type": {a.external("5", object{"extension_id": "", "extension_type": ""}),
			"own"},
	} {
		a.imported(a.sendEvents(c.item), "created")
		a.settle()
		if got := a.whoHeard(hooks); got != c.want {
			t.Errorf("%s: heard by %q, want %q", name, got, c.want)
		}
	}
}

func TestRule18_AnEventFromOutsideIsSentAsItCame(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	secrets, order := a.signingSecrets(), a.templateType("acme-crm")
	report := a.sendEvents(a.external("1",
		object{"data": object{"name": "Order", "id": "mine", "origin_extension_id": "somebody",
			"number": json.Number("12345678901234567890.10")}}))
	a.imported(report, "created")
	a.settle()
	got := a.receiver.take()
	if len(got) != 1 {
		t.Fatalf("%d requests, want one", len(got))
	}
	got[0].verified(t, secrets[a.hookOf(order)], a.now())
	var body struct {
		ID, Type string
		Account  string `json:"account_id"`
		Data     map[string]any
	}
	decoder := json.NewDecoder(bytes.NewReader(got[0].body))
	decoder.UseNumber()
	must(t, decoder.Decode(&body))
	want := map[string]any{
		"id": "K-1", "name": "Order", "number": json.Number("12345678901234567890.10"), "workspace_id": "sales",
		"template_type_id": order, "extension_type": "acme-crm", "origin_extension_id": "acme-crm",
	}
	if body.ID != report.str("items", 0, "event_id") || body.Type != "contract.signed" || body.Account != "customer" ||
		!maps.Equal(body.Data, want) {
		t.Errorf("the body is %s", got[0].body)
	}
	log := a.want(a.call(a.admin, "GET", "/v1/webhooks/"+a.hookOf(order)+"/deliveries", nil), 200)
	if log.str("items", 0, "event_id") != body.ID || log.str("items", 0, "state") != "delivered" {
		t.Errorf("the log reads %s", log.raw)
	}
}

func TestRule16_TheSameEventFromOutsideIsStoredAndHeardOnce(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	a.settle()
	a.receiver.take()
	item := a.external("twice")
	var sending sync.WaitGroup
	results := make([]answer, 4)
	for n := range results {
		sending.Go(func() { results[n] = a.sendEvents(item) })
	}
	sending.Wait()
	counts := map[string]int{}
	for _, r := range results {
		counts[a.want(r, 200).str("items", 0, "result")]++
	}
	if counts["created"] < 1 || counts["created"]+counts["unchanged"] != len(results) {
		t.Errorf("at once: %v", counts)
	}
	a.settle()
	if got := len(a.receiver.take()); got != 1 {
		t.Errorf("heard of %d times", got)
	}
	a.pass(time.Hour)
	a.imported(a.sendEvents(item), "unchanged")
	a.imported(a.sendEvents(object{"id": "twice"}, a.external("twice", object{"data": object{"name": "Another"}})),
		"invalid", "event-differs")
	later := a.external("twice", object{"timestamp": a.now().Format(time.RFC3339Nano)})
	a.imported(a.sendEvents(later), "event-differs")
	a.settle()
	if got := len(a.receiver.take()); got != 0 {
		t.Errorf("a repeat was heard of %d times", got)
	}
	if left := a.ofRecord(domain.RecordPending); len(left) != 0 {
		t.Errorf("%d events are pending, want none", len(left))
	}
}

func TestRule26_EverythingWrongWithAnEventFromOutsideIsSaid(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	order := a.templateType("acme-crm")
	big := strings.Repeat("x", 256<<10)
	for name, c := range map[string]struct {
		item object
		want []string
	}{
		"nothing of it": {object{}, []string{"/account_id", "/contract_id", "/id", "/timestamp", "/type",
			"/workspace_id"}},
		"what is not there": {a.external("1", object{"type": "contract.eaten", "workspace_id": "nowhere",
			"extension_id": "nobody", "extension_type": "nothing"}),
			[]string{"/extension_id", "/extension_type", "/type", "/workspace_id"}},
		"another's type": {a.external("1", object{"extension_id": dependency, "extension_type": "acme-crm"}),
			[]string{"/extension_type"}},
		"two types": {a.external("1", object{"template_type_id": order}),
			[]string{"/template_type_id"}},
		"no type, through one": {a.external("1", object{"extension_type": ""}), []string{"/extension_type"}},
		"not a contract's":     {a.external("1", object{"type": "installation.enabled"}), []string{"/type"}},
		"ahead": {a.external("1", object{"timestamp": a.now().Add(time.Hour).Format(time.RFC3339)}),
			[]string{"/timestamp"}},
		"long ago": {a.external("1",
			object{"timestamp": a.now().Add(-8 * 24 * time.Hour).Format(time.RFC3339)}), []string{"/timestamp"}},
		"before the account": {a.external("1",
			object{"timestamp": a.now().Add(-6 * time.Minute).Format(time.RFC3339)}), []string{"/timestamp"}},
		"too large":                 {a.external("1", object{"data": object{"name": big}}), []string{"/data"}},
		"a member nobody asked for": {a.external("1", object{"more": 1}), []string{"/more"}},
	} {
		got := a.want(a.sendEvents(c.item, a.external(fmt.Sprint("good ", name))), 200)
		var wrong []string
		errors, _ := got.at("items", 0, "errors").([]any)
		for n := range errors {
			wrong = append(wrong, strings.TrimPrefix(got.str("items", 0, "errors", n, "pointer"), "/items/0"))
		}
		slices.Sort(wrong)
		if !slices.Equal(wrong, c.want) || got.str("items", 1, "result") != "created" {
			t.Errorf("%s: got %v, want %v, and the other created: %.600s", name, wrong, c.want, got.raw)
		}
	}
	a.imported(a.sendEvents(a.external("1", object{"account_id": "nowhere"}), a.external("2"), a.external("2"),
		a.external("3")), "not-found", "invalid", "invalid", "created")
}

func TestRule27_EventsFromOutsideEndWithTheAccount(t *testing.T) {
	s := doomed(newWorld(t))
	direct := object{"extension_id": "", "extension_type": ""}
	s.imported(s.sendEvents(s.external("1", direct, object{"data": object{"name": planted}}), s.external("2", direct)),
		"created", "created")
	s.settle()
	s.erased(s.remove())
	if left := s.ofRecord(domain.RecordEvent); slices.ContainsFunc(left, func(i item) bool {
		return text(i, "account_id") == "customer"
	}) {
		t.Error("events of the account are left")
	}
	s.imported(s.sendEvents(s.external("3", direct)), "not-found")
}
