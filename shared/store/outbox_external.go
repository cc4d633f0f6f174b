package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/trace"
)

// Events of contracts kept elsewhere. No change is committed with them, so each is one conditional put, at half the
// cost of a transaction. Its pending marker is written first, so that a crash leaves no event without a marker.

// Accepted is the result of one event.
type Accepted struct {
	Known bool  // the same event, with the same content, was stored before
	Err   error // Conflict `event-differs` when it was stored with other content; or why it is not stored
}

// externalAtOnce is how many puts run concurrently.
const externalAtOnce = 32

// Accept stores the events, no two of which are the same, and returns the result of each. They expire after 30 days.
// Until then an event is stored once, however often it is sent.
func (s *Store) Accept(ctx context.Context, all []events.Event) ([]Accepted, error) {
	now, traced := s.now(), trace.From(ctx)
	for i := range all {
		all[i].AcceptedAt, all[i].Trace = now, traced
	}
	before, err := s.batch(ctx, all)
	if err != nil {
		return nil, err
	}
	outcome := make([]Accepted, len(all))
	var fresh []int
	for i, e := range all {
		if stored, ok := before[eventKey(e.Account, e.Contract, e.ID)]; ok {
			outcome[i] = known(stored, e)
			continue
		}
		fresh = append(fresh, i)
	}
	if err := s.putPending(ctx, all, fresh); err != nil {
		return nil, err
	}
	slots := make(chan struct{}, externalAtOnce)
	var puts sync.WaitGroup
	for _, i := range fresh {
		slots <- struct{}{}
		puts.Go(func() {
			defer func() { <-slots }()
			outcome[i] = s.accept(ctx, all[i])
		})
	}
	puts.Wait()
	return outcome, nil
}

func known(stored, sent events.Event) Accepted {
	if !stored.At.Equal(sent.At) || !bytes.Equal(stored.Body, sent.Body) {
		return Accepted{Err: fault.New(fault.Conflict, "event-differs",
			"There is an event with this id already, and it says something else. An id is for one event: give this "+
				"one another.")}
	}
	return Accepted{Known: true}
}

// batch are the events already stored.
func (s *Store) batch(ctx context.Context, all []events.Event) (map[key]events.Event, error) {
	keys := make([]key, len(all))
	for i, e := range all {
		keys[i] = eventKey(e.Account, e.Contract, e.ID)
	}
	items, err := s.items(ctx, keys)
	if err != nil {
		return nil, err
	}
	stored := make(map[key]events.Event, len(items))
	for k, item := range items {
		var e events.Event
		if err := unmarshal(item, &e); err != nil {
			return nil, fault.Wrap(err, "decode %s", k.sk)
		}
		stored[k] = e
	}
	return stored, nil
}

func (s *Store) putPending(ctx context.Context, all []events.Event, places []int) error {
	for some := range slices.Chunk(places, batchWriteMost) {
		var puts []types.WriteRequest
		for _, i := range some {
			item, err := pendingOf(all[i]).item()
			if err != nil {
				return err
			}
			puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
		}
		if err := s.writeAll(ctx, s.accounts, puts); err != nil {
			return fault.Wrap(err, "note that %d events are pending", len(puts))
		}
	}
	return nil
}

// accept puts one event. If another call stored it meanwhile, that call's pending marker counts and this call's does
// not.
func (s *Store) accept(ctx context.Context, e events.Event) Accepted {
	k, record := keyOf(e)
	item, err := marshal(e)
	if err != nil {
		return Accepted{Err: fault.Wrap(err, "encode %s", e.ID)}
	}
	item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk), str(string(record))
	item[OutboxAttribute], item[ExpiresAt] = str(OutboxEvent), num(e.AcceptedAt.Add(outboxKept).Unix())
	err = s.alone(ctx, func() error {
		_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.accounts, Item: item,
			ConditionExpression: aws.String(absent)})
		return err
	})
	var refused *types.ConditionalCheckFailedException
	if !errors.As(err, &refused) {
		return Accepted{Err: fault.Wrap(awsFault(err), "store %s", e.ID)}
	}
	stored, err := get[events.Event](ctx, s, k, string(domain.RecordEvent))
	if err != nil {
		return Accepted{Err: fault.Wrap(err, "read %s", e.ID)}
	}
	if !stored.AcceptedAt.Equal(e.AcceptedAt) || stored.ID != e.ID { // stored at the same moment, it is the same item
		if err := s.SentOn(ctx, []Pending{pendingOf(e)}); err != nil {
			return Accepted{Err: err}
		}
	}
	return known(stored, e)
}
