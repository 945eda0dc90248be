package report

import (
	"fmt"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// mostRows is how many lines of 80 columns may follow the steps; of narrower
// ones it takes more to say the same.
const mostRows = 24

func (p page) mostRows() int { return mostRows * (widest - 1) / p.limit }

// labelWidth is the column at which what stands behind a label begins.
const labelWidth = 12

// line is a line behind a label. Lead stands in the label's place: "or".
type line struct{ lead, text string }

// section is a label with what stands behind it.
type section struct {
	label string
	lines []line
	floor int    // lines that stay when there is no room
	short []line // what stands in place of the lines when there is no room; nil: the lines, cut
}

// block is a run of sections without a blank line in between.
type block []*section

// diagnosis is everything below the steps: the verdict, the labels in their
// fixed order, and the next command as the last line.
func (t *text) diagnosis(r *probe.Result, v probe.Vantage) []row {
	f := mainFinding(r)
	var blocks []block
	switch {
	case r.Verdict == probe.Fail:
		blocks = []block{append(t.causeBlock(r, f), t.also(r, f), t.seenFromFailure(r, v)), t.redirectBlock(r), t.suggested(r)}
	case r.Interrupted:
		blocks = []block{{t.also(r, f)}}
	case f != nil:
		blocks = []block{append(t.causeBlock(r, f), t.also(r, f)), t.arrivalBlock(r), t.passBlock(r, v)}
	default:
		blocks = []block{t.arrivalBlock(r), append(t.passBlock(r, v), t.also(r, f))}
		blocks[1] = seenFromLast(blocks[1])
	}
	head := t.verdict(r)
	next := t.nextRows(r)
	t.shrink(blocks, t.mostRows()-1-len(head)-rowsWithBlank(len(next)))
	rows := append([]row{nil}, head...)
	for _, b := range blocks {
		if lines := t.blockRows(b); len(lines) > 0 {
			rows = append(append(rows, nil), lines...)
		}
	}
	if len(next) > 0 {
		rows = append(append(rows, nil), next...)
	}
	return rows
}

// verdict is the sentence of the verdict; the time at its end is not torn apart.
func (t *text) verdict(r *probe.Result) []row {
	sentence, look := verdictSentence(r), verdictStyle(r.Verdict)
	rows := t.paragraph(span{sentence, look})
	at := strings.LastIndex(sentence, " (")
	if r.Verdict == probe.Fail || at < 0 || strings.Contains(rows[len(rows)-1][0].text, sentence[at+1:]) {
		return rows
	}
	return append(t.paragraph(span{sentence[:at], look}), row{{sentence[at+1:], look}})
}

func rowsWithBlank(n int) int {
	if n == 0 {
		return 0
	}
	return n + 1
}

// causeBlock explains a finding; without one the step's own words must do.
func (t *text) causeBlock(r *probe.Result, f *probe.Finding) block {
	step := deciding(r, f)
	if f == nil {
		return block{t.server(nil, step)}
	}
	change, better, not := t.fixes(f)
	return block{
		t.section("Cause", 1, f.Cause+" ("+string(f.Confidence)+")"+elsewhere(r, f)),
		t.server(f, step),
		t.entered(step),
		t.carries(step),
		t.sentBefore(r, step),
		t.section("Why", 3, strings.Split(f.Explanation, "\n")...),
		change,
		t.tried(r, step),
		t.open(f),
		better,
		not,
		t.section("Who", 1, whoWords(f.Who)),
	}
}

// elsewhere names the address of a finding that is not about the main one.
func elsewhere(r *probe.Result, f *probe.Finding) string {
	if f.Address == "" || r.Address == "" || f.Address == r.Address {
		return ""
	}
	return " on " + hostOf(f.Address)
}

// passBlock is what to enter elsewhere, and what a check cannot tell.
func (t *text) passBlock(r *probe.Result, v probe.Vantage) block {
	var open []*probe.Finding
	var soon []string
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f == mainFinding(r):
		case isAnnouncement(f.Cause):
			soon = append(soon, f.Title)
		case f.Severity == cause.Info && len(f.Decides) > 0:
			open = append(open, f)
		}
	}
	if reached(r, probe.StepAuth) || reached(r, probe.StepSender) {
		return block{t.sent(r, onlyStep(r, probe.StepMessage)), t.byHand(r), t.enter(r.Settings), t.better(r.Suggestion), t.open(open...), t.section("Soon", 1, soon...), t.seenFromPass(r, v)}
	}
	return block{t.open(open...), t.section("Soon", 1, soon...), t.seenFromPass(r, v)}
}

// better are other settings that were seen to work too, where those that were
// asked for work in a questionable way.
func (t *text) better(s *probe.Suggestion) *section {
	if s == nil || !s.Verified {
		return nil
	}
	return t.section("Better", 2, s.Text, fmt.Sprintf("Host %s   Port %d   Encryption %s", s.Settings.Host, s.Settings.Port, encryptionWord(s.Settings.Encryption)))
}

// seenFromLast moves the further findings before the last label.
func seenFromLast(b block) block {
	n := len(b)
	b[n-1], b[n-2] = b[n-2], b[n-1]
	return b
}

// reached tells whether a step was run.
func reached(r *probe.Result, id probe.StepID) bool {
	for _, step := range r.Steps {
		if step.ID == id && step.Status != probe.Skip {
			return true
		}
	}
	return false
}

// isAnnouncement knows causes of something that is still to come by the end of their ids.
func isAnnouncement(id string) bool {
	return strings.HasSuffix(id, "-soon") || strings.HasSuffix(id, "-ending")
}

// section makes a section of paragraphs; nothing to say makes none.
func (t *text) section(label string, floor int, paragraphs ...string) *section {
	s := &section{label: label, floor: floor}
	for _, p := range paragraphs {
		s.lines = append(s.lines, t.wrapped(p)...)
	}
	if len(s.lines) == 0 {
		return nil
	}
	return s
}

// wrapped breaks a paragraph behind a label.
func (t *text) wrapped(paragraph string) []line {
	if strings.TrimSpace(paragraph) == "" {
		return nil
	}
	room := t.limit - labelWidth
	var lines []line
	for _, text := range t.wrap(paragraph, room, room) {
		lines = append(lines, line{text: text})
	}
	return lines
}

// open are the questions that would decide, each with the command that asks it.
func (t *text) open(findings ...*probe.Finding) *section {
	s := &section{label: "Open", floor: 2}
	room := t.limit - labelWidth
	for _, f := range findings {
		for _, d := range f.Decides {
			words := t.clean(strings.TrimSpace(d.Question + " " + string(d.Command)))
			if d.Command == "" || columns(words) <= room {
				s.lines = append(s.lines, t.wrapped(words)...)
				continue
			}
			s.lines = append(s.lines, t.wrapped(d.Question)...)
			for _, part := range t.breakCommand(string(d.Command), t.shell, room, room) {
				s.lines = append(s.lines, line{text: part})
			}
		}
	}
	return given(s)
}

// also names the further findings, whole where there is room, else on one line each.
func (t *text) also(r *probe.Result, main *probe.Finding) *section {
	s := &section{label: "Also"}
	for i := range r.Findings {
		f := &r.Findings[i]
		passed := r.Verdict != probe.Fail && !r.Interrupted
		if f == main || passed && (isAnnouncement(f.Cause) || f.Severity == cause.Info && len(f.Decides) > 0) {
			continue // it has a label of its own
		}
		s.lines = append(s.lines, t.wrapped(f.Cause+": "+f.Title)...)
		s.short = append(s.short, line{text: t.oneLine(f.Cause + ": " + f.Title)})
	}
	if len(s.lines) == 0 {
		return nil
	}
	return s
}

// oneLine cuts text to what fits behind a label.
func (t *text) oneLine(s string) string {
	room := t.limit - labelWidth
	if whole := t.clean(s); columns(whole) <= room {
		return whole
	}
	s = strings.TrimSuffix(s, " ...")
	return t.wrap(s, room-4, room-4)[0] + " ..."
}

// enter are settings in the words of a form.
func (t *text) enter(s probe.ShownSettings) *section {
	fields := []string{"Host " + string(s.Host)}
	if s.Port != nil {
		fields = append(fields, "Port "+settingPort(*s.Port))
	}
	fields = append(fields, "Encryption "+encryptionWord(string(s.Encryption)))
	var people []string
	if s.Account != "" {
		people = append(people, "Account "+string(s.Account))
	}
	if from := strings.Join(s.From, ", "); from != "" && from != string(s.Account) {
		people = append(people, "Sender "+from)
	}
	return t.form(fields, people, string(s.Encryption))
}

// form lays out fields, and says how a form with other words has them.
func (t *text) form(fields, people []string, encryption string) *section {
	s := &section{label: "Enter", floor: 3}
	s.lines = append(t.fields(fields), t.fields(people)...)
	switch probe.Encryption(encryption) {
	case probe.SSL:
		s.lines = append(s.lines, t.wrapped(`(a form that offers only "SSL" and "TLS": SSL here)`)...)
	case probe.STARTTLS:
		s.lines = append(s.lines, t.wrapped(`(a form that offers only "SSL" and "TLS": TLS here)`)...)
	}
	return s
}

// fields stand side by side as far as there is room.
func (t *text) fields(fields []string) []line {
	room := t.limit - labelWidth
	var lines []line
	current := ""
	for _, field := range fields {
		field = t.clean(field)
		if current != "" && columns(current)+3+columns(field) > room {
			lines = append(lines, t.wrapped(current)...)
			current = ""
		}
		if current != "" {
			current += "   "
		}
		current += field
	}
	return append(lines, t.wrapped(current)...)
}

// suggested are the settings that are likely to work.
func (t *text) suggested(r *probe.Result) block {
	if r.Suggestion == nil {
		return nil
	}
	set := r.Suggestion.Settings
	var people []string
	if set.Account != "" {
		people = []string{"Account " + string(set.Account)}
	}
	enter := t.form([]string{"Host " + set.Host, "Port " + settingPort(set.Port), "Encryption " + encryptionWord(set.Encryption)}, people, set.Encryption)
	if !r.Suggestion.Verified {
		enter.lines = append(enter.lines, t.wrapped("(likely to work; not tried yet)")...)
		enter.floor++
	}
	return block{enter}
}

// nextRows is the next command, whole where it fits on a line.
func (t *text) nextRows(r *probe.Result) []row {
	for _, next := range r.Next {
		if next.Command == "" {
			if next.Text == "" {
				continue
			}
			return t.paragraph(span{"Next: " + next.Text, plain})
		}
		command, remark := t.clean(string(next.Command)), t.clean("  ("+next.Text+")")
		if len("Next: ")+columns(command)+columns(remark) <= t.limit && next.Text != "" {
			return []row{{{"Next: ", strong}, {command, plain}, {remark, faint}}}
		}
		lines := t.breakCommand(command, string(next.Shell), t.limit-len("Next: "), t.limit-len("Next: "))
		rows := []row{{{"Next: ", strong}, {lines[0], plain}}}
		for _, text := range lines[1:] {
			rows = append(rows, row{{strings.Repeat(" ", len("Next: ")), plain}, {text, plain}})
		}
		return rows
	}
	return nil
}

// blockRows prints sections.
func (t *text) blockRows(b block) []row {
	var rows []row
	for _, s := range b {
		if s == nil {
			continue
		}
		for i, l := range s.lines {
			before := span{strings.Repeat(" ", labelWidth), plain}
			switch {
			case i == 0:
				before = span{"  " + pad(s.label, labelWidth-2), strong}
			case l.lead != "":
				before = span{pad("       "+l.lead, labelWidth), plain}
			}
			rows = append(rows, row{before, {l.text, plain}})
		}
	}
	return rows
}

// shrink takes lines away until all fit, from what is missed least: further
// findings, the place looked from, explanations, then the rest. What is gone
// is counted, with how to see it.
func (t *text) shrink(blocks []block, room int) {
	if height(blocks) <= room {
		return
	}
	for _, s := range labelled(blocks, "Also") {
		s.lines = s.short
	}
	if height(blocks) <= room {
		return
	}
	more := &section{label: "More", floor: 1, lines: []line{{}}}
	blocks[0] = append(blocks[0], more)
	gone := 0
	for _, label := range []string{"Also", "Way", "Header", "Rule", "Seen from", "Why", "Server", "Carries", "Change", "Open", "Not", "Better", "Tried", "Soon", "Enter", "Who"} {
		for _, s := range labelled(blocks, label) {
			gone += t.shorten(s, height(blocks)-room)
		}
	}
	more.lines[0].text = fmt.Sprintf("%d %s left out: -o json", gone, plural("line", gone))
}

// shorten takes up to n lines from a section, marks the place, and tells how many.
func (t *text) shorten(s *section, n int) int {
	n = min(n, len(s.lines)-s.floor)
	if n <= 0 {
		return 0
	}
	s.lines = s.lines[:len(s.lines)-n]
	if last := len(s.lines) - 1; last >= 0 && s.label != "Also" {
		s.lines[last].text = t.oneLine(s.lines[last].text + " ...")
	}
	return n
}

func labelled(blocks []block, label string) []*section {
	var out []*section
	for _, b := range blocks {
		for _, s := range b {
			if s != nil && s.label == label {
				out = append(out, s)
			}
		}
	}
	return out
}

// height counts lines, a blank one before every block.
func height(blocks []block) int {
	n := 0
	for _, b := range blocks {
		lines := 0
		for _, s := range b {
			if s != nil {
				lines += len(s.lines)
			}
		}
		n += rowsWithBlank(lines)
	}
	return n
}
