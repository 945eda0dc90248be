package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

func TestFirstDialoguesExist(t *testing.T) {
	for name, verdict := range map[string]string{healthy: "pass", wrongEncryption: "fail"} {
		if d, ok := smtptest.Lookup(name); !ok || d.Verdict != verdict {
			t.Errorf("dialogue %s: there %v, verdict %q", name, ok, d.Verdict)
		}
	}
}

// TestEveryDemoEndsAsItsDialogueSays is the whole program against the whole
// catalogue: step, cause, exit code, a report that fits the schema, and the
// same report out of the lines. With SMTPDX_JUNIT_DIR the reports go there as
// JUnit XML too, for whoever has a judge of that (.ci/run pages).
func TestEveryDemoEndsAsItsDialogueSays(t *testing.T) {
	t.Parallel()
	for _, d := range smtptest.Catalogue() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			saved := filepath.Join(t.TempDir(), "r.json")
			p, out, errs := pipes(nil)
			code := run(context.Background(), p, []string{"demo", d.Name, "-o", "jsonl", "-v", "--report", saved})
			if code != d.ExitCode {
				t.Fatalf("exit code %d, want %d\n%s", code, d.ExitCode, errs)
			}
			report := fold(t, out.Bytes())
			fitsSchema(t, report)
			if got := len(report.Results[0].Next); got == 0 && d.Verdict == "fail" {
				t.Error("a failure without a next step")
			}
			document, err := os.ReadFile(saved)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
				if err := fitsNamed(probe.EventSchema, []byte(line)); err != nil {
					t.Errorf("%v\n%s", err, line)
				}
			}
			if dir := os.Getenv("SMTPDX_JUNIT_DIR"); dir != "" {
				_, text, _ := rendered(string(document), "junit")
				if err := os.WriteFile(filepath.Join(dir, d.Name+".xml"), []byte(text), 0o644); err != nil {
					t.Error(err)
				}
			}
			masksTheLab(t, d, string(document))
			for _, text := range []string{string(document), out.String()} {
				if code, again, errs := rendered(text, "json"); code != 0 || again != string(document) {
					t.Errorf("printed again it is another: exit code %d %s\n%s\n%s", code, errs, document, again)
				}
			}
		})
	}
}

// fold makes the report out of lines of JSON.
func fold(t *testing.T, lines []byte) probe.Report {
	t.Helper()
	var report probe.Report
	scanner := bufio.NewScanner(bytes.NewReader(lines))
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var e probe.Event
		if err := json.Unmarshal(scanner.Bytes(), &e); err != nil {
			t.Fatalf("%v\n%s", err, scanner.Text())
		}
		report.Add(e)
	}
	if scanner.Err() != nil || len(report.Results) != 1 {
		t.Fatalf("%d results, %v", len(report.Results), scanner.Err())
	}
	return report
}

func TestDemoSaysWhenTheDiagnosisIsAnother(t *testing.T) {
	d := smtptest.Dialogue{Name: "invented", Verdict: "fail", Step: "auth", Cause: "auth-bad-credentials", ExitCode: 16}
	for _, c := range []struct {
		name string
		seen probe.Result
		code int
		want bool
	}{
		{"as it says", probe.Result{Verdict: probe.Fail, FailedStep: "auth", Findings: probe.List[probe.Finding]{{Cause: "auth-bad-credentials", Step: "auth", Severity: "error"}}}, 16, true},
		{"another cause first", probe.Result{Verdict: probe.Fail, FailedStep: "auth", Findings: probe.List[probe.Finding]{
			{Cause: "auth-failed", Step: "auth", Severity: "error"}, {Cause: "auth-bad-credentials", Step: "auth", Severity: "error"}}}, 16, false},
		{"another step", probe.Result{Verdict: probe.Fail, FailedStep: "sender", Findings: probe.List[probe.Finding]{{Cause: "auth-bad-credentials", Step: "auth", Severity: "error"}}}, 17, false},
		{"a pass", probe.Result{Verdict: probe.Pass}, 0, false},
	} {
		seen := probe.Report{Verdict: c.seen.Verdict, Results: probe.List[probe.Result]{c.seen}}
		if got := fits(d, &seen, c.code, false); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestHealthyDemoNamesTheNextOne(t *testing.T) {
	t.Parallel()
	p, out, errs := pipes(nil)
	if code := run(context.Background(), p, []string{"demo"}); code != exitPassed {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	if want := "Now a broken one: smtpdx demo " + wrongEncryption + "\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("does not end with %q:\n%s", want, out)
	}
}

func TestDemoReadsNoSettings(t *testing.T) {
	t.Parallel()
	p, _, errs := pipes(map[string]string{"SMTPDX_HOST": "nowhere.invalid", "SMTPDX_PASSWORD": "x", "SMTPDX_PORT": "zero"})
	if code := run(context.Background(), p, []string{"demo", "-q"}); code != exitPassed {
		t.Errorf("exit code %d\n%s", code, errs)
	}
}
