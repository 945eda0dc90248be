package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// TestAPersonIsAskedBeforeAMessageGoes: only a yes sends, and nothing is
// contacted before it.
func TestAPersonIsAskedBeforeAMessageGoes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers     []string
		flags       []string
		code        int
		connections int
		questions   int
	}{
		"yes":                {[]string{"y"}, nil, 0, 1, 1},
		"YES":                {[]string{" YES "}, nil, 0, 1, 1},
		"no":                 {[]string{"n"}, nil, 2, 0, 1},
		"only Enter":         {[]string{""}, nil, 2, 0, 1},
		"anything else":      {[]string{"sure"}, nil, 2, 0, 1},
		"the input ends":     {nil, nil, 2, 0, 1},
		"--yes answers that": {nil, []string{"--yes"}, 0, 1, 0},
		"--no-input":         {[]string{"y"}, []string{"--no-input"}, 2, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dialogue, _ := smtptest.Lookup("message-one-recipient")
			server, err := smtptest.Start(t.Context(), dialogue, smtptest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			ca := filepath.Join(t.TempDir(), "ca.pem")
			if err := os.WriteFile(ca, server.CA(), 0o600); err != nil {
				t.Fatal(err)
			}
			p, out, errs := pipes(map[string]string{"SECRET": dialogue.Settings.Password})
			person := &scripted{answers: c.answers}
			var asked bytes.Buffer
			p.ask, p.asked = person, &asked
			args := []string{"send", net.JoinHostPort(server.Host(), strconv.Itoa(server.Port())), "--encryption", "starttls", "-u", dialogue.Settings.Account,
				"--password-env", "SECRET", "--ca-file", ca, "--to", "someone@recipient.example", "-4"}
			if code := run(context.Background(), p, append(args, c.flags...)); code != c.code {
				t.Errorf("exit code %d, want %d\n%s%s", code, c.code, out, errs)
			}
			if server.Connections() != c.connections || len(person.questions) != c.questions {
				t.Errorf("%d connections, asked %q", server.Connections(), person.questions)
			}
			if c.questions > 0 && !strings.Contains(asked.String(), "from jobs@acme.example to someone@recipient.example") {
				t.Errorf("it is not said what goes to whom: %s", asked.String())
			}
		})
	}
}
