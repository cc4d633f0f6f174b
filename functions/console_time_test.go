package functions_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// consoleTests is from when to when the tests of the console ran. Tests with a world run side by side, so that a sum of
// their times would say nothing.
var consoleTests struct {
	sync.Mutex
	began, ended time.Time
}

func noteConsoleTime(t testing.TB) {
	consoleTests.Lock()
	defer consoleTests.Unlock()
	if consoleTests.began.IsZero() {
		consoleTests.began = time.Now()
	}
	t.Cleanup(func() {
		consoleTests.Lock()
		defer consoleTests.Unlock()
		consoleTests.ended = time.Now()
	})
}

// writeConsoleTime writes how long they took, for `make test` to print.
func writeConsoleTime() {
	if consoleTests.began.IsZero() {
		return
	}
	folder := filepath.Join("..", "build", "pages")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	text := fmt.Sprintf("The tests of the console took %s, of 8 minutes at most.\n",
		consoleTests.ended.Sub(consoleTests.began).Round(time.Second))
	if err := os.WriteFile(filepath.Join(folder, "time.txt"), []byte(text), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
