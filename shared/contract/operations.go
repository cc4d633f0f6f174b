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

// The groups: what their rows have in common. A row may name another family or a later version.
var (
	inCatalogue     = group{Function: Catalogue, Family: FamilyCatalogue, Since: "0.1.0"}
	inDiscovery     = group{Function: Catalogue, Family: FamilyMeta, Since: "0.1.0"}
	inInstallations = group{Function: Enablement, Family: FamilyInstall, Since: "0.1.0"}
	inFields        = group{Function: DataFields, Family: FamilyField, Since: "0.1.0"}
	inAccounts      = group{Function: Contracts, Family: FamilyAccount, Since: "0.1.0"}
	inContracts     = group{Function: Contracts, Family: FamilyContract, Since: "0.1.0"}
	inWebhooks      = group{Function: Webhooks, Family: FamilyWebhook, Since: "0.1.0"}
	inConsole       = group{Function: Console, Family: FamilyConsole, Since: "0.7.0"}
)

// Catalogue: what partners offer.
var (
	CreatePartner = declare[CreatePartnerInput, CreatePartnerOutput](inCatalogue, Operation{
		ID:      "create-partner",
		Summary: "Create a partner with its first key.",
		Method:  http.MethodPost, Path: "/v1/partners", Status: 201,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordAccount},
		Writes: domain.Records{domain.RecordAccount, domain.RecordPartner, domain.RecordPartnerKey},
	})
	ReadPartner = declare[ReadPartnerInput, ReadPartnerOutput](inCatalogue, Operation{
		ID:      "read-partner",
		Summary: "Read a partner. A partner reads itself.",
		Method:  http.MethodGet, Path: "/v1/partners/{partner_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Platform(), auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordPartner},
	})
	UpdatePartner = declare[UpdatePartnerInput, UpdatePartnerOutput](inCatalogue, Operation{
		ID: "update-partner", Since: "0.4.0",
		Summary: "Change a partner's name or contact, or link it to another development account.",
		Method:  http.MethodPatch, Path: "/v1/partners/{partner_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordPartner, domain.RecordAccount, domain.RecordAuthored,
			domain.RecordExtension},
		Writes: domain.Records{domain.RecordPartner, domain.RecordAccount, domain.RecordTrial},
	})
	RotatePartnerKey = declare[RotatePartnerKeyInput, RotatePartnerKeyOutput](inCatalogue, Operation{
		ID:      "rotate-partner-key",
		Summary: "Make a new partner key. The previous one ends after the overlap.",
		Method:  http.MethodPost, Path: "/v1/partners/{partner_id}/keys", Status: 201,
		Auth:   auth.AnyOf(auth.Platform(), auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordPartner, domain.RecordPartnerKey},
		Writes: domain.Records{domain.RecordPartner, domain.RecordPartnerKey},
	})
	CreateExtension = declare[CreateExtensionInput, CreateExtensionOutput](inCatalogue, Operation{
		ID:      "create-extension",
		Summary: "Create an extension and reserve its extension types.",
		Method:  http.MethodPost, Path: "/v1/extensions", Status: 201,
		Auth:   auth.AnyOf(auth.Partner()),
		Reads:  domain.Records{domain.RecordPartner, domain.RecordAuthored, domain.RecordExtension},
		Writes: domain.Records{domain.RecordPartner, domain.RecordExtension, domain.RecordAuthored, domain.RecordTrial},
	})
	ListExtensions = declare[ListExtensionsInput, ListExtensionsOutput](inCatalogue, Operation{
		ID: "list-extensions", Since: "0.4.0",
		Summary: "List extensions in any state: a partner's own, or all for the platform.",
		Method:  http.MethodGet, Path: "/v1/extensions", Status: 200,
		Auth:  auth.AnyOf(auth.Partner(), auth.Platform()),
		Reads: domain.Records{domain.RecordAuthored, domain.RecordExtension},
	})
	ReadExtension = declare[ReadExtensionInput, ReadExtensionOutput](inCatalogue, Operation{
		ID:      "read-extension",
		Summary: "Read an extension. A partner reads its own.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Partner(), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension},
	})
	UpdateExtension = declare[UpdateExtensionInput, UpdateExtensionOutput](inCatalogue, Operation{
		ID: "update-extension", Since: "0.4.0",
		Summary: "Change an extension's description. The catalogue shows the change once the platform lists the " +
			"extension again.",
		Method: http.MethodPatch, Path: "/v1/extensions/{extension_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension},
		Writes: domain.Records{domain.RecordExtension},
	})
	SubmitBlueprint = declare[SubmitBlueprintInput, SubmitBlueprintOutput](inCatalogue, Operation{
		ID:      "submit-blueprint",
		Summary: "Validate a blueprint, or the draft, and freeze it as the extension's next version.",
		Method:  http.MethodPost, Path: "/v1/extensions/{extension_id}/versions", Status: 201,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound}, Rate: RateJobs,
		Reads: domain.Records{domain.RecordExtension, domain.RecordDraft, domain.RecordVersion, domain.RecordBlueprint,
			domain.RecordLifecycle, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordExtension, domain.RecordBlueprint, domain.RecordVersion,
			domain.RecordSubmission, domain.RecordLifecycle, domain.RecordDataKey},
	})
	ListExtension = declare[ListExtensionInput, ListExtensionOutput](inCatalogue, Operation{
		ID:      "list-extension",
		Summary: "Put an approved version into the catalogue.",
		Method:  http.MethodPut, Path: "/v1/extensions/{extension_id}/listing", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordExtension, domain.RecordVersion, domain.RecordBlueprint,
			domain.RecordListing,
			domain.RecordPartner},
		Writes: domain.Records{domain.RecordExtension, domain.RecordListing},
	})
	UnlistExtension = declare[UnlistExtensionInput, UnlistExtensionOutput](inCatalogue, Operation{
		ID:      "unlist-extension",
		Summary: "Remove an extension from the catalogue. Installations stay.",
		Method:  http.MethodDelete, Path: "/v1/extensions/{extension_id}/listing", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension},
		Writes: domain.Records{domain.RecordExtension, domain.RecordListing},
	})
	PutExtensionLogo = declare[PutExtensionLogoInput, PutExtensionLogoOutput](inCatalogue, Operation{
		ID:      "put-extension-logo",
		Summary: "Set an extension's logo, replacing the previous one.",
		Method:  http.MethodPut, Path: "/v1/extensions/{extension_id}/logo", Status: 200,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound}, Rate: RateJobs, File: logoFile,
		Reads:  domain.Records{domain.RecordExtension, domain.RecordListing},
		Writes: domain.Records{domain.RecordExtension, domain.RecordLogo, domain.RecordListing},
	})
	ReadExtensionLogo = declare[LogoInput, ReadExtensionLogoOutput](inCatalogue, Operation{
		ID:      "read-extension-logo",
		Summary: "Read an extension's logo, listed or not.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/logo", Status: 200,
		Auth:   auth.AnyOf(auth.Partner(), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound}, Binary: domain.LogoTypes, Revalidates: true,
		Reads: domain.Records{domain.RecordExtension, domain.RecordLogo},
	})
	DeleteExtensionLogo = declare[DeleteExtensionLogoInput, DeleteExtensionLogoOutput](inCatalogue, Operation{
		ID:      "delete-extension-logo",
		Summary: "Delete an extension's logo.",
		Method:  http.MethodDelete, Path: "/v1/extensions/{extension_id}/logo", Status: 204,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordListing},
		Writes: domain.Records{domain.RecordExtension, domain.RecordLogo, domain.RecordListing},
	})
	ReadCatalogueLogo = declare[LogoInput, ReadCatalogueLogoOutput](inCatalogue, Operation{
		ID:      "read-catalogue-logo",
		Summary: "Read a listed extension's logo. Public, because a browser's img element sends no credential.",
		Method:  http.MethodGet, Path: "/v1/catalogue/{extension_id}/logo", Status: 200,
		Auth:   auth.AnyOf(auth.Public()),
		Errors: fault.Kinds{fault.NotFound}, Binary: domain.LogoTypes, Revalidates: true,
		Reads: domain.Records{domain.RecordExtension, domain.RecordLogo},
	})
)

// Catalogue: a blueprint on its way to the catalogue.
var (
	ReadDraft = declare[DraftInput, ReadDraftOutput](inCatalogue, Operation{
		ID:      "read-draft",
		Summary: "Read the blueprint draft that the partner is working on.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/draft", Status: 200,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordDraft},
	})
	ReplaceDraft = declare[ReplaceDraftInput, ReplaceDraftOutput](inCatalogue, Operation{
		ID:      "replace-draft",
		Summary: "Replace the draft. It need not be valid until it is submitted.",
		Method:  http.MethodPut, Path: "/v1/extensions/{extension_id}/draft", Status: 200,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordDraft},
		Writes: domain.Records{domain.RecordDraft},
	})
	PromoteTemplateType = declare[PromoteTemplateTypeInput, PromoteTemplateTypeOutput](inCatalogue, Operation{
		ID:      "promote-template-type",
		Summary: "Copy a template type of the development account into the draft, with its user fields.",
		Method:  http.MethodPost, Path: "/v1/extensions/{extension_id}/draft/template-types", Status: 200,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads: domain.Records{domain.RecordAccount, domain.RecordExtension, domain.RecordPartner,
			domain.RecordTemplateType, domain.RecordDraft, domain.RecordVersion, domain.RecordBlueprint},
		Writes: domain.Records{domain.RecordDraft},
	})
	CheckDraft = declare[DraftInput, CheckDraftOutput](inCatalogue, Operation{
		ID:      "check-draft",
		Summary: "Validate the draft as a submission would.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/draft/problems", Status: 200,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordExtension, domain.RecordDraft, domain.RecordVersion,
			domain.RecordBlueprint},
	})
	ListVersions = declare[ListVersionsInput, ListVersionsOutput](inCatalogue, Operation{
		ID:      "list-versions",
		Summary: "List an extension's versions with their states.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/versions", Status: 200,
		Auth:   auth.AnyOf(auth.Partner(), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion},
	})
	ReadVersion = declare[VersionInput, ReadVersionOutput](inCatalogue, Operation{
		ID:      "read-version",
		Summary: "Read a version with its blueprint as submitted.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/versions/{version}", Status: 200,
		Auth:   auth.AnyOf(auth.Partner(), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion, domain.RecordBlueprint},
	})
	DiffVersions = declare[DiffVersionsInput, DiffVersionsOutput](inCatalogue, Operation{
		ID:      "diff-versions",
		Summary: "Compare a version with another or with the draft, and list the changes that need consent.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/versions/{version}/diff", Status: 200,
		Auth:   auth.AnyOf(auth.Partner(), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordBlueprint, domain.RecordDraft},
	})
	ListSubmissions = declare[ListSubmissionsInput, ListSubmissionsOutput](inCatalogue, Operation{
		ID: "list-submissions", Since: "0.4.0",
		Summary: "List the versions that wait for the platform's review, the longest waiting first.",
		Method:  http.MethodGet, Path: "/v1/submissions", Status: 200,
		Auth:  auth.AnyOf(auth.Platform()),
		Reads: domain.Records{domain.RecordSubmission},
	})
	ReviewVersion = declare[ReviewVersionInput, ReviewVersionOutput](inCatalogue, Operation{
		ID:      "review-version",
		Summary: "Approve a submitted version, or reject it with reasons.",
		Method:  http.MethodPost, Path: "/v1/extensions/{extension_id}/versions/{version}/review", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordVersion},
		Writes: domain.Records{domain.RecordVersion, domain.RecordSubmission},
	})
	YankVersion = declare[YankVersionInput, YankVersionOutput](inCatalogue, Operation{
		ID:      "yank-version",
		Summary: "Withdraw a version from new installations and upgrades. Existing installations stay.",
		Method:  http.MethodPost, Path: "/v1/extensions/{extension_id}/versions/{version}/yank", Status: 200,
		Auth:   auth.AnyOf(auth.Partner(), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion},
		Writes: domain.Records{domain.RecordVersion, domain.RecordSubmission, domain.RecordExtension,
			domain.RecordListing},
	})
	RotateLifecycleSecret = declare[RotateLifecycleSecretInput, RotateLifecycleSecretOutput](inCatalogue, Operation{
		ID: "rotate-lifecycle-secret",
		Summary: "Make a new signing secret for the lifecycle endpoint. The previous one also signs during the " +
			"overlap.",
		Method: http.MethodPost, Path: "/v1/extensions/{extension_id}/lifecycle-secret", Status: 201,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordLifecycle, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordLifecycle, domain.RecordDataKey},
	})
	PutTestAccounts = declare[PutTestAccountsInput, PutTestAccountsOutput](inCatalogue, Operation{
		ID:      "put-test-accounts",
		Summary: "Name the accounts that are invited to try the extension before it is listed.",
		Method:  http.MethodPut, Path: "/v1/extensions/{extension_id}/test-accounts", Status: 200,
		Auth:   auth.AnyOf(auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordExtension, domain.RecordPartner, domain.RecordAccount,
			domain.RecordInvitation},
		Writes: domain.Records{domain.RecordExtension, domain.RecordTrial, domain.RecordInvitation,
			domain.RecordQuotaUse},
	})
)

// Catalogue: who has an extension, and a newer version for all of them.
var (
	ListExtensionInstallations = declare[ListExtensionInstallationsInput, ListExtensionInstallationsOutput](inCatalogue,
		Operation{
			ID: "list-extension-installations", Since: "0.4.0",
			Summary: "List the accounts that have an extension, with their versions and states.",
			Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/installations", Status: 200,
			Auth:   auth.AnyOf(auth.Partner(), auth.Platform()),
			Errors: fault.Kinds{fault.NotFound},
			Reads:  domain.Records{domain.RecordExtension, domain.RecordInstalled, domain.RecordInstallation},
		})
	CreateRollout = declare[CreateRolloutInput, CreateRolloutOutput](inCatalogue, Operation{
		ID:      "create-rollout",
		Summary: "Start a job that upgrades every installation whose policy allows it.",
		Method:  http.MethodPost, Path: "/v1/extensions/{extension_id}/rollouts", Status: 201,
		Auth:   auth.AnyOf(auth.Platform(), auth.Partner()),
		Errors: fault.Kinds{fault.NotFound}, Rate: RateJobs,
		Reads:  domain.Records{domain.RecordExtension, domain.RecordVersion},
		Writes: domain.Records{domain.RecordRollout, domain.RecordProvision},
		Causes: []events.Type{events.InstallationUpgraded, events.InstallationFailed},
	})
	ListRollouts = declare[ListRolloutsInput, ListRolloutsOutput](inCatalogue, Operation{
		ID:      "list-rollouts",
		Summary: "List an extension's roll-outs with their progress.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/rollouts", Status: 200,
		Auth:   auth.AnyOf(auth.Platform(), auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
	})
	ReadRollout = declare[RolloutInput, ReadRolloutOutput](inCatalogue, Operation{
		ID:      "read-rollout",
		Summary: "Read a roll-out's state and progress.",
		Method:  http.MethodGet, Path: "/v1/extensions/{extension_id}/rollouts/{rollout_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Platform(), auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
	})
	PauseRollout = declare[RolloutInput, PauseRolloutOutput](inCatalogue, Operation{
		ID:      "pause-rollout",
		Summary: "Pause a roll-out before its next installation.",
		Method:  http.MethodPost, Path: "/v1/extensions/{extension_id}/rollouts/{rollout_id}/pause", Status: 200,
		Auth:   auth.AnyOf(auth.Platform(), auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
		Writes: domain.Records{domain.RecordRollout},
	})
	ResumeRollout = declare[RolloutInput, ResumeRolloutOutput](inCatalogue, Operation{
		ID:      "resume-rollout",
		Summary: "Resume a paused roll-out.",
		Method:  http.MethodPost, Path: "/v1/extensions/{extension_id}/rollouts/{rollout_id}/resume", Status: 200,
		Auth:   auth.AnyOf(auth.Platform(), auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
		Writes: domain.Records{domain.RecordRollout, domain.RecordProvision},
		Causes: []events.Type{events.InstallationUpgraded, events.InstallationFailed},
	})
	CancelRollout = declare[RolloutInput, CancelRolloutOutput](inCatalogue, Operation{
		ID:      "cancel-rollout",
		Summary: "Cancel a roll-out. Upgraded installations stay upgraded.",
		Method:  http.MethodPost, Path: "/v1/extensions/{extension_id}/rollouts/{rollout_id}/cancel", Status: 200,
		Auth:   auth.AnyOf(auth.Platform(), auth.Partner()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordExtension, domain.RecordRollout},
		Writes: domain.Records{domain.RecordRollout},
	})
)

// upgradeReads is what an upgrade is planned from.
var upgradeReads = domain.Records{domain.RecordInstallation, domain.RecordExtension, domain.RecordTrial,
	domain.RecordVersion, domain.RecordBlueprint, domain.RecordTemplateType, domain.RecordWebhook}

// Catalogue: what the API is, for machines.
var (
	ReadOpenapi = declare[ReadOpenapiInput, ReadOpenapiOutput](inDiscovery, Operation{
		ID:      "read-openapi",
		Summary: "Read this API as an OpenAPI 3.1 document, webhooks included.",
		Method:  http.MethodGet, Path: "/v1/openapi.json", Status: 200,
		Auth:        auth.AnyOf(auth.Public()),
		Revalidates: true,
	})
	ReadBlueprintSchema = declare[ReadBlueprintSchemaInput, ReadBlueprintSchemaOutput](inDiscovery, Operation{
		ID:      "read-blueprint-schema",
		Summary: "Read the JSON Schema of a blueprint (draft 2020-12), for editors.",
		Method:  http.MethodGet, Path: "/v1/blueprint.schema.json", Status: 200,
		Auth:        auth.AnyOf(auth.Public()),
		Revalidates: true,
	})
)

// Enablement: what an account can enable, and has enabled.
var (
	ListCatalogue = declare[ListCatalogueInput, ListCatalogueOutput](inInstallations, Operation{
		ID: "list-catalogue", Family: FamilyCatalogue,
		Summary: "List the extensions that can be enabled, with state, dependencies and parameters.",
		Method:  http.MethodGet, Path: "/v1/catalogue", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeCatalogueRead)),
		Reads: domain.Records{domain.RecordListing, domain.RecordTrial, domain.RecordExtension, domain.RecordPartner,
			domain.RecordVersion, domain.RecordBlueprint, domain.RecordInstallation},
	})
	ReadCatalogueExtension = declare[ReadCatalogueExtensionInput, ReadCatalogueExtensionOutput](inInstallations,
		Operation{
			ID: "read-catalogue-extension", Family: FamilyCatalogue, Since: "0.6.0",
			Summary: "Read all that enabling an extension would create, before it is enabled.",
			Method:  http.MethodGet, Path: "/v1/catalogue/{extension_id}", Status: 200,
			Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeCatalogueRead)),
			Errors: fault.Kinds{fault.NotFound},
			Reads: domain.Records{domain.RecordTrial, domain.RecordExtension, domain.RecordPartner,
				domain.RecordVersion,
				domain.RecordBlueprint, domain.RecordInstallation},
		})
	ListInvitations = declare[ListInvitationsInput, ListInvitationsOutput](inInstallations, Operation{
		ID: "list-invitations", Family: FamilyCatalogue, Since: "0.6.0",
		Summary: "List the invitations to try extensions that are not listed, pending and declined.",
		Method:  http.MethodGet, Path: "/v1/invitations", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Admin)),
		Reads: domain.Records{domain.RecordInvitation},
	})
	AcceptInvitation = declare[InvitationInput, AcceptInvitationOutput](inInstallations, Operation{
		ID: "accept-invitation", Family: FamilyCatalogue, Since: "0.6.0",
		Summary: "Accept an invitation: the account's catalogue shows the extension, which nobody reviewed.",
		Method:  http.MethodPost, Path: "/v1/invitations/{extension_id}/accept", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInvitation, domain.RecordTrial, domain.RecordExtension},
		Writes: domain.Records{domain.RecordInvitation, domain.RecordTrial, domain.RecordExtension,
			domain.RecordQuotaUse},
	})
	DeclineInvitation = declare[InvitationInput, DeclineInvitationOutput](inInstallations, Operation{
		ID: "decline-invitation", Family: FamilyCatalogue, Since: "0.6.0",
		Summary: "Decline an invitation, also one that was accepted; what is enabled stays.",
		Method:  http.MethodPost, Path: "/v1/invitations/{extension_id}/decline", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInvitation, domain.RecordTrial, domain.RecordExtension},
		Writes: domain.Records{domain.RecordInvitation, domain.RecordTrial, domain.RecordExtension,
			domain.RecordQuotaUse},
	})
	EnableExtension = declare[EnableExtensionInput, EnableExtensionOutput](inInstallations, Operation{
		ID:      "enable-extension",
		Summary: "Enable an extension and its dependencies. A repeat changes nothing.",
		Method:  http.MethodPut, Path: "/v1/installations/{extension_id}", Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordExtension, domain.RecordTrial, domain.RecordVersion, domain.RecordBlueprint,
			domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordInstalled, domain.RecordDaily,
			domain.RecordToken, domain.RecordProvision, domain.RecordDataKey, domain.RecordQuotaUse},
		Causes: []events.Type{events.InstallationEnabled, events.InstallationFailed},
	})
	ListInstallations = declare[ListInstallationsInput, ListInstallationsOutput](inInstallations, Operation{
		ID:      "list-installations",
		Summary: "List the account's installations, including disabled ones.",
		Method:  http.MethodGet, Path: "/v1/installations", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Reads: domain.Records{domain.RecordInstallation},
	})
	ReadInstallation = declare[InstallationInput, ReadInstallationOutput](inInstallations, Operation{
		ID:      "read-installation",
		Summary: "Read an installation, with its steps and managed resources.",
		Method:  http.MethodGet, Path: "/v1/installations/{extension_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
	})
	DisableExtension = declare[InstallationInput, DisableExtensionOutput](inInstallations, Operation{
		ID:      "disable-extension",
		Summary: "Disable an extension. Its token is dead at once; its fields stay and cannot be used.",
		Method:  http.MethodPost, Path: "/v1/installations/{extension_id}/disable", Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordInstalled, domain.RecordFieldsVersion,
			domain.RecordProvision},
		Causes: []events.Type{events.InstallationDisabled, events.InstallationFailed},
	})
	SuspendExtension = declare[InstallationInput, SuspendExtensionOutput](inInstallations, Operation{
		ID: "suspend-extension",
		Summary: "Suspend an extension: its API calls are refused and it is sent no events. Whoever suspended it " +
			"resumes it.",
		Method: http.MethodPost, Path: "/v1/installations/{extension_id}/suspend", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordFieldsVersion, domain.RecordEvent},
		Emits:  []events.Type{events.InstallationSuspended},
	})
	ResumeExtension = declare[InstallationInput, ResumeExtensionOutput](inInstallations, Operation{
		ID:      "resume-extension",
		Summary: "Lift the caller's own suspension of an extension.",
		Method:  http.MethodPost, Path: "/v1/installations/{extension_id}/resume", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordEvent},
		Emits:  []events.Type{events.InstallationResumed},
	})
	RetryInstallation = declare[InstallationInput, RetryInstallationOutput](inInstallations, Operation{
		ID:      "retry-installation",
		Summary: "Retry a failed installation from the step that failed.",
		Method:  http.MethodPost, Path: "/v1/installations/{extension_id}/retry", Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordProvision},
		Causes: []events.Type{events.InstallationEnabled, events.InstallationUpgraded, events.InstallationDisabled,
			events.InstallationFailed},
	})
	ReadDrift = declare[ReadDriftInput, ReadDriftOutput](inInstallations, Operation{
		ID:      "read-drift",
		Summary: "Compare an extension's managed resources with its blueprint. Definitions only.",
		Method:  http.MethodGet, Path: "/v1/installations/{extension_id}/drift", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Conflict},
		Reads: domain.Records{domain.RecordInstallation, domain.RecordBlueprint, domain.RecordTemplateType,
			domain.RecordWebhook, domain.RecordToken},
	})
	RepairInstallation = declare[RepairInstallationInput, RepairInstallationOutput](inInstallations, Operation{
		ID:      "repair-installation",
		Summary: "Repair an extension's managed resources to match its blueprint. Runtime state stays.",
		Method:  http.MethodPost, Path: "/v1/installations/{extension_id}/repair", Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordProvision},
		Causes: []events.Type{events.InstallationRepaired, events.InstallationDrifted},
	})
	RotateInstallationToken = declare[RotateInstallationTokenInput, RotateInstallationTokenOutput](inInstallations,
		Operation{
			ID:      "rotate-installation-token",
			Summary: "Make a new API token for an installation. The previous one ends after the overlap.",
			Method:  http.MethodPost, Path: "/v1/installations/{extension_id}/token", Status: 201,
			Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
			Errors: fault.Kinds{fault.NotFound},
			Reads:  domain.Records{domain.RecordInstallation, domain.RecordBlueprint, domain.RecordToken},
			Writes: domain.Records{domain.RecordInstallation, domain.RecordToken},
		})
	RotateCallbackSecret = declare[RotateCallbackSecretInput, RotateCallbackSecretOutput](inInstallations, Operation{
		ID:      "rotate-callback-secret",
		Summary: "Make a new callback secret for an installation. The previous one ends after the overlap.",
		Method:  http.MethodPost, Path: "/v1/installations/{extension_id}/callback-secret", Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordBlueprint, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordDataKey},
	})
	ReadParameters = declare[ReadParametersInput, ReadParametersOutput](inInstallations, Operation{
		ID: "read-parameters", Since: "0.7.0",
		Summary: "Read an installation's parameters with their schemas. A secret's value is not shown.",
		Method:  http.MethodGet, Path: "/v1/installations/{extension_id}/parameters", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin)), Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordInstallation, domain.RecordBlueprint},
	})
	UpdateParameters = declare[UpdateParametersInput, UpdateParametersOutput](inInstallations, Operation{
		ID:      "update-parameters",
		Summary: "Change an installation's parameters. Requests sent from now on use the new values.",
		Method:  http.MethodPatch, Path: "/v1/installations/{extension_id}/parameters", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordBlueprint, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordInstallation, domain.RecordEvent, domain.RecordDataKey},
		Emits:  []events.Type{events.InstallationUpdated},
	})
	StartHandOff = declare[StartHandOffInput, StartHandOffOutput](inInstallations, Operation{
		ID:      "start-hand-off",
		Summary: "Redirect the admin to the partner with a code for the installation's credentials.",
		Method:  http.MethodPost, Path: "/v1/installations/{extension_id}/hand-off", Status: http.StatusSeeOther,
		RedirectsTo: "the partner's setup URL, fixed in the blueprint",
		Auth:        auth.AnyOf(auth.Dashboard(domain.Admin)),
		Errors:      fault.Kinds{fault.NotFound},
		Reads:       domain.Records{domain.RecordInstallation, domain.RecordBlueprint},
		Writes:      domain.Records{domain.RecordHandOff},
	})
	ExchangeHandOff = declare[ExchangeHandOffInput, ExchangeHandOffOutput](inInstallations, Operation{
		ID:      "exchange-hand-off",
		Summary: "Exchange a code, once, for an installation's new credentials. The previous ones end.",
		Method:  http.MethodPost, Path: "/v1/hand-offs/exchange", Status: 201,
		Auth: auth.AnyOf(auth.Partner()),
		Reads: domain.Records{domain.RecordHandOff, domain.RecordExtension, domain.RecordAccount,
			domain.RecordInstallation, domain.RecordUser, domain.RecordBlueprint, domain.RecordDataKey},
		Writes: domain.Records{domain.RecordHandOff, domain.RecordInstallation, domain.RecordToken,
			domain.RecordDataKey},
	})
	PreviewUpgrade = declare[PreviewUpgradeInput, PreviewUpgradeOutput](inInstallations, Operation{
		ID:      "preview-upgrade",
		Summary: "Preview the exact changes of an upgrade, and what blocks it.",
		Method:  http.MethodGet, Path: "/v1/installations/{extension_id}/upgrade", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  upgradeReads,
	})
	UpgradeExtension = declare[UpgradeExtensionInput, UpgradeExtensionOutput](inInstallations, Operation{
		ID: "upgrade-extension",
		Summary: "Upgrade an extension by a previewed plan. It works meanwhile. Changes that need consent need " +
			"an admin.",
		Method: http.MethodPost, Path: "/v1/installations/{extension_id}/upgrade", Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale, fault.Unconditional},
		Reads:  upgradeReads,
		Writes: domain.Records{domain.RecordInstallation, domain.RecordInstalled, domain.RecordDaily,
			domain.RecordToken, domain.RecordProvision, domain.RecordDataKey, domain.RecordQuotaUse},
		Causes: []events.Type{events.InstallationUpgraded, events.InstallationEnabled, events.InstallationFailed},
	})
	PutUpgradePolicy = declare[PutUpgradePolicyInput, PutUpgradePolicyOutput](inInstallations, Operation{
		ID:      "put-upgrade-policy",
		Summary: "Set whether roll-outs may upgrade an installation.",
		Method:  http.MethodPut, Path: "/v1/installations/{extension_id}/upgrade-policy", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordInstallation},
		Writes: domain.Records{domain.RecordInstallation},
	})
	ReadMe = declare[ReadMeInput, ReadMeOutput](inInstallations, Operation{
		ID: "read-me", Family: FamilyMeta,
		Summary: "Read the credential's identity: account, installation, scopes, parameters, acting user.",
		Method:  http.MethodGet, Path: "/v1/me", Status: 200,
		Auth:       auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.AnyScope)),
		ActingUser: OptionalActingUser,
		Reads:      domain.Records{domain.RecordAccount, domain.RecordOwnToken, domain.RecordInstallation},
	})
)

// Enablement: an account's own API tokens.
var (
	CreateToken = declare[CreateTokenInput, CreateTokenOutput](inInstallations, Operation{
		ID: "create-token", Family: FamilyAccount,
		Summary: "Create an API token of the account's own. Contracts made with it have no origin.",
		Method:  http.MethodPost, Path: "/v1/tokens", Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Writes: domain.Records{domain.RecordOwnToken, domain.RecordToken, domain.RecordQuotaUse},
	})
	ListTokens = declare[ListTokensInput, ListTokensOutput](inInstallations, Operation{
		ID: "list-tokens", Family: FamilyAccount,
		Summary: "List the account's API tokens, including those that extensions manage.",
		Method:  http.MethodGet, Path: "/v1/tokens", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Admin)),
		Reads: domain.Records{domain.RecordOwnToken, domain.RecordToken, domain.RecordInstallation},
	})
	RevokeToken = declare[RevokeTokenInput, RevokeTokenOutput](inInstallations, Operation{
		ID: "revoke-token", Family: FamilyAccount,
		Summary: "Revoke an API token of the account's own at once.",
		Method:  http.MethodDelete, Path: "/v1/tokens/{token_id}", Status: 204,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordOwnToken, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordOwnToken, domain.RecordToken, domain.RecordQuotaUse},
	})
)

// DataFields: template types and their fields.
var (
	ListTemplateTypes = declare[ListTemplateTypesInput, ListTemplateTypesOutput](inFields, Operation{
		ID:      "list-template-types",
		Summary: "List the template types with their fields.",
		Method:  http.MethodGet, Path: "/v1/template-types", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead)),
		Reads: domain.Records{domain.RecordTemplateType},
	})
	ReadTemplateType = declare[TemplateTypeInput, ReadTemplateTypeOutput](inFields, Operation{
		ID:      "read-template-type",
		Summary: "Read a template type with its fields and their version.",
		Method:  http.MethodGet, Path: "/v1/template-types/{template_type_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
	})
	CreateTemplateType = declare[CreateTemplateTypeInput, CreateTemplateTypeOutput](inFields, Operation{
		ID:      "create-template-type",
		Summary: "Create a template type with user fields.",
		Method:  http.MethodPost, Path: "/v1/template-types", Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordQuotaUse},
	})
	UpdateTemplateType = declare[UpdateTemplateTypeInput, UpdateTemplateTypeOutput](inFields, Operation{
		ID:      "update-template-type",
		Summary: "Rename a template type of the account's own.",
		Method:  http.MethodPatch, Path: "/v1/template-types/{template_type_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType},
	})
	AddDataField = declare[AddDataFieldInput, AddDataFieldOutput](inFields, Operation{
		ID:      "add-data-field",
		Summary: "Add a user field, also to an extension's template type.",
		Method:  http.MethodPost, Path: "/v1/template-types/{template_type_id}/fields", Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType},
	})
	UpdateDataField = declare[UpdateDataFieldInput, UpdateDataFieldOutput](inFields, Operation{
		ID:      "update-data-field",
		Summary: "Change a data field. Of a system field, only active can be changed.",
		Method:  http.MethodPatch, Path: "/v1/template-types/{template_type_id}/fields/{custom_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
	})
	DeleteDataField = declare[DeleteDataFieldInput, DeleteDataFieldOutput](inFields, Operation{
		ID:      "delete-data-field",
		Summary: "Delete a user field. Values in existing contracts stay.",
		Method:  http.MethodDelete, Path: "/v1/template-types/{template_type_id}/fields/{custom_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
	})
	OrderDataFields = declare[OrderDataFieldsInput, OrderDataFieldsOutput](inFields, Operation{
		ID:      "order-data-fields",
		Summary: "Reorder the fields.",
		Method:  http.MethodPut, Path: "/v1/template-types/{template_type_id}/field-order", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType},
	})
	ReplaceDataFields = declare[ReplaceDataFieldsInput, ReplaceDataFieldsOutput](inFields, Operation{
		ID:      "replace-data-fields",
		Summary: "Replace all user fields at once. System fields must stay unchanged.",
		Method:  http.MethodPut, Path: "/v1/template-types/{template_type_id}/fields", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion},
	})
	DeleteTemplateType = declare[TemplateTypeInput, DeleteTemplateTypeOutput](inFields, Operation{
		ID:      "delete-template-type",
		Summary: "Delete a template type that no template uses and no extension manages.",
		Method:  http.MethodDelete, Path: "/v1/template-types/{template_type_id}", Status: 204,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplateType},
		Writes: domain.Records{domain.RecordTemplateType, domain.RecordFieldsVersion, domain.RecordQuotaUse},
	})
)

// Contracts: accounts as the platform syncs them.
var (
	PutAccount = declare[PutAccountInput, PutAccountOutput](inAccounts, Operation{
		ID:      "put-account",
		Summary: "Create or update an account.",
		Method:  http.MethodPut, Path: "/v1/accounts/{account_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordAccount},
		Writes: domain.Records{domain.RecordAccount, domain.RecordAccountEntry},
	})
	ListAccounts = declare[ListAccountsInput, ListAccountsOutput](inAccounts, Operation{
		ID: "list-accounts", Since: "0.7.0",
		Summary: "List all accounts by their ids.",
		Method:  http.MethodGet, Path: "/v1/accounts", Status: 200,
		Auth:  auth.AnyOf(auth.Platform()),
		Reads: domain.Records{domain.RecordAccountEntry, domain.RecordAccount},
	})
	ReadAccount = declare[ReadAccountInput, ReadAccountOutput](inAccounts, Operation{
		ID:      "read-account",
		Summary: "Read an account.",
		Method:  http.MethodGet, Path: "/v1/accounts/{account_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount},
	})
	DeleteAccount = declare[DeleteAccountInput, DeleteAccountOutput](inAccounts, Operation{
		ID:      "delete-account",
		Summary: "Delete an account: its credentials are dead at once, then its data is erased.",
		Method:  http.MethodDelete, Path: "/v1/accounts/{account_id}", Status: 202,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound}, Rate: RateJobs,
		Reads:  domain.Records{domain.RecordAccount, domain.RecordDeletion, domain.RecordPartner},
		Writes: domain.Records{domain.RecordAccount, domain.RecordDeletion, domain.RecordProvision},
		Causes: []events.Type{events.InstallationDisabled},
	})
	ReadDeletion = declare[ReadDeletionInput, ReadDeletionOutput](inAccounts, Operation{
		ID:      "read-deletion",
		Summary: "Read the progress of an account's deletion, and its proof afterwards.",
		Method:  http.MethodGet, Path: "/v1/accounts/{account_id}/deletion", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordDeletion},
	})
	PutUser = declare[PutUserInput, PutUserOutput](inAccounts, Operation{
		ID:      "put-user",
		Summary: "Create or update a user. A changed role applies from the next request.",
		Method:  http.MethodPut, Path: "/v1/accounts/{account_id}/users/{user_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordNaming, domain.RecordAccount, domain.RecordUser, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordNaming, domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
	})
	DeleteUser = declare[DeleteUserInput, DeleteUserOutput](inAccounts, Operation{
		ID:      "delete-user",
		Summary: "Delete a user. Sessions end at once; what the user made stays.",
		Method:  http.MethodDelete, Path: "/v1/accounts/{account_id}/users/{user_id}", Status: 204,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordUser},
		Writes: domain.Records{domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
	})
	PutUserById = declare[PutUserByIdInput, PutUserByIdOutput](inAccounts, Operation{
		ID: "put-user-by-id", Since: "0.6.0",
		Summary: "Create or update a user whose id a path cannot carry, or any other.",
		Method:  http.MethodPut, Path: "/v1/accounts/{account_id}/users", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordNaming, domain.RecordAccount, domain.RecordUser, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordNaming, domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
	})
	DeleteUserById = declare[DeleteUserByIdInput, DeleteUserByIdOutput](inAccounts, Operation{
		ID: "delete-user-by-id", Since: "0.6.0",
		Summary: "Delete a user whose id a path cannot carry, or any other.",
		Method:  http.MethodPost, Path: "/v1/accounts/{account_id}/users/delete", Status: 204,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordUser},
		Writes: domain.Records{domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
	})
	PutWorkspace = declare[PutWorkspaceInput, PutWorkspaceOutput](inAccounts, Operation{
		ID:      "put-workspace",
		Summary: "Create or update a workspace.",
		Method:  http.MethodPut, Path: "/v1/accounts/{account_id}/workspaces/{workspace_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordAccount, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordWorkspace, domain.RecordQuotaUse},
	})
	DeleteWorkspace = declare[DeleteWorkspaceInput, DeleteWorkspaceOutput](inAccounts, Operation{
		ID: "delete-workspace", Since: "0.3.0",
		Summary: "Delete a workspace that no template and no user names. Its contracts stay.",
		Method:  http.MethodDelete, Path: "/v1/accounts/{account_id}/workspaces/{workspace_id}", Status: 204,
		Auth:   auth.AnyOf(auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordAccount, domain.RecordWorkspace, domain.RecordNaming, domain.RecordTemplate,
			domain.RecordUser},
		Writes: domain.Records{domain.RecordWorkspace, domain.RecordNaming, domain.RecordQuotaUse},
	})
	ListQuotas = declare[ListQuotasInput, ListQuotasOutput](inAccounts, Operation{
		ID:      "list-quotas",
		Summary: "List the account's quotas with limit and use.",
		Method:  http.MethodGet, Path: "/v1/quotas", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Reads: domain.Records{domain.RecordQuotaUse},
	})
	ListUsers = declare[ListUsersInput, ListUsersOutput](inAccounts, Operation{
		ID: "list-users", Since: "0.6.0",
		Summary: "List the people of the account, so that a member knows which admin to ask.",
		Method:  http.MethodGet, Path: "/v1/users", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Member)),
		Reads: domain.Records{domain.RecordUser},
	})
	ListWorkspaces = declare[ListWorkspacesInput, ListWorkspacesOutput](inAccounts, Operation{
		ID:      "list-workspaces",
		Summary: "List the workspaces in which the acting user may create contracts; without an acting user, all.",
		Method:  http.MethodGet, Path: "/v1/workspaces", Status: 200,
		Auth:       auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead)),
		ActingUser: OptionalActingUser,
		Reads:      domain.Records{domain.RecordWorkspace},
	})
)

// Contracts that are kept elsewhere.
var (
	SendEvents = declare[SendEventsInput, SendEventsOutput](inContracts, Operation{
		ID: "send-events", Since: "0.3.0",
		Summary: "Send up to 1,000 events of contracts kept elsewhere. Each gets its own result.",
		Method:  http.MethodPost, Path: "/v1/events", Status: 200,
		Auth:    auth.AnyOf(auth.Platform()),
		MaxBody: maxImportBody,
		Reads: domain.Records{domain.RecordAccount, domain.RecordWorkspace, domain.RecordTemplateType,
			domain.RecordInstallation, domain.RecordEvent},
		Writes: domain.Records{domain.RecordEvent},
		Emits:  events.OfContractTypes(),
	})
)

// Contracts: many at once. Each item has the body and the faults of the single operation.
var (
	ImportAccounts = declare[ImportAccountsInput, ImportAccountsOutput](inAccounts, Operation{
		ID:      "import-accounts",
		Summary: "Create or update up to 1,000 accounts. Each gets its own result.",
		Method:  http.MethodPost, Path: "/v1/import/accounts", Status: 200,
		Auth: auth.AnyOf(auth.Platform()),
		Rate: RateJobs, MaxBody: 1 << 20,
		Reads:  domain.Records{domain.RecordAccount},
		Writes: domain.Records{domain.RecordAccount, domain.RecordAccountEntry},
	})
	ImportUsers = declare[ImportUsersInput, ImportUsersOutput](inAccounts, Operation{
		ID:      "import-users",
		Summary: "Create or update up to 1,000 users of any accounts. Each gets its own result.",
		Method:  http.MethodPost, Path: "/v1/import/users", Status: 200,
		Auth: auth.AnyOf(auth.Platform()),
		Rate: RateJobs, MaxBody: maxImportBody,
		Reads:  domain.Records{domain.RecordNaming, domain.RecordAccount, domain.RecordUser, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordNaming, domain.RecordUser, domain.RecordReservation, domain.RecordQuotaUse},
	})
	ImportWorkspaces = declare[ImportWorkspacesInput, ImportWorkspacesOutput](inAccounts, Operation{
		ID:      "import-workspaces",
		Summary: "Create or update up to 1,000 workspaces of any accounts. Each gets its own result.",
		Method:  http.MethodPost, Path: "/v1/import/workspaces", Status: 200,
		Auth: auth.AnyOf(auth.Platform()),
		Rate: RateJobs, MaxBody: 1 << 20,
		Reads:  domain.Records{domain.RecordAccount, domain.RecordWorkspace},
		Writes: domain.Records{domain.RecordWorkspace, domain.RecordQuotaUse},
	})
	ImportTemplates = declare[ImportTemplatesInput, ImportTemplatesOutput](inContracts, Operation{
		ID:      "import-templates",
		Summary: "Create or update up to 1,000 templates of any accounts. Each gets its own result.",
		Method:  http.MethodPost, Path: "/v1/import/templates", Status: 200,
		Auth: auth.AnyOf(auth.Platform()),
		Rate: RateJobs, MaxBody: maxImportBody,
		Reads: domain.Records{domain.RecordNaming, domain.RecordAccount, domain.RecordTemplate, domain.RecordWorkspace,
			domain.RecordTemplateType, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordNaming, domain.RecordTemplate, domain.RecordFieldsVersion,
			domain.RecordQuotaUse},
	})
)

// Contracts: templates and what is made from them.
var (
	CreateTemplate = declare[CreateTemplateInput, CreateTemplateOutput](inContracts, Operation{
		ID:      "create-template",
		Summary: "Create a template of a template type in a workspace.",
		Method:  http.MethodPost, Path: "/v1/templates", Status: 201,
		Auth: auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite), auth.Platform()),
		Reads: domain.Records{domain.RecordNaming, domain.RecordWorkspace, domain.RecordTemplateType,
			domain.RecordInstallation},
		Writes: domain.Records{domain.RecordNaming, domain.RecordTemplate, domain.RecordFieldsVersion,
			domain.RecordQuotaUse},
	})
	DeleteTemplate = declare[DeleteTemplateInput, DeleteTemplateOutput](inContracts, Operation{
		ID:      "delete-template",
		Summary: "Delete a template. Contracts made from it stay.",
		Method:  http.MethodDelete, Path: "/v1/templates/{template_id}", Status: 204,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplate, domain.RecordTemplateType},
		Writes: domain.Records{domain.RecordTemplate, domain.RecordFieldsVersion, domain.RecordQuotaUse},
	})
	ReadTemplate = declare[TemplateInput, ReadTemplateOutput](inContracts, Operation{
		ID: "read-template", Since: "0.6.0",
		Summary: "Read a template.",
		Method:  http.MethodGet, Path: "/v1/templates/{template_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordTemplate, domain.RecordTemplateType, domain.RecordInstallation},
	})
	UpdateTemplate = declare[UpdateTemplateInput, UpdateTemplateOutput](inContracts, Operation{
		ID: "update-template", Since: "0.6.0",
		Summary: "Change a template's name, workspace or values, or make it inactive; contracts stay as they are.",
		Method:  http.MethodPatch, Path: "/v1/templates/{template_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeTemplatesWrite), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads: domain.Records{domain.RecordTemplate, domain.RecordNaming, domain.RecordWorkspace,
			domain.RecordTemplateType, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordTemplate, domain.RecordNaming},
	})
	ListTemplates = declare[ListTemplatesInput, ListTemplatesOutput](inContracts, Operation{
		ID:      "list-templates",
		Summary: "List the templates, optionally of one extension type.",
		Method:  http.MethodGet, Path: "/v1/templates", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead), auth.Platform()),
		Reads: domain.Records{domain.RecordTemplate, domain.RecordTemplateType, domain.RecordInstallation},
	})
	ContractCreateData = declare[ContractCreateDataInput, ContractCreateDataOutput](inContracts, Operation{
		ID: "contract-create-data",
		Summary: "List the workspaces and templates from which the acting user may create contracts, with fields and " +
			"their version.",
		Method: http.MethodGet, Path: "/v1/helpers/contract-create-data", Status: 200,
		Auth:       auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeTemplatesRead)),
		ActingUser: RequiredActingUser,
		Reads: domain.Records{domain.RecordWorkspace, domain.RecordTemplate, domain.RecordTemplateType,
			domain.RecordFieldsVersion, domain.RecordInstallation},
	})
	CreateContract = declare[CreateContractInput, CreateContractOutput](inContracts, Operation{
		ID:      "create-contract",
		Summary: "Create a contract from a template. Its origin is the installation whose token creates it.",
		Method:  http.MethodPost, Path: "/v1/contracts", Status: 201,
		Auth:       auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite)),
		ActingUser: RequiredActingUser,
		Reads: domain.Records{domain.RecordWorkspace, domain.RecordTemplate, domain.RecordTemplateType,
			domain.RecordFieldsVersion, domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractCreated},
	})
	ReadContract = declare[ContractInput, ReadContractOutput](inContracts, Operation{
		ID:      "read-contract",
		Summary: "Read a contract. An extension reads those made through it.",
		Method:  http.MethodGet, Path: "/v1/contracts/{contract_id}", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsRead),
			auth.Platform()),
		ActingUser: OptionalActingUser, Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordContract},
	})
	PublishContract = declare[MoveContractInput, PublishContractOutput](inContracts, Operation{
		ID:      "publish-contract",
		Summary: "Publish a draft: send it to its participants.",
		Method:  http.MethodPost, Path: "/v1/contracts/{contract_id}/publish", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite),
			auth.Platform()),
		ActingUser: OptionalActingUser, Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractPublished},
	})
	SignContract = declare[MoveContractInput, SignContractOutput](inContracts, Operation{
		ID:      "sign-contract",
		Summary: "Record that every participant of a published contract signed.",
		Method:  http.MethodPost, Path: "/v1/contracts/{contract_id}/sign", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractSigned},
	})
	DeclineContract = declare[MoveContractInput, DeclineContractOutput](inContracts, Operation{
		ID:      "decline-contract",
		Summary: "Record that a published contract was declined.",
		Method:  http.MethodPost, Path: "/v1/contracts/{contract_id}/decline", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractDeclined},
	})
	ListContracts = declare[ListContractsInput, ListContractsOutput](inContracts, Operation{
		ID: "list-contracts",
		Summary: "List contracts, newest first, without values and participants. An extension lists those made " +
			"through it.",
		Method: http.MethodGet, Path: "/v1/contracts", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsRead),
			auth.Platform()),
		ActingUser: OptionalActingUser,
		Reads:      domain.Records{domain.RecordContract},
	})
	UpdateContract = declare[UpdateContractInput, UpdateContractOutput](inContracts, Operation{
		ID:      "update-contract",
		Summary: "Change a draft's name, participants and day of expiry.",
		Method:  http.MethodPatch, Path: "/v1/contracts/{contract_id}", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite),
			auth.Platform()),
		ActingUser: OptionalActingUser, Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractContentUpdated},
	})
	UpdateDataFieldValues = declare[UpdateDataFieldValuesInput, UpdateDataFieldValuesOutput](inContracts, Operation{
		ID:      "update-data-field-values",
		Summary: "Change values of a draft or published contract that nobody has signed yet.",
		Method:  http.MethodPatch, Path: "/v1/contracts/{contract_id}/data-fields", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite),
			auth.Platform()),
		ActingUser: OptionalActingUser, Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads: domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion,
			domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.DataFieldUpdated},
	})
	CancelContract = declare[MoveContractInput, CancelContractOutput](inContracts, Operation{
		ID:      "cancel-contract",
		Summary: "Cancel a draft or published contract.",
		Method:  http.MethodPost, Path: "/v1/contracts/{contract_id}/cancel", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite),
			auth.Platform()),
		ActingUser: OptionalActingUser, Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractCanceled},
	})
	ExpireContract = declare[MoveContractInput, ExpireContractOutput](inContracts, Operation{
		ID:      "expire-contract",
		Summary: "Expire a published contract whose day of expiry has come.",
		Method:  http.MethodPost, Path: "/v1/contracts/{contract_id}/expire", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractExpired},
	})
	DeleteContract = declare[MoveContractInput, DeleteContractOutput](inContracts, Operation{
		ID:      "delete-contract",
		Summary: "Delete an unpublished contract with its values and participants.",
		Method:  http.MethodDelete, Path: "/v1/contracts/{contract_id}", Status: 204,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeContractsWrite),
			auth.Platform()),
		ActingUser: OptionalActingUser, Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads:  domain.Records{domain.RecordContract},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractDeleted},
	})
	CreateParticipantSession = declare[CreateParticipantSessionInput, CreateParticipantSessionOutput](inContracts,
		Operation{
			ID:      "create-participant-session",
			Summary: "Open a session for a participant of a contract, for at most 12 hours.",
			Method:  http.MethodPost, Path: "/v1/contracts/{contract_id}/participants/{participant_id}/sessions",
			Status:     201,
			Auth:       auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeParticipantsAct)),
			ActingUser: OptionalActingUser, Errors: fault.Kinds{fault.NotFound},
			Reads:  domain.Records{domain.RecordContract},
			Writes: domain.Records{domain.RecordSession, domain.RecordContractSession},
		})
)

// Contracts: what a participant may do with a session, to its one contract.
var (
	ReadSessionContract = declare[ReadSessionContractInput, ReadSessionContractOutput](inContracts, Operation{
		ID:      "read-session-contract",
		Summary: "Read the session's contract.",
		Method:  http.MethodGet, Path: "/v1/session/contract", Status: 200,
		Auth: auth.AnyOf(auth.Participant()),
		Reads: domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion,
			domain.RecordInstallation},
	})
	UpdateSessionDataFields = declare[UpdateSessionDataFieldsInput, UpdateSessionDataFieldsOutput](inContracts,
		Operation{
			ID:      "update-session-data-fields",
			Summary: "Fill in active fields until someone has signed.",
			Method:  http.MethodPatch, Path: "/v1/session/data-fields", Status: 200,
			Auth:   auth.AnyOf(auth.Participant()),
			Errors: fault.Kinds{fault.Stale},
			Reads: domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion,
				domain.RecordInstallation},
			Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
			Emits:  []events.Type{events.DataFieldUpdated},
		})
	SignSessionContract = declare[SessionMoveInput, SignSessionContractOutput](inContracts, Operation{
		ID:      "sign-session-contract",
		Summary: "Sign the contract. The last signature makes it final and ends its sessions.",
		Method:  http.MethodPost, Path: "/v1/session/sign", Status: 200,
		Auth:   auth.AnyOf(auth.Participant()),
		Errors: fault.Kinds{fault.Stale},
		Reads: domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion,
			domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractSigned, events.ParticipantSigned},
	})
	DeclineSessionContract = declare[SessionMoveInput, DeclineSessionContractOutput](inContracts, Operation{
		ID:      "decline-session-contract",
		Summary: "Decline the contract. It is final, and its sessions end.",
		Method:  http.MethodPost, Path: "/v1/session/decline", Status: 200,
		Auth:   auth.AnyOf(auth.Participant()),
		Errors: fault.Kinds{fault.Stale},
		Reads: domain.Records{domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion,
			domain.RecordInstallation},
		Writes: domain.Records{domain.RecordContract, domain.RecordEvent},
		Emits:  []events.Type{events.ContractDeclined},
	})
)

// Webhooks and their deliveries. An extension's token sees its own only.
var (
	ListWebhooks = declare[ListWebhooksInput, ListWebhooksOutput](inWebhooks, Operation{
		ID:      "list-webhooks",
		Summary: "List webhooks: managed ones and the account's own.",
		Method:  http.MethodGet, Path: "/v1/webhooks", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Reads: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordBlueprint},
	})
	CreateWebhook = declare[CreateWebhookInput, CreateWebhookOutput](inWebhooks, Operation{
		ID:      "create-webhook",
		Summary: "Create a webhook of the account's own, and send it a ping.",
		Method:  http.MethodPost, Path: "/v1/webhooks", Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksWrite)),
		Reads:  domain.Records{domain.RecordInstallation, domain.RecordWorkspace, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordDataKey, domain.RecordQuotaUse, domain.RecordEvent},
		Emits:  []events.Type{events.WebhookPing},
	})
	ReadWebhook = declare[WebhookInput, ReadWebhookOutput](inWebhooks, Operation{
		ID:      "read-webhook",
		Summary: "Read a webhook.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordParked, domain.RecordBlueprint},
	})
	UpdateWebhook = declare[UpdateWebhookInput, UpdateWebhookOutput](inWebhooks, Operation{
		ID:      "update-webhook",
		Summary: "Change a webhook. Of a managed webhook, only paused and enabled can be changed.",
		Method:  http.MethodPatch, Path: "/v1/webhooks/{webhook_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksWrite)),
		Errors: fault.Kinds{fault.NotFound, fault.Stale},
		Reads: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordInstallation,
			domain.RecordWorkspace, domain.RecordFieldsVersion, domain.RecordBlueprint},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordDataKey, domain.RecordEvent},
		Emits:  []events.Type{events.WebhookPing},
	})
	DeleteWebhook = declare[WebhookInput, DeleteWebhookOutput](inWebhooks, Operation{
		ID:      "delete-webhook",
		Summary: "Delete a webhook of the account's own.",
		Method:  http.MethodDelete, Path: "/v1/webhooks/{webhook_id}", Status: 204,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksWrite)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAgent},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordQuotaUse,
			domain.RecordRetiredWebhook, domain.RecordAgent, domain.RecordAgentKey},
	})
	RotateWebhookSecret = declare[RotateWebhookSecretInput, RotateWebhookSecretOutput](inWebhooks, Operation{
		ID:      "rotate-webhook-secret",
		Summary: "Make a new signing secret. Previous ones also sign until the overlap ends.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/secret", Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordDataKey},
	})
	// SendTestEvent emits a ping of its own; a sample of another type tells of nothing that happened.
	SendTestEvent = declare[SendTestEventInput, SendTestEventOutput](inWebhooks, Operation{
		ID:      "send-test-event",
		Summary: "Send one webhook a ping or the sample of an event type, marked as a test.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/test", Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook},
		Writes: domain.Records{domain.RecordEvent},
		Emits:  []events.Type{events.WebhookPing},
	})
	ReceiveCallback = declare[ReceiveCallbackInput, ReceiveCallbackOutput](inWebhooks, Operation{
		ID: "receive-callback",
		Summary: "Receive a partner's report that its set-up is done or failed, or values for a contract made " +
			"through it.",
		Method: http.MethodPost, Path: "/v1/callbacks/{account_id}/{extension_id}", Status: 204,
		Auth: auth.AnyOf(auth.WebhookSecret()),
		Reads: domain.Records{domain.RecordCallback, domain.RecordInstallation, domain.RecordBlueprint,
			domain.RecordContract, domain.RecordTemplateType, domain.RecordFieldsVersion},
		Writes: domain.Records{domain.RecordCallback, domain.RecordInstallation, domain.RecordContract,
			domain.RecordEvent},
		Emits: []events.Type{events.DataFieldUpdated, events.InstallationSetupCompleted,
			events.InstallationSetupFailed},
	})
	ListDeliveries = declare[ListDeliveriesInput, ListDeliveriesOutput](inWebhooks, Operation{
		ID:      "list-deliveries",
		Summary: "List deliveries to a webhook with every attempt.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/deliveries", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
	})
	CountDeliveries = declare[CountDeliveriesInput, CountDeliveriesOutput](inWebhooks, Operation{
		ID: "count-deliveries", Since: "0.6.0",
		Summary: "Count the deliveries to a webhook that a filter finds, part by part.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/delivery-count", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
	})
	ReadDelivery = declare[ReadDeliveryInput, ReadDeliveryOutput](inWebhooks, Operation{
		ID:      "read-delivery",
		Summary: "Read a delivery with every attempt.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
	})
	ListParkedDeliveries = declare[ListParkedDeliveriesInput, ListParkedDeliveriesOutput](inWebhooks, Operation{
		ID: "list-parked-deliveries", Since: "0.5.0",
		Summary: "List the deliveries to a webhook that wait for its breaker to close.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/parked-deliveries", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordParked, domain.RecordBlueprint},
	})
	ListEventDeliveries = declare[ListEventDeliveriesInput, ListEventDeliveriesOutput](inWebhooks, Operation{
		ID: "list-event-deliveries", Since: "0.3.0",
		Summary: "List the deliveries of one event over all existing webhooks, with every attempt.",
		Method:  http.MethodGet, Path: "/v1/events/{event_id}/deliveries", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAttempt},
	})
	ListAccountDeliveries = declare[ListAccountDeliveriesInput, ListAccountDeliveriesOutput](inWebhooks, Operation{
		ID: "list-account-deliveries", Since: "0.6.0",
		Summary: "List deliveries to all webhooks, by state, answer, failure, event type, contract and time.",
		Method:  http.MethodGet, Path: "/v1/deliveries", Status: 200,
		Auth:  auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Reads: domain.Records{domain.RecordWebhook, domain.RecordAttempt},
	})
	ReadDeliveryRequest = declare[ReadDeliveryInput, ReadDeliveryRequestOutput](inWebhooks, Operation{
		ID: "read-delivery-request", Since: "0.6.0",
		Summary: "Read the request of a delivery, with placeholders for secrets and signature.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/request", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound, fault.Conflict},
		Reads: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordAttempt, domain.RecordEvent,
			domain.RecordBlueprint},
	})
	ListEventAudience = declare[ListEventAudienceInput, ListEventAudienceOutput](inWebhooks, Operation{
		ID: "list-event-audience", Since: "0.6.0",
		Summary: "List every webhook with whether it hears an event, and the one clause that decided.",
		Method:  http.MethodGet, Path: "/v1/events/{event_id}/audience", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordEvent, domain.RecordWebhook, domain.RecordAttempt},
	})
	ReadWebhookStatistics = declare[ReadWebhookStatisticsInput, ReadWebhookStatisticsOutput](inWebhooks, Operation{
		ID: "read-webhook-statistics", Since: "0.7.0",
		Summary: "Read how many attempts to a webhook had which outcome, hour by hour, and how long they took.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/statistics", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordStatistics},
	})
	ListDeliveryAddresses = declare[ListDeliveryAddressesInput, ListDeliveryAddressesOutput](inWebhooks, Operation{
		ID: "list-delivery-addresses", Since: "0.7.0",
		Summary: "List the addresses that deliveries come from, where they are fixed.",
		Method:  http.MethodGet, Path: "/v1/delivery-addresses", Status: 200,
		Auth: auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
	})
	PullDeliveries = declare[PullDeliveriesInput, PullDeliveriesOutput](inWebhooks, Operation{
		ID: "pull-deliveries", Since: "0.7.0",
		Summary: "Fetch deliveries, signed: as a listener beside the endpoint, or as the agent of a webhook " +
			"without URL.",
		Method: http.MethodPost, Path: "/v1/webhooks/{webhook_id}/pull", Status: 200,
		Auth:   auth.AnyOf(auth.Agent(), auth.Integration(domain.ScopeDeliveriesPull)),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordAccount,
			domain.RecordInstallation,
			domain.RecordExtension, domain.RecordLifecycle, domain.RecordEvent, domain.RecordTailHead,
			domain.RecordTailed,
			domain.RecordParked},
		Writes: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordLease},
	})
	AcknowledgeDeliveries = declare[AcknowledgeDeliveriesInput, AcknowledgeDeliveriesOutput](inWebhooks, Operation{
		ID: "acknowledge-deliveries", Since: "0.7.0",
		Summary: "Record what an endpoint answered to deliveries that were pulled.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/pull/ack", Status: 200,
		Auth:    auth.AnyOf(auth.Agent(), auth.Integration(domain.ScopeDeliveriesPull)),
		Errors:  fault.Kinds{fault.NotFound},
		MaxBody: 1 << 20,
		Reads:   domain.Records{domain.RecordWebhook, domain.RecordTailed, domain.RecordParked},
		Writes:  domain.Records{domain.RecordParked, domain.RecordResend, domain.RecordAttempt},
	})
	CreateAgentCode = declare[CreateAgentCodeInput, CreateAgentCodeOutput](inWebhooks, Operation{
		ID: "create-agent-code", Since: "0.7.0",
		Summary: "Make a code that pairs one agent with a webhook without URL.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/agent-codes", Status: 201,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook},
		Writes: domain.Records{domain.RecordAgentCode},
	})
	PairAgent = declare[PairAgentInput, PairAgentOutput](inWebhooks, Operation{
		ID: "pair-agent", Since: "0.7.0",
		Summary: "Exchange a pairing code for an agent's own key.",
		Method:  http.MethodPost, Path: "/v1/agents", Status: 201,
		Auth:   auth.AnyOf(auth.AgentCode()),
		Reads:  domain.Records{domain.RecordAgentCode, domain.RecordWebhook, domain.RecordAgent},
		Writes: domain.Records{domain.RecordAgentCode, domain.RecordAgent, domain.RecordAgentKey},
	})
	ListAgents = declare[ListAgentsInput, ListAgentsOutput](inWebhooks, Operation{
		ID: "list-agents", Since: "0.7.0",
		Summary: "List the agents of a webhook, with the one that pulled last.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/agents", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAgent, domain.RecordLease},
	})
	RemoveAgent = declare[RemoveAgentInput, RemoveAgentOutput](inWebhooks, Operation{
		ID: "remove-agent", Since: "0.7.0",
		Summary: "Remove an agent. Its key ends at once.",
		Method:  http.MethodDelete, Path: "/v1/webhooks/{webhook_id}/agents/{agent_id}", Status: 204,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordAgent},
		Writes: domain.Records{domain.RecordAgent, domain.RecordAgentKey},
	})
	ReplayDelivery = declare[ReplayDeliveryInput, ReplayDeliveryOutput](inWebhooks, Operation{
		ID: "replay-delivery", Since: "0.3.0",
		Summary: "Send a delivery again in any state: the next attempt, with the same id and body.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordInstallation,
			domain.RecordAttempt, domain.RecordEvent},
		Writes: domain.Records{domain.RecordResend},
	})
	CreateReplay = declare[CreateReplayInput, CreateReplayOutput](inWebhooks, Operation{
		ID: "create-replay", Since: "0.3.0",
		Summary: "Start a job that sends failed, skipped or filtered deliveries since a time again.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/replays", Status: 202,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound}, Rate: RateJobs,
		Reads: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordInstallation,
			domain.RecordReplaying},
		Writes: domain.Records{domain.RecordReplay, domain.RecordReplaying, domain.RecordResend},
	})
	ListReplays = declare[ListReplaysInput, ListReplaysOutput](inWebhooks, Operation{
		ID: "list-replays", Since: "0.3.0",
		Summary: "List a webhook's replay jobs of the last 30 days.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/replays", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordReplay},
	})
	ReadReplay = declare[ReplayInput, ReadReplayOutput](inWebhooks, Operation{
		ID: "read-replay", Since: "0.3.0",
		Summary: "Read a replay job with its progress.",
		Method:  http.MethodGet, Path: "/v1/webhooks/{webhook_id}/replays/{replay_id}", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Member), auth.Integration(domain.ScopeWebhooksRead), auth.Platform()),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordReplay},
	})
	PauseReplay = declare[ReplayInput, PauseReplayOutput](inWebhooks, Operation{
		ID: "pause-replay", Since: "0.7.0",
		Summary: "Pause a replay job before its next page. Deliveries that it has sent go on.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/replays/{replay_id}/pause", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordReplay},
		Writes: domain.Records{domain.RecordReplay},
	})
	ResumeReplay = declare[ReplayInput, ResumeReplayOutput](inWebhooks, Operation{
		ID: "resume-replay", Since: "0.7.0",
		Summary: "Resume a paused replay job where it stopped.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/replays/{replay_id}/resume", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads: domain.Records{domain.RecordWebhook, domain.RecordHealth, domain.RecordInstallation,
			domain.RecordReplay},
		Writes: domain.Records{domain.RecordReplay, domain.RecordResend},
	})
	CancelReplay = declare[ReplayInput, CancelReplayOutput](inWebhooks, Operation{
		ID: "cancel-replay", Since: "0.3.0",
		Summary: "Cancel a replay job. Deliveries that it has sent go on.",
		Method:  http.MethodPost, Path: "/v1/webhooks/{webhook_id}/replays/{replay_id}/cancel", Status: 200,
		Auth:   auth.AnyOf(auth.Dashboard(domain.Admin), auth.Integration(domain.ScopeWebhooksSecrets)),
		Errors: fault.Kinds{fault.NotFound},
		Reads:  domain.Records{domain.RecordWebhook, domain.RecordReplay},
		Writes: domain.Records{domain.RecordReplay, domain.RecordReplaying},
	})
)

// Console: how people come to its pages.
var (
	CreateConsoleLink = declare[CreateConsoleLinkInput, CreateConsoleLinkOutput](inConsole, Operation{
		ID:      "create-console-link",
		Summary: "Make a link that lets one user of an account into the console, once.",
		Method:  http.MethodPost, Path: "/v1/console-links", Status: 201,
		Auth:   auth.AnyOf(auth.Platform()),
		Reads:  domain.Records{domain.RecordAccount, domain.RecordUser},
		Writes: domain.Records{domain.RecordConsoleLink},
	})
)
