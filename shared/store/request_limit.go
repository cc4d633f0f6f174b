package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// requestsKept is how long the count of a window is kept after its beginning.
const requestsKept = time.Hour

// TakeRequests counts n more requests of a caller in a window, unless they would be more than most. One write unit.
func (s *Store) TakeRequests(ctx context.Context, caller string, window time.Time, n, most int) (bool, error) {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.accounts, Key: requestsKey(caller, window).attributes(),
		UpdateExpression:         aws.String("ADD #made :n SET #record = :record, #ends = :ends"),
		ConditionExpression:      aws.String("attribute_not_exists(#made) OR #made <= :room"),
		ExpressionAttributeNames: map[string]string{"#made": "made", "#record": recordAttribute, "#ends": ExpiresAt},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":n": num(int64(n)), ":room": num(int64(most - n)), ":record": str(string(domain.RecordRequests)),
			":ends": num(window.Add(requestsKept).Unix()),
		},
	})
	if isRefused(err) {
		return false, nil
	}
	return err == nil, fault.Wrap(awsFault(err), "count requests of %s", caller)
}
