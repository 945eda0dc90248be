package compare

import (
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/smtpdx/smtpdx/probe"
)

// certificate compares the chains. A certificate renewed by the same issuer for
// the same names is no difference; what is wrong with it is one.
func (d *differences) certificate(path string, a, b *probe.CertificateEvidence) {
	d.truth(path+"name_matches", a.NameMatches, b.NameMatches, Better, "the certificate is for the host now", "the certificate is not for the host any more")
	d.truth(path+"trusted_public", a.TrustedPublic, b.TrustedPublic, Better, "the public root list leads to the issuer now",
		"the public root list does not lead to the issuer any more: applications elsewhere refuse it")
	d.truth(path+"trusted_here", a.TrustedHere, b.TrustedHere, Better, "the computer that made the report trusts the issuer now",
		"the computer that made the report does not trust the issuer")
	if len(a.Chain) == 0 || len(b.Chain) == 0 || a.Chain[0].SHA256 == b.Chain[0].SHA256 {
		return
	}
	before, now := &a.Chain[0], &b.Chain[0]
	d.differs(path+"issuer", issuer(before), issuer(now), Neutral, "another issuer: clients that know only the old one, or have it pinned, refuse the new certificate")
	d.differs(path+"names", join(sorted(before.Names)), join(sorted(now.Names)), Neutral, "the certificate is for other names")
	d.differs(path+"key", before.Key, now.Key, Neutral, "another kind of key; it matters to very old clients only")
}

func sorted(words []string) []string {
	all := slices.Clone(words)
	slices.Sort(all)
	return all
}

// issuer is the organisation that issued a certificate: authorities take
// turns among their intermediate certificates.
func issuer(c *probe.Certificate) string {
	if c.SelfSigned {
		return "itself"
	}
	for _, part := range strings.Split(c.Issuer, ",") {
		if name, found := strings.CutPrefix(strings.TrimSpace(part), "O="); found {
			return name
		}
	}
	return c.Issuer
}

// domain is the registrable domain of a name, the name itself where it has none.
func domain(name string) string {
	if d, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return d
	}
	return name
}
