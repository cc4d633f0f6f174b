package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"plugboard/shared/domain"
)

const interleavedExtension = "acme-mix"

// interleaved are the versions that the test goes through: each has what the others lack.
func interleaved(url string) []object {
	hook := func(key string, events ...string) object {
		return object{"key": key, "url": url, "event_types": events}
	}
	of := func(key string, fields ...string) object {
		t := rolledBlueprint(fields...)["template_types"].([]object)[0]
		t["key"] = key
		delete(t, "no_webhooks")
		return t
	}
	return []object{
		{"scopes": []string{"contracts:read"}, "template_types": []object{of("", "one", "two"), of("b", "x")},
			"webhooks": []object{hook("main", "contract.signed")}},
		{"scopes": []string{"contracts:read", "contracts:write"}, "template_types": []object{of("", "one", "three")},
			"webhooks": []object{hook("main", "contract.signed", "contract.created"), hook("more", "contract.signed")}},
		{"scopes": []string{"contracts:write"}, "template_types": []object{of("", "two"), of("b", "x", "y")},
			"webhooks": []object{hook("more", "contract.signed")}},
	}
}

// TestRule5_AnyInterleavingSettlesWithExactlyItsVersion does what people may do in any order, with provisioning between
// or not. Each seed is one order, the same on every run.
func TestRule5_AnyInterleavingSettlesWithExactlyItsVersion(t *testing.T) {
	const seeds, length = 8, 16
	moves := rapid.SliceOfN(rapid.SampledFrom([]string{
		"upgrade", "settle", "enable", "take three", "retry", "upgrade", "settle", "resume", "give three", "disable",
		"settle", "suspend", "rotate",
	}), length, length)
	for seed := range seeds {
		drawn := moves.Example(seed)
		t.Run(fmt.Sprint(seed, drawn), func(t *testing.T) {
			a := &actors{world: newWorld(t), account: "customer"}
			for _, account := range []string{"customer", "acme-dev"} {
				a.want(a.call(platform, "PUT", "/v1/accounts/"+account, object{"name": account}), 200)
			}
			a.putUser("customer", "ada", adminEmail, "admin")
			a.admin = a.dashboard("customer", "ada")
			a.partner = a.newPartner("Acme")
			versions := interleaved(a.receiver.URL)
			a.list(interleavedExtension, []string{"", "b"}, versions[0])
			at, next := "/v1/installations/"+interleavedExtension, 1
			for _, move := range append([]string{"enable", "settle"}, drawn...) {
				var got answer
				switch move {
				case "settle":
					a.settle()
				case "enable":
					got = a.call(a.admin, "PUT", at, object{})
				case "upgrade":
					if next < len(versions) {
						a.submitAndList(interleavedExtension, versions[next])
						next++
					}
					got = a.upgradeBy(a.admin, at+"/upgrade",
						object{"consent": []string{"scope-added", "webhook-added", "event-type-added"}})
				case "take three", "give three":
					a.users("three", move == "take three")
				case "rotate":
					got = a.call(a.admin, "POST", at+"/token", object{})
				default:
					got = a.call(a.admin, "POST", at+"/"+move, nil)
				}
				if got.status >= 400 && got.status != 409 {
					t.Fatalf("%s got %d %s", move, got.status, got.raw)
				}
			}
			a.users("three", false)
			a.settle()
			for a.stands(interleavedExtension).State == domain.Failed {
				a.want(a.call(a.admin, "POST", at+"/retry", nil), 202)
				a.settle()
			}
			a.exactly()
			before := a.managed()
			a.settle()
			if a.managed() != before {
				t.Error("it had not settled")
			}
		})
	}
}

// users gives the extension's first template type a user's field, or takes it away, where the account has it by now.
func (a *actors) users(customID string, take bool) {
	a.t.Helper()
	id := domain.Installation{Account: a.account, Extension: interleavedExtension}.TemplateTypeID("")
	fields := "/v1/template-types/" + string(id) + "/fields"
	if take {
		a.call(a.admin, "POST", fields, object{"custom_id": customID, "name": "Ours", "kind": "text"})
		return
	}
	a.call(a.admin, "DELETE", fields+"/"+customID, nil)
}

// exactly holds what is stored against the version that the installation has come to.
func (a *actors) exactly() {
	a.t.Helper()
	i := a.stands(interleavedExtension)
	b, err := a.tables.Blueprint(a.t.Context(), i.Extension, i.Version)
	must(a.t, err)
	var wantHooks, gotHooks, tokens []string
	if i.State != domain.Disabled {
		for _, s := range b.Steps() {
			if s.Kind == domain.StepWebhook {
				wantHooks = append(wantHooks, fmt.Sprintf("%s %d %d", i.WebhookID(s.TypeKey, s.WebhookKey), i.Version,
					i.Epoch))
			}
		}
	}
	hooks, err := a.tables.Webhooks(a.t.Context(), a.account)
	must(a.t, err)
	for _, w := range hooks {
		gotHooks = append(gotHooks, fmt.Sprintf("%s %d %d", w.ID, w.Version, w.Epoch))
	}
	slices.Sort(wantHooks)
	slices.Sort(gotHooks)
	if !slices.Equal(gotHooks, wantHooks) {
		a.t.Errorf("%s at version %d: got the webhooks %v, want %v", i.State, i.Version, gotHooks, wantHooks)
	}
	for _, hash := range []string{i.TokenHash, i.PreviousTokenHash} {
		if hash == "" {
			continue
		}
		token, err := a.tables.Token(a.t.Context(), hash)
		if err == nil {
			tokens = append(tokens, token.Hash)
			if !slices.Equal(token.Scopes, b.Scopes) || token.Epoch != i.Epoch {
				a.t.Errorf("%s at version %d: a token has the scopes %v of epoch %d, want %v of %d", i.State, i.Version,
					token.Scopes, token.Epoch, b.Scopes, i.Epoch)
			}
		}
	}
	if stored := len(a.stored("token")); i.State != domain.Disabled && (stored > 2 || stored < 1) ||
		i.State == domain.Disabled && stored+len(tokens) != 0 {
		a.t.Errorf("%s: %d tokens are stored", i.State, stored)
	}
	types, err := a.tables.TemplateTypes(a.t.Context(), a.account)
	must(a.t, err)
	if i.State != domain.Disabled { // then what it had stays as it was
		for _, tt := range types {
			declared, _ := b.TemplateType(strings.TrimPrefix(strings.TrimPrefix(tt.ExtensionType, interleavedExtension),
				"_"))
			var got, want []string
			for _, f := range tt.Fields {
				if f.Source == domain.SourceSystem && !f.Withdrawn {
					got = append(got, f.CustomID)
				}
			}
			for _, f := range declared.Fields {
				want = append(want, f.CustomID)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				a.t.Errorf("%s at version %d: the template type %q has the fields %v, want %v", i.State, i.Version,
					tt.ExtensionType, got, want)
			}
		}
	}
	count := [3]int{0, 0, len(hooks)} // template types of a disabled extension stay, and use no quota
	if i.State != domain.Disabled {
		count[0], count[1] = 1, len(types)
	}
	if got := a.extensionsUse(); got != count {
		a.t.Errorf("%s at version %d: %v installations, template types and webhooks are counted, and %v are there",
			i.State, i.Version, got, count)
	}
	if roster := len(a.stored("installed")); (roster == 1) != (i.State != domain.Disabled) {
		a.t.Errorf("%s, and the roster has %d lines", i.State, roster)
	}
}
