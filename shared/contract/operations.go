package contract

import (
	"net/http"

	"plugboard/events"
	"plugboard/shared/auth"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// The whole API. To add an operation: a row here, and a method of its function's Service; the compiler and the
// tests say what else is missing. Unauthenticated, forbidden, invalid, throttled, internal and unavailable are
// errors of every row, conflict and too-large of every mutation, and are not repeated.

// Catalogue: what partners offer.
var (
	CreatePartner = declare[CreatePartnerInput, CreatePartnerOutput](Operation{
		ID: "create-partner", Method: http.MethodPost, Path: "/v1/partners", Function: Catalogue, Status: 201,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordAccount},
		Writes: domain.Records{domain.RecordAccount, domain.RecordPartner, domain.RecordPartnerKey},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Create a partner with its first key.",
	})
	ReadPartner = declare[ReadPartnerInput, ReadPartnerOutput](Operation{
		ID: "read-partner", Method: http.MethodGet, Path: "/v1/partners/{partner_id}", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform(), auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordPartner},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Read a partner. A partner reads itself.",
	})
	UpdatePartner = declare[UpdatePartnerInput, UpdatePartnerOutput](Operation{
		ID: "update-partner", Method: http.MethodPatch, Path: "/v1/partners/{partner_id}", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordPartner, domain.RecordAccount, domain.RecordAuthored, domain.RecordExtension},
		Writes: domain.Records{domain.RecordPartner, domain.RecordAccount, domain.RecordTrial},
		Family: FamilyCatalogue, Since: "0.4.0", Summary: "Change a partner's name or contact, or link it to another development account.",
	})
	RotatePartnerKey = declare[RotatePartnerKeyInput, RotatePartnerKeyOutput](Operation{
		ID: "rotate-partner-key", Method: http.MethodPost, Path: "/v1/partners/{partner_id}/keys", Function: Catalogue, Status: 201,
		Auth: auth.AnyOf(auth.Platform(), auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordPartner, domain.RecordPartnerKey},
		Writes: domain.Records{domain.RecordPartner, domain.RecordPartnerKey},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Make a new partner key. The previous one ends after the overlap.",
	})
	CreateExtension = declare[CreateExtensionInput, CreateExtensionOutput](Operation{
		ID: "create-extension", Method: http.MethodPost, Path: "/v1/extensions", Function: Catalogue, Status: 201,
		Auth:   auth.AnyOf(auth.Partner()),
		Reads:  domain.Records{domain.RecordPartner, domain.RecordAuthored, domain.RecordExtension},
		Writes: domain.Records{domain.RecordPartner, domain.RecordExtension, domain.RecordAuthored, domain.RecordTrial},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Create an extension and reserve its extension types.",
	})
	ListExtensions = declare[ListExtensionsInput, ListExtensionsOutput](Operation{
		ID: "list-extensions", Method: http.MethodGet, Path: "/v1/extensions", Function: Catalogue, Status: 200,
		Auth:   auth.AnyOf(auth.Partner(), auth.Platform()),
		Reads:  domain.Records{domain.RecordAuthored, domain.RecordExtension},
		Family: FamilyCatalogue, Since: "0.4.0", Summary: "List extensions in any state: a partner's own, or all for the platform.",
	})
	ReadExtension = declare[ReadExtensionInput, ReadExtensionOutput](Operation{
		ID: "read-extension", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner(), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Read an extension. A partner reads its own.",
	})
	UpdateExtension = declare[UpdateExtensionInput, UpdateExtensionOutput](Operation{
		ID: "update-extension", Method: http.MethodPatch, Path: "/v1/extensions/{extension_id}", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension},
		Writes: domain.Records{domain.RecordExtension},
		Family: FamilyCatalogue, Since: "0.4.0", Summary: "Change an extension's description. The catalogue shows the change once the platform lists the extension again.",
	})
	SubmitBlueprint = declare[SubmitBlueprintInput, SubmitBlueprintOutput](Operation{
		ID: "submit-blueprint", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/versions", Function: Catalogue, Status: 201,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordDraft, domain.RecordVersion, domain.RecordBlueprint, domain.RecordLifecycle, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordExtension, domain.RecordBlueprint, domain.RecordVersion, domain.RecordSubmission, domain.RecordLifecycle, domain.RecordDataKey},
		Rate:   RateJobs,
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Validate a blueprint, or the draft, and freeze it as the extension's next version.",
	})
	ListExtension = declare[ListExtensionInput, ListExtensionOutput](Operation{
		ID: "list-extension", Method: http.MethodPut, Path: "/v1/extensions/{extension_id}/listing", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion, domain.RecordBlueprint, domain.RecordListing},
		Writes: domain.Records{domain.RecordExtension, domain.RecordListing},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Put an approved version into the catalogue.",
	})
	UnlistExtension = declare[UnlistExtensionInput, UnlistExtensionOutput](Operation{
		ID: "unlist-extension", Method: http.MethodDelete, Path: "/v1/extensions/{extension_id}/listing", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension},
		Writes: domain.Records{domain.RecordExtension, domain.RecordListing},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Remove an extension from the catalogue. Installations stay.",
	})
	PutExtensionLogo = declare[PutExtensionLogoInput, PutExtensionLogoOutput](Operation{
		ID: "put-extension-logo", Method: http.MethodPut, Path: "/v1/extensions/{extension_id}/logo", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound}, File: logoFile,
		Reads:  domain.Records{domain.RecordExtension, domain.RecordListing},
		Writes: domain.Records{domain.RecordExtension, domain.RecordLogo, domain.RecordListing},
		Rate:   RateJobs,
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Set an extension's logo, replacing the previous one.",
	})
	ReadExtensionLogo = declare[LogoInput, ReadExtensionLogoOutput](Operation{
		ID: "read-extension-logo", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/logo", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner(), auth.Platform()), Errors: fault.Kinds{fault.NotFound}, Binary: domain.LogoTypes, Revalidates: true,
		Reads:  domain.Records{domain.RecordExtension, domain.RecordLogo},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Read an extension's logo, listed or not.",
	})
	DeleteExtensionLogo = declare[DeleteExtensionLogoInput, DeleteExtensionLogoOutput](Operation{
		ID: "delete-extension-logo", Method: http.MethodDelete, Path: "/v1/extensions/{extension_id}/logo", Function: Catalogue, Status: 204,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordListing},
		Writes: domain.Records{domain.RecordExtension, domain.RecordLogo, domain.RecordListing},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Delete an extension's logo.",
	})
	ReadCatalogueLogo = declare[LogoInput, ReadCatalogueLogoOutput](Operation{
		ID: "read-catalogue-logo", Method: http.MethodGet, Path: "/v1/catalogue/{extension_id}/logo", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Public()), Errors: fault.Kinds{fault.NotFound}, Binary: domain.LogoTypes, Revalidates: true,
		Reads:  domain.Records{domain.RecordExtension, domain.RecordLogo},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Read a listed extension's logo. Public, because a browser's img element sends no credential.",
	})
)

// Catalogue: a blueprint on its way to the catalogue.
var (
	ReadDraft = declare[DraftInput, ReadDraftOutput](Operation{
		ID: "read-draft", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/draft", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordDraft},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Read the blueprint draft that the partner is working on.",
	})
	ReplaceDraft = declare[ReplaceDraftInput, ReplaceDraftOutput](Operation{
		ID: "replace-draft", Method: http.MethodPut, Path: "/v1/extensions/{extension_id}/draft", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordDraft},
		Writes: domain.Records{domain.RecordDraft},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Replace the draft. It need not be valid until it is submitted.",
	})
	PromoteTemplateType = declare[PromoteTemplateTypeInput, PromoteTemplateTypeOutput](Operation{
		ID: "promote-template-type", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/draft/template-types", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordExtension, domain.RecordPartner, domain.RecordTemplateType, domain.RecordDraft, domain.RecordVersion, domain.RecordBlueprint},
		Writes: domain.Records{domain.RecordDraft},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Copy a template type of the development account into the draft, with its user fields.",
	})
	CheckDraft = declare[DraftInput, CheckDraftOutput](Operation{
		ID: "check-draft", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/draft/problems", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordDraft, domain.RecordVersion, domain.RecordBlueprint},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Validate the draft as a submission would.",
	})
	ListVersions = declare[ListVersionsInput, ListVersionsOutput](Operation{
		ID: "list-versions", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/versions", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner(), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "List an extension's versions with their states.",
	})
	ReadVersion = declare[VersionInput, ReadVersionOutput](Operation{
		ID: "read-version", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/versions/{version}", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner(), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion, domain.RecordBlueprint},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Read a version with its blueprint as submitted.",
	})
	DiffVersions = declare[DiffVersionsInput, DiffVersionsOutput](Operation{
		ID: "diff-versions", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/versions/{version}/diff", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner(), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordBlueprint, domain.RecordDraft},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Compare a version with another or with the draft, and list the changes that need consent.",
	})
	ListSubmissions = declare[ListSubmissionsInput, ListSubmissionsOutput](Operation{
		ID: "list-submissions", Method: http.MethodGet, Path: "/v1/submissions", Function: Catalogue, Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordSubmission},
		Family: FamilyCatalogue, Since: "0.4.0", Summary: "List the versions that wait for the platform's review, the longest waiting first.",
	})
	ReviewVersion = declare[ReviewVersionInput, ReviewVersionOutput](Operation{
		ID: "review-version", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/versions/{version}/review", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordVersion},
		Writes: domain.Records{domain.RecordVersion, domain.RecordSubmission},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Approve a submitted version, or reject it with reasons.",
	})
	YankVersion = declare[YankVersionInput, YankVersionOutput](Operation{
		ID: "yank-version", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/versions/{version}/yank", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner(), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion},
		Writes: domain.Records{domain.RecordVersion, domain.RecordSubmission, domain.RecordExtension, domain.RecordListing},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Withdraw a version from new installations and upgrades. Existing installations stay.",
	})
	RotateLifecycleSecret = declare[RotateLifecycleSecretInput, RotateLifecycleSecretOutput](Operation{
		ID: "rotate-lifecycle-secret", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/lifecycle-secret", Function: Catalogue, Status: 201,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordLifecycle, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordLifecycle, domain.RecordDataKey},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Make a new signing secret for the lifecycle endpoint. The previous one also signs during the overlap.",
	})
	PutTestAccounts = declare[PutTestAccountsInput, PutTestAccountsOutput](Operation{
		ID: "put-test-accounts", Method: http.MethodPut, Path: "/v1/extensions/{extension_id}/test-accounts", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordPartner, domain.RecordAccount, domain.RecordInvitation},
		Writes: domain.Records{domain.RecordExtension, domain.RecordTrial, domain.RecordInvitation, domain.RecordQuotaUse},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Name the accounts that are invited to try the extension before it is listed.",
	})
)

// Catalogue: who has an extension, and a newer version for all of them.
var (
	ListExtensionInstallations = declare[ListExtensionInstallationsInput, ListExtensionInstallationsOutput](Operation{
		ID: "list-extension-installations", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/installations", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Partner(), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordInstalled, domain.RecordInstallation},
		Family: FamilyCatalogue, Since: "0.4.0", Summary: "List the accounts that have an extension, with their versions and states.",
	})
	CreateRollout = declare[CreateRolloutInput, CreateRolloutOutput](Operation{
		ID: "create-rollout", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/rollouts", Function: Catalogue, Status: 201,
		Auth: auth.AnyOf(auth.Platform(), auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion},
		Writes: domain.Records{domain.RecordRollout, domain.RecordProvision},
		Causes: []events.Type{events.InstallationUpgraded, events.InstallationFailed},
		Rate:   RateJobs,
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Start a job that upgrades every installation whose policy allows it.",
	})
	ListRollouts = declare[ListRolloutsInput, ListRolloutsOutput](Operation{
		ID: "list-rollouts", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/rollouts", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform(), auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "List an extension's roll-outs with their progress.",
	})
	ReadRollout = declare[RolloutInput, ReadRolloutOutput](Operation{
		ID: "read-rollout", Method: http.MethodGet, Path: "/v1/extensions/{extension_id}/rollouts/{rollout_id}", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform(), auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Read a roll-out's state and progress.",
	})
	PauseRollout = declare[RolloutInput, PauseRolloutOutput](Operation{
		ID: "pause-rollout", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/rollouts/{rollout_id}/pause", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform(), auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
		Writes: domain.Records{domain.RecordRollout},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Pause a roll-out before its next installation.",
	})
	ResumeRollout = declare[RolloutInput, ResumeRolloutOutput](Operation{
		ID: "resume-rollout", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/rollouts/{rollout_id}/resume", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform(), auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
		Writes: domain.Records{domain.RecordRollout, domain.RecordProvision},
		Causes: []events.Type{events.InstallationUpgraded, events.InstallationFailed},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Resume a paused roll-out.",
	})
	CancelRollout = declare[RolloutInput, CancelRolloutOutput](Operation{
		ID: "cancel-rollout", Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/rollouts/{rollout_id}/cancel", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Platform(), auth.Partner()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
		Writes: domain.Records{domain.RecordRollout},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "Cancel a roll-out. Upgraded installations stay upgraded.",
	})
)

// upgradeReads is what an upgrade is planned from.
var upgradeReads = domain.Records{domain.RecordInstallation, domain.RecordExtension, domain.RecordTrial, domain.RecordVersion, domain.RecordBlueprint, domain.RecordTemplateType, domain.RecordWebhook}

// Catalogue: what the API is, for machines.
var (
	ReadOpenapi = declare[ReadOpenapiInput, ReadOpenapiOutput](Operation{
		ID: "read-openapi", Method: http.MethodGet, Path: "/v1/openapi.json", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Public()), Revalidates: true,
		Family: FamilyMeta, Since: "0.1.0", Summary: "Read this API as an OpenAPI 3.1 document, webhooks included.",
	})
	ReadBlueprintSchema = declare[ReadBlueprintSchemaInput, ReadBlueprintSchemaOutput](Operation{
		ID: "read-blueprint-schema", Method: http.MethodGet, Path: "/v1/blueprint.schema.json", Function: Catalogue, Status: 200,
		Auth: auth.AnyOf(auth.Public()), Revalidates: true,
		Family: FamilyMeta, Since: "0.1.0", Summary: "Read the JSON Schema of a blueprint (draft 2020-12), for editors.",
	})
)

// Enablement: what an account can enable, and has enabled.
var (
	ListCatalogue = declare[ListCatalogueInput, ListCatalogueOutput](Operation{
		ID: "list-catalogue", Method: http.MethodGet, Path: "/v1/catalogue", Function: Enablement, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeCatalogueRead)),
		Reads:  domain.Records{domain.RecordListing, domain.RecordTrial, domain.RecordExtension, domain.RecordPartner, domain.RecordVersion, domain.RecordBlueprint, domain.RecordInstallation},
		Family: FamilyCatalogue, Since: "0.1.0", Summary: "List the extensions that can be enabled, with state, dependencies and parameters.",
	})
	ReadCatalogueExtension = declare[ReadCatalogueExtensionInput, ReadCatalogueExtensionOutput](Operation{
		ID: "read-catalogue-extension", Method: http.MethodGet, Path: "/v1/catalogue/{extension_id}", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeCatalogueRead)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTrial, domain.RecordExtension, domain.RecordPartner, domain.RecordVersion, domain.RecordBlueprint, domain.RecordInstallation},
		Family: FamilyCatalogue, Since: "0.6.0", Summary: "Read all that enabling an extension would create, before it is enabled.",
	})
	ListInvitations = declare[ListInvitationsInput, ListInvitationsOutput](Operation{
		ID: "list-invitations", Method: http.MethodGet, Path: "/v1/invitations", Function: Enablement, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Reads:  domain.Records{domain.RecordInvitation},
		Family: FamilyCatalogue, Since: "0.6.0", Summary: "List the invitations to try extensions that are not listed, pending and declined.",
	})
	AcceptInvitation = declare[InvitationInput, AcceptInvitationOutput](Operation{
		ID: "accept-invitation", Method: http.MethodPost, Path: "/v1/invitations/{extension_id}/accept", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInvitation, domain.RecordTrial, domain.RecordExtension},
		Writes: domain.Records{domain.RecordInvitation, domain.RecordTrial, domain.RecordExtension, domain.RecordQuotaUse},
		Family: FamilyCatalogue, Since: "0.6.0", Summary: "Accept an invitation: the account's catalogue shows the extension, which nobody reviewed.",
	})
	DeclineInvitation = declare[InvitationInput, DeclineInvitationOutput](Operation{
		ID: "decline-invitation", Method: http.MethodPost, Path: "/v1/invitations/{extension_id}/decline", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInvitation, domain.RecordTrial, domain.RecordExtension},
		Writes: domain.Records{domain.RecordInvitation, domain.RecordTrial, domain.RecordExtension, domain.RecordQuotaUse},
		Family: FamilyCatalogue, Since: "0.6.0", Summary: "Decline an invitation, also one that was accepted; what is enabled stays.",
	})
	EnableExtension = declare[EnableExtensionInput, EnableExtensionOutput](Operation{
		ID: "enable-extension", Method: http.MethodPut, Path: "/v1/installations/{extension_id}", Function: Enablement, Status: 202,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordTrial, domain.RecordVersion, domain.RecordBlueprint, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordInstalled, domain.RecordDaily, domain.RecordToken, domain.RecordProvision, domain.RecordDataKey, domain.RecordQuotaUse},
		Causes: []events.Type{events.InstallationEnabled, events.InstallationFailed},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Enable an extension and its dependencies. A repeat changes nothing.",
	})
	ListInstallations = declare[ListInstallationsInput, ListInstallationsOutput](Operation{
		ID: "list-installations", Method: http.MethodGet, Path: "/v1/installations", Function: Enablement, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Reads:  domain.Records{domain.RecordInstallation},
		Family: FamilyInstall, Since: "0.1.0", Summary: "List the account's installations, including disabled ones.",
	})
	ReadInstallation = declare[InstallationInput, ReadInstallationOutput](Operation{
		ID: "read-installation", Method: http.MethodGet, Path: "/v1/installations/{extension_id}", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Read an installation, with its steps and managed resources.",
	})
	DisableExtension = declare[InstallationInput, DisableExtensionOutput](Operation{
		ID: "disable-extension", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/disable", Function: Enablement, Status: 202,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordInstalled, domain.RecordFieldsVersion, domain.RecordProvision},
		Causes: []events.Type{events.InstallationDisabled, events.InstallationFailed},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Disable an extension. Its token is dead at once; its fields stay and cannot be used.",
	})
	SuspendExtension = declare[InstallationInput, SuspendExtensionOutput](Operation{
		ID: "suspend-extension", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/suspend", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordFieldsVersion, domain.RecordEvent},
		Emits:  []events.Type{events.InstallationSuspended},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Suspend an extension: its API calls are refused and it is sent no events. Whoever suspended it resumes it.",
	})
	ResumeExtension = declare[InstallationInput, ResumeExtensionOutput](Operation{
		ID: "resume-extension", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/resume", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordEvent},
		Emits:  []events.Type{events.InstallationResumed},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Lift the caller's own suspension of an extension.",
	})
	RetryInstallation = declare[InstallationInput, RetryInstallationOutput](Operation{
		ID: "retry-installation", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/retry", Function: Enablement, Status: 202,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordProvision},
		Causes: []events.Type{events.InstallationEnabled, events.InstallationUpgraded, events.InstallationDisabled, events.InstallationFailed},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Retry a failed installation from the step that failed.",
	})
	ReadDrift = declare[ReadDriftInput, ReadDriftOutput](Operation{
		ID: "read-drift", Method: http.MethodGet, Path: "/v1/installations/{extension_id}/drift", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()), Errors: fault.Kinds{fault.NotFound, fault.Conflict},
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordBlueprint, domain.RecordTemplateType, domain.RecordWebhook, domain.RecordToken},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Compare an extension's managed resources with its blueprint. Definitions only.",
	})
	RepairInstallation = declare[RepairInstallationInput, RepairInstallationOutput](Operation{
		ID: "repair-installation", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/repair", Function: Enablement, Status: 202,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordProvision},
		Causes: []events.Type{events.InstallationRepaired, events.InstallationDrifted},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Repair an extension's managed resources to match its blueprint. Runtime state stays.",
	})
	RotateInstallationToken = declare[RotateInstallationTokenInput, RotateInstallationTokenOutput](Operation{
		ID: "rotate-installation-token", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/token", Function: Enablement, Status: 201,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordBlueprint, domain.RecordToken},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordToken},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Make a new API token for an installation. The previous one ends after the overlap.",
	})
	RotateCallbackSecret = declare[RotateCallbackSecretInput, RotateCallbackSecretOutput](Operation{
		ID: "rotate-callback-secret", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/callback-secret", Function: Enablement, Status: 201,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordBlueprint, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordDataKey},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Make a new callback secret for an installation. The previous one ends after the overlap.",
	})
	UpdateParameters = declare[UpdateParametersInput, UpdateParametersOutput](Operation{
		ID: "update-parameters", Method: http.MethodPatch, Path: "/v1/installations/{extension_id}/parameters", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordBlueprint, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordEvent, domain.RecordDataKey},
		Emits:  []events.Type{events.InstallationUpdated},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Change an installation's parameters. Requests sent from now on use the new values.",
	})
	StartHandOff = declare[StartHandOffInput, StartHandOffOutput](Operation{
		ID: "start-hand-off", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/hand-off", Function: Enablement, Status: http.StatusSeeOther,
		RedirectsTo: "the partner's setup URL, fixed in the blueprint",
		Auth:        auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordBlueprint},
		Writes: domain.Records{domain.RecordHandOff},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Redirect the admin to the partner with a code for the installation's credentials.",
	})
	ExchangeHandOff = declare[ExchangeHandOffInput, ExchangeHandOffOutput](Operation{
		ID: "exchange-hand-off", Method: http.MethodPost, Path: "/v1/hand-offs/exchange", Function: Enablement, Status: 201,
		Auth:   auth.AnyOf(auth.Partner()),
		Reads:  domain.Records{domain.RecordHandOff, domain.RecordExtension, domain.RecordAccount, domain.RecordInstallation, domain.RecordUser, domain.RecordBlueprint, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordHandOff, domain.RecordInstallation, domain.RecordToken, domain.RecordDataKey},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Exchange a code, once, for an installation's new credentials. The previous ones end.",
	})
	PreviewUpgrade = declare[PreviewUpgradeInput, PreviewUpgradeOutput](Operation{
		ID: "preview-upgrade", Method: http.MethodGet, Path: "/v1/installations/{extension_id}/upgrade", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  upgradeReads,
		Family: FamilyInstall, Since: "0.1.0", Summary: "Preview the exact changes of an upgrade, and what blocks it.",
	})
	UpgradeExtension = declare[UpgradeExtensionInput, UpgradeExtensionOutput](Operation{
		ID: "upgrade-extension", Method: http.MethodPost, Path: "/v1/installations/{extension_id}/upgrade", Function: Enablement, Status: 202,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()), Errors: fault.Kinds{fault.NotFound, fault.Stale, fault.Unconditional},
		Reads:  upgradeReads,
		Writes: domain.Records{domain.RecordInstallation, domain.RecordInstalled, domain.RecordDaily, domain.RecordToken, domain.RecordProvision, domain.RecordDataKey, domain.RecordQuotaUse},
		Causes: []events.Type{events.InstallationUpgraded, events.InstallationEnabled, events.InstallationFailed},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Upgrade an extension by a previewed plan. It works meanwhile. Changes that need consent need an admin.",
	})
	PutUpgradePolicy = declare[PutUpgradePolicyInput, PutUpgradePolicyOutput](Operation{
		ID: "put-upgrade-policy", Method: http.MethodPut, Path: "/v1/installations/{extension_id}/upgrade-policy", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation},
		Family: FamilyInstall, Since: "0.1.0", Summary: "Set whether roll-outs may upgrade an installation.",
	})
	ReadMe = declare[ReadMeInput, ReadMeOutput](Operation{
		ID: "read-me", Method: http.MethodGet, Path: "/v1/me", Function: Enablement, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.AnyScope)), ActingUser: OptionalActingUser,
		Reads:  domain.Records{domain.RecordAccount, domain.RecordOwnToken, domain.RecordInstallation},
		Family: FamilyMeta, Since: "0.1.0", Summary: "Read the credential's identity: account, installation, scopes, parameters, acting user.",
	})
)

// Enablement: an account's own API tokens.
var (
	CreateToken = declare[CreateTokenInput, CreateTokenOutput](Operation{
		ID: "create-token", Method: http.MethodPost, Path: "/v1/tokens", Function: Enablement, Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Writes: domain.Records{domain.RecordOwnToken, domain.RecordToken, domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.1.0", Summary: "Create an API token of the account's own. Contracts made with it have no origin.",
	})
	ListTokens = declare[ListTokensInput, ListTokensOutput](Operation{
		ID: "list-tokens", Method: http.MethodGet, Path: "/v1/tokens", Function: Enablement, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Reads:  domain.Records{domain.RecordOwnToken, domain.RecordToken, domain.RecordInstallation},
		Family: FamilyAccount, Since: "0.1.0", Summary: "List the account's API tokens, including those that extensions manage.",
	})
	RevokeToken = declare[RevokeTokenInput, RevokeTokenOutput](Operation{
		ID: "revoke-token", Method: http.MethodDelete, Path: "/v1/tokens/{token_id}", Function: Enablement, Status: 204,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordOwnToken, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordOwnToken, domain.RecordToken, domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.1.0", Summary: "Revoke an API token of the account's own at once.",
	})
)

// DataFields: template types and their fields.
var (
	ListTemplateTypes = declare[ListTemplateTypesInput, ListTemplateTypesOutput](Operation{
		ID: "list-template-types", Method: http.MethodGet, Path: "/v1/template-types", Function: DataFields, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead)),
		Reads:  domain.Records{domain.RecordTemplateType},
		Family: FamilyField, Since: "0.1.0", Summary: "List the template types with their fields.",
	})
	ReadTemplateType = declare[TemplateTypeInput, ReadTemplateTypeOutput](Operation{
		ID: "read-template-type", Method: http.MethodGet, Path: "/v1/template-types/{template_type_id}", Function: DataFields, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Family: FamilyField, Since: "0.1.0", Summary: "Read a template type with its fields and their version.",
	})
	CreateTemplateType = declare[CreateTemplateTypeInput, CreateTemplateTypeOutput](Operation{
		ID: "create-template-type", Method: http.MethodPost, Path: "/v1/template-types", Function: DataFields, Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordQuotaUse},
		Family: FamilyField, Since: "0.1.0", Summary: "Create a template type with user fields.",
	})
	UpdateTemplateType = declare[UpdateTemplateTypeInput, UpdateTemplateTypeOutput](Operation{
		ID: "update-template-type", Method: http.MethodPatch, Path: "/v1/template-types/{template_type_id}", Function: DataFields, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType},
		Family: FamilyField, Since: "0.1.0", Summary: "Rename a template type of the account's own.",
	})
	AddDataField = declare[AddDataFieldInput, AddDataFieldOutput](Operation{
		ID: "add-data-field", Method: http.MethodPost, Path: "/v1/template-types/{template_type_id}/fields", Function: DataFields, Status: 201,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType},
		Family: FamilyField, Since: "0.1.0", Summary: "Add a user field, also to an extension's template type.",
	})
	UpdateDataField = declare[UpdateDataFieldInput, UpdateDataFieldOutput](Operation{
		ID: "update-data-field", Method: http.MethodPatch, Path: "/v1/template-types/{template_type_id}/fields/{custom_id}", Function: DataFields, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Family: FamilyField, Since: "0.1.0", Summary: "Change a data field. Of a system field, only active can be changed.",
	})
	DeleteDataField = declare[DeleteDataFieldInput, DeleteDataFieldOutput](Operation{
		ID: "delete-data-field", Method: http.MethodDelete, Path: "/v1/template-types/{template_type_id}/fields/{custom_id}", Function: DataFields, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Family: FamilyField, Since: "0.1.0", Summary: "Delete a user field. Values in existing contracts stay.",
	})
	OrderDataFields = declare[OrderDataFieldsInput, OrderDataFieldsOutput](Operation{
		ID: "order-data-fields", Method: http.MethodPut, Path: "/v1/template-types/{template_type_id}/field-order", Function: DataFields, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType},
		Family: FamilyField, Since: "0.1.0", Summary: "Reorder the fields.",
	})
	ReplaceDataFields = declare[ReplaceDataFieldsInput, ReplaceDataFieldsOutput](Operation{
		ID: "replace-data-fields", Method: http.MethodPut, Path: "/v1/template-types/{template_type_id}/fields", Function: DataFields, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Family: FamilyField, Since: "0.1.0", Summary: "Replace all user fields at once. System fields must stay unchanged.",
	})
	DeleteTemplateType = declare[TemplateTypeInput, DeleteTemplateTypeOutput](Operation{
		ID: "delete-template-type", Method: http.MethodDelete, Path: "/v1/template-types/{template_type_id}", Function: DataFields, Status: 204,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType},
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordQuotaUse},
		Family: FamilyField, Since: "0.1.0", Summary: "Delete a template type that no template uses and no extension manages.",
	})
)

// Contracts: accounts as the platform syncs them.
var (
	PutAccount = declare[PutAccountInput, PutAccountOutput](Operation{
		ID: "put-account", Method: http.MethodPut, Path: "/v1/accounts/{account_id}", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordAccount},
		Writes: domain.Records{domain.RecordAccount},
		Family: FamilyAccount, Since: "0.1.0", Summary: "Create or update an account.",
	})
	ReadAccount = declare[ReadAccountInput, ReadAccountOutput](Operation{
		ID: "read-account", Method: http.MethodGet, Path: "/v1/accounts/{account_id}", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount},
		Family: FamilyAccount, Since: "0.1.0", Summary: "Read an account.",
	})
	DeleteAccount = declare[DeleteAccountInput, DeleteAccountOutput](Operation{
		ID: "delete-account", Method: http.MethodDelete, Path: "/v1/accounts/{account_id}", Function: Contracts, Status: 202,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordDeletion, domain.RecordPartner},
		Writes: domain.Records{domain.RecordAccount, domain.RecordDeletion, domain.RecordProvision},
		Causes: []events.Type{events.InstallationDisabled},
		Rate:   RateJobs,
		Family: FamilyAccount, Since: "0.1.0", Summary: "Delete an account: its credentials are dead at once, then its data is erased.",
	})
	ReadDeletion = declare[ReadDeletionInput, ReadDeletionOutput](Operation{
		ID: "read-deletion", Method: http.MethodGet, Path: "/v1/accounts/{account_id}/deletion", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordDeletion},
		Family: FamilyAccount, Since: "0.1.0", Summary: "Read the progress of an account's deletion, and its proof afterwards.",
	})
	PutUser = declare[PutUserInput, PutUserOutput](Operation{
		ID: "put-user", Method: http.MethodPut, Path: "/v1/accounts/{account_id}/users/{user_id}", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordNaming, domain.RecordAccount, domain.RecordUser, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordNaming, domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.1.0", Summary: "Create or update a user. A changed role applies from the next request.",
	})
	DeleteUser = declare[DeleteUserInput, DeleteUserOutput](Operation{
		ID: "delete-user", Method: http.MethodDelete, Path: "/v1/accounts/{account_id}/users/{user_id}", Function: Contracts, Status: 204,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordUser},
		Writes: domain.Records{domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.1.0", Summary: "Delete a user. Sessions end at once; what the user made stays.",
	})
	PutUserById = declare[PutUserByIdInput, PutUserByIdOutput](Operation{
		ID: "put-user-by-id", Method: http.MethodPut, Path: "/v1/accounts/{account_id}/users", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordNaming, domain.RecordAccount, domain.RecordUser, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordNaming, domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.6.0", Summary: "Create or update a user whose id a path cannot carry, or any other.",
	})
	DeleteUserById = declare[DeleteUserByIdInput, DeleteUserByIdOutput](Operation{
		ID: "delete-user-by-id", Method: http.MethodPost, Path: "/v1/accounts/{account_id}/users/delete", Function: Contracts, Status: 204,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordUser},
		Writes: domain.Records{domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.6.0", Summary: "Delete a user whose id a path cannot carry, or any other.",
	})
	PutWorkspace = declare[PutWorkspaceInput, PutWorkspaceOutput](Operation{
		ID: "put-workspace", Method: http.MethodPut, Path: "/v1/accounts/{account_id}/workspaces/{workspace_id}", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordWorkspace, domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.1.0", Summary: "Create or update a workspace.",
	})
	DeleteWorkspace = declare[DeleteWorkspaceInput, DeleteWorkspaceOutput](Operation{
		ID: "delete-workspace", Method: http.MethodDelete, Path: "/v1/accounts/{account_id}/workspaces/{workspace_id}", Function: Contracts, Status: 204,
		Auth: auth.AnyOf(auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordWorkspace, domain.RecordNaming, domain.RecordTemplate, domain.RecordUser},
		Writes: domain.Records{domain.RecordWorkspace, domain.RecordNaming, domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.3.0", Summary: "Delete a workspace that no template and no user names. Its contracts stay.",
	})
	ListQuotas = declare[ListQuotasInput, ListQuotasOutput](Operation{
		ID: "list-quotas", Method: http.MethodGet, Path: "/v1/quotas", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Reads:  domain.Records{domain.RecordQuotaUse},
		Family: FamilyAccount, Since: "0.1.0", Summary: "List the account's quotas with limit and use.",
	})
	ListUsers = declare[ListUsersInput, ListUsersOutput](Operation{
		ID: "list-users", Method: http.MethodGet, Path: "/v1/users", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member)),
		Reads:  domain.Records{domain.RecordUser},
		Family: FamilyAccount, Since: "0.6.0", Summary: "List the people of the account, so that a member knows which admin to ask.",
	})
	ListWorkspaces = declare[ListWorkspacesInput, ListWorkspacesOutput](Operation{
		ID: "list-workspaces", Method: http.MethodGet, Path: "/v1/workspaces", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead)), ActingUser: OptionalActingUser,
		Reads:  domain.Records{domain.RecordWorkspace},
		Family: FamilyAccount, Since: "0.1.0", Summary: "List the workspaces in which the acting user may create contracts; without an acting user, all.",
	})
)

// Contracts that are kept elsewhere.
var (
	SendEvents = declare[SendEventsInput, SendEventsOutput](Operation{
		ID: "send-events", Method: http.MethodPost, Path: "/v1/events", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordAccount, domain.RecordWorkspace, domain.RecordTemplateType, domain.RecordInstallation, domain.RecordEvent},
		Writes: domain.Records{domain.RecordEvent}, MaxBody: maxImportBody,
		Emits:  events.OfContractTypes(),
		Family: FamilyContract, Since: "0.3.0", Summary: "Send up to 1,000 events of contracts kept elsewhere. Each gets its own result.",
	})
)

// Contracts: many at once. What an item is and what may be wrong with it is as in the single operation.
var (
	ImportAccounts = declare[ImportAccountsInput, ImportAccountsOutput](Operation{
		ID: "import-accounts", Method: http.MethodPost, Path: "/v1/import/accounts", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordAccount},
		Writes: domain.Records{domain.RecordAccount}, MaxBody: 1 << 20,
		Rate:   RateJobs,
		Family: FamilyAccount, Since: "0.1.0", Summary: "Create or update up to 1,000 accounts. Each gets its own result.",
	})
	ImportUsers = declare[ImportUsersInput, ImportUsersOutput](Operation{
		ID: "import-users", Method: http.MethodPost, Path: "/v1/import/users", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordNaming, domain.RecordAccount, domain.RecordUser, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordNaming, domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse}, MaxBody: maxImportBody,
		Rate:   RateJobs,
		Family: FamilyAccount, Since: "0.1.0", Summary: "Create or update up to 1,000 users of any accounts. Each gets its own result.",
	})
	ImportWorkspaces = declare[ImportWorkspacesInput, ImportWorkspacesOutput](Operation{
		ID: "import-workspaces", Method: http.MethodPost, Path: "/v1/import/workspaces", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordAccount, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordWorkspace, domain.RecordQuotaUse}, MaxBody: 1 << 20,
		Rate:   RateJobs,
		Family: FamilyAccount, Since: "0.1.0", Summary: "Create or update up to 1,000 workspaces of any accounts. Each gets its own result.",
	})
	ImportTemplates = declare[ImportTemplatesInput, ImportTemplatesOutput](Operation{
		ID: "import-templates", Method: http.MethodPost, Path: "/v1/import/templates", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordNaming, domain.RecordAccount, domain.RecordTemplate, domain.RecordWorkspace, domain.RecordTemplateType, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordNaming, domain.RecordTemplate, domain.RecordFieldsVersion, domain.RecordQuotaUse}, MaxBody: maxImportBody,
		Rate:   RateJobs,
		Family: FamilyContract, Since: "0.1.0", Summary: "Create or update up to 1,000 templates of any accounts. Each gets its own result.",
	})
)

// Contracts: templates and what is made from them.
var (
	CreateTemplate = declare[CreateTemplateInput, CreateTemplateOutput](Operation{
		ID: "create-template", Method: http.MethodPost, Path: "/v1/templates", Function: Contracts, Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite), auth.Platform()),
		Reads:  domain.Records{domain.RecordNaming, domain.RecordWorkspace, domain.RecordTemplateType, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordNaming, domain.RecordTemplate, domain.RecordFieldsVersion, domain.RecordQuotaUse},
		Family: FamilyContract, Since: "0.1.0", Summary: "Create a template of a template type in a workspace.",
	})
	DeleteTemplate = declare[DeleteTemplateInput, DeleteTemplateOutput](Operation{
		ID: "delete-template", Method: http.MethodDelete, Path: "/v1/templates/{template_id}", Function: Contracts, Status: 204,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite), auth.Platform()), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplate, domain.RecordTemplateType},
		Writes: domain.Records{domain.RecordTemplate, domain.RecordFieldsVersion, domain.RecordQuotaUse},
		Family: FamilyContract, Since: "0.1.0", Summary: "Delete a template. Contracts made from it stay.",
	})
	ReadTemplate = declare[TemplateInput, ReadTemplateOutput](Operation{
		ID: "read-template", Method: http.MethodGet, Path: "/v1/templates/{template_id}", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplate, domain.RecordTemplateType, domain.RecordInstallation},
		Family: FamilyContract, Since: "0.6.0", Summary: "Read a template.",
	})
	UpdateTemplate = declare[UpdateTemplateInput, UpdateTemplateOutput](Operation{
		ID: "update-template", Method: http.MethodPatch, Path: "/v1/templates/{template_id}", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordTemplate, domain.RecordNaming, domain.RecordWorkspace, domain.RecordTemplateType, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordTemplate, domain.RecordNaming},
		Family: FamilyContract, Since: "0.6.0", Summary: "Change a template's name, workspace or values, or make it inactive; contracts stay as they are.",
	})
	ListTemplates = declare[ListTemplatesInput, ListTemplatesOutput](Operation{
		ID: "list-templates", Method: http.MethodGet, Path: "/v1/templates", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead), auth.Platform()),
		Reads:  domain.Records{domain.RecordTemplate, domain.RecordTemplateType, domain.RecordInstallation},
		Family: FamilyContract, Since: "0.1.0", Summary: "List the templates, optionally of one extension type.",
	})
	ContractCreateData = declare[ContractCreateDataInput, ContractCreateDataOutput](Operation{
		ID: "contract-create-data", Method: http.MethodGet, Path: "/v1/helpers/contract-create-data", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead)), ActingUser: RequiredActingUser,
		Reads:  domain.Records{domain.RecordWorkspace, domain.RecordTemplate, domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordInstallation},
		Family: FamilyContract, Since: "0.1.0", Summary: "List the workspaces and templates from which the acting user may create contracts, with fields and their version.",
	})
	CreateContract = declare[CreateContractInput, CreateContractOutput](Operation{
		ID: "create-contract", Method: http.MethodPost, Path: "/v1/contracts", Function: Contracts, Status: 201,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite)), ActingUser: RequiredActingUser,
		Reads:  domain.Records{domain.RecordWorkspace, domain.RecordTemplate, domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractCreated},
		Family: FamilyContract, Since: "0.1.0", Summary: "Create a contract from a template. Its origin is the installation whose token creates it.",
	})
	ReadContract = declare[ContractInput, ReadContractOutput](Operation{
		ID: "read-contract", Method: http.MethodGet, Path: "/v1/contracts/{contract_id}", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsRead), auth.Platform()), ActingUser: OptionalActingUser,
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordContract},
		Family: FamilyContract, Since: "0.1.0", Summary: "Read a contract. An extension reads those made through it.",
	})
	PublishContract = declare[MoveContractInput, PublishContractOutput](Operation{
		ID: "publish-contract", Method: http.MethodPost, Path: "/v1/contracts/{contract_id}/publish", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite), auth.Platform()), ActingUser: OptionalActingUser,
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractPublished},
		Family: FamilyContract, Since: "0.1.0", Summary: "Publish a draft: send it to its participants.",
	})
	SignContract = declare[MoveContractInput, SignContractOutput](Operation{
		ID: "sign-contract", Method: http.MethodPost, Path: "/v1/contracts/{contract_id}/sign", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractSigned},
		Family: FamilyContract, Since: "0.1.0", Summary: "Record that every participant of a published contract signed.",
	})
	DeclineContract = declare[MoveContractInput, DeclineContractOutput](Operation{
		ID: "decline-contract", Method: http.MethodPost, Path: "/v1/contracts/{contract_id}/decline", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractDeclined},
		Family: FamilyContract, Since: "0.1.0", Summary: "Record that a published contract was declined.",
	})
	ListContracts = declare[ListContractsInput, ListContractsOutput](Operation{
		ID: "list-contracts", Method: http.MethodGet, Path: "/v1/contracts", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsRead), auth.Platform()), ActingUser: OptionalActingUser,
		Reads:  domain.Records{domain.RecordContract},
		Family: FamilyContract, Since: "0.1.0", Summary: "List contracts, newest first, without values and participants. An extension lists those made through it.",
	})
	UpdateContract = declare[UpdateContractInput, UpdateContractOutput](Operation{
		ID: "update-contract", Method: http.MethodPatch, Path: "/v1/contracts/{contract_id}", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite), auth.Platform()), ActingUser: OptionalActingUser,
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractContentUpdated},
		Family: FamilyContract, Since: "0.1.0", Summary: "Change a draft's name, participants and day of expiry.",
	})
	UpdateDataFieldValues = declare[UpdateDataFieldValuesInput, UpdateDataFieldValuesOutput](Operation{
		ID: "update-data-field-values", Method: http.MethodPatch, Path: "/v1/contracts/{contract_id}/data-fields", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite), auth.Platform()), ActingUser: OptionalActingUser,
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.DataFieldUpdated},
		Family: FamilyContract, Since: "0.1.0", Summary: "Change values of a draft or published contract that nobody has signed yet.",
	})
	CancelContract = declare[MoveContractInput, CancelContractOutput](Operation{
		ID: "cancel-contract", Method: http.MethodPost, Path: "/v1/contracts/{contract_id}/cancel", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite), auth.Platform()), ActingUser: OptionalActingUser,
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractCanceled},
		Family: FamilyContract, Since: "0.1.0", Summary: "Cancel a draft or published contract.",
	})
	ExpireContract = declare[MoveContractInput, ExpireContractOutput](Operation{
		ID: "expire-contract", Method: http.MethodPost, Path: "/v1/contracts/{contract_id}/expire", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()), Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractExpired},
		Family: FamilyContract, Since: "0.1.0", Summary: "Expire a published contract whose day of expiry has come.",
	})
	DeleteContract = declare[MoveContractInput, DeleteContractOutput](Operation{
		ID: "delete-contract", Method: http.MethodDelete, Path: "/v1/contracts/{contract_id}", Function: Contracts, Status: 204,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite), auth.Platform()), ActingUser: OptionalActingUser,
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractDeleted},
		Family: FamilyContract, Since: "0.1.0", Summary: "Delete an unpublished contract with its values and participants.",
	})
	CreateParticipantSession = declare[CreateParticipantSessionInput, CreateParticipantSessionOutput](Operation{
		ID: "create-participant-session", Method: http.MethodPost, Path: "/v1/contracts/{contract_id}/participants/{participant_id}/sessions", Function: Contracts, Status: 201,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeParticipantsAct)), ActingUser: OptionalActingUser,
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordSession, domain.RecordContractSession},
		Family: FamilyContract, Since: "0.1.0", Summary: "Open a session for a participant of a contract, for at most 12 hours.",
	})
)

// Contracts: what a participant may do with a session, to its one contract.
var (
	ReadSessionContract = declare[ReadSessionContractInput, ReadSessionContractOutput](Operation{
		ID: "read-session-contract", Method: http.MethodGet, Path: "/v1/session/contract", Function: Contracts, Status: 200,
		Auth:   auth.AnyOf(auth.Participant()),
		Reads:  domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordInstallation},
		Family: FamilyContract, Since: "0.1.0", Summary: "Read the session's contract.",
	})
	UpdateSessionDataFields = declare[UpdateSessionDataFieldsInput, UpdateSessionDataFieldsOutput](Operation{
		ID: "update-session-data-fields", Method: http.MethodPatch, Path: "/v1/session/data-fields", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Participant()), Errors: fault.Kinds{fault.Stale},
		Reads:  domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.DataFieldUpdated},
		Family: FamilyContract, Since: "0.1.0", Summary: "Fill in active fields until someone has signed.",
	})
	SignSessionContract = declare[SessionMoveInput, SignSessionContractOutput](Operation{
		ID: "sign-session-contract", Method: http.MethodPost, Path: "/v1/session/sign", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Participant()), Errors: fault.Kinds{fault.Stale},
		Reads:  domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractSigned, events.ParticipantSigned},
		Family: FamilyContract, Since: "0.1.0", Summary: "Sign the contract. The last signature makes it final and ends its sessions.",
	})
	DeclineSessionContract = declare[SessionMoveInput, DeclineSessionContractOutput](Operation{
		ID: "decline-session-contract", Method: http.MethodPost, Path: "/v1/session/decline", Function: Contracts, Status: 200,
		Auth: auth.AnyOf(auth.Participant()), Errors: fault.Kinds{fault.Stale},
		Reads:  domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractDeclined},
		Family: FamilyContract, Since: "0.1.0", Summary: "Decline the contract. It is final, and its sessions end.",
	})
)

// Webhooks and their deliveries. An extension's token sees its own only.
var (
	ListWebhooks = declare[ListWebhooksInput, ListWebhooksOutput](Operation{
		ID: "list-webhooks", Method: http.MethodGet, Path: "/v1/webhooks", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordBlueprint},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "List webhooks: managed ones and the account's own.",
	})
	CreateWebhook = declare[CreateWebhookInput, CreateWebhookOutput](Operation{
		ID: "create-webhook", Method: http.MethodPost, Path: "/v1/webhooks", Function: Webhooks, Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksWrite)),
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordWorkspace, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordDataKey, domain.RecordQuotaUse, domain.RecordEvent},
		Emits:  []events.Type{events.WebhookPing},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Create a webhook of the account's own, and send it a ping.",
	})
	ReadWebhook = declare[WebhookInput, ReadWebhookOutput](Operation{
		ID: "read-webhook", Method: http.MethodGet, Path: "/v1/webhooks/{webhook_id}", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordParked, domain.RecordBlueprint},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Read a webhook.",
	})
	UpdateWebhook = declare[UpdateWebhookInput, UpdateWebhookOutput](Operation{
		ID: "update-webhook", Method: http.MethodPatch, Path: "/v1/webhooks/{webhook_id}", Function: Webhooks, Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksWrite)), Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordInstallation, domain.RecordWorkspace, domain.RecordFieldsVersion, domain.RecordBlueprint},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordDataKey, domain.RecordEvent},
		Emits:  []events.Type{events.WebhookPing},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Change a webhook. Of a managed webhook, only paused and enabled can be changed.",
	})
	DeleteWebhook = declare[WebhookInput, DeleteWebhookOutput](Operation{
		ID: "delete-webhook", Method: http.MethodDelete, Path: "/v1/webhooks/{webhook_id}", Function: Webhooks, Status: 204,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksWrite)), Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordQuotaUse, domain.RecordRetiredWebhook},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Delete a webhook of the account's own.",
	})
	RotateWebhookSecret = declare[RotateWebhookSecretInput, RotateWebhookSecretOutput](Operation{
		ID: "rotate-webhook-secret", Method: http.MethodPost, Path: "/v1/webhooks/{webhook_id}/secret", Function: Webhooks, Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordDataKey},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Make a new signing secret. Previous ones also sign until the overlap ends.",
	})
	// SendTestEvent emits a ping of its own; a sample of another type tells of nothing that happened.
	SendTestEvent = declare[SendTestEventInput, SendTestEventOutput](Operation{
		ID: "send-test-event", Method: http.MethodPost, Path: "/v1/webhooks/{webhook_id}/test", Function: Webhooks, Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook},
		Writes: domain.Records{domain.RecordEvent},
		Emits:  []events.Type{events.WebhookPing},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Send one webhook a ping or the sample of an event type, marked as a test.",
	})
	ReceiveCallback = declare[ReceiveCallbackInput, ReceiveCallbackOutput](Operation{
		ID: "receive-callback", Method: http.MethodPost, Path: "/v1/callbacks/{account_id}/{extension_id}", Function: Webhooks, Status: 204,
		Auth:   auth.AnyOf(auth.WebhookSecret()),
		Reads:  domain.Records{domain.RecordCallback, domain.RecordInstallation, domain.RecordBlueprint, domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordCallback, domain.RecordInstallation, domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.DataFieldUpdated, events.InstallationSetupCompleted, events.InstallationSetupFailed},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Receive a partner's report that its set-up is done or failed, or values for a contract made through it.",
	})
	ListDeliveries = declare[ListDeliveriesInput, ListDeliveriesOutput](Operation{
		ID: "list-deliveries", Method: http.MethodGet, Path: "/v1/webhooks/{webhook_id}/deliveries", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "List deliveries to a webhook with every attempt.",
	})
	CountDeliveries = declare[CountDeliveriesInput, CountDeliveriesOutput](Operation{
		ID: "count-deliveries", Method: http.MethodGet, Path: "/v1/webhooks/{webhook_id}/delivery-count", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
		Family: FamilyWebhook, Since: "0.6.0", Summary: "Count the deliveries to a webhook that a filter finds, part by part.",
	})
	ReadDelivery = declare[ReadDeliveryInput, ReadDeliveryOutput](Operation{
		ID: "read-delivery", Method: http.MethodGet, Path: "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
		Family: FamilyWebhook, Since: "0.1.0", Summary: "Read a delivery with every attempt.",
	})
	ListParkedDeliveries = declare[ListParkedDeliveriesInput, ListParkedDeliveriesOutput](Operation{
		ID: "list-parked-deliveries", Method: http.MethodGet, Path: "/v1/webhooks/{webhook_id}/parked-deliveries", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordParked, domain.RecordBlueprint},
		Family: FamilyWebhook, Since: "0.5.0", Summary: "List the deliveries to a webhook that wait for its breaker to close.",
	})
	ListEventDeliveries = declare[ListEventDeliveriesInput, ListEventDeliveriesOutput](Operation{
		ID: "list-event-deliveries", Method: http.MethodGet, Path: "/v1/events/{event_id}/deliveries", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
		Family: FamilyWebhook, Since: "0.3.0", Summary: "List the deliveries of one event over all existing webhooks, with every attempt.",
	})
	ListAccountDeliveries = declare[ListAccountDeliveriesInput, ListAccountDeliveriesOutput](Operation{
		ID: "list-account-deliveries", Method: http.MethodGet, Path: "/v1/deliveries", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
		Family: FamilyWebhook, Since: "0.6.0", Summary: "List deliveries to all webhooks, by state, answer, failure, event type, contract and time.",
	})
	ReadDeliveryRequest = declare[ReadDeliveryInput, ReadDeliveryRequestOutput](Operation{
		ID: "read-delivery-request", Method: http.MethodGet, Path: "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/request", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Conflict},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordAttempt, domain.RecordEvent, domain.RecordBlueprint},
		Family: FamilyWebhook, Since: "0.6.0", Summary: "Read the request of a delivery, with placeholders for secrets and signature.",
	})
	ListEventAudience = declare[ListEventAudienceInput, ListEventAudienceOutput](Operation{
		ID: "list-event-audience", Method: http.MethodGet, Path: "/v1/events/{event_id}/audience", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordEvent, domain.RecordWebhook, domain.RecordAttempt},
		Family: FamilyWebhook, Since: "0.6.0", Summary: "List every webhook with whether it hears an event, and the one clause that decided.",
	})
	ReplayDelivery = declare[ReplayDeliveryInput, ReplayDeliveryOutput](Operation{
		ID: "replay-delivery", Method: http.MethodPost, Path: "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", Function: Webhooks, Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordInstallation, domain.RecordAttempt, domain.RecordEvent},
		Writes: domain.Records{domain.RecordResend},
		Family: FamilyWebhook, Since: "0.3.0", Summary: "Send a delivery again in any state: the next attempt, with the same id and body.",
	})
	CreateReplay = declare[CreateReplayInput, CreateReplayOutput](Operation{
		ID: "create-replay", Method: http.MethodPost, Path: "/v1/webhooks/{webhook_id}/replays", Function: Webhooks, Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordInstallation, domain.RecordReplaying},
		Writes: domain.Records{domain.RecordReplay, domain.RecordReplaying, domain.RecordResend},
		Rate:   RateJobs,
		Family: FamilyWebhook, Since: "0.3.0", Summary: "Start a job that sends failed, skipped or filtered deliveries since a time again.",
	})
	ListReplays = declare[ListReplaysInput, ListReplaysOutput](Operation{
		ID: "list-replays", Method: http.MethodGet, Path: "/v1/webhooks/{webhook_id}/replays", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordReplay},
		Family: FamilyWebhook, Since: "0.3.0", Summary: "List a webhook's replay jobs of the last 30 days.",
	})
	ReadReplay = declare[ReplayInput, ReadReplayOutput](Operation{
		ID: "read-replay", Method: http.MethodGet, Path: "/v1/webhooks/{webhook_id}/replays/{replay_id}", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordReplay},
		Family: FamilyWebhook, Since: "0.3.0", Summary: "Read a replay job with its progress.",
	})
	CancelReplay = declare[ReplayInput, CancelReplayOutput](Operation{
		ID: "cancel-replay", Method: http.MethodPost, Path: "/v1/webhooks/{webhook_id}/replays/{replay_id}/cancel", Function: Webhooks, Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordReplay},
		Writes: domain.Records{domain.RecordReplay, domain.RecordReplaying},
		Family: FamilyWebhook, Since: "0.3.0", Summary: "Cancel a replay job. Deliveries that it has sent go on.",
	})
)
