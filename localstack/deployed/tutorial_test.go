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

// The partner's tutorial is run as it is printed, in one bash, with names that the stack has not seen. jq is a Go
// one (`go tool gojq`), so that no machine lacks it.
func TestTutorial_EveryCommandRunsAsPrinted(t *testing.T) {
	root, err := filepath.Abs("../..")
	must(t, err)
	text, err := os.ReadFile(filepath.Join(root, "localstack", "tutorial", "README.md"))
	must(t, err)
	tutorial := string(text)
	for _, name := range []string{"acme-dev", "acme-orders", "nordic-shop"} {
		if !strings.Contains(tutorial, name) {
			t.Fatalf("the tutorial no longer says %s: name here what it does", name)
		}
		tutorial = strings.ReplaceAll(tutorial, name, unique(name))
	}
	script := "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n"
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(tutorial, -1)
	for _, b := range blocks {
		script += b[1]
	}
	script += "\necho The tutorial is over.\n"

	temp := t.TempDir()
	shim := "#!/usr/bin/env bash\nexec go tool gojq \"$@\"\n"
	must(t, os.WriteFile(filepath.Join(temp, "jq"), []byte(shim), 0o755))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script)
	bash.Dir = root
	outputs, err := filepath.Abs(deployed.outputs)
	must(t, err)
	bash.Env = append(os.Environ(), "OUTPUTS="+outputs, "PORT="+freePort(t), "TMPDIR="+temp, "PATH="+temp+":"+os.Getenv("PATH"))
	// Its endpoint outlives a bash that is killed, unless the whole group goes.
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	bash.Cancel = func() error { return syscall.Kill(-bash.Process.Pid, syscall.SIGKILL) }
	bash.WaitDelay = 10 * time.Second
	var said bytes.Buffer
	bash.Stdout, bash.Stderr = &said, &said
	if err := bash.Run(); err != nil {
		t.Fatalf("the tutorial stopped: %v\n%s", err, said.String())
	}
	for _, want := range []string{"signed\n", "delivered", "/data_fields/0/value", "/data_fields/1/custom_id", "event-type-added", "The tutorial is over."} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the tutorial never said %q:\n%s", want, said.String())
		}
	}
}

// freePort is one that nothing listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
