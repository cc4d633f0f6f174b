package webhooks

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/signing"
	"plugboard/shared/store"
)

const (
	// pullRaces is how often a pull is repeated when somebody changes the webhook at the same moment.
	pullRaces = 5

	// bodiesMost limits the bodies of an answer, in bytes, so that the answer can be recorded under an
	// Idempotency-Key.
	bodiesMost = 200 << 10
)

// PullDeliveries hands out deliveries, signed now, to a listener or to an agent. It answers at once: a call that waited
// for a delivery would cost five times as much as another call.
//
// NotFound for an agent of another webhook. Conflict `cursor-expired` for a listener's cursor of more than 30 days;
// `not-pulled` to an agent of a webhook that has a URL. Forbidden `not-development` to a listener of a managed webhook
// outside its partner's development account. Invalid for a cursor of another webhook.
func (s *Service) PullDeliveries(ctx context.Context,
	in *contract.PullDeliveriesInput) (*contract.PullDeliveriesOutput, error) {
	for n := 1; ; n++ {
		out, err := s.pull(ctx, in)
		if n == pullRaces || !fault.Is(err, store.Raced) {
			return out, err
		}
	}
}

func (s *Service) pull(ctx context.Context, in *contract.PullDeliveriesInput) (*contract.PullDeliveriesOutput, error) {
	w, health, err := s.webhookAndHealth(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	p := &pulling{Service: s, webhook: w, health: health, now: s.now(), limit: in.Body.Limit}
	if p.at, err = positionOf(in.Body.Cursor, w.ID); err != nil {
		return nil, err
	}
	if p.at.QuietSince == 0 {
		p.at.QuietSince = p.now.Unix()
	}
	p.out.Body.Deliveries = []contract.PulledDelivery{}
	var tx store.Tx
	if auth.From(ctx).Agent != nil {
		err = p.forAgent(ctx)
	} else {
		err = p.forListener(ctx, &tx)
	}
	if err != nil {
		return nil, err
	}
	p.at.GivenAt = p.now.Unix()
	p.out.Body.Cursor = p.at.cursor()
	return &p.out, s.store.Commit(ctx, &tx, &p.out)
}

// pulling is one pull in progress.
type pulling struct {
	*Service
	webhook domain.Webhook
	health  domain.Health
	now     time.Time
	limit   int
	at      position
	out     contract.PullDeliveriesOutput
}

// position is the content of a cursor. It belongs to one webhook, and only says where the next pull continues.
type position struct {
	Webhook domain.WebhookID `json:"w"`
	Number  int64            `json:"n,omitempty"` // a listener's: the last that it got
	// an agent's: the last that was looked at; empty: begin with the oldest
	Place      string `json:"p,omitempty"`
	GivenAt    int64  `json:"t"` // Unix time
	QuietSince int64  `json:"q"` // Unix time of the last pull that found something
}

// positionOf reads a cursor. Invalid for any text that is not a cursor of this webhook.
func positionOf(cursor string, w domain.WebhookID) (position, error) {
	at := position{Webhook: w}
	if cursor == "" {
		return at, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(raw, &at)
	}
	if err != nil || at.Webhook != w || at.GivenAt <= 0 {
		return at, fault.InvalidFields([]fault.Field{{Pointer: "/cursor", Code: "invalid",
			Detail: "This is no cursor of this webhook. Begin without one."}})
	}
	return at, nil
}

func (at position) cursor() string {
	raw, _ := json.Marshal(at) // texts and numbers always encode
	return base64.RawURLEncoding.EncodeToString(raw)
}

// given is false at the first pull.
func (at position) given() bool { return at.GivenAt > 0 }

// handed is a delivery with the receipt that leads to it.
type handed struct {
	events.Delivery
	receipt receipt
}

// handOut puts deliveries into the answer, until their bodies reach bodiesMost. It returns how many deliveries it
// dealt with. A delivery whose event has expired is counted and left out.
func (p *pulling) handOut(ctx context.Context, some []handed) (int, error) {
	if len(some) == 0 {
		return 0, nil
	}
	plain := make([]events.Delivery, len(some))
	for i, h := range some {
		plain[i] = h.Delivery
	}
	stored, err := p.store.TheseEvents(ctx, plain)
	if err != nil {
		return 0, err
	}
	var lifecycle domain.LifecycleSecret
	if p.webhook.Lifecycle {
		if lifecycle, err = p.store.LifecycleSecret(ctx, p.webhook.Extension); err != nil {
			return 0, err
		}
	}
	var signers signing.Signers
	size := 0
	for i, h := range some {
		e, ok := stored[h.Event]
		if !ok {
			p.out.Body.Expired++
			continue
		}
		if !reaches(auth.From(ctx), e) {
			continue
		}
		body := h.Payload(e.Body)
		if size += len(body); size > bodiesMost && len(p.out.Body.Deliveries) > 0 {
			return i, nil
		}
		proofs, err := signers.Sign(ctx, p.seal, p.webhook, lifecycle.Good(p.now), h.Delivery, p.now, body)
		if err != nil {
			return 0, err
		}
		head := http.Header{}
		signing.Head(head, h.Delivery, p.now, proofs, contract.UserAgent)
		h.receipt.SignedAt = p.now.Unix()
		p.out.Body.Deliveries = append(p.out.Body.Deliveries, pulled(p.webhook, h, head, body))
	}
	return len(some), nil
}

func pulled(w domain.Webhook, h handed, head http.Header, body []byte) contract.PulledDelivery {
	v := contract.PulledDelivery{
		ID: h.ID, Event: h.Event, EventType: h.EventType, EventAt: h.EventAt, Attempt: h.Attempt,
		Receipt: h.receipt.String(), Headers: map[string]string{}, Body: string(body),
		Timeout: int(w.Policy.Timeout() / time.Second),
	}
	for name := range head {
		v.Headers[name] = head.Get(name)
	}
	return v
}

// askAgain sets when the caller pulls again. more is true when further deliveries already wait.
func (p *pulling) askAgain(more bool) {
	if len(p.out.Body.Deliveries) > 0 {
		p.at.QuietSince = p.now.Unix()
	}
	if !more {
		quiet := p.now.Sub(time.Unix(p.at.QuietSince, 0))
		p.out.Body.AskAgain = int(domain.AskAfter(quiet) / time.Second)
	}
}

// destination is the webhook with its account and installation. The installation is zero when its record does not
// exist.
func (p *pulling) destination(ctx context.Context) (*domain.Destination, error) {
	to := &domain.Destination{Webhook: p.webhook, Health: p.health, ReadAt: p.now}
	var err error
	if to.Account, err = p.store.Account(ctx, p.webhook.Account); err != nil {
		return nil, err
	}
	if p.webhook.Extension != "" {
		to.Installation, err = p.store.Installation(ctx, p.webhook.Account, p.webhook.Extension)
	}
	if fault.KindOf(err) == fault.NotFound {
		err = nil
	}
	return to, err
}
