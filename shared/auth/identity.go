package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"plugboard/shared/domain"
)

// OIDCConfig names the platform's issuer. Its keys come from a URL, or inline, for closed networks and the
// local stack.
type OIDCConfig struct {
	Issuer   string `env:"OIDC_ISSUER,required"`
	Audience string `env:"OIDC_AUDIENCE,required"`
	JWKSURL  string `env:"OIDC_JWKS_URL"`
	JWKS     string `env:"OIDC_JWKS"` // a JWK set of public keys, used when there is no URL
}

// accountClaim is the claim of a dashboard token that names the account.
const accountClaim = "plugboard_account"

// algorithms is an allow-list: `none` and the shared-secret ones are not on it.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}

// OIDC verifies dashboard tokens. Safe for concurrent use.
type OIDC struct {
	verifier *oidc.IDTokenVerifier
	remote   *issuerKeys // nil when the keys are inline
}

// NewOIDC refuses a configuration with no keys. It does not call the issuer, whose keys are fetched when a token needs
// them.
func NewOIDC(c OIDCConfig, now domain.Clock) (*OIDC, error) {
	o := &OIDC{}
	var keys oidc.KeySet
	switch {
	case c.JWKSURL != "":
		o.remote = newIssuerKeys(c.JWKSURL, now)
		keys = o.remote
	case c.JWKS != "":
		static, err := inlineKeys(c.JWKS)
		if err != nil {
			return nil, err
		}
		keys = static
	default:
		return nil, errors.New("set OIDC_JWKS_URL or OIDC_JWKS")
	}
	config := &oidc.Config{ClientID: c.Audience, Now: now}
	for _, a := range algorithms {
		config.SupportedSigningAlgs = append(config.SupportedSigningAlgs, string(a))
	}
	o.verifier = oidc.NewVerifier(c.Issuer, keys, config)
	return o, nil
}

func inlineKeys(text string) (*oidc.StaticKeySet, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(text), &set); err != nil {
		return nil, fmt.Errorf("OIDC_JWKS is no JWK set: %w", err)
	}
	keys := &oidc.StaticKeySet{}
	for _, k := range set.Keys {
		if !k.IsPublic() {
			return nil, errors.New("OIDC_JWKS holds a private key; give public ones only")
		}
		keys.PublicKeys = append(keys.PublicKeys, k.Key)
	}
	return keys, nil
}

// parse takes a token in the compact form, as a header carries it (RFC 7519, 3). The JSON forms, which JWS has besides,
// are no bearer tokens.
func parse(jwt string) (*jose.JSONWebSignature, error) {
	return jose.ParseSignedCompact(jwt, algorithms)
}

// verified is a token that the issuer signed for us. Unavailable as Verify says.
func (o *OIDC) verified(ctx context.Context, jwt string) (*oidc.IDToken, error) {
	parsed, err := parse(jwt)
	if err != nil {
		return nil, err
	}
	if o.remote != nil {
		if err := o.remote.learn(ctx, parsed); err != nil {
			return nil, err
		}
	}
	return o.verifier.Verify(ctx, jwt)
}

// Verify returns the account and the subject that the token proves. Unavailable when the issuer's keys are needed and
// cannot be fetched.
func (o *OIDC) Verify(ctx context.Context, jwt string) (domain.AccountID, domain.UserID, error) {
	token, err := o.verified(ctx, jwt)
	if err != nil {
		return "", "", err
	}
	claims := map[string]json.RawMessage{}
	if err := token.Claims(&claims); err != nil {
		return "", "", err
	}
	account := claimText(claims[accountClaim])
	if account == "" || token.Subject == "" {
		return "", "", errors.New("the token names no account or no subject")
	}
	return domain.AccountID(account), domain.UserID(token.Subject), nil
}

// SignedIn is who signed in to the console, by an ID token.
type SignedIn struct {
	Subject  domain.UserID
	Accounts []domain.AccountID // those that the issuer vouches for; one or more
	Nonce    string
}

// SignedIn checks an ID token like a dashboard token. Its account claim is one account, or a list of them.
func (o *OIDC) SignedIn(ctx context.Context, idToken string) (SignedIn, error) {
	token, err := o.verified(ctx, idToken)
	if err != nil {
		return SignedIn{}, err
	}
	claims := map[string]json.RawMessage{}
	if err := token.Claims(&claims); err != nil {
		return SignedIn{}, err
	}
	in := SignedIn{Subject: domain.UserID(token.Subject), Nonce: token.Nonce}
	var accounts []json.RawMessage
	if json.Unmarshal(claims[accountClaim], &accounts) != nil {
		accounts = []json.RawMessage{claims[accountClaim]}
	}
	for _, account := range accounts {
		in.Accounts = append(in.Accounts, domain.AccountID(claimText(account)))
	}
	if in.Subject == "" || len(in.Accounts) == 0 || slices.Contains(in.Accounts, "") {
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
