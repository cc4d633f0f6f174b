package webhooks

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// ListAccountDeliveries lists deliveries to all webhooks that the caller sees: the newest day first, and within a day
// the newest event, among 25 webhooks at a time. A page may be short or empty while more follow, because a call makes
// at most store.AccountLogQueries queries; looked_back_to says how far it came. A deleted webhook's log is not read.
//
// Invalid for a time before the log begins, and for a webhook that the caller does not see.
func (s *Service) ListAccountDeliveries(ctx context.Context,
	in *contract.ListAccountDeliveriesInput) (*contract.ListAccountDeliveriesOutput, error) {
	from, to, err := s.span("", in.From, in.To, true)
	if err != nil {
		return nil, err
	}
	after := store.AccountLogPlace{}
	if in.Cursor != "" {
		var ok bool
		if after, ok = store.ParseAccountLogPlace(in.Cursor); !ok {
			return nil, badPlace()
		}
	}
	account := auth.From(ctx).Account
	webhooks, err := s.logged(ctx, in.Webhooks)
	if err != nil {
		return nil, err
	}
	out := &contract.ListAccountDeliveriesOutput{}
	out.Body.Items = []contract.DeliveryOfEvent{}
	lines := 0
	query := store.AccountLogQuery{From: after, Webhooks: webhooks, LogQuery: store.LogQuery{
		Account: account, From: from, To: to, EventTypes: in.EventTypes, Contract: in.Contract, Unsent: onlyUnsent(in),
	}}
	log, err := s.store.AccountDeliveries(ctx, query, func(attempts []domain.Attempt) bool {
		if !matches(in, attempts) {
			return true
		}
		if len(out.Body.Items) == in.Limit || len(out.Body.Items) > 0 && lines+len(attempts) > linesListed {
			return false
		}
		lines += len(attempts)
		out.Body.Items = append(out.Body.Items,
			contract.DeliveryOfEvent{Webhook: attempts[0].Webhook, DeliveryView: view(abridged(attempts))})
		return true
	})
	if out.Body.LookedBackTo = log.To.UTC(); log.More {
		out.Body.NextCursor = log.At.String()
	}
	return out, err
}

// logged is the webhooks whose log is read: those asked for, or all that the caller sees.
func (s *Service) logged(ctx context.Context, asked []domain.WebhookID) ([]domain.WebhookID, error) {
	caller := auth.From(ctx)
	all, err := s.store.Webhooks(ctx, caller.Account)
	if err != nil {
		return nil, err
	}
	var seen []domain.WebhookID
	for _, w := range all {
		if visible(w, caller) {
			seen = append(seen, w.ID)
		}
	}
	if len(asked) == 0 {
		return seen, nil
	}
	var wrong []fault.Field
	for _, id := range asked {
		if !slices.Contains(seen, id) {
			wrong = append(wrong, fault.Field{Pointer: "query.webhook_id", Code: "unknown-webhook",
				Detail: fmt.Sprintf("There is no webhook %q.", id)})
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(asked))), fault.InvalidFields(wrong)
}

// onlyUnsent is true when no delivery that succeeded at once can match.
func onlyUnsent(in *contract.ListAccountDeliveriesInput) bool {
	delivered := len(in.States) == 0 || slices.Contains(in.States, domain.DeliveryDelivered)
	success := len(in.Statuses) == 0 || slices.ContainsFunc(in.Statuses, func(s string) bool { return s[:1] == "2" })
	return !delivered || !success || len(in.Failures) > 0
}

// matches is true for a delivery that the filters of state, status and failure let through.
func matches(in *contract.ListAccountDeliveriesInput, attempts []domain.Attempt) bool {
	if len(in.States) > 0 && !slices.Contains(in.States, domain.StateOf(attempts)) {
		return false
	}
	answered := func(a domain.Attempt) bool {
		status := strconv.Itoa(a.Status)
		return slices.Contains(in.Statuses, status) || slices.Contains(in.Statuses, status[:1]+"xx")
	}
	if len(in.Statuses) > 0 && !slices.ContainsFunc(attempts, answered) {
		return false
	}
	failed := func(a domain.Attempt) bool { return slices.Contains(in.Failures, a.Failure) }
	return len(in.Failures) == 0 || slices.ContainsFunc(attempts, failed)
}
