package provisioning

import (
	"context"
	"slices"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// disable clears away what an installation's epoch had: its webhooks and its token, dead already. Template
// types and fields stay, for the contracts that were made of them. Dependencies are released, so that they can
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
		if r.Kind == domain.StepWebhook {
			tx.Retire(domain.Webhook{Account: i.Account, ID: domain.WebhookID(r.ID)}, s.now())
			continue
		}
		kept = append(kept, r)
	}
	for _, hash := range []string{i.TokenHash, i.PreviousTokenHash} {
		if hash != "" {
			tx.Discard(domain.Token{Hash: hash})
		}
	}
	before := i
	i.Resources, i.TokenID, i.TokenHash, i.PreviousTokenHash = kept, "", "", ""
	i.State, i.UpdatedAt = domain.Disabled, s.now()
	use := domain.Use{}
	use.Change(before, i)
	tx.CountAll(i.Account, use)
	return s.commit(ctx, plugboard.InstallationDisabled, &i, &tx)
}
