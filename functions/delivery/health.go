package delivery

import (
	"context"
	"log/slog"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// healthRaces is how often a change of health is tried that others change at the same moment.
const healthRaces = 3

// fares notes what an attempt says of its webhook's health, if it changes it: a healthy one's success writes nothing, nor
// does the hundredth failure of an hour. The event of a change is committed with it, so that two processes that see the
// same make one of it. When nothing can be noted the delivery goes on: the next attempt says the same. It returns what the
// health's state has changed to; empty when it did not here.
func (s *Service) fares(ctx context.Context, w domain.Webhook, h domain.Health, line domain.Attempt, sight domain.Sight) domain.HealthState {
	for range healthRaces {
		next := h.Seen(line, sight, s.now())
		if next.Breaker.Open() {
			s.seen.forget(targetKey{w.Account, w.ID}) // it is noted; another run begins when it closes
		}
		if next == h {
			break
		}
		err := s.change(ctx, w, h, next)
		s.targets.forget(targetKey{w.Account, w.ID})
		switch {
		case err == nil && next.State() == h.State():
			return ""
		case err == nil:
			return next.State()
		}
		if fault.Is(err, store.Raced) {
			w, h, err = s.store.WebhookAndHealth(ctx, w.Account, w.ID)
		}
		if fault.KindOf(err) == fault.NotFound {
			break
		}
		if err != nil {
			slog.ErrorContext(ctx, "a webhook's health was not noted", "account", w.Account, "webhook", w.ID, "error", err)
			break
		}
	}
	return ""
}

// change commits a change of health with its event. Before a breaker holds deliveries, or goes on to, redelivery is told to
// watch its webhook. Conflict `raced` when it changed meanwhile, or the webhook is gone.
func (s *Service) change(ctx context.Context, w domain.Webhook, h, next domain.Health) error {
	if now := s.now(); next.Breaker.Holds(now) && next.Breaker != h.Breaker {
		if err := s.store.Watch(ctx, w.Account, w.ID); err != nil {
			return err
		}
	}
	var tx store.Tx
	if next.Well() {
		tx.Delete(&next)
	} else {
		tx.Save(&next, next.Rev)
		tx.Exists(w)
	}
	if told, ok := toldOf(h.State(), next.State()); ok {
		of := next
		if next.State() == domain.HealthGood {
			of = h
		}
		event, err := events.OfWebhook(told, w, next.State(), of, s.now())
		if err != nil {
			return err
		}
		tx.Emit(event)
	}
	return s.store.Commit(ctx, &tx, nil)
}

// toldOf is the event of a change. A first failure is none, or a night with one restart would be one.
func toldOf(from, to domain.HealthState) (events.Type, bool) {
	switch {
	case from == to: // its breaker or its lane changed
	case to == domain.HealthWarned:
		return events.WebhookFailing, true
	case to == domain.HealthDisabled:
		return events.WebhookDisabled, true
	case to == domain.HealthGood && from == domain.HealthWarned:
		return events.WebhookRecovered, true
	}
	return "", false
}

// exhausted tells the account that a delivery is given up, once however often that is found. Of what only tells of
// webhooks and deliveries nothing more is told: two endpoints that are down would tell each other for ever.
func (s *Service) exhausted(ctx context.Context, w domain.Webhook, d events.Delivery, line domain.Attempt) error {
	if events.OfSending(d.EventType) {
		return nil
	}
	event, err := events.OfExhausted(w, d, line)
	if err != nil {
		return err
	}
	var tx store.Tx
	tx.Emit(event)
	if err := s.store.Commit(ctx, &tx, nil); !fault.Is(err, store.Raced) {
		return fault.Wrap(err, "tell that %s is exhausted", d.ID)
	}
	return nil
}
