package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Sign-in is OpenID Connect's authorization code flow with PKCE (RFC 7636), as a public client.

func newIssuer(c Config, now domain.Clock) (*auth.OIDC, error) {
	return auth.NewOIDC(c.OIDC, now)
}

// signingIn is what the browser keeps, sealed, while its person is at the issuer.
type signingIn struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	To       string    `json:"to"` // the page that was asked for
	EndsAt   time.Time `json:"ends_at"`
}

const (
	signingInCookie = "plugboard_signing_in"
	signingInLife   = 10 * time.Minute
	// exchangeLimit ends an exchange with an issuer that hangs, for which the browser waits.
	exchangeLimit = 10 * time.Second
)

func (k *Console) signIn(q *request) (answer, error) {
	s := signingIn{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		To: ownPage(q.URL.Query().Get("to")), EndsAt: k.now().Add(signingInLife),
	}
	if err := k.seal(q, signingInCookie, s, s.EndsAt); err != nil {
		return answer{}, err
	}
	to := k.client.AuthCodeURL(s.State, oauth2.S256ChallengeOption(s.Verifier),
		oauth2.SetAuthURLParam("nonce", s.Nonce))
	return answer{to: to, status: http.StatusSeeOther}, nil
}

// signedIn takes the code that the issuer sent the browser back with.
func (k *Console) signedIn(q *request) (answer, error) {
	var s signingIn
	query := q.URL.Query()
	err := k.open(q.Request, signingInCookie, &s)
	switch {
	case err != nil || !k.now().Before(s.EndsAt):
		return k.notSignedIn("The sign-in took longer than 10 minutes, or began in another browser.", "extensions"), nil
	case subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(s.State)) != 1:
		return k.notSignedIn("The answer belongs to another sign-in.", s.To), nil
	case query.Get("error") != "":
		return k.notSignedIn("The sign-in service did not let you in.", s.To), nil
	}
	in, err := k.exchange(q.Context(), query.Get("code"), s)
	if err != nil {
		slog.WarnContext(q.Context(), "sign-in failed", "request_id", contract.RequestID(q.Context()), "error", err)
		return k.notSignedIn("The sign-in service's answer could not be used.", s.To), nil
	}
	k.forget(q, signingInCookie)
	q.session = session{Kind: customer, Subject: in.Subject, Accounts: in.Accounts, EndsAt: k.now().Add(sessionLife)}
	if len(in.Accounts) == 1 {
		q.session.Account = in.Accounts[0]
	}
	if in.Operator && len(in.Accounts) == 0 {
		q.session.Kind = operator
	}
	if err := k.keep(q, q.session); err != nil {
		return answer{}, err
	}
	if q.session.Account == "" {
		return goTo("accounts?to=" + url.QueryEscape(s.To)), nil
	}
	return goTo(s.To), nil
}

// exchange proves the code at the issuer, and checks the ID token that it gives.
func (k *Console) exchange(ctx context.Context, code string, s signingIn) (auth.SignedIn, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Timeout: exchangeLimit})
	token, err := k.client.Exchange(ctx, code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		return auth.SignedIn{}, err
	}
	idToken, _ := token.Extra("id_token").(string)
	in, err := k.issuer.SignedIn(ctx, idToken)
	if err == nil && subtle.ConstantTimeCompare([]byte(in.Nonce), []byte(s.Nonce)) != 1 {
		err = errors.New("the ID token is of another sign-in")
	}
	return in, err
}

func (k *Console) notSignedIn(why, to string) answer {
	return answer{
		template: "notice", title: "You are not signed in", status: http.StatusForbidden,
		data: notice{Title: "You are not signed in", Text: why, Link: "sign-in?to=" + url.QueryEscape(to),
			Label: "Sign in"},
	}
}

// signOut ends the session in this browser.
func (k *Console) signOut(q *request) (answer, error) {
	k.forget(q, cookieName(q.Request))
	return goTo("signed-out"), nil
}

func (k *Console) signedOut(*request) (answer, error) {
	return answer{template: "notice", title: "Signed out", data: notice{
		Title: "You are signed out", Text: "Nothing is kept in this browser.", Link: "sign-in", Label: "Sign in again",
	}}, nil
}

// withoutSession sends who only looks to sign in, and back to the page. Who changes something is told that nothing
// happened, and so is a frame, which the browser shows only where a session was.
func (k *Console) withoutSession(q *request) answer {
	if inFrame(q.Request) {
		return frameEnded("Your session ended", "")
	}
	to := "sign-in?to=" + url.QueryEscape(q.here())
	if q.Method == http.MethodGet && q.Header.Get("HX-Request") == "" {
		return goTo(to)
	}
	return answer{
		template: "notice", title: "Your session ended", status: http.StatusUnauthorized,
		part: q.Header.Get("HX-Request") != "",
		data: notice{Title: "Your session ended", Text: "Nothing was changed. Sign in, and send the form again.",
			Link: to, Label: "Sign in"},
	}
}

// ownPage is a page below the console's root; the first page for an address that leads elsewhere.
func ownPage(to string) string {
	u, err := url.Parse(to)
	if err != nil || to == "" || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "/") ||
		strings.Contains(to, "..") || strings.Contains(to, `\`) {
		return "extensions"
	}
	return u.String()
}

// accounts shows those of the person's accounts in which there is such a user.
func (k *Console) accounts(q *request) (answer, error) {
	var choices []contract.ReadMeOutput
	for _, a := range q.session.Accounts {
		other := *q
		other.session.Account = a
		me, err := call(&other, contract.ReadMe, contract.ReadMeInput{})
		if err == nil {
			choices = append(choices, me)
		}
	}
	data := struct {
		Choices []contract.ReadMeOutput
		To      string
	}{choices, ownPage(q.URL.Query().Get("to"))}
	return answer{template: "accounts", title: "Accounts", data: data}, nil
}

func (k *Console) chooseAccount(q *request) (answer, error) {
	a := domain.AccountID(q.FormValue("account"))
	if !q.session.vouched(a) {
		return answer{}, fault.New(fault.NotFound, "not-found", "You have no such account.")
	}
	q.session.Account = a
	return goTo(ownPage(q.FormValue("to"))), k.keep(q, q.session)
}
