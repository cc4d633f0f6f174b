package webhooks

import (
	"context"
	"time"

	"plugboard/events"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// PauseReplay holds a replay job before its next page, of up to 100 deliveries. Conflict `replay-state` when the job
// has ended.
func (s *Service) PauseReplay(ctx context.Context, in *contract.ReplayInput) (*contract.PauseReplayOutput, error) {
	out := &contract.PauseReplayOutput{}
	return out, s.moveReplay(ctx, in, domain.Replay.Pause, nil, func(r domain.Replay) any {
		out.Body = contract.ViewReplay(r)
		return out
	})
}

// ResumeReplay lets a paused job go on at its next page. Conflict `replay-state` when the job has ended, and as in
// ReplayDelivery when nothing is sent to the webhook.
func (s *Service) ResumeReplay(ctx context.Context, in *contract.ReplayInput) (*contract.ResumeReplayOutput, error) {
	if _, err := s.replay(ctx, in); err != nil {
		return nil, err
	}
	if _, err := s.sendable(ctx, in.Webhook); err != nil {
		return nil, err
	}
	out := &contract.ResumeReplayOutput{}
	return out, s.moveReplay(ctx, in, domain.Replay.Resume, s.resend, func(r domain.Replay) any {
		out.Body = contract.ViewReplay(r)
		return out
	})
}

// resend puts the message for the job's next page into the outbox. A message for a page that is done does nothing.
func (s *Service) resend(tx *store.Tx, r domain.Replay) {
	page := &events.ReplayPage{Account: r.Account, Webhook: r.Webhook, Replay: r.ID, Page: r.Page}
	tx.Resend(events.Resend{ID: s.newID("rsd"), Account: r.Account, Page: page})
}

// moveReplay commits another state of a job. A page in progress updates the same item, so a lost race is repeated.
// shown is the answer that is recorded.
func (s *Service) moveReplay(
	ctx context.Context, in *contract.ReplayInput, to func(domain.Replay, time.Time) (domain.Replay, error),
	with func(*store.Tx, domain.Replay), shown func(domain.Replay) any,
) error {
	var err error
	for range moveAttempts {
		var before, after domain.Replay
		if before, err = s.replay(ctx, in); err != nil {
			return err
		}
		if after, err = to(before, s.now()); err != nil {
			return err
		}
		answer := shown(after)
		if after.State == before.State {
			return nil
		}
		var tx store.Tx
		tx.Replace(&after)
		if with != nil {
			with(&tx, after)
		}
		if err = s.store.Commit(ctx, &tx, answer); !fault.Is(err, store.Raced) {
			return err
		}
	}
	return err
}
