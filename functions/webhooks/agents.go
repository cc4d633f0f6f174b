package webhooks

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
	"plugboard/shared/secret"
	"plugboard/shared/store"
)

// CreateAgentCode makes a code that pairs one agent. Conflict `not-pulled` for a webhook with a URL. Forbidden
// `extension-token` to an extension's token: only the account decides who runs an agent.
func (s *Service) CreateAgentCode(ctx context.Context,
	in *contract.CreateAgentCodeInput) (*contract.CreateAgentCodeOutput, error) {
	w, err := s.ofAgents(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	if !w.Pulled() {
		return nil, notPulled()
	}
	now := s.now()
	code, hash := secret.NewCredential(secret.AgentCodePrefix)
	var tx store.Tx
	tx.Create(&domain.AgentCode{
		Hash: hash, Account: w.Account, Webhook: w.ID, Extension: w.Extension, Epoch: w.Epoch,
		EndsAt: now.Add(domain.AgentCodeLife), CreatedAt: now,
	})
	out := &contract.CreateAgentCodeOutput{}
	out.Body.Code, out.Body.EndsAt = code, now.Add(domain.AgentCodeLife)
	return out, s.store.Commit(ctx, &tx, out)
}

// PairAgent makes an agent with a key of its own, shown this once, and ends the code. Conflict `code-used` for a used
// code, `not-pulled` when the webhook has a URL by now, `quota-exceeded` when it has as many agents as it may.
// NotFound when the webhook is gone.
func (s *Service) PairAgent(ctx context.Context, in *contract.PairAgentInput) (*contract.PairAgentOutput, error) {
	code := *auth.From(ctx).AgentCode
	used := fault.New(fault.Conflict, "code-used", "The code was used. Ask an admin of the account for another.")
	if code.Agent != "" {
		return nil, used
	}
	w, err := s.store.Webhook(ctx, code.Account, code.Webhook)
	if err != nil {
		return nil, err
	}
	if !w.Pulled() {
		return nil, notPulled()
	}
	others, err := s.store.Agents(ctx, w.Account, w.ID)
	if err != nil {
		return nil, err
	}
	if len(others) >= domain.AgentsMost {
		return nil, fault.New(fault.Conflict, "quota-exceeded",
			"The webhook has %d agents, and no more are paired. Remove one.",
			len(others))
	}
	key, hash := secret.NewCredential(secret.AgentPrefix)
	a := domain.Agent{
		Account: w.Account, Webhook: w.ID, ID: domain.AgentID(s.newID("agt")), Name: in.Body.Name, Hash: hash,
		CreatedAt: s.now(),
	}
	var tx store.Tx
	code.Agent = a.ID
	tx.Replace(&code).Else(used)
	tx.Create(&a)
	tx.Create(&domain.AgentKey{
		Hash: hash, Account: a.Account, Webhook: a.Webhook, ID: a.ID, Extension: code.Extension, Epoch: code.Epoch,
		CreatedAt: a.CreatedAt,
	})
	out := &contract.PairAgentOutput{}
	out.Body.ID, out.Body.Account, out.Body.Webhook, out.Body.Name, out.Body.Key = a.ID, a.Account, a.Webhook,
		a.Name, key
	return out, s.store.Commit(ctx, &tx, out)
}

// Agents lists a webhook's agents.
func (s *Service) Agents(ctx context.Context, in *contract.ListAgentsInput) (*contract.ListAgentsOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	all, err := s.store.Agents(ctx, w.Account, w.ID)
	if err != nil {
		return nil, err
	}
	lease, err := s.store.Lease(ctx, w.ID)
	if err != nil {
		return nil, err
	}
	views := []contract.AgentView{}
	for _, a := range all {
		v := contract.AgentView{ID: a.ID, Name: a.Name, PairedAt: a.CreatedAt}
		if a.ID == lease.Agent {
			v.LastPulledAt, v.HoldsLease = lease.PulledAt, s.now().Before(lease.Until)
		}
		views = append(views, v)
	}
	id := func(v contract.AgentView) string { return string(v.ID) }
	return &contract.ListAgentsOutput{Body: contract.PageOf(views, id, in.PageInput)}, nil
}

// RemoveAgent ends an agent and its key. Its lease ends by itself.
func (s *Service) RemoveAgent(ctx context.Context, in *contract.RemoveAgentInput) (*contract.RemoveAgentOutput, error) {
	w, err := s.ofAgents(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	all, err := s.store.Agents(ctx, w.Account, w.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if a.ID != in.Agent {
			continue
		}
		var tx store.Tx
		tx.Delete(&a)
		tx.Discard(domain.AgentKey{Hash: a.Hash})
		out := &contract.RemoveAgentOutput{}
		return out, s.store.Commit(ctx, &tx, out)
	}
	return nil, fault.New(fault.NotFound, "not-found", "There is no such agent.")
}

// ofAgents is a webhook whose agents the caller may change.
func (s *Service) ofAgents(ctx context.Context, id domain.WebhookID) (domain.Webhook, error) {
	w, err := s.webhook(ctx, id)
	if err == nil && auth.From(ctx).Extension() != "" {
		err = fault.New(fault.Forbidden, "extension-token",
			"Who runs an agent in the account's network is the account's to say. Use its own credential.")
	}
	return w, err
}

func notPulled() error {
	return fault.New(fault.Conflict, "not-pulled",
		"The webhook has a URL, so no agent pulls its deliveries. Set its URL to %q first.",
		domain.AgentURL)
}
