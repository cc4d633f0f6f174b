package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"plugboard/shared/domain"
)

// PlatformKeyConfig names the Secrets Manager secret that holds the platform's key.
type PlatformKeyConfig struct {
	Secret string `env:"PLATFORM_KEY_SECRET,required"`
}

// SecretsManager is what the platform's keys need of AWS.
type SecretsManager interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// platformKeysKept is how long a process goes on with the keys that it read: how soon a rotation is felt.
const platformKeysKept = time.Minute

// SecretKeys are the platform's keys in Secrets Manager. Putting a new value rotates: the version before stays
// AWSPREVIOUS, and good, until the next rotation. Safe for concurrent use.
type SecretKeys struct {
	client SecretsManager
	secret string
	now    domain.Clock

	mu     sync.Mutex
	keys   []string
	readAt time.Time
}

// NewSecretKeys does not call AWS.
func NewSecretKeys(client SecretsManager, c PlatformKeyConfig, now domain.Clock) *SecretKeys {
	return &SecretKeys{client: client, secret: c.Secret, now: now}
}

// Match compares in constant time.
func (k *SecretKeys) Match(ctx context.Context, key string) (bool, error) {
	keys, err := k.current(ctx)
	match := 0
	for _, good := range keys {
		match |= subtle.ConstantTimeCompare([]byte(good), []byte(key))
	}
	return match == 1, err
}

func (k *SecretKeys) current(ctx context.Context) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now().Sub(k.readAt) < platformKeysKept {
		return k.keys, nil
	}
	var keys []string
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		out, err := k.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &k.secret, VersionStage: &stage})
		var absent *types.ResourceNotFoundException
		if errors.As(err, &absent) && stage == "AWSPREVIOUS" {
			break
		}
		if err != nil {
			return nil, err
		}
		if v := aws.ToString(out.SecretString); v != "" {
			keys = append(keys, v)
		}
	}
	k.keys, k.readAt = keys, k.now()
	return keys, nil
}
