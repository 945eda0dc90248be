package discover

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/smtpdx/smtpdx/presets"
)

// sign is a name in the DNS of a customer's domain that gives a provider away.
type sign struct{ domain, provider string }

// signs lead from the target of an alias or of an SPF include to a provider's
// id, where its MX and server names do not.
func signs() []sign {
	return []sign{
		{"autodiscover.outlook.com", "microsoft-365"}, {"spf.protection.outlook.com", "microsoft-365"},
		{"onmicrosoft.com", "microsoft-365"}, {"dkim.mail.microsoft", "microsoft-365"}, {"mx.microsoft", "microsoft-365"},
		{"_spf.google.com", "google-workspace"}, {"spf.messagingengine.com", "fastmail"}, {"dkim.fmhosted.com", "fastmail"},
		{"_spf.protonmail.ch", "proton"}, {"domains.proton.ch", "proton"}, {"adsredir.ionos.info", "ionos"},
		{"kundenserver.de", "ionos"}, {"dkim.ionos.com", "ionos"}, {"spf.infomaniak.ch", "infomaniak"},
	}
}

// behind names the provider that a name in the domain's DNS leads to; services
// that only send mail are none.
func (s *search) behind(name string) (presets.Provider, bool) {
	ids := []string{}
	for _, sign := range signs() {
		if isWithin(name, sign.domain) {
			ids = append(ids, sign.provider)
		}
	}
	for _, match := range []func(string) (string, bool){s.world.Catalogue.MatchHost, s.world.Catalogue.MatchMX} {
		if id, ok := match(name); ok {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		if p, ok := s.world.Catalogue.Get(id); ok && holdsMailboxes(p) {
			return p, true
		}
	}
	return presets.Provider{}, false
}

// trace is a name that gave a provider away, and how the domain has it.
type trace struct{ name, how string }

// askAutodiscoverName looks where autodiscover.DOMAIN leads.
func (s *search) askAutodiscoverName(ctx context.Context) reply {
	name := "autodiscover." + s.domain
	found, err := s.lookup(ctx, name, dns.TypeA)
	if err != nil {
		return trouble(err)
	}
	if len(found.aliases) == 0 {
		return reply{state: Nothing, text: name + " is no alias"}
	}
	var traces []trace
	for _, alias := range found.aliases {
		traces = append(traces, trace{alias, name + " is an alias of " + alias})
	}
	return s.follow(ctx, rankBehind, name+" is an alias of "+found.target()+", no provider is known by this name", traces)
}

// askSPF looks whom the domain lets send (RFC 7208 section 5.2), as that includes the provider.
func (s *search) askSPF(ctx context.Context) reply {
	found, err := s.lookup(ctx, s.domain, dns.TypeTXT)
	if err != nil {
		return trouble(err)
	}
	record := ""
	for _, rr := range found.all {
		if text := txt(rr); strings.EqualFold(text, "v=spf1") || strings.HasPrefix(strings.ToLower(text), "v=spf1 ") {
			record = text
			break
		}
	}
	if record == "" {
		return reply{state: Nothing, text: "the domain has no SPF record"}
	}
	var traces []trace
	for _, target := range includes(record) {
		traces = append(traces, trace{target, "the SPF record includes " + target})
	}
	return s.follow(ctx, rankBehind+2, "the SPF record includes nobody who is known", traces)
}

func txt(rr dns.RR) string {
	if t, ok := rr.(*dns.TXT); ok {
		return strings.Join(t.Txt, "")
	}
	return ""
}

// includes are the domains that an SPF record refers to, at most as many as a
// receiver may follow (RFC 7208 section 4.6.4).
func includes(record string) []string {
	var targets []string
	for _, term := range strings.Fields(strings.ToLower(record)) {
		target, included := strings.CutPrefix(strings.TrimLeft(term, "+?~-"), "include:")
		if !included {
			target, included = strings.CutPrefix(term, "redirect=")
		}
		if target = strings.TrimSuffix(target, "."); included && isHostName(target) && len(targets) < 10 {
			targets = append(targets, target)
		}
	}
	return targets
}

// selectors are the names under which providers have their customers publish
// DKIM keys. A provider's id means that the name alone tells.
func selectors() map[string]string {
	return map[string]string{"selector1": "", "selector2": "", "google": "google-workspace", "fm1": "", "protonmail": "",
		"s1-ionos": "", "mbo0001": "", "key1": "", "zmail": "", "default": ""}
}

// askDKIM looks where the selectors lead that providers are known by.
func (s *search) askDKIM(ctx context.Context) reply {
	type answer struct {
		selector string
		found    records
		err      error
	}
	answers := make(chan answer)
	for selector := range selectors() {
		go func() {
			found, err := s.lookup(ctx, selector+"._domainkey."+s.domain, dns.TypeTXT)
			answers <- answer{selector, found, err}
		}()
	}
	var traces []trace
	var failure error
	for range selectors() {
		a := <-answers
		if a.err != nil {
			failure = a.err
		}
		name := a.selector + "._domainkey." + s.domain
		for _, alias := range a.found.aliases {
			traces = append(traces, trace{alias, name + " is an alias of " + alias})
		}
		if id := selectors()[a.selector]; id != "" && len(a.found.all) > 0 {
			if p, ok := s.world.Catalogue.Get(id); ok && len(p.Endpoints) > 0 {
				traces = append(traces, trace{p.Endpoints[0].Host, "there is a key " + name})
			}
		}
	}
	if failure != nil && len(traces) == 0 {
		return trouble(failure)
	}
	slices.SortFunc(traces, func(a, b trace) int { return strings.Compare(a.how, b.how) })
	return s.follow(ctx, rankBehind+1, "no selector that a provider is known by", traces)
}

// follow makes offers of the providers that traces lead to. Where the MX
// belongs to another provider, that one has the mail, and the trace is only said.
func (s *search) follow(ctx context.Context, rank int, otherwise string, traces []trace) reply {
	mx := s.mx.wait(ctx)
	r := reply{state: Nothing, text: otherwise}
	var said, known []string
	for _, t := range traces {
		p, ok := s.behind(t.name)
		if !ok || slices.Contains(known, p.ID) {
			continue
		}
		known = append(known, p.ID)
		if mx.provider != "" && mx.provider != p.ID {
			said = append(said, t.how+": "+p.Name+", but the MX belongs to another provider")
			continue
		}
		offers := s.offersOf(p, rank, append(mx.hosts, t.name)...)
		r.offers = append(r.offers, offers...)
		said = append(said, t.how+": "+p.Name+": "+words(offers))
	}
	if len(said) > 0 {
		r.state, r.text = Found, strings.Join(said, "; ")
	}
	return r
}
