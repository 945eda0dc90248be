package report

import "github.com/smtpdx/smtpdx/probe"

// Events gives the events whose fold is the report, so that a saved run prints
// like a live one.
func Events(r probe.Report) []probe.Event {
	events := []probe.Event{{Kind: probe.EventRun, Schema: probe.EventSchema, Run: &probe.RunBegin{Tool: r.Tool, Command: r.Command,
		StartedAt: r.StartedAt, Profiles: len(r.Results), Masked: r.Masked}}}
	for i := range r.Results {
		events = append(events, eventsOf(&r.Results[i], r.Vantage)...)
	}
	return append(events, probe.Event{Kind: probe.EventEnd, End: &probe.RunEnd{DurationMs: r.DurationMs, Verdict: r.Verdict, ExitCode: r.ExitCode, Vantage: r.Vantage}})
}

func eventsOf(r *probe.Result, v probe.Vantage) []probe.Event {
	events := []probe.Event{{Kind: probe.EventPlan, Profile: r.Profile, Plan: &probe.Planned{Settings: r.Settings, Steps: plannedOf(r)}}}
	for i := range r.Transcript {
		events = append(events, probe.Event{Kind: probe.EventTranscript, Profile: r.Profile, Line: &r.Transcript[i]})
	}
	for i := range r.Steps {
		events = append(events, probe.Event{Kind: probe.EventStep, Profile: r.Profile, Step: &r.Steps[i]})
	}
	for i := range r.Findings {
		events = append(events, probe.Event{Kind: probe.EventFinding, Profile: r.Profile, Finding: &r.Findings[i]})
	}
	if r.Suggestion != nil {
		events = append(events, probe.Event{Kind: probe.EventSuggestion, Profile: r.Profile, Suggestion: r.Suggestion})
	}
	return append(events, probe.Event{Kind: probe.EventResult, Profile: r.Profile, Result: &probe.Outcome{Verdict: r.Verdict, FailedStep: r.FailedStep,
		Address: r.Address, Interrupted: r.Interrupted, Settings: r.Settings, Next: r.Next, Vantage: v}})
}
