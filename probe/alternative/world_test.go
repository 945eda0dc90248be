package alternative_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/alternative"
	"github.com/smtpdx/smtpdx/probe/internal/pipe"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

const password = "right-password"

// world is a network in memory: names, addresses and who answers there.
type world struct {
	t       *testing.T
	names   map[string][]string
	answers map[string]func(net.Conn) // by IP:PORT; nil: silence
	roots   *x509.CertPool
	servers map[string]*smtptest.Server

	mu      sync.Mutex
	dialled []string
	open    map[string]int // by IP
	most    map[string]int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, names: map[string][]string{"localhost.example": {"192.0.2.10"}}, answers: map[string]func(net.Conn){},
		roots: x509.NewCertPool(), servers: map[string]*smtptest.Server{}, open: map[string]int{}, most: map[string]int{}}
}

// at puts a healthy server of this encryption on an address.
func (w *world) at(address, encryption string) {
	w.t.Helper()
	w.serve(address, "title: t\nteaches: t\nmake: postfix\nencryption: "+encryption+"\naccount: jobs@acme.example\npassword: "+password+"\nexpect: pass\n")
}

func (w *world) serve(address, text string) {
	w.t.Helper()
	d, err := smtptest.Parse("test", []byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	s := smtptest.New(context.Background(), d, smtptest.Options{})
	w.t.Cleanup(func() { _ = s.Close() })
	w.roots.AppendCertsFromPEM(s.CA())
	w.answers[address] = func(c net.Conn) { s.ServeAt("127.0.0.1", c) }
	w.servers[address] = s
}

func (w *world) dial(ctx context.Context, _, address string) (net.Conn, error) {
	ip := netip.MustParseAddrPort(address).Addr().String()
	w.count(ip, address, 1)
	answer, known := w.answers[address]
	switch {
	case !known:
		w.count(ip, "", -1)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case answer == nil:
		<-ctx.Done()
		w.count(ip, "", -1)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.Cause(ctx)}
	}
	time.Sleep(10 * time.Millisecond)
	client, server := pipe.New(5*time.Millisecond, &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 40000}, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	go answer(server)
	return &counted{Conn: client, closed: sync.OnceFunc(func() { w.count(ip, "", -1) })}, nil
}

// count keeps how many connections to an address there are, and were at most.
func (w *world) count(ip, dialled string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if dialled != "" {
		w.dialled = append(w.dialled, dialled)
	}
	w.open[ip] += n
	w.most[ip] = max(w.most[ip], w.open[ip])
}

type counted struct {
	net.Conn
	closed func()
}

func (c *counted) Close() error {
	c.closed()
	return c.Conn.Close()
}

func (w *world) prober(f alternative.Finder) *probe.Prober {
	return &probe.Prober{Transcript: true, Refused: &probe.RefusedLogins{}, Alternatives: f, Net: probe.Net{
		Dial: w.dial, Resolvers: func() []string { return nil }, Roots: w.roots, PublicRoots: w.roots,
		LookupAddrs: func(_ context.Context, host string) ([]netip.Addr, error) {
			var out []netip.Addr
			for _, a := range w.names[host] {
				out = append(out, netip.MustParseAddr(a))
			}
			if out == nil {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			return out, nil
		},
	}}
}

// check probes as a user would, with an account, and gives how long it took.
// Whatever comes, no connection stays open.
func (w *world) check(ctx context.Context, f alternative.Finder, s probe.Settings) (probe.Result, time.Duration) {
	w.t.Helper()
	begin := time.Now()
	var report probe.Report
	for e := range w.prober(f).Run(ctx, s) {
		report.Add(e)
	}
	for ip, n := range w.open {
		if n != 0 {
			w.t.Errorf("%d connections to %s are left open", n, ip)
		}
	}
	return report.Results[0], time.Since(begin)
}

func given(host string, port int, e probe.Encryption) probe.Settings {
	return probe.Settings{Host: host, Port: port, Encryption: e, UsedBy: "here", TLSMin: 0x0303, TLSServerName: "localhost",
		Account: "jobs@acme.example", From: []string{"jobs@acme.example"},
		Password: probe.Credential{Value: secret.New(password), Source: "env"}}
}

// triedOf are the lines on what was tried besides.
func triedOf(r probe.Result) string {
	var lines []string
	if len(r.Findings) > 0 {
		for _, e := range r.Findings[0].Evidence {
			if words, ok := e.Tried(); ok {
				lines = append(lines, words)
			}
		}
	}
	return strings.Join(lines, "\n")
}
