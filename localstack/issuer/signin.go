package issuer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Person is someone who can sign in on this machine.
type Person struct {
	ID       string
	Name     string
	Accounts []string
	About    string // a line beside the name
}

// SignIn is an OpenID provider with a page on which one chooses who one is: the authorization code flow with PKCE, and
// nothing else. It runs on this machine alone. zitadel/oidc's provider would ask for a storage of some 25 methods, of
// which this flow needs three.
type SignIn struct {
	issuer   *Issuer
	people   func(context.Context) ([]Person, error)
	redirect string // the one address to which it sends browsers back

	mu    sync.Mutex
	codes map[string]grant
}

// grant is what a code stands for, until it is exchanged.
type grant struct {
	person    Person
	nonce     string
	challenge string
	endsAt    time.Time
}

const codeLife = time.Minute

// NewSignIn sends browsers back to that address and to no other.
func NewSignIn(i *Issuer, redirect string, people func(context.Context) ([]Person, error)) *SignIn {
	return &SignIn{issuer: i, people: people, redirect: redirect, codes: map[string]grant{}}
}

// The paths of the provider.
const (
	AuthorizePath = "/authorize"
	TokenPath     = "/token"
)

func (s *SignIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET " + AuthorizePath:
		s.choose(w, r)
	case "POST " + AuthorizePath:
		s.authorize(w, r)
	case "POST " + TokenPath:
		s.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

//go:embed signin.html
var pages embed.FS

var page = template.Must(template.ParseFS(pages, "signin.html"))

// choose shows the people.
func (s *SignIn) choose(w http.ResponseWriter, r *http.Request) {
	if !s.known(w, r.URL.Query()) {
		return
	}
	people, err := s.people(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Referrer-Policy", "no-referrer")
	_ = page.Execute(w, struct {
		Query  template.URL // as the browser sent it, and sends it again
		People []Person
	}{template.URL(r.URL.RawQuery), people})
}

// known refuses what the console would not send: another client, another address, no PKCE.
func (s *SignIn) known(w http.ResponseWriter, q url.Values) bool {
	if q.Get("client_id") == Audience && q.Get("redirect_uri") == s.redirect &&
		q.Get("code_challenge_method") == "S256" && q.Get("code_challenge") != "" {
		return true
	}
	http.Error(w, "The request names another client or address, or has no PKCE challenge.", http.StatusBadRequest)
	return false
}

// authorize sends the browser back with a code for the person that was chosen.
func (s *SignIn) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if !s.known(w, q) {
		return
	}
	people, err := s.people(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	for _, p := range people {
		if p.ID == r.PostFormValue("person") {
			code := rand.Text()
			s.mu.Lock()
			s.codes[code] = grant{p, q.Get("nonce"), q.Get("code_challenge"), time.Now().Add(codeLife)}
			s.mu.Unlock()
			back.Set("code", code)
		}
	}
	if !back.Has("code") {
		back.Set("error", "access_denied")
	}
	http.Redirect(w, r, s.redirect+"?"+back.Encode(), http.StatusSeeOther)
}

// token exchanges a code, once, for an ID token.
func (s *SignIn) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	g, ok := s.codes[r.PostFormValue("code")]
	delete(s.codes, r.PostFormValue("code"))
	s.mu.Unlock()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	w.Header().Set("Content-Type", "application/json")
	if !ok || time.Now().After(g.endsAt) || base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge ||
		r.PostFormValue("redirect_uri") != s.redirect {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	claims := Claims("", g.person.ID, time.Now())
	claims[AccountClaim], claims["nonce"], claims["name"] = g.person.Accounts, g.nonce, g.person.Name
	signed, err := s.issuer.Sign(claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": rand.Text(), "token_type": "Bearer",
		"id_token": signed, "expires_in": 3600})
}
