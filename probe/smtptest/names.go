package smtptest

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// record is a line of the block "dns": a name and what is said of it.
type record struct {
	name  string // lower case with the final dot
	kind  string // A, AAAA, MX, CNAME, TXT, or nxdomain, servfail, nodata, silent
	value string
}

// record reads "NAME A 127.0.0.1", "NAME CNAME OTHER", "NAME MX 10 HOST", "NAME nxdomain".
func (p *parser) record(line string) error {
	f := strings.Fields(line)
	if len(f) < 2 {
		return fmt.Errorf("a name wants a type and a value, or nxdomain, servfail, nodata, silent")
	}
	r := record{name: dns.Fqdn(strings.ToLower(f[0])), kind: f[1], value: strings.Join(f[2:], " ")}
	if !slices.Contains([]string{"nxdomain", "servfail", "nodata", "silent"}, r.kind) {
		if _, err := r.answer(); err != nil {
			return err
		}
	}
	p.d.records = append(p.d.records, r)
	return nil
}

// answer makes the resource record of a line that has one.
func (r record) answer() (dns.RR, error) {
	header := dns.RR_Header{Name: r.name, Class: dns.ClassINET, Ttl: 300}
	switch r.kind {
	case "A", "AAAA":
		ip, err := netip.ParseAddr(r.value)
		if err != nil || ip.Is4() != (r.kind == "A") || !ip.IsLoopback() && !ip.IsPrivate() {
			return nil, fmt.Errorf("%s wants a loopback or a private address", r.kind)
		}
		if header.Rrtype = dns.TypeA; r.kind == "AAAA" {
			header.Rrtype = dns.TypeAAAA
			return &dns.AAAA{Hdr: header, AAAA: ip.AsSlice()}, nil
		}
		return &dns.A{Hdr: header, A: ip.AsSlice()}, nil
	case "CNAME":
		header.Rrtype = dns.TypeCNAME
		return &dns.CNAME{Hdr: header, Target: dns.Fqdn(r.value)}, nil
	case "MX":
		preference, host, _ := strings.Cut(r.value, " ")
		n, err := strconv.ParseUint(preference, 10, 16)
		if err != nil || host == "" {
			return nil, fmt.Errorf("MX wants a number and a host")
		}
		header.Rrtype = dns.TypeMX
		return &dns.MX{Hdr: header, Preference: uint16(n), Mx: dns.Fqdn(host)}, nil
	case "TXT":
		if r.value == "" || len(r.value) > 255 {
			return nil, fmt.Errorf("TXT wants a text of at most 255 characters")
		}
		header.Rrtype = dns.TypeTXT
		return &dns.TXT{Hdr: header, Txt: []string{r.value}}, nil
	}
	return nil, fmt.Errorf("%q is none of A, AAAA, CNAME, MX, TXT, nxdomain, servfail, nodata, silent", r.kind)
}

// leadsAway tells whether the address is not this computer's.
func (r record) leadsAway() bool {
	ip, err := netip.ParseAddr(r.value)
	return err == nil && !ip.IsLoopback()
}

// zone answers for the names of a dialogue; every other name does not exist.
type zone []record

// ServeDNS answers one question.
func (z zone) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	reply := new(dns.Msg)
	reply.SetReply(question)
	reply.RecursionAvailable = true
	if len(question.Question) == 1 && !z.fill(reply, question.Question[0]) {
		return // silent: the client's own patience decides
	}
	// Nobody is left to tell when the asker has gone.
	_ = w.WriteMsg(reply)
}

// fill writes what is known into the reply; false means to say nothing.
func (z zone) fill(reply *dns.Msg, q dns.Question) bool {
	name := strings.ToLower(q.Name)
	for range 9 { // a chain of names ends, even one that bites its tail
		all := z.of(name)
		switch {
		case len(all) == 0 || all[0].kind == "nxdomain":
			reply.Rcode, reply.Ns = dns.RcodeNameError, authorityOf(name)
			return true
		case all[0].kind == "servfail":
			reply.Rcode = dns.RcodeServerFailure
			return true
		case all[0].kind == "silent":
			return false
		}
		next := addAnswers(reply, all, q.Qtype)
		if next == "" {
			break
		}
		name = next
	}
	if len(reply.Answer) == 0 {
		reply.Ns = authorityOf(name)
	}
	return true
}

func (z zone) of(name string) []record {
	var all []record
	for _, r := range z {
		if r.name == name {
			all = append(all, r)
		}
	}
	return all
}

// addAnswers adds the records of a type, and gives the name that an alias leads to.
func addAnswers(reply *dns.Msg, all []record, kind uint16) (next string) {
	for _, r := range all {
		rr, err := r.answer()
		if err != nil {
			continue // "nodata" has none
		}
		alias, isAlias := rr.(*dns.CNAME)
		if !isAlias && rr.Header().Rrtype != kind {
			continue
		}
		reply.Answer = append(reply.Answer, rr)
		if isAlias && kind != dns.TypeCNAME {
			next = strings.ToLower(alias.Target)
		}
	}
	return next
}

// authorityOf is the SOA that a negative answer carries (RFC 2308 section 2).
func authorityOf(name string) []dns.RR {
	parent := "."
	if labels := dns.SplitDomainName(name); len(labels) > 1 {
		parent = dns.Fqdn(strings.Join(labels[len(labels)-2:], "."))
	}
	return []dns.RR{&dns.SOA{
		Hdr: dns.RR_Header{Name: parent, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
		Ns:  "ns.acme.example.", Mbox: "hostmaster.acme.example.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 60,
	}}
}

// serveNames starts the DNS server on loopback, UDP and TCP on one port.
func (s *Server) serveNames() error {
	if len(s.dialogue.records) == 0 {
		return nil
	}
	tcp, udp, err := bothKinds()
	if err != nil {
		return fmt.Errorf("listen for DNS: %w", err)
	}
	s.resolver = tcp.Addr().String()
	for _, server := range []*dns.Server{
		{Listener: tcp, Handler: zone(s.dialogue.records)},
		{PacketConn: udp, Handler: zone(s.dialogue.records)},
	} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		failed := make(chan error, 1)
		s.running.Go(func() { failed <- server.ActivateAndServe() })
		select {
		case <-started:
		case err := <-failed:
			return fmt.Errorf("serve DNS: %w", err)
		}
		if err := s.keep(closer(server.Shutdown)); err != nil {
			return err
		}
	}
	return nil
}

// bothKinds finds a port that is free for TCP and for UDP.
func bothKinds() (net.Listener, net.PacketConn, error) {
	for range 20 {
		tcp, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, nil, err
		}
		udp, err := net.ListenPacket("udp4", tcp.Addr().String())
		if err == nil {
			return tcp, udp, nil
		}
		tcp.Close()
	}
	return nil, nil, fmt.Errorf("no port is free for both TCP and UDP")
}

// closer makes a function an io.Closer.
type closer func() error

func (c closer) Close() error { return c() }
