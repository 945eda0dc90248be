package smtptest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/smtp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheStandardLibrarysClientSends(t *testing.T) {
	for _, name := range []string{"healthy", "healthy-ssl"} {
		d, _ := Lookup(name)
		s, err := Start(t.Context(), d, Options{AllowMessage: true})
		if err != nil {
			t.Fatal(err)
		}
		sendMessage(t, s)
		s.Close()
		wantViolation(t, s, "")
	}
}

func sendMessage(t *testing.T, s *Server) {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.CA()) {
		t.Fatal("no root")
	}
	config := &tls.Config{ServerName: s.Host(), RootCAs: roots}
	address := net.JoinHostPort(s.Host(), strconv.Itoa(s.Port()))
	settings := s.dialogue.Settings
	var conn net.Conn
	var err error
	if settings.Encryption == "ssl" {
		conn, err = tls.Dial("tcp", address, config)
	} else {
		conn, err = net.Dial("tcp", address)
	}
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, s.Host())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if settings.Encryption == "starttls" {
		if err := c.StartTLS(config); err != nil {
			t.Fatal(err)
		}
	}
	write := func() error {
		w, err := c.Data()
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, "From: <jobs@acme.example>\r\nTo: <someone@recipient.example>\r\nDate: Thu, 26 Nov 2026 16:00:00 +0000\r\nMessage-ID: <1@acme.example>\r\nSubject: x\r\n\r\n.one line\r\n"); err != nil {
			return err
		}
		return w.Close()
	}
	for _, ask := range []func() error{
		func() error { return c.Auth(smtp.PlainAuth("", settings.Account, settings.Password, s.Host())) },
		func() error { return c.Mail(settings.Account) },
		func() error { return c.Rcpt("someone@recipient.example") },
		write, c.Quit,
	} {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCommandsInOneFlightAreAnsweredInOne(t *testing.T) {
	d := parsed(t, "")
	s := started(t, d)
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &client{t: t, d: d, s: s, conn: conn}
	c.in = bufio.NewReader(conn)
	for _, say := range []string{"", "EHLO x.example"} {
		if say != "" {
			_, _ = io.WriteString(conn, say+"\r\n")
		}
		if _, _, err := c.reply(); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.WriteString(conn, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nRSET\r\nQUIT\r\n")
	buffer := make([]byte, 1000)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(buffer[:n]), "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"; got != want {
		t.Errorf("one read gives %q, not %q", got, want)
	}
}

func TestWaitingCostsNoTimeOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, "greeting\n  wait 45s\n  220 late\n"))
		began := time.Now()
		r := call(s)
		time.Sleep(45 * time.Second)
		synctest.Wait()
		r.say("QUIT")
		if heard := r.hangUp(); !strings.HasPrefix(heard, "220 late\r\n221 ") {
			t.Errorf("heard %q", heard)
		}
		if took := time.Since(began); took != 45*time.Second {
			t.Errorf("it took %v", took)
		}
		wantViolation(t, s, "")
	})
}

func TestAwaitEndsWithTheFirstByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, "EHLO\n  await 9m\n  250 now\n"))
		began := time.Now()
		if heard := call(s).say("EHLO x.example", "QUIT").hangUp(); !strings.Contains(heard, "250 now") {
			t.Errorf("heard %q", heard)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestWhatComesWithSTARTTLSIsNoCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, "STARTTLS\n  454 no\nNOOP\n  250 said too early\n"))
		if heard := call(s).say("EHLO x.example", "STARTTLS\r\nNOOP", "QUIT").hangUp(); strings.Contains(heard, "too early") {
			t.Errorf("heard %q", heard)
		}
	})
}

func TestASilentClientIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, ""))
		r := call(s)
		time.Sleep(patience + time.Second)
		if heard := r.hangUp(); !strings.HasSuffix(heard, "421 4.4.2 mail.acme.example Error: timeout exceeded\r\n") {
			t.Errorf("heard %q", heard)
		}
	})
}

func TestCloseEndsWhateverGoesOn(t *testing.T) {
	for name, dialogue := range map[string]string{
		"a stall":          "greeting\n  stall\n",
		"a pause":          "greeting\n  wait 10m\n",
		"an idle client":   "",
		"a handshake":      "encryption: ssl\n",
		"a wait for bytes": "greeting\n  await 10m\n",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := inMemory(t, parsed(t, dialogue))
				r := call(s)
				synctest.Wait()
				began := time.Now()
				s.Close()
				<-r.over
				if took := time.Since(began); took > farewell {
					t.Errorf("it took %v", took)
				}
				r.hangUp()
				wantViolation(t, s, "")
				s.Close() // twice is no fault
			})
		})
	}
}

func TestAFloodEndsAtTheLimitOrWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, "greeting\n  flood \"220-more\\r\\n\"\n"))
		client, server := net.Pipe()
		over := make(chan struct{})
		go func() { defer close(over); s.Serve(server) }()
		n, err := io.Copy(io.Discard, client)
		if err != nil || n < maxFlood || n > maxFlood+1<<20 {
			t.Errorf("%d octets came (%v)", n, err)
		}
		<-over

		client, server = net.Pipe()
		over = make(chan struct{})
		go func() { defer close(over); s.Serve(server) }()
		_, _ = io.CopyN(io.Discard, client, 1000)
		client.Close()
		<-over
	})
}

func TestTheLogAndTheTranscriptHideWhatTheClientSends(t *testing.T) {
	const secret = "Pa55-canary-ünï"
	for _, mechanism := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"} {
		t.Run(mechanism, func(t *testing.T) {
			d, _ := Lookup("hostile-echo")
			d.lanes[0].script = d.lanes[0].script.clone()
			d.lanes[0].script.mechanisms = []string{mechanism}
			d.Settings.Password, d.Settings.Auth = secret, mechanism
			if mechanism == "XOAUTH2" || mechanism == "OAUTHBEARER" {
				d.Settings.Token = secret
			}
			var logged strings.Builder
			s, err := Start(t.Context(), d, Options{Log: func(line string) { logged.WriteString(line + "\n") }})
			if err != nil {
				t.Fatal(err)
			}
			if step, why, _ := meet(t, s, "127.0.0.1"); step != "auth" {
				t.Fatalf("ended at %q: %s", step, why)
			}
			s.Close()
			everything := logged.String() + strings.Join(s.Transcript(), "\n") + strings.Join(s.Violations(), "\n")
			if !strings.Contains(everything, "(hidden, ") {
				t.Errorf("nothing is hidden:\n%s", everything)
			}
			for _, leak := range leaks(secret) {
				if strings.Contains(everything, leak) {
					t.Errorf("%q is in\n%s", leak, everything)
				}
			}
		})
	}
}

// leaks are forms of a secret: itself, and the middle of its base64 at each alignment.
func leaks(secret string) []string {
	all := []string{secret}
	for _, before := range []string{"", "a", "ab"} {
		e := encoded(before + secret)
		all = append(all, e[4:len(e)-4])
	}
	return all
}

func TestTheLogCannotCommandATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, ""))
		call(s).say("EHLO \x1b]0;title\x07\xff", "QUIT").hangUp()
		all := strings.Join(s.Transcript(), "\n")
		if strings.ContainsAny(all, "\x1b\x07") || strings.Contains(all, "\xff") || !strings.Contains(all, `\x1b]0;title\a`) {
			t.Errorf("the transcript has %q", all)
		}
	})
}

func TestTheTranscriptIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, ""))
		r := call(s)
		for range maxTranscript {
			r.say("NOOP")
		}
		r.say(strings.Repeat("x", 9000), "QUIT").hangUp()
		if n := len(s.Transcript()); n != maxTranscript {
			t.Errorf("%d lines", n)
		}
	})
}

func TestStartListensWhereItIsTold(t *testing.T) {
	d := parsed(t, "")
	s, err := Start(t.Context(), d, Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	taken := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port()))
	if again, err := Start(t.Context(), d, Options{Listen: taken}); err == nil {
		again.Close()
		t.Error("two servers listen on one port")
	}
	for _, wrong := range []string{"nonsense", "127.0.0.1:none", "mail.example:25", "127.0.0.1:70000"} {
		if s, err := Start(t.Context(), d, Options{Listen: wrong}); err == nil {
			s.Close()
			t.Errorf("it listens on %q", wrong)
		}
	}
}

func TestARefusedPortIsHeld(t *testing.T) {
	d, _ := Lookup("tcp-refused-localhost")
	s := started(t, d)
	port := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port()))
	if l, err := net.Listen("tcp", port); err == nil {
		l.Close()
		t.Error("somebody else can listen on the port")
	}
	s.Close()
	l, err := net.Listen("tcp", port)
	if err != nil {
		t.Fatalf("the port is held beyond the end: %v", err)
	}
	l.Close()
}

func TestTheEndOfTheContextEndsTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, parsed(t, "greeting\n  stall\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	s.running.Wait()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the connection still stands: %v", err)
	}
}

func TestAContextThatIsOverStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, dialogue := range []string{"", "dns\n  localhost A 127.0.0.1\n", "tcp: refused\n"} {
		if s, err := Start(ctx, parsed(t, dialogue), Options{}); !errors.Is(err, context.Canceled) {
			s.Close()
			t.Errorf("%q: %v", dialogue, err)
		}
	}
}

func TestChannelBindingIsVerified(t *testing.T) {
	for _, c := range []struct{ version, mechanism string }{
		{"1.2", "SCRAM-SHA-1-PLUS"}, {"1.3", "SCRAM-SHA-1-PLUS"}, {"1.2", "SCRAM-SHA-256-PLUS"}, {"1.3", "SCRAM-SHA-256-PLUS"},
	} {
		d := parsed(t, "encryption: ssl\naccount: me@acme.example\npassword: right\nauth: "+c.mechanism+"\ntls: "+c.version+"\nmechanisms: "+c.mechanism+"\n")
		s := started(t, d)
		if step, why, _ := meet(t, s, "127.0.0.1"); step != "" {
			t.Errorf("%v: ended at %q: %s", c, step, why)
		}
		wrong := &client{t: t, d: d, s: s, address: "127.0.0.1"}
		if err := wrong.talkUntilLogin(); err != nil {
			t.Fatal(err)
		}
		elsewhere := tlsStateOfAnother(t, s)
		wrong.tls = &elsewhere
		if err := wrong.login(); err == nil {
			t.Errorf("%v: a login bound to another connection succeeded", c)
		}
		wrong.conn.Close()
	}
}

func tlsStateOfAnother(t *testing.T, s *Server) tls.ConnectionState {
	t.Helper()
	conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState()
}

func TestAWrongPasswordIsRefusedByEveryMechanism(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER"} {
		for _, wrong := range []string{"server password: other\nserver token: other\n", "server account: other\n"} {
			d := parsed(t, "encryption: ssl\naccount: me@acme.example\npassword: right\ntoken: right\nauth: "+mechanism+"\nmechanisms: "+mechanism+"\n"+wrong)
			s := started(t, d)
			if step, why, _ := meet(t, s, "127.0.0.1"); step != "auth" || !strings.Contains(why, mechanism+" 535") {
				t.Errorf("%s, %q: ended at %q: %s", mechanism, wrong, step, why)
			}
		}
	}
}

func TestOddLoginsAreAnswered(t *testing.T) {
	for _, c := range []struct{ name, dialogue, line, wanted string }{
		{"an initial response where none is taken", "initial response: refused\n", "AUTH PLAIN " + encoded("\x00a\x00b"), "501 5.5.4"},
		{"no base64", "", "AUTH PLAIN ???", "501 5.5.2"},
		{"no separators", "", "AUTH PLAIN " + encoded("ab"), "501 5.5.2"},
		{"a cancelled login", "", "AUTH LOGIN\r\n*", "501 5.7.0"},
		{"an empty initial response", "", "AUTH PLAIN =", "501 5.5.2"},
		{"a mechanism that nobody speaks", "mechanisms in clear: NTLM\n", "AUTH NTLM", "501 5.5.2"},
		{"SCRAM without a nonce", "", "AUTH SCRAM-SHA-1 " + encoded("n,,n=me"), "501 5.5.2"},
		{"SCRAM bound to a plain line", "mechanisms in clear: SCRAM-SHA-1-PLUS\n", "AUTH SCRAM-SHA-1-PLUS " + encoded("p=tls-exporter,,n=me,r=abc"), "501 5.5.2"},
		{"a bare prompt", "mechanisms in clear: LOGIN\nlogin prompts: bare\n", "AUTH LOGIN", "\r\n334\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text := inClear
				if strings.Contains(c.dialogue, "mechanisms in clear") {
					text = strings.Split(inClear, "mechanisms")[0]
				}
				s := inMemory(t, parsed(t, text+c.dialogue))
				if heard := call(s).say("EHLO x.example", c.line).hangUp(); !strings.Contains(heard, c.wanted) {
					t.Errorf("heard %q", heard)
				}
			})
		})
	}
}

func TestABrokenHandshakeEndsTheConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, parsed(t, "encryption: ssl\n"))
		call(s).say(clientHello + string(bytes.Repeat([]byte{0}, 100))).hangUp()
		if all := strings.Join(s.Transcript(), "\n"); !strings.Contains(all, "TLS handshake failed") {
			t.Error(all)
		}
	})
}

func TestOldTLSAndWeakCiphersAnswerWhoKnowsThem(t *testing.T) {
	for name, version := range map[string]uint16{"tls-old-version": tls.VersionTLS10, "tls-weak-cipher": tls.VersionTLS12} {
		d, _ := Lookup(name)
		s := started(t, d)
		c := &client{t: t, d: d, s: s, address: "127.0.0.1"}
		c.wide = true
		if err := c.talkUntilLogin(); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.tls.Version != version {
			t.Errorf("%s: %s", name, tls.VersionName(c.tls.Version))
		}
		if name == "tls-weak-cipher" && !isInsecure(c.tls.CipherSuite) {
			t.Errorf("%s is not weak", tls.CipherSuiteName(c.tls.CipherSuite))
		}
		c.leave()
		c.conn.Close()
	}
}

func isInsecure(suite uint16) bool {
	for _, s := range tls.InsecureCipherSuites() {
		if s.ID == suite {
			return true
		}
	}
	return false
}

func TestTheEHLONameDecides(t *testing.T) {
	d, _ := Lookup("ehlo-name")
	s := started(t, d)
	d.Settings.Helo = "mail.acme.example"
	c := &client{t: t, d: d, s: s, address: "127.0.0.1"}
	if err := c.talk(); err != nil {
		t.Error(err)
	}
}
