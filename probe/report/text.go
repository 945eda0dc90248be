package report

import (
	"fmt"
	"io"

	"github.com/smtpdx/smtpdx/probe"
)

// text prints a run for a person: the settings, a line for each step while it
// works, the verdict as a sentence, and what to do about it.
type text struct {
	page
	w       io.Writer
	verbose bool
	shell   string

	many    bool            // several profiles: one line each, details at the end
	report  probe.Report    // so far
	steps   *table          // of the profile under way
	failing []int           // results whose details are owed
	from    []probe.Vantage // of each result
}

func newText(w io.Writer, o Options) output {
	if o.Quiet {
		return &quiet{page: newPage(o), w: w}
	}
	shell := o.Shell
	if shell == "" {
		shell = "posix"
	}
	return &text{page: newPage(o), w: w, verbose: o.Verbose, shell: shell}
}

func (t *text) event(e probe.Event) error {
	t.report.Add(e)
	switch {
	case e.Run != nil:
		t.many = e.Run.Profiles > 1
	case e.Plan != nil:
		t.steps = newTable(t.page, t.w, !t.terminal && !t.verbose, e.Plan)
		if !t.many {
			t.put(t.w, t.heading("", e.Plan.Settings)...)
			t.put(t.w, nil)
		}
	case e.Step != nil && !t.many && t.steps != nil:
		t.steps.add(*e.Step)
	case e.Result != nil && len(t.report.Results) > 0:
		last := len(t.report.Results) - 1
		t.from = append(t.from, make([]probe.Vantage, last+1-min(len(t.from), last+1))...)
		t.from[last] = e.Result.Vantage
		t.result(last)
	case e.End != nil && t.many:
		t.end()
	}
	return nil
}

// flush prints the steps that wait for other addresses.
func (t *text) flush() {
	if t.steps != nil && !t.many {
		t.steps.flush()
	}
}

// result prints what one profile's probe came to.
func (t *text) result(i int) {
	r := &t.report.Results[i]
	if t.many {
		t.line(r)
		if r.Verdict == probe.Fail || t.verbose {
			t.failing = append(t.failing, i)
		}
		return
	}
	t.flush()
	t.closing(r, t.from[i])
}

// closing prints everything below the steps.
func (t *text) closing(r *probe.Result, v probe.Vantage) {
	if t.verbose {
		t.put(t.w, t.transcript(r.Transcript)...)
	}
	t.put(t.w, t.diagnosis(r, v)...)
}

// line is the one line of a profile among several.
func (t *text) line(r *probe.Result) {
	words := "passed"
	if r.Verdict != probe.Pass {
		f := mainFinding(r)
		words = stepAndCause(r, f)
		if words == "" {
			words = titleOf(r, f)
		}
	}
	if r.Interrupted {
		words = "stopped before the end"
	}
	t.put(t.w, t.stepRows(r.Verdict, nameOf(r), words, took(probe.Ms(lastMs(r))))...)
}

// end counts the profiles and gives the details of those that failed.
func (t *text) end() {
	t.put(t.w, nil)
	t.put(t.w, t.paragraph(span{countWords(&t.report), verdictStyle(t.report.Verdict)})...)
	for _, i := range t.failing {
		r := &t.report.Results[i]
		t.put(t.w, nil)
		t.put(t.w, t.heading(nameOf(r), r.Settings)...)
		t.put(t.w, nil)
		steps := newTable(t.page, t.w, !t.verbose, &probe.Planned{Settings: r.Settings, Steps: plannedOf(r)})
		for _, step := range r.Steps {
			steps.add(step)
		}
		steps.flush()
		t.closing(r, t.from[i])
	}
}

// plannedOf reads the plan off the steps, which stand in its order.
func plannedOf(r *probe.Result) []probe.StepID {
	var ids []probe.StepID
	for _, step := range r.Steps {
		if place(ids, step.ID) == len(ids) {
			ids = append(ids, step.ID)
		}
	}
	return ids
}

// countWords sums up several profiles.
func countWords(r *probe.Report) string {
	count := map[probe.Status]int{}
	for _, result := range r.Results {
		count[result.Verdict]++
	}
	return fmt.Sprintf("%d profiles: %d passed, %d passed with remarks, %d failed (%s).",
		len(r.Results), count[probe.Pass], count[probe.Warn], count[probe.Fail], took(r.DurationMs))
}

// paragraph wraps one span over the whole width.
func (p page) paragraph(s span) []row {
	rows := texts(p.wrap(s.text, p.limit, p.limit))
	for _, r := range rows {
		r[0].style = s.style
	}
	return rows
}

// quiet prints one line a result.
type quiet struct {
	page
	w      io.Writer
	report probe.Report
}

func (q *quiet) event(e probe.Event) error {
	q.report.Add(e)
	if e.Result == nil || len(q.report.Results) == 0 {
		return nil
	}
	r := &q.report.Results[len(q.report.Results)-1]
	line := string(r.Verdict) + " " + nameOf(r)
	if r.Verdict != probe.Pass {
		f := mainFinding(r)
		if words := stepAndCause(r, f); words != "" {
			line += " " + words
		}
		if title := titleOf(r, f); title != "" {
			line += ": " + title
		}
	}
	q.put(q.w, row{{line, plain}})
	return nil
}

func (q *quiet) flush() {}
