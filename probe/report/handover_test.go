package report

import (
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

// The syntax that a hostile server, certificate or profile name tries on
// whoever reads the report in another format.
const (
	htmlTry     = `<script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt;`
	markdownTry = "[click](javascript:alert(3)) ![x](http://evil.example/p.png) **bold** `code` ``` ~~gone~~ | a | <http://evil.example/>"
	xmlTry      = `]]></failure></testcase><testcase name="forged"/><!-- &bad; <![CDATA[`
	workflowTry = "::error file=x::forged\r\n::set-output name=a::b%0A::warning::c"
	nagiosTry   = "OK | time=0;;;; \\n forged"
	headingTry  = "# heading #\n- item\n1. one\n> quote\n---\n    code"
)

// injectionScene is a server that tries all of that everywhere it has a say.
func injectionScene() scene {
	s := nameScene()
	all := []string{htmlTry, markdownTry, xmlTry, workflowTry, nagiosTry, headingTry, "\x1b[2J\x00\u202e"}
	f := &s.findings[0]
	f.Title, f.Explanation = headingTry+" "+htmlTry, markdownTry+"\n"+xmlTry
	f.Cause = "cause-`" + workflowTry
	for _, text := range all {
		f.Evidence = append(f.Evidence, probe.FindingEvidence{Text: text})
		f.Fix = append(f.Fix, probe.Fix{Text: text, Setting: "host", From: probe.Maybe(text), To: probe.Maybe(text), Path: probe.Maybe(text),
			Commands: probe.List[probe.Command]{{Shell: "posix", Text: text}}})
		s.transcript = append(s.transcript, probe.TranscriptLine{Connection: 1, From: "server", Text: text, Purpose: htmlTry, Address: probe.Maybe(markdownTry)})
	}
	for i := range s.steps {
		s.steps[i].Summary = all[i%len(all)]
	}
	step := &s.steps[4]
	step.Reply = reply(550, "", all...)
	e := step.Evidence.(*probe.CertificateEvidence)
	e.Chain[0].Subject, e.Chain[0].Issuer, e.Chain[0].Names = "CN="+htmlTry, "CN="+markdownTry, all
	s.profile = "p-" + markdownTry + workflowTry + htmlTry
	s.settings.Account, s.settings.From = probe.Maybe(markdownTry), all
	s.settings.Origins["host"] = probe.Origin{From: "file", Where: htmlTry + markdownTry}
	s.suggestion.Text = htmlTry + xmlTry
	s.outcome.Next = next("smtpdx check '"+workflowTry+"' `", htmlTry)
	return s
}

// documentScenes are what the golden files of every document show.
func documentScenes() map[string][]scene {
	return map[string][]scene{
		"tenant": {tenantScene()}, "sender": {transcriptScene()}, "certificate-name": {nameScene()}, "pass": {passScene()}, "warn": {warnScene()},
		"interrupted": {interruptedScene()}, "several-profiles": severalScenes(), "hostile": {hostileScene()}, "injection": {injectionScene()},
		"message-partly": {partlyScene()}, "delivered": {deliveredScene()}, "by-hand": {byHandScene()},
	}
}

func goldenDocuments(t *testing.T, format, ending string) {
	t.Helper()
	for name, scenes := range documentScenes() {
		t.Run(name, func(t *testing.T) {
			golden(t, name+ending, printed(t, format, Options{}, play(scenes...)))
		})
	}
}

func TestABarShowsWhenAStepRan(t *testing.T) {
	step := func(started, took float64) probe.StepResult {
		return probe.StepResult{StartedMs: ptr(probe.Ms(started)), DurationMs: ptr(probe.Ms(took))}
	}
	for _, c := range []struct {
		step probe.StepResult
		want string
	}{
		{step(0, 100), "####################"},
		{step(50, 50), "          ##########"},
		{step(100, 0), "                   #"},
		{step(0, 0.01), "#                   "},
		{step(-1e300, 1e308), "####################"},
		{probe.StepResult{}, "                    "},
	} {
		if got := bar(c.step, 0, 100); got != c.want {
			t.Errorf("%v: |%s|, want |%s|", c.step.StartedMs, got, c.want)
		}
	}
}
