package explain

import (
	"encoding/base64"
	"html"
	"strings"
	"unicode/utf8"
)

// unwrap undoes what mail programs, languages and web pages do to a text that
// passes through them, so that words stand beside each other again.
func unwrap(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	if strings.Contains(text, "=3D") || strings.Contains(text, "=\n") && strings.Contains(text, "=20") {
		text = unquotePrintable(text)
	}
	if strings.Contains(text, "</") && !fromWebServer().MatchString(text) {
		text = tags().ReplaceAllString(cellEnds().ReplaceAllString(lineBreaks().ReplaceAllString(text, "\n"), "\t"), "")
	}
	if strings.Contains(text, "&") {
		text = html.UnescapeString(text)
	}
	text = lineBreaks().ReplaceAllString(text, "\n")
	if strings.Contains(text, `\`) {
		text = unescape(text)
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(quoteMarks().ReplaceAllString(line, ""), " \t\r")
	}
	return challenges(strings.Join(lines, "\n"))
}

// lineBreaks are the line ends of web pages.
var lineBreaks = compiled(`(?i)<br ?/?>|</p>|</li>|</tr>`)

// cellEnds and tags are what a mail in HTML, or a page copied with its source, has around its words.
var (
	cellEnds = compiled(`(?i)</t[dh]>[ \t]*(?:<t[dh](?:\s[^<>]*)?>)?`)
	tags     = compiled(`(?i)</?(?:html|head|body|table|tbody|thead|tr|td|th|p|div|span|b|i|u|strong|em|ul|ol|li|dl|dt|dd|pre|code|tt|h[1-6]|font|a|center|blockquote)(?:\s[^<>]*)?>`)
)

// fromWebServer is a page that came in place of a mail server's words: there the tags tell something.
var fromWebServer = compiled(`(?i)http/1\.|400 bad request|\bnginx\b|\bapache\b`)

// quoteMarks stand before each line of a mail that is answered. "> 535" of a
// transcript loses nothing by it.
var quoteMarks = compiled(`^(?:[>|] ?){1,8}`)

// escapes are the ways in which languages and JSON write characters in quotes.
var escapes = compiled(`\\+(?:r\\+n|[nrt"'/` + "`" + `]|u00[23][0-9a-fA-F])`)

func unescape(text string) string {
	return escapes().ReplaceAllStringFunc(text, func(s string) string {
		word := strings.TrimLeft(s, `\`)
		switch {
		case word[0] == 't':
			return "\t"
		case word[0] == 'n' || word[0] == 'r':
			return "\n"
		case word[0] != 'u':
			return word
		}
		return string(hexDigit(word[3])<<4 | hexDigit(word[4]))
	})
}

func hexDigit(c byte) rune {
	i := strings.IndexByte("0123456789abcdef", c|0x20)
	if c <= '9' {
		i = int(c - '0')
	}
	return rune(i)
}

var softBreak = compiled(`=[ \t]*\n|=([0-9A-F]{2})`)

func unquotePrintable(text string) string {
	out := softBreak().ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasSuffix(s, "\n") {
			return ""
		}
		return string([]byte{byte(hexDigit(s[1])<<4 | hexDigit(s[2]))})
	})
	return fromBytes([]byte(out))
}

// challenge is a server's question in base64, as AUTH has them (RFC 4954 section 4).
var challenge = compiled(`\b334[ -]+([A-Za-z0-9+/]{8,}={0,2})`)

// challenges writes out what a server said in base64: OAuth errors come so.
func challenges(text string) string {
	return challenge().ReplaceAllStringFunc(text, func(s string) string {
		i := strings.LastIndexAny(s, " -")
		said, err := base64.StdEncoding.DecodeString(s[i+1:])
		if err != nil || !utf8.Valid(said) || strings.ContainsFunc(string(said), func(r rune) bool { return r < ' ' }) {
			return s
		}
		return "334 " + string(said)
	})
}
