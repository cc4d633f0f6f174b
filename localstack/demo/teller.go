package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// teller writes the story. On a terminal a step that is under way shows that it lives; elsewhere it says so every
// few seconds, a line each.
type teller struct {
	out      io.Writer
	terminal bool

	mu      sync.Mutex
	details []string // of the step under way
}

func newTeller(out *os.File) *teller {
	about, err := out.Stat()
	return &teller{out: out, terminal: err == nil && about.Mode()&os.ModeCharDevice != 0}
}

// say writes a line.
func (t *teller) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.terminal {
		fmt.Fprint(t.out, clearLine)
	}
	fmt.Fprintf(t.out, format+"\n", args...)
}

// detail keeps a line for below the step that is under way.
func (t *teller) detail(format string, args ...any) {
	t.details = append(t.details, fmt.Sprintf("      "+format, args...))
}

// step does what doing names, and writes the sentence that comes of it, with the time that it took, and its details.
func (t *teller) step(doing string, do func() (string, error)) error {
	began := time.Now()
	stop := t.live(doing, began)
	done, err := do()
	stop()
	if err != nil {
		t.say("  ✗ %s", doing)
	} else {
		t.say("  ✓ %s  (%s)", done, seconds(time.Since(began)))
	}
	for _, d := range t.details {
		t.say("%s", d)
	}
	t.details = nil
	return err
}

const (
	clearLine   = "\r\x1b[K"
	spinEvery   = 100 * time.Millisecond
	remindEvery = 5 * time.Second
)

// live shows that a step is under way, until it is stopped.
func (t *teller) live(doing string, began time.Time) (stop func()) {
	every := remindEvery
	if t.terminal {
		every = spinEvery
	}
	ticker, done := time.NewTicker(every), make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for frame := 0; ; frame++ {
			select {
			case <-done:
				return
			case <-ticker.C:
				t.tick(doing, time.Since(began), frame)
			}
		}
	})
	return func() {
		ticker.Stop()
		close(done)
		ended.Wait()
	}
}

func (t *teller) tick(doing string, elapsed time.Duration, frame int) {
	if !t.terminal {
		t.say("  … %s (%s so far)", doing, seconds(elapsed))
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%s  %c %s … %s", clearLine, []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[frame%10], doing, seconds(elapsed))
}

func seconds(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
