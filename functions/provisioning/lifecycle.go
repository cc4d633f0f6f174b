package provisioning

import (
	"context"
	"fmt"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// A lifecycle endpoint's webhook is created before all other resources, and outlives the installation for its last
// delivery.

func (s *Service) lifecycle(ctx context.Context, tx *store.Tx, i *domain.Installation, b domain.Blueprint) error {
	if b.Lifecycle == nil {
		return fmt.Errorf("blueprint %s version %d has no lifecycle endpoint", b.Extension, b.Version)
	}
	found, err := s.store.Webhook(ctx, i.Account, domain.LifecycleID(i.Account, i.Extension))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	w := i.DefineLifecycle(*b.Lifecycle, found)
	if !w.SameDefinition(found) {
		if w.UpdatedAt = s.now(); w.CreatedAt.IsZero() {
			w.CreatedAt = w.UpdatedAt
		}
		tx.Save(&w, w.Rev)
	}
	i.Own(domain.ManagedResource{Kind: domain.StepLifecycle, ID: string(w.ID), Name: w.Name})
	return nil
}

// endLifecycle lets the webhook hear of this epoch's end and of nothing later.
func (s *Service) endLifecycle(tx *store.Tx, w domain.Webhook) {
	w.UpdatedAt = s.now()
	w.EndsAt = w.UpdatedAt.Add(domain.LifecycleKept)
	tx.Replace(&w)
	tx.Remember(w, w.UpdatedAt) // the log of its deliveries outlives the webhook
}
