package explain

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/smtpdx/smtpdx/probe/cause"
)

// germanCase is how a German client words an error, and its cause.
type germanCase struct {
	Client, Text, Cause string
	Also                []string
	Settings            struct {
		Host, Encryption string
		Port             int
	}
}

func germanCases(t *testing.T) []germanCase {
	t.Helper()
	file, err := os.Open("testdata/german.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []germanCase
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var c germanCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

func TestGermanClientsAreUnderstood(t *testing.T) {
	all := germanCases(t)
	if len(all) < 40 {
		t.Fatalf("%d wordings, at least 40 are wanted", len(all))
	}
	for _, c := range all {
		x := explain(cause.Builtin(), c.Text, Settings{Host: c.Settings.Host, Port: c.Settings.Port, Encryption: c.Settings.Encryption})
		first := "nothing"
		if len(x.Findings) > 0 {
			first = x.Findings[0].Cause
		}
		if first != c.Cause && !slices.Contains(c.Also, first) {
			t.Errorf("%s, %.200q: %s, want %s", c.Client, c.Text, first, c.Cause)
		}
	}
}
