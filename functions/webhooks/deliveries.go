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

// ListDeliveries lists deliveries to a webhook: the newest day first, and within a day the highest event id, which
// rises with time. A delivery is listed from its first attempt on. A page may be short or empty while more follow,
// because a call reads a bounded part of the log. A delivery that failed a moment ago may be missing when only failed
// states are asked for.
//
// Invalid for a time before the log begins.
func (s *Service) ListDeliveries(ctx context.Context,
	in *contract.ListDeliveriesInput) (*contract.ListDeliveriesOutput, error) {
	query, err := s.logQuery(ctx, in, false)
	if err != nil {
		return nil, err
	}
	page := contract.Page[contract.DeliveryView]{Items: []contract.DeliveryView{}}
	lines := 0
	at, more, err := s.store.Deliveries(ctx, query, func(attempts []domain.Attempt) bool {
		if !inState(in.States, attempts) {
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

// CountDeliveries counts the deliveries that ListDeliveries would list, in a bounded part of the log.
func (s *Service) CountDeliveries(ctx context.Context,
	in *contract.CountDeliveriesInput) (*contract.CountDeliveriesOutput, error) {
	query, err := s.logQuery(ctx, in.List(), true)
	if err != nil {
		return nil, err
	}
	out := &contract.CountDeliveriesOutput{}
	at, more, err := s.store.Deliveries(ctx, query, func(attempts []domain.Attempt) bool {
		if inState(in.States, attempts) {
			out.Body.Count++
		}
		return true
	})
	if more {
		out.Body.NextCursor = at.String()
	}
	return out, err
}

// logQuery is the part of the log in which a list of the caller's webhook goes on. Of a delivery's state the index
// knows only whether some attempt failed: inState is asked of each. all is as span has it.
func (s *Service) logQuery(ctx context.Context, in *contract.ListDeliveriesInput, all bool) (store.LogQuery, error) {
	after, err := placeOf(in.Cursor)
	if err != nil {
		return store.LogQuery{}, err
	}
	day := in.Day
	if day == "" { // a list that began before midnight stays with its day
		day = after.Day
	}
	from, to, err := s.span(day, in.From, in.To, all)
	if err != nil {
		return store.LogQuery{}, err
	}
	w, err := s.webhook(ctx, in.Webhook)
	return store.LogQuery{
		Account: w.Account, Webhook: w.ID, From: from, To: to, EventTypes: in.EventTypes, After: after,
		Unsent: len(in.States) > 0 && !slices.Contains(in.States, domain.DeliveryDelivered),
	}, err
}

// inState is true when the delivery is in one of the states, of which none means any.
func inState(states []domain.DeliveryState, attempts []domain.Attempt) bool {
	return len(states) == 0 || slices.Contains(states, domain.StateOf(attempts))
}

// logKept is the greatest age of an event in the log.
const logKept = 30 * 24 * time.Hour

// span is the time range of the listed events. Without times it is a day, or all that is kept.
func (s *Service) span(day string, since, until contract.Time, all bool) (from, to time.Time, err error) {
	now := s.now()
	oldest := now.Add(-logKept)
	if !all && since.IsZero() && until.IsZero() {
		from, err = time.Parse(time.DateOnly, s.day(day))
		return from, from.AddDate(0, 0, 1), err
	}
	from, to = since.Time, until.Time
	if from.IsZero() {
		from = oldest
	}
	if to.IsZero() {
		to = now.Add(time.Minute) // clocks differ
	}
	if from.Before(oldest.Add(-time.Minute)) { // allows for the time since the request was sent
		return from, to, fault.InvalidFields(
			[]fault.Field{{Pointer: "query.from", Code: "too-old", Detail: "The log is kept for 30 days."}})
	}
	if to.After(now.AddDate(0, 0, 1)) {
		to = now.AddDate(0, 0, 1)
	}
	return from, to, nil
}

// placeOf is the place of a cursor.
func placeOf(cursor string) (store.LogPlace, error) {
	if cursor == "" {
		return store.LogPlace{}, nil
	}
	at, ok := store.ParseLogPlace(cursor)
	if !ok {
		return at, badPlace()
	}
	return at, nil
}

func badPlace() error {
	return fault.InvalidFields([]fault.Field{{Pointer: "query.cursor", Code: "invalid",
		Detail: "The cursor is none that a page of this list gave."}})
}

// linesListed is the limit of attempts in a page, unless its first delivery has more. With excerptListed of each, a
// page stays well within the 6 MB of a Lambda's answer.
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

// ListParkedDeliveries lists the deliveries that wait for a webhook's breaker to close, the oldest events first. With
// list-deliveries, which has a delivery from its first attempt on, it shows every accepted delivery. A delivery that
// is parked or released meanwhile may be in neither list, or in both.
func (s *Service) ListParkedDeliveries(ctx context.Context,
	in *contract.ListParkedDeliveriesInput) (*contract.ListParkedDeliveriesOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	page := contract.Page[contract.ParkedDelivery]{Items: []contract.ParkedDelivery{}}
	parked, next, err := s.store.ParkedAfter(ctx, w.Account, w.ID, in.Cursor, in.Limit)
	for _, d := range parked {
		page.Items = append(page.Items, contract.ParkedDelivery{
			ID: d.ID, Event: d.Event, EventType: d.EventType, EventAt: d.EventAt, Contract: d.Contract,
			Attempts: d.Attempt - 1,
		})
	}
	page.NextCursor = next
	return &contract.ListParkedDeliveriesOutput{Body: page}, err
}

// webhooksLooked is how many of an account's 500 webhooks a page reads. At one or two reads each, a page with few
// matches ends within two seconds.
const webhooksLooked = 100

// ListEventDeliveries lists the deliveries of one event, by webhook. A deleted webhook's log is not read; an
// extension's token gets its own webhooks. A page may be short or empty while more follow.
//
// NotFound when no webhook was sent, or was to be sent, the event on that day.
func (s *Service) ListEventDeliveries(ctx context.Context,
	in *contract.ListEventDeliveriesInput) (*contract.ListEventDeliveriesOutput, error) {
	caller := auth.From(ctx)
	webhooks, err := s.store.Webhooks(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	webhooks = slices.DeleteFunc(webhooks, func(w domain.Webhook) bool {
		return !visible(w, caller) || string(w.ID) <= in.Cursor
	})
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

// ReadDelivery reads a delivery. NotFound for a delivery of another webhook or day, and before its first attempt.
func (s *Service) ReadDelivery(ctx context.Context,
	in *contract.ReadDeliveryInput) (*contract.ReadDeliveryOutput, error) {
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
	out := &contract.ReadDeliveryOutput{Body: view(attempts)}
	out.Body.Listeners, err = s.store.ListenerLines(ctx, w.Account, w.ID, attempts[0].EventDay, event)
	for i, line := range out.Body.Listeners {
		out.Body.Listeners[i] = line.Shown()
	}
	return out, err
}

// attempts is the log of a delivery. Without a day, it is searched on the day of the event's id and its neighbours,
// and today, because an external id tells no day.
func (s *Service) attempts(ctx context.Context, w domain.Webhook, day string,
	e domain.EventID) ([]domain.Attempt, error) {
	days := []string{day}
	if day == "" {
		days = []string{s.day("")}
		if at, ok := e.Time(); ok {
			days = slices.Insert(days, 0, at.Format(time.DateOnly), at.Add(-time.Minute).Format(time.DateOnly),
				at.Add(time.Minute).Format(time.DateOnly))
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

// view shows a delivery by its attempts, at least one.
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
