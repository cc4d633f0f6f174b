package contracts

import (
	"context"
	"slices"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// List lists contracts, newest first, without values and participants. An extension's token gets the contracts made
// through it, a member those of its workspaces (design rule 28), other callers all of the account's. A page may be
// short or empty while more follow, because the filter let few of the contracts read pass. A contract created a moment
// ago may be missing.
func (s *Service) List(ctx context.Context, in *contract.ListContractsInput) (*contract.ListContractsOutput, error) {
	caller := auth.From(ctx)
	f := store.ContractFilter{Workspace: in.Workspace, State: in.State, Origin: in.Origin,
		ExtensionType: in.ExtensionType, NoOrigin: in.NoOrigin != ""}
	out := &contract.ListContractsOutput{}
	out.Body.Items = []domain.ContractSummary{}
	if e := caller.Extension(); e != "" {
		if f.NoOrigin || f.Origin != "" && f.Origin != e {
			return out, nil
		}
		f.Origin = e
	}
	if u := caller.User; u != nil && u.Role != domain.Admin {
		f.Among = slices.DeleteFunc(slices.Clone(u.Workspaces), func(w domain.WorkspaceID) bool {
			return in.Workspace != "" && w != in.Workspace
		})
		if len(f.Among) == 0 {
			return out, nil
		}
	}
	found, next, err := s.store.Contracts(ctx, caller.Account, f, domain.ContractID(in.Cursor), in.Limit)
	if err != nil {
		return nil, err
	}
	out.Body.Items, out.Body.NextCursor = found, string(next)
	return out, nil
}
