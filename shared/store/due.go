package store

import (
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Deliveries whose next attempt is further away than SQS can delay a message wait in the deliveries table, in buckets of
// an hour, and cost nothing meanwhile. The item is the message, without the event's body: that is stored once, with the
// event, and what waits here holds none of it when an account is erased.

const (
	// DueBucket is what one partition of each shard holds. An hour keeps it few reads to catch up with days; within it,
	// items are in the order of their time.
	DueBucket = time.Hour
	DueShards = 4

	// dueKept is how long after its time an item is kept that nothing has swept: a sweeper may be down for two weeks. The
	// event is stored for 30 days, of which a policy uses 24 at most.
	dueKept = 14 * 24 * time.Hour

	dueTime = "2006-01-02T15:04:05.000Z" // in the order of time as a text
)

// dueKey is the same for the same attempt at the same time, so that a repeat takes the first one's place.
func dueKey(at time.Time, d domain.DeliveryID, attempt int) key {
	shard := int(crc32.ChecksumIEEE([]byte(d)) % DueShards)
	return key{duePartition(at, shard), fmt.Sprintf("%s#%s#%03d", at.UTC().Format(dueTime), d, attempt)}
}

func duePartition(at time.Time, shard int) string {
	return fmt.Sprintf("DUE#%s#%d", at.UTC().Format("2006-01-02T15"), shard)
}

var dueCursorKey = key{"DUE", "CURSOR"}

// dueItems are the items of deliveries that wait for NotBefore, one for each key: DynamoDB takes none twice in a call.
func dueItems(waiting []events.Delivery) ([]types.WriteRequest, error) {
	var puts []types.WriteRequest
	seen := map[key]bool{}
	for _, d := range waiting {
		k := dueKey(d.NotBefore, d.ID, d.Attempt)
		if seen[k] {
			continue
		}
		seen[k] = true
		item, err := marshal(d)
		if err != nil {
			return nil, fault.Wrap(err, "encode the waiting delivery %s", d.ID)
		}
		item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk), str(string(domain.RecordDue))
		item[ExpiresAt] = num(d.NotBefore.Add(dueKept).Unix())
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	return puts, nil
}

// Due is what is due by then in one shard of the bucket that begins at bucket, the oldest first, at most so many. after
// goes on behind a page before; what is returned for it is empty at the end. One that has expired and is still there is
// among them: it is late, and not too late.
func (s *Store) Due(ctx context.Context, bucket time.Time, shard int, by time.Time, after string, most int) (due []events.Delivery, next string, err error) {
	partition := duePartition(bucket, shard)
	in := &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk <= :by"), ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(most)),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(partition), ":by": str(by.UTC().Format(dueTime) + "~")},
	}
	if after != "" {
		in.ExclusiveStartKey = key{partition, after}.attributes()
	}
	page, err := s.db.Query(ctx, in)
	if err != nil {
		return nil, "", fault.Wrap(awsFault(err), "read what is due in %s", partition)
	}
	for _, item := range page.Items {
		var d events.Delivery
		if err := unmarshal(item, &d); err != nil {
			return nil, "", fault.Wrap(err, "decode %s", textOf(item, SortKey))
		}
		due = append(due, d)
	}
	return due, textOf(page.LastEvaluatedKey, SortKey), nil
}

// RemoveDue removes what was sent, and does nothing for what is gone.
func (s *Store) RemoveDue(ctx context.Context, sent []events.Delivery) error {
	for some := range slices.Chunk(sent, batchWriteMost) {
		var deletes []types.WriteRequest
		for _, d := range some {
			deletes = append(deletes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: dueKey(d.NotBefore, d.ID, d.Attempt).attributes()}})
		}
		if err := s.writeAll(ctx, s.deliveries, deletes); err != nil {
			return fault.Wrap(err, "remove %d waiting deliveries", len(deletes))
		}
	}
	return nil
}

// DueFrom is the oldest bucket that may hold something: all before were found empty once they were over. Until a first
// one is noted, it is the oldest that is kept.
func (s *Store) DueFrom(ctx context.Context) (time.Time, error) {
	return s.sweptTo(ctx, s.deliveries, dueCursorKey, s.now().Add(-dueKept).Truncate(DueBucket))
}

// SweptTo notes that every bucket before this one is empty and over.
func (s *Store) SweptTo(ctx context.Context, bucket time.Time) error {
	return s.noteSwept(ctx, s.deliveries, dueCursorKey, domain.RecordDueCursor, bucket)
}
