package smtptest

import (
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"time"
)

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
