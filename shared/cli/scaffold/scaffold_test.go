package scaffold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"plugboard/shared/cli/scaffold"
)

// runners test a scaffold with what this machine has. Node.js runs TypeScript since 22.18; infra has a newer one.
var runners = map[string][][]string{
	"go":         {{"go", "test", "-count=1", "."}},
	"python":     {{"python3", "-m", "unittest"}},
	"typescript": {{"../../../infra/node_modules/.bin/node", "--test"}, {"node", "--test"}},
}

func TestFiles_TheTestOfEachLanguagePasses(t *testing.T) {
	for _, language := range scaffold.Languages() {
		dir := write(t, language)
		command := runner(t, language)
		if command == nil {
			t.Logf("%s: nothing on this machine runs it", language)
			continue
		}
		if said, err := run(dir, command); err != nil {
			t.Errorf("%s: %v\n%s", language, err, said)
			continue
		}
		// A test that passes whatever the endpoint does proves nothing.
		for _, broken := range [][2]string{{"401", "204"}, {"http.StatusUnauthorized", "204"},
			{"removeprefix", "removesuffix"}} {
			breakFile(t, dir, broken)
		}
		if said, err := run(dir, command); err == nil {
			t.Errorf("%s: the test passes with an endpoint that verifies nothing:\n%s", language, said)
		}
	}
}

func write(t *testing.T, language string) string {
	t.Helper()
	files, err := scaffold.Files(
		language,
		scaffold.Names{Slug: "acme-crm", Name: "Acme CRM", Schema: "x", URL: "https://a.example"},
	)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// runner is the command that runs a language's test here, or nil.
func runner(t *testing.T, language string) []string {
	t.Helper()
	for _, command := range runners[language] {
		path, err := exec.LookPath(command[0])
		if err != nil {
			continue
		}
		if path, err = filepath.Abs(path); err != nil {
			t.Fatal(err)
		}
		if language == "typescript" && exec.Command(path, "--experimental-strip-types", "--eval", "").Run() != nil {
			continue // an older Node.js
		}
		return append([]string{path}, command[1:]...)
	}
	return nil
}

func run(dir string, command []string) (string, error) {
	c := exec.Command(command[0], command[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "PYTHONDONTWRITEBYTECODE=1")
	said, err := c.CombinedOutput()
	return string(said), err
}

// breakFile changes the endpoint, and not its test.
func breakFile(t *testing.T, dir string, change [2]string) {
	t.Helper()
	all, _ := filepath.Glob(filepath.Join(dir, "endpoint.*"))
	for _, path := range all {
		if strings.Contains(path, "test") {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), change[0], change[1])), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
