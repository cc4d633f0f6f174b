package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"plugboard/localstack/client"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// test is one run: an account enables an extension, a contract is made through it, and its webhook is sent.
type test struct {
	api      *client.Client
	user     user
	admin    client.Caller
	endpoint string // empty: the API's own address, which refuses what it gets
	out      io.Writer

	token   string // of the installation
	webhook domain.WebhookID
	kind    domain.TemplateTypeID
}

// The test's partner, its development account and its extension stay from run to run: an extension is never deleted. It
// is in the catalogue only while the test runs.
const (
	extension  domain.ExtensionID = "plugboard-smoke-test"
	developing domain.AccountID   = "plugboard-smoke-test-partner"
	sales      domain.WorkspaceID = "sales"
	email                         = "smoke@plugboard.test"

	patience = 2 * time.Minute
)

func unique() string { return rand.Text()[:10] }

// run does the job and clears up, whatever came of it.
func (t *test) run(ctx context.Context) (err error) {
	fmt.Fprintf(t.out, "The main job, on %s, in the account %s:\n", t.api.Outputs.APIURL, t.user.account)
	defer func() {
		cleared := t.step(context.WithoutCancel(ctx), "clear away the account", t.clear)
		err = errors.Join(err, cleared)
		if err == nil {
			fmt.Fprintln(t.out, "All of it works.")
		}
	}()
	for _, s := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"make an account, a workspace and its admin", t.account},
		{"list an extension", t.list},
		{"enable it as the admin", t.enable},
		{"make a contract through it", t.contract},
		{"see its webhook sent and logged", t.delivery},
	} {
		if err := t.step(ctx, s.name, s.do); err != nil {
			return err
		}
	}
	return nil
}

func (t *test) step(ctx context.Context, name string, do func(context.Context) error) error {
	began := time.Now()
	if err := do(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(t.out, "  %-48s %6.1f s\n", name, time.Since(began).Seconds())
	return nil
}

func (t *test) account(ctx context.Context) error {
	for _, id := range []domain.AccountID{t.user.account, developing} {
		in := contract.PutAccountInput{Account: id}
		in.Body.Name = "Plugboard's smoke test"
		if _, err := client.Call(ctx, t.api, t.api.Platform(), contract.PutAccount, in); err != nil {
			return err
		}
	}
	workspace := contract.PutWorkspaceInput{Account: t.user.account, Workspace: sales}
	workspace.Body.Name = "Sales"
	if _, err := client.Call(ctx, t.api, t.api.Platform(), contract.PutWorkspace, workspace); err != nil {
		return err
	}
	in := contract.PutUserInput{Account: t.user.account, User: t.user.id}
	in.Body.Name, in.Body.Email, in.Body.Role, in.Body.Workspaces = "Smoke test", email, domain.Admin,
		[]domain.WorkspaceID{}
	_, err := client.Call(ctx, t.api, t.api.Platform(), contract.PutUser, in)
	return err
}

// partner is the one of an earlier run, with a new key, or a new one.
func (t *test) partner(ctx context.Context) (client.Caller, error) {
	known, err := client.Call(ctx, t.api, t.api.Platform(), contract.ReadExtension,
		contract.ReadExtensionInput{Extension: extension})
	if err == nil {
		made, err := client.Call(ctx, t.api, t.api.Platform(), contract.RotatePartnerKey,
			contract.RotatePartnerKeyInput{Partner: known.Body.Partner})
		return client.Bearer(string(made.Body.Key)), err
	}
	if !refused(err, "not-found") {
		return client.Caller{}, err
	}
	in := contract.CreatePartnerInput{}
	in.Body.Name, in.Body.Contact, in.Body.DevelopmentAccount = "Plugboard's smoke test", email, developing
	made, err := client.Call(ctx, t.api, t.api.Platform(), contract.CreatePartner, in)
	if err != nil {
		return client.Caller{}, err
	}
	partner := client.Bearer(string(made.Body.Key))
	create := contract.CreateExtensionInput{}
	create.Body.Slug, create.Body.Name, create.Body.TemplateTypeKeys = extension,
		"Plugboard's smoke test (do not enable)", []string{""}
	_, err = client.Call(ctx, t.api, partner, contract.CreateExtension, create)
	return partner, err
}

// list brings a new version into the catalogue, whose webhook goes to this run's endpoint.
func (t *test) list(ctx context.Context) error {
	partner, err := t.partner(ctx)
	if err != nil {
		return err
	}
	url := t.endpoint
	if url == "" {
		url = t.api.Outputs.APIURL + "/smoke-test"
	}
	submit := contract.SubmitBlueprintInput{Extension: extension}
	submit.Body.Blueprint = &domain.BlueprintSpec{
		Scopes:        []domain.Scope{domain.ScopeContractsRead, domain.ScopeContractsWrite},
		TemplateTypes: []domain.TemplateTypeBlueprint{{Name: "Smoke test", Fields: []domain.FieldDefinition{}}},
		Webhooks: []domain.WebhookBlueprint{
			{Key: "contracts", URL: url, EventTypes: []string{"contract.created"}}},
	}
	frozen, err := client.Call(ctx, t.api, partner, contract.SubmitBlueprint, submit)
	if err != nil {
		return err
	}
	review := contract.ReviewVersionInput{VersionInput: contract.VersionInput{Extension: extension,
		Version: frozen.Body.Version}}
	review.Body.Decision = contract.Approve
	if _, err := client.Call(ctx, t.api, t.api.Platform(), contract.ReviewVersion, review); err != nil {
		return err
	}
	listing := contract.ListExtensionInput{Extension: extension}
	listing.Body.Version = frozen.Body.Version
	_, err = client.Call(ctx, t.api, t.api.Platform(), contract.ListExtension, listing)
	return err
}

func (t *test) enable(ctx context.Context) error {
	out, err := client.Call(ctx, t.api, t.admin, contract.EnableExtension,
		contract.EnableExtensionInput{Extension: extension})
	if err != nil {
		return err
	}
	for _, made := range out.Body.Created {
		if made.Extension == extension {
			t.token = string(made.Token)
		}
	}
	i, err := t.becomes(ctx, domain.Enabled)
	for _, r := range i.Resources {
		switch r.Kind {
		case domain.StepWebhook:
			t.webhook = domain.WebhookID(r.ID)
		case domain.StepTemplateType:
			t.kind = domain.TemplateTypeID(r.ID)
		}
	}
	if err == nil && (t.token == "" || t.webhook == "" || t.kind == "") {
		return errors.New("it was enabled without a token, a webhook or a template type")
	}
	return err
}

// becomes waits until the installation is in that state.
func (t *test) becomes(ctx context.Context, want domain.InstallationState) (seen contract.InstallationView, err error) {
	err = client.Until(ctx, patience, "the installation became "+string(want), func(ctx context.Context) (bool, error) {
		i, err := client.Call(ctx, t.api, t.admin, contract.ReadInstallation,
			contract.InstallationInput{Extension: extension})
		if err == nil && i.Body.State == domain.Failed {
			err = fmt.Errorf("provisioning failed at %s: %s", i.Body.Failure.Step, i.Body.Failure.Reason)
		}
		seen = i.Body
		return i.Body.State == want, err
	})
	return seen, err
}

func (t *test) contract(ctx context.Context) error {
	template := contract.CreateTemplateInput{}
	template.Body.Name, template.Body.Workspace, template.Body.TemplateType = "Smoke test", sales, t.kind
	made, err := client.Call(ctx, t.api, t.admin, contract.CreateTemplate, template)
	if err != nil {
		return err
	}
	in := contract.CreateContractInput{}
	in.Body.Name, in.Body.Workspace, in.Body.Template = "Smoke test", sales, made.Body.ID
	in.Body.DataFields = []domain.GivenValue{}
	in.Body.Participants = []domain.GivenParticipant{}
	c, err := client.Call(ctx, t.api, client.Bearer(t.token).For(email), contract.CreateContract, in)
	if err == nil && c.Body.Origin != extension {
		err = fmt.Errorf("the contract's origin is %q, not %q", c.Body.Origin, extension)
	}
	return err
}

// delivery waits for the attempt. The API's own address refuses it with 404, which proves as much: the event was heard,
// signed, posted to the Internet, and logged.
func (t *test) delivery(ctx context.Context) error {
	return client.Until(ctx, patience, "the webhook was sent", func(ctx context.Context) (bool, error) {
		log, err := client.Call(ctx, t.api, t.admin, contract.ListDeliveries,
			contract.ListDeliveriesInput{Webhook: t.webhook})
		if err != nil || len(log.Body.Items) == 0 || len(log.Body.Items[0].Attempts) == 0 {
			return false, err
		}
		first := log.Body.Items[0].Attempts[0]
		if first.Outcome == domain.OutcomeDelivered || t.endpoint == "" && first.Status == http.StatusNotFound {
			return true, nil
		}
		return false, fmt.Errorf("the attempt %s: %d %s", first.Outcome, first.Status, first.Reason)
	})
}

// clear takes the extension out of the catalogue and deletes the account, which ends its installation with all else in
// it.
func (t *test) clear(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	_, unlisted := client.Call(ctx, t.api, t.api.Platform(), contract.UnlistExtension,
		contract.UnlistExtensionInput{Extension: extension})
	if refused(unlisted, "not-found") {
		unlisted = nil
	}
	_, deleted := client.Call(ctx, t.api, t.api.Platform(), contract.DeleteAccount,
		contract.DeleteAccountInput{Account: t.user.account})
	switch {
	case refused(deleted, "not-found"):
		return unlisted // it was never made
	case deleted != nil:
		return errors.Join(unlisted, deleted)
	}
	fmt.Fprintf(t.out, "  Its data is erased within minutes: GET /v1/accounts/%s/deletion tells when.\n",
		t.user.account)
	_, err := client.Call(ctx, t.api, t.admin, contract.ReadInstallation,
		contract.InstallationInput{Extension: extension})
	if !refused(err, "unauthenticated") {
		return errors.Join(unlisted, err, errors.New("the deleted account's credentials are not dead"))
	}
	return unlisted
}

// refused tells whether the API refused with that code.
func refused(err error, code string) bool {
	var r *client.Refusal
	return errors.As(err, &r) && r.Problem.Code == code
}
