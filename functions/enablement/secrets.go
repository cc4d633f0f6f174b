package enablement

import (
	"context"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// RotateCallbackSecret makes a new secret for a partner to sign callbacks with, shown this once. The secret before
// stays good for a day unless the caller says otherwise. Conflict `hand-off` when the partner alone gets it,
// `installation-state` unless the installation is present.
func (s *Service) RotateCallbackSecret(ctx context.Context,
	in *contract.RotateCallbackSecretInput) (*contract.RotateCallbackSecretOutput, error) {
	i, b, err := s.present(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	if b.Setup != nil {
		return nil, domain.HandedOff(i.Extension)
	}
	i.UpdatedAt = s.now()
	out := &contract.RotateCallbackSecretOutput{}
	out.Body.Extension = i.Extension
	overlap := domain.Overlap(in.Body.OverlapSeconds)
	if i.CallbackSecret != "" {
		out.Body.BeforeEndsAt = i.UpdatedAt.Add(overlap)
		if overlap == 0 {
			out.Body.Warning = "The secret before ended at once: callbacks that are signed with it get 401."
		}
	}
	out.Body.CallbackSecret, err = s.callbackSecret(ctx, &i, i.UpdatedAt.Add(overlap))
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Replace(&i)
	return out, s.store.Commit(ctx, &tx, out)
}

// callbackSecret gives i a new one; that before ends at the time given.
func (s *Service) callbackSecret(ctx context.Context, i *domain.Installation,
	beforeEnds time.Time) (domain.ShownOnce, error) {
	plain := secret.NewSigningSecret()
	sealed, err := s.seal.Seal(ctx, i.Account, domain.CallbackResource(i.Extension), plain)
	if err != nil {
		return "", fault.Wrap(err, "the callback secret of %s in %s", i.Extension, i.Account)
	}
	i.PreviousCallbackSecret, i.PreviousCallbackEndsAt = i.CallbackSecret, beforeEnds
	i.CallbackSecret = sealed
	return domain.ShownOnce(plain.Reveal()), nil
}
