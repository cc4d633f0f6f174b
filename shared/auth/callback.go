package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The model webhook-secret: a request signed as Standard Webhooks are, with the callback secret of the installation
// that its path names. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

// The parameters of a path that name an installation.
const (
	ParamAccount   = "account_id"
	ParamExtension = "extension_id"
)

// The headers that a callback is proven by. The signature is the credential.
var (
	HeaderCallbackID        = http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookID)
	HeaderCallbackTimestamp = http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookTimestamp)
	HeaderCallbackSignature = http.CanonicalHeaderKey(standardwebhooks.HeaderWebhookSignature)
)

// maxCallbackID is how long a webhook-id may be. The specification sets no limit; ids in use have some 30 characters.
const maxCallbackID = 256

// Opener opens installations' callback secrets.
type Opener interface {
	Open(ctx context.Context, a domain.AccountID, resource string, sealed domain.Sealed) (domain.Secret, error)
}

// Opening lets the gate take callbacks, for a function whose operations do.
func (g *Gate) Opening(o Opener) *Gate {
	g.open = o
	return g
}

// Callback is a message from a partner whose signature the gate has verified.
type Callback struct {
	Installation domain.Installation
	ID           string // the sender's webhook-id
	Digest       string // hex SHA-256 of the body
	Done         bool   // it came before, and had its effect
}

// Record is what the transaction of its effect creates.
func (c Callback) Record(now time.Time) domain.Callback {
	i := c.Installation
	return domain.Callback{Account: i.Account, Extension: i.Extension, Epoch: i.Epoch, ID: c.ID, Digest: c.Digest,
		EndsAt: now.Add(domain.CallbackKept)}
}

// callbackCaller admits a partner that signed the body with a secret of the installation at most five minutes ago,
// while the installation is enabled and its account is not being deleted. The body is read last, after the cheaper
// checks. A repeated id with another body is refused.
func (g *Gate) callbackCaller(ctx context.Context, r Request) (Caller, error) {
	id, sent := r.Header.Values(HeaderCallbackID), r.Header.Values(HeaderCallbackTimestamp)
	if g.open == nil {
		return Caller{}, errors.New("the gate of this function opens no callback secrets")
	}
	if len(id) != 1 || len(sent) != 1 || id[0] == "" || len(id[0]) > maxCallbackID {
		return Caller{}, errUnauthenticated(nil)
	}
	seconds, err := strconv.ParseInt(sent[0], 10, 64)
	if err != nil || g.now().Sub(time.Unix(seconds, 0)).Abs() > domain.CallbackTolerance {
		return Caller{}, errUnauthenticated(err)
	}
	account, extension := domain.AccountID(r.Param(ParamAccount)), domain.ExtensionID(r.Param(ParamExtension))
	if !account.Possible() || !extension.Possible() {
		return Caller{}, errUnauthenticated(nil)
	}
	living := g.living(ctx, account)
	i, err := g.records.Installation(ctx, account, extension)
	if err = errors.Join(living(), unauthenticatedWhenAbsent(err)); err != nil {
		return Caller{}, err
	}
	body, err := r.Body()
	if err != nil {
		return Caller{}, err
	}
	signed, err := g.signed(ctx, i, r.Header, body)
	switch {
	case err != nil:
		return Caller{}, err
	case !signed:
		return Caller{}, errUnauthenticated(nil)
	case i.State == domain.Suspended:
		return Caller{}, suspended(i)
	case !i.Installed():
		return Caller{}, errUnauthenticated(nil)
	}
	digest := sha256.Sum256(body)
	c := Callback{Installation: i, ID: id[0], Digest: hex.EncodeToString(digest[:])}
	if c.Done, err = g.done(ctx, c); err != nil {
		return Caller{}, err
	}
	return Caller{Model: ModelWebhookSecret, Account: i.Account, Callback: &c,
		Principal: "callback:" + string(i.Account) + "/" + string(i.Extension)}, nil
}

// signed tells whether one of the installation's secrets signed the body. The caller has checked the timestamp,
// because the library would use its own clock.
func (g *Gate) signed(ctx context.Context, i domain.Installation, h http.Header, body []byte) (bool, error) {
	for _, sealed := range i.CallbackSecrets(g.now()) {
		plain, err := g.open.Open(ctx, i.Account, domain.CallbackResource(i.Extension), sealed)
		if err != nil {
			return false, fault.Wrap(err, "the callback secret of %s in %s", i.Extension, i.Account)
		}
		verifier, err := standardwebhooks.NewWebhook(plain.Reveal())
		if err != nil {
			return false, fault.Wrap(err, "the callback secret of %s in %s", i.Extension, i.Account)
		}
		if verifier.VerifyIgnoringTimestamp(body, h) == nil {
			return true, nil
		}
	}
	return false, nil
}

// done tells whether the callback already had its effect. Unauthenticated when a callback with the same id and
// another body had its effect.
func (g *Gate) done(ctx context.Context, c Callback) (bool, error) {
	i := c.Installation
	earlier, err := g.records.Callback(ctx, i.Account, i.Extension, i.Epoch, c.ID)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return false, nil
	case err != nil:
		return false, err
	case earlier.Digest != c.Digest:
		return false, errUnauthenticated(nil)
	}
	return true, nil
}

// ErrReplayed is the answer to a callback whose id came before with another body. It is for a repeat that is found
// only when the effect is written.
func ErrReplayed() error { return errUnauthenticated(nil) }
