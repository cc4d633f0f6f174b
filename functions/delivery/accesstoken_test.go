package delivery

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
)

// issuer is a token endpoint. Each of its tokens is good at the receiver until it is revoked.
type issuer struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string // client id, secret and scope of each request
	issued  int      // since taken was called
	ever    int
	lives   int // seconds; 0 says nothing
	current string
	answer  http.HandlerFunc
	inBody  bool // takes the client's credentials in the body alone
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{lives: 3600}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		answer := i.answer
		i.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		i.issue(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) issue(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	id, secret, inHeader := r.BasicAuth()
	if i.inBody {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	i.asked = append(i.asked, id+" "+secret+" "+r.PostFormValue("scope"))
	w.Header().Set("Content-Type", "application/json")
	if r.PostFormValue("grant_type") != "client_credentials" || i.inBody && inHeader {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":"invalid_client","error_description":"you sent %s"}`, r.Header.Get("Authorization"))
		return
	}
	i.issued, i.ever = i.issued+1, i.ever+1
	i.current = fmt.Sprintf("access-token-%d", i.ever)
	answer := map[string]domain.ParameterValue{"access_token": i.current, "token_type": "bearer"}
	if i.lives > 0 {
		answer["expires_in"] = i.lives
	}
	json.NewEncoder(w).Encode(answer)
}

// protects lets the receiver take the current token alone.
func (i *issuer) protects(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+i.current {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "not "+r.Header.Get("Authorization"))
	}
}

func (i *issuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

// inJSON answers with a status and a JSON body.
func inJSON(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		status(code, body)(w, r)
	}
}

// taken is how many tokens were issued since the call before, and what was asked with.
func (i *issuer) taken() (issued int, asked string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	issued, asked = i.issued, strings.Join(i.asked, ", ")
	i.issued, i.asked = 0, nil
	return issued, asked
}

// authorized stores an enabled extension whose webhook wants an access token.
func (k *kit) authorized(tokenURL string) (*domain.Webhook, *domain.Installation) {
	k.t.Helper()
	return k.authorizedAs("acme-crm", tokenURL)
}

func (k *kit) authorizedAs(e domain.ExtensionID, tokenURL string) (*domain.Webhook, *domain.Installation) {
	k.t.Helper()
	id := "whk_" + string(e)
	w := &domain.Webhook{
		Account: acct, ID: domain.WebhookID(id), Extension: e, Epoch: 3, Version: 1, WebhookKey: "contracts",
		TemplateType: "tt_1", URL: k.receiver.URL, Secret: k.seal(id, signingSecret),
	}
	i := &domain.Installation{
		Account: acct, Extension: e, Version: 1, Epoch: 3, State: domain.Enabled,
		Parameters: map[string]domain.ParameterValue{"client": "client 1"},
		Secrets: map[string]domain.Sealed{"client_secret": k.seal(domain.ParameterResource(e, "client_secret"),
			"s3cret-of-client")},
	}
	k.Given(w, i, &domain.Blueprint{Extension: e, Version: 1,
		BlueprintSpec: domain.BlueprintSpec{Webhooks: []domain.WebhookBlueprint{{
			Key: "contracts",
			Auth: domain.WebhookAuth{Scheme: domain.AuthOAuth2, TokenURL: tokenURL, ClientID: "{{client}}",
				ClientSecret: "{{client_secret}}", Scope: "hooks:write {{client}}"},
		}}}})
	return w, i
}

// delivered hands over new events at once, all of which must arrive at the first attempt.
func (k *kit) delivered(w *domain.Webhook, names ...string) {
	k.t.Helper()
	var all []events.Delivery
	for _, name := range names {
		all = append(all, k.to(w, name))
	}
	k.deliver(all...)
	for _, d := range all {
		if got := k.outcome(d, 1); got.Outcome != domain.OutcomeDelivered {
			k.t.Errorf("%s: got %+v", d.ID, got)
		}
	}
	k.nothingSent()
}

func TestOAuth2_OneTokenServesManyDeliveriesUntilShortlyBeforeItEnds(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	k.receiver.answers(i.protects)
	w, installation := k.authorized(i.URL + "/token")
	k.delivered(w, "1", "2", "3", "4", "5", "6", "7", "8")
	k.delivered(w, "9")
	if issued, asked := i.taken(); issued != 1 || asked != "client+1 s3cret-of-client hooks:write client 1" {
		t.Errorf("%d tokens were issued, for %q; want 1", issued, asked)
	}
	k.clock.forward(time.Hour - tokenLeeway - time.Minute)
	k.delivered(w, "10")
	if issued, _ := i.taken(); issued != 0 {
		t.Errorf("a token was fetched while there was one")
	}
	k.clock.forward(2 * time.Minute)
	k.delivered(w, "11", "12")
	if issued, _ := i.taken(); issued != 1 {
		t.Errorf("after its end %d tokens were fetched, want 1", issued)
	}
	i.set(func() { i.lives = 0 }) // says nothing of its end
	k.clock.forward(time.Hour)
	k.delivered(w, "13")
	k.clock.forward(tokenKept - time.Second)
	k.delivered(w, "14")
	k.clock.forward(time.Second)
	k.delivered(w, "15")
	if issued, _ := i.taken(); issued != 2 {
		t.Errorf("%d tokens without an end were fetched, want 2", issued)
	}
	i.set(func() { i.lives = 20 }) // too short to keep
	k.clock.forward(time.Hour)
	k.delivered(w, "16")
	k.delivered(w, "17")
	if issued, _ := i.taken(); issued != 2 {
		t.Errorf("%d short tokens were fetched, want one each", issued)
	}

	// A changed parameter is a new grant, at once, and so is a new epoch.
	i.set(func() { i.lives = 3600 })
	k.delivered(w, "18")
	i.taken()
	installation.Secrets["client_secret"] = k.seal(domain.ParameterResource("acme-crm", "client_secret"), "changed")
	k.change(installation)
	k.clock.forward(targetKept)
	k.delivered(w, "19")
	if issued, asked := i.taken(); issued != 1 || !strings.Contains(asked, "changed") {
		t.Errorf("after a change of the secret %d tokens were fetched, for %q", issued, asked)
	}
	installation.Epoch, w.Epoch = 4, 4
	k.change(installation)
	k.change(w)
	k.clock.forward(targetKept)
	k.delivered(w, "20")
	if issued, _ := i.taken(); issued != 1 {
		t.Errorf("in another epoch %d tokens were fetched, want 1", issued)
	}
}

func TestOAuth2_CredentialsInTheBodyAreRememberedToBeWanted(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	i.inBody = true
	k.receiver.answers(i.protects)
	w, _ := k.authorized(i.URL)
	k.delivered(w, "1")
	i.taken()
	k.clock.forward(time.Hour)
	k.delivered(w, "2")
	if issued, asked := i.taken(); issued != 1 || asked != "client 1 s3cret-of-client hooks:write client 1" {
		t.Errorf("got %d tokens for %q, want one request", issued, asked)
	}
}

func TestOAuth2_ATokenThatTheEndpointRefusesIsFetchedAnewOnce(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	k.receiver.answers(i.protects)
	w, _ := k.authorized(i.URL)
	k.delivered(w, "1")
	i.taken()
	k.receiver.take()
	i.set(func() { i.current = "revoked all" })
	k.delivered(w, "2", "3", "4", "5")
	if issued, _ := i.taken(); issued < 1 || issued > 4 { // those that were refused with the old one share the new one
		t.Errorf("%d tokens were fetched", issued)
	}
	got := k.receiver.take()
	if ids := map[string]int{}; len(got) < 4 || len(got) > 8 {
		for _, r := range got {
			ids[r.header.Get("webhook-id")]++
		}
		t.Errorf("the receiver got %v", ids)
	}
	k.delivered(w, "6")
	if issued, _ := i.taken(); issued != 0 {
		t.Errorf("%d tokens were fetched with a good one there", issued)
	}

	// An endpoint that takes no token at all: one more, then it is a failed attempt.
	k.receiver.take()
	k.receiver.answers(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "not "+r.Header.Get("Authorization"))
	})
	d := k.to(w, "7")
	written := logs(t)
	k.deliver(d)
	if issued, _ := i.taken(); issued != 1 {
		t.Errorf("%d tokens were fetched for one attempt, want 1", issued)
	}
	got = k.receiver.take()
	if len(got) != 2 || got[0].header.Get("webhook-id") != got[1].header.Get("webhook-id") ||
		got[0].body != got[1].body || got[0].header.Get("Authorization") == got[1].header.Get("Authorization") {
		t.Errorf("the receiver got %+v, want the same twice, with another token", got)
	}
	line := k.outcome(d, 1)
	if line.Outcome != domain.OutcomeFailed || line.Status != 401 || line.Excerpt != "not •••" {
		t.Errorf("got %+v", line)
	}
	shows(t, "our log", written.String(), "access-token", "s3cret")
	k.next()

	// An endpoint that gives the same token again is not asked a second time with it.
	k.receiver.take()
	i.set(func() {
		i.answer = inJSON(200, `{"access_token":"constant","token_type":"Bearer","expires_in":3600}`)
	})
	k.clock.forward(2 * time.Hour)
	k.deliver(k.to(w, "8"))
	if got := k.receiver.take(); len(got) != 1 {
		t.Errorf("the receiver got %d requests with a token that it refuses, want 1", len(got))
	}
	k.next()
}

func TestOAuth2_WithoutATokenTheAttemptFailsAndIsRepeated(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirection was followed")
	}))
	defer elsewhere.Close()
	secrets := []string{"s3cret", "access-token", "client 1", "client+1", "Basic "}
	w, _ := k.authorized(i.URL + "/token")
	const no = "No access token from the token endpoint: "
	for n, c := range []struct {
		answer http.HandlerFunc
		want   string
		least  time.Duration
	}{
		{status(500, "s3cret-of-client"), no + "The answer was 500 Internal Server Error.", 5 * time.Second},
		{status(410, ""), no + "The answer was 410 Gone", 5 * time.Second},
		{status(429, ""), no + "The answer was 429 Too Many Requests.", time.Minute},
		{inJSON(400, `{"error":"invalid_scope","error_description":"s3cret-of-client"}`),
			no + "It answered invalid_scope.", 5 * time.Second},
		{inJSON(400, `{"error":"s3cret-of-client"}`), no + "The answer was 400 Bad Request.", 5 * time.Second},
		{inJSON(200, `{"error":"invalid_client"}`), no + "It answered invalid_client.", 5 * time.Second},
		{inJSON(200, "<html>s3cret-of-client"), no + "Its answer holds no access token.", 5 * time.Second},
		{inJSON(200, `{}`), no + "Its answer holds no access token.", 5 * time.Second},
		{inJSON(200, `{"access_token":"a","token_type":"mac"}`), no + "It gave no bearer token.", 5 * time.Second},
		{inJSON(200, `{"access_token":"a\r\nX-Evil: 1"}`), no + "It gave no bearer token.", 5 * time.Second},
		{inJSON(200, `{"padding":"`+strings.Repeat("x", answerMost)+`","access_token":"a"}`),
			no + "Its answer holds no access token.", 5 * time.Second},
		{func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, no + "The answer was 307 Temporary Redirect; redirections are not followed.", 5 * time.Second},
		{func(w http.ResponseWriter, r *http.Request) { <-over }, no + "No answer within", time.Minute},
	} {
		k.Service.tokens.timeout = 30 * time.Second
		if c.least == time.Minute {
			k.Service.tokens.timeout = 200 * time.Millisecond
		}
		i.set(func() { i.answer = c.answer })
		k.seen.forget(targetKey{w.Account, w.ID}) // or its breaker would open
		d := k.to(w, fmt.Sprint(n))
		written := logs(t)
		k.deliver(d)
		got := k.outcome(d, 1)
		if got.Outcome != domain.OutcomeFailed || got.Status != 0 || !strings.HasPrefix(got.Reason, c.want) ||
			got.Excerpt != "" {
			t.Errorf("got %+v, want %q", got, c.want)
		}
		shows(t, "the log line", fmt.Sprintf("%+v", got), secrets[:2]...)
		shows(t, "our log", written.String(), secrets...)
		next, delay := k.next()
		if next.Attempt != 2 || delay != c.least {
			t.Errorf("%s: attempt %d follows after %s, want 2 after %s", c.want, next.Attempt, delay, c.least)
		}
	}
	if got := k.receiver.take(); len(got) != 0 {
		t.Errorf("without a token the receiver got %+v", got)
	}
	i.set(func() { i.answer = nil }) // and when it is well again, so is the delivery
	k.receiver.answers(i.protects)
	k.delivered(w, "well")
}

// Rule 20: those that wait for a token wait for one request, not each for its own.
func TestRule20_ASilentTokenEndpointHoldsABatchOnce(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	var asked atomic.Int32
	i.answer = func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		<-over
	}
	k.Service.tokens.timeout = 500 * time.Millisecond
	w, _ := k.authorized(i.URL)
	fine := k.own("whk_own", k.receiver.URL)
	batch := []events.Delivery{k.to(fine, "fine")}
	for n := range 9 {
		batch = append(batch, k.to(w, fmt.Sprint(n)))
	}
	began := time.Now()
	k.deliver(batch...)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("nine deliveries waited %s for tokens, want one timeout", took)
	}
	if got := asked.Load(); got > 2 { // those that came after the first had failed are free to ask again
		t.Errorf("the token endpoint was asked %d times", got)
	}
	if got := k.outcome(batch[0], 1); got.Outcome != domain.OutcomeDelivered {
		t.Errorf("the other endpoint's: got %+v", got)
	}
}

func TestRule21_ATokenEndpointIsHeldToPublicAddresses(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	k.Service.client = egress.New(egress.Config{}, usualBatch)
	k.Service.tokens = newAccessTokens(k.Service.client, k.clock.read)
	_, port, _ := net.SplitHostPort(i.Listener.Addr().String())
	for n, target := range []string{i.URL, "https://127.0.0.1:" + port, "https://localhost:" + port,
		"https://169.254.169.254/latest", "https://93.184.216.34:22"} {
		w, _ := k.authorizedAs(domain.ExtensionID(fmt.Sprint("acme-", n)), target)
		d := k.to(w, "1")
		k.deliver(d)
		got := k.outcome(d, 1)
		if got.Outcome != domain.OutcomeFailed || !strings.Contains(got.Reason, "not allowed") {
			t.Errorf("%s: got %+v", target, got)
		}
		shows(t, "the reason", got.Reason, "127.0.0.1", "169.254", "::1")
		k.next()
	}
	if issued, _ := i.taken(); issued != 0 {
		t.Error("a token was fetched from a private address")
	}
}

// An attempt with a second token takes no more of the function's time: both POSTs share the policy's timeout.
func TestRule20_BothPostsOfAnAttemptShareItsTimeout(t *testing.T) {
	k, i := newKit(t), newIssuer(t)
	w, _ := k.authorized(i.URL)
	w.Policy = domain.SendPolicy{TimeoutSeconds: 2}
	k.change(w)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	var asked atomic.Int32
	k.receiver.answers(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			select {
			case <-time.After(1200 * time.Millisecond): // an endpoint that is slow to refuse
			case <-r.Context().Done():
			}
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	d := k.to(w, "1")
	k.deliver(d)
	got := k.outcome(d, 1)
	if got.Failure != domain.FailureTimeout || asked.Load() != 2 || got.Milliseconds > 2900 {
		t.Errorf("%d requests, got %+v; want two within two seconds", asked.Load(), got)
	}
}
