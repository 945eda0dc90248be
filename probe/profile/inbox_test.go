package profile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

const beforeInbox = "host: smtp.example.com\naccount: me@example.com\n"

func following(config string) Flags { return Flags{Config: config, Follow: true} }

func TestAnInboxIsReadWhereItIsWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, inbox string
		want        probe.Inbox
	}{
		{"the fewest", "{host: imap.example.org, account: a, password: {env: MINE}}",
			probe.Inbox{Host: "imap.example.org", Port: 993, Encryption: probe.SSL, Account: "a", Password: probe.Credential{Value: secret.New(canary), Source: "env"}}},
		{"starttls", "{host: imap.example.org, encryption: starttls, account: a, password: {env: MINE}}",
			probe.Inbox{Host: "imap.example.org", Port: 143, Encryption: probe.STARTTLS, Account: "a", Password: probe.Credential{Value: secret.New(canary), Source: "env"}}},
		{"by the port", "{host: 'imap.example.org:143', account: a, password: {env: MINE}, folder: Jobs, insecure: yes, tls_server_name: mx.example.org}",
			probe.Inbox{Host: "imap.example.org", Port: 143, Encryption: probe.STARTTLS, Account: "a", Folder: "Jobs", Insecure: true, TLSServerName: "mx.example.org",
				Password: probe.Credential{Value: secret.New(canary), Source: "env"}}},
		{"a token goes before a password", "{host: imap.example.org, account: a, password: {env: UNSET}, token: {env: MINE}}",
			probe.Inbox{Host: "imap.example.org", Port: 993, Encryption: probe.SSL, Account: "a", Token: probe.Credential{Value: secret.New(canary), Source: "env"}}},
		{"to be asked for", "{host: imap.example.org, account: a}",
			probe.Inbox{Host: "imap.example.org", Port: 993, Encryption: probe.SSL, Account: "a", Password: probe.Credential{Source: "prompt"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := desk{files: map[string]string{"f.yaml": beforeInbox + "inbox: " + c.inbox + "\n"}, vars: map[string]string{"MINE": canary}}
			s := d.one(t, following("f.yaml"))
			if s.Refused != nil {
				t.Fatal(s.Refused.Text)
			}
			if diff := cmp.Diff(&c.want, s.Follow.Inbox, revealed, cmpopts.IgnoreFields(probe.Inbox{}, "CA")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnInboxThatCannotBeUsedIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, inbox, text, hint string }{
		{"no host", "{account: a}", "f.yaml:3:8: the inbox has no host", "imap.example.com"},
		{"an address as host", "{host: a@example.org, account: a}", "f.yaml:3:15: this is no host", "imap.example.com"},
		{"no account", "{host: imap.example.org}", "f.yaml:3:8: the inbox has no account", "account: me@example.com"},
		{"no encryption", "{host: imap.example.org, encryption: none, account: a}", "there is no such encryption for an inbox", "ssl or starttls"},
		{"a port", "{host: imap.example.org, port: 0, account: a}", "the port has to be a number", "993"},
		{"insecure", "{host: imap.example.org, insecure: perhaps, account: a}", "insecure is either true or false", "true or false"},
		{"a missing CA file", "{host: imap.example.org, ca_file: gone.pem, account: a}", "the file cannot be read", "path"},
		{"an unset variable", "{host: imap.example.org, account: a, password: {env: UNSET}}", "the variable for the password of the inbox is not set", "Set it before"},
		{"a token to be fetched", "{host: imap.example.org, account: a, token: {oauth: google, client_id: x}}", "cannot be fetched from here", "command"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := desk{files: map[string]string{"f.yaml": beforeInbox + "inbox: " + c.inbox + "\n"}}
			text, hint := d.refusal(t, following("f.yaml"))
			mustHold(t, "the message", text, c.text)
			mustHold(t, "the hint", hint, c.hint)
		})
	}
}

func TestACheckReadsNoPasswordOfAnInbox(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"f.yaml": beforeInbox + "inbox: {host: imap.example.org, account: a, password: {command: [pass]}}\n"},
		runs: func([]string) ([]byte, error) { return []byte(canary), nil }}
	s := d.one(t, Flags{Config: "f.yaml"})
	if s.Refused != nil || s.Follow != nil || len(d.ran) > 0 {
		t.Errorf("refused %v, follow %v, ran %v", s.Refused, s.Follow, d.ran)
	}
}

func TestAFoundFileRunsNoCommandForAnInbox(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"smtpdx.yaml": beforeInbox + "inbox: {host: imap.example.org, account: a, password: {command: [steal, it]}}\n"},
		runs: func([]string) ([]byte, error) { return []byte(canary), nil }}
	text, _ := d.refusal(t, Flags{Follow: true})
	mustHold(t, "the message", text, "a settings file that was found and not named runs no command")
	if len(d.ran) > 0 {
		t.Errorf("ran %v", d.ran)
	}
}

// The inbox of another profile brings its own server and password, and nothing
// else of that profile.
func TestTheInboxOfAnotherProfileGoesWithAnyServer(t *testing.T) {
	t.Parallel()
	file := "profiles:\n  mine:\n    host: smtp.example.org\n    account: x\n    password: {env: OTHER}\n    inbox: {host: imap.example.org, account: a, password: {env: MINE}}\n  bare:\n    host: h.example\n"
	d := desk{files: map[string]string{"smtpdx.yaml": file}, vars: map[string]string{"MINE": canary, "OTHER": "other"}}
	s := d.one(t, Flags{Follow: true, Targets: []string{"smtp.acme.example:587"}, Values: map[string]string{"inbox": "mine"}})
	if s.Refused != nil || s.Host != "smtp.acme.example" || s.Account != "" || s.Password.IsGiven() || s.Follow.Inbox == nil || s.Follow.Inbox.Profile != "mine" {
		t.Errorf("%+v", s)
	}
	for name, want := range map[string]string{"bare": "the profile bare has no inbox", "min": "has no profile of that name"} {
		text, _ := d.refusal(t, Flags{Follow: true, Targets: []string{"smtp.acme.example:587"}, Values: map[string]string{"inbox": name}})
		mustHold(t, "the message", text, want)
	}
	none := desk{}
	text, _ := none.refusal(t, Flags{Follow: true, Targets: []string{"smtp.acme.example:587"}, Values: map[string]string{"inbox": "mine"}})
	mustHold(t, "the message", text, "there is no settings file")
	if strings.Contains(text, canary) {
		t.Error("a secret is shown")
	}
}
