package smtptest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// judge remembers what clients did wrong, over all connections.
type judge struct {
	violations []string
	seen       map[[32]byte]bool // credentials that were answered, as hashes
}

const maxViolations = 200

func newJudge() judge { return judge{seen: map[[32]byte]bool{}} }

func (s *Server) violateLocked(id int, what string) {
	if len(s.judge.violations) < maxViolations {
		s.judge.violations = append(s.judge.violations, fmt.Sprintf("connection %d: %s", id, printable(what)))
	}
	s.logLocked(id, "!!", what)
}

func (c *session) violate(format string, args ...any) {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.violateLocked(c.id, fmt.Sprintf(format, args...))
}

// judgeLogin looks whether a login may happen here at all.
func (c *session) judgeLogin(mechanism string, line string) {
	settings := c.server.dialogue.Settings
	switch {
	case c.encrypted == nil && !settings.AllowPlaintextAuth:
		c.violate("AUTH %s on an unencrypted line", mechanism)
	case c.encrypted != nil && isBadCertificate(c.script.certificate) && !settings.Insecure:
		c.violate("AUTH %s after a bad certificate (%s)", mechanism, c.script.certificate)
	}
	switch {
	case len(line)+2 > 512:
		c.violate("AUTH %s with its initial response has %d octets; 512 are the limit", mechanism, len(line)+2)
	case c.authed:
		c.violate("AUTH after a login that succeeded")
	case c.mail:
		c.violate("AUTH within a mail transaction")
	}
}

// judgeCredentials looks whether the same ones come again after an answer.
func (c *session) judgeCredentials(account, secret string) {
	if account == "" && secret == "" {
		return
	}
	c.credential = sha256.Sum256([]byte(account + "\x00" + secret))
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if c.server.judge.seen[c.credential] {
		c.server.violateLocked(c.id, "AUTH a second time with the same credentials")
	}
}

// answeredLogin remembers credentials that the server has decided about. A
// reply that speaks of the mechanism decides nothing.
func (c *session) answeredLogin() {
	if c.credential == ([32]byte{}) || c.reply.code == 504 || strings.Contains(strings.ToLower(c.reply.text), "mechanism") {
		return
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.judge.seen[c.credential] = true
}

// probesTooEarly tells that TLS was tried before the greeting on a port where
// it is not due, or not before the time for a greeting is over.
func (c *session) probesTooEarly() bool {
	settings := c.server.dialogue.Settings
	if settings.Encryption == "ssl" || !c.script.forbidsEarlyBytes {
		return false
	}
	limit, err := time.ParseDuration(settings.Timeout)
	if err != nil {
		limit = 30 * time.Second
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return time.Since(c.server.began) < limit-100*time.Millisecond
}

// judgeEnd looks at how the client left.
func (c *session) judgeEnd() {
	switch {
	case c.owesReset:
		c.violate("left a transaction open after RCPT; RSET is missing")
	}
	if c.owesQuit && !c.isProbe() {
		c.violate("hung up without QUIT")
	}
}

// isProbe tells that the client only looked whether TLS answers here, or left
// because of the certificate: it may not have read the greeting at all.
func (c *session) isProbe() bool {
	if c.script.listen != "tls" || c.commands > 0 {
		return false
	}
	return c.server.dialogue.Settings.Encryption != "ssl" || isBadCertificate(c.script.certificate)
}

// judgeOffered objects to parameters of an extension that is not offered.
func (c *session) judgeOffered(keyword, parameters string, beginnings ...string) {
	for _, p := range strings.Fields(strings.ToUpper(parameters)) {
		for _, b := range beginnings {
			if strings.HasPrefix(p, b) && !c.offersNow(keyword) {
				c.violate("%s, and %s is not offered", b, keyword)
			}
		}
	}
}

func (c *session) offersNow(keyword string) bool {
	return slices.ContainsFunc(c.script.offered(c.encrypted != nil), func(line string) bool {
		word, _, _ := strings.Cut(line, " ")
		return strings.EqualFold(word, keyword)
	})
}

// longestLine is what a line of a message may have, without its end (RFC 5322 section 2.1.1).
const longestLine = 998

// judgeMessage looks at what came after DATA.
func (c *session) judgeMessage(message []byte) {
	header, _, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	fields := strings.ToLower("\r\n" + string(header))
	for _, name := range []string{"from", "to", "date", "message-id", "subject"} {
		if n := strings.Count(fields, "\r\n"+name+":"); n != 1 {
			c.violate("the message has the field %s %d times", name, n)
		}
	}
	for line := range bytes.Lines(message) {
		if len(line)-2 > longestLine {
			c.violate("a line of %d octets in the message; %d are the limit", len(line)-2, longestLine)
			break
		}
	}
	if bytes.ContainsAny(message, "\x00") {
		c.violate("a NUL in the message")
	}
	if !isASCII(string(message)) && !slices.Contains(c.parameters, "BODY=8BITMIME") {
		c.violate("octets beyond ASCII without BODY=8BITMIME")
	}
	c.judgeSize(len(message))
}

// judgeSize holds the message against the limit that was offered, and against
// what MAIL said (RFC 1870 section 6.1: an estimate will do).
func (c *session) judgeSize(size int) {
	for _, line := range c.script.offered(c.encrypted != nil) {
		if limit, err := strconv.Atoi(strings.TrimPrefix(line, "SIZE ")); err == nil && limit > 0 && size > limit {
			c.violate("a message of %d octets; SIZE says %d", size, limit)
		}
	}
	for _, p := range c.parameters {
		if said, err := strconv.Atoi(strings.TrimPrefix(p, "SIZE=")); err == nil && said < size {
			c.violate("MAIL said SIZE=%d and the message has %d octets", said, size)
		}
	}
}
