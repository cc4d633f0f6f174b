package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// What listeners of a webhook pull (design rule 30). Each delivery has a number, given in the transaction that stores
// it. So the order of numbers is the order of commits: no delivery appears below a number that a listener has passed,
// whatever the clocks say. The item is the message without the event's body, as for parked deliveries.

const (
	tailPrefix = "TAIL#"
	tailHead   = "HEAD"

	// tailedAtOnce deliveries and the head are one transaction, which has at most 100 items.
	tailedAtOnce = 99

	// tailedKept is longer than a cursor is good.
	tailedKept = domain.TailKept + 24*time.Hour
)

func pullPartition(w domain.WebhookID) string { return "PULL#" + string(w) }

func tailedKey(w domain.WebhookID, number int64) key {
	return key{pullPartition(w), fmt.Sprintf("%s%016d", tailPrefix, number)}
}

func tailHeadKey(w domain.WebhookID) key { return key{pullPartition(w), tailHead} }

// Tailed is a delivery that is kept for listeners.
type Tailed struct {
	Number int64
	events.Delivery
}

// AppendTailed keeps deliveries to a webhook for its listeners. Appending one again gives it another number: listeners
// get it twice. Unavailable when too many append to the same webhook at once.
func (s *Store) AppendTailed(ctx context.Context, w domain.WebhookID, all []events.Delivery) error {
	for some := range slices.Chunk(all, tailedAtOnce) {
		if err := s.appendTailed(ctx, w, some); err != nil {
			return fault.Wrap(err, "keep %d deliveries for listeners of %s", len(some), w)
		}
	}
	return nil
}

func (s *Store) appendTailed(ctx context.Context, w domain.WebhookID, some []events.Delivery) error {
	for attempt := 1; ; attempt++ {
		head, err := s.TailHead(ctx, w)
		if err != nil {
			return err
		}
		writes, err := s.tailedItems(w, head, some)
		if err != nil {
			return err
		}
		_, err = s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
		var canceled *types.TransactionCanceledException
		if err == nil {
			return nil
		}
		if !errors.As(err, &canceled) && !inTransaction(err) {
			return awsFault(err)
		}
		if attempt == commitAttempts {
			return &fault.Error{Kind: fault.Unavailable, Code: "busy",
				Detail: "Too many requests at once. Try again in a moment.", Err: err}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.jitter(attempt)):
		}
	}
}

// tailedItems are the writes of deliveries with the numbers after head, and of the new head.
func (s *Store) tailedItems(w domain.WebhookID, head int64, some []events.Delivery) ([]types.TransactWriteItem, error) {
	now := s.now()
	put := &types.Put{TableName: &s.deliveries, ConditionExpression: aws.String(absent)}
	if head > 0 {
		put.ConditionExpression = aws.String("#number = :number")
		put.ExpressionAttributeNames = map[string]string{"#number": "number"}
		put.ExpressionAttributeValues = map[string]types.AttributeValue{":number": num(head)}
	} else {
		head = now.UnixMicro() // above the numbers of a head that has expired
	}
	put.Item = s.stored(tailHeadKey(w), domain.RecordTailHead, now.Add(tailedKept))
	put.Item["number"] = num(head + int64(len(some)))
	writes := []types.TransactWriteItem{{Put: put}}
	for i, d := range some {
		item, err := marshal(d)
		if err != nil {
			return nil, fault.Wrap(err, "encode the delivery %s", d.ID)
		}
		for name, v := range s.stored(tailedKey(w, head+int64(i)+1), domain.RecordTailed, now.Add(tailedKept)) {
			item[name] = v
		}
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &s.deliveries, Item: item}})
	}
	return writes, nil
}

// stored are the attributes of an item besides its value.
func (s *Store) stored(k key, r domain.Record, until time.Time) map[string]types.AttributeValue {
	item := k.attributes()
	item[recordAttribute], item[ExpiresAt] = str(string(r)), num(until.Unix())
	return item
}

// TailHead is the number of the newest delivery that was kept for listeners of the webhook; 0 when none was.
func (s *Store) TailHead(ctx context.Context, w domain.WebhookID) (int64, error) {
	out, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk = :sk"),
		ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": str(tailHeadKey(w).pk), ":sk": str(tailHeadKey(w).sk),
		},
	})
	if err != nil || len(out.Items) == 0 {
		return 0, fault.Wrap(awsFault(err), "read the newest number of %s", w)
	}
	number, _ := out.Items[0]["number"].(*types.AttributeValueMemberN)
	if number == nil {
		return 0, nil
	}
	return strconv.ParseInt(number.Value, 10, 64)
}

// Tailed are the deliveries after a number, in their order, at most so many; more is true when others follow.
func (s *Store) Tailed(ctx context.Context, a domain.AccountID, w domain.WebhookID, after int64, most int) (
	found []Tailed, more bool, err error,
) {
	out, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(most)),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":pk": str(pullPartition(w)), ":from": str(tailedKey(w, after+1).sk), ":to": str(tailPrefix + "~"),
		},
	})
	if err != nil {
		return nil, false, fault.Wrap(awsFault(err), "read what is kept for listeners of %s", w)
	}
	for _, item := range out.Items {
		var t Tailed
		if err := unmarshal(item, &t.Delivery); err != nil {
			return nil, false, fault.Wrap(err, "decode %s", textOf(item, SortKey))
		}
		if t.Number, err = strconv.ParseInt(strings.TrimPrefix(textOf(item, SortKey), tailPrefix), 10, 64); err != nil {
			return nil, false, fault.Wrap(err, "decode %s", textOf(item, SortKey))
		}
		if t.Account == a {
			found = append(found, t)
		}
	}
	return found, len(out.LastEvaluatedKey) > 0, nil
}

// TheseEvents reads the events of deliveries, each once. An event that is gone is not in the answer.
func (s *Store) TheseEvents(ctx context.Context, of []events.Delivery) (map[domain.EventID]events.Event, error) {
	var keyed []events.Event
	for _, d := range of {
		same := func(e events.Event) bool { return e.ID == d.Event }
		if !slices.ContainsFunc(keyed, same) {
			keyed = append(keyed, events.Event{ID: d.Event, Account: d.Account, Contract: d.Contract})
		}
	}
	found, err := getAll(ctx, s, keyed)
	all := make(map[domain.EventID]events.Event, len(found))
	for _, e := range found {
		if e.ID != "" {
			all[e.ID] = e
		}
	}
	return all, err
}

// TailedAt is the delivery with that number. NotFound when it is not kept any more.
func (s *Store) TailedAt(ctx context.Context, a domain.AccountID, w domain.WebhookID, number int64) (Tailed, error) {
	found, _, err := s.Tailed(ctx, a, w, number-1, 1)
	if err == nil && (len(found) == 0 || found[0].Number != number) {
		err = fault.New(fault.NotFound, "not-found", "There is no such delivery.")
	}
	if err != nil {
		return Tailed{}, err
	}
	return found[0], nil
}
