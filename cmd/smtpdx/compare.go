package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/compare"
	"github.com/smtpdx/smtpdx/probe/report"
)

type compareOptions struct {
	output presetsOutput
	mask   bool
}

func newCompare(p *process) *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "What differs between two saved reports, and whether it matters",
		Long: `Compares two saved reports (json or jsonl): the good one, or the earlier one,
first. For "works here, fails there" and "worked yesterday". Nothing is
contacted. One of the two files may be - for standard input.

What changes by itself is no difference: addresses that a provider rotates, host
ids in greetings, times within noise, a certificate renewed by the same issuer
for the same names.

Exit codes: 0 nothing is worse, 6 something is worse, 2 a file is no report.`,
		Example: "  smtpdx compare yesterday.json today.json\n  smtpdx check jobs --baseline yesterday.json",
		Args:    twoReports,
		RunE:    func(_ *cobra.Command, args []string) error { return o.run(p, args[0], args[1]) },
	}
	o.output.add(cmd)
	addMask(cmd.Flags(), &o.mask)
	return cmd
}

func twoReports(_ *cobra.Command, args []string) error {
	switch {
	case len(args) != 2:
		return usage("smtpdx compare A.json B.json", "compare wants two saved reports")
	case args[0] == "-" && args[1] == "-":
		return usage("Only one of the two can be standard input.", "both reports cannot be read from standard input")
	}
	return nil
}

func (o *compareOptions) run(p *process, a, b string) error {
	if err := o.output.check(); err != nil {
		return err
	}
	p.maskIf(o.mask)
	before, err := namedReport(p, "the first file", a)
	if err != nil {
		return err
	}
	now, err := namedReport(p, "the second file", b)
	if err != nil {
		return err
	}
	if p.mask != nil {
		p.mask.LearnReport(before)
		p.mask.LearnReport(now)
		before, now = p.mask.Report(before), p.mask.Report(now)
	}
	c := compare.Reports(before, now)
	if err := printComparison(p, p.out, o.output.format, c); err != nil {
		return err
	}
	return exitWith(codeOfComparison(c))
}

// namedReport says which of two files it is that cannot be read.
func namedReport(p *process, which, path string) (probe.Report, error) {
	r, err := readReport(p, path)
	var wrong *usageError
	if errors.As(err, &wrong) {
		return r, usage(wrong.hint, "%s: %s", which, wrong.text)
	}
	return r, err
}

func codeOfComparison(c compare.Comparison) int {
	if c.Worse {
		return exitWorse
	}
	return exitPassed
}

func printComparison(p *process, w io.Writer, format string, c compare.Comparison) error {
	switch format {
	case formatJSON:
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(c)
	case formatMarkdown:
		_, err := io.WriteString(w, comparisonMarkdown(c))
		return err
	}
	_, err := io.WriteString(w, comparisonSheet(c).text(p.term.width))
	return err
}

// comparisonVerdict is the outcome in a sentence.
func comparisonVerdict(c compare.Comparison) string {
	counts := map[compare.Effect]int{}
	for _, d := range c.Differences {
		counts[d.Effect]++
	}
	switch {
	case c.Worse:
		return "WORSE: " + ofProfile(c.Differences[0]) + "."
	case counts[compare.Better] > 0:
		return "BETTER: " + ofProfile(c.Differences[0]) + "."
	case cutShort(c):
		return "NOT KNOWN whether it is worse: one of the two was interrupted."
	case c.A.Verdict != probe.Fail && c.B.Verdict == probe.Fail:
		return "IT FAILS, at what the first was not asked."
	case len(c.Differences) > 0 && c.B.Verdict == probe.Fail:
		return "NO WORSE than before, and it still fails; this differs."
	case len(c.Differences) > 0:
		return "NO WORSE; this differs."
	case c.B.Verdict == probe.Fail:
		return "THE SAME, as far as it matters: both fail in the same way."
	}
	return "THE SAME, as far as it matters."
}

// ofProfile is what a difference says, with the profile of which it says it.
func ofProfile(d compare.Difference) string {
	if d.Profile == "" {
		return d.Text
	}
	return string(d.Profile) + ": " + d.Text
}

// cutShort tells whether one of the two runs was interrupted.
func cutShort(c compare.Comparison) bool {
	return slices.ContainsFunc(c.Differences, func(d compare.Difference) bool { return d.Path == "interrupted" })
}

func comparisonSheet(c compare.Comparison) *sheet {
	s := &sheet{title: oneLine(comparisonVerdict(c))}
	s.add("First", sideWords(c.A))
	s.add("Second", sideWords(c.B))
	for _, d := range c.Differences {
		s.add(effectLabel(d.Effect), oneLine(differenceWords(d)), oneLine(d.Text))
	}
	return s
}

func sideWords(s compare.Side) string {
	words := map[probe.Status]string{probe.Pass: "passed", probe.Warn: "passed with warnings", probe.Fail: "failed"}[s.Verdict]
	if s.ExitCode == exitInterrupted {
		words = "interrupted"
	}
	return fmt.Sprintf("%s, %s", s.StartedAt, words)
}

func effectLabel(e compare.Effect) string {
	return map[compare.Effect]string{compare.Worse: "Worse", compare.Better: "Better", compare.Neutral: "Differs"}[e]
}

// differenceWords name what differs, and both values; of a finding the title,
// which is its text, says all.
func differenceWords(d compare.Difference) string {
	if strings.HasPrefix(d.Path, "findings.") {
		return differenceName(d)
	}
	return differenceName(d) + ": " + valueWords(d)
}

func differenceName(d compare.Difference) string {
	if d.Profile != "" {
		return string(d.Profile) + ": " + d.Path
	}
	return d.Path
}

// longestValue is how many characters of a value a line shows; JSON has all.
const longestValue = 160

func valueWords(d compare.Difference) string {
	return bounded(d.A) + " -> " + bounded(d.B)
}

func bounded(v probe.Maybe) string {
	runes := []rune(string(v))
	switch {
	case v == "":
		return "(none)"
	case len(runes) > longestValue:
		return string(runes[:longestValue]) + " ..."
	}
	return string(v)
}

// oneLine keeps a value of a report, which may have been edited by hand, within
// its line: what begins a line means something in Markdown, and in the log of a
// build.
func oneLine(s string) string { return strings.Join(strings.Fields(shown(s)), " ") }

func comparisonMarkdown(c compare.Comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n- First: %s\n- Second: %s\n", report.EscapeMarkdown(oneLine(comparisonVerdict(c))), sideWords(c.A), sideWords(c.B))
	heading := compare.Effect("")
	for _, d := range c.Differences {
		if d.Effect != heading {
			heading = d.Effect
			fmt.Fprintf(&b, "\n## %s\n\n", effectLabel(heading))
		}
		fmt.Fprintf(&b, "- %s (%s)\n", report.EscapeMarkdown(oneLine(d.Text)), report.EscapeMarkdown(oneLine(differenceWords(d))))
	}
	return b.String()
}
