// Package contracts is the function behind accounts, users, workspaces, templates and contracts. A contract's
// change and its event are one transaction.
package contracts

import (
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fieldvalues"
	"plugboard/shared/store"
)

// Service serves the operations that contracts owns.
type Service struct {
	store  *store.Store
	values fieldvalues.Writer
	now    domain.Clock
	newID  domain.IDSource
}

// New does not call AWS.
func New(s *store.Store, now domain.Clock, newID domain.IDSource) *Service {
	return &Service{store: s, values: fieldvalues.New(s, now, newID), now: now, newID: newID}
}

// Routes binds each operation to its method.
func (s *Service) Routes(api *contract.API) {
	contract.PutAccount.Handle(api, s.PutAccount)
	contract.ReadAccount.Handle(api, s.ReadAccount)
	contract.ListAccounts.Handle(api, s.ListAccounts)
	contract.DeleteAccount.Handle(api, s.DeleteAccount)
	contract.ReadDeletion.Handle(api, s.Deletion)
	contract.PutUser.Handle(api, s.PutUser, s.validateUser)
	contract.DeleteUser.Handle(api, s.DeleteUser)
	contract.PutUserById.Handle(api, s.PutUserById, s.validateUserByID)
	contract.DeleteUserById.Handle(api, s.DeleteUserById)
	contract.DeleteWorkspace.Handle(api, s.DeleteWorkspace)
	contract.PutWorkspace.Handle(api, s.PutWorkspace)
	contract.ImportAccounts.Handle(api, s.ImportAccounts)
	contract.ImportUsers.Handle(api, s.ImportUsers)
	contract.ImportWorkspaces.Handle(api, s.ImportWorkspaces)
	contract.ImportTemplates.Handle(api, s.ImportTemplates)
	contract.SendEvents.Handle(api, s.SendEvents)
	contract.ListQuotas.Handle(api, s.Quotas)
	contract.ListUsers.Handle(api, s.ListUsers)
	contract.ListWorkspaces.Handle(api, s.ListWorkspaces)
	contract.CreateTemplate.Handle(api, s.CreateTemplate, s.validateNewTemplate)
	contract.DeleteTemplate.Handle(api, s.DeleteTemplate)
	contract.ReadTemplate.Handle(api, s.ReadTemplate)
	contract.UpdateTemplate.Handle(api, s.UpdateTemplate, s.validateTemplateChange)
	contract.ListTemplates.Handle(api, s.ListTemplates)
	contract.ContractCreateData.Handle(api, s.CreateData)
	contract.CreateContract.Handle(api, s.Create, s.validateNew)
	contract.ReadContract.Handle(api, s.Read)
	contract.PublishContract.Handle(api, s.Publish)
	contract.SignContract.Handle(api, s.Sign)
	contract.DeclineContract.Handle(api, s.Decline)
	contract.ListContracts.Handle(api, s.List)
	contract.UpdateContract.Handle(api, s.Update, s.validateChange)
	contract.UpdateDataFieldValues.Handle(api, s.UpdateValues, s.validateValues)
	contract.CancelContract.Handle(api, s.Cancel)
	contract.ExpireContract.Handle(api, s.Expire)
	contract.DeleteContract.Handle(api, s.Delete)
	contract.CreateParticipantSession.Handle(api, s.CreateSession)
	contract.ReadSessionContract.Handle(api, s.ReadSession)
	contract.UpdateSessionDataFields.Handle(api, s.FillSession, s.validateFill)
	contract.SignSessionContract.Handle(api, s.SignSession)
	contract.DeclineSessionContract.Handle(api, s.DeclineSession)
}
