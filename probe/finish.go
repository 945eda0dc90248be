package probe

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// finish diagnoses, gives the verdict, and lets the connections say goodbye.
func (r *run) finish(ctx context.Context) {
	r.completeDNS(ctx)
	r.recogniseProvider()
	r.mu.Lock()
	res := r.result
	r.mu.Unlock()
	res.Settings = r.shownSettings()
	res.Address = r.mainAddress()
	res.FailedStep = Maybe(failedStep(&res))
	res.Interrupted = ctx.Err() != nil
	findings, suggestion := Diagnose(r.base, &r.settings, &res)
	suggestion = r.withTried(ctx, &res, findings, suggestion)
	for i := range findings {
		r.emit(Event{Kind: EventFinding, Finding: &findings[i]})
	}
	res.Findings, res.Suggestion = findings, suggestion
	if suggestion != nil {
		r.emit(Event{Kind: EventSuggestion, Suggestion: suggestion})
	}
	r.emit(Event{Kind: EventResult, Result: &Outcome{Verdict: verdictOf(&res), FailedStep: res.FailedStep, Address: res.Address,
		Interrupted: res.Interrupted, Settings: res.Settings, Next: nextSteps(&r.settings, &res), Vantage: r.vantage()}})
	r.leaving.Wait()
}

// recogniseProvider knows the provider by a name that the host is an alias of.
func (r *run) recogniseProvider() {
	if r.settings.Provider != nil || r.prober.ProviderOf == nil || r.dns == nil {
		return
	}
	for _, name := range r.dns.CNAME {
		if p := r.prober.ProviderOf(name); p != nil {
			r.settings.Provider = p
			return
		}
	}
}

// completeDNS reports the dns step again when look-ups beside the deciding one
// have brought something since.
func (r *run) completeDNS(ctx context.Context) {
	e := r.finishDNS(ctx)
	if e == nil {
		return
	}
	r.mu.Lock()
	i := slices.IndexFunc(r.result.Steps, func(s StepResult) bool { return s.ID == StepDNS })
	if i < 0 {
		r.mu.Unlock()
		return
	}
	step := r.result.Steps[i]
	r.mu.Unlock()
	step.Evidence = e
	r.emit(Event{Kind: EventStep, Step: &step})
}

func (r *run) mainAddress() Maybe {
	if r.main == nil {
		return ""
	}
	return r.main.address()
}

// failedStep is the first step that failed on the main lane or once.
func failedStep(res *Result) StepID {
	for _, step := range res.Steps {
		if step.Status == Fail && (step.Address == "" || step.Address == res.Address) {
			return step.ID
		}
	}
	return ""
}

// verdictOf: fail if the main lane or a once-only step failed, else warn if anything warns, else pass.
func verdictOf(res *Result) Status {
	if res.FailedStep != "" {
		return Fail
	}
	for _, step := range res.Steps {
		if step.Status == Warn || step.Status == Fail {
			return Warn
		}
	}
	for _, f := range res.Findings {
		if f.Severity == cause.Warning {
			return Warn
		}
	}
	return Pass
}

func (r *run) vantage() Vantage {
	v := r.prober.Vantage
	v.Proxy = Maybe(r.settings.Proxy)
	r.mu.Lock()
	defer r.mu.Unlock()
	v.SeenAs = Maybe(r.seenAs)
	if r.dns != nil {
		v.Resolver = r.dns.Resolver
	}
	for _, step := range r.result.Steps {
		if e, ok := step.Evidence.(*TCPEvidence); ok && e.LocalAddress != "" && v.LocalAddress == "" {
			v.LocalAddress = e.LocalAddress
		}
	}
	return v
}

// Diagnose names the causes of what a result shows, the most likely cause of
// the failure first, and what settings are likely to work. It is pure.
func Diagnose(base *cause.Base, s *Settings, res *Result) ([]Finding, *Suggestion) {
	var all []Finding
	var suggestion *Suggestion
	for _, step := range res.Steps {
		for _, facts := range factsOf(s, res, step) {
			if sideLane(res, step) {
				facts.Seen.Add(cause.SideLane)
			}
			for _, found := range base.Match(facts) {
				f := findingOf(found, step, facts)
				if f.Severity == cause.Error && (sideLane(res, step) || step.Status != Fail) {
					f.Severity = cause.Warning // the run could go on
				}
				all = merge(all, f)
				if suggestion == nil && found.Suggest != nil && speaksFor(res, step, f) {
					suggestion = suggest(s, res, found.Suggest)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(rank(res, a), rank(res, b)) })
	return all, suggestion
}

// speaksFor tells whether other settings are worth a suggestion: those that
// failed, and those that passed with a warning.
func speaksFor(res *Result, step StepResult, f Finding) bool {
	if res.FailedStep == "" {
		return f.Severity == cause.Warning && !sideLane(res, step)
	}
	return f.Severity == cause.Error && string(step.ID) == string(res.FailedStep)
}

// sideLane tells whether a step ran on another address than the main lane's.
func sideLane(res *Result, step StepResult) bool {
	return step.Address != "" && res.Address != "" && step.Address != res.Address
}

// rank puts the failed step's causes first, then warnings, then remarks. Where
// nothing failed, what became of the message goes before the way to the server.
func rank(res *Result, f Finding) int {
	n := map[cause.Severity]int{cause.Error: 0, cause.Warning: 2, cause.Info: 4}[f.Severity]
	ofMessage := slices.Contains([]StepID{StepMessage, StepDelivery, StepRedirect}, StepID(f.Step))
	if f.Step == res.FailedStep && f.Step != "" || ofMessage && res.FailedStep == "" {
		return n
	}
	return n + 1
}

func findingOf(found cause.Found, step StepResult, facts cause.Facts) Finding {
	f := NewFinding(found)
	f.Step, f.Address = Maybe(step.ID), step.Address
	if words := evidenceWords(step, facts); words != "" {
		f.Evidence = List[FindingEvidence]{{Step: Maybe(step.ID), Address: step.Address, Text: words}}
	}
	return f
}

// NewFinding is what a rule found, without the place where it was seen.
func NewFinding(found cause.Found) Finding {
	f := Finding{Cause: found.Cause, Severity: found.Severity, Confidence: found.Confidence,
		Title: found.Title, Explanation: found.Explanation, Who: found.Who}
	for _, fix := range found.Fix {
		f.Fix = append(f.Fix, fixOf(fix))
	}
	for _, d := range found.Decides {
		f.Decides = append(f.Decides, Decides{Question: d.Question, Command: Maybe(d.Command)})
	}
	for _, l := range found.Links {
		f.Links = append(f.Links, Link{Title: l.Title, URL: l.URL})
	}
	return f
}

func fixOf(fix cause.Fix) Fix {
	out := Fix{Text: fix.Text, Who: fix.Who, Setting: Maybe(fix.Setting), From: Maybe(fix.From), To: Maybe(fix.To), Path: Maybe(fix.Path)}
	for _, c := range fix.Commands {
		out.Commands = append(out.Commands, Command{Shell: c.Shell, Text: c.Text})
	}
	return out
}

// evidenceWords quotes the server where it spoke, else says what was seen.
func evidenceWords(step StepResult, facts cause.Facts) string {
	switch {
	case facts.Code != 0 && step.ID == StepSender:
		return facts.Verb + ": " + replyWords(facts)
	case facts.Code != 0 && (step.Status == Fail || facts.Code >= 400):
		return replyWords(facts)
	case step.Fault != nil:
		return step.Fault.Text
	}
	return step.Summary
}

func replyWords(f cause.Facts) string {
	return strings.TrimSpace(itoa(f.Code) + " " + strings.ReplaceAll(f.Text, "\n", " "))
}

// merge joins the same cause seen on several addresses into one finding.
func merge(all []Finding, f Finding) []Finding {
	for i, have := range all {
		if have.Cause == f.Cause && have.Step == f.Step && have.Title == f.Title {
			all[i].Evidence = append(have.Evidence, f.Evidence...)
			if f.Severity == cause.Error {
				all[i].Severity = cause.Error
			}
			return all
		}
	}
	return append(all, f)
}

// suggest gives settings that are likely to work, unverified unless a step saw them work.
func suggest(s *Settings, res *Result, change *cause.Suggest) *Suggestion {
	set := SuggestedSettings{Host: s.Host, Port: s.Port, Encryption: string(s.Encryption), Account: res.Settings.Account}
	if change.Host != "" {
		set.Host = change.Host
	}
	if change.Port != 0 {
		set.Port = change.Port
	}
	if change.Encryption != "" {
		set.Encryption = change.Encryption
	}
	return &Suggestion{Settings: set, Text: change.Text}
}
