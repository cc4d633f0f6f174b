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

// RotateCallbackSecret makes a new secret for a partner to sign callbacks with, shown this once. Conflict `hand-off` when
// the partner alone gets it, `installation-state` unless the installation is present.
func (s *Service) RotateCallbackSecret(ctx context.Context, in *contract.RotateCallbackSecretInput) (*contract.RotateCallbackSecretOutput, error) {
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
	out.Body.CallbackSecret, err = s.callbackSecret(ctx, &i, i.UpdatedAt.Add(time.Duration(in.Body.OverlapSeconds)*time.Second))
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Replace(&i)
	return out, s.store.Commit(ctx, &tx, out)
}

// callbackSecret gives i a new one; that before ends at the time given.
func (s *Service) callbackSecret(ctx context.Context, i *domain.Installation, beforeEnds time.Time) (domain.ShownOnce, error) {
	plain := secret.NewSigningSecret()
	sealed, err := s.seal.Seal(ctx, i.Account, domain.CallbackResource(i.Extension), plain)
	if err != nil {
		return "", fault.Wrap(err, "the callback secret of %s in %s", i.Extension, i.Account)
	}
	i.PreviousCallbackSecret, i.PreviousCallbackEndsAt = i.CallbackSecret, beforeEnds
	i.CallbackSecret = sealed
	return domain.ShownOnce(plain.Reveal()), nil
}
