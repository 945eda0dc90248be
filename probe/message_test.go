package probe

import (
	"bytes"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// post is a dialogue whose server keeps what it takes.
type post struct {
	*smtptest.Server
	mu    sync.Mutex
	taken []smtptest.Mail
}

func (p *post) mails() []smtptest.Mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.taken)
}

func posting(t *testing.T, text string) *post {
	t.Helper()
	d, err := smtptest.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p := &post{}
	p.Server = smtptest.New(context.Background(), d, smtptest.Options{Deliver: func(m smtptest.Mail) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.taken = append(p.taken, m)
	}})
	t.Cleanup(func() { _ = p.Close() })
	return p
}

const submission = "title: t\nteaches: t\nmake: postfix\nencryption: starttls\naccount: jobs@acme.example\npassword: correct-horse\nexpect: pass\nlogin: required\n"

func testMessage() *Message { return &Message{Token: "smtpdx0123456789abcdef", Tool: "smtpdx 1.2.3"} }

// sendThrough sends a message through a dialogue and gives the result.
func sendThrough(t *testing.T, p *post, m *Message, to ...string) (Result, *MessageEvidence) {
	t.Helper()
	w := newWorld(t)
	w.names["mail.acme.example"] = []string{"192.0.2.1"}
	w.at("192.0.2.1:587", p.Server)
	s := given("mail.acme.example", 587, STARTTLS, "jobs@acme.example", "correct-horse")
	s.TLSServerName = "localhost"
	s.Message, s.To = m, to
	report, _ := w.probed(context.Background(), s)
	for _, v := range p.Violations() {
		t.Errorf("the server complains: %s", v)
	}
	res := report.Results[0]
	for _, step := range res.Steps {
		if e, ok := step.Evidence.(*MessageEvidence); ok {
			return res, e
		}
	}
	t.Fatal("there is no step message")
	return res, nil
}

func TestAMessageGoesOnceOnTheCheckedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := posting(t, submission)
		res, e := sendThrough(t, p, testMessage(), "someone@recipient.example", "other@recipient.example")
		if res.Verdict == Fail || p.Connections() != 1 {
			t.Errorf("verdict %s, %d connections", res.Verdict, p.Connections())
		}
		mails := p.mails()
		if len(mails) != 1 || !slices.Equal(mails[0].To, []string{"someone@recipient.example", "other@recipient.example"}) || mails[0].From != "jobs@acme.example" {
			t.Fatalf("taken: %v", mails)
		}
		if e.QueueID != "4LAB0001" || e.accepted() != 2 || *e.Size != len(mails[0].Data) || e.SentAt == nil || *e.ReplyMs <= 0 {
			t.Errorf("evidence %+v", e)
		}
		if e.MessageID != "<smtpdx0123456789abcdef@acme.example>" {
			t.Errorf("message id %s", e.MessageID)
		}
	})
}

func TestACheckSendsNoMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := posting(t, submission)
		w := newWorld(t)
		w.names["mail.acme.example"] = []string{"192.0.2.1"}
		w.at("192.0.2.1:587", p.Server)
		s := given("mail.acme.example", 587, STARTTLS, "jobs@acme.example", "correct-horse")
		s.TLSServerName, s.To = "localhost", []string{"someone@recipient.example"}
		report, _ := w.probed(context.Background(), s)
		said := strings.Join(p.Transcript(), "\n")
		if report.Verdict == Fail || len(p.mails()) != 0 || strings.Contains(said, "C: DATA") || !strings.Contains(said, "C: RSET") {
			t.Errorf("a check said:\n%s", said)
		}
		for _, step := range report.Results[0].Steps {
			if step.ID == StepMessage {
				t.Error("a check has a step message")
			}
		}
	})
}

// parts gives the texts of the plain and the HTML part and the names of the attachments.
func parts(t *testing.T, m *mail.Message) (plain, html string, attached []string) {
	t.Helper()
	var walk func(contentType string, body io.Reader)
	walk = func(contentType string, body io.Reader) {
		kind, parameters, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(kind, "multipart/") {
			raw, _ := io.ReadAll(quotedprintable.NewReader(body))
			if kind == "text/plain" {
				plain = string(raw)
			} else {
				html = string(raw)
			}
			return
		}
		r := multipart.NewReader(body, parameters["boundary"])
		for {
			part, err := r.NextRawPart()
			if err != nil {
				return
			}
			if part.FileName() != "" {
				attached = append(attached, part.FileName())
				continue
			}
			walk(part.Header.Get("Content-Type"), part)
		}
	}
	walk(m.Header.Get("Content-Type"), m.Body)
	return plain, html, attached
}

func TestTheMessageSaysWhoSentItWithWhatAndWhen(t *testing.T) {
	m := testMessage()
	m.Subject, m.Body, m.ReplyTo = "Grüße", "Zeile <eins>\n.\nEnde", "answers@acme.example"
	m.Headers = []Header{{"X-Ticket", "4711 ü"}}
	m.Attachments = []Attachment{{"cv.pdf", []byte("%PDF-1.7")}}
	s := given("mail.acme.example", 587, STARTTLS, "jobs@acme.example", "correct-horse")
	s.To = []string{"someone@recipient.example"}
	raw, err := m.Compose(&s, time.Date(2026, 11, 26, 16, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	if !isASCII(string(raw)) || bytes.Contains(bytes.ReplaceAll(raw, []byte("\r\n"), nil), []byte("\n")) {
		t.Error("the message is not plain ASCII with CRLF line ends")
	}
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	h := message.Header
	if subject := h.Get("Subject"); !strings.HasSuffix(subject, " smtpdx0123456789abcdef") {
		t.Errorf("the token is no word of its own in %q", subject)
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(h.Get("Subject"))
	if err != nil || subject != "Grüße smtpdx0123456789abcdef" {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{"From": "<jobs@acme.example>", "To": "<someone@recipient.example>", "Auto-Submitted": "auto-generated",
		"Message-Id": "<smtpdx0123456789abcdef@acme.example>", "Date": "Thu, 26 Nov 2026 16:00:00 +0000", "Reply-To": "<answers@acme.example>",
		"User-Agent": "smtpdx 1.2.3"} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	plain, html, attached := parts(t, message)
	for _, want := range []string{"Zeile <eins>", "jobs@acme.example", "smtpdx 1.2.3", "26 November 2026, 16:00:00 UTC", m.Token} {
		if !strings.Contains(plain, want) {
			t.Errorf("the plain part has no %q:\n%s", want, plain)
		}
	}
	if !strings.Contains(html, "Zeile &lt;eins&gt;<br>") || !strings.Contains(html, m.Token) {
		t.Errorf("the HTML part:\n%s", html)
	}
	for _, setting := range []string{"mail.acme.example", "587", "starttls", "correct-horse"} {
		if strings.Contains(strings.ToLower(plain+html), setting) {
			t.Errorf("the text gives away the setting %s", setting)
		}
	}
	if !slices.Equal(attached, []string{"cv.pdf"}) {
		t.Errorf("attached: %v", attached)
	}
	m.AsPerson = true
	raw, err = m.Compose(&s, time.Now())
	if err != nil || bytes.Contains(raw, []byte("Auto-Submitted")) {
		t.Errorf("a person's message says that it is a machine's (%v)", err)
	}
}

func TestNothingGetsIntoTheHeaderByTheSide(t *testing.T) {
	const evil = "a\r\nBcc: evil@example.org"
	for name, change := range map[string]func(*Message){
		"subject":               func(m *Message) { m.Subject = evil },
		"subject with LF":       func(m *Message) { m.Subject = "a\nBcc: evil@example.org" },
		"subject with CR":       func(m *Message) { m.Subject = "a\rBcc: evil@example.org" },
		"subject with NEL":      func(m *Message) { m.Subject = "a\u0085Bcc: evil@example.org" },
		"reply-to":              func(m *Message) { m.ReplyTo = evil },
		"reply-to without @":    func(m *Message) { m.ReplyTo = "me" },
		"value":                 func(m *Message) { m.Headers = []Header{{"X-A", evil}} },
		"name":                  func(m *Message) { m.Headers = []Header{{"X-A: b\r\nBcc", "evil@example.org"}} },
		"name with a blank":     func(m *Message) { m.Headers = []Header{{"X A", "b"}} },
		"no name":               func(m *Message) { m.Headers = []Header{{"", "b"}} },
		"Bcc":                   func(m *Message) { m.Headers = []Header{{"bCC", "evil@example.org"}} },
		"From":                  func(m *Message) { m.Headers = []Header{{"From", "evil@example.org"}} },
		"a boundary":            func(m *Message) { m.Headers = []Header{{"Content-Type", "text/html"}} },
		"name of an attachment": func(m *Message) { m.Attachments = []Attachment{{"a\"\r\nX: y", nil}} },
		"NUL in the text":       func(m *Message) { m.Body = "a\x00b" },
	} {
		m := testMessage()
		change(m)
		if err := m.Check(); err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), "evil") {
			t.Errorf("%s: the error repeats it: %v", name, err)
		}
		s := given("h.example", 587, STARTTLS, "jobs@acme.example", "x")
		s.To = []string{"you@example.org"}
		if _, err := m.Compose(&s, time.Now()); err == nil {
			t.Errorf("%s: composed", name)
		}
	}
}

func TestRefusalsOfAMessageAreTold(t *testing.T) {
	for _, c := range []struct {
		name, events string
		to           []string
		fault        FaultKind
		summary      string
		statuses     []string
	}{
		{"after the message", "message\n  554 5.7.1 Spam message rejected\n", []string{"a@r.example"}, Rejected, "refused with 554 5.7.1", []string{"refused"}},
		{"for now", "message\n  452 4.3.1 Insufficient system storage\n", []string{"a@r.example"}, Deferred, "put off with 452 4.3.1", []string{"deferred"}},
		{"at DATA", "DATA\n  550 5.7.1 no\n", []string{"a@r.example"}, Rejected, "refused with 550 5.7.1", []string{"refused"}},
		{"one of two", "RCPT <b@r.example>\n  550 5.1.1 <{to}>: User unknown\n", []string{"a@r.example", "b@r.example"}, Rejected,
			"taken for 1 of 2 recipients; b@r.example refused with 550", []string{"accepted", "refused"}},
		{"the first of two", "RCPT <a@r.example>\n  450 4.2.0 <{to}>: Greylisted\n", []string{"a@r.example", "b@r.example"}, Deferred,
			"taken for 1 of 2 recipients; a@r.example deferred with 450", []string{"deferred", "accepted"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := posting(t, submission+c.events)
				res, e := sendThrough(t, p, testMessage(), c.to...)
				step := res.Steps[len(res.Steps)-1]
				if res.FailedStep != "message" || step.Fault == nil || step.Fault.Kind != c.fault {
					t.Fatalf("failed at %s: %+v", res.FailedStep, step.Fault)
				}
				if c.summary != "" && step.Summary != c.summary {
					t.Errorf("summary %q", step.Summary)
				}
				var statuses []string
				for _, r := range e.Recipients {
					statuses = append(statuses, r.Status)
				}
				if !slices.Equal(statuses, c.statuses) {
					t.Errorf("statuses %v", statuses)
				}
				if strings.Count(strings.Join(p.Transcript(), "\n"), "C: DATA") != 1 {
					t.Error("sent more than once")
				}
			})
		})
	}
}

func TestWithoutAReplyTheMessageMayBeOut(t *testing.T) {
	for name, c := range map[string]struct {
		events string
		fault  FaultKind
		took   time.Duration
	}{
		"silence":           {"message\n  stall\n", Timeout, 5 * time.Minute},
		"closed":            {"message\n  close\n", Closed, 0},
		"closed after DATA": {"DATA\n  354 go\n  close\n", Closed, 0},
		"half a reply":      {"message\n  raw \"25\"\n  close\n", BadReply, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := posting(t, submission+c.events)
				begin := time.Now()
				res, e := sendThrough(t, p, testMessage(), "a@r.example")
				step := res.Steps[len(res.Steps)-1]
				if step.Fault == nil || !strings.Contains(step.Fault.Text, "may have taken it") || e.Recipients[0].Status != RecipientUnknown {
					t.Fatalf("%+v, %+v", step.Fault, e.Recipients)
				}
				if took := time.Since(begin); took < c.took || took > c.took+2*time.Second {
					t.Errorf("waited %v", took)
				}
				if len(res.Next) != 1 || res.Next[0].Command != "" || !strings.Contains(res.Next[0].Text, "before you send again") {
					t.Errorf("next: %+v", res.Next)
				}
			})
		})
	}
}

func TestSizeIsRespectedBeforeSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := posting(t, strings.Replace(submission, "login: required\n", "capabilities: PIPELINING, SIZE 5000, STARTTLS\nlogin: required\n", 1))
		m := testMessage()
		m.Attachments = []Attachment{{"big.bin", bytes.Repeat([]byte("0123456789"), 1000)}}
		res, _ := sendThrough(t, p, m, "a@r.example")
		step := res.Steps[len(res.Steps)-1]
		if step.Fault == nil || step.Fault.Kind != LocalPolicy || !strings.Contains(step.Fault.Text, "at most 5000") {
			t.Fatalf("%+v", step.Fault)
		}
		if strings.Contains(strings.Join(p.Transcript(), "\n"), "SIZE=") {
			t.Error("the server was asked all the same")
		}
	})
}

func TestWhatTheMessageNeedsIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := posting(t, submission)
		m := testMessage()
		m.DSN = true
		_, e := sendThrough(t, p, m, "jörg@r.example")
		said := strings.Join(p.Transcript(), "\n")
		if len(p.mails()) != 1 || !*e.DSN || !*e.EightBit || !*e.SMTPUTF8 || !strings.Contains(said, "BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=smtpdx0123456789abcdef") ||
			!strings.Contains(said, "NOTIFY=SUCCESS,FAILURE,DELAY") {
			t.Errorf("evidence %+v\n%s", e, said)
		}
	})
}

func TestStoppingWhileTheReplyIsOutSaysThatTheMessageMayBeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := posting(t, submission+"message\n  stall\n")
		w := newWorld(t)
		w.names["mail.acme.example"] = []string{"192.0.2.1"}
		w.at("192.0.2.1:587", p.Server)
		s := given("mail.acme.example", 587, STARTTLS, "jobs@acme.example", "correct-horse")
		s.TLSServerName, s.Message, s.To = "localhost", testMessage(), []string{"a@r.example"}
		ctx, cancel := context.WithCancel(context.Background())
		defer time.AfterFunc(20*time.Second, cancel).Stop()
		report, _ := w.probed(ctx, s)
		res := report.Results[0]
		step := res.Steps[len(res.Steps)-1]
		if !res.Interrupted || step.Fault == nil || !strings.Contains(step.Fault.Text, "may have taken it") {
			t.Errorf("interrupted %v, %+v", res.Interrupted, step)
		}
	})
}

func TestQueueIDsAreRead(t *testing.T) {
	for text, want := range map[string]string{
		"2.0.0 Ok: queued as 4F1D23A0B1":                                  "4F1D23A0B1",
		"Ok: queued as 8fH2kLmN":                                          "8fH2kLmN",
		"OK id=1rVxyz-0004Ab-2C":                                          "1rVxyz-0004Ab-2C",
		"2.0.0 OK  1764172800 a640c23a62f3a-b734fcf9a8asm1234567 - gsmtp": "a640c23a62f3a-b734fcf9a8asm1234567",
		"2.6.0 <smtpdxabc@acme.example> [InternalId=123456789, Hostname=X.prod.outlook.com] 9000 bytes in 0.1, 80 KB/sec Queued mail for delivery": "123456789",
		"Message Queued (7F2B1C44-AAAA-4F0F-9B1A-0123456789AB.1)":                                                                                  "7F2B1C44-AAAA-4F0F-9B1A-0123456789AB.1",
		"2.0.0 5AQFx0ab012345 Message accepted for delivery":                                                                                       "5AQFx0ab012345",
		"Ok 0102018f3c1d2e4a-7a7c1d5e-1111-2222-3333-abcdefabcdef-000000":                                                                          "0102018f3c1d2e4a-7a7c1d5e-1111-2222-3333-abcdefabcdef-000000",
		"ok 1764172800 qp 12345":        "1764172800 qp 12345",
		"2.0.0 Ok":                      "",
		"Message accepted for delivery": "",
	} {
		if got := queueID(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestOtherSettingsAreTriedWithoutMessageAndMailbox(t *testing.T) {
	s := given("mail.acme.example", 587, STARTTLS, "jobs@acme.example", "correct-horse")
	s.Message, s.Follow = testMessage(), &Follow{Inbox: &Inbox{Host: "imap.acme.example"}}
	if other := withoutCredentials(s); other.Message != nil || other.Follow != nil {
		t.Errorf("an alternative gets %+v", other)
	}
}
