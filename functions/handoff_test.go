package functions_test

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// handOffExtension sends its admins to its partner, who takes the token there.
const handOffExtension = "acme-hand"

const setupURL = "https://setup.acme.test/welcome?from=plugboard"

func handOffBlueprint() object {
	return object{
		"scopes": []string{"templates:read"}, "template_types": []object{}, "webhooks": []object{},
		"setup":      object{"url": setupURL},
		"parameters": asks(object{"key": "customer_id"}, object{"key": "api_key", "writeOnly": true}),
	}
}

// enableHandOff lists the extension and enables it.
func (a *actors) enableHandOff() {
	a.t.Helper()
	a.list(handOffExtension, []string{}, handOffBlueprint())
	a.enableHandOffAgain()
}

func (a *actors) enableHandOffAgain() {
	a.t.Helper()
	a.want(a.call(a.admin, "PUT", "/v1/installations/"+handOffExtension,
		object{"parameters": object{handOffExtension: object{"customer_id": "C-7", "api_key": "sesame-sesame"}}}), 202)
	a.settle()
}

// redirect is where start-hand-off leads.
type redirect struct {
	to    *url.URL
	code  string
	state string
}

func (a *actors) handOff(state string) redirect {
	a.t.Helper()
	body := object{}
	if state != "" {
		body["state"] = state
	}
	return a.redirected(a.call(a.admin, "POST", "/v1/installations/"+handOffExtension+"/hand-off", body))
}

func (a *actors) redirected(got answer) redirect {
	a.t.Helper()
	a.want(got, 303)
	to, err := url.Parse(got.header.Get("Location"))
	must(a.t, err)
	return redirect{to, to.Query().Get("code"), to.Query().Get("state")}
}

func (a *actors) exchange(by who, code string) answer {
	a.t.Helper()
	return a.call(by, "POST", "/v1/hand-offs/exchange", object{"code": code})
}

// orNone is a code, or one that is none.
func orNone(code string) string {
	if code == "" {
		return "pb_code_none"
	}
	return code
}

func TestRule3_HandOffGivesTheTokenToThePartnerAndToNobodyElse(t *testing.T) {
	a := newActors(newWorld(t))
	a.list(handOffExtension, []string{}, handOffBlueprint())
	catalogue := a.want(a.call(a.member, "GET", "/v1/catalogue", nil), 200)
	for n := range catalogue.at("items").([]any) {
		want := ""
		if catalogue.str("items", n, "extension_id") == handOffExtension {
			want = setupURL
		}
		if got := catalogue.str("items", n, "setup_url"); got != want {
			t.Errorf("the catalogue says that setup is at %q, want %q: %v", got, want, catalogue.at("items", n))
		}
	}
	enabled := a.want(a.call(a.admin, "PUT", "/v1/installations/"+handOffExtension,
		object{"parameters": object{handOffExtension: object{"customer_id": "C-7", "api_key": "sesame-sesame"}}}), 202)
	if enabled.at("created", 0, "hand_off") != true || enabled.at("created", 0, "token") != nil ||
		enabled.at("created", 0, "callback_secret") != nil || enabled.at("created", 0, "token_id") != nil {
		t.Fatalf("enabling shows %s", enabled.raw)
	}
	if n := len(a.stored("token")); n != 0 {
		t.Errorf("%d tokens are there before anyone could have one", n)
	}

	sent := a.handOff("opaque & strange") // before it is enabled
	header := a.call(a.admin, "POST", "/v1/installations/"+handOffExtension+"/hand-off", object{}).header
	if sent.to.Host != "setup.acme.test" || sent.to.Path != "/welcome" || sent.to.Query().Get("from") != "plugboard" ||
		sent.state != "opaque & strange" ||
		header.Get("Referrer-Policy") != "no-referrer" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("the redirect goes to %s with %v", sent.to, header)
	}
	got := a.want(a.exchange(a.partner, sent.code), 201)
	if got.str("account_id") != "customer" || got.str("extension_id") != handOffExtension ||
		got.str("handed_off_by") != "ada" || got.str("parameters", "customer_id") != "C-7" ||
		got.header.Get("Cache-Control") != "no-store" || strings.Contains(string(got.raw), "sesame") {
		t.Errorf("the exchange answers %s", got.raw)
	}
	token := bearer("handed off", got.str("token"))
	a.refused(a.call(token, "GET", "/v1/me", nil), 401, "unauthenticated") // not before it is enabled
	a.settle()
	a.want(a.call(token, "GET", "/v1/me", nil), 200)
	a.want(a.call(callback(got.str("callback_secret")), "POST", got.str("callback_path"), setupCompleted), 204)
	if shown := a.installation(handOffExtension); shown.str("setup", "state") != "completed" ||
		shown.str("token_id") != got.str("token_id") {
		t.Errorf("the installation reads %s", shown.raw)
	}
	if dump := a.dump(); strings.Contains(dump, sent.code) || strings.Contains(dump, got.str("token")) ||
		strings.Contains(dump, "whsec_") {
		t.Error("a table holds a code, a token or a secret in the clear")
	}
	for _, action := range []string{"/token", "/callback-secret"} {
		a.refused(a.call(a.admin, "POST", "/v1/installations/"+handOffExtension+action, object{}), 409, "hand-off")
	}
	a.enable()
	a.refused(a.call(a.admin, "POST", "/v1/installations/"+mainExtension+"/hand-off", object{}), 409, "no-hand-off")
}

func TestRule3_AHandOffCodeIsGoodOnceForItsPartnerItsEpochAndItsAdmin(t *testing.T) {
	a := newActors(newWorld(t))
	a.enableHandOff()
	other := a.newPartner("Other")
	unknown := a.exchange(a.partner, "pb_code_none")
	refused := func(what string, got answer) {
		t.Helper()
		if got.status != 422 || string(got.raw) != string(unknown.raw) {
			t.Errorf("%s: got %d %s, want the answer to an unknown code, %s", what, got.status, got.raw, unknown.raw)
		}
	}
	if got := unknown.pointers(); unknown.status != 422 || len(got) != 1 || got[0] != "/code" {
		t.Fatalf("an unknown code is answered %d %s", unknown.status, unknown.raw)
	}

	code := a.handOff("").code
	refused("another partner's", a.exchange(other, code))
	refused("with a character changed", a.exchange(a.partner, flipped(code)))
	a.want(a.exchange(a.partner, code), 201) // nothing of that used it up
	refused("a second time", a.exchange(a.partner, code))

	code = a.handOff("").code
	a.pass(10*time.Minute + time.Second)
	refused("expired", a.exchange(a.partner, code))

	code = a.handOff("").code
	a.putUser(a.account, "ada", adminEmail, "member")
	refused("of someone who is no admin any more", a.exchange(a.partner, code))
	a.putUser(a.account, "ada", adminEmail, "admin")

	a.want(a.call(a.admin, "POST", "/v1/installations/"+handOffExtension+"/disable", nil), 202)
	refused("of a disabled installation", a.exchange(a.partner, code))
	a.settle()
	a.refused(a.call(a.admin, "POST", "/v1/installations/"+handOffExtension+"/hand-off", object{}),
		409, "installation-state")
	a.enableHandOffAgain()
	refused("of an earlier epoch", a.exchange(a.partner, code))
	a.want(a.exchange(a.partner, a.handOff("").code), 201)
}

func TestRule3_OfManyExchangesAtOnceOneGetsTheCredentials(t *testing.T) {
	a := newActors(newWorld(t))
	a.enableHandOff()
	code := a.handOff("").code
	answers := make([]answer, 6)
	var wait sync.WaitGroup
	for n := range answers {
		wait.Go(func() { answers[n], _ = a.try(a.partner, "POST", "/v1/hand-offs/exchange", object{"code": code}) })
	}
	wait.Wait()
	var got []string
	for _, one := range answers {
		switch one.status {
		case 201:
			got = append(got, one.str("token"))
		case 422:
		default:
			t.Errorf("an exchange answered %d: %s", one.status, one.raw)
		}
	}
	if len(got) != 1 {
		t.Fatalf("%d exchanges got credentials, want 1", len(got))
	}
	a.want(a.call(bearer("handed off", got[0]), "GET", "/v1/me", nil), 200)
	if n := len(a.stored("token")); n != 1 {
		t.Errorf("there are %d tokens, want 1", n)
	}
}

// Whoever lost the answer has the admin hand off again: what was lost is good for nobody then.
func TestRule3_HandingOffAgainEndsWhatWasHandedOffBefore(t *testing.T) {
	a := newActors(newWorld(t))
	a.enableHandOff()
	code := a.handOff("").code
	keyed := a.partner.with("Idempotency-Key", "exchange")
	first := a.want(a.exchange(keyed, code), 201)
	repeat := a.want(a.exchange(keyed, code), 201)
	if repeat.at("token") != nil || repeat.at("callback_secret") != nil ||
		repeat.str("token_id") != first.str("token_id") {
		t.Errorf("the repeated exchange answers %s", repeat.raw)
	}
	second := a.want(a.exchange(a.partner, a.handOff("").code), 201)
	a.refused(a.call(bearer("lost", first.str("token")), "GET", "/v1/me", nil), 401, "unauthenticated")
	a.refused(a.call(callback(first.str("callback_secret")), "POST", first.str("callback_path"), setupCompleted),
		401, "unauthenticated")
	a.want(a.call(bearer("new", second.str("token")), "GET", "/v1/me", nil), 200)
	a.want(a.call(callback(second.str("callback_secret")), "POST", second.str("callback_path"), setupCompleted), 204)
}

func TestRule25_ARepeatedHandOffRedirectsWithoutTheCode(t *testing.T) {
	a := newActors(newWorld(t))
	a.enableHandOff()
	ask := func() answer {
		return a.call(a.admin.with("Idempotency-Key", "go"), "POST", "/v1/installations/"+handOffExtension+"/hand-off",
			object{"state": "s"})
	}
	first, again := a.redirected(ask()), a.redirected(ask())
	if first.code == "" || again.code != "" || again.state != "s" || again.to.Path != "/welcome" ||
		again.to.Query().Get("from") != "plugboard" {
		t.Errorf("the first leads to %s, the repeated to %s", first.to, again.to)
	}
	if strings.Contains(a.dump(), first.code) {
		t.Error("the recorded answer holds the code")
	}
}

// handOffUpgrade lists the extension's next version, which hands off or does not, and upgrades to it.
func (a *actors) handOffUpgrade(handsOff bool, shown string) {
	a.t.Helper()
	a.submitAndList(handOffExtension, handOffOrNot(handsOff))
	at := "/v1/installations/" + handOffExtension + "/upgrade"
	if got := a.want(a.call(a.admin, "GET", at, nil), 200).str("setup"); got != shown {
		a.t.Errorf("the preview says that setup is %q, want %q", got, shown)
	}
	a.want(a.upgradeBy(a.admin, at, object{"consent": []string{"hand-off-added"}}), 202)
	a.settle()
	a.state(handOffExtension, "enabled")
}

func handOffOrNot(handsOff bool) object {
	blueprint := handOffBlueprint()
	if !handsOff {
		delete(blueprint, "setup")
	}
	return blueprint
}

func TestRule6_AnUpgradeThatAddsHandOffAsksForItAndKeepsTheTokenUntilThen(t *testing.T) {
	a := newActors(newWorld(t))
	a.list(handOffExtension, []string{}, handOffOrNot(false))
	shown := a.want(a.call(a.admin, "PUT", "/v1/installations/"+handOffExtension, object{}), 202)
	a.settle()
	token := bearer("shown", shown.str("created", 0, "token"))
	a.handOffUpgrade(true, "added")
	if got := a.installation(handOffExtension); got.str("setup", "state") != "pending" {
		t.Errorf("after the upgrade it reads %s", got.raw)
	}
	a.want(a.call(token, "GET", "/v1/me", nil), 200)
	code := a.handOff("").code
	a.want(a.call(token, "GET", "/v1/me", nil), 200) // the admin may turn back
	got := a.want(a.exchange(a.partner, code), 201)
	a.refused(a.call(token, "GET", "/v1/me", nil), 401, "unauthenticated")
	a.want(a.call(bearer("handed off", got.str("token")), "GET", "/v1/me", nil), 200)
	a.want(a.call(callback(got.str("callback_secret")), "POST", got.str("callback_path"), setupCompleted), 204)
	if got := a.installation(handOffExtension); got.str("setup", "state") != "completed" {
		t.Errorf("after the hand-off it reads %s", got.raw)
	}
}

func TestRule6_AnUpgradeThatDropsHandOffKeepsTheCredentials(t *testing.T) {
	a := newActors(newWorld(t))
	a.enableHandOff()
	handed := a.want(a.exchange(a.partner, a.handOff("").code), 201)
	a.want(a.call(callback(handed.str("callback_secret")), "POST", handed.str("callback_path"), setupCompleted), 204)
	open := a.handOff("").code
	a.handOffUpgrade(false, "removed")
	if got := a.installation(handOffExtension); got.at("setup") != nil {
		t.Errorf("after the upgrade it reads %s", got.raw)
	}
	a.want(a.call(bearer("handed off", handed.str("token")), "GET", "/v1/me", nil), 200)
	a.want(a.exchange(a.partner, open), 422)
	a.refused(a.call(a.admin, "POST", "/v1/installations/"+handOffExtension+"/hand-off", object{}), 409, "no-hand-off")
	rotated := a.want(a.call(a.admin, "POST", "/v1/installations/"+handOffExtension+"/token", object{}), 201)
	a.want(a.call(bearer("rotated", rotated.str("token")), "GET", "/v1/me", nil), 200)
}

// Who was handed off to and never came leaves no token: rotating makes the first.
func TestRule6_WhereNobodyTookTheHandOffRotatingMakesTheFirstToken(t *testing.T) {
	a := newActors(newWorld(t))
	a.enableHandOff()
	a.handOffUpgrade(false, "removed")
	at := "/v1/installations/" + handOffExtension
	first := a.want(a.call(a.admin, "POST", at+"/token", object{"overlap_seconds": 600}), 201)
	second := a.want(a.call(a.admin, "POST", at+"/token", object{"overlap_seconds": 600}), 201)
	for _, token := range []answer{first, second} {
		me := a.want(a.call(bearer("rotated", token.str("token")), "GET", "/v1/me", nil), 200)
		if scopes := me.at("token", "scopes").([]any); len(scopes) != 1 || scopes[0] != "templates:read" {
			t.Errorf("the token has the scopes %v", scopes)
		}
	}
	callbacks := a.want(a.call(a.admin, "POST", at+"/callback-secret", object{}), 201)
	a.want(a.call(callback(callbacks.str("callback_secret")), "POST", "/v1/callbacks/customer/"+handOffExtension,
		setupCompleted), 204)
	a.want(a.call(a.admin, "POST", at+"/disable", nil), 202)
	a.settle()
	if n := len(a.stored("token")); n != 0 {
		t.Errorf("%d tokens outlive it", n)
	}
}

func TestRule11_SetupAndLifecycleURLsAreCheckedAtSubmit(t *testing.T) {
	a := newActors(newWorld(t))
	wrong := coreBlueprint()
	wrong["setup"] = object{"url": "https://user:pass@acme.test/setup?code=1"}
	wrong["lifecycle"] = object{"url": "https://acme.test/{{customer_id}}"}
	got := a.want(a.call(a.partner, "POST", "/v1/extensions/"+dependency+"/versions", object{"blueprint": wrong}),
		422).pointers()
	if want := "[/blueprint/setup/url /blueprint/lifecycle/url /blueprint/setup/url]"; "["+strings.Join(got, " ")+
		"]" != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
