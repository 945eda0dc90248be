package probe_test

import (
	"context"
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/smtpdx/smtpdx/probe"
)

// answering starts a DNS server on loopback that gives every question to answer.
func answering(t *testing.T, answer func(question, reply *dns.Msg)) string {
	t.Helper()
	packets, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, question *dns.Msg) {
		reply := new(dns.Msg).SetReply(question)
		answer(question, reply)
		_ = w.WriteMsg(reply)
	})}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		_ = server.Shutdown()
		<-ended
	})
	return packets.LocalAddr().String()
}

func TestQueryGivesTheWholeReply(t *testing.T) {
	server := answering(t, func(q, reply *dns.Msg) {
		rr, _ := dns.NewRR("_submission._tcp.acme.test. 60 IN SRV 0 1 587 smtp.acme.test.")
		reply.Answer = append(reply.Answer, rr)
	})
	reply, err := probe.Net{}.Query(t.Context(), server, "_submission._tcp.acme.test", dns.TypeSRV)
	if err != nil || len(reply.Answer) != 1 || reply.Answer[0].Header().Rrtype != dns.TypeSRV {
		t.Errorf("%v, %v", reply, err)
	}
}

func TestQueryPassesOverAServerThatRefuses(t *testing.T) {
	refusing := answering(t, func(_, reply *dns.Msg) { reply.Rcode = dns.RcodeRefused })
	knowing := answering(t, func(_, reply *dns.Msg) { reply.Rcode = dns.RcodeNameError })
	n := probe.Net{Resolvers: func() []string { return []string{refusing, knowing} }}
	if reply, err := n.Query(t.Context(), "", "acme.test", dns.TypeMX); err != nil || reply.Rcode != dns.RcodeNameError {
		t.Errorf("%v, %v", reply, err)
	}
	n.Resolvers = func() []string { return []string{refusing} }
	if reply, err := n.Query(t.Context(), "", "acme.test", dns.TypeMX); err != nil || reply.Rcode != dns.RcodeRefused {
		t.Errorf("alone: %v, %v", reply, err)
	}
}

func TestQueryWithoutAServerOrTimeIsAnError(t *testing.T) {
	n := probe.Net{Resolvers: func() []string { return nil }}
	if reply, err := n.Query(t.Context(), "", "acme.test", dns.TypeMX); err == nil {
		t.Errorf("no server answered %v", reply)
	}
	server := answering(t, func(_, _ *dns.Msg) {})
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if reply, err := (probe.Net{}).Query(over, server, "acme.test", dns.TypeMX); err == nil {
		t.Errorf("after the end: %v", reply)
	}
}
