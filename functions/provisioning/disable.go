package provisioning

import (
	"context"
	"slices"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// disable removes the resources of an installation's epoch: its webhooks, its token and its callback secret, which
// are dead already. Template types and fields stay for the contracts made from them. The lifecycle webhook stays to
// hear of the end. Dependencies are released, so that they can be disabled in turn.
func (s *Service) disable(ctx context.Context, i domain.Installation) error {
	if err := s.removeWebhooks(ctx, &i); err != nil {
		return err
	}
	installed, err := s.store.Installations(ctx, i.Account)
	if err != nil {
		return err
	}
	var tx store.Tx
	for _, dependency := range installed { // of this version, and of a version that a failed upgrade did not reach
		if dependency.Release(i.Extension) {
			tx.Replace(&dependency)
		}
	}
	before := i
	for _, r := range before.Resources {
		if r.Kind != domain.StepLifecycle {
			continue
		}
		i.Disown(r.ID)
		w, err := s.store.Webhook(ctx, i.Account, domain.WebhookID(r.ID))
		if fault.KindOf(err) == fault.NotFound {
			continue // the resource drifted away; failing here would make the extension impossible to disable
		}
		if err != nil {
			return err
		}
		s.endLifecycle(&tx, w)
	}
	for _, hash := range []string{i.TokenHash, i.PreviousTokenHash} {
		if hash != "" {
			tx.Discard(domain.Token{Hash: hash})
		}
	}
	i.TokenID, i.TokenHash, i.PreviousTokenHash = "", "", ""
	i.CallbackSecret, i.PreviousCallbackSecret, i.Setup = "", "", nil
	i.State, i.Released, i.UpdatedAt = domain.Disabled, true, s.now()
	use := domain.Use{}
	use.Change(before, i)
	tx.CountAll(i.Account, use)
	return s.commit(ctx, plugboard.InstallationDisabled, &i, &tx)
}

// webhooksAtOnce keeps a transaction well within DynamoDB's 100 items: a webhook takes three, and a blueprint may
// have 100 webhooks.
const webhooksAtOnce = 30

func (s *Service) removeWebhooks(ctx context.Context, i *domain.Installation) error {
	var ids []string
	for _, r := range i.Resources {
		if r.Kind == domain.StepWebhook {
			ids = append(ids, r.ID)
		}
	}
	for some := range slices.Chunk(ids, webhooksAtOnce) {
		var tx store.Tx
		before := *i
		for _, id := range some {
			tx.Retire(domain.Webhook{Account: i.Account, ID: domain.WebhookID(id)}, s.now())
			i.Disown(id)
		}
		use := domain.Use{}
		use.Change(before, *i)
		tx.CountAll(i.Account, use)
		tx.Replace(i)
		if err := s.store.Commit(ctx, &tx, nil); err != nil {
			return err
		}
	}
	return nil
}
