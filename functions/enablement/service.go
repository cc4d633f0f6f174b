// Package enablement is the function behind installations: an account enables, disables, suspends, upgrades what the
// catalogue offers, and holds the API tokens. It decides and records; provisioning does the making.
package enablement

import (
	"context"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/store"
)

// Sealer keeps secret parameters, and opens them to compare.
type Sealer interface {
	Seal(ctx context.Context, a domain.AccountID, resource string, plain domain.Secret) (domain.Sealed, error)
	Open(ctx context.Context, a domain.AccountID, resource string, sealed domain.Sealed) (domain.Secret, error)
}

// Service serves the operations that enablement owns.
type Service struct {
	store *store.Store
	seal  Sealer
	now   domain.Clock
	newID domain.IDSource
}

// New does not call AWS.
func New(s *store.Store, seal Sealer, now domain.Clock, newID domain.IDSource) *Service {
	return &Service{store: s, seal: seal, now: now, newID: newID}
}

// Routes binds each operation to its method.
func (s *Service) Routes(api *contract.API) {
	contract.ListCatalogue.Handle(api, s.Catalogue)
	contract.ReadCatalogueExtension.Handle(api, s.CatalogueExtension)
	contract.ListInvitations.Handle(api, s.Invitations)
	contract.AcceptInvitation.Handle(api, s.AcceptInvitation)
	contract.DeclineInvitation.Handle(api, s.DeclineInvitation)
	contract.EnableExtension.Handle(api, s.Enable, s.validateParameters)
	contract.ListInstallations.Handle(api, s.Installations)
	contract.ReadInstallation.Handle(api, s.Installation)
	contract.DisableExtension.Handle(api, s.Disable)
	contract.SuspendExtension.Handle(api, s.Suspend)
	contract.ResumeExtension.Handle(api, s.Resume)
	contract.RetryInstallation.Handle(api, s.Retry)
	contract.ReadDrift.Handle(api, s.Drift)
	contract.RepairInstallation.Handle(api, s.Repair)
	contract.RotateInstallationToken.Handle(api, s.RotateToken)
	contract.PreviewUpgrade.Handle(api, s.PreviewUpgrade)
	contract.UpgradeExtension.Handle(api, s.Upgrade, s.validateUpgrade)
	contract.PutUpgradePolicy.Handle(api, s.PutUpgradePolicy)
	contract.CreateToken.Handle(api, s.CreateToken)
	contract.ListTokens.Handle(api, s.Tokens)
	contract.RevokeToken.Handle(api, s.RevokeToken)
	contract.RotateCallbackSecret.Handle(api, s.RotateCallbackSecret)
	contract.UpdateParameters.Handle(api, s.UpdateParameters, s.validateParameterChanges)
	contract.ReadParameters.Handle(api, s.ReadParameters)
	contract.StartHandOff.Handle(api, s.StartHandOff)
	contract.ExchangeHandOff.Handle(api, s.ExchangeHandOff)
	contract.ReadMe.Handle(api, s.Me)
}
