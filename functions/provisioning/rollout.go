package provisioning

import (
	"context"
	"errors"
	"log/slog"
	"time"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

const (
	// rolloutPage is how many installations one message covers. A slow page ends sooner.
	rolloutPage = 20

	// rolloutLeft is the time that must be left of the invocation (a minute, set by infra) to begin another
	// installation.
	rolloutLeft = 20 * time.Second

	// raceAttempts is how often a write that lost a race is tried again.
	raceAttempts = 5
)

// RollOut runs one page of a roll-out: installation after installation, then the counts, in one transaction with the
// message for the next page. It may run twice and stop anywhere. An installation remembers the roll-out that upgraded
// it, so a repeat counts it and does not upgrade it again. A message for a saved page does nothing. last means that
// the message will not come again.
func (s *Service) RollOut(ctx context.Context, p plugboard.RolloutPage, last bool) error {
	r, err := s.store.Rollout(ctx, p.Extension, p.Rollout)
	if err != nil || r.State != domain.RolloutRunning || r.Page != p.Page {
		return err
	}
	version, err := s.store.Version(ctx, r.Extension, r.Version)
	if err != nil {
		return fault.Wrap(err, "the version of the roll-out %s", r.ID)
	}
	if version.State != domain.VersionApproved {
		r = r.Stop("The version is "+string(version.State)+".", s.now())
		var tx store.Tx
		tx.Replace(&r)
		return s.store.Commit(ctx, &tx, nil)
	}
	accounts, err := s.store.Roster(ctx, r.Extension, r.After, rolloutPage)
	if err != nil {
		return err
	}
	began := s.now()
	progress, after, end := domain.RolloutProgress{}, r.After, len(accounts) < rolloutPage
	for n, a := range accounts {
		more, err := s.goOn(ctx, r, progress, n)
		if err != nil {
			return err
		}
		if !more {
			end = false
			break
		}
		outcome, failure, err := s.rollOutTo(ctx, r, a, last)
		if err != nil {
			return fault.Wrap(err, "roll %s out to %s", r.ID, a)
		}
		progress.Count(outcome, failure)
		after = a
	}
	slog.InfoContext(ctx, "rolled out", "rollout", r.ID, "extension", r.Extension, "version", r.Version, "page", r.Page,
		"seen", progress.Seen,
		"upgraded", progress.Upgraded, "failed", progress.Failed, "ms", s.now().Sub(began).Milliseconds())
	return s.saveRollout(ctx, p, progress, after, end)
}

// goOn is true when the n-th installation of the page may begin: the roll-out still runs, its version is not yanked,
// few enough failed, and time is left. The first installation always has time.
func (s *Service) goOn(ctx context.Context, r domain.Rollout, since domain.RolloutProgress, n int) (bool, error) {
	if r.Exceeds(since) {
		return false, nil
	}
	if deadline, ok := ctx.Deadline(); ok && n > 0 && time.Until(deadline) < rolloutLeft {
		return false, nil
	}
	now, err := s.store.Rollout(ctx, r.Extension, r.ID)
	if err != nil || now.State != domain.RolloutRunning || now.Page != r.Page {
		return false, err
	}
	version, err := s.store.Version(ctx, r.Extension, r.Version)
	return version.State == domain.VersionApproved, err
}

// rollOutTo upgrades one installation and returns its result. An error means that the page must run again. A problem
// that people must solve is RolloutFailed, and leaves the installation as it was.
func (s *Service) rollOutTo(ctx context.Context, r domain.Rollout, a domain.AccountID,
	last bool) (domain.RolloutOutcome, domain.RolloutFailure, error) {
	for range raceAttempts {
		if living, err := s.living(ctx, a); err != nil || !living {
			return domain.RolloutSkipped, domain.RolloutFailure{}, err
		}
		i, err := s.store.Installation(ctx, a, r.Extension)
		if fault.KindOf(err) == fault.NotFound {
			return domain.RolloutSkipped, domain.RolloutFailure{}, nil
		}
		if err != nil {
			return "", domain.RolloutFailure{}, err
		}
		if outcome, failure := r.Outcome(i); outcome != "" {
			return outcome, failure, nil
		}
		if i.State == domain.Enabled {
			outcome, failure, err := s.startUpgrade(ctx, r, i)
			if fault.Is(err, store.Raced) {
				continue
			}
			if err != nil || outcome != "" {
				return outcome, failure, err
			}
		}
		target := plugboard.ProvisionedInstance{Extension: r.Extension, Epoch: i.Epoch}
		if err = s.Advance(ctx, a, target); err == nil || fault.Is(err, store.Raced) {
			continue
		}
		if !hopeless(err) && !last {
			return "", domain.RolloutFailure{}, err
		}
		slog.ErrorContext(ctx, "an upgrade failed", "rollout", r.ID, "account", a, "error", err)
		if err := s.fail(ctx, a, target, reasonOf(err)); err != nil && !fault.Is(err, store.Raced) {
			return "", domain.RolloutFailure{}, err
		}
	}
	return "", domain.RolloutFailure{}, fault.New(fault.Unavailable, "busy", "The installation keeps changing.")
}

// startUpgrade starts the upgrade of an enabled installation with a message of its own, so that it finishes even when
// the roll-out ends. Otherwise it returns why not.
func (s *Service) startUpgrade(ctx context.Context, r domain.Rollout,
	i domain.Installation) (domain.RolloutOutcome, domain.RolloutFailure, error) {
	subject, err := s.store.UpgradeSubject(ctx, i.Account, r.Extension, r.Version)
	if err != nil {
		return "", domain.RolloutFailure{}, err
	}
	plan := subject.Plan()
	if len(plan.NeedsConsent) > 0 {
		return domain.RolloutConsent, domain.RolloutFailure{}, nil
	}
	if err := plan.Ready(); err != nil {
		var f *fault.Error
		errors.As(err, &f)
		return domain.RolloutFailed, domain.RolloutFailure{Account: i.Account, Code: f.Code, Detail: f.Detail}, nil
	}
	if subject.Installation.Rev != i.Rev {
		return "", domain.RolloutFailure{},
			fault.New(fault.Conflict, store.Raced, "The installation changed meanwhile.")
	}
	if i, err = i.StartUpgrade(plan, r.ID, s.now()); err != nil {
		return "", domain.RolloutFailure{}, err
	}
	var tx store.Tx
	use := domain.Use{}
	use.Change(subject.Installation, i)
	tx.CountAll(i.Account, use)
	tx.Replace(&i)
	tx.Provision(plugboard.Provision{
		ID: s.newID("prv"), Account: i.Account, At: i.UpdatedAt,
		Installations: []plugboard.ProvisionedInstance{{Extension: i.Extension, Epoch: i.Epoch}},
	})
	err = s.store.Commit(ctx, &tx, nil)
	if fault.Is(err, domain.QuotaExceeded) {
		var f *fault.Error
		errors.As(err, &f)
		return domain.RolloutFailed, domain.RolloutFailure{Account: i.Account, Code: f.Code, Detail: f.Detail}, nil
	}
	return "", domain.RolloutFailure{}, err
}

// saveRollout counts a page and asks for the next one, if any. A concurrent pause or cancel wins, and so does a page
// saved before.
func (s *Service) saveRollout(ctx context.Context, p plugboard.RolloutPage, since domain.RolloutProgress,
	after domain.AccountID, end bool) error {
	var err error
	for range raceAttempts {
		var r domain.Rollout
		if r, err = s.store.Rollout(ctx, p.Extension, p.Rollout); err != nil || r.Page != p.Page {
			return err
		}
		r = r.Worked(since, after, end, s.now())
		var tx store.Tx
		tx.Replace(&r)
		if r.State == domain.RolloutRunning {
			tx.Provision(plugboard.Provision{ID: s.newID("prv"), At: r.UpdatedAt,
				Rollout: &plugboard.RolloutPage{Extension: r.Extension, Rollout: r.ID, Page: r.Page}})
		}
		if err = s.store.Commit(ctx, &tx, nil); !fault.Is(err, store.Raced) {
			return err
		}
	}
	return err
}
