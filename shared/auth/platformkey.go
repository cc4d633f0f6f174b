package auth

import (
	"context"
	"crypto/subtle"
	"time"

	"plugboard/shared/domain"
)

// PlatformKeyConfig names the Secrets Manager secret that holds the platform's key.
type PlatformKeyConfig struct {
	Secret string `env:"PLATFORM_KEY_SECRET,required"`
}

// platformKeysKept is how long a process goes on with the keys that it read: how soon a rotation is felt.
const platformKeysKept = time.Minute

// SecretKeys are the platform's keys in Secrets Manager. Putting a new value rotates: the version before stays
// AWSPREVIOUS, and good, until the next rotation. Safe for concurrent use.
type SecretKeys struct{ versions versions }

// NewSecretKeys does not call AWS.
func NewSecretKeys(client SecretsManager, c PlatformKeyConfig, now domain.Clock) *SecretKeys {
	return &SecretKeys{versions{client: client, secret: c.Secret, now: now}}
}

// Match compares in constant time.
func (k *SecretKeys) Match(ctx context.Context, key string) (bool, error) {
	keys, err := k.versions.noOlderThan(ctx, platformKeysKept)
	match := 0
	for _, good := range keys {
		match |= subtle.ConstantTimeCompare([]byte(good), []byte(key))
	}
	return match == 1, err
}
