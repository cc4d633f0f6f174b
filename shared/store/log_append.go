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

// The attempt log: lines are appended, never changed, and expire after 30 days (design rule 19). log_read.go reads it.

const (
	batchWriteMost     = 25 // items in a BatchWriteItem (DynamoDB quota)
	batchWriteAttempts = 6
)

// AppendAttempts appends lines to the log, and stores in the same calls the deliveries whose next attempt is beyond
// SQS's delay. Unavailable when DynamoDB leaves some unwritten after several tries. The others are written then;
// appending all again adds lines and loses none.
func (s *Store) AppendAttempts(ctx context.Context, attempts []domain.Attempt, waiting ...events.Delivery) error {
	puts, err := dueItems(waiting)
	if err != nil {
		return err
	}
	for _, a := range attempts {
		k, item := attemptKey(a, rand.Text()[:8]), attemptItem(a)
		item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk),
			str(string(domain.RecordAttempt))
		item[ExpiresAt] = num(a.At.Add(attemptsKept).Unix())
		if a.Outcome != domain.OutcomeDelivered && a.Listener == "" {
			item[UnsentIndex.SortKey] = str(k.sk)
		}
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	for some := range slices.Chunk(puts, batchWriteMost) {
		if err := s.writeAll(ctx, s.deliveries, some); err != nil {
			return fault.Wrap(err, "log %d attempts", len(attempts))
		}
	}
	return nil
}

// attemptItem is marshal of an attempt without reflection, because every delivery has a line. A test compares the
// two.
func attemptItem(a domain.Attempt) map[string]types.AttributeValue {
	item := map[string]types.AttributeValue{
		"account_id": str(string(a.Account)), "webhook_id": str(string(a.Webhook)), "event_id": str(string(a.Event)),
		"event_type": str(a.EventType),
		"event_day":  str(a.EventDay), "number": num(int64(a.Number)), "outcome": str(string(a.Outcome)),
		"at": str(a.At.Format(time.RFC3339Nano)),
	}
	text := func(name, s string) {
		if s != "" {
			item[name] = str(s)
		}
	}
	number := func(name string, n int64) {
		if n != 0 {
			item[name] = num(n)
		}
	}
	when := func(name string, at time.Time) {
		if !at.IsZero() {
			item[name] = str(at.Format(time.RFC3339Nano))
		}
	}
	text("contract_id", string(a.Contract))
	text("url", a.URL)
	text("context", a.Context)
	text("failure", string(a.Failure))
	text("reason", a.Reason)
	text("excerpt", a.Excerpt)
	text("agent_id", string(a.Agent))
	text("listener", a.Listener)
	number("epoch", int64(a.Epoch))
	number("status", int64(a.Status))
	number("milliseconds", a.Milliseconds)
	if len(a.Headers) > 0 {
		headers := map[string]types.AttributeValue{}
		for name, value := range a.Headers {
			headers[name] = str(value)
		}
		item["headers"] = &types.AttributeValueMemberM{Value: headers}
	}
	when("event_at", a.EventAt)
	when("next_at", a.NextAt)
	return item
}

// writeAll puts and deletes items of a table, at most 25, and repeats those that DynamoDB returns unprocessed.
func (s *Store) writeAll(ctx context.Context, table string, writes []types.WriteRequest) error {
	for attempt := 1; ; attempt++ {
		out, err := s.db.BatchWriteItem(ctx,
			&dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: writes}})
		if err != nil {
			return awsFault(err)
		}
		if writes = out.UnprocessedItems[table]; len(writes) == 0 {
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
