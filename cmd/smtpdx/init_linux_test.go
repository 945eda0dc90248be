package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gopkg.in/yaml.v3"
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

func TestInitTakesBackTheRightToWriteOfAFileItReplaces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	s := sitDown(t, nil, "init", "--host", "h.example", "-u", "a@b.example", "--password-env", "X", "--no-test", "-c", path)
	s.see("Replace it? [y/N] ")
	s.types("y\n")
	if code := s.ends(); code != exitPassed {
		t.Errorf("exit code %d\n%s", code, s.shown())
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestInitDoesNotWaitAtAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe.yaml")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	s := sitDown(t, nil, "init", "--host", "h.example", "-u", "a@b.example", "--password-env", "X", "--no-test", "-c", path)
	s.see("no file that could be")
	if code := s.ends(); code != exitUsage {
		t.Errorf("exit code %d\n%s", code, s.shown())
	}
}

func TestInitKeepsHostileAnswersWithinTheirValue(t *testing.T) {
	t.Parallel()
	account := "a: [b] # 'x' \"y\"\nhost: evil.example\x01 {*&!%}"
	folder := t.TempDir()
	name := filepath.Join(folder, "a\nhost: evil.example #.yaml")
	p, _, errs := pipes(nil)
	if code := run(context.Background(), p, []string{"init", "--host", "h.example", "-u", account, "--password-file", "p: #'w\n", "-c", name}); code != exitPassed {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var written struct {
		Host, Account string
		Password      struct{ File string }
	}
	if err := yaml.Unmarshal(text, &written); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if written.Host != "h.example" || written.Account != account || filepath.Base(written.Password.File) != "p: #'w\n" {
		t.Errorf("%+v\n%s", written, text)
	}
}

func TestInitNamesItsFileInTheCommandToCheckAgain(t *testing.T) {
	t.Parallel()
	s := sitDown(t, nil, "init", "--host", "127.0.0.1:1", "--password-env", "X", "-u", "a@b.example", "-c", "mine.yaml")
	s.see("Check them now? No mail is sent. [Y/n] ")
	s.types("\n")
	s.see("FAILED")
	s.see("smtpdx check -c mine.yaml")
	if code := s.ends(); code != 11 {
		t.Errorf("exit code %d\n%s", code, s.shown())
	}
}

func TestInitAfterTheLastAnswerNeedsNone(t *testing.T) {
	t.Parallel()
	s := sitDown(t, nil, "init", "--host", "h.example", "-u", "a@b.example", "--password-env", "X")
	s.see("Check them now? No mail is sent. [Y/n] ")
	s.types("\x04")
	if code := s.ends(); code != exitPassed {
		t.Errorf("exit code %d\n%s", code, s.shown())
	}
}
