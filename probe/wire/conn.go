// Package wire speaks SMTP as lines on one connection: commands out, replies
// in, every byte bounded and every line redacted before it is recorded. It
// knows the grammar of RFC 5321 and nothing of what replies mean. For the
// engine, which asks the questions.
package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// Line is one line of the transcript, redacted and cleaned.
type Line struct {
	At   time.Time
	From string // client, server or note
	Text string
}

// Exchange is one command and the reply to it. Argument is shown text: where
// a credential was sent it says so instead.
type Exchange struct {
	Command, Argument string
	Reply             *Reply // nil: none came
	Took              time.Duration
}

// Options are what a Conn needs besides the connection; all may be zero.
type Options struct {
	Redactor *secret.Redactor
	Record   func(Line)     // called for every line in order, by the goroutine that speaks
	Done     func(Exchange) // called for every finished or failed exchange
}

// Conn is one connection. It is used by one goroutine at a time.
type Conn struct {
	net    net.Conn
	br     *bufio.Reader
	opt    Options
	budget int
	open   bool // a 334 was the last reply: AUTH waits for us
	max    int  // octets of a line at this moment
}

// New takes over a connection.
func New(nc net.Conn, opt Options) *Conn {
	c := &Conn{opt: opt, max: MaxLine}
	c.swap(nc)
	c.ResetBudget()
	return c
}

func (c *Conn) swap(nc net.Conn) {
	c.net = nc
	c.br = bufio.NewReaderSize(nc, 4096)
}

// ResetBudget allows another MaxStepBytes to be read; called at the beginning of a step.
func (c *Conn) ResetBudget() { c.budget = MaxStepBytes }

// NetConn gives the connection as it is now (a *tls.Conn after a handshake).
func (c *Conn) NetConn() net.Conn { return c.net }

// Note writes a remark into the transcript.
func (c *Conn) Note(text string) { c.record("note", text) }

func (c *Conn) record(from, text string) {
	if c.opt.Record == nil {
		return
	}
	c.opt.Record(Line{At: time.Now(), From: from, Text: c.shown(text)})
}

// shown is outside text as it may be printed: redacted as it came, cleaned,
// and redacted again, since cleaning may have undone a disguise.
func (c *Conn) shown(text string) string {
	return c.opt.Redactor.Text(secret.Clean(c.opt.Redactor.Text(text)))
}

// bind makes the end of ctx the deadline of the socket: the only place where
// time meets the network. The caller defers what it returns.
func (c *Conn) bind(ctx context.Context) (release func()) {
	deadline, _ := ctx.Deadline()
	_ = c.net.SetDeadline(deadline)
	nc := c.net
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = nc.SetDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-done // it must not end the next command as well
		}
	}
}

// ReadReply reads one whole reply. Errors are *ProtocolError or the network's own.
func (c *Conn) ReadReply(ctx context.Context) (Reply, error) {
	defer c.bind(ctx)()
	return c.readReply()
}

func (c *Conn) readReply() (Reply, error) {
	var r Reply
	for {
		line, err := c.readLine(len(r.raw) > 0)
		if err != nil {
			return r, err
		}
		code, text, more, ok := parseLine(line)
		if !ok {
			return r, c.badLine(line, len(r.raw) > 0)
		}
		c.record("server", line)
		if len(r.raw) > 0 && code != r.Code {
			return r, &ProtocolError{Kind: BadReply, Seen: []byte(line),
				Detail: fmt.Sprintf("a reply that began with %d goes on with %d", r.Code, code)}
		}
		r.Code = code
		r.raw = append(r.raw, text)
		r.Lines = append(r.Lines, strings.TrimRight(c.shown(text), " "))
		if e := enhancedCode(code, text); e != "" {
			r.Enhanced = e
		}
		if !more {
			c.open = code == 334
			return r, nil
		}
		if len(r.raw) >= MaxReplyLines {
			return r, &ProtocolError{Kind: TooMuch, Detail: fmt.Sprintf("the reply has more than %d lines", MaxReplyLines)}
		}
	}
}

// parseLine takes "ddd", "ddd text" and "ddd-text" (RFC 5321 section 4.2).
func parseLine(line string) (code int, text string, more, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, "", false, false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, "", false, true
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, "", false, false
	}
	return code, line[4:], line[3] == '-', true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func (c *Conn) badLine(line string, inside bool) error {
	c.record("server", line)
	if inside || len(line) >= 3 && isDigit(line[0]) && isDigit(line[1]) && isDigit(line[2]) {
		return &ProtocolError{Kind: BadReply, Detail: "the line is no SMTP reply", Seen: []byte(line)}
	}
	return &ProtocolError{Kind: NotSMTP, Detail: "what came is no SMTP reply", Seen: []byte(line)}
}

// readLine reads one line without its end. Another protocol's opening is
// recognised before a line end comes, since it may never come.
func (c *Conn) readLine(inside bool) (string, error) {
	var line []byte
	for {
		b, err := c.br.ReadByte()
		if err != nil {
			return "", c.cutOff(line, inside, err)
		}
		if c.budget--; c.budget < 0 {
			return "", &ProtocolError{Kind: TooMuch, Seen: line,
				Detail: fmt.Sprintf("more than %d octets in one step", MaxStepBytes)}
		}
		if b == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b)
		if len(line) > c.max {
			c.record("server", beginning(c.shown(string(line)))+" ...")
			return "", &ProtocolError{Kind: TooMuch, Seen: line[:c.max],
				Detail: fmt.Sprintf("a line of more than %d octets", c.max)}
		}
		if len(line) == 2 && !inside && isTLSRecord(line) {
			return "", c.foreign(line)
		}
	}
}

// beginning cuts a text that is fit to be shown: not before, as the cut could go
// through a secret and leave a part of it.
func beginning(shown string) string {
	const most = 64
	for n := range shown {
		if n >= most {
			return shown[:n]
		}
	}
	return shown
}

// isTLSRecord knows the first two octets of a TLS alert or handshake (RFC 8446 section 5.1).
func isTLSRecord(b []byte) bool { return (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3 }

// foreign takes what else has come of another protocol, without waiting for more.
func (c *Conn) foreign(line []byte) error {
	n := min(c.br.Buffered(), 512)
	rest, _ := c.br.Peek(n)
	line = append(line, rest...)
	c.record("server", string(line))
	return &ProtocolError{Kind: NotSMTP, Detail: "what came is a TLS record", Seen: line}
}

func (c *Conn) cutOff(line []byte, inside bool, err error) error {
	if len(line) == 0 && !inside {
		return err
	}
	if len(line) > 0 {
		c.record("server", string(line))
	}
	kind := Incomplete
	if !inside && len(line) > 0 && !couldBeReply(line) {
		kind = NotSMTP
	}
	return &ProtocolError{Kind: kind, Detail: "the reply breaks off in its middle", Seen: line, Cause: err}
}

func couldBeReply(line []byte) bool {
	for i := 0; i < len(line) && i < 3; i++ {
		if !isDigit(line[i]) {
			return false
		}
	}
	return true
}

// write sends bytes; shown stands in the transcript in their place.
func (c *Conn) write(raw, shown string) error {
	c.record("client", shown)
	_, err := c.net.Write([]byte(raw + "\r\n"))
	return err
}

// Command sends one command and reads the reply. argument may be "".
func (c *Conn) Command(ctx context.Context, verb, argument string) (Reply, error) {
	line := strings.TrimRight(verb+" "+argument, " ")
	return c.ask(ctx, line, line, verb, argument)
}

// Hidden sends a line that holds a credential: only label is recorded as the
// argument of verb, and the redactor is taught payload before a byte leaves.
// Lines of up to MaxAuthLine octets may come back.
func (c *Conn) Hidden(ctx context.Context, verb, label, prefix, payload string) (Reply, error) {
	c.opt.Redactor.Learn(payload)
	shown := strings.TrimSpace(prefix + label)
	return c.ask(ctx, prefix+payload, shown, verb, strings.TrimSpace(strings.TrimPrefix(shown, verb)))
}

// AuthOpen tells whether the server waits for a line of an AUTH exchange.
func (c *Conn) AuthOpen() bool { return c.open }

// LongLines allows replies of MaxAuthLine octets a line, for the time AUTH takes.
func (c *Conn) LongLines(on bool) {
	c.max = MaxLine
	if on {
		c.max = MaxAuthLine
	}
}

// ErrTwoLines tells that a command would have been two: a line end, or a NUL,
// stood in its argument. Nothing was sent.
var ErrTwoLines = errors.New("a command must be one line")

func isOneLine(raw string) bool { return !strings.ContainsAny(raw, "\r\n\x00") }

func (c *Conn) ask(ctx context.Context, raw, shown, verb, argument string) (Reply, error) {
	if !isOneLine(raw) {
		return Reply{}, ErrTwoLines
	}
	defer c.bind(ctx)()
	begin := time.Now()
	c.open = false
	err := c.write(raw, shown)
	var r Reply
	if err == nil || mayStillRead(err) {
		var readErr error
		r, readErr = c.readReply()
		if err == nil || readErr == nil {
			err = readErr
		}
	}
	c.done(verb, argument, r, err, begin)
	return r, err
}

// mayStillRead: a server that hung up may have said why before it did.
func mayStillRead(err error) bool {
	var timeout net.Error
	return !(errors.As(err, &timeout) && timeout.Timeout())
}

func (c *Conn) done(verb, argument string, r Reply, err error, begin time.Time) {
	if c.opt.Done == nil {
		return
	}
	e := Exchange{Command: verb, Argument: c.opt.Redactor.Text(secret.Clean(argument)), Took: time.Since(begin)}
	if err == nil || len(r.raw) > 0 {
		e.Reply = &r
	}
	c.opt.Done(e)
}

// Ask is one command of a Flight.
type Ask struct{ Verb, Argument string }

// Flight sends several commands at once where the server offers PIPELINING
// (RFC 2920) and reads the replies in order. It gives as many replies as came.
func (c *Conn) Flight(ctx context.Context, asks ...Ask) ([]Reply, error) {
	defer c.bind(ctx)()
	begin := time.Now()
	var raw []string
	for _, a := range asks {
		line := strings.TrimRight(a.Verb+" "+a.Argument, " ")
		if !isOneLine(line) {
			return nil, ErrTwoLines
		}
		raw = append(raw, line+"\r\n")
	}
	for _, line := range raw {
		c.record("client", strings.TrimSuffix(line, "\r\n"))
	}
	if _, err := c.net.Write([]byte(strings.Join(raw, ""))); err != nil && !mayStillRead(err) {
		return nil, err
	}
	var replies []Reply
	for _, a := range asks {
		r, err := c.readReply()
		c.done(a.Verb, a.Argument, r, err, begin)
		if err != nil {
			return replies, err
		}
		replies = append(replies, r)
	}
	return replies, nil
}

// Waiting gives bytes the server sent that nobody asked for and that are
// already buffered; they are not consumed.
func (c *Conn) Waiting() []byte {
	b, _ := c.br.Peek(c.br.Buffered())
	return append([]byte(nil), b...)
}

// Handshake makes the connection a TLS one. The plain one stays in place
// when it fails, so that what was read of it can be looked at.
func (c *Conn) Handshake(ctx context.Context, config *tls.Config) (*tls.Conn, error) {
	defer c.bind(ctx)()
	plain := c.net
	var inner net.Conn = plain
	if c.br.Buffered() > 0 {
		inner = &unread{Conn: plain, first: c.br}
	}
	tc := tls.Client(inner, config)
	if err := tc.HandshakeContext(ctx); err != nil {
		return tc, err
	}
	c.swap(tc)
	c.Note("TLS is on")
	return tc, nil
}

// unread is a connection whose first bytes were read too early.
type unread struct {
	net.Conn
	first *bufio.Reader
}

func (u *unread) Read(p []byte) (int, error) {
	if u.first.Buffered() > 0 {
		return u.first.Read(p)
	}
	return u.Conn.Read(p)
}

// Quit says QUIT and closes after the reply or when ctx ends; an AUTH that is
// open is cancelled first (RFC 4954 section 4). It never fails: the visit is over.
func (c *Conn) Quit(ctx context.Context) {
	c.SayQuit(ctx)
	c.AwaitBye(ctx)
}

// SayQuit only writes QUIT, so that the verdict need not wait for 221.
func (c *Conn) SayQuit(ctx context.Context) {
	defer c.bind(ctx)()
	raw := "QUIT\r\n"
	if c.open {
		c.record("client", "*")
		raw = "*\r\n" + raw
		c.open = false
	}
	c.record("client", "QUIT")
	_, _ = c.net.Write([]byte(raw))
}

// AwaitBye reads what the server says to QUIT, then closes.
func (c *Conn) AwaitBye(ctx context.Context) {
	defer c.net.Close()
	defer c.bind(ctx)()
	c.ResetBudget()
	for range 4 {
		r, err := c.readReply()
		if err != nil || r.Code == 221 {
			return
		}
	}
}

// Close ends the connection without a word.
func (c *Conn) Close() { _ = c.net.Close() }

// IsIdle tells whether the server still holds the connection and has said
// nothing unasked (a 421, an end): the state in which a command may be sent.
func (c *Conn) IsIdle() bool {
	if c.br.Buffered() > 0 {
		return false
	}
	_ = c.net.SetReadDeadline(time.Now().Add(time.Millisecond))
	defer c.net.SetReadDeadline(time.Time{})
	_, err := c.br.Peek(1)
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
