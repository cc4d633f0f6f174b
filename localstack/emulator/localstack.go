package emulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// localstack is LocalStack in a container, by compose.yaml; the functions run in containers beside it.
type localstack struct{ place }

// Start fails when Docker is missing or not running, when another program has the port, and when LocalStack is not
// healthy within three minutes.
func (l localstack) Start(ctx context.Context) error {
	if err := os.MkdirAll(l.state, 0o700); err != nil {
		return fmt.Errorf("make the emulator's state folder: %w", err)
	}
	if out, err := exec.CommandContext(ctx, "docker", "compose", "version").CombinedOutput(); err != nil {
		return fmt.Errorf("EMULATOR=localstack needs Docker with its compose plugin: install them, or leave EMULATOR "+
			"out for "+
			"MiniStack, which needs none (%w: %s)", err, firstLine(out))
	}
	if out, err := exec.CommandContext(ctx, "docker", "info").CombinedOutput(); err != nil {
		return fmt.Errorf("EMULATOR=localstack needs a running Docker engine: start it, or leave EMULATOR out for "+
			"MiniStack, "+
			"which needs none (%w: %s)", err, firstLine(out))
	}
	running, _ := l.compose(ctx, "ps", "--quiet", "--status=running").Output()
	if len(running) == 0 && l.taken() {
		return l.errTaken()
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	out, err := l.compose(ctx, "up", "--detach", "--wait", "--quiet-pull").CombinedOutput()
	if err == nil {
		return nil
	}
	logs, _ := l.compose(context.WithoutCancel(ctx), "logs", "--no-color").CombinedOutput()
	if err := os.WriteFile(l.Log(), append(out, logs...), 0o600); err != nil {
		return fmt.Errorf("write LocalStack's log: %w", err)
	}
	return fmt.Errorf("LocalStack did not become healthy: %w; see %s", errors.Join(err, ctx.Err()), l.Log())
}

// Stop removes the container.
func (l localstack) Stop(ctx context.Context) error {
	if out, err := l.compose(ctx, "down", "--volumes").CombinedOutput(); err != nil {
		return fmt.Errorf("stop LocalStack: %w: %s", err, firstLine(out))
	}
	return nil
}

// compose has a project for each port.
func (l localstack) compose(ctx context.Context, args ...string) *exec.Cmd {
	project := []string{"compose", "--file", filepath.Join(l.folder, "compose.yaml"), "--project-name",
		fmt.Sprintf("plugboard-%d", l.port)}
	command := exec.CommandContext(ctx, "docker", append(project, args...)...)
	command.Env = append(os.Environ(), fmt.Sprintf("EMULATOR_PORT=%d", l.port))
	return command
}
