// Package signing signs deliveries as Standard Webhooks says: a POST when it is sent, and a pulled delivery when it is
// handed out.
package signing

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/trace"
)

// Opener opens what shared/secret sealed.
type Opener interface {
	Open(ctx context.Context, a domain.AccountID, resource string, sealed domain.Sealed) (domain.Secret, error)
}

// As net/http writes them, which it else would work out for each request.
var (
	headerID        = http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookID)
	headerTimestamp = http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookTimestamp)
	headerSignature = http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookSignature)
)

// Proof is a signature and its secret.
type Proof struct {
	Secret    domain.Secret
	Signature string
}

// signer signs with one of a webhook's secrets.
type signer struct {
	*standardwebhooks.Webhook
	secret domain.Secret
}

// Signers are a webhook's signers, each opened at its first use. In memory they reveal no more than the data keys
// beside them, which open them all (design rule 22). The zero value is ready.
type Signers struct {
	mu     sync.Mutex
	opened map[domain.Sealed]signer
}

// Sign signs a delivery's body with each valid secret of w. lifecycle are the extension's secrets, which sign for a
// lifecycle webhook in place of its own.
func (ss *Signers) Sign(ctx context.Context, open Opener, w domain.Webhook, lifecycle []domain.Sealed,
	d events.Delivery, at time.Time, body []byte) ([]Proof, error) {
	account, resource, sealed := d.Account, string(d.Webhook), w.Signers(at)
	if w.Lifecycle {
		account, resource, sealed = "", domain.LifecycleResource(w.Extension), lifecycle
	}
	all := make([]Proof, len(sealed))
	for i, box := range sealed {
		by, err := ss.of(box, func() (domain.Secret, error) { return open.Open(ctx, account, resource, box) })
		if err != nil {
			return nil, fault.Wrap(err, "signing secret of %s", d.Webhook)
		}
		signature, err := by.Sign(d.IdempotencyKey(), at, body)
		if err != nil {
			return nil, fault.Wrap(err, "sign %s", d.ID)
		}
		all[i] = Proof{by.secret, signature}
	}
	return all, nil
}

func (ss *Signers) of(box domain.Sealed, open func() (domain.Secret, error)) (signer, error) {
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

// Head sets the headers that every delivery has: its kind, its id, its time and its signatures.
func Head(h http.Header, d events.Delivery, at time.Time, proofs []Proof, userAgent string) {
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", userAgent)
	if d.Trace != "" {
		h.Set(trace.Header, d.Trace.Parent())
	}
	h.Set(headerID, d.IdempotencyKey())
	h.Set(headerTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(headerSignature, joined(proofs))
}

// joined is the webhook-signature header.
func joined(proofs []Proof) string {
	texts := make([]string, len(proofs))
	for i, p := range proofs {
		texts[i] = p.Signature
	}
	return strings.Join(texts, " ")
}
