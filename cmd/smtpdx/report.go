package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/profile"
	"github.com/smtpdx/smtpdx/probe/report"
)

type reportOptions struct {
	output outputOptions
}

func newReport(p *process) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report FILE",
		Short: "Print a saved report (json or jsonl) in another format",
		Long: "Prints a report that was saved with -o json, -o jsonl or --report, in another\n" +
			"format. Nothing is contacted. FILE may be - for standard input.",
		Example: "  smtpdx report report.json -o markdown\n  smtpdx report report.json --report ticket.md --report ci.xml -q",
		Args:    oneArgument("a saved report"),
		RunE:    func(_ *cobra.Command, args []string) error { return o.run(p, args[0]) },
	}
	o.output.addPrinting(cmd.Flags())
	completeOutput(cmd)
	return cmd
}

func (o *reportOptions) run(p *process, path string) error {
	if err := o.output.check(p); err != nil {
		return err
	}
	r, err := readReport(p, path)
	if err != nil {
		return err
	}
	out, err := o.output.open(p, printing{})
	if err != nil {
		return err
	}
	if p.mask != nil {
		p.mask.LearnReport(r)
	}
	for _, e := range report.Events(r) {
		if err = out.Print(e); err != nil {
			break
		}
	}
	return errors.Join(err, out.Close())
}

// mostReport is the number of bytes of a report that are read.
const mostReport = 64 << 20

const reportHint = "A report is what smtpdx check writes with -o json, -o jsonl or --report FILE.json."

// readReport reads a report that may have been cut off or edited by hand.
func readReport(p *process, path string) (probe.Report, error) {
	in := p.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return probe.Report{}, usage(reportHint, "the report cannot be read: %v", err)
		}
		defer file.Close()
		in = file
	}
	b, err := io.ReadAll(io.LimitReader(in, mostReport+1))
	switch {
	case err != nil:
		return probe.Report{}, usage(reportHint, "the report cannot be read: %v", err)
	case len(b) > mostReport:
		return probe.Report{}, usage(reportHint, "the file is longer than %d MiB, which no report is", mostReport>>20)
	}
	r, err := parseSaved(profile.DecodeText(b))
	if err != nil {
		return probe.Report{}, usage(reportHint, "%v", err)
	}
	return r, nil
}

// parseSaved reads one document, or a line of JSON for each event. Its errors
// repeat no value of the file.
func parseSaved(text string) (probe.Report, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	var first json.RawMessage
	if err := decoder.Decode(&first); err != nil {
		return probe.Report{}, jsonFault(err)
	}
	var head struct {
		Schema string          `json:"schema"`
		Event  probe.EventKind `json:"event"`
	}
	if err := json.Unmarshal(first, &head); err != nil {
		return probe.Report{}, errors.New("this is JSON, but no report")
	}
	var r probe.Report
	var err error
	switch {
	case head.Schema == probe.ReportSchema:
		err = json.Unmarshal(first, &r)
	case head.Schema == probe.EventSchema && head.Event == probe.EventRun:
		r, err = foldSaved(text)
	default:
		return r, otherSchema(head.Schema)
	}
	if err != nil {
		return r, jsonFault(err)
	}
	return r, isWhole(&r)
}

// foldSaved makes the report of events.
func foldSaved(text string) (probe.Report, error) {
	var r probe.Report
	decoder := json.NewDecoder(strings.NewReader(text))
	ended := false
	for {
		var e probe.Event
		err := decoder.Decode(&e)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r, err
		}
		r.Add(e)
		ended = ended || e.End != nil
	}
	if !ended {
		return r, io.ErrUnexpectedEOF
	}
	return r, nil
}

func otherSchema(schema string) error {
	for _, ours := range []string{probe.ReportSchema, probe.EventSchema} {
		name, _, _ := strings.Cut(ours, "/")
		if strings.HasPrefix(schema, name+"/v") && schema != ours {
			return fmt.Errorf("this report has a newer form than %s, the newest that this smtpdx knows; a newer smtpdx reads it", ours)
		}
	}
	return errors.New("this is JSON, but no report of smtpdx")
}

// jsonFault says what is wrong without repeating what stands there.
func jsonFault(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("the file is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the report is cut off: its end is missing")
	case errors.As(err, &kind):
		return fmt.Errorf("the report has something else than it should in %s", kind.Field)
	case errors.As(err, &syntax):
		return fmt.Errorf("this is no report: no JSON at byte %d", syntax.Offset)
	}
	return errors.New("the report holds a value that no report has")
}

// isWhole looks for what an edit by hand takes away.
func isWhole(r *probe.Report) error {
	verdicts := []probe.Status{probe.Pass, probe.Warn, probe.Fail}
	if !slices.Contains(verdicts, r.Verdict) {
		return errors.New("the report has no verdict pass, warn or fail")
	}
	for i := range r.Results {
		if !slices.Contains(verdicts, r.Results[i].Verdict) {
			return fmt.Errorf("results[%d] has no verdict pass, warn or fail", i)
		}
		for k, step := range r.Results[i].Steps {
			if !slices.Contains(append(verdicts, probe.Skip), step.Status) || step.ID == "" {
				return fmt.Errorf("results[%d].steps[%d] has no id, or no status pass, warn, fail or skip", i, k)
			}
		}
	}
	return nil
}
