package functions_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"plugboard/shared/domain"
)

func TestConsole_WhatAnEndpointMissedIsSentAgain(t *testing.T) {
	c := newConsole(t)
	r := &replaying{actors: c.actors}
	b := c.newTab()
	b.signIn("ada", "recover")
	b.sees(".empty h2", "No webhook yet")
	hook, _ := r.ownHook(object{"name": scripted})
	for range 12 {
		r.logged(hook, 10*time.Minute, "contract.signed", domain.OutcomeFailed, domain.OutcomeExhausted)
	}
	r.logged(hook, 10*time.Minute, "contract.signed", domain.OutcomeDelivered)
	b.open("recover")
	b.look("recover-empty")

	count := func() {
		b.open("recover")
		b.run(chromedp.SetValue(chromedp.CSS(`#webhook`), hook))
		b.click(`#choose form button`)
		b.waitFor(`#count button.primary`)
		b.sees(".figure", "12 deliveries")
	}
	count()
	b.look("recover-count")
	b.click(`#count button.primary`)
	b.sees("h1", "Recovery of "+scripted)
	b.look("recovery")
	b.sees("#recovery", "0 of the 12 that were counted")
	b.sees("#recovery", "given up or skipped")
	b.click(`#recovery form button`)
	b.waitFor(`#recovery .pill.off`)
	b.sees("#recovery", "0 of the 12 that were counted")
	b.look("recovery-paused")
	b.click(`#recovery form button`)
	b.waitFor(`#recovery .pill.busy`)
	b.click(`#recovery a.button`)
	b.sees("h1", "Cancel the recovery?")
	b.look("recovery-cancel")
	b.click(`form button.danger`)
	b.sees("#recovery .pill", "Cancelled")

	count()
	b.sees(".list", "Cancelled")
	b.click(`#count button.primary`)
	b.waitFor(`#recovery .pill.busy`)
	r.replayOn()
	b.waitFor(`#recovery .pill.good`) // the page asks again by itself
	b.sees("#recovery", "12")
	b.look("recovery-done")
}

func TestConsole_RecoverWithoutScript(t *testing.T) {
	c := newConsole(t)
	r := &replaying{actors: c.actors}
	hook, _ := r.ownHook(object{"name": "Ours"})
	for range 3 {
		r.logged(hook, 10*time.Minute, "contract.signed", domain.OutcomeSkipped)
	}
	v := c.newVisitor()
	_, page := v.signIn("ada", "recover?webhook="+hook+"&since=7+days&state=skipped")
	if !strings.Contains(page, "3 deliveries") {
		t.Fatalf("the count is missing: %s", page)
	}
	field := func(name string) string {
		_, rest, _ := strings.Cut(page, `name="`+name+`" value="`)
		value, _, _ := strings.Cut(rest, `"`)
		return value
	}
	form := url.Values{"key": {field("key")}, "webhook": {hook}, "from": {field("from")}, "to": {field("to")},
		"state": {"skipped"}}
	first, body := v.post("recover", form)
	if again, _ := v.post("recover", form); first.StatusCode != 200 ||
		again.Request.URL.Path != first.Request.URL.Path || !strings.Contains(body, "Recovery of Ours") {
		t.Errorf("got %d, and the second click led to %s: %s", first.StatusCode, again.Request.URL, body)
	}
	_, job, _ := strings.Cut(first.Request.URL.Path, "/console/")
	form.Set("key", "of another page")
	if resp, body := v.post("recover", form); resp.StatusCode != 409 || !strings.Contains(body, "cancel it") {
		t.Errorf("a second recovery at once: %d %s", resp.StatusCode, body)
	}
	if resp, body := v.post(job+"/pause", url.Values{}); resp.StatusCode != 200 || !strings.Contains(body, "Paused") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if resp, body := v.post(job+"/resume", url.Values{}); resp.StatusCode != 200 || !strings.Contains(body, "Sending") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if resp, _ := v.post(job+"/forget", url.Values{}); resp.StatusCode != 404 {
		t.Errorf("a change that there is not answered %d", resp.StatusCode)
	}
	for range 2 { // cancelled is cancelled, however often
		if resp, body := v.post(job+"/cancel", url.Values{}); resp.StatusCode != 200 ||
			!strings.Contains(body, "Cancelled") {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
	}
	form.Set("from", "yesterday")
	if resp, _ := v.post("recover", form); resp.StatusCode != 422 {
		t.Errorf("a time that is none: got %d", resp.StatusCode)
	}
	if resp, body := v.page("recover?webhook=" + hook + "&since=1+hour&state=retrying"); resp.StatusCode != 200 ||
		!strings.Contains(body, "Nothing has to be sent again") {
		t.Errorf("nothing to send: %d %s", resp.StatusCode, body)
	}
	if resp, _ := v.page("recover?webhook=whk_none"); resp.StatusCode != 404 {
		t.Errorf("a webhook that is gone: %d", resp.StatusCode)
	}

	m := c.newVisitor()
	if _, body := m.signIn("mel", "recover?webhook="+hook+"&state=skipped"); !strings.Contains(body, "Only an admin") ||
		strings.Contains(body, "button class=\"primary\">Send") {
		t.Errorf("a member sees %s", body)
	}
	form.Set("from", field("from"))
	if resp, _ := m.post("recover", form); resp.StatusCode != 403 {
		t.Errorf("a member started a recovery: %d", resp.StatusCode)
	}
}
