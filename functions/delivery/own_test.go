package delivery

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/shared/domain"
)

// An own webhook's credentials go the way of a managed one's.

// provenBy stores a webhook of the account's own with those credentials, sealed.
func (k *kit) provenBy(id string, c domain.Credentials, secrets map[string]string) *domain.Webhook {
	k.t.Helper()
	w := &domain.Webhook{Account: acct, ID: domain.WebhookID(id), Name: id, URL: k.receiver.URL,
		Secret: k.seal(id, signingSecret), Credentials: c}
	w.Credentials.Secrets = map[string]domain.Sealed{}
	for part, plain := range secrets {
		w.Credentials.Secrets[part] = k.seal(domain.CredentialResource(w.ID, part), plain)
	}
	k.Given(w)
	return w
}

func TestRule7_AnOwnWebhooksCredentialsAreSentAsTheyWereGiven(t *testing.T) {
	k := newKit(t)
	for name, c := range map[string]struct {
		credentials domain.Credentials
		secrets     map[string]string
		want        string // the Authorization header, and X-Key
	}{
		"none": {domain.Credentials{}, nil, " "},
		"basic": {domain.Credentials{Scheme: domain.AuthBasic},
			map[string]string{"username": "ada", "password": "{{password}}"}, "Basic YWRhOnt7cGFzc3dvcmR9fQ== "},
		"no pass": {domain.Credentials{Scheme: domain.AuthBasic}, map[string]string{"username": "sk_live"},
			"Basic c2tfbGl2ZTo= "},
		"bearer": {domain.Credentials{Scheme: domain.AuthBearer}, map[string]string{"token": "t-1"}, "Bearer t-1 "},
		"header": {domain.Credentials{}, map[string]string{"header X-Key": "{{token}} k-1", "header X-Other": "o"},
			" {{token}} k-1"},
	} {
		k.delivered(k.provenBy("whk_"+name, c.credentials, c.secrets), name)
		got := k.receiver.take()
		if len(got) != 1 || got[0].header.Get("Authorization")+" "+got[0].header.Get("X-Key") != c.want {
			t.Errorf("%s: got %+v, want %q", name, got, c.want)
		}
	}
}

func TestRule22_NoEchoOfAnOwnWebhooksSecretsIsKept(t *testing.T) {
	k := newKit(t)
	k.receiver.answers(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		w.WriteHeader(500)
		fmt.Fprint(w, "not ", user, " nor ", pass, " by ", r.Header.Get("Authorization"), " and ",
			r.Header.Get("X-Key"))
	})
	w := k.provenBy("whk_own", domain.Credentials{Scheme: domain.AuthBasic},
		map[string]string{"username": "key-as-user", "password": "pass-4711", "header X-Key": "static-4712"})
	d := k.to(w, "1")
	written := logs(t)
	k.deliver(d)
	line := k.outcome(d, 1)
	if line.Outcome != domain.OutcomeFailed || line.Excerpt != "not ••• nor ••• by ••• and •••" {
		t.Errorf("got %+v", line)
	}
	shows(t, "our log", written.String(), "key-as-user", "pass-4711", "static-4712", "a2V5LWFz")
	k.next()
}

// A secret is opened for its webhook and its place alone.
func TestRule22_ASecretOfAnotherPlaceIsNotOpened(t *testing.T) {
	k := newKit(t)
	w := k.provenBy("whk_own", domain.Credentials{Scheme: domain.AuthBearer}, map[string]string{"header X-Key": "k"})
	w.Credentials.Secrets["token"] = w.Credentials.Secrets["header X-Key"]
	k.change(w)
	if failed := k.work(k.batch(k.to(w, "1"))); len(failed) != 1 || len(k.receiver.take()) > 0 {
		t.Error("a header's value was sent as the bearer token")
	}
}

func TestOAuth2_AnOwnWebhooksChangeIsANewGrant(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	k.receiver.answers(i.protects)
	w := k.provenBy("whk_own", domain.Credentials{Scheme: domain.AuthOAuth2, TokenURL: i.URL + "/token",
		ClientID: "own {{client}}", Scope: "hooks"}, map[string]string{"client_secret": "s-1"})
	k.delivered(w, "1", "2")
	if issued, asked := i.taken(); issued != 1 || asked != "own+%7B%7Bclient%7D%7D s-1 hooks" {
		t.Errorf("%d tokens were issued, for %q; want 1", issued, asked)
	}
	for n, change := range []func(){
		func() {
			w.Credentials.Secrets["client_secret"] = k.seal(domain.CredentialResource(w.ID, "client_secret"), "s-2")
		},
		func() { w.Credentials.ClientID = "other" },
		func() { w.Credentials.Scope = "hooks:write" },
		func() { w.Credentials.TokenURL = i.URL + "/other" },
	} {
		change()
		k.change(w)
		k.clock.forward(targetKept)
		k.delivered(w, fmt.Sprint("c", n))
		if issued, _ := i.taken(); issued != 1 {
			t.Errorf("after change %d, %d tokens were fetched, want 1", n, issued)
		}
	}
	shows(t, "the log", fmt.Sprint(k.attempts(k.to(w, "1"))), "s-1", "access-token")
}

// Any scheme of Authorization and a bare value are a header of the account's own, and basic goes without a user name.
func TestRule7_AuthorizationOfAnySchemeGoesOutAndIsMasked(t *testing.T) {
	k := newKit(t)
	for name, c := range map[string]struct {
		credentials domain.Credentials
		secrets     map[string]string
		want        string
	}{
		"splunk": {domain.Credentials{}, map[string]string{"header Authorization": "Splunk 5f0e-11"},
			"Splunk 5f0e-11"},
		"bare": {domain.Credentials{}, map[string]string{"header Authorization": "0a1b2c3d"}, "0a1b2c3d"},
		"template": {domain.Credentials{}, map[string]string{"header Authorization": "Key {{client_id}}"},
			"Key {{client_id}}"},
		"no user": {domain.Credentials{Scheme: domain.AuthBasic}, map[string]string{"password": "pat-1"},
			"Basic OnBhdC0x"},
		"a JWT": {domain.Credentials{Scheme: domain.AuthBearer},
			map[string]string{"token": strings.Repeat("x", 4096)}, "Bearer " + strings.Repeat("x", 4096)},
	} {
		w := k.provenBy("whk_"+name, c.credentials, c.secrets)
		k.receiver.answers(nil)
		k.delivered(w, name)
		got := k.receiver.take()
		if len(got) != 1 || got[0].header.Get("Authorization") != c.want ||
			got[0].header.Get("Accept-Encoding") != "identity" {
			t.Errorf("%s: got %+v, want %q", name, got, c.want)
		}
		k.receiver.answers(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(403)
			fmt.Fprint(w, "not "+r.Header.Get("Authorization"))
		})
		d := k.to(w, name+" refused")
		k.deliver(d)
		if line := k.outcome(d, 1); line.Excerpt != "not •••" {
			t.Errorf("%s: kept is %.80q", name, line.Excerpt)
		}
		k.next()
		k.receiver.take()
	}
}

// The same by a blueprint, with the customer's parameters.
func TestRule7_ABlueprintsAuthorizationAndTokenParametersAreFilledIn(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	var asked []url.Values
	i.answer = func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		asked = append(asked, r.PostForm)
		inJSON(200, `{"access_token":"tok"}`)(w, r)
	}
	basic := func(user string) domain.WebhookAuth {
		return domain.WebhookAuth{Scheme: domain.AuthBasic, Username: user, Password: "{{client_secret}}"}
	}
	for n, c := range []struct {
		auth    domain.WebhookAuth
		headers map[string]string
		want    string // the Authorization header, or why nothing is sent
	}{
		{domain.WebhookAuth{}, map[string]string{"Authorization": "GenieKey {{client_secret}}"},
			"GenieKey s3cret-of-client"},
		{basic(""), nil, "Basic OnMzY3JldC1vZi1jbGllbnQ="},
		{basic("{{nobody}}"), nil, "Basic OnMzY3JldC1vZi1jbGllbnQ="},
		{basic("{{colon}}"), nil, "The user name would hold a colon (RFC 7617)."},
		{domain.WebhookAuth{
			Scheme: domain.AuthOAuth2, TokenURL: i.URL, ClientID: "c", ClientSecret: "{{client_secret}}",
			ClientAuth:  domain.ClientAuthPost,
			TokenParams: map[string]string{"audience": "urn:{{client}}", "resource": "{{nobody}}"},
		}, nil, "Bearer tok"},
	} {
		e := domain.ExtensionID(fmt.Sprint("acme-", n))
		w, installation := k.authorizedAs(e, i.URL)
		installation.Parameters["colon"] = "a:b"
		installation.Version = 2
		k.change(installation)
		w.Version = 2
		k.change(w)
		k.Given(&domain.Blueprint{Extension: e, Version: 2,
			BlueprintSpec: domain.BlueprintSpec{
				Webhooks: []domain.WebhookBlueprint{{Key: "contracts", Auth: c.auth, Headers: c.headers}}}})
		d := k.to(w, fmt.Sprint(n))
		k.deliver(d)
		k.queue.Sent()
		sent := k.outcome(d, 1).Reason
		if got := k.receiver.take(); len(got) == 1 {
			sent = got[0].header.Get("Authorization")
		}
		if sent != c.want {
			t.Errorf("%d: got %q, want %q", n, sent, c.want)
		}
	}
	if len(asked) != 1 || fmt.Sprint(asked[0]) != "map[audience:[urn:client 1] client_id:[c] "+
		"client_secret:[s3cret-of-client] grant_type:[client_credentials]]" {
		t.Errorf("the token server was asked for %v", asked)
	}
}

// An event after a rotation is signed with the new secret, also when the webhook was read a moment before.
func TestRule22_ANewSecretSignsEveryEventAfterIt(t *testing.T) {
	k := newKit(t)
	w := k.own("whk_own", k.receiver.URL)
	k.delivered(w, "before")
	before := k.receiver.take()[0]
	const next = "whsec_bmV4dG5leHRuZXh0bmV4dG5leHRuZXh0"
	w.Rotate(k.seal("whk_own", next), k.clock.read(), 0)
	k.change(w)
	d := k.to(w, "after")
	d.Known = w.Rev // as fan-out says
	k.deliver(d)
	got := k.receiver.take()[0]
	verifier, _ := standardwebhooks.NewWebhook(next)
	if err := verifier.Verify([]byte(got.body), got.header); err != nil {
		t.Errorf("the event after the rotation: %v", err)
	}
	if err := verifier.Verify([]byte(before.body), before.header); err == nil {
		t.Error("the event before the rotation is signed with the new secret")
	}
}
