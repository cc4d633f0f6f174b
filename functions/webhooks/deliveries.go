package webhooks

import (
	"context"
	"slices"
	"strings"
	"time"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// ListDeliveries lists a day's deliveries to a webhook, the newest event's first. One is in the list from its
// first attempt on.
func (s *Service) ListDeliveries(ctx context.Context, in *contract.ListDeliveriesInput) (*contract.ListDeliveriesOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	found, err := s.store.DayOfAttempts(ctx, w.Account, w.ID, s.day(in.Day), domain.EventID(in.Cursor), in.Limit+1)
	if err != nil {
		return nil, err
	}
	page := contract.Page[contract.DeliveryView]{Items: []contract.DeliveryView{}}
	for _, attempts := range found[:min(in.Limit, len(found))] {
		page.Items = append(page.Items, view(abridged(attempts)))
	}
	if len(found) > in.Limit {
		page.NextCursor = string(page.Items[in.Limit-1].Event)
	}
	return &contract.ListDeliveriesOutput{Body: page}, nil
}

// excerptListed is how much of each answer a list shows, in bytes: with all of it, a page could pass the 6 MB that a
// Lambda may answer.
const excerptListed = 1 << 10

func abridged(attempts []domain.Attempt) []domain.Attempt {
	short := slices.Clone(attempts)
	for i := range short {
		if len(short[i].Excerpt) > excerptListed {
			short[i].Excerpt = strings.ToValidUTF8(short[i].Excerpt[:excerptListed], "")
		}
	}
	return short
}

// ReadDelivery shows one. NotFound for a delivery of another webhook or day, and before its first attempt.
func (s *Service) ReadDelivery(ctx context.Context, in *contract.ReadDeliveryInput) (*contract.ReadDeliveryOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	event, ok := domain.EventOf(in.Delivery, w.ID)
	if !ok {
		return nil, fault.New(fault.NotFound, "not-found", "There is no such delivery to this webhook.")
	}
	attempts, err := s.attempts(ctx, w, in.Day, event)
	if err != nil {
		return nil, err
	}
	return &contract.ReadDeliveryOutput{Body: view(attempts)}, nil
}

// attempts is the log of one delivery. Without a day it is looked for on the day that the event's id tells, give or take
// what may lie between a time and an id that are made one after the other, and, since not every id tells one, on today's.
func (s *Service) attempts(ctx context.Context, w domain.Webhook, day string, e domain.EventID) ([]domain.Attempt, error) {
	days := []string{day}
	if day == "" {
		days = []string{s.day("")}
		if at, ok := e.Made(); ok {
			days = slices.Insert(days, 0, at.Format(time.DateOnly), at.Add(-time.Minute).Format(time.DateOnly), at.Add(time.Minute).Format(time.DateOnly))
		}
	}
	var attempts []domain.Attempt
	var err error
	for n, day := range days {
		if slices.Contains(days[:n], day) {
			continue
		}
		if attempts, err = s.store.Attempts(ctx, w.Account, w.ID, day, e); fault.KindOf(err) != fault.NotFound {
			break
		}
	}
	return attempts, err
}

func (s *Service) day(given string) string {
	if given == "" {
		return s.now().Format(time.DateOnly)
	}
	return given
}

// view shows a delivery by its attempts, of which there is at least one.
func view(attempts []domain.Attempt) contract.DeliveryView {
	first := attempts[0]
	shown := make([]domain.Attempt, len(attempts))
	for i, a := range attempts {
		shown[i] = a.Shown()
	}
	return contract.DeliveryView{
		ID: domain.DeliveryOf(first.Event, first.Webhook), Event: first.Event, EventType: first.EventType,
		State: domain.StateOf(attempts), Attempts: shown,
	}
}
