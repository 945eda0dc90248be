package received_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

func read(t *testing.T, text string) *received.Message {
	t.Helper()
	m, err := received.Read(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const way = `Return-Path: <a@candidate.example>
Delivered-To: bewerber@app.example
Received: from mx.app.example (mx.app.example [192.0.2.9])
	by box.app.example with LMTP id abc (envelope-from <a@candidate.example>)
	for <bewerber@app.example>; Mon, 23 Nov 2026 14:02:13 +0100
Received: from out.candidate.example (unknown [192.0.2.1])
	by mx.app.example (Postfix) with ESMTPS id 4X; Mon, 23 Nov 2026 14:02:11 +0100 (CET)
From: "Ann (Candidate)" <a@Candidate.example>
To: jobs@acme.example
Subject: =?iso-8859-1?Q?Bewerbung_f=FCr?= =?utf-8?b?IFBmbGVnZQ==?=

Hello
`

func TestHopsAreReadFromTheOldestOn(t *testing.T) {
	hops := read(t, way).Header.Hops()
	if len(hops) != 2 || hops[0].From != "out.candidate.example" || hops[0].By != "mx.app.example" || hops[1].For != "bewerber@app.example" {
		t.Fatalf("%+v", hops)
	}
	if hops[0].DelayMs != nil || hops[1].DelayMs == nil || hops[1].DelayMs.Duration() != 2*time.Second {
		t.Errorf("%v %v", hops[0].DelayMs, hops[1].DelayMs)
	}
}

func TestHopsOfManyMakesOfServerAreRead(t *testing.T) {
	for value, want := range map[string]string{
		`from AM0PR01MB1.eurprd01.prod.exchangelabs.com (2603:10a6:208::1) by VI1PR01MB2.eurprd01.prod.exchangelabs.com with HTTPS; Mon, 23 Nov 2026 13:02:11 +0000`:                          "AM0PR01MB1.eurprd01.prod.exchangelabs.com|VI1PR01MB2.eurprd01.prod.exchangelabs.com||2026-11-23T13:02:11Z",
		`by 2002:a05:6f02:1a85:b0:6a with SMTP id j5csp1;        Mon, 23 Nov 2026 05:02:11 -0800 (PST)`:                                                                                       "|2002:a05:6f02:1a85:b0:6a||2026-11-23T13:02:11Z",
		`(qmail 12345 invoked by uid 0); 23 Nov 2026 13:02:11 -0000`:                                                                                                                          "|||2026-11-23T13:02:11Z",
		`from localhost ([127.0.0.1]:10024 helo=x; y) by mail.acme.example with esmtp (Exim 4.96) (envelope-from <a@b.example>) id 1t for jobs@acme.example; Mon, 23 Nov 2026 14:02:11 +0100`: "localhost|mail.acme.example|jobs@acme.example|2026-11-23T13:02:11Z",
		`from x by y with ESMTP`:            "x|y||",
		`from x by y; next Tuesday perhaps`: "x|y||",
	} {
		hop := received.ParseHop(value)
		at := ""
		if hop.At != nil {
			at = hop.At.UTC().Format(time.RFC3339)
		}
		if got := fmt.Sprintf("%s|%s|%s|%s", hop.From, hop.By, hop.For, at); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", value, got, want)
		}
	}
}

func TestWordsAndAddressesAreDecoded(t *testing.T) {
	h := read(t, way).Header
	if got := h.Text("subject"); got != "Bewerbung für Pflege" {
		t.Errorf("%q", got)
	}
	if a := h.Address("From"); a.Address != "a@candidate.example" || a.Name != "Ann (Candidate)" {
		t.Errorf("%+v", a)
	}
	for raw, want := range map[string]string{
		"M\xfcller, Jan <jan@acme.example>":              "jan@acme.example",
		"=?x-unknown?Q?J=F6rg?= <j@acme.example>":        "j@acme.example",
		"\"Doe, John\" <john@acme.example>, b@c.example": "john@acme.example",
		"=?utf-8?Q?broken <x@acme.example>":              "x@acme.example",
		"undisclosed-recipients:;":                       "",
		"mailto:x@acme.example":                          "x@acme.example",
	} {
		if got := received.ParseHeader("From: " + raw + "\n").Address("From"); got.Address != want {
			t.Errorf("%q: %+v", raw, got)
		}
	}
}

const verdicts = `Authentication-Results: mx.google.com;
       dkim=pass (2048-bit key; unprotected) header.i=@candidate.example header.s=s1 header.b=abc;
       arc=pass (i=2 spf=pass spfdomain=candidate.example dkim=pass dkdomain=candidate.example dmarc=pass fromdomain=candidate.example);
       spf=pass (google.com: domain of bounce+srs=x@acme.example designates 192.0.2.9 as permitted sender) smtp.mailfrom="bounce+srs=x@acme.example";
       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=candidate.example
`

func TestAuthenticationOfTheOutermostServerIsRead(t *testing.T) {
	a := received.ParseHeader(verdicts + "Received: from a by b; x\nAuthentication-Results: forged.example; dmarc=fail\n" +
		"From: a@candidate.example\nARC-Seal: i=2; a=rsa-sha256; d=google.com; s=x; cv=pass; b=AA\nARC-Seal: i=1; a=rsa-sha256; d=microsoft.com;\n s=x; cv=none; b=BB\n").Authentication()
	if a == nil || a.Server != "mx.google.com" || len(a.DKIM) != 1 || a.SPF == nil || a.DMARC == nil || a.ARC == nil {
		t.Fatalf("%+v", a)
	}
	if d := a.DKIM[0]; d.Result != "pass" || d.Domain != "candidate.example" || d.Aligned == nil || !*d.Aligned || d.Selector != "s1" {
		t.Errorf("%+v", d)
	}
	if s := a.SPF; s.Result != "pass" || s.Domain != "acme.example" || s.Aligned == nil || *s.Aligned {
		t.Errorf("%+v", s)
	}
	if a.DMARC.Policy != "reject" || a.DMARC.Result != "pass" {
		t.Errorf("%+v", a.DMARC)
	}
	if got := strings.Join(a.ARC.Sealers, " "); got != "microsoft.com google.com" || a.ARC.Result != "pass" {
		t.Errorf("%s %s", got, a.ARC.Result)
	}
}

func TestMicrosoftNamesNoServer(t *testing.T) {
	a := received.ParseHeader(`Received: from a by b; x
Authentication-Results: spf=fail (sender IP is 192.0.2.1)
 smtp.mailfrom=candidate.example; dkim=fail (body hash did not verify)
 header.d=candidate.example;dmarc=fail action=oreject
 header.from=candidate.example;compauth=fail reason=000
Received: from c by d; x
From: a@candidate.example
`).Authentication()
	if a == nil || a.Server != "" || a.SPF == nil || a.SPF.Result != "fail" || a.DMARC == nil || a.DMARC.Policy != "reject" || len(a.DKIM) != 1 {
		t.Fatalf("%+v", a)
	}
}

func TestResultsThatCameWithTheMessageProveNothing(t *testing.T) {
	if a := received.ParseHeader("Received: from a by b; x\nAuthentication-Results: mx.google.com; dmarc=pass\nFrom: a@b.example\n").Authentication(); a != nil {
		t.Errorf("%+v", a)
	}
}

func TestPartsAndAttachedMessagesAreFound(t *testing.T) {
	m := read(t, `From: jobs@acme.example
To: x@app.example
Content-Type: multipart/mixed; boundary="=_outer"

preamble
--=_outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=windows-1252
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--inner
Content-Type: text/html

<p>Hi</p>
--inner--
--=_outer
Content-Type: message/rfc822
Content-Disposition: attachment; filename="=?utf-8?q?Bewerbung.eml?="

From: a@candidate.example
Subject: inside
Content-Type: multipart/mixed; boundary=third

--third
Content-Type: text/plain

deep
--third
Content-Type: application/pdf
Content-Transfer-Encoding: base64

AAAA
--=_outer--
epilogue
`)
	var types []string
	for _, p := range m.Parts {
		types = append(types, fmt.Sprintf("%d %s", p.Depth, p.Type))
	}
	if got := strings.Join(types, ", "); got != "0 text/plain, 0 text/html, 0 message/rfc822, 1 text/plain, 1 application/pdf" {
		t.Errorf("%s", got)
	}
	if m.Body() != "Grüße\n" {
		t.Errorf("%q", m.Body())
	}
	if inner := m.Attached(); len(inner) != 1 || inner[0].Address("From").Address != "a@candidate.example" {
		t.Errorf("%+v", inner)
	}
}

func TestSavedInOtherWaysItIsTheSameMessage(t *testing.T) {
	wide := func(text string, order func(uint16) []byte) string {
		var b strings.Builder
		for _, u := range utf16.Encode([]rune(text)) {
			b.Write(order(u))
		}
		return b.String()
	}
	little := func(u uint16) []byte { return []byte{byte(u), byte(u >> 8)} }
	big := func(u uint16) []byte { return []byte{byte(u >> 8), byte(u)} }
	quoted := "> " + strings.ReplaceAll(strings.TrimSpace(way), "\n", "\n> ")
	unfolded := strings.ReplaceAll(way, "\n\t", "\n")
	for name, text := range map[string]string{
		"with a mark": "\xef\xbb\xbf" + way, "UTF-16": wide("\ufeff"+way, little), "UTF-16 big": wide("\ufeff"+way, big),
		"UTF-16 without a mark": wide(way, little), "a mailbox file": "From a@candidate.example Mon Nov 23 14:02:13 2026\n" + way,
		"empty lines in front": "\n\r\n" + way, "quoted": quoted, "without indentation": unfolded, "header lines alone": way[:strings.Index(way, "\n\n")],
	} {
		m, err := received.Read(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if hops := m.Header.Hops(); len(hops) != 2 || hops[1].For != "bewerber@app.example" || m.Header.Text("Subject") != "Bewerbung für Pflege" {
			t.Errorf("%s: %+v %q", name, hops, m.Header.Text("Subject"))
		}
		if m.HeaderOnly != (name == "header lines alone") {
			t.Errorf("%s: header only %v", name, m.HeaderOnly)
		}
	}
}

func TestWhatIsNoMessageIsSaid(t *testing.T) {
	for text, want := range map[string]error{
		"": received.ErrEmpty, "\n\n \n": received.ErrEmpty, "Dear support,\nit does not work: why?\n": received.ErrNoHeader, "\x00\x01\x02": received.ErrNoHeader,
		"%PDF-1.4\n": received.ErrNoHeader, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and no more": received.ErrOutlook,
		"From a Mon Nov 23 14:02:13 2026\n" + way + "\nFrom b Mon Nov 23 14:02:13 2026\n" + way: received.ErrMany,
	} {
		if _, err := received.Read(strings.NewReader(text)); !errors.Is(err, want) {
			t.Errorf("%q: %v", text[:min(len(text), 40)], err)
		}
	}
}

// endless gives a text n times, and remembers nothing.
type endless struct {
	text string
	n    int
	rest string
}

func (e *endless) Read(b []byte) (int, error) {
	if e.rest == "" {
		if e.n == 0 {
			return 0, io.EOF
		}
		e.n--
		e.rest = e.text
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestHostileSizesAreBounded(t *testing.T) {
	for name, in := range map[string]io.Reader{
		"fields":     io.MultiReader(strings.NewReader("From: a@b.example\n"), &endless{text: "X-A: b\n", n: 1 << 18}),
		"one field":  io.MultiReader(strings.NewReader("From: a@b.example\nX: y"), &endless{text: " folded on\n", n: 1 << 18}),
		"one line":   io.MultiReader(strings.NewReader("From: a@b.example\nX: y"), &endless{text: "0123456789abcdef", n: 1 << 20}),
		"attachment": io.MultiReader(strings.NewReader("From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\n"), &endless{text: "0123456789abcdef\n", n: 6 << 20}),
		"parts":      io.MultiReader(strings.NewReader("From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n"), &endless{text: "--x\n\ny\n", n: 1 << 15}),
		"depth":      io.MultiReader(strings.NewReader("From: a@b.example\nContent-Type: message/rfc822\n\n"), &endless{text: "Content-Type: message/rfc822\n\n", n: 1 << 16}),
	} {
		m, err := received.Read(in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		size := 0
		for _, f := range m.Header.Fields {
			size += len(f.Value)
		}
		for _, p := range m.Parts {
			size += len(p.Text)
		}
		if size > 4<<20 || len(m.Parts) > 300 || m.Header.Address("From").Address != "a@b.example" {
			t.Errorf("%s: %d bytes, %d parts", name, size, len(m.Parts))
		}
	}
}

func TestNothingThatATerminalWouldObeyIsKept(t *testing.T) {
	m := read(t, "From: \"\x1b[31mred\u202e\" <a@b.example>\nSubject: =?utf-8?q?=1B]0;title=07?=\nReceived: from \x07x by \x1by; \x00\nX: \x9b1m\n\nx\n")
	texts := []string{m.Header.Address("From").Name, m.Header.Text("Subject"), fmt.Sprint(m.Header.Hops()), strings.Join(m.Header.Lines("From", "Subject", "Received", "X"), " ")}
	for _, text := range texts {
		for _, r := range text {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e {
				t.Errorf("%q", text)
			}
		}
	}
}

const bounce = `Return-Path: <>
From: postmaster@acme.example
To: outside@candidate.example
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Your message could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01MB1.eurprd01.prod.exchangelabs.com
Received-From-MTA: dns;x

Final-Recipient: rfc822;bewerber@app.example
Action: failed
Status: 5.7.520
Diagnostic-Code: smtp;550 5.7.520 Access denied, Your organization does
 not allow external forwarding. Please contact your administrator.

--b
Content-Type: text/rfc822-headers

Message-ID: <token@candidate.example>
Subject: smtpdx test ABC

--b--
`

func TestADeliveryStatusIsRead(t *testing.T) {
	b := read(t, bounce).Bounce()
	if b == nil || len(b.Statuses) != 1 || b.MessageID != "<token@candidate.example>" || b.Token != "smtpdx test ABC" {
		t.Fatalf("%+v", b)
	}
	s := b.Statuses[0]
	if s.Action != "failed" || s.Status != "5.7.520" || s.Recipient != "bewerber@app.example" || !strings.HasPrefix(string(s.Diagnostic), "550 5.7.520 Access denied, Your organization does not") || !strings.HasPrefix(string(s.By), "AM0PR") {
		t.Errorf("%+v", s)
	}
	if b := read(t, way).Bounce(); b != nil {
		t.Errorf("%+v", b)
	}
}

func TestABounceInPlainTextIsRead(t *testing.T) {
	b := read(t, `Return-Path: <>
From: Mail Delivery System <Mailer-Daemon@mail.acme.example>
X-Failed-Recipients: bewerber@app.example
Subject: Mail delivery failed: returning message to sender

  bewerber@app.example
    host mx.app.example [192.0.2.9]
    SMTP error from remote mail server after RCPT TO:<bewerber@app.example>:
    550 5.1.1 User unknown
`).Bounce()
	if b == nil || b.Statuses[0].Status != "5.1.1" || b.Statuses[0].Recipient != "bewerber@app.example" {
		t.Errorf("%+v", b)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestAFileThatCannotBeReadIsNoEmptyMessage(t *testing.T) {
	_, err := received.Read(io.MultiReader(strings.NewReader(way), broken{}))
	if err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("%v", err)
	}
}
