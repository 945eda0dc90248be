package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe"
)

func newVersion(p *process) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version",
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(p.out, "smtpdx %s\n", versionNumber())
			return err
		},
	}
}

// versionNumber is the release's, else what the Go toolchain wrote into the binary.
func versionNumber() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

func tool() probe.Tool { return probe.Tool{Name: "smtpdx", Version: versionNumber()} }
