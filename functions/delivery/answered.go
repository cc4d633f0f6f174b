package delivery

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Attempts that an agent made (design rule 31). The agent reports its endpoint's answer, which has the same
// consequences as the answer to a POST.

// agentFailure is why an agent got no answer.
type agentFailure domain.FailureClass

func (f agentFailure) Error() string { return "the agent got no answer: " + string(f) }

// agentReasons are the causes in words.
var agentReasons = map[domain.FailureClass]string{
	domain.FailureDNS:        "The agent could not resolve the endpoint's host name.",
	domain.FailureDial:       "The agent got no connection.",
	domain.FailureTLS:        "The agent got no secure connection.",
	domain.FailureTimeout:    "The agent got no answer in time.",
	domain.FailureConnection: "The agent's connection failed.",
}

// answered records an attempt with its agent's answer. It decides nothing anew: the attempt was made. The message may
// come twice; of a failed attempt the second one repeats what followed the first.
func (s *Service) answered(ctx context.Context, t *target, d events.Delivery, r result) (result, error) {
	got := *d.Answer
	r.pulled = true
	r.line.At, r.line.Agent, r.line.Milliseconds, r.line.Status = got.At, got.Agent, got.Milliseconds, got.Status
	r.before, r.probe = t.Health, got.Probe
	if stopped := domain.Stopped(&t.Destination, d.Dispatch()); stopped.Action == domain.ActionForget {
		return s.withhold(r, d, stopped), nil
	}
	d.Answer = nil
	a := answerOf(got)
	if a.status/100 == 2 {
		r.line.Outcome = domain.OutcomeDelivered
		r.health = s.noteHealth(ctx, t.Webhook, r.before, r.line, s.sight(r, a))
		return r, nil
	}
	if t.Gone != "" {
		r.line.Outcome, r.line.Reason = domain.OutcomeCancelled, t.Gone
		return r, nil
	}
	if err := s.repeats(ctx, &r, d); err != nil || r.repeated {
		return r, err
	}
	hidden, err := s.hiddenOf(ctx, t, d, got)
	if err != nil {
		return r, err
	}
	r.line.Headers, r.line.Excerpt = hidden.headers(a.header), excerptOf(a, hidden)
	s.reschedule(&r, t.Webhook.Policy, d, a)
	r.health = s.noteHealth(ctx, t.Webhook, r.before, r.line, s.sight(r, a))
	if r.line.Outcome == domain.OutcomeExhausted {
		err = s.exhausted(ctx, t.Webhook, d, r.line)
	}
	return r, err
}

// answerOf is the agent's answer as if it had been received here.
func answerOf(got events.Answer) answer {
	a := answer{status: got.Status, header: http.Header{}, body: []byte(got.Body)}
	for name, value := range got.Headers {
		a.header.Set(name, value)
	}
	if a.retryAfter = retryAfter(a.header, got.At); got.Status == 0 {
		a.err, a.timedOut = agentFailure(got.Failure), got.Failure == domain.FailureTimeout
	}
	return a
}

// hiddenOf masks the signing secrets and the signatures of the handed-out request, which an endpoint may echo.
func (s *Service) hiddenOf(ctx context.Context, t *target, d events.Delivery, got events.Answer) (mask, error) {
	payload, err := s.payload(ctx, d)
	if err != nil && !errors.Is(err, errEventGone) {
		return mask{}, err
	}
	proofs, err := t.signers.Sign(ctx, s.open, t.Webhook, t.lifecycle, d, got.SignedAt, payload)
	if err != nil {
		return mask{}, err
	}
	return newMask(sending{Request: &http.Request{Header: http.Header{}}, proofs: proofs}.hidden()...), nil
}

// noteUnpulled warns of a webhook whose deliveries no agent pulls, once.
func (s *Service) noteUnpulled(ctx context.Context, t *target, d events.Delivery) {
	next := t.Health.Unpulled(d.Waits(), s.now())
	if next == t.Health {
		return
	}
	err := s.change(ctx, t.Webhook, t.Health, next)
	s.targets.forget(targetKey{t.Webhook.Account, t.Webhook.ID})
	if err != nil && !fault.Is(err, store.Raced) {
		slog.ErrorContext(ctx, "nobody was warned of deliveries that no agent pulls", "account", t.Webhook.Account,
			"webhook", t.Webhook.ID, "error", err)
	}
}
