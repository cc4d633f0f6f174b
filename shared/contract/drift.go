package contract

import (
	"time"

	"plugboard/shared/domain"
)

// Drift: how managed resources differ from their blueprint, and the repair.

type ReadDriftInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

type ReadDriftOutput struct {
	Body struct {
		Extension domain.ExtensionID `json:"extension_id"`
		Version   int                `json:"version" doc:"The version whose blueprint was compared."`
		CheckedAt time.Time          `json:"checked_at"`
		Findings  []domain.Finding   `json:"findings" doc:"Empty when everything matches. Runtime state, such as a field's active or a webhook's pause, is never a finding."`
	}
}

type RepairInstallationInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Daily *bool `json:"daily,omitempty" doc:"Whether the daily check repairs its findings from now on. Default: the previous value; false at first."`
	}
}

type RepairInstallationOutput struct{ Body InstallationView }

type DriftView struct {
	Findings []domain.Finding `json:"findings" doc:"The first twenty findings, their texts cut."`
	Total    int              `json:"total"`
	FoundAt  time.Time        `json:"found_at"`
}

func viewDrift(d *domain.Drift) *DriftView {
	if d == nil {
		return nil
	}
	return &DriftView{Findings: d.Findings, Total: d.Total, FoundAt: d.FoundAt}
}
