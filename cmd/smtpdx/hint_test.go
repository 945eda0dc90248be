package main

import (
	"context"
	"errors"
	"strings"
	"testing"
)

const canary = "Pa55-canary-ünï"

// typed runs a command line without a terminal and gives what it printed.
func typed(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	p, stdout, stderr := pipes(nil)
	code = run(context.Background(), p, args)
	return code, stdout.String(), stderr.String()
}

func TestForeignFlagsGetAHintAndNoEcho(t *testing.T) {
	for _, c := range []struct {
		typed string
		hint  string
	}{
		{"check --server " + canary, "HOST"},
		{"check -s " + canary, "HOST"},
		{"check -p " + canary, "--port"},
		{"check -p587", "--port"},
		{"check --tls", "--encryption"},
		{"check -tls", "--encryption"},
		{"check -tlsc", "--encryption ssl"},
		{"check --tls-on-connect", "--encryption ssl"},
		{"check --user " + canary, "-u ACCOUNT"},
		{"check -ap" + canary, "--password-env"},
		{"check -ap " + canary, "--password-env"},
		{"check --auth-password=" + canary, "--password-env"},
		{"check --password " + canary, "--password-env"},
		{"check --token " + canary, "--token-env"},
		{"check -au " + canary, "-u ACCOUNT"},
		{"check -k", "--insecure"},
		{"check -connect " + canary, "HOST"},
		{"check -starttls smtp", "--encryption starttls"},
		{"check --mail-from " + canary, "--from"},
		{"check --rcpt-to " + canary, "--to"},
		{"check -t " + canary, "--to"},
		{"check --ehlo " + canary, "--helo"},
		{"check --url " + canary, "smtps://"},
		{"check --ssl-reqd", "--encryption starttls"},
		{"check --cacert " + canary, "--ca-file"},
		{"check -CAfile " + canary, "--ca-file"},
		{"check --hots " + canary, "--host"},
		{"check --" + canary, "--help"},
		{"check -" + canary, "--"},
		{"check --json", "-o json"},
		{"-s " + canary, "HOST"},
		{"--host " + canary, "check"},
		{canary, "smtpdx check"},
		{"chekc " + canary, "smtpdx check"},
		{"demo " + canary, "lab list"},
		{"demo helthy", "healthy"},
		{"lab serve " + canary, "lab list"},
		{"lab " + canary, "lab serve"},
		{"version " + canary, "--help"},
		{"check -o " + canary, "json"},
	} {
		t.Run(c.typed, func(t *testing.T) {
			code, out, errs := typed(t, strings.Fields(c.typed)...)
			if code != exitUsage {
				t.Errorf("exit code %d, want 2", code)
			}
			if out != "" {
				t.Errorf("standard output: %q", out)
			}
			if !strings.Contains(errs, c.hint) {
				t.Errorf("no %q in:\n%s", c.hint, errs)
			}
			if strings.Contains(errs, canary) || strings.Contains(errs, canary[:11]) {
				t.Errorf("repeats what was typed:\n%s", errs)
			}
		})
	}
}

func TestForeignFlagsAreNotOurs(t *testing.T) {
	p, _, _ := pipes(nil)
	check, _, err := newRoot(p, nil).Find([]string{"check"})
	if err != nil {
		t.Fatal(err)
	}
	for name := range foreignFlags() {
		if long, ok := strings.CutPrefix(name, "--"); ok && check.Flags().Lookup(long) != nil {
			t.Errorf("%s is a flag of check", name)
		}
		if short, ok := strings.CutPrefix(name, "-"); ok && len(short) == 1 && check.Flags().ShorthandLookup(short) != nil {
			t.Errorf("%s is a flag of check", name)
		}
	}
}

func TestReservedNamesAreUnknown(t *testing.T) {
	for _, name := range []string{"--preset", "--inbox", "--mask", "--baseline"} {
		if code, _, errs := typed(t, "check", name); code != exitUsage {
			t.Errorf("%s: exit code %d, %s", name, code, errs)
		}
	}
}

func TestNearestFindsTypingErrorsOnly(t *testing.T) {
	words := []string{"host", "port", "account", "encryption", "password-env"}
	for typed, want := range map[string]string{"hots": "host", "acount": "account", "encyrption": "encryption", "password_env": "password-env", "zzz": "", "x": ""} {
		if got := nearest(typed, words); got != want {
			t.Errorf("nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestSaidErrorsKeepTheirCode(t *testing.T) {
	p, _, stderr := pipes(nil)
	if code := p.conclude(context.Background(), nil, exitWith(17)); code != 17 || stderr.Len() > 0 {
		t.Errorf("exit code %d, standard error %q", code, stderr)
	}
	if code := p.conclude(context.Background(), nil, errors.New("no room on the disk")); code != exitFailed || !strings.Contains(stderr.String(), "no room") {
		t.Errorf("exit code %d, standard error %q", code, stderr)
	}
}

func TestASlipInAForeignFlagGetsItsHintAndKeepsTheValue(t *testing.T) {
	var out, err strings.Builder
	cmd := newCheck(&process{out: &out, err: &err})
	for typed, want := range map[string]string{
		"--passwrod=Geheim99": "--password-env",
		"--tiemout=Geheim99":  "--timeout",
		"--serevr=Geheim99":   "HOST[:PORT]",
	} {
		failure := cmd.ParseFlags([]string{typed})
		var wrong *usageError
		if !errors.As(flagError(cmd, failure), &wrong) {
			t.Fatalf("%s: %v", typed, failure)
		}
		if said := wrong.text + " " + wrong.hint; !strings.Contains(said, want) || strings.Contains(said, "Geheim99") {
			t.Errorf("%s: %q, want %q in it", typed, said, want)
		}
	}
}

func TestHintsFitTheScreen(t *testing.T) {
	for name, hint := range foreignFlags() {
		for _, line := range strings.Split(hint, "\n") {
			if len(line) > plainWidth-3 {
				t.Errorf("%s: %d columns: %s", name, len(line), line)
			}
		}
	}
}
