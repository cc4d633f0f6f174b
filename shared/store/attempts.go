package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The attempt log: lines are added and never changed, and expire after 30 days (design rule 19).

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

// Attempts is the log of the delivery of that event of that day (UTC, YYYY-MM-DD) to the webhook, oldest first.
// NotFound when there is none.
func (s *Store) Attempts(ctx context.Context, a domain.AccountID, w domain.WebhookID, day string, e domain.EventID) ([]domain.Attempt, error) {
	shard := s.shard(a, attemptPartition(w, day, shardOf(e)), "begins_with(sk, :e)", string(e)+"#", 100)
	found, err := shard.take(ctx, e)
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "not-found", "There is no such delivery on that day.")
	}
	return found, err
}

// AttemptsFrom is the log of the same from the attempt of that number on, oldest first; none when it has no such lines,
// which is one read unit.
func (s *Store) AttemptsFrom(ctx context.Context, a domain.AccountID, w domain.WebhookID, day string, e domain.EventID, number int) ([]domain.Attempt, error) {
	shard := s.shard(a, attemptPartition(w, day, shardOf(e)), "sk BETWEEN :e AND :end", fmt.Sprintf("%s#%03d", e, number), 10)
	shard.values[":end"] = str(string(e) + "#~")
	return shard.take(ctx, e)
}

// DayOfAttempts is the log of a day's deliveries to the webhook, the newest event's first, at most so many,
// each oldest attempt first. before leaves out that event and newer ones; empty begins at the newest.
func (s *Store) DayOfAttempts(ctx context.Context, a domain.AccountID, w domain.WebhookID, day string, before domain.EventID, most int) ([][]domain.Attempt, error) {
	if before == "" {
		before = "~" // after every event id
	}
	var shards [attemptShards]*logShard
	for i := range shards {
		shards[i] = s.shard(a, attemptPartition(w, day, i), "sk < :e", string(before), most)
	}
	deliveries := [][]domain.Attempt{}
	for len(deliveries) < most {
		var newest domain.EventID
		var in *logShard
		for _, shard := range shards {
			e, err := shard.next(ctx)
			if err != nil {
				return nil, err
			}
			if e > newest {
				newest, in = e, shard
			}
		}
		if in == nil {
			break
		}
		attempts, err := in.take(ctx, newest)
		if err != nil {
			return nil, err
		}
		deliveries = append(deliveries, attempts)
	}
	return deliveries, nil
}

// logShard reads one partition of the log backwards, as far as it is asked to.
type logShard struct {
	store   *Store
	account domain.AccountID
	values  map[string]types.AttributeValue
	pages   *dynamodb.QueryPaginator
	ready   []domain.Attempt
}

func (s *Store) shard(a domain.AccountID, partition, condition, e string, pageSize int) *logShard {
	values := map[string]types.AttributeValue{":pk": str(partition), ":e": str(e)}
	return &logShard{store: s, account: a, values: values, pages: dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName:                 &s.deliveries,
		KeyConditionExpression:    aws.String("pk = :pk AND " + condition),
		ExpressionAttributeValues: values,
		ScanIndexForward:          aws.Bool(false),
		Limit:                     aws.Int32(int32(pageSize)),
	})}
}

// next is the event of the next line; empty at the end.
func (l *logShard) next(ctx context.Context) (domain.EventID, error) {
	for len(l.ready) == 0 && l.pages.HasMorePages() {
		page, err := l.pages.NextPage(ctx)
		if err != nil {
			return "", fault.Wrap(awsFault(err), "read the attempt log")
		}
		for _, item := range page.Items {
			var a domain.Attempt
			if err := unmarshal(item, &a); err != nil {
				return "", fault.Wrap(err, "decode an attempt")
			}
			if a.Account == l.account && !l.store.expired(item) {
				l.ready = append(l.ready, a)
			}
		}
	}
	if len(l.ready) == 0 {
		return "", nil
	}
	return l.ready[0].Event, nil
}

// take reads the event's lines, which come next, and returns them oldest first.
func (l *logShard) take(ctx context.Context, e domain.EventID) ([]domain.Attempt, error) {
	var taken []domain.Attempt
	for {
		next, err := l.next(ctx)
		if err != nil {
			return nil, err
		}
		if len(l.ready) == 0 || next != e {
			break
		}
		taken, l.ready = append(taken, l.ready[0]), l.ready[1:]
	}
	slices.SortFunc(taken, func(a, b domain.Attempt) int { return cmp.Or(cmp.Compare(a.Number, b.Number), a.At.Compare(b.At)) })
	return taken, nil
}
