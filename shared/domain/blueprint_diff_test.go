package domain_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// specimen is a blueprint with one of everything. Each call makes another, to be changed at will.
func specimen() domain.BlueprintSpec {
	return domain.BlueprintSpec{
		Scopes: []domain.Scope{domain.ScopeContractsRead},
		Parameters: parametersOf(`{"customer":{"type":"string","title":"Customer"},"region":{"type":"string",`+
			`"enum":["eu","us"]}}`, "customer"),
		Dependencies: []domain.Dependency{{Extension: "acme-core", MinVersion: 1}},
		TemplateTypes: []domain.TemplateTypeBlueprint{
			{Name: "Order", Fields: []domain.FieldDefinition{{CustomID: "number", Name: "Number", Kind: domain.Text},
				{CustomID: "due", Name: "Due", Kind: domain.Date}}},
			{Key: "quiet", Name: "Quiet", NoWebhooks: true, Fields: []domain.FieldDefinition{}},
		},
		Webhooks: []domain.WebhookBlueprint{{Key: "contracts", URL: "https://acme.test/hooks",
			EventTypes: []string{"contract.created"}, Headers: map[string]string{"X-A": "{{customer}}"},
			Auth: domain.WebhookAuth{Scheme: domain.AuthOAuth2, TokenURL: "https://id.acme.test/token",
				ClientID: "{{customer}}", ClientSecret: "{{customer}}"},
		}, {Key: "patient", URL: "https://acme.test/patient", EventTypes: []string{"contract.created"},
			Policy: domain.SendPolicy{TimeoutSeconds: 30, RetryWaitSeconds: []int{5, 60, 5}},
		}},
		Setup:     &domain.SetupBlueprint{URL: "https://acme.test/setup"},
		Lifecycle: &domain.LifecycleBlueprint{URL: "https://acme.test/lifecycle"},
	}
}

func TestRule11_DiffNamesEveryChangeByPointer(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*domain.BlueprintSpec)
		want   []string
	}{
		"nothing": {func(*domain.BlueprintSpec) {}, nil},
		"an empty list": {func(b *domain.BlueprintSpec) {
			edit(b, "customer", func(s *domain.ParameterSchema) { s.Enum = []domain.ParameterValue{} })
		}, nil},
		"a renamed field": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes[0].Fields[1].Name = "Until"
		}, []string{`changed /template_types/0/fields/1/name "Due" "Until"`}},
		"a field's other case": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes[0].Fields[1].CustomID = "Due"
		}, []string{`changed /template_types/0/fields/1/custom_id "due" "Due"`}},
		"a field before": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes[0].Fields = slices.Insert(b.TemplateTypes[0].Fields, 0,
				domain.FieldDefinition{CustomID: "new", Name: "New", Kind: domain.Text})
		}, []string{`added /template_types/0/fields/0  {"custom_id":"new","kind":"text","name":"New"}`}},
		"no field": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes[0].Fields = b.TemplateTypes[0].Fields[1:]
		}, []string{`removed /template_types/0/fields/0 {"custom_id":"number","kind":"text","name":"Number"} `}},
		"another kind": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes[0].Fields[1].Kind = domain.Text
		}, []string{`changed /template_types/0/fields/1/kind "date" "text"`}},
		"another order of fields": {func(b *domain.BlueprintSpec) { slices.Reverse(b.TemplateTypes[0].Fields) },
			[]string{`reordered /template_types/0/fields ["number","due"] ["due","number"]`}},
		"another order of types, which means nothing": {func(b *domain.BlueprintSpec) {
			slices.Reverse(b.TemplateTypes)
		}, nil},
		"a type that moved and changed": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes[1].Name = "Silent"
			slices.Reverse(b.TemplateTypes)
		}, []string{`changed /template_types/0/name "Quiet" "Silent"`}},
		"no parameters": {func(b *domain.BlueprintSpec) {
			b.Parameters = domain.Parameters{}
		}, []string{`removed /parameters {"properties":{"customer":{"title":"Customer","type":"string"},` +
			`"region":{"enum":["eu","us"],"type":"string"}},"required":["customer"],"type":"object"} `}},
		"a flag": {func(b *domain.BlueprintSpec) {
			edit(b, "customer", func(s *domain.ParameterSchema) { s.WriteOnly = true })
		}, []string{`added /parameters/properties/customer/writeOnly  true`}},
		"a header with slash": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Headers["a/b"] = "1"
		}, []string{`added /webhooks/0/headers/a~1b  "1"`}},
		"a choice": {func(b *domain.BlueprintSpec) {
			edit(b, "region", func(s *domain.ParameterSchema) { s.Enum[1] = "uk" })
		}, []string{`removed /parameters/properties/region/enum/1 "us" `,
			`added /parameters/properties/region/enum/1  "uk"`}},
		"a policy": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Policy.TimeoutSeconds = 9
		}, []string{`added /webhooks/0/policy  {"timeout_seconds":9}`}},
		"another order of waits": {func(b *domain.BlueprintSpec) {
			b.Webhooks[1].Policy.RetryWaitSeconds = []int{60, 5, 5}
		},
			[]string{`changed /webhooks/1/policy/retry_wait_seconds [5,60,5] [60,5,5]`}},
		"no waits of its own": {func(b *domain.BlueprintSpec) { b.Webhooks[1].Policy.RetryWaitSeconds = nil },
			[]string{`removed /webhooks/1/policy/retry_wait_seconds [5,60,5] `}},
		"a field that a draft repeats": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes[0].Fields = append(b.TemplateTypes[0].Fields, b.TemplateTypes[0].Fields[1])
		}, []string{`added /template_types/0/fields/2  {"custom_id":"due","kind":"date","name":"Due"}`}},
	} {
		next := specimen()
		test.change(&next)
		var got []string
		for _, c := range specimen().Diff(next).Changes {
			got = append(got, fmt.Sprintf("%s %s %s %s", c.Kind, c.Pointer, c.From, c.To))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
		if back := next.Diff(specimen()); len(back.Changes) != len(test.want) {
			t.Errorf("%s: the way back has %d changes, want %d", name, len(back.Changes), len(test.want))
		}
	}
}

func TestRule6_WhatNeedsConsentIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*domain.BlueprintSpec)
		want   string
	}{
		"nothing": {func(*domain.BlueprintSpec) {}, ""},
		"a field": {func(b *domain.BlueprintSpec) { b.TemplateTypes[0].Fields = b.TemplateTypes[0].Fields[:1] }, ""},
		"less":    {func(b *domain.BlueprintSpec) { *b = domain.BlueprintSpec{} }, ""},
		"an optional parameter": {func(b *domain.BlueprintSpec) {
			b.Parameters.Properties["more"] = domain.ParameterSchema{Type: "string"}
		}, ""},
		"one with a default": {func(b *domain.BlueprintSpec) {
			b.Parameters.Properties["more"] = domain.ParameterSchema{Default: "x"}
			b.Parameters.Required = append(b.Parameters.Required, "more")
		}, ""},
		"a path": {func(b *domain.BlueprintSpec) { b.Webhooks[0].URL = "https://acme.test/other" }, ""},
		"the same host, spelled": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].URL = "https://ACME.test:443/hooks"
		}, ""},
		"a quiet type": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes = append(b.TemplateTypes, domain.TemplateTypeBlueprint{Key: "q2", NoWebhooks: true})
		}, ""},
		"a scope": {func(b *domain.BlueprintSpec) {
			b.Scopes = append(b.Scopes, domain.ScopeContractsWrite)
		}, "scope-added /scopes/1"},
		"an event type": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].EventTypes = []string{"contract.signed", "contract.created"}
		}, "event-type-added /webhooks/0/event_types/0"},
		"a dependency": {func(b *domain.BlueprintSpec) {
			b.Dependencies[0].Extension = "evil-core"
		}, "dependency-added /dependencies/0"},
		"a required parameter": {func(b *domain.BlueprintSpec) {
			b.Parameters.Properties["more"] = domain.ParameterSchema{Type: "string"}
			b.Parameters.Required = append(b.Parameters.Required, "more")
		}, "required-parameter-added /parameters/properties/more"},
		"a parameter required": {func(b *domain.BlueprintSpec) {
			b.Parameters.Required = append(b.Parameters.Required, "region")
		}, "required-parameter-added /parameters/properties/region"},
		"another host": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].URL = "https://acme.test.evil/hooks"
		}, "access-token-sent /webhooks/0/auth, parameter-sent /webhooks/0/headers/X-A, target-host-changed " +
			"/webhooks/0/url"},
		"another port": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].URL = "https://acme.test:8443/hooks"
		}, "access-token-sent /webhooks/0/auth, parameter-sent /webhooks/0/headers/X-A, target-host-changed " +
			"/webhooks/0/url"},
		"no longer encrypted": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].URL = "http://acme.test:443/hooks"
		}, "access-token-sent /webhooks/0/auth, parameter-sent /webhooks/0/headers/X-A, target-host-changed " +
			"/webhooks/0/url"},
		"another token endpoint": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Auth.TokenURL = "https://id.evil.test/token"
		}, "access-token-sent /webhooks/0/auth, parameter-sent /webhooks/0/auth/client_id, target-host-changed " +
			"/webhooks/0/auth/token_url"},
		"a token endpoint's path": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Auth.TokenURL = "https://id.acme.test/v2"
		}, ""},
		"no token endpoint": {func(b *domain.BlueprintSpec) { b.Webhooks[0].Auth = domain.WebhookAuth{} }, ""},
		"a webhook": {func(b *domain.BlueprintSpec) {
			b.Webhooks = append(b.Webhooks, domain.WebhookBlueprint{Key: "more", URL: "https://acme.test"})
		}, "webhook-added /webhooks/2"},
		"a host under another key": {func(b *domain.BlueprintSpec) {
			b.Webhooks[0].Key, b.Webhooks[0].URL = "other", "https://evil.test"
		}, "access-token-sent /webhooks/0/auth, parameter-sent /webhooks/0/headers/X-A, webhook-added /webhooks/0"},
		"a type that is heard": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes[1].NoWebhooks = false
		}, "webhook-added /template_types/1"},
		"a new type that is heard": {func(b *domain.BlueprintSpec) {
			b.TemplateTypes = append(b.TemplateTypes, domain.TemplateTypeBlueprint{Key: "new"})
		}, "webhook-added /template_types/2"},
		"another path to set up at": {func(b *domain.BlueprintSpec) { b.Setup.URL = "https://acme.test/welcome" }, ""},
		"another host to set up at": {func(b *domain.BlueprintSpec) {
			b.Setup.URL = "https://evil.test/setup"
		}, "target-host-changed /setup/url"},
		"no hand-off":            {func(b *domain.BlueprintSpec) { b.Setup = nil }, ""},
		"another lifecycle path": {func(b *domain.BlueprintSpec) { b.Lifecycle.URL = "https://acme.test/life" }, ""},
		"another lifecycle host": {func(b *domain.BlueprintSpec) {
			b.Lifecycle.URL = "https://evil.test/lifecycle"
		}, "target-host-changed /lifecycle/url"},
		"no lifecycle endpoint": {func(b *domain.BlueprintSpec) { b.Lifecycle = nil }, ""},
		"two reasons, in one order": {func(b *domain.BlueprintSpec) {
			b.Scopes[0], b.Dependencies[0].Extension = domain.ScopeTemplatesRead, "other"
		}, "dependency-added /dependencies/0, scope-added /scopes/0"},
	} {
		next := specimen()
		test.change(&next)
		var got []string
		for _, r := range specimen().Diff(next).NeedsConsent {
			got = append(got, r.Code+" "+r.Pointer)
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: got %q, want %q", name, strings.Join(got, ", "), test.want)
		}
	}
}

func TestRule6_WhatGoesToSomebodyNewNeedsConsent(t *testing.T) {
	before := specimen()
	before.Setup, before.Lifecycle = nil, nil
	var got []string
	for _, r := range before.Diff(specimen()).NeedsConsent {
		got = append(got, r.Code+" "+r.Pointer)
	}
	if want := []string{"hand-off-added /setup", "webhook-added /lifecycle"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRule6_ATokenEndpointThatWasNotThereNeedsConsent(t *testing.T) {
	before := specimen()
	before.Webhooks[0].Auth = domain.WebhookAuth{}
	reasons := before.Diff(specimen()).NeedsConsent
	if len(reasons) != 3 || reasons[2].Pointer != "/webhooks/0/auth/token_url" { // after the token and the client id
		t.Errorf("got %+v", reasons)
	}
}

func TestRule11_PromotingReplacesTheFieldsAndNothingElse(t *testing.T) {
	developed := domain.TemplateType{Name: "Dev order", Description: "Mine", Fields: []domain.DataField{
		{FieldDefinition: domain.FieldDefinition{CustomID: "a", Name: "A", Kind: domain.Text},
			Source: domain.SourceUser, Active: true},
		{FieldDefinition: domain.FieldDefinition{CustomID: "off", Name: "Off", Kind: domain.Text},
			Source: domain.SourceUser},
		{FieldDefinition: domain.FieldDefinition{CustomID: "theirs", Name: "Theirs", Kind: domain.Text},
			Source: domain.SourceSystem, Active: true},
	}}
	before := specimen()
	for key, want := range map[string]func(*domain.BlueprintSpec){
		"quiet": func(b *domain.BlueprintSpec) {
			b.TemplateTypes[1].Fields = []domain.FieldDefinition{developed.Fields[0].FieldDefinition}
		},
		"new": func(b *domain.BlueprintSpec) {
			b.TemplateTypes = append(b.TemplateTypes, domain.TemplateTypeBlueprint{Key: "new", Name: "Dev order",
				Description: "Mine", Fields: []domain.FieldDefinition{developed.Fields[0].FieldDefinition}})
		},
	} {
		wanted := specimen()
		want(&wanted)
		if got := before.Promote(key, developed); !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: got %+v, want %+v", key, got, wanted)
		}
		if !reflect.DeepEqual(before, specimen()) {
			t.Fatalf("%s: promoting changed what it was given", key)
		}
	}
}

func TestRule11_AVersionGoesOneWay(t *testing.T) {
	for state, want := range map[domain.VersionState]struct{ review, yank domain.VersionState }{
		domain.VersionSubmitted: {domain.VersionApproved, domain.VersionYanked},
		domain.VersionApproved:  {"", domain.VersionYanked},
		domain.VersionRejected:  {"", ""},
		domain.VersionYanked:    {"", ""},
	} {
		v := domain.BlueprintVersion{Version: 1, State: state}
		if got, err := v.Review(true, nil, v.SubmittedAt); (err == nil) != (want.review != "") || err == nil &&
			got.State != want.review {
			t.Errorf("a review of a version that is %s: got %s, %v", state, got.State, err)
		}
		if got, err := v.Yank("why", v.SubmittedAt); (err == nil) != (want.yank != "") || err == nil &&
			got.State != want.yank {
			t.Errorf("a yank of a version that is %s: got %s, %v", state, got.State, err)
		}
	}
}

func edit(b *domain.BlueprintSpec, key string, change func(*domain.ParameterSchema)) {
	s := b.Parameters.Properties[key]
	change(&s)
	b.Parameters.Properties[key] = s
}

func FuzzBlueprint(f *testing.F) {
	whole, _ := json.Marshal(specimen())
	for _, seed := range []string{
		string(whole), `{}`, `{"parameters":{"type":"object","properties":{"a":{"type":"string","pattern":"\\Qa"}}}}`,
		`{"parameters":{"properties":{"a":{"type":"string","pattern":"("},"B":{"type":"integer","format":"x",` +
			`"enum":[[1],{},null,1,1]}},"required":["a","a","c"]}}`,
		`{"parameters":{"properties":{"a":{"type":"string","format":"0"},"b":{"type":"x"}}}}`,
		`{"parameters":{"properties":{"n":{"type":"number","minimum":2,"maximum":1,"default":1e400}}}}`,
		`{"parameters":{"properties":{"s":{"type":"string","format":"uri","enum":["a:b",""],"default":"a:b",` +
			`"writeOnly":true}}}}`,
		`{"webhooks":[{"key":"w","url":"https://a.test","headers":{"X~/":"{{a}}"},"query":{"":"{{}}"},` +
			`"auth":{"token":"{{ s }}"}}]}`,
		`{"template_types":[{"key":"k","fields":[{"custom_id":"A b"},{"custom_id":"ab","kind":"date",` +
			`"default":"x"}]},` +
			`{"key":"k"}]}`,
		`{"dependencies":[{"extension_id":"self"},{"extension_id":"self"}],"scopes":["x","x"]}`,
		`{"webhooks":[{"url":"http://[::1]:x"},{"url":"%zz"}]}`,
	} {
		f.Add([]byte(seed))
	}
	e := domain.Extension{ID: "self", TypeKeys: []string{"", "k"}}
	known := func(event string) bool { return strings.HasPrefix(event, "contract.") }
	f.Fuzz(func(t *testing.T, raw []byte) {
		var b domain.BlueprintSpec
		if json.Unmarshal(raw, &b) != nil {
			return
		}
		check := func() []fault.Field { return append(b.Check(known), b.CheckFor(e, domain.URLUse.Problem)...) }
		wrong := check()
		if again := check(); !reflect.DeepEqual(wrong, again) {
			t.Fatalf("checked twice: %v and %v", wrong, again)
		}
		for _, w := range wrong {
			if !strings.HasPrefix(w.Pointer, "/blueprint/") || w.Code == "" || w.Detail == "" {
				t.Errorf("a fault that points nowhere: %+v", w)
			}
		}
		if len(wrong) == 0 { // then its parameters can be checked, and its steps made
			for _, v := range []any{"x", 1.0, true, nil, []any{}} {
				given := map[string]domain.ParameterValue{}
				for key := range b.Parameters.Properties {
					given[key] = v
				}
				b.CheckParameters("/parameters", given)
				b.CheckParameterChanges("/parameters", given)
			}
			for _, w := range b.CheckParameters("", b.Parameters.WithDefaults(nil)) {
				if w.Code != "missing-parameter" {
					t.Errorf("a default is refused: %+v", w)
				}
			}
			domain.Blueprint{BlueprintSpec: b}.Steps()
		}
		// of a repeated key the first counts
		if d := b.Diff(b); len(d.Changes) > 0 || len(wrong) == 0 && len(d.NeedsConsent) > 0 {
			t.Errorf("a blueprint differs from itself: %+v", d)
		}
		there, back := specimen().Diff(b), b.Diff(specimen())
		if len(there.Changes) != len(back.Changes) {
			t.Errorf("%d changes there, %d back", len(there.Changes), len(back.Changes))
		}
	})
}

func FuzzParameterTemplate(f *testing.F) {
	for _, seed := range [][2]string{{"", "v"}, {"{{a}}", "v"}, {"x{{ a }}y{{b}}", "{{a}}"}, {"{{{{a}}}}", "}}{{"},
		{"{{", "}}"}, {"{{}}", ""}, {"{{a\n}}", "\x00"}, {"{{a}}{{a}}", "\xff"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		keys := domain.TemplateKeys(text)
		if len(keys) == 0 {
			if got := domain.FillTemplate(text, map[string]string{"": value}); got != text {
				t.Fatalf("%q names nothing and became %q", text, got)
			}
			return
		}
		// Each place is filled once, with the value as it is: nothing in a value is a template.
		const mark = "\x01"
		if strings.Contains(text, mark) {
			return
		}
		marks, values := map[string]string{}, map[string]string{}
		for _, key := range keys {
			marks[key], values[key] = mark, value
		}
		marked := domain.FillTemplate(text, marks)
		if got := strings.Count(marked, mark); got != len(keys) {
			t.Fatalf("%q has %d places and %d were filled", text, len(keys), got)
		}
		if got, want := domain.FillTemplate(text, values), strings.ReplaceAll(marked, mark, value); got != want {
			t.Fatalf("%q filled with %q became %q, want %q", text, value, got, want)
		}
	})
}
