package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInitAsksWritesAndChecks is a person's whole way, and then the check of
// the file that was written.
func TestInitAsksWritesAndChecks(t *testing.T) {
	t.Parallel()
	server, account, password, ca := atHealthyServer(t)
	s := sitDown(t, nil, "init", "--ca-file", ca)
	for _, step := range []struct{ question, answer string }{
		{"Your mail address (or the host): ", "127.0.0.1"},
		{"Port [587]: ", fmt.Sprint(server.Port())},
		{"[TLS/STARTTLS]: ", ""},
		{"Account", account},
		{"[" + account + "]: ", ""},
		{"prompt (ask each time) [env]: ", "Geheim-99"},
		{"Do not type the password here.", "env"},
		{"Name of the variable [MAIL_PASSWORD]: ", ""},
		{"Check them now? No mail is sent. [Y/n] ", ""},
		{"Password for ", password},
	} {
		s.see(step.question)
		s.types(step.answer + "\n")
	}
	if code := s.ends(); code != exitPassed {
		t.Errorf("exit code %d\n%s", code, s.shown())
	}
	text, err := os.ReadFile(filepath.Join(s.cmd.Dir, usualFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# yaml-language-server: $schema=smtpdx.schema.json\n", "host: '127.0.0.1'\n", "password: {env: MAIL_PASSWORD}\n", "account: " + account + "\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in the file:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), password) || strings.Contains(s.shown(), password) {
		t.Error("the password is in the file or on the screen")
	}
	if err := settingsFit(t, string(text)); err != nil {
		t.Errorf("the file does not fit its schema: %v", err)
	}
	if info, err := os.Stat(filepath.Join(s.cmd.Dir, usualFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the file: %v, %v", info.Mode(), err)
	}
	again := sitDown(t, []string{"MAIL_PASSWORD=" + password}, "check", "-c", filepath.Join(s.cmd.Dir, usualFile))
	if code := again.ends(); code != exitPassed {
		t.Errorf("the written file: exit code %d\n%s", code, again.shown())
	}
}

func TestInitReplacesAFileOnlyAfterAQuestion(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mine.yaml")
	for _, c := range []struct {
		answer string
		code   int
		kept   bool
	}{{"", exitUsage, true}, {"n", exitUsage, true}, {"y", exitPassed, false}} {
		if err := os.WriteFile(path, []byte("host: mine.example\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := sitDown(t, nil, "init", "--host", "h.example", "-u", "a@b.example", "--password-env", "X", "--no-test", "-c", path)
		s.see("Replace it? [y/N] ")
		s.types(c.answer + "\n")
		if code := s.ends(); code != c.code {
			t.Errorf("answer %q: exit code %d\n%s", c.answer, code, s.shown())
		}
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(text), "mine.example") != c.kept {
			t.Errorf("answer %q: %v\n%s", c.answer, err, text)
		}
	}
}
