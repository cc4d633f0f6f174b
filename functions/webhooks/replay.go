package webhooks

import (
	"context"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// ReplayDelivery sends a delivery again in any state: the attempt after its last, with the same webhook-id and body.
// A delivery with retries left is sent now instead of later: the waiting message finds the attempt made. A delivery
// that ended starts its schedule again. Two replays at once are the same attempt, which is made once unless both are
// made at the same moment.
//
// NotFound as in ReadDelivery. Conflict when nothing is sent to the webhook (domain.Webhook.Held) or the body cannot
// be reproduced (events.Again); `event-expired` once its event is erased.
func (s *Service) ReplayDelivery(ctx context.Context,
	in *contract.ReplayDeliveryInput) (*contract.ReplayDeliveryOutput, error) {
	w, err := s.sendable(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	lines, e, err := s.deliveryAndEvent(ctx, w, in.Delivery, in.Day)
	if err != nil {
		return nil, err
	}
	d, err := events.Again(w, e, lines)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	d.Asked, d.Tailed = true, w.Tailed(s.now())
	if w.Pulled() {
		d.NotBefore = s.now() // since when it waits for an agent
	}
	tx.Resend(events.Resend{ID: s.newID("rsd"), Account: w.Account, Delivery: &d})
	out := &contract.ReplayDeliveryOutput{}
	out.Body.Delivery, out.Body.Attempt = d.ID, d.Attempt
	return out, s.store.Commit(ctx, &tx, out)
}

// sendable reads the caller's webhook. Conflict when nothing is sent to it now.
func (s *Service) sendable(ctx context.Context, id domain.WebhookID) (domain.Webhook, error) {
	w, health, err := s.webhookAndHealth(ctx, id)
	if err != nil {
		return w, err
	}
	var i domain.Installation
	if w.Extension != "" {
		if i, err = s.store.Installation(ctx, auth.From(ctx).Account, w.Extension); err != nil &&
			fault.KindOf(err) != fault.NotFound {
			return w, err
		}
	}
	return w, w.Held(health, i)
}
