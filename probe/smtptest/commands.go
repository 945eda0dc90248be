package smtptest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// command does what one line of the client asks for.
func (c *session) command(line string) error {
	c.commands++
	c.line = line
	verb, rest, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	c.logCommand(verb, rest, line)
	if c.turnedAway && verb != "QUIT" {
		return c.say("503 5.5.1 Service refused; only QUIT is possible")
	}
	switch verb {
	case "EHLO", "HELO":
		return c.hello(verb, rest)
	case "STARTTLS":
		return c.starttls()
	case "AUTH":
		return c.login(rest)
	case "MAIL":
		return c.sender(rest)
	case "RCPT":
		return c.recipient(rest)
	case "DATA":
		return c.data()
	case "RSET":
		c.forget()
		return c.say("250 2.0.0 Ok", "RSET")
	case "NOOP":
		return c.say("250 2.0.0 Ok", "NOOP")
	case "VRFY":
		return c.say("252 2.0.0 send some mail, I'll try my best")
	case "QUIT":
		return c.quit()
	}
	c.violate("%s is no command", shownVerb(verb))
	return c.say("500 5.5.2 Error: command not recognized", "unknown")
}

// logCommand shows a line as far as it cannot hold a credential.
func (c *session) logCommand(verb, rest, line string) {
	switch verb {
	case "EHLO", "HELO", "STARTTLS", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "VRFY", "QUIT":
		c.server.log(c.id, "C:", line)
	case "AUTH":
		mechanism, initial, _ := strings.Cut(rest, " ")
		if initial != "" {
			initial = " (hidden, " + fmt.Sprint(len(initial)) + " octets)"
		}
		c.server.log(c.id, "C:", "AUTH "+shownVerb(mechanism)+initial)
	default:
		c.server.log(c.id, "C:", shownVerb(verb))
	}
}

// shownVerb gives a word back only if it can be no credential.
func shownVerb(word string) string {
	upper := strings.ToUpper(word)
	if slices.Contains(mechanismNames, upper) || slices.Contains(otherVerbs, upper) {
		return upper
	}
	return fmt.Sprintf("(a word of %d octets)", len(word))
}

var otherVerbs = []string{"*", "HELP", "EXPN", "ETRN", "BDAT", "BURL", "TURN", "LHLO", "GET", "POST"}

func (c *session) hello(verb, name string) error {
	c.helo = strings.TrimSpace(name)
	if c.helo == "" {
		c.violate("%s without a name", verb)
	}
	c.forget()
	err := c.sayHello(verb)
	c.knows = c.reply.code == 250
	return err
}

func (c *session) sayHello(verb string) error {
	if actions, ok := c.script.find(c.encrypted != nil, verb+" <"+c.helo+">", verb); ok {
		return c.run(actions)
	}
	lines := []string{c.script.hello}
	if verb == "EHLO" {
		lines = append(lines, c.script.offered(c.encrypted != nil)...)
	}
	var actions []action
	for i, l := range lines {
		sign := "-"
		if i == len(lines)-1 {
			sign = " "
		}
		actions = append(actions, action{verb: "line", text: "250" + sign + l})
	}
	return c.run(actions)
}

func (c *session) starttls() error {
	switch {
	case c.encrypted != nil:
		c.violate("STARTTLS within TLS")
		return c.say("503 5.5.1 Error: TLS already active")
	case !c.knows:
		c.violate("STARTTLS before EHLO")
	case c.mail:
		c.violate("STARTTLS within a mail transaction")
	}
	if n := c.in.Buffered(); n > 0 {
		c.violate("%d bytes sent after STARTTLS without waiting for its reply", n)
		// What came before the handshake must not count after it.
		_, _ = c.in.Discard(n)
	}
	_, own := c.script.find(false, "STARTTLS")
	if !own && !slices.Contains(c.script.offered(false), "STARTTLS") {
		c.violate("STARTTLS, which is not offered")
		return c.say("502 5.5.1 Error: command not implemented")
	}
	if err := c.say("220 2.0.0 Ready to start TLS", "STARTTLS"); err != nil {
		return err
	}
	if c.encrypted != nil || c.reply.code != 220 {
		return nil
	}
	return c.handshake()
}

func (c *session) sender(rest string) error {
	address, parameters := c.path("MAIL", "FROM:", rest)
	c.from, c.to = address, ""
	switch {
	case !c.knows:
		c.violate("MAIL before EHLO")
		return c.say("503 5.5.1 Error: send HELO/EHLO first")
	case c.mail:
		c.violate("MAIL within a mail transaction")
		return c.say("503 5.5.1 Error: nested MAIL command")
	}
	c.asked, c.parameters = true, strings.Fields(strings.ToUpper(parameters))
	c.judgeOffered("SIZE", parameters, "SIZE=")
	c.judgeOffered("8BITMIME", parameters, "BODY=8BITMIME")
	c.judgeOffered("DSN", parameters, "RET=", "ENVID=")
	err := c.judgeSender(address, parameters)
	c.mail = c.reply.code/100 == 2
	return err
}

func (c *session) judgeSender(address, parameters string) error {
	utf8 := slices.Contains(strings.Fields(strings.ToUpper(parameters)), "SMTPUTF8")
	offered := slices.Contains(c.script.offered(c.encrypted != nil), "SMTPUTF8")
	switch {
	case c.script.requiresEncryption && c.encrypted == nil:
		return c.say("530 5.7.0 Must issue a STARTTLS command first", "MAIL without TLS")
	case c.script.requiresLogin && !c.authed:
		return c.say("530 5.7.0 Authentication required", "MAIL without login")
	case utf8 && !offered:
		c.violate("SMTPUTF8, which is not offered")
		return c.say("555 5.5.4 Unsupported option: SMTPUTF8")
	case !isASCII(address) && !utf8:
		c.violate("an address beyond ASCII without SMTPUTF8")
		return c.say("553 5.6.7 Must declare SMTPUTF8 to send unicode address")
	}
	return c.say("250 2.1.0 Ok", "MAIL <"+address+">", "MAIL")
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 126 }) }

func (c *session) recipient(rest string) error {
	address, parameters := c.path("RCPT", "TO:", rest)
	c.to = address
	if !c.mail {
		if !c.asked {
			c.violate("RCPT before MAIL")
		}
		return c.say("503 5.5.1 Error: need MAIL command")
	}
	c.owesReset = true
	c.judgeOffered("DSN", parameters, "NOTIFY=", "ORCPT=")
	err := c.say("250 2.1.5 Ok", "RCPT <"+address+">", "RCPT from <"+c.from+">", "RCPT")
	if c.reply.code/100 == 2 {
		c.rcpt, c.accepted = true, append(c.accepted, address)
	}
	return err
}

// path takes "FROM:<a@b> PARAMETERS" apart (RFC 5321 section 4.1.2).
func (c *session) path(verb, prefix, rest string) (address, parameters string) {
	if len(rest) < len(prefix) || !strings.EqualFold(rest[:len(prefix)], prefix) {
		c.violate("%s without %s", verb, prefix)
		return "", ""
	}
	rest = rest[len(prefix):]
	trimmed := strings.TrimLeft(rest, " ")
	if trimmed != rest {
		c.violate("a blank after %s %s", verb, prefix)
	}
	inner, after, closed := strings.Cut(strings.TrimPrefix(trimmed, "<"), ">")
	if !closed || !strings.HasPrefix(trimmed, "<") {
		c.violate("%s %s without angle brackets", verb, prefix)
		address, parameters, _ = strings.Cut(trimmed, " ")
		return strings.Trim(address, "<>"), parameters
	}
	return inner, strings.TrimSpace(after)
}

// data takes a message, and throws it away where nobody wants it.
func (c *session) data() error {
	o := c.server.options
	if !o.AllowMessage && o.Deliver == nil && !c.server.dialogue.Sends() {
		c.violate("DATA: a check sends no message")
	}
	if !c.rcpt {
		return c.say("503 5.5.1 Error: need RCPT command")
	}
	if err := c.say("354 End data with <CR><LF>.<CR><LF>", "DATA"); err != nil || c.reply.code != 354 {
		c.rcpt = false
		return err
	}
	c.owesReset = false
	var message bytes.Buffer
	for message.Len() < maxMessage {
		line, err := c.readLine()
		if err != nil {
			c.server.log(c.id, "--", "the message breaks off")
			return err
		}
		if line == "." {
			return c.took(message.Bytes())
		}
		message.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
	}
	return c.say("552 5.3.4 Message too big")
}

// took answers a whole message.
func (c *session) took(message []byte) error {
	c.judgeMessage(message)
	c.server.log(c.id, "C:", fmt.Sprintf("(a message of %d octets)", len(message)))
	mail := Mail{From: c.from, To: c.accepted, Data: message, Account: c.account, ReceivedAs: fmt.Sprintf("4LAB%04d", c.id)}
	otherwise := "250 2.0.0 Ok: thrown away as {id}; this server delivers nothing"
	if c.server.options.Deliver != nil {
		otherwise = "250 2.0.0 Ok: queued as {id}"
	}
	_, own := c.script.find(c.encrypted != nil, "message")
	if c.server.options.Deliver != nil && !own {
		c.server.options.Deliver(mail)
	}
	err := c.say(otherwise, "message")
	c.forget()
	return err
}

// forget ends a mail transaction.
func (c *session) forget() {
	c.asked, c.mail, c.rcpt, c.owesReset = false, false, false, false
	c.from, c.to, c.accepted, c.parameters = "", "", nil, nil
}

func (c *session) quit() error {
	c.owesQuit = false
	c.judgeEnd()
	if err := c.say("221 2.0.0 Bye", "QUIT"); err != nil {
		return err
	}
	return errOver
}
