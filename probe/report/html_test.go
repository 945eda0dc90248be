package report

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// htmlOf prints scenes without the style sheet, which is the same in all.
func htmlOf(t *testing.T, scenes ...scene) string {
	t.Helper()
	return withoutStyle(string(printed(t, "html", Options{}, play(scenes...))))
}

func withoutStyle(page string) string {
	before, rest, _ := strings.Cut(page, "<style>\n")
	_, after, _ := strings.Cut(rest, "</style>")
	return before + "<style></style>" + after
}

func TestHTMLIsGolden(t *testing.T) {
	for name, scenes := range documentScenes() {
		t.Run(name, func(t *testing.T) { golden(t, name+".html", []byte(htmlOf(t, scenes...))) })
	}
}

// htmlTags are the tags of the page's own body, as they are written.
var htmlTags = regexp.MustCompile(`^</?(main|body|html|h[1-3]( class="(pass|warn|fail)")?|p( class="left-out")?|ul( class="chain")?|ol|li|pre|code|strong|details( open| class="transcript")?|summary|dl|dt|dd|` +
	`table|thead|tbody|tr|t[hd]( scope="(col|row)")?( class="(pass|warn|fail|skip|time|bar)")?|svg viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" focusable="false"|svg|rect x="\d+" y="2" width="\d+" height="12" rx="3"/)>$`)

// alive gives the tags of a page that are none of its own.
func alive(page string) []string {
	_, body, _ := strings.Cut(page, "<body>")
	var strange []string
	for _, found := range tag.FindAllString(body, -1) {
		if !htmlTags.MatchString(found) {
			strange = append(strange, found)
		}
	}
	return strange
}

func TestHTMLShowsHostileTextAsText(t *testing.T) {
	page := htmlOf(t, injectionScene())
	if strange := alive(page); len(strange) > 0 {
		t.Errorf("these came to life: %q", strange)
	}
	shown := html.UnescapeString(tag.ReplaceAllString(page, ""))
	for _, try := range []string{htmlTry, markdownTry, xmlTry, nagiosTry} {
		if !strings.Contains(shown, try) {
			t.Errorf("not shown as it is: %s", try)
		}
	}
	if head, _, _ := strings.Cut(page, "<body>"); strings.Contains(head, "<script") || strings.Count(head, "<title>") != 1 {
		t.Errorf("the head is not as it was made:\n%s", head)
	}
}

// A page of itself asks for nothing, whatever is in it.
func TestHTMLNamesNothingFromOutside(t *testing.T) {
	for name, scenes := range documentScenes() {
		page := string(printed(t, "html", Options{}, play(scenes...)))
		for _, word := range []string{"src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "<object"} {
			own := tag.FindAllString(page, -1)
			_, style, _ := strings.Cut(page, "<style>")
			style, _, _ = strings.Cut(style, "</style>")
			if strings.Contains(strings.Join(own, "")+style, word) {
				t.Errorf("%s: %s in the page", name, word)
			}
		}
		if !strings.Contains(page, `content="default-src 'none'; style-src 'unsafe-inline'`) {
			t.Errorf("%s: no policy", name)
		}
	}
}

func TestHTMLLeavesTheTranscriptOutOfThePrintAndSaysSo(t *testing.T) {
	page := htmlOf(t, transcriptScene())
	note, fold := strings.Index(page, `<p class="left-out">The transcript is left out of the print`), strings.Index(page, `<details class="transcript">`)
	if note < 0 || fold < note {
		t.Errorf("note at %d, transcript at %d", note, fold)
	}
	if open, closed := strings.Count(page, "<details"), strings.Count(page, "</details>"); open != closed {
		t.Errorf("%d folds begin and %d end", open, closed)
	}
}

// FuzzHTML holds whatever events come to a page in which nothing came to life.
func FuzzHTML(f *testing.F) {
	f.Add([]byte("\x00\x05hello\x03\x01"))
	f.Add([]byte(strings.Repeat("\x00\x07<b>&lt;'\"\x02", 40)))
	f.Fuzz(func(t *testing.T, data []byte) {
		page := withoutStyle(string(printed(t, "html", Options{}, rolled(data))))
		if i := strings.IndexFunc(page, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }); i >= 0 {
			t.Errorf("a control character: %q", page[i:])
		}
		if strange := alive(page); len(strange) > 0 {
			t.Errorf("%q in %q", strange, page)
		}
	})
}
