// Publish makes the current contract the released one: `make release-contract`. Its diff is what a reviewer of a
// release reads. The changelog's part of the version loses the mark that it is not released.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"plugboard/shared/contract"
	"plugboard/shared/contract/inventory"
	"plugboard/shared/contract/release"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	root, err := inventory.Root(".")
	if err != nil {
		return err
	}
	current := contract.OpenAPIJSON()
	words := filepath.Join(root, release.ChangelogFile)
	changelog, err := os.ReadFile(words)
	if err != nil {
		return err
	}
	file := filepath.Join(root, release.File)
	released, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist): // the first release
	case err != nil:
		return err
	default:
		if err := release.Allowed(released, current, changelog); err != nil {
			return err
		}
	}
	dated, err := release.Dated(changelog)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(file, current, 0o644), os.WriteFile(words, dated, 0o644))
}
