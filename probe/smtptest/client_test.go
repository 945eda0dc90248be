package smtptest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/miekg/dns"
	"github.com/wneessen/go-mail/smtp"
)

// client is a plain, careful SMTP client: the second opinion on what a
// dialogue does. It gives the step at which it could not go on, and what it saw.
type client struct {
	t        *testing.T
	d        Dialogue
	s        *Server
	address  string
	conn     net.Conn
	in       *bufio.Reader
	tls      *tls.ConnectionState
	offers   []string // lines of the last EHLO reply
	warnings []string
	greeted  bool
	wide     bool // knows every version and cipher there is
}

// impatience is how long this client waits: long where an answer comes, since
// the computer may be busy, and short where none comes.
func (c *client) impatience() time.Duration {
	sight := sights[c.d.Name]
	for _, silence := range []string{"read tcp", "timeout", "deadline"} {
		if strings.Contains(sight, silence) {
			return 300 * time.Millisecond
		}
	}
	return 10 * time.Second
}

// stopped is the end of a conversation.
type stopped struct {
	step string
	why  string
}

func (e *stopped) Error() string { return e.step + ": " + e.why }

func stop(step, format string, args ...any) error {
	return &stopped{step, fmt.Sprintf(format, args...)}
}

// meet talks to a dialogue at one address from DNS to sender.
func meet(t *testing.T, s *Server, address string) (step, why string, warnings []string) {
	t.Helper()
	c := &client{t: t, d: s.dialogue, s: s, address: address}
	err := c.talk()
	var e *stopped
	if c.greeted && errors.As(err, &e) && !strings.Contains(e.why, "421 ") {
		c.leave()
	}
	if c.conn != nil {
		c.conn.Close()
	}
	if errors.As(err, &e) {
		return e.step, e.why, c.warnings
	}
	if err != nil {
		t.Fatal(err)
	}
	return "", "", c.warnings
}

func (c *client) talk() error {
	if err := c.talkUntilLogin(); err != nil || c.conn == nil {
		return err
	}
	for _, ask := range []func() error{c.login, c.envelope, c.message, c.mailbox, c.sendersMailbox} {
		if err := ask(); err != nil {
			return err
		}
	}
	c.leave()
	return nil
}

func (c *client) talkUntilLogin() error {
	if err := c.resolve(); err != nil || c.d.Settings.Until == "dns" {
		return err
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(c.address, strconv.Itoa(c.s.Port())), c.impatience())
	if err != nil {
		return stop("tcp", "%v", err)
	}
	c.conn, c.in = conn, bufio.NewReader(conn)
	return c.greetAndSecure()
}

func (c *client) greetAndSecure() error {
	if c.d.Settings.Encryption == "ssl" {
		if err := c.secure(); err != nil {
			return err
		}
	}
	if err := c.open(); err != nil {
		return err
	}
	if c.d.Settings.Encryption == "starttls" {
		return c.starttls()
	}
	return nil
}

func (c *client) resolve() error {
	if c.s.Resolver() == "" {
		return nil
	}
	asker := &dns.Client{Timeout: 300 * time.Millisecond}
	var found []string
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX} {
		q := new(dns.Msg).SetQuestion(dns.Fqdn(c.d.Settings.Host), kind)
		reply, _, err := asker.Exchange(q, c.s.Resolver())
		if err != nil {
			return stop("dns", "no answer: %v", err)
		}
		if reply.Rcode != dns.RcodeSuccess {
			return stop("dns", "%s", dns.RcodeToString[reply.Rcode])
		}
		for _, rr := range reply.Answer {
			found = append(found, strings.Join(strings.Fields(rr.String())[3:], " "))
		}
	}
	all := strings.Join(found, ", ")
	if !strings.Contains(all, "A ") {
		return stop("dns", "no address: %s", all)
	}
	c.warnings = append(c.warnings, "dns "+all)
	return nil
}

func (c *client) config() *tls.Config {
	config := &tls.Config{InsecureSkipVerify: true, ServerName: c.d.Settings.Host} // judged below
	if !c.wide {
		return config
	}
	config.MinVersion = tls.VersionTLS10
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		config.CipherSuites = append(config.CipherSuites, s.ID)
	}
	return config
}

func (c *client) secure() error {
	_ = c.conn.SetDeadline(time.Time{})
	conn := tls.Client(c.conn, c.config())
	ctx, cancel := context.WithTimeout(context.Background(), c.impatience())
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return stop("tls", "%v", err)
	}
	state := conn.ConnectionState()
	c.conn, c.in, c.tls = conn, bufio.NewReader(conn), &state
	return c.judgeCertificate()
}

func (c *client) judgeCertificate() error {
	leaf := c.tls.PeerCertificates[0]
	if key, ok := leaf.PublicKey.(interface{ Size() int }); ok && key.Size() < 256 {
		c.warnings = append(c.warnings, "certificate: short key")
	}
	if time.Until(leaf.NotAfter) < 21*24*time.Hour {
		c.warnings = append(c.warnings, "certificate: expires soon")
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(c.s.CA())
	for _, other := range c.tls.PeerCertificates[1:] {
		between.AddCert(other)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: c.d.Settings.Host})
	if err == nil {
		return nil
	}
	if c.d.Settings.Insecure {
		c.warnings = append(c.warnings, "certificate: "+err.Error())
		return nil
	}
	return stop("certificate", "%v (chain of %d, issuer %q)", err, len(c.tls.PeerCertificates), leaf.Issuer.CommonName)
}

// open is the greeting and EHLO.
func (c *client) open() error {
	code, text, err := c.reply()
	if err != nil {
		return c.lost("greeting", err)
	}
	c.greeted = true
	if code != 220 || strings.Contains(text, "FTP") {
		return stop("greeting", "%d %s", code, text)
	}
	return c.hello("ehlo")
}

func (c *client) hello(step string) error {
	name := c.d.Settings.Helo
	if name == "" {
		name = "[127.0.0.1]"
	}
	code, text, err := c.command("EHLO " + name)
	if err != nil {
		return c.lost(step, err)
	}
	if code == 421 {
		return stop(step, "%d %s", code, text)
	}
	if code != 250 {
		again, _, err := c.command("HELO " + name)
		if err != nil || again != 250 {
			return stop(step, "%d %s", code, text)
		}
		c.warnings = append(c.warnings, "ehlo: "+text)
		text = ""
	}
	c.offers = strings.Split(text, "\n")
	return nil
}

func (c *client) starttls() error {
	if _, ok := c.offer("STARTTLS"); !ok {
		return stop("starttls", "not offered: %s", strings.Join(c.offers, "|"))
	}
	code, text, err := c.command("STARTTLS")
	if err != nil {
		return c.lost("starttls", err)
	}
	if code != 220 {
		return stop("starttls", "%d %s", code, text)
	}
	if n := c.in.Buffered(); n > 0 {
		return stop("starttls", "%d bytes before the handshake", n)
	}
	if err := c.secure(); err != nil {
		return err
	}
	return c.hello("ehlo-tls")
}

// offer gives the parameters of all lines of one capability.
func (c *client) offer(keyword string) (parameters []string, ok bool) {
	for _, line := range c.offers {
		f := strings.Fields(strings.ToUpper(strings.Replace(line, "=", " ", 1)))
		if len(f) > 0 && f[0] == keyword {
			parameters, ok = append(parameters, f[1:]...), true
		}
	}
	return parameters, ok
}

func (c *client) login() error {
	s := c.d.Settings
	if s.Account == "" {
		return nil
	}
	offered, ok := c.offer("AUTH")
	if !ok {
		_, later := c.offer("STARTTLS")
		return stop("auth", "not offered, STARTTLS offered: %v", later)
	}
	if c.tls == nil && !s.AllowPlaintextAuth {
		return stop("auth", "in clear: %v", offered)
	}
	tried := 0
	var err error
	for _, name := range c.mechanisms() {
		if !contains(offered, name) {
			continue
		}
		if tried++; tried > 2 {
			break
		}
		if err = c.logInWith(name); err == nil || !strings.Contains(err.Error(), "504 ") {
			return err
		}
	}
	if tried == 0 {
		return stop("auth", "no mechanism: %v", offered)
	}
	return err
}

func contains(all []string, one string) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

func (c *client) mechanisms() []string {
	switch s := c.d.Settings; {
	case s.Auth != "":
		return []string{s.Auth}
	case s.Token != "":
		return []string{"OAUTHBEARER", "XOAUTH2"}
	case c.tls == nil:
		return []string{"CRAM-MD5", "PLAIN", "LOGIN"}
	}
	return []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"}
}

// mechanism takes go-mail's implementations, made by others and by nobody here.
func (c *client) mechanism(name string) smtp.Auth {
	a, p := c.d.Settings.Account, c.d.Settings.Password
	switch name {
	case "PLAIN":
		return smtp.PlainAuth("", a, p, "localhost", true)
	case "LOGIN":
		return smtp.LoginAuth(a, p, "localhost", true)
	case "CRAM-MD5":
		return smtp.CRAMMD5Auth(a, p)
	case "SCRAM-SHA-1":
		return smtp.ScramSHA1Auth(a, p)
	case "SCRAM-SHA-256":
		return smtp.ScramSHA256Auth(a, p)
	case "SCRAM-SHA-1-PLUS":
		return smtp.ScramSHA1PlusAuth(a, p, c.tls)
	case "SCRAM-SHA-256-PLUS":
		return smtp.ScramSHA256PlusAuth(a, p, c.tls)
	case "XOAUTH2":
		return smtp.XOAuth2Auth(a, c.d.Settings.Token)
	}
	return bearer{a, c.d.Settings.Token}
}

// bearer is OAUTHBEARER, which go-mail does not have (RFC 7628 section 3.1).
type bearer struct{ account, token string }

func (b bearer) Start(*smtp.ServerInfo) (string, []byte, error) {
	return "OAUTHBEARER", []byte("n,a=" + b.account + ",\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

func (b bearer) Next([]byte, bool) ([]byte, error) { return []byte{1}, nil }

// logInWith drives one exchange; a stray challenge text is passed on as it is.
func (c *client) logInWith(name string) error {
	m := c.mechanism(name)
	_, first, err := m.Start(&smtp.ServerInfo{Name: "localhost", TLS: c.tls != nil, Auth: []string{name}})
	if err != nil {
		return stop("auth", "%v", err)
	}
	line := "AUTH " + name
	pending := first != nil && !strings.HasPrefix(name, "SCRAM") // go-mail sends no initial response with SCRAM
	if encoded := base64.StdEncoding.EncodeToString(first); pending && len(line)+len(encoded)+3 <= 512 {
		line, pending = line+" "+encoded, false
	}
	var challenges []string
	for {
		code, text, err := c.command(line)
		if err != nil {
			return c.lost("auth", err)
		}
		if code != 334 {
			return c.decided(name, code, text, challenges)
		}
		if pending && text == "" {
			line, pending = base64.StdEncoding.EncodeToString(first), false
			continue
		}
		challenge, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			challenge = []byte(text)
		}
		challenges = append(challenges, string(challenge))
		if i, senseless := senselessCount(string(challenge)); senseless {
			_, _, _ = c.command("*")
			return stop("auth", "iterations %d", i)
		}
		answer, err := m.Next(challenge, true)
		if err != nil {
			_, _, _ = c.command("*")
			return stop("auth", "%v", err)
		}
		line = base64.StdEncoding.EncodeToString(answer)
	}
}

func senselessCount(challenge string) (n int, senseless bool) {
	_, text, found := strings.Cut(challenge, ",i=")
	n, err := strconv.Atoi(text)
	return n, found && err == nil && (n < 1 || n > 100_000)
}

func (c *client) decided(name string, code int, text string, challenges []string) error {
	all := strings.Join(challenges, "|")
	if code != 235 {
		return stop("auth", "%s %d %s [%s]", name, code, text, all)
	}
	if strings.HasPrefix(name, "SCRAM") && !strings.Contains(all, "v=") {
		return stop("auth", "no signature of the server's")
	}
	if c.tls == nil {
		c.warnings = append(c.warnings, "auth: in clear with "+name)
	}
	return nil
}

func (c *client) envelope() error {
	s := c.d.Settings
	from := s.Account
	if len(s.From) > 0 {
		from = s.From[0]
	}
	to := from
	if len(s.To) > 0 {
		to = s.To[0]
	}
	parameters := ""
	if !isASCII(from) {
		if _, ok := c.offer("SMTPUTF8"); !ok {
			return stop("sender", "SMTPUTF8 is not offered")
		}
		parameters = " SMTPUTF8"
	}
	for _, line := range []string{"MAIL FROM:<" + from + ">" + parameters, "RCPT TO:<" + to + ">", "RSET"} {
		code, text, err := c.command(line)
		if err != nil {
			return c.lost("sender", err)
		}
		if code == 250 {
			continue
		}
		if len(s.To) == 0 && strings.HasPrefix(line, "RCPT") {
			c.warnings = append(c.warnings, "sender: "+text)
			continue
		}
		_, _, _ = c.command("RSET")
		return stop("sender", "%s %d %s", line[:4], code, text)
	}
	return nil
}

// message sends one, where the dialogue is about it.
func (c *client) message() error {
	if !c.d.Sends() {
		return nil
	}
	s := c.d.Settings
	from := s.Account
	if len(s.From) > 0 {
		from = s.From[0]
	}
	text := "Content-Type: multipart/alternative; boundary=b\r\nFrom: <" + from + ">\r\nTo: <someone@recipient.example>\r\nDate: Thu, 26 Nov 2026 16:00:00 +0000\r\n" +
		"Message-ID: <1@acme.example>\r\nSubject: x\r\n\r\n--b\r\n\r\n.." + "one line\r\n--b\r\n\r\n<p>one line\r\n--b--\r\n"
	if size, ok := c.offer("SIZE"); ok && size[0] == "1000" {
		return stop("message", "the limit is 1000")
	}
	lines := []string{"MAIL FROM:<" + from + ">"}
	for _, to := range s.To {
		lines = append(lines, "RCPT TO:<"+to+">")
	}
	var refused error
	for _, line := range append(lines, "DATA", text+".") {
		code, reply, err := c.command(line)
		switch {
		case err != nil:
			return stop("message", "%v", err)
		case code < 400:
		case strings.HasPrefix(line, "RCPT"):
			refused = stop("message", "%s %d %s", line, code, reply)
		default:
			return stop("message", "%d %s", code, reply)
		}
	}
	return refused
}

// mailbox looks for the message where the dialogue has a mailbox, and gives
// what it looks like there as a warning.
func (c *client) mailbox() error {
	box := c.s.LetterBox()
	if box == nil {
		return nil
	}
	reader, err := c.read(box)
	if err != nil {
		return stop("delivery", "%v", err)
	}
	defer reader.Close()
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, folder := range []string{"INBOX", "Junk"} {
			if n := box.Count(folder); n > 0 && (n > 1 || c.s.dialogue.redirect == nil || !c.s.dialogue.redirect.is("twice")) {
				raw := firstOf(c.t, reader, folder)
				c.warnings = append(c.warnings, fmt.Sprintf("%d in %s: %s", n, folder, raw))
				header, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
				if c.s.SenderBox() != nil && !bytes.Contains(header, []byte("\r\nFrom: <"+c.s.SenderBox().Account()+">")) {
					return stop("redirect", "the sender is lost")
				}
				return nil
			}
		}
		if c.s.SenderBox() != nil && c.s.SenderBox().Count("INBOX") > 0 {
			break
		}
	}
	if c.s.SenderBox() != nil {
		return c.sendersMailbox()
	}
	return stop("delivery", "nothing arrived")
}

// sendersMailbox looks for what came back where the message was redirected.
func (c *client) sendersMailbox() error {
	box := c.s.SenderBox()
	switch {
	case box == nil, c.s.LetterBox().Count("INBOX") > 0:
		return nil
	case box.Count("INBOX") == 0:
		return stop("redirect", "nothing arrived and nothing came back")
	}
	reader, err := c.read(box)
	if err != nil {
		return stop("delivery", "%v", err)
	}
	defer reader.Close()
	for c.s.dialogue.redirect.is("comes back") && box.Count("INBOX") < len(c.s.dialogue.redirect.words) {
		time.Sleep(5 * time.Millisecond)
	}
	c.warnings = append(c.warnings, fmt.Sprintf("%d came back: %s", box.Count("INBOX"), firstOf(c.t, reader, "INBOX")))
	return stop("redirect", "it came back")
}

// read logs in to a mailbox.
func (c *client) read(box *LetterBox) (*imapclient.Client, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.s.CA())
	conn, err := tls.Dial("tcp", net.JoinHostPort(box.Host(), strconv.Itoa(box.Port())), &tls.Config{RootCAs: roots})
	if err != nil {
		return nil, err
	}
	reader := imapclient.New(conn, nil)
	if err := reader.Login(box.Account(), box.Password()).Wait(); err != nil {
		reader.Close()
		return nil, err
	}
	return reader, nil
}

func firstOf(t *testing.T, reader *imapclient.Client, folder string) []byte {
	t.Helper()
	if _, err := reader.Select(folder, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	all, err := reader.Fetch(imap.SeqSetNum(1), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect()
	if err != nil || len(all) != 1 || len(all[0].BodySection) != 1 {
		t.Fatalf("fetch: %v", err)
	}
	return all[0].BodySection[0].Bytes
}

// leave says QUIT and waits for the reply, though not for long: it decides nothing.
func (c *client) leave() {
	_ = c.conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
	_, _ = c.conn.Write([]byte("QUIT\r\n"))
	_, _ = c.line()
}

func (c *client) command(line string) (int, string, error) {
	_ = c.conn.SetDeadline(time.Now().Add(c.impatience()))
	if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
		return 0, "", err
	}
	return c.reply()
}

// reply reads one reply: at most 100 lines of 1,000 octets.
func (c *client) reply() (int, string, error) {
	_ = c.conn.SetDeadline(time.Now().Add(c.impatience()))
	var lines []string
	first := 0
	for len(lines) < 100 {
		line, err := c.line()
		if err != nil {
			return 0, "", err
		}
		if !replies(line) {
			return 0, "", fmt.Errorf("no reply: %q", line)
		}
		code, _ := strconv.Atoi(line[:3])
		if first == 0 {
			first = code
		}
		if code != first {
			return 0, "", fmt.Errorf("mixed codes: %d and %d", first, code)
		}
		if len(line) == 3 {
			return code, strings.Join(append(lines, ""), "\n"), nil
		}
		lines = append(lines, line[4:])
		if line[3] == ' ' {
			return code, strings.Join(lines, "\n"), nil
		}
	}
	return 0, "", errors.New("lines without end")
}

func (c *client) line() (string, error) {
	var line []byte
	for len(line) < 1000 {
		b, err := c.in.ReadByte()
		if err != nil {
			return "", fmt.Errorf("after %q: %w", line, err)
		}
		if b == '\n' {
			return string(bytes.TrimRight(line, "\r")), nil
		}
		line = append(line, b)
	}
	return "", fmt.Errorf("a line without end: %.20q", line)
}

// lost tells a refused client certificate, which shows late in TLS 1.3, from the rest.
func (c *client) lost(step string, err error) error {
	if strings.Contains(err.Error(), "certificate required") {
		step = "tls"
	}
	return stop(step, "%v", err)
}
