package webhooks

import (
	"context"
	"slices"
	"strings"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// ListEventAudience lists every webhook that the caller may see, by its id, with the clause that decided whether it
// hears the event. It decides by domain.Webhook.Hears, as fan-out does, and by the webhooks as they are now.
//
// NotFound when there is no such event of the last 30 days; to an extension's token also for an event that is not of
// its installation, and to a member for an event of a contract in another workspace (design rule 28).
func (s *Service) ListEventAudience(ctx context.Context,
	in *contract.ListEventAudienceInput) (*contract.ListEventAudienceOutput, error) {
	caller := auth.From(ctx)
	webhooks, err := s.store.Webhooks(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	webhooks = slices.DeleteFunc(webhooks, func(w domain.Webhook) bool { return !visible(w, caller) })
	slices.SortFunc(webhooks, func(a, b domain.Webhook) int { return strings.Compare(string(a.ID), string(b.ID)) })
	e, err := s.event(ctx, webhooks, in)
	if err != nil {
		return nil, err
	}
	hearers := []contract.Hearer{}
	for _, w := range webhooks {
		hearers = append(hearers, contract.ViewHearer(w, e.Subject, e.At))
	}
	out := &contract.ListEventAudienceOutput{}
	out.Body.Event = contract.HeardEvent{
		ID: e.ID, Type: e.Subject.EventType, At: e.At, Contract: e.Contract, Origin: e.Subject.Origin,
		TemplateType: e.Subject.TemplateType,
		Workspace:    e.Subject.Workspace, Installation: e.Subject.Installation, Webhook: e.Subject.Webhook,
		Only: e.Subject.Only,
	}
	out.Body.Page = contract.PageOf(hearers, func(h contract.Hearer) string { return string(h.Webhook) }, in.PageInput)
	return out, nil
}

// event finds the caller's event. An event is stored with its contract; where the caller names none, the log of the
// first webhooks may know it.
func (s *Service) event(ctx context.Context, webhooks []domain.Webhook,
	in *contract.ListEventAudienceInput) (events.Event, error) {
	caller := auth.From(ctx)
	e, err := s.store.Event(ctx, caller.Account, in.Contract, in.Event)
	if fault.KindOf(err) == fault.NotFound && in.Contract == "" {
		e, err = s.loggedEvent(ctx, webhooks, in.Event)
	}
	own := reaches(caller, e) && (caller.Extension() == "" || e.Subject.Origin == caller.Extension() ||
		e.Subject.Installation == caller.Extension())
	if fault.KindOf(err) == fault.NotFound || err == nil && (e.Account != caller.Account || !own) {
		return events.Event{}, fault.New(fault.NotFound, "not-found",
			"There is no such event of the last 30 days. Give contract_id, too, for an event of a contract that no "+
				"webhook was sent.")
	}
	return e, err
}

// loggedEvent finds an event by its deliveries.
func (s *Service) loggedEvent(ctx context.Context, webhooks []domain.Webhook, id domain.EventID) (events.Event, error) {
	for _, w := range webhooks[:min(len(webhooks), webhooksLooked)] {
		attempts, err := s.attempts(ctx, w, "", id)
		if fault.KindOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return events.Event{}, err
		}
		return s.store.Event(ctx, w.Account, attempts[0].Contract, id)
	}
	return events.Event{}, fault.New(fault.NotFound, "not-found", "No delivery of the event is in the log.")
}
