package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// TestSecretsAppearInNoOutput gives canaries as credentials to servers of the
// lab, among them one that repeats what it hears, and looks at every output of
// every format.
func TestSecretsAppearInNoOutput(t *testing.T) {
	t.Parallel()
	key := "AKIAcanary0123456789key"
	token := strings.Repeat("canary.Tok3n-", 231)[:3000]
	for _, c := range []struct {
		name, dialogue, account, kind, secret string
	}{
		{"not ASCII", "hostile-echo", "jobs@acme.example", "password", canary},
		{"API key", "hostile-echo", key, "password", key},
		{"three characters", "hostile-echo", "jobs@acme.example", "password", "q7Z"},
		{"long password", "hostile-echo", "jobs@acme.example", "password", token},
		{"long token", "healthy-long-token", "jobs@acme.example", "token", token},
		{"token for a server without OAuth", "hostile-echo", "jobs@acme.example", "token", token},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dialogue, ok := smtptest.Lookup(c.dialogue)
			if !ok {
				t.Fatalf("no dialogue %s", c.dialogue)
			}
			server, err := smtptest.Start(t.Context(), dialogue, smtptest.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			dir := t.TempDir()
			ca := filepath.Join(dir, "ca.pem")
			if err := os.WriteFile(ca, server.CA(), 0o600); err != nil {
				t.Fatal(err)
			}
			var files, reports []string
			for _, ending := range endings() {
				files = append(files, "r"+ending)
				reports = append(reports, "--report", filepath.Join(dir, "r"+ending))
			}
			choices := [][]string{{"-v"}, {"-q"}}
			for _, format := range formats()[1:] {
				choices = append(choices, []string{"-o", format, "-v"})
			}
			for _, format := range choices {
				p, out, errs := pipes(map[string]string{"CANARY": c.secret})
				args := append([]string{"check", net.JoinHostPort(server.Host(), strconv.Itoa(server.Port())), "--encryption", "starttls", "-u", c.account, "--" + c.kind + "-env", "CANARY", "--from", "jobs@acme.example",
					"--ca-file", ca}, append(format, reports...)...)
				code := run(context.Background(), p, args)
				if forMonitoring := slices.Contains(format, "nagios"); code != 0 && code != 16 && !(forMonitoring && code == 2 && strings.Contains(out.String(), "auth")) {
					t.Fatalf("%v: exit code %d, so nothing was tried\n%s", format, code, errs)
				}
				if c.kind == "password" && format[0] != "-q" && !strings.HasPrefix(out.String(), "SMTP ") && !strings.Contains(out.String(), "[hidden]") {
					t.Errorf("%v: the server repeated nothing, so this shows nothing", format)
				}
				holdsNot(t, "standard output of "+strings.Join(format, " "), out.String(), c.secret, c.account)
				holdsNot(t, "standard error of "+strings.Join(format, " "), errs.String(), c.secret, c.account)
				for _, name := range files {
					text, err := os.ReadFile(filepath.Join(dir, name))
					if err != nil || len(text) == 0 {
						t.Fatalf("%s: %d bytes, %v", name, len(text), err)
					}
					holdsNot(t, name, string(text), c.secret, c.account)
				}
			}
		})
	}
}

// holdsNot looks for the secret alone and in what a login sends, in the
// encodings in which it could come back.
func holdsNot(t *testing.T, where, text, secret, account string) {
	t.Helper()
	text = strings.ReplaceAll(text, `\/`, "/")
	forms := map[string]string{
		"itself": secret, "URL": url.QueryEscape(secret), "path": url.PathEscape(secret), "hex": hex.EncodeToString([]byte(secret)),
		"base64":         strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "="),
		"base64 in AUTH": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte("\x00"+account+"\x00"+secret)), "="),
		"escaped":        strings.Trim(strconv.QuoteToASCII(secret), `"`),
	}
	if len(secret) > 30 {
		forms["a piece"] = secret[len(secret)/2:][:24]
		forms["its beginning"] = secret[:24]
	}
	for name, form := range forms {
		if regexp.MustCompile(`(^|[^A-Za-z0-9])`+regexp.QuoteMeta(form)+`($|[^A-Za-z0-9])`).MatchString(text) ||
			len(form) > 5 && strings.Contains(text, form) {
			t.Errorf("%s holds the secret (%s):\n%.3000s", where, name, text)
		}
	}
}

// TestSecretsOfAnInboxAppearInNoOutput: a mailbox has a login of its own.
func TestSecretsOfAnInboxAppearInNoOutput(t *testing.T) {
	t.Parallel()
	dialogue, _ := smtptest.Lookup("imap-login-failed")
	dir := t.TempDir()
	choices := [][]string{{"-v"}, {"-q"}}
	for _, format := range formats()[1:] {
		choices = append(choices, []string{"-o", format, "-v"})
	}
	for _, format := range choices {
		server, err := smtptest.Start(t.Context(), dialogue, smtptest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ca, config := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "smtpdx.yaml")
		box := server.LetterBox()
		text := "host: localhost\nport: " + strconv.Itoa(server.Port()) + "\nencryption: starttls\naccount: jobs@acme.example\npassword: {env: GOOD}\nca_file: ca.pem\n" +
			"resolver: '" + server.Resolver() + "'\ninbox: {host: localhost, port: " + strconv.Itoa(box.Port()) + ", account: someone@recipient.example, password: {env: CANARY}, ca_file: ca.pem}\n"
		for name, content := range map[string][]byte{ca: server.CA(), config: []byte(text)} {
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		p, out, errs := pipes(map[string]string{"CANARY": canary, "GOOD": dialogue.Settings.Password})
		code := run(context.Background(), p, append([]string{"deliver", "-c", config, "--to", "someone@recipient.example", "--yes"}, format...))
		if !strings.Contains(out.String(), "imap-login-failed") && !strings.Contains(out.String(), "cannot be opened") {
			t.Fatalf("%v: exit code %d, so no login was tried\n%s%s", format, code, out, errs)
		}
		holdsNot(t, "standard output of "+strings.Join(format, " "), out.String(), canary, "someone@recipient.example")
		holdsNot(t, "standard error of "+strings.Join(format, " "), errs.String(), canary, "someone@recipient.example")
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
