// Command startup prints the size of each function's bootstrap, and the time from process start until it asks for
// work, as Lambda counts it. It runs on this machine, with a Runtime API that never has work.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"plugboard/localstack/issuer"
	"plugboard/shared/contract"
)

// rounds are started for each function; the median counts.
const rounds = 7

// A function must be ready without any call.
const nowhere = "http://127.0.0.1:1"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "startup:", err)
		os.Exit(1)
	}
}

func run(folders []string) error {
	keys, err := issuer.Load(filepath.Join("localstack", ".state"))
	if err != nil {
		return err
	}
	// What the arrows of infra/stack.go set, all of it for each.
	env := []string{
		"AWS_ENDPOINT_URL=" + nowhere, "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"STAGE=local", "ALLOW_PRIVATE_TARGETS=true", "ACCOUNTS_TABLE=accounts", "DELIVERIES_TABLE=deliveries",
		"PROVISIONS_QUEUE_URL=" + nowhere + "/provisions", "DELIVERIES_QUEUE_URL=" + nowhere + "/deliveries",
		"FANOUT_FUNCTION=fanout", "SLOW_DELIVERIES_QUEUE_URL=" + nowhere + "/slow-deliveries",
		"REPLAYS_QUEUE_URL=" + nowhere + "/replays",
		"SEALING_KEY_ARN=sealing", "PLATFORM_KEY_SECRET=platform-key", "CURSOR_KEY_SECRET=cursor-key",
		"CALLER_REQUESTS_PER_SECOND=1000",
		"CONSOLE_ADDRESS=http://localhost:8787", "OIDC_AUTHORIZATION_URL=" + nowhere, "OIDC_TOKEN_URL=" + nowhere,
		"OIDC_ISSUER=" + issuer.Name, "OIDC_AUDIENCE=" + issuer.Audience, "OIDC_JWKS=" + keys.Keys(),
	}
	fmt.Printf("%-14s %8s %9s\n", "function", "MB", "ready ms")
	for _, folder := range folders {
		bootstrap := filepath.Join(folder, "bootstrap")
		file, err := os.Stat(bootstrap)
		if err != nil {
			return err
		}
		var took []time.Duration
		for range rounds {
			ready, err := measure(bootstrap, env)
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(folder), err)
			}
			took = append(took, ready)
		}
		slices.Sort(took)
		fmt.Printf("%-14s %8.1f %9.1f\n", filepath.Base(folder), float64(file.Size())/1e6,
			float64(took[rounds/2].Microseconds())/1000)
		if most := mostBytes(contract.Function(filepath.Base(folder))); file.Size() > most {
			return fmt.Errorf("%s is larger than %.1f MB: see with `go tool nm -size -sort size` which package "+
				"is new, "+
				"and whether the linker still leaves unused methods out", filepath.Base(folder), float64(most)/1e6)
		}
	}
	return nil
}

// Limits of a bootstrap, in bytes. A size is the same on every machine, so it can be held as a limit; a time cannot.
const (
	mostWorkerBytes = 14_000_000

	// Huma's generic code takes some 20 KB for each of a function's operations (40 in contracts), and the tables of
	// IDNA and Unicode normalisation 0.13 MB.
	mostHTTPBytes = 15_500_000

	// The console holds five functions' services and html/template, which calls methods by name: the linker keeps them
	// all.
	mostConsoleBytes = 27_000_000
)

func mostBytes(f contract.Function) int64 {
	switch {
	case f == contract.Console:
		return mostConsoleBytes
	case slices.Contains(contract.Functions, f):
		return mostHTTPBytes
	}
	return mostWorkerBytes
}

// measure starts the bootstrap, and kills it when it is ready. It fails after ten seconds, and when the process ends
// before.
func measure(bootstrap string, env []string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	ready := make(chan time.Time, 1)
	api := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/2018-06-01/runtime/invocation/next" {
			w.WriteHeader(http.StatusAccepted) // an error report; the process ends after it
			return
		}
		select {
		case ready <- time.Now():
		default:
		}
		<-r.Context().Done()
	})}
	go api.Serve(listener)
	defer api.Close()

	program := exec.CommandContext(ctx, bootstrap)
	program.Env = append(env, "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String())
	program.Stderr = os.Stderr
	began := time.Now()
	if err := program.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- program.Wait() }()
	select {
	case at := <-ready:
		cancel()
		<-ended
		return at.Sub(began), nil
	case err := <-ended:
		return 0, errors.Join(errors.New("the bootstrap ended before it was ready"), err)
	}
}
