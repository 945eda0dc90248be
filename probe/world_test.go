package probe

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe/internal/pipe"
	"github.com/smtpdx/smtpdx/probe/secret"
	"github.com/smtpdx/smtpdx/probe/smtptest"
)

// world is a network in memory: names, addresses and who answers there.
type world struct {
	t       *testing.T
	latency time.Duration // one way
	names   map[string][]string
	answers map[string]func(net.Conn) // by IP:PORT; nil: silence
	mu      sync.Mutex
	dialled []string
	roots   *x509.CertPool
	open    int // connections that we have not closed
}

// held counts a connection until it is closed.
type held struct {
	net.Conn
	w    *world
	once sync.Once
}

func (h *held) Close() error {
	h.once.Do(func() {
		h.w.mu.Lock()
		h.w.open--
		h.w.mu.Unlock()
	})
	return h.Conn.Close()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, latency: 5 * time.Millisecond, names: map[string][]string{}, answers: map[string]func(net.Conn){}}
}

// at puts a dialogue of the catalogue's language on an address.
func (w *world) at(address string, s *smtptest.Server) {
	ip := "127.0.0.1"
	if netip.MustParseAddrPort(address).Addr().Is6() {
		ip = "::1"
	}
	w.answers[address] = func(c net.Conn) { s.ServeAt(ip, c) }
	w.trust(s)
}

func (w *world) trust(s *smtptest.Server) {
	if w.roots == nil {
		w.roots = x509.NewCertPool()
	}
	w.roots.AppendCertsFromPEM(s.CA())
}

func (w *world) net() Net {
	return Net{
		Dial: w.dial,
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
		Resolvers: func() []string { return nil },
		Roots:     w.roots, PublicRoots: w.roots,
	}
}

func (w *world) dial(ctx context.Context, _, address string) (net.Conn, error) {
	w.mu.Lock()
	w.dialled = append(w.dialled, address)
	port := 40000 + len(w.dialled)
	w.mu.Unlock()
	answer, known := w.answers[address]
	if !known {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	if answer == nil {
		<-ctx.Done()
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.Cause(ctx)}
	}
	timer := time.NewTimer(2 * w.latency)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	to := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))
	client, server := pipe.New(w.latency, &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: port}, to)
	go answer(server)
	w.mu.Lock()
	w.open++
	w.mu.Unlock()
	return &held{Conn: client, w: w}, nil
}

// dialogue parses a dialogue text and makes a server of it, ended with the test.
func dialogue(t *testing.T, text string) *smtptest.Server {
	t.Helper()
	d, err := smtptest.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return serverOf(t, d)
}

func catalogued(t *testing.T, name string) *smtptest.Server {
	t.Helper()
	d, ok := smtptest.Lookup(name)
	if !ok {
		t.Fatalf("the catalogue has no %s", name)
	}
	return serverOf(t, d)
}

func serverOf(t *testing.T, d smtptest.Dialogue) *smtptest.Server {
	t.Helper()
	s := smtptest.New(context.Background(), d, smtptest.Options{})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// given are settings with a password, as a profile would make them.
func given(host string, port int, e Encryption, account, password string) Settings {
	s := Settings{Host: host, Port: port, Encryption: e, Account: account, UsedBy: "here"}
	if account != "" {
		s.Password = Credential{Value: secret.New(password), Source: "env"}
		s.From = []string{account}
	}
	return s
}

// probed runs settings through the engine and folds the events. Trap 30:
// whatever fails, no connection stays open.
func (w *world) probed(ctx context.Context, s Settings) (Report, []Event) {
	p := &Prober{Net: w.net(), Transcript: true, Refused: &RefusedLogins{}}
	report, events := fold(p.Run(ctx, s))
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open != 0 {
		w.t.Errorf("%d connections are left open", w.open)
	}
	return report, events
}

func fold(events func(func(Event) bool)) (Report, []Event) {
	var report Report
	var all []Event
	for e := range events {
		report.Add(e)
		all = append(all, e)
	}
	return report, all
}
