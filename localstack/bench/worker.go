package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// work works the load, given as JSON, against the stub at AWS_ENDPOINT_URL, batch after batch, as a Lambda does. Each
// line of its input names a duration to work for and gets an answer. At the end of the input it prints the result.
func work(ctx context.Context, args []string) error {
	var l load
	if len(args) != 1 {
		return errors.New("worker takes one load")
	}
	if err := json.Unmarshal([]byte(args[0]), &l); err != nil {
		return err
	}
	w := newWorker(l)
	make, known := kinds[l.Kind]
	if !known {
		return fmt.Errorf("no load is of the kind %q", l.Kind)
	}
	var err error
	if w.next, err = make(w, ctx); err != nil {
		return err
	}
	// One-time work of a process (connections, data keys, first reads) is not measured.
	first, err := w.next()
	if err != nil {
		return err
	}
	if _, err := first(); err != nil {
		return err
	}
	w.result = result{}
	strays := strayGoroutines()
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); fmt.Println("done") {
		turn, err := time.ParseDuration(lines.Text())
		if err != nil {
			return err
		}
		if err := w.turn(ctx, turn); err != nil {
			return err
		}
	}
	w.result.Resident = resident()
	// goroutines that end by themselves, such as an abandoned dial
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := strayGoroutines()
		w.result.Goroutines = len(left) - len(strays)
		if w.result.Goroutines <= 0 {
			break
		}
		if time.Now().After(deadline) {
			fmt.Fprintln(os.Stderr, strings.Join(left, "\n\n"))
			break
		}
	}
	return json.NewEncoder(os.Stdout).Encode(w.result)
}

type worker struct {
	load
	aws    string
	body   []byte
	log    logged
	next   func() (batch, error)
	ready  []batch
	result result
}

// batch is one invocation. It returns its number of deliveries.
type batch func() (int, error)

// ahead is how many batches are made before they are worked. Making them is not measured.
const ahead = 4

func newWorker(l load) *worker {
	return &worker{load: l, aws: os.Getenv("AWS_ENDPOINT_URL"), body: body(l.Body)}
}

// body is an event's, of so many bytes.
func body(size int) []byte {
	frame := `{"id":"evt_01jd3zq8v5w0c2m9x7r4t6y1ab","type":"contract.signed","timestamp":"2026-11-24T09:30:00Z",` +
		`"data":{"note":"%s"}}`
	return fmt.Appendf(nil, frame, strings.Repeat("x", max(0, size-len(frame))))
}

// turn works batches off for so long.
func (w *worker) turn(ctx context.Context, long time.Duration) error {
	for end := w.result.Wall + long; w.result.Wall < end && ctx.Err() == nil; {
		for len(w.ready) < ahead {
			b, err := w.next()
			if err != nil {
				return err
			}
			w.ready = append(w.ready, b)
		}
		if _, err := take[counts](w.aws, "counts"); err != nil { // of making the batches
			return err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		logged, cpu, began := w.log.bytes, cpuTime(), time.Now()
		for len(w.ready) > 0 && time.Since(began) < end-w.result.Wall {
			n, err := w.ready[0]()
			if err != nil {
				return err
			}
			w.ready = w.ready[1:]
			w.result.Deliveries += n
			w.result.Batches++
		}
		w.result.CPU += cpuTime() - cpu
		w.result.Wall += time.Since(began)
		runtime.ReadMemStats(&after)
		w.result.Mallocs += after.Mallocs - before.Mallocs
		w.result.Logged += w.log.bytes - logged
		counted, err := take[counts](w.aws, "counts")
		if err != nil {
			return err
		}
		w.result.Counts.add(counted)
	}
	return ctx.Err()
}

// take reads and resets a value of the stub.
func take[T any](aws, name string) (kept T, err error) {
	response, err := http.Post(aws+"/"+name, "", nil)
	if err != nil {
		return kept, err
	}
	defer response.Body.Close()
	return kept, json.NewDecoder(response.Body).Decode(&kept)
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resident is the most memory that this process had.
func resident() int64 {
	raw, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	kilobytes, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64)
	return kilobytes << 10
}

// strayGoroutines are the stacks of all goroutines that do not keep a connection open.
func strayGoroutines() []string {
	all := make([]byte, 1<<20)
	stacks := strings.Split(string(all[:runtime.Stack(all, true)]), "\n\n")
	return slices.DeleteFunc(stacks, func(stack string) bool {
		return strings.Contains(stack, "net/http.(*persistConn)") ||
			strings.Contains(stack, "net/http.(*http2clientConnReadLoop)")
	})
}

// logged counts the bytes of the log.
type logged struct {
	*os.File
	bytes int64
}

func (l *logged) Write(line []byte) (int, error) {
	n, err := l.File.Write(line)
	l.bytes += int64(n) // slog and metric write one line at a time, each under its own lock
	return n, err
}
