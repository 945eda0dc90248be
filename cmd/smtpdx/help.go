package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// groupKey marks the group of a flag in the help.
const groupKey = "smtpdx_group"

// inGroup adds flags under a heading of the help.
func inGroup(flags *pflag.FlagSet, heading string, add func(*pflag.FlagSet)) {
	set := pflag.NewFlagSet(heading, pflag.ContinueOnError)
	set.SortFlags = false
	add(set)
	set.VisitAll(func(f *pflag.Flag) {
		if f.Annotations == nil {
			f.Annotations = map[string][]string{}
		}
		f.Annotations[groupKey] = []string{heading}
	})
	flags.AddFlagSet(set)
}

// printUsage is the help below the description: examples, usage, commands,
// flags by group. A topic is all description.
func printUsage(cmd *cobra.Command) error {
	if cmd.IsAdditionalHelpTopicCommand() {
		return nil
	}
	out := cmd.OutOrStderr()
	if cmd.Example != "" {
		fmt.Fprintf(out, "Examples:\n%s\n\n", cmd.Example)
	}
	fmt.Fprintf(out, "Usage:\n  %s\n", strings.TrimSuffix(cmd.UseLine(), " [flags]")+flagMark(cmd))
	for _, group := range commandGroups(cmd) {
		fmt.Fprintf(out, "\n%s:\n", group.heading)
		for _, c := range group.commands {
			fmt.Fprintf(out, "  %-12s %s\n", c.Name(), c.Short)
		}
	}
	for _, group := range groupsOf(cmd) {
		fmt.Fprintf(out, "\n%s:\n%s", group.heading, group.flags.FlagUsagesWrapped(plainWidth))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(out, "\nMore on a command: %s COMMAND --help\n", cmd.CommandPath())
	}
	return nil
}

type commandGroup struct {
	heading  string
	commands []*cobra.Command
}

// commandGroups puts the commands under what the person has, in the order of
// need; those of a command with a few are one group.
func commandGroups(cmd *cobra.Command) []commandGroup {
	var groups []commandGroup
	add := func(heading string, c *cobra.Command) {
		for i := range groups {
			if groups[i].heading == heading {
				groups[i].commands = append(groups[i].commands, c)
				return
			}
		}
		groups = append(groups, commandGroup{heading, []*cobra.Command{c}})
	}
	left := map[string]*cobra.Command{}
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			left[c.Name()] = c
		}
	}
	if cmd.HasParent() {
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				add("Commands", c)
			}
		}
		return groups
	}
	for _, g := range haves() {
		for _, name := range g.commands {
			if c := left[name]; c != nil {
				add(g.heading, c)
				delete(left, name)
			}
		}
	}
	for _, c := range cmd.Commands() {
		switch {
		case left[c.Name()] == nil:
		case c.IsAdditionalHelpTopicCommand():
			add("Topics (smtpdx help TOPIC)", c)
		default:
			add("More", c)
		}
	}
	return groups
}

// have is what a person has, and the commands that help then.
type have struct {
	heading  string
	commands []string
}

func haves() []have {
	return []have{
		{"You have the settings", []string{"check", "send", "deliver", "redirect", "init", "password", "token"}},
		{"You have only an address", []string{"discover", "presets"}},
		{"You have an error, a message or a report", []string{"explain", "inspect", "report", "compare"}},
		{"You have nothing yet", []string{"demo", "lab"}},
	}
}

func flagMark(cmd *cobra.Command) string {
	switch {
	case cmd.HasAvailableSubCommands():
		return " COMMAND"
	case cmd.HasAvailableLocalFlags():
		return " [flags]"
	}
	return ""
}

type flagGroup struct {
	heading string
	flags   *pflag.FlagSet
}

// groupsOf gives the flags in the order in which they were added.
func groupsOf(cmd *cobra.Command) []flagGroup {
	var groups []flagGroup
	cmd.LocalFlags().SortFlags = false
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		heading := "Flags"
		if names := f.Annotations[groupKey]; len(names) > 0 {
			heading = names[0]
		}
		for i := range groups {
			if groups[i].heading == heading {
				groups[i].flags.AddFlag(f)
				return
			}
		}
		set := pflag.NewFlagSet(heading, pflag.ContinueOnError)
		set.SortFlags = false
		set.AddFlag(f)
		groups = append(groups, flagGroup{heading, set})
	})
	return groups
}
