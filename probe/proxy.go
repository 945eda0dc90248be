package probe

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// proxyWord is what a proxy's answer comes down to; "" when there is none.
type proxyWord string

const (
	proxyDown       proxyWord = "down"        // the proxy itself cannot be reached
	proxySilent     proxyWord = "silent"      // it took the connection and does not answer
	proxyForeign    proxyWord = "foreign"     // what answers is no proxy of this kind
	proxyWantsLogin proxyWord = "wants-login" // it wants a login, or another one
	proxyForbids    proxyWord = "forbids"     // its rules forbid this target
	proxyFails      proxyWord = "fails"       // it could not, and does not say why
	proxyNoHost     proxyWord = "no-host"     // it cannot resolve the name
	targetRefuses   proxyWord = "target-refuses"
	targetSilent    proxyWord = "target-silent"
	targetNoRoute   proxyWord = "target-no-route"
)

func (w proxyWord) summary() string {
	switch w {
	case proxyDown:
		return "the proxy cannot be reached"
	case proxySilent:
		return "the proxy does not answer"
	case proxyForeign:
		return "what answers there is no such proxy"
	case proxyWantsLogin:
		return "the proxy wants a login"
	case proxyForbids:
		return "the proxy does not allow this target"
	case proxyFails:
		return "the proxy could not connect"
	case proxyNoHost:
		return "the proxy does not find the host"
	case targetRefuses:
		return "refused behind the proxy"
	case targetSilent:
		return "no answer behind the proxy"
	case targetNoRoute:
		return "not reachable from the proxy"
	}
	return ""
}

// kind: what the proxy reports of the target is the target's fault, all else the proxy's.
func (w proxyWord) kind() FaultKind {
	switch w {
	case targetRefuses:
		return ConnRefused
	case targetSilent:
		return Timeout
	case targetNoRoute:
		return Unreachable
	}
	return ProxyFault
}

// proxyError is a connection that a proxy did not make, as it says itself.
type proxyError struct {
	said  proxyWord
	fault *Fault
}

func (e *proxyError) Error() string { return e.fault.Text }
func (e *proxyError) Unwrap() error { return e.fault }

// proxy is a SOCKS5 (RFC 1928) or HTTP CONNECT (RFC 9110 section 9.3.6) proxy.
type proxy struct {
	scheme, address string
	hasLogin        bool
	user            string
	password        secret.Value
}

// proxyResolves tells whether the proxy, and not this computer, looks names up.
func proxyResolves(s *Settings) bool {
	return s.Proxy != "" && !strings.HasPrefix(s.Proxy, "socks5+local:")
}

func parseProxy(s *Settings) (*proxy, error) {
	given := s.ProxyURL.Reveal()
	if given == "" {
		given = s.Proxy
	}
	u, err := url.Parse(given)
	if err != nil || u.Hostname() == "" { // the error would repeat the URL
		return nil, &proxyError{proxyDown, &Fault{Kind: ProxyFault, Text: "the proxy's URL cannot be understood"}}
	}
	p := &proxy{scheme: u.Scheme}
	port := u.Port()
	switch u.Scheme {
	case "socks5", "socks5h", "socks5+local":
		p.scheme = "socks5"
		if port == "" {
			port = "1080"
		}
	case "http":
		if port == "" {
			port = "80"
		}
	default:
		return nil, &proxyError{proxyDown, &Fault{Kind: ProxyFault, Text: "proxies of the kind " + u.Scheme + " are not known"}}
	}
	p.address = net.JoinHostPort(u.Hostname(), port)
	if u.User != nil {
		word, _ := u.User.Password()
		p.hasLogin, p.user, p.password = true, u.User.Username(), secret.New(word)
	}
	return p, nil
}

// secrets are what must not be shown of the proxy's login.
func (p *proxy) secrets() []string {
	if !p.hasLogin || p.password.Reveal() == "" {
		return nil
	}
	return []string{p.password.Reveal(), p.basic()}
}

func (p *proxy) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(p.user + ":" + p.password.Reveal()))
}

func (p *proxy) String() string { return p.scheme + "://" + p.address }

func (p *proxy) fail(said proxyWord, format string, args ...any) error {
	return &proxyError{said, &Fault{Kind: said.kind(), Text: "the proxy " + p.String() + " " + fmt.Sprintf(format, args...)}}
}

// dial connects to the proxy and asks it for target (HOST:PORT).
func (p *proxy) dial(ctx context.Context, connect func(ctx context.Context, network, address string) (net.Conn, error), target string) (net.Conn, error) {
	nc, err := connect(ctx, "tcp", p.address)
	if err != nil {
		return nil, p.broken(ctx, proxyDown, "cannot be reached", err)
	}
	deadline, _ := ctx.Deadline()
	_ = nc.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
	opened, err := p.ask(ctx, nc, target)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	_ = nc.SetDeadline(time.Time{})
	return opened, nil
}

func (p *proxy) ask(ctx context.Context, nc net.Conn, target string) (net.Conn, error) {
	if p.scheme == "http" {
		return p.askHTTP(ctx, nc, target)
	}
	return nc, p.askSOCKS(ctx, nc, target)
}

// broken is a proxy that did not answer; an interrupted run stays one.
func (p *proxy) broken(ctx context.Context, said proxyWord, what string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	var words string
	switch kindOf(err) {
	case Timeout:
		words = "no answer in time"
	case ConnRefused:
		words = "connection refused"
	case Unreachable:
		words = "no route to it"
	case Reset:
		words = "the connection was reset"
	case Closed:
		words = "it hung up"
	default:
		words = err.Error()
	}
	return p.fail(said, "%s: %s", what, words)
}

// socksReplies are the REP field's values (RFC 1928 section 6).
var socksReplies = map[byte]struct {
	said  proxyWord
	words string
}{
	1: {proxyFails, "general SOCKS server failure"},
	2: {proxyForbids, "connection not allowed by ruleset"},
	3: {targetNoRoute, "network unreachable"},
	4: {targetNoRoute, "host unreachable"},
	5: {targetRefuses, "connection refused"},
	6: {targetSilent, "TTL expired"},
	7: {proxyFails, "command not supported"},
	8: {proxyFails, "address type not supported"},
}

// askSOCKS asks a SOCKS5 proxy, with user and password (RFC 1929) where there are some.
func (p *proxy) askSOCKS(ctx context.Context, nc net.Conn, target string) error {
	request, err := socksRequest(target)
	if err != nil {
		return p.fail(proxyFails, "cannot be asked: %s", err)
	}
	hello := []byte{5, 1, 0}
	if p.hasLogin {
		hello = []byte{5, 2, 0, 2}
	}
	if _, err := nc.Write(hello); err != nil {
		return p.broken(ctx, proxySilent, "does not take the request", err)
	}
	method, err := readSOCKSMethod(nc)
	if err != nil {
		return p.unread(ctx, err)
	}
	if err := p.socksLogin(ctx, nc, method); err != nil {
		return err
	}
	if _, err := nc.Write(request); err != nil {
		return p.broken(ctx, proxySilent, "does not take the request", err)
	}
	code, err := readSOCKSReply(nc)
	if err != nil {
		return p.unread(ctx, err)
	}
	return p.socksVerdict(code, target)
}

func (p *proxy) socksVerdict(code byte, target string) error {
	if code == 0 {
		return nil
	}
	reply, known := socksReplies[code]
	if !known {
		reply.said, reply.words = proxyFails, "an unknown reply"
	}
	return p.fail(reply.said, "did not connect to %s: %s (SOCKS reply %d)", target, reply.words, code)
}

// unread is an answer that is missing or belongs to another protocol.
func (p *proxy) unread(ctx context.Context, err error) error {
	var foreign *foreignError
	if !errors.As(err, &foreign) {
		return p.broken(ctx, proxySilent, "does not answer", err)
	}
	return p.fail(proxyForeign, "is none: %s", foreign)
}

// socksLogin does what the method that the proxy chose asks for.
func (p *proxy) socksLogin(ctx context.Context, nc net.Conn, method byte) error {
	switch {
	case method == 0:
		return nil
	case method != 2 && p.hasLogin:
		return p.fail(proxyWantsLogin, "takes neither no login nor user and password (SOCKS method %d)", method)
	case method != 2 || !p.hasLogin:
		return p.fail(proxyWantsLogin, "wants a login (SOCKS method %d)", method)
	}
	word := p.password.Reveal()
	if len(p.user) > 255 || len(word) > 255 {
		return p.fail(proxyWantsLogin, "takes at most 255 octets as user or password")
	}
	login := append([]byte{1, byte(len(p.user))}, p.user...)
	login = append(append(login, byte(len(word))), word...)
	if _, err := nc.Write(login); err != nil {
		return p.broken(ctx, proxySilent, "does not take the login", err)
	}
	var reply [2]byte
	if _, err := io.ReadFull(nc, reply[:]); err != nil {
		return p.broken(ctx, proxyWantsLogin, "hung up on the login", err)
	}
	if reply[1] != 0 {
		return p.fail(proxyWantsLogin, "refused the login (status %d)", reply[1])
	}
	return nil
}

// socksRequest asks for target; a name is left to the proxy to resolve.
func socksRequest(target string) ([]byte, error) {
	host, portText, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, err
	}
	request := []byte{5, 1, 0}
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap().WithZone("")
		request = append(request, map[bool]byte{true: 1, false: 4}[addr.Is4()])
		request = append(request, addr.AsSlice()...)
	} else if len(host) > 255 {
		return nil, fmt.Errorf("a name of %d octets does not fit", len(host))
	} else {
		request = append(append(request, 3, byte(len(host))), host...)
	}
	return append(request, byte(port>>8), byte(port)), nil
}

// foreignError quotes the first bytes of something that is no such proxy.
type foreignError struct{ text string }

func (e *foreignError) Error() string { return e.text }

func foreign(first []byte, wanted string) error {
	text := string(first)
	switch {
	case strings.HasPrefix(text, "HTTP/") && wanted == "SOCKS5":
		return &foreignError{"it answers in HTTP (http:// may be its kind)"}
	case len(first) > 0 && first[0] == 5 && wanted == "HTTP":
		return &foreignError{"it answers in SOCKS5 (socks5:// may be its kind)"}
	case len(first) >= 2 && first[0] == 0 && first[1] >= 0x5a && first[1] <= 0x5d:
		return &foreignError{"it answers in SOCKS4"}
	}
	return &foreignError{fmt.Sprintf("no %s, but %q", wanted, text)}
}

func readSOCKSMethod(r io.Reader) (byte, error) {
	var b [2]byte
	if n, err := io.ReadFull(r, b[:]); err != nil {
		if n > 0 && b[0] != 5 {
			return 0, foreign(b[:n], "SOCKS5")
		}
		return 0, err
	}
	if b[0] == 5 {
		return b[1], nil
	}
	var more [3]byte
	if b[0] == 'H' && b[1] == 'T' { // a word is enough to know HTTP by
		n, _ := io.ReadFull(r, more[:])
		return 0, foreign(append(b[:], more[:n]...), "SOCKS5")
	}
	return 0, foreign(b[:], "SOCKS5")
}

// readSOCKSReply reads the reply and the address in it, and no octet more:
// what follows belongs to the server.
func readSOCKSReply(r io.Reader) (byte, error) {
	var head [5]byte
	if n, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, partOf(n, err)
	}
	if head[0] != 5 {
		return 0, foreign(head[:2], "SOCKS5")
	}
	if _, err := io.ReadFull(r, head[2:]); err != nil {
		if head[1] != 0 { // some send no more than the refusal
			return head[1], nil
		}
		return 0, partOf(2, err)
	}
	rest := 2 // the port; one octet of the address is read already
	switch head[3] {
	case 1:
		rest += 3
	case 4:
		rest += 15
	case 3:
		rest += int(head[4])
	default:
		return 0, &foreignError{fmt.Sprintf("its reply names an address of the unknown type %d", head[3])}
	}
	n, err := io.CopyN(io.Discard, r, int64(rest))
	if err != nil && head[1] == 0 {
		return 0, partOf(int(n), err)
	}
	return head[1], nil
}

func partOf(n int, err error) error {
	if n > 0 && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Bounds on an HTTP proxy's answer.
const (
	maxConnectLine  = 4096
	maxConnectLines = 100
)

// connectReply is the head of the answer to CONNECT.
type connectReply struct {
	code   int
	status string // "403 Forbidden"
	squid  string // X-Squid-Error, which says what the status does not
}

// askHTTP asks an HTTP proxy. The answer's octets are read through a buffer,
// since the server's greeting may follow in the same packet.
func (p *proxy) askHTTP(ctx context.Context, nc net.Conn, target string) (net.Conn, error) {
	request := "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n"
	if p.hasLogin {
		request += "Proxy-Authorization: Basic " + p.basic() + "\r\n"
	}
	if _, err := io.WriteString(nc, request+"\r\n"); err != nil {
		return nil, p.broken(ctx, proxySilent, "does not take the request", err)
	}
	br := bufio.NewReaderSize(nc, maxConnectLine)
	reply, err := readConnectReply(br)
	if err != nil {
		return nil, p.unread(ctx, err)
	}
	if reply.code/100 == 2 {
		return &buffered{Conn: nc, br: br}, nil
	}
	return nil, p.httpVerdict(reply, target)
}

func (p *proxy) httpVerdict(reply connectReply, target string) error {
	words := fmt.Sprintf("answered %q to CONNECT %s", reply.status, target)
	if reply.squid != "" {
		words += " (" + reply.squid + ")"
	}
	return p.fail(reply.says(), "%s", words)
}

// says reads the status, and Squid's own word with the error number where there is one.
func (r connectReply) says() proxyWord {
	word, number, _ := strings.Cut(r.squid, " ")
	switch {
	case r.code == 407, r.code == 401:
		return proxyWantsLogin
	case word == "ERR_DNS_FAIL":
		return proxyNoHost
	case word == "ERR_CONNECT_FAIL" && number == "111":
		return targetRefuses
	case word == "ERR_CONNECT_FAIL" && (number == "101" || number == "113"):
		return targetNoRoute
	case word == "ERR_CONNECT_FAIL" && number == "110", r.code == 504:
		return targetSilent
	case r.code == 403, r.code == 405, r.code == 451:
		return proxyForbids
	}
	return proxyFails
}

// readConnectReply reads the head of the answer, bounded, up to the empty line.
func readConnectReply(br *bufio.Reader) (connectReply, error) {
	var r connectReply
	if first, err := br.Peek(1); err != nil {
		return r, err
	} else if first[0] != 'H' {
		text, _ := br.Peek(min(br.Buffered(), 64))
		return r, foreign(text, "HTTP")
	}
	line, err := connectLine(br)
	if err != nil {
		return r, err
	}
	version, status, _ := strings.Cut(line, " ")
	status = strings.TrimSpace(status)
	code, _, _ := strings.Cut(status, " ")
	if r.code, err = strconv.Atoi(code); err != nil || !strings.HasPrefix(version, "HTTP/") || r.code < 200 || r.code > 599 {
		return r, foreign([]byte(line[:min(len(line), 64)]), "HTTP")
	}
	r.status = status
	for range maxConnectLines {
		line, err := connectLine(br)
		switch {
		case err != nil && r.code/100 != 2: // what it says is known
			return r, nil
		case err != nil:
			return r, err
		case line == "":
			return r, nil
		}
		if name, value, _ := strings.Cut(line, ":"); strings.EqualFold(name, "X-Squid-Error") {
			r.squid = strings.TrimSpace(value)
		}
	}
	return r, &foreignError{fmt.Sprintf("its answer has more than %d lines", maxConnectLines)}
}

func connectLine(br *bufio.Reader) (string, error) {
	line, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", &foreignError{fmt.Sprintf("its answer has a line of more than %d octets", maxConnectLine)}
	}
	if err != nil {
		return "", partOf(len(line), err)
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

// buffered is a connection of which some bytes were read already.
type buffered struct {
	net.Conn
	br *bufio.Reader
}

func (b *buffered) Read(p []byte) (int, error) {
	if b.br.Buffered() > 0 {
		return b.br.Read(p)
	}
	return b.Conn.Read(p)
}
