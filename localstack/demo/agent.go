package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"plugboard/events"
	"plugboard/localstack/client"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// insideName is the webhook of the endpoint that nothing reaches from outside.
const insideName = "Demo: inside the warehouse"

// program is plugboard, as `make cli` builds it.
const program = "build/plugboard"

// agent shows a process that nothing dials: it fetches a contract's event and forwards it inside its own network.
func (s *story) agent(ctx context.Context) error {
	config, err := os.MkdirTemp("", "plugboard-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(config)
	var hook domain.WebhookID
	err = s.step("Ada adds a webhook without an address", func() (string, error) {
		hook, err = s.pairAgent(ctx, config)
		return "Ada adds a webhook without an address, and a machine in the warehouse is paired by a code.", err
	})
	if err != nil {
		return err
	}
	var signed made
	err = s.step("Mel makes a contract", func() (string, error) {
		signed, err = s.makeContract(ctx, s.mel, "For the warehouse", "")
		return "Mel makes a contract. Its event waits, since no agent runs.", err
	})
	if err != nil {
		return err
	}
	return s.step("Starting the agent", func() (string, error) {
		return "The agent starts, fetches the event, and the endpoint inside verifies it.",
			s.runAgent(ctx, config, hook, signed)
	})
}

// pairAgent creates the webhook and pairs the agent with it. The code goes in by standard input.
func (s *story) pairAgent(ctx context.Context, config string) (domain.WebhookID, error) {
	in := contract.CreateWebhookInput{}
	in.Body.Name, in.Body.URL = insideName, domain.AgentURL
	in.Body.EventTypes = contract.Only[string]{string(events.ContractSigned)}
	hook, err := client.Call(ctx, s.api, s.ada, contract.CreateWebhook, in)
	if err != nil {
		return "", err
	}
	id := hook.Body.ID
	if err := s.endpoint.Trust(ctx, id, string(hook.Body.SigningSecret)); err != nil {
		return "", err
	}
	code, err := client.Call(ctx, s.api, s.ada, contract.CreateAgentCode, contract.CreateAgentCodeInput{Webhook: id})
	if err != nil {
		return "", err
	}
	pair := command(ctx, config, "agent", "pair", "--url", s.api.Outputs.APIURL, "--name", "warehouse")
	pair.Stdin = strings.NewReader(string(code.Body.Code))
	if said, err := pair.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pair the agent: %w: %s", err, said)
	}
	return id, nil
}

// runAgent runs the agent until the endpoint has the event, and stops it as systemd would.
func (s *story) runAgent(ctx context.Context, config string, hook domain.WebhookID, signed made) error {
	var said strings.Builder
	agent := command(ctx, config, "agent", "run", "--to", s.endpoint.URL)
	agent.Stdout, agent.Stderr = &said, &said
	if err := agent.Start(); err != nil {
		return err
	}
	_, err := s.endpoint.Await(ctx, patience, hook, "the signed contract, through the agent,",
		isOf(signed, events.ContractSigned))
	err = errors.Join(err, agent.Process.Signal(syscall.SIGTERM), agent.Wait())
	if err != nil {
		return fmt.Errorf("%w; the agent said: %s", err, &said)
	}
	for line := range strings.Lines(said.String()) {
		s.detail("%s", strings.TrimSpace(line))
	}
	return nil
}

func command(ctx context.Context, config string, line ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, line...)
	c.Env = append(os.Environ(), "PLUGBOARD_CONFIG="+config)
	c.WaitDelay = 10 * time.Second
	return c
}
