package catalogue

import (
	"context"
	"fmt"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// defaultMaxFailures is how many failed installations stop a roll-out by default.
const defaultMaxFailures = 5

// moveAttempts is how often a state change of a roll-out is repeated after the job changed it meanwhile.
const moveAttempts = 5

// CreateRollout starts a job that upgrades the extension's installations to a version, page by page, in provisioning.
// Invalid for a version that is not approved.
func (s *Service) CreateRollout(ctx context.Context,
	in *contract.CreateRolloutInput) (*contract.CreateRolloutOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	v, err := s.store.Version(ctx, e.ID, in.Body.Version)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, err
	}
	if v.State != domain.VersionApproved {
		return nil, fault.InvalidFields([]fault.Field{{Pointer: "/version", Code: "unknown-version",
			Detail: fmt.Sprintf("The extension has no approved version %d.", in.Body.Version)}})
	}
	r := domain.Rollout{
		ID: domain.RolloutID(s.newID("rol")), Extension: e.ID, Version: v.Version, State: domain.RolloutRunning,
		MaxFailures:     defaultMaxFailures,
		RolloutProgress: domain.RolloutProgress{Failures: []domain.RolloutFailure{}}, CreatedAt: s.now(),
	}
	r.UpdatedAt = r.CreatedAt
	if in.Body.MaxFailures != nil {
		r.MaxFailures = *in.Body.MaxFailures
	}
	var tx store.Tx
	tx.Create(&r)
	tx.Provision(s.nextPage(r))
	out := &contract.CreateRolloutOutput{Body: viewRollout(ctx, r)}
	return out, s.store.Commit(ctx, &tx, out)
}

// Rollouts lists the roll-outs of an extension, the first created first.
func (s *Service) Rollouts(ctx context.Context, in *contract.ListRolloutsInput) (*contract.ListRolloutsOutput, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	rollouts, err := s.store.Rollouts(ctx, e.ID)
	if err != nil {
		return nil, err
	}
	views := []contract.RolloutView{}
	for _, r := range rollouts {
		views = append(views, viewRollout(ctx, r))
	}
	return &contract.ListRolloutsOutput{Body: contract.PageOf(views,
		func(v contract.RolloutView) string { return string(v.ID) }, in.PageInput)}, nil
}

// Rollout reads a roll-out.
func (s *Service) Rollout(ctx context.Context, in *contract.RolloutInput) (*contract.ReadRolloutOutput, error) {
	r, err := s.rollout(ctx, in)
	return &contract.ReadRolloutOutput{Body: viewRollout(ctx, r)}, err
}

// PauseRollout stops a roll-out before its next installation. Conflict `rollout-state` when it has ended.
func (s *Service) PauseRollout(ctx context.Context, in *contract.RolloutInput) (*contract.PauseRolloutOutput, error) {
	out := &contract.PauseRolloutOutput{}
	return out, s.moveRollout(ctx, in, domain.Rollout.Pause, &out.Body, out)
}

// ResumeRollout continues a paused roll-out. Conflict `rollout-state` when it has ended.
func (s *Service) ResumeRollout(ctx context.Context, in *contract.RolloutInput) (*contract.ResumeRolloutOutput, error) {
	out := &contract.ResumeRolloutOutput{}
	return out, s.moveRollout(ctx, in, domain.Rollout.Resume, &out.Body, out)
}

// CancelRollout ends a roll-out; upgrades that it started are finished. Conflict `rollout-state` when it has ended.
func (s *Service) CancelRollout(ctx context.Context, in *contract.RolloutInput) (*contract.CancelRolloutOutput, error) {
	out := &contract.CancelRolloutOutput{}
	return out, s.moveRollout(ctx, in, domain.Rollout.Cancel, &out.Body, out)
}

// moveRollout commits a state change with its answer. A page in progress updates the same item, so a lost race is
// repeated.
func (s *Service) moveRollout(ctx context.Context, in *contract.RolloutInput,
	to func(domain.Rollout, time.Time) (domain.Rollout, error), body *contract.RolloutView, answer any) error {
	var err error
	for range moveAttempts {
		var before, after domain.Rollout
		if before, err = s.rollout(ctx, in); err != nil {
			return err
		}
		if after, err = to(before, s.now()); err != nil {
			return err
		}
		*body = viewRollout(ctx, after)
		if after.State == before.State {
			return nil
		}
		var tx store.Tx
		tx.Replace(&after)
		if after.State == domain.RolloutRunning {
			tx.Provision(s.nextPage(after))
		}
		if err = s.store.Commit(ctx, &tx, answer); !fault.Is(err, store.Raced) {
			return err
		}
	}
	return err
}

// rollout reads a roll-out of an extension that the caller may see.
func (s *Service) rollout(ctx context.Context, in *contract.RolloutInput) (domain.Rollout, error) {
	e, err := s.extension(ctx, in.Extension)
	if err != nil {
		return domain.Rollout{}, err
	}
	return s.store.Rollout(ctx, e.ID, in.Rollout)
}

func (s *Service) nextPage(r domain.Rollout) events.Provision {
	return events.Provision{ID: s.newID("prv"), At: r.UpdatedAt,
		Rollout: &events.RolloutPage{Extension: r.Extension, Rollout: r.ID, Page: r.Page}}
}

func viewRollout(ctx context.Context, r domain.Rollout) contract.RolloutView {
	return contract.ViewRollout(r, auth.From(ctx).Model == auth.ModelPlatform)
}
