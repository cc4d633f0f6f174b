package delivery

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"plugboard/shared/domain"
)

// markers are values that no text of a blueprint contains.
var markers = map[string]string{"a": "value-of-a", "b": "value-of-b", "c": "value-of-c"}

// drawSent is a webhook that sends some parameters in all the ways that there are.
func drawSent(t *rapid.T, key string) domain.WebhookBlueprint {
	text := rapid.SampledFrom([]string{"", "fixed", "{{a}}", "x {{ b }}", "{{c}}{{a}}"})
	texts := rapid.MapOfN(rapid.SampledFrom([]string{"X-One", "X-Two"}), text, 0, 2)
	url := rapid.SampledFrom([]string{"https://one.test:443", "https://two.test:443"})
	w := domain.WebhookBlueprint{
		Key: key, URL: url.Draw(t, "url"), Headers: texts.Draw(t, "headers"), Query: texts.Draw(t, "query"),
		Context: texts.Draw(t, "context"),
	}
	scheme := rapid.SampledFrom([]domain.AuthScheme{domain.AuthNone, domain.AuthBasic, domain.AuthBearer,
		domain.AuthOAuth2})
	switch w.Auth.Scheme = scheme.Draw(t, "scheme"); w.Auth.Scheme {
	case domain.AuthBasic:
		w.Auth.Username, w.Auth.Password = text.Draw(t, "user"), text.Draw(t, "password")
	case domain.AuthBearer:
		w.Auth.Token = text.Draw(t, "token")
	case domain.AuthOAuth2:
		w.Auth.TokenURL, w.Auth.ClientID = url.Draw(t, "token url"), text.Draw(t, "client")
		w.Auth.ClientSecret, w.Auth.Scope = text.Draw(t, "client secret"), text.Draw(t, "scope")
	}
	return w
}

// sends is which parameters' values the request and its access token's request carry, each with its host. It makes them
// with the code that delivers, except for the context, which fan-out fills.
func sends(t *rapid.T, w domain.WebhookBlueprint) []string {
	to := &target{Destination: domain.Destination{Webhook: domain.Webhook{URL: w.URL}}, declared: w, values: markers}
	r, err := http.NewRequest(http.MethodPost, to.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := to.addHeaders(r, markers); err != nil {
		t.Fatal(err)
	}
	user, password, _ := r.BasicAuth()
	carried := map[string]string{w.URL: r.URL.String() + fmt.Sprint(r.Header) + user + password}
	for _, text := range w.Context {
		carried[w.URL] += domain.FillTemplate(text, markers)
	}
	if w.Auth.Scheme == domain.AuthOAuth2 {
		g, err := to.grant(markers)
		if err != nil {
			t.Fatal(err)
		}
		carried[g.tokenURL] += g.clientID + g.secret + g.scope
	}
	var all []string
	for host, text := range carried {
		for key, marker := range markers {
			if strings.Contains(text, marker) {
				all = append(all, key+" "+host)
			}
		}
	}
	return all
}

func TestRule6_NoValueLeavesByAnUpgradeWithoutAReasonForConsent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() (domain.BlueprintSpec, []string) {
			spec := domain.BlueprintSpec{TemplateTypes: []domain.TemplateTypeBlueprint{{Name: "Order"}}}
			var sent []string
			for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"one", "two"}),
				0, 2, rapid.ID[string]).Draw(t, "webhooks") {
				w := drawSent(t, key)
				spec.Webhooks, sent = append(spec.Webhooks, w), append(sent, sends(t, w)...)
			}
			return spec, sent
		}
		before, sentBefore := draw()
		next, sentAfter := draw()
		var want, got []string
		for _, s := range sentAfter {
			if !slices.Contains(sentBefore, s) {
				want = append(want, s)
			}
		}
		for _, r := range before.Diff(next).NeedsConsent {
			if r.Parameter != "" {
				got = append(got, r.Parameter+" "+r.Host)
			}
		}
		slices.Sort(want)
		want = slices.Compact(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("the upgrade newly sends %q, and asks consent for %q", want, got)
		}
	})
}
