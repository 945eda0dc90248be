package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// The states of monitoring plugins (Monitoring Plugins Development Guidelines,
// "Plugin Return Codes").
const (
	nagiosOK = iota
	nagiosWarning
	nagiosCritical
	nagiosUnknown
)

// nagios prints one line with performance data when the run has ended.
type nagios struct {
	page
	w      io.Writer
	report probe.Report
}

func newNagios(w io.Writer, _ Options) output {
	return &nagios{page: newPage(Options{Unicode: true}), w: w}
}

func (n *nagios) event(e probe.Event) error {
	n.report.Add(e)
	if e.End == nil {
		return nil
	}
	state := []string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[NagiosState(n.report)]
	_, err := fmt.Fprintf(n.w, "SMTP %s - %s | %s\n", state, strings.Join(n.words(), "; "), strings.Join(n.performance(), " "))
	return err
}

func (n *nagios) flush() {}

// NagiosState gives the exit code of a monitoring plugin: 0 passed, 1 warnings,
// 2 failed, 3 not known since the settings could not be used or the run was
// interrupted. Of several results the worst counts: 2, then 3, then 1.
func NagiosState(r probe.Report) int {
	rank := map[int]int{nagiosOK: 0, nagiosWarning: 1, nagiosUnknown: 2, nagiosCritical: 3}
	worst := nagiosOK
	if len(r.Results) == 0 {
		worst = nagiosUnknown
	}
	for i := range r.Results {
		if state := stateOf(&r.Results[i]); rank[state] > rank[worst] {
			worst = state
		}
	}
	return worst
}

func stateOf(r *probe.Result) int {
	switch {
	case r.Verdict == probe.Fail && probe.StepID(r.FailedStep) != probe.StepSettings:
		return nagiosCritical
	case r.Verdict == probe.Fail, r.Interrupted:
		return nagiosUnknown
	case r.Verdict == probe.Warn:
		return nagiosWarning
	case r.Verdict == probe.Pass:
		return nagiosOK
	}
	return nagiosUnknown
}

// words say of each result what is wrong; a bar would begin the performance data.
func (n *nagios) words() []string {
	var all []string
	for i := range n.report.Results {
		r := &n.report.Results[i]
		words := nameOf(r) + ": " + strings.TrimSuffix(verdictSentence(r), ".")
		if f := mainFinding(r); f != nil {
			if r.Verdict != probe.Fail {
				words += ": " + f.Title
			}
			words += " (" + stepAndCause(r, f) + ")"
		}
		all = append(all, strings.ReplaceAll(n.clean(cutText(words)), "|", "/"))
	}
	return all
}

// performance gives the time of the run, of each step on the main lane, and
// the days that the certificate has left.
func (n *nagios) performance() []string {
	all := []string{"time=" + seconds(n.report.DurationMs) + "s;;;0"}
	for i := range n.report.Results {
		r := &n.report.Results[i]
		prefix := ""
		if len(n.report.Results) > 1 {
			prefix = nameOf(r) + " "
		}
		for _, step := range r.Steps {
			if step.Address != "" && step.Address != r.Address {
				continue
			}
			if step.DurationMs != nil {
				all = append(all, n.label(prefix+string(step.ID))+"="+seconds(*step.DurationMs)+"s;;;0")
			}
			if e, ok := step.Evidence.(*probe.CertificateEvidence); ok && e.DaysLeft != nil {
				all = append(all, fmt.Sprintf("%s=%d", n.label(prefix+"certificate days"), *e.DaysLeft))
			}
		}
	}
	return all
}

// label is a name that performance data can have: no "=" and no "'" in it, in
// quotes where it has blanks.
func (n *nagios) label(name string) string {
	name = strings.NewReplacer("=", "_", "'", "_", "|", "_").Replace(n.clean(name))
	if strings.ContainsAny(name, " ;") {
		return "'" + name + "'"
	}
	return name
}
