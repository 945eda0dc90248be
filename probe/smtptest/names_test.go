package smtptest

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestTheNamesOfADialogueAreAnswered(t *testing.T) {
	s := started(t, parsed(t, `
dns
  mail.acme.example CNAME MX7.acme.example
  mx7.acme.example A 127.0.0.1
  mx7.acme.example AAAA ::1
  acme.example MX 10 mail.acme.example
  empty.acme.example nodata
  gone.acme.example nxdomain
  broken.acme.example servfail
  quiet.acme.example silent
  round.acme.example CNAME about.acme.example
  about.acme.example CNAME round.acme.example
  lost.acme.example CNAME nowhere.acme.example
`))
	for _, c := range []struct {
		name   string
		kind   uint16
		rcode  int
		answer string // the last word of each record
	}{
		{"mail.acme.example.", dns.TypeA, dns.RcodeSuccess, "MX7.acme.example. 127.0.0.1"},
		{"MAIL.acme.example.", dns.TypeAAAA, dns.RcodeSuccess, "MX7.acme.example. ::1"},
		{"mail.acme.example.", dns.TypeCNAME, dns.RcodeSuccess, "MX7.acme.example."},
		{"acme.example.", dns.TypeMX, dns.RcodeSuccess, "mail.acme.example."},
		{"acme.example.", dns.TypeA, dns.RcodeSuccess, ""},
		{"empty.acme.example.", dns.TypeA, dns.RcodeSuccess, ""},
		{"gone.acme.example.", dns.TypeA, dns.RcodeNameError, ""},
		{"other.example.", dns.TypeA, dns.RcodeNameError, ""},
		{"lost.acme.example.", dns.TypeA, dns.RcodeNameError, "nowhere.acme.example."},
		{"broken.acme.example.", dns.TypeA, dns.RcodeServerFailure, ""},
		{"round.acme.example.", dns.TypeA, dns.RcodeSuccess, strings.TrimSpace(strings.Repeat("about.acme.example. round.acme.example. ", 4) + "about.acme.example.")},
	} {
		for _, network := range []string{"udp", "tcp"} {
			asker := &dns.Client{Net: network, Timeout: 10 * time.Second}
			reply, _, err := asker.Exchange(new(dns.Msg).SetQuestion(c.name, c.kind), s.Resolver())
			if err != nil {
				t.Fatalf("%s over %s: %v", c.name, network, err)
			}
			var last []string
			for _, rr := range reply.Answer {
				words := strings.Fields(rr.String())
				last = append(last, words[len(words)-1])
			}
			if got := strings.Join(last, " "); got != c.answer || reply.Rcode != c.rcode {
				t.Errorf("%s %s over %s: %s %q", c.name, dns.TypeToString[c.kind], network, dns.RcodeToString[reply.Rcode], got)
			}
			if negative := len(reply.Answer) == 0 && c.rcode != dns.RcodeServerFailure; negative != (len(reply.Ns) == 1 && len(reply.Answer) == 0) {
				t.Errorf("%s %s: the authority section has %v", c.name, dns.TypeToString[c.kind], reply.Ns)
			}
		}
	}
	asker := &dns.Client{Timeout: 50 * time.Millisecond}
	if reply, _, err := asker.Exchange(new(dns.Msg).SetQuestion("quiet.acme.example.", dns.TypeA), s.Resolver()); err == nil {
		t.Errorf("the silent name is answered: %v", reply)
	}
}
