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

// Reads of many by key, for imports. Each takes things with their keys filled in, none twice, and returns what is
// stored of each at its place, the zero value for what is not; consistently. Unavailable when DynamoDB still leaves
// some unread after several tries.

func (s *Store) TheseAccounts(ctx context.Context, keyed []domain.Account) ([]domain.Account, error) {
	return getAll(ctx, s, keyed)
}

func (s *Store) TheseUsers(ctx context.Context, keyed []domain.User) ([]domain.User, error) {
	return getAll(ctx, s, keyed)
}

func (s *Store) TheseWorkspaces(ctx context.Context, keyed []domain.Workspace) ([]domain.Workspace, error) {
	return getAll(ctx, s, keyed)
}

func (s *Store) TheseTemplates(ctx context.Context, keyed []domain.Template) ([]domain.Template, error) {
	return getAll(ctx, s, keyed)
}

const (
	batchGetMost     = 100 // items in a BatchGetItem, a DynamoDB quota
	batchGetAttempts = 6
)

func getAll[T any](ctx context.Context, s *Store, keyed []T) ([]T, error) {
	at := map[key]int{}
	var keys []map[string]types.AttributeValue
	for n, v := range keyed {
		k, _ := keyOf(v)
		at[k] = n
		keys = append(keys, k.attributes())
	}
	items, err := s.itemsOf(ctx, keys)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(keyed))
	for _, item := range items {
		n, ok := at[key{textOf(item, PartitionKey), textOf(item, SortKey)}]
		if !ok {
			continue
		}
		if err := unmarshal(item, &all[n]); err != nil {
			return nil, fault.Wrap(err, "decode %s", textOf(item, SortKey))
		}
	}
	return all, nil
}

// itemsOf is what is stored of those keys in the accounts table, and has not expired, in no order.
func (s *Store) itemsOf(ctx context.Context, keys []map[string]types.AttributeValue) ([]map[string]types.AttributeValue, error) {
	var items []map[string]types.AttributeValue
	for some := range slices.Chunk(keys, batchGetMost) {
		for attempt := 1; len(some) > 0; attempt++ {
			out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				s.accounts: {Keys: some, ConsistentRead: aws.Bool(true)},
			}})
			if err != nil {
				return nil, fault.Wrap(awsFault(err), "read %d items", len(some))
			}
			for _, item := range out.Responses[s.accounts] {
				if !s.expired(item) {
					items = append(items, item)
				}
			}
			// 16 MB are read at a time, and less when DynamoDB is busy.
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
