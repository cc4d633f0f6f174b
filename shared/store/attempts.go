package store

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The attempt log: lines are added and never changed, and expire after 30 days (design rule 19). log.go reads it.

const (
	batchWriteMost     = 25 // items in a BatchWriteItem, a DynamoDB quota
	batchWriteAttempts = 6
)

// AppendAttempts adds lines to the log, and with them, in the same calls, the deliveries whose next attempt waits for a
// time further away than a message can. Unavailable when DynamoDB still leaves some unwritten after several tries; the
// others are written then, and appending all of them again adds lines and loses none.
func (s *Store) AppendAttempts(ctx context.Context, attempts []domain.Attempt, waiting ...events.Delivery) error {
	puts, err := dueItems(waiting)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		item, err := s.attemptItem(a)
		if err != nil {
			return fault.Wrap(err, "encode an attempt for webhook %s", a.Webhook)
		}
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	for some := range slices.Chunk(puts, batchWriteMost) {
		if err := s.writeAll(ctx, some); err != nil {
			return fault.Wrap(err, "log %d attempts", len(attempts))
		}
	}
	return nil
}

func (s *Store) attemptItem(a domain.Attempt) (map[string]types.AttributeValue, error) {
	item, err := marshal(a.Kept())
	if err != nil {
		return nil, err
	}
	k := attemptKey(a, rand.Text()[:8])
	item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk), str(string(domain.RecordAttempt))
	item[ExpiresAt] = num(a.At.Add(attemptsKept).Unix())
	if a.Outcome != domain.OutcomeDelivered {
		item[UnsentIndex.SortKey] = str(k.sk)
	}
	return item, nil
}

// writeAll puts and deletes in the deliveries table, and again what DynamoDB hands back unprocessed.
func (s *Store) writeAll(ctx context.Context, writes []types.WriteRequest) error {
	for attempt := 1; ; attempt++ {
		out, err := s.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.deliveries: writes}})
		if err != nil {
			return awsFault(err)
		}
		if writes = out.UnprocessedItems[s.deliveries]; len(writes) == 0 {
			return nil
		}
		if attempt == batchWriteAttempts {
			return fault.New(fault.Unavailable, "busy", "Too many requests at once. Try again in a moment.")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.jitter(attempt)):
		}
	}
}
