package domain

import (
	"time"

	"plugboard/shared/fault"
)

// AgentURL stands in place of a webhook's URL when its endpoint is in a network that nothing reaches from outside: an
// agent inside pulls the deliveries, forwards them and acknowledges (design rule 31).
const AgentURL = "agent:"

// Pulled tells whether agents fetch the webhook's deliveries, and nothing is posted.
func (w Webhook) Pulled() bool { return w.URL == AgentURL }

const (
	// AgentsMost is how many agents a webhook has: one that works, and others that stand by.
	AgentsMost = 10

	// AgentCodeLife is how long a pairing code is good.
	AgentCodeLife = 10 * time.Minute

	// LeaseLasts is how long an agent alone may pull after its last pull: three times the longest wait between two
	// pulls, so that an agent that lives never loses it.
	LeaseLasts = 3 * AskMost

	// PulledWithin is how long a delivery waits for an agent. Its event is stored for a day longer.
	PulledWithin = 29 * 24 * time.Hour
)

// Agent is a paired agent, as the account sees it.
type Agent struct {
	Account   AccountID `json:"account_id"`
	Webhook   WebhookID `json:"webhook_id"`
	ID        AgentID   `json:"id"`
	Name      string    `json:"name"`
	Hash      string    `json:"hash"` // of its key
	CreatedAt time.Time `json:"created_at"`
	Revision
}

// AgentKey is an agent's key, found by its hash; the key itself is stored nowhere. That of a managed webhook's agent is
// valid only in that epoch of the installation.
type AgentKey struct {
	Hash      string      `json:"hash"` // hex SHA-256
	Account   AccountID   `json:"account_id"`
	Webhook   WebhookID   `json:"webhook_id"`
	ID        AgentID     `json:"id"`
	Extension ExtensionID `json:"extension_id,omitempty"`
	Epoch     int         `json:"epoch,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
	Revision
}

// AgentCode is a code by which an agent is paired once with a webhook, found by its hash. A used one is kept until it
// ends, so that a repeated request finds its recorded answer.
type AgentCode struct {
	Hash      string      `json:"hash"` // hex SHA-256
	Account   AccountID   `json:"account_id"`
	Webhook   WebhookID   `json:"webhook_id"`
	Extension ExtensionID `json:"extension_id,omitempty"`
	Epoch     int         `json:"epoch,omitempty"`
	Agent     AgentID     `json:"agent_id,omitempty"` // that it was used for
	EndsAt    time.Time   `json:"ends_at"`
	CreatedAt time.Time   `json:"created_at"`
	Revision
}

// Ends is when DynamoDB may remove it.
func (c AgentCode) Ends() time.Time { return c.EndsAt }

// PullLease is one agent's right to pull. Until it ends, no other agent gets deliveries.
type PullLease struct {
	Agent    AgentID
	Until    time.Time
	PulledAt time.Time
}

// agentAddsAuth is why a webhook of agents has no auth, no headers and no query.
const agentAddsAuth = "An agent adds what its endpoint needs: leave out auth, headers and query."

// CheckPulled reports what a webhook without URL would carry after the change, which would go nowhere.
func (c Credentials) CheckPulled(url string, given CredentialsChange) []fault.Field {
	if url != AgentURL {
		return nil
	}
	if changed, plain := c.Change(given); changed.Scheme == AuthNone && len(changed.Headers())+len(plain) == 0 {
		return nil
	}
	return []fault.Field{{Pointer: "/url", Code: "contradiction", Detail: agentAddsAuth}}
}
