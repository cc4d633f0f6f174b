package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Rate limits (design rule 20). One item a webhook holds the time up to which its turns are leased. A process leases
// turns by moving that time on.

const (
	// Backlog is the code of the Conflict when no turn is free within domain.TurnsWithin.
	Backlog = "backlog"

	// savedUp is how many unused turns a quiet webhook keeps, as a time.
	savedUp = time.Second

	// paceKept is how long the item is kept after its time.
	paceKept = time.Hour

	paceRaces = 8
)

// LeaseTurns leases the next n turns to send to the webhook, and returns the time of the first; the others follow at
// equal distances. After a quiet second the first turns lie in the past. A call costs one write unit, or two after a
// pause. Conflict `backlog`, without a lease, when all turns within domain.TurnsWithin are taken.
func (s *Store) LeaseTurns(ctx context.Context, w domain.WebhookID, n int,
	every time.Duration) (first time.Time, err error) {
	now := s.now()
	oldest, latest := now.Add(every-savedUp).UnixMicro(), now.Add(domain.TurnsWithin).UnixMicro()
	taken := time.Duration(n) * every
	for range paceRaces {
		next, before, err := s.movePace(ctx, w, "#next BETWEEN :oldest AND :latest", "#next + :taken",
			map[string]int64{":oldest": oldest, ":latest": latest, ":taken": taken.Microseconds()})
		switch {
		case err == nil:
			return time.UnixMicro(next).Add(-taken), nil
		case !isRefused(err):
			return time.Time{}, fault.Wrap(awsFault(err), "take %d turns of %s", n, w)
		case before > latest:
			return time.Time{}, fault.New(fault.Conflict, Backlog, "More waits for %s than it takes in %s.",
				w, domain.TurnsWithin)
		case before >= oldest: // another process moved it meanwhile
			continue
		}
		// The webhook was quiet, or is new.
		next, _, err = s.movePace(ctx, w, "attribute_not_exists(#next) OR #next < :oldest", ":begun",
			map[string]int64{":oldest": oldest, ":begun": oldest + taken.Microseconds()})
		switch {
		case err == nil:
			return time.UnixMicro(next).Add(-taken), nil
		case !isRefused(err):
			return time.Time{}, fault.Wrap(awsFault(err), "take %d turns of %s", n, w)
		}
	}
	return time.Time{}, fault.New(fault.Unavailable, "busy", "Too many requests at once. Try again in a moment.")
}

// movePace sets the time until which turns are taken, in microseconds since 1970, and returns it. When the condition
// fails, it returns the stored time; 0 for none.
func (s *Store) movePace(ctx context.Context, w domain.WebhookID, condition, to string,
	values map[string]int64) (next, before int64, err error) {
	in := &dynamodb.UpdateItemInput{
		TableName: &s.deliveries, Key: paceKey(w).attributes(), ConditionExpression: &condition,
		UpdateExpression:         aws.String("SET #next = " + to + ", #record = :record, " + ExpiresAt + " = :expires"),
		ExpressionAttributeNames: map[string]string{"#next": "next", "#record": recordAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":record":  str(string(domain.RecordPace)),
			":expires": num(s.now().Add(domain.TurnsWithin + paceKept).Unix()),
		},
		ReturnValues:                        types.ReturnValueUpdatedNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	for name, v := range values {
		in.ExpressionAttributeValues[name] = num(v)
	}
	out, err := s.db.UpdateItem(ctx, in)
	var refused *types.ConditionalCheckFailedException
	switch {
	case errors.As(err, &refused):
		return 0, microseconds(refused.Item), err
	case err != nil:
		return 0, 0, err
	}
	return microseconds(out.Attributes), 0, nil
}

func isRefused(err error) bool {
	var refused *types.ConditionalCheckFailedException
	return errors.As(err, &refused)
}

func microseconds(item map[string]types.AttributeValue) int64 {
	var at int64
	if n, ok := item["next"].(*types.AttributeValueMemberN); ok {
		fmt.Sscan(n.Value, &at)
	}
	return at
}
