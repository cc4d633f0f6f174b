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

// The two signing secrets that are no webhook's: what partners sign callbacks with, one an installation, and what the
// events for a lifecycle endpoint are signed with, one an extension.

// RotateCallbackSecret makes a new one, shown this once. Conflict `hand-off` when the partner alone gets it,
// `installation-state` unless the installation is present.
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

// RotateLifecycleSecret makes a new one, or the first, shown this once. Until the overlap is over, events bear the
// signatures of both.
func (s *Service) RotateLifecycleSecret(ctx context.Context, in *contract.RotateLifecycleSecretInput) (*contract.RotateLifecycleSecretOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	l, err := s.store.LifecycleSecret(ctx, e.ID)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	overlap := keyOverlap
	if in.Body.OverlapSeconds != nil {
		overlap = time.Duration(*in.Body.OverlapSeconds) * time.Second
	}
	out := &contract.RotateLifecycleSecretOutput{}
	out.Body.Extension = e.ID
	if out.Body.LifecycleSecret, err = s.lifecycleSecret(ctx, e.ID, &l, overlap); err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Save(&l, l.Rev)
	return out, s.store.Commit(ctx, &tx, out)
}

// lifecycleSecret makes l, which may be the zero value, the next one of the extension.
func (s *Service) lifecycleSecret(ctx context.Context, e domain.ExtensionID, l *domain.LifecycleSecret, overlap time.Duration) (domain.ShownOnce, error) {
	plain := secret.NewSigningSecret()
	sealed, err := s.seal.Seal(ctx, "", domain.LifecycleResource(e), plain)
	if err != nil {
		return "", fault.Wrap(err, "the lifecycle secret of %s", e)
	}
	l.Extension, l.Previous, l.Secret, l.UpdatedAt = e, l.Secret, sealed, s.now()
	l.PreviousEndsAt = l.UpdatedAt.Add(overlap)
	return domain.ShownOnce(plain.Reveal()), nil
}

// firstLifecycleSecret puts the extension's first into tx, and shows it, when the blueprint declares an endpoint and
// there is none yet.
func (s *Service) firstLifecycleSecret(ctx context.Context, tx *store.Tx, b domain.Blueprint) (domain.ShownOnce, error) {
	if b.Lifecycle == nil {
		return "", nil
	}
	l, err := s.store.LifecycleSecret(ctx, b.Extension)
	if fault.KindOf(err) != fault.NotFound {
		return "", err
	}
	shown, err := s.lifecycleSecret(ctx, b.Extension, &l, 0)
	tx.Create(&l)
	return shown, err
}
