package functions_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"plugboard/shared/domain"
)

// What failed is sent again on demand: one delivery, or all of them that a filter finds.

// impatient is a blueprint whose webhook gives up after two attempts.
func impatient(url string) object {
	b := crmBlueprint(url)
	b["webhooks"].([]object)[0]["policy"] = object{"retry_wait_seconds": []int{600}}
	return b
}

// replaying is actors with the main extension enabled, whose webhook gives up after two attempts.
type replaying struct {
	*actors
	hook     string
	template string
	seq      int
}

func newReplaying(t *testing.T) *replaying {
	r := &replaying{actors: newActors(newWorld(t))}
	r.submitAndList(mainExtension, impatient(r.receiver.URL))
	r.enable()
	typeID := r.templateType("acme-crm")
	r.hook, r.template = r.hookOf(typeID), r.actors.template(typeID)
	return r
}

// exhaust makes a delivery that is given up, and returns its id and the last request.
func (r *replaying) exhaust() (id string, last received) {
	r.t.Helper()
	r.receiver.answer(http.StatusServiceUnavailable)
	r.want(r.call(r.integration(adminEmail), "POST", "/v1/contracts", contractOf(r.template)), 201)
	r.settle()
	r.retry()
	r.settle()
	got := r.receiver.take()
	if len(got) != 2 {
		r.t.Fatalf("%d attempts were made, want 2", len(got))
	}
	r.receiver.answer(http.StatusOK)
	r.pass(3 * time.Second) // a target is known for two
	return got[1].header.Get("webhook-id"), got[1]
}

func (r *replaying) delivery(id string) answer {
	r.t.Helper()
	return r.want(r.call(r.admin, "GET", "/v1/webhooks/"+r.hook+"/deliveries/"+id, nil), 200)
}

func TestRule18_AnExhaustedDeliveryIsReplayedToTheByteAndDelivered(t *testing.T) {
	r := newReplaying(t)
	id, last := r.exhaust()
	if got := r.delivery(id); got.str("state") != "exhausted" || strings.Contains(string(got.raw), `"context"`) {
		t.Fatalf("it reads %s, want exhausted and what is kept for a replay not shown", got.raw)
	}
	r.want(r.call(r.admin, "PATCH", "/v1/installations/"+mainExtension+"/parameters",
		object{"parameters": object{"customer_id": "C-2002"}}), 200)
	r.settle()

	replay := "/v1/webhooks/" + r.hook + "/deliveries/" + id + "/replay"
	asked := r.want(r.call(bearer("integration", r.token), "POST", replay, nil), 202)
	r.settle()
	got := r.receiver.take()
	if len(got) != 1 || got[0].header.Get("webhook-id") != id || string(got[0].body) != string(last.body) {
		t.Fatalf("%d requests came of the replay, want one with the id and the bytes of the first: %q, %q", len(got),
			got, last.body)
	}
	if got[0].header.Get("X-Customer") != "C-2002" {
		t.Error("headers are not as they are now")
	}
	read := r.delivery(id)
	if lines := read.at("attempts").([]any); read.str("state") != "delivered" || len(lines) != 3 ||
		asked.at("attempt") != 3.0 {
		t.Errorf("replayed as attempt %v it reads %s", asked.at("attempt"), read.raw)
	}

	r.want(r.call(r.admin, "POST", replay, nil), 202) // what was delivered may be wanted again
	r.settle()
	if again := r.receiver.take(); len(again) != 1 || string(again[0].body) != string(last.body) {
		t.Errorf("a delivered one was sent %d times more, want once, with the same bytes", len(again))
	}
}

// What is not sent is refused by name, and leaves nothing.
func TestRule5_NothingOfAnOlderEpochIsReplayed(t *testing.T) {
	r := newReplaying(t)
	id, _ := r.exhaust()
	replay := "/v1/webhooks/" + r.hook + "/deliveries/" + id + "/replay"
	refused := func(code string) {
		t.Helper()
		before := r.dump()
		r.refused(r.call(r.admin, "POST", replay, nil), 409, code)
		if r.dump() != before {
			t.Errorf("%s: the refusal left something", code)
		}
	}
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"paused": true}), 200)
	refused("webhook-paused")
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"paused": false}), 200)
	r.want(r.call(r.admin, "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
	refused("extension-suspended")
	r.want(r.call(r.admin, "POST", "/v1/installations/"+mainExtension+"/resume", nil), 200)
	r.settle()

	// Asked for, and then disabled: the message that is on its way is not sent.
	r.want(r.call(r.admin, "POST", replay, nil), 202)
	r.want(r.call(r.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	r.pass(6 * time.Second)
	r.settle()
	if got := r.receiver.take(); len(got) != 0 {
		t.Errorf("%d requests came after the extension was disabled", len(got))
	}
	r.enable()
	r.hook = r.hookOf(r.templateType("acme-crm"))
	replay = "/v1/webhooks/" + r.hook + "/deliveries/" + id + "/replay"
	before := r.dump()
	got := r.call(r.admin, "POST", replay, nil)
	if code := got.str("code"); code != "older-epoch" && code != "not-found" || r.dump() != before {
		t.Errorf("after it was enabled again, a replay is answered %d %s", got.status, got.raw)
	}
	if state := r.attemptsOf(id); !slices.Equal(state, []string{"failed", "exhausted", "cancelled"}) {
		t.Errorf("the delivery's attempts are %v", state)
	}
}

// attemptsOf are the outcomes of a delivery, whatever became of its webhook.
func (r *replaying) attemptsOf(id string) []string {
	r.t.Helper()
	var outcomes []string
	for _, i := range r.scan(r.tables.Config.DeliveriesTable) {
		if text(i, "record") == string(domain.RecordAttempt) &&
			strings.Contains(id, strings.TrimPrefix(text(i, "event_id"), "evt_")) {
			outcomes = append(outcomes, text(i, "outcome"))
		}
	}
	order := []string{"failed", "exhausted", "skipped", "cancelled", "delivered"}
	slices.SortFunc(outcomes, func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
	return outcomes
}

// logged appends a delivery's lines to the log of the hook: of a contract's event so long ago, with these outcomes.
func (r *replaying) logged(hook string, ago time.Duration, eventType string, outcomes ...domain.Outcome) string {
	r.t.Helper()
	at := r.now().Add(-ago)
	event := domain.EventID(fmt.Sprintf("evt_%s%03d", strings.ToLower(at.Format("20060102t150405")), r.seq))
	r.seq++
	var lines []domain.Attempt
	for n, o := range outcomes {
		lines = append(lines, domain.Attempt{
			Account: r.account, Webhook: domain.WebhookID(hook), Event: event, EventType: eventType,
			EventDay: at.Format(time.DateOnly), EventAt: at,
			Number: n + 1, Outcome: o, At: at.Add(time.Duration(n) * time.Minute),
		})
	}
	must(r.t, r.tables.AppendAttempts(r.t.Context(), lines))
	return string(domain.DeliveryOf(event, domain.WebhookID(hook)))
}

func TestRule26_DeliveriesAreListedByStateTypeAndTimeOverDays(t *testing.T) {
	r := newReplaying(t)
	hook, _ := r.ownHook(object{"name": "Ours"})
	const day = 24 * time.Hour
	failed, delivered, exhausted, skipped := domain.OutcomeFailed, domain.OutcomeDelivered, domain.OutcomeExhausted,
		domain.OutcomeSkipped
	ids := map[string]string{
		"old":       r.logged(hook, 29*day, "contract.signed", failed, exhausted),
		"recovered": r.logged(hook, 5*day, "contract.signed", failed, exhausted, delivered),
		"retrying":  r.logged(hook, 4*day, "contract.created", failed),
		"exhausted": r.logged(hook, 3*day, "contract.created", failed, exhausted),
		"skipped":   r.logged(hook, 2*day, "contract.signed", skipped),
		"well":      r.logged(hook, day, "contract.signed", delivered),
	}
	list := func(query url.Values) string {
		t.Helper()
		var names []string
		for cursor := ""; ; {
			query.Set("limit", "2")
			query.Del("cursor")
			if cursor != "" {
				query.Set("cursor", cursor)
			}
			page := r.want(r.call(r.member, "GET", "/v1/webhooks/"+hook+"/deliveries?"+query.Encode(), nil), 200)
			for n := range page.at("items").([]any) {
				for name, id := range ids {
					if page.str("items", n, "id") == id {
						names = append(names, name)
					}
				}
			}
			if cursor = page.str("next_cursor"); cursor == "" {
				return strings.Join(names, " ")
			}
		}
	}
	ago := func(d time.Duration) string { return r.now().Add(-d).Format(time.RFC3339) }
	for want, query := range map[string]url.Values{
		"well skipped exhausted retrying recovered old": {"to": {ago(0)}},
		"skipped exhausted":                             {"state": {"exhausted", "skipped"}, "from": {ago(10 * day)}},
		"well recovered":                                {"state": {"delivered"}, "from": {ago(10 * day)}},
		"retrying": {"state": {"retrying"}, "from": {ago(10 * day)},
			"event_type": {"contract.created"}},
		"exhausted retrying": {"from": {ago(4*day + time.Hour)},
			"to": {ago(2*day + time.Hour)}},
		"well skipped recovered old": {"event_type": {"contract.signed"}, "from": {ago(30 * day)},
			"to": {ago(0)}},
		"exhausted old": {"state": {"exhausted"}, "to": {ago(time.Hour)}},
	} {
		if got := list(query); got != want {
			t.Errorf("%v: got %q, want %q", query, got, want)
		}
	}
	if got := list(url.Values{"day": {r.now().Add(-2 * day).Format(time.DateOnly)}}); got != "skipped" {
		t.Errorf("the day before yesterday: got %q", got)
	}
	at := "/v1/webhooks/" + hook + "/deliveries?"
	for query, pointer := range map[string]string{
		"from=" + ago(31*day): "query.from", "day=2026-11-22&from=" + ago(day): "query.day",
		"from=" + ago(day) + "&to=" + ago(2*day): "query.to",
		"event_type=contract.eaten":              "query.event_type", "state=lost": "query.state[0]",
		"from=yesterday":       "query.from",
		"cursor=" + ids["old"]: "query.cursor",
	} {
		if got := r.call(r.member, "GET", at+query, nil); got.status != 422 ||
			!slices.Contains(got.pointers(), pointer) {
			t.Errorf("%s: got %d %s, want 422 at %s", query, got.status, got.raw, pointer)
		}
	}
	// A cursor of another webhook's list is none of this one's, and one that somebody made up reads nothing of others.
	cursor := r.want(r.call(r.member, "GET", at+"limit=1&to="+ago(0), nil), 200).str("next_cursor")
	if got := r.call(r.member, "GET", "/v1/webhooks/"+r.hook+"/deliveries?cursor="+cursor, nil); got.status != 422 {
		t.Errorf("a cursor of another list is answered %d", got.status)
	}
}

// skip makes so many deliveries that are skipped, since the webhook is paused, and lets it go on.
func (r *replaying) skip(n int) {
	r.t.Helper()
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"paused": true}), 200)
	r.pass(3 * time.Second)
	for range n {
		r.want(r.call(r.integration(adminEmail), "POST", "/v1/contracts", contractOf(r.template)), 201)
	}
	r.settle()
	if got := r.receiver.take(); len(got) != 0 {
		r.t.Fatalf("%d requests came while the webhook was paused", len(got))
	}
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"paused": false}), 200)
}

// mended says that the endpoint is, so that its breaker closes now and not with the next probe.
func (r *replaying) mended() {
	r.t.Helper()
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"enabled": true}), 200)
	r.pass(3 * time.Second)
	r.settle()
	r.receiver.take() // the ping
}

func (r *replaying) replays() string { return "/v1/webhooks/" + r.hook + "/replays" }

func (r *replaying) since(ago time.Duration) object {
	return object{"from": r.now().Add(-ago).Format(time.RFC3339)}
}

// progress is how a replay reads: its state, and what it has seen, sent and skipped.
func (r *replaying) progress(id string) string {
	r.t.Helper()
	got := r.want(r.call(r.member, "GET", r.replays()+"/"+id, nil), 200)
	return fmt.Sprint(got.str("state"), " ", got.at("seen"), " ", got.at("sent"), " ", got.at("skipped"))
}

func TestRule19_AReplayRecoversAllThatFailedSinceATime(t *testing.T) {
	r := newReplaying(t)
	exhausted, _ := r.exhaust()
	r.mended()
	r.skip(3)
	r.want(r.call(r.integration(adminEmail), "POST", "/v1/contracts", contractOf(r.template)), 201)
	r.settle()
	delivered := r.receiver.take()[0].header.Get("webhook-id")
	gone := r.logged(r.hook, time.Hour, "contract.signed", domain.OutcomeExhausted) // whose event is not stored
	r.logged(r.hook, 26*time.Hour, "contract.signed", domain.OutcomeExhausted)      // before the time that is asked for

	token := bearer("integration", r.token)
	id := r.want(r.call(token, "POST", r.replays(), r.since(2*time.Hour)), 202).str("id")
	if refused := r.refused(r.call(r.admin, "POST", r.replays(), r.since(time.Hour)), 409,
		"replay-running"); !strings.Contains(refused.str("detail"), id) {
		t.Errorf("the refusal does not name what runs: %s", refused.raw)
	}
	r.replayOn()
	if got := r.progress(id); got != "done 5 4 1" {
		t.Errorf("the replay reads %q, want 4 of 5 sent", got)
	}
	got := map[string]int{}
	for _, q := range r.receiver.take() {
		got[q.header.Get("webhook-id")]++
	}
	if len(got) != 4 || got[exhausted] != 1 || got[delivered] != 0 || got[gone] != 0 {
		t.Errorf("sent again were %v, want each of what failed and was skipped once", got)
	}
	for one := range got {
		if state := r.delivery(one).str("state"); state != "delivered" {
			t.Errorf("%s is %s", one, state)
		}
	}

	again := r.want(r.call(token, "POST", r.replays(), r.since(2*time.Hour)), 202).str("id")
	r.replayOn()
	if got := r.progress(again); got != "done 1 0 1" || len(r.receiver.take()) > 0 {
		t.Errorf("a second replay reads %q, want nothing left to send", got)
	}
	all := object{"from": r.now().Add(-2 * time.Hour).Format(time.RFC3339), "states": []string{"delivered"},
		"event_types": []string{"contract.created"}}
	third := r.want(r.call(token, "POST", r.replays(), all), 202).str("id")
	r.replayOn()
	if got := r.progress(third); got != "done 5 5 0" || len(r.receiver.take()) != 5 {
		t.Errorf("a replay of what was delivered reads %q", got)
	}
	if list := r.want(r.call(r.member, "GET", r.replays()+"?limit=2", nil), 200); len(list.at("items").([]any)) != 2 ||
		list.str("items", 0, "id") != id || list.str("next_cursor") == "" {
		t.Errorf("the list reads %s", list.raw)
	}
	r.refusedFields(r.call(r.admin, "POST", r.replays(), r.since(31*24*time.Hour)), "/from")
	r.refused(r.call(r.dashboard("other", "ada"), "GET", r.replays()+"/"+id, nil), 404, "not-found")
	own, _ := r.ownHook(object{"name": "Ours"})
	r.refused(r.call(token, "POST", "/v1/webhooks/"+own+"/replays", r.since(time.Hour)), 404, "not-found")
	r.refused(r.call(r.admin, "GET", "/v1/webhooks/"+own+"/replays/"+id, nil), 404, "not-found")
}

func TestRule19_AReplayIsPausedResumedAndCancelledWhilePaused(t *testing.T) {
	r := newReplaying(t)
	r.skip(3)
	id := r.want(r.call(r.admin, "POST", r.replays(), r.since(time.Hour)), 202).str("id")
	at := r.replays() + "/" + id
	for range 2 { // pausing again changes nothing
		if got := r.want(r.call(r.admin, "POST", at+"/pause", nil), 200); got.str("state") != "paused" {
			t.Fatalf("got %s", got.raw)
		}
	}
	r.settle()
	if got := r.receiver.take(); len(got) != 0 {
		t.Errorf("a paused replay sent %d", len(got))
	}
	r.refused(r.call(r.admin, "POST", r.replays(), r.since(time.Hour)), 409, "replay-running")
	r.refused(r.call(r.member, "POST", at+"/resume", nil), 403, "missing-role")
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"paused": true}), 200)
	r.refused(r.call(r.admin, "POST", at+"/resume", nil), 409, "webhook-paused")
	r.want(r.call(r.admin, "PATCH", "/v1/webhooks/"+r.hook, object{"paused": false}), 200)
	r.pass(3 * time.Second)
	for range 2 {
		if got := r.want(r.call(r.admin, "POST", at+"/resume", nil), 200); got.str("state") != "running" {
			t.Fatalf("got %s", got.raw)
		}
	}
	r.replayOn()
	if got := len(r.receiver.take()); got != 3 || r.progress(id) != "done 3 3 0" {
		t.Errorf("the resumed replay sent %d and reads %s", got, r.progress(id))
	}
	for _, action := range []string{"/pause", "/resume", "/cancel"} {
		r.refused(r.call(r.admin, "POST", at+action, nil), 409, "replay-state")
	}

	second := r.want(r.call(r.admin, "POST", r.replays(), r.since(time.Hour)), 202).str("id")
	r.want(r.call(r.admin, "POST", r.replays()+"/"+second+"/pause", nil), 200)
	r.want(r.call(r.admin, "POST", r.replays()+"/"+second+"/cancel", nil), 200)
	r.want(r.call(r.admin, "POST", r.replays(), r.since(time.Hour)), 202) // its place is free
}

func TestRule25_TwoReplaysAtOnceAreOne(t *testing.T) {
	r := newReplaying(t)
	r.exhaust()
	r.mended()
	r.skip(1)
	answers := make([]answer, 4)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i], _ = r.try(r.admin, "POST", r.replays(), r.since(time.Hour)) })
	}
	all.Wait()
	started := 0
	for _, a := range answers {
		if a.status == 202 {
			started++
		} else if a.str("code") != "replay-running" {
			t.Errorf("answered %d %s", a.status, a.raw)
		}
	}
	r.replayOn()
	if got := r.receiver.take(); started != 1 || len(got) != 2 {
		t.Errorf("%d replays were started, and %d requests came; want one, and two", started, len(got))
	}
}

// What a webhook's owner, or the platform, holds back is not sent by a replay either: it ends, and says why.
func TestRule5_AReplayStopsWithItsWebhook(t *testing.T) {
	for name, c := range map[string]struct{ method, path, reason string }{
		"paused":    {"PATCH", "/v1/webhooks/", "The webhook is paused."},
		"deleted":   {"DELETE", "/v1/webhooks/", ""},
		"suspended": {"POST", "/v1/installations/" + mainExtension + "/suspend", "is suspended."},
		"disabled":  {"POST", "/v1/installations/" + mainExtension + "/disable", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplaying(t)
			path, status, body := c.path, 202, any(nil)
			switch name {
			case "deleted":
				r.hook, _ = r.ownHook(object{"name": "Ours"})
				path, status = path+r.hook, 204
			case "paused":
				path, status, body = path+r.hook, 200, object{"paused": true}
			case "suspended":
				status = 200
			}
			r.logged(r.hook, time.Hour, "contract.signed", domain.OutcomeExhausted)
			id := r.want(r.call(r.admin, "POST", r.replays(), r.since(2*time.Hour)), 202).str("id")
			r.want(r.call(r.admin, c.method, path, body), status)
			r.replayOn()
			got, err := r.tables.Replay(t.Context(), r.account, domain.WebhookID(r.hook), domain.ReplayID(id))
			must(t, err)
			if got.State != domain.ReplayStopped || !strings.Contains(got.Reason, c.reason) || got.Sent != 0 {
				t.Errorf("it is %+v, want stopped: %q", got, c.reason)
			}
			if _, err := r.tables.Replaying(t.Context(), r.account, domain.WebhookID(r.hook)); err == nil {
				t.Error("its place is still taken")
			}
		})
	}
}

func TestRule17_AnEventsDeliveriesAreListedToWhoMaySeeTheirWebhooks(t *testing.T) {
	r := newReplaying(t)
	own, _ := r.ownHook(object{"name": "Ours"})
	r.ownHook(object{"name": "Deaf", "event_types": []string{"contract.signed"}})
	r.want(r.call(r.integration(adminEmail), "POST", "/v1/contracts", contractOf(r.template)), 201)
	r.settle()
	var event struct{ ID string }
	must(t, json.Unmarshal(r.receiver.take()[0].body, &event))
	at := "/v1/events/" + event.ID + "/deliveries"
	webhooks := func(by who, query string) (ids []string) {
		t.Helper()
		for cursor := ""; ; {
			page := r.want(r.call(by, "GET", at+query+cursor, nil), 200)
			for n := range page.at("items").([]any) {
				ids = append(ids, page.str("items", n, "webhook_id"))
				if page.str("items", n, "state") != "delivered" ||
					page.str("items", n, "attempts", 0, "event_id") != event.ID {
					t.Errorf("a delivery reads %s", page.raw)
				}
			}
			if page.str("next_cursor") == "" {
				slices.Sort(ids)
				return ids
			}
			cursor = "&cursor=" + page.str("next_cursor")
		}
	}
	both := []string{own, r.hook}
	slices.Sort(both)
	for _, query := range []string{"?limit=1", "?limit=50", "?limit=1&day=" + r.now().Format(time.DateOnly)} {
		if got := webhooks(r.member, query); !slices.Equal(got, both) {
			t.Errorf("%s: a member sees %v, want %v", query, got, both)
		}
		if got := webhooks(bearer("integration", r.token), query); !slices.Equal(got, []string{r.hook}) {
			t.Errorf("%s: the extension sees %v, want its own", query, got)
		}
	}
	r.refused(r.call(r.dashboard("other", "ada"), "GET", at, nil), 404, "not-found")
	r.refused(r.call(r.member, "GET", at+"?day=2026-01-01", nil), 404, "not-found")
	if got := r.call(r.member, "GET", at+"?cursor=whk_0", nil); got.status != 422 {
		t.Errorf("a cursor that no page gave is answered %d", got.status)
	}
}
