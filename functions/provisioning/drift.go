package provisioning

import (
	"context"
	"log/slog"
	"reflect"
	"time"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// pageOfChecks is how many installations one message of the daily check covers: seconds of the function's minute.
const pageOfChecks = 25

// walk checks one page of the list of all installations, and asks for the next page in another message. That
// message's id derives from the day and the place, so neither a repeated message nor a schedule that fires twice
// starts a second walk. An installation that cannot be checked is logged and left for the next day.
func (s *Service) walk(ctx context.Context, c plugboard.DriftCheck) error {
	if c.Day == "" {
		c.Day = s.now().Format(time.DateOnly)
	}
	page, after, err := s.store.DailyIn(ctx, c.Shard, c.After, pageOfChecks)
	if err != nil {
		return err
	}
	for _, i := range page {
		if err := s.check(ctx, i.Account, i.Extension); err != nil {
			slog.ErrorContext(ctx, "an installation was not checked", "account", i.Account, "extension", i.Extension,
				"error", err)
		}
	}
	slog.InfoContext(ctx, "checked for drift", "day", c.Day, "shard", c.Shard, "installations", len(page))
	next := plugboard.DriftCheck{Day: c.Day, Shard: c.Shard, After: after}
	if after == "" {
		next.Shard++
	}
	if next.Shard == store.DailyShards {
		return nil
	}
	var tx store.Tx
	tx.Provision(plugboard.Provision{ID: next.IdempotencyKey(), At: s.now(), Check: &next})
	if err := s.store.Commit(ctx, &tx, nil); !fault.Is(err, store.Raced) {
		return err
	}
	return nil
}

// check records the drift, and repairs it where the account asked for daily repair.
func (s *Service) check(ctx context.Context, a domain.AccountID, e domain.ExtensionID) error {
	if living, err := s.living(ctx, a); err != nil || !living {
		return err
	}
	i, err := s.store.Installation(ctx, a, e)
	if err != nil || !i.Checkable() {
		return err
	}
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return err
	}
	if _, err := s.record(ctx, &i, b); err != nil || i.Drift == nil || !i.RepairDaily {
		return err
	}
	return s.reconcile(ctx, i, b)
}

// repair brings managed resources back to their definition on request. A difference that people must resolve first
// stays a finding.
func (s *Service) repair(ctx context.Context, a domain.AccountID, target plugboard.ProvisionedInstance) error {
	if living, err := s.living(ctx, a); err != nil || !living {
		return err
	}
	i, err := s.store.Installation(ctx, a, target.Extension)
	if err != nil || i.Epoch != target.Epoch || !i.Checkable() {
		return err
	}
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return err
	}
	if _, err := s.record(ctx, &i, b); err != nil || i.Drift == nil {
		return err
	}
	if err := s.reconcile(ctx, i, b); !hopeless(err) {
		return fault.Wrap(err, "repair %s in %s", i.Extension, a)
	}
	slog.WarnContext(ctx, "drift cannot be repaired", "account", a, "extension", i.Extension, "error", err)
	return nil
}

// record compares, and stores the findings with the installation. The same findings raise one event, however often
// they are found; their end raises another.
func (s *Service) record(ctx context.Context, i *domain.Installation, b domain.Blueprint) (domain.Managed, error) {
	managed, err := s.store.Managed(ctx, *i, b)
	if err != nil {
		return managed, err
	}
	before, now := i.Drift, s.now()
	i.Drift = nil
	told := plugboard.InstallationRepaired
	if findings := i.DriftFrom(b, managed); len(findings) > 0 {
		i.Drift = domain.NewDrift(findings, now)
		told = plugboard.InstallationDrifted
	}
	switch {
	case before == nil && i.Drift == nil:
		return managed, nil
	case before != nil && i.Drift != nil && before.Print == i.Drift.Print:
		i.Drift = before
		return managed, nil
	}
	tell := i.Drift
	if tell == nil {
		tell = before
	}
	i.UpdatedAt = now
	event, err := plugboard.OfDrift(domain.EventID(s.newID("evt")), told, *i, *tell)
	if err != nil {
		return managed, err
	}
	var tx store.Tx
	tx.Replace(i)
	tx.Emit(event)
	return managed, s.store.Commit(ctx, &tx, nil)
}

// reconcile runs the blueprint's steps again, removes resources that the blueprint lacks, and compares once more. A
// step writes only the differences. Each transaction checks that the installation is unchanged, so that no step
// follows a disable.
func (s *Service) reconcile(ctx context.Context, i domain.Installation, b domain.Blueprint) error {
	for _, step := range b.Steps() {
		var tx store.Tx
		var err error
		switch step.Kind {
		case domain.StepTemplateType:
			err = s.templateType(ctx, &tx, &i, b, step)
		case domain.StepWebhook:
			err = s.webhook(ctx, &tx, &i, b, step)
		case domain.StepLifecycle:
			err = s.lifecycle(ctx, &tx, &i, b)
		}
		if err == nil {
			err = s.hold(ctx, i, &tx)
		}
		if err != nil {
			return fault.Wrap(err, "step %s", step.Name())
		}
	}
	managed, err := s.store.Managed(ctx, i, b)
	if err != nil {
		return err
	}
	for _, w := range i.Surplus(b, managed) {
		var tx store.Tx
		tx.Retire(w, s.now())
		if err := s.hold(ctx, i, &tx); err != nil {
			return fault.Wrap(err, "remove %s", w.ID)
		}
	}
	if t := i.DefineToken(b, managed.Token); t.Hash != "" && !reflect.DeepEqual(t, managed.Token) {
		var tx store.Tx
		tx.Replace(&t)
		if err := s.hold(ctx, i, &tx); err != nil {
			return fault.Wrap(err, "define the token")
		}
	}
	_, err = s.record(ctx, &i, b)
	return err
}

// hold commits tx if it has writes and the installation is unchanged since it was read.
func (s *Service) hold(ctx context.Context, i domain.Installation, tx *store.Tx) error {
	if tx.Empty() {
		return nil
	}
	tx.Unchanged(&i, i.Rev)
	return s.store.Commit(ctx, tx, nil)
}

// living is true when the account exists and is not being deleted.
func (s *Service) living(ctx context.Context, id domain.AccountID) (bool, error) {
	a, err := s.store.Account(ctx, id)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil && a.Living(), err
}
