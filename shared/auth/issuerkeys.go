package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

const (
	// keysTimeout ends a fetch of the issuer's keys, for which a request waits.
	keysTimeout = 2 * time.Second
	// unknownKeyPause is the time from one fetch for an unknown key to the next: anybody can make up a token with one.
	unknownKeyPause = time.Minute
	// noKeysPause is the time from a fetch that failed to the next, while a process has no keys at all.
	noKeysPause = 10 * time.Second
	// keysMost is how many bytes of the issuer's answer are read.
	keysMost = 1 << 20
)

// issuerKeys are the issuer's public keys at a URL, fetched when a token needs them. Safe for concurrent
// use.
type issuerKeys struct {
	url    string
	client *http.Client
	now    domain.Clock

	mu       sync.Mutex
	keys     []jose.JSONWebKey
	notUntil time.Time     // no fetch begins before
	failure  error         // of the last fetch
	fetching chan struct{} // closed when the running fetch has ended; nil when none runs
}

func newIssuerKeys(url string, now domain.Clock) *issuerKeys {
	return &issuerKeys{url: url, client: &http.Client{Timeout: keysTimeout}, now: now}
}

// verify is the token's payload. It calls nobody: learn has fetched what there is.
func (k *issuerKeys) verify(token *jose.JSONWebSignature) ([]byte, error) {
	k.mu.Lock()
	candidates := k.candidates(token)
	k.mu.Unlock()
	return verifiedBy(candidates, token)
}

// candidates are the keys that may have signed the token: those of its key id, or all when it names none.
func (k *issuerKeys) candidates(token *jose.JSONWebSignature) []jose.JSONWebKey {
	id := token.Signatures[0].Header.KeyID
	return slices.DeleteFunc(slices.Clone(k.keys), func(key jose.JSONWebKey) bool {
		return id != "" && key.KeyID != id
	})
}

// knows tells whether another fetch would say nothing new: the token's key id is known, or a key verifies a token that
// names none. A bad signature of a known key is no reason to fetch.
func (k *issuerKeys) knows(token *jose.JSONWebSignature) bool {
	candidates := k.candidates(token)
	if token.Signatures[0].Header.KeyID != "" {
		return len(candidates) > 0
	}
	return slices.ContainsFunc(candidates, func(key jose.JSONWebKey) bool {
		_, err := token.Verify(key.Key)
		return err == nil
	})
}

// learn fetches the keys when the token's is not known. All requests share one fetch. An unknown key leads to one fetch
// a minute at most. While the issuer fails, tokens of known keys are good, and others are refused at once until the
// next fetch. Unavailable when the last fetch failed and the token's key is not known.
func (k *issuerKeys) learn(ctx context.Context, token *jose.JSONWebSignature) error {
	k.mu.Lock()
	if k.knows(token) {
		k.mu.Unlock()
		return nil
	}
	if k.fetching == nil && !k.now().Before(k.notUntil) {
		k.begin()
	}
	fetching := k.fetching
	k.mu.Unlock()
	if fetching != nil {
		select {
		case <-fetching:
		case <-ctx.Done():
			return errNoKeys(ctx.Err())
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure != nil && !k.knows(token) {
		return errNoKeys(k.failure)
	}
	return nil
}

// begin starts a fetch, which outlives the request that needs it.
func (k *issuerKeys) begin() {
	k.fetching = make(chan struct{})
	if len(k.keys) > 0 {
		k.notUntil = k.now().Add(unknownKeyPause)
	}
	go func() {
		keys, err := k.fetch()
		k.mu.Lock()
		defer k.mu.Unlock()
		switch {
		case err == nil:
			k.keys = keys
		case len(k.keys) == 0:
			k.notUntil = k.now().Add(noKeysPause)
		}
		if err != nil {
			slog.Error("the issuer's keys cannot be fetched", "url", k.url, "error", err)
		}
		k.failure = err
		close(k.fetching)
		k.fetching = nil
	}()
}

// fetch leaves out keys of kinds that are unknown here, so that one of them locks nobody out.
func (k *issuerKeys) fetch() ([]jose.JSONWebKey, error) {
	answer, err := k.client.Get(k.url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the issuer answers %s", answer.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, keysMost)).Decode(&set); err != nil {
		return nil, fmt.Errorf("read the issuer's JWK set: %w", err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && key.IsPublic() && key.Valid() && key.Use != "enc" {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the issuer's JWK set has no public signing key")
	}
	return keys, nil
}

func errNoKeys(cause error) error {
	return &fault.Error{
		Kind: fault.Unavailable, Code: "sign-in-unavailable", Op: "learn the issuer's keys", Err: cause,
		Wait:   noKeysPause,
		Detail: "The keys of the sign-in cannot be fetched, so your token cannot be checked. Try again in a moment.",
	}
}
