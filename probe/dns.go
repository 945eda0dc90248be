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

// Limits of the step.
const (
	extraWait     = 300 * time.Millisecond // that look-ups beside the deciding one may cost, together
	extraLeast    = 10 * time.Millisecond
	extraLife     = 2 * time.Second // after the step, for look-ups that nobody asks for any more
	localhostWait = 500 * time.Millisecond
	maxLanes      = 4
)

// DNSEvidence is what look-ups of the host's name gave.
type DNSEvidence struct {
	Resolver  Maybe             `json:"resolver"` // IP:PORT of the server our own query went to
	Name      Maybe             `json:"name"`     // null for an address
	CNAME     List[string]      `json:"cname"`    // the chain of aliases, the last one has the addresses
	Addresses List[HostAddress] `json:"addresses"`
	Rcode     Maybe             `json:"rcode"` // NOERROR, NXDOMAIN, SERVFAIL, ... of our own query
	MX        List[string]      `json:"mx"`    // mail servers of the name, by preference

	partial bool          // one family resolved and the other failed
	differs bool          // the system's answer and our own query differ
	silent  bool          // our own query got no answer
	late    *ownQueries   // still under way when the step was decided
	waited  time.Duration // for look-ups that did not decide
}

// HostAddress is one address of the host.
type HostAddress struct {
	Address string `json:"address"`
	Family  int    `json:"family"` // 4 or 6
}

func (*DNSEvidence) isEvidence() {}

func (e *DNSEvidence) summary(fault *Fault) string {
	if fault == nil {
		return e.addressWords() + e.aliasWords()
	}
	switch fault.Kind {
	case NoSuchHost:
		return "the name does not exist"
	case NoData:
		if len(e.MX) > 0 {
			return "the name has no address, only mail servers (MX)"
		}
		return "the name has no address"
	case ServFail:
		return "the DNS server could not answer"
	case Timeout:
		return "the DNS server does not answer"
	case NoResolver:
		return "no DNS server can be reached"
	case MalformedName:
		return "this is no host name"
	}
	return ""
}

func (e *DNSEvidence) addressWords() string {
	var four, six int
	for _, a := range e.Addresses {
		if a.Family == 4 {
			four++
		} else {
			six++
		}
	}
	all := itoa(len(e.Addresses)) + " addresses"
	switch {
	case len(e.Addresses) <= 2:
		return joinAddresses(e.Addresses)
	case six == 0:
		return all + ", all IPv4"
	case four == 0:
		return all + ", all IPv6"
	}
	return fmt.Sprintf("%s, %d IPv4 and %d IPv6", all, four, six)
}

func (e *DNSEvidence) aliasWords() string {
	switch {
	case e.Name == "":
		return ", an address: nothing to look up"
	case len(e.CNAME) > 0:
		return ", alias of " + e.CNAME[len(e.CNAME)-1]
	}
	return ""
}

// skipDNS: a proxy that resolves leaves nothing to look up here.
func skipDNS(s Settings) SkipReason {
	if proxyResolves(&s) {
		return NotApplicable
	}
	return ""
}

// dnsStep looks the host up as an application would, and asks beside it what
// the system's resolver does not tell.
func dnsStep(ctx context.Context, l *lane) (Evidence, error) {
	e := &DNSEvidence{}
	err := l.run.lookUp(ctx, e)
	l.run.mu.Lock()
	l.run.dns = e
	l.run.mu.Unlock()
	return e, err
}

func (r *run) lookUp(ctx context.Context, e *DNSEvidence) error {
	host := strings.TrimSuffix(r.settings.Host, ".")
	if addr, err := netip.ParseAddr(host); err == nil {
		return e.take([]netip.Addr{addr}, r.settings.Family)
	}
	e.Name = Maybe(host)
	if wrong := wrongName(host); wrong != "" {
		return &Fault{Kind: MalformedName, Text: wrong}
	}
	if isLocalhost(host) {
		return r.lookUpLocalhost(ctx, e, host)
	}
	q := r.ask(host)
	if r.settings.Resolver != "" {
		return r.decideByQuery(ctx, e, q)
	}
	return r.decideBySystem(ctx, e, q)
}

// take keeps the addresses of the wanted family, 0 being both.
func (e *DNSEvidence) take(addrs []netip.Addr, family int) error {
	for _, a := range addrs {
		a = a.Unmap()
		address := HostAddress{Address: a.String(), Family: familyOf(a)}
		if (family == 0 || address.Family == family) && !slices.Contains(e.Addresses, address) && len(e.Addresses) < maxRecords {
			e.Addresses = append(e.Addresses, address)
		}
	}
	if len(e.Addresses) > 0 || len(addrs) == 0 {
		return nil
	}
	return &Fault{Kind: NoData, Text: fmt.Sprintf("there is no IPv%d address, only %s", family, addrs[0].Unmap())}
}

// wrongName tells why a text cannot be a host name (RFC 1123 section 2.1, with
// the underscore that is met in the field), "" when it can.
func wrongName(host string) string {
	if host == "" || len(host) > 253 {
		return fmt.Sprintf("a host name has 1 to 253 characters, this one %d", len(host))
	}
	if strings.Trim(host, "0123456789.") == "" {
		return host + " looks like an address and is none"
	}
	for label := range strings.SplitSeq(host, ".") {
		switch {
		case label == "":
			return host + " has two dots in a row, or one at its beginning"
		case len(label) > 63:
			return "a part of a host name has at most 63 characters: " + label
		case label[0] == '-' || label[len(label)-1] == '-':
			return "a part of a host name neither begins nor ends with a hyphen: " + label
		}
		for _, c := range label {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return fmt.Sprintf("a host name has no %q in it", c)
			}
		}
	}
	return ""
}

func isLocalhost(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// lookUpLocalhost asks nobody: what the hosts file does not say is known (RFC 6761 section 6.3).
func (r *run) lookUpLocalhost(ctx context.Context, e *DNSEvidence, host string) error {
	limit, cancel := context.WithTimeout(ctx, localhostWait)
	defer cancel()
	addrs, err := r.prober.Net.lookupAddrs(limit, host)
	if err != nil || len(addrs) == 0 {
		addrs = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return e.take(addrs, r.settings.Family)
}

func (n Net) lookupAddrs(ctx context.Context, host string) ([]netip.Addr, error) {
	if n.LookupAddrs != nil {
		return n.LookupAddrs(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// resolvers: who brings a system resolver of its own brings its servers too.
func (n Net) resolvers() []string {
	switch {
	case n.Resolvers != nil:
		return n.Resolvers()
	case n.LookupAddrs != nil:
		return nil
	}
	return systemResolvers()
}

// ownQueries are our own look-ups of one name, each under way for itself.
type ownQueries struct {
	a, aaaa, mx *pending // nil: not asked
	cancel      context.CancelFunc
}

// pending is one look-up; answer may be read when done is closed.
type pending struct {
	done   chan struct{}
	answer *answer
}

// get gives the answer if it is there.
func (p *pending) get() *answer {
	if p == nil {
		return nil
	}
	select {
	case <-p.done:
		return p.answer
	default:
		return nil
	}
}

// wait waits until the answer is there or ctx ends.
func (p *pending) wait(ctx context.Context) {
	if p == nil {
		return
	}
	select {
	case <-p.done:
	case <-ctx.Done():
	}
}

// ask begins our own look-ups; they end with the run, when they are cancelled,
// or by their own time.
func (r *run) ask(host string) *ownQueries {
	servers := []string{r.settings.Resolver}
	names := []string{host}
	if r.settings.Resolver == "" {
		servers = r.prober.Net.resolvers()
		if r.prober.Net.Resolvers == nil && !strings.Contains(host, ".") {
			names = systemSearch(host)
		}
	}
	ctx, cancel := context.WithTimeout(r.parent, r.timeout(StepDNS))
	q := &ownQueries{cancel: cancel}
	if len(servers) == 0 {
		return q
	}
	own := &resolver{dial: r.prober.Net.dial, servers: servers}
	begin := func(kind uint16, names ...string) *pending {
		p := &pending{done: make(chan struct{})}
		go func() {
			defer close(p.done)
			p.answer = own.search(ctx, names, kind)
		}()
		return p
	}
	if r.settings.Family != 6 {
		q.a = begin(dns.TypeA, names...)
	}
	if r.settings.Family != 4 {
		q.aaaa = begin(dns.TypeAAAA, names...)
	}
	if strings.Contains(host, ".") {
		q.mx = begin(dns.TypeMX, host)
	}
	return q
}

// search asks for one name after the other, as a search list wants it.
func (r *resolver) search(ctx context.Context, names []string, kind uint16) *answer {
	var first *answer
	for _, name := range names {
		a := r.query(ctx, name, kind)
		if len(a.addrs) > 0 || a.err != nil {
			return a
		}
		if first == nil || first.rcode == "NXDOMAIN" && a.rcode == "NOERROR" {
			first = a
		}
	}
	return first
}

// decideBySystem takes what applications on this computer see. Our own look-ups
// ran beside it and may cost little more.
func (r *run) decideBySystem(ctx context.Context, e *DNSEvidence, q *ownQueries) error {
	begin := time.Now()
	addrs, err := r.prober.Net.lookupAddrs(ctx, e.name())
	if errors.Is(ctx.Err(), context.Canceled) {
		q.cancel()
		return ctx.Err()
	}
	if err != nil || len(addrs) == 0 {
		q.waitAll(ctx, extraWait)
		q.cancel()
		e.fill(q, nil)
		return r.whyNone(e, q, err)
	}
	decided := time.Now()
	q.waitAll(ctx, min(max(2*decided.Sub(begin), extraLeast), extraWait))
	e.fill(q, addrs)
	e.leave(q, time.Since(decided))
	return e.take(addrs, r.settings.Family)
}

func (e *DNSEvidence) name() string { return string(e.Name) }

// decideByQuery takes what the server that was set answers. One family's
// addresses are enough; the other's may cost little more.
func (r *run) decideByQuery(ctx context.Context, e *DNSEvidence, q *ownQueries) error {
	begin := time.Now()
	q.waitAddresses(ctx)
	if errors.Is(ctx.Err(), context.Canceled) {
		q.cancel()
		return ctx.Err()
	}
	decided := time.Now()
	wait := min(max(2*decided.Sub(begin), extraLeast), extraWait)
	if q.a.get() == nil || q.aaaa.get() == nil {
		wait = extraWait
	}
	q.waitAll(ctx, wait)
	addrs := q.addrs()
	e.fill(q, addrs)
	if len(addrs) == 0 {
		q.waitAll(ctx, extraWait-time.Since(decided))
		q.cancel()
		e.fill(q, nil)
		return r.whyNone(e, q, nil)
	}
	e.leave(q, time.Since(decided))
	return e.take(addrs, r.settings.Family)
}

// waitAddresses waits for the first family that has addresses, or for both.
func (q *ownQueries) waitAddresses(ctx context.Context) {
	first, second := q.a, q.aaaa
	if first == nil || second == nil {
		first.wait(ctx)
		second.wait(ctx)
		return
	}
	select {
	case <-first.done:
	case <-second.done:
		first, second = second, first
	case <-ctx.Done():
		return
	}
	if a := first.get(); a == nil || len(a.addrs) == 0 {
		second.wait(ctx)
	}
}

// waitAll waits for all look-ups, but not longer than limit.
func (q *ownQueries) waitAll(ctx context.Context, limit time.Duration) {
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	for _, p := range []*pending{q.a, q.aaaa, q.mx} {
		p.wait(short)
	}
}

func (q *ownQueries) addrs() []netip.Addr {
	var all []netip.Addr
	for _, p := range []*pending{q.a, q.aaaa} {
		if a := p.get(); a != nil {
			all = append(all, a.addrs...)
		}
	}
	return all
}

// isDone tells whether nothing is under way any more.
func (q *ownQueries) isDone() bool {
	for _, p := range []*pending{q.a, q.aaaa, q.mx} {
		if p != nil && p.get() == nil {
			return false
		}
	}
	return true
}

// leave lets look-ups that are not done go on while the lanes work; what they
// bring is fetched by finishDNS.
func (e *DNSEvidence) leave(q *ownQueries, waited time.Duration) {
	e.waited = waited
	if q.isDone() {
		q.cancel()
		return
	}
	e.late = q
	time.AfterFunc(extraLife, q.cancel)
}

// fill takes over what our own look-ups have brought so far; system are the
// addresses that decided.
func (e *DNSEvidence) fill(q *ownQueries, system []netip.Addr) {
	a, aaaa, mx := q.a.get(), q.aaaa.get(), q.mx.get()
	for _, known := range []*answer{a, aaaa} {
		if known == nil {
			continue
		}
		if e.Resolver == "" {
			e.Resolver = Maybe(known.server)
		}
		if len(known.aliases) > len(e.CNAME) {
			e.CNAME = known.aliases
		}
		if e.Rcode == "" || known.rcode != "" && known.rcode != "NOERROR" && len(q.addrs()) == 0 {
			e.Rcode = Maybe(known.rcode)
		}
		e.silent = e.silent || known.err != nil && kindOf(known.err) == Timeout
	}
	if mx != nil {
		e.MX = mx.mx
		if e.Resolver == "" {
			e.Resolver = Maybe(mx.server)
		}
	}
	if a != nil && aaaa != nil {
		e.partial = len(a.addrs) > 0 && aaaa.failed() || len(aaaa.addrs) > 0 && a.failed()
	}
	e.differs = differ(system, a, aaaa)
}

// differ tells whether the system sees another world than DNS: a hosts file, a
// VPN with names of its own. Different addresses alone are a matter of course.
func differ(system []netip.Addr, a, aaaa *answer) bool {
	if len(system) == 0 || a == nil || aaaa == nil || a.failed() || aaaa.failed() {
		return false
	}
	own := slices.Concat(a.addrs, aaaa.addrs)
	kind := func(addrs []netip.Addr) bool {
		return slices.ContainsFunc(addrs, func(x netip.Addr) bool { return addressKind(x) == "public" })
	}
	return len(own) == 0 || kind(system) != kind(own)
}

// whyNone tells why there is no address. err is the system's, nil where our own
// query decides.
func (r *run) whyNone(e *DNSEvidence, q *ownQueries, err error) error {
	var system *net.DNSError
	errors.As(err, &system)
	notFound := err == nil && q.a == nil && q.aaaa == nil || system != nil && system.IsNotFound
	best := worst(q.a.get(), q.aaaa.get())
	switch {
	case best != nil && len(q.addrs()) > 0:
		e.differs = true
		return &Fault{Kind: NoSuchHost, Text: fmt.Sprintf("this computer does not find %s, although the DNS server %s knows it", e.Name, best.server)}
	case best != nil && (err == nil || best.err == nil):
		return e.answerFault(best)
	case notFound:
		return &Fault{Kind: NoSuchHost, Text: fmt.Sprintf("the name %s does not exist", e.Name)}
	case best != nil:
		return e.answerFault(best)
	case err == nil:
		return &Fault{Kind: Timeout, Text: "no DNS server answered in time"}
	}
	return systemFault(e, system, err)
}

// worst gives the answer that says most about why there is no address: one
// family may be unknown where the other is known to have none.
func worst(a, aaaa *answer) *answer {
	switch {
	case a == nil:
		return aaaa
	case aaaa == nil:
		return a
	case a.failed():
		return a
	case aaaa.failed():
		return aaaa
	case a.rcode == "NXDOMAIN" && aaaa.rcode == "NOERROR":
		return aaaa
	}
	return a
}

// answerFault puts an answer without addresses into words.
func (e *DNSEvidence) answerFault(a *answer) error {
	name := e.name()
	if n := len(a.aliases); n > 0 {
		name = fmt.Sprintf("%s is an alias of %s, which", e.Name, a.aliases[n-1])
	}
	switch {
	case a.err != nil:
		return e.silentFault(a)
	case a.rcode == "NXDOMAIN":
		return &Fault{Kind: NoSuchHost, Text: fmt.Sprintf("%s does not exist (NXDOMAIN from %s)", name, a.server)}
	case a.rcode == "NOERROR" && len(e.MX) > 0:
		return &Fault{Kind: NoData, Text: fmt.Sprintf("%s exists and has no address; its mail servers (MX) are %s", name, firstNames(e.MX, 4))}
	case a.rcode == "NOERROR":
		return &Fault{Kind: NoData, Text: fmt.Sprintf("%s exists and has no address", name)}
	}
	text := fmt.Sprintf("the DNS server %s could not answer: %s", a.server, a.rcode)
	if a.extra != "" {
		text += " (" + a.extra + ")"
	}
	return &Fault{Kind: ServFail, Text: text}
}

func (e *DNSEvidence) silentFault(a *answer) error {
	switch kindOf(a.err) {
	case Timeout:
		return &Fault{Kind: Timeout, Text: fmt.Sprintf("the DNS server %s did not answer", a.server)}
	case ConnRefused:
		return &Fault{Kind: NoResolver, Text: fmt.Sprintf("no DNS server at %s: connection refused", a.server)}
	case Unreachable, Reset, Closed:
		return &Fault{Kind: NoResolver, Text: fmt.Sprintf("no way to the DNS server %s", a.server)}
	}
	return &Fault{Kind: ServFail, Text: fmt.Sprintf("the DNS server %s answered what is no answer: %v", a.server, a.err)}
}

// systemFault reads the system's own words, where our own query brought nothing.
func systemFault(e *DNSEvidence, system *net.DNSError, err error) error {
	words := err.Error()
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(words, p) })
	}
	switch {
	case has("connection refused", "unreachable", "no route", "no DNS servers"):
		return &Fault{Kind: NoResolver, Text: fmt.Sprintf("no DNS server can be reached to look up %s", e.Name)}
	case errors.Is(err, context.DeadlineExceeded), system != nil && system.IsTimeout:
		return &Fault{Kind: Timeout, Text: fmt.Sprintf("no DNS server answered for %s", e.Name)}
	}
	return &Fault{Kind: ServFail, Text: fmt.Sprintf("the look-up of %s failed: %s", e.Name, words)}
}

// finishDNS fetches what was still under way when the step was decided, in what
// is left of the 300 ms that look-ups beside the deciding one may cost. It gives
// the completed evidence in the place of the old one, nil when there is no news.
func (r *run) finishDNS(ctx context.Context) *DNSEvidence {
	r.mu.Lock()
	e := r.dns
	r.mu.Unlock()
	if e == nil || e.late == nil {
		return nil
	}
	limit, cancel := context.WithTimeout(ctx, max(extraWait-e.waited, 0))
	defer cancel()
	q := e.late
	for _, p := range []*pending{q.a, q.aaaa, q.mx} {
		p.wait(limit)
	}
	q.cancel()
	full := *e
	full.late = nil
	full.fill(q, e.addrs())
	r.mu.Lock()
	r.dns = &full
	r.mu.Unlock()
	if full.Resolver == e.Resolver && full.Rcode == e.Rcode && slices.Equal(full.MX, e.MX) && slices.Equal(full.CNAME, e.CNAME) &&
		full.partial == e.partial && full.differs == e.differs {
		return nil
	}
	return &full
}

func (e *DNSEvidence) addrs() []netip.Addr {
	var all []netip.Addr
	for _, a := range e.Addresses {
		if addr, err := netip.ParseAddr(a.Address); err == nil {
			all = append(all, addr)
		}
	}
	return all
}

// lanesFor chooses at most four addresses, both families among them as far as
// there are both, and leaves them in the resolver's order.
func (r *run) lanesFor(e *DNSEvidence) []netip.Addr {
	all := e.addrs()
	queues := map[int][]int{}
	for i, a := range all {
		queues[familyOf(a)] = append(queues[familyOf(a)], i)
	}
	var chosen []int
	for family := firstFamily(all); len(chosen) < min(maxLanes, len(all)); family = 10 - family {
		if q := queues[family]; len(q) > 0 {
			chosen, queues[family] = append(chosen, q[0]), q[1:]
		}
	}
	slices.Sort(chosen)
	var out []netip.Addr
	for _, i := range chosen {
		out = append(out, all[i])
	}
	return out
}

func firstFamily(all []netip.Addr) int {
	if len(all) == 0 {
		return 4
	}
	return familyOf(all[0])
}

// carrierNAT is shared address space (RFC 6598), siteLocal what IPv6 had before
// unique local addresses (RFC 3879).
var (
	carrierNAT = netip.MustParsePrefix("100.64.0.0/10")
	siteLocal  = netip.MustParsePrefix("fec0::/10")
)

// addressKind tells how far an address reaches: loopback (this computer only,
// which is where 0.0.0.0 leads as well), private (this network only), or public.
// Addresses for documentation count as public: they stand for such.
func addressKind(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback(), a.IsUnspecified():
		return "loopback"
	case a.IsPrivate(), a.IsLinkLocalUnicast(), carrierNAT.Contains(a), siteLocal.Contains(a):
		return "private"
	}
	return "public"
}
