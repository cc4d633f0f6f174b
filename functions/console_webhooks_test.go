package functions_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"plugboard/shared/domain"
)

// formValue is what the page's hidden field has.
func formValue(body, name string) string {
	_, value, _ := strings.Cut(body, `name="`+name+`" value="`)
	value, _, _ = strings.Cut(value, `"`)
	return strings.NewReplacer("&#34;", `"`, "&#43;", "+").Replace(value)
}

func TestConsole_AWebhookIsCreatedTestedEditedRotatedAndDeleted(t *testing.T) {
	c := newConsole(t)
	b := c.newTab()
	b.signIn("ada", "webhooks")
	b.sees(".empty", "No webhook yet")
	b.look("webhooks-empty")
	b.click(`.page-head a.primary`)
	b.look("webhook-new")

	b.expects("422")
	b.fill("url", "ftp://example.com")
	b.click(`form.form-card button.primary`)
	b.sees("#errors", "Nothing was created")
	b.look("webhook-wrong")
	b.fill("name", "Data warehouse")
	b.fill("url", c.receiver.URL+"/hooks")
	b.click(`form.form-card button.primary`)
	secret := ask(b, chromedp.Value(chromedp.CSS("#secret")))
	if !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("got the secret %q", secret)
	}
	b.look("webhook-created")
	c.settle()
	b.click(`.confirm a.primary`)
	b.sees("h1", "Works")
	if strings.Contains(ask(b, chromedp.OuterHTML(chromedp.CSS("html"))), secret) {
		t.Error("the secret is on a page again")
	}
	b.click(`.aside form button`)
	b.sees(".alert.busy", "on its way")
	c.settle()
	b.click(`.alert.busy a`)
	b.sees("h1", "Delivered")

	b.click(`.crumbs li:nth-child(2) a`)
	b.sees("h1", "Deliveries to Data warehouse")
	id := c.want(c.call(c.admin, "GET", "/v1/webhooks", nil), 200).str("items", 0, "id")
	b.open("webhooks/" + id)
	b.look("webhook")
	b.click(`.page-head a[href$="/rotate"]`)
	b.look("webhook-rotate")
	b.click(`.confirm button`)
	b.sees("main", "Signs, too, until")
	b.look("webhook-rotated")
	b.click(`.confirm a.primary`)
	b.click(`.page-head a[href$="/edit"]`)
	b.fill("name", "Warehouse")
	b.click(`form.form-card button.primary`)
	b.sees("h1", "Warehouse")
	b.click(`.page-head a[href$="/pause"]`)
	b.look("webhook-pause")
	b.click(`.confirm button`)
	b.sees("h1", "Paused")
	b.click(`.page-head a[href$="/delete"]`)
	b.click(`.confirm button`)
	b.sees(".empty", "No webhook yet")
}

func TestConsole_AWebhookThatFailsNeedsSomeone(t *testing.T) {
	c := newConsole(t)
	c.enable()
	id := c.hookNamed("Data warehouse " + hostile)
	c.settle()
	w, err := c.tables.Webhook(c.t.Context(), "customer", domain.WebhookID(id))
	must(t, err)
	h := domain.Health{Account: "customer", Webhook: w.ID, Reason: "The answer was 503."}
	h.FailingSince, h.Breaker = c.now().Add(-time.Hour),
		domain.Breaker{OpenedAt: c.now().Add(-time.Hour), ProbeAt: c.now().Add(time.Minute)}
	c.tables.Given(&h)
	b := c.newTab()
	b.signIn("ada", "webhooks")
	b.sees(".ask", "Cannot be reached")
	b.sees(".ask", hostile)
	b.look("webhooks")
	b.click(`.ask a.button`)
	b.look("webhook-failing")
	b.click(`.page-head a.primary`)
	b.sees("h1", "again?")
	b.click(`.confirm button`)
	b.sees("h1", "Works")
}

func TestConsole_AWebhookFormIsCheckedKeptAndNeverOverwritesUnseen(t *testing.T) {
	c := newConsole(t)
	id := c.hookNamed("Ours")
	v := c.newVisitor()
	_, form := v.signIn("ada", "webhooks/"+id+"/edit")
	sent := url.Values{
		"key": {formValue(form, "key")}, "etag": {formValue(form, "etag")}, "name": {"Mine"}, "url": {c.receiver.URL},
		"scheme": {"none"}, "scheme-before": {"none"},
		"event": {"contract.signed", "contract.declined"}, "headers": {"X-Api-Key: key-of-ours"}, "timeout": {"7"},
		"waits": {"5, 60"},
	}
	c.want(c.call(c.admin, "PATCH", "/v1/webhooks/"+id, object{"name": "Theirs"}), 200)
	resp, body := v.post("webhooks/"+id+"/edit", sent)
	if resp.StatusCode != http.StatusPreconditionFailed || !strings.Contains(body, "Somebody changed") ||
		!strings.Contains(body, "<strong>Theirs</strong>") || !strings.Contains(body, `value="Mine"`) {
		t.Fatalf("got %d %s", resp.StatusCode, body)
	}
	sent.Set("key", formValue(body, "key"))
	sent.Set("etag", formValue(body, "etag"))
	sent.Set("timeout", "banana")
	if resp, body := v.post("webhooks/"+id+"/edit", sent); resp.StatusCode != 422 ||
		!strings.Contains(body, "is no whole number") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	sent.Set("timeout", "7")
	if resp, body := v.post("webhooks/"+id+"/edit", sent); resp.StatusCode != 200 ||
		strings.Contains(body, "key-of-ours") || !strings.Contains(body, "X-Api-Key") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	got := c.want(c.call(c.admin, "GET", "/v1/webhooks/"+id, nil), 200)
	if got.str("name") != "Mine" || len(got.at("event_types").([]any)) != 2 ||
		got.at("policy", "timeout_seconds") != 7.0 || len(got.at("policy", "retry_wait_seconds").([]any)) != 2 {
		t.Errorf("got %s", got.raw)
	}
	sent.Set("scheme", "bearer")
	sent.Set("secret", "token-of-ours")
	sent.Set("headers", "X-Api-Key:")
	sent.Del("event")
	_, body = v.page("webhooks/" + id + "/edit")
	sent.Set("key", formValue(body, "key"))
	sent.Set("etag", formValue(body, "etag"))
	v.post("webhooks/"+id+"/edit", sent)
	got = c.want(c.call(c.admin, "GET", "/v1/webhooks/"+id, nil), 200)
	if got.str("auth", "scheme") != "bearer" || got.at("event_types") != nil ||
		strings.Contains(string(got.raw), "X-Api-Key") {
		t.Errorf("got %s", got.raw)
	}
}

func TestConsole_OfAManagedWebhookOnlyWhatMayChangeIsOffered(t *testing.T) {
	c := newConsole(t)
	c.enable()
	id := c.hookOf(c.templateType("acme-crm"))
	v := c.newVisitor()
	_, body := v.signIn("ada", "webhooks/"+id)
	for _, want := range []string{"Managed by", "/pause", "/rotate"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s: %s", want, body)
		}
	}
	if strings.Contains(body, "/delete") || strings.Contains(body, "/edit") {
		t.Error("it offers to change what the blueprint declares")
	}
	if resp, _ := v.page("webhooks/" + id + "/edit"); resp.StatusCode != 409 {
		t.Errorf("its form answered %d, want 409", resp.StatusCode)
	}
	if resp, body := v.post("webhooks/"+id+"/delete", url.Values{}); resp.StatusCode != 409 ||
		!strings.Contains(body, "acme-crm") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	for _, change := range [][2]string{{"pause", "Paused"}, {"resume", "Works"}, {"enable", "Works"}} {
		if _, body := v.page("webhooks/" + id + "/" + change[0]); strings.Count(body, `<li class="`) < 2 {
			t.Errorf("%s is not explained before it is done: %s", change[0], body)
		}
		if resp, body := v.post("webhooks/"+id+"/"+change[0], url.Values{}); resp.StatusCode != 200 ||
			!strings.Contains(body, change[1]) {
			t.Errorf("%s: got %d %s", change[0], resp.StatusCode, body)
		}
	}
	m := c.newVisitor()
	if _, body := m.signIn("mel", "webhooks/"+id); strings.Contains(body, "/pause") ||
		strings.Contains(body, "Send a test") {
		t.Error("a member is offered a change")
	}
	for _, path := range []string{"webhooks/new", "webhooks/" + id + "/pause", "webhooks/" + id + "/test"} {
		if resp, _ := m.post(path, url.Values{"event_type": {"webhook.ping"}, "name": {"x"},
			"url": {c.receiver.URL}}); resp.StatusCode != 403 {
			t.Errorf("a member's POST to %s answered %d, want 403", path, resp.StatusCode)
		}
	}
	_, body = v.page("webhooks/" + id + "/rotate")
	rotate := url.Values{"key": {formValue(body, "key")}, "overlap": {"3600"}}
	if _, body := v.post("webhooks/"+id+"/rotate", rotate); !strings.Contains(body, "whsec_") {
		t.Errorf("no secret is shown: %s", body)
	}
	if _, body := v.post("webhooks/"+id+"/rotate", rotate); strings.Contains(body, "whsec_") ||
		!strings.Contains(body, "Your first click did it") {
		t.Errorf("a second click showed %s", body)
	}
}
