package delivery

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/internal/pipe"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

const (
	token    = "smtpdx0123456789abcdef"
	password = `Batt"ery-st\aple-9`
)

// office is a mailbox in memory and what was said about it.
type office struct {
	t       *testing.T
	box     *smtptest.LetterBox
	server  *smtptest.Server
	answers func(net.Conn) // in place of the mailbox
	mu      sync.Mutex
	said    []string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	d, ok := smtptest.Lookup("healthy")
	if !ok {
		t.Fatal("there is no healthy dialogue")
	}
	o := &office{t: t, server: smtptest.New(context.Background(), d, smtptest.Options{})}
	t.Cleanup(func() { _ = o.server.Close() })
	box, err := o.server.NewLetterBox("me@recipient.example", password)
	if err != nil {
		t.Fatal(err)
	}
	o.box, o.answers = box, box.Serve
	return o
}

// zone is a name server in memory: the TXT record of each name.
type zone map[string]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	if text := z[strings.TrimSuffix(name, ".")]; text != "" {
		return []string{text}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

func (z zone) LookupMX(context.Context, string) ([]*net.MX, error)        { return nil, nil }
func (z zone) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) { return nil, nil }
func (z zone) LookupAddr(context.Context, string) ([]string, error)       { return nil, nil }

func (o *office) watch() probe.Watch {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(o.server.CA())
	dial := func(context.Context, string, string) (net.Conn, error) {
		address := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 993}
		client, server := pipe.New(5*time.Millisecond, address, address)
		go o.answers(server)
		return client, nil
	}
	return probe.Watch{Net: probe.Net{Dial: dial, Roots: roots}, Redactor: &secret.Redactor{}, Record: func(from, text string) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.said = append(o.said, from+" "+text)
	}}
}

func (o *office) transcript() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.said, "\n")
}

func (o *office) settings() probe.Settings {
	return probe.Settings{Host: "smtp.acme.example", Follow: &probe.Follow{Wait: 2 * time.Minute, Inbox: &probe.Inbox{
		Host: "localhost", Port: 993, Encryption: probe.SSL, Account: "me@recipient.example",
		Password: probe.Credential{Value: secret.New(password), Source: "env"}}}}
}

func sentNow() *probe.MessageEvidence {
	now := time.Now().UTC()
	return &probe.MessageEvidence{Token: token, From: "jobs@acme.example", Subject: "Test message " + token,
		MessageID: "<" + token + "@acme.example>", SentAt: &now}
}

// arrival is the message as the receiving server lays it into the folder.
func letter(subject, from, body string) []byte {
	return []byte("Return-Path: <jobs@acme.example>\r\nReceived: from mx.acme.example ([203.0.113.9]) by mx.recipient.example; Thu, 26 Nov 2026 16:00:20 +0000\r\n" +
		"Received: from client by mx.acme.example; Thu, 26 Nov 2026 16:00:00 +0000\r\nFrom: <" + from + ">\r\nSubject: " + subject +
		"\r\nMessage-ID: <" + token + "@acme.example>\r\nDate: Thu, 26 Nov 2026 16:00:00 +0000\r\n\r\n" + body + "\r\n")
}

func goodLetter() []byte {
	return letter("Test message "+token, "jobs@acme.example", "Hello\r\nToken "+token)
}

func (o *office) follow(ctx context.Context, s probe.Settings) (*probe.DeliveryEvidence, error) {
	defer time.Sleep(time.Second) // in virtual time: the other side sees the end
	return Mailbox{DNS: zone{"acme.example": "v=spf1 ip4:203.0.113.0/24 -all"}}.Follow(ctx, s, sentNow(), o.watch())
}

// later lays a message down while we wait.
func (o *office) later(d time.Duration, folder string, message []byte) {
	time.AfterFunc(d, func() {
		if err := o.box.Put(folder, message); err != nil {
			o.t.Error(err)
		}
	})
}

func TestAMessageIsSeenAtOnceWhenItArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.later(20*time.Second, "INBOX", goodLetter())
		e, err := o.follow(t.Context(), o.settings())
		if err != nil {
			t.Fatal(err, o.transcript())
		}
		after := e.ArrivedAfterMs.Duration()
		if e.Folder != "INBOX" || *e.Junk || after < 20*time.Second || after > 21*time.Second || *e.Copies != 1 || *e.Others != 0 {
			t.Errorf("folder %s, junk %v, after %v, %d copies, %d others", e.Folder, *e.Junk, after, *e.Copies, *e.Others)
		}
		if e.From != "jobs@acme.example" || e.ReturnPath != "jobs@acme.example" || len(e.Hops) != 2 || len(e.Changed) != 0 {
			t.Errorf("from %s, return path %s, %d hops, changed %v", e.From, e.ReturnPath, len(e.Hops), e.Changed)
		}
		if !slices.Contains(e.Saw, cause.ArrivedSlowly) || slices.Contains(e.Saw, cause.ArrivedLate) {
			t.Errorf("saw %v", e.Saw)
		}
		if c := e.Checked; c == nil || c.Client != "203.0.113.9" || c.SPF == nil || c.SPF.Result != "pass" || !*c.SPF.Aligned {
			t.Errorf("checked %+v", e.Checked)
		}
	})
}

func TestTheJunkFolderIsLookedAtToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.later(time.Second, "Junk", goodLetter())
		e, err := o.follow(t.Context(), o.settings())
		if err != nil || e.Folder != "Junk" || !*e.Junk || !slices.Contains(e.Saw, cause.ArrivedInJunk) {
			t.Errorf("%v: folder %s, saw %v", err, e.Folder, e.Saw)
		}
	})
}

func TestAMessageThatDoesNotComeIsSaidSoInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.later(10*time.Second, "INBOX", []byte("From: <other@acme.example>\r\nSubject: Something else\r\n\r\nno token here\r\n"))
		begin := time.Now()
		e, err := o.follow(t.Context(), o.settings())
		var fault *probe.Fault
		if !errors.As(err, &fault) || fault.Kind != probe.NotArrived || !strings.Contains(fault.Text, "INBOX, Junk within 2m0s") {
			t.Fatalf("%v", err)
		}
		if took := time.Since(begin); took < 2*time.Minute || took > 2*time.Minute+10*time.Second {
			t.Errorf("waited %v", took)
		}
		if *e.Others != 1 || !slices.Contains(e.Saw, cause.OthersArrived) || e.Folder != "" {
			t.Errorf("others %d, saw %v", *e.Others, e.Saw)
		}
		if looks := strings.Count(o.transcript(), "UID SEARCH"); looks > 60 {
			t.Errorf("searched %d times", looks)
		}
	})
}

func TestANoticeOfFailureIsNoArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.later(5*time.Second, "INBOX", []byte("From: MAILER-DAEMON@mx.acme.example\r\nSubject: Undelivered Mail Returned to Sender\r\n"+
			"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\n"+
			"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.acme.example\r\n\r\nFinal-Recipient: rfc822; me@recipient.example\r\n"+
			"Action: failed\r\nStatus: 5.2.2\r\nDiagnostic-Code: smtp; 552 5.2.2 Mailbox full\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"+
			"Subject: Test message "+token+"\r\n\r\n--b--\r\n"))
		begin := time.Now()
		e, err := o.follow(t.Context(), o.settings())
		var fault *probe.Fault
		if !errors.As(err, &fault) || fault.Kind != probe.NotArrived || !strings.Contains(fault.Text, "552 5.2.2 Mailbox full") || !slices.Contains(e.Saw, cause.BounceArrived) {
			t.Errorf("%v, saw %v", err, e.Saw)
		}
		if e.Folder != "" || time.Since(begin) > time.Minute {
			t.Errorf("folder %s after %v", e.Folder, time.Since(begin))
		}
	})
}

func TestAMessageWithAnotherSubjectIsFoundByItsText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.later(time.Second, "INBOX", letter("Fwd: your message", "relay@acme.example", "Hello\r\nToken "+token+"\r\n-- \r\nsent by the list"))
		e, err := o.follow(t.Context(), o.settings())
		if err != nil || e.Folder != "INBOX" {
			t.Fatalf("%v, folder %s", err, e.Folder)
		}
		all := strings.Join(e.Changed, "\n")
		for _, want := range []string{"From: jobs@acme.example became relay@acme.example", `became "Fwd: your message"`, `"-- sent by the list"`} {
			if !strings.Contains(all, want) {
				t.Errorf("changed lacks %q:\n%s", want, all)
			}
		}
	})
}

// A mailbox of a hundred thousand messages is searched, never listed or fetched.
func TestOnlyTheMessageItselfIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		for i := range 2000 {
			if err := o.box.Put("INBOX", letter(fmt.Sprintf("private %d", i), "friend@example.org", "private words")); err != nil {
				t.Fatal(err)
			}
		}
		o.later(2*time.Second, "INBOX", goodLetter())
		e, err := o.follow(t.Context(), o.settings())
		if err != nil || e.Folder != "INBOX" {
			t.Fatal(err)
		}
		said := o.transcript()
		if strings.Contains(said, "private") || strings.Count(said, "FETCH 2001") != 1 || strings.Count(said, "client ")-strings.Count(said, "SEARCH") > 40 {
			t.Errorf("too much was read:\n%s", said)
		}
		if !strings.Contains(said, "EXAMINE INBOX") || strings.Contains(said, "SELECT INBOX") {
			t.Error("the mailbox was not opened for reading only")
		}
	})
}

func TestDeletingRemovesTheTestMessageAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		for range 3 {
			_ = o.box.Put("INBOX", letter("private", "friend@example.org", "private words"))
		}
		_ = o.box.Put("INBOX", goodLetter())
		s := o.settings()
		s.Follow.Delete = true
		e, err := o.follow(t.Context(), s)
		if err != nil || e.Deleted != "removed" || o.box.Count("INBOX") != 3 {
			t.Errorf("%v: deleted %q, %d left", err, e.Deleted, o.box.Count("INBOX"))
		}
	})
}

func TestNoCredentialIsInTheTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		_ = o.box.Put("INBOX", goodLetter())
		if _, err := o.follow(t.Context(), o.settings()); err != nil {
			t.Fatal(err)
		}
		said := o.transcript()
		if !strings.Contains(said, "AUTHENTICATE PLAIN "+secret.Hidden) {
			t.Errorf("no login in:\n%s", said)
		}
		plain := base64.StdEncoding.EncodeToString([]byte("\x00me@recipient.example\x00" + password))
		for _, form := range []string{password, quoted.Replace(password), base64.StdEncoding.EncodeToString([]byte(password)), plain} {
			if strings.Contains(said, form) {
				t.Errorf("the transcript shows %q", form)
			}
		}
	})
}

func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		s := o.settings()
		s.Follow.Inbox.Password.Value = secret.New("another-password")
		e, err := o.follow(t.Context(), s)
		var fault *probe.Fault
		if !errors.As(err, &fault) || fault.Kind != probe.IMAPFault || !slices.Contains(e.Saw, cause.IMAPLoginRefused) {
			t.Errorf("%v, saw %v", err, e.Saw)
		}
		if strings.Count(o.transcript(), "AUTHENTICATE") != 1 {
			t.Errorf("tried more than once:\n%s", o.transcript())
		}
	})
}

func TestTheCertificateIsJudgedBeforeThePasswordGoesOut(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*probe.Inbox)
		roots  bool
		bad    bool
	}{
		"fits":              {func(*probe.Inbox) {}, true, false},
		"another name":      {func(i *probe.Inbox) { i.Host = "imap.acme.example" }, true, true},
		"the name it has":   {func(i *probe.Inbox) { i.Host, i.TLSServerName = "imap.acme.example", "localhost" }, true, false},
		"unknown authority": {func(i *probe.Inbox) { i.CA = x509.NewCertPool() }, true, true},
		"insecure":          {func(i *probe.Inbox) { i.CA, i.Insecure = x509.NewCertPool(), true }, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t)
				_ = o.box.Put("INBOX", goodLetter())
				s := o.settings()
				c.change(s.Follow.Inbox)
				e, err := o.follow(t.Context(), s)
				refused := slices.Contains(e.Saw, cause.IMAPCertificateBad)
				if (err != nil) != c.bad || refused != (c.bad || name == "insecure") {
					t.Errorf("%v, saw %v", err, e.Saw)
				}
				if c.bad && strings.Contains(o.transcript(), "AUTHENTICATE") {
					t.Error("the password went out")
				}
			})
		})
	}
}

// says answers a connection in clear with fixed lines: one before the client's
// first line, and one for each line after that.
func says(lines ...string) func(net.Conn) {
	return func(conn net.Conn) {
		defer conn.Close()
		in := bufio.NewReader(conn)
		for i, text := range lines {
			if i > 0 {
				if _, err := in.ReadString('\n'); err != nil {
					return
				}
			}
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, in)
	}
}

func TestWhatAnswersInPlaceOfIMAPIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		answers    func(net.Conn)
		encryption probe.Encryption
		saw        cause.Observation
	}{
		"plain text on the TLS port":   {says("* OK ready\r\n"), probe.SSL, cause.IMAPWrongEncryption},
		"POP3":                         {says("+OK Dovecot ready.\r\n"), probe.STARTTLS, cause.IMAPNotIMAP},
		"SMTP":                         {says("220 mail.acme.example ESMTP\r\n"), probe.STARTTLS, cause.IMAPNotIMAP},
		"turned away":                  {says("* BYE too many connections\r\n"), probe.STARTTLS, cause.IMAPUnreachable},
		"no STARTTLS":                  {says("* OK ready\r\n", "T0 BAD unknown command\r\n"), probe.STARTTLS, cause.IMAPWrongEncryption},
		"TLS where STARTTLS was meant": {says("\x15\x03\x03\x00\x02\x02\x28"), probe.STARTTLS, cause.IMAPWrongEncryption},
		"silence":                      {says(), probe.STARTTLS, cause.IMAPWrongEncryption},
		"hung up":                      {func(c net.Conn) { c.Close() }, probe.STARTTLS, cause.IMAPUnreachable},
		"a line without end":           {says(strings.Repeat("x", 20000)), probe.STARTTLS, cause.IMAPNotIMAP},
		"preauthenticated before TLS":  {says("* PREAUTH welcome\r\n"), probe.STARTTLS, cause.IMAPNotIMAP},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOffice(t)
				o.answers = c.answers
				s := o.settings()
				s.Follow.Inbox.Encryption = c.encryption
				e, err := o.follow(t.Context(), s)
				var fault *probe.Fault
				if !errors.As(err, &fault) || fault.Kind != probe.IMAPFault || !slices.Equal(e.Saw, []cause.Observation{c.saw}) {
					t.Errorf("%v, saw %v", err, e.Saw)
				}
			})
		})
	}
}

func TestTheEndOfTheRunEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer time.AfterFunc(30*time.Second, cancel).Stop()
		begin := time.Now()
		_, err := o.follow(ctx, o.settings())
		if !errors.Is(err, context.Canceled) || time.Since(begin) > 35*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestJunkFoldersAreKnownByTheirNames(t *testing.T) {
	for name, want := range map[string]bool{"Junk": true, "INBOX.Spam": true, "INBOX/Junk E-mail": true, "Unerwünscht": true, "Correo no deseado": true,
		"Archive": false, "INBOX": false, "Spammers I know": false} {
		delimiter := '/'
		if strings.Contains(name, ".") {
			delimiter = '.'
		}
		if got := isJunkName(name, delimiter); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLinesOfALoginAreHiddenHoweverTheyAreWritten(t *testing.T) {
	var said []string
	w := probe.Watch{Redactor: &secret.Redactor{}, Record: func(from, text string) { said = append(said, from+" "+text) }}
	r := newRecorder(nil, w)
	for _, line := range []string{"T1 LOGIN {2+}", "me {6+}", "secret", "T2 login me secret", "T3 AUTHENTICATE XOAUTH2 c2VjcmV0"} {
		r.client.skip = 0
		r.client.take([]byte(line+"\r\n"), r.clientLine)
		if line == "secret" {
			r.server.take([]byte("T1 OK done\r\n"), r.serverLine)
		}
		if strings.HasPrefix(line, "T2") {
			r.server.take([]byte("T2 OK done\r\n"), r.serverLine)
		}
	}
	if all := strings.Join(said, "\n"); strings.Contains(all, "secret") || strings.Contains(all, "c2Vj") || !strings.Contains(all, "T3 AUTHENTICATE XOAUTH2 ") {
		t.Errorf("shown:\n%s", all)
	}
}

func TestATokenLogsInByXOAUTH2(t *testing.T) {
	mechanism, first, err := xoauth2{"me@example.com", "ya29.x"}.Start()
	if err != nil || mechanism != "XOAUTH2" || !bytes.Equal(first, []byte("user=me@example.com\x01auth=Bearer ya29.x\x01\x01")) {
		t.Errorf("%s %q %v", mechanism, first, err)
	}
}

func TestAServerThatRepeatsTheLoginShowsNothing(t *testing.T) {
	var said []string
	w := probe.Watch{Redactor: &secret.Redactor{}, Record: func(_, text string) { said = append(said, text) }}
	inbox := probe.Inbox{Account: "me@recipient.example", Password: probe.Credential{Value: secret.New(password)}, Token: probe.Credential{Value: secret.New("ya29.canary-token")}}
	w.Redactor.Learn(secretsOf(inbox)...)
	r := newRecorder(nil, w)
	secrets := append(secretsOf(inbox), base64.StdEncoding.EncodeToString([]byte(password)))
	for _, s := range secrets {
		r.server.take([]byte("T1 NO you said "+s+" and that is wrong\r\n"), r.serverLine)
	}
	for _, s := range secrets {
		if strings.Contains(strings.Join(said, "\n"), s) {
			t.Errorf("%q is shown", s)
		}
	}
	if len(said) != len(secrets) || !strings.Contains(said[0], secret.Hidden) {
		t.Errorf("said %v", said)
	}
}
