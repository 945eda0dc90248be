package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/report"
)

// formatText is the format for a person, formatGitHub the one with a summary.
const (
	formatText   = "text"
	formatGitHub = "github"
	formatNagios = "nagios" // has exit codes of its own
)

// formats are the names of what -o knows.
func formats() []string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, f.Name)
	}
	return names
}

// endings are the endings of file names that tell the format.
func endings() []string {
	var all []string
	for _, f := range report.Formats() {
		all = append(all, f.Endings...)
	}
	return all
}

// enumerated joins words as a sentence has them: "a, b or c".
func enumerated(words []string, before string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + before + " " + words[last]
}

// outputOptions are the flags on what is printed and how.
type outputOptions struct {
	format  string
	reports []string
	quiet   bool
	verbose bool
	strict  bool
	mask    bool
}

func (o *outputOptions) add(flags *pflag.FlagSet) {
	o.addPrinting(flags)
	inGroup(flags, "Output", func(f *pflag.FlagSet) {
		f.BoolVar(&o.strict, "strict", false, "exit code 3 when there are only warnings")
	})
}

// addPrinting adds the flags of a command that probes nothing.
func (o *outputOptions) addPrinting(flags *pflag.FlagSet) {
	inGroup(flags, "Output", func(f *pflag.FlagSet) {
		f.StringVarP(&o.format, "output", "o", formatText, "`FORMAT` of standard output: "+enumerated(formats(), "or"))
		f.StringArrayVar(&o.reports, "report", nil, "also write a report to `FILE`, format by its ending ("+strings.Join(endings(), " ")+") or FORMAT=FILE; repeatable")
		f.BoolVarP(&o.quiet, "quiet", "q", false, "one line a result")
		f.BoolVarP(&o.verbose, "verbose", "v", false, "with every line of the dialogue, credentials hidden")
		addMask(f, &o.mask)
	})
}

// isMachine tells whether standard output is a document or for a program.
func (o *outputOptions) isMachine() bool {
	f, _ := report.Lookup(o.format)
	return f.Machine
}

// reportsRefusals tells whether standard output has a report also of what could
// not be used, and was not tried.
func (o *outputOptions) reportsRefusals() bool {
	f, _ := report.Lookup(o.format)
	return f.Refusals
}

// check refuses what cannot be used. From then on, what the process says is masked
// where that was asked for.
func (o *outputOptions) check(p *process) error {
	p.maskIf(o.mask)
	if _, known := report.Lookup(o.format); !known {
		return usage("-o "+strings.Join(formats(), ", "), "there is no such output format")
	}
	if o.quiet && o.verbose {
		return usage("", "-q and -v cannot be used together")
	}
	return nil
}

// reportFile is a file to which a report goes.
type reportFile struct{ format, path string }

// files reads the values of --report.
func (o *outputOptions) files() ([]reportFile, error) {
	var files []reportFile
	for _, value := range o.reports {
		f, err := parseReport(value)
		if err != nil {
			return nil, err
		}
		for _, other := range files {
			if other.path == f.path {
				return nil, usage("", "--report names the file %s twice", f.path)
			}
		}
		files = append(files, f)
	}
	return files, nil
}

func parseReport(value string) (reportFile, error) {
	if name, path, found := strings.Cut(value, "="); found && path != "" {
		if format, known := report.Lookup(name); known {
			return reportFile{format.Name, path}, nil
		}
	}
	format, known := report.ByEnding(value)
	if !known {
		return reportFile{}, usage("A FILE that ends in "+enumerated(endings(), "or")+", or FORMAT=FILE with one of these formats: "+strings.Join(formats(), ", "),
			"--report: the format does not show in the file's name")
	}
	return reportFile{format.Name, value}, nil
}

// outputs hand the events of a run to every place they go to.
type outputs struct {
	process  *process
	seen     probe.Report // so far
	printers []report.Printer
	files    []*os.File
}

// printing says what else decides where the events go.
type printing struct {
	noScreen  bool // nothing on standard output: the settings of a person were refused, and standard error says why
	noVerdict bool // no verdict beside a machine's output: standard error has said it already
}

// open makes the printers of a run. Report files are opened before anything
// is probed, so that a wrong path costs no probe.
func (o *outputOptions) open(p *process, how printing) (*outputs, error) {
	files, err := o.files()
	if err != nil {
		return nil, err
	}
	out := &outputs{process: p}
	if !how.noScreen {
		err = out.add(o.format, p.out, o.onScreen(p))
	}
	if err == nil && o.isMachine() && !how.noVerdict {
		err = out.add(formatText, p.err, report.Options{Quiet: true, Width: p.term.width})
	}
	if summary := p.getenv("GITHUB_STEP_SUMMARY"); err == nil && o.format == formatGitHub && summary != "" {
		err = out.summarize(summary)
	}
	for _, f := range files {
		if err == nil {
			err = out.create(f, report.Options{Verbose: o.verbose, Unicode: true, Shell: p.term.shell()})
		}
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

func (o *outputOptions) onScreen(p *process) report.Options {
	options := report.Options{Terminal: p.term.outTTY, Width: p.term.width, Color: p.term.color, Unicode: p.term.unicode,
		Verbose: o.verbose, Quiet: o.quiet, Shell: p.term.shell()}
	if p.term.errTTY && !p.term.isDumb {
		options.Progress = p.err
	}
	return options
}

func (o *outputs) add(format string, w io.Writer, options report.Options) error {
	printer, err := report.New(format, w, options)
	if err == nil {
		o.printers = append(o.printers, printer)
	}
	return err
}

func (o *outputs) create(f reportFile, options report.Options) error {
	file, err := os.Create(f.path)
	if err != nil {
		return usage("", "the report cannot be written: %v", err)
	}
	o.files = append(o.files, file)
	return o.add(f.format, file, options)
}

// summarize appends the report to the job summary of GitHub Actions, to which
// other steps of the job may have written.
func (o *outputs) summarize(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return usage("", "the job summary in GITHUB_STEP_SUMMARY cannot be written: %v", err)
	}
	o.files = append(o.files, file)
	return o.add(formatMarkdown, file, report.Options{})
}

// Print hands an event to every printer.
func (o *outputs) Print(e probe.Event) error {
	if o.process.mask != nil {
		e = o.process.mask.Event(e)
	}
	o.seen.Add(e)
	if e.End != nil {
		state := report.NagiosState(o.seen)
		o.process.monitored = &state
	}
	for _, p := range o.printers {
		if err := p.Event(e); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// Pause makes room for a question on the terminal.
func (o *outputs) Pause() error {
	for _, p := range o.printers {
		pauser, can := p.(report.Pauser)
		if !can {
			continue
		}
		if err := pauser.Pause(); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	return nil
}

// Close ends every output.
func (o *outputs) Close() error {
	var all []error
	for _, p := range o.printers {
		all = append(all, p.Close())
	}
	for _, f := range o.files {
		all = append(all, f.Close())
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// completeOutput names the values of the output flags.
func completeOutput(cmd *cobra.Command) {
	completeWith(cmd, "output", formats()...)
}

// completeWith fixes the values that a flag can have.
func completeWith(cmd *cobra.Command, flag string, values ...string) {
	// The only error is a flag that does not exist, which a test would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
