package main

import (
	"fmt"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/explain"
	"github.com/smtpdx/smtpdx/probe/report"
)

func causeIDs() []string {
	var ids []string
	for _, c := range cause.Builtin().All() {
		ids = append(ids, c.ID)
	}
	return ids
}

// printCauses lists the causes, one line each.
func (o *explainOptions) printCauses(p *process) error {
	all := cause.Builtin().All()
	if o.output.format == formatJSON {
		return printDocument(p, causesDocument(all))
	}
	width := 0
	for _, c := range all {
		width = max(width, len(c.ID))
	}
	for _, c := range all {
		if o.output.format == formatMarkdown {
			fmt.Fprintf(p.out, "- `%s`: %s\n", c.ID, c.Title)
			continue
		}
		fmt.Fprintf(p.out, "%-*s  %s\n", width, c.ID, c.Title)
	}
	return nil
}

// printCause shows all that is known of one.
func (o *explainOptions) printCause(p *process) error {
	id := strings.ToLower(strings.TrimSpace(o.cause))
	c, known := cause.Builtin().Lookup(id)
	if !known {
		hint := "smtpdx explain --list shows what there is."
		if near := nearest(id, causeIDs()); near != "" {
			hint = "Did you mean " + near + "? " + hint
		}
		p.complain("there is no cause of that id", hint)
		return exitWith(exitUnknown)
	}
	switch o.output.format {
	case formatJSON:
		return printDocument(p, causesDocument([]cause.Cause{c}))
	case formatMarkdown:
		fmt.Fprint(p.out, causeSheet(c).markdown())
	default:
		fmt.Fprint(p.out, causeSheet(c).text(p.term.width))
	}
	return nil
}

func causeSheet(c cause.Cause) *sheet {
	s := &sheet{title: c.ID + ": " + c.Title}
	s.add("Seen at", c.Step)
	s.add("Severity", string(c.Severity))
	s.add("Why", c.Explanation)
	for i, fix := range c.Fix {
		label := "Change"
		if i > 0 {
			label = ""
		}
		s.add(label, fix.Text, fixWords(fix), fix.Path)
		for _, command := range fix.Commands {
			for line := range strings.Lines(command.Text) {
				s.addCommand("", strings.TrimRight(line, "\n"))
			}
		}
	}
	s.add("Who", report.WhoWord(c.Who))
	for _, d := range c.Decides {
		s.add("Decides", d.Question)
		if d.Command != "" {
			s.addCommand("", d.Command)
		}
	}
	for _, l := range c.Links {
		s.add("Link", l.Title, l.URL)
	}
	return s
}

func fixWords(f cause.Fix) string {
	if f.Setting == "" || f.To == "" {
		return ""
	}
	if f.From == "" {
		return fmt.Sprintf("%s: %s", f.Setting, f.To)
	}
	return fmt.Sprintf("%s: %s -> %s", f.Setting, f.From, f.To)
}

// causesDocument is what is known of causes, as an explanation without a text.
func causesDocument(all []cause.Cause) explain.Explanation {
	x := explain.Explanation{Schema: explain.Schema}
	x.Settings.Origins = map[string]string{}
	for _, c := range all {
		f := probe.NewFinding(cause.Found{Cause: c.ID, Severity: c.Severity, Confidence: cause.Possible, Title: c.Title, Explanation: c.Explanation,
			Who: c.Who, Fix: c.Fix, Decides: c.Decides, Links: c.Links})
		x.Findings = append(x.Findings, f)
	}
	return x
}
