package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Limits of one look-up of our own.
const (
	queryTry   = 2500 * time.Millisecond // for one answer from one server
	queryTurns = 2                       // through the list of servers
	maxServers = 3                       // as the system's own resolvers have it
	maxRecords = 32                      // of one answer that are kept
	maxAliases = 16
)

// answer is what our own query for one type of record gave.
type answer struct {
	server  string // IP:PORT that was asked last
	rcode   string // "" when no answer came
	extra   string // the extended error in words (RFC 8914)
	aliases []string
	addrs   []netip.Addr
	mx      []string // by preference
	err     error    // no answer came
}

// failed tells whether there is no telling what there is.
func (a *answer) failed() bool {
	return a.err != nil || a.rcode != "NOERROR" && a.rcode != "NXDOMAIN"
}

// resolver asks DNS servers itself, since the system's resolver tells neither
// aliases nor why there is no answer.
type resolver struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	servers []string // IP:PORT
}

// query asks for one type of record at the first server that has an answer. A
// server that cannot say (SERVFAIL, REFUSED) is passed over like a silent one.
func (r *resolver) query(ctx context.Context, name string, kind uint16) *answer {
	result := &answer{err: errNoServer}
	for turn := range queryTurns {
		for _, server := range r.servers[:min(len(r.servers), maxServers)] {
			if ctx.Err() != nil {
				return result
			}
			reply, err := r.exchange(ctx, server, name, kind, turn == 0)
			if err == nil {
				result = readAnswer(server, name, kind, reply)
				if !result.failed() {
					return result
				}
			} else if result.err != nil {
				result = &answer{server: server, err: err}
			}
		}
		if !mayChange(result) {
			return result
		}
	}
	return result
}

var errNoServer = errors.New("no DNS server is known")

// mayChange: only silence is worth a second turn; a server that said that it
// cannot, or that is not there, says so again.
func mayChange(a *answer) bool { return a.err != nil && kindOf(a.err) == Timeout }

// exchange asks one server over UDP, and over TCP when the answer did not fit.
// Some firewalls drop questions with EDNS (RFC 6891), so that the second turn
// does without.
func (r *resolver) exchange(ctx context.Context, server, name string, kind uint16, edns bool) (*dns.Msg, error) {
	limit, cancel := context.WithTimeout(ctx, queryTry)
	defer cancel()
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), kind)
	if edns {
		m.SetEdns0(1232, false)
	}
	reply, err := r.ask(limit, "udp", server, m)
	if err == nil && (reply.Rcode == dns.RcodeFormatError || reply.Rcode == dns.RcodeNotImplemented) {
		m.Extra = nil // a server from before EDNS (RFC 6891 section 7)
		reply, err = r.ask(limit, "udp", server, m)
	}
	if err == nil && reply.Truncated {
		if whole, err := r.ask(limit, "tcp", server, m); err == nil {
			return whole, nil
		}
	}
	return reply, err
}

func (r *resolver) ask(ctx context.Context, network, server string, m *dns.Msg) (*dns.Msg, error) {
	nc, err := r.dial(ctx, network, server)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	defer nc.Close()
	deadline, _ := ctx.Deadline()
	_ = nc.SetDeadline(deadline)
	defer context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })()
	conn := &dns.Conn{Conn: nc, UDPSize: 1232}
	if err := conn.WriteMsg(m); err != nil {
		return nil, fmt.Errorf("ask %s: %w", server, err)
	}
	for {
		reply, err := conn.ReadMsg()
		if (err == nil || reply != nil && reply.Truncated) && isAnswerTo(m, reply) { // what was cut may not parse
			return reply, nil
		}
		if err != nil && (reply == nil || network == "tcp") { // over UDP, garbage may be somebody else's
			return nil, fmt.Errorf("ask %s: %w", server, err)
		}
	}
}

func isAnswerTo(m, reply *dns.Msg) bool {
	if !reply.Response || reply.Id != m.Id {
		return false
	}
	if len(reply.Question) == 0 { // allowed with errors
		return reply.Rcode != dns.RcodeSuccess
	}
	return reply.Question[0].Qtype == m.Question[0].Qtype && strings.EqualFold(reply.Question[0].Name, m.Question[0].Name)
}

func readAnswer(server, name string, kind uint16, reply *dns.Msg) *answer {
	a := &answer{server: server, rcode: dns.RcodeToString[reply.Rcode], extra: extendedError(reply)}
	if a.rcode == "" {
		a.rcode = fmt.Sprintf("RCODE%d", reply.Rcode)
	}
	a.aliases = aliasesOf(name, reply.Answer)
	owner := dns.Fqdn(name)
	if n := len(a.aliases); n > 0 {
		owner = dns.Fqdn(a.aliases[n-1])
	}
	var mx []*dns.MX
	for _, rr := range reply.Answer {
		if !strings.EqualFold(rr.Header().Name, owner) || len(a.addrs) >= maxRecords || len(mx) >= maxRecords {
			continue
		}
		switch rr := rr.(type) {
		case *dns.A:
			if ip, ok := netip.AddrFromSlice(rr.A.To4()); ok && kind == dns.TypeA {
				a.addrs = append(a.addrs, ip)
			}
		case *dns.AAAA:
			if ip, ok := netip.AddrFromSlice(rr.AAAA.To16()); ok && kind == dns.TypeAAAA {
				a.addrs = append(a.addrs, ip.Unmap())
			}
		case *dns.MX:
			mx = append(mx, rr)
		}
	}
	slices.SortStableFunc(mx, func(a, b *dns.MX) int { return int(a.Preference) - int(b.Preference) })
	for _, rr := range mx {
		if rr.Mx != "." { // "no mail here", RFC 7505
			a.mx = append(a.mx, plainName(rr.Mx))
		}
	}
	return a
}

// plainName is a name as a person writes it.
func plainName(fqdn string) string { return strings.ToLower(strings.TrimSuffix(fqdn, ".")) }

// aliasesOf follows the chain of CNAMEs from name.
func aliasesOf(name string, records []dns.RR) []string {
	next := map[string]string{}
	for _, rr := range records {
		if c, ok := rr.(*dns.CNAME); ok {
			next[strings.ToLower(c.Hdr.Name)] = c.Target
		}
	}
	var chain []string
	for at := strings.ToLower(dns.Fqdn(name)); len(chain) < maxAliases; {
		target, ok := next[at]
		if !ok {
			break
		}
		delete(next, at) // a loop ends here
		chain = append(chain, plainName(target))
		at = strings.ToLower(target)
	}
	return chain
}

// extendedError gives what a server says beside SERVFAIL (RFC 8914).
func extendedError(m *dns.Msg) string {
	opt := m.IsEdns0()
	if opt == nil {
		return ""
	}
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			return strings.Trim(dns.ExtendedErrorCodeToString[e.InfoCode]+": "+e.ExtraText, ": ")
		}
	}
	return ""
}
