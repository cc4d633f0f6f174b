package functions_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"plugboard/functions/webhooks"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/secret"
)

// Agents of webhooks without URL (design rule 31): what holds for a POST holds for what is pulled.

const day = 24 * time.Hour

func TestRule31_AnAgentForwardsWhatWaitsAndItsAnswersAreInTheLog(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	p.happen()
	agent := p.agent("rack 1")
	got := p.pull(agent, "")
	if got.Mode != "agent" || len(got.Deliveries) != 2 || got.AskAgain != 0 || !got.Lease.Held {
		t.Fatalf("got %+v, want the ping and the event", got)
	}
	for _, d := range got.Deliveries {
		d.request().verified(t, p.secret, p.now())
		if d.Headers["Authorization"] != "" || !strings.Contains(d.Body, `"id"`) {
			t.Errorf("got %+v", d)
		}
	}
	acked := p.ack(agent, 200, got.Deliveries...)
	if acked.at("results", 0, "already") != nil || acked.str("results", 1, "delivery_id") != got.Deliveries[1].ID {
		t.Errorf("the acknowledgement answers %s", acked.raw)
	}
	for _, d := range got.Deliveries {
		read := p.read(d.ID)
		if read.str("state") != "delivered" || p.lines(d.ID) != 1 || read.str("attempts", 0, "agent_id") == "" ||
			read.at("attempts", 0, "milliseconds") != 12.0 {
			t.Errorf("it reads %s", read.raw)
		}
	}
	if p.waiting() != 0 || len(p.receiver.take()) != 0 {
		t.Error("something still waits, or was posted")
	}
	if next := p.pull(agent, got.Cursor); len(next.Deliveries) != 0 || next.AskAgain != 1 {
		t.Errorf("then came %+v", next)
	}
	p.pass(time.Hour)
	if idle := p.pull(agent, p.pull(agent, got.Cursor).Cursor); idle.AskAgain != 30 {
		t.Errorf("after an hour of silence it asks again after %d s, want 30", idle.AskAgain)
	}
}

// An agent that was killed between forwarding and acknowledging, and has lost its cursor.
func TestRule31_WhatIsNotAcknowledgedComesAgainUnderTheSameId(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	agent := p.agent("rack 1")
	before := p.pull(agent, "")
	again := p.pull(agent, "")
	if !slices.Equal(before.ids(), again.ids()) || again.Deliveries[0].Attempt != 1 ||
		again.Deliveries[0].Body != before.Deliveries[0].Body {
		t.Fatalf("got %v, then %v", before.ids(), again.ids())
	}
	if last := p.pull(agent, again.Cursor); !slices.Equal(last.ids(), before.ids()) {
		t.Errorf("with the cursor came %v, want the same: nothing comes after it", last.ids())
	}
	p.ack(agent, 200, again.Deliveries...)
	late := p.ack(agent, 500, before.Deliveries...)
	if late.at("results", 0, "already") != true || p.lines(before.ids()[0]) != 1 ||
		p.read(before.ids()[0]).str("state") != "delivered" {
		t.Errorf("a late acknowledgement answers %s", late.raw)
	}
}

// A receipt is not signed: one with a time that no stored item can say would stop the stream for every account.
func TestRule31_AReceiptWithATimeBeyondAnyIsRefused(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	agent := p.agent("rack 1")
	raw, err := base64.RawURLEncoding.DecodeString(p.pull(agent, "").Deliveries[0].Receipt)
	must(t, err)
	var receipt map[string]any
	must(t, json.Unmarshal(raw, &receipt))
	before := p.dump()
	for _, at := range []int64{253402300800, 9_000_000_000_000, -1} {
		receipt["t"] = at
		forged, err := json.Marshal(receipt)
		must(t, err)
		p.refused(p.call(agent, "POST", "/v1/webhooks/"+p.hook+"/pull/ack", object{"results": []object{
			{"receipt": base64.RawURLEncoding.EncodeToString(forged), "status": 200}}}), 422, "invalid")
	}
	if p.dump() != before {
		t.Error("a refused acknowledgement left something")
	}
}

// Both have read the waiting delivery before either commits.
func TestRule31_OfTwoAcknowledgementsAtOnceOneCounts(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	agent := p.agent("rack 1")
	got := p.pull(agent, "")
	first := &interrupted{at: 1, do: func() { p.ack(agent, 500, got.Deliveries[0]) }}
	service := webhooks.New(p.tables.At(p.now, first.option), p.sealer, egress.Config{AllowPrivate: true}, p.now,
		domain.NewID)
	key, err := p.tables.AgentKey(t.Context(), secret.Hash(strings.TrimPrefix(agent.headers[0][1], "Bearer ")))
	must(t, err)
	in := &contract.AcknowledgeDeliveriesInput{Webhook: domain.WebhookID(p.hook)}
	in.Body.Results = []contract.PulledResult{{Receipt: got.Deliveries[0].Receipt, Status: 200}}
	out, err := service.AcknowledgeDeliveries(auth.With(t.Context(), auth.Caller{Model: auth.ModelAgent,
		Account: "customer", Agent: &key}), in)
	must(t, err)
	if first.seen == 0 || !out.Body.Results[0].Already || p.lines(got.Deliveries[0].ID) != 1 ||
		p.read(got.Deliveries[0].ID).str("state") != "retrying" {
		t.Errorf("the second answers %+v, after %d lines", out.Body.Results, p.lines(got.Deliveries[0].ID))
	}
}

func TestRule31_OneAgentHasTheLeaseAndAnotherTakesOverWhenItEnds(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	one, two := p.agent("one"), p.agent("two")
	first := p.pull(one, "")
	standby := p.pull(two, "")
	if len(standby.Deliveries) != 0 || standby.Lease.Held || standby.Held != "lease" || standby.AskAgain < 1 {
		t.Fatalf("the second agent got %+v", standby)
	}
	listed := p.want(p.call(p.admin, "GET", "/v1/webhooks/"+p.hook+"/agents", nil), 200)
	if listed.at("items", 0, "holds_lease") != true || listed.at("items", 1, "holds_lease") != false ||
		listed.str("items", 0, "last_pulled_at") == "" || listed.str("items", 0, "name") != "one" {
		t.Errorf("the agents are %s", listed.raw)
	}
	p.pass(domain.LeaseLasts - time.Second)
	if got := p.pull(two, ""); got.Lease.Held {
		t.Error("the lease ended before its time")
	}
	p.pass(2 * time.Second)
	taken := p.pull(two, "")
	if !slices.Equal(taken.ids(), first.ids()) {
		t.Fatalf("the second agent got %v, want %v", taken.ids(), first.ids())
	}
	if got := p.pull(one, ""); got.Lease.Held || len(got.Deliveries) > 0 {
		t.Errorf("the first agent still got %+v", got)
	}
	// Both have it now. The first to acknowledge decides, and there is one line.
	p.ack(one, 200, first.Deliveries...)
	if late := p.ack(two, 200, taken.Deliveries...); late.at("results", 0, "already") != true ||
		p.lines(first.ids()[0]) != 1 {
		t.Errorf("the second acknowledgement answers %s", late.raw)
	}
}

// A process whose clock is ahead gives the lease away early. Both agents have the delivery then, and it has one line.
func TestRule31_AClockThatIsAheadMakesNoSecondLine(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	one, two := p.agent("one"), p.agent("two")
	first := p.pull(one, "")
	p.pass(domain.LeaseLasts + time.Second)
	early := p.pull(two, "")
	p.pass(-domain.LeaseLasts - time.Second)
	if got := p.pull(one, ""); got.Lease.Held {
		t.Error("two agents have the lease")
	}
	p.ack(one, 200, first.Deliveries...)
	p.ack(two, 200, early.Deliveries...)
	if len(early.Deliveries) != 1 || p.lines(first.ids()[0]) != 1 {
		t.Errorf("%d lines of %v", p.lines(first.ids()[0]), early.ids())
	}
}

func TestRule31_FailuresAreRetriedExhaustedAndOpenTheBreakerAsForAPost(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	p.want(p.call(p.admin, "PATCH", "/v1/webhooks/"+p.hook,
		object{"policy": object{"retry_wait_seconds": []int{600}}}), 200)
	agent := p.agent("rack 1")
	p.ack(agent, 200, p.pull(agent, "").Deliveries...) // the ping
	p.happen()
	first := p.pull(agent, "").Deliveries[0]
	p.ack(agent, 503, first)
	read := p.read(first.ID)
	if read.str("state") != "retrying" || read.str("attempts", 0, "next_at") == "" ||
		read.str("attempts", 0, "excerpt") != "says the endpoint" || read.str("attempts", 0, "failure") != "status" {
		t.Fatalf("it reads %s", read.raw)
	}
	if got := p.pull(agent, ""); len(got.Deliveries) != 0 || p.waiting() != 1 {
		t.Fatalf("before its time came %v", got.ids())
	}
	p.pass(13 * time.Minute)
	second := p.pull(agent, "").Deliveries
	if len(second) != 1 || second[0].Attempt != 2 || second[0].Body != first.Body {
		t.Fatalf("the retry is %+v", second)
	}
	p.ack(agent, 0, second[0])
	read = p.read(first.ID)
	if read.str("state") != "exhausted" || read.str("attempts", 1, "failure") != "connection" || p.waiting() != 0 {
		t.Errorf("it reads %s", read.raw)
	}
	if n := p.told("delivery.exhausted"); n != 1 {
		t.Errorf("%d events tell of it, want 1", n)
	}

	// It has failed for longer than 30 s, so the breaker is open: nothing but a probe is handed out.
	for range 6 {
		p.happen()
	}
	held := p.pull(agent, "")
	if held.Held != "breaker" || len(held.Deliveries) != 0 {
		t.Fatalf("with the breaker open came %+v", held)
	}
	p.pass(2 * time.Minute)
	probe := p.pull(agent, "")
	if len(probe.Deliveries) != 1 {
		t.Fatalf("%d deliveries came as probe, want 1", len(probe.Deliveries))
	}
	if other := p.pull(agent, ""); other.Held != "breaker" || len(other.Deliveries) != 0 {
		t.Errorf("beside the probe came %+v", other)
	}
	p.ack(agent, 200, probe.Deliveries...)
	if got := p.pull(agent, ""); len(got.Deliveries) != 5 {
		t.Errorf("once it is closed came %d, want the other 5", len(got.Deliveries))
	}
}

func TestRule31_RetryAfterHoldsForAllDeliveries(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	agent := p.agent("rack 1")
	d := p.pull(agent, "").Deliveries[0]
	p.want(p.call(agent, "POST", "/v1/webhooks/"+p.hook+"/pull/ack", object{"results": []object{
		{"receipt": d.Receipt, "status": 429, "headers": object{"Retry-After": "50"}}}}), 200)
	p.settle()
	p.happen()
	if got := p.pull(agent, ""); got.Held != "pause-asked" || len(got.Deliveries) != 0 || got.AskAgain != 30 {
		t.Errorf("during the pause came %+v", got)
	}
}

func TestRule31_PausedIsSkippedAndAWebhookWithAURLIsNotPulled(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	agent := p.agent("rack 1")
	change := func(body object) {
		t.Helper()
		p.want(p.call(p.admin, "PATCH", "/v1/webhooks/"+p.hook, body), 200)
		p.pass(3 * time.Second)
	}
	change(object{"paused": true})
	p.happen()
	if got := p.pull(agent, ""); got.Held != "paused" || len(got.Deliveries) != 0 {
		t.Errorf("while paused came %+v", got)
	}
	p.sweep()
	list := p.want(p.call(p.admin, "GET", "/v1/webhooks/"+p.hook+"/deliveries?state=skipped", nil), 200)
	if n := len(list.at("items").([]any)); n != 2 || p.waiting() != 0 {
		t.Errorf("%d are skipped, want the event and the ping that waited", n)
	}
	change(object{"paused": false})
	p.happen()
	change(object{"url": p.receiver.URL})
	p.refused(p.call(agent, "POST", "/v1/webhooks/"+p.hook+"/pull", object{}), 409, "not-pulled")
	p.sweep()
	if got := p.receiver.take(); len(got) != 1 {
		t.Errorf("with a URL %d were posted, want the one that waited", len(got))
	}
}

// Nobody pulls: it is visible, warned of after a day, and final after 29.
func TestRule31_WhatNobodyPullsIsVisibleWarnedOfAndFinal(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	p.happen()
	if p.waiting() != 2 {
		t.Fatalf("%d wait, want 2", p.waiting())
	}
	health := func() string {
		return p.want(p.call(p.dashboard(p.account, "ada"), "GET", "/v1/webhooks/"+p.hook, nil), 200).str("health",
			"state")
	}
	p.pass(day - time.Minute)
	if p.sweep(); health() != "healthy" {
		t.Error("warned of before a day was over")
	}
	p.pass(2 * time.Minute)
	p.sweep()
	p.sweep()
	if health() != "warned" || p.told("webhook.failing") != 1 || p.waiting() != 2 {
		t.Errorf("after a day it is %s, told of %d times, and %d wait", health(), p.told("webhook.failing"),
			p.waiting())
	}
	p.pass(10 * day)
	if p.sweep(); health() != "warned" || p.waiting() != 2 {
		t.Errorf("after ten days it is %s, and %d wait", health(), p.waiting())
	}
	p.admin = p.dashboard(p.account, "ada")
	agent := p.agent("back at last")
	got := p.pull(agent, "")
	p.ack(agent, 200, got.Deliveries[0])
	if health() != "healthy" || p.told("webhook.recovered") != 1 {
		t.Errorf("after a success it is %s", health())
	}
	p.pass(domain.PulledWithin - 10*day)
	p.sweep()
	last := got.ids()[1]
	if read := p.read(last); read.str("state") != "exhausted" || read.str("attempts", 0, "failure") != "not-pulled" {
		t.Errorf("the other one reads %s", read.raw)
	}
	if p.waiting() != 0 {
		t.Error("it still waits")
	}
}

// A failure after a long silence is the first failure, and disables nothing.
func TestRule31_SilenceDoesNotCountTowardsDisabling(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	p.pass(day + time.Minute)
	p.sweep()
	p.pass(10 * day)
	p.admin = p.dashboard(p.account, "ada")
	agent := p.agent("back at last")
	p.ack(agent, 500, p.pull(agent, "").Deliveries...)
	read := p.want(p.call(p.admin, "GET", "/v1/webhooks/"+p.hook, nil), 200)
	if read.at("disabled") != nil {
		t.Errorf("it is disabled: %s", read.raw)
	}
}

func TestRule31_ReplaysAndTestsReachTheAgent(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	agent := p.agent("rack 1")
	ping := p.pull(agent, "").Deliveries[0]
	p.ack(agent, 200, ping)
	p.want(p.call(p.admin, "POST", "/v1/webhooks/"+p.hook+"/deliveries/"+ping.ID+"/replay", nil), 202)
	p.want(p.call(p.admin, "POST", "/v1/webhooks/"+p.hook+"/test", object{"event_type": "contract.created"}), 202)
	p.settle()
	got := p.pull(agent, "")
	if len(got.Deliveries) != 2 {
		t.Fatalf("got %v, want the replay and the test", got.ids())
	}
	for _, d := range got.Deliveries {
		if (d.ID == ping.ID) != (d.Attempt == 2) {
			t.Errorf("%s is attempt %d", d.ID, d.Attempt)
		}
	}
}

// Rule 5 for a managed webhook without URL: its agent's key and what waits are of the epoch.
func TestRule31_AManagedWebhookWithoutURLAndItsEpoch(t *testing.T) {
	p := &puller{actors: newActors(newWorld(t))}
	b := crmBlueprint(domain.AgentURL)
	b["webhooks"].([]object)[0]["headers"] = object{}
	p.submitAndList(mainExtension, b)
	p.enable()
	typeID := p.templateType("acme-crm")
	p.hook, p.template = p.hookOf(typeID), p.actors.template(typeID)
	agent := p.agent("rack 1")
	made := func() {
		t.Helper()
		p.want(p.call(p.integration(adminEmail), "POST", "/v1/contracts", contractOf(p.template)), 201)
		p.settle()
	}
	made()
	got := p.pull(agent, "")
	if len(got.Deliveries) != 1 || !strings.Contains(got.Deliveries[0].Body, `"context":{"customer_id":"C-1001"}`) {
		t.Fatalf("got %+v", got.Deliveries)
	}
	p.want(p.call(p.admin, "POST", "/v1/installations/"+mainExtension+"/suspend", nil), 200)
	p.settle()
	p.refused(p.call(agent, "POST", "/v1/webhooks/"+p.hook+"/pull", object{}), 403, "installation-suspended")
	p.sweep()
	if p.waiting() != 0 || p.read(got.ids()[0]).str("state") != "skipped" {
		t.Errorf("while suspended it reads %s", p.read(got.ids()[0]).raw)
	}
	p.want(p.call(p.admin, "POST", "/v1/installations/"+mainExtension+"/resume", nil), 200)
	p.settle()
	made()
	p.want(p.call(p.admin, "POST", "/v1/installations/"+mainExtension+"/disable", nil), 202)
	p.settle()
	p.refused(p.call(agent, "POST", "/v1/webhooks/"+p.hook+"/pull", object{}), 401, "unauthenticated")
	p.enable()
	p.refused(p.call(agent, "POST", "/v1/webhooks/"+p.hook+"/pull", object{}), 401, "unauthenticated")
	p.refused(p.call(bearer("partner's token", p.actors.token), "POST",
		"/v1/webhooks/"+p.hookOf(p.templateType("acme-crm"))+
			"/agent-codes", object{}), 403, "extension-token")
}

func TestAgent_ACodePairsOneAndAKeyIsGoodForOneWebhook(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	first := p.hook
	code := p.want(p.call(p.admin, "POST", "/v1/webhooks/"+first+"/agent-codes", object{}), 201).str("code")
	paired := p.want(p.call(bearer("code", code), "POST", "/v1/agents", object{"name": "one"}), 201)
	p.refused(p.call(bearer("code", code), "POST", "/v1/agents", object{"name": "two"}), 409, "code-used")
	agent := bearer("agent", paired.str("key"))
	p.in("customer", domain.AgentURL)
	p.refused(p.call(agent, "POST", "/v1/webhooks/"+p.hook+"/pull", object{}), 404, "not-found")
	p.refused(p.call(agent, "GET", "/v1/webhooks/"+first, nil), 403, "wrong-credential")
	old := p.want(p.call(p.admin, "POST", "/v1/webhooks/"+first+"/agent-codes", object{}), 201).str("code")
	p.pass(domain.AgentCodeLife)
	p.refused(p.call(bearer("code", old), "POST", "/v1/agents", object{"name": "late"}), 401, "unauthenticated")
	p.want(p.call(p.admin, "DELETE", "/v1/webhooks/"+first+"/agents/"+paired.str("agent_id"), nil), 204)
	p.refused(p.call(agent, "POST", "/v1/webhooks/"+first+"/pull", object{}), 401, "unauthenticated")
	other := p.agent("of the second")
	p.want(p.call(p.admin, "DELETE", "/v1/webhooks/"+p.hook, nil), 204)
	p.refused(p.call(other, "POST", "/v1/webhooks/"+p.hook+"/pull", object{}), 401, "unauthenticated")
}

func TestAgent_AWebhookWithoutURLHasNoCredentials(t *testing.T) {
	p := newPuller(t, "")
	for name, body := range map[string]object{
		"auth":    {"auth": object{"scheme": "bearer", "token": "s3cret"}},
		"headers": {"headers": object{"X-Key": "s3cret"}},
	} {
		body["name"], body["url"] = "Pulled", domain.AgentURL
		got := p.want(p.call(p.admin, "POST", "/v1/webhooks", body), 422)
		if pointers := got.pointers(); !slices.Equal(pointers, []string{"/url"}) {
			t.Errorf("%s: %v", name, pointers)
		}
	}
	p.refused(p.call(p.admin, "POST", "/v1/webhooks/"+p.hook+"/agent-codes", object{}), 409, "not-pulled")
}

func TestRule22_AnAgentsAnswerIsMasked(t *testing.T) {
	p := newPuller(t, domain.AgentURL)
	agent := p.agent("rack 1")
	d := p.pull(agent, "").Deliveries[0]
	p.want(p.call(agent, "POST", "/v1/webhooks/"+p.hook+"/pull/ack", object{"results": []object{{"receipt": d.Receipt,
		"status": 400, "body": "you signed " + d.Headers["Webhook-Signature"] + " with " + p.secret}}}), 200)
	p.settle()
	excerpt := p.read(d.ID).str("attempts", 0, "excerpt")
	signature := strings.TrimPrefix(d.Headers["Webhook-Signature"], "v1,")
	if excerpt == "" || strings.Contains(excerpt, p.secret) || strings.Contains(excerpt, signature) {
		t.Errorf("the log shows %q", excerpt)
	}
}
