package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newRoot lays out the commands: one line each.
func newRoot(p *process, args []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "smtpdx",
		Short:         "Find out why mail settings (SMTP) do not work, and what to change",
		Long:          "smtpdx finds out why mail settings (SMTP) do not work, and what to change.\n\n\"check\" probes them step by step, from the name look-up to the permission to\nsend as a given address. It never sends a mail; \"send\" does.",
		Example:       "  smtpdx check smtp.example.com:587 -u me@example.com",
		Version:       versionNumber(),
		Args:          cobra.ArbitraryArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, rest []string) error { return firstContact(cmd, p, rest) },
	}
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	root.SetVersionTemplate("smtpdx {{.Version}}\n")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(printUsage)
	root.AddCommand(
		newCheck(p),
		newSend(p),
		newDeliver(p),
		newRedirect(p),
		newLab(p),
		newDemo(p),
		newPassword(p),
		newInit(p),
		newDiscover(p),
		newPresets(p),
		newExplain(p),
		newInspect(p),
		newToken(p),
		newReport(p),
		newCompare(p),
		newSchema(p),
		newMan(p),
		newVersion(p),
	)
	root.AddCommand(newTopics()...)
	root.SetHelpCommand(newHelp())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	return root
}

const firstScreen = `smtpdx finds out why mail settings (SMTP) do not work, and what to change.

  You have the settings      smtpdx check smtp.example.com:587 -u me@example.com
  You have only an address   smtpdx check me@example.com
  You have only an error     smtpdx explain "535 5.7.139 Authentication ..."
  You have nothing yet       smtpdx demo %s
  You write a mail client    smtpdx lab list

"check" sends no mail. The password is asked for when it is needed; it is never
shown, stored or written into a report.   All commands: smtpdx --help
`

// firstContact is smtpdx alone: what can be done with what the person has.
func firstContact(cmd *cobra.Command, p *process, rest []string) error {
	if len(rest) > 0 {
		return unknownCommand(cmd, rest[0])
	}
	if p.doubleClicked {
		return checkByDoubleClick(cmd.Context(), p)
	}
	_, err := fmt.Fprintf(p.out, firstScreen, wrongEncryption)
	return err
}

// unknownCommand does not repeat the word: it may be a pasted secret.
func unknownCommand(cmd *cobra.Command, word string) error {
	var names []string
	for _, c := range cmd.Commands() {
		if !c.IsAdditionalHelpTopicCommand() {
			names = append(names, c.Name())
		}
	}
	if near := nearest(word, names); near != "" {
		return usage("", "there is no such command; did you mean: smtpdx %s?", near)
	}
	return usage("If it is a server or a profile: smtpdx check HOST[:PORT] or smtpdx check NAME.\nAll commands: smtpdx --help",
		"the first word is no command")
}
