package contracts

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// List lists contracts, newest first, without values and participants. An extension's token gets the contracts made
// through it, other callers all of the account's. A page may be short or empty while more follow, because the filter
// let few of the contracts read pass. A contract created a moment ago may be missing.
func (s *Service) List(ctx context.Context, in *contract.ListContractsInput) (*contract.ListContractsOutput, error) {
	caller := auth.From(ctx)
	f := store.ContractFilter{Workspace: in.Workspace, State: in.State, Origin: in.Origin, ExtensionType: in.ExtensionType, NoOrigin: in.NoOrigin != ""}
	out := &contract.ListContractsOutput{}
	out.Body.Items = []domain.ContractSummary{}
	if e := caller.Extension(); e != "" {
		if f.NoOrigin || f.Origin != "" && f.Origin != e {
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
