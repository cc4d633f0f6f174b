package store

import (
	"cmp"
	"context"
	"errors"
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

// Parked deliveries wait in the deliveries table for their webhook's breaker to close, at no cost. The item is the
// message without the event's body, as for due deliveries. A list of watched webhooks tells redelivery where
// deliveries may be parked.

// parkedShards spread a busy webhook over partitions: each takes 1,000 writes a second.
const parkedShards = 4

func parkedPartition(w domain.WebhookID, shard int) string {
	return fmt.Sprintf("PARKED#%s#%d", w, shard)
}

func parkedShard(d domain.DeliveryID) int { return int(crc32.ChecksumIEEE([]byte(d)) % parkedShards) }

// parkedKey is the same for a repeated message. It differs when a released delivery is parked again, because its time
// differs: its first item may still be about to be removed.
func parkedKey(d events.Delivery) key {
	letGo := int64(0)
	if !d.NotBefore.IsZero() {
		letGo = d.NotBefore.UnixMilli()
	}
	return key{parkedPartition(d.Webhook, parkedShard(d.ID)),
		fmt.Sprintf("%s#%s#%03d#%d", d.EventAt.UTC().Format(dueTime), d.ID, d.Attempt, letGo)}
}

// Park stores deliveries until they are released. Parking a delivery again changes nothing.
func (s *Store) Park(ctx context.Context, parked []events.Delivery) error {
	var puts []types.WriteRequest
	seen := map[key]bool{}
	for _, d := range parked {
		k := parkedKey(d)
		if seen[k] {
			continue
		}
		seen[k] = true
		item, err := marshal(d)
		if err != nil {
			return fault.Wrap(err, "encode the parked delivery %s", d.ID)
		}
		item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk),
			str(string(domain.RecordParked))
		item[ExpiresAt] = num(s.now().Add(domain.ParkedKept).Unix())
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	for some := range slices.Chunk(puts, batchWriteMost) {
		if err := s.writeAll(ctx, s.deliveries, some); err != nil {
			return fault.Wrap(err, "park %d deliveries", len(puts))
		}
	}
	return nil
}

// Parked is a page of the deliveries parked for a webhook, the oldest events first. Each shard gives an equal part,
// so the page may lack some of the very oldest.
func (s *Store) Parked(ctx context.Context, a domain.AccountID, w domain.WebhookID,
	most int) ([]events.Delivery, error) {
	found, err := s.parked(ctx, a, w, "", (most+parkedShards-1)/parkedShards)
	return found[:min(most, len(found))], err
}

// ParkedAfter is a page of the deliveries parked for a webhook after a place, the oldest events first, and the place
// to continue at. An empty place starts at the first.
func (s *Store) ParkedAfter(ctx context.Context, a domain.AccountID, w domain.WebhookID, after string,
	most int) (found []events.Delivery, next string, err error) {
	if found, err = s.parked(ctx, a, w, after, most+1); err != nil || len(found) <= most {
		return found, "", err
	}
	return found[:most], parkedKey(found[most-1]).sk, nil
}

// parked is the deliveries parked for a webhook after a place, at most so many of each shard, sorted.
func (s *Store) parked(ctx context.Context, a domain.AccountID, w domain.WebhookID, after string,
	most int) ([]events.Delivery, error) {
	var found []events.Delivery
	for shard := range parkedShards {
		in := &dynamodb.QueryInput{
			TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk"), ConsistentRead: aws.Bool(true),
			Limit:                     aws.Int32(int32(most)),
			ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(parkedPartition(w, shard))},
		}
		if after != "" {
			in.KeyConditionExpression = aws.String("pk = :pk AND sk > :after")
			in.ExpressionAttributeValues[":after"] = str(after)
		}
		pages := dynamodb.NewQueryPaginator(s.db, in)
		for n := 0; n < most && pages.HasMorePages(); { // a page of DynamoDB holds at most 1 MB
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fault.Wrap(awsFault(err), "read what is parked for %s", w)
			}
			for _, item := range page.Items {
				var d events.Delivery
				if err := unmarshal(item, &d); err != nil {
					return nil, fault.Wrap(err, "decode %s", textOf(item, SortKey))
				}
				if d.Account == a {
					found, n = append(found, d), n+1
				}
			}
		}
	}
	slices.SortFunc(found, func(x, y events.Delivery) int { return cmp.Compare(parkedKey(x).sk, parkedKey(y).sk) })
	return found, nil
}

// CountParked counts a webhook's parked deliveries, up to a limit. Eventually consistent.
func (s *Store) CountParked(ctx context.Context, w domain.WebhookID, most int) (int, error) {
	n := 0
	for shard := 0; shard < parkedShards && n < most; shard++ {
		page, err := s.db.Query(ctx, &dynamodb.QueryInput{
			TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk"), Select: types.SelectCount,
			Limit:                     aws.Int32(int32(most - n)),
			ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(parkedPartition(w, shard))},
		})
		if err != nil {
			return 0, fault.Wrap(awsFault(err), "count what is parked for %s", w)
		}
		n += int(page.Count)
	}
	return n, nil
}

// Unpark removes sent deliveries as they were parked. Missing ones are no error.
func (s *Store) Unpark(ctx context.Context, sent []events.Delivery) error {
	for some := range slices.Chunk(sent, batchWriteMost) {
		var deletes []types.WriteRequest
		for _, d := range some {
			deletes = append(deletes,
				types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: parkedKey(d).attributes()}})
		}
		if err := s.writeAll(ctx, s.deliveries, deletes); err != nil {
			return fault.Wrap(err, "remove %d parked deliveries", len(deletes))
		}
	}
	return nil
}

// Watched is a webhook whose breaker opened. All are in one partition: they change with breakers, not with
// deliveries.
type Watched struct {
	Account    domain.AccountID `json:"account_id"`
	Webhook    domain.WebhookID `json:"webhook_id"`
	OpenedAt   time.Time        `json:"opened_at"`            // when its breaker last opened, or a moment before
	EmptySince time.Time        `json:"empty_since,omitzero"` // since then nothing is parked, and nothing will be
	// deliveries released in the minute before, since the breaker last opened
	Released int `json:"let_go,omitempty"`
}

const watchedPartition = "WATCHED"

func watchedKey(a domain.AccountID, w domain.WebhookID) key {
	return key{watchedPartition, string(a) + "#" + string(w)}
}

func (w Watched) item() map[string]types.AttributeValue {
	item := watchedKey(w.Account, w.Webhook).attributes()
	item["account_id"], item["webhook_id"], item[recordAttribute] = str(string(w.Account)), str(string(w.Webhook)),
		str(string(domain.RecordWatched))
	item["opened_at"] = str(w.OpenedAt.UTC().Format(time.RFC3339Nano))
	if !w.EmptySince.IsZero() {
		item["empty_since"] = str(w.EmptySince.UTC().Format(time.RFC3339Nano))
	}
	if w.Released > 0 {
		item["let_go"] = num(int64(w.Released))
	}
	return item
}

// Watch is called before a breaker starts to hold deliveries, and before it holds them longer, so that no such
// breaker is unwatched. Parking itself then writes nothing about it.
func (s *Store) Watch(ctx context.Context, a domain.AccountID, w domain.WebhookID) error {
	item := Watched{Account: a, Webhook: w, OpenedAt: s.now()}.item()
	return fault.Wrap(s.writeAll(ctx, s.deliveries, []types.WriteRequest{{PutRequest: &types.PutRequest{Item: item}}}),
		"watch the webhook %s", w)
}

// Watched is every watched webhook.
func (s *Store) Watched(ctx context.Context) ([]Watched, error) {
	var all []Watched
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk"), ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(watchedPartition)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fault.Wrap(awsFault(err), "list the watched webhooks")
		}
		for _, item := range page.Items {
			var w Watched
			if err := unmarshal(item, &w); err != nil {
				return nil, fault.Wrap(err, "decode %s", textOf(item, SortKey))
			}
			all = append(all, w)
		}
	}
	return all, nil
}

// NoteReleased notes how many deliveries of a watched webhook were released, unless its breaker has opened since w was
// read.
func (s *Store) NoteReleased(ctx context.Context, w Watched, n int) error {
	w.Released = n
	return s.rewatch(ctx, w)
}

// rewatch stores w if it is unchanged since it was read. If its breaker has opened since, that write wins.
func (s *Store) rewatch(ctx context.Context, w Watched) error {
	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.deliveries, Item: w.item(), ConditionExpression: aws.String("opened_at = :opened"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":opened": w.item()["opened_at"]},
	})
	return ofWatched(err, w)
}

// ofWatched ignores the error of a lost race.
func ofWatched(err error, w Watched) error {
	var changed *types.ConditionalCheckFailedException
	if errors.As(err, &changed) {
		return nil
	}
	return fault.Wrap(awsFault(err), "keep watching the webhook %s", w.Webhook)
}

// WatchedSettles is the least time from the opening of a breaker to the first note of Quiet, and from there to the
// second. Both together are longer than a process may act on a breaker after its webhook was watched. A process acts
// for as long as the sum of these times: the wait for the probe; its lapse; both again when a process claimed the
// probe and died; 2 s of a cached target; a minute of the function; the difference of two clocks. A process ten
// minutes behind still takes a lapsed breaker for an open one, and parks deliveries that nobody would find.
const WatchedSettles = 30 * time.Minute

// Quiet notes that the webhook's breaker holds nothing and that nothing is parked for it, checked in that order. The
// second note, WatchedSettles after the first, ends the watch.
//
// Nothing is parked unwatched then: a process that parks has read an open breaker. If the breaker was watched after
// the first note, that watch takes the note back. If it was watched before, no process parks for it after the second.
// The first note waits for an opening that is watched and not yet committed. Each write is conditional on w as it was
// read.
func (s *Store) Quiet(ctx context.Context, w Watched) error {
	now := s.now()
	switch {
	case w.EmptySince.IsZero() && now.Sub(w.OpenedAt) >= WatchedSettles:
		w.EmptySince, w.Released = now, 0
		return s.rewatch(ctx, w)
	case !w.EmptySince.IsZero() && now.Sub(w.EmptySince) >= WatchedSettles:
		_, err := s.db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &s.deliveries, Key: watchedKey(w.Account, w.Webhook).attributes(),
			ConditionExpression: aws.String("opened_at = :opened AND empty_since = :empty"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":opened": w.item()["opened_at"],
				":empty": w.item()["empty_since"]},
		})
		return ofWatched(err, w)
	}
	return nil
}
