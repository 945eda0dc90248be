package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// terminalPair opens a pseudo terminal: the person's side and the program's.
func terminalPair(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// session is smtpdx on a terminal of its own.
type session struct {
	t      *testing.T
	person *os.File
	tty    *os.File
	cmd    *exec.Cmd
	mu     sync.Mutex
	screen strings.Builder
	more   chan struct{}
}

// sitDown starts smtpdx as a person at a terminal would.
func sitDown(t *testing.T, env []string, args ...string) *session {
	t.Helper()
	self, err := exec.LookPath("smtpdx")
	if err != nil {
		t.Fatal(err)
	}
	person, tty := terminalPair(t)
	s := &session{t: t, person: person, tty: tty, more: make(chan struct{}, 1), cmd: exec.Command(self, args...)}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.cmd.Dir = t.TempDir()
	s.cmd.Env = append([]string{"HOME=" + s.cmd.Dir, "TERM=xterm", "LC_ALL=C.UTF-8", "PATH=" + os.Getenv("PATH")}, env...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.watch() // ends when the terminal is closed
	return s
}

func (s *session) watch() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.person.Read(buffer)
		s.mu.Lock()
		s.screen.Write(buffer[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *session) shown() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// see waits until the screen shows the words.
func (s *session) see(words string) {
	s.t.Helper()
	limit := time.After(20 * time.Second)
	for !strings.Contains(s.shown(), words) {
		select {
		case <-s.more:
		case <-limit:
			_ = s.cmd.Process.Kill()
			s.t.Fatalf("%q does not appear in:\n%s", words, s.shown())
		}
	}
}

func (s *session) types(text string) {
	s.t.Helper()
	if _, err := s.person.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end and gives the exit code.
func (s *session) ends() int {
	s.t.Helper()
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	select {
	case <-done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		s.t.Fatalf("no end; the screen:\n%s", s.shown())
		return -1
	}
}

// echoes tells whether the terminal shows what is typed.
func (s *session) echoes() bool {
	s.t.Helper()
	state, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// atHealthyServer gives what to type for a healthy server of the lab.
func atHealthyServer(t *testing.T) (server *smtptest.Server, account, password, ca string) {
	t.Helper()
	dialogue, _ := smtptest.Lookup(healthy)
	server, err := smtptest.Start(t.Context(), dialogue, smtptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, server.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	return server, dialogue.Settings.Account, dialogue.Settings.Password, ca
}

func TestPasswordIsAskedForWhenTheServerIsReadyAndNotShown(t *testing.T) {
	t.Parallel()
	server, account, password, ca := atHealthyServer(t)
	s := sitDown(t, nil, "check", fmt.Sprintf("127.0.0.1:%d", server.Port()), "--encryption", "starttls", "-u", account, "--ca-file", ca)
	s.see("Password for " + account + " at 127.0.0.1: ")
	if s.echoes() {
		t.Error("the terminal shows what is typed")
	}
	if !strings.Contains(s.shown(), "ehlo-tls") {
		t.Errorf("asked before the server was ready:\n%s", s.shown())
	}
	s.types(password + "\n")
	if code := s.ends(); code != exitPassed {
		t.Errorf("exit code %d\n%s", code, s.shown())
	}
	if strings.Contains(s.shown(), password) {
		t.Errorf("the password is on the screen:\n%s", s.shown())
	}
	if !s.echoes() {
		t.Error("the terminal stays mute")
	}
	if bad := server.Violations(); len(bad) > 0 {
		t.Errorf("the server complains: %q", bad)
	}
}

func TestInterruptAtThePromptGivesTheReportAndTheTerminalBack(t *testing.T) {
	t.Parallel()
	server, account, _, ca := atHealthyServer(t)
	report := filepath.Join(t.TempDir(), "report.json")
	s := sitDown(t, nil, "check", fmt.Sprintf("127.0.0.1:%d", server.Port()), "--encryption", "starttls", "-u", account, "--ca-file", ca, "--report", report)
	s.see("Password for ")
	s.types("half a pass\x03")
	if code := s.ends(); code != exitInterrupted {
		t.Errorf("exit code %d\n%s", code, s.shown())
	}
	if !s.echoes() {
		t.Error("the terminal stays mute")
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var seen probe.Report
	if err := json.Unmarshal(text, &seen); err != nil {
		t.Fatal(err)
	}
	fitsSchema(t, seen)
	if !seen.Results[0].Interrupted || seen.ExitCode != exitInterrupted {
		t.Errorf("interrupted %v, exit code %d", seen.Results[0].Interrupted, seen.ExitCode)
	}
}

func TestCheckAloneAsksForTheSettings(t *testing.T) {
	t.Parallel()
	server, account, password, ca := atHealthyServer(t)
	s := sitDown(t, []string{"SMTPDX_CA_FILE=" + ca}, "check")
	for _, step := range []struct{ question, answer string }{
		{"Host (or your mail address): ", "127.0.0.1"},
		{"Port [587]: ", fmt.Sprint(server.Port())},
		{"[TLS/STARTTLS]: ", ""},
		{"Account", account},
		{"[" + account + "]: ", ""},
		{"Password for ", password},
	} {
		s.see(step.question)
		s.types(step.answer + "\n")
	}
	if code := s.ends(); code != exitPassed {
		t.Errorf("exit code %d\n%s", code, s.shown())
	}
}

func TestNoInputAndCINeverAsk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  []string
		args []string
	}{
		{nil, []string{"check", "--no-input"}},
		{[]string{"CI=true"}, []string{"check"}},
		{nil, []string{"check", "127.0.0.1:1", "-u", "me", "--no-input"}},
	} {
		s := sitDown(t, c.env, c.args...)
		if code := s.ends(); code != exitUsage {
			t.Errorf("%v %v: exit code %d\n%s", c.env, c.args, code, s.shown())
		}
	}
}
