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

// printUsage is the help below the description: usage, commands, flags by group, examples.
func printUsage(cmd *cobra.Command) error {
	out := cmd.OutOrStderr()
	fmt.Fprintf(out, "Usage:\n  %s\n", strings.TrimSuffix(cmd.UseLine(), " [flags]")+flagMark(cmd))
	if commands := cmd.Commands(); len(commands) > 0 {
		fmt.Fprint(out, "\nCommands:\n")
		for _, c := range commands {
			if c.IsAvailableCommand() {
				fmt.Fprintf(out, "  %-12s %s\n", c.Name(), c.Short)
			}
		}
	}
	for _, group := range groupsOf(cmd) {
		fmt.Fprintf(out, "\n%s:\n%s", group.heading, group.flags.FlagUsagesWrapped(plainWidth))
	}
	if cmd.Example != "" {
		fmt.Fprintf(out, "\nExamples:\n%s\n", cmd.Example)
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(out, "\nMore on a command: %s COMMAND --help\n", cmd.CommandPath())
	}
	return nil
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
