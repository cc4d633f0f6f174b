package deployed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"plugboard/events"
	"plugboard/localstack/client"
	"plugboard/localstack/faults"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// trial is what one fault begins with: an account of its own, whose events come by POST /v1/events, and a ledger.
type trial struct {
	t       *testing.T
	account domain.AccountID
	ada     client.Caller
	ledger  *faults.Ledger
	sqs     *sqs.Client
	sent    int
}

func newTrial(t *testing.T) *trial {
	t.Helper()
	account := domain.AccountID(unique("trial"))
	ada, _, err := deployed.newAccount(t.Context(), account)
	must(t, err)
	out, queues := deployed.Outputs, sqs.NewFromConfig(deployed.aws())
	return &trial{t: t, account: account, ada: ada, sqs: queues, ledger: &faults.Ledger{
		DB: dynamodb.NewFromConfig(deployed.aws()), SQS: queues, Accounts: out.AccountsTable,
		Deliveries: out.DeliveriesTable,
		DeadQueues: []string{out.DeliveriesDeadQueueURL, out.SlowDeliveriesDeadQueueURL, out.FanoutDeadQueueURL},
	}}
}

func (f *trial) listen() *faults.Endpoint {
	f.t.Helper()
	e, err := faults.Listen(deployed.Outputs.ReceiverHost)
	must(f.t, err)
	f.t.Cleanup(e.Close)
	return e
}

// hook makes a webhook that hears of signed contracts, and its endpoint.
func (f *trial) hook(p domain.SendPolicy) (domain.WebhookID, *faults.Endpoint) {
	f.t.Helper()
	e := f.listen()
	in := contract.CreateWebhookInput{}
	in.Body.Name, in.Body.URL, in.Body.Policy = "Trial", e.URL, p
	in.Body.Filters.EventTypes = contract.Only[string]{string(events.ContractSigned)}
	made := call(f.t, f.ada, contract.CreateWebhook, in).Body
	must(f.t, e.Trust(string(made.SigningSecret)))
	f.ledger.Hears(domain.Webhook{Account: f.account, ID: made.ID, EventTypes: in.Body.Filters.EventTypes}, e)
	return made.ID, e
}

// extension lists and enables one, with a webhook for the one type of its templates.
func (f *trial) extension(e *faults.Endpoint) domain.ExtensionID {
	f.t.Helper()
	slug := domain.ExtensionID(unique("trial"))
	must(f.t, deployed.list(f.t.Context(), slug, []string{""}, domain.BlueprintSpec{
		Scopes: []domain.Scope{}, TemplateTypes: []domain.TemplateTypeBlueprint{
			{Name: "Order", Fields: []domain.FieldDefinition{}}},
		Webhooks: []domain.WebhookBlueprint{{Key: "contracts", URL: e.URL,
			EventTypes: []string{string(events.ContractSigned)}}},
	}))
	return slug
}

// enable enables it, and enters its webhook in the ledger.
func (f *trial) enable(slug domain.ExtensionID, e *faults.Endpoint) domain.WebhookID {
	f.t.Helper()
	call(f.t, f.ada, contract.EnableExtension, contract.EnableExtensionInput{Extension: slug})
	f.becomes(slug, domain.Enabled)
	w := domain.Webhook{Account: f.account, Extension: slug, EventTypes: []string{string(events.ContractSigned)}}
	for _, r := range call(f.t, f.ada, contract.ReadInstallation, contract.InstallationInput{Extension: slug}).
		Body.Resources {
		if r.Kind == domain.StepWebhook {
			w.ID = domain.WebhookID(r.ID)
		} else if r.ExtensionType == slug.TypeOf("") {
			w.TemplateType = domain.TemplateTypeID(r.ID)
		}
	}
	now := 0
	rotate := contract.RotateWebhookSecretInput{Webhook: w.ID}
	rotate.Body.OverlapSeconds = &now
	must(f.t, e.Trust(string(call(f.t, f.ada, contract.RotateWebhookSecret, rotate).Body.SigningSecret)))
	f.ledger.Hears(w, e)
	return w.ID
}

func (f *trial) becomes(slug domain.ExtensionID, want domain.InstallationState) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("%s became %s", slug, want), func() bool {
		return call(f.t, f.ada, contract.ReadInstallation, contract.InstallationInput{Extension: slug}).
			Body.State == want
	})
}

// send has the platform send so many events, through an extension or none.
func (f *trial) send(n int, through ...domain.ExtensionID) (ids []domain.EventID) {
	f.t.Helper()
	for n > 0 {
		in := contract.SendEventsInput{}
		for range min(n, 500) {
			f.sent++
			item := contract.EventItem{
				ID: fmt.Sprint("event-", f.sent), Account: f.account, Type: string(events.ContractSigned),
				Timestamp: contract.Time{Time: time.Now().UTC()},
				Contract:  domain.ContractID(fmt.Sprint("K-", f.sent)), Workspace: "sales",
				Data: map[string]any{"name": fmt.Sprint("Order ", f.sent)},
			}
			for _, slug := range through {
				item.Extension, item.ExtensionType = slug, slug.TypeOf("")
			}
			raw, err := json.Marshal(item)
			must(f.t, err)
			in.Body.Items = append(in.Body.Items, raw)
		}
		n -= len(in.Body.Items)
		for _, item := range call(f.t, deployed.Platform(), contract.SendEvents, in).Body.Items {
			// Unchanged is one that was stored by a call whose answer was lost, and that was asked again.
			if item.Result != contract.ImportCreated && item.Result != contract.ImportUnchanged {
				f.t.Fatalf("an event was not accepted: %+v", item)
			}
			ids = append(ids, item.Event)
		}
	}
	f.ledger.Accepted(ids...)
	return ids
}

// over waits until all is at its end, and closes the ledger.
func (f *trial) over(limit time.Duration) faults.Balance {
	f.t.Helper()
	var b faults.Balance
	for deadline := time.Now().Add(limit); ; time.Sleep(min(time.Second, limit/20)) { // to ask is to read both tables
		var err error
		b, err = f.ledger.Balance(f.t.Context())
		must(f.t, err)
		if b.Open == 0 || time.Now().After(deadline) {
			break
		}
	}
	if b.Open > 0 {
		f.t.Errorf("%d deliveries or dead letters have come to no end within %s", b.Open, limit)
	}
	for _, w := range b.Wrong {
		f.t.Error(w)
	}
	return b
}

// visibility has a queue show a message again after so long, and until the fault is over.
func (f *trial) visibility(url string, d time.Duration) {
	f.t.Helper()
	const name = string(types.QueueAttributeNameVisibilityTimeout)
	was, err := f.sqs.GetQueueAttributes(f.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameVisibilityTimeout}})
	must(f.t, err)
	set := func(ctx context.Context, to string) {
		_, err := f.sqs.SetQueueAttributes(ctx,
			&sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{name: to}})
		must(f.t, err)
	}
	set(f.t.Context(), fmt.Sprint(int(d.Seconds())))
	f.t.Cleanup(func() { set(context.Background(), was.Attributes[name]) })
}

// feeding turns what hands messages to a function on or off.
func (f *trial) feeding(function string, on bool) {
	f.t.Helper()
	name, c := deployed.Outputs.Functions[function], lambda.NewFromConfig(deployed.aws())
	all, err := c.ListEventSourceMappings(f.t.Context(), &lambda.ListEventSourceMappingsInput{FunctionName: &name})
	must(f.t, err)
	for _, m := range all.EventSourceMappings {
		_, err := c.UpdateEventSourceMapping(f.t.Context(),
			&lambda.UpdateEventSourceMappingInput{UUID: m.UUID, Enabled: &on})
		must(f.t, err)
		want := map[bool]string{true: "Enabled", false: "Disabled"}[on]
		eventually(f.t, function+"'s source is "+want, func() bool {
			now, err := c.GetEventSourceMapping(f.t.Context(), &lambda.GetEventSourceMappingInput{UUID: m.UUID})
			must(f.t, err)
			return aws.ToString(now.State) == want
		})
	}
}

// waiting is how many messages a queue holds.
func (f *trial) waiting(url string) (n int) {
	f.t.Helper()
	const name = types.QueueAttributeNameApproximateNumberOfMessages
	got, err := f.sqs.GetQueueAttributes(f.t.Context(),
		&sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{name}})
	must(f.t, err)
	_, err = fmt.Sscan(got.Attributes[string(name)], &n)
	must(f.t, err)
	return n
}

// kill kills the processes of a function in this stack, and returns how many there were. Both emulators run functions
// as processes on this machine, unless they are in containers; which is whose, its environment says.
func kill(function string) (killed int) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	_, port, _ := strings.Cut(strings.TrimPrefix(deployed.Outputs.Endpoint, "http://"), ":")
	for _, file := range all {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // it ended, or is another user's
		}
		environment := "\x00" + string(raw)
		if !strings.Contains(environment, "\x00AWS_LAMBDA_FUNCTION_NAME="+deployed.Outputs.Functions[function]+
			"\x00") || !strings.Contains(environment, ":"+port) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(file, "/proc/%d/", &pid); err == nil && syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	return killed
}

// killable tells whether functions are processes here.
func killable() bool {
	_, err := os.Stat("/proc/self/environ")
	return err == nil && deployed.Outputs.ReceiverHost == "127.0.0.1"
}
