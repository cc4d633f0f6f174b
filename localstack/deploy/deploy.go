// Package deploy deploys the stack to an emulator with the CDK CLI, and writes its outputs.
package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"plugboard/infra/cdk"
	"plugboard/localstack/emulator"
	"plugboard/localstack/frontdoor"
	"plugboard/localstack/issuer"
	"plugboard/localstack/outputs"
)

// Deployment names the parts. Folders are absolute; the functions and the CDK app are built before.
type Deployment struct {
	Root         string // the checkout
	Endpoint     string // the emulator's
	OutputsFile  string
	IssuerDir    string
	ReceiverHost string
	ConsoleURL   string // the front door's address
	Log          string
	Progress     io.Writer // a line every few seconds
}

// Credentials that emulators accept, and that the local stage of infra/stages.go names. The user's real credentials
// are never sent.
const (
	region    = "us-east-1"
	account   = "000000000000"
	accessKey = "test"
	secretKey = "test"
)

// limit is for the whole deployment: LocalStack takes half a minute.
const limit = 5 * time.Minute

// Run bootstraps the emulator's account, deploys the stack or its changes, and writes the outputs. Its error is one
// sentence with the path of the log.
func (d Deployment) Run(ctx context.Context) (outputs.Outputs, error) {
	out, err := d.run(ctx)
	if err != nil {
		return out, fmt.Errorf("the deployment to %s failed: %w; see %s", d.Endpoint, err, d.Log)
	}
	return out, nil
}

func (d Deployment) run(ctx context.Context) (outputs.Outputs, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it took more than %s", limit))
	defer cancel()
	ctx, stop := emulator.Watch(ctx, d.Endpoint)
	defer stop()

	keys, err := issuer.Load(d.IssuerDir)
	if err != nil {
		return outputs.Outputs{}, err
	}
	work := filepath.Dir(d.Log)
	if err := os.MkdirAll(work, 0o700); err != nil {
		return outputs.Outputs{}, err
	}
	log, err := os.Create(d.Log)
	if err != nil {
		return outputs.Outputs{}, err
	}
	defer log.Close()

	// In a folder without an app, so that the CLI does not run ours for the bootstrap.
	cli := d.cdk(log)
	if err := cli.Run(ctx, work, "bootstrap", "aws://"+account+"/"+region); err != nil {
		return outputs.Outputs{}, err
	}
	results := filepath.Join(work, "stack-outputs.json")
	err = cli.Run(ctx, cli.Infra, "deploy", "--require-approval", "never", "--progress", "events",
		"--context", "stage=local", "--context", "jwks="+keys.Keys(),
		"--context", "console="+d.ConsoleURL, "--context", "token-url="+d.tokenURL(),
		"--output", filepath.Join(work, "cdk.out"), "--outputs-file", results)
	if err != nil {
		return outputs.Outputs{}, err
	}
	out, err := d.outputs(ctx, results)
	if err != nil {
		return outputs.Outputs{}, err
	}
	return out, out.Save(d.OutputsFile)
}

// tokenURL is the local sign-in's, as the functions see it.
func (d Deployment) tokenURL() string {
	front, err := url.Parse(d.ConsoleURL)
	if err != nil {
		return ""
	}
	return "http://" + net.JoinHostPort(d.ReceiverHost, front.Port()) + frontdoor.IssuerPath + issuer.TokenPath
}

// cdk is the CLI, with the emulator's address and credentials.
func (d Deployment) cdk(log io.Writer) cdk.CLI {
	return cdk.CLI{Infra: filepath.Join(d.Root, "infra"), Output: log, Progress: d.Progress, Env: []string{
		"AWS_ENDPOINT_URL=" + d.Endpoint, "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + accessKey, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_SESSION_TOKEN=", "AWS_PROFILE=",
		"AWS_EC2_METADATA_DISABLED=true", "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost",
	}}
}

// outputs reads the stack's outputs and the platform's key.
func (d Deployment) outputs(ctx context.Context, path string) (outputs.Outputs, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return outputs.Outputs{}, fmt.Errorf("the CDK CLI wrote no outputs: %w", err)
	}
	var stacks map[string]map[string]string
	if err := json.Unmarshal(text, &stacks); err != nil {
		return outputs.Outputs{}, fmt.Errorf("read the CDK CLI's outputs: %w", err)
	}
	stack := stacks["plugboard-local"]

	secrets := secretsmanager.New(secretsmanager.Options{
		BaseEndpoint: aws.String(d.Endpoint), Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
	key, err := secrets.GetSecretValue(ctx,
		&secretsmanager.GetSecretValueInput{SecretId: aws.String(stack["PlatformKeySecret"])})
	if err != nil {
		return outputs.Outputs{}, fmt.Errorf("read the platform's key: %w", err)
	}
	functions := map[string]string{}
	for name, value := range stack {
		if folder, ok := strings.CutSuffix(name, "Function"); ok {
			functions[strings.ToLower(folder)] = value
		}
	}
	if stack["ApiId"] == "" || len(functions) == 0 {
		return outputs.Outputs{}, errors.New("the stack's outputs are incomplete")
	}
	return outputs.Outputs{
		Stage:    stack["Stage"],
		Endpoint: d.Endpoint,
		// ApiUrl is the address that AWS would give the API.
		APIURL: fmt.Sprintf("%s/restapis/%s/%s/_user_request_", d.Endpoint, stack["ApiId"],
			stack["Stage"]),
		PlatformKey:                aws.ToString(key.SecretString),
		IssuerDir:                  d.IssuerDir,
		ReceiverHost:               d.ReceiverHost,
		ConsoleURL:                 d.ConsoleURL,
		AccountsTable:              stack["AccountsTable"],
		DeliveriesTable:            stack["DeliveriesTable"],
		ProvisionsQueueURL:         stack["ProvisionsQueueUrl"],
		ProvisionsDeadQueueURL:     stack["ProvisionsDeadQueueUrl"],
		DeliveriesQueueURL:         stack["DeliveriesQueueUrl"],
		DeliveriesDeadQueueURL:     stack["DeliveriesDeadQueueUrl"],
		SlowDeliveriesQueueURL:     stack["SlowDeliveriesQueueUrl"],
		SlowDeliveriesDeadQueueURL: stack["SlowDeliveriesDeadQueueUrl"],
		FanoutDeadQueueURL:         stack["FanoutDeadQueueUrl"],
		Functions:                  functions,
	}, nil
}
