package smtptest

import (
	"bytes"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// redirection is what an address that redirects does with a message; its
// recipient is that address then, and the mailbox is another one.
type redirection struct {
	words []string
}

func (r *redirection) is(word string) bool { return slices.Contains(r.words, word) }

// redirectWords are what the key "redirect" knows.
var redirectWords = []string{"as it is", "rewrites the envelope", "forwards", "attaches", "rewrites from", "breaks the signature", "twice", "loses", "comes back", "answers"}

// parseRedirect reads "rewrites the envelope", "as it is, twice", ...
func parseRedirect(value string) (*redirection, error) {
	r := &redirection{words: list(value, ",")}
	for _, word := range r.words {
		if !slices.Contains(redirectWords, word) {
			return nil, fmt.Errorf("redirect wants some of: %s", strings.Join(redirectWords, ", "))
		}
	}
	if len(r.words) == 0 {
		return nil, errors.New("redirect wants to know what is done")
	}
	return r, nil
}

// redirectTarget is the mailbox to which the lab's address redirects.
const redirectTarget = "application@recipient.example"

// SenderBox gives the sender's mailbox of a dialogue that redirects, or nil.
func (s *Server) SenderBox() *LetterBox { return s.senderBox }

// openSenderBox makes the mailbox in which reports come.
func (s *Server) openSenderBox() error {
	if s.dialogue.redirect == nil {
		return nil
	}
	b, err := s.OpenLetterBox(s.dialogue.Settings.Account, mailboxPassword)
	s.senderBox = b
	return err
}

// redirect brings a message to where the dialogue says.
func (s *Server) redirect(m Mail) error {
	r := s.dialogue.redirect
	letter, err := readLetter(m, s.script("").name)
	if err != nil {
		return err
	}
	if r.is("answers") {
		if err := s.senderBox.Put(inboxFolder, letter.answer()); err != nil {
			return err
		}
	}
	switch {
	case r.is("loses"):
		return nil
	case r.is("comes back"):
		return s.senderBox.Put(inboxFolder, letter.report())
	}
	times := 1
	if r.is("twice") {
		times = 2
	}
	for range times {
		if err := s.letterBox.Put(inboxFolder, letter.redirected(r)); err != nil {
			return err
		}
	}
	return nil
}

// letter is a message on its way through the address that redirects.
type letter struct {
	from, via       string
	senderDomain    string
	company         string // domain of the address that redirects
	server, id      string // who took it first
	subject, msgID  string
	header, body    []byte // as they are
	originalMessage []byte
}

func readLetter(m Mail, server string) (*letter, error) {
	message, err := mail.ReadMessage(bytes.NewReader(m.Data))
	if err != nil {
		return nil, fmt.Errorf("read the message: %w", err)
	}
	header, body, _ := bytes.Cut(m.Data, []byte("\r\n\r\n"))
	via := m.To[0]
	return &letter{from: m.From, via: via, senderDomain: domain(m.From), company: domain(via), server: server, id: m.ReceivedAs,
		subject: message.Header.Get("Subject"), msgID: message.Header.Get("Message-ID"), header: header, body: body, originalMessage: m.Data}, nil
}

func domain(address string) string { return address[strings.LastIndex(address, "@")+1:] }

// stamp is a Received field (RFC 5321 section 4.4) of so long ago.
func (l *letter) stamp(from, by, to string, ago time.Duration) string {
	return "Received: from " + from + " by " + by + " with ESMTPS id " + l.id + "\r\n\tfor <" + to + ">; " +
		time.Now().Add(-ago).Format("Mon, 02 Jan 2006 15:04:05 -0700") + "\r\n"
}

// redirected is the message as it comes into the other mailbox.
func (l *letter) redirected(r *redirection) []byte {
	if r.is("forwards") || r.is("attaches") {
		return l.anew(r)
	}
	envelope, signature, dmarc := l.from, "pass", "pass (p=reject)"
	if r.is("rewrites the envelope") {
		local, _, _ := strings.Cut(l.from, "@")
		envelope = "SRS0=Lab1=ZS=" + l.senderDomain + "=" + local + "@" + l.company
	}
	header, body := string(l.header), l.body
	if r.is("breaks the signature") {
		signature, dmarc = `fail reason="body hash did not verify"`, "fail (p=reject)"
		body = withFooter(l.originalMessage)[len(l.header)+4:]
	}
	proof := "dkim=" + signature + " header.d=" + l.senderDomain + "; spf=pass smtp.mailfrom=" + envelope + "; dmarc=" + dmarc + " header.from=" + l.senderDomain
	if r.is("rewrites from") {
		proof = "dkim=pass header.d=" + l.company + "; spf=pass smtp.mailfrom=" + envelope + "; dmarc=pass header.from=" + l.company
		header = strings.Replace(header, "From: <"+l.from+">", "From: \"A sender via Jobs\" <"+l.via+">", 1)
	}
	top := "Return-Path: <" + envelope + ">\r\nDelivered-To: " + redirectTarget + "\r\n" +
		l.stamp("mail."+l.company, "mx.recipient.example", redirectTarget, 0) +
		"Authentication-Results: mx.recipient.example; " + proof + "\r\n" +
		l.stamp(l.server, "mail."+l.company, l.via, time.Second) +
		l.stamp("client."+l.senderDomain, l.server, l.via, time.Second) +
		"DKIM-Signature: v=1; a=rsa-sha256; d=" + l.senderDomain + "; s=lab; h=from:subject; bh=AAAA; b=AAAA\r\n"
	return slices.Concat([]byte(top+header+"\r\n\r\n"), body)
}

// anew is a new message of the mailbox, with the old one in its text or attached.
func (l *letter) anew(r *redirection) []byte {
	top := "Return-Path: <" + l.via + ">\r\nDelivered-To: " + redirectTarget + "\r\n" +
		l.stamp("mail."+l.company, "mx.recipient.example", redirectTarget, 0) +
		"Authentication-Results: mx.recipient.example; dkim=pass header.d=" + l.company + "; spf=pass smtp.mailfrom=" + l.via + "; dmarc=pass header.from=" + l.company + "\r\n" +
		"From: Jobs <" + l.via + ">\r\nTo: <" + redirectTarget + ">\r\nSubject: FW: " + l.subject + "\r\n" +
		"Date: " + time.Now().Format(time.RFC1123Z) + "\r\nMessage-ID: <" + l.id + "@" + l.company + ">\r\nMIME-Version: 1.0\r\n"
	if r.is("attaches") {
		return slices.Concat([]byte(top+"Content-Type: multipart/mixed; boundary=lab\r\n\r\n--lab\r\nContent-Type: text/plain\r\n\r\n\r\n--lab\r\nContent-Type: message/rfc822\r\n\r\n"),
			l.originalMessage, []byte("\r\n--lab--\r\n"))
	}
	return []byte(top + "Content-Type: text/plain; charset=utf-8\r\n\r\nFrom: " + l.from + "\r\nSent: " + time.Now().Format("Monday, January 2, 2006 15:04") +
		"\r\nTo: " + l.via + "\r\nSubject: " + l.subject + "\r\n\r\nThe text of the original message.\r\n")
}

// report is the delivery status that Microsoft 365 writes when it lets no
// mailbox forward to the outside (RFC 3464).
func (l *letter) report() []byte {
	return []byte("Return-Path: <>\r\n" + l.stamp("mail."+l.company, "mx."+l.senderDomain, l.from, 0) +
		"From: Microsoft Outlook <postmaster@" + l.company + ">\r\nTo: <" + l.from + ">\r\nSubject: Undeliverable: " + l.subject + "\r\n" +
		"Date: " + time.Now().Format(time.RFC1123Z) + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=lab\r\n\r\n" +
		"--lab\r\nContent-Type: text/plain\r\n\r\nYour message to " + redirectTarget + " could not be delivered.\r\n" +
		"--lab\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;mail." + l.company + "\r\n\r\n" +
		"Final-Recipient: rfc822;" + redirectTarget + "\r\nAction: failed\r\nStatus: 5.7.520\r\n" +
		"Diagnostic-Code: smtp;550 5.7.520 Access denied, Your organization does not allow\r\n external forwarding. Please contact your administrator for further assistance. AS(7555)\r\n\r\n" +
		"--lab\r\nContent-Type: text/rfc822-headers\r\n\r\n" + string(l.header) + "\r\n\r\n--lab--\r\n")
}

// answer is what a mailbox writes by itself (RFC 3834).
func (l *letter) answer() []byte {
	return []byte("Return-Path: <>\r\nFrom: Jobs <" + l.via + ">\r\nTo: <" + l.from + ">\r\nSubject: Automatic reply: " + l.subject + "\r\n" +
		"Date: " + time.Now().Format(time.RFC1123Z) + "\r\nIn-Reply-To: " + l.msgID + "\r\nAuto-Submitted: auto-replied\r\n\r\nThank you, we answer soon.\r\n")
}
