package main

import (
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/compare"
)

// baselineOption is --baseline: the report that a run is compared with.
type baselineOption struct {
	path   string
	report probe.Report
}

func (o *baselineOption) add(flags *pflag.FlagSet) {
	inGroup(flags, "Output", func(f *pflag.FlagSet) {
		f.StringVar(&o.path, "baseline", "", "compare with the saved report `FILE`; exit code 6 when something is worse")
	})
}

// read reads the file before anything is contacted. The line and the exit code
// of a monitoring plugin speak of the server as it is: they have no place for
// "worse", and a comparison that nobody sees would be a false calm.
func (o *baselineOption) read(p *process, format string) error {
	switch {
	case o.path == "":
		return nil
	case format == formatNagios:
		return usage("Another format, for example -o json: its exit code is 6 when something is worse.", "--baseline and -o nagios cannot be used together")
	}
	var err error
	o.report, err = namedReport(p, "--baseline", o.path)
	return err
}

// compare says what differs from the baseline, below the report of a person
// and beside a machine's, and gives the exit code: 6 when something is worse.
func (o *baselineOption) compare(p *process, output *outputOptions, now probe.Report, code int) (int, error) {
	if o.path == "" || code == exitInterrupted {
		return code, nil
	}
	before := o.report
	if p.mask != nil {
		before = p.mask.Report(before) // as the other one is already
	}
	c := compare.Reports(before, now)
	var w io.Writer = p.out
	if output.isMachine() || output.quiet {
		w = p.err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return exitFailed, fmt.Errorf("write the comparison: %w", err)
	}
	if err := printComparison(p, w, formatText, c); err != nil {
		return exitFailed, fmt.Errorf("write the comparison: %w", err)
	}
	if c.Worse {
		return exitWorse, nil
	}
	return code, nil
}
