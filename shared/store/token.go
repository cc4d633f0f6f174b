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

// TouchToken records that a token was used. It is no Tx, since it belongs to no change. When the token is gone or a
// transaction changes it, the use is not recorded; the next one is.
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
