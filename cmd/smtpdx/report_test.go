package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// savedDemo is the report of a demonstration, as json and as jsonl.
func savedDemo(t *testing.T, name string) (document, lines string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.json")
	p, out, _ := pipes(nil)
	run(context.Background(), p, []string{"demo", name, "-o", "jsonl", "-v", "--report", path})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), out.String()
}

// rendered runs smtpdx report over text on standard input.
func rendered(text, format string) (code int, out, errs string) {
	p, o, e := pipes(nil)
	p.in = strings.NewReader(text)
	code = run(context.Background(), p, []string{"report", "-", "-v", "-o", format})
	return code, o.String(), e.String()
}

func TestSavedReportPrintsInEveryFormat(t *testing.T) {
	t.Parallel()
	document, _ := savedDemo(t, wrongEncryption)
	for _, format := range formats() {
		want := 0
		if format == "nagios" {
			want = 2
		}
		if code, out, errs := rendered(document, format); code != want || !strings.Contains(out, "tls") {
			t.Errorf("%s: exit code %d\n%s%s", format, code, out, errs)
		}
	}
}

func TestSavedReportIsReadInEveryEncoding(t *testing.T) {
	t.Parallel()
	document, lines := savedDemo(t, wrongEncryption)
	little := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(document)) {
		little = append(little, byte(unit), byte(unit>>8))
	}
	for name, text := range map[string]string{"UTF-8": document, "byte-order mark": "\ufeff" + document, "UTF-16": string(little), "Windows line ends": strings.ReplaceAll(lines, "\n", "\r\n")} {
		if code, out, errs := rendered(text, "json"); code != 0 || !strings.Contains(out, "tls-wrong-mode") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
	}
}

func TestWhatIsNoReportIsRefusedWithAHint(t *testing.T) {
	t.Parallel()
	document, lines := savedDemo(t, wrongEncryption)
	for name, text := range map[string]string{
		"empty":              "",
		"blank":              " \n",
		"no JSON":            "Subject: hello",
		"a list":             "[1, 2]",
		"a word":             `"report"`,
		"null":               "null",
		"another document":   `{"schema": "smtpdx.presets/v1"}`,
		"a future schema":    strings.Replace(document, "smtpdx.report/v1", "smtpdx.report/v2", 1),
		"cut off":            document[:len(document)/2],
		"lines cut off":      lines[:len(lines)/2],
		"lines without end":  lines[:strings.LastIndex(strings.TrimSpace(lines), "\n")+1],
		"a type is wrong":    strings.Replace(document, `"exit_code": 14`, `"exit_code": "fourteen"`, 1),
		"results are a word": `{"schema": "smtpdx.report/v1", "verdict": "pass", "results": "none"}`,
		"no verdict":         strings.Replace(document, `"verdict": "fail"`, `"verdict": "maybe"`, 1),
		"an unknown status":  strings.Replace(document, `"status": "pass"`, `"status": "good"`, 1),
		"evidence is a word": strings.Replace(document, `"evidence": {`, `"evidence": "x", "was": {`, 1),
	} {
		code, out, errs := rendered(text, "text")
		if code != exitUsage || out != "" || !strings.Contains(errs, "-o json") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
		}
	}
	p, _, errs := pipes(nil)
	if code := run(context.Background(), p, []string{"report", filepath.Join(t.TempDir(), "none.json")}); code != exitUsage {
		t.Errorf("no file: exit code %d\n%s", code, errs)
	}
}

// What a person took away by hand, and is still a report, prints somehow.
func TestAReportWithLittleInItIsPrinted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"schema": "smtpdx.report/v1", "verdict": "pass"}`,
		`{"schema": "smtpdx.report/v1", "verdict": "fail", "results": [{"verdict": "fail", "steps": [{"id": "nonsense", "status": "fail"}, {"id": "dns", "status": "fail", "evidence": null}],
			"findings": [{}, {"fix": [{}], "decides": [{}], "evidence": [{}]}], "suggestion": {}, "next": [{}], "transcript": [{}]}]}`,
	} {
		for _, format := range formats() {
			if code, _, errs := rendered(text, format); code == exitFailed || code == exitUsage && format != "nagios" {
				t.Errorf("%s: exit code %d: %s", format, code, errs)
			}
		}
	}
}
