// Command localstack runs Plugboard on this machine: an emulator of AWS, with the real stack on it. The Makefile
// builds what it needs, and is how people call it.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"plugboard/localstack/deploy"
	"plugboard/localstack/emulator"
	"plugboard/localstack/issuer"
	"plugboard/localstack/outputs"
)

const usage = `usage: localstack [flags] COMMAND
  up                  start the emulator, deploy the stack, write the outputs file
  down                stop the emulator
  with COMMAND…       start the emulator, run the command with AWS_ENDPOINT_URL and OUTPUTS set, stop the emulator
  token ACCOUNT USER  print a dashboard JWT
  keys                print the public keys that verify it
  front               serve the console's clean address, as up does in the background
With AWS_ENDPOINT_URL set, nothing is started or stopped: that endpoint is used.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	var failed commandFailed
	if errors.As(err, &failed) {
		os.Exit(int(failed))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "plugboard:", err)
		os.Exit(1)
	}
}

// bench is where everything is on this machine.
type bench struct {
	root     string // the checkout
	state    string // localstack/.state, for what git does not know
	kind     string
	port     int
	emulator emulator.Emulator
	endpoint string // the emulator's, unless
	given    bool   // AWS_ENDPOINT_URL names one
	receiver string // the host of a webhook receiver on this machine, as the functions see it
	outputs  string // the file
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("localstack", flag.ExitOnError)
	flags.Usage = func() { fmt.Fprintln(os.Stderr, usage); flags.PrintDefaults() }
	kind := flags.String("emulator", "ministack", "ministack or localstack")
	port := flags.Int("port", 4566, "of the emulator")
	file := flags.String("outputs", "localstack/outputs.json", "the outputs file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBench(*kind, *port, *file)
	if err != nil {
		return err
	}
	switch args = flags.Args(); {
	case len(args) == 1 && args[0] == "up":
		return b.up(ctx)
	case len(args) == 1 && args[0] == "down":
		return b.down(ctx)
	case len(args) > 1 && args[0] == "with":
		return b.with(ctx, args[1:])
	case len(args) == 3 && args[0] == "token":
		return b.token(args[1], args[2])
	case len(args) == 1 && args[0] == "keys":
		return b.keys()
	case len(args) == 1 && args[0] == "front":
		return b.front(ctx)
	}
	flags.Usage()
	os.Exit(2)
	return nil
}

func newBench(kind string, port int, output string) (bench, error) {
	root, err := os.Getwd()
	if err != nil {
		return bench{}, err
	}
	if output, err = filepath.Abs(output); err != nil {
		return bench{}, err
	}
	e, err := emulator.New(kind, filepath.Join(root, "localstack"), port)
	if err != nil {
		return bench{}, err
	}
	b := bench{root: root, state: filepath.Join(root, "localstack", ".state"), kind: kind, port: port, emulator: e,
		outputs: output}
	b.endpoint, b.receiver = e.Endpoint(), "127.0.0.1"
	if kind == "localstack" {
		b.receiver = "host.docker.internal" // as compose.yaml names it in the functions' containers
	}
	if endpoint := os.Getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		b.endpoint, b.given = endpoint, true
		b.receiver = cmp.Or(os.Getenv("RECEIVER_HOST"), "127.0.0.1")
	}
	return b, nil
}

// start makes sure that the endpoint answers.
func (b bench) start(ctx context.Context) error {
	if b.given {
		if !emulator.Healthy(ctx, b.endpoint) {
			return fmt.Errorf("no emulator answers at AWS_ENDPOINT_URL=%s: start it, or unset the variable", b.endpoint)
		}
		fmt.Printf("Using the emulator at %s.\n", b.endpoint)
		return nil
	}
	began := time.Now()
	if err := b.emulator.Start(ctx); err != nil {
		return err
	}
	fmt.Printf("The emulator (%s) answers at %s after %.1f s.\n", b.kind, b.endpoint, time.Since(began).Seconds())
	return nil
}

func (b bench) up(ctx context.Context) error {
	if err := b.start(ctx); err != nil {
		return err
	}
	return b.deploy(ctx)
}

func (b bench) deploy(ctx context.Context) error {
	address, err := url.Parse(b.endpoint)
	if err != nil {
		return fmt.Errorf("AWS_ENDPOINT_URL=%s is no URL: %w", b.endpoint, err)
	}
	began := time.Now()
	fmt.Println("Deploying the stack …")
	out, err := deploy.Deployment{
		Root:         b.root,
		Endpoint:     b.endpoint,
		OutputsFile:  b.outputs,
		IssuerDir:    b.state,
		ReceiverHost: b.receiver,
		ConsoleURL:   fmt.Sprintf("http://localhost:%d", b.frontPort(address)),
		Log:          filepath.Join(b.state, address.Port(), "deploy.log"),
		Progress:     os.Stdout,
	}.Run(ctx)
	if errors.Is(err, emulator.ErrDied) && !b.given {
		return fmt.Errorf("%w, and the emulator's own log, %s", err, b.emulator.Log())
	}
	if err != nil {
		return err
	}
	if !b.given { // otherwise nothing is started
		if err := b.openFront(ctx, out); err != nil {
			return err
		}
	}
	fmt.Printf("Deployed in %.0f s.\n  API:     %s\n  console: %s\n  outputs: %s\n", time.Since(began).Seconds(),
		out.APIURL, out.ConsoleURL, b.outputs)
	return nil
}

// frontPort is the front door's, beside the emulator's.
func (b bench) frontPort(emulator *url.URL) int {
	port, err := strconv.Atoi(emulator.Port())
	if err != nil {
		port = b.port
	}
	return port + frontDoorAbove
}

func (b bench) down(ctx context.Context) error {
	if b.given {
		return fmt.Errorf("the emulator at AWS_ENDPOINT_URL=%s was not started here: stop it where it was", b.endpoint)
	}
	if out, err := outputs.Load(b.outputs); err == nil && out.Endpoint != b.endpoint {
		return fmt.Errorf("what is deployed is at %s, by %s, and not at %s: stop it by the port that it was started "+
			"with, make down EMULATOR_PORT=…", out.Endpoint, b.outputs, b.endpoint)
	}
	b.closeFront()
	if err := b.emulator.Stop(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(b.outputs); err != nil {
		return err
	}
	fmt.Println("The emulator is stopped, and what was deployed is gone.")
	return nil
}

// commandFailed is the exit code of the command of `with`, which has said itself what is wrong.
type commandFailed int

func (c commandFailed) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// with always stops what it started, and tells where its log is when the command failed.
func (b bench) with(ctx context.Context, args []string) (err error) {
	if err := b.start(ctx); err != nil {
		return err
	}
	if !b.given {
		defer func() {
			if err != nil {
				fmt.Fprintf(os.Stderr, "The emulator's log is %s.\n", b.emulator.Log())
			}
			err = errors.Join(err, b.emulator.Stop(context.WithoutCancel(ctx)))
		}()
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+b.endpoint, "OUTPUTS="+b.outputs,
		"RECEIVER_HOST="+b.receiver)
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return commandFailed(exit.ExitCode())
	}
	return err
}

func (b bench) token(account, user string) error {
	keys, err := issuer.Load(b.state)
	if err != nil {
		return err
	}
	token, err := keys.Sign(issuer.Claims(account, user, time.Now()))
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}

func (b bench) keys() error {
	keys, err := issuer.Load(b.state)
	if err != nil {
		return err
	}
	fmt.Println(keys.Keys())
	return nil
}
