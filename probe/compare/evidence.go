package compare

import (
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// evidence compares what a step saw. alike: both reports reached servers of
// one service, whose addresses, names and certificates can change by themselves.
func (d *differences) evidence(id probe.StepID, a, b *probe.StepResult, alike bool) {
	path := "steps." + string(id) + "."
	switch before := a.Evidence.(type) {
	case *probe.DNSEvidence:
		with(b, func(now *probe.DNSEvidence) { d.dns(path, before, now, alike) })
	case *probe.GreetingEvidence:
		with(b, func(now *probe.GreetingEvidence) { d.greeting(path, before, now, alike) })
	case *probe.EHLOEvidence:
		with(b, func(now *probe.EHLOEvidence) { d.ehlo(path, before, now, alike) })
	case *probe.TLSEvidence:
		with(b, func(now *probe.TLSEvidence) { d.tls(path, before, now) })
	case *probe.CertificateEvidence:
		with(b, func(now *probe.CertificateEvidence) { d.certificate(path, before, now) })
	case *probe.AuthEvidence:
		with(b, func(now *probe.AuthEvidence) {
			d.both(path+"mechanism", string(before.Mechanism), string(now.Mechanism), Neutral, "another login mechanism was used")
		})
	case *probe.SenderEvidence:
		with(b, func(now *probe.SenderEvidence) { d.sender(path, before, now) })
	}
}

// with calls f where the other report has evidence of the same type.
func with[T probe.Evidence](s *probe.StepResult, f func(T)) {
	if e, ok := s.Evidence.(T); ok {
		f(e)
	}
}

func (d *differences) dns(path string, a, b *probe.DNSEvidence, alike bool) {
	d.both(path+"rcode", string(a.Rcode), string(b.Rcode), Neutral, "the DNS server answers otherwise")
	d.differs(path+"cname", join(a.CNAME), join(b.CNAME), Neutral, "the name is an alias of another one")
	if len(a.Addresses) == 0 || len(b.Addresses) == 0 {
		return
	}
	for _, family := range []int{4, 6} {
		before, now := addresses(a, family), addresses(b, family)
		field := path + "addresses.ipv" + strconv.Itoa(family)
		switch {
		case len(before) > 0 && len(now) == 0:
			d.add(field, join(before), "", Neutral, "the name has no IPv"+strconv.Itoa(family)+" address any more")
		case len(before) == 0 && len(now) > 0:
			d.add(field, "", join(now), Neutral, "the name has IPv"+strconv.Itoa(family)+" addresses too: a network where that family does not work waits for them")
		case !alike && !overlap(before, now):
			d.differs(field, join(before), join(now), Neutral, "the name leads to other servers")
		}
	}
}

func addresses(e *probe.DNSEvidence, family int) []string {
	var all []string
	for _, a := range e.Addresses {
		if a.Family == family {
			all = append(all, a.Address)
		}
	}
	slices.Sort(all)
	return all
}

// overlap: an address that is in both tells that the servers are the same.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func (d *differences) greeting(path string, a, b *probe.GreetingEvidence, alike bool) {
	if a.LooksLike != "" && b.LooksLike != "" && a.LooksLike != b.LooksLike {
		effect := Better
		if a.LooksLike == "smtp" {
			effect = Worse
		}
		d.add(path+"looks_like", string(a.LooksLike), string(b.LooksLike), effect, "another kind of service answers")
	}
	d.both(path+"software", string(a.Software), string(b.Software), Neutral, "other server software answers")
	if !alike {
		d.both(path+"host_name", string(a.HostName), string(b.HostName), Neutral, "another server answers")
	}
}

func (d *differences) tls(path string, a, b *probe.TLSEvidence) {
	effect := Better
	if b.Version < a.Version {
		effect = Worse
	}
	d.both(path+"version", string(a.Version), string(b.Version), effect, "another TLS version was agreed on")
	if a.Version == b.Version {
		d.both(path+"cipher", string(a.Cipher), string(b.Cipher), Neutral, "another cipher was agreed on; it matters to old clients only")
	}
	d.both(path+"alert", string(a.Alert), string(b.Alert), Neutral, "the server ends the handshake for another reason")
	d.truth(path+"client_certificate_asked", a.ClientCertificateAsked, b.ClientCertificateAsked, Neutral,
		"the server asks for a client certificate: without one the login can be refused", "the server asks for no client certificate any more")
}

// truth adds a difference of two observed facts; when says what it means that
// the fact is true now, else that it is not any more.
func (d *differences) truth(path string, a, b *bool, whenTrue Effect, nowTrue, nowFalse string) {
	if a == nil || b == nil || *a == *b {
		return
	}
	if *b {
		d.add(path, "false", "true", whenTrue, nowTrue)
		return
	}
	d.add(path, "true", "false", opposite(whenTrue), nowFalse)
}

func opposite(e Effect) Effect {
	switch e {
	case Worse:
		return Better
	case Better:
		return Worse
	}
	return Neutral
}

func (d *differences) sender(path string, a, b *probe.SenderEvidence) {
	for _, now := range b.Tries {
		i := slices.IndexFunc(a.Tries, func(t probe.SenderTry) bool { return t.From == now.From && t.To == now.To })
		if i < 0 {
			continue
		}
		was := accepted(a.Tries[i].Refused)
		effect := Better
		if now.Refused != "" {
			effect = Worse
		}
		d.differs(path+"tries."+now.From, was, accepted(now.Refused), effect, "as sender "+now.From+" to "+now.To)
	}
}

func accepted(refused probe.Maybe) string {
	if refused == "" {
		return "accepted"
	}
	return "refused (" + string(refused) + ")"
}

// sameServers tells whether both reports reached one service: the same
// provider, or server names below the same registrable domain.
func sameServers(a, b *probe.Result) bool {
	if a.Settings.Provider != "" && a.Settings.Provider == b.Settings.Provider {
		return true
	}
	before, now := serverName(a), serverName(b)
	return before != "" && domain(before) == domain(now)
}

// serverName is what the server calls itself.
func serverName(r *probe.Result) string {
	for _, id := range []probe.StepID{probe.StepEHLOTLS, probe.StepEHLO, probe.StepGreeting} {
		s := stepOf(r, id)
		if s == nil {
			continue
		}
		switch e := s.Evidence.(type) {
		case *probe.EHLOEvidence:
			if e.ServerName != "" {
				return strings.ToLower(string(e.ServerName))
			}
		case *probe.GreetingEvidence:
			if e.HostName != "" {
				return strings.ToLower(string(e.HostName))
			}
		}
	}
	return ""
}
