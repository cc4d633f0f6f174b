package webhooks

import (
	"context"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// cancelAttempts is how often a cancellation is repeated after a page changed the job meanwhile.
const cancelAttempts = 5

// replayRunning is the code of the Conflict while another replay of the webhook runs.
const replayRunning = "replay-running"

// CreateReplay starts a job that sends deliveries again, page by page, in replay. At most one job runs for a webhook.
//
// Invalid for a time before the log begins. Conflict `replay-running`, naming the running job, and as in
// ReplayDelivery when nothing is sent to the webhook.
func (s *Service) CreateReplay(ctx context.Context,
	in *contract.CreateReplayInput) (*contract.CreateReplayOutput, error) {
	now := s.now()
	from, to := in.Span()
	r := domain.Replay{
		ID: domain.ReplayID(s.newID("rpl")), State: domain.ReplayRunning, From: from, To: to, States: in.Body.States,
		EventTypes: in.Body.EventTypes,
		CreatedAt:  now, UpdatedAt: now,
	}
	if r.From.Before(now.Add(-logKept)) {
		return nil, fault.InvalidFields([]fault.Field{{Pointer: "/from", Code: "too-old",
			Detail: "The log is kept for 30 days."}})
	}
	if r.To.IsZero() || r.To.After(now) {
		r.To = now
	}
	if len(r.States) == 0 {
		r.States = []domain.DeliveryState{domain.DeliveryExhausted, domain.DeliverySkipped}
	}
	w, err := s.sendable(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	r.Account, r.Webhook = w.Account, w.ID
	var tx store.Tx
	tx.Create(&r)
	tx.Create(&domain.Replaying{Account: r.Account, Webhook: r.Webhook, Replay: r.ID}).Else(fault.New(fault.Conflict,
		replayRunning, "Another replay of the webhook runs. Wait for its end, or cancel it."))
	tx.Resend(events.Resend{ID: s.newID("rsd"), Account: r.Account,
		Page: &events.ReplayPage{Account: r.Account, Webhook: r.Webhook, Replay: r.ID}})
	out := &contract.CreateReplayOutput{Body: contract.ViewReplay(r)}
	err = s.store.Commit(ctx, &tx, out)
	if fault.Is(err, replayRunning) {
		if other, found := s.store.Replaying(ctx, r.Account, r.Webhook); found == nil {
			err = fault.New(fault.Conflict, replayRunning,
				"The replay %s of the webhook runs. Wait for its end, or cancel it.", other.Replay)
		}
	}
	return out, err
}

// Replays lists a webhook's replay jobs, the first created first.
func (s *Service) Replays(ctx context.Context, in *contract.ListReplaysInput) (*contract.ListReplaysOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	replays, err := s.store.Replays(ctx, w.Account, w.ID)
	if err != nil {
		return nil, err
	}
	views := []contract.ReplayView{}
	for _, r := range replays {
		views = append(views, contract.ViewReplay(r))
	}
	return &contract.ListReplaysOutput{Body: contract.PageOf(views,
		func(v contract.ReplayView) string { return string(v.ID) }, in.PageInput)}, nil
}

// Replay reads a replay job.
func (s *Service) Replay(ctx context.Context, in *contract.ReplayInput) (*contract.ReadReplayOutput, error) {
	r, err := s.replay(ctx, in)
	return &contract.ReadReplayOutput{Body: contract.ViewReplay(r)}, err
}

// CancelReplay ends a job before the next part of its page. A page in progress updates the same item, so a lost race
// is repeated. Conflict `replay-state` when the job has ended otherwise.
func (s *Service) CancelReplay(ctx context.Context, in *contract.ReplayInput) (*contract.CancelReplayOutput, error) {
	out := &contract.CancelReplayOutput{}
	var err error
	for range cancelAttempts {
		var before, after domain.Replay
		if before, err = s.replay(ctx, in); err != nil {
			return nil, err
		}
		if after, err = before.Cancel(s.now()); err != nil {
			return nil, err
		}
		out.Body = contract.ViewReplay(after)
		if after.State == before.State {
			return out, nil
		}
		var tx store.Tx
		tx.Replace(&after)
		tx.Discard(domain.Replaying{Account: after.Account, Webhook: after.Webhook})
		if err = s.store.Commit(ctx, &tx, out); !fault.Is(err, store.Raced) {
			break
		}
	}
	return out, err
}

// replay reads a replay job of a webhook that the caller may see.
func (s *Service) replay(ctx context.Context, in *contract.ReplayInput) (domain.Replay, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return domain.Replay{}, err
	}
	return s.store.Replay(ctx, w.Account, w.ID, in.Replay)
}
