package enablement

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// ReadParameters lists an installation's parameters with their schemas, for its version and, during an upgrade or
// after a failed one, for the target version. A secret shows only whether it has a value.
func (s *Service) ReadParameters(ctx context.Context,
	in *contract.ReadParametersInput) (*contract.ReadParametersOutput, error) {
	i, err := s.store.Installation(ctx, auth.From(ctx).Account, in.Extension)
	if err != nil {
		return nil, err
	}
	versions, err := s.readingVersions(ctx, i)
	if err != nil {
		return nil, err
	}
	out := &contract.ReadParametersOutput{ETag: i.ETag()}
	out.Body.Extension, out.Body.Version = i.Extension, i.Version
	listed := map[string]int{}
	for _, b := range versions {
		for _, p := range b.Parameters.All() {
			given := contract.GivenParameter{Parameter: p}
			if p.Schema.WriteOnly {
				given.HasValue = i.Secrets[p.Key] != ""
			} else if given.Value, given.HasValue = i.Parameters[p.Key]; domain.NoParameter(given.Value) {
				given.Value, given.HasValue = nil, false
			}
			if at, known := listed[p.Key]; known {
				out.Body.Parameters[at] = given
				continue
			}
			listed[p.Key] = len(out.Body.Parameters)
			out.Body.Parameters = append(out.Body.Parameters, given)
		}
	}
	return out, nil
}
