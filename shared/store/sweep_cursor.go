package store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Scheduled items lie in time buckets. A cursor keeps the oldest bucket that may hold an item, so that an empty past
// is not read again.

type cursor struct {
	Bucket string `json:"bucket"` // the bucket's start, RFC 3339, UTC
}

// sweptTo is the cursor's bucket, or otherwise when there is no cursor yet.
func (s *Store) sweptTo(ctx context.Context, table string, k key, otherwise time.Time) (time.Time, error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: k.attributes(),
		ConsistentRead: aws.Bool(true)})
	if err != nil {
		return time.Time{}, fault.Wrap(awsFault(err), "read how far was swept")
	}
	if out.Item == nil {
		return otherwise, nil
	}
	var c cursor
	if err := unmarshal(out.Item, &c); err != nil {
		return time.Time{}, fault.Wrap(err, "decode how far was swept")
	}
	at, err := time.Parse(time.RFC3339, c.Bucket)
	return at, fault.Wrap(err, "decode how far was swept")
}

// noteSwept moves the cursor forward, never back: another sweeper may be further.
func (s *Store) noteSwept(ctx context.Context, table string, k key, r domain.Record, bucket time.Time) error {
	at := bucket.UTC().Format(time.RFC3339)
	item := k.attributes()
	item["bucket"], item[recordAttribute] = str(at), str(string(r))
	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &table, Item: item,
		ConditionExpression:       aws.String("attribute_not_exists(pk) OR #bucket < :at"),
		ExpressionAttributeNames:  map[string]string{"#bucket": "bucket"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":at": str(at)},
	})
	var further *types.ConditionalCheckFailedException
	if errors.As(err, &further) {
		return nil
	}
	return fault.Wrap(awsFault(err), "note how far was swept")
}
