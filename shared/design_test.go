// Package shared_test keeps DESIGN.md in step with the code.
package shared_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	ruleLine   = regexp.MustCompile(`(?m)^(\d+)\. (\(Not built yet\.\))?`)
	ruleTest   = regexp.MustCompile(`func TestRule(\d+)_`)
	ruleCited  = regexp.MustCompile(`\b[Rr]ules? (\d+)`)
	skippedDir = map[string]bool{"node_modules": true, "build": true, ".git": true, ".state": true, ".venv": true}
)

// rules is the numbers of DESIGN.md; true for a rule that is built.
func rules(t *testing.T) map[int]bool {
	t.Helper()
	page, err := os.ReadFile("DESIGN.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]bool{}
	for _, m := range ruleLine.FindAllStringSubmatch(string(page), -1) {
		n, _ := strconv.Atoi(m[1])
		if _, twice := all[n]; twice {
			t.Errorf("DESIGN.md states rule %d twice", n)
		}
		all[n] = m[2] == ""
	}
	if len(all) < 27 {
		t.Fatalf("DESIGN.md states %d rules; the page or this test's pattern is broken", len(all))
	}
	return all
}

// goFiles calls visit with every Go file of the module.
func goFiles(t *testing.T, visit func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skippedDir[d.Name()]:
			return filepath.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			visit(path, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestDesign_EveryRuleIsNamedByATest(t *testing.T) {
	tested := map[int]bool{}
	goFiles(t, func(path, text string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range ruleTest.FindAllStringSubmatch(text, -1) {
			n, _ := strconv.Atoi(m[1])
			tested[n] = true
		}
	})
	for n, built := range rules(t) {
		switch {
		case built && !tested[n]:
			t.Errorf("no test is named TestRule%d_…", n)
		case !built && tested[n]:
			t.Errorf("TestRule%d_… exists, and DESIGN.md says that rule %d is not built yet", n, n)
		}
	}
}

func TestDesign_EveryCitedRuleIsStated(t *testing.T) {
	stated := rules(t)
	goFiles(t, func(path, text string) {
		numbers := append(ruleCited.FindAllStringSubmatch(text, -1), ruleTest.FindAllStringSubmatch(text, -1)...)
		for _, m := range numbers {
			if n, _ := strconv.Atoi(m[1]); !hasRule(stated, n) {
				t.Errorf("%s cites rule %s, which DESIGN.md does not state", path, m[1])
			}
		}
	})
}

func hasRule(stated map[int]bool, n int) bool {
	_, ok := stated[n]
	return ok
}
