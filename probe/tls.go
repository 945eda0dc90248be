package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// Limits of what is done beside the handshake itself.
const (
	plainWait  = 300 * time.Millisecond // for the rest of a line that is no TLS
	probeLimit = 4 * time.Second        // for each second connection after a failure
	alertWait  = 150 * time.Millisecond // for the word on our client certificate (TLS 1.3)
)

// TLSEvidence is what the handshake showed.
type TLSEvidence struct {
	Version                Maybe        `json:"version"` // "1.3"
	Cipher                 Maybe        `json:"cipher"`
	Group                  Maybe        `json:"group"`
	ServerName             Maybe        `json:"server_name"` // SNI sent
	OCSPStapled            *bool        `json:"ocsp_stapled"`
	ClientCertificateAsked *bool        `json:"client_certificate_asked"`
	Alert                  Maybe        `json:"alert"`             // as RFC 8446 names it: handshake_failure
	VersionsAccepted       List[string] `json:"versions_accepted"` // asked by second connections after a failure

	plainGreeting  string // the SMTP reply that stood where TLS should begin
	plainLooks     Maybe  // what the plain bytes look like, as in GreetingEvidence
	weakCipher     bool   // a second connection with weak ciphers worked
	weakCipherName string // and this is the one
	clientCertSent bool   // a client certificate was asked for and one was sent
	lateRefusal    bool   // by an alert after a TLS 1.3 handshake
}

func (*TLSEvidence) isEvidence() {}

func (e *TLSEvidence) summary(fault *Fault) string {
	switch {
	case fault == nil:
		return "TLS " + string(e.Version)
	case e.plainGreeting != "":
		return "the server does not start with TLS on this port"
	case e.plainLooks != "" && e.plainLooks != "smtp" && e.plainLooks != "unknown":
		return "no TLS: " + strings.ToUpper(string(e.plainLooks)) + " answers in plain text"
	case fault.Kind == TLSRecord:
		return "what came is no TLS"
	case fault.Kind == TLSVersion && len(e.VersionsAccepted) > 0:
		return "the server speaks TLS " + strings.Join(e.VersionsAccepted, ", ") + " only"
	case fault.Kind == TLSVersion:
		return "no TLS version in common"
	case fault.Kind == TLSCipher:
		return "no cipher in common"
	case e.clientCertificateRefused():
		return "the server wants a client certificate"
	case fault.Kind == BadCertificate:
		return "the server's certificate cannot be read"
	case e.Alert != "":
		return "the server broke off: " + string(e.Alert)
	case fault.Kind == Timeout:
		return "no answer to the TLS handshake"
	case fault.Kind == Closed, fault.Kind == Reset:
		return "the server hung up in the handshake"
	}
	return ""
}

// serverName is the name for SNI: none for an address (RFC 6066 section 3).
func serverName(s *Settings) string {
	name := hostChecked(s)
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	return name
}

// hostChecked is the name or address that the certificate must fit.
func hostChecked(s *Settings) string {
	if s.TLSServerName != "" {
		return strings.TrimSuffix(s.TLSServerName, ".")
	}
	return strings.TrimSuffix(s.Host, ".")
}

// tlsStep makes the handshake explicitly and judges nothing: the certificate
// has a step of its own, which has the chain even when it is bad.
func tlsStep(ctx context.Context, l *lane) (Evidence, error) {
	e := &TLSEvidence{ServerName: Maybe(serverName(l.settings()))}
	t, _ := l.conn.NetConn().(*tap)
	if t != nil {
		t.turn(true)
		defer t.turn(false)
	}
	begin := time.Now()
	tc, err := l.conn.Handshake(ctx, l.tlsConfig(e))
	if err != nil {
		return e, l.explainHandshake(ctx, e, t, err)
	}
	state := tc.ConnectionState()
	l.tls = &state
	e.read(state)
	return e, l.awaitRefusal(ctx, e, time.Since(begin))
}

// tlsConfig is the lane's own configuration. What the server asks for is
// noted in e.
func (l *lane) tlsConfig(e *TLSEvidence) *tls.Config {
	s := l.settings()
	least := s.TLSMin
	if least == 0 {
		least = tls.VersionTLS12
	}
	e.ClientCertificateAsked = ptr(false)
	return &tls.Config{
		ServerName: serverName(s), MinVersion: least,
		InsecureSkipVerify: true, //nolint:gosec // judged by hand in the next step, before any credential
		GetClientCertificate: func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			e.ClientCertificateAsked = ptr(true)
			if s.ClientCert != nil && info.SupportsCertificate(s.ClientCert) == nil {
				e.clientCertSent = true
				return s.ClientCert, nil
			}
			return &tls.Certificate{}, nil
		},
	}
}

func (e *TLSEvidence) read(state tls.ConnectionState) {
	e.Version = Maybe(tlsVersionNumber(state.Version))
	e.Cipher = Maybe(tls.CipherSuiteName(state.CipherSuite))
	if state.CurveID != 0 {
		e.Group = Maybe(state.CurveID.String())
	}
	e.OCSPStapled = ptr(len(state.OCSPResponse) > 0)
}

// awaitRefusal: with TLS 1.3 our half is over before the server has looked at
// the client certificate, so its refusal would meet the next step. It is on its
// way for about one round trip; a greeting ends the wait as well.
func (l *lane) awaitRefusal(ctx context.Context, e *TLSEvidence, handshake time.Duration) error {
	if !*e.ClientCertificateAsked || l.tls.Version < tls.VersionTLS13 {
		return nil
	}
	until := time.Now().Add(min(2*handshake+5*time.Millisecond, alertWait))
	for time.Now().Before(until) && ctx.Err() == nil {
		if l.conn.IsIdle() {
			continue
		}
		if len(l.conn.Waiting()) > 0 {
			return nil
		}
		_, err := l.conn.ReadReply(ctx)
		return l.refusedLater(e, err)
	}
	return nil
}

func (l *lane) refusedLater(e *TLSEvidence, err error) error {
	late := tlsAlertLater(err)
	if late == nil {
		return nil // a greeting or an end: the next step's business
	}
	e.Alert = Maybe(alertName(err))
	e.lateRefusal = clientCertificateAlert(string(e.Alert))
	l.tls = nil
	l.drop()
	return late
}

// tlsAlertLater gives the fault of the step tls when a read after a TLS 1.3
// handshake shows that the server broke the connection off with an alert, and
// nil for everything else.
func tlsAlertLater(err error) *Fault {
	name := alertName(err)
	if name == "" {
		return nil
	}
	text := "the server broke TLS off after the handshake: alert " + name
	if clientCertificateAlert(name) {
		text = "the server refused the client certificate, or that there is none: alert " + name
	}
	return &Fault{Kind: TLSAlert, Text: text}
}

// clientCertificateAlert tells whether an alert speaks of our certificate.
func clientCertificateAlert(name string) bool {
	switch name {
	case "certificate_required", "bad_certificate", "unsupported_certificate", "certificate_revoked", "certificate_expired",
		"certificate_unknown", "unknown_ca", "access_denied":
		return true
	}
	return false
}

// alerts are crypto/tls's words for alerts that are not RFC 8446's with blanks.
var alerts = map[string]string{
	"protocol version not supported": "protocol_version", "insufficient security level": "insufficient_security",
	"revoked certificate": "certificate_revoked", "expired certificate": "certificate_expired",
	"unknown certificate": "certificate_unknown", "unknown certificate authority": "unknown_ca",
	"error decoding message": "decode_error", "error decrypting message": "decrypt_error",
	"encrypted client hello required": "ech_required",
}

// alertName gives the RFC's name of an alert that was received, "" for any
// other error. crypto/tls keeps the alert's type to itself.
func alertName(err error) string {
	if err == nil {
		return ""
	}
	_, words, found := strings.Cut(err.Error(), "remote error: tls: ")
	if !found {
		return ""
	}
	if name, ok := alerts[words]; ok {
		return name
	}
	return strings.ReplaceAll(strings.ToLower(words), " ", "_")
}

// explainHandshake tells why a handshake failed. The connection is of no use
// any more and makes room for a second one, on which it is asked what works.
func (l *lane) explainHandshake(ctx context.Context, e *TLSEvidence, t *tap, err error) error {
	if e.asked() == nil {
		e.ClientCertificateAsked = nil
	}
	var header tls.RecordHeaderError
	if errors.As(err, &header) && ctx.Err() == nil {
		err = l.plainAnswer(ctx, e, t, header)
		l.drop()
		return err
	}
	l.drop()
	if ctx.Err() != nil {
		return err
	}
	e.Alert = Maybe(alertName(err))
	fault := handshakeFault(e, err)
	if fault == nil {
		return err
	}
	if e.asked() == nil && mayBeVersionOrCipher(fault.Kind, string(e.Alert)) {
		l.askWhatWorks(ctx, e, fault)
	}
	return fault
}

// clientCertificateRefused: before TLS 1.3 a server that gets no certificate
// says handshake_failure (RFC 5246 section 7.4.6).
func (e *TLSEvidence) clientCertificateRefused() bool {
	return e.lateRefusal || e.asked() != nil && (e.Alert == "handshake_failure" || clientCertificateAlert(string(e.Alert)))
}

// drop ends the connection in the middle of a handshake, where no QUIT can be said.
func (l *lane) drop() {
	l.conn.Close()
	l.greeted = false
}

// asked is true or nil: a handshake that failed early shows no "no".
func (e *TLSEvidence) asked() *bool {
	if e.ClientCertificateAsked != nil && *e.ClientCertificateAsked {
		return e.ClientCertificateAsked
	}
	return nil
}

// handshakeFault classifies what crypto/tls says; nil leaves it to faultOf.
func handshakeFault(e *TLSEvidence, err error) *Fault {
	text := err.Error()
	switch {
	case e.clientCertificateRefused():
		return &Fault{Kind: TLSAlert, Text: "the server refused the client certificate, or that there is none: alert " + string(e.Alert)}
	case e.Alert != "":
		return &Fault{Kind: kindOfAlert(string(e.Alert)), Text: "the server broke the handshake off: alert " + string(e.Alert)}
	case strings.Contains(text, "server selected unsupported protocol version"):
		return &Fault{Kind: TLSVersion, Text: "the server chose a TLS version that the settings do not allow"}
	case isX509(err, text):
		return &Fault{Kind: BadCertificate, Text: "the server's certificate cannot be read: " + strings.TrimPrefix(text, "tls: ")}
	case isWeakness(text):
		return &Fault{Kind: TLSCipher, Text: strings.TrimPrefix(text, "tls: ")}
	}
	switch kind := kindOf(err); kind {
	case Closed:
		return &Fault{Kind: kind, Text: "the server hung up in the TLS handshake"}
	case Reset:
		return &Fault{Kind: kind, Text: "the connection was reset in the TLS handshake"}
	case BadReply:
		return &Fault{Kind: TLSAlert, Text: "the handshake failed here: " + strings.TrimPrefix(text, "tls: ")}
	}
	return nil
}

func isX509(err error, text string) bool {
	var invalid x509.CertificateInvalidError
	return errors.As(err, &invalid) || strings.Contains(text, "failed to parse certificate") || strings.HasPrefix(text, "x509: ")
}

// isWeakness: crypto/tls refuses some cryptography itself.
func isWeakness(text string) bool {
	for _, words := range []string{"unconfigured cipher suite", "selected unsupported curve", "RSA key", "unsupported signature algorithm",
		"server's certificate contains an unsupported type of public key", "key size too small", "key is too small"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

func kindOfAlert(name string) FaultKind {
	switch name {
	case "protocol_version":
		return TLSVersion
	case "insufficient_security":
		return TLSCipher
	}
	return TLSAlert
}

// mayBeVersionOrCipher: old servers say protocol_version, handshake_failure or
// nothing at all when there is nothing in common.
func mayBeVersionOrCipher(kind FaultKind, alert string) bool {
	switch kind {
	case TLSVersion, TLSCipher, Closed, Reset:
		return true
	case TLSAlert:
		return slices.Contains([]string{"handshake_failure", "internal_error", "illegal_parameter", "decode_error", "unexpected_message"}, alert)
	}
	return false
}

// askWhatWorks opens second connections with everything allowed that
// crypto/tls can do, and puts what it learns into e and fault.
func (l *lane) askWhatWorks(ctx context.Context, e *TLSEvidence, fault *Fault) {
	for _, most := range []uint16{tls.VersionTLS13, tls.VersionTLS11} {
		state, err := l.tryTLS(ctx, most)
		if err != nil && ctx.Err() == nil {
			continue
		}
		if err == nil {
			l.settle(e, fault, state)
		}
		return
	}
	if fault.Kind == TLSAlert && e.Alert == "handshake_failure" {
		fault.Text += "; neither old versions nor old ciphers work"
	}
}

func (l *lane) settle(e *TLSEvidence, fault *Fault, state tls.ConnectionState) {
	version := tlsVersionNumber(state.Version)
	e.VersionsAccepted = List[string]{version}
	least := l.settings().TLSMin
	if least == 0 {
		least = tls.VersionTLS12
	}
	name := tls.CipherSuiteName(state.CipherSuite)
	if state.Version < least {
		fault.Kind = TLSVersion
		fault.Text += "; a second connection got TLS " + version
		return
	}
	if isInsecureSuite(state.CipherSuite) {
		e.weakCipher, e.weakCipherName = true, name
		fault.Kind = TLSCipher
		fault.Text += "; a second connection got TLS " + version + " with the weak cipher " + name
		return
	}
	fault.Text += "; a second connection, without the large key share of today's clients, got TLS " + version + " with " + name
}

func isInsecureSuite(id uint16) bool {
	return slices.ContainsFunc(tls.InsecureCipherSuites(), func(c *tls.CipherSuite) bool { return c.ID == id })
}

// tryTLS makes one handshake with all versions up to most and every cipher
// suite there is, weak ones included. It leaves out the post-quantum key share,
// whose size some old servers and firewalls cannot bear. Nothing is sent over it
// but QUIT.
func (l *lane) tryTLS(ctx context.Context, most uint16) (tls.ConnectionState, error) {
	limit, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	c, err := l.sideToTLS(limit, "version-probe")
	if err != nil {
		return tls.ConnectionState{}, err
	}
	var suites []uint16
	for _, c := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		suites = append(suites, c.ID)
	}
	tc, err := c.Handshake(limit, &tls.Config{ServerName: serverName(l.settings()), MinVersion: tls.VersionTLS10, MaxVersion: most,
		CipherSuites: suites, CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521},
		InsecureSkipVerify: true}) //nolint:gosec // a look: nothing is sent over it but QUIT
	if err != nil {
		c.Close()
		return tls.ConnectionState{}, err
	}
	l.leaveSide(ctx, c)
	return tc.ConnectionState(), nil
}

// leaveSide says goodbye on a second connection off the critical path; on one
// that began with TLS the greeting comes first.
func (l *lane) leaveSide(ctx context.Context, c *wire.Conn) {
	implicit := l.settings().Encryption == SSL
	l.run.leaving.Go(func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTimeout)
		defer cancel()
		if implicit {
			if _, err := c.ReadReply(limit); err != nil {
				c.Close()
				return
			}
		}
		c.Quit(limit)
	})
}

// sideToTLS opens a second connection and brings it to where the handshake
// begins: at once, or behind a STARTTLS that was accepted. The caller closes it.
func (l *lane) sideToTLS(ctx context.Context, purpose string) (*wire.Conn, error) {
	c, err := l.side(ctx, purpose)
	if err != nil || l.settings().Encryption == SSL {
		return c, err
	}
	if err := l.starttlsOn(ctx, c); err != nil {
		return nil, err
	}
	return c, nil
}

// starttlsOn reads the greeting and says EHLO and STARTTLS; without success the
// connection is closed.
func (l *lane) starttlsOn(ctx context.Context, c *wire.Conn) error {
	reply, err := c.ReadReply(ctx)
	if err != nil {
		c.Close()
		return err
	}
	for _, ask := range []wire.Ask{{}, {Verb: "EHLO", Argument: l.heloName()}, {Verb: "STARTTLS"}} {
		if ask.Verb != "" {
			reply, err = c.Command(ctx, ask.Verb, ask.Argument)
		}
		if err != nil {
			c.Close()
			return err
		}
		if reply.Code/100 != 2 {
			c.Quit(ctx)
			return &refusal{reply}
		}
	}
	return nil
}

// plainAnswer names what came where a TLS record should be. The rest of the
// line is given a moment: five octets tell little.
func (l *lane) plainAnswer(ctx context.Context, e *TLSEvidence, t *tap, header tls.RecordHeaderError) error {
	seen := header.RecordHeader[:]
	if t != nil {
		readPlain(ctx, t)
		seen = t.seen
	}
	if header.RecordHeader[0] >= 0x14 && header.RecordHeader[0] <= 0x17 && header.RecordHeader[1] == 3 {
		return &Fault{Kind: TLSRecord, Text: "the server sent a TLS record that is none: " + header.Msg}
	}
	text := firstReply(seen)
	if isBinary(text) {
		return &Fault{Kind: TLSRecord, Text: "what came is neither TLS nor text: " + strconv.QuoteToASCII(string(seen[:min(len(seen), 32)]))}
	}
	l.conn.Note("answered in plain text: " + text)
	e.plainLooks = plainLooks(text)
	if e.plainLooks == "smtp" && l.settings().Encryption == SSL {
		e.plainGreeting = l.run.shown(text)
	}
	return &Fault{Kind: TLSRecord, Text: "answered in plain text: " + text}
}

// readPlain reads on until the reply is whole, bounded in time and size.
func readPlain(ctx context.Context, t *tap) {
	until := time.Now().Add(plainWait)
	if end, ok := ctx.Deadline(); ok && end.Before(until) {
		until = end
	}
	_ = t.SetReadDeadline(until)
	stop := context.AfterFunc(ctx, func() { _ = t.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	chunk := make([]byte, 256)
	for len(t.seen) < tapBytes && !isWhole(t.seen) {
		if _, err := t.Read(chunk); err != nil {
			return
		}
	}
}

// isWhole tells whether a line ended that no other line of the same reply follows.
func isWhole(seen []byte) bool {
	for {
		line, rest, ended := bytes.Cut(seen, []byte("\n"))
		switch {
		case !ended:
			return false
		case len(line) < 4 || line[3] != '-':
			return true
		}
		seen = rest
	}
}

// firstReply gives what was seen up to the end of the first reply, on one line.
func firstReply(seen []byte) string {
	var lines []string
	for len(seen) > 0 {
		line, rest, _ := bytes.Cut(seen, []byte("\n"))
		lines = append(lines, strings.TrimRight(string(line), "\r"))
		if len(line) < 4 || line[3] != '-' || line[0] < '2' || line[0] > '5' {
			break
		}
		seen = rest
	}
	return strings.Join(lines, " ")
}

func isBinary(text string) bool {
	if len(text) < 3 {
		return true
	}
	strange := 0
	for i := 0; i < len(text); i++ {
		if c := text[i]; c < 0x20 && c != '\t' || c == 0x7f {
			strange++
		}
	}
	return strange > len(text)/8
}

// plainLooks names the service by its first words.
func plainLooks(text string) Maybe {
	if len(text) >= 4 && strings.IndexFunc(text[:3], func(r rune) bool { return r < '0' || r > '9' }) < 0 && (text[3] == ' ' || text[3] == '-') {
		return Maybe(serviceOf(wire.Reply{Lines: []string{text}}))
	}
	return looksLike(&wire.ProtocolError{Kind: wire.NotSMTP, Seen: []byte(text)})
}
