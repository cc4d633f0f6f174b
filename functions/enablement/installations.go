package enablement

import (
	"context"
	"maps"
	"slices"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// Installations lists the account's, by extension.
func (s *Service) Installations(ctx context.Context,
	in *contract.ListInstallationsInput) (*contract.ListInstallationsOutput, error) {
	installed, err := s.store.Installations(ctx, auth.From(ctx).Account)
	if err != nil {
		return nil, err
	}
	views := []contract.InstallationView{}
	for _, id := range slices.Sorted(maps.Keys(installed)) {
		views = append(views, contract.ViewInstallation(installed[id]))
	}
	return &contract.ListInstallationsOutput{Body: contract.PageOf(views, func(v contract.InstallationView) string {
		return string(v.Extension)
	}, in.PageInput)}, nil
}

// Installation reads one, with its steps and managed resources.
func (s *Service) Installation(ctx context.Context,
	in *contract.InstallationInput) (*contract.ReadInstallationOutput, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, in.Extension)
	return &contract.ReadInstallationOutput{ETag: i.ETag(), Body: contract.ViewInstallation(i)}, err
}

// Disable kills the token and the deliveries of the epoch with its own write; provisioning then clears away.
// Conflict while another enabled extension needs it.
func (s *Service) Disable(ctx context.Context,
	in *contract.InstallationInput) (*contract.DisableExtensionOutput, error) {
	i, changed, err := s.move(ctx, in.Extension, domain.Installation.Disable)
	if err != nil || !changed {
		return &contract.DisableExtensionOutput{Body: contract.ViewInstallation(i)}, err
	}
	var tx store.Tx
	tx.Replace(&i)
	tx.Discard(domain.Installed{Extension: i.Extension, Account: i.Account})
	s.bumpFields(&tx, i)
	tx.Provision(s.provision(i))
	out := &contract.DisableExtensionOutput{Body: contract.ViewInstallation(i)}
	return out, s.store.Commit(ctx, &tx, out)
}

// Suspend stops the extension's API and sending, in the name of the caller: an admin, or the platform.
func (s *Service) Suspend(ctx context.Context,
	in *contract.InstallationInput) (*contract.SuspendExtensionOutput, error) {
	by := auth.From(ctx).Suspender()
	i, changed, err := s.move(ctx, in.Extension,
		func(i domain.Installation, now time.Time) (domain.Installation, error) {
			return i.Suspend(by, now)
		})
	if err != nil || !changed {
		return &contract.SuspendExtensionOutput{Body: contract.ViewInstallation(i)}, err
	}
	event, err := events.OfInstallation(domain.EventID(s.newID("evt")), events.InstallationSuspended, i)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Replace(&i)
	s.bumpFields(&tx, i)
	tx.Emit(event)
	out := &contract.SuspendExtensionOutput{Body: contract.ViewInstallation(i)}
	return out, s.store.Commit(ctx, &tx, out)
}

// Resume lifts the caller's own suspension; another's keeps it suspended.
func (s *Service) Resume(ctx context.Context, in *contract.InstallationInput) (*contract.ResumeExtensionOutput, error) {
	by := auth.From(ctx).Suspender()
	i, changed, err := s.move(ctx, in.Extension,
		func(i domain.Installation, now time.Time) (domain.Installation, error) {
			return i.Resume(by, now)
		})
	if err != nil || !changed {
		return &contract.ResumeExtensionOutput{Body: contract.ViewInstallation(i)}, err
	}
	event, err := events.OfInstallation(domain.EventID(s.newID("evt")), events.InstallationResumed, i)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Replace(&i)
	tx.Emit(event)
	out := &contract.ResumeExtensionOutput{Body: contract.ViewInstallation(i)}
	return out, s.store.Commit(ctx, &tx, out)
}

// Retry goes on with a failed installation, towards the goal that it had.
func (s *Service) Retry(ctx context.Context,
	in *contract.InstallationInput) (*contract.RetryInstallationOutput, error) {
	i, _, err := s.move(ctx, in.Extension, domain.Installation.Retry)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	tx.Replace(&i)
	tx.Provision(s.provision(i))
	out := &contract.RetryInstallationOutput{Body: contract.ViewInstallation(i)}
	return out, s.store.Commit(ctx, &tx, out)
}

// RotateToken makes a new token, shown this once; the first one where an earlier version handed off and nobody took it.
// The token before stays good for a day unless the caller says otherwise.
// Conflict unless the installation is present, and `hand-off` when its partner alone gets the token.
func (s *Service) RotateToken(ctx context.Context,
	in *contract.RotateInstallationTokenInput) (*contract.RotateInstallationTokenOutput, error) {
	i, b, err := s.present(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	if b.Setup != nil {
		return nil, domain.HandedOff(i.Extension)
	}
	var tx store.Tx
	now, overlap := s.now(), domain.Overlap(in.Body.OverlapSeconds)
	out := &contract.RotateInstallationTokenOutput{}
	token, hash := secret.NewCredential(secret.TokenPrefix)
	next := domain.Token{
		Hash: hash, Prefix: secret.Prefix(token, prefixShown), ID: domain.TokenID(s.newID("tok")), Account: i.Account,
		Extension: i.Extension, Epoch: i.Epoch, Scopes: b.Scopes, CreatedAt: now,
	}
	// drift may have taken it, and an installation handed off before it was taken has none
	before, err := s.store.Token(ctx, i.TokenHash)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return nil, fault.Wrap(err, "the token of %s in %s", i.Extension, i.Account)
	}
	ended := i.PreviousTokenHash
	i.TokenID, i.TokenHash, i.PreviousTokenHash, i.UpdatedAt = next.ID, hash, before.Hash, now
	if before.Hash != "" {
		next.Scopes = before.Scopes
		before.ExpiresAt = now.Add(overlap)
		tx.Replace(&before)
		out.Body.BeforeEndsAt = before.ExpiresAt
		if overlap == 0 {
			out.Body.Warning = "The token before ended at once: whoever still sends it gets 401 until it has the " +
				"new one."
		}
	}
	if ended != "" {
		tx.Discard(domain.Token{Hash: ended})
	}
	tx.Replace(&i)
	tx.Create(&next)
	out.Body.TokenID, out.Body.Token = next.ID, token
	return out, s.store.Commit(ctx, &tx, out)
}

// move reads an installation and asks the domain for its next state. changed is false when it already is there.
func (s *Service) move(ctx context.Context, e domain.ExtensionID,
	to func(domain.Installation, time.Time) (domain.Installation, error)) (i domain.Installation, changed bool,
	err error) {
	before, err := s.store.Installation(ctx, auth.From(ctx).Account, e)
	if err != nil {
		return before, false, err
	}
	after, err := to(before, s.now())
	return after, after.State != before.State || len(after.SuspendedBy) != len(before.SuspendedBy), err
}

// bumpFields makes a contract that is being created with the installation's fields, usable a moment ago, fail.
func (s *Service) bumpFields(tx *store.Tx, i domain.Installation) {
	for _, id := range i.TemplateTypes() {
		tx.BumpFields(i.Account, id)
	}
}

func (s *Service) provision(i domain.Installation) events.Provision {
	return events.Provision{
		ID: s.newID("prv"), Account: i.Account, At: i.UpdatedAt,
		Installations: []events.ProvisionedInstance{{Extension: i.Extension, Epoch: i.Epoch}},
	}
}
