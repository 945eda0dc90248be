package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// session is one connection and what was said on it. One goroutine uses it.
type session struct {
	server  *Server
	id      int
	address string
	script  *script
	raw     net.Conn      // below TLS: deadlines and resets go here
	conn    net.Conn      // raw, or TLS over it
	in      *bufio.Reader // of conn
	out     bytes.Buffer  // replies not sent yet

	encrypted  *tls.ConnectionState // nil before TLS
	helo       string
	from, to   string
	accepted   []string // recipients of the transaction
	parameters []string // of MAIL, in capitals
	line       string   // last command or answer of the client
	reply      reply    // that was sent last
	account    string   // as the client gave them, to be echoed
	password   string
	credential [32]byte // hash of both

	commands      int
	greeted       bool // the greeting, or what stands in its place, is out
	turnedAway    bool // the greeting refused service
	knows         bool // EHLO or HELO was accepted, since TLS where there is any
	asked         bool // MAIL was sent, accepted or not
	mail, rcpt    bool // a transaction is open, has a recipient
	authed        bool
	owesQuit      bool // a greeting was sent, and nothing since that excuses hanging up
	owesReset     bool
	hasNoFarewell bool // the connection was reset
}

// reply is the code and the text of what was sent last.
type reply struct {
	code int
	text string
}

var (
	errHungUp = errors.New("the client hung up")
	errOver   = errors.New("the server ends the conversation")
)

func newSession(s *Server, id int, address string, conn net.Conn) *session {
	c := &session{server: s, id: id, address: address, script: s.script(address), raw: conn, conn: conn}
	c.in = bufio.NewReader(conn)
	return c
}

// converse goes from the first byte to the last and judges how it ended.
func (c *session) converse() {
	err := c.conversation()
	if flushed := c.flush(); err == nil {
		err = flushed
	}
	if errors.Is(err, errHungUp) {
		c.server.log(c.id, "--", "the client hung up")
		c.judgeEnd()
	}
}

func (c *session) conversation() error {
	if c.script.tcp == "reset" {
		return c.resetSoon()
	}
	if c.script.listen == "tls" {
		if err := c.handshake(); err != nil {
			return err
		}
	}
	if err := c.greet(); err != nil {
		return err
	}
	for {
		line, err := c.readLine()
		if err != nil {
			return err
		}
		if c.commands == 0 && c.encrypted == nil && isHello(line) {
			return c.meetHello()
		}
		if err := c.command(line); err != nil {
			return err
		}
	}
}

// resetSoon lets the client's connect succeed before it resets.
func (c *session) resetSoon() error {
	if err := c.wait(50 * time.Millisecond); err != nil {
		return err
	}
	return c.abort()
}

// isHello tells a TLS handshake record from a command (RFC 8446 section 5.1).
func isHello(line string) bool { return len(line) > 1 && line[0] == 0x16 && line[1] == 3 }

// meetHello is what a server that knows no implicit TLS makes of it: a broken command.
func (c *session) meetHello() error {
	c.server.log(c.id, "C:", "(a TLS handshake record)")
	if c.id == 1 && c.server.dialogue.Settings.Encryption != "ssl" {
		c.violate("TLS in place of the first command")
	}
	c.excuse()
	c.put("500 5.5.2 Error: bad syntax")
	if err := c.flush(); err != nil {
		return err
	}
	return c.stall()
}

// greet says the greeting, or what stands in its place.
func (c *session) greet() error {
	actions, _ := c.script.find(c.encrypted != nil, "greeting")
	c.owesQuit = true
	err := c.run(actions)
	c.greeted = true
	if c.reply.code/100 != 2 && c.reply.code != 554 {
		c.owesQuit = false
	}
	c.turnedAway = c.reply.code == 554
	return err
}

// say answers with the first event that there is, or with the given line.
func (c *session) say(otherwise string, events ...string) error {
	if actions, ok := c.script.find(c.encrypted != nil, events...); ok {
		return c.run(actions)
	}
	return c.run([]action{{verb: "line", text: otherwise}})
}

// readLine reads a line of the client, and sends what it may be waiting for.
func (c *session) readLine() (string, error) {
	waiting, _ := c.in.Peek(c.in.Buffered()) // as many as there are cannot fail
	if !bytes.ContainsRune(waiting, '\n') {
		if err := c.flush(); err != nil {
			return "", err
		}
	}
	c.setReadDeadline(time.Now().Add(patience))
	var line []byte
	for {
		part, err := c.in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			c.violate("a line of more than %d octets", maxLine)
			return "", errOver
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return strings.TrimRight(string(line), "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case isTimeout(err) && !c.server.isClosed():
			c.put("421 4.4.2 {name} Error: timeout exceeded")
			c.excuse()
			return "", errOver
		}
		if len(line) > 0 && !isTimeout(err) {
			c.violate("hung up in the middle of a line")
		}
		return "", c.broken(err)
	}
}

// broken tells the client's end from the server's. A client that refuses our
// certificate by an alert owes nothing more.
func (c *session) broken(err error) error {
	if isTimeout(err) || errors.Is(err, net.ErrClosed) {
		return errOver
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		c.server.log(c.id, "--", err.Error())
		c.excuse()
	}
	return errHungUp
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

func (c *session) flush() error {
	if c.out.Len() == 0 {
		return nil
	}
	defer c.out.Reset()
	return c.write(c.out.Bytes())
}

func (c *session) write(b []byte) error {
	c.setWriteDeadline(time.Now().Add(30 * time.Second))
	if _, err := c.conn.Write(b); err != nil {
		return c.broken(err)
	}
	return nil
}

// hangUp closes in a way that lets the client read what was sent last: with
// bytes of the client's unread, closing would be a reset.
func (c *session) hangUp() {
	defer c.raw.Close()
	tcp, ok := c.raw.(*net.TCPConn)
	if !ok || c.hasNoFarewell {
		return
	}
	if secured, ok := c.conn.(*tls.Conn); ok {
		c.setWriteDeadline(time.Now().Add(time.Second))
		_ = secured.CloseWrite() // a courtesy
	}
	if tcp.CloseWrite() != nil {
		return
	}
	c.setReadDeadline(time.Now().Add(time.Second))
	_, _ = io.CopyN(io.Discard, tcp, 1<<20) // until the client closes, too
}

// The last word on deadlines is the server's, which may be shutting off.
func (c *session) setReadDeadline(t time.Time) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if !c.server.closed {
		_ = c.raw.SetReadDeadline(t) // fails on closed connections only, as the read will
	}
}

func (c *session) setWriteDeadline(t time.Time) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if !c.server.closed {
		_ = c.raw.SetWriteDeadline(t)
	}
}
