package delivery

import (
	"fmt"
	"net/http"
	"testing"

	"plugboard/shared/domain"
)

// An own webhook's credentials go the way of a managed one's.

// provenBy stores a webhook of the account's own with those credentials, sealed.
func (k *kit) provenBy(id string, c domain.Credentials, secrets map[string]string) *domain.Webhook {
	k.t.Helper()
	w := &domain.Webhook{Account: acct, ID: domain.WebhookID(id), Name: id, URL: k.receiver.URL, Secret: k.seal(id, signingSecret), Credentials: c}
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
		"none":    {domain.Credentials{}, nil, " "},
		"basic":   {domain.Credentials{Scheme: domain.AuthBasic}, map[string]string{"username": "ada", "password": "{{password}}"}, "Basic YWRhOnt7cGFzc3dvcmR9fQ== "},
		"no pass": {domain.Credentials{Scheme: domain.AuthBasic}, map[string]string{"username": "sk_live"}, "Basic c2tfbGl2ZTo= "},
		"bearer":  {domain.Credentials{Scheme: domain.AuthBearer}, map[string]string{"token": "t-1"}, "Bearer t-1 "},
		"header":  {domain.Credentials{}, map[string]string{"header X-Key": "{{token}} k-1", "header X-Other": "o"}, " {{token}} k-1"},
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
		fmt.Fprint(w, "not ", user, " nor ", pass, " by ", r.Header.Get("Authorization"), " and ", r.Header.Get("X-Key"))
	})
	w := k.provenBy("whk_own", domain.Credentials{Scheme: domain.AuthBasic}, map[string]string{"username": "key-as-user", "password": "pass-4711", "header X-Key": "static-4712"})
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
	w := k.provenBy("whk_own", domain.Credentials{Scheme: domain.AuthOAuth2, TokenURL: i.URL + "/token", ClientID: "own {{client}}", Scope: "hooks"}, map[string]string{"client_secret": "s-1"})
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
