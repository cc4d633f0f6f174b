// Package issuer stands in for the platform's sign-in on the local stage: it signs dashboard users' JWTs with a key
// of this checkout. The deployed functions get its public half only.
package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// What the local stage of infra/stages.go trusts.
const (
	Name     = "https://issuer.plugboard.local"
	Audience = "plugboard"
)

// AccountClaim names the account that the user signed in to.
const AccountClaim = "plugboard_account"

// Issuer holds the signing key. It is safe for concurrent use.
type Issuer struct{ key jose.JSONWebKey }

// Load reads dir/issuer.json, and makes it when there is none. Processes that make it at once end up with one key.
func Load(dir string) (*Issuer, error) {
	path := filepath.Join(dir, "issuer.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(dir, path); err != nil {
			return nil, fmt.Errorf("make the local issuer's key: %w", err)
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the local issuer's key: %w", err)
	}
	var i Issuer
	if err := json.Unmarshal(text, &i.key); err != nil {
		return nil, fmt.Errorf("%s holds no key (delete it, and run `make up`): %w", path, err)
	}
	return &i, nil
}

// create writes the key under another name first: a link is there as a whole or not at all, and never replaces.
func create(dir, path string) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	text, err := json.Marshal(jose.JSONWebKey{Key: private, KeyID: rand.Text(), Algorithm: string(jose.ES256),
		Use: "sig"})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(dir, "issuer") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(text)
	if err := errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Keys is the public JWKS document.
func (i *Issuer) Keys() string {
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.key.Public()}})
	if err != nil {
		panic(err) // a key that was read can be written
	}
	return string(text)
}

// Claims are those of a user who signed in to the account just now, for an hour. A test changes what it is about.
func Claims(account, user string, now time.Time) map[string]any {
	return map[string]any{
		"iss": Name, "aud": Audience, "sub": user, AccountClaim: account,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// Sign makes a JWT of the claims, whatever they say.
func (i *Issuer) Sign(claims map[string]any) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign a JWT: %w", err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign a JWT: %w", err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		return "", fmt.Errorf("sign a JWT: %w", err)
	}
	return signed.CompactSerialize()
}
