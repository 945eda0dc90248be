// Command notices writes the third-party notices of a release: the licence of
// every module that is linked into smtpdx on any release target, and of Go
// itself. It is for whoever packages smtpdx, and it fails, writing nothing,
// when a licence is missing or not one that the project accepts.
//
//	go run -C .ci/notices . -C ../.. -o ../../.release/THIRD_PARTY_NOTICES.txt ./cmd/smtpdx linux/amd64 windows/arm64 …
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("C", ".", "the module's folder")
	out := flag.String("o", "", "the file to write; standard output when empty")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: notices [-C DIR] [-o FILE] PACKAGE GOOS/GOARCH...")
		os.Exit(2)
	}
	if err := run(*dir, *out, flag.Arg(0), flag.Args()[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(dir, out, pkg string, targets []string) error {
	modules, err := linked(dir, pkg, targets)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := write(&text, modules); err != nil {
		return err
	}
	if out == "" {
		_, err := os.Stdout.Write(text.Bytes())
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(out, text.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Printf("third-party notices: %d modules\n", len(modules))
	for _, m := range modules {
		fmt.Println(" ", m.name())
	}
	return nil
}
