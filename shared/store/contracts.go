package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// An account's contracts, by their index.

// ContractFilter narrows a list of contracts. An empty field does not narrow.
type ContractFilter struct {
	Workspace     domain.WorkspaceID
	Among         []domain.WorkspaceID // any of these, at most 100: the operands that DynamoDB's IN takes
	State         domain.ContractState
	Origin        domain.ExtensionID
	ExtensionType string
	NoOrigin      bool // only contracts made through no extension
}

const (
	filteredRead = 200 // entries that one query of a filtered list reads; 200 KB at most
	listRounds   = 5   // so a call reads at most 4,000 entries
)

// Contracts lists an account's contracts that pass the filter, newest first, older than before; an empty before
// starts at the newest. It returns at most limit contracts, and the place to continue at, which is empty at the end.
// A page may be short or empty while more follow, because the filter let few pass. Eventually consistent.
func (s *Store) Contracts(ctx context.Context, a domain.AccountID, f ContractFilter, before domain.ContractID,
	limit int) ([]domain.ContractSummary, domain.ContractID, error) {
	found := []domain.ContractSummary{}
	for range listRounds {
		more, next, err := s.contractsRound(ctx, a, f, before, limit-len(found))
		if err != nil {
			return nil, "", err
		}
		if found, before = append(found, more...), next; before == "" || len(found) == limit {
			break
		}
	}
	return found, before, nil
}

// contractsRound queries every shard once, and merges the results down to the point that all shards have reached.
func (s *Store) contractsRound(ctx context.Context, a domain.AccountID, f ContractFilter, before domain.ContractID,
	limit int) ([]domain.ContractSummary, domain.ContractID, error) {
	shards := make([]contractShard, contractShards)
	var asking sync.WaitGroup
	for n := range shards {
		asking.Go(func() { shards[n] = s.contractShard(ctx, contractPartition(a, n), f, before, limit) })
	}
	asking.Wait()
	for _, shard := range shards {
		if shard.err != nil {
			return nil, "", fault.Wrap(shard.err, "list the contracts of %s", a)
		}
	}
	found, down := merge(shards, limit)
	return found, down, nil
}

// merge is the newest of the shards' results, down to the point that all shards have reached.
func merge(shards []contractShard, limit int) ([]domain.ContractSummary, domain.ContractID) {
	var merged []domain.ContractSummary
	var down domain.ContractID // some shard has not read below this id
	for _, shard := range shards {
		merged, down = append(merged, shard.found...), max(down, shard.down)
	}
	merged = slices.DeleteFunc(merged, func(c domain.ContractSummary) bool { return c.ID < down })
	slices.SortFunc(merged, func(a, b domain.ContractSummary) int { return cmp.Compare(b.ID, a.ID) })
	if len(merged) > limit {
		merged = merged[:limit]
		down = merged[limit-1].ID
	}
	return merged, down
}

// contractShard is the result of one shard, and the id down to which it was read; empty when it was read to its end.
type contractShard struct {
	found []domain.ContractSummary
	down  domain.ContractID
	err   error
}

func (s *Store) contractShard(ctx context.Context, partition string, f ContractFilter, before domain.ContractID,
	limit int) contractShard {
	in := &dynamodb.QueryInput{
		TableName: &s.accounts, IndexName: &ContractsIndex.Name, ScanIndexForward: aws.Bool(false),
		Limit:                     aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("#pk = :pk"),
		ExpressionAttributeNames:  map[string]string{"#pk": ContractsIndex.PartitionKey},
		ExpressionAttributeValues: map[string]types.AttributeValue{":pk": str(partition)},
	}
	if before != "" {
		in.KeyConditionExpression = aws.String("#pk = :pk AND #sk < :before")
		in.ExpressionAttributeNames["#sk"] = ContractsIndex.SortKey
		in.ExpressionAttributeValues[":before"] = str(string(before))
	}
	var conditions []string
	for name, value := range map[string]string{
		"workspace_id": string(f.Workspace), "state": string(f.State), "origin_extension_id": string(f.Origin),
		"extension_type": f.ExtensionType,
	} {
		if value != "" {
			in.ExpressionAttributeNames["#"+name] = name
			in.ExpressionAttributeValues[":"+name] = str(value)
			conditions = append(conditions, "#"+name+" = :"+name)
		}
	}
	if len(f.Among) > 0 {
		in.ExpressionAttributeNames["#workspace_id"] = "workspace_id"
		var operands []string
		for n, w := range f.Among {
			operands = append(operands, fmt.Sprintf(":among%d", n))
			in.ExpressionAttributeValues[operands[n]] = str(string(w))
		}
		conditions = append(conditions, "#workspace_id IN ("+strings.Join(operands, ", ")+")")
	}
	if f.NoOrigin {
		in.ExpressionAttributeNames["#origin_extension_id"] = "origin_extension_id"
		conditions = append(conditions, "attribute_not_exists(#origin_extension_id)")
	}
	if len(conditions) > 0 {
		in.FilterExpression = aws.String(strings.Join(conditions, " AND "))
		in.Limit = aws.Int32(filteredRead)
	}
	out, err := s.db.Query(ctx, in)
	if err != nil {
		return contractShard{err: awsFault(err)}
	}
	var shard contractShard
	for _, item := range out.Items {
		var c domain.ContractSummary
		if err := unmarshal(item, &c); err != nil {
			return contractShard{err: err}
		}
		shard.found = append(shard.found, c)
	}
	if last, ok := out.LastEvaluatedKey[ContractsIndex.SortKey].(*types.AttributeValueMemberS); ok {
		shard.down = domain.ContractID(last.Value)
	}
	return shard
}
