package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/miekg/dns"
)

// Bounds on one answer of the DNS.
const (
	maxRecords = 32
	maxAliases = 16
)

// records are an answer of the DNS to one question.
type records struct {
	exists  bool     // the name is there, with or without records of this type
	aliases []string // the chain from the name, the last one has the records
	all     []dns.RR // of the type that was asked for and of the name at the end of the chain
}

// target is the end of the chain of aliases, "" where there is none.
func (r records) target() string {
	if len(r.aliases) == 0 {
		return ""
	}
	return r.aliases[len(r.aliases)-1]
}

// lookup asks for one type of record. Records of other names are dropped, and
// a chain of aliases that bites its tail ends: an answer may lie.
func (s *search) lookup(ctx context.Context, name string, kind uint16) (records, error) {
	if len(name) > 253 {
		return records{}, nil
	}
	reply, err := s.world.Net.Query(ctx, s.world.Resolver, name, kind)
	switch {
	case err != nil:
		return records{}, fmt.Errorf("ask the DNS for %s %s: %w", name, dns.TypeToString[kind], err)
	case reply.Rcode == dns.RcodeNameError:
		return records{aliases: chain(name, reply.Answer)}, nil
	case reply.Rcode != dns.RcodeSuccess:
		return records{}, fmt.Errorf("the DNS server could not answer (%s)", rcodeWord(reply.Rcode))
	}
	r := records{exists: true, aliases: chain(name, reply.Answer)}
	owner := dns.Fqdn(name)
	if target := r.target(); target != "" {
		owner = dns.Fqdn(target)
	}
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == kind && strings.EqualFold(rr.Header().Name, owner) && len(r.all) < maxRecords {
			r.all = append(r.all, rr)
		}
	}
	return r, nil
}

func rcodeWord(code int) string {
	if word := dns.RcodeToString[code]; word != "" {
		return word
	}
	return fmt.Sprintf("RCODE %d", code)
}

// chain follows the aliases from a name.
func chain(name string, answer []dns.RR) []string {
	next := map[string]string{}
	for _, rr := range answer {
		if c, ok := rr.(*dns.CNAME); ok {
			next[strings.ToLower(c.Hdr.Name)] = plain(c.Target)
		}
	}
	var aliases []string
	for at := strings.ToLower(dns.Fqdn(name)); len(aliases) < maxAliases; {
		target, ok := next[at]
		if !ok {
			break
		}
		delete(next, at)
		aliases = append(aliases, target)
		at = dns.Fqdn(target)
	}
	return aliases
}

// plain is a name of the DNS as a person writes it.
func plain(fqdn string) string { return strings.ToLower(strings.TrimSuffix(fqdn, ".")) }

// addresses looks a host up: at the resolver that was set, else as the rest of
// this computer does. None and no error means that there is no such host.
func (s *search) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if s.world.Resolver == "" {
		return s.systemAddresses(ctx, host)
	}
	type both struct {
		addrs []netip.Addr
		err   error
	}
	six := make(chan both, 1)
	go func() {
		addrs, err := s.ofType(ctx, host, dns.TypeAAAA)
		six <- both{addrs, err}
	}()
	four, err := s.ofType(ctx, host, dns.TypeA)
	other := <-six
	all := append(four, other.addrs...)
	if len(all) > 0 {
		return all, nil
	}
	return nil, errors.Join(err, other.err)
}

func (s *search) ofType(ctx context.Context, host string, kind uint16) ([]netip.Addr, error) {
	r, err := s.lookup(ctx, host, kind)
	var addrs []netip.Addr
	for _, rr := range r.all {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A.To4()
		case *dns.AAAA:
			ip = rr.AAAA.To16()
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, addr.Unmap())
		}
	}
	return addrs, err
}

func (s *search) systemAddresses(ctx context.Context, host string) ([]netip.Addr, error) {
	look := s.world.Net.LookupAddrs
	if look == nil {
		look = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	addrs, err := look(ctx, host)
	var dnsError *net.DNSError
	if errors.As(err, &dnsError) && dnsError.IsNotFound {
		return nil, nil
	}
	return addrs, err
}

// trouble is the reply of a source that could not be asked.
func trouble(err error) reply {
	if isTimeout(err) {
		return reply{state: TimedOut, text: "no answer in time"}
	}
	return reply{state: Failed, text: err.Error()}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, &timeout) && timeout.Timeout()
}
