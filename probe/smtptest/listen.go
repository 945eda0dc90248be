package smtptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

var (
	unquoteMarks = strings.NewReplacer(`\"`, `"`, `\\`, `\`)
	errPortTaken = errors.New("the port is taken on one of the addresses")
)

// addresses gives where to listen. Loopback means both families, since
// "localhost" does, as far as the computer has both.
func (s *Server) addresses() ([]netip.AddrPort, error) {
	host, port := "127.0.0.1", "0"
	if s.options.Listen != "" {
		var err error
		if host, port, err = net.SplitHostPort(s.options.Listen); err != nil {
			return nil, fmt.Errorf("listen address %q: %w", s.options.Listen, err)
		}
	}
	if host == "localhost" || host == "" {
		host = "127.0.0.1"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: the port is no number from 0 to 65535", s.options.Listen)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", s.options.Listen, err)
	}
	all := []netip.AddrPort{netip.AddrPortFrom(ip, uint16(n))}
	if ip != netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
		return all, nil
	}
	if hasIPv6() {
		return append(all, netip.AddrPortFrom(netip.IPv6Loopback(), uint16(n))), nil
	}
	if len(s.dialogue.lanes) > 1 {
		return nil, ErrNoIPv6
	}
	return all, nil
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// listen opens every address on the same port, or none of them.
func (s *Server) listen(addresses []netip.AddrPort) error {
	var opened []io.Closer
	var serve []func()
	port := addresses[0].Port()
	for i, a := range addresses {
		c, run, at, err := s.openAddress(netip.AddrPortFrom(a.Addr(), port))
		if err != nil {
			for _, o := range opened {
				_ = o.Close() // it was never used
			}
			if i > 0 && addresses[0].Port() == 0 {
				return fmt.Errorf("%w: %w", errPortTaken, err)
			}
			return err
		}
		port = at
		opened = append(opened, c)
		serve = append(serve, run)
	}
	s.port = int(port)
	var err error
	for _, c := range opened {
		err = errors.Join(err, s.keep(c))
	}
	if err != nil {
		return err
	}
	for _, run := range serve {
		s.running.Go(run)
	}
	return nil
}

// openAddress opens one address the way its script says; run serves it.
func (s *Server) openAddress(at netip.AddrPort) (c io.Closer, run func(), port uint16, err error) {
	address := at.Addr().String()
	switch s.script(address).tcp {
	case "refused":
		c, port, err = holdPort(at)
		return c, func() {}, port, err
	case "timeout":
		c, port, err = fullPort(at)
		return c, func() {}, port, err
	}
	l, err := (&net.ListenConfig{}).Listen(s.ctx, "tcp", at.String())
	if err != nil {
		return nil, nil, 0, err
	}
	a, err := netip.ParseAddrPort(l.Addr().String())
	return l, func() { s.accept(l, address) }, a.Port(), err
}

func (s *Server) accept(l net.Listener, address string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // the listener was closed
		}
		s.running.Go(func() { s.ServeAt(address, conn) })
	}
}

// holdPort keeps a port from everybody else without listening on it, by
// calling out from it: who connects to it is refused.
func holdPort(at netip.AddrPort) (io.Closer, uint16, error) {
	l, err := net.Listen("tcp", netip.AddrPortFrom(at.Addr(), 0).String())
	if err != nil {
		return nil, 0, err
	}
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(at)}
	conn, err := d.DialContext(context.Background(), "tcp", l.Addr().String())
	if err != nil {
		l.Close()
		return nil, 0, err
	}
	held, err := netip.ParseAddrPort(conn.LocalAddr().String())
	return closer(func() error {
		// A reset leaves no port behind that waits for late packets.
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return errors.Join(conn.Close(), l.Close())
	}), held.Port(), err
}
