package report

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

//go:embed html/style.css
var htmlStyle string

// htmlPage prints the hand-over as one file when the run has ended: no script
// and nothing from outside, which its policy says to the browser too.
type htmlPage struct {
	page
	w      io.Writer
	report probe.Report
}

func newHTML(w io.Writer, _ Options) output {
	return &htmlPage{page: newPage(Options{Unicode: true}), w: w}
}

func (h *htmlPage) event(e probe.Event) error {
	h.report.Add(e)
	if e.End == nil {
		return nil
	}
	_, err := io.WriteString(h.w, h.whole(handOver(&h.report)))
	return err
}

func (h *htmlPage) flush() {}

const htmlHead = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="smtpdx">
<title>%s</title>
<style>
%s</style>
</head>
<body>
<main>
`

func (h *htmlPage) whole(doc *handover) string {
	var b strings.Builder
	fmt.Fprintf(&b, htmlHead, h.text(doc.title), htmlStyle)
	folded := false
	for i, p := range doc.parts {
		if p.level > 0 && folded {
			b.WriteString("</details>\n")
			folded = false
		}
		if p.level > 1 && i+1 < len(doc.parts) && isFolded(doc.parts[i+1:]) {
			h.fold(&b, p, transcriptFollows(doc.parts[i+1:]))
			folded = true
			continue
		}
		h.part(&b, p)
	}
	if folded {
		b.WriteString("</details>\n")
	}
	b.WriteString("</main>\n</body>\n</html>\n")
	return b.String()
}

// isFolded: what follows this heading, up to the next, is a drawing or the transcript.
func isFolded(following []part) bool {
	for _, p := range following {
		switch {
		case p.level > 0:
			return false
		case p.transcript || len(p.steps) > 0 || len(p.chain) > 0:
			return true
		}
	}
	return false
}

func transcriptFollows(following []part) bool {
	for _, p := range following {
		if p.level > 0 || p.transcript {
			return p.transcript
		}
	}
	return false
}

// fold opens a part that can be folded. The transcript is closed at first, and
// left out of the print, which says so.
func (h *htmlPage) fold(b *strings.Builder, p part, transcript bool) {
	heading := fmt.Sprintf("<h%d>%s</h%d>", p.level, h.inline(p.words), p.level)
	if !transcript {
		fmt.Fprintf(b, "<details open>\n<summary>%s</summary>\n", heading)
		return
	}
	fmt.Fprintf(b, "<p class=\"left-out\">The transcript is left out of the print; the file has it.</p>\n<details class=\"transcript\">\n<summary>%s</summary>\n", heading)
}

func (h *htmlPage) part(b *strings.Builder, p part) {
	switch {
	case p.level == 1:
		fmt.Fprintf(b, "<h1 class=\"%s\">%s</h1>\n", h.verdict(), h.inline(p.words))
	case p.level > 0:
		fmt.Fprintf(b, "<h%d>%s</h%d>\n", p.level, h.inline(p.words), p.level)
	case len(p.steps) > 0:
		h.waterfall(b, p.steps)
	case len(p.chain) > 0:
		h.chain(b, p.chain)
	case len(p.items) > 0:
		h.list(b, p)
	case len(p.code) > 0:
		h.code(b, p.code)
	default:
		fmt.Fprintf(b, "<p>%s</p>\n", h.inline(p.words))
	}
}

// verdict is a class of the style sheet.
func (h *htmlPage) verdict() string {
	switch h.report.Verdict {
	case probe.Pass, probe.Warn:
		return string(h.report.Verdict)
	}
	return string(probe.Fail)
}

func (h *htmlPage) list(b *strings.Builder, p part) {
	name := "ul"
	if p.numbered {
		name = "ol"
	}
	fmt.Fprintf(b, "<%s>\n", name)
	for _, item := range p.items {
		fmt.Fprintf(b, "<li>%s", h.inline(item.words))
		if len(item.code) > 0 {
			h.code(b, item.code)
		}
		b.WriteString("</li>\n")
	}
	fmt.Fprintf(b, "</%s>\n", name)
}

func (h *htmlPage) code(b *strings.Builder, lines []string) {
	var text []string
	for _, line := range lines {
		text = append(text, h.text(line))
	}
	fmt.Fprintf(b, "<pre>%s</pre>\n", strings.Join(text, "\n"))
}

func (h *htmlPage) inline(words []piece) string {
	var b strings.Builder
	for _, p := range words {
		text := h.text(p.text)
		switch {
		case p.code && strings.TrimSpace(text) == "":
			b.WriteString("(empty)")
		case p.code:
			b.WriteString("<code>" + text + "</code>")
		case p.strong:
			b.WriteString("<strong>" + text + "</strong>")
		default:
			b.WriteString(text)
		}
	}
	return strings.TrimSpace(b.String())
}

// text makes any text stand for itself.
func (h *htmlPage) text(s string) string { return html.EscapeString(h.clean(s)) }

// waterfall is the table of the steps, each with a bar that shows when it ran.
func (h *htmlPage) waterfall(b *strings.Builder, steps []probe.StepResult) {
	begin, end := timeSpan(&probe.Result{Steps: steps})
	b.WriteString("<table>\n<thead><tr><th scope=\"col\">Status</th><th scope=\"col\">Step</th><th scope=\"col\">Time</th><th scope=\"col\" class=\"bar\">When</th><th scope=\"col\">Seen</th></tr></thead>\n<tbody>\n")
	for _, step := range steps {
		status := "skip"
		for _, known := range []probe.Status{probe.Pass, probe.Warn, probe.Fail} {
			if step.Status == known {
				status = string(known)
			}
		}
		fmt.Fprintf(b, "<tr><td class=\"%s\">%s</td><th scope=\"row\">%s</th><td class=\"time\">%s</td><td class=\"bar\">%s</td><td>%s</td></tr>\n",
			status, h.text(string(step.Status)), h.text(string(step.ID)), h.text(tookOf(step)), stepBar(step, begin, end), h.text(stepWords(step)))
	}
	b.WriteString("</tbody>\n</table>\n")
}

// stepBar is a drawing for the eye; the numbers stand beside it. Its units are
// thousandths of the whole time.
func stepBar(step probe.StepResult, begin, end float64) string {
	if step.StartedMs == nil || step.DurationMs == nil || end <= begin {
		return ""
	}
	at := func(ms float64) float64 { return min(max((ms-begin)/(end-begin)*1000, 0), 1000) }
	from := min(at(float64(*step.StartedMs)), 992)
	width := max(at(float64(*step.StartedMs)+float64(*step.DurationMs))-from, 8)
	return fmt.Sprintf(`<svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" focusable="false"><rect x="%.0f" y="2" width="%.0f" height="12" rx="3"/></svg>`, from, width)
}

// chain is a tree of the certificates, each in its issuer's place below it.
func (h *htmlPage) chain(b *strings.Builder, chain []probe.Certificate) {
	for i := range chain {
		class := ""
		if i == 0 {
			class = ` class="chain"`
		}
		fmt.Fprintf(b, "<ul%s><li>%s\n<dl>", class, h.text(chain[i].Subject))
		for _, row := range certificateRows(&chain[i]) {
			fmt.Fprintf(b, "<dt>%s</dt><dd>%s</dd>", row[0], h.text(row[1]))
		}
		b.WriteString("</dl>\n")
	}
	if last := chain[len(chain)-1]; !last.SelfSigned && last.Issuer != "" {
		fmt.Fprintf(b, "<ul><li>%s (not sent)</li></ul>\n", h.text(last.Issuer))
	}
	b.WriteString(strings.Repeat("</li></ul>\n", len(chain)))
}
