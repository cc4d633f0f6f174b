package auth_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// publisher is an issuer that answers with its current keys, and counts how often it is asked.
type publisher struct {
	mu      sync.Mutex
	keys    any
	fetches int
	answer  http.HandlerFunc // in place of the keys; nil mostly
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.fetches++
	keys, answer := p.keys, p.answer
	p.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(keys)
}

func (p *publisher) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

func (p *publisher) publish(keys any, answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys, p.answer = keys, answer
}

// signIn is a process that trusts the publisher, with the test's clock.
type signIn struct {
	*auth.OIDC
	*publisher
	t   *testing.T
	mu  sync.Mutex
	now time.Time
}

func newSignIn(t *testing.T, keys any) *signIn {
	s := &signIn{t: t, publisher: &publisher{keys: keys}, now: time.Now()}
	server := httptest.NewServer(s.publisher)
	t.Cleanup(server.Close)
	c := config("")
	c.JWKSURL = server.URL
	o, err := auth.NewOIDC(c, s.clock)
	if err != nil {
		t.Fatal(err)
	}
	s.OIDC = o
	return s
}

func (s *signIn) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *signIn) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// token is one of the key that is good for a day.
func (s *signIn) token(key issuerKey) string {
	return key.sign(s.t, func(claims map[string]any) { claims["exp"] = s.clock().Add(24 * time.Hour).Unix() })
}

func (s *signIn) takes(name, token string) {
	s.t.Helper()
	if _, _, err := s.Verify(s.t.Context(), token); err != nil {
		s.t.Errorf("%s: a good token gave %v", name, err)
	}
}

// refuses a token for what it is, not because the issuer fails.
func (s *signIn) refuses(name, token string) {
	s.t.Helper()
	if _, _, err := s.Verify(s.t.Context(), token); err == nil || fault.KindOf(err) == fault.Unavailable {
		s.t.Errorf("%s: the token gave %v", name, err)
	}
}

func (s *signIn) wants(name string, fetches int) {
	s.t.Helper()
	if got := s.asked(); got != fetches {
		s.t.Errorf("%s: %d fetches, want %d", name, got, fetches)
	}
}

func TestOIDC_AForgedSignatureOfAKnownKeyNeverFetches(t *testing.T) {
	good, forger := newKey(t, "one"), newKey(t, "one")
	s := newSignIn(t, good.set())
	s.takes("the first", s.token(good))
	for n := range 50 {
		s.refuses("a forgery", s.token(forger))
		s.refuses("a forgery over time", s.token(forger))
		if n%10 == 0 {
			s.pass(2 * time.Minute)
		}
	}
	s.wants("100 forgeries of a known key", 1)
}

// The console's sign-in, by an ID token, needs the same keys.
func TestOIDC_AnIDTokenFetchesTheKeysToo(t *testing.T) {
	good, forger := newKey(t, "one"), newKey(t, "one")
	s := newSignIn(t, good.set())
	if in, err := s.SignedIn(t.Context(), s.token(good)); err != nil || in.Subject != "ada" {
		t.Errorf("a good ID token gave %+v, %v", in, err)
	}
	for range 20 {
		if in, err := s.SignedIn(t.Context(), s.token(forger)); err == nil {
			t.Errorf("a forgery signed in %+v", in)
		}
	}
	s.wants("20 forgeries", 1)
}

func TestOIDC_UnknownKeysFetchOnceAMinute(t *testing.T) {
	good := newKey(t, "one")
	s := newSignIn(t, good.set())
	s.takes("the first", s.token(good))
	for n := range 50 {
		s.refuses("an unknown key", s.token(newKey(t, fmt.Sprint("made-up-", n))))
	}
	s.wants("50 keys that were made up", 2)
	next := newKey(t, "two")
	s.publish(next.set(), nil)
	s.refuses("within the minute", s.token(next))
	s.takes("an old key within it", s.token(good))
	s.pass(61 * time.Second)
	s.takes("after the minute", s.token(next))
	s.wants("with the rotation", 3)
	s.refuses("a key that the issuer withdrew", s.token(good))
}

func TestOIDC_AFailingIssuerHoldsNobody(t *testing.T) {
	good, unknown := newKey(t, "one"), newKey(t, "two")
	hangs := make(chan struct{})
	hanging := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hangs:
		case <-r.Context().Done():
		}
	}
	defer close(hangs)
	for name, answer := range map[string]http.HandlerFunc{
		"it hangs":       hanging,
		"it answers 500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"it answers HTML": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<html>Please log in</html>")
		},
		"it has no keys": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) },
		"it never ends": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":["`, strings.Repeat("x", 3<<20))
		},
		"it shows a private": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, encoded(t, privateSet(unknown)))
		},
	} {
		s := newSignIn(t, good.set())
		s.takes(name, s.token(good))
		began := make(chan struct{}, 1)
		s.publish(nil, func(w http.ResponseWriter, r *http.Request) {
			began <- struct{}{}
			answer(w, r)
		})
		first := make(chan error, 1)
		go func() {
			_, _, err := s.Verify(context.Background(), s.token(unknown))
			first <- err
		}()
		<-began
		s.takes(name+", meanwhile", s.token(good))
		if err := <-first; fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: an unknown key gave %v, want Unavailable", name, err)
		}
		for range 20 {
			if _, _, err := s.Verify(t.Context(), s.token(unknown)); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("%s: an unknown key gave %v, want Unavailable", name, err)
			}
		}
		s.takes(name+", afterwards", s.token(good))
		s.wants(name, 2)
	}
}

func privateSet(k issuerKey) jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.private, KeyID: k.id}}}
}

// A process that starts while the issuer fails asks again after some seconds, and in between not at all.
func TestOIDC_WithoutAnyKeysTheIssuerIsAskedEveryTenSeconds(t *testing.T) {
	good := newKey(t, "one")
	s := newSignIn(t, nil)
	s.publish(nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	for range 20 {
		if _, _, err := s.Verify(t.Context(), s.token(good)); fault.KindOf(err) != fault.Unavailable {
			t.Fatalf("got %v, want Unavailable", err)
		}
	}
	s.wants("20 requests", 1)
	s.publish(good.set(), nil)
	s.pass(11 * time.Second)
	s.takes("the issuer is back", s.token(good))
	s.wants("the issuer is back", 2)
}

func TestOIDC_RequestsAtOnceShareOneFetch(t *testing.T) {
	good := newKey(t, "one")
	s := newSignIn(t, nil)
	arrived := make(chan struct{})
	s.publish(nil, func(w http.ResponseWriter, _ *http.Request) {
		<-arrived
		_ = json.NewEncoder(w).Encode(good.set())
	})
	token := s.token(good)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, _, err := s.Verify(context.Background(), token); err != nil {
				t.Errorf("one of many gave %v", err)
			}
		})
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Verify(gone, token); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a caller who has gone is told %v", err)
	}
	close(arrived)
	all.Wait()
	s.wants("20 at once", 1)
}

// Issuers differ in how they publish.
func TestOIDC_KeySetsAsIssuersPublishThem(t *testing.T) {
	one, two := newKey(t, "one"), newKey(t, "two")
	nameless := issuerKey{private: one.private}
	exotic := map[string]any{"keys": []any{
		map[string]any{"kty": "LMS", "kid": "future", "alg": "LMS"}, "junk", one.set().Keys[0],
	}}
	s := newSignIn(t, exotic)
	s.takes("a set with a key of an unknown kind", s.token(one))
	s.takes("a token without a key id", s.token(nameless))
	s.refuses("another's without a key id", s.token(issuerKey{private: two.private}))
	for range 20 {
		s.refuses("again", s.token(issuerKey{private: two.private}))
	}
	s.wants("forgeries without a key id", 2)

	enc := two.set()
	enc.Keys[0].Use = "enc"
	enc.Keys = append(enc.Keys, one.set().Keys...)
	s = newSignIn(t, enc)
	s.takes("a set with a key for encryption", s.token(one))
	s.refuses("a token by the key for encryption", s.token(two))
	s.wants("it is not known as a signing key", 2)
}

// A JWS in a JSON form is no bearer token (RFC 7519, 3), though its signature is good.
func TestOIDC_TakesTheCompactFormAlone(t *testing.T) {
	key := newKey(t, "one")
	for name, o := range map[string]interface {
		Verify(context.Context, string) (domain.AccountID, domain.UserID, error)
	}{"fetched keys": newSignIn(t, key.set()), "inline keys": inline(t, key)} {
		compact := key.sign(t, nil)
		if _, _, err := o.Verify(t.Context(), compact); err != nil {
			t.Fatalf("%s: the compact form gave %v", name, err)
		}
		part := strings.Split(compact, ".")
		header, _ := base64.RawURLEncoding.DecodeString(part[0])
		for form, token := range map[string]string{
			"flattened": fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, part[0], part[1],
				part[2]),
			"general": fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, part[1],
				part[0], part[2]),
			"with spaces":         " " + compact + " ",
			"with a fourth part":  compact + ".",
			"without a signature": part[0] + "." + part[1],
			"an open header":      fmt.Sprintf(`{"header":%s,"payload":%q,"signature":%q}`, header, part[1], part[2]),
			"a list of one":       `["` + compact + `"]`,
		} {
			if account, _, err := o.Verify(t.Context(), token); err == nil {
				t.Errorf("%s: the form %q proved %q", name, form, account)
			}
		}
	}
}

func inline(t *testing.T, key issuerKey) *auth.OIDC {
	t.Helper()
	o, err := auth.NewOIDC(config(encoded(t, key.set())), domain.SystemClock)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
