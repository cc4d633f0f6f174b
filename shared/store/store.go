// Package store is the only code that uses DynamoDB. Reads return NotFound for an item that is absent, expired or
// another account's. Writes go through a Tx, whose conditions decide, so that no write relies on an earlier read.
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Config names the tables that the function uses. infra's arrows set the variables, and a test compares them.
type Config struct {
	AccountsTable   string `env:"ACCOUNTS_TABLE"`
	DeliveriesTable string `env:"DELIVERIES_TABLE"`
}

// Store reads and writes both tables. It is safe for concurrent use.
type Store struct {
	db         *dynamodb.Client
	accounts   string
	deliveries string
	now        domain.Clock
	jitter     func(attempt int) time.Duration
}

// New makes no AWS call.
func New(db *dynamodb.Client, c Config, now domain.Clock) *Store {
	return &Store{db: db, accounts: c.AccountsTable, deliveries: c.DeliveriesTable, now: now, jitter: backoff}
}

// Items are stored under their types' json names, so that one set of tags serves the API and the table.
func marshal(v any) (map[string]types.AttributeValue, error) {
	return attributevalue.MarshalMapWithOptions(v, func(o *attributevalue.EncoderOptions) { o.TagKey = "json" })
}

func unmarshal(item map[string]types.AttributeValue, v any) error {
	return attributevalue.UnmarshalMapWithOptions(item, v, func(o *attributevalue.DecoderOptions) { o.TagKey = "json" })
}

func (k key) attributes() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{PartitionKey: str(k.pk), SortKey: str(k.sk)}
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// Longest keys, in bytes. Nothing is stored under a longer one:
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
const maxPartitionKey, maxSortKey = 2048, 1024

// get reads one item of the accounts table consistently. NotFound when it is absent or expired.
func get[T any](ctx context.Context, s *Store, k key, what string) (T, error) {
	var v T
	if len(k.pk) > maxPartitionKey || len(k.sk) > maxSortKey {
		return v, fault.New(fault.NotFound, "not-found", "There is no such %s.", what)
	}
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.accounts, Key: k.attributes(),
		ConsistentRead: aws.Bool(true)})
	if err != nil {
		return v, fault.Wrap(awsFault(err), "read %s", k.sk)
	}
	if out.Item == nil || s.expired(out.Item) {
		return v, fault.New(fault.NotFound, "not-found", "There is no such %s.", what)
	}
	return v, fault.Wrap(unmarshal(out.Item, &v), "decode %s", k.sk)
}

// list reads every item of a partition whose sort key begins with prefix, in the order of the sort key.
func list[T any](ctx context.Context, s *Store, pk, prefix string) ([]T, error) {
	all := []T{}
	err := s.each(ctx, pk, "begins_with(sk, :sk)", map[string]types.AttributeValue{":sk": str(prefix)},
		func(item map[string]types.AttributeValue) error {
			var v T
			err := unmarshal(item, &v)
			all = append(all, v)
			return err
		})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// page returns at most most items of a partition of the accounts table whose sort keys have the prefix, after the
// given sort key; empty begins at the first. next is the sort key to continue after, empty at the end. A sort key
// outside the prefix widens nothing: one below begins at the first, and one above finds none.
func page[T any](ctx context.Context, s *Store, pk, prefix, after string, most int) (some []T, next string, err error) {
	first, last := cmp.Or(prefix, "\x00"), prefix+lastSuffix
	if after != "" {
		first = max(first, after+"\x00")
	}
	if first > last {
		return []T{}, "", nil
	}
	out, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.accounts, KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :first AND :last"),
		ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(pk), ":first": str(first),
			":last": str(last)},
		Limit: aws.Int32(int32(most)),
	})
	if err != nil {
		return nil, "", fault.Wrap(awsFault(err), "list %s", pk)
	}
	some = make([]T, len(out.Items))
	for i, item := range out.Items {
		if err := unmarshal(item, &some[i]); err != nil {
			return nil, "", fault.Wrap(err, "decode %s", textOf(item, SortKey))
		}
	}
	if len(out.LastEvaluatedKey) > 0 {
		next = textOf(out.LastEvaluatedKey, SortKey)
	}
	return some, next, nil
}

// lastSuffix follows every character that a sort key has.
const lastSuffix = "\U0010ffff"

// each passes every item of a partition of the accounts table whose sort key meets the condition, in the order of the
// sort key.
func (s *Store) each(ctx context.Context, pk, condition string, values map[string]types.AttributeValue,
	take func(map[string]types.AttributeValue) error) error {
	values[":pk"] = str(pk)
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: &s.accounts, KeyConditionExpression: aws.String("pk = :pk AND " + condition),
		ExpressionAttributeValues: values, ConsistentRead: aws.Bool(true),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fault.Wrap(awsFault(err), "list %s", pk)
		}
		for _, item := range page.Items {
			if s.expired(item) {
				continue
			}
			if err := take(item); err != nil {
				return fault.Wrap(err, "decode %s %s", pk, textOf(item, SortKey))
			}
		}
	}
	return nil
}

// expired is true for an item past its end that DynamoDB has not removed yet, which may take days.
func (s *Store) expired(item map[string]types.AttributeValue) bool {
	n, ok := item[ExpiresAt].(*types.AttributeValueMemberN)
	if !ok {
		return false
	}
	var at int64
	_, err := fmt.Sscan(n.Value, &at)
	return err == nil && at <= s.now().Unix()
}

// inTransaction tells that a single write met an ongoing transaction on its item, or a transaction met its own
// repetition. The SDK repeats only the second kind, and not for ever.
func inTransaction(err error) bool {
	var conflict *types.TransactionConflictException
	var repeated *types.TransactionInProgressException
	return errors.As(err, &conflict) || errors.As(err, &repeated)
}

// alone makes a single write, and again while a transaction on its item is ongoing, which takes milliseconds.
func (s *Store) alone(ctx context.Context, write func() error) error {
	for attempt := 1; ; attempt++ {
		err := write()
		if !inTransaction(err) || attempt == commitAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(s.jitter(attempt)):
		}
	}
}

// awsFault tells throttling, which is worth repeating, from internal errors.
func awsFault(err error) error {
	if err == nil {
		return nil
	}
	var throttled *types.ProvisionedThroughputExceededException
	var limited *types.RequestLimitExceeded
	if errors.As(err, &throttled) || errors.As(err, &limited) || inTransaction(err) ||
		strings.Contains(err.Error(), "ThrottlingException") {
		return &fault.Error{Kind: fault.Unavailable, Code: "busy",
			Detail: "Too many requests at once. Try again in a moment.", Err: err}
	}
	var invalid smithy.APIError
	if errors.As(err, &invalid) && invalid.ErrorCode() == "ValidationException" &&
		strings.Contains(err.Error(), itemTooLarge) {
		return tooLarge(err)
	}
	return err
}

// itemTooLarge is in DynamoDB's message about an item of more than 400 KB, attribute names included
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-items). The error has no
// code of its own.
const itemTooLarge = "Item size"

// tooLarge is the fault of a value whose fields are each within their limits and together too large. The caller must
// shorten it.
func tooLarge(cause error) error {
	return &fault.Error{
		Kind: fault.Invalid, Code: "too-large",
		Detail: "What would be stored is larger than the 400 KB that one thing may have. Send less in one, or in all " +
			"together. Nothing was changed.",
		Op: "store", Err: cause,
	}
}
