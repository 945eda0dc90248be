// Command gen writes index_gen.go, the look-up tables over data/*.yaml. For
// whoever changes a provider: run `go generate ./presets`.
package main

import (
	"log"
	"os"

	"github.com/smtpdx/smtpdx/presets/internal/index"
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// run works in presets, where go generate starts it.
func run() error {
	all, err := index.Read(os.DirFS("data"))
	if err != nil {
		return err
	}
	text, err := index.Source(all)
	if err != nil {
		return err
	}
	return os.WriteFile("index_gen.go", text, 0o644) //nolint:gosec // source code is for everyone
}
