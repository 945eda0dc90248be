package cause_test

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// pastedReply finds the codes at the beginning of a pasted line.
var pastedReply = regexp.MustCompile(`^([45]\d\d)[ -](?:([45]\.\d{1,3}\.\d{1,3}) )?(.*)$`)

// pasted makes facts of a line that shows no settings, and of a step no more
// than that a mail was under way.
func pasted(line string) cause.Facts {
	f := cause.Facts{Failed: true, Text: line, Steps: []string{"sender", "message"}, Seen: cause.Set{cause.Pasted: true}, Values: map[string]string{}}
	if m := pastedReply.FindStringSubmatch(line); m != nil {
		f.Code, _ = strconv.Atoi(m[1])
		f.Enhanced, f.Text, f.Fault = m[2], m[3], "rejected"
		if f.Code < 500 {
			f.Fault = "deferred"
		}
	}
	return f
}

// Rules are to understand what they did not learn: these wordings are others than those of the examples.
func TestWhatIsSaidIsUnderstoodWithoutSettings(t *testing.T) {
	data, err := os.ReadFile("testdata/said.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		wanted, text, ok := strings.Cut(line, "|")
		if !ok {
			continue
		}
		found := cause.Builtin().Match(pasted(text))
		if len(found) == 0 || !slices.Contains(strings.Split(wanted, ","), found[0].Cause) {
			t.Errorf("%s\n  want %s, got %s", text, wanted, ids(found))
		}
	}
}
