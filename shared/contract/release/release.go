// Package release compares the contract with the last one that was released (design rule 26). It fails closed: a
// document that cannot be read, or that holds no operation, is a failure and not "no change".
//
// `make release-contract` makes shared/contract/openapi.json the released one, in released.json. It refuses while
// contract.Version is still the released one's, a breaking change under a version that promises none, and a change
// without a line in CHANGELOG.md.
package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
	"golang.org/x/mod/semver"
)

// File is the released document, relative to the module's root.
const File = "shared/contract/released.json"

// Class is how a change hurts.
type Class string

const (
	Breaking  Class = "breaking"       // a caller that works now would not
	Loosened  Class = "loosened auth"  // someone gets in who did not
	Tightened Class = "tightened auth" // someone who got in does not
)

// Finding is a change that the released contract does not allow.
type Finding struct {
	Class     Class
	Operation string // method and path
	What      string
	ID        string // the operation's, or the event's type
}

func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Class, f.Operation, f.What) }

// Compare finds what would hurt those who rely on the released document. Additions do not. An error means that
// nothing is known.
func Compare(released, current []byte) ([]Finding, error) {
	before, err := read("released", released)
	if err != nil {
		return nil, err
	}
	after, err := read("current", current)
	if err != nil {
		return nil, err
	}
	changes, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), before, after)
	if err != nil {
		return nil, fmt.Errorf("release: compare the contracts: %w", err)
	}
	var all []Finding
	localize := checker.NewDefaultLocalizer()
	// With warnings, which are what oasdiff cannot be sure of: a field no longer taken is refused here.
	for _, c := range checker.CheckBackwardCompatibility(checker.NewConfig(checker.GetAllChecks()), changes, sources) {
		switch c.GetId() {
		case checker.APISecurityAddedCheckId, checker.APISecurityRemovedCheckId, checker.APISecurityScopeAddedId,
			checker.APISecurityScopeRemovedId:
			continue // auth compares these by strength
		}
		all = append(all, Finding{Class: Breaking, Operation: c.GetOperation() + " " + c.GetPath(),
			What: c.GetUncolorizedText(localize)})
	}
	all = append(all, credentials(before.Spec, after.Spec)...)
	all = named(append(all, auth(before.Spec, after.Spec)...), before.Spec, after.Spec)
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Class, b.Class), cmp.Compare(a.What, b.What))
	})
	return slices.Compact(all), nil
}

// Allowed says why current may not become the released document; nil when it may. Beyond Check it asks for a version
// above the released one.
func Allowed(released, current, changelog []byte) error {
	from, to, err := versions(released, current)
	if err != nil {
		return err
	}
	if semver.Compare(to, from) <= 0 {
		return fmt.Errorf("release: %s was released; raise contract.Version above it", from)
	}
	return Check(released, current, changelog)
}

// line is the part of a version within which nothing breaks: the major, and below 1.0.0 the minor too.
func line(version string) string {
	if semver.Major(version) == "v0" {
		return semver.MajorMinor(version)
	}
	return semver.Major(version)
}

// Join is the findings as one error; nil when there are none.
func Join(findings []Finding) error {
	all := make([]error, len(findings))
	for i, f := range findings {
		all[i] = errors.New(f.String())
	}
	return errors.Join(all...)
}

func read(name string, document []byte) (*load.SpecInfo, error) {
	spec, err := load.NewSpecInfoFromData(openapi3.NewLoader(), document, name)
	if err != nil {
		return nil, fmt.Errorf("release: the %s contract cannot be read: %w", name, err)
	}
	if err := spec.Spec.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("release: the %s contract is no valid OpenAPI document: %w", name, err)
	}
	operations := 0
	for _, item := range spec.Spec.Paths.Map() {
		operations += len(item.Operations())
	}
	asAnswers(spec.Spec)
	switch {
	case operations == 0 || spec.Spec.Components == nil:
		return nil, fmt.Errorf("release: the %s contract has no operation", name)
	case len(spec.Spec.Security) > 0:
		return nil, fmt.Errorf("release: the %s contract has security for all operations, where each must name its own",
			name)
	case !semver.IsValid("v" + spec.Spec.Info.Version):
		return nil, fmt.Errorf("release: the version %q of the %s contract is no semantic version",
			spec.Spec.Info.Version, name)
	}
	return spec, nil
}

// asAnswers turns webhooks into operations that answer with the event: to oasdiff a webhook's body is a request,
// which may ask for less and not for more, but we are who sends it.
func asAnswers(spec *openapi3.T) {
	for name, item := range spec.Webhooks {
		sent := item.Post
		if sent == nil || sent.RequestBody == nil {
			continue // stays a webhook
		}
		answer := openapi3.NewResponse().WithDescription("").WithContent(sent.RequestBody.Value.Content)
		spec.Paths.Set("/webhooks/"+name, &openapi3.PathItem{Post: &openapi3.Operation{
			OperationID: sent.OperationID, Responses: openapi3.NewResponses(openapi3.WithStatus(200,
				&openapi3.ResponseRef{Value: answer})),
		}})
		delete(spec.Webhooks, name)
	}
}
