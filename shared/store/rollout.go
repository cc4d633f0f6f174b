package store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

func (s *Store) Rollout(ctx context.Context, e domain.ExtensionID, id domain.RolloutID) (domain.Rollout, error) {
	return get[domain.Rollout](ctx, s, rolloutKey(e, id), "roll-out")
}

// Rollouts is every roll-out of the extension, the first created first.
func (s *Store) Rollouts(ctx context.Context, e domain.ExtensionID) ([]domain.Rollout, error) {
	return list[domain.Rollout](ctx, s, extensionKey(e).pk, "ROLLOUT#")
}

// Roster is the next accounts that have the extension, at most so many, after that one; empty begins at the first.
func (s *Store) Roster(ctx context.Context, e domain.ExtensionID, after domain.AccountID, most int) ([]domain.AccountID, error) {
	first := rosterKey(e, after)
	out, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName:                 &s.accounts,
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :first AND :last"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(first.pk), ":first": str(first.sk + "\x00"), ":last": str(rosterKey(e, "\U0010ffff").sk)},
		ConsistentRead:            aws.Bool(true),
		Limit:                     aws.Int32(int32(most)),
	})
	if err != nil {
		return nil, fault.Wrap(awsFault(err), "read the roster of %s", e)
	}
	accounts := make([]domain.AccountID, len(out.Items))
	for i, item := range out.Items {
		var line domain.Installed
		if err := unmarshal(item, &line); err != nil {
			return nil, fault.Wrap(err, "decode a line of the roster of %s", e)
		}
		accounts[i] = line.Account
	}
	return accounts, nil
}
