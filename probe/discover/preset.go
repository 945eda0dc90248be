package discover

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/presets"
	"github.com/smtpdx/smtpdx/probe"
)

// askPresets looks the domain up in the list of providers; nobody is asked.
func (s *search) askPresets(context.Context) reply {
	p, ok := s.world.Catalogue.Get(s.listed())
	if s.listed() == "" || !ok {
		return reply{state: Nothing, text: "no provider is known by this domain"}
	}
	r := reply{state: Found, text: s.domain + " belongs to " + p.Name}
	if p.NoSMTP != "" {
		r.text += ": " + p.NoSMTP
		return r
	}
	r.offers = s.offersOf(p, rankListed)
	for i := range r.offers {
		r.offers[i].Listed = true
	}
	if p.IMAP != nil {
		r.inbox = s.inboxOf(p)
	}
	r.text += ": " + words(r.offers)
	return r
}

// offersOf are the servers of a provider, in the order in which it wants them
// used. Hosts help to fill placeholders: an MX or a web server of the domain
// often is the very server.
func (s *search) offersOf(p presets.Provider, rank int, hosts ...string) []Candidate {
	var offers []Candidate
	for i, e := range p.Endpoints {
		filled, missing := e.Fill(s.domain, valuesOf(e, hosts))
		c := Candidate{Host: filled.Host, Port: filled.Port, Encryption: probe.Encryption(filled.Encryption), Account: p.Account,
			Sources: []string{"preset:" + p.ID}, Provider: p.ID, Missing: missing, rank: rank, order: i}
		if len(missing) > 0 {
			c.Why = missingWords(p, missing)
		}
		offers = append(offers, c)
	}
	return offers
}

func missingWords(p presets.Provider, missing []string) string {
	return fmt.Sprintf("not asked: the name of the server has a part that only your account at %s tells, {%s}", p.Name, strings.Join(missing, "}, {"))
}

// valuesOf reads the placeholders of an endpoint out of hosts that fit it.
func valuesOf(e presets.Endpoint, hosts []string) map[string]string {
	for _, host := range hosts {
		if values, ok := e.Values(host); ok && len(values) > 0 {
			return values
		}
	}
	return nil
}

func (s *search) inboxOf(p presets.Provider) []Inbox {
	filled, missing := p.IMAP.Fill(s.domain, nil)
	if len(missing) > 0 {
		return nil
	}
	return []Inbox{{Host: filled.Host, Port: filled.Port, Encryption: probe.Encryption(filled.Encryption), Source: "preset:" + p.ID}}
}

// belongs tells whether a host is a provider's: by the domain that it has in
// common with the provider's servers, or by the list.
func (s *search) belongs(host string, p presets.Provider) bool {
	own := registrable(host)
	if slices.ContainsFunc(p.Endpoints, func(e presets.Endpoint) bool { return registrable(e.Host) == own }) ||
		slices.ContainsFunc(p.MX, func(mx string) bool { return registrable(mx) == own }) {
		return true
	}
	id, ok := s.world.Catalogue.MatchHost(host)
	return ok && id == p.ID
}

// holdsMailboxes tells whether people have their mail there: services that
// only send say nothing about where a login works.
func holdsMailboxes(p presets.Provider) bool {
	return !slices.Contains([]string{"transactional", "relay", "bridge"}, p.Kind)
}
