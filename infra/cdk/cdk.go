// Package cdk runs this checkout's CDK CLI and tells how far a deployment is.
package cdk

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// CLI is the CDK CLI that package.json pins.
type CLI struct {
	Infra    string    // the folder infra of the checkout
	Env      []string  // beside this process's own environment
	Output   io.Writer // gets all that the CLI prints
	Progress io.Writer // gets a line every few seconds
}

// Run runs the CLI in the folder; a folder without cdk.json has no app. It ends when the context does, with the
// context's cause.
func (c CLI) Run(ctx context.Context, folder string, args ...string) error {
	command := exec.CommandContext(ctx, filepath.Join(c.Infra, "node_modules", ".bin", "cdk"),
		append(args, "--no-notices")...)
	command.Dir = folder
	// CI: no colours, no cursor movements
	command.Env = append(os.Environ(), "CDK_DISABLE_CLI_TELEMETRY=true", "CI=true")
	command.Env = append(command.Env, c.Env...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	lines, writer := io.Pipe()
	command.Stdout = io.MultiWriter(c.Output, writer)
	command.Stderr = command.Stdout
	done := make(chan struct{})
	go func() { c.tell(lines); close(done) }()
	err := command.Run()
	writer.Close()
	<-done
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return fmt.Errorf("cdk %s: %w", args[0], err)
	}
	return nil
}

// event is the CLI's line for a resource: `plugboard-local | 24/84 | 6:22:30 AM | CREATE_COMPLETE | AWS::SQS::Queue |
// …`.
var event = regexp.MustCompile(`^plugboard-[a-z]+ \| +(\d+)/(\d+) \|.*\| [A-Z]+_COMPLETE`)

// between is the least time between two lines of progress.
const between = 3 * time.Second

func (c CLI) tell(lines io.Reader) {
	told := time.Now()
	scanner := bufio.NewScanner(lines)
	for scanner.Scan() {
		if at := event.FindStringSubmatch(scanner.Text()); at != nil && time.Since(told) > between {
			fmt.Fprintf(c.Progress, "  … %s of %s resources\n", at[1], at[2])
			told = time.Now()
		}
	}
	io.Copy(io.Discard, lines) // a line too long for the scanner must not block the CLI
}
