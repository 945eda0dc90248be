package wire

import (
	"fmt"
	"strings"
)

// Bounds on what one peer may make us read (RFC 5321 section 4.5.3.1 allows
// 512 octets a reply line; servers in the field send more).
const (
	MaxLine       = 4096      // octets of one line
	MaxAuthLine   = 12288     // octets of one line while AUTH is open (RFC 4954 section 4)
	MaxReplyLines = 500       // lines of one reply
	MaxStepBytes  = 256 << 10 // octets read between two calls of Conn.ResetBudget
)

// Reply is a server's answer (RFC 5321 section 4.2). Lines are the texts
// without code and mark, redacted and fit to be shown; Enhanced is the enhanced
// status code of the last line that has one ("5.7.8", RFC 3463), or "".
type Reply struct {
	Code     int
	Enhanced string
	Lines    []string
	raw      []string
}

// Raw gives the lines as they came, for the code that must understand them (a
// SASL challenge, a capability); never to be shown.
func (r Reply) Raw() []string { return r.raw }

// Text joins the lines with line ends.
func (r Reply) Text() string { return strings.Join(r.Lines, "\n") }

// IsPositive tells whether the code is 2xx or 3xx.
func (r Reply) IsPositive() bool { return r.Code >= 200 && r.Code < 400 }

// String gives the reply on one line, as a person would quote it.
func (r Reply) String() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", r.Code, strings.Join(r.Lines, " ")))
}

// enhancedCode reads "5.7.8" from the beginning of a text (RFC 2034 section 4):
// class 2, 4 or 5 and equal to the code's, subject and detail of up to three digits.
func enhancedCode(code int, text string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(text, "#"), " ")
	word = strings.TrimRight(word, ":;,")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || len(parts[0]) != 1 || int(parts[0][0]-'0') != code/100 {
		return ""
	}
	for _, part := range parts[1:] {
		if len(part) == 0 || len(part) > 3 || strings.Trim(part, "0123456789") != "" {
			return ""
		}
	}
	return word
}

// ErrorKind is what is wrong with bytes that are no SMTP reply.
type ErrorKind string

// The kinds of ProtocolError.
const (
	NotSMTP    ErrorKind = "not-smtp"   // the first bytes belong to another protocol or to none
	BadReply   ErrorKind = "bad-reply"  // SMTP-like, but against the grammar
	Incomplete ErrorKind = "incomplete" // the line or the reply ended in its middle; Cause says why
	TooMuch    ErrorKind = "too-much"   // a bound was reached
)

// ProtocolError tells that no whole reply could be read, and what was seen.
type ProtocolError struct {
	Kind   ErrorKind
	Detail string
	Seen   []byte // at most MaxLine bytes as they came; never to be shown unredacted
	Cause  error  // the network's error behind Incomplete, or nil
}

func (e *ProtocolError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("read reply: %s: %v", e.Detail, e.Cause)
	}
	return "read reply: " + e.Detail
}

func (e *ProtocolError) Unwrap() error { return e.Cause }
