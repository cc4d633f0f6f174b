package contract

import (
	"time"

	"plugboard/shared/domain"
)

// Invitations: an account is asked before it sees an extension that nobody reviewed.

type ListInvitationsInput struct{ PageInput }

type ListInvitationsOutput struct{ Body Page[InvitationView] }

type InvitationInput struct {
	Extension domain.ExtensionID `path:"extension_id" maxLength:"40"`
}

type AcceptInvitationOutput struct{ Body InvitationView }

type DeclineInvitationOutput struct{ Body InvitationView }

// InvitationView shows the partner's own words, which nobody reviewed.
type InvitationView struct {
	Extension   domain.ExtensionID     `json:"extension_id"`
	Name        string                 `json:"name" doc:"In the partner's words, as it invited. Nobody reviewed them."`
	Description string                 `json:"description" doc:"In the partner's words."`
	PartnerName string                 `json:"partner_name"`
	Contact     string                 `json:"contact" doc:"Whom to ask."`
	State       domain.InvitationState `json:"state" enum:"pending,accepted,declined"`
	InvitedAt   time.Time              `json:"invited_at"`
}

// ViewInvitation shows one in that state.
func ViewInvitation(i domain.Invitation, state domain.InvitationState) InvitationView {
	return InvitationView{
		Extension: i.Extension, Name: i.Name, Description: i.Description, PartnerName: i.PartnerName,
		Contact: i.Contact,
		State:   state, InvitedAt: i.InvitedAt,
	}
}
