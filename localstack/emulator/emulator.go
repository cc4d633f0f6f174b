// Package emulator starts and stops an emulator of AWS on this machine: MiniStack as a process, or LocalStack by
// Docker Compose. All its files, the log included, are in its state folder.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// Emulator is an emulator on a port of this machine. Two on different ports are independent.
type Emulator interface {
	// Start returns when the emulator answers, within a minute (three for Docker's first download). A running
	// emulator of an earlier Start stays. Its error names the log.
	Start(ctx context.Context) error
	// Stop ends the emulator and everything deployed to it; its log stays. Without a running emulator it does
	// nothing.
	Stop(ctx context.Context) error
	Endpoint() string
	Log() string
}

// New is the emulator of a kind, "ministack" or "localstack"; folder is localstack/ of this checkout.
func New(kind, folder string, port int) (Emulator, error) {
	at := place{port: port, folder: folder, state: filepath.Join(folder, ".state", fmt.Sprint(port))}
	switch kind {
	case "ministack":
		return ministack{at}, nil
	case "localstack":
		return localstack{at}, nil
	}
	return nil, fmt.Errorf("there is no emulator %q: EMULATOR is ministack or localstack", kind)
}

// place is an emulator's port and state folder.
type place struct {
	port          int
	folder, state string
}

func (p place) Endpoint() string { return fmt.Sprintf("http://127.0.0.1:%d", p.port) }
func (p place) Log() string      { return filepath.Join(p.state, "emulator.log") }

// taken is true when a program listens on the port.
func (p place) taken() bool {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", p.port), time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func (p place) errTaken() error {
	return fmt.Errorf("port %d is in use by another program: end that one, or choose another port with "+
		"EMULATOR_PORT=%d (for "+
		"`make test`: TEST_PORT); "+
		"if it is an emulator that you want to use, pass AWS_ENDPOINT_URL=%s", p.port, p.port+1, p.Endpoint())
}

// Healthy is true when an emulator answers there. Both kinds have LocalStack's health path.
func Healthy(ctx context.Context, endpoint string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_localstack/health", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// ErrDied is the cause when Watch cancels a context.
var ErrDied = errors.New("the emulator stopped answering")

// Watch cancels the context when the emulator has not answered for 30 seconds, so that nobody waits for a dead one.
func Watch(ctx context.Context, endpoint string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		seen := time.Now()
		for ctx.Err() == nil {
			if Healthy(ctx, endpoint) {
				seen = time.Now()
			} else if time.Since(seen) > 30*time.Second {
				cancel(ErrDied)
			}
			wait(ctx, time.Second)
		}
	}()
	return ctx, func() { cancel(nil) }
}

// until polls the condition; false when the deadline or the context ends first.
func until(ctx context.Context, deadline time.Duration, condition func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	for !condition() {
		if !wait(ctx, 100*time.Millisecond) {
			return false
		}
	}
	return true
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// firstLine is the first line of a failed program's output.
func firstLine(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
