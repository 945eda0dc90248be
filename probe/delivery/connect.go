package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// Limits on time and size.
const (
	commandLimit = 30 * time.Second // for one command, and for getting there
	maxLine      = 8 << 10          // octets of a line before the login
	maxRead      = 64 << 20         // octets of one session
)

// Trouble is a fault of IMAP: what was seen, for the rules, and its words.
type Trouble struct { //nolint:errname // what was seen, an error by the way
	Saw  cause.Observation
	Text string
}

func (t *Trouble) Error() string { return t.Text }

// Unwrap gives the fault that the engine reports.
func (t *Trouble) Unwrap() error { return &probe.Fault{Kind: probe.IMAPFault, Text: t.Text} }

func trouble(saw cause.Observation, format string, args ...any) *Trouble {
	return &Trouble{Saw: saw, Text: fmt.Sprintf(format, args...)}
}

// line is a connection to an IMAP server, before the client takes it over.
type line struct {
	net.Conn

	inbox    probe.Inbox
	watch    probe.Watch
	greeting string
	first    []byte // what is read before the connection's own bytes
	badCert  error  // what is wrong with the certificate, although the settings go on
}

func (l *line) Read(p []byte) (int, error) {
	if len(l.first) > 0 {
		n := copy(p, l.first)
		l.first = l.first[n:]
		return n, nil
	}
	return l.Conn.Read(p)
}

// dial connects, switches TLS on, and reads the greeting.
func dial(ctx context.Context, s probe.Settings, inbox probe.Inbox, w probe.Watch) (*line, error) {
	address := net.JoinHostPort(inbox.Host, strconv.Itoa(inbox.Port))
	nc, err := w.Dial(ctx, s, address)
	if err != nil {
		return nil, trouble(cause.IMAPUnreachable, "%s cannot be reached: %s", address, shown(w, err.Error()))
	}
	l := &line{Conn: nc, inbox: inbox, watch: w}
	note(w, "connection to "+address)
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	if err := l.open(ctx); err != nil {
		_ = nc.Close()
		var known *Trouble
		if !errors.As(err, &known) {
			err = l.silent(ctx, err)
		}
		return nil, err
	}
	return l, nil
}

// open brings a connection to where a login can be tried.
func (l *line) open(ctx context.Context) error {
	if l.inbox.Encryption == probe.SSL {
		if err := l.handshake(ctx); err != nil {
			return err
		}
	}
	if err := l.greet(); err != nil {
		return err
	}
	if l.inbox.Encryption == probe.SSL {
		l.Conn = newRecorder(l.Conn, l.watch)
		l.first = []byte(l.greeting + "\r\n")
		return nil
	}
	if err := l.starttls(); err != nil {
		return err
	}
	if err := l.handshake(ctx); err != nil {
		return err
	}
	l.Conn = newRecorder(l.Conn, l.watch)
	l.first = []byte("* OK encrypted\r\n") // the client wants a greeting; what was said before TLS proves nothing
	return nil
}

// silent names the end of a connection on which nothing was said.
func (l *line) silent(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil && l.inbox.Encryption == probe.STARTTLS:
		return trouble(cause.IMAPWrongEncryption, "the server took the connection and said nothing; a port that wants TLS from the first byte does so")
	case ctx.Err() != nil:
		return trouble(cause.IMAPUnreachable, "the server took the connection and then said nothing")
	}
	return trouble(cause.IMAPUnreachable, "the connection broke before the login: %s", shown(l.watch, err.Error()))
}

// greet reads the greeting (RFC 9051 section 7.1).
func (l *line) greet() error {
	text, err := l.readLine()
	if err != nil {
		return err
	}
	record(l.watch, "server", text)
	l.greeting = text
	switch word := strings.ToUpper(text); {
	case strings.HasPrefix(word, "* OK"), strings.HasPrefix(word, "* PREAUTH") && l.inbox.Encryption == probe.SSL:
		return nil
	case strings.HasPrefix(word, "* BYE"):
		return trouble(cause.IMAPUnreachable, "the server turned us away: %s", shown(l.watch, text))
	}
	return trouble(cause.IMAPNotIMAP, "what answers there is no IMAP server: %s", shown(l.watch, cut(text, 80)))
}

func (l *line) starttls() error {
	const command = "T0 STARTTLS"
	record(l.watch, "client", command)
	if _, err := l.Write([]byte(command + "\r\n")); err != nil {
		return err
	}
	for range 100 {
		text, err := l.readLine()
		if err != nil {
			return err
		}
		record(l.watch, "server", text)
		word := strings.ToUpper(text)
		switch {
		case strings.HasPrefix(word, "T0 OK"):
			return nil
		case strings.HasPrefix(word, "T0 "):
			return trouble(cause.IMAPWrongEncryption, "the server does not switch to TLS: %s", shown(l.watch, text))
		}
	}
	return trouble(cause.IMAPNotIMAP, "the server gives no answer to STARTTLS")
}

// readLine reads byte by byte: what follows the line may belong to TLS.
func (l *line) readLine() (string, error) {
	var out []byte
	var one [1]byte
	for len(out) < maxLine {
		if _, err := l.Conn.Read(one[:]); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			return strings.TrimRight(string(out), "\r"), nil
		}
		out = append(out, one[0])
		if len(out) == 2 && (out[0] == 0x15 || out[0] == 0x16) && out[1] == 3 {
			return "", trouble(cause.IMAPWrongEncryption, "the server speaks TLS from the first byte on this port")
		}
	}
	return "", trouble(cause.IMAPNotIMAP, "the server's first line has no end")
}

// handshake switches TLS on and judges the certificate as for SMTP.
func (l *line) handshake(ctx context.Context) error {
	name := l.inbox.TLSServerName
	if name == "" {
		name = l.inbox.Host
	}
	var bad error
	config := &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // judged in VerifyConnection, so that the words are ours
		VerifyConnection: func(state tls.ConnectionState) error {
			bad = l.judge(state, name)
			if l.inbox.Insecure {
				return nil
			}
			return bad
		}}
	conn := tls.Client(l.Conn, config)
	err := conn.HandshakeContext(ctx)
	var plain tls.RecordHeaderError
	switch {
	case err == nil:
		l.badCert = bad
		l.Conn = conn
		note(l.watch, "TLS is on")
		return nil
	case bad != nil:
		return trouble(cause.IMAPCertificateBad, "the certificate is not good: %s", shown(l.watch, bad.Error()))
	case errors.As(err, &plain):
		return trouble(cause.IMAPWrongEncryption, "the server does not start with TLS on this port")
	case ctx.Err() != nil:
		return err
	}
	return trouble(cause.IMAPUnreachable, "the TLS handshake failed: %s", shown(l.watch, err.Error()))
}

func (l *line) judge(state tls.ConnectionState, name string) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("there is none")
	}
	roots := l.inbox.CA
	if roots == nil {
		roots = l.watch.Net.Roots // nil: the system's
	}
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: name})
	return err
}

// shown is text from outside as it may be shown.
func shown(w probe.Watch, text string) string {
	return w.Redactor.Text(secret.Clean(w.Redactor.Text(text)))
}

func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + " ..."
}

func note(w probe.Watch, text string) { record(w, "note", text) }

func record(w probe.Watch, from, text string) {
	if w.Record != nil {
		w.Record(from, shown(w, text))
	}
}
