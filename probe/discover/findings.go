package discover

import (
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// findings are what a person must know beside the settings.
func (s *search) findings(f *finds, out Outcome) []probe.Finding {
	var all []probe.Finding
	add := func(wanted bool, say func() probe.Finding) {
		if wanted {
			all = append(all, say())
		}
	}
	mx := s.mx.seen()
	add(s.dnsIsSilent(f), s.silentDNS)
	add(mx.noDomain && len(out.Candidates) == 0, s.noSuchDomain)
	add(mx.null, s.nullMX)
	add(out.Provider != nil && out.Provider.NoSMTP != "", func() probe.Finding { return noSMTP(out) })
	add(len(f.elsewhere) > 0, func() probe.Finding { return s.movedAway(f) })
	add(len(f.elsewhere) == 0, func() probe.Finding { return s.disagreement(f) })
	add(out.Filter != "", func() probe.Finding { return s.filtered(f, out) })
	add(len(out.Candidates) > 0 && out.Candidates[0].NeedsConsent(), func() probe.Finding { return s.outside(out.Candidates[0]) })
	return slices.DeleteFunc(all, func(f probe.Finding) bool { return f.Cause == "" })
}

// dnsIsSilent: not one of the look-ups came to an end.
func (s *search) dnsIsSilent(f *finds) bool {
	looked := 0
	for _, source := range f.sources {
		switch source.ID {
		case "mx", "spf", "srv-submission", "srv-submissions":
			if source.State != TimedOut && source.State != Failed {
				return false
			}
			looked++
		}
	}
	return looked > 0
}

func (s *search) silentDNS() probe.Finding {
	return probe.Finding{Cause: "discovery-dns-silent", Severity: cause.Error, Confidence: cause.Certain, Who: cause.Network,
		Title:       "The DNS server does not answer, so that nothing could be looked up.",
		Explanation: "Every question to the DNS about " + s.domain + " failed. That says nothing about the mail settings.",
		Fix:         fix("try again, or ask another DNS server: --resolver IP", cause.Network)}
}

func (s *search) noSuchDomain() probe.Finding {
	return probe.Finding{Cause: "discovery-no-such-domain", Severity: cause.Error, Confidence: cause.Certain, Who: cause.User,
		Title:       "The domain " + Readable(s.domain) + " does not exist.",
		Explanation: "The DNS knows no such name. An address there can neither send nor receive.",
		Fix:         fix("see whether the address is spelt right", cause.User)}
}

func (s *search) nullMX() probe.Finding {
	return probe.Finding{Cause: "discovery-null-mx", Severity: cause.Warning, Confidence: cause.Certain, Who: cause.ITAdmin,
		Title:       Readable(s.domain) + " says that it takes no mail (null MX, RFC 7505).",
		Explanation: "There is no mailbox at this domain. Replies and bounces to such a sender are lost, and many servers refuse it.",
		Fix:         fix("use an address of a domain that takes mail", cause.User)}
}

func noSMTP(out Outcome) probe.Finding {
	return probe.Finding{Cause: "discovery-provider-without-smtp", Severity: cause.Error, Confidence: cause.Likely, Who: cause.User,
		Title: out.Provider.Name + " has no SMTP for other programs.", Explanation: out.Provider.NoSMTP,
		Fix: fix("send through another provider", cause.User)}
}

func fix(text string, who cause.Who) probe.List[probe.Fix] {
	return probe.List[probe.Fix]{{Text: text, Who: who}}
}

// movedAway says that the domain publishes one thing and its MX belongs to somebody else.
func (s *search) movedAway(f *finds) probe.Finding {
	p, _ := s.world.Catalogue.Get(s.mx.seen().provider)
	rank := ", so that its server comes first."
	if !s.belongs(f.candidates[0].Host, p) {
		rank = ", but its server could not be seen to work from this computer."
	}
	found := probe.Finding{Cause: "discovery-mx-elsewhere", Severity: cause.Warning, Confidence: cause.Certain, Who: cause.ITAdmin,
		Title:       "What " + Readable(s.domain) + " publishes does not fit where its mail goes.",
		Explanation: "The MX belongs to " + p.Name + rank + " A domain that has moved often leaves its old records behind.",
		Fix:         fix("correct or remove the old records, or the MX", cause.ITAdmin)}
	for _, c := range f.elsewhere {
		found.Evidence = append(found.Evidence, evidence(strings.Join(c.Sources, ", ")+": "+c.String()))
	}
	found.Evidence = append(found.Evidence, evidence("mx: "+strings.Join(s.mx.seen().hosts, ", ")))
	return found
}

func evidence(text string) probe.FindingEvidence { return probe.FindingEvidence{Text: text} }

// disagreement says that sources name different hosts. Guesses claim nothing.
func (s *search) disagreement(f *finds) probe.Finding {
	var groups [][]Candidate // of sources that have a host in common
	for _, c := range f.candidates {
		if c.rank == rankGuess {
			continue
		}
		groups = join(groups, c)
	}
	if len(groups) < 2 {
		return probe.Finding{}
	}
	found := probe.Finding{Cause: "discovery-sources-disagree", Severity: cause.Warning, Confidence: cause.Certain, Who: cause.ITAdmin,
		Title:       "The sources name different servers for " + Readable(s.domain) + ".",
		Explanation: "The first one in the list comes from the source that counts most.",
		Fix:         fix("ask whoever runs the mail of the domain which one is meant", cause.User)}
	for _, group := range groups {
		for _, c := range group {
			found.Evidence = append(found.Evidence, evidence(strings.Join(c.Sources, ", ")+": "+c.String()))
		}
	}
	return found
}

// join puts a candidate to those that share its host or a source.
func join(groups [][]Candidate, c Candidate) [][]Candidate {
	joined := []Candidate{c}
	var others [][]Candidate
	for _, group := range groups {
		if slices.ContainsFunc(group, func(o Candidate) bool { return o.Host == c.Host || shares(o.Sources, c.Sources) }) {
			joined = append(slices.Clone(group), joined...)
		} else {
			others = append(others, group)
		}
	}
	return append(others, joined)
}

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// filtered says who stands in front and who behind.
func (s *search) filtered(f *finds, out Outcome) probe.Finding {
	found := probe.Finding{Cause: "discovery-filtered-mx", Severity: cause.Info, Confidence: cause.Likely, Who: cause.User,
		Title:       "Mail to " + Readable(s.domain) + " passes through " + out.Filter + ", which is no place to log in.",
		Explanation: "Nothing in the DNS tells which provider is behind it."}
	var behind []string
	for _, source := range f.sources {
		if slices.Contains([]string{"autodiscover-dns", "spf", "dkim"}, source.ID) && source.State == Found {
			behind = append(behind, source.ID)
			found.Evidence = append(found.Evidence, evidence(source.ID+": "+source.Text))
		}
	}
	if len(behind) > 0 && out.Provider != nil {
		found.Explanation = "The mailboxes are at " + out.Provider.Name + " (" + strings.Join(behind, ", ") + ")."
	}
	return found
}

// outside names a host that only the DNS or a page says is the domain's.
func (s *search) outside(c Candidate) probe.Finding {
	return probe.Finding{Cause: "discovery-outside-domain", Severity: cause.Info, Confidence: cause.Certain, Who: cause.User,
		Title:       c.Host + " is not in " + Readable(s.domain) + ".",
		Explanation: "Who forges an answer of the DNS could lead a password astray (RFC 6186 section 6). See whether you know this server before you enter a password; this tool sends it one only if you say so.",
		Evidence:    probe.List[probe.FindingEvidence]{evidence(strings.Join(c.Sources, ", "))}}
}
