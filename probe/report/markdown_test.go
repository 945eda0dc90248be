package report

import (
	"bytes"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	htmlrender "github.com/yuin/goldmark/renderer/html"

	"github.com/smtpdx/smtpdx/probe"
)

func TestMarkdownIsGolden(t *testing.T) { goldenDocuments(t, "markdown", ".md") }

// rendered is what a ticket system with a Markdown of its own makes of text:
// tables and strikethrough are known and HTML is let through, so that what
// slips in shows.
func rendered(t *testing.T, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	m := goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.TaskList), goldmark.WithRendererOptions(htmlrender.WithUnsafe()))
	if err := m.Convert(text, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var tag = regexp.MustCompile(`<[^>]*>`)

// strangeTags are elements that a hand-over does not have.
func strangeTags(page string) []string {
	known := []string{"<h1>", "<h2>", "<h3>", "<p>", "<ul>", "<ol>", "<li>", "<pre>", "<code>", "<strong>"}
	var strange []string
	for _, found := range tag.FindAllString(page, -1) {
		if !slices.Contains(known, strings.Replace(found, "</", "<", 1)) {
			strange = append(strange, found)
		}
	}
	return strange
}

func TestMarkdownShowsHostileTextAsText(t *testing.T) {
	page := rendered(t, printed(t, "markdown", Options{}, play(injectionScene())))
	if strange := strangeTags(page); len(strange) > 0 {
		t.Errorf("these came to life: %q\n%s", strange, page)
	}
	shown := html.UnescapeString(tag.ReplaceAllString(page, ""))
	for _, try := range []string{htmlTry, markdownTry, xmlTry, nagiosTry} {
		if !strings.Contains(shown, try) {
			t.Errorf("not shown as it is: %s\n%s", try, shown)
		}
	}
	if n := strings.Count(page, "<h1>"); n != 1 {
		t.Errorf("%d main headings", n)
	}
}

func TestMarkdownTextStandsForItself(t *testing.T) {
	m := newMarkdown(nil, Options{}).(*markdown)
	for _, text := range []string{htmlTry, markdownTry, xmlTry, nagiosTry, "# a #", "#", "- a", "+ a", "* a", "12) a", "3. a", "> a", "===", "---", "~~~", "a_b_c", "_a_", "__a__",
		"&amp; &#65; A & B", `\* \\`, "[ ] a", "a  ", "1.", "``", "!a", "a <b@c.example>", "`"} {
		for _, part := range []part{{words: says("%s", text)}, {level: 2, words: says("%s", text)}, {items: []item{{words: says("%s", text)}}},
			{words: []piece{asCode(text)}}, {code: []string{"x", text}}, {numbered: true, items: []item{{words: says("x"), code: []string{text}}}}} {
			var b strings.Builder
			m.part(&b, part)
			page := rendered(t, []byte(b.String()))
			shown := strings.TrimSpace(html.UnescapeString(tag.ReplaceAllString(page, "")))
			if strange := strangeTags(page); len(strange) > 0 || !strings.HasSuffix(shown, strings.TrimSpace(text)) {
				t.Errorf("%q became %q by %q", text, page, b.String())
			}
		}
	}
}

// Where blanks are all there is, a code span would be none.
func TestMarkdownCodeOfBlanksIsTold(t *testing.T) {
	if got := codeSpan("  "); got != "(empty)" {
		t.Errorf("%q", got)
	}
}

func TestMarkdownSaysFirstWhatToDoAndLastTheTranscript(t *testing.T) {
	out := string(printed(t, "markdown", Options{}, play(transcriptScene())))
	place := -1
	for _, words := range []string{"# Mail settings of smtp.ionos.example:587: the login works, but", "No password", "**To do, for whoever", "\n1. Account:", "\n2. Or:", "\n3. Then:",
		"## How we know", "sender-not-owned", "550 Sender address", "Fine:", "## Settings used", "(target:", "## Where and when", "2026-11-23 13:02:11 UTC", "## Steps",
		"## Transcript", "## Made by", "smtpdx 1.0.0", "`smtpdx check`"} {
		at := strings.Index(out, words)
		if at <= place {
			t.Errorf("%q is at %d, before what stands above it (%d)\n%s", words, at, place, out)
		}
		place = at
	}
}

// FuzzMarkdown holds whatever events come to a page in which nothing came to life.
func FuzzMarkdown(f *testing.F) {
	f.Add([]byte("\x00\x05hello\x03\x01"))
	f.Add([]byte(strings.Repeat("\x00\x07<b>*a*\n# x", 40)))
	f.Add([]byte(strings.Repeat("\x09\x03\x01\x02 [a](b) `c", 60)))
	f.Fuzz(func(t *testing.T, data []byte) {
		out := printed(t, "markdown", Options{}, rolled(data))
		if i := strings.IndexFunc(string(out), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }); i >= 0 {
			t.Errorf("a control character: %q", out[i:])
		}
		if strange := strangeTags(rendered(t, out)); len(strange) > 0 {
			t.Errorf("%q in %q", strange, out)
		}
	})
}

// rolled makes the events of a run out of a fuzzer's bytes.
func rolled(data []byte) []probe.Event {
	d := &dice{bytes: data[:min(len(data), 2048)]}
	events := []probe.Event{{Run: &probe.RunBegin{Profiles: 1, Command: "smtpdx check"}}}
	for len(d.bytes) > 0 {
		events = append(events, d.event())
	}
	return append(events, probe.Event{End: &probe.RunEnd{}})
}

// Below an item of a list, four blanks are not yet code (CommonMark section 5.2).
func TestHeaderLinesOfAnInspectionAreCodeInMarkdown(t *testing.T) {
	const line = `From: "<img src=x>" <a@b.example>`
	in := probe.Inspection{How: probe.Direct, Rule: probe.InspectionRule{ID: "no-sign", Text: "Nothing tells.", Headers: []string{line}}}
	var out strings.Builder
	if err := Inspected(&out, "markdown", Options{}, "m.eml", in); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "\n      "+line+"\n") {
		t.Errorf("the line is no code:\n%s", out.String())
	}
}
