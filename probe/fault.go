package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// FaultKind is one of a closed list of ways in which a step can fail.
type FaultKind string

// The fault kinds.
const (
	NoSuchHost     FaultKind = "no-such-host"
	NoData         FaultKind = "no-data"
	ServFail       FaultKind = "servfail"
	NoResolver     FaultKind = "no-resolver"
	MalformedName  FaultKind = "malformed-name"
	ConnRefused    FaultKind = "refused"
	Unreachable    FaultKind = "unreachable"
	Timeout        FaultKind = "timeout"
	Reset          FaultKind = "reset"
	Closed         FaultKind = "closed"
	ProxyFault     FaultKind = "proxy"
	NotSMTP        FaultKind = "not-smtp"
	BadReply       FaultKind = "bad-reply"
	TooMuch        FaultKind = "too-much"
	EarlyBytes     FaultKind = "early-bytes"
	Rejected       FaultKind = "rejected" // a 5xx reply
	Deferred       FaultKind = "deferred" // a 4xx reply
	NotOffered     FaultKind = "not-offered"
	TLSRecord      FaultKind = "tls-record" // bytes that are no TLS where TLS was expected
	TLSAlert       FaultKind = "tls-alert"
	TLSVersion     FaultKind = "tls-version"
	TLSCipher      FaultKind = "tls-cipher"
	BadCertificate FaultKind = "certificate"
	LocalPolicy    FaultKind = "local-policy" // we did not want to; nothing was sent
	Mechanism      FaultKind = "mechanism"
	IMAPFault      FaultKind = "imap"
	NotArrived     FaultKind = "not-arrived"
	SenderLost     FaultKind = "sender-lost" // the message arrived, and its header has another sender
)

// FaultKinds lists all of them; each has a general cause.
func FaultKinds() []FaultKind {
	return []FaultKind{NoSuchHost, NoData, ServFail, NoResolver, MalformedName, ConnRefused, Unreachable, Timeout, Reset,
		Closed, ProxyFault, NotSMTP, BadReply, TooMuch, EarlyBytes, Rejected, Deferred, NotOffered, TLSRecord, TLSAlert,
		TLSVersion, TLSCipher, BadCertificate, LocalPolicy, Mechanism, IMAPFault, NotArrived, SenderLost}
}

// Fault is what went wrong in a step, in a word and in the words of the
// machine. It is an error, so that a step can return the fault it knows.
type Fault struct { //nolint:errname // a report's word first, an error by the way
	Kind FaultKind `json:"kind"`
	Text string    `json:"text"`
}

func (f *Fault) Error() string { return f.Text }

// refusal is a server's "no": evidence first, an error by name only.
type refusal struct {
	reply wire.Reply
}

func (r *refusal) Error() string { return r.reply.String() }

// faultOf classifies an error, in this one place. The text still has to pass the redactor.
func faultOf(err error) *Fault {
	var known *Fault
	var refused *refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused):
		return &Fault{Kind: kindOfReply(refused.reply.Code), Text: "the server answered " + refused.reply.String()}
	}
	kind := kindOf(err)
	return &Fault{Kind: kind, Text: faultText(kind, err)}
}

// faultText is in the machine's words, but where those are the library's own
// and no server's.
func faultText(kind FaultKind, err error) string {
	var protocol *wire.ProtocolError
	var network *net.OpError
	switch {
	case errors.As(err, &protocol):
	case kind == Closed && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return "the server closed the connection"
	case kind == Reset && errors.As(err, &network):
		return "connection reset by peer"
	}
	return err.Error()
}

func kindOfReply(code int) FaultKind {
	switch code / 100 {
	case 4:
		return Deferred
	case 5:
		return Rejected
	}
	return BadReply
}

func kindOf(err error) FaultKind {
	var protocol *wire.ProtocolError
	if errors.As(err, &protocol) {
		return kindOfProtocol(protocol)
	}
	var header tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, wire.ErrTwoLines):
		return LocalPolicy
	case errors.As(err, &header):
		return TLSRecord
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, syscall.ETIMEDOUT):
		return Timeout
	case errors.Is(err, syscall.ECONNREFUSED), isWindowsCode(err, 10061):
		return ConnRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED),
		isWindowsCode(err, 10053), isWindowsCode(err, 10054):
		return Reset
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL),
		errors.Is(err, syscall.ENETDOWN), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM),
		errors.Is(err, syscall.EAFNOSUPPORT), isWindowsCode(err, 10051), isWindowsCode(err, 10065):
		return Unreachable
	case isAlert(err):
		return TLSAlert
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.Is(err, io.ErrClosedPipe):
		return Closed
	}
	return BadReply
}

func kindOfProtocol(p *wire.ProtocolError) FaultKind {
	switch p.Kind {
	case wire.NotSMTP:
		return NotSMTP
	case wire.TooMuch:
		return TooMuch
	case wire.Incomplete:
		if p.Cause != nil {
			return kindOf(p.Cause)
		}
	}
	return BadReply
}

// isWindowsCode knows Winsock's numbers, which package syscall names on Windows only.
func isWindowsCode(err error, code uintptr) bool {
	var number syscall.Errno
	return errors.As(err, &number) && uintptr(number) == code
}

// isAlert: crypto/tls keeps the type of a received alert to itself; the
// operation's name is what shows it.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" || strings.Contains(err.Error(), "remote error: tls:")
}

// policy says that we did not want to, and why.
func policy(format string, args ...any) *Fault {
	return &Fault{Kind: LocalPolicy, Text: fmt.Sprintf(format, args...)}
}
