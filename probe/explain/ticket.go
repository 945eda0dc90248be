package explain

import (
	"strings"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// ticket is a text made ready to be understood: unwrapped, without secrets,
// its settings read.
type ticket struct {
	text     string
	settings Settings
	secrets  int // how many were found and dropped
	redactor secret.Redactor
}

func readTicket(text string, given Settings) *ticket {
	t := &ticket{settings: given}
	raw := findSecrets(text)
	t.redactor.Learn(raw...)
	text = unwrap(text)
	found := findSecrets(t.redactor.Text(text))
	t.redactor.Learn(found...)
	t.secrets = len(raw) + len(found)
	t.text = cleanLines(t.redactor.Text(text))
	t.settings.complete(t.text)
	if t.settings.Provider == "" {
		t.settings.Provider = providerOf(t.settings)
	}
	return t
}

// cleanLines takes out control characters; a long text is cleaned in pieces,
// as one piece of outside text has a bound.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = secret.Clean(line)
	}
	return strings.Join(lines, "\n")
}

// providerOf is the preset of the host, or of a mail domain that stands in its place.
func providerOf(s Settings) string {
	if id, ok := presets.MatchHost(s.Host); ok {
		return id
	}
	id, _ := presets.MatchDomain(s.Host)
	return id
}

// explain asks the rules.
func (t *ticket) explain(base *cause.Base, given Settings) *Explanation {
	facts, isError := factsOf(t)
	isError = isError || base.Says(facts.Text)
	kind := Other
	switch {
	case isError:
		kind = Error
	case t.settings != given || t.secrets > 0:
		kind = SettingsOnly
	}
	x := newExplanation(given, t.settings, kind)
	if !x.isUsable() {
		return x
	}
	if isError {
		x.add(base, facts, t.evidence(facts))
	}
	x.add(base, settingsFacts(t), "")
	x.Findings = ordered(x.Findings)
	x.Next = nextFor(t.settings, x.Findings)
	if isError && len(x.Findings) > 0 {
		x.Occurrences = append(x.Occurrences, Occurrence{Cause: x.Findings[0].Cause, Host: probe.Maybe(t.settings.Host), Count: 1, Example: t.evidence(facts)})
	}
	return x
}

// add puts in what the rules say of facts.
func (x *Explanation) add(base *cause.Base, facts cause.Facts, evidence string) {
	for _, found := range base.Match(facts) {
		f := probe.NewFinding(found)
		f.Step = probe.Maybe(stepOf(facts))
		if evidence != "" {
			f.Evidence = append(f.Evidence, probe.FindingEvidence{Step: f.Step, Text: evidence})
		}
		x.Findings = append(x.Findings, f)
	}
}

// stepOf is the step, where the text leaves but one.
func stepOf(f cause.Facts) string {
	if f.Step == "" && len(f.Steps) == 1 {
		return f.Steps[0]
	}
	return f.Step
}

// ordered puts errors before warnings before remarks, and each cause once.
func ordered(all []probe.Finding) []probe.Finding {
	var kept []probe.Finding
	for _, severity := range []cause.Severity{cause.Error, cause.Warning, cause.Info} {
		for _, f := range all {
			if f.Severity == severity && !hasCause(kept, f.Cause) {
				kept = append(kept, f)
			}
		}
	}
	return kept
}

func hasCause(all []probe.Finding, id string) bool {
	for _, f := range all {
		if f.Cause == id {
			return true
		}
	}
	return false
}

// longestEvidence is how much of the text a finding quotes, in characters.
const longestEvidence = 400

// evidence quotes the line that decided, and the next when it is short.
func (t *ticket) evidence(f cause.Facts) string {
	lines := strings.Split(f.Text, "\n")
	at := 0
	for i, line := range lines {
		if tellsOfError(line) {
			at = i
			break
		}
	}
	return shortened(strings.Join(strings.Fields(strings.Join(lines[at:min(len(lines), at+3)], " ")), " "), longestEvidence)
}

func shortened(s string, longest int) string {
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest-3]) + "..."
	}
	return s
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }
