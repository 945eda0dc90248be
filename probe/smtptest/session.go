package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
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
	line       string // last command or answer of the client
	reply      reply  // that was sent last
	account    string // as the client gave them, to be echoed
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

// run does what an event says. A 421 closes, as the standard has it.
func (c *session) run(actions []action) error {
	c.reply = reply{}
	for _, a := range actions {
		if err := c.do(a); err != nil {
			return err
		}
	}
	if c.reply.code == 421 {
		c.owesQuit, c.owesReset = false, false
		return errOver
	}
	return nil
}

func (c *session) do(a action) error {
	switch a.verb {
	case "line":
		c.put(a.text)
		return nil
	case "say":
		c.excuse()
		c.put(a.text)
		return nil
	}
	if err := c.flush(); err != nil {
		return err
	}
	if a.verb != "wait" && a.verb != "tls" {
		c.excuse()
	}
	switch a.verb {
	case "raw":
		c.server.log(c.id, "S:", a.text)
		c.reply = replyOf(a.text)
		return c.write([]byte(a.text))
	case "wait":
		return c.wait(a.wait)
	case "await":
		return c.await(a.wait)
	case "stall":
		return c.stall()
	case "flood":
		return c.flood(a.text)
	case "tls":
		return c.handshake()
	case "alert":
		return c.alert(a.code)
	case "reset":
		return c.abort()
	}
	return errOver // close
}

// excuse lets the client hang up from now on: what it meets is no SMTP.
func (c *session) excuse() { c.owesQuit, c.owesReset = false, false }

// put writes a line of a reply. The log shows the line of the dialogue where
// filling it in would show a credential.
func (c *session) put(text string) {
	full := c.fill(text, c.everything())
	if r := replyOf(full); r.code != 0 {
		c.reply.code = r.code
		c.reply.text += r.text + "\n"
	}
	c.server.log(c.id, "S:", c.fill(text, c.harmless()))
	c.out.WriteString(full + "\r\n")
}

func replyOf(text string) reply {
	if !replies(text) {
		return reply{}
	}
	return reply{code: int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0'), text: strings.TrimSpace(text[3:])}
}

// harmless are the words in braces that a log may show.
func (c *session) harmless() []string {
	client := "127.0.0.1"
	if host, _, err := net.SplitHostPort(c.raw.RemoteAddr().String()); err == nil {
		client = host
	}
	return []string{"{name}", c.script.name, "{client}", client, "{helo}", c.helo, "{from}", c.from, "{to}", c.to,
		"{id}", fmt.Sprintf("4LAB%04d", c.id)}
}

// everything adds what the client sent as credentials, for servers that echo.
func (c *session) everything() []string {
	return append(c.harmless(),
		"{line}", c.line, "{account}", c.account, "{password}", c.password,
		"{line base64}", base64.StdEncoding.EncodeToString([]byte(c.line)),
		"{account base64}", base64.StdEncoding.EncodeToString([]byte(c.account)),
		"{password base64}", base64.StdEncoding.EncodeToString([]byte(c.password)))
}

// fill puts values for the words in braces. Nothing that a client sent can end
// the line.
func (c *session) fill(text string, words []string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	return oneLine.Replace(strings.NewReplacer(words...).Replace(text))
}

var oneLine = strings.NewReplacer("\r", " ", "\n", " ")

// wait is silent for a while; the client may hang up in it.
func (c *session) wait(d time.Duration) error {
	end := time.Now().Add(d)
	c.setReadDeadline(end)
	if _, err := c.in.Peek(1); err != nil {
		if isTimeout(err) && !c.server.isClosed() {
			return nil
		}
		c.excuse()
		return c.broken(err)
	}
	c.judgeEarly()
	return c.sleepUntil(end)
}

func (c *session) sleepUntil(end time.Time) error {
	t := time.NewTimer(time.Until(end))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.server.ctx.Done():
		return errOver
	}
}

// await is silent until the client says something, or the time is over.
func (c *session) await(d time.Duration) error {
	c.setReadDeadline(time.Now().Add(d))
	if _, err := c.in.Peek(1); err != nil && !isTimeout(err) {
		return c.broken(err)
	}
	c.judgeEarly()
	return nil
}

// stall says nothing more and reads until the client has had enough.
func (c *session) stall() error {
	c.server.log(c.id, "--", "says nothing more")
	c.setReadDeadline(time.Now().Add(patience))
	for first := true; ; first = false {
		if _, err := c.in.Peek(1); err != nil {
			return c.broken(err)
		}
		if first {
			c.judgeEarly()
		}
		if _, err := c.in.Discard(c.in.Buffered()); err != nil {
			return c.broken(err)
		}
	}
}

// judgeEarly looks at bytes that came before the greeting was sent.
func (c *session) judgeEarly() {
	n := c.in.Buffered()
	if n == 0 || c.greeted || c.encrypted != nil {
		return
	}
	first, err := c.in.Peek(1)
	if err != nil {
		return
	}
	asked := c.server.dialogue.Settings.Encryption == "ssl"
	isProbe := first[0] == 0x16 && (c.id > 1 || asked)
	if !isProbe || c.probesTooEarly() {
		c.violate("%d bytes before the greeting", n)
	}
}

// flood repeats itself until the client hangs up or 64 MiB are out.
func (c *session) flood(text string) error {
	c.server.log(c.id, "S:", text+" (again and again)")
	block := []byte(strings.Repeat(text, 1+16<<10/len(text)))
	for sent := 0; sent < maxFlood; sent += len(block) {
		if err := c.write(block); err != nil {
			return err
		}
	}
	return errOver
}

// alert answers a ClientHello, or whatever came, with a fatal TLS alert (RFC 8446 section 6).
func (c *session) alert(code byte) error {
	if err := c.await(10 * time.Second); err != nil {
		return err
	}
	c.server.log(c.id, "S:", fmt.Sprintf("TLS alert %d", code))
	if err := c.write([]byte{0x15, 3, 3, 0, 2, 2, code}); err != nil {
		return err
	}
	return errOver
}

// abort resets the connection.
func (c *session) abort() error {
	c.server.log(c.id, "--", "reset")
	if tcp, ok := c.raw.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it is closed, which is the next best
	}
	c.hasNoFarewell = true
	c.raw.Close()
	return errOver
}

// handshake starts TLS, or does what the dialogue has in its place.
func (c *session) handshake() error {
	if actions, ok := c.script.find(false, "handshake"); ok {
		c.excuse()
		if err := c.run(actions); err != nil {
			return err
		}
		return errOver
	}
	if err := c.flush(); err != nil {
		return err
	}
	if err := c.expectHello(); err != nil {
		return err
	}
	config, err := c.script.tlsConfig(c.server.ca)
	if err != nil {
		c.server.log(c.id, "--", err.Error())
		return errOver
	}
	secured := tls.Server(&buffered{Conn: c.raw, in: c.in}, config)
	if err := secured.HandshakeContext(c.server.ctx); err != nil {
		c.excuse()
		c.server.log(c.id, "--", "TLS handshake failed: "+err.Error())
		return errOver
	}
	state := secured.ConnectionState()
	c.server.log(c.id, "--", fmt.Sprintf("%s, certificate %s", tls.VersionName(state.Version), c.script.certificate))
	c.conn, c.encrypted = secured, &state
	c.in = bufio.NewReader(secured)
	c.knows, c.asked, c.mail, c.rcpt = false, false, false, false
	return nil
}

// expectHello waits for the client's first record and looks whether it is one.
func (c *session) expectHello() error {
	c.setReadDeadline(time.Now().Add(patience))
	first, err := c.in.Peek(1)
	if err != nil {
		c.excuse()
		return c.broken(err)
	}
	switch {
	case first[0] != 0x16 && !c.greeted:
		c.violate("bytes before the greeting, on a port where TLS comes first")
	case !c.greeted && c.probesTooEarly():
		c.violate("TLS before the time for the greeting was over")
	}
	if first[0] != 0x16 {
		c.server.log(c.id, "--", "what came is no TLS")
		c.excuse()
		return errOver
	}
	c.setReadDeadline(time.Now().Add(30 * time.Second))
	return nil
}

// buffered is a connection whose first bytes were looked at already.
type buffered struct {
	net.Conn
	in *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

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
