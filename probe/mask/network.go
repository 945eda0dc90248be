package mask

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

var (
	sixPattern    = compiled(`(?i)(?:IPv6:)?[0-9a-f:]*:(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]*)`)
	fourPattern   = compiled(`\d{1,3}(?:\.\d{1,3}){3}`)
	dashedPattern = compiled(`\d{1,3}(?:-\d{1,3}){3}`)
)

// networks replaces IP addresses, also those of which a host name is made
// (203-0-113-7.dyn.isp.example) and those of look-ups (7.113.0.203.zen.example).
func (m *Masker) networks(s string) string {
	s = replaced(sixPattern(), s, func(from, to int) (string, bool) { return m.six(s, from, to) })
	s = replaced(fourPattern(), s, func(from, to int) (string, bool) { return m.four(s, from, to) })
	return replaced(dashedPattern(), s, func(from, to int) (string, bool) {
		a, ok := fourOf(strings.Split(s[from:to], "-"))
		if !ok || !isWhole(s, from, to) || from > 0 && s[from-1] == '-' || to < len(s) && s[to] == '-' && to+1 < len(s) && s[to+1] >= '0' && s[to+1] <= '9' {
			return "", false
		}
		return strings.ReplaceAll(m.ip(a).String(), ".", "-"), true
	})
}

// six replaces an IPv6 address, also one that has an IPv4 address in it.
func (m *Masker) six(s string, from, to int) (string, bool) {
	text := s[from:to]
	if !isWhole(s, from, to) || strings.Count(text, ":") < 2 {
		return "", false
	}
	tag, rest := "", ""
	if len(text) > 5 && strings.EqualFold(text[:5], "IPv6:") {
		tag, text = text[:5], text[5:]
	}
	if strings.HasSuffix(text, ":") && !strings.HasSuffix(text, "::") {
		text, rest = text[:len(text)-1], ":"
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return "", false
	}
	to4 := m.ip(a.Unmap())
	if a.Is4In6() {
		return tag + "::ffff:" + to4.String() + rest, true
	}
	return tag + to4.String() + rest, to4 != a
}

// four replaces an IPv4 address; before a name its parts stand in the order of the DNS.
func (m *Masker) four(s string, from, to int) (string, bool) {
	a, ok := fourOf(strings.Split(s[from:to], "."))
	if !ok || !isWhole(s, from, to) || from > 0 && s[from-1] == '.' {
		return "", false
	}
	if to+1 < len(s) && s[to] == '.' {
		if s[to+1] >= '0' && s[to+1] <= '9' {
			return "", false
		}
		if isWordly(rune(s[to+1])) {
			return turned(m.ip(turned(a))).String(), true
		}
	}
	return m.ip(a).String(), true
}

// fourOf reads the parts of an IPv4 address, also with zeros before a number.
func fourOf(parts []string) (netip.Addr, bool) {
	var b [4]byte
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || len(parts) != 4 {
			return netip.Addr{}, false
		}
		b[i] = byte(n)
	}
	return netip.AddrFrom4(b), true
}

func turned(a netip.Addr) netip.Addr {
	b := a.As4()
	return netip.AddrFrom4([4]byte{b[3], b[2], b[1], b[0]})
}

// ip gives the stand-in of an address, one for documentation (RFC 5737, RFC 3849).
func (m *Masker) ip(a netip.Addr) netip.Addr {
	a = a.WithZone("")
	if isNobodys(a) || m.isStandIn(a) {
		return a
	}
	if to, known := m.ips[a]; known {
		return to
	}
	to := m.nextIP(a.Is4())
	if len(m.ips) < 2*mostNames {
		m.ips[a] = to
	}
	return to
}

// isStandIn: addresses for documentation are nobody's, and may stand for somebody's.
func (m *Masker) isStandIn(a netip.Addr) bool {
	return m.issued[a.String()]
}

// nextIP counts through the networks for documentation, then through the one for benchmarks.
func (m *Masker) nextIP(four bool) netip.Addr {
	for {
		kind := map[bool]string{true: "four", false: "six"}[four]
		a := documentation(four, m.number(kind))
		if _, taken := m.ips[a]; taken && m.counts[kind] < mostNames {
			continue
		}
		m.issued[a.String()] = true
		return a
	}
}

func documentation(four bool, n int) netip.Addr {
	if !four {
		return netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n))
	}
	networks := []string{"192.0.2.", "198.51.100.", "203.0.113."}
	if i := n / 254; i < len(networks) {
		return netip.MustParseAddr(networks[i] + strconv.Itoa(n%254+min(i, 1)))
	}
	return netip.AddrFrom4([4]byte{198, 18, byte(n >> 8), byte(n)})
}

// isNobodys: an address of this computer itself, or of a name server that
// everybody can use, tells nothing.
func isNobodys(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	switch a.String() {
	case "1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9", "2606:4700:4700::1111", "2001:4860:4860::8888", "2620:fe::fe":
		return true
	}
	return false
}
