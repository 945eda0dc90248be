package main

import (
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// echoing is a server that repeats whatever it hears or knows, in every
// spelling; nothing of it may come through a mask.
const echoing = `title: t
teaches: t
make: postfix
encryption: starttls
account: wilhelmine.huber@acme.example
password: correct-horse
expect: fail at sender: sender-not-owned
host: relay9.acme.example
name: mx7.acme.example

greeting
  220 mx7.acme.example ESMTP for ACME.EXAMPLE, client is 10.77.1.9 or [IPv6:2a01:4f8:77::9]
EHLO
  250-mx7.acme.example Hello {helo} [::ffff:10.77.1.9]
  250-STARTTLS
  250-X-HOST mx7.acme.example
  250 SMTPUTF8
EHLO over TLS
  250-MX7.acme.example greets {helo}
  250-AUTH PLAIN LOGIN
  250 SMTPUTF8
AUTH accepted
  235-2.7.0 hello Wilhelmine.Huber, {account base64}
  235 2.7.0 OK
MAIL
  250 2.1.0 OK
RCPT
  550-5.7.1 <{from}> for <{to}>: Sender address rejected: not owned by user {account}
  550-5.7.1 WILHELMINE.HUBER@ACME.EXAMPLE wilhelmine.huber%40acme.example wilhelmine.huber+40acme.example
  550-5.7.1 %76ertrieb%40acme.example ({account base64}) /home/wilhelmine.huber/mail C:\Users\wilhelmine.huber\mail
  550-5.7.1 Received: from pc-77.corp.acme.example ([10.77.1.9]) by mx7.acme.example for <kunde@recipient.example>
  550-5.7.1 SRS0=aB1=TT=acme.example=wilhelmine.huber@relay9.acme.example host 9.1.77.10.zen.spamhaus.org
  550 5.7.1 x@xn--hbermail-75a.example is x@hübermail.example, see acme-example.mail.protection.outlook.com

dns
  relay9.acme.example CNAME edge3.hosting-firm.example
  edge3.hosting-firm.example A 127.0.0.1
  relay9.acme.example MX 10 backup4.acme.example
`

// originals must show without a mask and not with it. Of words that are in a
// longer one of them, the shortest stands here.
var originals = []string{"wilhelmine", "huber", "vertrieb", "kunde", "acme", "mx7", "relay9", "edge3", "hosting-firm", "recipient.example",
	"10.77.1.9", "2a01:4f8", "9.1.77.10", "pc-77", "hbermail-75a", "hübermail", "niederlassung-ost"}

// formsOf gives the spellings in which a name could come through.
func formsOf(name string) []string {
	forms := []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:], url.QueryEscape(name)}
	for _, text := range []string{name, strings.ToUpper(name)} {
		for lead := range 3 {
			padded := append(make([]byte, lead), text...)
			if piece := base64.RawStdEncoding.EncodeToString(padded)[(lead*8+5)/6 : len(padded)*8/6]; len(piece) > 5 {
				forms = append(forms, piece)
			}
		}
	}
	return forms
}

func namesNobody(t *testing.T, where, text string) {
	t.Helper()
	for _, name := range originals {
		for _, form := range formsOf(name) {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("%s: %s as %s in %q", where, name, form, text[max(i-60, 0):min(i+60, len(text))])
			}
		}
	}
}

// echo serves the dialogue, and gives a settings file for it.
func echo(t *testing.T) (dir, settings string) {
	t.Helper()
	dialogue, err := smtptest.Parse("echo", []byte(echoing))
	if err != nil {
		t.Fatal(err)
	}
	server, err := smtptest.Start(t.Context(), dialogue, smtptest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	dir = filepath.Join(t.TempDir(), "home", "wilhelmine.huber")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ca, settings := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "smtpdx.yaml")
	text := fmt.Sprintf("profiles:\n  niederlassung-ost:\n    host: relay9.acme.example\n    port: %d\n    encryption: starttls\n    account: wilhelmine.huber@acme.example\n"+
		"    password: {env: CANARY}\n    from: vertrieb@acme.example\n    to: kunde@recipient.example\n    helo: pc-77.corp.acme.example\n    ca_file: %s\n    resolver: %s\n",
		server.Port(), ca, server.Resolver())
	for path, content := range map[string]string{ca: string(server.CA()), settings: text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, settings
}

func TestAMaskLetsNoNameThroughInAnyFormat(t *testing.T) {
	t.Parallel()
	dir, settings := echo(t)
	said := func(args ...string) (out, errs string) {
		p, o, e := pipes(map[string]string{"CANARY": "correct-horse"})
		if code := run(context.Background(), p, args); code != 17 && code != 2 && code != 6 && code != 0 {
			t.Fatalf("%q: exit code %d\n%s", args, code, e)
		}
		return o.String(), e.String()
	}
	saved := filepath.Join(dir, "saved.json")
	plain, _ := said("check", "niederlassung-ost", "-c", settings, "-v", "-o", "json", "--report", saved)
	for _, name := range originals {
		if !strings.Contains(strings.ToLower(plain), name) {
			t.Errorf("%s is not even in the report without a mask, so this shows nothing", name)
		}
	}
	for _, format := range formats() {
		compared := []string{"--baseline", saved}
		if format == formatNagios {
			compared = nil // it has no place for a comparison
		}
		for _, args := range [][]string{
			append([]string{"check", "niederlassung-ost", "-c", settings, "-v", "-o", format, "--mask"}, compared...),
			{"check", "--all", "-c", settings, "-o", format, "--mask"},
			{"report", saved, "-v", "-o", format, "--mask"},
		} {
			out, errs := said(args...)
			namesNobody(t, args[0]+" "+format+", standard output", out)
			namesNobody(t, args[0]+" "+format+", standard error", errs)
			if len(out) == 0 {
				t.Errorf("%q: no output", args)
			}
			if format == formatJSON {
				if err := fitsReport([]byte(out)); err != nil {
					t.Errorf("%q: %v", args, err)
				}
				if !strings.Contains(out, `"masked": true`) || !strings.Contains(out, "user1@domain1.example") {
					t.Errorf("%q: nothing is masked", args)
				}
			}
		}
	}
	for _, ending := range endings() {
		path := filepath.Join(dir, "r"+ending)
		said("check", "niederlassung-ost", "-c", settings, "-q", "--mask", "-v=false", "--report", path)
		text, err := os.ReadFile(path)
		if err != nil || len(text) == 0 {
			t.Fatalf("%s: %d bytes, %v", path, len(text), err)
		}
		namesNobody(t, path[len(dir):], string(text))
	}
	out, errs := said("compare", saved, saved, "--mask")
	namesNobody(t, "compare", out+errs)
}

func TestAMaskKeepsWhatTheSenderHasToDoWithTheAccount(t *testing.T) {
	t.Parallel()
	_, settings := echo(t)
	p, out, _ := pipes(map[string]string{"CANARY": "correct-horse"})
	run(context.Background(), p, []string{"check", "-c", settings, "--mask"})
	for _, words := range []string{"user1@domain1.example", "user2@domain1.example", "user3@domain2.example", "550"} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("no %s in\n%s", words, out)
		}
	}
}

// TestAMaskedErrorNamesNobody: what is refused is said on standard error, and to
// a machine in a report.
func TestAMaskedErrorNamesNobody(t *testing.T) {
	t.Parallel()
	for _, format := range []string{formatText, formatJSON} {
		p, out, errs := pipes(nil)
		code := run(context.Background(), p, []string{"check", "--mask", "-o", format, "-c", "/home/wilhelmine/acme.yaml"})
		if code != exitUsage {
			t.Errorf("exit code %d", code)
		}
		if text := out.String() + errs.String(); strings.Contains(text, "wilhelmine") || !strings.Contains(text, "/home/user1/") {
			t.Errorf("%s: %s", format, text)
		}
	}
}

// masksTheLab masks the report of a dialogue: no name of the lab is left, and it
// still fits the schema. A login name that is a word of our own texts (apikey)
// may stand in them.
func masksTheLab(t *testing.T, d smtptest.Dialogue, document string) {
	t.Helper()
	p, out, errs := pipes(nil)
	p.in = strings.NewReader(document)
	if code := run(context.Background(), p, []string{"report", "-", "-v", "-o", formatJSON, "--mask"}); code != 0 {
		t.Fatalf("exit code %d\n%s", code, errs)
	}
	if err := fitsReport(out.Bytes()); err != nil {
		t.Error(err)
	}
	text := strings.ToLower(out.String() + errs.String())
	for _, name := range append(append([]string{"acme", "hosting.example", "recipient.example", d.Settings.Account}, d.Settings.From...), d.Settings.To...) {
		if (strings.Contains(name, "@") || name == "acme") && strings.Contains(text, strings.ToLower(name)) {
			t.Errorf("%s is in\n%s", name, out)
		}
	}
}

// TestAServerForgesNothingInAnyFormat: the dialogue tries the syntax of each.
func TestAServerForgesNothingInAnyFormat(t *testing.T) {
	t.Parallel()
	for _, format := range formats() {
		for _, mask := range []string{"--mask=false", "--mask"} {
			p, out, errs := pipes(nil)
			run(context.Background(), p, []string{"demo", "hostile-injection", "-v", "-o", format, mask})
			text := out.String() + errs.String()
			for _, c := range text {
				if c < 0x20 && c != '\n' || c == 0x7f || c >= 0x80 && c < 0xa0 || c >= 0x200b && c <= 0x200f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
					t.Fatalf("%s %s: character %U", format, mask, c)
				}
			}
			if format != "nagios" && !strings.Contains(text, "alert(6)") && !strings.Contains(text, "alert(6&#41;") {
				t.Errorf("%s %s: what the server tried is not shown, so this shows nothing\n%s", format, mask, text)
			}
			forgesNothing(t, format, out.String())
		}
	}
}

func forgesNothing(t *testing.T, format, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	switch format {
	case "html":
		for _, tag := range []string{"<script", "<img", "<a href", "<testcase", "<b>"} {
			if strings.Contains(text, tag) {
				t.Errorf("%s: %s is alive", format, tag)
			}
		}
	case "junit":
		forgesNoElement(t, text)
	case "github":
		for _, line := range lines {
			if strings.Contains(line, "forged") && strings.HasPrefix(line, "::error file") || !strings.HasPrefix(line, "::") {
				t.Errorf("github: %q", line)
			}
		}
	case "nagios":
		if len(lines) != 1 || strings.Count(text, "|") != 1 {
			t.Errorf("nagios: %q", text)
		}
	case formatText, "jsonl", formatJSON:
		for _, line := range lines {
			if strings.HasPrefix(line, "::") {
				t.Errorf("%s: a command of the runner: %q", format, line)
			}
		}
	case formatMarkdown:
		for _, line := range lines {
			if strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "# Mail settings of ") {
				t.Errorf("markdown: a heading: %q", line)
			}
		}
	}
}

func forgesNoElement(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("junit: %v", err)
		}
		element, is := token.(xml.StartElement)
		if is && (!slices.Contains([]string{"testsuites", "testsuite", "testcase", "properties", "property", "failure", "skipped", "system-out"}, element.Name.Local) ||
			slices.ContainsFunc(element.Attr, func(a xml.Attr) bool { return a.Value == "forged" })) {
			t.Errorf("junit: %v", element)
		}
	}
}
