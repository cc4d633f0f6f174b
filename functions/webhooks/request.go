package webhooks

import (
	"context"
	"net/http"
	"slices"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// ReadDeliveryRequest shows the request of a delivery. The body is exactly that of every attempt. The headers are
// those of the next attempt, since sent headers are not kept. No secret is opened.
//
// NotFound as in ReadDelivery. Conflict `event-expired` once its event is erased. Forbidden `other-workspace` to a
// member who does not use the workspace of the event's contract (design rule 28).
func (s *Service) ReadDeliveryRequest(ctx context.Context,
	in *contract.ReadDeliveryInput) (*contract.ReadDeliveryRequestOutput, error) {
	w, health, err := s.webhookAndHealth(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	lines, e, err := s.deliveryAndEvent(ctx, w, in.Delivery, in.Day)
	if err != nil {
		return nil, err
	}
	shown, err := s.view(ctx, w, health)
	if err != nil {
		return nil, err
	}
	d := events.DeliveryTo(w, e)
	for _, l := range lines {
		d.Context = l.Context
	}
	out := &contract.ReadDeliveryRequestOutput{}
	out.Body.Method, out.Body.URL, out.Body.Payload = http.MethodPost, w.URL, string(d.Payload(e.Body))
	for _, l := range slices.Backward(lines) {
		if l.URL != "" {
			out.Body.URL, out.Body.Kept = l.URL, true
			break
		}
	}
	out.Body.Headers = requestHeaders(shown, d)
	return out, nil
}

// requestHeaders is a request's headers as delivery sends them, without what is secret or made anew.
func requestHeaders(w contract.WebhookView, d events.Delivery) []contract.RequestHeader {
	headers := []contract.RequestHeader{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "Webhook-Id", Value: d.IdempotencyKey()},
		{Name: "Webhook-Timestamp", Why: contract.HeaderPerAttempt},
		{Name: "Webhook-Signature", Why: contract.HeaderPerAttempt},
	}
	switch domain.AuthScheme(w.Auth.Scheme) {
	case domain.AuthBasic, domain.AuthBearer:
		headers = append(headers, contract.RequestHeader{Name: "Authorization", Why: contract.HeaderSecret})
	case domain.AuthOAuth2:
		headers = append(headers, contract.RequestHeader{Name: "Authorization", Why: contract.HeaderAccessToken})
	}
	for _, name := range w.Headers {
		headers = append(headers, contract.RequestHeader{Name: name, Why: contract.HeaderSecret})
	}
	return headers
}

// deliveryAndEvent is a delivery's log with its event. NotFound for a delivery of another webhook or day; Conflict
// `event-expired` once the event is erased; Forbidden `other-workspace` as in ReadDeliveryRequest.
func (s *Service) deliveryAndEvent(ctx context.Context, w domain.Webhook, d domain.DeliveryID,
	day string) ([]domain.Attempt, events.Event, error) {
	id, ok := domain.EventOf(d, w.ID)
	if !ok {
		return nil, events.Event{}, fault.New(fault.NotFound, "not-found", "There is no such delivery to this webhook.")
	}
	lines, err := s.attempts(ctx, w, day, id)
	if err != nil {
		return nil, events.Event{}, err
	}
	e, err := s.store.Event(ctx, w.Account, lines[0].Contract, id)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		err = fault.New(fault.Conflict, "event-expired",
			"The event of this delivery is not stored any more, so that its body is gone.")
	case err == nil && !reaches(auth.From(ctx), e):
		err = fault.New(fault.Forbidden, "other-workspace",
			"The contract of this delivery is in a workspace that you do not use.")
		e = events.Event{}
	}
	return lines, e, err
}
