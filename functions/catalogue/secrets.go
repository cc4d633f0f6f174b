package catalogue

import (
	"context"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// RotateLifecycleSecret makes a new secret, or the first, that events for the lifecycle endpoint are signed with, shown
// this once. Until the overlap is over, events bear the signatures of both.
func (s *Service) RotateLifecycleSecret(ctx context.Context,
	in *contract.RotateLifecycleSecretInput) (*contract.RotateLifecycleSecretOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	l, err := s.store.LifecycleSecret(ctx, e.ID)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	out := &contract.RotateLifecycleSecretOutput{}
	out.Body.Extension = e.ID
	if out.Body.LifecycleSecret, err = s.lifecycleSecret(ctx, e.ID, &l, domain.Overlap(in.Body.OverlapSeconds)); err !=
		nil {
		return nil, err
	}
	var tx store.Tx
	tx.Save(&l, l.Rev)
	return out, s.store.Commit(ctx, &tx, out)
}

// lifecycleSecret makes l, which may be the zero value, the next one of the extension.
func (s *Service) lifecycleSecret(ctx context.Context, e domain.ExtensionID, l *domain.LifecycleSecret,
	overlap time.Duration) (domain.ShownOnce, error) {
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
func (s *Service) firstLifecycleSecret(ctx context.Context, tx *store.Tx,
	b domain.Blueprint) (domain.ShownOnce, error) {
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
