package delivery

import (
	"context"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// signer signs with one of a webhook's secrets.
type signer struct {
	*standardwebhooks.Webhook
	secret domain.Secret
}

// signers are a target's signers, each opened at its first delivery and kept as long as the target. In memory they
// reveal no more than the data keys beside them, which open them all (design rule 22).
type signers struct {
	mu     sync.Mutex
	opened map[domain.Sealed]signer
}

// signed is a signature and its secret.
type signed struct {
	secret    domain.Secret
	signature string
}

// sign signs with each valid secret.
func (s *Service) sign(ctx context.Context, t *target, d events.Delivery, at time.Time,
	payload []byte) ([]signed, error) {
	account, resource, sealed := d.Account, string(d.Webhook), t.Webhook.Signers(at)
	if t.Webhook.Lifecycle {
		account, resource, sealed = "", domain.LifecycleResource(t.Webhook.Extension), t.lifecycle
	}
	all := make([]signed, len(sealed))
	for i, box := range sealed {
		by, err := t.signers.get(box, func() (domain.Secret, error) { return s.open.Open(ctx, account, resource, box) })
		if err != nil {
			return nil, fault.Wrap(err, "signing secret of %s", d.Webhook)
		}
		signature, err := by.Sign(d.IdempotencyKey(), at, payload)
		if err != nil {
			return nil, fault.Wrap(err, "sign %s", d.ID)
		}
		all[i] = signed{by.secret, signature}
	}
	return all, nil
}

func (ss *signers) get(box domain.Sealed, open func() (domain.Secret, error)) (signer, error) {
	ss.mu.Lock()
	by, ok := ss.opened[box]
	ss.mu.Unlock()
	if ok {
		return by, nil
	}
	secret, err := open() // twice, when two callers start at once
	if err != nil {
		return signer{}, err
	}
	w, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		return signer{}, err
	}
	by = signer{w, secret}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.opened == nil {
		ss.opened = map[domain.Sealed]signer{}
	}
	ss.opened[box] = by
	return by, nil
}

// proof is the webhook-signature header.
func proof(all []signed) string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = s.signature
	}
	return strings.Join(texts, " ")
}
