package functions_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/domain"
)

// clauses are the webhooks of an audience by their names, with the clause that decided: "Ours heard, Deaf event-type".
func clauses(audience answer) string {
	var all []string
	for n := range audience.at("items").([]any) {
		clause := audience.at("items", n, "clause")
		if audience.at("items", n, "heard") == true {
			clause = "heard"
		}
		all = append(all, fmt.Sprint(audience.str("items", n, "name"), " ", clause))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestRule17_AnEventsAudienceHasTheClauseThatDecided(t *testing.T) {
	r := newReplaying(t)
	r.ownHook(object{"name": "Ours"})
	r.ownHook(object{"name": "Legal", "workspace_ids": []string{"legal"}})
	deaf, _ := r.ownHook(object{"name": "Deaf", "event_types": []string{"contract.signed"}})
	made := r.want(r.call(r.integration(adminEmail), "POST", "/v1/contracts", contractOf(r.template)), 201)
	r.settle()
	var event struct{ ID string }
	must(t, json.Unmarshal(r.receiver.take()[0].body, &event))
	at := "/v1/events/" + event.ID + "/audience"
	audience := r.want(r.call(r.member, "GET", at, nil), 200)
	managed := ""
	for n := range audience.at("items").([]any) {
		if name := audience.str("items", n, "name"); audience.str("items", n, "webhook_id") == r.hook {
			managed = name
		}
		if audience.at("items", n, "changed_since") != nil {
			t.Errorf("a webhook of before the event is said to be changed since: %s", audience.raw)
		}
	}
	got := clauses(audience)
	for _, want := range []string{"Ours heard", "Legal workspace", "Deaf event-type", managed + " heard"} {
		if !strings.Contains(got, want) {
			t.Errorf("the audience is %s, want %s in it", got, want)
		}
	}
	if audience.str("event", "event_type") != "contract.created" ||
		audience.str("event", "contract_id") != made.str("id") || audience.str("event", "workspace_id") != "sales" ||
		audience.str("event", "origin_extension_id") != mainExtension {
		t.Errorf("the event is %s", audience.raw)
	}

	// What the API says is what fan-out did.
	deliveries := r.want(r.call(r.member, "GET", "/v1/events/"+event.ID+"/deliveries", nil), 200)
	if sent, heard := len(deliveries.at("items").([]any)), strings.Count(got, " heard"); sent != heard {
		t.Errorf("%d deliveries, and %d heard: %s", sent, heard, got)
	}

	seen := 0
	for cursor := ""; ; { // page by page
		page := r.want(r.call(platformFor(r.account), "GET", at+"?limit=1"+cursor, nil), 200)
		seen += len(page.at("items").([]any))
		if page.str("next_cursor") == "" {
			break
		}
		cursor = "&cursor=" + page.str("next_cursor")
	}
	if all := len(audience.at("items").([]any)); seen != all {
		t.Errorf("%d webhooks over all pages, want %d", seen, all)
	}

	extension := r.want(r.call(bearer("integration", r.token), "GET", at, nil), 200)
	if got := clauses(extension); strings.Contains(got, "Ours") || !strings.Contains(got, managed+" heard") {
		t.Errorf("the extension sees %s, want its own webhooks", got)
	}
	r.refused(r.call(r.dashboard("other", "ada"), "GET", at, nil), 404, "not-found")
	r.refused(r.call(r.dashboard("other", "ada"), "GET", at+"?contract_id="+made.str("id"), nil), 404, "not-found")

	// An event that nobody was sent is found by its contract.
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+deaf, object{"event_types": nil}), 200)
	if later := clauses(r.want(r.call(r.member, "GET", at+"?contract_id="+made.str("id"), nil),
		200)); !strings.Contains(later, "Deaf heard") {
		t.Errorf("a filter was removed, and the audience is %s", later)
	}
	direct := r.want(r.call(r.admin, "POST", "/v1/contracts", contractOf(r.template)), 201)
	r.settle()
	unheard := ""
	for _, e := range r.ofRecord(domain.RecordEvent) {
		if text(e, "contract_id") == direct.str("id") {
			unheard = text(e, "id")
		}
	}
	ofExtension := r.call(bearer("integration", r.token), "GET", "/v1/events/"+unheard+"/audience?contract_id="+
		direct.str("id"), nil)
	r.refused(ofExtension, 404, "not-found") // made by hand: none of the extension's business
}

func TestRule26_DeliveriesAreCountedAsTheyAreListed(t *testing.T) {
	r := newReplaying(t)
	hook, _ := r.ownHook(object{"name": "Ours"})
	failed, delivered, exhausted := domain.OutcomeFailed, domain.OutcomeDelivered, domain.OutcomeExhausted
	for n := range 7 {
		r.logged(hook, 0, "contract.signed", failed, exhausted)
		r.logged(hook, 0, []string{"contract.signed", "contract.created"}[n%2], failed, delivered)
	}
	from := "from=" + r.now().AddDate(0, 0, -2).Format("2006-01-02T15:04:05Z")
	for query, want := range map[string]float64{
		"": 15, "&state=exhausted": 7, "&state=delivered": 8, // with the ping of its creation
		"&state=skipped": 0, "&state=delivered&event_type=contract.created": 3,
	} {
		if got := r.want(r.call(r.member, "GET", "/v1/webhooks/"+hook+"/delivery-count?"+from+query, nil),
			200); got.at("count") != want || got.at("next_cursor") != nil {
			t.Errorf("%s: got %s, want %v", query, got.raw, want)
		}
	}
	r.refusedFields(r.call(r.member, "GET", "/v1/webhooks/"+hook+"/delivery-count?from=2020-01-01T00:00:00Z", nil),
		"query.from")
	r.refused(r.call(r.dashboard("other", "ada"), "GET", "/v1/webhooks/"+hook+"/delivery-count", nil), 404, "not-found")
}
