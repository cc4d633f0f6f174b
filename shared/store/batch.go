package store

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Reads of many items by key, for imports. Each function takes values with their keys filled in, no key twice. It
// returns the stored value of each at its index, or the zero value, read consistently. Unavailable when DynamoDB
// leaves some unread after several tries.

func (s *Store) BatchAccounts(ctx context.Context, keyed []domain.Account) ([]domain.Account, error) {
	return getAll(ctx, s, keyed)
}

func (s *Store) BatchUsers(ctx context.Context, keyed []domain.User) ([]domain.User, error) {
	return getAll(ctx, s, keyed)
}

func (s *Store) BatchWorkspaces(ctx context.Context, keyed []domain.Workspace) ([]domain.Workspace, error) {
	return getAll(ctx, s, keyed)
}

func (s *Store) BatchTemplates(ctx context.Context, keyed []domain.Template) ([]domain.Template, error) {
	return getAll(ctx, s, keyed)
}

const (
	batchGetMost     = 100 // items in a BatchGetItem (DynamoDB quota)
	batchGetAttempts = 6
)

func getAll[T any](ctx context.Context, s *Store, keyed []T) ([]T, error) {
	keys := make([]key, len(keyed))
	for n, v := range keyed {
		keys[n], _ = keyOf(v)
	}
	items, err := s.items(ctx, keys)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(keyed))
	for n, k := range keys {
		if item, ok := items[k]; ok {
			if err := unmarshal(item, &all[n]); err != nil {
				return nil, fault.Wrap(err, "decode %s", k.sk)
			}
		}
	}
	return all, nil
}

// items reads the items of those keys; no key may be there twice.
func (s *Store) items(ctx context.Context, of []key) (map[key]map[string]types.AttributeValue, error) {
	items := make(map[key]map[string]types.AttributeValue, len(of))
	for chunk := range slices.Chunk(of, batchGetMost) {
		some := make([]map[string]types.AttributeValue, len(chunk))
		for i, k := range chunk {
			some[i] = k.attributes()
		}
		for attempt := 1; len(some) > 0; attempt++ {
			out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
				RequestItems: map[string]types.KeysAndAttributes{
					s.accounts: {Keys: some, ConsistentRead: aws.Bool(true)},
				}})
			if err != nil {
				return nil, fault.Wrap(awsFault(err), "read %d items", len(some))
			}
			for _, item := range out.Responses[s.accounts] {
				if !s.expired(item) {
					items[key{textOf(item, PartitionKey), textOf(item, SortKey)}] = item
				}
			}
			// DynamoDB reads 16 MB at a time, and less when it is busy.
			if some = out.UnprocessedKeys[s.accounts].Keys; len(some) == 0 {
				break
			}
			if attempt == batchGetAttempts {
				return nil, fault.New(fault.Unavailable, "busy", "Too many requests at once. Try again in a moment.")
			}
			select {
			case <-ctx.Done():
				return nil, fault.Wrap(ctx.Err(), "read many, waiting to try again")
			case <-time.After(s.jitter(attempt)):
			}
		}
	}
	return items, nil
}
