package deployed_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The partner's tutorial is run as it is printed, in one bash, twice: each run has names of its own and leaves nothing
// running. jq is a Go one (`go tool gojq`), so that no machine lacks it.
func TestTutorial_EveryCommandRunsAsPrintedAndAgain(t *testing.T) {
	for range 2 {
		port := freePort(t)
		said, err := runTutorial(t, port, deployed.outputs)
		if err != nil {
			t.Fatalf("the tutorial stopped: %v\n%s", err, said)
		}
		for _, want := range []string{"signed\n", "✓ attempt 1 of dlv_", "✓ Development hears evt_",
			"/data_fields/0/value", "/data_fields/1/custom_id", "exit code 7", "✓ version 1: listed",
			`+ /webhooks/0/event_types/1: "contract.declined"`, "event-type-added", "The tutorial is over."} {
			if !strings.Contains(said, want) {
				t.Errorf("the tutorial never said %q:\n%s", want, said)
			}
		}
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err != nil {
			t.Errorf("the tutorial's endpoint still listens: %v", err)
		} else {
			l.Close()
		}
	}
}

func TestTutorial_ARefusalEndsItWithItsReason(t *testing.T) {
	raw, err := os.ReadFile(deployed.outputs)
	must(t, err)
	wrong := filepath.Join(t.TempDir(), "outputs.json")
	must(t, os.WriteFile(wrong, regexp.MustCompile(`("platform_key": ")[^"]*`).ReplaceAll(raw, []byte("${1}wrong")),
		0o600))
	said, err := runTutorial(t, freePort(t), wrong)
	if err == nil || !strings.Contains(said, "(unauthenticated, request ") || strings.Contains(said, "null") ||
		strings.Contains(said, "is over") {
		t.Errorf("got %v, want an end with the reason:\n%s", err, said)
	}
}

// runTutorial runs the tutorial's commands in order, and gives what they said.
func runTutorial(t *testing.T, port, outputs string) (string, error) {
	t.Helper()
	root, err := filepath.Abs("../..")
	must(t, err)
	text, err := os.ReadFile(filepath.Join(root, "localstack", "tutorial", "README.md"))
	must(t, err)
	script := ""
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		script += block[1]
	}
	script += "\necho The tutorial is over.\n"

	temp := t.TempDir()
	shim := "#!/usr/bin/env bash\nexec go tool gojq \"$@\"\n"
	must(t, os.WriteFile(filepath.Join(temp, "jq"), []byte(shim), 0o755))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script)
	bash.Dir = root
	outputs, err = filepath.Abs(outputs)
	must(t, err)
	bash.Env = append(os.Environ(), "OUTPUTS="+outputs, "PORT="+port, "TMPDIR="+temp,
		"PATH="+temp+":"+os.Getenv("PATH"))
	// Its endpoint outlives a bash that is killed, unless the whole group goes.
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bash.Cancel = func() error { return syscall.Kill(-bash.Process.Pid, syscall.SIGKILL) }
	bash.WaitDelay = 10 * time.Second
	var said bytes.Buffer
	bash.Stdout, bash.Stderr = &said, &said
	err = bash.Run()
	return said.String(), err
}

// freePort is one that nothing listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
