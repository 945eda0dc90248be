package profile

import (
	"errors"
	"strings"
	"testing"
)

// TestBadFilesAreRefusedWithTheirPlace is what people write into settings
// files. Each message names the place and helps; none quotes the password.
func TestBadFilesAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, text, hint string }{
		{"unknown key", "host: smtp.example.com\nprot: 587\n", `f.yaml:2:1: there is no key "prot"`, "Did you mean port?"},
		{"another program's key", "host: smtp.example.com\nusername: me\n", "f.yaml:2:1", "Did you mean account?"},
		{"unknown key like nothing", canary + "x: 1\n", "f.yaml:1:1: there is no such key", "Known: host,"},
		{"key twice", "host: a.example\nhost: b.example\n", "f.yaml:2:1: host stands here twice", "Keep one"},
		{"port as a word", "host: a.example\nport: seven\n", "f.yaml:2:7: the port has to be a number", "587"},
		{"port too large", "host: a.example\nport: 70000\n", "f.yaml:2:7", "587"},
		{"port as a list", "host: a.example\nport: [587]\n", "f.yaml:2:7: port wants one value", "port: 587"},
		{"encryption", "host: a.example\nencryption: startls\n", "f.yaml:2:13: there is no such encryption", "Did you mean starttls?"},
		{"tls_min", "host: a.example\ntls_min: 1.4\n", "f.yaml:2:10", "1.3"},
		{"insecure", "host: a.example\ninsecure: perhaps\n", "f.yaml:2:11", "true or false"},
		{"timeout", "host: a.example\ntimeout: soon\n", "f.yaml:2:10", "10s"},
		{"family", "host: a.example\nfamily: 5\n", "f.yaml:2:9", "4 or 6"},
		{"used_by", "host: a.example\nused_by: moon\n", "f.yaml:2:10", "cloud"},
		{"mechanism", "host: a.example\nauth: SCRAM-SHA256\n", "f.yaml:2:7", "Did you mean SCRAM-SHA-256?"},
		{"mechanism of Windows", "host: a.example\nauth: ntlm\n", "f.yaml:2:7", "NTLM is recognised"},
		{"from", "host: a.example\nfrom: me at example\n", "f.yaml:2:7: from holds something that is no address", "jobs@example.com"},
		{"resolver", "host: a.example\nresolver: dns.example\n", "f.yaml:2:11: the name server has to be an IP address", "192.0.2.53"},
		{"proxy", "host: a.example\nproxy: ftp://p.example\n", "f.yaml:2:8", "socks5://"},
		{"host is an address", "host: me@example.com\n", "f.yaml:1:7: the host is an address", "smtp.example.com"},
		{"no host", "port: 587\n", "no host was given", "--host"},
		{"inbox as a word", "host: a.example\ninbox: jobs\n", "f.yaml:2:8: inbox wants settings below it", "inbox: {host:"},
		{"unknown key of an inbox", "host: a.example\ninbox: {hots: b.example}\n", "f.yaml:2:9: there is no key \"hots\"", "Did you mean host?"},
		{"key of an inbox twice", "host: a.example\ninbox: {host: b.example, host: c.example}\n", "f.yaml:2:26: host stands here twice", "Keep one"},
		{"two sources for an inbox", "host: a.example\ninbox: {host: b.example, password: {env: X, file: y}}\n", "two sources for the password", "Keep one"},
		{"ca_file", "host: a.example\nca_file: gone.pem\n", "f.yaml:2:10: the file cannot be read: there is no such file", "path"},
		{"ca_file without a certificate", "host: a.example\nca_file: f.yaml\n", "there is no certificate", "PEM"},
		{"client key alone", "host: a.example\nclient_key: k.pem\n", "client certificate", "Name the certificate"},

		{"comment cuts the password", "host: a.example\naccount: me\npassword: Pa55 #canary\n", "f.yaml:3:11: YAML takes the rest of the line", "single quotes"},
		{"password begins with at", "host: a.example\naccount: me\npassword: @Pa55-canary\n", "f.yaml:3:11: YAML keeps values that begin with @", "password: 'it''s"},
		{"password begins with backtick", "host: a.example\npassword: `Pa55-canary\n", "f.yaml:2:11", "single quotes"},
		{"password with a colon", "host: a.example\npassword: Pa55: canary\n", "f.yaml:2:11: YAML takes a colon", "single quotes"},
		{"password is an alias", "host: a.example\npassword: *Pa55canary\n", "f.yaml:2:11", "single quotes"},
		{"password is an anchor", "host: a.example\npassword: &Pa55 canary\n", "f.yaml:2:11", "single quotes"},
		{"password is a tag", "host: a.example\npassword: !Pa55 canary\n", "f.yaml:2:11", "single quotes"},
		{"password begins like a list", "host: a.example\npassword: [Pa55-canary\n", "f.yaml:2:11", "single quotes"},
		{"password is a list", "host: a.example\npassword: [Pa55, canary]\n", "f.yaml:2:11: YAML reads this as a list", "single quotes"},
		{"quote does not close", "host: a.example\npassword: 'Pa55-canary\n", "f.yaml:2:11: the quotes around the value do not close", "twice"},
		{"password is no word", "host: a.example\naccount: me\npassword: ~\nport: 587\n", "YAML takes this word for \"nothing\"", "single quotes"},
		{"password goes on", "host: a.example\naccount: me\npassword: Pa55\n  canary\n", "f.yaml:3:11: the value goes on in the next line", "single quotes"},
		{"account is cut", "host: a.example\naccount: me #2\n", "f.yaml:2:10: YAML takes the rest of the line", "single quotes"},
		{"source misspelt", "host: a.example\naccount: me\npassword: {evn: X}\n", "f.yaml:3:12: a password cannot come from there", "Did you mean env?"},
		{"two sources", "host: a.example\naccount: me\npassword: {env: X, file: y}\n", "f.yaml:3:20: two sources for the password", "Keep one"},
		{"prompt for a token", "host: a.example\naccount: me\ntoken: {prompt: true}\n", "f.yaml:3:9: a token cannot come from there", "keyring"},

		{"a tab", "host: a.example\n\tport: 587\n", "f.yaml:2:1: the line is indented with a tab", "blanks"},
		{"no colon", "host a.example\nport: 587\n", "f.yaml:1: a colon is missing after host", "blank after the colon"},
		{"no blank", "host: a.example\naccount: me\npassword:Pa55-canary\n", "f.yaml:3: a colon is missing after password", "blank after the colon"},
		{"only words", "hello\n", "f.yaml:1:1: the settings have to be lines", "host: smtp.example.com"},
		{"empty", "", "f.yaml is empty", "It begins like this"},
		{"only a comment", "# nothing\n", "f.yaml is empty", "It begins like this"},
		{"two documents", "host: a.example\n---\nhost: b.example\n", "more than one YAML document", "profiles:"},
		{"binary", "host: a\x00b\n", "f.yaml:1:8: a control character", "Remove"},
		{"Latin-1", "host: b\xfccher.example\n", "f.yaml:1:8: the file is neither UTF-8 nor UTF-16", "Save the file"},
		{"defaults alone", "defaults:\n  port: 587\n", "there are defaults and no profiles", "profiles:"},
		{"key beside profiles", "port: 587\nprofiles:\n  a: {host: a.example}\n", "f.yaml:1:1: port stands beside the profiles", "defaults:"},
		{"profiles as a list", "profiles:\n  - host: a.example\n", "profiles wants names", "berlin:"},
		{"profile name", "profiles:\n  'a b': {host: a.example}\n", "f.yaml:2:3: this cannot be the name", "Letters"},
		{"profile twice", "profiles:\n  a: {host: a.example}\n  a: {host: b.example}\n", "f.yaml:3:3: there is a profile of this name", "own name"},
		{"profile is a word", "profiles:\n  a: smtp.example.com\n", "f.yaml:2:6: settings are wanted here", "host:"},
		{"merge key", "profiles:\n  a: {host: a.example}\n  b:\n    <<: {port: 1}\n", "f.yaml:4:5: merging", "defaults:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := desk{files: map[string]string{"f.yaml": c.file}}
			flags := Flags{Config: "f.yaml"}
			if strings.Contains(c.file, "  b:") {
				flags.Targets = []string{"b"}
			}
			text, hint := d.refusal(t, flags)
			mustHold(t, "the message", text, c.text)
			mustHold(t, "the hint", hint, c.hint)
			if strings.Contains(text+hint, "canary") || strings.Contains(text+hint, "Pa55") {
				t.Errorf("the message quotes a secret: %s\n%s", text, hint)
			}
		})
	}
}

func TestAFileMayBeInAnyEncodingThatEditorsWrite(t *testing.T) {
	t.Parallel()
	plain := "host: smtp.example.com\r\naccount: jürgen@example.com\r\n"
	utf16 := func(s string, big bool) string {
		var b strings.Builder
		for _, r := range s {
			pair := []byte{byte(r), byte(r >> 8)}
			if big {
				pair[0], pair[1] = pair[1], pair[0]
			}
			b.Write(pair)
		}
		return b.String()
	}
	for name, file := range map[string]string{
		"UTF-8": plain, "with a byte-order mark": "\xef\xbb\xbf" + plain,
		"UTF-16LE": "\xff\xfe" + utf16(plain, false), "UTF-16BE": "\xfe\xff" + utf16(plain, true), "UTF-16 without a mark": utf16(plain, false),
	} {
		d := desk{files: map[string]string{"f.yaml": file}}
		s := d.one(t, Flags{Config: "f.yaml", Until: "ehlo"})
		if s.Refused != nil || s.Host != "smtp.example.com" || s.Account != "jürgen@example.com" {
			t.Errorf("%s: %q %q %v", name, s.Host, s.Account, s.Refused)
		}
	}
	d := desk{stdin: plain}
	if s := d.one(t, Flags{Config: "-", Until: "ehlo"}); s.Host != "smtp.example.com" {
		t.Errorf("standard input: %q", s.Host)
	}
}

const three = "defaults:\n  port: 465\n  account: shared@example.com\nprofiles:\n  berlin: {host: berlin.example.com}\n  default: {host: main.example.com, port: 587}\n  bad: {port: seven, host: bad.example.com}\n"

func TestProfilesAreChosenAndMergedWithTheDefaults(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"smtpdx.yaml": three}}
	if s := d.one(t, Flags{Targets: []string{"berlin"}, Until: "ehlo"}); s.Profile != "berlin" || s.Port != 465 || s.Encryption != "ssl" || s.Account != "shared@example.com" {
		t.Errorf("berlin: %+v", s.Shown())
	}
	if s := d.one(t, Flags{Until: "ehlo"}); s.Profile != "default" || s.Port != 587 {
		t.Errorf("without a name: %q, port %d", s.Profile, s.Port)
	}
	all, err := Load(t.Context(), Flags{All: true, Until: "ehlo"}, d.world())
	if err != nil || len(all) != 3 {
		t.Fatalf("all: %d, %v", len(all), err)
	}
	if all[2].Refused == nil || all[2].Host != "bad.example.com" || all[0].Refused != nil || all[1].Refused != nil {
		t.Errorf("one bad profile is refused alone, with its host: %+v", all[2].Refused)
	}
	if got := strings.Join(Names(Flags{}, d.world()), " "); got != "berlin default bad" {
		t.Errorf("names: %q", got)
	}
	text, hint := d.refusal(t, Flags{Targets: []string{"berln"}})
	mustHold(t, "the message", text, "no profile of that name")
	mustHold(t, "the hint", hint, "Did you mean berlin?")
}

func TestSeveralProfilesWithoutADefaultAreAChoice(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"smtpdx.yaml": "profiles:\n  a: {host: a.example}\n  b: {host: b.example}\n"}}
	_, err := Load(t.Context(), Flags{}, d.world())
	var choice *ChoiceError
	if !errors.As(err, &choice) || strings.Join(choice.Profiles, " ") != "a b" {
		t.Errorf("%v", err)
	}
}

func TestFlagsOfOneServerDoNotGoWithSeveralProfiles(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"smtpdx.yaml": three}, vars: map[string]string{}}
	text, _ := d.refusal(t, Flags{All: true, Values: map[string]string{"host": "x.example"}})
	mustHold(t, "the message", text, "--host cannot be used for several profiles")
	text, _ = d.refusal(t, Flags{All: true, From: []string{"a@b.example"}})
	mustHold(t, "the message", text, "--from cannot be used")
	text, _ = d.refusal(t, Flags{All: true, Password: []Source{{Kind: "env", Value: "X"}}})
	mustHold(t, "the message", text, "--password-env cannot be used")
	d.vars["SMTPDX_ACCOUNT"] = "me"
	text, _ = d.refusal(t, Flags{All: true})
	mustHold(t, "the message", text, "SMTPDX_ACCOUNT cannot be used")
}

func TestAFoundFileThatOthersCouldHaveWrittenIsNotRead(t *testing.T) {
	t.Parallel()
	for name, owner := range map[string]Ownership{"it belongs to another user": {Foreign: true}, "others may write to it": {OthersMayWrite: true}} {
		d := desk{files: map[string]string{"smtpdx.yaml": "host: a.example\n"}, owners: map[string]Ownership{"smtpdx.yaml": owner}}
		text, hint := d.refusal(t, Flags{})
		mustHold(t, "the message", text, name)
		mustHold(t, "the hint", hint, "-c smtpdx.yaml")
		if s := d.one(t, Flags{Config: "smtpdx.yaml"}); s.Host != "a.example" {
			t.Errorf("named, it is read: %q", s.Host)
		}
	}
}

func TestTheUsersConfigurationFolderIsTheSecondPlace(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"/home/me/.config/smtpdx/smtpdx.yaml": "host: a.example\n"}}
	if s := d.one(t, Flags{}); s.Host != "a.example" {
		t.Errorf("%q", s.Host)
	}
}

// FuzzFile: whatever a file holds, reading it ends, and no message quotes the
// value of a password.
func FuzzFile(f *testing.F) {
	f.Add("host: a.example\naccount: me\npassword: %\n")
	f.Add("profiles: {a: {password: {env: %}}}\n")
	f.Add("defaults: &a {port: 1}\nprofiles: {x: *a, y: {password: %\n")
	f.Add(three)
	f.Fuzz(func(t *testing.T, text string) {
		const secret = "Qx7canaryZk"
		d := desk{files: map[string]string{"f.yaml": strings.ReplaceAll(text, "%", secret)}}
		_, err := Load(t.Context(), Flags{Config: "f.yaml", All: true, Until: "ehlo"}, d.world())
		var wrong *UsageError
		if !errors.As(err, &wrong) {
			return
		}
		inKey := strings.Contains(text, "%:") || strings.Contains(text, "%\n") || strings.Contains(text, "? ")
		if strings.Contains(wrong.Text+wrong.Hint, secret) && !inKey {
			t.Errorf("%s\n%s", wrong.Text, wrong.Hint)
		}
		if len(d.ran) > 0 {
			t.Errorf("a command was run: %v", d.ran)
		}
	})
}
