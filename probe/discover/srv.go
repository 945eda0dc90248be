package discover

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
)

// maxServers is how many servers of one source are looked at.
const maxServers = 8

// submissions asks for submission with TLS from the first byte (RFC 8314 section 5.1).
func (s *search) submissions(ctx context.Context) reply {
	return s.askSRV(ctx, "_submissions._tcp", probe.SSL, 0)
}

// submission asks for submission with STARTTLS (RFC 6186 section 3.1); where both
// are published, TLS from the first byte goes first (RFC 8314 section 3).
func (s *search) submission(ctx context.Context) reply {
	return s.askSRV(ctx, "_submission._tcp", probe.STARTTLS, maxServers)
}

func (s *search) askSRV(ctx context.Context, service string, encryption probe.Encryption, order int) reply {
	targets, r := s.srv(ctx, service)
	for i, t := range targets {
		r.offers = append(r.offers, Candidate{Host: plain(t.Target), Port: int(t.Port), Encryption: encryption,
			Account: presets.Account{Form: "full-address"}, rank: rankSRV, order: order + i})
	}
	return r
}

// imaps asks on the way where the inbox is (RFC 6186 section 3.2).
func (s *search) imaps(ctx context.Context) reply {
	targets, r := s.srv(ctx, "_imaps._tcp")
	for _, t := range targets {
		r.inbox = append(r.inbox, Inbox{Host: plain(t.Target), Port: int(t.Port), Encryption: probe.SSL, Source: "srv-imaps"})
	}
	return r
}

// srv looks a service up and orders its targets: the lowest priority first,
// within one the greatest weight. RFC 2782 draws lots by weight; two runs of
// this tool should say the same.
func (s *search) srv(ctx context.Context, service string) ([]*dns.SRV, reply) {
	name := service + "." + s.domain
	found, err := s.lookup(ctx, name, dns.TypeSRV)
	if err != nil {
		return nil, trouble(err)
	}
	var usable []*dns.SRV
	none := false
	for _, rr := range found.all {
		target, ok := rr.(*dns.SRV)
		switch {
		case ok && target.Target == ".":
			none = true
		case ok && isHostName(plain(target.Target)) && target.Port > 0:
			usable = append(usable, target)
		}
	}
	slices.SortStableFunc(usable, func(a, b *dns.SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Weight, a.Weight))
	})
	usable = usable[:min(len(usable), maxServers)]
	return usable, reply{state: stateOf(len(usable)), text: srvWords(name, usable, len(found.all), none)}
}

func stateOf(found int) State {
	if found == 0 {
		return Nothing
	}
	return Found
}

func srvWords(name string, usable []*dns.SRV, records int, none bool) string {
	switch {
	case len(usable) == 0 && none:
		return name + ": there is no such service, says the domain"
	case len(usable) == 0 && records > 0:
		return name + ": the record names no usable server"
	case len(usable) == 0:
		return name + ": no such record"
	}
	var words []string
	for _, t := range usable {
		words = append(words, fmt.Sprintf("%s:%d (priority %d, weight %d)", plain(t.Target), t.Port, t.Priority, t.Weight))
	}
	return name + ": " + strings.Join(words, ", ")
}
