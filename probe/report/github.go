package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// github prints workflow commands that GitHub Actions shows as annotations,
// when the run has ended. Nothing else is printed, as any line that begins with
// "::" would be obeyed.
type github struct {
	page
	w      io.Writer
	report probe.Report
}

func newGitHub(w io.Writer, _ Options) output {
	return &github{page: newPage(Options{Unicode: true}), w: w}
}

func (g *github) event(e probe.Event) error {
	g.report.Add(e)
	if e.End == nil {
		return nil
	}
	for i := range g.report.Results {
		g.result(&g.report.Results[i])
	}
	return nil
}

func (g *github) flush() {}

// result annotates what the verdict names as an error, and what else warns.
func (g *github) result(r *probe.Result) {
	main := mainFinding(r)
	if r.Verdict == probe.Fail && main == nil {
		g.annotate("error", headline(r), []string{verdictSentence(r)})
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f == main && r.Verdict == probe.Fail:
			g.annotate("error", headline(r), g.message(r, f))
		case f.Severity != cause.Info:
			g.annotate("warning", nameOf(r)+": "+f.Title, g.message(r, f))
		}
	}
	if r.Verdict != probe.Fail && (r.Verdict == probe.Pass || r.Interrupted) {
		g.annotate("notice", nameOf(r), []string{verdictSentence(r)})
	}
}

// message is a finding with the server's words and what to do.
func (g *github) message(r *probe.Result, f *probe.Finding) []string {
	lines := []string{strings.TrimSpace(stepOf(r, f) + " " + f.Cause)}
	for _, item := range serverItems(f, deciding(r, f)) {
		for _, words := range item.words {
			if words.code {
				lines = append(lines, words.text)
			}
		}
		lines = append(lines, item.code...)
	}
	for i, fix := range f.Fix {
		item := fixItem(fix, f.Who, i > 0 && !isAdvice(fix))
		lines = append(append(lines, "- "+item.words[0].text), item.code...)
	}
	return append(lines, "For "+whoWords(f.Who))
}

func stepOf(r *probe.Result, f *probe.Finding) string {
	if f.Step != "" {
		return string(f.Step)
	}
	return string(r.FailedStep)
}

// annotate writes one workflow command. Every text is cleaned and escaped, so
// that neither a line end nor a colon of a server makes another command.
func (g *github) annotate(level, title string, message []string) {
	for i := range message {
		message[i] = g.clean(message[i])
	}
	fmt.Fprintf(g.w, "::%s title=%s::%s\n", level, escapeProperty(g.clean(title)), escapeData(strings.Join(message, "\n")))
}

// escapeData and escapeProperty write what the runner reads back
// (actions/toolkit, packages/core/src/command.ts).
func escapeData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func escapeProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escapeData(s))
}
