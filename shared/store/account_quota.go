package store

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
)

// Count adds n, which may be negative, to the use of a quota, in the transaction that creates or removes the counted
// things. So the count is exact under concurrency. The Tx fails with Conflict `quota-exceeded` when the limit is
// passed; lowering the count never fails. A Tx may count by a quota once, because DynamoDB takes one write an item.
func (t *Tx) Count(a domain.AccountID, q domain.Quota, n int) *Write {
	k, record := keyOf(domain.QuotaUse{Account: a, Quota: q})
	update := &types.Update{
		Key:                      k.attributes(),
		UpdateExpression:         aws.String("SET account_id = :a, quota = :q, #record = :r ADD used :n"),
		ExpressionAttributeNames: map[string]string{"#record": recordAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":a": str(string(a)), ":q": str(string(q)), ":r": str(string(record)), ":n": num(int64(n)),
		},
	}
	if n > 0 {
		room := domain.LimitOf(q).Limit - n
		update.ExpressionAttributeValues[":room"] = num(int64(room))
		update.ConditionExpression = aws.String("used <= :room")
		if room >= 0 {
			update.ConditionExpression = aws.String("attribute_not_exists(used) OR used <= :room")
		}
	}
	return t.add(types.TransactWriteItem{Update: update}, record).Else(q.Exceeded())
}

// CountAll counts by each quota whose use changes.
func (t *Tx) CountAll(a domain.AccountID, u domain.Use) {
	for _, q := range slices.Sorted(maps.Keys(u)) {
		if u[q] != 0 {
			t.Count(a, q, u[q])
		}
	}
}

// Uncount counts one fewer where the account has the count still. It fails with Conflict `raced` when the account was
// erased meanwhile, so that nothing is left of it.
func (t *Tx) Uncount(a domain.AccountID, q domain.Quota) *Write {
	w := t.Count(a, q, -1)
	w.item.Update.ConditionExpression = aws.String("attribute_exists(used)")
	return w.Else(raced(domain.RecordQuotaUse))
}
