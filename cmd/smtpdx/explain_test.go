package main

import (
	"strings"
	"testing"
)

func TestExplainSaysWhatToPasteIntoATerminal(t *testing.T) {
	var out, errs strings.Builder
	p := &process{in: strings.NewReader("535 5.7.8 Error: authentication failed\n"), out: &out, err: &errs, getenv: func(string) string { return "" },
		term: terminal{width: plainWidth}, ask: &person{}}
	if code := run(t.Context(), p, []string{"explain"}); code != exitPassed {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(errs.String(), "Paste the error") || !strings.Contains(errs.String(), "Ctrl-D") || !strings.Contains(out.String(), "auth-bad-credentials") {
		t.Errorf("%s%s", errs.String(), out.String())
	}
}

func TestExplainReadsNoSettingsAndNoCredential(t *testing.T) {
	t.Chdir(t.TempDir())
	asked := ""
	var out, errs strings.Builder
	p := &process{in: strings.NewReader(""), out: &out, err: &errs, term: terminal{width: plainWidth},
		getenv: func(name string) string { asked += name + " "; return "" }}
	if code := run(t.Context(), p, []string{"explain", "535 5.7.8 Error: authentication failed"}); code != exitPassed {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	if strings.Contains(asked, "SMTPDX_") {
		t.Errorf("variables that were read: %s", asked)
	}
}

func TestExplainRefusesAHostWithAPassword(t *testing.T) {
	for _, host := range []string{"smtp://jobs:hunter22@smtp.acme.example", "jobs:hunter22@smtp.acme.example:587"} {
		var out, errs strings.Builder
		p := &process{in: strings.NewReader(""), out: &out, err: &errs, term: terminal{width: plainWidth}, getenv: func(string) string { return "" }}
		if code := run(t.Context(), p, []string{"explain", "535 5.7.8 bad", "--host", host}); code != exitUsage || strings.Contains(out.String()+errs.String(), "hunter22") {
			t.Errorf("%s: exit code %d: %s%s", host, code, out.String(), errs.String())
		}
	}
}
