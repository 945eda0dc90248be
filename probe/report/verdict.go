package report

import (
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// Verdict gives the outcome of a run in one line a result, for standard error
// beside a machine's format. There is no line end behind the last line.
func Verdict(r probe.Report) string {
	p := newPage(Options{Unicode: true})
	var out []string
	for i := range r.Results {
		result := &r.Results[i]
		line := verdictSentence(result)
		if len(r.Results) > 1 {
			line = nameOf(result) + ": " + line
		}
		out = append(out, p.clean(line))
	}
	return strings.Join(out, "\n")
}

// verdictSentence says what became of the settings, not of the step.
func verdictSentence(r *probe.Result) string {
	time := took(probe.Ms(lastMs(r)))
	if time != "" {
		time = " (" + time + ")"
	}
	switch {
	case r.Interrupted && r.Verdict != probe.Fail:
		return "STOPPED" + interruptedWords(r) + "; nothing failed until then" + time + "."
	case r.Verdict == probe.Fail:
		return "FAILED: " + sentence(titleOf(r, mainFinding(r)))
	case r.Verdict == probe.Warn:
		return "PASSED with remarks, " + reach(r) + time + "."
	}
	return "PASSED " + reach(r) + time + "."
}

// reach tells how far a check that passed has come.
func reach(r *probe.Result) string {
	last := probe.StepID("")
	for _, step := range r.Steps {
		if step.Status != probe.Skip {
			last = step.ID
		}
	}
	switch last {
	case probe.StepSender:
		if r.Settings.Account == "" {
			return "as far as a check without a login and a mail can tell"
		}
		return "as far as a check without a mail can tell"
	case probe.StepRedirect:
		return "to the end: the message was redirected and has arrived"
	case probe.StepDelivery:
		return "to the end: the message has arrived"
	case probe.StepMessage:
		return "as far as the server can tell: it has taken the message"
	case "":
		return "without a step"
	}
	return "as far as was asked, which is the step " + string(last)
}

func interruptedWords(r *probe.Result) string {
	for _, step := range r.Steps {
		if probe.SkipReason(step.SkipReason) == probe.Interrupted {
			return " at the step " + string(step.ID)
		}
	}
	return " before the end"
}

// sentence ends a title as a sentence.
func sentence(title string) string {
	title = strings.TrimRight(title, " ")
	if strings.HasSuffix(title, "!") || strings.HasSuffix(title, "?") {
		return title
	}
	return strings.TrimRight(title, ". ") + "."
}

// lastMs is when the last step ended, counted from the first one's start.
func lastMs(r *probe.Result) float64 {
	begin, end, seen := 0.0, 0.0, false
	for _, step := range r.Steps {
		if step.StartedMs == nil || step.DurationMs == nil {
			continue
		}
		started := float64(*step.StartedMs)
		if !seen || started < begin {
			begin, seen = started, true
		}
		end = max(end, started+float64(*step.DurationMs))
	}
	return end - begin
}

// mainFinding is the cause that the verdict names: of a failure the first one
// of the failed step, of a warning the first warning. It is nil when there is none.
func mainFinding(r *probe.Result) *probe.Finding {
	for i := range r.Findings {
		f := &r.Findings[i]
		if r.FailedStep != "" && f.Step == r.FailedStep && f.Severity != cause.Info {
			return f
		}
	}
	if r.Verdict == probe.Pass {
		return nil
	}
	for i := range r.Findings {
		if r.Findings[i].Severity != cause.Info {
			return &r.Findings[i]
		}
	}
	return nil
}

// deciding is the step's result that the finding, or else the verdict, speaks of.
func deciding(r *probe.Result, f *probe.Finding) *probe.StepResult {
	id, address := r.FailedStep, r.Address
	if f != nil {
		id, address = f.Step, f.Address
	}
	var same *probe.StepResult
	for i := range r.Steps {
		step := &r.Steps[i]
		if probe.Maybe(step.ID) != id {
			continue
		}
		if step.Address == address {
			return step
		}
		if same == nil || same.Status != probe.Fail && step.Status == probe.Fail {
			same = step
		}
	}
	return same
}

// titleOf says in a clause what is wrong.
func titleOf(r *probe.Result, f *probe.Finding) string {
	if f != nil {
		return f.Title
	}
	if step := deciding(r, nil); step != nil && r.FailedStep != "" {
		return step.Summary
	}
	return ""
}

// stepAndCause names both, as far as known.
func stepAndCause(r *probe.Result, f *probe.Finding) string {
	step, id := string(r.FailedStep), ""
	if f != nil {
		id = f.Cause
		if step == "" {
			step = string(f.Step)
		}
	}
	return strings.TrimSpace(step + " " + id)
}

func verdictStyle(verdict probe.Status) style {
	switch verdict {
	case probe.Fail:
		return bad
	case probe.Warn:
		return doubtful
	}
	return good
}
