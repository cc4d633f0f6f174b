package outputs_test

import (
	"os"
	"path/filepath"
	"testing"

	"plugboard/localstack/outputs"
)

func TestSave_MakesItsFolderAndKeepsTheKeyToTheOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "outputs.json")
	for _, key := range []string{"first", "second"} {
		if err := (outputs.Outputs{PlatformKey: key}).Save(path); err != nil {
			t.Fatal(err)
		}
		got, err := outputs.Load(path)
		if err != nil || got.PlatformKey != key {
			t.Errorf("read back %q, %v; want %q", got.PlatformKey, err, key)
		}
	}
	about, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := about.Mode().Perm(); mode != 0o600 {
		t.Errorf("the file's mode is %o, want 600", mode)
	}
}
