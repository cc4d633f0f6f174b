package store

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// DataKey is a data key of shared/secret, wrapped by KMS.
type DataKey struct {
	Month   string `json:"month"` // the month it seals in, yyyy-mm
	Wrapped []byte `json:"wrapped"`
}

// DataKey finds the data key of a month.
func (s *Store) DataKey(ctx context.Context, month string) (DataKey, error) {
	k, _ := keyOf(DataKey{Month: month})
	return get[DataKey](ctx, s, k, "data key")
}

// CreateDataKey stores a data key. Conflict `raced` when the month has one. It is no part of a Tx, because a data key
// is good whether or not the request that made it succeeds.
func (s *Store) CreateDataKey(ctx context.Context, v DataKey) error {
	item, err := marshal(v)
	if err != nil {
		return fault.Wrap(err, "encode a data key")
	}
	k, record := keyOf(v)
	item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk), str(string(record))
	err = s.alone(ctx, func() error {
		_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.accounts, Item: item,
			ConditionExpression: aws.String(absent)})
		return err
	})
	var exists *types.ConditionalCheckFailedException
	if errors.As(err, &exists) {
		return raced(domain.RecordDataKey)
	}
	return fault.Wrap(awsFault(err), "store a data key")
}
