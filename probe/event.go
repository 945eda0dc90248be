package probe

import (
	"slices"
	"time"
)

// EventSchema names the lines of JSON that a run's events are.
const EventSchema = "smtpdx.event/v1"

// EventKind tells which field of an Event is filled.
type EventKind string

// The kinds in the order in which they come. Run and End belong to the whole
// run, the others to one profile.
const (
	EventRun        EventKind = "run"
	EventPlan       EventKind = "plan"
	EventStepStart  EventKind = "step-start"
	EventStep       EventKind = "step"
	EventFinding    EventKind = "finding"
	EventSuggestion EventKind = "suggestion"
	EventTranscript EventKind = "transcript"
	EventResult     EventKind = "result"
	EventEnd        EventKind = "end"
)

// Event is one thing that happened. Folding the events of a run with
// Report.Add gives its report; with -o jsonl each is a line.
type Event struct {
	Kind       EventKind       `json:"event"`
	Profile    Maybe           `json:"profile"`
	Run        *RunBegin       `json:"run,omitempty"`
	Plan       *Planned        `json:"plan,omitempty"`
	Start      *StepStart      `json:"start,omitempty"`
	Step       *StepResult     `json:"step,omitempty"`
	Finding    *Finding        `json:"finding,omitempty"`
	Suggestion *Suggestion     `json:"suggestion,omitempty"`
	Line       *TranscriptLine `json:"transcript,omitempty"`
	Result     *Outcome        `json:"result,omitempty"`
	End        *RunEnd         `json:"end,omitempty"`
	Schema     string          `json:"schema,omitempty"` // with run only
}

// RunBegin opens a run.
type RunBegin struct {
	Tool      Tool      `json:"tool"`
	Command   string    `json:"command"` // the command line, without secrets
	StartedAt time.Time `json:"started_at"`
	Profiles  int       `json:"profiles"` // how many results will come
	Masked    bool      `json:"masked"`   // stand-ins are in the place of names
}

// Planned tells what one profile's probe is going to do.
type Planned struct {
	Settings ShownSettings `json:"settings"`
	Steps    List[StepID]  `json:"steps"`
}

// StepStart tells that a step begins, for a person who waits.
type StepStart struct {
	ID      StepID `json:"id"`
	Address Maybe  `json:"address"`
	AtMs    Ms     `json:"at_ms"`
}

// Outcome closes one profile's probe. Settings repeats the plan's, as some
// are known only at the end (an EHLO name, a prompted password).
type Outcome struct {
	Verdict     Status        `json:"verdict"`
	FailedStep  Maybe         `json:"failed_step"`
	Address     Maybe         `json:"address"`
	Interrupted bool          `json:"interrupted"`
	Settings    ShownSettings `json:"settings"`
	Next        List[Next]    `json:"next"`
	Vantage     Vantage       `json:"vantage"`
}

// RunEnd closes a run.
type RunEnd struct {
	DurationMs Ms      `json:"duration_ms"`
	Verdict    Status  `json:"verdict"`
	ExitCode   int     `json:"exit_code"`
	Vantage    Vantage `json:"vantage"`
}

// put adds a step; one of the same id and address is replaced, which happens
// to dns when look-ups beside the deciding one come late.
func (r *Result) put(step StepResult) {
	same := func(s StepResult) bool { return s.ID == step.ID && s.Address == step.Address }
	if i := slices.IndexFunc(r.Steps, same); i >= 0 {
		r.Steps[i] = step
		return
	}
	r.Steps = append(r.Steps, step)
	r.sortSteps()
}

// Add folds an event into the report. Steps stand in the order of the plan
// and, within a step, in the order in which the plan's addresses were named.
func (r *Report) Add(e Event) {
	switch {
	case e.Run != nil:
		r.Schema = ReportSchema
		r.Tool, r.Command, r.StartedAt, r.Masked = e.Run.Tool, e.Run.Command, e.Run.StartedAt, e.Run.Masked
	case e.End != nil:
		r.DurationMs, r.Verdict, r.ExitCode, r.Vantage = e.End.DurationMs, e.End.Verdict, e.End.ExitCode, e.End.Vantage
	case e.Plan != nil:
		r.Results = append(r.Results, Result{Profile: e.Profile, Settings: e.Plan.Settings, planned: e.Plan.Steps})
	case len(r.Results) > 0:
		r.Results[len(r.Results)-1].add(e)
	}
}

func (r *Result) add(e Event) {
	switch {
	case e.Step != nil:
		r.put(*e.Step)
	case e.Finding != nil:
		r.Findings = append(r.Findings, *e.Finding)
	case e.Suggestion != nil:
		r.Suggestion = e.Suggestion
	case e.Line != nil:
		r.Transcript = append(r.Transcript, *e.Line)
	case e.Result != nil:
		r.Verdict, r.FailedStep, r.Address = e.Result.Verdict, e.Result.FailedStep, e.Result.Address
		r.Interrupted, r.Settings, r.Next = e.Result.Interrupted, e.Result.Settings, e.Result.Next
	}
}
