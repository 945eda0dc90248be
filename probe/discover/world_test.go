package discover_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/discover"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// internet is a world of documentation addresses (RFC 5737): a DNS server, web
// servers and mail servers, all of them on loopback behind Dial.
type internet struct {
	t     *testing.T
	roots *x509.CertPool
	ca    *authority
	dns   string

	mu        sync.Mutex
	zone      map[string][]dns.RR
	rcodes    map[string]int // by name: not NOERROR, or silent
	questions []string
	pages     map[string]http.HandlerFunc // by scheme, host and path
	requests  []string                    // METHOD URL and body
	listeners map[string]string           // IP:PORT to the real address
	dialled   []string
	mail      []*smtptest.Server
}

// silent is the rcode of names about which nothing is said.
const silent = -1

const webAddress = "192.0.2.80"

func newInternet(t *testing.T, zone ...string) *internet {
	t.Helper()
	n := &internet{t: t, roots: x509.NewCertPool(), zone: map[string][]dns.RR{}, rcodes: map[string]int{},
		pages: map[string]http.HandlerFunc{}, listeners: map[string]string{}}
	n.ca = newAuthority(t)
	n.roots.AddCert(n.ca.cert)
	n.serveDNS()
	n.serveWeb()
	n.add(zone...)
	return n
}

// add puts records into the DNS; "NAME silent" and "NAME SERVFAIL" are faults.
func (n *internet) add(records ...string) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, record := range records {
		name, kind, _ := strings.Cut(record, " ")
		switch kind {
		case "silent":
			n.rcodes[dns.Fqdn(name)] = silent
			continue
		case "SERVFAIL":
			n.rcodes[dns.Fqdn(name)] = dns.RcodeServerFailure
			continue
		}
		rr, err := dns.NewRR(record)
		if err != nil || rr == nil {
			n.t.Fatalf("%s: %v", record, err)
		}
		n.zone[rr.Header().Name] = append(n.zone[rr.Header().Name], rr)
	}
}

// locked changes the world while its servers run.
func (n *internet) locked(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

func (n *internet) serveDNS() {
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(n.answer)}
	started, ended := make(chan struct{}), make(chan error, 1)
	server.NotifyStartedFunc = func() { close(started) }
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	n.t.Cleanup(func() {
		_ = server.Shutdown()
		<-ended
	})
	n.dns = packets.LocalAddr().String()
}

func (n *internet) answer(w dns.ResponseWriter, question *dns.Msg) {
	q := question.Question[0]
	name := strings.ToLower(q.Name)
	reply := new(dns.Msg).SetReply(question)
	n.mu.Lock()
	n.questions = append(n.questions, name+" "+dns.TypeToString[q.Qtype])
	rcode, faulty := n.rcodes[name]
	all, exists := n.rcodes["*."]
	n.mu.Unlock()
	if exists {
		rcode, faulty = all, true
	}
	switch {
	case faulty && rcode == silent:
		return
	case faulty:
		reply.Rcode = rcode
	default:
		n.fill(reply, name, q.Qtype)
	}
	_ = w.WriteMsg(reply)
}

// fill follows aliases, as a resolver does, and stops after a few.
func (n *internet) fill(reply *dns.Msg, name string, kind uint16) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for range 8 {
		records, exists := n.zone[name]
		if !exists && !n.hasBelow(name) {
			reply.Rcode = dns.RcodeNameError
		}
		next := ""
		for _, rr := range records {
			if c, ok := rr.(*dns.CNAME); ok {
				next = c.Target
				reply.Answer = append(reply.Answer, rr)
			} else if rr.Header().Rrtype == kind {
				reply.Answer = append(reply.Answer, rr)
			}
		}
		if next == "" {
			return
		}
		name = next
	}
}

func (n *internet) hasBelow(name string) bool {
	for owner := range maps.Keys(n.zone) {
		if strings.HasSuffix(owner, "."+name) {
			return true
		}
	}
	return false
}

func (n *internet) serveWeb() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for port, start := range map[string]func(*httptest.Server){"443": (*httptest.Server).StartTLS, "80": (*httptest.Server).Start} {
		scheme := map[string]string{"443": "https", "80": "http"}[port]
		server := httptest.NewUnstartedServer(n.handler(scheme))
		server.TLS = &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return n.ca.issue(hello.ServerName) }}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		start(server)
		n.t.Cleanup(server.Close)
		n.listeners[webAddress+":"+port] = server.Listener.Addr().String()
	}
}

func (n *internet) handler(scheme string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		url := scheme + "://" + r.Host + r.URL.RequestURI()
		n.mu.Lock()
		n.requests = append(n.requests, r.Method+" "+url+" "+string(body))
		page := n.pages[url]
		n.mu.Unlock()
		if page == nil {
			http.NotFound(w, r)
			return
		}
		page(w, r)
	})
}

// publish puts a page on the web, and its host into the DNS.
func (n *internet) publish(url string, page http.HandlerFunc) {
	n.mu.Lock()
	n.pages[url] = page
	n.mu.Unlock()
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	if len(n.zone[dns.Fqdn(host)]) == 0 {
		n.add(host + ". 60 IN A " + webAddress)
	}
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// outgoing is an autoconfig document with SMTP servers "HOST PORT SOCKET [USERNAME]".
func outgoing(servers ...string) string {
	var b strings.Builder
	for _, server := range servers {
		f := append(strings.Fields(server), "%EMAILADDRESS%")
		fmt.Fprintf(&b, "<outgoingServer type=\"smtp\"><hostname>%s</hostname><port>%s</port><socketType>%s</socketType><username>%s</username></outgoingServer>", f[0], f[1], f[2], f[3])
	}
	return `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider id="x"><incomingServer type="imap"><hostname>imap.acme.test</hostname><port>993</port><socketType>SSL</socketType></incomingServer>` +
		b.String() + `</emailProvider></clientConfig>`
}

// mailServer runs a dialogue of the lab as host at IP:PORT.
func (n *internet) mailServer(dialogue, host, address string) *smtptest.Server {
	n.t.Helper()
	d, ok := smtptest.Lookup(dialogue)
	if !ok {
		n.t.Fatalf("no dialogue %s", dialogue)
	}
	d.Settings.Host = host
	server, err := smtptest.Start(n.t.Context(), d, smtptest.Options{})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		server.Close()
		for _, violation := range server.Violations() {
			n.t.Errorf("%s at %s complains: %s", host, address, violation)
		}
	})
	n.roots.AppendCertsFromPEM(server.CA())
	n.mu.Lock()
	n.listeners[address] = fmt.Sprintf("127.0.0.1:%d", server.Port())
	n.mu.Unlock()
	ip, _, _ := net.SplitHostPort(address)
	if record := host + ". 60 IN A " + ip; !slices.ContainsFunc(n.zone[dns.Fqdn(host)], func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeA }) {
		n.add(record)
	}
	n.mail = append(n.mail, server)
	return server
}

// dial leads documentation addresses to loopback. 192.0.2.66 never answers,
// everything unknown refuses.
func (n *internet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if network == "udp" || address == n.dns {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	n.mu.Lock()
	n.dialled = append(n.dialled, address)
	real, known := n.listeners[address]
	n.mu.Unlock()
	switch {
	case strings.HasPrefix(address, "192.0.2.66:"):
		<-ctx.Done()
		return nil, ctx.Err()
	case !known:
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("connection refused")}
	}
	return (&net.Dialer{}).DialContext(ctx, network, real)
}

func (n *internet) world() discover.World {
	return discover.World{Net: probe.Net{Dial: n.dial, Roots: n.roots, PublicRoots: n.roots}, Resolver: n.dns, Catalogue: invented{},
		Limits: discover.Limits{DNS: 5 * time.Second, HTTPS: 5 * time.Second, Guess: 4 * time.Second, Verify: 8 * time.Second}}
}

func (n *internet) find(o ...discover.Options) discover.Outcome {
	n.t.Helper()
	options := discover.Options{}
	if len(o) > 0 {
		options = o[0]
	}
	return discover.Find(n.t.Context(), n.world(), "acme.test", options)
}

func (n *internet) asked(part string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.requests, func(r string) bool { return strings.Contains(r, part) }) ||
		slices.ContainsFunc(n.questions, func(q string) bool { return strings.Contains(q, part) })
}

func (n *internet) connected(address string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.dialled, address)
}

// invented is a list of providers of the test's own.
type invented struct{}

func (invented) all() []presets.Provider {
	return []presets.Provider{
		{ID: "parcel", Name: "Parcel Mail", Kind: "mailbox", Domains: []string{"parcel.test"}, MX: []string{"mx.parcel.test"},
			Endpoints:   []presets.Endpoint{{Host: "smtp.parcel.test", Port: 465, Encryption: "ssl"}, {Host: "smtp.parcel.test", Port: 587, Encryption: "starttls"}},
			Account:     presets.Account{Form: "full-address"},
			AppPassword: "required", Enable: &presets.Enable{Text: "allow other programs", Path: "Settings > Programs"},
			Sender: presets.SenderRule{Rule: "own-address", Decided: "mail", Verified: true}},
		{ID: "hoster", Name: "Hoster", Kind: "hosting", MX: []string{"hoster.test"},
			Endpoints: []presets.Endpoint{{Host: "{server}.hoster.test", Port: 465, Encryption: "ssl"}}, Account: presets.Account{Form: "full-address"}},
		{ID: "microsoft-365", Name: "Microsoft 365", Kind: "business-suite", MX: []string{"mail.protection.outlook.com"},
			Endpoints: []presets.Endpoint{{Host: "smtp.office365.com", Port: 587, Encryption: "starttls"}}, Account: presets.Account{Form: "full-address"}},
		{ID: "sender", Name: "Only Sender", Kind: "transactional", Endpoints: []presets.Endpoint{{Host: "smtp.sender.test", Port: 587, Encryption: "starttls"}}, Account: presets.Account{Form: "api-key"}},
		{ID: "closed", Name: "Closed Mail", Kind: "mailbox", Domains: []string{"closed.test"}, MX: []string{"mx.closed.test"}, NoSMTP: "only its own app sends"},
	}
}

func (p invented) find(fits func(presets.Provider) bool) (string, bool) {
	for _, one := range p.all() {
		if fits(one) {
			return one.ID, true
		}
	}
	return "", false
}

func (p invented) MatchDomain(domain string) (string, bool) {
	return p.find(func(one presets.Provider) bool { return slices.Contains(one.Domains, domain) })
}

func (p invented) MatchMX(host string) (string, bool) {
	return p.find(func(one presets.Provider) bool {
		return slices.ContainsFunc(one.MX, func(suffix string) bool { return host == suffix || strings.HasSuffix(host, "."+suffix) })
	})
}

func (p invented) MatchHost(host string) (string, bool) {
	return p.find(func(one presets.Provider) bool {
		return slices.ContainsFunc(one.Endpoints, func(e presets.Endpoint) bool { return e.Host == host })
	})
}

func (p invented) Get(id string) (presets.Provider, bool) {
	for _, one := range p.all() {
		if one.ID == id {
			return one, true
		}
	}
	return presets.Provider{}, false
}

// authority issues certificates for whatever name is asked for.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test root"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{t: t, cert: cert, key: key}
}

func (a *authority) issue(name string) (*tls.Certificate, error) {
	if name == "badcert.test" {
		name = "another.test"
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.key.Public(), a.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}, err
}
