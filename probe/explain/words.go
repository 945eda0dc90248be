package explain

import (
	"slices"
	"strings"
)

// longestWhole is the length up to which a text without settings is looked at
// whole, in bytes. Of a ticket only the lines around what was refused count,
// since prose about mail has all the words of errors in it. mostWords bounds
// what is left of it.
const (
	longestWhole = 900
	mostWords    = 1800
)

// words gives the words that the rules shall look at.
func (t *ticket) words() string {
	all := strings.Split(t.text, "\n")
	lines := withoutSettings(all)
	if len(t.text) > longestWhole || len(all)-len(lines) > 1 {
		if some := decisiveLines(lines); len(some) > 0 {
			lines = some
		}
	}
	if _, refused := decisive(strings.Join(lines, "\n")); refused {
		lines = slices.DeleteFunc(lines, farewell().MatchString)
	}
	return strings.Join(lines, "\n")
}

// farewell are the lines with which a transcript ends after a refusal: that the
// connection is closed then is no fault.
var farewell = compiled(`(?i)^[^\w\n]{0,12}(?:[\d :.-]{8,24})?(?:C|S|CLIENT -> SERVER|SERVER -> CLIENT|client|server)?[^\w\n]{0,8}(?:QUIT\s*$|221[ -])|^=== connection closed with remote host|^\*\*\* no authentication type succeeded`)

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
	for _, l := range labels {
		at := pairs[l.key]().FindStringSubmatchIndex(line)
		if at != nil && !strings.EqualFold(line[at[2]:at[3]], "mail from") && at[0] <= 4 && len(line)-at[1] <= 4 && isValue(l.key, line[at[2]:at[3]], line[at[4]:at[5]]) {
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
// Where a server's refusal stands in the text, only what went over the line
// and the neighbours of the refusal count: the rest is talk.
func decisiveLines(lines []string) []string {
	at := -1
	if r, ok := decisive(strings.Join(lines, "\n")); ok && r.points >= clearReply {
		at = lineOf(lines, r.at)
	}
	var kept []string
	size := 0
	for i, line := range lines {
		before := ""
		if i > 0 {
			before = lines[i-1]
		}
		if isFrame(line) || !counts(line, before, at >= 0 && (i < at-1 || i > at+1)) {
			continue
		}
		if size += len(line); size > mostWords {
			break
		}
		kept = append(kept, line)
	}
	return kept
}

// clearReply is how much a number must look like a reply for the words around it to count for nothing.
const clearReply = 4

// counts tells whether a line belongs to the error; isFar: a clear refusal
// stands elsewhere.
func counts(line, before string, isFar bool) bool {
	if isFar {
		return len(replies(line)) > 0 || command().MatchString(line) || capabilityLine().MatchString(line) || greetingLine().MatchString(line)
	}
	return tellsOfError(line) || continues(line, before)
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
