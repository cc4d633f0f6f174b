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

// A delivery whose next attempt is beyond SQS's longest delay waits in the deliveries table, in buckets of an hour,
// at no cost. The item is the message without the event's body. The body is stored once, with the event, so an erased
// account leaves none of it here.

const (
	// DueBucket is the time span of one partition of each shard. Hours keep the reads few when days must be caught
	// up; within an hour, items are sorted by time.
	DueBucket = time.Hour
	DueShards = 4

	// dueKept is how long an unswept item is kept after its time: a sweeper may be down for two weeks. The event is
	// stored for 30 days, of which a policy uses 24 at most.
	dueKept = 14 * 24 * time.Hour

	dueTime = "2006-01-02T15:04:05.000Z" // sorts by time as text
)

// dueKey is the same for the same attempt at the same time, so that a repeat overwrites the first.
func dueKey(at time.Time, d domain.DeliveryID, attempt int) key {
	shard := int(crc32.ChecksumIEEE([]byte(d)) % DueShards)
	return key{duePartition(at, shard), fmt.Sprintf("%s#%s#%03d", at.UTC().Format(dueTime), d, attempt)}
}

func duePartition(at time.Time, shard int) string {
	return fmt.Sprintf("DUE#%s#%d", at.UTC().Format("2006-01-02T15"), shard)
}

var dueCursorKey = key{"DUE", "CURSOR"}

// dueItems are the items of deliveries that wait for NotBefore, one per key: DynamoDB refuses a key twice in a call.
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

// Due is a page of the deliveries due in one shard of a bucket, the oldest first. It starts after the place of the
// page before; the returned place is empty at the end. An expired item that still exists is included: it is late, but
// not too late.
func (s *Store) Due(ctx context.Context, bucket time.Time, shard int, by time.Time, after string,
	most int) (due []events.Delivery, next string, err error) {
	partition := duePartition(bucket, shard)
	in := &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk <= :by"),
		ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(most)),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(partition),
			":by": str(by.UTC().Format(dueTime) + "~")},
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

// RemoveDue removes sent deliveries. Missing ones are no error.
func (s *Store) RemoveDue(ctx context.Context, sent []events.Delivery) error {
	for some := range slices.Chunk(sent, batchWriteMost) {
		var deletes []types.WriteRequest
		for _, d := range some {
			deletes = append(deletes, types.WriteRequest{
				DeleteRequest: &types.DeleteRequest{Key: dueKey(d.NotBefore, d.ID, d.Attempt).attributes()}})
		}
		if err := s.writeAll(ctx, s.deliveries, deletes); err != nil {
			return fault.Wrap(err, "remove %d waiting deliveries", len(deletes))
		}
	}
	return nil
}

// DueFrom is the oldest bucket that may hold an item. Before the first note, it is the oldest bucket that is kept.
func (s *Store) DueFrom(ctx context.Context) (time.Time, error) {
	return s.sweptTo(ctx, s.deliveries, dueCursorKey, s.now().Add(-dueKept).Truncate(DueBucket))
}

// SweptTo notes that every bucket before this one is over and empty.
func (s *Store) SweptTo(ctx context.Context, bucket time.Time) error {
	return s.noteSwept(ctx, s.deliveries, dueCursorKey, domain.RecordDueCursor, bucket)
}
