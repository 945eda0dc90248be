package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/report"
)

// newTopics are texts that "help NAME" shows; they are no commands.
func newTopics() []*cobra.Command {
	topic := func(name, short, text string) *cobra.Command {
		return &cobra.Command{Use: name, Short: short, Long: strings.TrimRight(text, "\n")}
	}
	return []*cobra.Command{
		topic("exit-codes", "What each exit code means", exitCodesTopic()),
		topic("settings", "Every key of the settings file, with its flag and variable", settingsTopic()),
		topic("environment", "The variables that are looked at", environmentTopic),
		topic("output", "What goes where, and in which formats", outputTopic()),
	}
}

// newHelp is "help", which knows the topics too and says when there is none.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Help about a command or a topic",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return helpNames(cmd.Root(), args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usage("smtpdx --help", "there is no such command or topic")
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// helpNames are what help can be had about, below what was typed already.
func helpNames(root *cobra.Command, args []string) []cobra.Completion {
	at, rest, err := root.Find(args)
	if err != nil || len(rest) > 0 {
		return nil
	}
	var names []cobra.Completion
	for _, c := range at.Commands() {
		if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
		}
	}
	return names
}

// exitCode is a row of the table of exit codes.
type exitCode struct {
	codes string
	text  string
}

// exitCodes are all there are, as the README has them too.
func exitCodes() []exitCode {
	return []exitCode{
		{"0", "passed; warnings too, unless --strict"},
		{"1", "smtpdx itself failed"},
		{"2", "command line or settings; nothing was contacted"},
		{"3", "warnings under --strict"},
		{"4", "nothing found (discover, presets, explain); inspect: unclear"},
		{"5", "several profiles failed in different ways"},
		{"6", "worse than before (compare, --baseline)"},
		{"10", "dns"},
		{"11", "tcp"},
		{"12", "greeting"},
		{"13", "ehlo, ehlo-tls"},
		{"14", "starttls, tls"},
		{"15", "certificate"},
		{"16", "auth; token: not signed in, or the token would be refused"},
		{"17", "sender"},
		{"18", "message, also when one of several recipients is refused"},
		{"19", "delivery: it did not arrive, or the mailbox could not be read"},
		{"20", "redirect, inspect: the original sender is lost, or the message came back"},
		{"130", "interrupted; the report so far is printed"},
	}
}

func exitCodesTopic() string {
	var b strings.Builder
	b.WriteString("Exit codes; from 10 on the step that failed:\n\n")
	for _, c := range exitCodes() {
		fmt.Fprintf(&b, "  %-4s %s\n", c.codes, c.text)
	}
	b.WriteString("\nWith -o nagios they are 0 OK, 1 WARNING, 2 CRITICAL and 3 UNKNOWN.\n")
	return b.String()
}

// settingsTopic has the words of the schema, so that both say the same.
func settingsTopic() string {
	var b strings.Builder
	b.WriteString(`Settings come from flags, then from variables, then from the settings file, then
from a preset; the first that has a value wins. The file is ./smtpdx.yaml, then
smtpdx/smtpdx.yaml in the user's configuration folder, or the one after -c. It
holds one profile, or several below "profiles:", each with a name, and what they
share below "defaults:". "smtpdx init" writes one.

The variable of a key is SMTPDX_ and the key in capitals; the flag is the key
with dashes, for family -4 or -6, and for password and token one that says where
it is (--password-env NAME, ...). "smtpdx schema settings" prints the JSON
Schema.

`)
	words := settingsWords()
	for _, key := range profile.Keys() {
		for i, line := range wrapWords(words[key], plainWidth-25) {
			name := ""
			if i == 0 {
				name = key
			}
			fmt.Fprintf(&b, "  %-21s %s\n", name, line)
		}
	}
	return b.String()
}

// settingsWords are the descriptions in the schema of the settings file, by key.
func settingsWords() map[string]string {
	var schema struct {
		Defs struct {
			Profile struct {
				Properties map[string]struct{ Description string }
			}
		} `json:"$defs"`
	}
	words := map[string]string{}
	if json.Unmarshal(report.Schema("smtpdx.settings/v1"), &schema) != nil {
		return words
	}
	for key, value := range schema.Defs.Profile.Properties {
		words[key] = value.Description
	}
	return words
}

const environmentTopic = `Variables that smtpdx looks at. An empty one counts as unset.

  SMTPDX_HOST, SMTPDX_PORT, ...  every key of "smtpdx help settings"
  SMTPDX_PASSWORD                the password; SMTPDX_PASSWORD_FILE a file
  SMTPDX_TOKEN                   the OAuth token; SMTPDX_TOKEN_FILE a file
  CI                             nothing is asked, as with --no-input
  NO_COLOR, CLICOLOR, TERM       no colour: set, 0, dumb
  COLUMNS                        width of the text, before the terminal's own
  LC_ALL, LC_CTYPE, LANG         whether more than ASCII can be shown
  GITHUB_STEP_SUMMARY            where -o github writes the job summary
  HTTPS_PROXY, NO_PROXY          way to the identity server of an OAuth token
  SOURCE_DATE_EPOCH              date of the man pages

SMTPDX_PASSWORD and SMTPDX_TOKEN go to a server that a variable or the settings
file names. To one that the command line names they go only when it names them
too: --password-env SMTPDX_PASSWORD.`

func outputTopic() string {
	return `Results go to standard output; progress, notes and errors to standard error. With
a format for machines the verdict stands on standard error too.

  -o FORMAT      ` + strings.Join(wrapWords(strings.Join(formats(), ", ")+" (default text)", plainWidth-17), "\n                 ") + `
  --report FILE  also write a file, its format by its ending
                 (` + strings.Join(endings(), " ") + `)
                 or as FORMAT=FILE; repeatable
  -q             one line a result:
                   pass|warn|fail NAME [STEP CAUSE: TITLE]
  -v             with every line of the dialogue, credentials hidden

A saved report (json, jsonl) is printed in another format by "smtpdx report", and
compared with another one by "smtpdx compare". "smtpdx schema NAME" prints the
JSON Schema of each document. No secret is in any of them.`
}
