package enablement

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/obtainable"
	"plugboard/shared/store"
)

// enableAttempts is how often Enable plans again after another request changed an installation.
const enableAttempts = 5

// Enable enables an extension after its dependencies. It answers at once with the installations that it created and
// their tokens; provisioning then creates the resources.
//
// It is idempotent. The plan comes from what was read, but the transaction's conditions decide: of two clicks at once
// one commits, and the other plans again, finds the installation and answers with it.
//
// NotFound when the extension is neither listed nor on trial in the account. Invalid with every missing or wrong
// parameter, dependencies included. Conflict while it is being disabled or has failed, or when a dependency is
// unavailable; `offer-changed` when other versions were shown; `quota-exceeded` when its resources exceed a quota.
func (s *Service) Enable(ctx context.Context,
	in *contract.EnableExtensionInput) (*contract.EnableExtensionOutput, error) {
	account := auth.From(ctx).Account
	available := obtainable.New(s.store)
	_, err := available.Offered(ctx, account, in.Extension)
	if u, ok := obtainable.Refusal(err); ok {
		return nil, fault.New(fault.NotFound, "not-found", "%s", u.Detail)
	}
	blueprints, err := available.Closure(ctx, domain.Dependency{Extension: in.Extension})
	if u, ok := obtainable.Refusal(err); ok {
		return nil, u
	}
	if err != nil {
		return nil, err
	}
	for range enableAttempts {
		installed, err := s.store.Installations(ctx, account)
		if err != nil {
			return nil, err
		}
		out, err := s.enable(ctx, account, blueprints, installed, in.Body)
		if !fault.Is(err, store.Raced) {
			return out, err
		}
	}
	return nil, fault.New(fault.Unavailable, "busy",
		"The account's installations keep changing. Try again in a moment.")
}

// validateParameters reports wrong parameters of an input that is already invalid.
func (s *Service) validateParameters(ctx context.Context, in *contract.EnableExtensionInput) ([]fault.Field, error) {
	account := auth.From(ctx).Account
	available := obtainable.New(s.store)
	if _, err := available.Offered(ctx, account, in.Extension); err != nil {
		return nil, err
	}
	blueprints, err := available.Closure(ctx, domain.Dependency{Extension: in.Extension})
	if err != nil {
		return nil, err
	}
	installed, err := s.store.Installations(ctx, account)
	if err != nil || installed[in.Extension].Present() {
		return nil, err
	}
	plan, err := newPlan(blueprints, installed)
	if err != nil {
		return nil, err
	}
	return plan.parameterFaults(in.Body.Parameters, installed), nil
}

// enable commits one plan. blueprints holds dependencies first and the requested extension last.
func (s *Service) enable(ctx context.Context, account domain.AccountID, blueprints []domain.Blueprint,
	installed map[domain.ExtensionID]domain.Installation,
	in contract.EnableExtensionBody) (*contract.EnableExtensionOutput, error) {
	root := blueprints[len(blueprints)-1]
	out := &contract.EnableExtensionOutput{}
	out.Body.Created = []contract.NewInstallation{}
	if i, ok := installed[root.Extension]; ok && i.Present() {
		if err := s.checkRepeatedEnable(ctx, plan{}, i, installed, in); err != nil {
			return nil, err
		}
		out.Body.Installation = contract.ViewInstallation(i)
		return out, nil
	}
	plan, err := newPlan(blueprints, installed)
	if err != nil {
		return nil, err
	}
	if err := fault.InvalidFields(plan.parameterFaults(in.Parameters, installed)); err != nil {
		return nil, err
	}
	if err := s.sameValues(ctx, installed, in.Parameters); err != nil {
		return nil, err
	}
	if err := plan.asShown(in.Versions, installed); err != nil {
		return nil, err
	}

	var tx store.Tx
	now := s.now()
	use := domain.Use{}
	message := events.Provision{ID: s.newID("prv"), Account: account, At: now}
	for _, b := range plan.create {
		i := installed[b.Extension] // with the epoch that the last disable raised, or zero
		i.Account, i.RequiredBy, i.EnabledBy = account, plan.requiredBy[b.Extension], ""
		if b.Extension == root.Extension {
			i.UpgradePolicy = cmp.Or(in.UpgradePolicy, i.UpgradePolicy)
		} else {
			i.EnabledBy = root.Extension
		}
		made, err := s.install(ctx, &tx, &i, b, in.Parameters[b.Extension], now)
		if err != nil {
			return nil, err
		}
		use.Change(installed[b.Extension], i)
		message.Installations = append(message.Installations,
			events.ProvisionedInstance{Extension: b.Extension, Epoch: i.Epoch})
		out.Body.Created = append(out.Body.Created, made)
		out.Body.Installation = contract.ViewInstallation(i) // the requested extension comes last
	}
	for _, i := range plan.need {
		tx.Replace(&i)
	}
	tx.CountAll(account, use)
	tx.Provision(message)
	return out, s.store.Commit(ctx, &tx, out)
}

// install adds to tx an installation of b, its token unless it is handed off, and its line in the roster.
func (s *Service) install(ctx context.Context, tx *store.Tx, i *domain.Installation, b domain.Blueprint,
	given map[string]domain.ParameterValue, now time.Time) (contract.NewInstallation, error) {
	made := contract.NewInstallation{Extension: b.Extension, EnabledBy: i.EnabledBy, HandOff: b.Setup != nil}
	i.Extension, i.Version, i.State = b.Extension, b.Version, domain.Enabling
	i.Steps, i.Failure, i.Setup, i.Upgrade, i.Drift, i.UpdatedAt = i.StepsTo(b), nil, nil, nil, nil, now
	i.UpgradePolicy = cmp.Or(i.UpgradePolicy, domain.UpgradeAutomatic)
	if i.Resources == nil {
		i.Resources = []domain.ManagedResource{}
	}
	if i.CreatedAt.IsZero() {
		i.CreatedAt = now
	}
	var err error
	if i.Parameters, i.Secrets, err = s.parameters(ctx, i.Account, b, b.Parameters.WithDefaults(given)); err != nil {
		return made, err
	}
	if made.HandOff { // the partner gets the credentials
		i.Setup = &domain.Setup{State: domain.SetupPending, At: now}
	} else if made.Credentials, err = s.credentials(ctx, tx, i, b.Scopes); err != nil {
		return made, err
	}
	made.TokenID = i.TokenID
	tx.Save(i, i.Rev)
	tx.Put(&domain.Installed{Extension: i.Extension, Account: i.Account})
	tx.Enlist(*i)
	return made, nil
}

// plan is the changes of one enabling: installations to create, and existing ones that a new one requires.
type plan struct {
	create     []domain.Blueprint
	need       []domain.Installation
	requiredBy map[domain.ExtensionID][]domain.ExtensionID // for each installation to create
}

func newPlan(blueprints []domain.Blueprint, installed map[domain.ExtensionID]domain.Installation) (plan, error) {
	p := plan{requiredBy: map[domain.ExtensionID][]domain.ExtensionID{}}
	need := map[domain.ExtensionID]domain.Installation{}
	for n, b := range slices.Backward(blueprints) {
		i, known := installed[b.Extension]
		needed := n == len(blueprints)-1 || len(p.requiredBy[b.Extension]) > 0
		if known && i.Present() || !needed { // an installed older version may lack a dependency of the listed version
			continue
		}
		if known && i.State != domain.Disabled {
			return plan{}, cannotEnable(i)
		}
		p.create = append(p.create, b)
		for _, d := range b.Dependencies {
			dependency, ok := installed[d.Extension]
			if !ok || !dependency.Present() {
				p.requiredBy[d.Extension] = append(p.requiredBy[d.Extension], b.Extension)
				continue
			}
			if dependency.Version < d.MinVersion {
				return plan{}, fault.New(fault.Conflict, "dependency-version",
					"The extension %q needs version %d of %q; version %d is enabled. Upgrade that first.", b.Extension,
					d.MinVersion, d.Extension, dependency.Version)
			}
			if earlier, ok := need[d.Extension]; ok {
				dependency = earlier
			}
			if !slices.Contains(dependency.RequiredBy, b.Extension) {
				dependency.RequiredBy = append(slices.Clone(dependency.RequiredBy), b.Extension)
			}
			need[d.Extension] = dependency
		}
	}
	slices.Reverse(p.create)
	for _, id := range slices.Sorted(maps.Keys(need)) {
		p.need = append(p.need, need[id])
	}
	return p, nil
}

func cannotEnable(i domain.Installation) error {
	if i.State == domain.Failed {
		return fault.New(fault.Conflict, "installation-failed",
			"The extension %q failed at %s. Retry it, or disable it first.", i.Extension, i.Failure.Step)
	}
	return fault.New(fault.Conflict, "installation-state", "The extension %q is %s. Enable it again when that is done.",
		i.Extension, i.State)
}

// parameterFaults reports every missing or wrong parameter over all installations to create, and values for an
// extension that is neither created nor enabled.
func (p plan) parameterFaults(given map[domain.ExtensionID]map[string]domain.ParameterValue,
	installed map[domain.ExtensionID]domain.Installation) []fault.Field {
	var wrong []fault.Field
	for _, b := range p.create {
		wrong = append(wrong, b.CheckParameters("/parameters/"+string(b.Extension), given[b.Extension])...)
	}
	for _, id := range slices.Sorted(maps.Keys(given)) {
		created := slices.ContainsFunc(p.create, func(b domain.Blueprint) bool { return b.Extension == id })
		if !created && !installed[id].Present() {
			wrong = append(wrong, fault.Field{Pointer: "/parameters/" + domain.EscapePointer(string(id)),
				Code: "unknown-extension", Detail: "This extension is not being enabled, so it takes no parameters."})
		}
	}
	return wrong
}

// parameters separates the secret values, and seals them.
func (s *Service) parameters(ctx context.Context, account domain.AccountID, b domain.Blueprint,
	given map[string]domain.ParameterValue) (map[string]domain.ParameterValue, map[string]domain.Sealed, error) {
	open, sealed := map[string]domain.ParameterValue{}, map[string]domain.Sealed{}
	var failed error
	for _, p := range b.Parameters.All() {
		value := given[p.Key]
		switch {
		case domain.NoParameter(value):
		case p.Schema.WriteOnly:
			box, err := s.seal.Seal(ctx, account, domain.ParameterResource(b.Extension, p.Key),
				domain.Secret(domain.ParameterText(value)))
			failed = errors.Join(failed, err)
			sealed[p.Key] = box
		default:
			open[p.Key] = value
		}
	}
	return open, sealed, failed
}
