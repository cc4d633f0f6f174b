package domain_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"plugboard/shared/domain"
)

// lifecycleSubject is an upgrade between versions that differ in their lifecycle endpoint alone, and in a field and a
// webhook that come and go, so that there is an order. No URL is no endpoint.
func lifecycleSubject(from, to string, hooks ...domain.Webhook) domain.UpgradeSubject {
	version := func(n int, url, key string) domain.Blueprint {
		b := domain.Blueprint{Extension: "acme", Version: n}
		b.Webhooks = []domain.WebhookBlueprint{{Key: key, URL: "https://a.test",
			EventTypes: []string{"contract.signed"}}}
		b.TemplateTypes = []domain.TemplateTypeBlueprint{
			{Name: "A", Fields: []domain.FieldDefinition{{CustomID: key, Name: key, Kind: domain.Text}}}}
		if url != "" {
			b.Lifecycle = &domain.LifecycleBlueprint{URL: url}
		}
		return b
	}
	i := domain.Installation{Account: "acct", Extension: "acme", Version: 1, Epoch: 2, State: domain.Enabled}
	s := domain.UpgradeSubject{Installation: i, From: version(1, from, "one"), To: version(2, to, "two"),
		Webhooks: hooks}
	made, _ := i.DefineTemplateType(s.From.TemplateTypes[0], domain.TemplateType{})
	made.Rev = 1
	s.TemplateTypes = []domain.TemplateType{made}
	s.Webhooks = append(s.Webhooks, i.DefineWebhook(s.From, s.From.Webhooks[0], "", domain.Webhook{}))
	return s
}

// Where it hears of the upgrade, it hears of all of it: even when a step fails that adds something, or takes it away.
func TestRule6_ALifecycleEndpointComesFirstAndGoesLast(t *testing.T) {
	const here, there = "https://a.test/life", "https://b.test/life"
	i := lifecycleSubject("", "").Installation
	at := func(url string) domain.Webhook {
		return i.DefineLifecycle(domain.LifecycleBlueprint{URL: url}, domain.Webhook{})
	}
	ended := at(here)
	ended.Epoch, ended.EndsAt = 1, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		subject domain.UpgradeSubject
		change  string // of the endpoint's webhook
		steps   string // all of them
		consent string
	}{
		"added": {lifecycleSubject("", here), "added " + here,
			"lifecycle template-type webhook withdrawal webhook-removal", "webhook-added"},
		"dropped": {lifecycleSubject(here, "", at(here)), "removed " + here,
			"template-type webhook withdrawal webhook-removal lifecycle-removal", ""},
		"moved": {lifecycleSubject(here, there, at(here)), "changed " + there,
			"lifecycle template-type webhook withdrawal webhook-removal", "target-host-changed"},
		"the same": {lifecycleSubject(here, here, at(here)),
			"", "template-type webhook withdrawal webhook-removal", ""},
		"lost, and brought back": {lifecycleSubject(here, here), "added " + here,
			"lifecycle template-type webhook withdrawal webhook-removal", ""},
		"added, where one of an earlier life has its last word": {lifecycleSubject("", here, ended), "added " + here,
			"lifecycle template-type webhook withdrawal webhook-removal", "webhook-added"},
		"none, where one of an earlier life has its last word": {lifecycleSubject("", "", ended),
			"", "template-type webhook withdrawal webhook-removal", ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan := c.subject.Plan()
			var change, steps, consent []string
			for _, w := range plan.Webhooks {
				if w.ID == domain.LifecycleID("acct", "acme") {
					change = append(change, fmt.Sprint(w.Change, " ", w.URL))
				}
			}
			for _, s := range plan.Steps {
				steps = append(steps, string(s.Kind))
			}
			for _, r := range plan.NeedsConsent {
				if r.Pointer == "/lifecycle" || r.Pointer == "/lifecycle/url" {
					consent = append(consent, r.Code)
				}
			}
			if got, want := fmt.Sprint(change, steps, consent),
				fmt.Sprintf("[%s] [%s] [%s]", c.change, c.steps, c.consent); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestRule6_SetupIsAskedForWhenItComesAndForgottenWhenItGoes(t *testing.T) {
	version := func(n int, url string) domain.Blueprint {
		b := domain.Blueprint{Extension: "acme", Version: n}
		if url != "" {
			b.Setup = &domain.SetupBlueprint{URL: url}
		}
		return b
	}
	const here, there = "https://a.test/setup", "https://b.test/setup"
	done := &domain.Setup{State: domain.SetupCompleted, At: now.Add(-time.Hour)}
	asked := &domain.Setup{State: domain.SetupPending, At: now}
	for name, c := range map[string]struct {
		from, to string
		change   domain.UpgradeChange
		before   *domain.Setup
		after    *domain.Setup
	}{
		"added":                               {"", here, domain.UpgradeAdds, nil, asked},
		"added, where the partner had spoken": {"", here, domain.UpgradeAdds, done, asked},
		"moved":                               {here, there, domain.UpgradeChanges, done, done},
		"the same":                            {here, here, "", done, done},
		"dropped":                             {here, "", domain.UpgradeRemoves, done, nil},
		"never there":                         {"", "", "", done, done},
	} {
		i := domain.Installation{Account: "acct", Extension: "acme", Version: 1, State: domain.Enabled,
			TokenHash: "hash", CallbackSecret: "sealed", Setup: c.before}
		from, to := version(1, c.from), version(2, c.to)
		if got := (domain.UpgradeSubject{Installation: i, From: from, To: to}).Plan().Setup; got != c.change {
			t.Errorf("%s: the plan says %q, want %q", name, got, c.change)
		}
		got := i.Upgraded(from, to, now)
		if !reflect.DeepEqual(got.Setup, c.after) || got.TokenHash != i.TokenHash ||
			got.CallbackSecret != i.CallbackSecret {
			t.Errorf("%s: got the setup %+v, want %+v, and the credentials %q %q", name, got.Setup, c.after,
				got.TokenHash, got.CallbackSecret)
		}
	}
}
