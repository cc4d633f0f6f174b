package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejson "github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"

	"plugboard/shared/domain"
)

// OIDCConfig names the platform's issuer. Its keys come from a URL, or inline, for closed networks and the
// local stack.
type OIDCConfig struct {
	Issuer   string `env:"OIDC_ISSUER,required"`
	Audience string `env:"OIDC_AUDIENCE,required"`
	JWKSURL  string `env:"OIDC_JWKS_URL"`
	JWKS     string `env:"OIDC_JWKS"` // a JWK set of public keys, used when there is no URL
	// OperatorClaim is the claim of an ID token that is true for the platform's staff. Empty: nobody is.
	OperatorClaim string `env:"OIDC_OPERATOR_CLAIM"`
}

// algorithms is an allow-list: `none` and the shared-secret ones are not on it.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}

// clockSkew is how far the issuer's clock may be ahead: a token may begin, or be issued, that much later. No token
// lives longer for it.
const clockSkew = 5 * time.Minute

// OIDC verifies dashboard tokens. Safe for concurrent use.
type OIDC struct {
	issuer, audience string
	now              domain.Clock
	remote           *issuerKeys       // nil when the keys are inline
	inline           []jose.JSONWebKey // nil when they are remote
	operator         string            // the claim of the platform's staff; empty for none
}

// NewOIDC refuses a configuration with no keys. It does not call the issuer, whose keys are fetched when a token needs
// them.
func NewOIDC(c OIDCConfig, now domain.Clock) (*OIDC, error) {
	o := &OIDC{issuer: c.Issuer, audience: c.Audience, operator: c.OperatorClaim, now: now}
	switch {
	case c.JWKSURL != "":
		o.remote = newIssuerKeys(c.JWKSURL, now)
		return o, nil
	case c.JWKS != "":
		var err error
		o.inline, err = inlineKeys(c.JWKS)
		return o, err
	}
	return nil, errors.New("set OIDC_JWKS_URL or OIDC_JWKS")
}

func inlineKeys(text string) ([]jose.JSONWebKey, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return nil, fmt.Errorf("OIDC_JWKS is no JWK set: %w", err)
	}
	for _, k := range set.Keys {
		if !k.IsPublic() {
			return nil, errors.New("OIDC_JWKS holds a private key; give public ones only")
		}
	}
	return set.Keys, nil
}

// parse takes a token in the compact form, as a header carries it (RFC 7519, 3). The JSON forms, which JWS has besides,
// are no bearer tokens.
func parse(text string) (*jose.JSONWebSignature, error) {
	return jose.ParseSignedCompact(text, algorithms)
}

// claims of a token. An issuer that numbers its users or accounts may send a number for their ids, which
// jwt.Claims does not take for `sub`: this field hides that one.
type claims struct {
	jwt.Claims
	Subject  json.RawMessage `json:"sub"`
	Accounts json.RawMessage `json:"plugboard_account"` // the account; in an ID token, it may be a list
	Nonce    string          `json:"nonce"`

	operator bool // of the platform's staff
}

func (c claims) subject() domain.UserID { return domain.UserID(claimText(c.Subject)) }

// verified are the claims of a token that the issuer signed for us and that is good now. Unavailable as Verify says.
func (o *OIDC) verified(ctx context.Context, text string) (claims, error) {
	var c claims
	token, err := parse(text)
	if err != nil {
		return c, err
	}
	payload, err := o.payload(ctx, token)
	if err != nil {
		return c, err
	}
	// The package json of Go takes SUB for sub, and the last of two.
	if err := josejson.Unmarshal(payload, &c); err != nil {
		return c, fmt.Errorf("read the token's claims: %w", err)
	}
	others := map[string]json.RawMessage{}
	if err := josejson.Unmarshal(payload, &others); err != nil {
		return c, fmt.Errorf("read the token's claims: %w", err)
	}
	c.operator = o.operator != "" && string(others[o.operator]) == "true"
	now := o.now()
	if c.Expiry == nil || now.After(c.Expiry.Time()) {
		return c, jwt.ErrExpired
	}
	expected := jwt.Expected{Issuer: o.issuer, AnyAudience: jwt.Audience{o.audience}, Time: now}
	return c, c.ValidateWithLeeway(expected, clockSkew)
}

// payload is what the issuer signed.
func (o *OIDC) payload(ctx context.Context, token *jose.JSONWebSignature) ([]byte, error) {
	if o.remote == nil {
		return verifiedBy(o.inline, token)
	}
	if err := o.remote.learn(ctx, token); err != nil {
		return nil, err
	}
	return o.remote.verify(token)
}

func verifiedBy(keys []jose.JSONWebKey, token *jose.JSONWebSignature) ([]byte, error) {
	for _, key := range keys {
		if payload, err := token.Verify(key.Key); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("no key of the issuer's verifies the token")
}

// Verify returns the account and the subject that the token proves. Unavailable when the issuer's keys are needed and
// cannot be fetched.
func (o *OIDC) Verify(ctx context.Context, text string) (domain.AccountID, domain.UserID, error) {
	c, err := o.verified(ctx, text)
	if err != nil {
		return "", "", err
	}
	account := claimText(c.Accounts)
	if account == "" || c.subject() == "" {
		return "", "", errors.New("the token names no account or no subject")
	}
	return domain.AccountID(account), c.subject(), nil
}

// SignedIn is who signed in to the console, by an ID token.
type SignedIn struct {
	Subject  domain.UserID
	Accounts []domain.AccountID // those that the issuer vouches for; one or more, but for an operator
	Operator bool               // of the platform's staff
	Nonce    string
}

// SignedIn checks an ID token like a dashboard token. Its account claim is one account, or a list of them.
func (o *OIDC) SignedIn(ctx context.Context, idToken string) (SignedIn, error) {
	c, err := o.verified(ctx, idToken)
	if err != nil {
		return SignedIn{}, err
	}
	in := SignedIn{Subject: c.subject(), Nonce: c.Nonce, Operator: c.operator}
	var accounts []json.RawMessage
	if len(c.Accounts) > 0 && json.Unmarshal(c.Accounts, &accounts) != nil {
		accounts = []json.RawMessage{c.Accounts}
	}
	for _, account := range accounts {
		in.Accounts = append(in.Accounts, domain.AccountID(claimText(account)))
	}
	if in.Subject == "" || len(in.Accounts) == 0 && !in.Operator || slices.Contains(in.Accounts, "") {
		return SignedIn{}, errors.New("the ID token names no subject or no account")
	}
	return in, nil
}

// claimText is a claim that names something: a text, or a number as it is written.
func claimText(claim json.RawMessage) string {
	var text string
	var number json.Number
	if json.Unmarshal(claim, &text) != nil && json.Unmarshal(claim, &number) == nil {
		return number.String()
	}
	return text
}

// ended tells whether an end that is set has come.
func ended(at time.Time, now domain.Clock) bool { return !at.IsZero() && !now().Before(at) }
