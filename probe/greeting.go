package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// lookAfter is how long a greeting may stay out before a second connection
// tries TLS; on the ports of plain SMTP we wait for the greeting's own timeout.
const (
	lookAfter = 2 * time.Second
	lookLimit = 3 * time.Second
)

// GreetingEvidence is what the server said first.
type GreetingEvidence struct {
	HostName   Maybe `json:"host_name"`
	Software   Maybe `json:"software"`
	LooksLike  Maybe `json:"looks_like"` // smtp, http, imap, pop3, ssh, ftp, tls, nothing, unknown
	TLSAnswers *bool `json:"tls_answers"`

	text string // of the greeting, for the rules
}

func (*GreetingEvidence) isEvidence() {}

func (e *GreetingEvidence) summary(fault *Fault) string {
	switch {
	case fault == nil && e.Software != "":
		return string(e.Software)
	case fault == nil:
		return string(e.HostName)
	case e.TLSAnswers != nil && *e.TLSAnswers:
		return "no greeting, but TLS answers on this port"
	case e.LooksLike == "tls":
		return "TLS where a greeting should be"
	case fault.Kind == NotSMTP && e.LooksLike != "unknown" && e.LooksLike != "":
		return "this is no mail server: " + strings.ToUpper(string(e.LooksLike)) + " answers"
	case fault.Kind == Timeout:
		return "the server says nothing"
	case fault.Kind == Closed:
		return "the server hung up without a greeting"
	}
	return ""
}

// greetingStep waits for the server's first word (RFC 5321 section 3.1).
func greetingStep(ctx context.Context, l *lane) (Evidence, error) {
	e := &GreetingEvidence{}
	reply, err := l.awaitGreeting(ctx, e)
	if err != nil && e.LooksLike == "" {
		e.LooksLike = looksLike(err)
	}
	if err != nil {
		return e, err
	}
	l.greeted = true
	l.reply = &reply
	e.text = reply.Text()
	e.LooksLike = Maybe(serviceOf(reply))
	e.HostName = Maybe(hostName(e.text))
	e.Software = Maybe(softwareOf(e.text))
	switch {
	case reply.Code != 220:
		return e, &refusal{reply}
	case e.LooksLike != "smtp":
		return e, &Fault{Kind: NotSMTP, Text: "the service on this port is " + strings.ToUpper(string(e.LooksLike)) + ": " + reply.String()}
	}
	return e, nil
}

// awaitGreeting reads the greeting while a second connection, after a while,
// looks whether TLS lies behind the silence.
func (l *lane) awaitGreeting(ctx context.Context, e *GreetingEvidence) (wire.Reply, error) {
	if l.encrypted() {
		return l.conn.ReadReply(ctx)
	}
	read, stop := context.WithCancel(ctx)
	defer stop()
	look := make(chan glance, 1)
	early := !l.isPlainPort()
	if early {
		go l.lookLater(read, stop, look)
	}
	reply, err := l.conn.ReadReply(read)
	if err == nil {
		stop()
	}
	if early {
		stopIfAnswered(err, stop)
		if seen, asked := <-look; asked {
			e.take(seen)
		}
	}
	if err == nil || e.TLSAnswers != nil {
		return reply, l.silenceText(ctx, e, err)
	}
	if isSilence(err) && l.life.Err() == nil && !errors.Is(context.Cause(ctx), errCut) {
		limit, cancel := context.WithTimeout(l.life, lookLimit)
		defer cancel()
		seen := l.glance(limit)
		if seen.tlsAnswers || seen.isHTTP || l.life.Err() == nil {
			e.take(seen)
		}
	}
	return reply, l.silenceText(ctx, e, err)
}

// stopIfAnswered: with any answer but silence the look is not needed.
func stopIfAnswered(err error, stop func()) {
	if !isSilence(err) {
		stop()
	}
}

// silenceText says what the look found, in place of an ended context.
func (l *lane) silenceText(ctx context.Context, e *GreetingEvidence, err error) error {
	switch {
	case err == nil || !isSilence(err):
		return err
	case e.LooksLike == "http":
		return &Fault{Kind: NotSMTP, Text: "the service on this port is HTTP: it waits in silence, and answered a second connection as a web server does"}
	case e.TLSAnswers != nil && *e.TLSAnswers:
		return &Fault{Kind: Timeout, Text: "no greeting in plain text; a second connection got an answer to TLS on this port"}
	case errors.Is(err, context.Canceled) && ctx.Err() == nil:
		return context.DeadlineExceeded
	}
	return err
}

// glance is what a second connection saw that tried TLS from the first byte.
type glance struct {
	tlsAnswers bool
	isHTTP     bool // a web server's words, which no SMTP server has
}

func (e *GreetingEvidence) take(seen glance) {
	e.TLSAnswers = &seen.tlsAnswers
	if seen.isHTTP {
		e.LooksLike = "http"
	}
}

// lookLater looks after a while; an answer ends the wait for the greeting.
func (l *lane) lookLater(ctx context.Context, stop func(), found chan<- glance) {
	defer close(found)
	wait := time.NewTimer(lookAfter)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return
	case <-wait.C:
	}
	limit, cancel := context.WithTimeout(l.life, lookLimit) // the greeting's own time may end before
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})()
	seen := l.glance(limit)
	answers := seen.tlsAnswers || seen.isHTTP
	if !answers && errors.Is(limit.Err(), context.Canceled) {
		return
	}
	found <- seen
	if answers {
		stop()
	}
}

// isPlainPort tells whether the port is one on which SMTP servers are known
// to begin in plain text, sometimes late on purpose.
func (l *lane) isPlainPort() bool {
	return l.run.settings.Port == 25 || l.run.settings.Port == 587
}

// glance tries TLS from the first byte on a second connection, without credentials.
func (l *lane) glance(ctx context.Context) glance {
	c, err := l.side(ctx, "tls-probe")
	if err != nil {
		return glance{}
	}
	defer c.Close()
	_, err = c.Handshake(ctx, &tls.Config{ServerName: serverName(l.settings()), InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}) //nolint:gosec // a look: nothing is sent over it but QUIT
	if err != nil {
		var plain tls.RecordHeaderError
		isHTTP := errors.As(err, &plain) && string(plain.RecordHeader[:]) == "HTTP/"
		return glance{tlsAnswers: isTLSish(err), isHTTP: isHTTP}
	}
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if r, err := c.ReadReply(short); err == nil && r.Code > 0 {
		c.Quit(short)
	}
	return glance{tlsAnswers: true}
}

// isTLSish: an alert is an answer in TLS too.
func isTLSish(err error) bool { return isAlert(err) }

func isSilence(err error) bool {
	if err == nil {
		return false
	}
	var p *wire.ProtocolError
	if errors.As(err, &p) {
		return false
	}
	switch kindOf(err) {
	case Timeout, Closed, Reset:
		return true
	}
	return errors.Is(err, context.Canceled)
}

// looksLike names the service by the bytes that were no greeting.
func looksLike(err error) Maybe {
	var p *wire.ProtocolError
	if !errors.As(err, &p) {
		return "nothing"
	}
	if len(p.Seen) == 0 {
		return "nothing"
	}
	seen := string(p.Seen)
	for _, known := range []struct{ start, name string }{
		{"SSH-", "ssh"}, {"HTTP/", "http"}, {"<!DOCTYPE", "http"}, {"<html", "http"}, {"<HTML", "http"},
		{"* OK", "imap"}, {"* BYE", "imap"}, {"* PREAUTH", "imap"}, {"+OK", "pop3"}, {"-ERR", "pop3"},
		{"\x16\x03", "tls"}, {"\x15\x03", "tls"},
	} {
		if strings.HasPrefix(seen, known.start) {
			return Maybe(known.name)
		}
	}
	if p.Kind != wire.NotSMTP {
		return "smtp"
	}
	return "unknown"
}

// serviceOf tells SMTP from FTP, which greets with 220 as well.
func serviceOf(r wire.Reply) string {
	text := strings.ToLower(r.Text())
	for _, ftp := range []string{"ftp server", "ftpd", "filezilla", "pure-ftp", "(vsftp", "ftp service"} {
		if strings.Contains(text, ftp) && !strings.Contains(text, "smtp") {
			return "ftp"
		}
	}
	return "smtp"
}

// hostName is the first word of a greeting, if it can be a name.
func hostName(text string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	word, _, _ = strings.Cut(word, "\n")
	if strings.Trim(word, "*") == "" || strings.ContainsAny(word, "<>()/,;!") || len(word) > 255 {
		return ""
	}
	return word
}

// softwareOf names the server's make by what its greeting says.
func softwareOf(text string) string {
	lower := strings.ToLower(text)
	for _, known := range []struct{ words, name string }{
		{".outlook.com microsoft esmtp mail service", "Microsoft Exchange Online"},
		{"microsoft esmtp mail service", "Microsoft Exchange"},
		{"gsmtp", "Google"}, {"google esmtp", "Google"},
		{"postfix", "Postfix"}, {"exim", "Exim"}, {"sendmail", "Sendmail"}, {"opensmtpd", "OpenSMTPD"},
		{"haraka", "Haraka"}, {"hmailserver", "hMailServer"}, {"mailpit", "Mailpit"}, {"stalwart", "Stalwart"},
		{"dovecot", "Dovecot"}, {"kerio", "Kerio Connect"}, {"mdaemon", "MDaemon"}, {"zimbra", "Zimbra"},
		{"communigate", "CommuniGate Pro"}, {"icewarp", "IceWarp"}, {"smartermail", "SmarterMail"},
		{"qmail", "qmail"}, {"courier", "Courier"}, {"axigen", "Axigen"}, {"maddy", "maddy"}, {"chasquid", "chasquid"},
		{"amazonses", "Amazon SES"}, {"simplemailservice", "Amazon SES"}, {"sendgrid", "SendGrid"},
		{"lotus domino", "HCL Domino"}, {"domino release", "HCL Domino"}, {"groupwise", "GroupWise"},
		{"barracuda", "Barracuda"}, {"protonmail bridge", "Proton Mail Bridge"},
	} {
		if strings.Contains(lower, known.words) {
			return known.name
		}
	}
	return ""
}
