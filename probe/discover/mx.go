package discover

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// mxSeen is what the MX records of the domain say.
type mxSeen struct {
	known    bool     // the DNS has answered
	noDomain bool     // the domain does not exist
	null     bool     // "no mail here" (RFC 7505)
	hosts    []string // by preference
	filter   string   // the name of the filter that takes the mail, "" for none
	provider string   // the id of the provider that takes the mail, ""
}

// mxAnswer is an answer that several sources wait for.
type mxAnswer struct {
	done   chan struct{}
	answer mxSeen
}

func newMXAnswer() *mxAnswer { return &mxAnswer{done: make(chan struct{})} }

func (a *mxAnswer) give(seen mxSeen) {
	a.answer = seen
	close(a.done)
}

// wait gives what is known when the answer is there or ctx ends.
func (a *mxAnswer) wait(ctx context.Context) mxSeen {
	select {
	case <-a.done:
		return a.answer
	case <-ctx.Done():
		return a.seen()
	}
}

func (a *mxAnswer) seen() mxSeen {
	select {
	case <-a.done:
		return a.answer
	default:
		return mxSeen{}
	}
}

// askMX looks up who takes the mail of the domain.
func (s *search) askMX(ctx context.Context) reply {
	found, err := s.lookup(ctx, s.domain, dns.TypeMX)
	if err != nil {
		s.mx.give(mxSeen{})
		return trouble(err)
	}
	seen := s.readMX(found)
	s.mx.give(seen)
	return s.mxReply(seen)
}

func (s *search) readMX(found records) mxSeen {
	seen := mxSeen{known: true, noDomain: !found.exists}
	var all []*dns.MX
	for _, rr := range found.all {
		if mx, ok := rr.(*dns.MX); ok {
			all = append(all, mx)
		}
	}
	slices.SortStableFunc(all, func(a, b *dns.MX) int { return cmp.Compare(a.Preference, b.Preference) })
	for _, mx := range all {
		host := plain(mx.Mx)
		seen.null = seen.null || mx.Mx == "."
		if isHostName(host) && !slices.Contains(seen.hosts, host) {
			seen.hosts = append(seen.hosts, host)
		}
	}
	seen.null = seen.null && len(seen.hosts) == 0
	for _, host := range seen.hosts {
		if seen.filter = filterOf(host); seen.filter != "" {
			return seen
		}
		if id, ok := s.world.Catalogue.MatchMX(host); ok {
			seen.provider = id
			return seen
		}
	}
	return seen
}

func (s *search) mxReply(seen mxSeen) reply {
	hosts := strings.Join(seen.hosts[:min(len(seen.hosts), maxServers)], ", ")
	switch {
	case seen.noDomain:
		return reply{state: Nothing, text: "the domain does not exist"}
	case seen.null:
		return reply{state: Nothing, text: "the domain takes no mail, it says (null MX)"}
	case len(seen.hosts) == 0:
		return reply{state: Nothing, text: "the domain has no MX"}
	case seen.filter != "":
		return reply{state: Found, text: hosts + ": " + seen.filter + ", a filter in front of the provider"}
	}
	p, ok := s.world.Catalogue.Get(seen.provider)
	switch {
	case !ok:
		return reply{state: Nothing, text: hosts + ": no provider is known by this name"}
	case p.NoSMTP != "":
		return reply{state: Found, text: hosts + ": " + p.Name + ": " + p.NoSMTP}
	}
	r := reply{state: Found, offers: s.offersOf(p, rankMX, seen.hosts...)}
	r.text = hosts + ": " + p.Name + ": " + words(r.offers)
	if p.IMAP != nil {
		r.inbox = s.inboxOf(p)
	}
	return r
}

// filterOf names the service that only filters mail and hands it on, "" for any other host.
func filterOf(host string) string {
	for _, f := range filters() {
		if isWithin(host, f.domain) {
			return f.name
		}
	}
	return ""
}

type filter struct{ domain, name string }

// filters are the services in front of a provider, by the domains of their MX.
func filters() []filter {
	return []filter{
		{"hornetsecurity.com", "Hornetsecurity"}, {"antispameurope.com", "Hornetsecurity"},
		{"mimecast.com", "Mimecast"}, {"mimecast-offshore.com", "Mimecast"}, {"mimecast.co.za", "Mimecast"},
		{"pphosted.com", "Proofpoint"}, {"ppe-hosted.com", "Proofpoint Essentials"}, {"gpphosted.com", "Proofpoint"},
		{"barracudanetworks.com", "Barracuda"}, {"messagelabs.com", "Symantec Email Security"},
		{"iphmx.com", "Cisco Secure Email"}, {"tmes.trendmicro.com", "Trend Micro"}, {"tmes.trendmicro.eu", "Trend Micro"},
		{"tmes-anz.trendmicro.com", "Trend Micro"}, {"mailcontrol.com", "Forcepoint"}, {"hydra.sophos.com", "Sophos"},
		{"antispamcloud.com", "N-able Mail Assure"}, {"spamexperts.com", "SpamExperts"}, {"spamexperts.eu", "SpamExperts"}, {"spamexperts.net", "SpamExperts"},
		{"mxthunder.com", "SpamHero"}, {"mxthunder.net", "SpamHero"}, {"mxrecord.io", "Cloudflare Email Security"}, {"mxrecord.mx", "Cloudflare Email Security"},
		{"retarus.com", "Retarus"}, {"retarus.de", "Retarus"}, {"expurgate.net", "eXpurgate"}, {"expurgate.de", "eXpurgate"},
		{"nospamproxy.com", "NoSpamProxy"}, {"mailinblack.com", "Mailinblack"}, {"altospam.com", "Altospam"}, {"vadesecure.com", "Vade"},
		{"fortimailcloud.com", "FortiMail"}, {"fireeyecloud.com", "Trellix"}, {"mailroute.net", "MailRoute"}, {"zixmail.net", "Zix"},
		{"appriver.com", "AppRiver"}, {"arsmtp.com", "AppRiver"}, {"perception-point.io", "Perception Point"}, {"esvacloud.com", "Libraesva"},
		{"mailprotector.net", "Mailprotector"}, {"securence.com", "Securence"}, {"duocircle.com", "DuoCircle"}, {"spamtitan.com", "SpamTitan"},
	}
}
