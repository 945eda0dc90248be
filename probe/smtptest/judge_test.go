package smtptest

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// parsed makes a dialogue of a few lines on top of what every one needs.
func parsed(t *testing.T, lines string) Dialogue {
	t.Helper()
	head := "title: t\nteaches: t\nmake: postfix\nexpect: pass\n"
	if !strings.Contains(lines, "encryption:") {
		head += "encryption: none\n"
	}
	d, err := Parse("test", []byte(head+lines))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// inMemory makes a server without a socket.
func inMemory(t *testing.T, d Dialogue) *Server {
	t.Helper()
	s := New(context.Background(), d, Options{})
	t.Cleanup(func() { s.Close() })
	return s
}

// raw is a client that says what it is told to, right or wrong.
type raw struct {
	conn  net.Conn
	heard strings.Builder
	over  chan struct{} // the server's side has ended
	read  chan struct{} // nothing more is heard
}

func call(s *Server) *raw {
	client, server := net.Pipe()
	r := &raw{conn: client, over: make(chan struct{}), read: make(chan struct{})}
	go func() {
		defer close(r.over)
		s.Serve(server)
	}()
	go func() {
		defer close(r.read)
		_, _ = io.Copy(&r.heard, client)
	}()
	return r
}

// say sends lines one after another, without looking at the replies.
func (r *raw) say(lines ...string) *raw {
	for _, l := range lines {
		_, _ = r.conn.Write([]byte(l + "\r\n")) // the server may have hung up
	}
	return r
}

// hangUp closes and waits for both ends; it gives what was heard.
func (r *raw) hangUp() string {
	synctest.Wait()
	r.conn.Close()
	<-r.over
	<-r.read
	return r.heard.String()
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

const inClear = "account: me@acme.example\npassword: right\nallow_plaintext_auth: yes\nmechanisms in clear: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1\n"

func TestTheJudgeObjects(t *testing.T) {
	right, wrong := encoded("\x00me@acme.example\x00right"), encoded("\x00me@acme.example\x00wrong")
	hello := "EHLO [127.0.0.1]"
	for _, c := range []struct {
		name     string
		dialogue string
		lines    []string
		wanted   string // "" for no objection
	}{
		{"a good client", inClear, []string{hello, "AUTH PLAIN " + right, "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "RSET", "QUIT"}, ""},
		{"another sender after RSET", "", []string{hello, "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "RSET",
			"MAIL FROM:<e@b.example>", "RCPT TO:<c@d.example>", "RSET", "QUIT"}, ""},
		{"RCPT after a refused MAIL", "MAIL\n  550 no\n", []string{hello, "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "RSET", "QUIT"}, ""},
		{"gone after the greeting", "", nil, "hung up without QUIT"},
		{"gone after EHLO", "", []string{hello}, "hung up without QUIT"},
		{"bytes after QUIT", "", []string{hello, "QUIT\r\nEH"}, ""},
		{"gone after a refusal of service", "greeting\n  554 no\n", nil, "hung up without QUIT"},
		{"gone after a 421", "greeting\n  421 later\n", nil, ""},
		{"EHLO without a name", "", []string{"EHLO", "QUIT"}, "EHLO without a name"},
		{"MAIL before EHLO", "", []string{"MAIL FROM:<a@b.example>", "QUIT"}, "MAIL before EHLO"},
		{"MAIL within a transaction", "", []string{hello, "MAIL FROM:<a@b.example>", "MAIL FROM:<a@b.example>", "RSET", "QUIT"}, "MAIL within a mail transaction"},
		{"RCPT before MAIL", "", []string{hello, "RCPT TO:<c@d.example>", "QUIT"}, "RCPT before MAIL"},
		{"MAIL without brackets", "", []string{hello, "MAIL FROM:a@b.example", "RSET", "QUIT"}, "MAIL FROM: without angle brackets"},
		{"RCPT without brackets", "", []string{hello, "MAIL FROM:<a@b.example>", "RCPT TO:c@d.example", "RSET", "QUIT"}, "RCPT TO: without angle brackets"},
		{"MAIL without FROM", "", []string{hello, "MAIL a@b.example", "RSET", "QUIT"}, "MAIL without FROM:"},
		{"a blank after the colon", "", []string{hello, "MAIL FROM: <a@b.example>", "RSET", "QUIT"}, "a blank after MAIL FROM:"},
		{"QUIT without RSET", "", []string{hello, "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "QUIT"}, "RSET is missing"},
		{"gone without RSET", "", []string{hello, "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>"}, "RSET is missing"},
		{"DATA", "", []string{hello, "MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>", "DATA", "Subject: x", ".", "QUIT"}, "DATA: a check sends no message"},
		{"an unknown command", "", []string{hello, "XYZZY", "QUIT"}, "(a word of 5 octets) is no command"},
		{"a lone asterisk", inClear, []string{hello, "AUTH PLAIN " + wrong, "*", "QUIT"}, "* is no command"},
		{"STARTTLS before EHLO", "STARTTLS\n  454 no\n", []string{"STARTTLS", "QUIT"}, "STARTTLS before EHLO"},
		{"STARTTLS that is not offered", "without: STARTTLS\n", []string{hello, "STARTTLS", "QUIT"}, "STARTTLS, which is not offered"},
		{"bytes after STARTTLS", "STARTTLS\n  454 no\n", []string{hello, "STARTTLS\r\n" + hello, "QUIT"}, "sent after STARTTLS without waiting"},
		{"SMTPUTF8 that is not offered", "without: SMTPUTF8\n", []string{hello, "MAIL FROM:<a@b.example> SMTPUTF8", "QUIT"}, "SMTPUTF8, which is not offered"},
		{"an address beyond ASCII", "", []string{hello, "MAIL FROM:<ü@b.example>", "QUIT"}, "beyond ASCII without SMTPUTF8"},
		{"AUTH before EHLO", inClear, []string{"AUTH PLAIN " + right, "QUIT"}, "AUTH before EHLO"},
		{"AUTH in clear", "mechanisms in clear: PLAIN\naccount: me\npassword: right\n", []string{hello, "AUTH PLAIN " + right, "QUIT"}, "AUTH PLAIN on an unencrypted line"},
		{"AUTH twice", inClear, []string{hello, "AUTH PLAIN " + wrong, "AUTH PLAIN " + wrong, "QUIT"}, "AUTH a second time with the same credentials"},
		{"AUTH by another mechanism after a refusal", inClear, []string{hello, "AUTH PLAIN " + wrong, "AUTH LOGIN", encoded("me@acme.example"), encoded("wrong"), "QUIT"}, "AUTH a second time with the same credentials"},
		{"AUTH by another mechanism after a word on the mechanism", inClear + "AUTH PLAIN answered\n  535 5.7.4 Mechanism not supported\n",
			[]string{hello, "AUTH PLAIN " + right, "AUTH LOGIN", encoded("me@acme.example"), encoded("right"), "QUIT"}, ""},
		{"AUTH with another password", inClear, []string{hello, "AUTH PLAIN " + wrong, "AUTH PLAIN " + right, "QUIT"}, ""},
		{"AUTH after a login", inClear, []string{hello, "AUTH PLAIN " + right, "AUTH PLAIN " + right, "QUIT"}, "AUTH after a login that succeeded"},
		{"AUTH within a transaction", inClear, []string{hello, "MAIL FROM:<a@b.example>", "AUTH PLAIN " + right, "RSET", "QUIT"}, "AUTH within a mail transaction"},
		{"AUTH that is not offered", inClear, []string{hello, "AUTH XOAUTH2", "QUIT"}, "AUTH XOAUTH2, which is not offered"},
		{"AUTH of 513 octets", inClear, []string{hello, "AUTH PLAIN " + strings.Repeat("A", 500), "QUIT"}, "has 513 octets; 512 are the limit"},
		{"AUTH of 512 octets", inClear, []string{hello, "AUTH PLAIN " + strings.Repeat("A", 499), "QUIT"}, ""},
		{"CRAM-MD5 with an initial response", inClear, []string{hello, "AUTH CRAM-MD5 " + right, "QUIT"}, "AUTH CRAM-MD5 with an initial response"},
		{"SCRAM with no iterations", inClear + "iterations: 0\n", []string{hello, "AUTH SCRAM-SHA-1 " + encoded("n,,n=me,r=abc"), encoded("c=biws,r=abc,p=AAAA"), "QUIT"}, "went on with 0 iterations"},
		{"SCRAM given up", inClear + "iterations: 0\n", []string{hello, "AUTH SCRAM-SHA-1 " + encoded("n,,n=me,r=abc"), "*", "QUIT"}, ""},
		{"a line without end", "", []string{hello, strings.Repeat("x", maxLine+1)}, "a line of more than 16384 octets"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := inMemory(t, parsed(t, c.dialogue))
				heard := call(s).say(c.lines...).hangUp()
				wantViolation(t, s, c.wanted)
				if t.Failed() {
					t.Log(heard)
				}
			})
		})
	}
}

func wantViolation(t *testing.T, s *Server, wanted string) {
	t.Helper()
	all := strings.Join(s.Violations(), "\n")
	if wanted == "" && all != "" || !strings.Contains(all, wanted) {
		t.Errorf("wanted %q, and the judge says:\n%s", wanted, all)
	}
}

func TestTheJudgeCountsConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, ""))
		one, two := call(s), call(s)
		synctest.Wait()
		wantViolation(t, s, "")
		three := call(s)
		synctest.Wait()
		for _, r := range []*raw{one, two, three} {
			r.say("QUIT").hangUp()
		}
		wantViolation(t, s, "3 connections at once")
		call(s).say("QUIT").hangUp()
		if n := len(s.Violations()); n != 1 || s.Connections() != 4 {
			t.Errorf("%d violations of %d connections", n, s.Connections())
		}
	})
}

func TestTheJudgeRemembersCredentialsOverConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, inClear))
		for range 2 {
			call(s).say("EHLO x.example", "AUTH PLAIN "+encoded("\x00me@acme.example\x00wrong"), "QUIT").hangUp()
		}
		wantViolation(t, s, "connection 2: AUTH a second time")
	})
}

func TestNothingMayComeBeforeTheGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, "greeting\n  wait 1s\n  220 hello\n"))
		heard := call(s).say("EHLO x.example", "QUIT").hangUp()
		wantViolation(t, s, "16 bytes before the greeting")
		if !strings.HasPrefix(heard, "220 hello\r\n250-") {
			t.Errorf("heard %q", heard)
		}
	})
}

// A ClientHello begins with 0x16, its version and its length.
const clientHello = "\x16\x03\x01\x00\x05hello"

func TestTLSMayBeTriedDuringASilence(t *testing.T) {
	for name, c := range map[string]struct {
		dialogue string
		first    bool
		after    time.Duration
		wanted   string
	}{
		"on a second connection":                      {"", false, 2 * time.Second, ""},
		"not on the first one":                        {"", true, 2 * time.Second, "bytes before the greeting"},
		"not on port 25 before the time is over":      {"early bytes: forbidden\ntimeout: 10s\n", false, 2 * time.Second, "bytes before the greeting"},
		"on port 25 when it is over":                  {"early bytes: forbidden\ntimeout: 10s\n", false, 10 * time.Second, ""},
		"on the first one, if the settings are wrong": {"encryption: ssl\nlisten: plain\n", true, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := inMemory(t, parsed(t, c.dialogue+"greeting\n  stall\n"))
				waiting := call(s)
				time.Sleep(c.after)
				if c.first {
					waiting.say(clientHello)
				} else {
					call(s).say(clientHello).hangUp()
				}
				waiting.hangUp()
				wantViolation(t, s, c.wanted)
			})
		})
	}
}

func TestAPortThatBeginsWithTLSWantsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, "encryption: starttls\nlisten: tls\n"))
		call(s).say("EHLO x.example").hangUp()
		wantViolation(t, s, "on a port where TLS comes first")
	})
}

func TestNoLoginMayFollowABadCertificate(t *testing.T) {
	d, _ := Lookup("cert-expired")
	s := started(t, d)
	careless := d
	careless.Settings.Insecure = true
	c := &client{t: t, d: careless, s: s, address: "127.0.0.1"}
	if err := c.talk(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	wantViolation(t, s, "AUTH PLAIN after a bad certificate (expired)")
}

func TestATokensRefusalWantsTheRightAnswer(t *testing.T) {
	oauth := "allow_plaintext_auth: yes\naccount: me@acme.example\ntoken: right\nmechanisms in clear: XOAUTH2 OAUTHBEARER\noauth error: {\"status\":\"401\"}\n"
	x := "AUTH XOAUTH2 " + encoded("user=me@acme.example\x01auth=Bearer wrong\x01\x01")
	b := "AUTH OAUTHBEARER " + encoded("n,a=me@acme.example,\x01auth=Bearer wrong\x01\x01")
	for _, c := range []struct{ first, answer, wanted string }{
		{x, "", ""},
		{x, "AQ==", "1 octets in answer to the error of XOAUTH2; 0 are right"},
		{b, "AQ==", ""},
		{b, "", "0 octets in answer to the error of OAUTHBEARER; 1 are right"},
		{b, "*", "* in answer to the error of OAUTHBEARER"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, parsed(t, oauth))
			heard := call(s).say("EHLO x.example", c.first, c.answer, "QUIT").hangUp()
			wantViolation(t, s, c.wanted)
			if !strings.Contains(heard, "334 "+encoded(`{"status":"401"}`)) {
				t.Errorf("no reason in %q", heard)
			}
			if c.answer != "*" && !strings.Contains(heard, "\r\n535 ") {
				t.Errorf("no refusal in %q", heard)
			}
		})
	}
}

func TestGoingOnAfterAWrongProofIsSeen(t *testing.T) {
	d, _ := Lookup("scram-wrong-signature")
	s := started(t, d)
	c := &client{t: t, d: d, s: s, address: "127.0.0.1"}
	c.d.Settings.Account = ""
	c.d.Settings.From = []string{"jobs@acme.example"}
	if err := c.talkUntilLogin(); err != nil {
		t.Fatal(err)
	}
	m := smtp.ScramSHA256Auth("jobs@acme.example", "correct-horse")
	if _, _, err := m.Start(&smtp.ServerInfo{}); err != nil {
		t.Fatal(err)
	}
	line := "AUTH SCRAM-SHA-256"
	for {
		code, text, err := c.command(line)
		if err != nil {
			t.Fatal(err)
		}
		if code != 334 {
			break
		}
		challenge, _ := base64.StdEncoding.DecodeString(text)
		answer, _ := m.Next(challenge, true) // a client that does not care
		line = encoded(string(answer))
	}
	_, _, _ = c.command("QUIT")
	c.conn.Close()
	s.Close()
	wantViolation(t, s, "went on after a wrong server signature")
}
