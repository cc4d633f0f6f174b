package contract

import (
	"time"

	"plugboard/shared/domain"
)

// Console links: the platform lets a user of an account into the console without another sign-in.

type CreateConsoleLinkInput struct {
	Body struct {
		Account  domain.AccountID `json:"account_id" minLength:"1" maxLength:"64"`
		User     domain.UserID    `json:"user_id" minLength:"1" maxLength:"255" doc:"A stored user of the account."`
		Page     string           `json:"page,omitempty" maxLength:"512" default:"extensions" doc:"The page to open, as its path below /console/, with its query." example:"extensions/acme-crm"`
		FramedBy string           `json:"framed_by,omitempty" maxLength:"255" doc:"The origin of the page that will show the console in a frame: one that the stage names. Absent: the console opens in a tab." example:"https://app.example.com"`
		Lifetime int              `json:"lifetime_seconds,omitempty" minimum:"10" maximum:"600" default:"300" doc:"How long the link is good, unless it is opened before. At most 10 minutes."`
	}
}

type CreateConsoleLinkOutput struct {
	Body struct {
		URL       domain.ShownOnce `json:"url,omitempty" doc:"Send the user's browser there, or give it to the frame. It opens once, and whoever opens it is the user. A repeated request answers without it."`
		Account   domain.AccountID `json:"account_id"`
		User      domain.UserID    `json:"user_id"`
		Page      string           `json:"page"`
		FramedBy  string           `json:"framed_by,omitempty"`
		ExpiresAt time.Time        `json:"expires_at"`
	}
}
