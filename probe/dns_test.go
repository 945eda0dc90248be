package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/smtpdx/smtpdx/probe/internal/pipe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// zone answers questions by records in zone file form; a name alone on its
// line is one that another word says something of: servfail, silent, nodata.
type zone struct {
	records []dns.RR
	special map[string]string // "name" or "name TYPE"
	mu      sync.Mutex
	asked   []string
}

func newZone(t *testing.T, lines ...string) *zone {
	t.Helper()
	z := &zone{special: map[string]string{}}
	for _, line := range lines {
		if i := strings.LastIndex(line, " "); slices.Contains([]string{"servfail", "silent", "nodata", "refused", "noedns"}, line[i+1:]) {
			z.special[line[:i]] = line[i+1:]
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		z.records = append(z.records, rr)
	}
	return z
}

func (z *zone) ServeDNS(w dns.ResponseWriter, m *dns.Msg) {
	q := m.Question[0]
	network := w.LocalAddr().Network()
	z.mu.Lock()
	z.asked = append(z.asked, network+" "+q.Name+" "+dns.TypeToString[q.Qtype])
	z.mu.Unlock()
	reply := new(dns.Msg)
	reply.SetReply(m)
	said := z.special[q.Name+" "+dns.TypeToString[q.Qtype]]
	if said == "" {
		said = z.special[q.Name]
	}
	switch said {
	case "silent":
		return
	case "servfail":
		reply.Rcode = dns.RcodeServerFailure
		reply.SetEdns0(1232, false)
		reply.IsEdns0().Option = append(reply.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeDNSBogus, ExtraText: "no keys"})
	case "refused":
		reply.Rcode = dns.RcodeRefused
	case "noedns":
		if m.IsEdns0() != nil {
			reply.Rcode = dns.RcodeFormatError
			_ = w.WriteMsg(reply)
			return
		}
		z.fill(reply, q.Name, q.Qtype)
	default:
		if !z.fill(reply, q.Name, q.Qtype) && said != "nodata" {
			reply.Rcode = dns.RcodeNameError
		}
	}
	if network == "udp" && reply.Len() > 1232 {
		reply.Truncate(1232)
	}
	_ = w.WriteMsg(reply)
}

// fill follows aliases; it tells whether the last name exists.
func (z *zone) fill(reply *dns.Msg, name string, kind uint16) bool {
	exists := false
	for _, rr := range z.records {
		if !strings.EqualFold(rr.Header().Name, name) {
			continue
		}
		exists = true
		if rr.Header().Rrtype == kind {
			reply.Answer = append(reply.Answer, rr)
		}
		if c, ok := rr.(*dns.CNAME); ok {
			reply.Answer = append(reply.Answer, rr)
			return z.fill(reply, c.Target, kind)
		}
	}
	return exists
}

// serve answers on one free port over UDP and TCP.
func (z *zone) serve(t *testing.T) string {
	t.Helper()
	for range 20 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", pc.LocalAddr().String())
		if err != nil { // taken over TCP
			pc.Close()
			continue
		}
		for _, s := range []*dns.Server{{PacketConn: pc, Handler: z}, {Listener: l, Handler: z}} {
			ready := make(chan struct{})
			s.NotifyStartedFunc = func() { close(ready) }
			go func() { _ = s.ActivateAndServe() }()
			<-ready
			t.Cleanup(func() { _ = s.Shutdown() })
		}
		return pc.LocalAddr().String()
	}
	t.Fatal("no free port")
	return ""
}

// laneFor makes a lane as the runner would, without a runner.
func laneFor(t *testing.T, n Net, s Settings) *lane {
	t.Helper()
	r := &run{prober: &Prober{Net: n}, redactor: &secret.Redactor{}, settings: s, parent: t.Context(), started: time.Now(),
		events: make(chan Event, 1000), stopped: make(chan struct{})}
	return &lane{run: r, seen: map[StepID]Evidence{}}
}

func lookedUp(t *testing.T, n Net, s Settings) (*DNSEvidence, *Fault) {
	t.Helper()
	l := laneFor(t, n, s)
	ctx, cancel := context.WithTimeout(t.Context(), l.run.timeout(StepDNS))
	defer cancel()
	seen, err := dnsStep(ctx, l)
	return seen.(*DNSEvidence), faultOf(err)
}

func addressesOf(e *DNSEvidence) string { return joinAddresses(e.Addresses) }

func TestOwnQueryTellsWhichKindOfNothingCameBack(t *testing.T) {
	z := newZone(t,
		"mail.acme.example. A 192.0.2.10", "mail.acme.example. AAAA 2001:db8::10",
		"four.acme.example. A 192.0.2.4",
		"alias.acme.example. CNAME hop.kasserver.example.", "hop.kasserver.example. CNAME w0123.kasserver.example.", "w0123.kasserver.example. A 192.0.2.44",
		"dangling.acme.example. CNAME gone.acme.example.",
		"acme.example. MX 20 mx2.acme.example.", "acme.example. MX 10 MX1.acme.example.", "acme.example. nodata",
		"null.acme.example. MX 0 .", "null.acme.example. nodata",
		"bogus.acme.example. servfail", "closed.acme.example. refused",
		"half.acme.example. A 192.0.2.5", "half.acme.example. AAAA servfail",
		"old.acme.example. A 192.0.2.7", "old.acme.example. noedns",
		"txt.acme.example. TXT hello",
	)
	server := z.serve(t)
	for _, test := range []struct {
		host, addresses, cname, rcode, mx string
		kind                              FaultKind
		text, summary                     string
		partial                           bool
	}{
		{host: "mail.acme.example", addresses: "192.0.2.10, 2001:db8::10", rcode: "NOERROR", summary: "192.0.2.10, 2001:db8::10"},
		{host: "MAIL.acme.example.", addresses: "192.0.2.10, 2001:db8::10", rcode: "NOERROR"},
		{host: "four.acme.example", addresses: "192.0.2.4", rcode: "NOERROR"},
		{host: "alias.acme.example", addresses: "192.0.2.44", cname: "hop.kasserver.example, w0123.kasserver.example", rcode: "NOERROR",
			summary: "192.0.2.44, alias of w0123.kasserver.example"},
		{host: "smpt.acme.example", rcode: "NXDOMAIN", kind: NoSuchHost, text: "smpt.acme.example does not exist (NXDOMAIN from ", summary: "the name does not exist"},
		{host: "dangling.acme.example", rcode: "NXDOMAIN", cname: "gone.acme.example", kind: NoSuchHost, text: "is an alias of gone.acme.example, which does not exist"},
		{host: "txt.acme.example", rcode: "NOERROR", kind: NoData, text: "exists and has no address", summary: "the name has no address"},
		{host: "acme.example", rcode: "NOERROR", mx: "mx1.acme.example, mx2.acme.example", kind: NoData, text: "mail servers (MX) are mx1.acme.example",
			summary: "the name has no address, only mail servers (MX)"},
		{host: "null.acme.example", rcode: "NOERROR", kind: NoData},
		{host: "bogus.acme.example", rcode: "SERVFAIL", kind: ServFail, text: "SERVFAIL (DNSSEC Bogus: no keys)", summary: "the DNS server could not answer"},
		{host: "closed.acme.example", rcode: "REFUSED", kind: ServFail, text: "REFUSED"},
		{host: "half.acme.example", addresses: "192.0.2.5", rcode: "NOERROR", partial: true},
		{host: "old.acme.example", addresses: "192.0.2.7", rcode: "NOERROR"},
	} {
		t.Run(test.host, func(t *testing.T) {
			e, fault := lookedUp(t, Net{}, Settings{Host: test.host, Resolver: server})
			if fault == nil {
				fault = &Fault{}
			}
			if fault.Kind != test.kind || !strings.Contains(fault.Text, test.text) {
				t.Errorf("fault %s %q, want %s %q", fault.Kind, fault.Text, test.kind, test.text)
			}
			if got := addressesOf(e); got != test.addresses {
				t.Errorf("addresses %q, want %q", got, test.addresses)
			}
			if string(e.Resolver) != server || string(e.Rcode) != test.rcode || strings.Join(e.CNAME, ", ") != test.cname ||
				strings.Join(e.MX, ", ") != test.mx || e.partial != test.partial {
				t.Errorf("resolver %s rcode %s cname %v mx %v partial %v", e.Resolver, e.Rcode, e.CNAME, e.MX, e.partial)
			}
			if test.kind == "" {
				fault = nil
			}
			if got := e.summary(fault); test.summary != "" && got != test.summary {
				t.Errorf("summary %q", got)
			}
		})
	}
}

func TestAnAliasThatTurnsInACircleEnds(t *testing.T) {
	z := newZone(t, "a.example. CNAME b.example.")
	reply := new(dns.Msg)
	for _, text := range []string{"a.example. CNAME b.example.", "b.example. CNAME a.example."} {
		rr, _ := dns.NewRR(text)
		reply.Answer = append(reply.Answer, rr)
	}
	if got := aliasesOf("a.example", reply.Answer); !slices.Equal(got, []string{"b.example", "a.example"}) {
		t.Error(got, z.asked)
	}
}

func TestATruncatedAnswerIsAskedForOverTCP(t *testing.T) {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("many.acme.example. A 192.0.2.%d", i))
	}
	z := newZone(t, lines...)
	e, fault := lookedUp(t, Net{}, Settings{Host: "many.acme.example", Resolver: z.serve(t), Family: 4})
	if fault != nil || len(e.Addresses) != maxRecords {
		t.Errorf("%v, %d addresses", fault, len(e.Addresses))
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if !slices.Contains(z.asked, "tcp many.acme.example. A") {
		t.Errorf("asked %q", z.asked)
	}
	if slices.ContainsFunc(z.asked, func(s string) bool { return strings.HasSuffix(s, " AAAA") }) {
		t.Errorf("with -4, AAAA was asked for: %q", z.asked)
	}
}

// In virtual time: who drops questions with EDNS, and who is silent at all, is
// passed over for who answers.
func TestTheNextServerAndThePlainerQuestionAreTried(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	dial := func(_ context.Context, network, address string) (net.Conn, error) {
		client, server := pipe.New(time.Millisecond, &net.TCPAddr{}, &net.TCPAddr{})
		go func() {
			c := &dns.Conn{Conn: server}
			m, err := c.ReadMsg()
			if err != nil {
				return
			}
			mu.Lock()
			asked = append(asked, fmt.Sprint(address, " ", m.IsEdns0() != nil))
			mu.Unlock()
			reply := new(dns.Msg)
			reply.SetReply(m)
			switch {
			case address == "192.0.2.1:53": // silent
				return
			case address == "192.0.2.2:53" && m.IsEdns0() != nil:
				return
			case address == "192.0.2.3:53":
				reply.Rcode = dns.RcodeServerFailure
			default:
				rr, _ := dns.NewRR("mail.acme.example. A 192.0.2.10")
				reply.Answer = append(reply.Answer, rr)
			}
			_ = c.WriteMsg(reply)
		}()
		return client, nil
	}
	for _, test := range []struct {
		servers, asked []string
		rcode          string
		took           time.Duration
	}{
		{[]string{"192.0.2.4:53"}, []string{"192.0.2.4:53 true"}, "NOERROR", 0},
		{[]string{"192.0.2.1:53", "192.0.2.4:53"}, []string{"192.0.2.1:53 true", "192.0.2.4:53 true"}, "NOERROR", queryTry},
		{[]string{"192.0.2.3:53", "192.0.2.4:53"}, []string{"192.0.2.3:53 true", "192.0.2.4:53 true"}, "NOERROR", 0},
		{[]string{"192.0.2.3:53"}, []string{"192.0.2.3:53 true"}, "SERVFAIL", 0},
		{[]string{"192.0.2.2:53"}, []string{"192.0.2.2:53 true", "192.0.2.2:53 false"}, "NOERROR", queryTry},
		{[]string{"192.0.2.1:53"}, []string{"192.0.2.1:53 true", "192.0.2.1:53 false"}, "", 2 * queryTry},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked = nil
			begin := time.Now()
			a := (&resolver{dial: dial, servers: test.servers}).query(t.Context(), "mail.acme.example", dns.TypeA)
			if took := time.Since(begin); took < test.took || took > test.took+100*time.Millisecond {
				t.Errorf("%v: took %v", test.servers, took)
			}
			synctest.Wait()
			if a.rcode != test.rcode || !slices.Equal(asked, test.asked) || (test.rcode == "NOERROR") != (len(a.addrs) == 1) {
				t.Errorf("%s %v %q", a.rcode, a.addrs, asked)
			}
		})
	}
}

func TestASilentServerIsNamed(t *testing.T) {
	z := newZone(t, "silent.acme.example. silent")
	server := z.serve(t)
	e, fault := lookedUp(t, Net{}, Settings{Host: "silent.acme.example", Resolver: server, Timeout: 60 * time.Millisecond})
	if fault == nil || fault.Kind != Timeout || e.summary(fault) != "the DNS server does not answer" {
		t.Errorf("%+v", fault)
	}
}

func TestAFamilyThatIsSilentCostsNoMoreThan300Milliseconds(t *testing.T) {
	z := newZone(t, "slow6.acme.example. A 192.0.2.6", "slow6.acme.example. AAAA silent")
	begin := time.Now()
	e, fault := lookedUp(t, Net{}, Settings{Host: "slow6.acme.example", Resolver: z.serve(t)})
	if took := time.Since(begin); fault != nil || addressesOf(e) != "192.0.2.6" || took > time.Second || took < extraWait {
		t.Errorf("%v after %v: %v", addressesOf(e), took, fault)
	}
}

func TestNobodyListeningIsNoResolver(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := pc.LocalAddr().String()
	pc.Close()
	_, fault := lookedUp(t, Net{}, Settings{Host: "mail.acme.example", Resolver: server})
	if fault == nil || fault.Kind != NoResolver {
		t.Errorf("%+v", fault)
	}
}

// systemSays is a system resolver that answers after a while.
func systemSays(after time.Duration, err error, addrs ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(ctx context.Context, _ string) ([]netip.Addr, error) {
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return nil, &net.DNSError{Err: ctx.Err().Error(), IsTimeout: true, UnwrapErr: ctx.Err()}
		}
		var out []netip.Addr
		for _, a := range addrs {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, err
	}
}

func notFound() error { return &net.DNSError{Err: "no such host", IsNotFound: true} }

func TestTheSystemDecidesAndOurQueryExplains(t *testing.T) {
	z := newZone(t, "alias.acme.example. CNAME w0.acme.example.", "w0.acme.example. A 192.0.2.44", "alias.acme.example. MX 5 mx.acme.example.",
		"nodata.acme.example. nodata", "bogus.acme.example. servfail", "known.acme.example. A 192.0.2.1",
		"hosts.acme.example. A 203.0.113.9")
	server := z.serve(t)
	for _, test := range []struct {
		name, host string
		addrs      []string
		err        error
		want       string
		kind       FaultKind
		differs    bool
	}{
		{name: "alias", host: "alias.acme.example", addrs: []string{"192.0.2.44"}, want: "192.0.2.44, alias of w0.acme.example"},
		{name: "hosts file", host: "hosts.acme.example", addrs: []string{"10.0.0.9"}, want: "10.0.0.9", differs: true},
		{name: "hosts file only", host: "lab.acme.example", addrs: []string{"127.0.0.1"}, want: "127.0.0.1", differs: true},
		{name: "nothing", host: "gone.acme.example", err: notFound(), kind: NoSuchHost, want: "the name does not exist"},
		{name: "no data", host: "nodata.acme.example", err: notFound(), kind: NoData, want: "the name has no address"},
		{name: "bogus", host: "bogus.acme.example", err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}, kind: ServFail, want: "the DNS server could not answer"},
		{name: "system only", host: "known.acme.example", err: notFound(), kind: NoSuchHost, want: "the name does not exist", differs: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := Net{LookupAddrs: systemSays(time.Millisecond, test.err, test.addrs...), Resolvers: func() []string { return []string{server} }}
			s := Settings{Host: test.host}
			l := laneFor(t, n, s)
			seen, err := dnsStep(t.Context(), l)
			if full := l.run.finishDNS(t.Context()); full != nil {
				seen = full
			}
			e, fault := seen.(*DNSEvidence), faultOf(err)
			if got := e.summary(fault); got != test.want || e.differs != test.differs {
				t.Errorf("%q differs %v", got, e.differs)
			}
			if test.kind != "" && (fault == nil || fault.Kind != test.kind) {
				t.Errorf("fault %+v", fault)
			}
		})
	}
}

func TestTheSystemsOwnWordsCountWhereWeCannotAsk(t *testing.T) {
	for _, test := range []struct {
		err  error
		kind FaultKind
	}{
		{notFound(), NoSuchHost},
		{&net.DNSError{Err: "read udp 127.0.0.1:1->127.0.0.1:53: read: connection refused"}, NoResolver},
		{&net.DNSError{Err: "dial udp 10.0.0.1:53: connect: network is unreachable"}, NoResolver},
		{&net.DNSError{Err: "i/o timeout", IsTimeout: true}, Timeout},
		{&net.DNSError{Err: "server misbehaving", IsTemporary: true}, ServFail},
		{errors.New("something else"), ServFail},
	} {
		_, fault := lookedUp(t, Net{LookupAddrs: systemSays(0, test.err)}, Settings{Host: "mail.acme.example"})
		if fault == nil || fault.Kind != test.kind {
			t.Errorf("%v: %+v, want %s", test.err, fault, test.kind)
		}
	}
}

// In virtual time: our own servers are silent, the system knows the name.
func TestLookUpsBesideTheDecidingOneCostAtMost300Milliseconds(t *testing.T) {
	silence := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
	}
	for _, test := range []struct {
		system time.Duration
		most   time.Duration
	}{{0, extraLeast}, {20 * time.Millisecond, 40 * time.Millisecond}, {5 * time.Second, extraWait}} {
		synctest.Test(t, func(t *testing.T) {
			n := Net{Dial: silence, Resolvers: func() []string { return []string{"192.0.2.53:53"} }, LookupAddrs: systemSays(test.system, nil, "192.0.2.1")}
			l := laneFor(t, n, Settings{Host: "mail.acme.example"})
			begin := time.Now()
			if _, err := dnsStep(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin) - test.system; took > test.most {
				t.Errorf("the step took %v more than the system", took)
			}
			l.run.finishDNS(t.Context())
			if took := time.Since(begin) - test.system; took > extraWait {
				t.Errorf("together %v more than the system", took)
			}
		})
	}
}

func TestLateAnswersCompleteTheEvidenceWithoutTouchingTheOld(t *testing.T) {
	z := newZone(t, "acme.example. A 192.0.2.80", "acme.example. MX 10 mail.acme.example.")
	server := z.serve(t)
	open := make(chan struct{})
	n := Net{Resolvers: func() []string { return []string{server} }, LookupAddrs: systemSays(0, nil, "192.0.2.80"),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			<-open
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}}
	l := laneFor(t, n, Settings{Host: "acme.example"})
	seen, err := dnsStep(t.Context(), l)
	early := seen.(*DNSEvidence)
	if err != nil || len(early.MX) != 0 || early.Resolver != "" {
		t.Fatalf("%+v %v", early, err)
	}
	close(open)
	full := l.run.finishDNS(t.Context())
	if full == nil || !slices.Equal(full.MX, []string{"mail.acme.example"}) || len(early.MX) != 0 || full.differs {
		t.Errorf("%+v", full)
	}
	if l.run.finishDNS(t.Context()) != nil {
		t.Error("the second call has news")
	}
}

func TestAddressesAndLocalhostAskNobody(t *testing.T) {
	nobody := Net{
		Dial: func(context.Context, string, string) (net.Conn, error) {
			t.Error("asked")
			return nil, syscall.ENETUNREACH
		},
		Resolvers: func() []string { return []string{"192.0.2.53:53"} },
		LookupAddrs: func(_ context.Context, host string) ([]netip.Addr, error) {
			if !isLocalhost(host) {
				t.Errorf("asked for %s", host)
			}
			return nil, errors.New("no hosts file")
		},
	}
	for _, test := range []struct {
		host   string
		family int
		want   string
		kind   FaultKind
	}{
		{"192.0.2.7", 0, "192.0.2.7, an address: nothing to look up", ""},
		{"2001:db8::7", 6, "2001:db8::7, an address: nothing to look up", ""},
		{"::ffff:192.0.2.7", 4, "192.0.2.7, an address: nothing to look up", ""},
		{"fe80::1%eth0", 0, "fe80::1%eth0, an address: nothing to look up", ""},
		{"2001:db8::7", 4, "the name has no address", NoData},
		{"localhost", 0, "127.0.0.1, ::1", ""},
		{"mail.localhost", 4, "127.0.0.1", ""},
		{"192.168.1", 0, "this is no host name", MalformedName},
		{"mail..example", 0, "this is no host name", MalformedName},
		{"mail server.example", 0, "this is no host name", MalformedName},
		{"-mail.example", 0, "this is no host name", MalformedName},
		{strings.Repeat("a", 64) + ".example", 0, "this is no host name", MalformedName},
		{strings.Repeat("a.", 128), 0, "this is no host name", MalformedName},
	} {
		e, fault := lookedUp(t, nobody, Settings{Host: test.host, Family: test.family})
		if got := e.summary(fault); got != test.want || (fault == nil) != (test.kind == "") || fault != nil && fault.Kind != test.kind {
			t.Errorf("%s: %q %+v", test.host, got, fault)
		}
	}
}

func TestTheProxyResolvesUnlessToldOtherwise(t *testing.T) {
	for url, want := range map[string]SkipReason{"": "", "socks5://p:1080": NotApplicable, "http://p:3128": NotApplicable, "socks5+local://p:1080": ""} {
		if got := skipDNS(Settings{Proxy: url}); got != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}

func TestAtMostFourLanesAndBothFamiliesAmongThem(t *testing.T) {
	for _, test := range []struct{ given, want string }{
		{"1.1.1.1", "1.1.1.1"},
		{"1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 2001:db8::1", "1.1.1.1 1.1.1.2 1.1.1.3 2001:db8::1"},
		{"2001:db8::1 2001:db8::2 2001:db8::3 1.1.1.1 1.1.1.2 1.1.1.3", "2001:db8::1 2001:db8::2 1.1.1.1 1.1.1.2"},
		{"1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5", "1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4"},
		{"", ""},
	} {
		e := &DNSEvidence{}
		for _, a := range strings.Fields(test.given) {
			e.Addresses = append(e.Addresses, HostAddress{Address: a})
		}
		var got []string
		for _, a := range (&run{}).lanesFor(e) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v", test.given, got)
		}
	}
}

func TestHowFarAnAddressReaches(t *testing.T) {
	for want, all := range map[string]string{
		"loopback": "127.0.0.1 127.8.8.8 ::1 0.0.0.0 :: ::ffff:127.0.0.1",
		"private":  "10.1.2.3 172.16.0.1 172.31.255.255 192.168.0.1 169.254.1.1 100.64.0.1 100.127.255.254 fc00::1 fd12::1 fe80::1 fe80::1%eth0 fec0::1 ::ffff:10.0.0.1",
		"public":   "192.0.2.1 198.51.100.1 203.0.113.1 2001:db8::1 1.1.1.1 100.63.255.255 100.128.0.1 172.32.0.1 2606:4700::1",
	} {
		for _, a := range strings.Fields(all) {
			if got := addressKind(netip.MustParseAddr(a)); got != want {
				t.Errorf("%s is %s", a, got)
			}
		}
	}
}
