package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func newMan(p *process) *cobra.Command {
	return &cobra.Command{
		Use:   "man [DIR]",
		Short: "Write the man pages to a folder, or print the first one",
		Long:  "Writes a man page for every command to the folder DIR, which is made if it is\nnot there. Without DIR, the page of smtpdx itself goes to standard output:\n\n  smtpdx man | man -l -",
		Args:  atMostOneArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return doc.GenMan(manual(cmd), manHeader(), p.out)
			}
			return writeMan(manual(cmd), args[0])
		},
	}
}

func writeMan(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder for the man pages: %w", err)
	}
	if err := doc.GenManTree(root, manHeader(), dir); err != nil {
		return fmt.Errorf("write the man pages: %w", err)
	}
	return nil
}

// manual is the root command, without the remark on what made the pages.
func manual(cmd *cobra.Command) *cobra.Command {
	root := cmd.Root()
	root.DisableAutoGenTag = true
	for _, c := range root.Commands() {
		c.DisableAutoGenTag = true
		for _, sub := range c.Commands() {
			sub.DisableAutoGenTag = true
		}
	}
	return root
}

// manHeader dates the pages by the commit, so that the same source gives the
// same pages; SOURCE_DATE_EPOCH, which the generator reads itself, goes before.
func manHeader() *doc.GenManHeader {
	header := &doc.GenManHeader{Section: "1", Source: "smtpdx " + versionNumber(), Manual: "User commands"}
	if info, ok := debug.ReadBuildInfo(); ok && os.Getenv("SOURCE_DATE_EPOCH") == "" {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); s.Key == "vcs.time" && err == nil {
				header.Date = &t
			}
		}
	}
	return header
}
