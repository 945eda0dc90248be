package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe/internal/pipe"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// script is a peer that reads what it expects and writes what it is told to.
type script []line

// line is one turn: expect is read in full first, then say is written.
type line struct{ expect, say string }

// play answers one connection; what differed from the script comes back.
func (s script) play(c net.Conn, heard *bytes.Buffer) {
	for _, turn := range s {
		got := make([]byte, len(turn.expect))
		n, _ := io.ReadFull(c, got)
		heard.Write(got[:n])
		if string(got[:n]) != turn.expect {
			c.Close()
			return
		}
		_, _ = io.WriteString(c, turn.say)
	}
}

// through connects a lane through a proxy that plays a script, in virtual time.
func through(t *testing.T, s Settings, script script, hangUp bool) (l *lane, e *TCPEvidence, fault *Fault, heard string) {
	t.Helper()
	var buf bytes.Buffer
	var wait = make(chan struct{})
	n := Net{Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		if address != "192.0.2.99:1080" {
			t.Errorf("dialled %s and not the proxy", address)
		}
		client, server := pipe.New(time.Millisecond, &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7), Port: 40000}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 99), Port: 1080})
		go func() {
			defer close(wait)
			script.play(server, &buf)
			if hangUp {
				server.Close()
			}
		}()
		return client, nil
	}}
	l = laneFor(t, n, s)
	if s.Proxy != "" && strings.HasPrefix(s.Proxy, "socks5+local") {
		l.addr = netip.MustParseAddrPort("[2001:db8::10]:587")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	seen, err := tcpStep(ctx, l)
	if err == nil {
		t.Cleanup(l.conn.Close)
	}
	<-wait
	return l, seen.(*TCPEvidence), faultOf(err), buf.String()
}

const (
	socksName = "\x05\x01\x00\x03\x11mail.acme.example\x02\x4b"
	connect   = "CONNECT mail.acme.example:587 HTTP/1.1\r\nHost: mail.acme.example:587\r\n\r\n"
	withLogin = "CONNECT mail.acme.example:587 HTTP/1.1\r\nHost: mail.acme.example:587\r\nProxy-Authorization: Basic aml2OkNhbmFyeTUh\r\n\r\n"
)

func socksSays(code byte) script {
	return script{{"\x05\x01\x00", "\x05\x00"}, {socksName, "\x05" + string(rune(code)) + "\x00\x01\x00\x00\x00\x00\x00\x00"}}
}

func httpSays(head string) script { return script{{connect, head + "\r\n\r\n"}} }

func TestAProxysOwnRefusalsStandApartFromTheTargets(t *testing.T) {
	for _, test := range []struct {
		name, proxy, url string
		script           script
		hangUp           bool
		kind             FaultKind
		said             proxyWord
		text             string
	}{
		{name: "socks connects", proxy: "socks5", script: socksSays(0)},
		{name: "socks names its address by name", proxy: "socks5", script: script{{"\x05\x01\x00", "\x05\x00"}, {socksName, "\x05\x00\x00\x03\x03abc\x00\x19"}}},
		{name: "socks names its IPv6 address", proxy: "socks5", script: script{{"\x05\x01\x00", "\x05\x00"}, {socksName, "\x05\x00\x00\x04" + strings.Repeat("\x00", 18)}}},
		{name: "socks resolved here", proxy: "socks5+local",
			script: script{{"\x05\x01\x00", "\x05\x00"}, {"\x05\x01\x00\x04\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x10\x02\x4b", "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"}}},
		{name: "socks login", proxy: "socks5", url: "socks5://jiv:Canary5!@192.0.2.99:1080",
			script: script{{"\x05\x02\x00\x02", "\x05\x02"}, {"\x01\x03jiv\x08Canary5!", "\x01\x00"}, {socksName, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"}}},
		{name: "socks login refused", proxy: "socks5", url: "socks5://jiv:Canary5!@192.0.2.99:1080",
			script: script{{"\x05\x02\x00\x02", "\x05\x02"}, {"\x01\x03jiv\x08Canary5!", "\x01\x01"}}, kind: ProxyFault, said: proxyWantsLogin, text: "refused the login (status 1)"},
		{name: "socks wants a login", proxy: "socks5", script: script{{"\x05\x01\x00", "\x05\xff"}}, kind: ProxyFault, said: proxyWantsLogin, text: "wants a login"},
		{name: "socks forces a login", proxy: "socks5", script: script{{"\x05\x01\x00", "\x05\x02"}}, kind: ProxyFault, said: proxyWantsLogin},
		{name: "socks failure", proxy: "socks5", script: socksSays(1), kind: ProxyFault, said: proxyFails, text: "general SOCKS server failure (SOCKS reply 1)"},
		{name: "socks ruleset", proxy: "socks5", script: socksSays(2), kind: ProxyFault, said: proxyForbids, text: "not allowed by ruleset (SOCKS reply 2)"},
		{name: "socks network", proxy: "socks5", script: socksSays(3), kind: Unreachable, said: targetNoRoute},
		{name: "socks host", proxy: "socks5", script: socksSays(4), kind: Unreachable, said: targetNoRoute},
		{name: "socks refused", proxy: "socks5", script: socksSays(5), kind: ConnRefused, said: targetRefuses, text: "did not connect to mail.acme.example:587: connection refused (SOCKS reply 5)"},
		{name: "socks ttl", proxy: "socks5", script: socksSays(6), kind: Timeout, said: targetSilent},
		{name: "socks odd", proxy: "socks5", script: socksSays(99), kind: ProxyFault, said: proxyFails, text: "SOCKS reply 99"},
		{name: "socks short refusal", proxy: "socks5", script: script{{"\x05\x01\x00", "\x05\x00"}, {socksName, "\x05\x05"}}, hangUp: true, kind: ConnRefused, said: targetRefuses},
		{name: "socks hangs up", proxy: "socks5", script: script{{"\x05\x01\x00", ""}}, hangUp: true, kind: ProxyFault, said: proxySilent, text: "it hung up"},
		{name: "socks silent", proxy: "socks5", script: script{{"\x05\x01\x00", ""}}, kind: ProxyFault, said: proxySilent, text: "no answer in time"},
		{name: "socks is http", proxy: "socks5", script: script{{"\x05\x01\x00", "HTTP/1.1 400 Bad Request\r\n\r\n"}}, kind: ProxyFault, said: proxyForeign, text: "http:// may be its kind"},
		{name: "socks is smtp", proxy: "socks5", script: script{{"\x05\x01\x00", "220 mail.example ESMTP\r\n"}}, kind: ProxyFault, said: proxyForeign, text: "is none"},
		{name: "http connects", proxy: "http", script: httpSays("HTTP/1.1 200 Connection established")},
		{name: "http login", proxy: "http", url: "http://jiv:Canary5!@192.0.2.99:1080", script: script{{withLogin, "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"}}},
		{name: "http wants a login", proxy: "http", script: httpSays("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x"), kind: ProxyFault, said: proxyWantsLogin,
			text: `answered "407 Proxy Authentication Required" to CONNECT mail.acme.example:587`},
		{name: "http forbids", proxy: "http", script: httpSays("HTTP/1.1 403 Forbidden"), kind: ProxyFault, said: proxyForbids, text: "403 Forbidden"},
		{name: "http knows no CONNECT", proxy: "http", script: httpSays("HTTP/1.1 405 Method Not Allowed"), kind: ProxyFault, said: proxyForbids},
		{name: "http bad gateway", proxy: "http", script: httpSays("HTTP/1.1 502 Bad Gateway"), kind: ProxyFault, said: proxyFails},
		{name: "http gateway timeout", proxy: "http", script: httpSays("HTTP/1.1 504 Gateway Timeout"), kind: Timeout, said: targetSilent},
		{name: "squid refused", proxy: "http", script: httpSays("HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111"), kind: ConnRefused, said: targetRefuses, text: "ERR_CONNECT_FAIL 111"},
		{name: "squid name", proxy: "http", script: httpSays("HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0"), kind: ProxyFault, said: proxyNoHost},
		{name: "squid route", proxy: "http", script: httpSays("HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 113"), kind: Unreachable, said: targetNoRoute},
		{name: "http hangs up in the head", proxy: "http", script: script{{connect, "HTTP/1.1 403 Forbidden\r\nVia: x"}}, hangUp: true, kind: ProxyFault, said: proxyForbids},
		{name: "http hangs up", proxy: "http", script: script{{connect, "HTTP/1"}}, hangUp: true, kind: ProxyFault, said: proxySilent, text: "it hung up"},
		{name: "http is socks", proxy: "http", script: script{{connect, "\x05\xff"}}, kind: ProxyFault, said: proxyForeign, text: "socks5:// may be its kind"},
		{name: "http is smtp", proxy: "http", script: script{{connect, "220 mail.example ESMTP\r\n"}}, kind: ProxyFault, said: proxyForeign},
		{name: "http is a word", proxy: "http", script: script{{connect, "HELLO there\r\n"}}, kind: ProxyFault, said: proxyForeign},
		{name: "http endless line", proxy: "http", script: script{{connect, "HTTP/1.1 200 " + strings.Repeat("x", 2*maxConnectLine)}}, kind: ProxyFault, said: proxyForeign, text: "octets"},
		{name: "http endless head", proxy: "http", script: script{{connect, "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 2*maxConnectLines)}}, kind: ProxyFault, said: proxyForeign, text: "lines"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := Settings{Host: "mail.acme.example", Port: 587, Proxy: test.proxy + "://192.0.2.99:1080"}
				if test.url != "" {
					s.ProxyURL = secret.New(test.url)
				}
				l, e, fault, heard := through(t, s, test.script, test.hangUp)
				var expected string
				for _, turn := range test.script {
					expected += turn.expect
				}
				if heard != expected {
					t.Errorf("the proxy heard %q\nand not       %q", heard, expected)
				}
				if fault == nil {
					fault = &Fault{}
				}
				if fault.Kind != test.kind || e.proxySaid != test.said || !strings.Contains(fault.Text, test.text) {
					t.Errorf("%s %s %q, want %s %s %q", fault.Kind, e.proxySaid, fault.Text, test.kind, test.said, test.text)
				}
				if (test.kind == "") != (l.conn != nil) || e.proxyLogin != (test.said == proxyWantsLogin) {
					t.Errorf("connected %v, login %v", l.conn != nil, e.proxyLogin)
				}
				if shown := l.run.shown(fault.Text + " Canary5! aml2OkNhbmFyeTUh"); test.url != "" && strings.Contains(shown, "anary") {
					t.Errorf("the redactor does not know the proxy's password: %q", shown)
				}
				if test.kind == "" && (e.LocalAddress != "10.0.0.7" || e.summary(nil) != "answers, through the proxy") {
					t.Errorf("%+v %q", e, e.summary(nil))
				}
				if test.said != "" && e.summary(fault) == "" {
					t.Error("no words for it")
				}
			})
		})
	}
}

func TestAGreetingInTheProxysPacketIsNotLost(t *testing.T) {
	for _, test := range []struct {
		scheme string
		script script
	}{
		{"http", script{{connect, "HTTP/1.1 200 OK\r\n\r\n220 mail.acme.example ESMTP\r\n"}}},
		{"socks5", script{{"\x05\x01\x00", "\x05\x00"}, {socksName, "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00220 mail.acme.example ESMTP\r\n"}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, _, fault, _ := through(t, Settings{Host: "mail.acme.example", Port: 587, Proxy: test.scheme + "://192.0.2.99:1080"}, test.script, false)
			if fault != nil {
				t.Fatal(fault)
			}
			reply, err := l.conn.ReadReply(t.Context())
			if err != nil || reply.Code != 220 {
				t.Error(reply, err)
			}
		})
	}
}

func TestAProxyThatIsNotThereIsNamedAndNotTheTarget(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{syscall.ECONNREFUSED, "the proxy http://192.0.2.99:3128 cannot be reached: connection refused"},
		{syscall.EHOSTUNREACH, "the proxy http://192.0.2.99:3128 cannot be reached: no route to it"},
		{context.DeadlineExceeded, "the proxy http://192.0.2.99:3128 cannot be reached: no answer in time"},
	} {
		n := Net{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: test.err}
		}}
		l := laneFor(t, n, Settings{Host: "mail.acme.example", Port: 587, Proxy: "http://192.0.2.99:3128"})
		seen, err := tcpStep(t.Context(), l)
		fault := faultOf(err)
		if fault == nil || fault.Kind != ProxyFault || fault.Text != test.want || seen.(*TCPEvidence).proxySaid != proxyDown {
			t.Errorf("%+v", fault)
		}
	}
}

func TestAnInterruptedProxyRequestStaysInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		n := Net{Dial: func(context.Context, string, string) (net.Conn, error) {
			client, server := pipe.New(0, &net.TCPAddr{}, &net.TCPAddr{})
			time.AfterFunc(time.Second, func() { cancel(); server.Close() })
			return client, nil
		}}
		l := laneFor(t, n, Settings{Host: "mail.acme.example", Port: 587, Proxy: "http://192.0.2.99:3128"})
		if _, err := tcpStep(ctx, l); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestAProxyURLThatCannotBeUsedIsNotRepeated(t *testing.T) {
	for _, given := range []string{"http://u:Canary5!@[::1", "gopher://u:Canary5!@h:1", "http://"} {
		l := laneFor(t, Net{}, Settings{Host: "h.example", Port: 25, Proxy: "http://x", ProxyURL: secret.New(given)})
		_, err := tcpStep(t.Context(), l)
		if fault := faultOf(err); fault == nil || fault.Kind != ProxyFault || strings.Contains(fault.Text, "Canary") {
			t.Errorf("%+v", fault)
		}
	}
}

func FuzzProxyReply(f *testing.F) {
	for _, seed := range []string{"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00", "\x05\x05", "\x05\x00\x00\x03\xffabc", "\x00\x5a",
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 407\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n", "HTTP/1.1 200", "220 x\r\n"} {
		f.Add([]byte(seed + "rest"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &proxy{scheme: "http", address: "192.0.2.1:1"}
		if code, err := readSOCKSReply(bytes.NewReader(data)); err == nil && code != 0 && p.socksVerdict(code, "h:1") == nil {
			t.Errorf("%d is taken for a success", code)
		}
		_, _ = readSOCKSMethod(bytes.NewReader(data))
		br := bufio.NewReaderSize(bytes.NewReader(data), maxConnectLine)
		reply, err := readConnectReply(br)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(data, []byte("HTTP/")) || reply.code < 200 || reply.code > 599 {
			t.Errorf("%d out of %q", reply.code, data)
		}
		if len(reply.status) > maxConnectLine || len(reply.squid) > maxConnectLine {
			t.Error("unbounded")
		}
		if reply.code/100 != 2 {
			var refused *proxyError
			if err := p.httpVerdict(reply, "h:1"); !errors.As(err, &refused) || refused.said == "" {
				t.Errorf("%v", err)
			}
		}
	})
}

func TestTCPFaultsAreToldApart(t *testing.T) {
	for _, test := range []struct {
		err  error
		kind FaultKind
		want string
	}{
		{syscall.ECONNREFUSED, ConnRefused, "refused"},
		{syscall.ETIMEDOUT, Timeout, "no answer"},
		{context.DeadlineExceeded, Timeout, "no answer"},
		{syscall.ENETUNREACH, Unreachable, "no route to the address"},
		{syscall.EHOSTUNREACH, Unreachable, "no route to the address"},
		{syscall.ECONNRESET, Reset, "the connection was reset"},
	} {
		n := Net{Dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: test.err})
		}}
		l := laneFor(t, n, Settings{Host: "mail.acme.example", Port: 587})
		l.addr = netip.MustParseAddrPort("[2001:db8::1]:587")
		seen, err := tcpStep(t.Context(), l)
		e, fault := seen.(*TCPEvidence), faultOf(err)
		if fault.Kind != test.kind || e.summary(fault) != test.want || *e.Family != 6 || l.conn != nil {
			t.Errorf("%v: %s %q", test.err, fault.Kind, e.summary(fault))
		}
	}
}
