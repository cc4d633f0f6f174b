package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/store/storetest"
)

// issuerKey is a signing key and the set that publishes it.
type issuerKey struct {
	private *ecdsa.PrivateKey
	id      string
}

func newKey(t *testing.T, id string) issuerKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issuerKey{k, id}
}

func (k issuerKey) set() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.private.Public(), KeyID: k.id, Algorithm: "ES256",
		Use: "sig"}}}
}

func (k issuerKey) sign(t *testing.T, change func(claims map[string]any)) string {
	t.Helper()
	return sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}}, change)
}

func sign(t *testing.T, key jose.SigningKey, change func(claims map[string]any)) string {
	t.Helper()
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"iss": "https://issuer.test", "aud": "plugboard", "sub": "ada",
		"plugboard_account": "acct", "exp": time.Now().Add(time.Minute).Unix()}
	if change != nil {
		change(claims)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func config(keys string) auth.OIDCConfig {
	return auth.OIDCConfig{Issuer: "https://issuer.test", Audience: "plugboard", JWKS: keys}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOIDC_TakesOnlyWhatTheIssuerSignedForUs(t *testing.T) {
	key, stranger := newKey(t, "one"), newKey(t, "one")
	o, err := auth.NewOIDC(config(encoded(t, key.set())), domain.SystemClock)
	if err != nil {
		t.Fatal(err)
	}
	account, user, err := o.Verify(t.Context(), key.sign(t, nil))
	if err != nil || account != "acct" || user != "ada" {
		t.Fatalf("a good token gave %q, %q, %v", account, user, err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, v any) string { return key.sign(t, func(c map[string]any) { c[name] = v }) }
	good := key.sign(t, nil)
	for name, token := range map[string]string{
		"another's signature":           stranger.sign(t, nil),
		"the public key as an HMAC key": sign(t, jose.SigningKey{Algorithm: jose.HS256, Key: public}, nil),
		"another issuer":                with("iss", "https://evil.test"),
		"another audience":              with("aud", "somebody-else"),
		"expired":                       with("exp", time.Now().Add(-time.Minute).Unix()),
		"not yet":                       with("nbf", time.Now().Add(time.Hour).Unix()),
		"no account":                    with("plugboard_account", ""),
		"an account that is a list":     with("plugboard_account", []string{"acct"}),
		"an account that is no name":    with("plugboard_account", true),
		"no subject":                    with("sub", ""),
		"no subject at all":             with("sub", nil),
		"a subject that is a list":      with("sub", []string{"ada"}),
		"a subject that is no name":     with("sub", true),
		"no end":                        with("exp", nil),
		"issued tomorrow":               with("iat", time.Now().Add(24*time.Hour).Unix()),
		"the subject in capitals":       key.sign(t, func(c map[string]any) { c["SUB"] = c["sub"]; delete(c, "sub") }),
		"the account in capitals": key.sign(t, func(c map[string]any) {
			c["PLUGBOARD_ACCOUNT"] = "acct"
			delete(c, "plugboard_account")
		}),
		"a changed payload": good[:strings.LastIndex(good, ".")-2] + "AA" + good[strings.LastIndex(good, "."):],
		"nothing":           "",
	} {
		if account, user, err := o.Verify(t.Context(), token); err == nil {
			t.Errorf("%s: it proved %q, %q", name, account, user)
		}
	}
}

// Some issuers write a number for a number.
func TestOIDC_AnAccountAndASubjectMayBeNumbers(t *testing.T) {
	key := newKey(t, "one")
	o, err := auth.NewOIDC(config(encoded(t, key.set())), domain.SystemClock)
	if err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[any]string{
		7: "7", "0042": "0042", int64(9007199254740993): "9007199254740993", -1: "-1", 12345678: "12345678",
	} {
		token := key.sign(t, func(c map[string]any) { c["plugboard_account"], c["sub"] = claim, claim })
		account, user, err := o.Verify(t.Context(), token)
		if err != nil || string(account) != want || string(user) != want {
			t.Errorf("%v: got %q, %q and %v, want %q", claim, account, user, err, want)
		}
		in, err := o.SignedIn(t.Context(), token)
		if err != nil || string(in.Subject) != want || len(in.Accounts) != 1 || string(in.Accounts[0]) != want {
			t.Errorf("%v signed in: got %+v and %v, want %q", claim, in, err, want)
		}
	}
}

// The clocks of an issuer and of a function differ by moments.
func TestOIDC_ATokenOfAnIssuerWhoseClockIsAhead(t *testing.T) {
	key := newKey(t, "one")
	o, err := auth.NewOIDC(config(encoded(t, key.set())), domain.SystemClock)
	if err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(4 * time.Minute).Unix()
	token := key.sign(t, func(c map[string]any) { c["iat"], c["nbf"], c["exp"] = soon, soon, soon+60 })
	if _, _, err := o.Verify(t.Context(), token); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestOIDC_FetchesANewKeyWhenTheIssuerRotates(t *testing.T) {
	current, fetched := newKey(t, "one"), 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched++
		_ = json.NewEncoder(w).Encode(current.set())
	}))
	defer server.Close()
	c := config("")
	c.JWKSURL = server.URL
	o, err := auth.NewOIDC(c, domain.SystemClock)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, _, err := o.Verify(t.Context(), current.sign(t, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if fetched != 1 {
		t.Errorf("three tokens of one key took %d fetches, want 1", fetched)
	}
	current = newKey(t, "two")
	if _, _, err := o.Verify(t.Context(), current.sign(t, nil)); err != nil {
		t.Errorf("a token of the new key gave %v", err)
	}
}

func TestOIDC_RefusesAConfigurationWithoutGoodKeys(t *testing.T) {
	private := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: newKey(t, "one").private}}}
	for name, keys := range map[string]string{"none": "", "no JSON": "{", "a private key": encoded(t, private)} {
		if _, err := auth.NewOIDC(config(keys), domain.SystemClock); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestPlatformKey_TheOneBeforeIsGoodUntilTheNextRotation(t *testing.T) {
	client := secretsmanager.NewFromConfig(storetest.AWS(t))
	name := "platform-key-" + rand.Text()[:10]
	if _, err := client.CreateSecret(t.Context(),
		&secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("first")}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	keys := auth.NewSecretKeys(client, auth.PlatformKeyConfig{Secret: name}, func() time.Time { return now })
	expect := func(key string, want bool) {
		t.Helper()
		if got, err := keys.Match(t.Context(), key); err != nil || got != want {
			t.Errorf("%q matches: %v, %v; want %v", key, got, err, want)
		}
	}
	rotate := func(to string) {
		t.Helper()
		if _, err := client.PutSecretValue(t.Context(),
			&secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &to}); err != nil {
			t.Fatal(err)
		}
		now = now.Add(61 * time.Second)
	}
	expect("first", true)
	expect("", false)
	rotate("second")
	expect("first", true)
	expect("second", true)
	rotate("third")
	expect("first", false)
	expect("second", true)
	expect("third", true)
}
