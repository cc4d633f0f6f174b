package enablement

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/obtainable"
	"plugboard/shared/store"
)

// PreviewUpgrade shows the plan that Upgrade would carry out now, whatever the installation's state. Invalid for a
// version that there is not, or that is not newer.
func (s *Service) PreviewUpgrade(ctx context.Context,
	in *contract.PreviewUpgradeInput) (*contract.PreviewUpgradeOutput, error) {
	subject, err := s.upgradeSubject(ctx, in.Extension, in.Version, "query.version")
	if err != nil {
		return nil, err
	}
	plan := subject.Plan()
	out := &contract.PreviewUpgradeOutput{Body: contract.UpgradePreview{
		State: subject.Installation.State, UpgradePlan: plan, AlsoEnables: []domain.ExtensionID{},
		Asked: []contract.NeededParameter{},
	}}
	extra, err := s.dependenciesOfUpgrade(ctx, subject)
	if fault.KindOf(err) == fault.Conflict {
		var f *fault.Error
		errors.As(err, &f)
		out.Body.Unobtainable, err = f.Detail, nil
	}
	out.ETag, out.Body.PlanID = plan.ETag(extra.create...), plan.ID(extra.create...)
	for _, b := range extra.create {
		out.Body.AlsoEnables = append(out.Body.AlsoEnables, b.Extension)
		for _, p := range b.Parameters.All() {
			out.Body.Asked = append(out.Body.Asked, contract.NeededParameter{Extension: b.Extension, Parameter: p})
		}
	}
	return out, err
}

// Upgrade sets an installation on its way to a newer version; provisioning then carries the plan out, and the
// extension goes on working meanwhile. At the version already, or on its way there, it changes nothing.
//
// Like Enable it plans from what is there, and the transaction's conditions decide: of two at once one commits.
// Unconditional without the tag of a preview; Stale when If-Match names another plan. Conflict from any state but
// enabled; `upgrade-conflict` naming each; `consent-required` naming each reason, for the platform always; `by-hand`
// for the platform where the account upgrades by hand; and when a dependency cannot be had. Invalid with every
// parameter that is missing or wrong.
func (s *Service) Upgrade(ctx context.Context,
	in *contract.UpgradeExtensionInput) (*contract.UpgradeExtensionOutput, error) {
	for range enableAttempts {
		out, err := s.upgrade(ctx, in)
		if !fault.Is(err, store.Raced) {
			return out, err
		}
	}
	return nil, fault.New(fault.Unavailable, "busy",
		"The account's installations keep changing. Try again in a moment.")
}

func (s *Service) upgrade(ctx context.Context,
	in *contract.UpgradeExtensionInput) (*contract.UpgradeExtensionOutput, error) {
	subject, err := s.upgradeSubject(ctx, in.Extension, in.Body.Version, "/version")
	if err != nil {
		return nil, err
	}
	if in.IfMatch == "" || in.IfMatch == "*" { // neither names a plan that anybody has seen
		return nil, notPreviewed()
	}
	out := &contract.UpgradeExtensionOutput{}
	out.Body.Created = []contract.NewInstallation{}
	i, to := subject.Installation, subject.To
	if i.Version == to.Version || i.State == domain.Upgrading && i.Upgrade.Version == to.Version {
		given := contract.EnableExtensionBody{Parameters: in.Body.Parameters}
		if err := s.checkRepeatedEnable(ctx, plan{}, i, subject.Installed, given); err != nil {
			return nil, err
		}
		out.Body.Installation = contract.ViewInstallation(i)
		return out, nil
	}
	plan := subject.Plan()
	extra, unobtainable := s.dependenciesOfUpgrade(ctx, subject)
	if unobtainable != nil && fault.KindOf(unobtainable) != fault.Conflict {
		return nil, unobtainable
	}
	if !domain.MatchesETag(in.IfMatch, plan.ETag(extra.create...)) {
		return nil, fault.New(fault.Stale, "stale", "The upgrade would do something else by now. Preview it again.")
	}
	now := s.now()
	use := domain.Use{}
	if i, err = i.StartUpgrade(plan, "", now); err != nil {
		return nil, err
	}
	use.Change(subject.Installation, i)
	if err := mayUpgrade(auth.From(ctx), i, plan, in.Body.Consent); err != nil {
		return nil, err
	}
	if unobtainable != nil {
		return nil, unobtainable
	}
	if err := extra.checkUpgrade(subject, in.Body.Parameters); err != nil {
		return nil, err
	}
	others := maps.Clone(in.Body.Parameters)
	delete(others, to.Extension) // whose values it takes
	if err := s.sameValues(ctx, subject.Installed, others); err != nil {
		return nil, err
	}
	if err := s.takeParameters(ctx, &i, to, in.Body.Parameters[to.Extension]); err != nil {
		return nil, err
	}

	var tx store.Tx
	message := events.Provision{ID: s.newID("prv"), Account: i.Account, At: now}
	for _, b := range extra.create {
		dependency := subject.Installed[b.Extension]
		dependency.Account, dependency.RequiredBy, dependency.EnabledBy = i.Account, extra.requiredBy[b.Extension],
			i.Extension
		made, err := s.install(ctx, &tx, &dependency, b, in.Body.Parameters[b.Extension], now)
		if err != nil {
			return nil, err
		}
		use.Change(subject.Installed[b.Extension], dependency)
		message.Installations = append(message.Installations,
			events.ProvisionedInstance{Extension: b.Extension, Epoch: dependency.Epoch})
		out.Body.Created = append(out.Body.Created, made)
	}
	for _, needed := range extra.need {
		tx.Replace(&needed)
	}
	tx.Replace(&i)
	tx.CountAll(i.Account, use)
	message.Installations = append(message.Installations,
		events.ProvisionedInstance{Extension: i.Extension, Epoch: i.Epoch})
	tx.Provision(message)
	out.Body.Installation = contract.ViewInstallation(i)
	return out, s.store.Commit(ctx, &tx, out)
}

// notPreviewed is the refusal of an upgrade that names no previewed plan.
func notPreviewed() error {
	err := fault.New(fault.Unconditional, "preview-required",
		"An upgrade does what was previewed. Send the ETag of preview-upgrade as If-Match.")
	err.Fields = []fault.Field{{Pointer: "header.If-Match", Code: "required", Detail: "This is the ETag of a preview."}}
	return err
}

// mayUpgrade refuses a plan that has conflicts, or that the caller may not start.
func mayUpgrade(by auth.Caller, i domain.Installation, plan domain.UpgradePlan, consent []string) error {
	if err := plan.Obstructed(); err != nil {
		return err
	}
	if by.Model == auth.ModelPlatform {
		if i.UpgradePolicy == domain.UpgradeByHand {
			return fault.New(fault.Conflict, "by-hand",
				"The account upgrades the extension %q by hand: one of its admins does it.", i.Extension)
		}
		consent = nil // it is the account's to give
	}
	return plan.Unconsented(consent)
}

// upgradeSubject reads the calling account's installation and the target version. Version 0 means the listed one, or
// the installed one when that is newer.
func (s *Service) upgradeSubject(ctx context.Context, e domain.ExtensionID, version int,
	pointer string) (domain.UpgradeSubject, error) {
	account := auth.From(ctx).Account
	i, err := s.store.Installation(ctx, account, e)
	if err != nil {
		return domain.UpgradeSubject{}, err
	}
	if version == 0 {
		extension, err := s.store.Extension(ctx, e)
		if err != nil {
			return domain.UpgradeSubject{}, fault.Wrap(err, "the extension of an installation in %s", account)
		}
		version = max(extension.ListedVersion, i.Version)
	}
	if version < i.Version {
		return domain.UpgradeSubject{},
			fault.InvalidFields([]fault.Field{{Pointer: pointer, Code: "not-newer",
				Detail: fmt.Sprintf("Version %d is older than the installed %d. Upgrades lead to newer versions only.",
					version, i.Version)}})
	}
	if version > i.Version {
		if err := s.upgradable(ctx, account, e, version, pointer); err != nil {
			return domain.UpgradeSubject{}, err
		}
	}
	return s.store.UpgradeSubject(ctx, account, e, version)
}

// upgradable refuses a version that is not approved; an extension on trial may also use a submitted one. The answer
// is the same whatever the reason, so that nobody learns of a version that is not offered to them.
func (s *Service) upgradable(ctx context.Context, a domain.AccountID, e domain.ExtensionID, version int,
	pointer string) error {
	v, err := s.store.Version(ctx, e, version)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	if v.State == domain.VersionApproved {
		return nil
	}
	if v.State == domain.VersionSubmitted {
		_, err := s.store.Trial(ctx, a, e)
		if fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	return fault.InvalidFields([]fault.Field{{Pointer: pointer, Code: "unknown-version",
		Detail: fmt.Sprintf("There is no version %d of the extension %q to upgrade to.", version, e)}})
}

// dependenciesOfUpgrade is what must be enabled with the upgrade, and what is there and becomes needed. Conflict for a
// dependency that cannot be had, or is too old.
func (s *Service) dependenciesOfUpgrade(ctx context.Context, subject domain.UpgradeSubject) (plan, error) {
	root := subject.Installation.Extension
	available := obtainable.New(s.store)
	var blueprints []domain.Blueprint
	for _, d := range subject.To.Dependencies {
		if subject.Installed[d.Extension].Present() {
			continue
		}
		closure, err := available.Closure(ctx, d, root)
		if u, ok := obtainable.Refusal(err); ok {
			return plan{}, u
		}
		if err != nil {
			return plan{}, err
		}
		for _, b := range closure {
			if !slices.ContainsFunc(blueprints, func(o domain.Blueprint) bool { return o.Extension == b.Extension }) {
				blueprints = append(blueprints, b)
			}
		}
	}
	others := maps.Clone(subject.Installed)
	delete(others, root) // so that it is planned like one that is enabled at the new version
	p, err := newPlan(append(blueprints, subject.To), others)
	if err != nil {
		return p, err
	}
	p.create = p.create[:len(p.create)-1]
	p.need = slices.DeleteFunc(p.need, func(i domain.Installation) bool {
		return len(i.RequiredBy) == len(subject.Installed[i.Extension].RequiredBy)
	})
	if len(p.create) >= obtainable.MostAtOnce {
		return plan{}, fault.New(fault.Conflict, "too-many-dependencies",
			"Upgrading it would enable more than %d extensions.", obtainable.MostAtOnce)
	}
	return p, nil
}

// checkUpgrade is check, where the upgraded extension's values may be there already.
func (p plan) checkUpgrade(subject domain.UpgradeSubject,
	given map[domain.ExtensionID]map[string]domain.ParameterValue) error {
	root := subject.To.Extension
	wrong := subject.CheckParameters("/parameters/"+string(root), given[root])
	others := maps.Clone(given)
	delete(others, root)
	return fault.InvalidFields(append(wrong, p.parameterFaults(others, subject.Installed)...))
}

// validateUpgrade is what is wrong with the version, or with the extension's own parameters, of an input that is wrong
// already.
func (s *Service) validateUpgrade(ctx context.Context, in *contract.UpgradeExtensionInput) ([]fault.Field, error) {
	subject, err := s.upgradeSubject(ctx, in.Extension, in.Body.Version, "/version")
	if err != nil {
		return nil, err
	}
	return subject.CheckParameters("/parameters/"+string(in.Extension), in.Body.Parameters[in.Extension]), nil
}

// takeParameters puts the given values over those that the installation has. A value that the version keeps secret is
// sealed; it stays in the open too until the old version, which may send it, is gone.
func (s *Service) takeParameters(ctx context.Context, i *domain.Installation, to domain.Blueprint,
	given map[string]domain.ParameterValue) error {
	values := map[string]domain.ParameterValue{}
	maps.Copy(values, given)
	for _, p := range to.Parameters.All() {
		if value, open := i.Parameters[p.Key]; p.Schema.WriteOnly && open && domain.NoParameter(values[p.Key]) {
			values[p.Key] = value
		}
	}
	open, sealed, err := s.parameters(ctx, i.Account, to, values)
	if err != nil {
		return err
	}
	i.Parameters, i.Secrets = merged(i.Parameters, open), merged(i.Secrets, sealed)
	return nil
}

// merged is the one map with the other's values put over it.
func merged[V any](under, above map[string]V) map[string]V {
	all := map[string]V{}
	maps.Copy(all, under)
	maps.Copy(all, above)
	return all
}

// PutUpgradePolicy says who starts the installation's upgrades.
func (s *Service) PutUpgradePolicy(ctx context.Context,
	in *contract.PutUpgradePolicyInput) (*contract.PutUpgradePolicyOutput, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, in.Extension)
	if err != nil {
		return nil, err
	}
	i.UpgradePolicy, i.UpdatedAt = in.Body.Policy, s.now()
	var tx store.Tx
	tx.Replace(&i)
	out := &contract.PutUpgradePolicyOutput{Body: contract.ViewInstallation(i)}
	return out, s.store.Commit(ctx, &tx, out)
}
