// Package deployed_test asks the deployed stack, over HTTP and through the real Lambdas, queues and streams. It runs
// against whatever emulator the outputs file of `make up` names (OUTPUTS, or localstack/outputs.json), and again and
// again against the same one: every run makes accounts and extensions of its own.
package deployed_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"plugboard/localstack/client"
	"plugboard/localstack/receiver"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// stack is the deployed one, with what this run begins with: an account that has enabled an extension.
type stack struct {
	*client.Client
	outputs  string // the file
	endpoint *receiver.Receiver

	account  domain.AccountID
	ada, mel client.Caller // an admin; a member who may make contracts in sales
	partner  client.Caller
	core     domain.ExtensionID
	crm      domain.ExtensionID // depends on core
	token    string             // of crm's installation
	apiKey   string             // a secret parameter of it
	secrets  []string           // whatever may be in no log

	orders, addenda domain.WebhookID // of crm's two template types
	own             domain.WebhookID // the account's own, which hears everything
	orderType       domain.TemplateTypeID
	template        domain.TemplateID // of orderType
}

const (
	adaEmail   = "ada@shop.test"
	melEmail   = "mel@shop.test"
	customerID = "C-1001"

	// patience is how long a test waits for what must come. LocalStack takes seconds where MiniStack takes none.
	patience = time.Minute
)

// deployed is what all tests share.
var deployed *stack

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	s, err := open(ctx)
	if s != nil && s.endpoint != nil {
		defer s.endpoint.Stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "The tests of the deployed stack cannot begin:", err)
		return 1
	}
	deployed = s
	return m.Run()
}

// unique is a name that nothing in the stack has: of an account, a slug, a key.
func unique(what string) string { return what + "-" + strings.ToLower(rand.Text()[:10]) }

// open finds the stack and makes what this run begins with.
func open(ctx context.Context) (*stack, error) {
	s := &stack{outputs: cmp.Or(os.Getenv("OUTPUTS"), "../outputs.json")}
	var err error
	if s.Client, err = client.Open(s.outputs); err != nil {
		return nil, err
	}
	if _, err := client.Call(ctx, s.Client, client.Caller{}, contract.ReadOpenapi,
		contract.ReadOpenapiInput{}); err != nil {
		return nil, fmt.Errorf("the stack of %s does not answer (run `make up`): %w", s.outputs, err)
	}
	if s.endpoint, err = receiver.Start(ctx, s.Outputs.ReceiverHost); err != nil {
		return s, err
	}
	return s, s.begin(ctx)
}

func (s *stack) begin(ctx context.Context) (err error) {
	s.account = domain.AccountID(unique("shop"))
	s.core, s.crm = domain.ExtensionID(unique("core")), domain.ExtensionID(unique("crm"))
	if s.ada, s.mel, err = s.newAccount(ctx, s.account); err != nil {
		return err
	}
	partner := contract.CreatePartnerInput{}
	partner.Body.Name, partner.Body.Contact, partner.Body.DevelopmentAccount = "Acme", "help@acme.test", s.account
	made, err := client.Call(ctx, s.Client, s.Platform(), contract.CreatePartner, partner)
	if err != nil {
		return err
	}
	s.partner = client.Bearer(string(made.Body.Key))
	s.secrets = append(s.secrets, s.Outputs.PlatformKey, string(made.Body.Key))
	if err := s.list(ctx, s.core, []string{}, domain.BlueprintSpec{
		Scopes: []domain.Scope{}, TemplateTypes: []domain.TemplateTypeBlueprint{},
		Webhooks: []domain.WebhookBlueprint{},
	}); err != nil {
		return err
	}
	if err := s.list(ctx, s.crm, []string{"", "addendum"}, s.blueprint()); err != nil {
		return err
	}
	s.apiKey = "key-" + rand.Text()
	s.secrets = append(s.secrets, s.apiKey)
	if s.token, err = s.enable(ctx, s.ada); err != nil {
		return err
	}
	return s.resources(ctx)
}

// newAccount makes an account with a workspace, an admin and a member.
func (s *stack) newAccount(ctx context.Context, id domain.AccountID) (ada, mel client.Caller, err error) {
	account := contract.PutAccountInput{Account: id}
	account.Body.Name = string(id)
	if _, err = client.Call(ctx, s.Client, s.Platform(), contract.PutAccount, account); err != nil {
		return ada, mel, err
	}
	workspace := contract.PutWorkspaceInput{Account: id, Workspace: "sales"}
	workspace.Body.Name = "Sales"
	if _, err = client.Call(ctx, s.Client, s.Platform(), contract.PutWorkspace, workspace); err != nil {
		return ada, mel, err
	}
	user := contract.PutUserInput{Account: id, User: "ada"}
	user.Body.Name, user.Body.Email, user.Body.Role, user.Body.Workspaces = "Ada", adaEmail, domain.Admin,
		[]domain.WorkspaceID{}
	if _, err = client.Call(ctx, s.Client, s.Platform(), contract.PutUser, user); err != nil {
		return ada, mel, err
	}
	user.User = "mel"
	user.Body.Name, user.Body.Email, user.Body.Role, user.Body.Workspaces = "Mel", melEmail, domain.Member,
		[]domain.WorkspaceID{"sales"}
	if _, err = client.Call(ctx, s.Client, s.Platform(), contract.PutUser, user); err != nil {
		return ada, mel, err
	}
	ada, first := s.User(id, "ada")
	mel, second := s.User(id, "mel")
	return ada, mel, errors.Join(first, second)
}

// blueprint has a dependency, two template types with system fields and so two webhooks, an open and a secret
// parameter.
func (s *stack) blueprint() domain.BlueprintSpec {
	return domain.BlueprintSpec{
		Scopes: []domain.Scope{domain.ScopeContractsRead, domain.ScopeContractsWrite, domain.ScopeTemplatesRead,
			domain.ScopeWebhooksRead},
		Parameters: domain.Parameters{Type: "object", Required: []string{"customer_id", "api_key"},
			Properties: map[string]domain.ParameterSchema{
				"customer_id": {Type: domain.TextParameter, Title: "Customer id"},
				"api_key":     {Type: domain.TextParameter, Title: "API key", WriteOnly: true},
			}},
		Dependencies: []domain.Dependency{{Extension: s.core}},
		TemplateTypes: []domain.TemplateTypeBlueprint{
			{Name: "Order", Fields: []domain.FieldDefinition{{CustomID: "order number", Name: "Order number",
				Kind: domain.Text}}},
			{Key: "addendum", Name: "Addendum",
				Fields: []domain.FieldDefinition{{CustomID: "reason", Name: "Reason", Kind: domain.Text}}},
		},
		Webhooks: []domain.WebhookBlueprint{{
			Key: "contracts", URL: s.endpoint.URL,
			EventTypes: []string{"contract.created", "contract.published", "contract.signed"},
			Headers:    map[string]string{"X-Customer": "{{customer_id}}"},
			Context:    map[string]string{"customer_id": "{{customer_id}}"},
			Auth:       domain.WebhookAuth{Scheme: domain.AuthBearer, Token: "{{api_key}}"},
		}},
	}
}

// list takes an extension all the way into the catalogue.
func (s *stack) list(ctx context.Context, slug domain.ExtensionID, keys []string, b domain.BlueprintSpec) error {
	create := contract.CreateExtensionInput{}
	create.Body.Slug, create.Body.Name, create.Body.TemplateTypeKeys = slug, string(slug), keys
	if _, err := client.Call(ctx, s.Client, s.partner, contract.CreateExtension, create); err != nil {
		return err
	}
	submit := contract.SubmitBlueprintInput{Extension: slug}
	submit.Body.Blueprint = &b
	frozen, err := client.Call(ctx, s.Client, s.partner, contract.SubmitBlueprint, submit)
	if err != nil {
		return err
	}
	review := contract.ReviewVersionInput{VersionInput: contract.VersionInput{Extension: slug,
		Version: frozen.Body.Version}}
	review.Body.Decision = contract.Approve
	if _, err := client.Call(ctx, s.Client, s.Platform(), contract.ReviewVersion, review); err != nil {
		return err
	}
	listing := contract.ListExtensionInput{Extension: slug}
	listing.Body.Version = frozen.Body.Version
	_, err = client.Call(ctx, s.Client, s.Platform(), contract.ListExtension, listing)
	return err
}

// enable enables crm, waits until it is, and returns its token.
func (s *stack) enable(ctx context.Context, by client.Caller) (string, error) {
	in := contract.EnableExtensionInput{Extension: s.crm}
	in.Body.Parameters = map[domain.ExtensionID]map[string]domain.ParameterValue{s.crm: {"customer_id": customerID,
		"api_key": s.apiKey}}
	out, err := client.Call(ctx, s.Client, by, contract.EnableExtension, in)
	if err != nil {
		return "", err
	}
	token := ""
	for _, i := range out.Body.Created {
		s.secrets = append(s.secrets, string(i.Token))
		if i.Extension == s.crm {
			token = string(i.Token)
		}
	}
	if token == "" {
		return "", fmt.Errorf("enabling %s showed no token", s.crm)
	}
	return token, s.becomes(ctx, by, domain.Enabled)
}

// becomes waits until the account's installation of crm is in that state.
func (s *stack) becomes(ctx context.Context, by client.Caller, want domain.InstallationState) error {
	return client.Until(ctx, patience, fmt.Sprintf("%s became %s", s.crm, want),
		func(ctx context.Context) (bool, error) {
			i, err := client.Call(ctx, s.Client, by, contract.ReadInstallation,
				contract.InstallationInput{Extension: s.crm})
			if err == nil && i.Body.State == domain.Failed {
				err = fmt.Errorf("provisioning failed at %s: %s", i.Body.Failure.Step, i.Body.Failure.Reason)
			}
			return i.Body.State == want, err
		})
}

// resources finds what provisioning made, makes a template and the account's own webhook, and has the endpoint trust
// all webhooks.
func (s *stack) resources(ctx context.Context) error {
	i, err := client.Call(ctx, s.Client, s.ada, contract.ReadInstallation, contract.InstallationInput{Extension: s.crm})
	if err != nil {
		return err
	}
	for _, r := range i.Body.Resources {
		switch {
		case r.Kind == domain.StepWebhook && r.ExtensionType == s.crm.TypeOf(""):
			s.orders = domain.WebhookID(r.ID)
		case r.Kind == domain.StepWebhook:
			s.addenda = domain.WebhookID(r.ID)
		case r.ExtensionType == s.crm.TypeOf(""):
			s.orderType = domain.TemplateTypeID(r.ID)
		}
	}
	template := contract.CreateTemplateInput{}
	template.Body.Name, template.Body.Workspace, template.Body.TemplateType = "Standard", "sales", s.orderType
	made, err := client.Call(ctx, s.Client, s.ada, contract.CreateTemplate, template)
	if err != nil {
		return err
	}
	hook := contract.CreateWebhookInput{}
	hook.Body.Name, hook.Body.URL = "Hears everything", s.endpoint.URL
	own, err := client.Call(ctx, s.Client, s.ada, contract.CreateWebhook, hook)
	if err != nil {
		return err
	}
	s.template, s.own = made.Body.ID, own.Body.ID
	if err := s.trusts(ctx, s.own, own.Body.SigningSecret); err != nil {
		return err
	}
	for _, w := range []domain.WebhookID{s.orders, s.addenda} {
		made, err := client.Call(ctx, s.Client, s.ada, contract.RotateWebhookSecret,
			contract.RotateWebhookSecretInput{Webhook: w})
		if err != nil {
			return fault.Wrap(err, "the secret of webhook %q", w)
		}
		if err := s.trusts(ctx, w, made.Body.SigningSecret); err != nil {
			return err
		}
	}
	return nil
}

// trusts tells the endpoint a webhook's secret.
func (s *stack) trusts(ctx context.Context, w domain.WebhookID, shown domain.ShownOnce) error {
	s.secrets = append(s.secrets, string(shown))
	return s.endpoint.Trust(ctx, w, string(shown))
}

// aws is the configuration for the emulator's own API, past ours.
func (s *stack) aws() aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &s.Outputs.Endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
}

// integration is crm's token, acting for mel.
func (s *stack) integration() client.Caller { return client.Bearer(s.token).For(melEmail) }

// call is Call for what must not fail.
func call[I, O any](t *testing.T, by client.Caller, op contract.Op[I, O], in I) O {
	t.Helper()
	out, err := client.Call(t.Context(), deployed.Client, by, op, in)
	must(t, err)
	return out
}

// send is Send for what must be answered, whatever the answer.
func send(t *testing.T, by client.Caller, method, path, body string) client.Answer {
	t.Helper()
	var content []byte
	if body != "" {
		content = []byte(body)
	}
	a, err := deployed.Send(t.Context(), by, method, path, content)
	must(t, err)
	return a
}

// refused expects a problem document of that status and code, and returns it.
func refused(t *testing.T, a client.Answer, status int, code string) contract.Problem {
	t.Helper()
	p, err := a.Problem()
	must(t, err)
	if a.Status != status || p.Code != code {
		t.Errorf("got %d %s, want %d %s: %s", a.Status, p.Code, status, code, a.Body)
	}
	if p.Status != a.Status || p.RequestID == "" {
		t.Errorf("the problem document says status %d and request %q: %s", p.Status, p.RequestID, a.Body)
	}
	return p
}

// refusal is refused for an error of Call.
func refusal(t *testing.T, err error, status int, code string) {
	t.Helper()
	var r *client.Refusal
	if !errors.As(err, &r) || r.Problem.Status != status || r.Problem.Code != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	must(t, client.Until(t.Context(), patience, what, func(context.Context) (bool, error) { return met(), nil }))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
