package serve

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// The SDK's clients, behind the calls that functions make. html/template calls methods by name, so that the linker
// keeps every method of a type that an interface holds: 50 operations of KMS in the console. A function hides its
// client's type.

type keyService struct {
	generate func(context.Context, *kms.GenerateDataKeyInput,
		...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	decrypt func(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

func newKeyService(c aws.Config) keyService {
	client := kms.NewFromConfig(c)
	return keyService{client.GenerateDataKey, client.Decrypt}
}

func (s keyService) GenerateDataKey(
	ctx context.Context, in *kms.GenerateDataKeyInput, options ...func(*kms.Options),
) (*kms.GenerateDataKeyOutput, error) {
	return s.generate(ctx, in, options...)
}

func (s keyService) Decrypt(
	ctx context.Context, in *kms.DecryptInput, options ...func(*kms.Options),
) (*kms.DecryptOutput, error) {
	return s.decrypt(ctx, in, options...)
}

type secretService struct {
	value func(context.Context, *secretsmanager.GetSecretValueInput,
		...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

func newSecretService(c aws.Config) secretService {
	return secretService{secretsmanager.NewFromConfig(c).GetSecretValue}
}

func (s secretService) GetSecretValue(
	ctx context.Context, in *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options),
) (*secretsmanager.GetSecretValueOutput, error) {
	return s.value(ctx, in, options...)
}
