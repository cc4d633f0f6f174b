package store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/fault"
)

// TouchToken notes that a token was used. It is no Tx, as it belongs to no change. A token that has gone meanwhile, or
// that an ongoing transaction changes, stays as it is: the next use notes the same.
func (s *Store) TouchToken(ctx context.Context, hash string, at time.Time) error {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.accounts, Key: tokenKey(hash).attributes(),
		ConditionExpression: aws.String("attribute_exists(pk)"), UpdateExpression: aws.String("SET last_used_at = :at"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":at": str(at.Format(time.RFC3339Nano))},
	})
	var gone *types.ConditionalCheckFailedException
	if errors.As(err, &gone) || inTransaction(err) {
		return nil
	}
	return fault.Wrap(awsFault(err), "note a token's use")
}
