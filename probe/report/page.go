package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// The columns that lines may have. The last column stays free: some consoles
// begin a new line of their own when it is written.
const (
	widest    = 80
	narrowest = 40
	roomy     = 60 // from here on steps stand in a table
)

// style is how a piece of text stands out. Words say everything; styles only help the eye.
type style int

const (
	plain style = iota
	good
	doubtful
	bad
	faint
	strong
	styles
)

// span is a piece of a line.
type span struct {
	text  string
	style style
}

// row is one line.
type row []span

// page knows what lines may look like. Everything that reaches the writer goes
// through put, which cleans it, whatever was cleaned before.
type page struct {
	limit    int // columns that a line may have
	unicode  bool
	terminal bool
	paint    [styles]lipgloss.Style
}

func newPage(o Options) page {
	width := o.Width
	if width <= 0 || width > widest {
		width = widest
	}
	p := page{limit: max(width, narrowest) - 1, unicode: o.Unicode, terminal: o.Terminal}
	// A renderer with a profile of its own never asks the terminal for its
	// colours: one that does not answer would cost seconds.
	renderer := lipgloss.NewRenderer(io.Discard)
	renderer.SetColorProfile(termenv.Ascii)
	if o.Color {
		renderer.SetColorProfile(termenv.ANSI)
	}
	renderer.SetHasDarkBackground(true)
	color := func(c string) lipgloss.Style { return renderer.NewStyle().Foreground(lipgloss.Color(c)) }
	p.paint = [styles]lipgloss.Style{plain: renderer.NewStyle(), good: color("2"), doubtful: color("3"), bad: color("1").Bold(true),
		faint: color("8"), strong: renderer.NewStyle().Bold(true)}
	return p
}

// clean makes text fit for this page: one line, nothing a terminal would act
// upon, and ASCII only where the console shows no more.
func (p page) clean(s string) string {
	s = strings.ReplaceAll(secret.Clean(s), "\n", " ")
	if p.unicode {
		return s
	}
	return asciiOnly(s)
}

func asciiOnly(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

// put writes rows.
func (p page) put(w io.Writer, rows ...row) {
	for _, r := range rows {
		var b strings.Builder
		for _, s := range r {
			b.WriteString(p.styled(p.clean(s.text), s.style))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// styled paints the words, not the blanks around them.
func (p page) styled(text string, s style) string {
	words := strings.Trim(text, " ")
	if s == plain || words == "" {
		return text
	}
	before, after, _ := strings.Cut(text, words)
	return before + p.paint[s].Render(words) + after
}

// columns is how wide text is on a terminal.
func columns(s string) int { return lipgloss.Width(s) }

// pad fills text up with blanks.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-columns(s), 0))
}

// wrap breaks text at blanks into lines of at most width columns, the first of
// them first columns, which may be fewer. Blanks within a line stay as they
// are, those before the first word as far as there is room for them; a word
// that is longer than a line has one of its own.
func (p page) wrap(text string, first, width int) []string {
	text = strings.TrimRight(p.clean(text), " ")
	var out []string
	room, line := first, ""
	for text != "" {
		blanks := text[:len(text)-len(strings.TrimLeft(text, " "))]
		word, _, _ := strings.Cut(text[len(blanks):], " ")
		text = text[len(blanks)+len(word):]
		if line == "" && len(out) > 0 {
			blanks = ""
		}
		tooLong := columns(line)+columns(blanks)+columns(word) > room
		if tooLong && (strings.TrimLeft(line, " ") != "" || room < width) {
			out, line, blanks, room = append(out, line), "", "", width
		}
		if line == "" {
			blanks = blanks[:min(len(blanks), max(room-columns(word), 0))]
		}
		line += blanks + word
	}
	return append(out, line)
}

// texts makes rows of lines.
func texts(lines []string) []row {
	rows := make([]row, 0, len(lines))
	for _, line := range lines {
		rows = append(rows, row{{line, plain}})
	}
	return rows
}

// breakCommand breaks a command that is too long for a line where its shell
// lets a command go on, so that it can still be copied. A word is never broken.
func (p page) breakCommand(text, shell string, first, width int) []string {
	mark := map[string]string{"posix": ` \`, "powershell": " `"}[shell]
	text = p.clean(text)
	if columns(text) <= first || mark == "" {
		return []string{text}
	}
	var out []string
	room, line := first, ""
	for _, word := range arguments(shellWords(text), width-len(mark)-2) {
		if line != "" && columns(line)+1+columns(word)+len(mark) > room {
			out, line, room = append(out, line+mark), " ", width
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(out, line)
}

// shellWords splits a command at blanks outside quotes; the quotes stay.
func shellWords(text string) []string {
	var words []string
	var word strings.Builder
	quote := rune(0)
	for _, r := range text {
		switch {
		case quote == 0 && r == ' ':
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			continue
		case quote == 0 && (r == '\'' || r == '"'):
			quote = r
		case r == quote:
			quote = 0
		}
		word.WriteRune(r)
	}
	if word.Len() > 0 {
		words = append(words, word.String())
	}
	return words
}

// arguments joins a flag with the word behind it where a line has room for both.
func arguments(words []string, room int) []string {
	var out []string
	for i := 0; i < len(words); i++ {
		word := words[i]
		if i > 0 && i+1 < len(words) && strings.HasPrefix(word, "-") && !strings.HasPrefix(words[i+1], "-") &&
			columns(word)+1+columns(words[i+1]) <= room {
			i++
			word += " " + words[i]
		}
		out = append(out, word)
	}
	return out
}
