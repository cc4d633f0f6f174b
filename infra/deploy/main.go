// Command deploy puts one stage into an AWS account: `make deploy`, `make diff`, `make bootstrap`. It checks first all
// that would fail later, says what it will do, and leaves the work to the CDK CLI. The functions are built before, by
// make. It takes credentials and region as the AWS CLI does, from the environment or a profile.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"

	"plugboard/infra/cdk"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	stage := flag.String("stage", "", "the stage, as infra/stages.go names it")
	yes := flag.Bool("yes", false, "deploy without asking")
	low := flag.Bool("low-concurrency", false,
		"deploy although the account's Lambda quota is too low for the queues and the API")
	flag.Parse()
	root, err := os.Getwd()
	if err == nil {
		d := deployment{root: root, stage: *stage, yes: *yes, lowConcurrency: *low, in: os.Stdin, out: os.Stdout}
		err = d.run(ctx, flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "plugboard:", err)
		os.Exit(1)
	}
}

// deployment is one run of this command.
type deployment struct {
	root                string // the checkout
	stage               string
	yes, lowConcurrency bool
	in                  io.Reader
	out                 io.Writer
}

func (d deployment) stack() string { return "plugboard-" + d.stage }

// work is where the assembly and the logs go.
func (d deployment) work() string { return filepath.Join(d.root, "build", "cdk.out", d.stage) }

func (d deployment) run(ctx context.Context, command string) error {
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("find credentials and a region, as the AWS CLI does: %w", err)
	}
	aws := newClients(c)
	in, err := aws.identify(ctx, c.Region)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(d.root, "build", command+"-"+d.stage+".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cli := cdk.CLI{Infra: filepath.Join(d.root, "infra"), Output: log, Progress: d.out}
	switch command {
	case "bootstrap":
		err = d.bootstrap(ctx, cli, in)
	case "diff":
		err = d.diff(ctx, cli, in)
	case "deploy":
		err = d.deploy(ctx, cli, aws, in)
	default:
		return fmt.Errorf("the command is bootstrap, diff or deploy, not %q", command)
	}
	if err != nil && !errors.Is(err, errRefused) {
		return fmt.Errorf("%w; see %s", err, log.Name())
	}
	return err
}

// bootstrap makes what the CDK CLI needs in an account and region, once: a bucket for the functions' code, and roles.
func (d deployment) bootstrap(ctx context.Context, cli cdk.CLI, in account) error {
	fmt.Fprintf(d.out, "Bootstrapping account %s, region %s, as %s …\n", in.id, in.region, in.caller)
	// In a folder without an app: bootstrapping needs none.
	if err := cli.Run(ctx, filepath.Join(d.root, "build"), "bootstrap", "aws://"+in.id+"/"+in.region); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "Bootstrapped: the stack is %s.\n", bootstrapStack)
	return nil
}

// synth writes the assembly for that account and region. A placeholder issuer is refused later, with all other reasons.
func (d deployment) synth(ctx context.Context, cli cdk.CLI, in account) (assembly, error) {
	fmt.Fprintf(d.out, "Synthesising %s …\n", d.stack())
	cli.Env = append(cli.Env, "AWS_REGION="+in.region)
	if err := cli.Run(ctx, cli.Infra, "synth", "--quiet", "--context", "stage="+d.stage, "--context",
		"placeholder-issuer=allowed", "--output", d.work()); err != nil {
		return assembly{}, err
	}
	return load(d.work(), d.stack())
}

// diff prints what the deployment would change.
func (d deployment) diff(ctx context.Context, cli cdk.CLI, in account) error {
	if _, err := d.synth(ctx, cli, in); err != nil {
		return err
	}
	cli.Output = io.MultiWriter(cli.Output, d.out)
	return cli.Run(ctx, cli.Infra, "diff", d.stack(), "--app", d.work())
}

// errRefused is of a deployment that has not begun.
var errRefused = errors.New("nothing was deployed")

func (d deployment) deploy(ctx context.Context, cli cdk.CLI, aws clients, in account) error {
	a, err := d.synth(ctx, cli, in)
	if err != nil {
		return err
	}
	if err := aws.inspect(ctx, &in, a.stack); err != nil {
		return err
	}
	what, refusals := decide(a, in, d.lowConcurrency)
	if len(refusals) > 0 {
		return fmt.Errorf("%w:\n- %s", errRefused, strings.Join(refusals, "\n- "))
	}
	fmt.Fprint(d.out, say(a, in, what))
	if err := d.ask(); err != nil {
		return err
	}
	if what == recreate {
		if err := aws.clear(ctx, a.stack, in.stack, d.out); err != nil {
			return err
		}
	}
	if err := cli.Run(ctx, cli.Infra, "deploy", a.stack, "--app", d.work(), "--require-approval", "never", "--progress",
		"events"); err != nil {
		return errors.Join(err, aws.explain(context.WithoutCancel(ctx), a.stack))
	}
	return aws.outputs(ctx, a.stack, d.out)
}

// ask has a person agree; a pipeline says so with -yes.
func (d deployment) ask() error {
	if d.yes {
		return nil
	}
	fmt.Fprint(d.out, "Go on? [y/N] ")
	answer, err := bufio.NewReader(d.in).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w, as nobody could be asked: YES=1 deploys without", errRefused)
	}
	return errRefused
}
