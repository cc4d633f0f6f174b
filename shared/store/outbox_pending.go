package store

import (
	"context"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Pending markers. With each outbox item a small item is stored, in buckets of an hour by its time of acceptance, and
// removed once fanout has sent every message. A marker older than a minute belongs to a forgotten item: the stream
// gave it up, or nobody reads the stream.

const (
	PendingBucket = time.Hour
	PendingShards = 8

	// PendingLate is the age from which a marker is repaired. Until then the stream has the item.
	PendingLate = time.Minute

	// ClocksDiffer is how far apart the clocks of two functions may be. For so long after its end an hour may still
	// get a marker.
	ClocksDiffer = 30 * time.Minute

	// pendingSought is how far back the first sweep reads.
	pendingSought = 24 * time.Hour
)

// Item is the key of an outbox item.
type Item struct {
	PK string `json:"item_pk"`
	SK string `json:"item_sk"` // contains the item's id, so that no two items accepted at once share it
}

// Pending is the marker of an outbox item that may not have been sent on.
type Pending struct {
	Item
	AcceptedAt time.Time `json:"accepted_at"`
}

func pendingOf(e events.Event) Pending {
	k := eventKey(e.Account, e.Contract, e.ID)
	return Pending{Item{k.pk, k.sk}, e.AcceptedAt}
}

// PendingOf is the marker of the stream record's item; false when the item is not in the outbox.
func PendingOf(r lambda.DynamoDBEventRecord) (Pending, bool) {
	if Outbox(r) == "" {
		return Pending{}, false
	}
	text := func(name string) string {
		if v, ok := r.Change.NewImage[name]; ok && v.DataType() == lambda.DataTypeString {
			return v.String()
		}
		return ""
	}
	at, err := time.Parse(time.RFC3339Nano, text(acceptedAt))
	return Pending{Item{text(PartitionKey), text(SortKey)}, at}, err == nil
}

// acceptedAt is an attribute of the outbox item: a marker with another time belongs to another call.
const acceptedAt = "accepted_at"

func (p Pending) key() key {
	at := p.AcceptedAt.UTC()
	shard := int(crc32.ChecksumIEEE([]byte(p.SK)) % PendingShards)
	return key{pendingPartition(at, shard), at.Format(dueTime) + "#" + p.SK}
}

func pendingPartition(at time.Time, shard int) string {
	return fmt.Sprintf("PENDING#%s#%d", at.UTC().Format("2006-01-02T15"), shard)
}

var pendingCursorKey = key{"PENDING", "CURSOR"}

// item is p as it is stored, for as long as the outbox item.
func (p Pending) item() (map[string]types.AttributeValue, error) {
	item, err := marshal(p)
	if err != nil {
		return nil, fault.Wrap(err, "encode that %s is pending", p.SK)
	}
	k := p.key()
	item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk), str(string(domain.RecordPending))
	item[ExpiresAt] = num(p.AcceptedAt.Add(outboxKept).Unix())
	return item, nil
}

// SentOn removes markers. Missing ones are no error.
func (s *Store) SentOn(ctx context.Context, all []Pending) error {
	for some := range slices.Chunk(all, batchWriteMost) {
		var deletes []types.WriteRequest
		seen := map[key]bool{}
		for _, p := range some {
			if k := p.key(); !seen[k] {
				seen[k] = true
				deletes = append(deletes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k.attributes()}})
			}
		}
		if err := s.writeAll(ctx, s.accounts, deletes); err != nil {
			return fault.Wrap(err, "note that %d are sent on", len(deletes))
		}
	}
	return nil
}

// StillPending is the set of those items, at most 100, that were not sent on since they were accepted.
func (s *Store) StillPending(ctx context.Context, all []Pending) (map[Item]bool, error) {
	asked := map[key]Item{}
	for _, p := range all {
		asked[p.key()] = p.Item
	}
	items, err := s.items(ctx, slices.Collect(maps.Keys(asked)))
	still := map[Item]bool{}
	for k := range items {
		still[asked[k]] = true
	}
	return still, err
}

// PendingIn is a page of the markers of one shard of a bucket, accepted by then, the oldest first. It starts after
// the place of the page before; the returned place is empty at the end.
func (s *Store) PendingIn(ctx context.Context, bucket time.Time, shard int, by time.Time, after string,
	most int) (found []Pending, next string, err error) {
	partition := pendingPartition(bucket, shard)
	in := &dynamodb.QueryInput{
		TableName: &s.accounts, KeyConditionExpression: aws.String("pk = :pk AND sk <= :by"),
		Limit: aws.Int32(int32(most)),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(partition),
			":by": str(by.UTC().Format(dueTime) + "~")},
	}
	if after != "" {
		in.ExclusiveStartKey = key{partition, after}.attributes()
	}
	page, err := s.db.Query(ctx, in)
	if err != nil {
		return nil, "", fault.Wrap(awsFault(err), "read what is pending in %s", partition)
	}
	for _, item := range page.Items {
		var p Pending
		if err := unmarshal(item, &p); err != nil {
			return nil, "", fault.Wrap(err, "decode %s", textOf(item, SortKey))
		}
		found = append(found, p)
	}
	return found, textOf(page.LastEvaluatedKey, SortKey), nil
}

// PendingFrom is the oldest bucket that may hold a marker.
func (s *Store) PendingFrom(ctx context.Context) (time.Time, error) {
	return s.sweptTo(ctx, s.accounts, pendingCursorKey, s.now().Add(-pendingSought).Truncate(PendingBucket))
}

// PendingTo notes that no bucket before this one holds a marker.
func (s *Store) PendingTo(ctx context.Context, bucket time.Time) error {
	return s.noteSwept(ctx, s.accounts, pendingCursorKey, domain.RecordPendingCursor, bucket)
}

// OutboxOf reads the outbox items of those markers, at most 100, as the stream showed them. gone are the markers
// without an item of their own: it was erased with its account, has expired, is not stored yet, or belongs to another
// call with its own marker.
func (s *Store) OutboxOf(ctx context.Context,
	all []Pending) (records []lambda.DynamoDBEventRecord, gone []Pending, err error) {
	of := map[key][]Pending{}
	for _, p := range all {
		k := key{p.PK, p.SK}
		of[k] = append(of[k], p)
	}
	items, err := s.items(ctx, slices.Collect(maps.Keys(of)))
	if err != nil {
		return nil, nil, err
	}
	for k, same := range of {
		image, err := imageOfItem(items[k])
		if err != nil {
			return nil, nil, fault.Wrap(err, "show %s", k.sk)
		}
		record := lambda.DynamoDBEventRecord{
			EventID: k.sk, EventName: string(lambda.DynamoDBOperationTypeInsert),
			Change: lambda.DynamoDBStreamRecord{NewImage: image},
		}
		stored, ok := PendingOf(record)
		for _, p := range same {
			if !ok || !p.AcceptedAt.Equal(stored.AcceptedAt) {
				gone = append(gone, p)
				continue
			}
			records = append(records, record)
		}
	}
	return records, gone, nil
}
