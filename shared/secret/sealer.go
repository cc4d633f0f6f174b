package secret

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// KMS is the part of AWS KMS that a Sealer needs.
type KMS interface {
	GenerateDataKey(context.Context, *kms.GenerateDataKeyInput,
		...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// DataKeys stores wrapped data keys.
type DataKeys interface {
	DataKey(ctx context.Context, month string) (store.DataKey, error)
	CreateDataKey(ctx context.Context, k store.DataKey) error
}

// Config names the KMS key that wraps the data keys.
type Config struct {
	SealingKey string `env:"SEALING_KEY_ARN,required"`
}

// Sealer encrypts secrets at rest with AES-256-GCM under data keys, a new one every month, each wrapped by
// KMS. A process unwraps a data key once, so KMS calls grow with processes, not with accounts or deliveries.
// Safe for concurrent use.
//
// The cipher is the standard library's with random nonces, good for 2^32 secrets a key (NIST SP 800-38D). Tink
// would add nothing here but Protocol Buffers, which keep the linker from leaving out unused methods: 7 MB in
// every function.
type Sealer struct {
	kms  KMS
	keys DataKeys
	arn  string
	now  domain.Clock

	mu     sync.Mutex
	opened map[string]cipher.AEAD // by month
}

// NewSealer makes no AWS call.
func NewSealer(k KMS, keys DataKeys, c Config, now domain.Clock) *Sealer {
	return &Sealer{kms: k, keys: keys, arn: c.SealingKey, now: now, opened: map[string]cipher.AEAD{}}
}

// Seal encrypts s for one resource of one account. Open fails for any other.
func (s *Sealer) Seal(ctx context.Context, a domain.AccountID, resource string,
	plain domain.Secret) (domain.Sealed, error) {
	month := s.now().Format("2006-01")
	key, err := s.key(ctx, month, true)
	if err != nil {
		return "", err
	}
	box := key.Seal(nil, nil, []byte(plain.Reveal()), boundTo(a, resource))
	return domain.Sealed(month + "." + base64.RawStdEncoding.EncodeToString(box)), nil
}

// Open decrypts a secret that was sealed for the same account and resource. Internal when it was sealed for another.
func (s *Sealer) Open(ctx context.Context, a domain.AccountID, resource string,
	sealed domain.Sealed) (domain.Secret, error) {
	month, encoded, _ := strings.Cut(string(sealed), ".")
	box, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		return "", fault.Wrap(err, "open %s", resource)
	}
	key, err := s.key(ctx, month, false)
	if err != nil {
		return "", err
	}
	plain, err := key.Open(nil, nil, box, boundTo(a, resource))
	if err != nil {
		return "", fault.Wrap(err, "open %s", resource)
	}
	return domain.Secret(plain), nil
}

func boundTo(a domain.AccountID, resource string) []byte {
	return []byte(string(a) + "\x00" + resource)
}

// key unwraps the month's data key; with create, it makes a missing one. When two processes make one at once, both
// use the one stored first.
func (s *Sealer) key(ctx context.Context, month string, create bool) (cipher.AEAD, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.opened[month]; ok {
		return a, nil
	}
	stored, err := s.keys.DataKey(ctx, month)
	if create && fault.KindOf(err) == fault.NotFound {
		if stored, err = s.newKey(ctx, month); fault.Is(err, store.Raced) {
			stored, err = s.keys.DataKey(ctx, month)
		}
	}
	if err != nil {
		return nil, fault.Wrap(err, "data key of %s", month)
	}
	plain, err := s.kms.Decrypt(ctx, &kms.DecryptInput{KeyId: &s.arn, CiphertextBlob: stored.Wrapped,
		EncryptionContext: encryptionContext(month)})
	if err != nil {
		return nil, fault.Wrap(err, "unwrap the data key of %s", month)
	}
	block, err := aes.NewCipher(plain.Plaintext)
	if err != nil {
		return nil, fault.Wrap(err, "data key of %s", month)
	}
	opened, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fault.Wrap(err, "data key of %s", month)
	}
	s.opened[month] = opened
	return opened, nil
}

// newKey makes and stores the month's data key. Conflict `raced` when another process was first.
func (s *Sealer) newKey(ctx context.Context, month string) (store.DataKey, error) {
	made, err := s.kms.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{KeyId: &s.arn, KeySpec: types.DataKeySpecAes256,
		EncryptionContext: encryptionContext(month)})
	if err != nil {
		return store.DataKey{}, err
	}
	k := store.DataKey{Month: month, Wrapped: made.CiphertextBlob}
	return k, s.keys.CreateDataKey(ctx, k)
}

// encryptionContext binds a wrapped key to its month, and shows the month in CloudTrail.
func encryptionContext(month string) map[string]string {
	return map[string]string{"plugboard-data-key": month}
}
