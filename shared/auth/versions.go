package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"plugboard/shared/domain"
)

// SecretsManager is what keys in Secrets Manager need of AWS.
type SecretsManager interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput,
		...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// versions are the current value of a secret and the one before it, as a process has read them last. Safe for
// concurrent use.
type versions struct {
	client SecretsManager
	secret string
	now    domain.Clock

	mu     sync.Mutex
	values []string // the current one first
	readAt time.Time
}

// noOlderThan reads the values when they were read longer than age ago, or never.
func (v *versions) noOlderThan(ctx context.Context, age time.Duration) ([]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.readAt.IsZero() && v.now().Sub(v.readAt) < age {
		return v.values, nil
	}
	var values []string
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		out, err := v.client.GetSecretValue(ctx,
			&secretsmanager.GetSecretValueInput{SecretId: &v.secret, VersionStage: &stage})
		var absent *types.ResourceNotFoundException
		if errors.As(err, &absent) && stage == "AWSPREVIOUS" {
			break
		}
		if err != nil {
			return nil, err
		}
		if value := aws.ToString(out.SecretString); value != "" {
			values = append(values, value)
		}
	}
	v.values, v.readAt = values, v.now()
	return values, nil
}
