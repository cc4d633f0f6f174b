// Publish makes the current contract the released one: `make release-contract`. Its diff is what a reviewer of a
// release reads.
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
	current, err := contract.EncodeOpenAPI()
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
		if err := release.Allowed(released, current); err != nil {
			return err
		}
	}
	return os.WriteFile(file, current, 0o644)
}
