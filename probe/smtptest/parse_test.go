package smtptest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const whole = "title: A title\nteaches: A lesson\n  on two lines\nmake: postfix\nencryption: starttls\nexpect: pass\n"

func TestParseReadsEverything(t *testing.T) {
	text := strings.Replace(whole, "pass", "fail at auth: auth-failed", 1) + `
account: me@acme.example
password: p: with # signs
from: a@acme.example, b@acme.example
timeout: 3s
insecure: yes
tls: 1.0-1.2

AUTH LOGIN refused over TLS
  535 5.7.8 no
  wait 1500ms
  raw "\x00\r\n"
  say * hello
  alert 40
  close

dns
  mail.acme.example CNAME other.example

on ::1
tcp: refused
`
	d, err := Parse("name", []byte("\xef\xbb\xbf"+strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	s := d.lanes[len(d.lanes)-1].script
	actions := s.events["auth login refused over tls"]
	for what, ok := range map[string]bool{
		"header":   d.Name == "name" && d.Title == "A title" && d.Teaches == "A lesson on two lines" && d.Make == "postfix",
		"expected": d.Verdict == "fail" && d.Step == "auth" && d.Cause == "auth-failed" && d.ExitCode == 16,
		"settings": d.Settings.Password == "p: with # signs" && len(d.Settings.From) == 2 && d.Settings.From[1] == "b@acme.example" &&
			d.Settings.Timeout == "3s" && d.Settings.Insecure && d.Settings.Host == "localhost",
		"server":  s.minTLS == 0x301 && s.maxTLS == 0x303 && s.password == d.Settings.Password && s.listen == "plain",
		"actions": len(actions) == 6 && actions[1].wait == 1500*time.Millisecond && actions[2].text == "\x00\r\n" && actions[4].code == 40,
		"make":    len(s.events["greeting"]) == 1,
		"names":   len(d.records) == 1 && d.records[0].name == "mail.acme.example.",
		"lanes":   len(d.lanes) == 2 && d.lanes[0].address == "::1" && d.lanes[0].script.tcp == "refused" && s.tcp == "",
	} {
		if !ok {
			t.Errorf("%s: %+v", what, d)
		}
	}
}

func TestParseNamesTheLineThatIsWrong(t *testing.T) {
	for text, wanted := range map[string]string{
		"tittle: x":                          `x.txt:8: "tittle: x" is neither a setting nor an event`,
		"title: again":                       "x.txt:8: title stands here twice",
		"  250 alone":                        "x.txt:8: an indented line belongs to an event",
		"WELCOME":                            `"WELCOME" is neither a setting nor an event`,
		"AUTH SOMETHING":                     "neither a setting nor an event",
		"AUTH PLAIN refuse":                  "neither a setting nor an event",
		"RCPT a@b.example":                   "neither a setting nor an event",
		"EHLO\n  250-ok\n  whisper":          `x.txt:10: "whisper" is neither a reply nor one of`,
		"EHLO\n  250 a\nehlo\n  250 b":       `x.txt:10: "ehlo" stands here twice`,
		"EHLO\n  199 no reply":               "x.txt:9: ",
		"EHLO\n  raw 220":                    "x.txt:9: raw wants bytes in quotes",
		"EHLO\n  flood \"\"":                 "x.txt:9: flood wants bytes in quotes",
		"EHLO\n  wait":                       "x.txt:9: wait wants a time",
		"EHLO\n  wait 1h":                    "x.txt:9: wait wants a time of at most 10m",
		"EHLO\n  alert 300":                  "x.txt:9: alert wants the number",
		"EHLO\n  close now":                  "x.txt:9: ",
		"listen: both":                       `x.txt:8: "both" is none of plain, tls`,
		"certificate: bad":                   `x.txt:8: "bad" is none of good, `,
		"tls: 2.0":                           "x.txt:8: tls wants a version or two",
		"tls: 1.3-1.2":                       "x.txt:8: tls wants a version or two",
		"iterations: many":                   "x.txt:8: ",
		"login prompts: one":                 "x.txt:8: login prompts wants two texts",
		"timeout: soon":                      "x.txt:8: timeout wants a time",
		"insecure: maybe":                    `x.txt:8: "maybe" is none of yes, no`,
		"dns\n  a.example":                   "x.txt:9: a name wants a type",
		"dns\n  a.example A 127.0.0.1.2":     "x.txt:9: A wants a loopback or a private address",
		"dns\n  a.example A 192.0.2.1":       "x.txt:9: A wants a loopback or a private address",
		"dns\n  a.example A ::1":             "x.txt:9: A wants a loopback or a private address",
		"dns\n  a.example MX mail":           "x.txt:9: MX wants a number and a host",
		"dns\n  a.example SRV x":             `x.txt:9: "SRV" is none of`,
		"dns\n  a.example A 10.0.0.1":        "x.txt: an address that is not this computer's wants: until: dns",
		"on ::1\nencryption: ssl":            "x.txt:9: encryption cannot stand here",
		"listen: tls\nexpect: pass":          "x.txt:9: expect stands here twice",
		"tcp: open":                          "x.txt:8: ",
		"early bytes: allowed":               "x.txt:8: ",
		"capabilities over TLS: PIPELINING":  "x.txt:8: ",
		"scram: right":                       "x.txt:8: ",
		"client certificate: no":             "x.txt:8: ",
		"linux_only: perhaps":                "x.txt:8: ",
		"allow_plaintext_auth: 1":            "x.txt:8: ",
		"EHLO over TLS\n  250 a\n  tls soon": "x.txt:10: ",
	} {
		_, err := Parse("x", []byte(whole+"\n"+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%q gives %v, not %q", text, err, wanted)
		}
	}
}

func TestParseWantsWhatADialogueNeeds(t *testing.T) {
	for _, key := range []string{"title", "teaches", "make", "encryption", "expect"} {
		var kept []string
		for line := range strings.SplitSeq(strings.Replace(whole, "\n  on", " on", 1), "\n") {
			if !strings.HasPrefix(line, key+":") {
				kept = append(kept, line)
			}
		}
		if _, err := Parse("x", []byte(strings.Join(kept, "\n"))); err == nil || !strings.Contains(err.Error(), key+" is missing") {
			t.Errorf("without %s: %v", key, err)
		}
	}
	for text, wanted := range map[string]string{
		strings.Replace(whole, "postfix", "qmail", 1):                  `x.txt:4: no make "qmail"`,
		"name: x\n" + whole:                                            "x.txt:5: make has to stand before",
		strings.Replace(whole, "starttls", "tls", 1):                   `"tls" is none of starttls, ssl, none`,
		strings.Replace(whole, "pass", "fail", 1):                      "expect wants",
		strings.Replace(whole, "pass", "fail at auth", 1):              "expect wants",
		strings.Replace(whole, "pass", "fail at login: auth-bad", 1):   "expect wants",
		strings.Replace(whole, "pass", "crash at auth: auth-x", 1):     "expect wants",
		strings.Replace(whole, "make: postfix", "make: ../x", 1):       "no make",
		strings.Replace(whole, "expect: pass", "expect: warn at x", 1): "expect wants",
	} {
		if _, err := Parse("x", []byte(text)); err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%q gives %v, not %q", text, err, wanted)
		}
	}
}

func FuzzParse(f *testing.F) {
	texts, err := filepath.Glob("catalogue/*.txt")
	if err != nil || len(texts) == 0 {
		f.Fatal(err, len(texts))
	}
	for _, name := range texts {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse("fuzz", text)
		if err == nil && (d.Title == "" || len(d.lanes) == 0) {
			t.Errorf("half a dialogue: %+v", d)
		}
	})
}
