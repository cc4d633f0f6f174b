package functions_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"plugboard/shared/cli"
	"plugboard/shared/domain"
)

// The partner's command line against the real pull operations.

// errEnough ends a command that runs until it is stopped.
var errEnough = errors.New("enough")

// runs works a command that pulls until it has waited as often as there are steps. Each step happens during a wait.
func (m *terminal) runs(steps []func(), line ...string) {
	m.t.Helper()
	next := 0
	m.env.Wait = func(context.Context, time.Duration) error {
		if next == len(steps) {
			return errEnough
		}
		steps[next]()
		next++
		m.settle()
		return nil
	}
	m.run(cli.ExitOK, nil, line...)
	if next != len(steps) {
		m.t.Fatalf("it waited %d times, want %d", next, len(steps))
	}
}

func nothingHappens() {}

func TestCLI_ListenRecoversWhatCameWhileItWasAwayAndReplaysReachIt(t *testing.T) {
	p, local := newPuller(t, ""), newReceiver(t)
	m := newTerminal(p.world)
	m.login(p.token)
	listen := []string{"listen", "--webhook", p.hook, "--to", local.URL + "/hooks"}
	m.runs([]func(){p.happen, nothingHappens}, listen...)
	first := local.take()
	if len(first) != 1 {
		t.Fatalf("the local server got %d requests, want 1", len(first))
	}
	first[0].verified(t, p.secret, p.now())
	p.happen() // while nobody listens
	id := first[0].header.Get("webhook-id")
	p.want(p.call(p.admin, "POST", "/v1/webhooks/"+p.hook+"/deliveries/"+id+"/replay", nil), 202)
	p.settle()
	m.runs([]func(){nothingHappens}, listen...)
	got := local.take()
	if len(got) != 2 || got[1].header.Get("webhook-id") != id {
		t.Fatalf("after it was away the local server got %d requests, want the event and the replay", len(got))
	}
	if read := p.read(id); read.at("listeners", 1) == nil || read.at("listeners", 0, "status") != 200.0 {
		t.Errorf("the log shows %s", read.raw)
	}
	if n := len(p.receiver.take()); n != 3 {
		t.Errorf("the endpoint got %d requests, want its own 3", n)
	}
}

func TestCLI_AnAgentIsPairedForwardsAndAcknowledges(t *testing.T) {
	p, local := newPuller(t, domain.AgentURL), newReceiver(t)
	m := newTerminal(p.world)
	code := p.want(p.call(p.admin, "POST", "/v1/webhooks/"+p.hook+"/agent-codes", object{}), 201).str("code")
	m.typed(code, cli.ExitOK, nil, "agent", "pair", "--url", m.api.URL, "--name", "rack 1")
	local.answer(503)
	m.runs([]func(){p.happen}, "agent", "run", "--to", local.URL)
	failed := local.take()
	p.settle()
	local.answer(200)
	p.pass(10 * time.Minute)
	m.runs([]func(){nothingHappens, nothingHappens}, "agent", "run", "--to", local.URL)
	got := local.take()
	if len(failed) == 0 || len(got) == 0 || p.waiting() != 0 {
		t.Fatalf("%d failed, %d arrived, and %d wait", len(failed), len(got), p.waiting())
	}
	got[0].verified(t, p.secret, p.now())
	if read := p.read(failed[0].header.Get("webhook-id")); read.str("state") != "delivered" {
		t.Errorf("it reads %s", read.raw)
	}
}
