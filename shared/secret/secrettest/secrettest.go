// Package secrettest gives a test a sealer under a key of its own on the emulator.
package secrettest

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"plugboard/shared/domain"
	"plugboard/shared/secret"
	"plugboard/shared/store/storetest"
)

// New makes the key, and a sealer that keeps its data keys in the test's tables.
func New(t testing.TB, tables *storetest.Tables) *secret.Sealer {
	t.Helper()
	client := kms.NewFromConfig(tables.AWS)
	key, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatalf("create a KMS key: %v", err)
	}
	return secret.NewSealer(client, tables, secret.Config{SealingKey: *key.KeyMetadata.Arn}, domain.SystemClock)
}
