package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// junit prints the report when the run has ended, as the JUnit XML that CI
// servers read: a suite for each profile, a case for each step and address.
type junit struct {
	page
	w      io.Writer
	report probe.Report
}

func newJUnit(w io.Writer, _ Options) output {
	return &junit{page: newPage(Options{Unicode: true}), w: w}
}

// The elements in the order which the widely used schema wants (Jenkins,
// xunit plugin): properties, cases, and in a case the outcome, then system-out.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Time     string       `xml:"time,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string       `xml:"name,attr"`
	ClassName string       `xml:"classname,attr"`
	Time      string       `xml:"time,attr"`
	Skipped   *junitReason `xml:"skipped"`
	Failure   *junitReason `xml:"failure"`
	Out       *junitOut    `xml:"system-out"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

type junitOut struct {
	Text string `xml:",cdata"`
}

func (j *junit) event(e probe.Event) error {
	j.report.Add(e)
	if e.End == nil {
		return nil
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	encoder := xml.NewEncoder(&b)
	encoder.Indent("", "  ")
	if err := encoder.Encode(j.suites()); err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	b.WriteString("\n")
	_, err := j.w.Write(b.Bytes())
	return err
}

func (j *junit) flush() {}

func (j *junit) suites() junitSuites {
	all := junitSuites{Name: "smtpdx", Time: seconds(j.report.DurationMs)}
	for i := range j.report.Results {
		suite := j.suite(&j.report.Results[i])
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Suites = append(all.Suites, suite)
	}
	return all
}

func (j *junit) suite(r *probe.Result) junitSuite {
	s := junitSuite{Name: j.clean(nameOf(r)), Time: seconds(probe.Ms(lastMs(r))), Timestamp: j.report.StartedAt.UTC().Format("2006-01-02T15:04:05"),
		Properties: j.properties(r)}
	for i := range r.Steps {
		c := j.testCase(r, &r.Steps[i])
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Skipped != nil:
			s.Skipped++
		}
		s.Cases = append(s.Cases, c)
	}
	s.Tests = len(s.Cases)
	return s
}

func (j *junit) properties(r *probe.Result) []junitProperty {
	all := []junitProperty{{"tool", j.report.Tool.Name + " " + j.report.Tool.Version}, {"command", j.report.Command}, {"verdict", string(r.Verdict)},
		{"target", target(r.Settings)}, {"encryption", string(r.Settings.Encryption)}, {"account", string(r.Settings.Account)}}
	all = slices.DeleteFunc(all, func(p junitProperty) bool { return strings.TrimSpace(p.Value) == "" })
	for i := range all {
		all[i].Value = j.clean(all[i].Value)
	}
	return all
}

// testCase is a step on an address. A failure on another lane than the main
// one fails nothing, and is told as a warning is.
func (j *junit) testCase(r *probe.Result, step *probe.StepResult) junitCase {
	c := junitCase{Name: string(step.ID), ClassName: "smtpdx." + j.clean(nameOf(r)), Time: "0"}
	if step.Address != "" {
		c.Name += " " + j.clean(string(step.Address))
	}
	if step.DurationMs != nil {
		c.Time = seconds(*step.DurationMs)
	}
	findings := findingsOf(r, step)
	switch {
	case step.Status == probe.Skip:
		c.Skipped = &junitReason{Message: j.clean(skipWords(*step))}
		return c
	case decides(r, step):
		c.Failure = j.failure(step, findings)
		return c
	}
	if remarks := j.remarks(step, findings); remarks != "" {
		c.Out = &junitOut{remarks}
	}
	return c
}

// decides tells whether the verdict is this step's failure.
func decides(r *probe.Result, step *probe.StepResult) bool {
	return step.Status == probe.Fail && r.Verdict == probe.Fail && (step.Address == "" || step.Address == r.Address || r.Address == "")
}

// findingsOf are the findings on a step and address.
func findingsOf(r *probe.Result, step *probe.StepResult) []*probe.Finding {
	var own []*probe.Finding
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Step == probe.Maybe(step.ID) && (f.Address == step.Address || f.Address == "" || step.Address == "") {
			own = append(own, f)
		}
	}
	return own
}

func (j *junit) failure(step *probe.StepResult, findings []*probe.Finding) *junitReason {
	reason := &junitReason{Message: j.clean(step.Summary), Type: "fail"}
	if step.Fault != nil {
		reason.Type = j.clean(string(step.Fault.Kind))
	}
	if len(findings) > 0 {
		reason.Message, reason.Type = j.clean(findings[0].Title), j.clean(findings[0].Cause)
	}
	lines := []string{j.clean(step.Summary)}
	if step.Reply != nil {
		for _, line := range wholeReply(step.Reply) {
			lines = append(lines, j.clean(line))
		}
	}
	for _, f := range findings {
		lines = append(lines, j.findingLines(f)...)
	}
	reason.Text = strings.Join(lines, "\n")
	return reason
}

// findingLines tell a finding in plain text.
func (j *junit) findingLines(f *probe.Finding) []string {
	lines := []string{"", j.clean(fmt.Sprintf("%s (%s, %s): %s", f.Cause, f.Severity, f.Confidence, f.Title))}
	for _, text := range strings.Split(f.Explanation, "\n") {
		lines = append(lines, j.clean(text))
	}
	for i, fix := range f.Fix {
		item := fixItem(fix, f.Who, i > 0 && !isAdvice(fix))
		lines = append(lines, "- "+j.clean(item.words[0].text))
		for _, command := range item.code {
			lines = append(lines, "    "+j.clean(command))
		}
	}
	return append(lines, "Who: "+j.clean(whoWords(f.Who)))
}

// remarks are the warnings on a step that failed nothing.
func (j *junit) remarks(step *probe.StepResult, findings []*probe.Finding) string {
	var lines []string
	if step.Status != probe.Pass {
		lines = append(lines, string(step.Status)+": "+j.clean(step.Summary))
	}
	for _, f := range findings {
		if f.Severity != cause.Info {
			lines = append(lines, j.findingLines(f)...)
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// seconds writes a time span as JUnit has it.
func seconds(ms probe.Ms) string { return fmt.Sprintf("%.3f", max(float64(ms), 0)/1000) }
