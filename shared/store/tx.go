package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/trace"
)

// Raced is the code of the Conflict of a failed condition, unless the write says otherwise: the item changed, or was
// created, since it was read.
const Raced = "raced"

// Tx collects writes that happen together or not at all: at most 100, 4 MB (DynamoDB quota). The zero value is ready.
// An encoding error shows at Commit.
type Tx struct {
	writes []*Write
	err    error
	answer domain.AccountID // the account that the recorded answer is about, where the request does not say it
}

// AnswersOf says which account the recorded answer is about when the request is about none, so that the account's
// erasing finds it.
func (t *Tx) AnswersOf(a domain.AccountID) { t.answer = a }

// Write is one write of a Tx. When its condition fails, the whole Tx fails with that write's error.
type Write struct {
	item      types.TransactWriteItem
	otherwise error
	logged    bool       // in the deliveries table
	another   func() key // of a check that several items serve: the item to check after a conflict
}

// Else sets the error that Commit returns when this write's condition fails.
func (w *Write) Else(err error) *Write {
	w.otherwise = err
	return w
}

func raced(r domain.Record) error {
	return fault.New(fault.Conflict, Raced, "Someone changed the %s at the same moment. Read it again and repeat.", r)
}

type revised interface{ Bump() int }

// expiring is a value that DynamoDB may remove once it has ended; a zero time keeps it.
type expiring interface{ Ends() time.Time }

// Create writes v, a pointer to a stored type, unless its key exists. Its revision becomes 1.
func (t *Tx) Create(v any) *Write {
	if r, ok := v.(revised); ok {
		r.Bump()
	}
	return t.put(v, absent, nil)
}

// Put writes v whether or not its key exists.
func (t *Tx) Put(v any) *Write { return t.put(v, "", nil) }

// Replace writes v if the stored revision is v's, and raises it by one.
func (t *Tx) Replace(v revised) *Write {
	return t.put(v, "rev = :rev", map[string]types.AttributeValue{":rev": num(int64(v.Bump()))})
}

// Save creates v when its revision is 0, and replaces it otherwise.
func (t *Tx) Save(v revised, rev int) *Write {
	if rev == 0 {
		return t.Create(v)
	}
	return t.Replace(v)
}

// Delete removes v at its revision.
func (t *Tx) Delete(v revised) *Write {
	k, record := keyOf(deref(v))
	return t.add(types.TransactWriteItem{Delete: &types.Delete{
		Key: k.attributes(), ConditionExpression: aws.String("rev = :rev"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":rev": num(int64(v.Bump()))},
	}}, record)
}

// Discard removes v at any revision, even when it is absent.
func (t *Tx) Discard(v any) *Write {
	k, record := keyOf(deref(v))
	return t.add(types.TransactWriteItem{Delete: &types.Delete{Key: k.attributes()}}, record)
}

// Unchanged makes the Tx fail unless v is stored at its revision.
func (t *Tx) Unchanged(v any, rev int) *Write {
	k, record := keyOf(deref(v))
	return t.add(types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		Key: k.attributes(), ConditionExpression: aws.String("rev = :rev"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":rev": num(int64(rev))},
	}}, record)
}

// Exists makes the Tx fail unless v is stored, at any revision.
func (t *Tx) Exists(v any) *Write {
	k, record := keyOf(deref(v))
	return t.add(types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		Key: k.attributes(), ConditionExpression: aws.String("attribute_exists(pk)"),
	}}, record)
}

// HoldListed makes the Tx fail unless the extension is listed at that version.
func (t *Tx) HoldListed(e domain.ExtensionID, version int) *Write {
	k, record := keyOf(domain.Extension{ID: e})
	return t.add(types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		Key: k.attributes(), ConditionExpression: aws.String("listed_version = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": num(int64(version))},
	}}, record)
}

// UseType counts new templates of a type, which must exist.
func (t *Tx) UseType(a domain.AccountID, id domain.TemplateTypeID, templates int) *Write {
	k, record := keyOf(domain.FieldsVersion{Account: a, TemplateType: id})
	return t.add(types.TransactWriteItem{Update: &types.Update{
		Key: k.attributes(), ConditionExpression: aws.String("attribute_exists(pk)"),
		UpdateExpression:          aws.String("ADD templates :n"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":n": num(int64(templates))},
	}}, record)
}

// Emit commits the event with the change. Fan-out reads it from the table's stream. The item expires after 30 days.
func (t *Tx) Emit(e events.Event) *Write { return t.outbox(e, OutboxEvent) }

// Provision commits a message to provisioning with the change.
func (t *Tx) Provision(p events.Provision) *Write { return t.outbox(p, OutboxProvision) }

// Resend commits, with the change, the repeat of a delivery or the next page of a replay job.
func (t *Tx) Resend(r events.Resend) *Write { return t.outbox(r, OutboxResend) }

// ReserveEmail reserves the user's e-mail within the account. Conflict when another user has it.
func (t *Tx) ReserveEmail(u domain.User) *Write {
	r := reservation{Account: u.Account, Email: u.Email, User: u.ID}
	return t.put(r, "attribute_not_exists(pk) OR user_id = :user",
		map[string]types.AttributeValue{":user": str(string(u.ID))})
}

// ReleaseEmail frees an e-mail.
func (t *Tx) ReleaseEmail(u domain.User) *Write {
	return t.Discard(reservation{Account: u.Account, Email: u.Email})
}

func (t *Tx) outbox(v any, purpose string) *Write {
	w := t.put(v, absent, nil)
	if w.item.Put != nil {
		w.item.Put.Item[OutboxAttribute] = str(purpose)
	}
	return w
}

func (t *Tx) put(v any, condition string, values map[string]types.AttributeValue) *Write {
	v = deref(v)
	k, record := keyOf(v)
	item, err := marshal(v)
	if err != nil {
		t.err = errors.Join(t.err, fmt.Errorf("encode %s: %w", k.sk, err))
		return &Write{}
	}
	item[PartitionKey], item[SortKey], item[recordAttribute] = str(k.pk), str(k.sk), str(string(record))
	if in := indexed(v); in.pk != "" {
		item[ContractsIndex.PartitionKey], item[ContractsIndex.SortKey] = str(in.pk), str(in.sk)
	}
	if e, ok := v.(expiring); ok && !e.Ends().IsZero() {
		item[ExpiresAt] = num(e.Ends().Unix())
	}
	put := &types.Put{Item: item, ExpressionAttributeValues: values}
	if condition != "" {
		put.ConditionExpression = &condition
	}
	return t.add(types.TransactWriteItem{Put: put}, record)
}

func (t *Tx) add(item types.TransactWriteItem, record domain.Record) *Write {
	w := &Write{item: item, otherwise: raced(record)}
	t.writes = append(t.writes, w)
	return w
}

func deref(v any) any {
	return reflect.Indirect(reflect.ValueOf(v)).Interface()
}

const (
	recordAttribute = "record"
	absent          = "attribute_not_exists(pk)"

	OutboxEvent     = "event"
	OutboxProvision = "provision"
	OutboxResend    = "resend"

	// commitAttempts is how often a transaction is tried that meets others: over some four seconds.
	commitAttempts = 16
)

// Commit makes the writes, all or none. Under an Idempotency-Key, the answer is recorded with them, without secrets,
// so that a repeated request never finds one without the other.
//
// A failed condition returns that write's error, the first in the order of the Tx. Transaction conflicts and
// throttling are retried with jitter, and end as Unavailable. Invalid `too-large` when an item would exceed 400 KB.
func (s *Store) Commit(ctx context.Context, t *Tx, answer any) error {
	if t.err != nil {
		return fault.Wrap(t.err, "commit")
	}
	writes := t.writes
	c := claimFrom(ctx)
	if c != nil {
		w, err := c.record(answer)
		if err != nil {
			return fault.Wrap(err, "record the answer")
		}
		writes = append(writes[:len(writes):len(writes)], w)
		if c.Account == "" && t.answer != "" {
			pointer := &Tx{}
			pointer.Put(c.elsewhere(t.answer))
			writes = append(writes, pointer.writes...)
		}
	}
	if len(writes) == 0 {
		return nil
	}
	pending, err := s.pending(writes)
	if err != nil {
		return err
	}
	writes = append(writes[:len(writes):len(writes)], pending...)
	items := make([]types.TransactWriteItem, len(writes))
	for i, w := range writes {
		if items[i] = s.prepared(ctx, w.item); w.logged {
			items[i].Delete.TableName = &s.deliveries
		}
	}
	for attempt := 1; ; attempt++ {
		_, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
		var canceled *types.TransactionCanceledException
		switch {
		case err == nil:
			if c != nil {
				c.recorded = true
			}
			return nil
		case !errors.As(err, &canceled):
			return fault.Wrap(awsFault(err), "commit %d writes", len(items))
		}
		again := false
		for i, reason := range canceled.CancellationReasons {
			switch aws.ToString(reason.Code) {
			case "ConditionalCheckFailed":
				return writes[i].otherwise
			case "ValidationError":
				if strings.Contains(aws.ToString(reason.Message), itemTooLarge) {
					return tooLarge(err)
				}
			case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
				again = true
			}
		}
		if !again {
			return fault.Wrap(err, "commit %d writes", len(items))
		}
		if attempt == commitAttempts {
			return &fault.Error{Kind: fault.Unavailable, Code: "busy",
				Detail: "Too many changes of the same thing at once. Try again in a moment.", Op: "commit", Err: err}
		}
		for i, w := range writes {
			if w.another != nil {
				items[i].ConditionCheck.Key = w.another().attributes()
			}
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), "commit, waiting to try again")
		case <-time.After(s.jitter(attempt)):
		}
	}
}

// pending adds the pending marker of each outbox item among the writes, and dates the items.
func (s *Store) pending(writes []*Write) ([]*Write, error) {
	var all []*Write
	now := s.now()
	for _, w := range writes {
		if w.item.Put == nil || textOf(w.item.Put.Item, OutboxAttribute) == "" {
			continue
		}
		stored := w.item.Put.Item
		stored[acceptedAt] = str(now.Format(time.RFC3339Nano))
		item, err := Pending{Item{textOf(stored, PartitionKey), textOf(stored, SortKey)}, now}.item()
		if err != nil {
			return nil, err
		}
		all = append(all, &Write{item: types.TransactWriteItem{Put: &types.Put{Item: item}},
			otherwise: raced(domain.RecordPending)})
	}
	return all, nil
}

// prepared adds what only the store knows: the table, and an outbox item's expiry and trace.
func (s *Store) prepared(ctx context.Context, item types.TransactWriteItem) types.TransactWriteItem {
	switch {
	case item.Put != nil:
		item.Put.TableName = &s.accounts
		if _, outbox := item.Put.Item[OutboxAttribute]; outbox {
			item.Put.Item[ExpiresAt] = num(s.now().Add(outboxKept).Unix())
			if id := trace.From(ctx); id != "" {
				item.Put.Item["trace"] = str(string(id))
			}
		}
	case item.Update != nil:
		item.Update.TableName = &s.accounts
	case item.Delete != nil:
		item.Delete.TableName = &s.accounts
	case item.ConditionCheck != nil:
		item.ConditionCheck.TableName = &s.accounts
	}
	return item
}

// backoff is full jitter over 20 ms, doubled at each attempt up to 640 ms.
func backoff(attempt int) time.Duration {
	return time.Duration(rand.Int64N(int64(20*time.Millisecond) << min(attempt, 5)))
}
