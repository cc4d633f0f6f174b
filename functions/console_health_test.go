package functions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"plugboard/functions/console"
	"plugboard/shared/domain"
)

// figures stores a webhook's figures of the last hours, as delivery does: each hour's deliveries and failures.
func (c *consoleWorld) figures(hook string, hours ...[2]int) {
	c.t.Helper()
	now := c.now().UTC().Truncate(time.Hour)
	for ago, counts := range hours {
		h := domain.WebhookHour{Account: "customer", Webhook: domain.WebhookID(hook),
			Hour: now.Add(-time.Duration(ago) * time.Hour)}
		for n := range counts[0] {
			h.Add(domain.Attempt{Outcome: domain.OutcomeDelivered, Milliseconds: int64(120 + n%40)})
		}
		for range counts[1] {
			h.Add(domain.Attempt{Outcome: domain.OutcomeFailed, Milliseconds: 2400})
		}
		must(c.t, c.tables.AddStatistics(c.t.Context(), h))
	}
}

// week is 168 hours with busy days, quiet nights and a bad hour.
func week() [][2]int {
	var hours [][2]int
	for ago := range 168 {
		delivered, failed := 6+ago%5, 0
		if night := ago % 24; night > 9 && night < 18 {
			delivered = 0
		}
		if ago == 3 {
			failed = 9
		}
		hours = append(hours, [2]int{delivered, failed})
	}
	return hours
}

func TestWebhookStatistics_AreTheLogsAndNobodyElses(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	hook := a.hookOf(a.templateType("acme-crm"))
	statistics := "/v1/webhooks/" + hook + "/statistics"
	template := a.template(a.templateType("acme-crm"))
	for range 3 {
		a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	}
	a.settle()
	got := a.want(a.call(a.member, "GET", statistics, nil), 200)
	if got.at("delivered") != 3.0 || got.at("failed") != 0.0 || got.at("p95_milliseconds") == nil ||
		len(got.at("hours").([]any)) != 24 {
		t.Errorf("three deliveries read as %s", got.raw)
	}
	a.pass(time.Minute) // figures are written once a minute
	a.receiver.answer(http.StatusServiceUnavailable)
	a.want(a.call(a.integration(adminEmail), "POST", "/v1/contracts", contractOf(template)), 201)
	a.settle()
	got = a.want(a.call(bearer("integration", a.token), "GET", statistics+"?hours=168", nil), 200)
	if got.at("delivered") != 3.0 || got.at("failed") != 1.0 || len(got.at("hours").([]any)) != 168 ||
		got.at("hours", 167, "delivered") == nil {
		t.Errorf("with a failure they read as %s", got.raw)
	}
	a.refused(a.call(a.dashboard("other", "ada"), "GET", statistics, nil), 404, "not-found")
	for _, hours := range []string{"0", "169", "many"} {
		if got := a.call(a.admin, "GET", statistics+"?hours="+hours, nil); got.status != 422 {
			t.Errorf("%s hours: got %d", hours, got.status)
		}
	}
}

func TestConsole_AWebhookShowsItsFiguresAtAGlance(t *testing.T) {
	c := newConsole(t)
	c.enable()
	hook := c.hookNamed("Data warehouse")
	for range 4 {
		c.want(c.call(c.integration(adminEmail), "POST", "/v1/contracts",
			contractOf(c.template(c.templateType("acme-crm")))), 201)
	}
	c.settle()
	quiet := c.hookNamed("Archive")
	c.figures(hook, week()...)
	b := c.newTab()
	b.signIn("ada", "webhooks")
	b.sees(".hooks", "Data warehouse")
	for _, row := range []string{hook, quiet} {
		b.waitFor(`.hooks a[href$="` + row + `"]`)
	}
	b.look("webhooks-figures")
	b.open("webhooks/" + hook)
	b.sees("#health", "95 % up to 3.0 s")
	b.sees("#health", "waiting now")
	b.look("webhook-figures")
	v := c.newVisitor()
	_, body := v.signIn("mel", "webhooks/"+hook)
	for _, want := range []string{`role="img" aria-label="In 24 hours: `, `aria-label="In 7 days: `,
		"9 attempts failed", "24 hours as a table", "150 ms", "3.0 s"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q: %s", want, body)
		}
	}
	if _, body := v.page("webhooks/" + quiet); !strings.Contains(body, "Nothing was sent in 24 hours.") {
		t.Errorf("a quiet webhook's page is %s", body)
	}
}

func TestConsole_AWebhookThatFailsShowsItsNextRetry(t *testing.T) {
	c := newConsole(t)
	hook := c.hookNamed("Ours")
	c.settle()
	next := c.now().Add(17 * time.Minute).Truncate(time.Second)
	c.logged(hook, 30, func(i int, a *domain.Attempt) {
		a.Outcome, a.Status, a.Failure = domain.OutcomeFailed, 503, domain.FailureStatus
		if a.NextAt = next.Add(time.Duration(30-i) * time.Minute); i == 28 {
			a.NextAt = next
		}
	})
	c.tables.Given(&domain.Health{
		Account: "customer", Webhook: domain.WebhookID(hook), FailingSince: c.now(), Reason: "The answer was 503.",
	})
	v := c.newVisitor()
	_, body := v.signIn("mel", "webhooks/"+hook)
	_, health, _ := strings.Cut(body, `id="health"`)
	if want := "<dt>Next retry</dt><dd><time datetime=\"" + next.UTC().Format(time.RFC3339); !strings.Contains(health,
		want) {
		t.Errorf("the page lacks %s: %s", want, health)
	}
}

func TestConsole_ManyWebhooksComeInPages(t *testing.T) {
	c := newConsole(t)
	for n := range 60 {
		w := domain.Webhook{Account: "customer", ID: domain.WebhookID(fmt.Sprintf("whk_%03d", n)),
			Name: fmt.Sprintf("Hook %03d", n), URL: c.receiver.URL}
		c.tables.Given(&w)
	}
	v := c.newVisitor()
	_, body := v.signIn("mel", "webhooks")
	seen := strings.Count(body, ">Hook 0")
	for page := 2; strings.Contains(body, `rel="next"`); page++ {
		_, body = v.page(fmt.Sprintf("webhooks?page=%d", page))
		seen += strings.Count(body, ">Hook 0")
	}
	if seen != 60 {
		t.Errorf("the pages show %d webhooks, want each once", seen)
	}
	if resp, body := v.page("webhooks?page=99"); resp.StatusCode != 200 || !strings.Contains(body, ">Hook 0") {
		t.Errorf("a page beyond the last: %d %s", resp.StatusCode, body)
	}
}

func TestConsole_AnInstallationShowsItsWebhooksHealthAndLastDeliveries(t *testing.T) {
	c := newConsole(t)
	c.enable()
	c.want(c.call(c.integration(adminEmail), "POST", "/v1/contracts",
		contractOf(c.template(c.templateType("acme-crm")))), 201)
	c.settle()
	c.figures(c.hookOf(c.templateType("acme-crm")), week()...)
	b := c.newTab()
	b.signIn("ada", "installations/acme-crm")
	b.sees("#health", "delivered")
	b.sees(".log", "contract.created")
	b.sees("main", "Works")
	b.look("installation-health")
}

func TestConsole_WhatAnInstallationManagesIsComparedAndRepaired(t *testing.T) {
	c := newConsole(t)
	c.enable()
	b := c.newTab()
	b.signIn("ada", "installations/acme-crm")
	b.click(`a[href$="/drift"]`)
	b.sees("h1", "acme-crm")
	b.sees("main", "Nothing differs")
	b.look("drift-none")
	typeID := c.templateType("acme-crm")
	c.drift(typeID, c.templateType("acme-crm_addendum"))
	b.open("installations/acme-crm/drift")
	b.sees(".diff", "Field amount of the template type")
	b.look("drift-found")
	b.click(`a[href="repair"]`)
	b.click(".confirm button")
	c.settle()
	b.open("installations/acme-crm/drift")
	b.sees("main", "Nothing differs")
}

func TestConsole_TheAddressesOfDeliveriesAreShownWhereTheyAreFixed(t *testing.T) {
	for name, addresses := range map[string][]string{"fixed": {"198.51.100.7", "198.51.100.8"}, "not fixed": nil} {
		c := newConsole(t, func(config *console.Config) { config.Addresses.Addresses = addresses })
		hook := c.hookNamed("Ours")
		v := c.newVisitor()
		_, list := v.signIn("mel", "webhooks")
		_, one := v.page("webhooks/" + hook)
		for _, page := range []string{list, one} {
			if shown := strings.Contains(page, "198.51.100.7 and 198.51.100.8"); shown != (addresses != nil) {
				t.Errorf("%s: the addresses are shown: %v", name, shown)
			}
		}
	}
}

func TestListDeliveryAddresses_NamesTheFixedOnes(t *testing.T) {
	a := newActors(newWorld(t))
	got := a.want(a.call(a.member, "GET", "/v1/delivery-addresses", nil), 200)
	if got.at("fixed") != false || len(got.at("addresses").([]any)) != 0 {
		t.Errorf("a stage without fixed addresses says %s", got.raw)
	}
}

func TestConsole_AnInstallationWithManyWebhooksReadsTheFiguresOfAFew(t *testing.T) {
	c := newConsole(t)
	c.enable()
	for n := range 100 {
		w := domain.Webhook{
			Account: "customer", ID: domain.WebhookID(fmt.Sprintf("whk_%03d", n)), Name: fmt.Sprintf("Hook %03d", n),
			Extension: mainExtension, Epoch: 0, Version: 1, WebhookKey: "contracts", URL: c.receiver.URL,
		}
		h := domain.Health{Account: "customer", Webhook: w.ID, Reason: "The answer was 503."}
		if h.FailingSince = c.now(); n == 77 {
			c.tables.Given(&w, &h)
			continue
		}
		c.tables.Given(&w)
	}
	v := c.newVisitor()
	c.cost.reset()
	resp, body := v.signIn("ada", "installations/acme-crm")
	if resp.StatusCode != 200 || !strings.Contains(body,
		"Of 10 of its 102 webhooks, those that need somebody first.") ||
		!strings.Contains(body, "Failing") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if reads := c.cost.read.Load(); reads > 400 {
		t.Errorf("the page made %d reads", reads)
	} else {
		t.Logf("the page of an installation with 102 webhooks made %d reads", reads)
	}
}
