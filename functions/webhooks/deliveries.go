package webhooks

import (
	"context"
	"slices"
	"strings"
	"time"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// ListDeliveries lists deliveries to a webhook, the newest day's first, and of a day those of the highest event id, which
// rise with time. One is in the list from its first attempt on. A page may hold less than its limit, or nothing, and
// still have a next one: each looks at so much and no more. What failed a moment ago may be missing where only states that
// follow a failure are asked for.
//
// Invalid for a time that is further back than the log.
func (s *Service) ListDeliveries(ctx context.Context, in *contract.ListDeliveriesInput) (*contract.ListDeliveriesOutput, error) {
	from, to, err := s.span(in)
	if err != nil {
		return nil, err
	}
	after, err := placeOf(in.Cursor)
	if err != nil {
		return nil, err
	}
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	page := contract.Page[contract.DeliveryView]{Items: []contract.DeliveryView{}}
	lines := 0
	query := store.LogQuery{
		Account: w.Account, Webhook: w.ID, From: from, To: to, EventTypes: in.EventTypes, After: after,
		Unsent: len(in.States) > 0 && !slices.Contains(in.States, domain.DeliveryDelivered),
	}
	at, more, err := s.store.Deliveries(ctx, query, func(attempts []domain.Attempt) bool {
		if len(in.States) > 0 && !slices.Contains(in.States, domain.StateOf(attempts)) {
			return true
		}
		if len(page.Items) == in.Limit || len(page.Items) > 0 && lines+len(attempts) > linesListed {
			return false
		}
		lines += len(attempts)
		page.Items = append(page.Items, view(abridged(attempts)))
		return true
	})
	if more {
		page.NextCursor = at.String()
	}
	return &contract.ListDeliveriesOutput{Body: page}, err
}

// logKept is how long ago an event of the log is at most.
const logKept = 30 * 24 * time.Hour

// span is the time whose events are listed.
func (s *Service) span(in *contract.ListDeliveriesInput) (from, to time.Time, err error) {
	now := s.now()
	oldest := now.Add(-logKept)
	if in.From.IsZero() && in.To.IsZero() {
		from, err = time.Parse(time.DateOnly, s.day(in.Day))
		return from, from.AddDate(0, 0, 1), err
	}
	from, to = in.From, in.To
	if from.IsZero() {
		from = oldest
	}
	if to.IsZero() {
		to = now.Add(time.Minute) // by clocks that differ
	}
	if from.Before(oldest.Add(-time.Minute)) { // one that was right when it was sent
		return from, to, fault.InvalidFields([]fault.Field{{Pointer: "query.from", Code: "too-old", Detail: "The log is kept for 30 days."}})
	}
	if to.After(now.AddDate(0, 0, 1)) {
		to = now.AddDate(0, 0, 1)
	}
	return from, to, nil
}

// placeOf is the place in a walk for which a cursor stands.
func placeOf(cursor string) (store.LogPlace, error) {
	if cursor == "" {
		return store.LogPlace{}, nil
	}
	at, ok := store.ParseLogPlace(cursor)
	if !ok {
		return at, fault.InvalidFields([]fault.Field{{Pointer: "query.cursor", Code: "invalid", Detail: "The cursor is none that a page of this list gave."}})
	}
	return at, nil
}

// linesListed is how many attempts a page shows at most, unless its first delivery has more: with excerptListed of each, a
// page stays well within the 6 MB that a Lambda may answer.
const linesListed = 2000

// excerptListed is how much of each answer a list shows, in bytes.
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

// ListParkedDeliveries lists what waits for a webhook's breaker to close, the oldest events first: with list-deliveries, where
// one is from its first attempt on, everything that was accepted for it. What is parked or let go meanwhile may be missing, or be
// in both.
func (s *Service) ListParkedDeliveries(ctx context.Context, in *contract.ListParkedDeliveriesInput) (*contract.ListParkedDeliveriesOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	page := contract.Page[contract.ParkedDelivery]{Items: []contract.ParkedDelivery{}}
	parked, next, err := s.store.ParkedAfter(ctx, w.Account, w.ID, in.Cursor, in.Limit)
	for _, d := range parked {
		page.Items = append(page.Items, contract.ParkedDelivery{
			ID: d.ID, Event: d.Event, EventType: d.EventType, EventAt: d.EventAt, Contract: d.Contract, Attempts: d.Attempt - 1,
		})
	}
	page.NextCursor = next
	return &contract.ListParkedDeliveriesOutput{Body: page}, err
}

// webhooksLooked is how many webhooks a page looks into, of the 500 that an account may have: at one or two reads each, a
// page that finds little ends within a second or two.
const webhooksLooked = 100

// ListEventDeliveries lists the deliveries of one event, by webhook: of the webhooks that there are, since the log of one
// that was deleted is not read any more, and to an extension's token of its own. A page may hold less than its limit, or
// nothing, and still have a next one.
//
// NotFound when no webhook was sent, or was to be sent, such an event on that day.
func (s *Service) ListEventDeliveries(ctx context.Context, in *contract.ListEventDeliveriesInput) (*contract.ListEventDeliveriesOutput, error) {
	caller := auth.From(ctx)
	webhooks, err := s.store.Webhooks(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	webhooks = slices.DeleteFunc(webhooks, func(w domain.Webhook) bool { return !visible(w, caller) || string(w.ID) <= in.Cursor })
	slices.SortFunc(webhooks, func(a, b domain.Webhook) int { return strings.Compare(string(a.ID), string(b.ID)) })
	page := contract.Page[contract.DeliveryOfEvent]{Items: []contract.DeliveryOfEvent{}}
	lines := 0
	for n, w := range webhooks {
		if n == webhooksLooked || len(page.Items) == in.Limit || lines > linesListed {
			page.NextCursor = string(webhooks[n-1].ID)
			break
		}
		attempts, err := s.attempts(ctx, w, in.Day, in.Event)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines += len(attempts)
		page.Items = append(page.Items, contract.DeliveryOfEvent{Webhook: w.ID, DeliveryView: view(abridged(attempts))})
	}
	if len(page.Items) == 0 && page.NextCursor == "" && in.Cursor == "" {
		return nil, fault.New(fault.NotFound, "not-found", "There is no delivery of such an event on that day.")
	}
	return &contract.ListEventDeliveriesOutput{Body: page}, nil
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
