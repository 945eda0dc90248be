package explain

import (
	"strings"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// ticket is a text made ready to be understood: unwrapped, without secrets,
// its settings read.
type ticket struct {
	text     string
	settings Settings
	secrets  int // how many were found and dropped
	redactor secret.Redactor
}

func readTicket(text string, given Settings) *ticket {
	t := &ticket{settings: given}
	raw := findSecrets(text)
	t.redactor.Learn(raw...)
	text = unwrap(text)
	found := findSecrets(t.redactor.Text(text))
	t.redactor.Learn(found...)
	t.secrets = len(raw) + len(found)
	t.text = secret.Clean(t.redactor.Text(text))
	t.settings.complete(t.text)
	return t
}

// longestWhole is the length up to which a text is looked at whole, in bytes.
// Of a longer one only the lines around what was refused count, since prose
// about mail has all the words of errors in it.
const longestWhole = 1800

// wordsOf gives the words that the rules shall look at.
func (t *ticket) words() string {
	text := t.text
	if len(text) <= longestWhole {
		return text
	}
	return strings.Join(decisiveLines(strings.Split(text, "\n")), "\n")
}

// decisiveLines are the lines that tell of an error, and what belongs to them.
func decisiveLines(lines []string) []string {
	var kept []string
	size := 0
	for i, line := range lines {
		if !tellsOfError(line) && !(i > 0 && continues(line, lines[i-1])) || strings.HasPrefix(strings.TrimSpace(line), "at ") {
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
	if len(replies(line)) > 0 || isGeneric(line) {
		return true
	}
	fault, _ := faultIn(line)
	return fault != ""
}

// continues: servers fold replies, clients indent what belongs to an error.
func continues(line, before string) bool {
	return tellsOfError(before) && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"))
}
