package profile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

func quoteHint(key string) string {
	return "Put the value in single quotes, and write a single quote inside twice: " + key + ": 'it''s a: b #c'"
}

// syntax puts a file that is no YAML into words of ours. The library's line is
// at times that of something else, so the usual culprits are looked for first.
func (p *parser) syntax(err error) *UsageError {
	for i, line := range p.lines {
		if column := tabIn(line); column > 0 {
			return usage("Indent with blanks; YAML allows no tabs.", "%s:%d:%d: the line is indented with a tab", p.name, i+1, column)
		}
		if word := withoutColon(line); word != "" {
			return usage("Each line is \"key: value\", with a blank after the colon.", "%s:%d: a colon is missing after %s", p.name, i+1, word)
		}
		if key, column, why := brokenValue(line); why != "" {
			return &UsageError{Key: key, Text: fmt.Sprintf("%s:%d:%d: %s", p.name, i+1, column, why), Hint: quoteHint(key)}
		}
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "unknown anchor"), strings.Contains(text, "contains itself"):
		return usage("Put a value that begins with * or & in single quotes.", "%s: an alias (*) points nowhere", p.name)
	case strings.Contains(text, "mapping values are not allowed"):
		return usage("Put a value with a colon in single quotes, and give keys that belong together the same indentation.",
			"%s: there is a colon too many, or the line is indented too far", p.near(text))
	case strings.Contains(text, "could not find expected ':'"):
		return usage("Each line is \"key: value\", with a blank after the colon.", "%s: a colon is missing", p.near(text))
	}
	return usage("Each line is \"key: value\"; the keys below a profile are indented by two blanks.", "%s: this is no YAML", p.near(text))
}

// near gives the file with the line that the library names, as far as it knows
// one: none means the first.
func (p *parser) near(text string) string {
	_, rest, found := strings.Cut(text, "line ")
	digits, _, _ := strings.Cut(rest, ":")
	line, err := strconv.Atoi(digits)
	if !found || err != nil {
		line = 1
	}
	return fmt.Sprintf("%s:%d", p.name, min(line, len(p.lines)))
}

// tabIn gives the column, from 1, of a tab among the blanks that begin a line; 0 for none.
func tabIn(line string) int {
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if indent == line {
		return 0
	}
	return strings.Index(indent, "\t") + 1
}

// withoutColon gives the key of a line "key value" or "key:value", "" for every other line.
func withoutColon(line string) string {
	word := strings.TrimLeft(line, " ")
	end := strings.IndexFunc(word, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r == '_') })
	if end < 0 || kindOf(word[:end]) == 0 {
		return ""
	}
	rest := strings.TrimRight(word[end:], " \t\r")
	if rest == "" || rest == ":" || strings.HasPrefix(rest, ": ") || strings.HasPrefix(strings.TrimLeft(rest, " "), ":") && rest[0] == ' ' {
		return ""
	}
	return word[:end]
}

// brokenValue looks at a line "key: value" of a key that is known, and tells
// why YAML does not read the value as it was meant; "" when it does.
func brokenValue(line string) (key string, column int, why string) {
	key, value, found := strings.Cut(line, ":")
	key = strings.TrimPrefix(strings.TrimLeft(key, " "), "- ")
	if !found || kindOf(key) == 0 || value == "" || value[0] != ' ' {
		return "", 0, ""
	}
	text := strings.TrimLeft(value, " \t")
	column = utf8.RuneCountInString(line[:len(line)-len(text)]) + 1
	text = strings.TrimRight(text, " \t\r")
	if text == "" {
		return "", 0, ""
	}
	switch text[0] {
	case '\'', '"':
		if !closes(text) {
			why = "the quotes around the value do not close, or something follows them"
		}
	case '{', '[':
		if !strings.ContainsAny(text, "}]") {
			why = "YAML takes the " + text[:1] + " at the beginning for the start of a list"
		}
	case '|', '>':
		if strings.Trim(text[1:], "+-0123456789 ") != "" && !strings.Contains(text, " #") {
			why = "YAML keeps values that begin with " + text[:1] + " for itself"
		}
	case '@', '`', '%', '&', '*', '!', '}', ']', ',':
		why = "YAML keeps values that begin with " + text[:1] + " for itself"
	case '-', '?', ':':
		if len(text) > 1 && text[1] == ' ' {
			why = "YAML keeps values that begin with " + text[:1] + " and a blank for itself"
		}
	}
	if why == "" && !strings.ContainsRune(`'"{[|>#`, rune(text[0])) && (strings.Contains(text, ": ") || strings.HasSuffix(text, ":")) {
		why = "YAML takes a colon with a blank after it for the end of a key"
	}
	return key, column, why
}

// closes tells whether a quoted value ends where its line ends, a comment aside.
func closes(text string) bool {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] != quote:
		case quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		default:
			rest := text[i+1:]
			return strings.Trim(rest, " \t") == "" || strings.HasPrefix(strings.TrimLeft(rest, " \t"), "#") && (rest[0] == ' ' || rest[0] == '\t')
		}
	}
	return false
}
