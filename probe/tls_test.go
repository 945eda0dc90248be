package probe

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe/internal/pipe"
)

const trip = 20 * time.Millisecond // to the server and back

// shaken brings a lane to the handshake and runs the step against servers of
// which the n-th answers the n-th connection, the last one all others.
func shaken(t *testing.T, s Settings, servers ...func(net.Conn)) (*lane, *TLSEvidence, *Fault) {
	t.Helper()
	var count atomic.Int32
	var serving sync.WaitGroup
	n := Net{Roots: poolOf(), Dial: func(context.Context, string, string) (net.Conn, error) {
		i := int(count.Add(1)) - 1
		client, server := pipe.New(trip/2, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7)}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 10), Port: 465})
		serving.Go(func() { servers[min(i, len(servers)-1)](server) })
		return client, nil
	}}
	if s.Host == "" {
		s.Host = "mail.acme.example"
	}
	if s.Encryption == "" {
		s.Encryption = SSL
	}
	s.Port = 465
	l := laneFor(t, n, s)
	l.addr = netip.MustParseAddrPort("192.0.2.10:465")
	ctx, cancel := context.WithTimeout(t.Context(), stepTimeout)
	defer cancel()
	if _, err := tcpStep(ctx, l); err != nil {
		t.Fatal(err)
	}
	if s.Encryption == STARTTLS {
		if err := l.starttlsOn(ctx, l.conn); err != nil {
			t.Fatal(err)
		}
	}
	seen, err := tlsStep(ctx, l)
	l.run.leaving.Wait()
	l.conn.Close()
	serving.Wait() // no connection of ours is left open
	return l, seen.(*TLSEvidence), faultOf(err)
}

// tlsServer answers with TLS and a greeting, and takes QUIT.
func tlsServer(config *tls.Config) func(net.Conn) {
	return func(c net.Conn) {
		defer c.Close()
		tc := tls.Server(c, config)
		if tc.Handshake() != nil {
			return
		}
		_, _ = io.WriteString(tc, "220 mail.acme.example ESMTP\r\n")
		_, _ = bufio.NewReader(tc).ReadString('\n')
	}
}

// says answers in plain text, in pieces with a wait between them.
func says(wait time.Duration, pieces ...string) func(net.Conn) {
	return func(c net.Conn) {
		for _, piece := range pieces {
			time.Sleep(wait) // virtual
			_, _ = io.WriteString(c, piece)
		}
	}
}

func hangsUp(c net.Conn) {
	_, _ = c.Read(make([]byte, 16))
	c.Close()
}

// behindSTARTTLS speaks SMTP up to the handshake, then next takes over.
func behindSTARTTLS(next func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		br := bufio.NewReader(c)
		_, _ = io.WriteString(c, "220 mail.acme.example ESMTP\r\n")
		for _, reply := range []string{"250-mail.acme.example\r\n250 STARTTLS\r\n", "220 go\r\n"} {
			if _, err := br.ReadString('\n'); err != nil {
				return
			}
			_, _ = io.WriteString(c, reply)
		}
		next(c)
	}
}

func certificateOf(t *testing.T, key any) tls.Certificate {
	t.Helper()
	var s *signer
	switch key := key.(type) {
	case *rsa.PrivateKey:
		s = madeWith(t, nil, key, "mail.acme.example", server)
	case *ecdsa.PrivateKey:
		s = madeWith(t, nil, key, "mail.acme.example", server)
	}
	return tls.Certificate{Certificate: [][]byte{s.cert.Raw}, PrivateKey: s.key, OCSPStaple: []byte("staple")}
}

func TestHandshakesAreExplained(t *testing.T) {
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	ec, rs := certificateOf(t, ecKey), certificateOf(t, rsaKey)
	config := func(change func(*tls.Config)) *tls.Config {
		c := &tls.Config{Certificates: []tls.Certificate{ec}, MinVersion: tls.VersionTLS10}
		change(c)
		return c
	}
	modern := config(func(*tls.Config) {})
	only10 := config(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS10 })
	only11 := config(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 })
	only13 := config(func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 })
	garbled := config(func(c *tls.Config) {
		c.Certificates = []tls.Certificate{{Certificate: [][]byte{[]byte("garbage")}, PrivateKey: ecKey}}
	})
	rsaExchange := &tls.Config{Certificates: []tls.Certificate{rs}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}
	wants := func(a tls.ClientAuthType, most uint16) *tls.Config {
		return config(func(c *tls.Config) { c.ClientAuth, c.MaxVersion = a, most })
	}
	for _, test := range []struct {
		name     string
		s        Settings
		servers  []func(net.Conn)
		kind     FaultKind
		summary  string
		text     string
		version  Maybe
		alert    Maybe
		accepted []string
		weak     bool
		asked    *bool
		greeting string
		looks    Maybe
	}{
		{name: "1.3", servers: []func(net.Conn){tlsServer(modern)}, version: "1.3", summary: "TLS 1.3", asked: ptr(false)},
		{name: "1.3 after starttls", s: Settings{Encryption: STARTTLS}, servers: []func(net.Conn){behindSTARTTLS(tlsServer(modern))}, version: "1.3", summary: "TLS 1.3", asked: ptr(false)},
		{name: "1.0 allowed", s: Settings{TLSMin: tls.VersionTLS10}, servers: []func(net.Conn){tlsServer(only10)}, version: "1.0", summary: "TLS 1.0", asked: ptr(false)},
		{name: "1.0 only", servers: []func(net.Conn){tlsServer(only10)}, kind: TLSVersion, summary: "the server speaks TLS 1.0 only", accepted: []string{"1.0"}, alert: "protocol_version",
			text: "alert protocol_version; a second connection got TLS 1.0"},
		{name: "1.1 only, after starttls", s: Settings{Encryption: STARTTLS}, servers: []func(net.Conn){behindSTARTTLS(tlsServer(only11))}, kind: TLSVersion,
			summary: "the server speaks TLS 1.1 only", accepted: []string{"1.1"}, alert: "protocol_version"},
		{name: "1.3 wanted, 1.2 there", s: Settings{TLSMin: tls.VersionTLS13}, servers: []func(net.Conn){tlsServer(config(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }))},
			kind: TLSVersion, summary: "the server speaks TLS 1.2 only", accepted: []string{"1.2"}, alert: "protocol_version"},
		{name: "1.3 only", servers: []func(net.Conn){tlsServer(only13)}, version: "1.3", summary: "TLS 1.3", asked: ptr(false)},
		{name: "RSA key exchange only", servers: []func(net.Conn){tlsServer(rsaExchange)}, kind: TLSCipher, summary: "no cipher in common", accepted: []string{"1.2"}, alert: "handshake_failure", weak: true,
			text: "weak cipher TLS_RSA_WITH_AES_128_CBC_SHA"},
		{name: "hangs up on new versions", servers: []func(net.Conn){hangsUp, tlsServer(only10)}, kind: TLSVersion, summary: "the server speaks TLS 1.0 only", accepted: []string{"1.0"}},
		{name: "chokes on 1.3", servers: []func(net.Conn){hangsUp, hangsUp, tlsServer(only11)}, kind: TLSVersion, summary: "the server speaks TLS 1.1 only", accepted: []string{"1.1"}},
		{name: "cannot bear the large key share", servers: []func(net.Conn){hangsUp, tlsServer(modern)}, kind: Closed, summary: "the server hung up in the handshake", accepted: []string{"1.3"},
			text: "without the large key share of today's clients, got TLS 1.3"},
		{name: "no certificate at all in its place", servers: []func(net.Conn){tlsServer(garbled)}, kind: BadCertificate, summary: "the server's certificate cannot be read", text: "cannot be read", asked: nil},
		{name: "hangs up on everything", servers: []func(net.Conn){hangsUp}, kind: Closed, summary: "the server hung up in the handshake"},
		{name: "alerts on everything", servers: []func(net.Conn){says(0, "\x15\x03\x01\x00\x02\x02\x28")}, kind: TLSAlert, summary: "the server broke off: handshake_failure", alert: "handshake_failure",
			text: "neither old versions nor old ciphers work"},
		{name: "does not know the name", servers: []func(net.Conn){says(0, "\x15\x03\x03\x00\x02\x02\x70")}, kind: TLSAlert, summary: "the server broke off: unrecognized_name", alert: "unrecognized_name"},
		{name: "an alert without a name", servers: []func(net.Conn){says(0, "\x15\x03\x03\x00\x02\x02\xc8")}, kind: TLSAlert, summary: "the server broke off: alert(200)", alert: "alert(200)"},
		{name: "silence", servers: []func(net.Conn){func(net.Conn) {}}, kind: Timeout, summary: "no answer to the TLS handshake"},
		{name: "plain greeting", servers: []func(net.Conn){says(0, "220 mail.acme.example ESMTP Postfix\r\n")}, kind: TLSRecord, summary: "the server does not start with TLS on this port",
			text: "answered in plain text: 220 mail.acme.example ESMTP Postfix", greeting: "220 mail.acme.example ESMTP Postfix", looks: "smtp"},
		{name: "plain greeting in pieces", servers: []func(net.Conn){says(50*time.Millisecond, "220-ma", "il.acme.example\r\n220", " go on\r", "\n")}, kind: TLSRecord,
			summary: "the server does not start with TLS on this port", text: "220-mail.acme.example 220 go on", greeting: "220-mail.acme.example 220 go on", looks: "smtp"},
		{name: "late plain greeting", servers: []func(net.Conn){says(6*time.Second, "220 mail.acme.example ESMTP\r\n")}, kind: TLSRecord, greeting: "220 mail.acme.example ESMTP", looks: "smtp",
			summary: "the server does not start with TLS on this port"},
		{name: "greeting without an end", servers: []func(net.Conn){says(0, "220 mail.acme.example")}, kind: TLSRecord, greeting: "220 mail.acme.example", looks: "smtp",
			summary: "the server does not start with TLS on this port"},
		{name: "endless greeting", servers: []func(net.Conn){says(0, "220 "+strings.Repeat("x", 1<<16))}, kind: TLSRecord, greeting: "220 " + strings.Repeat("x", tapBytes-4), looks: "smtp",
			summary: "the server does not start with TLS on this port"},
		{name: "refusal in plain text", servers: []func(net.Conn){says(0, "554 no service\r\n")}, kind: TLSRecord, greeting: "554 no service", looks: "smtp", summary: "the server does not start with TLS on this port"},
		{name: "plain text after starttls", s: Settings{Encryption: STARTTLS}, servers: []func(net.Conn){behindSTARTTLS(says(0, "454 4.7.0 TLS not available\r\n"))}, kind: TLSRecord,
			summary: "what came is no TLS", text: "answered in plain text: 454 4.7.0 TLS not available", looks: "smtp"},
		{name: "HTTP", servers: []func(net.Conn){says(0, "HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n")}, kind: TLSRecord, summary: "no TLS: HTTP answers in plain text", looks: "http",
			text: "answered in plain text: HTTP/1.1 400 Bad Request"},
		{name: "IMAP", servers: []func(net.Conn){says(0, "* OK IMAP4rev1 ready\r\n")}, kind: TLSRecord, summary: "no TLS: IMAP answers in plain text", looks: "imap"},
		{name: "SSH", servers: []func(net.Conn){says(0, "SSH-2.0-OpenSSH_9.9\r\n")}, kind: TLSRecord, summary: "no TLS: SSH answers in plain text", looks: "ssh"},
		{name: "garbage", servers: []func(net.Conn){says(0, "\x00\x01\x02\x03\x04\x05\x06\x07")}, kind: TLSRecord, summary: "what came is no TLS", text: `neither TLS nor text: "\x00\x01`},
		{name: "a record that is too long", servers: []func(net.Conn){says(0, "\x16\x03\x03\xff\xff"+strings.Repeat("x", 100))}, kind: TLSRecord, summary: "what came is no TLS", text: "a TLS record that is none"},
		{name: "asked for a client certificate", servers: []func(net.Conn){tlsServer(wants(tls.RequestClientCert, tls.VersionTLS13))}, version: "1.3", summary: "TLS 1.3", asked: ptr(true)},
		{name: "asked and sent", s: Settings{ClientCert: &ec}, servers: []func(net.Conn){tlsServer(wants(tls.RequireAnyClientCert, tls.VersionTLS13))}, version: "1.3", summary: "TLS 1.3", asked: ptr(true)},
		{name: "wanted, 1.3", servers: []func(net.Conn){tlsServer(wants(tls.RequireAnyClientCert, tls.VersionTLS13))}, kind: TLSAlert, version: "1.3", alert: "certificate_required", asked: ptr(true),
			summary: "the server wants a client certificate", text: "refused the client certificate"},
		{name: "wanted, 1.3, after starttls", s: Settings{Encryption: STARTTLS}, servers: []func(net.Conn){behindSTARTTLS(tlsServer(wants(tls.RequireAnyClientCert, tls.VersionTLS13)))}, kind: TLSAlert, version: "1.3",
			alert: "certificate_required", asked: ptr(true), summary: "the server wants a client certificate"},
		{name: "wanted, 1.2", servers: []func(net.Conn){tlsServer(wants(tls.RequireAnyClientCert, tls.VersionTLS12))}, kind: TLSAlert, alert: "handshake_failure", asked: ptr(true),
			summary: "the server wants a client certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, e, fault := shaken(t, test.s, test.servers...)
				if fault == nil {
					fault = &Fault{}
				}
				if fault.Kind != test.kind || !strings.Contains(fault.Text, test.text) {
					t.Errorf("%s %q, want %s %q", fault.Kind, fault.Text, test.kind, test.text)
				}
				if test.kind == "" {
					fault = nil
				}
				if got := e.summary(fault); got != test.summary {
					t.Errorf("summary %q", got)
				}
				if e.Version != test.version || e.Alert != test.alert || !slices.Equal(e.VersionsAccepted, test.accepted) || e.weakCipher != test.weak {
					t.Errorf("version %q alert %q accepted %v weak %v", e.Version, e.Alert, e.VersionsAccepted, e.weakCipher)
				}
				if fmt.Sprint(deref(e.ClientCertificateAsked)) != fmt.Sprint(deref(test.asked)) {
					t.Errorf("asked for a client certificate: %v", deref(e.ClientCertificateAsked))
				}
				if e.plainGreeting != test.greeting || e.plainLooks != test.looks {
					t.Errorf("plain %q looks %q", e.plainGreeting, e.plainLooks)
				}
				if (l.tls != nil) != (test.kind == "") || l.encrypted() != (test.kind == "") {
					t.Errorf("encrypted: %v", l.encrypted())
				}
			})
		})
	}
}

func deref(b *bool) any {
	if b == nil {
		return "not observed"
	}
	return *b
}

func TestAHandshakeShowsWhatItAgreedOn(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	config := &tls.Config{Certificates: []tls.Certificate{certificateOf(t, key)}, CurvePreferences: []tls.CurveID{tls.X25519}}
	for _, test := range []struct {
		host, name string
		sni        Maybe
	}{{"mail.acme.example.", "", "mail.acme.example"}, {"192.0.2.10", "", ""}, {"192.0.2.10", "relay.acme.example", "relay.acme.example"}, {"2001:db8::1", "", ""}} {
		synctest.Test(t, func(t *testing.T) {
			var sent string
			c := config.Clone()
			c.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { sent = h.ServerName; return nil, nil }
			l, e, fault := shaken(t, Settings{Host: test.host, TLSServerName: test.name}, tlsServer(c))
			if fault != nil {
				t.Fatal(fault)
			}
			if e.ServerName != test.sni || Maybe(sent) != test.sni {
				t.Errorf("%s: SNI %q, said %q", test.host, sent, e.ServerName)
			}
			if e.Cipher == "" || e.Group != "X25519" || !*e.OCSPStapled || len(l.tls.PeerCertificates) != 1 {
				t.Errorf("%+v", e)
			}
		})
	}
}

// Without a request for a certificate nothing is waited for; with one, about a round trip.
func TestAClientCertificatesRefusalIsAwaitedOnlyWhereItCanCome(t *testing.T) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	for _, test := range []struct {
		auth tls.ClientAuthType
		most time.Duration
	}{{tls.NoClientCert, 2 * trip}, {tls.RequestClientCert, 2*trip + alertWait}} {
		synctest.Test(t, func(t *testing.T) {
			c := &tls.Config{Certificates: []tls.Certificate{certificateOf(t, key)}, ClientAuth: test.auth}
			begin := time.Now()
			shaken(t, Settings{Encryption: STARTTLS}, behindSTARTTLS(func(nc net.Conn) { _ = tls.Server(nc, c).Handshake() }))
			// tcp, greeting, EHLO and STARTTLS take two and a half trips here
			if took := time.Since(begin) - 5*trip/2; took > test.most {
				t.Errorf("%v: the handshake took %v", test.auth, took)
			}
		})
	}
}

func TestAnAlertAfterTheHandshakeIsAFaultOfTLS(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{errors.New("remote error: tls: certificate required"), "the server refused the client certificate, or that there is none: alert certificate_required"},
		{fmt.Errorf("read: %w", errors.New("remote error: tls: unknown certificate authority")), "the server refused the client certificate, or that there is none: alert unknown_ca"},
		{errors.New("remote error: tls: internal error"), "the server broke TLS off after the handshake: alert internal_error"},
		{io.EOF, ""},
		{nil, ""},
	} {
		fault := tlsAlertLater(test.err)
		if fault == nil {
			fault = &Fault{}
		}
		if fault.Text != test.want || test.want != "" && fault.Kind != TLSAlert {
			t.Errorf("%v: %+v", test.err, fault)
		}
	}
}

func FuzzFirstReply(f *testing.F) {
	for _, seed := range []string{"220 a\r\n", "220-a\r\n220 b\r\n", "\n", "-", "* OK\r\n", "220-", "\r\n\r\n", "abc-def\nabc"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, seen []byte) {
		text := firstReply(seen)
		if strings.Contains(text, "\n") || len(text) > len(seen) {
			t.Errorf("%q out of %q", text, seen)
		}
		if !isBinary(text) {
			plainLooks(text)
		}
		isWhole(seen)
	})
}
