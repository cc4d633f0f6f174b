package functions_test

import (
	"strings"
	"testing"

	"plugboard/shared/domain"
)

// An OIDC subject is opaque: up to 255 characters of ASCII, whatever they are.
func TestIdentities_AUserHasTheSubjectThatItsIssuerGave(t *testing.T) {
	w := newWorld(t)
	newActors(w)
	for n, sub := range []string{
		"auth0|6539ab", "dlvyg+PkAtlCmoJtTqbT+W8AJ743J2PaovD5oe6mrHs=", "S//808E9UOiYKKAkagOBLGxvuLUbDCXlp8sZz6ilew8=",
		"https://idp.example/users/42?x=1#y",
		"CN=Ada Berg,OU=Staff,O=Acme", "f:1b0b:ada.berg~1", strings.Repeat("x", 255), " ada ", "..", `a"\b%2F`,
		"USER#1",
	} {
		email := "u" + string(rune('a'+n)) + "@customer.test"
		body := object{"id": sub, "email": email, "name": "U", "role": "member", "workspaces": []string{}}
		got := w.want(w.call(platform, "PUT", "/v1/accounts/customer/users", body), 200)
		if got.str("id") != sub {
			t.Errorf("%q: got id %q", sub, got.str("id"))
		}
		signedIn := w.dashboard("customer", domain.UserID(sub))
		if me := w.want(w.call(signedIn, "GET", "/v1/me", nil), 200); me.str("user", "id") != sub {
			t.Errorf("%q is signed in as %q", sub, me.str("user", "id"))
		}
		w.imported(w.importing("users", userItem("customer", sub, email, object{"name": "U"})), "unchanged")
		w.want(w.call(platform, "POST", "/v1/accounts/customer/users/delete", object{"id": sub}), 204)
		w.want(w.call(signedIn, "GET", "/v1/me", nil), 401)
		w.want(w.call(platform, "POST", "/v1/accounts/customer/users/delete", object{"id": sub}), 404)
	}
	for _, sub := range []string{"", strings.Repeat("x", 256), "é", "a\nb", "a\x00"} {
		body := object{"id": sub, "email": "no@customer.test", "name": "U", "role": "member", "workspaces": []string{}}
		w.want(w.call(platform, "PUT", "/v1/accounts/customer/users", body), 422)
		if sub != "" {
			w.want(w.call(w.dashboard("customer", domain.UserID(sub)), "GET", "/v1/me", nil), 401)
		}
	}
	for _, path := range []string{"%2e", "%2E%2e", "%2E.", ".%2e"} {
		if got := w.call(platform, "PUT", "/v1/accounts/customer/users/"+path, object{"email": "no@customer.test",
			"name": "U", "role": "member", "workspaces": []string{}}); got.status != 404 && got.status != 422 {
			t.Errorf("%s: got %d %s", path, got.status, got.raw)
		}
	}
}

// One address has one identity, whichever of its spellings it comes in.
func TestIdentities_AnEmailIsOneInAllItsSpellings(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	put := func(id, email string) answer {
		return a.call(platform, "PUT", "/v1/accounts/customer/users/"+id,
			object{"email": email, "name": "U", "role": "member", "workspaces": []string{}})
	}
	a.want(put("u1", "User.One@例え.example"), 200)
	a.want(put("u2", "zo\u00eb@bücher.example"), 200)
	for _, same := range []string{"user.one@xn--r8jz45g.example", "USER.ONE@例え.EXAMPLE", "user.one@例え。example",
		"zoe\u0308@bücher.example", "ZOË@XN--BCHER-KVA.example"} {
		if got := put("other", same); got.status != 409 || got.str("code") != "email-taken" {
			t.Errorf("%s: got %d %s, want email-taken", same, got.status, got.raw)
		}
	}
	for header, want := range map[string]string{
		"user.one@xn--r8jz45g.example": "u1", "User.One@XN--R8JZ45G.example": "u1",
		"UTF-8''user.one%40%E4%BE%8B%E3%81%88.example": "u1",
		"UTF-8''zo%C3%AB%40b%C3%BCcher.example":        "u2", "utf-8'de'ZOE%CC%88@xn--bcher-kva.example": "u2",
	} {
		if got := a.want(a.call(a.integration(header), "GET", "/v1/me", nil), 200); got.str("user", "id") != want {
			t.Errorf("%s acts for %q, want %q", header, got.str("user", "id"), want)
		}
	}
	for _, header := range []string{"UTF-8''%E9@example.com", "nobody", strings.Repeat("a", 3000) + "@x.example",
		"UTF-8''", "\xe9@customer.test"} {
		if got := a.call(a.integration(header), "GET", "/v1/me", nil); got.status != 422 ||
			got.str("errors", 0, "pointer") != "header.Plugboard-User" {
			t.Errorf("%.40s: got %d %s", header, got.status, got.raw)
		}
	}
	if got := a.want(put("u1", "USER.one@例え.example"), 200); got.str("email") != "USER.one@例え.example" {
		t.Errorf("got %q, want the case of the local part kept", got.str("email"))
	}
	body := contractOf(a.template(a.templateType("acme-crm")))
	body["participants"] = []object{{"name": "A", "email": "Kim@bücher.example"},
		{"name": "B", "email": "kim@xn--bcher-kva.example"}}
	if got := a.call(a.integration(adminEmail), "POST", "/v1/contracts", body); got.status != 422 ||
		got.str("errors", 0, "pointer") != "/participants/1/email" {
		t.Errorf("one participant twice: got %d %s", got.status, got.raw)
	}
}

// Headers and credentials name things before any schema is looked at. None of them is a key that the store fails at.
func TestRule26_LongIDsInHeadersAreProblems(t *testing.T) {
	a := newActors(newWorld(t))
	a.enable()
	long := strings.Repeat("a", 3000)
	for _, id := range []string{long, "\xff", "a b"} {
		if got := a.call(platform.with("Plugboard-Account", id), "GET", "/v1/webhooks", nil); got.status != 422 ||
			got.str("errors", 0, "code") != "unknown-account" && got.str("errors", 0, "code") != "not-utf-8" {
			t.Errorf("account %.20q: got %d %s", id, got.status, got.raw)
		}
	}
	a.want(a.call(a.dashboard(domain.AccountID(long), "ada"), "GET", "/v1/me", nil), 401)
	a.want(a.call(callback(a.callbackSecret), "POST", callbacksOf(long, mainExtension), setupCompleted), 401)
	a.want(a.call(callback(a.callbackSecret), "POST", callbacksOf("customer", long), setupCompleted), 401)
	a.want(a.call(a.admin, "GET", "/v1/webhooks/"+long, nil), 422)
}
