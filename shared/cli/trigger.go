package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"plugboard/shared/cli/client"
	"plugboard/shared/domain"
)

type triggerCommand struct {
	Event   string `arg:"" help:"The event type, such as contract.signed or webhook.ping."`
	Webhook string `required:"" help:"The webhook that is sent it." placeholder:"ID"`
	NoWait  bool   `help:"Do not wait for the endpoint's answer."`
}

func (*triggerCommand) Help() string {
	return "The event is a sample: its body says \"test\": true, and nothing happened. The exit code is 1 when the " +
		"endpoint " +
		"did not accept it."
}

// sent is a delivery with its last attempt.
type sent struct {
	Delivery string               `json:"delivery_id"`
	Event    string               `json:"event_id,omitempty"`
	Webhook  string               `json:"webhook_id"`
	State    domain.DeliveryState `json:"state,omitempty"`
	Attempt  *domain.Attempt      `json:"attempt,omitempty"`
}

func (s sent) text(p *paper) {
	if s.Attempt == nil {
		p.line("%s is on its way to %s.", s.Delivery, s.Webhook)
		return
	}
	said := fmt.Sprintf("attempt %d of %s: %s", s.Attempt.Number, s.Delivery, answered(*s.Attempt))
	if s.Attempt.Outcome == domain.OutcomeDelivered {
		p.good("%s", said)
		return
	}
	p.bad("%s", said)
}

// answered says what an endpoint answered an attempt.
func answered(t domain.Attempt) string {
	switch {
	case t.Status != 0 && t.Outcome == domain.OutcomeDelivered:
		return fmt.Sprintf("%d in %d ms", t.Status, t.Milliseconds)
	case t.Status != 0:
		return fmt.Sprintf("%d in %d ms. %s", t.Status, t.Milliseconds, t.Reason)
	case t.Reason != "":
		return fmt.Sprintf("%s. %s", t.Outcome, t.Reason)
	}
	return string(t.Outcome)
}

func (c *triggerCommand) Run(ctx context.Context, a *app) error {
	var started struct {
		Event    string `json:"event_id"`
		Delivery string `json:"delivery_id"`
	}
	if err := a.call(ctx, "send-test-event", input{"webhook_id": c.Webhook, "event_type": c.Event},
		&started); err != nil {
		return err
	}
	s := sent{Delivery: started.Delivery, Event: started.Event, Webhook: c.Webhook}
	if c.NoWait {
		return a.screen.show(s)
	}
	return a.showAttempt(ctx, s, 1)
}

// attemptLimit is how long a person waits for an attempt. The longest timeout of a webhook is 30 s.
const attemptLimit = time.Minute

// showAttempt waits for that attempt of a delivery and shows it.
func (a *app) showAttempt(ctx context.Context, s sent, number int) error {
	a.screen.doing("Waiting for attempt %d of %s …", number, s.Delivery)
	for deadline := a.Now().Add(attemptLimit); ; {
		t, state, err := a.attempt(ctx, s, number)
		if err != nil {
			return err
		}
		if t != nil {
			s.Attempt, s.State = t, state
			if err := a.screen.show(s); err != nil || t.Outcome == domain.OutcomeDelivered {
				return err
			}
			return errNo
		}
		if a.Now().After(deadline) {
			return fail(
				ExitNo,
				"no-attempt",
				"No attempt of %s was made within %s. `plugboard api read-webhook --webhook-id %s` shows whether the "+
					"webhook is paused or parked.",
				s.Delivery,
				briefly(attemptLimit),
				s.Webhook,
			)
		}
		if err := a.Wait(ctx, time.Second); err != nil {
			return err
		}
	}
}

// attempt is that attempt of a delivery, or nil until it is made.
func (a *app) attempt(ctx context.Context, s sent, number int) (*domain.Attempt, domain.DeliveryState, error) {
	var d struct {
		State    domain.DeliveryState `json:"state"`
		Attempts []domain.Attempt     `json:"attempts"`
	}
	err := a.call(ctx, "read-delivery", input{"webhook_id": s.Webhook, "delivery_id": s.Delivery}, &d)
	var refused *client.Problem
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return nil, "", nil // its first attempt is not made yet
	}
	if err != nil {
		return nil, "", err
	}
	for _, t := range d.Attempts {
		if t.Number >= number {
			return &t, d.State, nil
		}
	}
	return nil, d.State, nil
}
