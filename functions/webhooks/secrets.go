package webhooks

import (
	"context"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// RotateSecret makes a webhook's next signing secret and shows it once, also for a managed webhook, whose secret is
// runtime state (design rule 8). Nobody can read an existing secret: an extension gets its first one here, by its
// token, and retries are then signed with both. A rotation is never refused for coming too soon, because a leak must
// be answered; the answer names the secrets that it ended.
//
// Conflict `partners-secret` for a lifecycle webhook, which is signed with its extension's secret in every account;
// `raced` after a concurrent change.
func (s *Service) RotateSecret(ctx context.Context,
	in *contract.RotateWebhookSecretInput) (*contract.RotateWebhookSecretOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	if w.Lifecycle {
		return nil, fault.New(fault.Conflict, "partners-secret",
			"The lifecycle webhook of %q is signed with a secret of its partner's, who alone has it.", w.Extension)
	}
	overlap := domain.Overlap(in.Body.OverlapSeconds)
	signing, now := secret.NewSigningSecret(), s.now()
	sealed, err := s.seal.Seal(ctx, w.Account, string(w.ID), signing)
	if err != nil {
		return nil, err
	}
	ended := w.Rotate(sealed, now, overlap)
	w.UpdatedAt = now
	var tx store.Tx
	tx.Replace(&w)
	out := &contract.RotateWebhookSecretOutput{}
	out.Body.Webhook, out.Body.SigningSecret = w.ID, domain.ShownOnce(signing.Reveal())
	out.Body.Secrets, out.Body.Ended = w.SecretsAt(now), domain.Known(ended)
	return out, s.store.Commit(ctx, &tx, out)
}
