// Generate refreshes openapi.json, blueprint.schema.json and INVENTORY.md: `make inventory`.
package main

import (
	"fmt"
	"os"

	"plugboard/shared/contract/inventory"
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
	return inventory.Write(root)
}
