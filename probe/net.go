package probe

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
)

// Net is the world outside; nil fields mean the real thing.
type Net struct {
	// Dial opens a TCP connection, or a UDP one for look-ups.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// LookupAddrs asks what an application would see: hosts file, search list, everything.
	LookupAddrs func(ctx context.Context, host string) ([]netip.Addr, error)
	// Resolvers names the system's DNS servers as IP:PORT; empty: none known.
	Resolvers func() []string
	// Roots are this computer's trusted authorities, PublicRoots the public list.
	Roots, PublicRoots *x509.CertPool
}

func (n Net) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if n.Dial != nil {
		return n.Dial(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
