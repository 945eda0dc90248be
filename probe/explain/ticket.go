package explain

import (
	"slices"
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
	said     string // what of the text the rules shall look at
	settings Settings
	secrets  int // how many were found and dropped
	redactor secret.Redactor
}

// mostSecrets is how many different secrets are looked for in all of a text.
const mostSecrets = 64

func readTicket(text string, given Settings) *ticket {
	t := &ticket{settings: given}
	raw := findSecrets(text)
	for len(raw) > mostSecrets { // no ticket has as many; each costs a pass over the text
		text = text[:len(text)/2]
		raw = findSecrets(text)
	}
	t.redactor.Learn(raw...)
	var found []string
	if plain := unwrap(text); plain != text || len(raw) > 0 { // else it was looked through already
		text = plain
		found = findSecrets(t.redactor.Text(text))
		t.redactor.Learn(found...)
	}
	t.secrets = len(raw) + len(found)
	text = t.redactor.Text(text)
	t.settings.complete(text)
	t.text = cleanLines(text)
	t.said = t.words()
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
	found := base.Match(facts)
	isError = isError || isSpecial(found)
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
		x.add(found, facts, t.evidence())
	}
	settings := settingsFacts(t)
	x.add(base.Match(settings), settings, "")
	x.Findings = ordered(x.Findings)
	var change *cause.Suggest
	if isError && len(found) > 0 {
		change = found[0].Suggest
	}
	x.Next = nextFor(t.settings, change, x.Findings)
	if isError && len(x.Findings) > 0 {
		x.Occurrences = append(x.Occurrences, Occurrence{Cause: x.Findings[0].Cause, Host: probe.Maybe(t.settings.Host), Count: 1, Example: t.evidence()})
	}
	return x
}

// add puts in what the rules say of facts.
func (x *Explanation) add(all []cause.Found, facts cause.Facts, evidence string) {
	for _, found := range all {
		f := probe.NewFinding(found)
		f.Step = probe.Maybe(stepOf(facts))
		if evidence != "" {
			f.Evidence = append(f.Evidence, probe.FindingEvidence{Step: f.Step, Text: evidence})
		}
		x.Findings = append(x.Findings, f)
	}
}

// isSpecial tells whether a rule knew the words of a text although no code and
// no fault stands in it.
func isSpecial(all []cause.Found) bool {
	return len(all) > 0 && all[0].Severity == cause.Error && !all[0].General
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

// evidence quotes the lines that decided: the refusal with what belongs to it,
// else the client's words.
func (t *ticket) evidence() string {
	lines := strings.Split(directionMarks().ReplaceAllString(t.said, "$1"), "\n")
	at := decidingLine(lines)
	end := at + 1
	for end < len(lines) && end < at+4 && belongsTo(lines[end], lines[at]) {
		end++
	}
	words := strings.Join(strings.Fields(strings.Join(lines[at:end], " ")), " ")
	return shortened(words, longestEvidence)
}

// directionMarks stand before the lines of a transcript.
var directionMarks = compiled(`(?m)^(?:<[-~*]+[ \t]{1,2}|[~=*>-]+ )( {2})?`)

func decidingLine(lines []string) int {
	if r, ok := decisive(strings.Join(lines, "\n")); ok {
		return lineOf(lines, r.at)
	}
	for _, tells := range []func(string) bool{tellsOfFault, isGeneric, func(line string) bool { return strings.TrimSpace(line) != "" }} {
		if i := slices.IndexFunc(lines, tells); i >= 0 {
			return i
		}
	}
	return 0
}

// lineOf is the line in which a place of the joined text is.
func lineOf(lines []string, at int) int {
	for i, line := range lines {
		if at <= len(line) {
			return i
		}
		at -= len(line) + 1
	}
	return len(lines) - 1
}

// belongsTo: the lines of a reply begin with its code, folded ones with a blank.
func belongsTo(line, first string) bool {
	first, line = strings.TrimSpace(first), strings.TrimRight(line, " ")
	return len(first) > 3 && first[3] == '-' && strings.HasPrefix(strings.TrimSpace(line), first[:3]) || strings.HasPrefix(line, "  ") && !isFrame(line)
}

func shortened(s string, longest int) string {
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest-3]) + "..."
	}
	return s
}

func isBlank(text string) bool { return strings.TrimSpace(text) == "" }
