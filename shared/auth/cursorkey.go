package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"math"
	"time"

	"plugboard/shared/domain"
)

// CursorKeyConfig names the Secrets Manager secret that holds the key of cursors.
type CursorKeyConfig struct {
	Secret string `env:"CURSOR_KEY_SECRET,required"`
}

// CursorKeys authenticate the cursors of lists with HMAC-SHA256. The key is a secret of its own, the same for all
// processes and restarts, so that a rotation of the platform key breaks no page.
//
// A process reads the key with its first cursor and keeps it. It reads again, at most once a minute, when a cursor
// has the sum of another key, so that a rotation of this key breaks no page either. Safe for concurrent use.
type CursorKeys struct{ versions versions }

// cursorKeysKept is how often wrong cursors can make a process read the key.
const cursorKeysKept = time.Minute

// NewCursorKeys does not call AWS.
func NewCursorKeys(client SecretsManager, c CursorKeyConfig, now domain.Clock) *CursorKeys {
	return &CursorKeys{versions{client: client, secret: c.Secret, now: now}}
}

// Sum authenticates the message by the current key.
func (k *CursorKeys) Sum(ctx context.Context, message string) ([]byte, error) {
	keys, err := k.known(ctx)
	if err != nil {
		return nil, err
	}
	return cursorSum(keys[0], message), nil
}

// Verify tells whether Sum made the sum of the message, by the current key or the one before it.
func (k *CursorKeys) Verify(ctx context.Context, message string, sum []byte) (bool, error) {
	keys, err := k.known(ctx)
	if err != nil {
		return false, err
	}
	if summedByOne(keys, message, sum) {
		return true, nil
	}
	keys, err = k.versions.noOlderThan(ctx, cursorKeysKept)
	return summedByOne(keys, message, sum), err
}

func (k *CursorKeys) known(ctx context.Context) ([]string, error) {
	keys, err := k.versions.noOlderThan(ctx, math.MaxInt64)
	if err == nil && len(keys) == 0 {
		err = errors.New("the secret of the cursors' key is empty")
	}
	return keys, err
}

func summedByOne(keys []string, message string, sum []byte) bool {
	found := false
	for _, key := range keys {
		found = hmac.Equal(cursorSum(key, message), sum) || found
	}
	return found
}

func cursorSum(key, message string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(message))
	return mac.Sum(nil)
}
