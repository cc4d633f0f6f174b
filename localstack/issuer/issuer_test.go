package issuer_test

import (
	"context"
	"crypto"
	"encoding/json"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"plugboard/localstack/issuer"
)

func TestSign_VerifiesWithThePublicKeysOnly(t *testing.T) {
	dir := t.TempDir()
	first, err := issuer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := issuer.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := again.Sign(issuer.Claims("acc_1", "usr_1", time.Now()))
	if err != nil {
		t.Fatal(err)
	}

	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(first.Keys()), &keys); err != nil {
		t.Fatal(err)
	}
	if !keys.Keys[0].IsPublic() {
		t.Fatal("the JWKS holds a private key")
	}
	verifier := oidc.NewVerifier(issuer.Name, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{keys.Keys[0].Key}},
		&oidc.Config{ClientID: issuer.Audience, SupportedSigningAlgs: []string{oidc.ES256}})
	verified, err := verifier.Verify(context.Background(), token)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := verified.Subject, "usr_1"; got != want {
		t.Errorf("subject: got %q, want %q", got, want)
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if got, want := claims[issuer.AccountClaim], any("acc_1"); got != want {
		t.Errorf("account: got %v, want %v", got, want)
	}
}
