// Command smoke does the main job once on a deployed stack, with an account of its own, and clears it away: `make
// smoke`. It takes credentials and region as the AWS CLI does, and of AWS the stack's outputs and the platform's key
// alone.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"plugboard/localstack/client"
	"plugboard/localstack/outputs"
	"plugboard/shared/domain"
)

// limit is for all of it, which takes a few seconds.
const limit = 5 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the smoke test is not over after %s", limit))
	defer cancel()
	stack := flag.String("stack", "", "the stack's name, plugboard-STAGE")
	file := flag.String("outputs", "", "the outputs file of an emulator's stack, instead of -stack")
	endpoint := flag.String("endpoint", "",
		"a public HTTPS address that answers POST with 2xx; without, the API's own address, which answers 404")
	flag.Parse()
	if err := run(ctx, *stack, *file, *endpoint); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		fmt.Fprintln(os.Stderr, "The smoke test failed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, stack, file, endpoint string) error {
	t := test{endpoint: endpoint, out: os.Stdout}
	var err error
	if file != "" {
		err = t.local(file)
	} else {
		err = t.deployed(ctx, stack, os.Getenv("TOKEN"))
	}
	if err != nil {
		return err
	}
	return t.run(ctx)
}

// deployed finds a stack in an AWS account. The token is a JWT of the stage's own sign-in.
func (t *test) deployed(ctx context.Context, stack, token string) error {
	user, err := userOf(token)
	if err != nil {
		return err
	}
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("find credentials and a region, as the AWS CLI does: %w", err)
	}
	got, err := cloudformation.NewFromConfig(c).DescribeStacks(ctx,
		&cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil || len(got.Stacks) == 0 {
		return errors.Join(fmt.Errorf("there is no stack %s in this account and region: `make deploy` first",
			stack), err)
	}
	var out outputs.Outputs
	secret := ""
	for _, o := range got.Stacks[0].Outputs {
		switch aws.ToString(o.OutputKey) {
		case "ApiUrl":
			out.APIURL = aws.ToString(o.OutputValue)
		case "PlatformKeySecret":
			secret = aws.ToString(o.OutputValue)
		}
	}
	key, err := secretsmanager.NewFromConfig(c).GetSecretValue(ctx,
		&secretsmanager.GetSecretValueInput{SecretId: &secret})
	if err != nil {
		return fmt.Errorf("read the platform's key: %w", err)
	}
	out.PlatformKey = aws.ToString(key.SecretString)
	t.api, t.user, t.admin = client.New(out), user, client.Bearer(token)
	return nil
}

// local finds what `make up` deployed, where the issuer's keys are on this machine.
func (t *test) local(file string) error {
	c, err := client.Open(file)
	if err != nil {
		return err
	}
	t.api, t.user = c, user{account: prefix + domain.AccountID(strings.ToLower(unique())), id: "ada"}
	t.admin, err = c.User(t.user.account, t.user.id)
	return err
}

// prefix begins the id of the test's account: so no customer's account is ever touched.
const prefix domain.AccountID = "smoke-"

// user is whom a JWT stands for.
type user struct {
	account domain.AccountID
	id      domain.UserID
}

// userOf reads a JWT's claims. Whether they are true, the stack decides.
func userOf(token string) (user, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return user{}, fmt.Errorf("set TOKEN to a JWT of the stage's sign-in, whose claim plugboard_account begins "+
			"with %q", prefix)
	}
	var claims struct {
		Account domain.AccountID `json:"plugboard_account"`
		Subject domain.UserID    `json:"sub"`
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		return user{}, fmt.Errorf("TOKEN is no JWT: %w", err)
	}
	if !strings.HasPrefix(string(claims.Account), string(prefix)) || claims.Subject == "" {
		return user{}, fmt.Errorf("TOKEN is of the account %q: the smoke test deletes its account, and so takes only "+
			"one whose id begins with %q", claims.Account, prefix)
	}
	return user{account: claims.Account, id: claims.Subject}, nil
}
