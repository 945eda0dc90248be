package smtptest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parse reads a dialogue. Errors name file, line and what is wrong with it.
func Parse(name string, text []byte) (Dialogue, error) {
	p := &parser{d: Dialogue{Name: name, Text: string(text)}}
	p.base = &script{name: "mail.acme.example", hello: "{name}", certificate: "good", iterations: 4096, events: map[string][]action{}}
	if err := p.parse(name+".txt", text); err != nil {
		return Dialogue{}, err
	}
	if err := p.finish(); err != nil {
		return Dialogue{}, fmt.Errorf("%s.txt: %w", name, err)
	}
	return p.d, nil
}

type parser struct {
	d      Dialogue
	base   *script                 // of the dialogue
	now    *script                 // that the next lines belong to
	block  func(line string) error // takes the indented lines of a block
	more   *string                 // value that an indented line goes on with
	said   map[string]bool
	own    bool // something of the server was said, after which "make" comes too late
	making bool // reading a make
	lanes  []lane
}

func (p *parser) parse(file string, text []byte) error {
	p.now = p.base
	p.said = map[string]bool{}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	for i, line := range strings.Split(string(text), "\n") {
		if err := p.line(strings.TrimRight(line, " \t\r")); err != nil {
			return fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	return nil
}

func (p *parser) line(line string) error {
	switch {
	case line == "" || line[0] == '#':
		return nil
	case line[0] == ' ' || line[0] == '\t':
		return p.indented(strings.TrimLeft(line, " \t"))
	}
	p.block, p.more = nil, nil
	if key, value, ok := strings.Cut(line, ":"); ok && isKey(key) {
		return p.key(key, strings.TrimSpace(value))
	}
	return p.begin(line)
}

func (p *parser) indented(line string) error {
	switch {
	case p.more != nil:
		*p.more += " " + line
		return nil
	case p.block != nil:
		return p.block(line)
	}
	return fmt.Errorf("an indented line belongs to an event or to a long value, and there is none")
}

// begin opens a block: an address, the names, or an event.
func (p *parser) begin(line string) error {
	switch {
	case strings.HasPrefix(line, "on "):
		p.now = p.base.clone()
		p.said = map[string]bool{}
		p.lanes = append(p.lanes, lane{address: strings.TrimSpace(line[3:]), script: p.now})
		return nil
	case line == "dns":
		p.block = p.record
		return nil
	}
	event := strings.ToLower(strings.Join(strings.Fields(line), " "))
	if !isEvent(event) {
		return fmt.Errorf("%q is neither a setting nor an event", line)
	}
	if p.said["event "+event] {
		return fmt.Errorf("%q stands here twice", line)
	}
	p.said["event "+event] = true
	script := p.now
	script.events[event] = []action{}
	p.block = func(line string) error {
		a, err := parseAction(line)
		script.events[event] = append(script.events[event], a)
		return err
	}
	return nil
}

// isEvent knows the first word of every event, and the ends of some.
func isEvent(event string) bool {
	event = strings.TrimSuffix(strings.TrimSuffix(event, " over tls"), " in clear")
	verb, rest, _ := strings.Cut(event, " ")
	switch verb {
	case "ehlo", "helo":
		return rest == "" || isPath(rest)
	case "greeting", "starttls", "handshake", "data", "message", "rset", "quit", "noop", "unknown":
		return rest == ""
	case "mail":
		return rest == "" || rest == "without tls" || rest == "without login" || isPath(rest)
	case "rcpt":
		return rest == "" || isPath(strings.TrimPrefix(rest, "from "))
	case "auth":
		return isLoginEvent(rest)
	}
	return false
}

// isLoginEvent knows what can follow AUTH: a mechanism, a moment of the login, or both.
func isLoginEvent(rest string) bool {
	if rest == "" || rest == "without tls" || slices.Contains(moments, rest) {
		return true
	}
	mechanism, moment, both := strings.Cut(rest, " ")
	return slices.Contains(mechanismNames, strings.ToUpper(mechanism)) && (!both || slices.Contains(moments, moment))
}

// moments of a login: the client has answered, the answer is right, the answer is wrong.
var moments = []string{"answered", "accepted", "refused"}

// mechanismNames are those that a dialogue can name, known here or not.
var mechanismNames = []string{"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
	"SCRAM-SHA-256-PLUS", "XOAUTH2", "OAUTHBEARER", "NTLM", "GSSAPI"}

func isPath(s string) bool { return strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") }

func parseAction(line string) (action, error) {
	if replies(line) {
		return action{verb: "line", text: line}, nil
	}
	verb, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch verb {
	case "say":
		return action{verb: verb, text: rest}, nil
	case "raw", "flood":
		text, err := strconv.Unquote(rest)
		if err != nil || text == "" {
			return action{}, fmt.Errorf("%s wants bytes in quotes, as in \"220 half\"", verb)
		}
		return action{verb: verb, text: text}, nil
	case "wait", "await":
		d, err := time.ParseDuration(rest)
		if err != nil || d <= 0 || d > 10*time.Minute {
			return action{}, fmt.Errorf("%s wants a time of at most 10m, as in 2s", verb)
		}
		return action{verb: verb, wait: d}, nil
	case "alert":
		n, err := strconv.ParseUint(rest, 10, 8)
		if err != nil {
			return action{}, fmt.Errorf("alert wants the number of a TLS alert, as in 40")
		}
		return action{verb: verb, code: byte(n)}, nil
	case "stall", "close", "reset", "tls":
		if rest == "" {
			return action{verb: verb}, nil
		}
	}
	return action{}, fmt.Errorf("%q is neither a reply nor one of say, raw, wait, await, stall, close, reset, flood, tls, alert", line)
}

// The keys of the first part. Those of the client come first.
var keys = []string{
	"title", "teaches", "make", "expect", "linux_only",
	"host", "encryption", "account", "password", "token", "auth", "from", "to", "helo", "timeout", "until", "wait", "mailbox", "redirect",
	"allow_plaintext_auth", "insecure",
	"tcp", "listen", "name", "hello", "capabilities", "without", "capabilities over TLS", "mechanisms", "mechanisms in clear",
	"certificate", "tls", "ciphers", "client certificate", "server account", "server password", "server token",
	"login prompts", "initial response", "oauth error", "scram", "iterations", "early bytes", "login", "clear text",
}

func isKey(key string) bool { return slices.Contains(keys, key) }

func (p *parser) key(key, value string) error {
	if p.said[key] {
		return fmt.Errorf("%s stands here twice", key)
	}
	p.said[key] = true
	switch {
	case key == "make":
		return p.make(value)
	case p.now == p.base && !p.making:
		if known, err := p.clientKey(key, value); known {
			return err
		}
	}
	p.own = true
	return p.serverKey(key, value)
}

// make begins with what a server of that make does.
func (p *parser) make(value string) error {
	if p.own {
		return fmt.Errorf("make has to stand before what the server does")
	}
	if p.making {
		return fmt.Errorf("a make has no make")
	}
	text, err := files.ReadFile("makes/" + value + ".txt")
	if err != nil {
		return fmt.Errorf("no make %q", value)
	}
	p.d.Make = value
	m := &parser{base: p.base, making: true}
	return m.parse("makes/"+value+".txt", text)
}

func (p *parser) clientKey(key, value string) (known bool, err error) {
	s := &p.d.Settings
	texts := map[string]*string{
		"title": &p.d.Title, "teaches": &p.d.Teaches,
		"host": &s.Host, "encryption": &s.Encryption, "account": &s.Account, "password": &s.Password, "token": &s.Token,
		"auth": &s.Auth, "helo": &s.Helo, "timeout": &s.Timeout, "until": &s.Until, "wait": &s.Wait,
	}
	if t, ok := texts[key]; ok {
		*t, p.more = value, t
		return true, checkClient(key, value)
	}
	switch key {
	case "from":
		s.From = list(value, ",")
	case "to":
		s.To = list(value, ",")
	case "expect":
		return true, p.expect(value)
	case "redirect":
		p.d.redirect, err = parseRedirect(value)
	case "mailbox":
		p.d.mailbox, err = parseArrival(value)
	case "linux_only":
		p.d.LinuxOnly, err = yes(value)
	case "allow_plaintext_auth":
		s.AllowPlaintextAuth, err = yes(value)
	case "insecure":
		s.Insecure, err = yes(value)
	default:
		return false, nil
	}
	return true, err
}

func checkClient(key, value string) error {
	switch key {
	case "encryption":
		return oneOf(value, "starttls", "ssl", "none")
	case "timeout", "wait":
		if d, err := time.ParseDuration(value); err != nil || d <= 0 {
			return fmt.Errorf("%s wants a time, as in 3s", key)
		}
	}
	return nil
}

// expect reads "pass", "warn at STEP: CAUSE" or "fail at STEP: CAUSE".
func (p *parser) expect(value string) error {
	if value == "pass" {
		p.d.Verdict = value
		return nil
	}
	verdict, rest, _ := strings.Cut(value, " at ")
	step, cause, ok := strings.Cut(rest, ": ")
	if !ok || verdict != "warn" && verdict != "fail" || !slices.Contains(stepOrder[1:], step) {
		return fmt.Errorf("expect wants: pass, or: fail at STEP: CAUSE, or: warn at STEP: CAUSE")
	}
	p.d.Verdict, p.d.Step, p.d.Cause = verdict, step, cause
	if verdict == "fail" {
		p.d.ExitCode = exitCode(step)
	}
	return nil
}

func (p *parser) serverKey(key, value string) (err error) {
	s := p.now
	switch key {
	case "tcp":
		s.tcp, err = value, oneOf(value, "refused", "timeout", "reset")
	case "listen":
		s.listen, err = value, oneOf(value, "plain", "tls")
	case "name":
		s.name = value
	case "hello":
		s.hello = value
	case "capabilities":
		s.capabilities, s.without = list(value, ","), nil
	case "without":
		s.without = list(value, ",")
	case "capabilities over TLS":
		s.gone, err = true, oneOf(value, "none")
	case "mechanisms":
		s.mechanisms = words(value)
	case "mechanisms in clear":
		s.inClear = words(value)
	case "certificate":
		s.certificate, err = value, oneOf(value, certificateKinds...)
	case "tls":
		var ok bool
		if s.minTLS, s.maxTLS, ok = tlsVersions(value); !ok {
			return fmt.Errorf("tls wants a version or two, as in 1.2 or 1.0-1.1")
		}
	case "ciphers":
		s.weakCiphers, err = true, oneOf(value, "weak")
	case "client certificate":
		s.clientCertificate, err = value, oneOf(value, "asked", "required")
	case "iterations":
		s.iterations, err = strconv.Atoi(value)
	case "early bytes":
		s.forbidsEarlyBytes, err = true, oneOf(value, "forbidden")
	default:
		return p.loginKey(key, value)
	}
	return err
}

// loginKey reads what the server knows of accounts and how it asks for them.
func (p *parser) loginKey(key, value string) (err error) {
	s := p.now
	switch key {
	case "server account":
		s.account = value
	case "server password":
		s.password = value
	case "server token":
		s.token = value
	case "login prompts":
		if s.barePrompts = value == "bare"; s.barePrompts {
			return nil
		}
		if s.prompts = list(value, "|"); len(s.prompts) != 2 {
			return fmt.Errorf("login prompts wants two texts with | between them, or: bare")
		}
	case "initial response":
		s.refusesInitial, err = true, oneOf(value, "refused")
	case "oauth error":
		s.oauthError = value
	case "scram":
		s.scram, err = value, oneOf(value, "no-signature", "wrong-signature")
	case "login":
		s.requiresLogin, err = true, oneOf(value, "required")
	case "clear text":
		s.requiresEncryption, err = true, oneOf(value, "refused")
	default:
		return fmt.Errorf("%s cannot stand here", key)
	}
	return err
}

// finish fills what follows from the rest and demands what has to be there.
func (p *parser) finish() error {
	d := &p.d
	switch {
	case d.Title == "":
		return fmt.Errorf("title is missing")
	case d.Teaches == "":
		return fmt.Errorf("teaches is missing")
	case d.Verdict == "":
		return fmt.Errorf("expect is missing")
	case d.Settings.Encryption == "":
		return fmt.Errorf("encryption is missing")
	case d.Make == "":
		return fmt.Errorf("make is missing")
	case d.mailbox != nil && len(d.Settings.To) == 0:
		return fmt.Errorf("mailbox wants: to")
	case d.redirect != nil && (d.mailbox == nil || d.Settings.Account == ""):
		return fmt.Errorf("redirect wants: mailbox and account")
	case d.Settings.Until != "dns" && slices.ContainsFunc(d.records, record.leadsAway):
		return fmt.Errorf("an address that is not this computer's wants: until: dns")
	}
	if d.Settings.Host == "" {
		d.Settings.Host = "localhost"
	}
	d.lanes = append(p.lanes, lane{script: p.base})
	for _, l := range d.lanes {
		l.script.complete(d.Settings)
	}
	return nil
}

// complete takes from the client's settings what the dialogue leaves open.
func (s *script) complete(c Settings) {
	if s.listen == "" {
		s.listen = "plain"
		if c.Encryption == "ssl" {
			s.listen = "tls"
		}
	}
	if s.account == "" {
		s.account = c.Account
	}
	if s.password == "" {
		s.password = c.Password
	}
	if s.token == "" {
		s.token = c.Token
	}
}

func list(value, separator string) []string {
	var all []string
	for part := range strings.SplitSeq(value, separator) {
		all = append(all, strings.TrimSpace(part))
	}
	return all
}

func words(value string) []string {
	if value == "none" {
		return nil
	}
	return strings.Fields(value)
}

func yes(value string) (bool, error) { return value == "yes", oneOf(value, "yes", "no") }

func oneOf(value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%q is none of %s", value, strings.Join(allowed, ", "))
}
