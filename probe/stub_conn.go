package probe

import (
	"context"
	"net"
	"net/netip"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

func serverName(s *Settings) string {
	if s.TLSServerName != "" {
		return s.TLSServerName
	}
	if _, err := netip.ParseAddr(s.Host); err == nil {
		return ""
	}
	return s.Host
}

func addressKind(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate():
		return "private"
	}
	return "public"
}

func (r *run) lanesFor(e *DNSEvidence) []netip.Addr {
	var out []netip.Addr
	for _, a := range e.Addresses {
		out = append(out, netip.MustParseAddr(a.Address))
	}
	return out
}

func (l *lane) dial(ctx context.Context) (net.Conn, error) {
	return l.run.prober.Net.dial(ctx, "tcp", l.addr.String())
}

func PasswordRemarks(secret.Value) []cause.Observation { return nil }
