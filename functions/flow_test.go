package functions_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/shared/trace"
)

// TestFlow_EnableAndHearOfTheContractsMadeThroughIt is the main job, from the click to the verified webhook.
func TestFlow_EnableAndHearOfTheContractsMadeThroughIt(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	order, addendum := a.templateType("acme-crm"), a.templateType("acme-crm_addendum")
	secrets := a.signingSecrets()
	if len(secrets) != 2 || a.hookOf(order) == a.hookOf(addendum) {
		t.Fatalf("got %d webhooks, want one for each of the two template types", len(secrets))
	}

	direct := a.want(a.call(a.member, "POST", "/v1/contracts", contractOf(a.template(order))), 201).str("id")
	a.want(a.call(a.member, "POST", "/v1/contracts/"+direct+"/publish", nil), 200)
	a.want(a.call(a.member, "POST", "/v1/contracts/"+direct+"/sign", nil), 200)
	a.settle()
	if got := a.receiver.take(); len(got) != 0 {
		t.Fatalf("a contract made directly sent %d webhooks, the first %s", len(got), got[0].body)
	}

	through := a.want(a.call(a.integration(memberEmail), "POST", "/v1/contracts",
		contractOf(a.template(order), [2]string{"order_number", "1001"})), 201).str("id")
	a.want(a.call(a.integration(memberEmail), "POST", "/v1/contracts/"+through+"/publish", nil), 200)
	a.want(a.call(platformFor(a.account), "POST", "/v1/contracts/"+through+"/sign", nil), 200)
	a.settle()
	got := a.receiver.take()
	var types []string
	for _, r := range got {
		r.verified(t, secrets[a.hookOf(order)], a.now())
		var body struct {
			Type    string
			Account string `json:"account_id"`
			Context map[string]string
			Data    struct {
				ID         string
				DataFields []struct{ Value string } `json:"data_fields"`
			}
		}
		must(t, json.Unmarshal(r.body, &body))
		types = append(types, body.Type)
		if body.Data.ID != through || body.Account != string(a.account) || body.Context["customer_id"] != "C-1001" ||
			body.Data.DataFields[0].Value != "1001" {
			t.Errorf("the body is %s", r.body)
		}
		if r.header.Get("X-Customer") != "C-1001" || r.header.Get("X-Api-Key") != "sesame-sesame" {
			t.Errorf("the parameters' headers are %q and %q", r.header.Get("X-Customer"), r.header.Get("X-Api-Key"))
		}
	}
	slices.Sort(types)
	if want := []string{"contract.created", "contract.published", "contract.signed"}; !slices.Equal(types, want) {
		t.Errorf("got %v, want %v", types, want)
	}

	deliveries := a.want(a.call(a.integration(memberEmail), "GET", "/v1/webhooks/"+a.hookOf(order)+"/deliveries",
		nil), 200)
	for n := range 3 {
		if deliveries.str("items", n, "state") != "delivered" ||
			deliveries.at("items", n, "attempts", 0, "status") != 200.0 {
			t.Errorf("delivery %d reads %v", n, deliveries.at("items", n))
		}
	}
	if n := len(deliveries.at("items").([]any)); n != 3 {
		t.Errorf("the log shows %d deliveries, want 3", n)
	}
}

func TestRule17_AWebhookHearsOnlyItsTypeItsInstallationAndItsAccount(t *testing.T) {
	a := newActors(newWorld(t))
	a.list("beta-crm", []string{""}, func() object {
		b := crmBlueprint(a.receiver.URL)
		b["template_types"] = b["template_types"].([]object)[:1]
		return b
	}())
	a.enable()
	acme := a.token
	a.token = a.want(a.call(a.admin, "PUT", "/v1/installations/beta-crm",
		object{"parameters": object{"beta-crm": object{"customer_id": "C-2"}}}), 202).str("created", 0, "token")
	a.settle()
	beta := a.integration(adminEmail)
	a.token = acme
	own := a.want(a.call(a.admin, "POST", "/v1/webhooks", object{"name": "All", "url": a.receiver.URL}), 201).str("id")
	a.receiver.take()

	heard := func(typeID string, by who) map[string]int {
		t.Helper()
		made := a.want(a.call(by, "POST", "/v1/contracts", contractOf(a.template(typeID))), 201).str("id")
		a.settle()
		a.receiver.take()
		by17 := map[string]int{}
		hooks := a.want(a.call(a.admin, "GET", "/v1/webhooks", nil), 200)
		for n := range hooks.at("items").([]any) {
			id := hooks.str("items", n, "id")
			log := a.want(a.call(a.admin, "GET", "/v1/webhooks/"+id+"/deliveries", nil), 200)
			for d := range log.at("items").([]any) {
				if a.eventContract(log.str("items", d, "event_id")) == made {
					by17[id]++
				}
			}
		}
		return by17
	}
	order, addendum, other := a.templateType("acme-crm"), a.templateType("acme-crm_addendum"),
		a.templateType("beta-crm")
	for name, test := range map[string]struct {
		typeID string
		by     who
		want   map[string]int
	}{
		"through acme, order":    {order, a.integration(adminEmail), map[string]int{a.hookOf(order): 1, own: 1}},
		"through acme, addendum": {addendum, a.integration(adminEmail), map[string]int{a.hookOf(addendum): 1, own: 1}},
		"through beta":           {other, beta, map[string]int{a.hookOf(other): 1, own: 1}},
		"direct, of acme's type": {order, a.member, map[string]int{own: 1}},
	} {
		if got := heard(test.typeID, test.by); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s: heard by %v, want %v", name, got, test.want)
		}
	}
}

// eventContract is the contract that a stored event is of.
func (a *actors) eventContract(event string) string {
	for _, i := range a.stored("event") {
		if text(i, "id") == event {
			return text(i, "contract_id")
		}
	}
	return ""
}

func TestRule5_ADisabledInstallationsDeliveriesAreCancelledAndASuspendedOnesSkipped(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	order := a.templateType("acme-crm")
	hook := a.hookOf(order)
	template := a.template(order)
	create := func() { a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201) }
	lastState := func() string {
		t.Helper()
		last := a.lastAttempt(hook)
		return text(last, "outcome")
	}
	create()
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
	a.pass(5 * time.Second)
	a.settle()
	if got := lastState(); got != "skipped" || len(a.receiver.take()) != 0 {
		t.Errorf("while suspended the delivery reads %s", got)
	}
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/resume", nil), 200)
	a.pass(5 * time.Second)
	create()
	a.want(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	a.pass(5 * time.Second)
	a.settle()
	if got := lastState(); got != "cancelled" || len(a.receiver.take()) != 0 {
		t.Errorf("after disabling the delivery reads %s", got)
	}
}

// A process remembers a webhook for two seconds; what was so of the old epoch must not hold what is of the new.
func TestRule5_EnabledAgainItHearsAtOnce(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	for _, undo := range []string{"disable", "suspend"} {
		create := func() {
			a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
		}
		create()
		a.settle()
		at := "/v1/installations/" + mainExtension
		a.call(a.admin, "POST", at+"/"+undo, nil)
		a.receiver.take()
		if undo == "disable" {
			a.settle()
			a.enable()
		} else {
			a.want(a.call(a.admin, "POST", at+"/resume", nil), 200)
		}
		create()
		a.settle()
		if got := len(a.receiver.take()); got != 1 {
			t.Errorf("after %s and back a contract sent %d webhooks, want 1", undo, got)
		}
	}
}

func TestRule16_NoEventOfWhatWasRolledBack(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	template := a.template(a.templateType("acme-crm"))
	before := len(a.stored("event"))
	a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts",
		contractOf(template, [2]string{"amount", "x"})), 422)
	made := a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	at := "/v1/contracts/" + made.str("id")
	first := a.want(a.call(a.integration(adminEmail), "POST", at+"/publish", nil), 200)
	a.refused(a.call(a.integration(adminEmail).with("If-Match", made.header.Get("ETag")), "POST", at+"/publish", nil),
		412, "stale")
	if got := len(a.stored("event")) - before; got != 2 {
		t.Errorf("one creation and one publication, with two refusals between, made %d events (%s)", got, first.raw)
	}
}

// lastAttempt is the newest line of a webhook's log.
func (a *actors) lastAttempt(hook string) item {
	a.t.Helper()
	var last item
	for _, i := range a.scan(a.tables.Config.DeliveriesTable) {
		if text(i, "webhook_id") == hook && text(i, "at") >= text(last, "at") {
			last = i
		}
	}
	return last
}

// What a request brings as its trace is in the header of each webhook that comes of it, however many functions are in
// between, and nowhere in the body, which is what was signed.
func TestFlow_ATraceLeadsFromTheRequestToTheWebhook(t *testing.T) {
	const enabling, signing = "0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736"
	traced := func(by who, id string) who { return by.with(trace.Header, "00-"+id+"-b7ad6b7169203331-01") }
	a := newActors(newWorld(t))
	a.want(a.call(a.admin, "POST", "/v1/webhooks", object{"name": "All", "url": a.receiver.URL,
		"event_types": []string{"installation.enabled", "contract.signed"}}), 201)
	a.settle()
	a.receiver.take()

	a.want(a.call(traced(a.admin, enabling), "PUT", "/v1/installations/"+mainExtension, parameters()), 202)
	a.settle()
	contract := a.want(a.call(a.member, "POST", "/v1/contracts", contractOf(a.template(a.templateType("acme-crm")))),
		201).str("id")
	a.want(a.call(a.member, "POST", "/v1/contracts/"+contract+"/publish", nil), 200)
	a.want(a.call(traced(a.member, signing), "POST", "/v1/contracts/"+contract+"/sign", nil), 200)
	a.settle()

	want, heard := map[string]string{"installation.enabled": enabling, "contract.signed": signing}, map[string]int{}
	for _, r := range a.receiver.take() {
		var body struct{ Type string }
		must(t, json.Unmarshal(r.body, &body))
		if got := string(trace.Of(r.header)); got != want[body.Type] {
			t.Errorf("%s: got the trace %s, want %s", body.Type, got, want[body.Type])
		}
		if strings.Contains(string(r.body), want[body.Type]) {
			t.Errorf("the body names its trace: %s", r.body)
		}
		heard[body.Type]++
	}
	if heard["installation.enabled"] != 2 || heard["contract.signed"] != 1 { // the extension, and the one that it needs
		t.Errorf("got %v", heard)
	}
}
