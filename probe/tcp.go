package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
)

// TCPEvidence is what connecting to one address gave.
type TCPEvidence struct {
	LocalAddress Maybe `json:"local_address"` // of this end, without its port
	Family       *int  `json:"family"`        // 4 or 6; null where a proxy resolves
	Proxy        Maybe `json:"proxy"`         // without user and password

	proxyLogin bool // the proxy wants a login, or another one
	proxySaid  proxyWord
}

func (*TCPEvidence) isEvidence() {}

func (e *TCPEvidence) summary(fault *Fault) string {
	switch {
	case fault == nil && e.Proxy != "":
		return "answers, through the proxy"
	case fault == nil:
		return "answers"
	}
	if words := e.proxySaid.summary(); words != "" {
		return words
	}
	switch fault.Kind {
	case ConnRefused:
		return "refused"
	case Timeout:
		return "no answer"
	case Unreachable:
		return "no route to the address"
	case Reset:
		return "the connection was reset"
	}
	return ""
}

// tcpStep connects to the lane's address, or asks the proxy to.
func tcpStep(ctx context.Context, l *lane) (Evidence, error) {
	e := &TCPEvidence{Proxy: Maybe(l.settings().Proxy)}
	if l.addr.IsValid() {
		e.Family = ptr(familyOf(l.addr.Addr()))
	}
	nc, err := l.dialInTurn(ctx, false)
	if err != nil {
		var refused *proxyError
		if errors.As(err, &refused) {
			e.proxySaid, e.proxyLogin = refused.said, refused.said == proxyWantsLogin
		}
		return e, err
	}
	if local, ok := addrOf(nc.LocalAddr()); ok {
		e.LocalAddress = Maybe(local.String())
	}
	l.attach(nc)
	return e, nil
}

func familyOf(a netip.Addr) int {
	if a.Unmap().Is4() {
		return 4
	}
	return 6
}

// dial opens one more connection to the lane's target, directly or through the proxy.
func (l *lane) dial(ctx context.Context) (net.Conn, error) {
	nc, err := l.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &tap{Conn: nc}, nil
}

// dialInTurn counts the connection among those to the address; one beside the
// lane's own waits for its turn.
func (l *lane) dialInTurn(ctx context.Context, beside bool) (net.Conn, error) {
	if l.run.others == nil || !l.addr.IsValid() {
		return l.dial(ctx)
	}
	ip, host, turns := l.addr.Addr().String(), l.settings().Host, &l.run.others.turns
	var leave func()
	if beside {
		waited, err := turns.wait(ctx, ip, host)
		if err != nil {
			return nil, err
		}
		leave = waited
	} else {
		leave = turns.enter(ip, host)
	}
	nc, err := l.dial(ctx)
	if err != nil {
		leave()
		return nil, err
	}
	if t, ok := nc.(*tap); ok {
		t.leave = leave
	}
	return nc, nil
}

func (l *lane) connect(ctx context.Context) (net.Conn, error) {
	if l.settings().Proxy == "" {
		return l.run.prober.Net.dial(ctx, "tcp", l.addr.String())
	}
	p, err := parseProxy(l.settings())
	if err != nil {
		return nil, err
	}
	l.run.redactor.Learn(p.secrets()...)
	return p.dial(ctx, l.run.prober.Net.dial, l.target())
}

// target is what a proxy is asked for: the address, or the name where the proxy resolves.
func (l *lane) target() string {
	if l.addr.IsValid() {
		return l.addr.String()
	}
	return net.JoinHostPort(l.settings().Host, itoa(l.settings().Port))
}

// tapBytes is how much of what a server sends into a handshake is kept.
const tapBytes = 1024

// tap keeps the first bytes that come while it is open: crypto/tls tells five
// of those that were no TLS, and it is the whole line that tells a story.
type tap struct {
	net.Conn
	open  bool
	seen  []byte
	heard *atomic.Int64 // counts the octets, if not nil
	leave func()        // gives the connection's turn back, if not nil
}

func (t *tap) Close() error {
	if t.leave != nil {
		defer t.leave() // only then may the next one connect
	}
	return t.Conn.Close()
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if t.heard != nil {
		t.heard.Add(int64(n))
	}
	if t.open && len(t.seen) < tapBytes {
		t.seen = append(t.seen, p[:min(n, tapBytes-len(t.seen))]...)
	}
	return n, err
}

// turn opens or closes the tap.
func (t *tap) turn(open bool) {
	t.open = open
	if open {
		t.seen = nil
	}
}
