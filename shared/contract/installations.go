package contract

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"plugboard/shared/domain"
)

// Installations: what an account has enabled.

type EnableExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      EnableExtensionBody
}

type EnableExtensionBody struct {
	Parameters    map[domain.ExtensionID]map[string]domain.ParameterValue `json:"parameters,omitempty" doc:"Parameter values by extension: its own, and those of dependencies enabled with it. A value is a text, a number, true or false, as its schema says." example:"{\"acme-crm\":{\"customer_id\":\"C-1001\"}}"`
	Versions      ShownVersions                                           `json:"versions,omitempty" doc:"The versions that were shown, of the extension and of those that are enabled with it: read-catalogue-extension has them. 409 offer-changed when the call would enable another version, or another extension. Default: the versions that are offered now." example:"{\"acme-crm\":3}"`
	UpgradePolicy domain.UpgradePolicy                                    `json:"upgrade_policy,omitempty" enum:"automatic,by-hand" doc:"For the extension itself. Default: the previous value; automatic on first enable."`
}

// ShownVersions are the versions of extensions that somebody was shown.
type ShownVersions map[domain.ExtensionID]int

// Schema bounds the versions, which tags of a map cannot.
func (ShownVersions) Schema(huma.Registry) *huma.Schema {
	least, most, extensions := 1.0, 999_999.0, 100
	version := &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most}
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: version, MaxProperties: &extensions}
}

type EnableExtensionOutput struct {
	Body struct {
		Installation InstallationView  `json:"installation"`
		Created      []NewInstallation `json:"created" doc:"Each installation that this call created, dependencies first. Empty when it was already enabled."`
	}
}

type NewInstallation struct {
	Extension domain.ExtensionID `json:"extension_id"`
	EnabledBy domain.ExtensionID `json:"enabled_by,omitempty" doc:"The extension that requires it."`
	TokenID   domain.TokenID     `json:"token_id,omitempty" doc:"Absent for a hand-off until the partner takes the token."`
	HandOff   bool               `json:"hand_off,omitempty" doc:"The partner takes the credentials, which are not shown here: start-hand-off sends the admin there, at once or later."`
	Credentials
}

type InstallationView struct {
	Extension     domain.ExtensionID               `json:"extension_id"`
	Version       int                              `json:"version"`
	State         domain.InstallationState         `json:"state" enum:"enabling,enabled,upgrading,suspended,failed,disabling,disabled"`
	Epoch         int                              `json:"epoch" doc:"Raised by every disable."`
	EnabledBy     domain.ExtensionID               `json:"enabled_by,omitempty"`
	RequiredBy    []domain.ExtensionID             `json:"required_by,omitempty"`
	SuspendedBy   []domain.Suspender               `json:"suspended_by,omitempty"`
	Parameters    map[string]domain.ParameterValue `json:"parameters" doc:"The parameters that are not secret."`
	TokenID       domain.TokenID                   `json:"token_id,omitempty"`
	Steps         []domain.Step                    `json:"steps"`
	Resources     []domain.ManagedResource         `json:"resources"`
	Failure       *domain.Failure                  `json:"failure,omitempty"`
	UpgradePolicy domain.UpgradePolicy             `json:"upgrade_policy" enum:"automatic,by-hand"`
	Upgrade       *domain.Upgrade                  `json:"upgrade,omitempty" doc:"The last upgrade, or the current one. Absent when there was none since the last enabling."`
	Setup         *domain.Setup                    `json:"setup,omitempty" doc:"What the partner reports about its set-up."`
	Drift         *DriftView                       `json:"drift,omitempty" doc:"Differences from the blueprint that the last daily check or repair found."`
	RepairDaily   bool                             `json:"repair_daily" doc:"Whether the daily check repairs its findings."`
	CreatedAt     time.Time                        `json:"created_at"`
	UpdatedAt     time.Time                        `json:"updated_at"`
}

// ViewInstallation leaves out hashes and secrets.
func ViewInstallation(i domain.Installation) InstallationView {
	return InstallationView{
		Extension: i.Extension, Version: i.Version, State: i.State, Epoch: i.Epoch, EnabledBy: i.EnabledBy,
		RequiredBy:  i.RequiredBy,
		SuspendedBy: i.SuspendedBy, Parameters: i.Parameters, TokenID: i.TokenID, Steps: i.Steps,
		Resources: i.Resources,
		Failure:   i.Failure, UpgradePolicy: i.UpgradePolicy, Upgrade: i.Upgrade, Setup: i.Setup,
		Drift: viewDrift(i.Drift), RepairDaily: i.RepairDaily,
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
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long the previous token stays valid. Default: one day; at most 7; 0 ends it at once, and its requests get 401. Any older token ends at once."`
	}
}

type RotateInstallationTokenOutput struct {
	Body struct {
		TokenID      domain.TokenID   `json:"token_id"`
		Token        domain.ShownOnce `json:"token,omitempty" doc:"Shown once."`
		BeforeEndsAt time.Time        `json:"before_ends_at,omitzero" doc:"When the previous token ends or ended; from then on it gets 401. Absent when there was none."`
		Warning      string           `json:"warning,omitempty" doc:"What the rotation breaks. Absent unless it ended a token at once."`
	}
}
