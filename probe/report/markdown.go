package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/smtpdx/smtpdx/probe"
)

// markdown prints the hand-over when the run has ended: CommonMark without
// HTML, tables or folding, since ticket systems show those raw. A paragraph is
// one line, as some of them keep every line end.
type markdown struct {
	page
	w      io.Writer
	report probe.Report
}

func newMarkdown(w io.Writer, _ Options) output {
	return &markdown{page: newPage(Options{Unicode: true}), w: w}
}

func (m *markdown) event(e probe.Event) error {
	m.report.Add(e)
	if e.End == nil {
		return nil
	}
	_, err := io.WriteString(m.w, m.whole(handOver(&m.report)))
	return err
}

func (m *markdown) flush() {}

func (m *markdown) whole(h *handover) string {
	var b strings.Builder
	for i, p := range h.parts {
		if i > 0 {
			b.WriteString("\n")
		}
		m.part(&b, p)
	}
	return b.String()
}

func (m *markdown) part(b *strings.Builder, p part) {
	switch {
	case p.level > 0:
		fmt.Fprintln(b, strings.Repeat("#", p.level)+" "+m.inline(p.words))
	case len(p.items) > 0:
		m.list(b, p)
	case len(p.code) > 0:
		m.code(b, "    ", p.code)
	default:
		fmt.Fprintln(b, m.inline(p.words))
	}
}

// list has its code below the words, indented beyond the item's own margin.
func (m *markdown) list(b *strings.Builder, p part) {
	for i, item := range p.items {
		mark := "- "
		if p.numbered {
			mark = fmt.Sprintf("%d. ", i+1)
		}
		fmt.Fprintln(b, mark+m.inline(item.words))
		if len(item.code) > 0 {
			fmt.Fprintln(b)
			m.code(b, strings.Repeat(" ", len(mark)+4), item.code)
			if i < len(p.items)-1 {
				fmt.Fprintln(b)
			}
		}
	}
}

// code is indented code, in which nothing has a meaning. A line of blanks
// stands as an empty one.
func (m *markdown) code(b *strings.Builder, margin string, lines []string) {
	for _, line := range lines {
		fmt.Fprintln(b, strings.TrimRight(margin+m.clean(line), " "))
	}
}

// inline writes pieces on one line.
func (m *markdown) inline(words []piece) string {
	var b strings.Builder
	for i, p := range words {
		text := m.clean(p.text)
		switch {
		case p.code:
			b.WriteString(codeSpan(text))
		case p.strong:
			b.WriteString("**" + escapeMarkdown(strings.TrimSpace(text), i == 0) + "**")
		default:
			b.WriteString(escapeMarkdown(text, i == 0))
		}
	}
	return strings.TrimSpace(b.String())
}

// codeSpan quotes text with more backticks than it has in a row (CommonMark
// section 6.1); text of blanks alone, which would be no code, is told.
func codeSpan(text string) string {
	if strings.TrimSpace(text) == "" {
		return "(empty)"
	}
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if text[0] == '`' || text[len(text)-1] == '`' || text[0] == ' ' || text[len(text)-1] == ' ' {
		text = " " + text + " "
	}
	return fence + text + fence
}

// EscapeMarkdown makes a text of one line stand for itself inside a line of CommonMark.
func EscapeMarkdown(text string) string { return escapeMarkdown(text, false) }

// escapeMarkdown makes text of one line stand for itself in CommonMark and in
// GitHub's dialect, with as few marks as that takes: raw it is read as well.
// At the beginning of a line more has a meaning.
func escapeMarkdown(text string, begins bool) string {
	if begins {
		text = strings.TrimLeft(text, " ")
	}
	runes := []rune(text)
	var b strings.Builder
	for i, r := range runes {
		before, after := around(runes, i)
		if isMarkup(r, before, after) || begins && opensBlock(runes, i) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// around gives the neighbours of a character, a blank beyond the ends.
func around(runes []rune, i int) (before, after rune) {
	before, after = ' ', ' '
	if i > 0 {
		before = runes[i-1]
	}
	if i < len(runes)-1 {
		after = runes[i+1]
	}
	return before, after
}

func isMarkup(r, before, after rune) bool {
	switch r {
	case '\\', '`', '*', '[', ']', '<', '~', '|':
		return true
	case '_':
		return !isWord(before) || !isWord(after)
	case '&':
		return isWord(after) || after == '#'
	case '#':
		return before == ' ' // the end of a heading
	}
	return false
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// opensBlock knows what begins a list, a quotation, a heading or a rule.
func opensBlock(runes []rune, i int) bool {
	switch runes[i] {
	case '-', '+', '>', '=':
		return i == 0
	case '.', ')':
		return i > 0 && strings.Trim(string(runes[:i]), "0123456789") == ""
	}
	return false
}
