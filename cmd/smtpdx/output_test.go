package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReportFileFormatComesFromItsNameOrIsSaid(t *testing.T) {
	for value, want := range map[string]reportFile{
		"r.txt":            {"text", "r.txt"},
		"a/b.JSON":         {"json", "a/b.JSON"},
		"r.jsonl":          {"jsonl", "r.jsonl"},
		"R.MD":             {"markdown", "R.MD"},
		"json=events.log":  {"json", "events.log"},
		"text=/dev/stderr": {"text", "/dev/stderr"},
		"a=b.json":         {"json", "a=b.json"},
	} {
		if got, err := parseReport(value); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", value, got, err, want)
		}
	}
	for _, value := range []string{"r", "r.docx", "json=", "yaml=r", ""} {
		if _, err := parseReport(value); err == nil {
			t.Errorf("%q is taken", value)
		}
	}
}

func TestReportFilesMustDifferAndBeWritable(t *testing.T) {
	dir := t.TempDir()
	one := filepath.Join(dir, "r.json")
	for _, args := range [][]string{
		{"--report", one, "--report", one},
		{"--report", filepath.Join(dir, "no", "such", "folder", "r.json")},
	} {
		p, out, errs := pipes(nil)
		if code := run(context.Background(), p, append([]string{"demo"}, args...)); code != exitUsage || out.Len() > 0 {
			t.Errorf("%v: exit code %d, %q, %q", args, code, out, errs)
		}
	}
}

// brokenPipe is an output that takes nothing any more.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatCannotBeWrittenIsAFailureOfTheTool(t *testing.T) {
	t.Parallel()
	for _, format := range formats() {
		p, _, errs := pipes(nil)
		p.out = brokenPipe{}
		want := exitFailed
		if format == "nagios" {
			want = exitNotKnown
		}
		if code := run(context.Background(), p, []string{"demo", "-o", format}); code != want || !strings.Contains(errs.String(), "no space left") {
			t.Errorf("%s: exit code %d, %q", format, code, errs)
		}
	}
}

func TestMachineFormatPutsTheVerdictOnStandardErrorToo(t *testing.T) {
	t.Parallel()
	p, out, errs := pipes(nil)
	if code := run(context.Background(), p, []string{"demo", wrongEncryption, "-o", "json"}); code != 14 {
		t.Errorf("exit code %d", code)
	}
	if !strings.HasPrefix(out.String(), "{") || !strings.HasPrefix(errs.String(), "fail localhost:") {
		t.Errorf("%.80s\n%s", out, errs)
	}
}

func TestStrictTurnsWarningsIntoCode3(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]int{"demo cert-expires-soon": 0, "demo cert-expires-soon --strict": 3, "demo --strict": 0} {
		p, _, errs := pipes(nil)
		if code := run(context.Background(), p, strings.Fields(args)); code != want {
			t.Errorf("%s: exit code %d, want %d\n%s", args, code, want, errs)
		}
	}
}

func TestReportFileHoldsTheSameAsTheScreen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r.txt")
	p, out, _ := pipes(nil)
	if code := run(context.Background(), p, []string{"demo", wrongEncryption, "--report", path}); code != 14 {
		t.Fatalf("exit code %d", code)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, verdict, _ := strings.Cut(string(text), "FAILED: ")
	if verdict == "" || !strings.Contains(out.String(), verdict[:40]) {
		t.Errorf("file:\n%s\nscreen:\n%s", text, out)
	}
}

func TestGitHubSummaryIsAppended(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "summary.md")
	if err := os.WriteFile(path, []byte("from another step\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, out, errs := pipes(map[string]string{"GITHUB_STEP_SUMMARY": path})
	if code := run(context.Background(), p, []string{"demo", wrongEncryption, "-o", "github"}); code != 14 || !strings.HasPrefix(out.String(), "::error title=Mail settings of localhost%3A") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "from another step\n\n# Mail settings of localhost:") {
		t.Errorf("%v\n%s", err, text)
	}
	p, out, _ = pipes(map[string]string{"GITHUB_STEP_SUMMARY": filepath.Join(path, "no-folder")})
	if code := run(context.Background(), p, []string{"demo", "-o", "github"}); code != exitUsage || out.Len() > 0 {
		t.Errorf("a summary that cannot be written: exit code %d, %q", code, out)
	}
}
