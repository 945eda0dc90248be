package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/explain"
)

type explainOptions struct {
	settings explain.Settings
}

func newExplain(p *process) *cobra.Command {
	var o explainOptions
	cmd := &cobra.Command{
		Use:   "explain [TEXT]",
		Short: "What a pasted error means, and what to change",
		Args:  cobra.ArbitraryArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error { return o.run(p, strings.Join(args, " ")) },
	}
	f := cmd.Flags()
	f.StringVar(&o.settings.Host, "host", "", "the `HOST` that was entered")
	f.IntVar(&o.settings.Port, "port", 0, "the port that was entered")
	f.StringVar(&o.settings.Encryption, "encryption", "", "starttls, ssl or none")
	f.StringVarP(&o.settings.Account, "account", "u", "", "the login name")
	f.StringVar(&o.settings.From, "from", "", "the sender address")
	f.StringVar(&o.settings.Step, "step", "", "the step that failed")
	return cmd
}

func (o *explainOptions) run(p *process, text string) error {
	var in io.Reader = strings.NewReader(text)
	if text == "" {
		in = p.in
	}
	x, err := explain.Read(cause.Builtin(), in, o.settings)
	if err != nil {
		return fmt.Errorf("read the text: %w", err)
	}
	for _, f := range x.Findings {
		fmt.Fprintf(p.out, "%s (%s): %s\n    %s\n", f.Cause, f.Confidence, f.Title, f.Explanation)
	}
	if len(x.Findings) == 0 {
		p.complain("there is no error in this text", "Paste the line with the error.")
		return exitWith(exitUnknown)
	}
	return nil
}
