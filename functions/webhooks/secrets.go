package webhooks

import (
	"context"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// RotateSecret makes a webhook's next signing secret, shown this once: of the account's own, and of a managed one,
// whose secret is runtime state (design rule 8). Nobody reads a secret that there is: an extension gets its first one
// here, by its token, and what was signed before that is tried again signed with both. A leak must always be answered,
// so that a rotation is never refused for coming too soon after another; the answer tells what that ended.
//
// Conflict `partners-secret` for a lifecycle webhook, which is signed with the secret of its extension, in every
// account the same; `raced` when it changed in between.
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
