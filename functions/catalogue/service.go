// Package catalogue is the function behind extensions: partners draft and submit blueprints, the platform reviews and
// lists them, and both roll versions out. It also serves the API's description.
package catalogue

import (
	"context"
	"net/http"
	"sync"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/egress"
	"plugboard/shared/store"
)

// Sealer seals the secrets of lifecycle endpoints.
type Sealer interface {
	Seal(ctx context.Context, a domain.AccountID, resource string, plain domain.Secret) (domain.Sealed, error)
}

// Service serves the operations that catalogue owns.
type Service struct {
	store  *store.Store
	seal   Sealer
	egress egress.Config
	now    domain.Clock
	newID  domain.IDSource
}

// New makes no AWS call.
func New(s *store.Store, seal Sealer, c egress.Config, now domain.Clock, newID domain.IDSource) *Service {
	return &Service{store: s, seal: seal, egress: c, now: now, newID: newID}
}

// Routes binds each operation to its method.
func (s *Service) Routes(api *contract.API) {
	contract.CreatePartner.Handle(api, s.CreatePartner, s.validatePartner)
	contract.ReadPartner.Handle(api, s.ReadPartner)
	contract.UpdatePartner.Handle(api, s.UpdatePartner, s.validatePartnerUpdate)
	contract.RotatePartnerKey.Handle(api, s.RotatePartnerKey)
	contract.CreateExtension.Handle(api, s.CreateExtension)
	contract.ListExtensions.Handle(api, s.Extensions)
	contract.ReadExtension.Handle(api, s.ReadExtension)
	contract.UpdateExtension.Handle(api, s.UpdateExtension)
	contract.SubmitBlueprint.Handle(api, s.SubmitBlueprint, s.validateSubmission)
	contract.ReadDraft.Handle(api, s.Draft)
	contract.ReplaceDraft.Handle(api, s.ReplaceDraft)
	contract.PromoteTemplateType.Handle(api, s.Promote, s.validatePromotion)
	contract.CheckDraft.Handle(api, s.CheckDraft)
	contract.ListVersions.Handle(api, s.Versions)
	contract.ReadVersion.Handle(api, s.Version)
	contract.DiffVersions.Handle(api, s.DiffVersions)
	contract.ListSubmissions.Handle(api, s.Submissions)
	contract.ReviewVersion.Handle(api, s.ReviewVersion)
	contract.YankVersion.Handle(api, s.YankVersion)
	contract.RotateLifecycleSecret.Handle(api, s.RotateLifecycleSecret)
	contract.PutTestAccounts.Handle(api, s.PutTestAccounts)
	contract.ListExtension.Handle(api, s.List, s.validateListing)
	contract.UnlistExtension.Handle(api, s.Unlist)
	contract.PutExtensionLogo.Handle(api, s.PutLogo, s.validateLogo)
	contract.ReadExtensionLogo.Handle(api, s.Logo)
	contract.DeleteExtensionLogo.Handle(api, s.DeleteLogo)
	contract.ReadCatalogueLogo.Handle(api, s.CatalogueLogo)
	contract.ListExtensionInstallations.Handle(api, s.Installations)
	contract.CreateRollout.Handle(api, s.CreateRollout)
	contract.ListRollouts.Handle(api, s.Rollouts)
	contract.ReadRollout.Handle(api, s.Rollout)
	contract.PauseRollout.Handle(api, s.PauseRollout)
	contract.ResumeRollout.Handle(api, s.ResumeRollout)
	contract.CancelRollout.Handle(api, s.CancelRollout)
	contract.ReadOpenapi.Handle(api, s.OpenAPI)
	contract.ReadBlueprintSchema.Handle(api, s.BlueprintSchema)
}

// OpenAPI serves the committed document.
func (s *Service) OpenAPI(_ context.Context, in *contract.ReadOpenapiInput) (*contract.ReadOpenapiOutput, error) {
	out := contract.ReadOpenapiOutput(published(openAPI(), in.IfNoneMatch))
	return &out, nil
}

// BlueprintSchema serves the committed schema, for editors.
func (s *Service) BlueprintSchema(_ context.Context,
	in *contract.ReadBlueprintSchemaInput) (*contract.ReadBlueprintSchemaOutput, error) {
	out := contract.ReadBlueprintSchemaOutput(published(blueprintSchema(), in.IfNoneMatch))
	return &out, nil
}

// The documents are the same for the whole life of a process: their ETags are computed once.
var (
	openAPI = sync.OnceValue(func() contract.PublishedFile {
		return contract.Published(contract.OpenAPIJSON())
	})
	blueprintSchema = sync.OnceValue(func() contract.PublishedFile {
		return contract.Published(contract.BlueprintSchemaJSON)
	})
)

// published is the file, or 304 and no body when If-None-Match names it.
func published(file contract.PublishedFile, ifNoneMatch string) contract.PublishedFile {
	if domain.NamesETag(ifNoneMatch, file.ETag) {
		file.Status, file.ContentType, file.Body = http.StatusNotModified, "", nil
	}
	return file
}
