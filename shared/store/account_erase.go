package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Where an account's data is, for its erasing (design rule 27). Items under ACCOUNT#<id> and CONTRACT#<id> are found
// by their partition. Data elsewhere is found through an item there, as named here. A test checks that every kind of
// record is found or belongs to no account.

// Belonging is one item of an account.
type Belonging struct {
	Record domain.Record
	// Extension is the extension of a trial or an installation; other records of that extension name the account.
	Extension domain.ExtensionID

	key    key
	logged bool // in the deliveries table
}

// Belongings is a page of the account's items, in an order in which no item outlives the item that leads to it. more
// is true when others remain. Erasing a page and asking again ends, wherever it is interrupted. The account's own
// item is not included. The contracts' index, which is read, may be a moment behind.
func (s *Store) Belongings(ctx context.Context, a domain.AccountID,
	most int) (found []Belonging, more bool, err error) {
	c := &collector{store: s, most: most, taken: map[Belonging]bool{}}
	for shard := range contractShards {
		for _, partition := range []string{contractPartition(a, shard), deletedPartition(a, shard)} {
			err = c.each(ctx, &dynamodb.QueryInput{
				TableName: &s.accounts, IndexName: &ContractsIndex.Name,
				KeyConditionExpression:    aws.String("#pk = :pk"),
				ExpressionAttributeNames:  map[string]string{"#pk": ContractsIndex.PartitionKey},
				ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(partition)},
			}, c.contract)
			if err != nil {
				return nil, false, fault.Wrap(err, "find the contracts of %s", a)
			}
		}
	}
	partitions := []string{accountKey(a).pk}
	for shard := range claimShards {
		partitions = append(partitions, claimPartition(a, shard))
	}
	for shard := range externalShards {
		partitions = append(partitions, externalPartition(a, shard))
	}
	for _, partition := range partitions {
		if err = c.each(ctx, s.partition(partition), c.item); err != nil {
			return nil, false, fault.Wrap(err, "find what %s has", a)
		}
	}
	return c.found, c.full, nil
}

func (s *Store) partition(pk string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName: &s.accounts, KeyConditionExpression: aws.String("pk = :pk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(pk)}, ConsistentRead: aws.Bool(true),
	}
}

// collector collects items up to its limit.
type collector struct {
	store *Store
	most  int
	found []Belonging
	full  bool // more items remain
	taken map[Belonging]bool
}

func (c *collector) each(ctx context.Context, in *dynamodb.QueryInput,
	take func(context.Context, map[string]types.AttributeValue) error) error {
	for pages := dynamodb.NewQueryPaginator(c.store.db, in); !c.full && pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return awsFault(err)
		}
		for _, item := range page.Items {
			if err := take(ctx, item); err != nil || c.full {
				return err
			}
		}
	}
	return nil
}

// take adds items that belong together, if all of them fit. An item that was taken before is not taken again: a
// webhook created again under its id leads to the same log as its predecessor.
func (c *collector) take(together ...Belonging) {
	together = slices.DeleteFunc(together, func(b Belonging) bool { return c.taken[b] })
	if len(c.found)+len(together) > c.most {
		c.full = true
		return
	}
	c.found = append(c.found, together...)
	for _, b := range together {
		c.taken[b] = true
	}
}

// contract takes all items of a contract; the item that leads to the others comes last. An index entry whose contract
// is erased leads to nothing.
func (c *collector) contract(ctx context.Context, entry map[string]types.AttributeValue) error {
	var head []Belonging
	err := c.each(ctx, c.store.partition(contractKey(domain.ContractID(textOf(entry, "id"))).pk),
		func(_ context.Context, item map[string]types.AttributeValue) error {
			b := belonging(item)
			switch b.Record {
			case domain.RecordContract:
				head = append(head, b)
			case domain.RecordContractSession:
				c.take(Belonging{Record: domain.RecordSession, key: sessionKey(textOf(item, "hash"))}, b)
			default:
				c.take(b)
			}
			return nil
		})
	if err == nil && !c.full {
		c.take(head...)
	}
	return err
}

// item takes one of the account's own items, after the items that it leads to.
func (c *collector) item(ctx context.Context, item map[string]types.AttributeValue) error {
	b := belonging(item)
	switch b.Record {
	case domain.RecordAccount: // erased last of all
	case domain.RecordOwnToken:
		c.take(token(textOf(item, "hash")), b)
	case domain.RecordAgent:
		c.take(Belonging{Record: domain.RecordAgentKey, key: key{"AGENTKEY#" + textOf(item, "hash"), "AGENTKEY"}}, b)
	case domain.RecordInstallation:
		extension := domain.ExtensionID(textOf(item, "extension_id"))
		account := domain.AccountID(textOf(item, "account_id"))
		together := []Belonging{{Record: domain.RecordDaily, key: dailyKey(account, extension)},
			{Record: domain.RecordInstalled, key: rosterKey(extension, account)}}
		for _, name := range []string{"token_hash", "previous_token_hash"} {
			if hash := textOf(item, name); hash != "" {
				together = append(together, token(hash))
			}
		}
		b.Extension = extension
		c.take(append(together, b)...)
	case domain.RecordIdempotency:
		if pk := textOf(item, "elsewhere"); pk != "" {
			c.take(Belonging{Record: domain.RecordIdempotency, key: key{pk, "IDEMPOTENCY"}}, b)
			break
		}
		c.take(b)
	case domain.RecordTrial, domain.RecordInvitation:
		b.Extension = domain.ExtensionID(textOf(item, "extension_id"))
		c.take(b)
	case domain.RecordWebhook, domain.RecordRetiredWebhook:
		var w struct {
			Account   domain.AccountID `json:"account_id"`
			ID        domain.WebhookID `json:"id"`
			CreatedAt time.Time        `json:"created_at"`
		}
		if err := unmarshal(item, &w); err != nil {
			return fault.Wrap(err, "decode %s", b.key.sk)
		}
		if err := c.log(ctx, w.ID, w.CreatedAt); err != nil || c.full {
			return err
		}
		if err := c.parked(ctx, w.Account, w.ID); err != nil || c.full {
			return err
		}
		if err := c.statistics(ctx, w.ID); err != nil || c.full {
			return err
		}
		if err := c.pulled(ctx, w.ID); err != nil || c.full {
			return err
		}
		c.take(b)
	default:
		c.take(b)
	}
	return nil
}

func token(hash string) Belonging { return Belonging{Record: domain.RecordToken, key: tokenKey(hash)} }

// log takes the delivery log of a webhook, by the days of its events, and the waiting deliveries that its last lines
// lead to. The first event of a webhook is at most a day older than the webhook, by clocks that differ. A line is
// kept for linesKept after its event.
func (c *collector) log(ctx context.Context, w domain.WebhookID, since time.Time) error {
	const day = 24 * time.Hour
	now := c.store.now()
	first := now.Add(-linesKept)
	if made := since.Add(-day); made.After(first) {
		first = made
	}
	for at := first; !at.After(now.Add(day)); at = at.Add(day) {
		for shard := range attemptShards {
			err := c.each(ctx, &dynamodb.QueryInput{
				TableName: &c.store.deliveries, KeyConditionExpression: aws.String("pk = :pk"),
				ProjectionExpression:     aws.String("pk, sk, event_id, #number, next_at"),
				ExpressionAttributeNames: map[string]string{"#number": "number"},
				ExpressionAttributeValues: map[string]types.AttributeValue{
					":pk": str(attemptPartition(w, at.UTC().Format(time.DateOnly), shard))},
				ConsistentRead: aws.Bool(true),
			}, func(ctx context.Context, item map[string]types.AttributeValue) error {
				b := belonging(item)
				b.Record, b.logged = domain.RecordAttempt, true
				waiting, err := c.waiting(ctx, w, item)
				c.take(append(waiting, b)...)
				return err
			})
			if err != nil || c.full {
				return err
			}
		}
	}
	return nil
}

// waiting is the delivery that waits for the attempt after the line, if any.
func (c *collector) waiting(ctx context.Context, w domain.WebhookID,
	line map[string]types.AttributeValue) ([]Belonging, error) {
	var a domain.Attempt
	if err := unmarshal(line, &a); err != nil {
		return nil, fault.Wrap(err, "decode %s", textOf(line, SortKey))
	}
	if a.NextAt.IsZero() {
		return nil, nil
	}
	var found []Belonging
	k := dueKey(a.NextAt, domain.DeliveryOf(a.Event, w), a.Number+1)
	err := c.each(ctx, &dynamodb.QueryInput{
		TableName: &c.store.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk = :sk"),
		ProjectionExpression:      aws.String("pk, sk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(k.pk), ":sk": str(k.sk)},
		ConsistentRead:            aws.Bool(true),
	}, func(context.Context, map[string]types.AttributeValue) error {
		found = []Belonging{{Record: domain.RecordDue, key: k, logged: true}}
		return nil
	})
	return found, err
}

// linesKept is how long after its event a delivery may have lines. The last attempt is made within RetriesWithin, or
// after as long a wait for a breaker, and its line is kept for attemptsKept.
const linesKept = attemptsKept + domain.RetriesWithin + domain.ParkedKept

// parked takes the deliveries parked for the webhook, and its entry among the watched webhooks.
func (c *collector) parked(ctx context.Context, a domain.AccountID, w domain.WebhookID) error {
	logged := func(r domain.Record) func(context.Context, map[string]types.AttributeValue) error {
		return func(_ context.Context, item map[string]types.AttributeValue) error {
			b := belonging(item)
			b.Record, b.logged = r, true
			c.take(b)
			return nil
		}
	}
	for shard := range parkedShards {
		err := c.each(ctx, &dynamodb.QueryInput{
			TableName: &c.store.deliveries, KeyConditionExpression: aws.String("pk = :pk"),
			ProjectionExpression:      aws.String("pk, sk"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(parkedPartition(w, shard))},
			ConsistentRead:            aws.Bool(true),
		}, logged(domain.RecordParked))
		if err != nil || c.full {
			return err
		}
	}
	k := watchedKey(a, w)
	return c.each(ctx, &dynamodb.QueryInput{
		TableName: &c.store.deliveries, KeyConditionExpression: aws.String("pk = :pk AND sk = :sk"),
		ProjectionExpression:      aws.String("pk, sk"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(k.pk), ":sk": str(k.sk)},
		ConsistentRead:            aws.Bool(true),
	}, logged(domain.RecordWatched))
}

// statistics takes the webhook's figures.
func (c *collector) statistics(ctx context.Context, w domain.WebhookID) error {
	return c.each(ctx, &dynamodb.QueryInput{
		TableName: &c.store.deliveries, KeyConditionExpression: aws.String("pk = :pk"),
		ProjectionExpression: aws.String("pk, sk"), ConsistentRead: aws.Bool(true),
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(statisticsKey(w, time.Time{}).pk)},
	}, func(_ context.Context, item map[string]types.AttributeValue) error {
		b := belonging(item)
		b.Record, b.logged = domain.RecordStatistics, true
		c.take(b)
		return nil
	})
}

// pulled takes what is kept for a webhook's listeners, and the lease of its agents.
func (c *collector) pulled(ctx context.Context, w domain.WebhookID) error {
	return c.each(ctx, &dynamodb.QueryInput{
		TableName: &c.store.deliveries, KeyConditionExpression: aws.String("pk = :pk"),
		ProjectionExpression:      aws.String("pk, sk, #record"),
		ExpressionAttributeNames:  map[string]string{"#record": recordAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(pullPartition(w))},
		ConsistentRead:            aws.Bool(true),
	}, func(_ context.Context, item map[string]types.AttributeValue) error {
		b := belonging(item)
		b.logged = true
		c.take(b)
		return nil
	})
}

func belonging(item map[string]types.AttributeValue) Belonging {
	return Belonging{Record: domain.Record(textOf(item, recordAttribute)),
		key: key{textOf(item, PartitionKey), textOf(item, SortKey)}}
}

func textOf(item map[string]types.AttributeValue, name string) string {
	s, _ := item[name].(*types.AttributeValueMemberS)
	if s == nil {
		return ""
	}
	return s.Value
}

// Erase removes the items that Belongings found.
func (t *Tx) Erase(found []Belonging) {
	for _, b := range found {
		w := t.add(types.TransactWriteItem{Delete: &types.Delete{Key: b.key.attributes()}}, b.Record)
		w.logged = b.logged
	}
}

// Living makes the Tx fail unless the account exists and is not being deleted.
func (t *Tx) Living(a domain.AccountID) *Write {
	k, record := keyOf(domain.Account{ID: a})
	return t.add(types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		Key: k.attributes(), ConditionExpression: aws.String(
			"attribute_exists(pk) AND (attribute_not_exists(#state) OR #state <> :deleting)"),
		ExpressionAttributeNames:  map[string]string{"#state": "state"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":deleting": str(string(domain.AccountDeleting))},
	}}, record)
}

// Retire removes a webhook at any revision, and remembers it while its delivery log is kept.
func (t *Tx) Retire(w domain.Webhook, now time.Time) {
	t.Discard(w)
	t.Remember(w, now)
}

// Remember keeps the part of a removed webhook that leads to its delivery log, and removes its health.
func (t *Tx) Remember(w domain.Webhook, now time.Time) {
	t.Discard(domain.Health{Account: w.Account, Webhook: w.ID})
	if w.CreatedAt.IsZero() {
		w.CreatedAt = now.Add(-linesKept)
	}
	t.Put(&domain.RetiredWebhook{Account: w.Account, ID: w.ID, CreatedAt: w.CreatedAt, ForgetAt: now.Add(linesKept)})
}

// Deletion is the account's newest deletion; NotFound when it was never deleted.
func (s *Store) Deletion(ctx context.Context, a domain.AccountID) (domain.Deletion, error) {
	all, err := list[domain.Deletion](ctx, s, deletionKey(a, "").pk, "del_")
	if err == nil && len(all) == 0 {
		err = fault.New(fault.NotFound, "not-found", "This account was never deleted.")
	}
	if err != nil {
		return domain.Deletion{}, err
	}
	return slices.MaxFunc(all, func(x, y domain.Deletion) int { return x.AskedAt.Compare(y.AskedAt) }), nil
}

func deletedPartition(a domain.AccountID, shard int) string {
	return contractPartition(a, shard) + "#DELETED"
}

const claimShards = 4

func claimPartition(a domain.AccountID, shard int) string {
	return fmt.Sprintf("ACCOUNT#%s#IDEMPOTENCY#%d", a, shard)
}
