package enablement

import (
	"context"
	"crypto/subtle"
	"fmt"
	"maps"
	"slices"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// A click may give parameters for an extension that another click has just enabled. They must agree with the stored
// ones, since nothing that an admin enters is ignored silently.

// checkRepeatedEnable checks an enable request for an installation that exists already. Invalid for values of an
// extension that is not enabled; Conflict `enabled-otherwise` for values that differ from the stored ones.
func (s *Service) checkRepeatedEnable(ctx context.Context, nothing plan, i domain.Installation,
	installed map[domain.ExtensionID]domain.Installation, in contract.EnableExtensionBody) error {
	if err := fault.InvalidFields(nothing.parameterFaults(in.Parameters, installed)); err != nil {
		return err
	}
	if in.UpgradePolicy != "" && in.UpgradePolicy != i.UpgradePolicy {
		return enabledOtherwise([]fault.Field{{
			Pointer: "/upgrade_policy", Code: "differs",
			Detail: fmt.Sprintf("It is %s. Change it by put-upgrade-policy.", i.UpgradePolicy),
		}})
	}
	if err := nothing.asShown(in.Versions, installed); err != nil {
		return err
	}
	return s.sameValues(ctx, installed, in.Parameters)
}

// asShown is Conflict `offer-changed`, naming each difference between the plan and the versions that were shown before
// the click. Nothing is compared when no version was given.
func (p plan) asShown(versions contract.ShownVersions,
	installed map[domain.ExtensionID]domain.Installation) error {
	if len(versions) == 0 {
		return nil
	}
	var differ []fault.Field
	add := func(id domain.ExtensionID, format string, args ...any) {
		pointer := "/versions/" + domain.EscapePointer(string(id))
		differ = append(differ, fault.Field{Pointer: pointer, Code: "differs", Detail: fmt.Sprintf(format, args...)})
	}
	created := map[domain.ExtensionID]bool{}
	for _, b := range p.create {
		created[b.Extension] = true
		switch shown, ok := versions[b.Extension]; {
		case !ok:
			add(b.Extension, "Version %d of %q would be enabled with it, and was not shown.", b.Version, b.Extension)
		case shown != b.Version:
			add(b.Extension, "Version %d of %q would be enabled; version %d was shown.", b.Version, b.Extension, shown)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(versions)) {
		switch i := installed[id]; {
		case created[id]:
		case !i.Present():
			add(id, "The extension %q is not enabled with it any more.", id)
		case i.Version != versions[id]:
			add(id, "Version %d of %q is enabled; version %d was shown.", i.Version, id, versions[id])
		}
	}
	if len(differ) == 0 {
		return nil
	}
	err := fault.New(fault.Conflict, "offer-changed",
		"Something else is offered by now; errors names each difference. Read the catalogue again, and decide again. "+
			"Nothing was changed.")
	err.Fields = differ
	return err
}

// sameValues is Conflict `enabled-otherwise` with each value that an enabled extension has not.
func (s *Service) sameValues(ctx context.Context, installed map[domain.ExtensionID]domain.Installation,
	given map[domain.ExtensionID]map[string]domain.ParameterValue) error {
	var differ []fault.Field
	for _, id := range slices.Sorted(maps.Keys(given)) {
		i := installed[id]
		if !i.Present() {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(given[id])) {
			same, err := s.hasValue(ctx, i, key, given[id][key])
			if err != nil {
				return err
			}
			if !same {
				differ = append(differ, fault.Field{
					Pointer: "/parameters/" + domain.EscapePointer(string(id)) + "/" + domain.EscapePointer(key),
					Code:    "differs",
					Detail:  fmt.Sprintf("The extension %q is enabled, with another value.", id),
				})
			}
		}
	}
	return enabledOtherwise(differ)
}

// hasValue tells whether the installation has that value. No value is what any installation has.
func (s *Service) hasValue(ctx context.Context, i domain.Installation, key string,
	value domain.ParameterValue) (bool, error) {
	if domain.NoParameter(value) {
		return true, nil
	}
	if open, ok := i.Parameters[key]; ok {
		return domain.ParameterText(open) == domain.ParameterText(value), nil
	}
	sealed, ok := i.Secrets[key]
	if !ok {
		return false, nil
	}
	plain, err := s.seal.Open(ctx, i.Account, domain.ParameterResource(i.Extension, key), sealed)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(plain.Reveal()), []byte(domain.ParameterText(value))) == 1, nil
}

func enabledOtherwise(differ []fault.Field) error {
	if len(differ) == 0 {
		return nil
	}
	err := fault.New(fault.Conflict, "enabled-otherwise",
		"It was enabled meanwhile with other values; each is named in errors. Reload the catalogue, and change values "+
			"by update-parameters. Nothing was changed.")
	err.Fields = differ
	return err
}
