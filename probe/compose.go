package probe

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Message is the test message of send and of what follows one. Its text holds
// no setting of the line: it travels to the recipient.
type Message struct {
	Token       string // one word of letters and digits, which a search of a mailbox finds
	Subject     string // "" = the usual one; the token goes behind it
	Body        string // "" = the usual first paragraph
	ReplyTo     string // an address, or ""
	Headers     []Header
	Attachments []Attachment
	DSN         bool   // ask for a delivery status where it is offered (RFC 3461)
	Tool        string // name and version of the program that sends
	AsPerson    bool   // without Auto-Submitted (RFC 3834), which rules of mailboxes may skip
}

// Header is a field for the header of the message.
type Header struct{ Name, Value string }

// Attachment is a file that goes with the message.
type Attachment struct {
	Name string
	Data []byte
}

// NewToken makes a token that no other message has: "smtpdx" and 16 letters and digits.
func NewToken() string { return "smtpdx" + strings.ToLower(rand.Text())[:16] }

// ownHeaders are set by the message itself, or by servers on its way.
func ownHeaders() []string {
	return []string{"from", "to", "cc", "bcc", "date", "message-id", "subject", "reply-to", "return-path", "received", "mime-version",
		"auto-submitted", "sender", "dkim-signature", "authentication-results", "arc-seal", "arc-message-signature", "arc-authentication-results"}
}

// Check tells what in a message would break its header: a line end in a value,
// a name that is none, a field that the message has already.
func (m *Message) Check() error {
	for _, text := range []string{m.Subject, m.ReplyTo, m.Token, m.Tool} {
		if !isOneLine(text) {
			return errors.New("a value for the header of the message must be one line, without control characters")
		}
	}
	if m.ReplyTo != "" {
		if _, err := mail.ParseAddress(m.ReplyTo); err != nil {
			return errors.New("the address for answers is no address")
		}
	}
	if isLongWord(m.Subject) || isLongWord(m.ReplyTo) {
		return errLongWord()
	}
	seen := map[string]bool{}
	for _, h := range m.Headers {
		if err := h.check(); err != nil {
			return err
		}
		if name := strings.ToLower(h.Name); seen[name] {
			return fmt.Errorf("the header field %s is given twice", h.Name)
		}
		seen[strings.ToLower(h.Name)] = true
	}
	for _, a := range m.Attachments {
		if !isOneLine(a.Name) || a.Name == "" {
			return errors.New("the name of an attachment must be one line, without control characters")
		}
	}
	if strings.ContainsRune(m.Body, 0) {
		return errors.New("the text of the message holds a NUL character")
	}
	return nil
}

func (h Header) check() error {
	name := strings.ToLower(h.Name)
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }):
		return errors.New("the name of a header field is letters, digits and hyphens")
	case slices.Contains(ownHeaders(), name) || strings.HasPrefix(name, "content-") || strings.HasPrefix(name, "resent-"):
		return fmt.Errorf("the message has a field %s of its own, or must not have one", h.Name)
	case !isOneLine(h.Value):
		return errors.New("a value for the header of the message must be one line, without control characters")
	case isLongWord(h.Name), isLongWord(h.Value):
		return errLongWord()
	}
	return nil
}

// longestWord of a header: a line holds at most 998 octets (RFC 5322 section
// 2.1.1), and is folded at blanks alone. Words beyond ASCII are encoded, in pieces.
const longestWord = 900

func isLongWord(text string) bool {
	return isASCII(text) && slices.ContainsFunc(strings.Fields(text), func(word string) bool { return len(word) > longestWord })
}

func errLongWord() error {
	return fmt.Errorf("a value for the header of the message has a word of more than %d characters, which fits into no line", longestWord)
}

func isOneLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 })
}

// sender is the address that the message comes from: the first that is asked for.
func (m *Message) sender(s *Settings) string {
	if len(s.From) == 0 {
		return ""
	}
	return s.From[0]
}

func (m *Message) messageID(s *Settings) string {
	return "<" + m.Token + "@" + domainOf(m.sender(s)) + ">"
}

// domainOf is what stands behind the last @.
func domainOf(address string) string { return address[strings.LastIndex(address, "@")+1:] }

func (m *Message) subject() string {
	if m.Subject == "" {
		return "Test message " + m.Token
	}
	return m.Subject + " " + m.Token
}

// Compose writes the message as it goes to the recipients of s, with CRLF line ends.
func (m *Message) Compose(s *Settings, now time.Time) ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	out := gomail.NewMsg(gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	if err := errors.Join(out.From(m.sender(s)), out.To(s.To...)); err != nil {
		return nil, err
	}
	if m.ReplyTo != "" {
		if err := out.ReplyTo(m.ReplyTo); err != nil {
			return nil, err
		}
	}
	m.writeSubject(out)
	out.SetDateWithValue(now.UTC())
	out.SetMessageIDWithValue(strings.Trim(m.messageID(s), "<>"))
	out.SetGenHeader(gomail.HeaderUserAgent, m.Tool)
	if !m.AsPerson {
		out.SetGenHeader("Auto-Submitted", "auto-generated")
	}
	for _, h := range m.Headers {
		out.SetGenHeader(gomail.Header(h.Name), h.Value)
	}
	text := m.text(s, now)
	out.SetBodyString(gomail.TypeTextPlain, text.plain())
	out.AddAlternativeString(gomail.TypeTextHTML, text.html())
	for _, a := range m.Attachments {
		if err := out.AttachReader(a.Name, bytes.NewReader(a.Data)); err != nil {
			return nil, err
		}
	}
	var raw bytes.Buffer
	_, err := out.WriteTo(&raw)
	return raw.Bytes(), err
}

// writeSubject keeps the token a word of its own: within an encoded word, or
// torn apart between two, a search would not find it (RFC 2047 section 6.2).
func (m *Message) writeSubject(out *gomail.Msg) {
	if isASCII(m.Subject) {
		out.Subject(m.subject())
		return
	}
	words := strings.ReplaceAll(mime.QEncoding.Encode("utf-8", m.Subject), "?= =?", "?=\r\n =?")
	out.SetGenHeaderPreformatted(gomail.HeaderSubject, words+"\r\n "+m.Token)
}

// letter is the text of a message: paragraphs, then facts.
type letter struct {
	paragraphs []string
	facts      [][2]string
}

func (m *Message) text(s *Settings, now time.Time) letter {
	first := "This is a test message. It was sent to see whether mail arrives and what becomes of it on its way. You need not answer it."
	if m.Body != "" {
		first = m.Body
	}
	return letter{
		paragraphs: []string{first},
		facts: [][2]string{
			{"Sent by", m.sender(s)},
			{"With", m.Tool + ", a program that tests mail settings"},
			{"On", now.UTC().Format("Monday, 2 January 2006, 15:04:05 UTC")},
			{"Token", m.Token},
		},
	}
}

func (w letter) plain() string {
	var b strings.Builder
	for _, p := range w.paragraphs {
		b.WriteString(wrapped(p, 72) + "\n\n")
	}
	for _, f := range w.facts {
		fmt.Fprintf(&b, "%-8s %s\n", f[0], f[1])
	}
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// html has no colours of its own, so that it can be read in the light and in the dark.
func (w letter) html() string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Test message</title></head>
<body style="font-family: sans-serif; font-size: 15px; line-height: 1.5; max-width: 40em; margin: 1em">
`)
	for _, p := range w.paragraphs {
		b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(p), "\n", "<br>\n") + "</p>\n")
	}
	b.WriteString("<table cellpadding=\"0\" cellspacing=\"0\" style=\"font-size: 14px\">\n")
	for _, f := range w.facts {
		fmt.Fprintf(&b, "<tr><td style=\"padding-right: 1em; vertical-align: top\">%s</td><td>%s</td></tr>\n", f[0], html.EscapeString(f[1]))
	}
	b.WriteString("</table>\n</body>\n</html>\n")
	return strings.ReplaceAll(b.String(), "\n", "\r\n")
}

// wrapped breaks the lines of a text at blanks, so that none is longer than width.
func wrapped(text string, width int) string {
	var lines []string
	for _, paragraph := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if line != "" && len(line)+1+len(word) > width {
				lines = append(lines, line)
				line = ""
			}
			line = strings.TrimLeft(line+" "+word, " ")
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
