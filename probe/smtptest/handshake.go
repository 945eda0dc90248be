package smtptest

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

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
