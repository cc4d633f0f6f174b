// Package provisioning is the function that creates, upgrades, checks and removes the resources of installations, and
// erases deleted accounts. It works the provisions queue. Every step is one transaction that also records it, may run
// twice, and continues after a crash at any point.
package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	plugboard "plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
	"plugboard/shared/trace"
)

// Sealer seals webhooks' signing secrets.
type Sealer interface {
	Seal(ctx context.Context, a domain.AccountID, resource string, plain domain.Secret) (domain.Sealed, error)
}

// maxReceives is the provisions queue's limit before its dead-letter queue; infra sets the same. At the last receive
// the installation is marked failed, so that people see it and can retry.
const maxReceives = 5

// Service works provisioning jobs.
type Service struct {
	store *store.Store
	seal  Sealer
	now   domain.Clock
	newID domain.IDSource
}

// New makes no AWS call.
func New(s *store.Store, seal Sealer, now domain.Clock, newID domain.IDSource) *Service {
	return &Service{store: s, seal: seal, now: now, newID: newID}
}

// Handle works a batch of messages. A failed message is reported alone and comes again, up to maxReceives times.
func (s *Service) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	failures := []events.SQSBatchItemFailure{} // an empty list, never null: one emulator's poller breaks on null
	for _, m := range batch.Records {
		if err := s.message(ctx, m); err != nil {
			slog.ErrorContext(ctx, "provisioning failed", "message_id", m.MessageId, "receives",
				m.Attributes["ApproximateReceiveCount"], "error", err)
			failures = append(failures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return events.SQSEventResponse{BatchItemFailures: failures}, nil
}

func (s *Service) message(ctx context.Context, m events.SQSMessage) error {
	var p plugboard.Provision
	if err := json.Unmarshal([]byte(m.Body), &p); err != nil {
		return fmt.Errorf("unreadable message: %w", err)
	}
	ctx = trace.With(ctx, p.Trace)
	switch {
	case p.Erasing != nil:
		return s.erase(ctx, p.Account, *p.Erasing)
	case p.Repair != nil:
		return s.repair(ctx, p.Account, *p.Repair)
	case p.Check != nil:
		return s.walk(ctx, *p.Check)
	}
	receives, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if p.Rollout != nil {
		return s.RollOut(ctx, *p.Rollout, receives >= maxReceives)
	}
	for n, target := range p.Installations {
		began := s.now()
		err := s.carryOn(ctx, p.Account, target)
		slog.InfoContext(ctx, "provisioned", "trace_id", p.Trace, "account", p.Account, "extension", target.Extension,
			"epoch", target.Epoch, "receives", receives,
			"ok", err == nil, "ms", s.now().Sub(began).Milliseconds(), "since_request_ms",
			s.now().Sub(p.At).Milliseconds())
		if hopeless(err) {
			return s.failAll(ctx, p.Account, p.Installations[n:], err)
		}
		if err != nil && receives >= maxReceives {
			err = errors.Join(err, s.failAll(ctx, p.Account, p.Installations[n:], err))
		}
		if err != nil {
			return err // later targets may depend on this one
		}
	}
	return nil
}

// hopeless is true for a state of the account that only people can change; a repeat cannot help. It is false for a
// fault of the pipeline.
func hopeless(err error) bool {
	return fault.KindOf(err) == fault.Conflict && !fault.Is(err, store.Raced)
}

// carryOn is Advance, repeated when someone else changed the installation meanwhile. Otherwise the message would come
// back after its visibility timeout, minutes later.
func (s *Service) carryOn(ctx context.Context, a domain.AccountID, target plugboard.ProvisionedInstance) error {
	var err error
	for range raceAttempts {
		if err = s.Advance(ctx, a, target); !fault.Is(err, store.Raced) {
			return err
		}
	}
	return err
}

// Advance moves one installation on to its goal. A message for another epoch, or for an installation that has
// arrived, does nothing.
func (s *Service) Advance(ctx context.Context, a domain.AccountID, target plugboard.ProvisionedInstance) error {
	if living, err := s.living(ctx, a); err != nil || !living {
		return fault.Wrap(err, "provision in %s", a)
	}
	i, err := s.store.Installation(ctx, a, target.Extension)
	if err != nil {
		return fault.Wrap(err, "provision %s in %s", target.Extension, a)
	}
	switch {
	case i.Epoch != target.Epoch:
		return nil
	case i.State == domain.Enabling:
		return fault.Wrap(s.enable(ctx, i), "enable %s in %s", i.Extension, a)
	case i.State == domain.Upgrading:
		return fault.Wrap(s.upgrade(ctx, i), "upgrade %s in %s", i.Extension, a)
	case i.State == domain.Disabling:
		return fault.Wrap(s.disable(ctx, i), "disable %s in %s", i.Extension, a)
	default:
		return nil
	}
}

// failAll marks an installation failed with its cause, and also the later targets of the message, which may depend on
// it.
func (s *Service) failAll(ctx context.Context, a domain.AccountID, targets []plugboard.ProvisionedInstance,
	cause error) error {
	err := s.fail(ctx, a, targets[0], reasonOf(cause))
	for _, t := range targets[1:] {
		err = errors.Join(err, s.fail(ctx, a,
			t, fmt.Sprintf("The extension %q, which comes with it, failed. Retry that first.", targets[0].Extension)))
	}
	return err
}

// fail marks an installation failed at its current step. An installation that is not in progress stays as it is.
func (s *Service) fail(ctx context.Context, a domain.AccountID, target plugboard.ProvisionedInstance,
	reason string) error {
	i, err := s.store.Installation(ctx, a, target.Extension)
	if err != nil || i.Epoch != target.Epoch || i.State != domain.Enabling && i.State != domain.Upgrading &&
		i.State != domain.Disabling {
		return err
	}
	step := string(i.State)
	if n := i.NextStep(); i.State != domain.Disabling && n >= 0 {
		step = i.Steps[n].Name()
	}
	i = i.Fail(step, reason, s.now())
	return s.commit(ctx, plugboard.InstallationFailed, &i, &store.Tx{})
}

// reasonOf is the part of a cause that people may read.
func reasonOf(cause error) string {
	var f *fault.Error
	if errors.As(cause, &f) && f.Detail != "" {
		return f.Detail
	}
	return "Something failed on our side; the log has the details."
}

// commit writes the installation's change, the rest of tx, and the event of the change.
func (s *Service) commit(ctx context.Context, t plugboard.Type, i *domain.Installation, tx *store.Tx) error {
	event, err := plugboard.OfInstallation(domain.EventID(s.newID("evt")), t, *i)
	if err != nil {
		return err
	}
	tx.Replace(i)
	tx.Emit(event)
	return s.store.Commit(ctx, tx, nil)
}
