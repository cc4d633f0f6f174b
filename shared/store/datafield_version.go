package store

import (
	"math/rand/v2"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
)

// The version of a template type's fields (design rule 13). Each creation of a contract checks it. DynamoDB cancels a
// transaction that touches an item of another ongoing transaction, and a condition check touches its item. A
// transaction takes some 10 ms: at 100 creations a second, one item would be in use nearly all the time, and creations
// would end in 503. So the version has fieldsCopies items. A creation checks one of them, and another one after a
// conflict. A change of the version writes them all.
//
// By calculation at 100 creations a second and 10 ms, an item is in use for a quarter of the time. A creation then
// meets a conflict with a probability of about 0.25, and commitAttempts in a row with one below 1 in 10^9; at 20 ms, in
// 10^5.

// fieldsCopies is bounded by the transaction that disables an extension: 20 template types with all their items, and
// some ten other writes, of at most 100 (a DynamoDB quota).
const fieldsCopies = 4

// BumpFields raises the version of a template type's fields, so that a contract being created with the old fields
// fails.
func (t *Tx) BumpFields(a domain.AccountID, id domain.TemplateTypeID) {
	_, record := keyOf(domain.FieldsVersion{})
	for n := range fieldsCopies {
		t.add(types.TransactWriteItem{Update: &types.Update{
			Key: fieldsCopyKey(a, id, n).attributes(),
			UpdateExpression: aws.String("SET account_id = :a, template_type_id = :t, #record = :r ADD " +
				"version :one"),
			ExpressionAttributeNames: map[string]string{"#record": recordAttribute},
			ExpressionAttributeValues: map[string]types.AttributeValue{
				":a": str(string(a)), ":t": str(string(id)), ":r": str(string(record)), ":one": num(1),
			},
		}}, record)
	}
}

// HoldFields makes the Tx fail unless a template type's fields have that version. The item is under 200 bytes, since a
// condition check is billed at the item's size.
func (t *Tx) HoldFields(v domain.FieldsVersion) *Write {
	_, record := keyOf(v)
	n := rand.IntN(fieldsCopies)
	w := t.add(types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		Key: fieldsCopyKey(v.Account, v.TemplateType, n).attributes(), ConditionExpression: aws.String("version = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": num(int64(v.Version))},
	}}, record)
	w.another = func() key {
		n = (n + 1 + rand.IntN(fieldsCopies-1)) % fieldsCopies
		return fieldsCopyKey(v.Account, v.TemplateType, n)
	}
	return w
}

// RemoveFields removes the fields' version together with its template type, unless a template uses the type.
func (t *Tx) RemoveFields(a domain.AccountID, id domain.TemplateTypeID) *Write {
	_, record := keyOf(domain.FieldsVersion{})
	first := t.add(types.TransactWriteItem{Delete: &types.Delete{
		Key:                       fieldsKey(a, id).attributes(),
		ConditionExpression:       aws.String("attribute_not_exists(templates) OR templates = :none"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":none": num(0)},
	}}, record)
	for n := 1; n < fieldsCopies; n++ {
		t.add(types.TransactWriteItem{Delete: &types.Delete{Key: fieldsCopyKey(a, id, n).attributes()}}, record)
	}
	return first
}
