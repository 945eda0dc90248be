package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe/report"
)

func newSchema(p *process) *cobra.Command {
	names := schemaNames()
	return &cobra.Command{
		Use:   "schema NAME",
		Short: "Print the JSON Schema of a document or of the settings file",
		Long: "Prints the JSON Schema (draft 2020-12) of the settings file or of a document\n" +
			"that smtpdx writes. NAME is one of: " + strings.Join(names, ", ") + ".",
		Example:           "  smtpdx schema report\n  smtpdx schema settings > smtpdx.schema.json",
		Args:              oneArgument("the name of a schema: " + strings.Join(names, ", ")),
		ValidArgsFunction: cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		RunE:              func(_ *cobra.Command, args []string) error { return printSchema(p, args[0]) },
	}
}

// schemaNames are the names without "smtpdx." and version.
func schemaNames() []string {
	var names []string
	for _, name := range report.SchemaNames() {
		name, _, _ = strings.Cut(strings.TrimPrefix(name, "smtpdx."), "/")
		names = append(names, name)
	}
	return names
}

// printSchema takes the short name and the whole one.
func printSchema(p *process, name string) error {
	for _, known := range report.SchemaNames() {
		short, _, _ := strings.Cut(strings.TrimPrefix(known, "smtpdx."), "/")
		if name == known || name == short {
			_, err := p.out.Write(report.Schema(known))
			return err
		}
	}
	return oneOf("schema", name, schemaNames())
}
