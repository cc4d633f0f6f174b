package contract

import (
	"slices"
	"time"

	"plugboard/events"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// Partners and extensions: what is offered.

type CreatePartnerInput struct {
	Body struct {
		Name               string           `json:"name" minLength:"1" maxLength:"128" example:"Acme Integrations"`
		Contact            string           `json:"contact" format:"email" maxLength:"254" doc:"The customers' contact for help."`
		DevelopmentAccount domain.AccountID `json:"development_account_id" minLength:"1" maxLength:"64" doc:"An existing account in which the partner develops."`
	}
}

type CreatePartnerOutput struct {
	Body struct {
		Partner PartnerView      `json:"partner"`
		Key     domain.ShownOnce `json:"key,omitempty" doc:"The partner key, shown once. A repeated request answers without it; rotate-partner-key makes another."`
	}
}

type PartnerView struct {
	ID                 domain.PartnerID `json:"id"`
	Name               string           `json:"name"`
	Contact            string           `json:"contact"`
	DevelopmentAccount domain.AccountID `json:"development_account_id"`
	CreatedAt          time.Time        `json:"created_at"`
}

type ReadPartnerInput struct {
	Partner domain.PartnerID `path:"partner_id" maxLength:"64"`
}

type ReadPartnerOutput struct{ Body PartnerView }

type UpdatePartnerInput struct {
	Partner domain.PartnerID `path:"partner_id" maxLength:"64"`
	Body    struct {
		Name               *string           `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Contact            *string           `json:"contact,omitempty" format:"email" maxLength:"254" doc:"For extensions created from now on. update-extension changes the contact of others."`
		DevelopmentAccount *domain.AccountID `json:"development_account_id,omitempty" minLength:"1" maxLength:"64" doc:"Another account, which sees all of the partner's extensions from now on. Extensions enabled in the previous account stay, and that account can be deleted. At most 40 extensions move."`
	}
}

type UpdatePartnerOutput struct{ Body PartnerView }

type RotatePartnerKeyInput struct {
	Partner domain.PartnerID `path:"partner_id" maxLength:"64"`
	Body    struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"604800" doc:"How long the previous key stays valid. Default: one day; at most 7; 0 ends it at once. Any older key ends with it at the latest."`
	}
}

type RotatePartnerKeyOutput struct {
	Body struct {
		Key domain.ShownOnce `json:"key,omitempty" doc:"Shown once."`
	}
}

type CreateExtensionInput struct {
	Body struct {
		Slug             domain.ExtensionID `json:"slug" pattern:"^[a-z][a-z0-9-]{2,39}$" doc:"The extension's id, unique across the platform, and the stem of its extension types." example:"acme-crm"`
		Name             string             `json:"name" minLength:"1" maxLength:"128"`
		Description      string             `json:"description,omitempty" maxLength:"2048" text:"lines"`
		CapabilityFamily string             `json:"capability_family,omitempty" maxLength:"64" example:"crm"`
		Links            domain.MakerLinks  `json:"links,omitempty"`
		TemplateTypeKeys []string           `json:"template_type_keys" minItems:"0" maxItems:"20" doc:"Reserves an extension type for each key: slug_key, and the slug alone for the empty key. Each key once. They never change." example:"[\"\",\"addendum\"]" pattern:"^$|^[a-z][a-z0-9-]{0,31}$"`
	}
}

// Check reports keys that are named twice.
func (in *CreateExtensionInput) Check() []fault.Field {
	return repeated("/template_type_keys", in.Body.TemplateTypeKeys)
}

type CreateExtensionOutput struct{ Body ExtensionView }

type ListExtensionsInput struct{ PageInput }

type ListExtensionsOutput struct{ Body Page[ExtensionView] }

type UpdateExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Name             *string            `json:"name,omitempty" minLength:"1" maxLength:"128"`
		Description      *string            `json:"description,omitempty" maxLength:"2048" text:"lines"`
		Contact          *string            `json:"contact,omitempty" format:"email" maxLength:"254" doc:"The customers' contact for help."`
		CapabilityFamily *string            `json:"capability_family,omitempty" maxLength:"64" example:"crm"`
		Links            *domain.MakerLinks `json:"links,omitempty" doc:"All links: one that is left out is removed."`
	}
}

type UpdateExtensionOutput struct{ Body ExtensionView }

type ListExtensionInstallationsInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	PageInput
}

type ListExtensionInstallationsOutput struct {
	Body Page[ExtensionInstallationView]
}

// ExtensionInstallationView is an installation as its extension's partner sees it. Why one failed it is not told: the
// reasons quote what the account's users wrote.
type ExtensionInstallationView struct {
	Account       domain.AccountID                 `json:"account_id"`
	Version       int                              `json:"version"`
	State         domain.InstallationState         `json:"state" enum:"enabling,enabled,upgrading,suspended,failed,disabling,disabled"`
	Parameters    map[string]domain.ParameterValue `json:"parameters" doc:"The parameters that are not secret."`
	UpgradePolicy domain.UpgradePolicy             `json:"upgrade_policy" enum:"automatic,by-hand"`
	Setup         *domain.Setup                    `json:"setup,omitempty" doc:"What the partner reports about its set-up."`
	CreatedAt     time.Time                        `json:"created_at" doc:"When the account first enabled it."`
	UpdatedAt     time.Time                        `json:"updated_at"`
}

// ViewInstalled leaves out what is the account's.
func ViewInstalled(i domain.Installation) ExtensionInstallationView {
	return ExtensionInstallationView{
		Account: i.Account, Version: i.Version, State: i.State, Parameters: i.Parameters,
		UpgradePolicy: i.UpgradePolicy, Setup: i.Setup, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
}

type ExtensionView struct {
	domain.Extension
	State          domain.ExtensionState `json:"state" enum:"draft,submitted,listed,unlisted"`
	ExtensionTypes []string              `json:"extension_types"`
	LogoURL        string                `json:"logo_url,omitempty" doc:"The logo's path below the API's root, public while the extension is listed. Absent without a logo."`
}

type ReadExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

type ReadExtensionOutput struct{ Body ExtensionView }

type SubmitBlueprintInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Blueprint *domain.BlueprintSpec `json:"blueprint,omitempty" doc:"Default: the current draft."`
	}
}

// Check reports what is wrong with the blueprint in itself.
func (in *SubmitBlueprintInput) Check() []fault.Field {
	if in.Body.Blueprint == nil {
		return nil
	}
	wrong := in.Body.Blueprint.Check(events.OfContracts)
	// one does not say how it goes with the other
	if in.Body.Blueprint.TemplateTypes == nil || in.Body.Blueprint.Webhooks == nil {
		wrong = slices.DeleteFunc(wrong, func(f fault.Field) bool {
			return f.Code == "no-template-type" || f.Code == "no-webhook"
		})
	}
	return wrong
}

type SubmitBlueprintOutput struct {
	Body struct {
		domain.Blueprint
		LifecycleSecret domain.ShownOnce `json:"lifecycle_secret,omitempty" doc:"The signing secret of the lifecycle endpoint, for every version. Shown once, with the first version that declares the endpoint; rotate-lifecycle-secret makes another."`
	}
}

type ListExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Version int `json:"version" minimum:"1" maximum:"999999" doc:"The approved version that enabling installs from now on."`
	}
}

type ListExtensionOutput struct{ Body ExtensionView }

type UnlistExtensionInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

type UnlistExtensionOutput struct{ Body ExtensionView }

type ListCatalogueInput struct{ PageInput }

type ListCatalogueOutput struct{ Body Page[CatalogueItem] }

type CatalogueItem struct {
	domain.Listing
	LogoURL      string                   `json:"logo_url,omitempty" doc:"The logo's path below the API's root. Absent without a logo, and during a trial."`
	Trial        bool                     `json:"trial,omitempty" doc:"The extension is not listed. This account sees it because it accepted a trial, or because the partner develops in it."`
	State        domain.InstallationState `json:"state,omitempty" doc:"The installation in this account. Absent when it was never enabled."`
	SendsTo      []string                 `json:"sends_to" doc:"Hosts that data would go to, including those of dependencies enabled with it."`
	AlsoEnables  []domain.ExtensionID     `json:"also_enables" doc:"Dependencies of all levels that are enabled with it, in that order."`
	Parameters   []NeededParameter        `json:"parameters" doc:"Parameters to ask for, including those of dependencies."`
	SetupURL     string                   `json:"setup_url,omitempty" doc:"The page to which an admin is sent after enabling. The partner gets the token, and the admin does not see it."`
	Unobtainable string                   `json:"unobtainable,omitempty" doc:"Why it cannot be enabled now, for instance because a dependency is not listed."`
}

type NeededParameter struct {
	Extension domain.ExtensionID `json:"extension_id"`
	domain.Parameter
}
