package webhooks

import (
	"context"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// moveAttempts is how often a change of a job's state is tried when a page changes the job meanwhile.
const moveAttempts = 5

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

// CancelReplay ends a job before the next part of its page. Conflict `replay-state` when the job has ended otherwise.
func (s *Service) CancelReplay(ctx context.Context, in *contract.ReplayInput) (*contract.CancelReplayOutput, error) {
	out := &contract.CancelReplayOutput{}
	free := func(tx *store.Tx, r domain.Replay) {
		tx.Discard(domain.Replaying{Account: r.Account, Webhook: r.Webhook})
	}
	return out, s.moveReplay(ctx, in, domain.Replay.Cancel, free, func(r domain.Replay) any {
		out.Body = contract.ViewReplay(r)
		return out
	})
}

// replay reads a replay job of a webhook that the caller may see.
func (s *Service) replay(ctx context.Context, in *contract.ReplayInput) (domain.Replay, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return domain.Replay{}, err
	}
	return s.store.Replay(ctx, w.Account, w.ID, in.Replay)
}
