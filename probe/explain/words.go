package explain

import (
	"strings"
)

// longestWhole is the length up to which a text is looked at whole, in bytes.
// Of a longer one only the lines around what was refused count, since prose
// about mail has all the words of errors in it.
const longestWhole = 1800

// words gives the words that the rules shall look at.
func (t *ticket) words() string {
	lines := withoutSettings(strings.Split(t.text, "\n"))
	if len(t.text) > longestWhole {
		lines = decisiveLines(lines)
	}
	return strings.Join(lines, "\n")
}

// constants are reasons as programs have them in their source: DH_KEY_TOO_SMALL.
// Beside them the words are put, so that rules need to know but one form.
var constants = compiled(`\b(?:[A-Z][A-Z0-9]+_){2,}[A-Z0-9]+\b`)

func withConstants(text string) string {
	return constants().ReplaceAllStringFunc(text, func(word string) string {
		return word + " (" + strings.ToLower(strings.ReplaceAll(word, "_", " ")) + ")"
	})
}

// withoutSettings takes out the lines that only name a setting: "Encryption:
// STARTTLS" is no word about STARTTLS.
func withoutSettings(lines []string) []string {
	var kept []string
	for _, line := range lines {
		if !isSetting(line) || tellsOfFault(line) {
			kept = append(kept, line)
		}
	}
	return kept
}

// isSetting: the whole line is a setting with a value that it can have.
func isSetting(line string) bool {
	if command().MatchString(line) {
		return false
	}
	for _, l := range labels {
		at := pairs[l.key]().FindStringSubmatchIndex(line)
		if at != nil && at[0] <= 4 && len(line)-at[1] <= 4 && isValue(l.key, line[at[2]:at[3]], line[at[4]:at[5]]) {
			return true
		}
	}
	return false
}

func isValue(key, label, value string) bool {
	if key == "encryption" {
		return encryptionOf(label, value, 0) != ""
	}
	var s Settings
	s.set(key, value)
	return s != Settings{}
}

func tellsOfFault(line string) bool {
	if len(replies(line)) > 0 {
		return true
	}
	fault, _ := faultIn(line)
	return fault != ""
}

// decisiveLines are the lines that tell of an error, and what belongs to them.
func decisiveLines(lines []string) []string {
	var kept []string
	size := 0
	for i, line := range lines {
		if isFrame(line) || !tellsOfError(line) && !(i > 0 && continues(line, lines[i-1])) {
			continue
		}
		if size += len(line); size > longestWhole {
			break
		}
		kept = append(kept, line)
	}
	return kept
}

// tellsOfError: a refusal, or a client's words for a fault.
func tellsOfError(line string) bool {
	return tellsOfFault(line) || isGeneric(line)
}

// continues: servers fold replies, clients indent what belongs to an error.
func continues(line, before string) bool {
	return (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) && tellsOfError(before)
}

// isFrame knows the lines of stack traces that name places in programs.
func isFrame(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "at ") && strings.ContainsAny(line, "(/.") || strings.HasPrefix(line, "File \"") || strings.HasPrefix(line, "bei ") && strings.Contains(line, "(")
}
