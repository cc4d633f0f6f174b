package contract

import (
	"time"

	"plugboard/shared/domain"
)

// Installations: what an account has enabled.

type EnableExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      EnableExtensionBody
}

type EnableExtensionBody struct {
	Parameters    map[domain.ExtensionID]map[string]domain.ParameterValue `json:"parameters,omitempty" doc:"Values of the parameters, by extension: its own and those of the dependencies enabled with it. Each is a text, a number or true or false, as its schema says." example:"{\"acme-crm\":{\"customer_id\":\"C-1001\"}}"`
	UpgradePolicy domain.UpgradePolicy                                    `json:"upgrade_policy,omitempty" enum:"automatic,by-hand" doc:"Of the extension itself. When absent as it was before, and automatic at first."`
}

type EnableExtensionOutput struct {
	Body struct {
		Installation InstallationView  `json:"installation"`
		Created      []NewInstallation `json:"created" doc:"Each installation that this call created, dependencies first. Empty when it was enabled before."`
	}
}

type NewInstallation struct {
	Extension domain.ExtensionID `json:"extension_id"`
	EnabledBy domain.ExtensionID `json:"enabled_by,omitempty" doc:"The extension that needs it."`
	TokenID   domain.TokenID     `json:"token_id,omitempty" doc:"Absent until it is handed off, if it is."`
	HandOff   bool               `json:"hand_off,omitempty" doc:"Its partner takes the credentials, which are not shown here: start-hand-off sends the admin there, at once or later."`
	Credentials
}

type InstallationView struct {
	Extension     domain.ExtensionID               `json:"extension_id"`
	Version       int                              `json:"version"`
	State         domain.InstallationState         `json:"state" enum:"enabling,enabled,upgrading,suspended,failed,disabling,disabled"`
	Epoch         int                              `json:"epoch" doc:"Rises with every disable."`
	EnabledBy     domain.ExtensionID               `json:"enabled_by,omitempty"`
	RequiredBy    []domain.ExtensionID             `json:"required_by,omitempty"`
	SuspendedBy   []domain.Suspender               `json:"suspended_by,omitempty"`
	Parameters    map[string]domain.ParameterValue `json:"parameters" doc:"Those that are not secret."`
	TokenID       domain.TokenID                   `json:"token_id,omitempty"`
	Steps         []domain.Step                    `json:"steps"`
	Resources     []domain.ManagedResource         `json:"resources"`
	Failure       *domain.Failure                  `json:"failure,omitempty"`
	UpgradePolicy domain.UpgradePolicy             `json:"upgrade_policy" enum:"automatic,by-hand"`
	Upgrade       *domain.Upgrade                  `json:"upgrade,omitempty" doc:"The last upgrade, or the one under way; absent since the last enabling when there was none."`
	Setup         *domain.Setup                    `json:"setup,omitempty" doc:"What the partner says of its side."`
	Drift         *DriftView                       `json:"drift,omitempty" doc:"What the last daily check, or repair, found not to be as the blueprint declares it."`
	RepairDaily   bool                             `json:"repair_daily" doc:"Whether the daily check repairs what it finds."`
	CreatedAt     time.Time                        `json:"created_at"`
	UpdatedAt     time.Time                        `json:"updated_at"`
}

// ViewInstallation leaves out hashes and secrets.
func ViewInstallation(i domain.Installation) InstallationView {
	return InstallationView{
		Extension: i.Extension, Version: i.Version, State: i.State, Epoch: i.Epoch, EnabledBy: i.EnabledBy, RequiredBy: i.RequiredBy,
		SuspendedBy: i.SuspendedBy, Parameters: i.Parameters, TokenID: i.TokenID, Steps: i.Steps, Resources: i.Resources,
		Failure: i.Failure, UpgradePolicy: i.UpgradePolicy, Upgrade: i.Upgrade, Setup: i.Setup, Drift: viewDrift(i.Drift), RepairDaily: i.RepairDaily,
		CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
}

type ListInstallationsInput struct{ PageInput }

type ListInstallationsOutput struct{ Body Page[InstallationView] }

// InstallationInput names one of the account's installations.
type InstallationInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

type ReadInstallationOutput struct {
	ETag string `header:"ETag"`
	Body InstallationView
}

type DisableExtensionOutput struct{ Body InstallationView }

type SuspendExtensionOutput struct{ Body InstallationView }

type ResumeExtensionOutput struct{ Body InstallationView }

type RetryInstallationOutput struct{ Body InstallationView }

type RotateInstallationTokenInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long the token before stays good: a day when absent, at most 7; 0 ends it at once, and whoever still sends it gets 401. The one before that ends at once in any case."`
	}
}

type RotateInstallationTokenOutput struct {
	Body struct {
		TokenID      domain.TokenID   `json:"token_id"`
		Token        domain.ShownOnce `json:"token,omitempty" doc:"Shown this once."`
		BeforeEndsAt time.Time        `json:"before_ends_at,omitzero" doc:"When the token before ends, or ended; absent when there was none. From then on it answers 401."`
		Warning      string           `json:"warning,omitempty" doc:"What the rotation breaks; absent unless it ended a token at once."`
	}
}
