package profile

import (
	"errors"
	"strings"
)

// words takes a command line apart as a shell would, without running one:
// blanks divide, quotes join. A backslash takes a quote, a blank or another
// backslash as it is, but not in single quotes; before anything else it
// stays, so that Windows paths need no care.
func words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	var quote rune
	started := false
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '\'':
			word.WriteRune(c)
		case c == '\\' && i+1 < len(runes) && strings.ContainsRune(`"' \`, runes[i+1]):
			i++
			word.WriteRune(runes[i])
			started = true
		case quote == 0 && (c == '"' || c == '\''):
			quote, started = c, true
		case quote == 0 && strings.ContainsRune(" \t\r\n", c):
			if started {
				out = append(out, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(c)
			started = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if started {
		out = append(out, word.String())
	}
	return out, nil
}

// Words takes a command line apart as --password-command does.
func Words(line string) ([]string, error) { return words(line) }
