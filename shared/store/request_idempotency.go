package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

const (
	claimLease = 60 * time.Second
	claimKept  = 24 * time.Hour
)

// claim is one use of an Idempotency-Key (design rule 25): running under a lease, or done with its answer.
type claim struct {
	Account     domain.AccountID `json:"account_id,omitempty"` // the account whose answer it keeps
	Key         string           `json:"key"`                  // hash of caller, operation and key
	Fingerprint string           `json:"fingerprint"`          // hash of key and input
	// this run; a run that takes over after the lease has another
	Owner      string `json:"owner"`
	LeaseUntil int64  `json:"lease_until"` // epoch seconds
	Answer     []byte `json:"answer,omitempty"`

	recorded bool
}

// elsewhere leads the erasing of an account to an answer stored under no account.
type elsewhere struct {
	Account   domain.AccountID `json:"account_id"`
	Key       string           `json:"key"`
	Partition string           `json:"elsewhere"`
	EndsAt    time.Time        `json:"ends_at"`
}

// Ends is when DynamoDB may remove it.
func (e elsewhere) Ends() time.Time { return e.EndsAt }

func (c *claim) elsewhere(a domain.AccountID) elsewhere {
	k, _ := keyOf(*c)
	return elsewhere{Account: a, Key: c.Key, Partition: k.pk, EndsAt: time.Unix(c.LeaseUntil, 0).Add(claimKept)}
}

type claimKey struct{}

func claimFrom(ctx context.Context) *claim {
	c, _ := ctx.Value(claimKey{}).(*claim)
	return c
}

// Apart is ctx without the claim, for a request that makes many commits, none of which is its answer. Settle records
// the answer at the end. A request that stops before runs again under its key, and finds its own changes.
func Apart(ctx context.Context) context.Context {
	return context.WithValue(ctx, claimKey{}, (*claim)(nil))
}

// Claim begins work under an Idempotency-Key, for an account or, when a is empty, for none. It returns a context for
// the work, whose Commit records the answer; or the recorded answer of the same request, as JSON. Conflict
// `still-running` while another run holds it; Invalid `idempotency-key-reused` when the key came with other input.
func (s *Store) Claim(ctx context.Context, a domain.AccountID, keyHash,
	fingerprint string) (context.Context, []byte, error) {
	now := s.now()
	c := &claim{Account: a, Key: keyHash, Fingerprint: fingerprint, Owner: rand.Text(),
		LeaseUntil: now.Add(claimLease).Unix()}
	item, err := marshal(*c)
	if err != nil {
		return ctx, nil, fault.Wrap(err, "encode a claim")
	}
	k, record := keyOf(*c)
	item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk), str(string(record))
	item[ExpiresAt] = num(now.Add(claimKept).Unix())
	delete(item, "answer")
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.accounts, Item: item,
		ConditionExpression: aws.String("attribute_not_exists(pk) OR expires_at <= :now OR " +
			"(attribute_not_exists(answer) AND lease_until <= :now AND fingerprint = :f)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":now": num(now.Unix()), ":f": str(fingerprint)},
	})
	if err == nil {
		return context.WithValue(ctx, claimKey{}, c), nil, nil
	}
	running := fault.New(fault.Conflict, "still-running",
		"A request with this Idempotency-Key is still running. Repeat it in a moment.")
	if inTransaction(err) { // which records its answer
		return ctx, nil, running
	}
	var failed *types.ConditionalCheckFailedException
	if !errors.As(err, &failed) {
		return ctx, nil, fault.Wrap(awsFault(err), "claim an idempotency key")
	}
	earlier, err := get[claim](ctx, s, k, "idempotency key")
	switch {
	case fault.KindOf(err) == fault.NotFound: // released meanwhile
		return ctx, nil, running
	case err != nil:
		return ctx, nil, err
	case earlier.Owner == c.Owner: // the SDK repeated our own write after its answer was lost
		return context.WithValue(ctx, claimKey{}, c), nil, nil
	case earlier.Fingerprint != fingerprint:
		return ctx, nil, fault.New(fault.Invalid, "idempotency-key-reused",
			"This Idempotency-Key was used within 24 hours for a request with another input. Use a new key.")
	case earlier.Answer == nil:
		return ctx, nil, running
	}
	answer, err := unpacked(earlier.Answer)
	return ctx, answer, fault.Wrap(err, "unpack a recorded answer")
}

// record is the write that stores the answer, if this run still holds the claim.
func (c *claim) record(answer any) (*Write, error) {
	encoded, err := withoutShownOnce(answer)
	if err != nil {
		return nil, err
	}
	k, _ := keyOf(*c)
	return &Write{
		item: types.TransactWriteItem{Update: &types.Update{
			Key:                      k.attributes(),
			UpdateExpression:         aws.String("SET answer = :answer"),
			ConditionExpression:      aws.String("#owner = :owner AND attribute_not_exists(answer)"),
			ExpressionAttributeNames: map[string]string{"#owner": "owner"},
			ExpressionAttributeValues: map[string]types.AttributeValue{
				":answer": &types.AttributeValueMemberB{Value: packed(encoded)}, ":owner": str(c.Owner),
			},
		}},
		otherwise: fault.New(fault.Conflict, "still-running",
			"Another request with this Idempotency-Key took over. Repeat it in a moment."),
	}, nil
}

// Settle ends a claim. It records an answer that no Commit recorded, because nothing changed. After a failure, which
// changed nothing, it frees the key.
func (s *Store) Settle(ctx context.Context, answer any, failed bool) error {
	c := claimFrom(ctx)
	if c == nil || c.recorded && !failed {
		return nil
	}
	if failed {
		k, _ := keyOf(*c)
		err := s.alone(ctx, func() error {
			_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
				TableName: &s.accounts, Key: k.attributes(),
				ConditionExpression:       aws.String("#owner = :owner AND attribute_not_exists(answer)"),
				ExpressionAttributeNames:  map[string]string{"#owner": "owner"},
				ExpressionAttributeValues: map[string]types.AttributeValue{":owner": str(c.Owner)},
			})
			return err
		})
		var gone *types.ConditionalCheckFailedException
		if errors.As(err, &gone) {
			return nil
		}
		return fault.Wrap(awsFault(err), "release an idempotency key")
	}
	return s.Commit(ctx, &Tx{}, answer)
}

// packFrom is the size from which an answer is compressed. A report of 1,000 items would take too much of the 400 KB
// of an item.
const packFrom = 32 << 10

var gzipHead = []byte{0x1f, 0x8b} // no JSON begins with these bytes

func packed(answer []byte) []byte {
	if len(answer) < packFrom {
		return answer
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(answer) // writing to a Buffer never fails
	_ = w.Close()
	return out.Bytes()
}

func unpacked(answer []byte) ([]byte, error) {
	if !bytes.HasPrefix(answer, gzipHead) {
		return answer, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(answer))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// withoutShownOnce is the answer as JSON without secrets: every domain.ShownOnce is empty, and so are a hand-off's
// code and the parts that repeat the request.
func withoutShownOnce(answer any) ([]byte, error) {
	whole, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	bare := reflect.New(reflect.Indirect(reflect.ValueOf(answer)).Type())
	if err := json.Unmarshal(whole, bare.Interface()); err != nil {
		return nil, err
	}
	blank(bare.Elem())
	return domain.JSON(bare.Interface())
}

func blank(v reflect.Value) {
	switch v.Type() {
	case reflect.TypeFor[domain.ShownOnce]():
		v.SetString("")
		return
	case reflect.TypeFor[domain.SentID]():
		if v.String() != "" {
			v.SetString(domain.SentBefore)
		}
		return
	}
	if to, ok := v.Interface().(domain.HandOffURL); ok {
		v.SetString(string(to.WithoutCode()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				blank(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			blank(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			blank(v.Elem())
		}
	}
}
