package auth

import (
	"context"

	"plugboard/shared/domain"
	"plugboard/shared/secret"
)

// agentCaller lets in an agent by its key: while its account lives and, of a managed webhook, while the installation is
// enabled and still of the key's epoch.
func (g *Gate) agentCaller(ctx context.Context, credential string) (Caller, error) {
	if !secret.WellFormed(credential, secret.AgentPrefix) {
		return Caller{}, errUnauthenticated(nil)
	}
	k, err := g.records.AgentKey(ctx, secret.Hash(credential))
	if err != nil {
		return Caller{}, unauthenticatedWhenAbsent(err)
	}
	if err := g.lives(ctx, k.Account, k.Extension, k.Epoch); err != nil {
		return Caller{}, err
	}
	return Caller{Model: ModelAgent, Account: k.Account, Agent: &k, Principal: "agent:" + string(k.ID)}, nil
}

// agentCodeCaller lets in a pairing code until its end. A used one still comes this far, so that a repeated request
// finds its recorded answer by its Idempotency-Key; pair-agent refuses it.
func (g *Gate) agentCodeCaller(ctx context.Context, credential string) (Caller, error) {
	if !secret.WellFormed(credential, secret.AgentCodePrefix) {
		return Caller{}, errUnauthenticated(nil)
	}
	c, err := g.records.AgentCode(ctx, secret.Hash(credential))
	if err != nil {
		return Caller{}, unauthenticatedWhenAbsent(err)
	}
	if ended(c.EndsAt, g.now) {
		return Caller{}, errUnauthenticated(nil)
	}
	if err := g.lives(ctx, c.Account, c.Extension, c.Epoch); err != nil {
		return Caller{}, err
	}
	return Caller{Model: ModelAgentCode, Account: c.Account, AgentCode: &c,
		Principal: "agent-code:" + keyPrint(credential)}, nil
}

// lives is Unauthenticated unless the account lives and, of an extension, its installation is enabled in that epoch.
func (g *Gate) lives(ctx context.Context, a domain.AccountID, e domain.ExtensionID, epoch int) error {
	living := g.living(ctx, a)
	if err := g.installed(ctx, a, e, epoch); err != nil {
		return err
	}
	return living()
}
