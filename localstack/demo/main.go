// Command demo tells the main job on the terminal, on a deployed stack, as it happens: a partner's extension is
// listed, an account enables it with one action, and the partner's endpoint gets signed webhooks of the contracts that
// are made through it, and of no others. It ends with code 0 when all of that held.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"plugboard/localstack/client"
	"plugboard/localstack/receiver"
)

// limit is for the whole story, which takes some ten seconds.
const limit = 5 * time.Minute

func main() {
	outputs := flag.String("outputs", "localstack/outputs.json", "the outputs file of `make up`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the demo is not over after %s", limit))
	defer cancel()
	if err := run(ctx, *outputs); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		fmt.Fprintln(os.Stderr, "The demo failed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, outputs string) (err error) {
	c, err := client.Open(outputs)
	if err != nil {
		return err
	}
	t := newTeller(os.Stdout)
	s := &story{teller: t, api: c}
	if s.core, err = readOffer("core.json"); err != nil {
		return err
	}
	if s.crm, err = readOffer("crm.json"); err != nil {
		return err
	}
	if s.orbit, err = newOrbit(); err != nil {
		return err
	}
	if s.ada, err = c.User(shop, ada.id); err != nil {
		return err
	}
	if s.mel, err = c.User(shop, mel.id); err != nil {
		return err
	}

	t.say("Plugboard's main job, on the stack at %s", c.Outputs.APIURL)
	err = t.step("Starting a partner's endpoint in a process of its own", func() (string, error) {
		s.endpoint, err = receiver.Start(ctx, c.Outputs.ReceiverHost)
		if err != nil {
			return "", err
		}
		return "The partner's endpoint listens at " + s.endpoint.URL + ", in a process of its own.", nil
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.endpoint.Stop()) }()

	for _, chapter := range []struct {
		title string
		tell  func(context.Context) error
	}{
		{"The platform has customers and a partner", s.platform},
		{"The partner offers two extensions", s.offer},
		{"The customer enables one with a click", s.enable},
		{"What the extension brought is protected", s.protect},
		{"Contracts are made: one by hand, one through the extension", s.contracts},
		{"What arrived", s.arrivals},
		{"An endpoint in a network that nothing reaches from outside", s.agent},
		{"A second partner offers two more, one of which needs the other", s.offerOrbit},
		{"The customer enables both with one click, and hands them over", s.handOff},
		{"They work", s.work},
		{"One of them is upgraded", s.upgrade},
	} {
		t.say("\n%s", chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return err
		}
	}
	s.farewell(outputs)
	return nil
}
