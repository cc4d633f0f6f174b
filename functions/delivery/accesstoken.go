package delivery

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"plugboard/shared/domain"
	"plugboard/shared/egress"
)

// Access tokens of endpoints that want OAuth 2.0 client credentials (RFC 6749, 4.4). They live in the process and
// nowhere else.

const (
	// tokenLeeway is how long before its end a token is not used any more: an attempt with it must arrive.
	tokenLeeway = 30 * time.Second

	// tokenKept is how long a token is used whose answer does not say when it ends.
	tokenKept = 5 * time.Minute

	// tokenTimeout is a token request's, whatever the webhook's policy: a quick endpoint may have a slow one.
	tokenTimeout = 5 * time.Second

	// tokensMost is how many a process keeps; beyond, it forgets and fetches again.
	tokensMost = 10_000
)

// grant is what a token is asked for with, all parameters filled in.
type grant struct {
	account                           domain.AccountID
	webhook                           domain.WebhookID
	epoch                             int
	tokenURL, clientID, secret, scope string
}

// key is the grant's; it changes with the epoch, and with every parameter that the grant is made of.
func (g grant) key() string {
	raw, _ := json.Marshal([]any{g.account, g.webhook, g.epoch, g.tokenURL, g.clientID, g.secret, g.scope})
	return fmt.Sprintf("%x", sha256.Sum256(raw))
}

// accessTokens fetches tokens through the guarded client, one request at a time for each grant.
type accessTokens struct {
	client  *http.Client
	now     domain.Clock
	timeout time.Duration

	flights singleflight.Group
	mu      sync.Mutex
	known   map[string]accessToken
	styles  map[string]*clientcredentials.Config // remember how an endpoint wants the client's credentials: in the header or the body
}

type accessToken struct {
	text  string
	until time.Time
}

func newAccessTokens(client *http.Client, now domain.Clock) *accessTokens {
	capped := *client
	capped.Transport = answersCapped{client.Transport}
	return &accessTokens{
		client: &capped, now: now, timeout: tokenTimeout, known: map[string]accessToken{}, styles: map[string]*clientcredentials.Config{},
	}
}

// of is a token for the grant: the one that is known until shortly before it ends, or a new one. Who asks while one is
// fetched gets that, or its failure. It fails with tokenFailure.
func (ts *accessTokens) of(ctx context.Context, g grant) (string, error) {
	key := g.key()
	if t, ok := ts.good(key); ok {
		return t, nil
	}
	flight := ts.flights.DoChan(key, func() (any, error) {
		if t, ok := ts.good(key); ok { // fetched between the look above and this
			return t, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ts.timeout) // others wait for it, too
		defer cancel()
		return ts.fetch(ctx, key, g)
	})
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-flight:
		text, _ := r.Val.(string)
		return text, r.Err
	}
}

func (ts *accessTokens) good(key string) (string, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t, ok := ts.known[key]
	return t.text, ok && ts.now().Before(t.until)
}

// refused forgets a token that the endpoint did not take. Another, that came meanwhile, stays.
func (ts *accessTokens) refused(g grant, text string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if key := g.key(); ts.known[key].text == text {
		delete(ts.known, key)
	}
}

func (ts *accessTokens) fetch(ctx context.Context, key string, g grant) (string, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, ts.client)
	t, err := ts.config(key, g).Token(ctx)
	if err != nil {
		return "", tokenFailure{ts.answer(err)}
	}
	if domain.HasControl(t.AccessToken) || !strings.EqualFold(t.Type(), "Bearer") {
		return "", tokenFailure{answer{err: unsendable("It gave no bearer token.")}}
	}
	lives := tokenKept
	if !t.Expiry.IsZero() {
		lives = time.Until(t.Expiry) - tokenLeeway // Expiry was counted by the machine's clock
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.known) >= tokensMost {
		clear(ts.known)
	}
	ts.known[key] = accessToken{t.AccessToken, ts.now().Add(lives)}
	return t.AccessToken, nil
}

func (ts *accessTokens) config(key string, g grant) *clientcredentials.Config {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	c, ok := ts.styles[key]
	if !ok {
		if len(ts.styles) >= tokensMost {
			clear(ts.styles)
		}
		c = &clientcredentials.Config{ClientID: g.clientID, ClientSecret: g.secret, TokenURL: g.tokenURL, Scopes: strings.Fields(g.scope)}
		ts.styles[key] = c
	}
	return c
}

// tokenFailure is why there is no token: a failed attempt, that the schedule repeats. Its answer is the token
// endpoint's, without the body, which may hold what was sent.
type tokenFailure struct{ answer }

func (f tokenFailure) Error() string { return "no access token" }

// oauthErrors are RFC 6749's, 5.2: all that is told of what a token endpoint says.
var oauthErrors = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}

func (ts *accessTokens) answer(err error) answer {
	now := ts.now()
	var refused *oauth2.RetrieveError
	var failed *url.Error
	switch {
	case errors.As(err, &refused) && slices.Contains(oauthErrors, refused.ErrorCode):
		return answer{status: refused.Response.StatusCode, retryAfter: retryAfter(refused.Response.Header, now), err: unsendable("It answered " + refused.ErrorCode + ".")}
	case errors.As(err, &refused) && refused.Response.StatusCode/100 != 2:
		return answer{status: refused.Response.StatusCode, retryAfter: retryAfter(refused.Response.Header, now)}
	case errors.As(err, &failed), egress.TimedOut(err):
		return answer{err: err, timedOut: egress.TimedOut(err), within: ts.timeout}
	}
	return answer{err: unsendable("Its answer holds no access token.")}
}

// answersCapped reads no more than answerMost of any answer's body.
type answersCapped struct{ http.RoundTripper }

func (c answersCapped) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		response.Body = capped{io.LimitReader(response.Body, answerMost), response.Body}
	}
	return response, err
}

type capped struct {
	io.Reader
	io.Closer
}
