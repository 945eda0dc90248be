package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// Told is what a pasted text says: findings without a run that saw them.
type Told struct {
	Read     []string // the settings that were read out of the text, as words of a form
	Findings []probe.Finding
	Next     []probe.Next
	Seen     []string // how often, in a log
}

// Explained prints what a pasted text says: "text" as a diagnosis, "markdown"
// to be put into a ticket.
func Explained(w io.Writer, format string, o Options, told Told) error {
	if format == "markdown" {
		m := &markdown{page: newPage(Options{Unicode: true})}
		_, err := io.WriteString(w, m.whole(toldHandOver(told)))
		return err
	}
	t := &text{page: newPage(o), w: w, shell: o.Shell}
	if t.shell == "" {
		t.shell = "posix"
	}
	var out strings.Builder
	t.put(&out, t.told(told)...)
	_, err := io.WriteString(w, out.String())
	return err
}

// result gives the findings the form in which the diagnosis knows them.
func (told Told) result() *probe.Result {
	r := &probe.Result{Verdict: probe.Fail, Findings: told.Findings, Next: told.Next}
	if f := told.main(); f != nil {
		r.FailedStep = f.Step
	}
	return r
}

func (told Told) main() *probe.Finding {
	if len(told.Findings) == 0 {
		return nil
	}
	return &told.Findings[0]
}

// told is the whole screen.
func (t *text) told(told Told) []row {
	r, f := told.result(), told.main()
	rows := t.paragraph(span{toldSentence(f), toldStyle(f)})
	block := block{t.section("Read", 1, told.Read...), t.section("Seen", 1, told.Seen...)}
	if f != nil {
		block = append(t.toldBlock(f), block...)
		block = append(block, t.also(r, f))
	}
	if lines := t.blockRows(block); len(lines) > 0 {
		rows = append(append(rows, nil), lines...)
	}
	if next := t.nextRows(r); len(next) > 0 {
		rows = append(append(rows, nil), next...)
	}
	return rows
}

func (t *text) toldBlock(f *probe.Finding) block {
	change, better, not := t.fixes(f)
	decides := t.open(f)
	if decides != nil {
		decides.label = "Decides"
	}
	return block{
		t.section("Cause", 1, f.Cause+" ("+string(f.Confidence)+")"+atStep(f)),
		t.section("Text", 2, evidenceText(f)),
		t.section("Why", 3, strings.Split(f.Explanation, "\n")...),
		change, better, not,
		t.section("Who", 1, whoWords(f.Who)),
		decides,
	}
}

func atStep(f *probe.Finding) string {
	if f.Step == "" || f.Step == probe.Maybe(probe.StepSettings) {
		return ""
	}
	return ", at the step " + string(f.Step)
}

func evidenceText(f *probe.Finding) string {
	if len(f.Evidence) == 0 {
		return ""
	}
	return f.Evidence[0].Text
}

// toldSentence says how sure it is before what is wrong.
func toldSentence(f *probe.Finding) string {
	switch {
	case f == nil:
		return "The settings in the text show nothing unusual."
	case f.Severity != cause.Error:
		return "NOTE: " + sentence(f.Title)
	case namesNoCause(f):
		return "UNCLEAR: " + sentence(f.Title)
	case f.Confidence == cause.Certain:
		return "FAILED: " + sentence(f.Title)
	case f.Confidence == cause.Likely:
		return "LIKELY: " + sentence(f.Title)
	}
	return "POSSIBLE, not certain: " + sentence(f.Title)
}

// namesNoCause knows the cause of texts that do not tell why.
func namesNoCause(f *probe.Finding) bool { return strings.HasSuffix(f.Cause, "-generic") }

func toldStyle(f *probe.Finding) style {
	switch {
	case f == nil:
		return good
	case f.Severity == cause.Error && f.Confidence != cause.Possible:
		return bad
	}
	return doubtful
}

// toldHandOver is the same for a ticket.
func toldHandOver(told Told) *handover {
	r, f := told.result(), told.main()
	h := &handover{title: "Mail error: no known cause"}
	if f != nil {
		h.title = "Mail error: " + strings.TrimRight(f.Title, ". ")
	}
	h.heading(1, "%s", h.title)
	if f == nil {
		h.paragraph(says("%s", toldSentence(nil))...)
		h.list(false, nextItems(r))
		return h
	}
	h.toDo(r)
	if len(f.Decides) > 0 {
		h.heading(2, "What would decide it")
		h.list(true, questionItems(f))
	}
	h.heading(2, "How we know")
	h.list(false, toldItems(f))
	if text := evidenceText(f); text != "" {
		h.paragraph(says("The words that decided:")...)
		h.parts = append(h.parts, part{code: []string{text}})
	}
	h.list(false, furtherItems(r, f))
	h.lists("Settings read out of the text", told.Read)
	h.lists("How often", told.Seen)
	return h
}

func (h *handover) lists(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	h.heading(2, "%s", heading)
	var items []item
	for _, l := range lines {
		items = append(items, item{words: says("%s", l)})
	}
	h.list(false, items)
}

func questionItems(f *probe.Finding) []item {
	var items []item
	for _, d := range f.Decides {
		it := item{words: says("%s", d.Question)}
		if d.Command != "" {
			it.code = []string{string(d.Command)}
		}
		items = append(items, it)
	}
	return items
}

func toldItems(f *probe.Finding) []item {
	items := []item{{words: append(says("Read out of a text, %s%s. Cause: ", f.Confidence, atStep(f)), asCode(f.Cause))}}
	for _, line := range strings.Split(f.Explanation, "\n") {
		if strings.TrimSpace(line) != "" {
			items = append(items, item{words: says("%s", line)})
		}
	}
	return items
}

// WhoWord says who has to act.
func WhoWord(who cause.Who) string { return whoWords(who) }

// EncryptionWord is an encryption in the words of a form.
func EncryptionWord(e string) string { return encryptionWord(e) }

// SeenWords say how often a cause stood in a log.
func SeenWords(count int, first, last, host, id string) string {
	words := fmt.Sprintf("%d times %s", count, id)
	if count == 1 {
		words = "once " + id
	}
	if host != "" {
		words += " at " + host
	}
	switch {
	case first != "" && first != last:
		words += ", " + first + " to " + last
	case first != "":
		words += ", " + first
	}
	return words
}
