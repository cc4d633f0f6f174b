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

// ReplayDelivery sends one delivery again, whatever its state: the attempt after its last, under the same webhook-id and
// with the same body. One that is still being tried is tried now instead of later: the message that waits for its time
// finds the attempt made. After one that has ended the schedule begins anew. Asked for twice at once, both are the same
// attempt, which is made once unless both come to be made at the same moment.
//
// NotFound as in ReadDelivery. Conflict when nothing is sent to the webhook (domain.Webhook.Held), when the delivery cannot
// be sent as it was (events.Again), and `event-expired` once its event is not stored any more.
func (s *Service) ReplayDelivery(ctx context.Context, in *contract.ReplayDeliveryInput) (*contract.ReplayDeliveryOutput, error) {
	w, err := s.sendable(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	id, ok := domain.EventOf(in.Delivery, w.ID)
	if !ok {
		return nil, fault.New(fault.NotFound, "not-found", "There is no such delivery to this webhook.")
	}
	lines, err := s.attempts(ctx, w, in.Day, id)
	if err != nil {
		return nil, err
	}
	e, err := s.store.Event(ctx, w.Account, lines[0].Contract, id)
	if fault.KindOf(err) == fault.NotFound {
		return nil, fault.New(fault.Conflict, "event-expired", "The event of this delivery is not stored any more, so it cannot be sent again.")
	}
	if err != nil {
		return nil, err
	}
	d, err := events.Again(w, e, lines)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	d.Asked = true
	tx.Resend(events.Resend{ID: s.newID("rsd"), Account: w.Account, Delivery: &d})
	out := &contract.ReplayDeliveryOutput{}
	out.Body.Delivery, out.Body.Attempt = d.ID, d.Attempt
	return out, s.store.Commit(ctx, &tx, out)
}

// sendable is the caller's webhook, to which something is sent now. Conflict when nothing is.
func (s *Service) sendable(ctx context.Context, id domain.WebhookID) (domain.Webhook, error) {
	w, health, err := s.webhookAndHealth(ctx, id)
	if err != nil {
		return w, err
	}
	var i domain.Installation
	if w.Extension != "" {
		if i, err = s.store.Installation(ctx, auth.From(ctx).Account, w.Extension); err != nil && fault.KindOf(err) != fault.NotFound {
			return w, err
		}
	}
	return w, w.Held(health, i)
}
