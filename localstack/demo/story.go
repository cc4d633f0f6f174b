package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"plugboard/localstack/client"
	"plugboard/localstack/receiver"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// story is what is known so far. No secret of it is ever printed.
type story struct {
	*teller
	api      *client.Client
	endpoint *receiver.Receiver
	ada, mel client.Caller
	core     offer
	crm      offer
	apiKey   string // the customer's, in the partner's system: a secret parameter
	token    string // of the main extension's installation
	managed  []domain.ManagedResource
	orders   domain.WebhookID // of the template type that the contracts are of
	ownHook  domain.WebhookID
	template domain.TemplateID
	direct   made
	through  made
	orbit    orbit
}

const (
	shop       domain.AccountID   = "demo-shop"
	acmeDev    domain.AccountID   = "demo-acme-dev"
	sales      domain.WorkspaceID = "sales"
	legal      domain.WorkspaceID = "legal"
	customerID                    = "C-1001"
	hearsAll                      = "Demo: hears everything"
)

type person struct {
	id    domain.UserID
	name  string
	email string
	role  domain.Role
	in    []domain.WorkspaceID
}

var (
	ada = person{"ada", "Ada", "ada@shop.example", domain.Admin, []domain.WorkspaceID{}}
	mel = person{"mel", "Mel", "mel@shop.example", domain.Member, []domain.WorkspaceID{sales}}
)

// patience is how long the story waits for what must come. LocalStack takes seconds where MiniStack takes none.
const patience = time.Minute

// platform is what the SaaS tells Plugboard of itself. All of it may have been told before.
func (s *story) platform(ctx context.Context) error {
	err := s.step("Telling Plugboard of three accounts", func() (string, error) {
		return "Nordic Shop is an account; Ada is its admin, Mel a member who may make contracts in Sales.",
			s.accounts(ctx)
	})
	if err != nil {
		return err
	}
	return s.step("Clearing away what an earlier demo left", func() (string, error) {
		cleared, err := s.clear(ctx)
		if cleared == 0 {
			return "Nothing is enabled there.", err
		}
		return fmt.Sprintf("An earlier demo's %d extensions are disabled: their tokens are dead, their webhooks gone.",
			cleared), err
	})
}

func (s *story) accounts(ctx context.Context) error {
	for id, name := range map[domain.AccountID]string{shop: "Nordic Shop", acmeDev: "Acme (development)",
		s.orbit.orbitDev: "Orbit (development)"} {
		in := contract.PutAccountInput{Account: id}
		in.Body.Name = name
		if _, err := client.Call(ctx, s.api, s.api.Platform(), contract.PutAccount, in); err != nil {
			return err
		}
	}
	for id, name := range map[domain.WorkspaceID]string{sales: "Sales", legal: "Legal"} {
		in := contract.PutWorkspaceInput{Account: shop, Workspace: id}
		in.Body.Name = name
		if _, err := client.Call(ctx, s.api, s.api.Platform(), contract.PutWorkspace, in); err != nil {
			return err
		}
	}
	for _, p := range []person{ada, mel} {
		in := contract.PutUserInput{Account: shop, User: p.id}
		in.Body.Name, in.Body.Email, in.Body.Role, in.Body.Workspaces = p.name, p.email, p.role, p.in
		if _, err := client.Call(ctx, s.api, s.api.Platform(), contract.PutUser, in); err != nil {
			return err
		}
	}
	return nil
}

// clear disables the extensions, wherever an earlier demo left them, so that this one begins as the first did:
// the dependent ones first. It also deletes that demo's own webhook.
func (s *story) clear(ctx context.Context) (disabled int, err error) {
	for _, id := range []domain.ExtensionID{s.orbit.desk.slug(), s.orbit.crm.slug(), s.crm.slug(), s.core.slug()} {
		before, err := s.settled(ctx, id)
		switch {
		case refused(err, "not-found"):
			continue
		case err != nil:
			return disabled, err
		case before == domain.Disabled:
			continue
		}
		if _, err := client.Call(ctx, s.api, s.ada, contract.DisableExtension,
			contract.InstallationInput{Extension: id}); err != nil {
			return disabled, err
		}
		after, err := s.settled(ctx, id)
		if err != nil {
			return disabled, err
		}
		if after != domain.Disabled {
			return disabled, fmt.Errorf("the extension %s could not be disabled: it is %s", id, after)
		}
		disabled++
	}
	return disabled, s.deleteOwnHooks(ctx)
}

// settled waits until an installation is on its way nowhere.
func (s *story) settled(ctx context.Context, id domain.ExtensionID) (domain.InstallationState, error) {
	var state domain.InstallationState
	err := client.Until(ctx, patience, "provisioning of "+string(id)+" came to an end",
		func(ctx context.Context) (bool, error) {
			i, err := client.Call(ctx, s.api, s.ada, contract.ReadInstallation,
				contract.InstallationInput{Extension: id})
			state = i.Body.State
			return state != domain.Enabling && state != domain.Upgrading && state != domain.Disabling, err
		})
	return state, err
}

func (s *story) deleteOwnHooks(ctx context.Context) error {
	hooks, err := client.Call(ctx, s.api, s.ada, contract.ListWebhooks, contract.ListWebhooksInput{})
	if err != nil {
		return err
	}
	for _, w := range hooks.Body.Items {
		if w.Extension != "" || w.Name != hearsAll && w.Name != insideName {
			continue
		}
		if _, err := client.Call(ctx, s.api, s.ada, contract.DeleteWebhook,
			contract.WebhookInput{Webhook: w.ID}); err != nil {
			return err
		}
	}
	return nil
}

// farewell says how to go on.
func (s *story) farewell(outputs string) {
	path, err := filepath.Abs(outputs)
	if err != nil {
		path = outputs
	}
	s.say("\nAll of it held. The stack stays:")
	s.say("  API      %s", s.api.Outputs.APIURL)
	s.say("  console  %s/  (sign in as Ada, an admin, or as Mel, a member)", s.api.Outputs.ConsoleURL)
	s.say("           1. As Ada, open Acme CRM: what it manages, and why nobody can delete it.")
	s.say("           2. Disable Acme CRM, and enable it again: its token is shown once.")
	s.say("           3. As Mel, look at an extension: the button says whom to ask.")
	s.say("  outputs  %s (addresses, names and the platform's key)", path)
	s.say("  try      curl -s -H \"Authorization: Bearer $(make -s token ACCOUNT=%s USER=%s)\" %s%s", shop, ada.id,
		s.api.Outputs.APIURL, contract.ListInstallations.Path)
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		s.say("  stop     the emulator at %s, where you started it", endpoint)
		return
	}
	stop := "make down"
	if at, err := url.Parse(s.api.Outputs.Endpoint); err == nil && at.Port() != "4566" {
		stop += " EMULATOR_PORT=" + at.Port()
	}
	s.say("  stop     %s", stop)
}

// refused tells whether the API refused with that code.
func refused(err error, code string) bool {
	var r *client.Refusal
	return errors.As(err, &r) && r.Problem.Code == code
}
