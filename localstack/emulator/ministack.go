package emulator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ministack is MiniStack as a process in a session of its own, with the functions as its children. It runs from
// the venv that the Makefile installs, and holds everything in memory.
type ministack struct{ place }

func (m ministack) pidFile() string   { return filepath.Join(m.state, "pid") }
func (m ministack) temporary() string { return filepath.Join(m.state, "tmp") }

// Start fails when another program has the port, and when MiniStack ends or does not answer within a minute.
func (m ministack) Start(ctx context.Context) error {
	if m.pid() != 0 && Healthy(ctx, m.Endpoint()) {
		return nil
	}
	if err := m.Stop(ctx); err != nil { // it hangs
		return err
	}
	if m.taken() {
		return m.errTaken()
	}
	if err := os.MkdirAll(m.temporary(), 0o700); err != nil {
		return fmt.Errorf("make the emulator's state folder: %w", err)
	}
	log, err := os.Create(m.Log())
	if err != nil {
		return fmt.Errorf("make the emulator's log: %w", err)
	}
	defer log.Close()

	program := exec.Command(filepath.Join(m.folder, ".state", "venv", "bin", "ministack"))
	program.Stdout, program.Stderr = log, log
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	program.Env = []string{ // nothing else, because the functions inherit it
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + m.temporary(), "LANG=C.UTF-8",
		"BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1", fmt.Sprintf("GATEWAY_PORT=%d", m.port),
		"AWS_ENDPOINT_URL=" + m.Endpoint(), // without it the functions would call the real AWS
		"IOT_MTLS_ENABLED=0",
	}
	if err := program.Start(); err != nil {
		return fmt.Errorf("start MiniStack: %w", err)
	}
	if err := os.WriteFile(m.pidFile(), []byte(strconv.Itoa(program.Process.Pid)), 0o600); err != nil {
		return errors.Join(fmt.Errorf("note MiniStack's process id: %w", err), program.Process.Kill())
	}
	ended := make(chan struct{})
	go func() { program.Wait(); close(ended) }()

	alive, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-ended:
			stop()
		case <-alive.Done():
		}
	}()
	if until(alive, time.Minute, func() bool { return Healthy(alive, m.Endpoint()) }) {
		return nil
	}
	select {
	case <-ended:
		return fmt.Errorf("MiniStack ended as soon as it was started; see %s", m.Log())
	default:
		m.kill(program.Process.Pid)
		return fmt.Errorf("MiniStack did not answer on port %d within a minute; see %s", m.port, m.Log())
	}
}

// Stop terminates the process, and kills it after ten seconds.
func (m ministack) Stop(ctx context.Context) error {
	if pid := m.pid(); pid != 0 {
		syscall.Kill(-pid, syscall.SIGTERM)
		if !until(ctx, 10*time.Second, func() bool { return m.pid() == 0 }) {
			m.kill(pid)
		}
	}
	return errors.Join(os.RemoveAll(m.temporary()), os.RemoveAll(m.pidFile()))
}

// kill ends the process with the functions that it runs.
func (m ministack) kill(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }

// pid is 0 unless the process that Start noted still runs; another program may have its number since.
func (m ministack) pid() int {
	text, err := os.ReadFile(m.pidFile())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		return 0
	}
	if !Runs(pid, "ministack") {
		return 0
	}
	return pid
}

// Runs tells whether the process is there and has the word in its command line.
func Runs(pid int, word string) bool {
	about, err := exec.Command("ps", "-o", "stat=,args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(string(about), "Z") && strings.Contains(string(about), word)
}
