package contract

import (
	"time"

	"plugboard/shared/domain"
)

// Agents: they pull the deliveries of a webhook without URL, inside a network that nothing reaches from outside.

type CreateAgentCodeInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
}

type CreateAgentCodeOutput struct {
	Body struct {
		Code   domain.ShownOnce `json:"code,omitempty" doc:"The credential for pair-agent, shown once. It is good once, within 10 minutes."`
		EndsAt time.Time        `json:"expires_at"`
	}
}

type PairAgentInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"128" doc:"By which people recognise the agent." example:"rack 3"`
	}
}

type PairAgentOutput struct {
	Body struct {
		ID      domain.AgentID   `json:"agent_id"`
		Account domain.AccountID `json:"account_id"`
		Webhook domain.WebhookID `json:"webhook_id"`
		Name    string           `json:"name"`
		Key     domain.ShownOnce `json:"key,omitempty" doc:"The agent's credential for pull-deliveries and acknowledge-deliveries, shown once."`
	}
}

type ListAgentsInput struct {
	PageInput
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
}

// AgentView is an agent with what it does.
type AgentView struct {
	ID           domain.AgentID `json:"id"`
	Name         string         `json:"name"`
	PairedAt     time.Time      `json:"paired_at"`
	LastPulledAt time.Time      `json:"last_pulled_at,omitzero" doc:"Of the agent that pulled last. Absent for the others."`
	HoldsLease   bool           `json:"holds_lease" doc:"Whether this agent alone gets deliveries now."`
}

type ListAgentsOutput struct{ Body Page[AgentView] }

type RemoveAgentInput struct {
	Webhook domain.WebhookID `path:"webhook_id" maxLength:"64"`
	Agent   domain.AgentID   `path:"agent_id" maxLength:"64"`
}

type RemoveAgentOutput struct{}
