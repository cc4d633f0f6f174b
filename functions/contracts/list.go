package contracts

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// List lists contracts, newest first, without values and participants: to an extension's token those made through
// it, to others all of the account's. A page may be short, even empty, with more to come: the filter let too few
// pass of those that one call looks at. A contract that was made a moment ago may be missing.
func (s *Service) List(ctx context.Context, in *contract.ListContractsInput) (*contract.ListContractsOutput, error) {
	caller := auth.From(ctx)
	f := store.ContractFilter{Workspace: in.Workspace, State: in.State, Origin: in.Origin, ExtensionType: in.ExtensionType}
	out := &contract.ListContractsOutput{}
	out.Body.Items = []domain.ContractSummary{}
	if e := caller.Extension(); e != "" {
		if f.Origin != "" && f.Origin != e {
			return out, nil
		}
		f.Origin = e
	}
	found, next, err := s.store.Contracts(ctx, caller.Account, f, domain.ContractID(in.Cursor), in.Limit)
	if err != nil {
		return nil, err
	}
	out.Body.Items, out.Body.NextCursor = found, string(next)
	return out, nil
}
