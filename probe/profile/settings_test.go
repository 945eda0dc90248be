package profile

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe"
)

func TestAHostIsTakenAsPeoplePasteIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed, host string
		port        int
		encryption  probe.Encryption
		isClean     bool
	}{
		{"smtp.example.com", "smtp.example.com", 587, "starttls", true},
		{"SMTP.Example.COM", "smtp.example.com", 587, "starttls", true},
		{" smtp.example.com ", "smtp.example.com", 587, "starttls", false},
		{"smtp.example.com.", "smtp.example.com", 587, "starttls", false},
		{"smtp.example.com:465", "smtp.example.com", 465, "ssl", false},
		{"smtps://smtp.example.com", "smtp.example.com", 465, "ssl", false},
		{"ssl://smtp.example.com:465", "smtp.example.com", 465, "ssl", false},
		{"https://smtp.example.com/mail?x=1", "smtp.example.com", 587, "starttls", false},
		{"smtp.example.com/", "smtp.example.com", 587, "starttls", false},
		{"smtp.\u200bexample.com", "smtp.example.com", 587, "starttls", false},
		{"\u201csmtp.example.com\u201d", "smtp.example.com", 587, "starttls", false},
		{"smtp.example.com,", "smtp.example.com", 587, "starttls", false},
		{"smtp.bücher.example", "smtp.xn--bcher-kva.example", 587, "starttls", false},
		{"192.0.2.7", "192.0.2.7", 587, "starttls", true},
		{"[2001:db8::1]", "2001:db8::1", 587, "starttls", true},
		{"2001:DB8::1", "2001:db8::1", 587, "starttls", true},
		{"[2001:db8::1]:465", "2001:db8::1", 465, "ssl", false},
	} {
		d := desk{}
		s := d.one(t, Flags{Values: map[string]string{"host": c.typed}})
		if s.Refused != nil || s.Host != c.host || s.Port != c.port || s.Encryption != c.encryption || (len(s.Cleaned) == 0) != c.isClean {
			t.Errorf("--host %q: %q, port %d, %s, cleaned %v, %+v", c.typed, s.Host, s.Port, s.Encryption, s.Cleaned, s.Refused)
		}
	}
}

func TestATargetIsAServerOrAProfile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed, host, account string
		port                 int
		encryption           probe.Encryption
	}{
		{"smtp.example.com", "smtp.example.com", "", 587, "starttls"},
		{"smtp.example.com:465", "smtp.example.com", "", 465, "ssl"},
		{"smtp.example.com:0465", "smtp.example.com", "", 465, "ssl"},
		{"smtp.example.com:2500", "smtp.example.com", "", 2500, "auto"},
		{"smtp://smtp.example.com", "smtp.example.com", "", 587, "starttls"},
		{"smtps://smtp.example.com", "smtp.example.com", "", 465, "ssl"},
		{"SMTPS://smtp.example.com:2465/", "smtp.example.com", "", 2465, "ssl"},
		{"smtp://me%40example.com@smtp.example.com:25", "smtp.example.com", "me@example.com", 25, "starttls"},
		{"[2001:db8::1]:587", "2001:db8::1", "", 587, "starttls"},
		{"192.0.2.7:25", "192.0.2.7", "", 25, "starttls"},
	} {
		d := desk{}
		s := d.one(t, Flags{Targets: []string{c.typed}, Until: "ehlo"})
		if s.Refused != nil || s.Host != c.host || s.Port != c.port || s.Encryption != c.encryption || s.Account != c.account || len(s.Cleaned) > 0 {
			t.Errorf("%s: %q, port %d, %s, account %q, cleaned %v, %+v", c.typed, s.Host, s.Port, s.Encryption, s.Account, s.Cleaned, s.Refused)
		}
	}
	d := desk{}
	if s := d.one(t, Flags{Targets: []string{"https://smtp.example.com"}}); s.Host != "smtp.example.com" || len(s.Cleaned) != 1 {
		t.Errorf("a foreign scheme is cleaned away and said: %+v", s.Cleaned)
	}
}

func TestTargetsThatCannotBeUsedAreNotRepeated(t *testing.T) {
	t.Parallel()
	for _, word := range []string{canary, "smtp://me:" + canary + "@smtp.example.com", "me@" + canary, "smtp://a/" + canary + "@b", "Pa55canary!"} {
		d := desk{}
		text, hint := d.refusal(t, Flags{Targets: []string{word}})
		if strings.Contains(text+hint, "canary") {
			t.Errorf("%s\n%s", text, hint)
		}
	}
	d := desk{}
	text, _ := d.refusal(t, Flags{Targets: []string{"smtp.example.com:465"}, Values: map[string]string{"port": "587"}})
	mustHold(t, "the message", text, "two ports")
	text, _ = d.refusal(t, Flags{Targets: []string{"smtp.example.com:587:587"}})
	mustHold(t, "the message", text, "a colon too many")
	text, _ = d.refusal(t, Flags{Targets: []string{"smtp.example.com:465"}, Values: map[string]string{"port": "abc"}})
	mustHold(t, "the message", text, "a number from 1 to 65535")
	text, _ = d.refusal(t, Flags{Targets: []string{"smtp.example.com"}, Values: map[string]string{"host": "smtp.example.com"}})
	mustHold(t, "the message", text, "named twice")
}

func TestTheHighestSourceOfAValueWinsAndIsTold(t *testing.T) {
	t.Parallel()
	d := desk{
		files: map[string]string{"f.yaml": "host: file.example\nport: 2525\naccount: file@example.com\nhelo: file.example\n"},
		vars:  map[string]string{"SMTPDX_PORT": "465", "SMTPDX_ACCOUNT": "env@example.com", "SMTPDX_HELO": ""},
	}
	s := d.one(t, Flags{Config: "f.yaml", Values: map[string]string{"account": "flag@example.com"}, Until: "ehlo"})
	if s.Host != "file.example" || s.Port != 465 || s.Account != "flag@example.com" || s.Helo != "file.example" || s.Encryption != "ssl" {
		t.Errorf("%+v", s.Shown())
	}
	for key, want := range map[string]probe.Origin{
		"host": {From: "file", Where: "f.yaml:1"}, "port": {From: "env", Where: "SMTPDX_PORT"}, "account": {From: "flag", Where: "--account"},
		"helo": {From: "file", Where: "f.yaml:4"}, "encryption": {From: "found", Where: "port 465"}, "from": {From: "default", Where: "the account"},
	} {
		if s.Origins[key] != want {
			t.Errorf("%s: %+v, want %+v", key, s.Origins[key], want)
		}
	}
}

func TestNothingGivenIsTold(t *testing.T) {
	t.Parallel()
	d := desk{}
	if _, err := Load(t.Context(), Flags{}, d.world()); !errors.Is(err, ErrNoSettings) {
		t.Errorf("%v", err)
	}
}

func TestValuesAreRead(t *testing.T) {
	t.Parallel()
	d := desk{files: map[string]string{"f.yaml": `host: smtp.example.com
port: 0465
encryption: TLS
account: ' svc@example.com '
from: ["Jobs <jobs@bücher.example>", jobs@bücher.example, "ü@bücher.example"]
auth: login
tls_min: TLSv1.3
timeout: 3
deadline: 2m
family: ipv6
resolver: 192.0.2.53
proxy: socks5://user:Pa55-canary@proxy.example:1080
insecure: yes
used_by: cloud
`}}
	s := d.one(t, Flags{Config: "f.yaml", Until: "ehlo"})
	if s.Refused != nil {
		t.Fatal(s.Refused.Text)
	}
	if s.Port != 465 || s.Encryption != probe.SSL || s.Auth != "LOGIN" || s.TLSMin != 0x304 || s.Timeout != 3*time.Second || s.Deadline != 2*time.Minute ||
		s.Family != 6 || s.Resolver != "192.0.2.53:53" || s.Proxy != "socks5://proxy.example:1080" || !s.Insecure || s.UsedBy != "cloud" || s.Account != "svc@example.com" {
		t.Errorf("%+v", s.Shown())
	}
	if got := strings.Join(s.From, " "); got != "jobs@xn--bcher-kva.example ü@bücher.example" {
		t.Errorf("from: %s", got)
	}
	mustHold(t, "the remarks", observations(s), "encryption-ambiguous")
	mustHold(t, "the remarks", observations(s), "from-other-domain")
}

func TestUnusualValuesAreRemarked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ values, want string }{
		{"port=465 encryption=starttls", "port-encryption-unusual"},
		{"port=587 encryption=ssl", "port-encryption-unusual"},
		{"port=25 account=me@example.com", "port-encryption-unusual"},
		{"port=25 encryption=none", ""},
		{"account=svc", "account-without-domain"},
		{"account=me@example.com from=you@example.com", "from-differs"},
		{"account=me@example.com from=me@example.org", "from-differs from-other-domain"},
		{"account=me@example.com from=ME@example.com", ""},
	} {
		f := Flags{Values: map[string]string{"host": "smtp.example.com"}, Until: "ehlo"}
		for _, word := range strings.Fields(c.values) {
			key, value, _ := strings.Cut(word, "=")
			if key == "from" {
				f.From = []string{value}
				continue
			}
			f.Values[key] = value
		}
		d := desk{}
		if got := observations(d.one(t, f)); got != c.want {
			t.Errorf("%s: %q, want %q", c.values, got, c.want)
		}
	}
}
