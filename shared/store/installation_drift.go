package store

import (
	"context"
	"fmt"
	"hash/crc32"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Daily is an installation's entry in the list of all installations, which the daily check walks. It is made at the
// first enabling and stays as long as the account.
type Daily struct {
	Account   domain.AccountID   `json:"account_id"`
	Extension domain.ExtensionID `json:"extension_id"`
}

// DailyShards is the number of partitions of the list.
const DailyShards = 16

// dailyKey hides the account's id, because the walk's messages name keys and outlive an account.
func dailyKey(a domain.AccountID, e domain.ExtensionID) key {
	sk := domain.DerivedID("ins", string(a), string(e))
	return key{dailyPartition(int(crc32.ChecksumIEEE([]byte(sk)) % DailyShards)), sk}
}

func dailyPartition(shard int) string { return fmt.Sprintf("DAILY#%d", shard) }

// Enlist adds an installation to the list of all installations.
func (t *Tx) Enlist(i domain.Installation) {
	t.Put(&Daily{Account: i.Account, Extension: i.Extension})
}

// DailyIn is a page of one partition of the list, after the named entry; empty starts at the first. The second result
// is the place to continue at; empty at the end.
func (s *Store) DailyIn(ctx context.Context, shard int, after string, most int) ([]Daily, string, error) {
	in := s.partition(dailyPartition(shard))
	in.Limit = aws.Int32(int32(most))
	if after != "" {
		in.ExclusiveStartKey = key{dailyPartition(shard), after}.attributes()
	}
	out, err := s.db.Query(ctx, in)
	if err != nil {
		return nil, "", fault.Wrap(awsFault(err), "list the installations of shard %d", shard)
	}
	var page []Daily
	for _, item := range out.Items {
		var i Daily
		if err := unmarshal(item, &i); err != nil {
			return nil, "", fault.Wrap(err, "decode a place in the list of installations")
		}
		page = append(page, i)
	}
	next, _ := out.LastEvaluatedKey[SortKey].(*types.AttributeValueMemberS)
	if next == nil {
		return page, "", nil
	}
	return page, next.Value, nil
}

// Managed reads the existing resources that the installation manages by that blueprint.
func (s *Store) Managed(ctx context.Context, i domain.Installation, b domain.Blueprint) (domain.Managed, error) {
	m := domain.Managed{TemplateTypes: map[domain.TemplateTypeID]domain.TemplateType{},
		Webhooks: map[domain.WebhookID]domain.Webhook{}}
	for _, declared := range b.TemplateTypes {
		t, err := s.TemplateType(ctx, i.Account, i.TemplateTypeID(declared.Key))
		switch {
		case err == nil:
			m.TemplateTypes[t.ID] = t
		case fault.KindOf(err) != fault.NotFound:
			return m, err
		}
	}
	declared := i.WebhookIDs(b)
	webhooks, err := s.Webhooks(ctx, i.Account)
	if err != nil {
		return m, err
	}
	for _, w := range webhooks {
		if w.Extension == i.Extension || declared[w.ID] { // a webhook that lost its extension is compared too
			m.Webhooks[w.ID] = w
		}
	}
	if i.TokenHash == "" {
		return m, nil
	}
	m.Token, err = s.Token(ctx, i.TokenHash)
	if fault.KindOf(err) == fault.NotFound {
		return m, nil
	}
	return m, err
}

// Empty is true when there is nothing to commit.
func (t *Tx) Empty() bool { return len(t.writes) == 0 && t.err == nil }
