package contract

import "plugboard/shared/domain"

// Quotas: the limits of an account.

type ListQuotasInput struct{}

type ListQuotasOutput struct {
	Body struct {
		Items []QuotaView `json:"items"`
	}
}

type QuotaView struct {
	Quota  domain.Quota `json:"quota" example:"webhooks" doc:"The name in the refusal quota-exceeded."`
	What   string       `json:"what" doc:"What the quota limits."`
	Per    string       `json:"per" enum:"account,template-type"`
	Limit  int          `json:"limit"`
	Used   *int         `json:"used,omitempty" doc:"Use by the account. Absent for a quota per template type, which shows its own fields."`
	Remedy string       `json:"remedy" doc:"What to do when it is used up."`
}
