package webhooks

import (
	"context"
	"fmt"
	"slices"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// SendTest sends a webhook a ping, or the sample of an event type that it hears, like any event: signed, logged,
// retried, and held back while the webhook is paused or its extension suspended. No other webhook hears it (design
// rule 17).
//
// Invalid for a type that the webhook does not hear, since its endpoint need not know it. Conflict
// `lifecycle-webhook` for a lifecycle webhook: a test must not end an installation on the partner's side.
func (s *Service) SendTest(ctx context.Context,
	in *contract.SendTestEventInput) (*contract.SendTestEventOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	if w.Lifecycle {
		return nil, fault.New(fault.Conflict, "lifecycle-webhook",
			"The lifecycle webhook of %q is the partner's for every account, so no account tries it out.", w.Extension)
	}
	t := events.Type(in.Body.EventType)
	if !mayHear(w, t) {
		return nil, fault.InvalidFields([]fault.Field{{Pointer: "/event_type", Code: "not-heard",
			Detail: fmt.Sprintf("The webhook does not hear %s.", t)}})
	}
	e, err := events.OfTest(domain.EventID(s.newID("evt")), t, w, s.now())
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Emit(e)
	out := &contract.SendTestEventOutput{}
	out.Body.Event, out.Body.Delivery = e.ID, domain.DeliveryOf(e.ID, w.ID)
	return out, s.store.Commit(ctx, &tx, out)
}

// mayHear is true when the webhook may hear an event of that type.
func mayHear(w domain.Webhook, t events.Type) bool {
	if t == events.WebhookPing {
		return true
	}
	contractsOnly := len(w.Workspaces)+len(w.TemplateTypes) > 0
	return (len(w.EventTypes) == 0 || slices.Contains(w.EventTypes, string(t))) &&
		(!contractsOnly || events.OfContracts(string(t)))
}
