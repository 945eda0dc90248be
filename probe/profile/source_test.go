package profile

import (
	"context"
	"strings"
	"testing"
	"time"
)

// given is a server and an account on the command line.
func given(more ...Source) Flags {
	return Flags{Values: map[string]string{"host": "smtp.example.com", "account": "me@example.com"}, Password: more}
}

func TestAPasswordComesFromEverySource(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		source Source
		want   string
	}{
		{"variable", Source{Kind: "env", Value: "MINE"}, canary},
		{"file", Source{Kind: "file", Value: "pw"}, canary},
		{"file with a mark and CRLF", Source{Kind: "file", Value: "pw-windows"}, canary},
		{"file with two line ends", Source{Kind: "file", Value: "pw-two"}, canary + "\n"},
		{"standard input", Source{Kind: "stdin"}, canary},
		{"file -", Source{Kind: "file", Value: "-"}, canary},
		{"command", Source{Kind: "command", Value: `pass show "mail/my jobs"`}, canary},
		{"keyring", Source{Kind: "keyring", Value: KeyringService}, canary},
		{"keyring of another name", Source{Kind: "keyring", Value: "other"}, "other-" + canary},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := desk{
				vars:    map[string]string{"MINE": canary},
				files:   map[string]string{"pw": canary + "\n", "pw-windows": "\xef\xbb\xbf" + canary + "\r\n", "pw-two": canary + "\n\n"},
				stdin:   canary + "\n",
				keyring: map[string]string{"smtpdx/me@example.com": canary, "other/me@example.com": "other-" + canary},
				runs: func(argv []string) ([]byte, error) {
					if strings.Join(argv, "|") != "pass|show|mail/my jobs" {
						t.Errorf("ran %q", argv)
					}
					return []byte(canary + "\n"), nil
				},
			}
			s := d.one(t, given(c.source))
			if s.Refused != nil {
				t.Fatal(s.Refused.Text)
			}
			if s.Password.Value.Reveal() != c.want || s.Password.Source != c.source.Kind {
				t.Errorf("another password, from %s", s.Password.Source)
			}
		})
	}
}

func TestASourceThatGivesNoPasswordIsRefused(t *testing.T) {
	t.Parallel()
	failing := func([]string) ([]byte, error) { return []byte(canary), &commandError{"it ended with exit status 3"} }
	for _, c := range []struct {
		name   string
		source Source
		text   string
		hint   string
	}{
		{"unset variable", Source{Kind: "env", Value: canary}, "--password-env: the variable for the password is not set", "name of the variable"},
		{"no file", Source{Kind: "file", Value: "gone"}, "--password-file: the file with the password cannot be read: there is no such file", "path"},
		{"home folder", Source{Kind: "file", Value: "~/pw"}, "there is no such file", "write the whole path"},
		{"empty file", Source{Kind: "file", Value: "empty"}, "it is empty", "right one"},
		{"huge file", Source{Kind: "file", Value: "huge"}, "it is too large", "path"},
		{"failing command", Source{Kind: "command", Value: "x " + canary}, "the command for the password failed: it ended with exit status 3", "by hand"},
		{"open quote", Source{Kind: "command", Value: "x '" + canary}, "a quote is not closed", "Quote"},
		{"no command", Source{Kind: "command", Value: "  "}, "there is no command", "pass"},
		{"keyring without it", Source{Kind: "keyring", Value: "nobody"}, "the keyring has no password for this account (service nobody)", "password set"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := desk{files: map[string]string{"empty": "\n", "huge": strings.Repeat(canary, 1<<14)}, runs: failing, keyring: map[string]string{}}
			text, hint := d.refusal(t, given(c.source))
			mustHold(t, "the message", text, c.text)
			mustHold(t, "the hint", hint, c.hint)
			if strings.Contains(text+hint, "canary") {
				t.Errorf("the message quotes a secret: %s\n%s", text, hint)
			}
		})
	}
	d := desk{}
	text, _ := d.refusal(t, given(Source{Kind: "keyring"}))
	mustHold(t, "the message", text, "keyring does not work here")
	if strings.Contains(text, "canary") {
		t.Error("what a broken keyring says is repeated")
	}
}

func TestTwoSourcesAreRefused(t *testing.T) {
	t.Parallel()
	d := desk{vars: map[string]string{"SMTPDX_PASSWORD": canary, "SMTPDX_PASSWORD_FILE": "pw", "SMTPDX_HOST": "smtp.example.com", "SMTPDX_ACCOUNT": "me"}}
	text, _ := d.refusal(t, given(Source{Kind: "env", Value: "A"}, Source{Kind: "file", Value: "b"}))
	mustHold(t, "the message", text, "two sources for the password: --password-env and --password-file")
	text, _ = d.refusal(t, Flags{})
	mustHold(t, "the message", text, "SMTPDX_PASSWORD and SMTPDX_PASSWORD_FILE")
	d = desk{stdin: "host: smtp.example.com\naccount: me\n"}
	text, _ = d.refusal(t, Flags{Config: "-", Password: []Source{{Kind: "stdin"}}})
	mustHold(t, "the message", text, "standard input was read already, for the settings")
}

// TestCredentialsBelongToAServer is the rule of the contract: a host from a
// higher source gets no password from a lower one.
func TestCredentialsBelongToAServer(t *testing.T) {
	t.Parallel()
	const file = "host: mine.example\naccount: me\npassword: " + canary + "\n"
	for _, c := range []struct {
		name    string
		flags   Flags
		vars    map[string]string
		refused bool
	}{
		{"all from the file", Flags{Config: "f.yaml"}, nil, false},
		{"host by flag, password from the file", Flags{Config: "f.yaml", Values: map[string]string{"host": "evil.example"}}, nil, true},
		{"host by target, password from the file", Flags{Config: "f.yaml", Targets: []string{"evil.example"}}, nil, true},
		{"host by variable, password from the file", Flags{Config: "f.yaml"}, map[string]string{"SMTPDX_HOST": "evil.example"}, true},
		{"host by flag, password by variable", Flags{Values: map[string]string{"host": "evil.example", "account": "me"}}, map[string]string{"SMTPDX_PASSWORD": canary}, true},
		{"both by variable", Flags{}, map[string]string{"SMTPDX_HOST": "mine.example", "SMTPDX_ACCOUNT": "me", "SMTPDX_PASSWORD": canary}, false},
		{"host from the file, password by variable", Flags{Config: "f.yaml"}, map[string]string{"SMTPDX_PASSWORD": canary}, false},
		{"host and password by flag", Flags{Config: "f.yaml", Values: map[string]string{"host": "new.example"}, Password: []Source{{Kind: "env", Value: "MINE"}}}, map[string]string{"MINE": canary}, false},
		{"token from the file", Flags{Config: "t.yaml", Values: map[string]string{"host": "evil.example"}}, nil, true},
	} {
		d := desk{files: map[string]string{"f.yaml": file, "t.yaml": strings.Replace(file, "password", "token", 1)}, vars: c.vars}
		s := d.one(t, c.flags)
		has := s.Password.Value.IsSet() || s.Token.Value.IsSet()
		if (s.Refused != nil) != c.refused || has == c.refused {
			t.Errorf("%s: refused %+v, has a credential: %v", c.name, s.Refused, has)
		}
	}
}

func TestAFoundFileIsNotReadForAnotherServerAndRunsNoCommand(t *testing.T) {
	t.Parallel()
	d := desk{
		files: map[string]string{"smtpdx.yaml": "host: mine.example\naccount: me\npassword: {command: [steal, it]}\n"},
		runs:  func([]string) ([]byte, error) { return []byte(canary), nil },
	}
	s := d.one(t, Flags{Targets: []string{"other.example"}, Values: map[string]string{"account": "me"}})
	if s.Password.IsGiven() {
		t.Error("a server on the command line got the password of the file")
	}
	text, hint := d.refusal(t, Flags{})
	mustHold(t, "the message", text, "runs no command")
	mustHold(t, "the hint", hint, "-c smtpdx.yaml")
	if len(d.ran) > 0 {
		t.Errorf("ran %v", d.ran)
	}
	if s := d.one(t, Flags{Config: "smtpdx.yaml"}); s.Refused != nil || s.Password.Value.Reveal() != canary {
		t.Errorf("named, the file runs its command: %+v", s.Refused)
	}
}

func TestNoCredentialIsReadWhereNoneIsNeeded(t *testing.T) {
	t.Parallel()
	d := desk{runs: func([]string) ([]byte, error) { return []byte(canary), nil }}
	f := given(Source{Kind: "command", Value: "pass"})
	f.Until = "ehlo-tls"
	if s := d.one(t, f); s.Password.Value.IsSet() || s.Password.Source != "command" {
		t.Error("the plan ends before the login and the password was read")
	}
	f.Until, f.Values["port"] = "", "zero"
	d.refusal(t, f)
	if len(d.ran) > 0 {
		t.Errorf("ran %v", d.ran)
	}
}

func TestAWrittenOutPasswordIsRemarked(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"f.yaml": "host: a.example\naccount: me\npassword: " + canary + "\n"}, owners: map[string]Ownership{}}
	mustHold(t, "the remarks", observations(d.one(t, Flags{Config: "f.yaml"})), "secret-literal")
	d.owners["f.yaml"] = Ownership{OthersMayRead: true}
	mustHold(t, "the remarks", observations(d.one(t, Flags{Config: "f.yaml"})), "secret-file-exposed")
}

func TestATokenGoesBeforeAPassword(t *testing.T) {
	t.Parallel()
	d := desk{vars: map[string]string{"T": "token", "P": canary}}
	f := given(Source{Kind: "env", Value: "P"})
	f.Token = []Source{{Kind: "env", Value: "T"}}
	s := d.one(t, f)
	if s.Password.Value.IsSet() || s.Token.Value.Reveal() != "token" {
		t.Error("the password was taken")
	}
	mustHold(t, "the remarks", observations(s), "token-before-password")
}

func TestPathsOfAFileAreRelativeToIt(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"conf/f.yaml": "host: a.example\naccount: me\npassword: {file: pw}\n", "conf/pw": canary}}
	s := d.one(t, Flags{Config: "conf/f.yaml"})
	if s.Refused != nil || s.Password.Value.Reveal() != canary {
		t.Errorf("%+v", s.Refused)
	}
}

func TestCommandsEndInTime(t *testing.T) {
	t.Parallel()
	began := time.Now()
	_, err := runCommand(t.Context(), []string{"smtpdx-there-is-no-such-program"})
	if err == nil || !strings.Contains(err.Error(), "no such program") {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestACredentialWithoutAnAccountIsRefused(t *testing.T) {
	t.Parallel()
	d := desk{vars: map[string]string{"P": canary, "SMTPDX_TOKEN": canary}}
	host := map[string]string{"host": "smtp.example.com"}
	text, hint := d.refusal(t, Flags{Values: host, Password: []Source{{Kind: "env", Value: "P"}}, Token: []Source{{Kind: "env", Value: "P"}}})
	mustHold(t, "the message", text, "no account to log in with")
	mustHold(t, "the hint", hint, "-u ACCOUNT")
	if s := d.one(t, Flags{Values: host, Password: []Source{{Kind: "env", Value: "P"}}, Token: []Source{{Kind: "env", Value: "P"}}, Until: "ehlo"}); s.Refused != nil {
		t.Errorf("before the login it does not matter: %+v", s.Refused)
	}
}

func TestASourceHasNoMoreTimeThanTheDeadline(t *testing.T) {
	t.Parallel()
	d := desk{}
	w := d.world()
	w.Run = func(ctx context.Context, _ []string) ([]byte, error) {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	f := given(Source{Kind: "command", Value: "pass"})
	f.Values["deadline"] = "20ms"
	all, err := Load(t.Context(), f, w)
	if err != nil || all[0].Refused == nil {
		t.Fatalf("%v, %+v", err, all)
	}
	mustHold(t, "the message", all[0].Refused.Text, "it did not end within 20ms")
}

func TestAPasswordInAProxysURLIsNoFlag(t *testing.T) {
	t.Parallel()
	d := desk{vars: map[string]string{"SMTPDX_PROXY": "http://me:Pa55-canary@proxy.example:3128"}}
	text, hint := d.refusal(t, Flags{Values: map[string]string{"host": "smtp.example.com", "proxy": "http://me:Pa55-canary@proxy.example:3128"}})
	mustHold(t, "the hint", hint, "SMTPDX_PROXY")
	if strings.Contains(text+hint, "canary") {
		t.Errorf("the password is repeated: %s", text)
	}
	if s := d.one(t, Flags{Values: map[string]string{"host": "smtp.example.com"}}); s.Refused != nil || s.Proxy != "http://proxy.example:3128" {
		t.Errorf("by the variable it is taken: %+v", s.Refused)
	}
}

func TestWordsAreTakenApartAsAShellDoes(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`pass show mail`: "pass|show|mail", `a 'b c' "d e"`: "a|b c|d e", `a\ b`: "a b", `C:\bin\pw.exe x`: `C:\bin\pw.exe|x`,
		`a ''`: "a|", `a"b"c`: "abc", `'\'`: `\`, "  ": "", `"a \" b"`: `a " b`,
	} {
		got, err := words(line)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%s: %q, %v", line, got, err)
		}
	}
	if _, err := words(`a "b`); err == nil {
		t.Error("an open quote is taken")
	}
}

var _ Keyring = (*desk)(nil)
