package profile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// withToken is a settings file whose token is to be fetched.
func withToken(token string) map[string]string {
	return map[string]string{"conf/f.yaml": "host: smtp.example.com\naccount: me@example.com\ntoken: " + token + "\n"}
}

// revealed compares secrets by what they hold.
var revealed = cmp.Comparer(func(a, b secret.Value) bool { return a.Reveal() == b.Reveal() })

func TestATokenThatIsToBeFetchedIsDescribed(t *testing.T) {
	t.Parallel()
	const form = `
  oauth: microsoft
  client_id: 11112222
  tenant: example.com
  flow: client-credentials
  token_cache: cache/tokens.json
  authority: https://login.example
  auth_url: https://login.example/a
  token_url: https://login.example/t
  device_url: https://login.example/d
  scopes: [https://outlook.example/SMTP.Send, offline_access]
  client_secret: {env: MINE}
  key: {file: sa.json}`
	all := probe.OAuth{Provider: "microsoft", ClientID: "11112222", Tenant: "example.com", Flow: "client-credentials", Cache: "conf/cache/tokens.json",
		Authority: "https://login.example", AuthURL: "https://login.example/a", TokenURL: "https://login.example/t", DeviceURL: "https://login.example/d",
		Scopes: []string{"https://outlook.example/SMTP.Send", "offline_access"}, ClientSecret: secret.New(canary), Key: secret.New("{}")}
	for _, c := range []struct {
		name, token string
		want        probe.OAuth
	}{
		{"all keys", form, all},
		{"the fewest", "{oauth: google, client_id: x}", probe.OAuth{Provider: "google", ClientID: "x"}},
		{"one scope", "{oauth: google, client_id: x, scopes: https://mail.google.com/}", probe.OAuth{Provider: "google", ClientID: "x", Scopes: []string{"https://mail.google.com/"}}},
		{"scopes in one line", "{oauth: microsoft, client_id: x, scopes: a b}", probe.OAuth{Provider: "microsoft", ClientID: "x", Scopes: []string{"a", "b"}}},
		{"no scopes", "{oauth: microsoft, client_id: x, scopes: []}", probe.OAuth{Provider: "microsoft", ClientID: "x"}},
		{"a secret by command", "{oauth: google, client_id: x, client_secret: {command: [pass, show, app]}}", probe.OAuth{Provider: "google", ClientID: "x", ClientSecret: secret.New(canary)}},
		{"an absolute cache", "{oauth: google, client_id: x, token_cache: /var/lib/t.json}", probe.OAuth{Provider: "google", ClientID: "x", Cache: "/var/lib/t.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := desk{files: withToken(c.token), vars: map[string]string{"MINE": canary}, runs: func([]string) ([]byte, error) { return []byte(canary + "\n"), nil }}
			d.files["conf/sa.json"] = "{}\n"
			s := d.one(t, Flags{Config: "conf/f.yaml"})
			if s.Refused != nil {
				t.Fatal(s.Refused.Text)
			}
			if s.OAuth == nil || !cmp.Equal(*s.OAuth, c.want, revealed) {
				t.Errorf("%s", cmp.Diff(&c.want, s.OAuth, revealed))
			}
			if s.Token.Source != "oauth" || s.Token.Value.IsSet() || s.Origins["token"].From != "file" {
				t.Errorf("source %q, origin %v", s.Token.Source, s.Origins["token"])
			}
		})
	}
}

func TestATokenThatCannotBeReadIsRefusedWithPlaceAndHint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, token, text, hint string }{
		{"another provider", "{oauth: yahoo, client_id: x}", "conf/f.yaml:3:16: tokens come from microsoft or google", "oauth: google"},
		{"no provider named", "{oauth: , client_id: x}", "conf/f.yaml:3:16: oauth wants one value", "oauth: microsoft"},
		{"a misspelt key", "{oauth: google, client_it: x}", `conf/f.yaml:3:24: there is no key "client_it"`, "Did you mean client_id?"},
		{"an unknown key", "{oauth: google, " + canary + ": x}", "conf/f.yaml:3:24: there is no such key", "client_id, tenant"},
		{"a key twice", "{oauth: google, client_id: x, client_id: y}", "conf/f.yaml:3:38: client_id stands here twice", "Keep one"},
		{"a secret twice", "{oauth: google, client_secret: {env: A}, client_secret: {env: B}}", "client_secret stands here twice", "Keep one"},
		{"a list for a word", "{oauth: google, client_id: [x]}", "conf/f.yaml:3:35: client_id wants one value", "client_id: ID"},
		{"nothing for a word", "{oauth: google, tenant: null}", "conf/f.yaml:3:32: tenant wants one value", "tenant: example.com"},
		{"a scope that is none", "{oauth: google, scopes: [[a]]}", "conf/f.yaml:3:33: this is no scope", "scopes: [https://"},
		{"scopes by name", "{oauth: google, scopes: {a: b}}", "conf/f.yaml:3:32: this is no scope", "scopes: [https://"},
		{"a written out secret", "{oauth: google, client_secret: " + canary + "}", "conf/f.yaml:3:39: client_secret does not stand in the file itself", "client_secret: {env: NAME}, {file: PATH} or {command: [program, argument]}."},
		{"a written out key", "{oauth: google, key: " + canary + "}", "conf/f.yaml:3:29: key does not stand in the file itself", "key: {env: NAME}"},
		{"an empty secret", "{oauth: google, client_secret: }", "client_secret does not stand in the file itself", "{env: NAME}"},
		{"a list for a secret", "{oauth: google, client_secret: [" + canary + "]}", "client_secret does not stand in the file itself", "{env: NAME}"},
		{"a secret from a person", "{oauth: google, client_secret: {prompt: true}}", "conf/f.yaml:3:40: a client_secret cannot come from there", "{env: NAME}"},
		{"a secret from the keyring", "{oauth: google, client_secret: {keyring: true}}", "conf/f.yaml:3:39: client_secret cannot come from the keyring", "{env: NAME}"},
		{"two sources", "{oauth: google, client_secret: {env: A, file: b}}", "conf/f.yaml:3:48: two sources for the client_secret", "{env: NAME}"},
		{"a fetched secret", "{oauth: google, client_secret: {oauth: google}}", "a client_secret cannot come from there", "{env: NAME}"},
		{"an unset variable", "{oauth: google, client_id: x, client_secret: {env: " + canary + "}}", "conf/f.yaml:3:53: the variable for the client_secret of the token is not set", "name of the variable"},
		{"a missing file", "{oauth: google, client_id: x, key: {file: sa.json}}", "the file with the key of the token cannot be read: there is no such file", "path"},
		{"a failing command", "{oauth: google, client_id: x, key: {command: [x, " + canary + "]}}", "the command for the key of the token failed", "by hand"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := desk{files: withToken(c.token)}
			text, hint := d.refusal(t, Flags{Config: "conf/f.yaml"})
			mustHold(t, "the message", text, c.text)
			mustHold(t, "the hint", hint, c.hint)
			if strings.Contains(text+hint, "canary") {
				t.Errorf("the message quotes a secret: %s\n%s", text, hint)
			}
		})
	}
}

func TestATokensSecretsAreNotReadWhereNoLoginIsPlanned(t *testing.T) {
	t.Parallel()
	const token = "{oauth: google, client_id: x, client_secret: {command: [pass]}, key: {env: UNSET}}"
	for _, until := range []probe.StepID{"settings", "dns", "ehlo-tls"} {
		d := desk{files: withToken(token), runs: func([]string) ([]byte, error) { return []byte(canary), nil }}
		s := d.one(t, Flags{Config: "conf/f.yaml", Until: until})
		if s.Refused != nil || len(d.ran) > 0 || s.OAuth == nil || s.OAuth.ClientSecret.IsSet() || s.Token.Source != "oauth" {
			t.Errorf("until %s: refused %v, ran %v", until, s.Refused, d.ran)
		}
	}
	d := desk{files: withToken(token), runs: func([]string) ([]byte, error) { return []byte(canary), nil }}
	if s := d.one(t, Flags{Config: "conf/f.yaml", Until: "auth"}); s.Refused == nil || len(d.ran) == 0 {
		t.Errorf("until auth: refused %v, ran %v", s.Refused, d.ran)
	}
}

func TestAFoundFileRunsNoCommandForATokensSecret(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"smtpdx.yaml": withToken("{oauth: google, client_id: x, client_secret: {command: [steal, it]}}")["conf/f.yaml"]},
		runs: func([]string) ([]byte, error) { return []byte(canary), nil }}
	text, hint := d.refusal(t, Flags{})
	mustHold(t, "the message", text, "smtpdx.yaml:3:53: a settings file that was found and not named runs no command")
	mustHold(t, "the hint", hint, "-c smtpdx.yaml")
	if len(d.ran) > 0 {
		t.Errorf("ran %v", d.ran)
	}
}

func TestAServerFromElsewhereGetsNoFetchedToken(t *testing.T) {
	t.Parallel()
	d := desk{files: withToken("{oauth: google, client_id: x, client_secret: {env: MINE}}"), vars: map[string]string{"MINE": canary}}
	s := d.one(t, Flags{Config: "conf/f.yaml", Values: map[string]string{"host": "evil.example"}})
	if s.Refused == nil || s.OAuth != nil || s.Token.IsGiven() {
		t.Errorf("refused %v, token from %q", s.Refused, s.Token.Source)
	}
}
