package provisioning

import (
	"context"
	"slices"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// disable clears away what an installation's epoch had: its webhooks, its token and its callback secret, dead already.
// Template types and fields stay, for the contracts that were made of them; the lifecycle webhook, to hear of this. Dependencies are released, so that they can
// be disabled in their turn.
func (s *Service) disable(ctx context.Context, i domain.Installation) error {
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return err
	}
	installed, err := s.store.Installations(ctx, i.Account)
	if err != nil {
		return err
	}
	var tx store.Tx
	for _, d := range b.Dependencies {
		dependency, ok := installed[d.Extension]
		if ok && slices.Contains(dependency.RequiredBy, i.Extension) {
			dependency.RequiredBy = slices.DeleteFunc(slices.Clone(dependency.RequiredBy), func(e domain.ExtensionID) bool { return e == i.Extension })
			tx.Replace(&dependency)
		}
	}
	var kept []domain.ManagedResource
	for _, r := range i.Resources {
		switch r.Kind {
		case domain.StepWebhook:
			tx.Retire(domain.Webhook{Account: i.Account, ID: domain.WebhookID(r.ID)}, s.now())
		case domain.StepLifecycle:
			w, err := s.store.Webhook(ctx, i.Account, domain.WebhookID(r.ID))
			if err != nil {
				return err
			}
			s.endLifecycle(&tx, w)
		default:
			kept = append(kept, r)
		}
	}
	for _, hash := range []string{i.TokenHash, i.PreviousTokenHash} {
		if hash != "" {
			tx.Discard(domain.Token{Hash: hash})
		}
	}
	before := i
	i.Resources, i.TokenID, i.TokenHash, i.PreviousTokenHash = kept, "", "", ""
	i.CallbackSecret, i.PreviousCallbackSecret, i.Setup = "", "", nil
	i.State, i.UpdatedAt = domain.Disabled, s.now()
	use := domain.Use{}
	use.Change(before, i)
	tx.CountAll(i.Account, use)
	return s.commit(ctx, plugboard.InstallationDisabled, &i, &tx)
}
