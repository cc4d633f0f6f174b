package contract

import (
	"time"

	"plugboard/shared/domain"
)

// Roll-outs: a newer version for every installation of an extension.

type CreateRolloutInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Body      struct {
		Version     int  `json:"version" minimum:"1" maximum:"999999" doc:"An approved version. Older installations are upgraded to it."`
		MaxFailures *int `json:"max_failures,omitempty" minimum:"0" maximum:"1000" doc:"The roll-out stops when more installations fail. Default: 5."`
	}
}

type CreateRolloutOutput struct{ Body RolloutView }

type ListRolloutsInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	PageInput
}

type ListRolloutsOutput struct{ Body Page[RolloutView] }

// RolloutInput names a roll-out of an extension.
type RolloutInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
	Rollout   domain.RolloutID   `path:"rollout_id" maxLength:"64"`
}

// RolloutView is a roll-out without its place in the roster.
type RolloutView struct {
	ID          domain.RolloutID    `json:"id"`
	Extension   domain.ExtensionID  `json:"extension_id"`
	Version     int                 `json:"version"`
	State       domain.RolloutState `json:"state" enum:"running,paused,stopped,done,cancelled" doc:"stopped: by itself, with a reason. Correct what failed, and create another."`
	Reason      string              `json:"reason,omitempty" doc:"Why it stopped."`
	MaxFailures int                 `json:"max_failures" doc:"The roll-out stops when more fail."`
	domain.RolloutProgress
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ViewRollout shows the platform which accounts failed and why. A partner sees the counts and the failures' codes: it
// learns its customers from the customers themselves, and a failure's detail quotes their users' texts.
func ViewRollout(r domain.Rollout, platform bool) RolloutView {
	v := RolloutView{
		ID: r.ID, Extension: r.Extension, Version: r.Version, State: r.State, Reason: r.Reason,
		MaxFailures:     r.MaxFailures,
		RolloutProgress: r.RolloutProgress, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	if !platform {
		v.Failures = nil
		for _, f := range r.Failures {
			v.Failures = append(v.Failures, domain.RolloutFailure{Code: f.Code})
		}
	}
	return v
}

type ReadRolloutOutput struct{ Body RolloutView }

type PauseRolloutOutput struct{ Body RolloutView }

type ResumeRolloutOutput struct{ Body RolloutView }

type CancelRolloutOutput struct{ Body RolloutView }
