package provisioning

import (
	"fmt"

	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// A lifecycle endpoint's webhook is made before all else, and outlives the installation for its last delivery.

func (s *Service) lifecycle(tx *store.Tx, i domain.Installation, b domain.Blueprint) (domain.ManagedResource, error) {
	if b.Lifecycle == nil {
		return domain.ManagedResource{}, fmt.Errorf("blueprint %s version %d has no lifecycle endpoint", b.Extension, b.Version)
	}
	now := s.now()
	w := domain.Webhook{
		Account: i.Account, ID: domain.LifecycleID(i.Account, i.Extension), Name: "lifecycle of " + string(i.Extension), Extension: i.Extension,
		Epoch: i.Epoch, Lifecycle: true, URL: b.Lifecycle.URL, EventTypes: []string{}, CreatedAt: now, UpdatedAt: now,
	}
	w.Bump()
	tx.Put(&w)
	return domain.ManagedResource{Kind: domain.StepLifecycle, ID: string(w.ID), Name: w.Name}, nil
}

// endLifecycle lets the webhook hear of this epoch's end, and of nothing that comes after.
func (s *Service) endLifecycle(tx *store.Tx, w domain.Webhook) {
	w.UpdatedAt = s.now()
	w.EndsAt = w.UpdatedAt.Add(domain.LifecycleKept)
	tx.Replace(&w)
}
