package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
)

// compared runs smtpdx compare over a report and one that was made of it.
func compared(t *testing.T, document string, change func(*probe.Report), format string) (code int, out string) {
	t.Helper()
	var r probe.Report
	if err := json.Unmarshal([]byte(document), &r); err != nil {
		t.Fatal(err)
	}
	change(&r)
	changed, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.json")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	p, o, e := pipes(nil)
	p.in = strings.NewReader(string(changed))
	code = run(context.Background(), p, []string{"compare", path, "-", "-o", format})
	return code, o.String() + e.String()
}

func TestComparisonKeepsHostileValuesWithinTheirLine(t *testing.T) {
	t.Parallel()
	document, _ := savedDemo(t, wrongEncryption)
	hostile := "x\n# Heading\n\n::error::broken\n<b>"
	for _, format := range []string{formatText, formatMarkdown} {
		_, out := compared(t, document, func(r *probe.Report) {
			r.Tool.Version, r.Vantage.OS = hostile, hostile
			r.Results[0].Findings[0].Title, r.Results[0].Findings[0].Cause = hostile, hostile
		}, format)
		for _, line := range strings.Split(out, "\n") {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "# Heading") || strings.HasPrefix(line, "::error") {
				t.Errorf("%s: a value begins a line: %q", format, line)
			}
		}
	}
}

func TestComparisonWithAnInterruptedRunSaysSo(t *testing.T) {
	t.Parallel()
	document, _ := savedDemo(t, "healthy")
	code, out := compared(t, document, func(r *probe.Report) {
		result := &r.Results[0]
		last := &result.Steps[len(result.Steps)-1]
		last.Status, last.SkipReason = probe.Skip, probe.Maybe(probe.Interrupted)
		r.ExitCode, result.Interrupted = exitInterrupted, true
	}, formatText)
	if code != exitPassed || !strings.HasPrefix(out, "NOT KNOWN whether it is worse") || !strings.Contains(out, "Z, interrupted") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
