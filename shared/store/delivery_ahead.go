package store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Ahead holds the items that a batch of deliveries will need, read in one call. It answers like the store, and asks
// the store for anything else.
type Ahead struct {
	*Store
	asked map[key]bool
	items map[key]map[string]types.AttributeValue
}

// AheadOf names a webhook, and its extension if it is managed.
type AheadOf struct {
	Account   domain.AccountID
	Webhook   domain.WebhookID
	Extension domain.ExtensionID
}

// ReadAhead reads accounts, webhooks with their health, and installations consistently: ten webhooks in one call.
// Each item is a read unit, even a missing one. So a webhook and its health cost two, where the query of
// WebhookAndHealth costs one.
func (s *Store) ReadAhead(ctx context.Context, of []AheadOf) (*Ahead, error) {
	a := &Ahead{Store: s, asked: map[key]bool{}}
	var keys []key
	for _, o := range of {
		wanted := []key{accountKey(o.Account), webhookKey(o.Account, o.Webhook), healthKey(o.Account, o.Webhook)}
		if o.Extension != "" {
			wanted = append(wanted, installationKey(o.Account, o.Extension))
		}
		for _, k := range wanted {
			if !a.asked[k] {
				a.asked[k], keys = true, append(keys, k)
			}
		}
	}
	var err error
	a.items, err = s.items(ctx, keys)
	return a, err
}

func (a *Ahead) Account(ctx context.Context, id domain.AccountID) (domain.Account, error) {
	k := accountKey(id)
	if !a.asked[k] {
		return a.Store.Account(ctx, id)
	}
	return ahead[domain.Account](a, k, "account")
}

func (a *Ahead) WebhookAndHealth(ctx context.Context, of domain.AccountID,
	id domain.WebhookID) (domain.Webhook, domain.Health, error) {
	k := webhookKey(of, id)
	if !a.asked[k] {
		return a.Store.WebhookAndHealth(ctx, of, id)
	}
	w, err := ahead[domain.Webhook](a, k, "webhook")
	if err != nil {
		return domain.Webhook{}, domain.Health{}, err
	}
	var h domain.Health
	if _, ill := a.items[healthKey(of, id)]; ill {
		h, err = ahead[domain.Health](a, healthKey(of, id), "health")
	}
	return w, h.Of(w), err
}

func (a *Ahead) Installation(ctx context.Context, of domain.AccountID,
	e domain.ExtensionID) (domain.Installation, error) {
	k := installationKey(of, e)
	if !a.asked[k] {
		return a.Store.Installation(ctx, of, e)
	}
	return ahead[domain.Installation](a, k, "installation")
}

func ahead[T any](a *Ahead, k key, what string) (T, error) {
	var v T
	item, ok := a.items[k]
	if !ok {
		return v, fault.New(fault.NotFound, "not-found", "There is no such %s.", what)
	}
	return v, fault.Wrap(unmarshal(item, &v), "decode %s", k.sk)
}
