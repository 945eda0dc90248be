package probe

import (
	"net/netip"

	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/secret"
)

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

func PasswordRemarks(secret.Value) []cause.Observation { return nil }
