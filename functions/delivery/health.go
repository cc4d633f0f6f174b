package delivery

import (
	"context"
	"log/slog"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// healthRaces is how often a change of health is tried when other processes change it too.
const healthRaces = 3

// noteHealth stores the change that an attempt makes to its webhook's health, if any: neither a healthy endpoint's
// success nor the hundredth failure of an hour writes. The event of a change is committed with it, so that two
// processes make one event. A failed write stops no delivery, because the next attempt makes the same change. It
// returns the new health state; empty when this call did not change it.
func (s *Service) noteHealth(ctx context.Context, w domain.Webhook, h domain.Health, line domain.Attempt,
	sight domain.Observation) domain.HealthState {
	for range healthRaces {
		next := h.Observe(line, sight, s.now())
		if next.Breaker.Open() {
			s.seen.forget(targetKey{w.Account, w.ID}) // the breaker is stored; another run begins when it closes
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
			slog.ErrorContext(ctx, "a webhook's health was not noted", "account", w.Account, "webhook", w.ID,
				"error", err)
			break
		}
	}
	return ""
}

// change commits a change of health with its event. Before a breaker holds deliveries, or holds them longer, its
// webhook is watched by redelivery. Conflict `raced` when the health changed meanwhile, or the webhook is gone.
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
	if changed, ok := eventOfChange(h.State(), next.State()); ok {
		of := next
		if next.State() == domain.HealthGood {
			of = h
		}
		event, err := events.OfWebhook(changed, w, next.State(), of, s.now())
		if err != nil {
			return err
		}
		tx.Emit(event)
	}
	return s.store.Commit(ctx, &tx, nil)
}

// eventOfChange is the event of a change of state. A first failure raises none: endpoints restart.
func eventOfChange(from, to domain.HealthState) (events.Type, bool) {
	switch {
	case from == to: // only its breaker or its queue changed
	case to == domain.HealthWarned:
		return events.WebhookFailing, true
	case to == domain.HealthDisabled:
		return events.WebhookDisabled, true
	case to == domain.HealthGood && from == domain.HealthWarned:
		return events.WebhookRecovered, true
	}
	return "", false
}

// exhausted raises the event that a delivery is given up, once however often it is called. Deliveries of such events
// raise none: two endpoints that are down would cause each other's events for ever.
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
