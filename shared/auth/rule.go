package auth

import (
	"strings"

	"plugboard/shared/domain"
)

// Model is how a caller proves who it is. The zero value is no model: an operation that names none fails the build.
type Model string

const (
	ModelDashboard     Model = "dashboard"
	ModelIntegration   Model = "integration"
	ModelParticipant   Model = "participant"
	ModelPartner       Model = "partner"
	ModelPlatform      Model = "platform"
	ModelPublic        Model = "public"
	ModelWebhookSecret Model = "webhook-secret"
	ModelAgent         Model = "agent"
	ModelAgentCode     Model = "agent-code"
	ModelInternal      Model = "internal"
)

// Models is every model that exists; a rule with another one is refused when the operation is declared.
var Models = []Model{
	ModelDashboard, ModelIntegration, ModelParticipant, ModelPartner, ModelPlatform, ModelPublic, ModelWebhookSecret,
	ModelAgent, ModelAgentCode, ModelInternal,
}

// Rule is one way in: a model and what it must hold besides.
type Rule struct {
	Model Model        `json:"model"`
	Role  domain.Role  `json:"role,omitempty"`  // dashboard: the least role of the stored user
	Scope domain.Scope `json:"scope,omitempty"` // integration: the scope the token must carry
}

// Rules are alternatives: a caller passes by the one whose model its credential is of.
type Rules []Rule

// AnyOf is the set of ways into an operation.
func AnyOf(rules ...Rule) Rules { return rules }

// Dashboard lets in a signed-in account user whose stored role is at least role.
func Dashboard(role domain.Role) Rule { return Rule{Model: ModelDashboard, Role: role} }

// Integration lets in an API token that carries scope.
func Integration(scope domain.Scope) Rule { return Rule{Model: ModelIntegration, Scope: scope} }

// Participant lets in a participant's session, which is bound to one contract.
func Participant() Rule { return Rule{Model: ModelParticipant} }

// Partner lets in a partner's key.
func Partner() Rule { return Rule{Model: ModelPartner} }

// Platform lets in the platform's key.
func Platform() Rule { return Rule{Model: ModelPlatform} }

// WebhookSecret lets in who signed the request with the callback secret of the installation that the path names.
func WebhookSecret() Rule { return Rule{Model: ModelWebhookSecret} }

// Agent lets in the key of an agent, which is bound to one webhook.
func Agent() Rule { return Rule{Model: ModelAgent} }

// AgentCode lets in a code that pairs an agent.
func AgentCode() Rule { return Rule{Model: ModelAgentCode} }

// Public lets in anyone.
func Public() Rule { return Rule{Model: ModelPublic} }

// Of is the rule for that model; false when the model has no way in.
func (rs Rules) Of(m Model) (Rule, bool) {
	for _, r := range rs {
		if r.Model == m {
			return r, true
		}
	}
	return Rule{}, false
}

// String reads like `dashboard (admin)`, `integration (contracts:write)`.
func (r Rule) String() string {
	switch need := string(r.Role) + string(r.Scope); need {
	case "":
		return string(r.Model)
	default:
		return string(r.Model) + " (" + need + ")"
	}
}

func (rs Rules) String() string {
	names := make([]string, len(rs))
	for i, r := range rs {
		names[i] = r.String()
	}
	return strings.Join(names, " or ")
}
