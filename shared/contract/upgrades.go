package contract

import "plugboard/shared/domain"

// Upgrades: an installation on its way to a newer version.

type PreviewUpgradeInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Version   int                `query:"version" minimum:"0" maximum:"999999" doc:"An approved version, newer than the installed one. Default: the listed one."`
}

type PreviewUpgradeOutput struct {
	ETag string `header:"ETag"`
	Body UpgradePreview
}

// UpgradePreview is what an upgrade would do now.
type UpgradePreview struct {
	PlanID string                   `json:"plan_id" doc:"The plan's fingerprint, which is also the ETag. As If-Match, it makes upgrade-extension carry out exactly this plan or nothing."`
	State  domain.InstallationState `json:"state" enum:"enabling,enabled,upgrading,suspended,failed,disabling,disabled" doc:"The installation's state. Only an enabled one is upgraded."`
	domain.UpgradePlan
	AlsoEnables  []domain.ExtensionID `json:"also_enables" doc:"Extensions that the upgrade enables too."`
	Asked        []NeededParameter    `json:"also_asked" doc:"The parameters of those extensions."`
	Unobtainable string               `json:"unobtainable,omitempty" doc:"Why a dependency is unavailable, which blocks the upgrade."`
}

type UpgradeExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	IfMatch   string             `header:"If-Match" maxLength:"1024" doc:"Required: the ETag of preview-upgrade. 428 without it or with *; 412 when the upgrade would do anything else by now."`
	Body      struct {
		Version    int                                                     `json:"version,omitempty" minimum:"1" maximum:"999999" doc:"An approved version, newer than the installed one. Default: the listed one."`
		Consent    []string                                                `json:"consent,omitempty" maxItems:"1000" doc:"All codes of the preview's needs_consent: what the admin agrees to." example:"[\"scope-added\"]"`
		Parameters map[domain.ExtensionID]map[string]domain.ParameterValue `json:"parameters,omitempty" doc:"Parameter values by extension: its own new or changed ones, and those of dependencies enabled with it."`
	}
}

type UpgradeExtensionOutput struct {
	Body struct {
		Installation InstallationView  `json:"installation"`
		Created      []NewInstallation `json:"created" doc:"Each dependency that this call enabled. Empty when they were enabled before."`
	}
}

type PutUpgradePolicyInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Policy domain.UpgradePolicy `json:"policy" enum:"automatic,by-hand" doc:"automatic: roll-outs upgrade it too, unless consent is needed. by-hand: only the account's admins upgrade it."`
	}
}

type PutUpgradePolicyOutput struct{ Body InstallationView }
