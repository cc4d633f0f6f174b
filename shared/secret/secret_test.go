package secret_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"plugboard/shared/domain"
	"plugboard/shared/secret"
	"plugboard/shared/store/storetest"
)

// counted is the emulator's KMS, its calls counted.
type counted struct {
	*kms.Client
	generates, decrypts int
}

func (c *counted) GenerateDataKey(ctx context.Context, in *kms.GenerateDataKeyInput,
	o ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error) {
	c.generates++
	return c.Client.GenerateDataKey(ctx, in, o...)
}

func (c *counted) Decrypt(ctx context.Context, in *kms.DecryptInput,
	o ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	c.decrypts++
	return c.Client.Decrypt(ctx, in, o...)
}

type bench struct {
	tables *storetest.Tables
	kms    *counted
	key    secret.Config
	now    time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{tables: storetest.New(t), now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	b.kms = &counted{Client: kms.NewFromConfig(b.tables.AWS)}
	key, err := b.kms.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	b.key.SealingKey = aws.ToString(key.KeyMetadata.Arn)
	return b
}

// process is a sealer that has unwrapped nothing yet.
func (b *bench) process() *secret.Sealer {
	return secret.NewSealer(b.kms, b.tables.Store, b.key, func() time.Time { return b.now })
}

func TestRule22_KMSCallsGrowWithProcessesNotWithSecrets(t *testing.T) {
	b := newBench(t)
	var sealed []domain.Sealed
	for p := range 3 {
		s := b.process()
		for n := range 50 {
			box, err := s.Seal(t.Context(), "a", fmt.Sprint(p, n), "sesame")
			if err != nil {
				t.Fatal(err)
			}
			sealed = append(sealed, box)
		}
	}
	reader := b.process()
	for i, box := range sealed {
		if got, err := reader.Open(t.Context(), "a", fmt.Sprint(i/50, i%50), box); err != nil ||
			got.Reveal() != "sesame" {
			t.Fatalf("opening gave %q, %v", got.Reveal(), err)
		}
	}
	if b.kms.generates != 1 || b.kms.decrypts != 4 {
		t.Errorf("150 secrets took %d data keys and %d decrypts of KMS, want 1 and one a process, 4", b.kms.generates,
			b.kms.decrypts)
	}
}

func TestRule22_ASecretOpensOnlyForItsAccountAndResource(t *testing.T) {
	b := newBench(t)
	s := b.process()
	box, err := s.Seal(t.Context(), "a", "whk_1", "sesame")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][2]string{{"b", "whk_1"}, {"a", "whk_2"}, {"aw", "hk_1"}} {
		if got, err := s.Open(t.Context(), domain.AccountID(other[0]), other[1], box); err == nil {
			t.Errorf("it opened for %v as %q", other, got.Reveal())
		}
	}
	if again, _ := s.Seal(t.Context(), "a", "whk_1", "sesame"); again == box {
		t.Error("the same secret seals to the same bytes twice")
	}
}

func TestRule22_DataKeysRotateByTheMonthAndOldOnesStillOpen(t *testing.T) {
	b := newBench(t)
	s := b.process()
	november, err := s.Seal(t.Context(), "a", "r", "sesame")
	if err != nil {
		t.Fatal(err)
	}
	b.now = b.now.AddDate(0, 1, 0)
	december, err := s.Seal(t.Context(), "a", "r", "sesame")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(november), "2026-11.") || !strings.HasPrefix(string(december), "2026-12.") {
		t.Errorf("sealed as %.8s and %.8s, want each under its month", november, december)
	}
	if got, err := b.process().Open(t.Context(), "a", "r", november); err != nil || got.Reveal() != "sesame" {
		t.Errorf("in December November's secret gave %q, %v", got.Reveal(), err)
	}
}

func TestRule22_TwoProcessesThatMakeTheDataKeyAtOnceUseOne(t *testing.T) {
	b := newBench(t)
	sealers := []*secret.Sealer{b.process(), b.process()}
	boxes := make([]domain.Sealed, len(sealers))
	var wait sync.WaitGroup
	for i, s := range sealers {
		wait.Go(func() { boxes[i], _ = s.Seal(t.Context(), "a", "r", "sesame") })
	}
	wait.Wait()
	for _, box := range boxes {
		if got, err := b.process().Open(t.Context(), "a", "r", box); err != nil || got.Reveal() != "sesame" {
			t.Errorf("opening %.12s gave %q, %v", box, got.Reveal(), err)
		}
	}
}

func TestRule22_NoWayOfPrintingShowsASecret(t *testing.T) {
	type holder struct {
		S domain.Secret
		O domain.ShownOnce
	}
	h := holder{"sesame", "sesame"}
	encoded, err := json.Marshal(h.S)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", h.S, "o", h.O)
	for how, shown := range map[string]string{
		"%v": fmt.Sprintf("%v", h), "%+v": fmt.Sprintf("%+v", h), "%#v": fmt.Sprintf("%#v", h),
		"%s": fmt.Sprintf("%s", h), "%q": fmt.Sprintf("%q", h),
		"JSON": string(encoded), "a log": log.String(), "an error": fmt.Errorf("x: %v", h.S).Error(),
	} {
		if strings.Contains(shown, "sesame") {
			t.Errorf("%s shows it: %s", how, shown)
		}
	}
}

func TestCredential_WellFormedKnowsATypingErrorFromATrueOne(t *testing.T) {
	shown, hash := secret.NewCredential(secret.TokenPrefix)
	var token string
	encoded, _ := json.Marshal(shown)
	if err := json.Unmarshal(encoded, &token); err != nil {
		t.Fatal(err)
	}
	if !secret.WellFormed(token, secret.TokenPrefix) || secret.Hash(token) != hash {
		t.Fatalf("a new token of %d characters is not well formed", len(token))
	}
	for i := range token {
		other := byte('A')
		if token[i] == other {
			other = 'B'
		}
		if wrong := token[:i] + string(other) + token[i+1:]; secret.WellFormed(wrong, secret.TokenPrefix) {
			t.Errorf("with character %d changed it is still well formed", i)
		}
	}
	for _, wrong := range []string{"", "pb_live_", token[:len(token)-1], token + "a",
		strings.Replace(token, "pb_live_", "pb_partner_", 1)} {
		if secret.WellFormed(wrong, secret.TokenPrefix) {
			t.Errorf("a wrong token of %d characters is well formed", len(wrong))
		}
	}
}
