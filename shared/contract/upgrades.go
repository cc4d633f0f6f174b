package contract

import "plugboard/shared/domain"

// Upgrades: an installation on its way to a newer version.

type PreviewUpgradeInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Version   int                `query:"version" minimum:"0" maximum:"999999" doc:"An approved version, newer than the installed one. The listed one when absent."`
}

type PreviewUpgradeOutput struct {
	ETag string `header:"ETag"`
	Body UpgradePreview
}

// UpgradePreview is what an upgrade would do now.
type UpgradePreview struct {
	PlanID string                   `json:"plan_id" doc:"The fingerprint of the plan, which is the ETag too: as If-Match it makes upgrade-extension do exactly this, or nothing."`
	State  domain.InstallationState `json:"state" enum:"enabling,enabled,upgrading,suspended,failed,disabling,disabled" doc:"Of the installation; only an enabled one is upgraded."`
	domain.UpgradePlan
	AlsoEnables  []domain.ExtensionID `json:"also_enables" doc:"Extensions that would be enabled with it."`
	Asked        []NeededParameter    `json:"also_asked" doc:"The parameters of those."`
	Unobtainable string               `json:"unobtainable,omitempty" doc:"Why a dependency cannot be had, and so the upgrade neither."`
}

type UpgradeExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	IfMatch   string             `header:"If-Match" maxLength:"64" doc:"Required: the ETag of preview-upgrade. 428 without it or with *; 412 when the upgrade would do anything else by now."`
	Body      struct {
		Version    int                                                     `json:"version,omitempty" minimum:"1" maximum:"999999" doc:"An approved version, newer than the installed one. The listed one when absent."`
		Consent    []string                                                `json:"consent,omitempty" maxItems:"1000" doc:"The codes of the preview's needs_consent, all of them: what the admin agrees to." example:"[\"scope-added\"]"`
		Parameters map[domain.ExtensionID]map[string]domain.ParameterValue `json:"parameters,omitempty" doc:"Values of the parameters, by extension: its own that are new or to be changed, and those of the dependencies enabled with it."`
	}
}

type UpgradeExtensionOutput struct {
	Body struct {
		Installation InstallationView  `json:"installation"`
		Created      []NewInstallation `json:"created" doc:"Each dependency that this call enabled. Empty when it was enabled before."`
	}
}

type PutUpgradePolicyInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Policy domain.UpgradePolicy `json:"policy" enum:"automatic,by-hand" doc:"automatic: roll-outs upgrade it too, as far as nothing needs consent. by-hand: only the account's admins do."`
	}
}

type PutUpgradePolicyOutput struct{ Body InstallationView }
