package delivery

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"plugboard/shared/domain"
)

// Access tokens of endpoints that want OAuth 2.0 client credentials (RFC 6749, 4.4). They live in the process and
// nowhere else.

const (
	// tokenLeeway is how long before its end a token is last used, so that the attempt arrives in time.
	tokenLeeway = 30 * time.Second

	// tokenKept is how long a token is used when its answer gives no lifetime.
	tokenKept = 5 * time.Minute

	// tokenKeptMost is the longest that a token is used, whatever its answer says.
	tokenKeptMost = 24 * time.Hour

	// tokenTimeout limits a token request, whatever the webhook's policy. A quick endpoint may have a slow token
	// endpoint.
	tokenTimeout = 5 * time.Second

	// tokensMost is how many tokens a process keeps. Beyond it, the process clears them all and fetches again.
	tokensMost = 10_000
)

// grant holds the parameters of a token request, with their values filled in.
type grant struct {
	account                           domain.AccountID
	webhook                           domain.WebhookID
	epoch                             int
	tokenURL, clientID, secret, scope string
	auth                              domain.ClientAuth // the authentication style; empty: both are tried
	params                            map[string]string // further request parameters
}

// key identifies the grant. Another epoch, or another value of any parameter, makes another key.
func (g grant) key() string {
	raw, _ := json.Marshal([]any{g.account, g.webhook, g.epoch, g.tokenURL, g.clientID, g.secret, g.scope, g.auth,
		g.params})
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
	methods map[string]domain.ClientAuth // the style that worked last, by grant key
}

type accessToken struct {
	text  string
	until time.Time
}

func newAccessTokens(client *http.Client, now domain.Clock) *accessTokens {
	return &accessTokens{
		client: client, now: now, timeout: tokenTimeout, known: map[string]accessToken{},
		methods: map[string]domain.ClientAuth{},
	}
}

// get returns a token for the grant, cached until shortly before it ends. Concurrent callers share one fetch and its
// result. It fails with tokenFailure.
func (ts *accessTokens) get(ctx context.Context, g grant) (string, error) {
	key := g.key()
	if t, ok := ts.good(key); ok {
		return t, nil
	}
	flight := ts.flights.DoChan(key, func() (any, error) {
		if t, ok := ts.good(key); ok { // another caller fetched it meanwhile
			return t, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ts.timeout) // other callers share this fetch
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

// refused forgets a token that the endpoint refused. A newer token of the same grant stays.
func (ts *accessTokens) refused(g grant, text string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if key := g.key(); ts.known[key].text == text {
		delete(ts.known, key)
	}
}

// fetch asks for a token. A client whose authentication style is not declared uses the style that worked before, at
// first the header. Only invalid_client makes it try the other style: any other refusal would be repeated.
func (ts *accessTokens) fetch(ctx context.Context, key string, g grant) (string, error) {
	by := ts.method(key, g)
	began := ts.now()
	t, err := ts.ask(ctx, g, by)
	var failed tokenFailure
	if errors.As(err, &failed) && failed.code == invalidClient && g.auth == "" {
		by = other(by)
		t, err = ts.ask(ctx, g, by)
	}
	if err != nil {
		return "", err
	}
	lives := tokenKept
	if t.lives > 0 {
		lives = t.lives - tokenLeeway
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.known) >= tokensMost {
		clear(ts.known)
		clear(ts.methods)
	}
	ts.known[key], ts.methods[key] = accessToken{t.text, began.Add(lives)}, by
	return t.text, nil
}

// method is the authentication style that is tried first.
func (ts *accessTokens) method(key string, g grant) domain.ClientAuth {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return cmp.Or(g.auth, ts.methods[key], domain.ClientAuthBasic)
}

func other(by domain.ClientAuth) domain.ClientAuth {
	if by == domain.ClientAuthBasic {
		return domain.ClientAuthPost
	}
	return domain.ClientAuthBasic
}

// tokenFailure is why there is no access token. The attempt failed, and the schedule retries it. The answer is the
// token endpoint's. Its body is left out, since it may repeat secrets of the request.
type tokenFailure struct {
	answer
	code string // RFC 6749's error, if the answer has one
}

func (f tokenFailure) Error() string { return "no access token" }
