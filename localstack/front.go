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
	"strconv"
	"strings"
	"syscall"
	"time"

	"plugboard/localstack/emulator"
	"plugboard/localstack/frontdoor"
	"plugboard/localstack/outputs"
)

// frontDoorAbove is how far the front door's port is above the emulator's: 8787 for 4566.
const frontDoorAbove = 8787 - 4566

// front serves the front door of what is deployed, until the process is ended.
func (b bench) front(ctx context.Context) error {
	out, err := outputs.Load(b.outputs)
	if err != nil {
		return err
	}
	handler, err := frontdoor.New(out)
	if err != nil {
		return err
	}
	_, address, _ := strings.Cut(out.ConsoleURL, "://")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("the outputs' address of the console: %w", err)
	}
	server := &http.Server{Addr: "127.0.0.1:" + port, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (b bench) frontPID() string { return filepath.Join(filepath.Dir(b.frontLog()), "front.pid") }
func (b bench) frontLog() string {
	return filepath.Join(b.state, strconv.Itoa(b.port), "front.log")
}

// openFront starts the front door as a process of its own, in place of the one that runs.
func (b bench) openFront(ctx context.Context, out outputs.Outputs) error {
	b.closeFront()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.Create(b.frontLog())
	if err != nil {
		return err
	}
	defer log.Close()
	door := exec.Command(program, "-port", strconv.Itoa(b.port), "-outputs", b.outputs, "front")
	door.Dir, door.Stdout, door.Stderr = b.root, log, log
	door.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := door.Start(); err != nil {
		return fmt.Errorf("start the front door: %w", err)
	}
	if err := os.WriteFile(b.frontPID(), []byte(strconv.Itoa(door.Process.Pid)), 0o600); err != nil {
		return errors.Join(err, door.Process.Kill())
	}
	ended := make(chan error, 1)
	go func() { ended <- door.Wait() }()
	address := strings.TrimPrefix(out.ConsoleURL, "http://")
	for range 100 {
		if conn, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			return conn.Close()
		}
		select {
		case <-ended:
			return fmt.Errorf("the front door at %s did not open: is the port in use? See %s", out.ConsoleURL,
				b.frontLog())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return fmt.Errorf("the front door at %s does not answer; see %s", out.ConsoleURL, b.frontLog())
}

// closeFront ends the front door that openFront started, if it runs.
func (b bench) closeFront() {
	text, err := os.ReadFile(b.frontPID())
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(string(text))
	if err == nil && emulator.Runs(pid, "front") {
		syscall.Kill(pid, syscall.SIGTERM)
	}
	os.Remove(b.frontPID())
}
