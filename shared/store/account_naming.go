package store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Naming counts how often workspaces of the account were named and deleted. Read it before a workspace is looked up.
func (s *Store) Naming(ctx context.Context, a domain.AccountID) (domain.Naming, error) {
	n, err := get[domain.Naming](ctx, s, namingKey(a), "account")
	if fault.KindOf(err) == fault.NotFound {
		return domain.Naming{Account: a}, nil
	}
	return n, err
}

// NameWorkspaces makes the Tx fail if a workspace was deleted since seen was read.
func (t *Tx) NameWorkspaces(seen domain.Naming) *Write {
	return t.count(seen, "named", "deleted", seen.Deleted)
}

// DeleteWorkspace removes w unless a workspace was named since seen was read.
func (t *Tx) DeleteWorkspace(w *domain.Workspace, seen domain.Naming) *Write {
	t.Delete(w)
	return t.count(seen, "deleted", "named", seen.Named)
}

// count raises the count named up, on condition that the count named held is still was.
func (t *Tx) count(seen domain.Naming, up, held string, was int) *Write {
	k, record := keyOf(seen)
	condition := "#held = :was"
	if was == 0 {
		condition = "attribute_not_exists(#held) OR " + condition
	}
	return t.add(types.TransactWriteItem{Update: &types.Update{
		Key: k.attributes(), ConditionExpression: aws.String(condition),
		UpdateExpression:         aws.String("SET account_id = :a, #record = :r ADD #up :one"),
		ExpressionAttributeNames: map[string]string{"#record": recordAttribute, "#up": up, "#held": held},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":a": str(string(seen.Account)), ":r": str(string(record)), ":one": num(1), ":was": num(int64(was)),
		},
	}}, record)
}
