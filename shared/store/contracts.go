package store

import (
	"cmp"
	"context"
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

// ContractFilter narrows a list of contracts; what is empty does not.
type ContractFilter struct {
	Workspace     domain.WorkspaceID
	State         domain.ContractState
	Origin        domain.ExtensionID
	ExtensionType string
	NoOrigin      bool // made through no extension
}

const (
	filteredRead = 200 // entries that one query of a filtered list looks at; 200 KB at most
	listRounds   = 5   // so at most 4,000 a call
)

// Contracts lists an account's contracts that pass the filter, newest first, from those older than before on, which
// is empty for the newest. It returns limit at most, and after which to go on; that is empty when there are no more.
// There may be fewer than limit, and even none, with more to come: the filter let too few pass. Eventually consistent.
func (s *Store) Contracts(ctx context.Context, a domain.AccountID, f ContractFilter, before domain.ContractID, limit int) ([]domain.ContractSummary, domain.ContractID, error) {
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

// contractsRound asks every shard once, and merges what they say down to where all of them have looked.
func (s *Store) contractsRound(ctx context.Context, a domain.AccountID, f ContractFilter, before domain.ContractID, limit int) ([]domain.ContractSummary, domain.ContractID, error) {
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

// merge is the newest of what the shards found, as far down as all of them have looked.
func merge(shards []contractShard, limit int) ([]domain.ContractSummary, domain.ContractID) {
	var merged []domain.ContractSummary
	var down domain.ContractID // below it, some shard has not looked
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

// contractShard is what one shard says: what it found, and down to where it looked; empty when that was all.
type contractShard struct {
	found []domain.ContractSummary
	down  domain.ContractID
	err   error
}

func (s *Store) contractShard(ctx context.Context, partition string, f ContractFilter, before domain.ContractID, limit int) contractShard {
	in := &dynamodb.QueryInput{
		TableName: &s.accounts, IndexName: &ContractsIndex.Name, ScanIndexForward: aws.Bool(false), Limit: aws.Int32(int32(limit)),
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
		"workspace_id": string(f.Workspace), "state": string(f.State), "origin_extension_id": string(f.Origin), "extension_type": f.ExtensionType,
	} {
		if value != "" {
			in.ExpressionAttributeNames["#"+name] = name
			in.ExpressionAttributeValues[":"+name] = str(value)
			conditions = append(conditions, "#"+name+" = :"+name)
		}
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
