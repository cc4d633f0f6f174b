package enablement

import (
	"context"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/store"
)

// Drift compares the managed resources with the blueprint of the installation's version, now. It stores nothing.
// Conflict `installation-state` unless the installation is enabled or suspended.
func (s *Service) Drift(ctx context.Context, in *contract.ReadDriftInput) (*contract.ReadDriftOutput, error) {
	i, err := s.checkable(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	b, err := s.store.Blueprint(ctx, i.Extension, i.Version)
	if err != nil {
		return nil, fault.Wrap(err, "version %d of %s", i.Version, i.Extension)
	}
	found, err := s.store.Managed(ctx, i, b)
	out := &contract.ReadDriftOutput{}
	out.Body.Extension, out.Body.Version, out.Body.CheckedAt, out.Body.Findings = i.Extension, i.Version, s.now(),
		i.DriftFrom(b, found)
	return out, err
}

// Repair asks provisioning to reconcile the managed resources with the blueprint. Runtime state that admins may
// change stays. Conflict `installation-state` unless the installation is enabled or suspended.
func (s *Service) Repair(ctx context.Context,
	in *contract.RepairInstallationInput) (*contract.RepairInstallationOutput, error) {
	i, err := s.checkable(ctx, in.Extension)
	if err != nil {
		return nil, err
	}
	var tx store.Tx
	if in.Body.Daily != nil && *in.Body.Daily != i.RepairDaily {
		i.RepairDaily, i.UpdatedAt = *in.Body.Daily, s.now()
		tx.Replace(&i)
	}
	tx.Provision(events.Provision{ID: s.newID("prv"), Account: i.Account, At: s.now(),
		Repair: &events.ProvisionedInstance{Extension: i.Extension, Epoch: i.Epoch}})
	out := &contract.RepairInstallationOutput{Body: contract.ViewInstallation(i)}
	return out, s.store.Commit(ctx, &tx, out)
}

func (s *Service) checkable(ctx context.Context, e domain.ExtensionID) (domain.Installation, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, e)
	if err == nil && !i.Checkable() {
		err = fault.New(fault.Conflict, "installation-state",
			"The extension %q is %s. What it manages is compared and repaired while it is enabled or suspended.",
			i.Extension, i.State)
	}
	return i, err
}
