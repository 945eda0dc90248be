package delivery

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/emersion/go-msgauth/dmarc"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
	"github.com/smtpdx/smtpdx/probe/secret"
)

// maxRecord bounds what is kept of a record of the DNS, in bytes.
const maxRecord = 1000

// SenderDomain looks up what the DNS says of who may send for a domain: SPF,
// and DMARC at the domain or, where it has none, at its organisation's (RFC
// 7489 section 6.6.3).
func SenderDomain(ctx context.Context, s probe.Settings, domain string) *probe.SenderDomain {
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	resolver := probe.ResolverAt(s.Resolver)
	d := &probe.SenderDomain{Domain: domain}
	records, err := texts(ctx, resolver, domain)
	if err != nil {
		d.Problem = probe.Maybe("the DNS does not answer for " + domain)
	}
	var all []string
	for _, r := range records {
		if lower := strings.ToLower(r); lower == "v=spf1" || strings.HasPrefix(lower, "v=spf1 ") {
			all = append(all, r)
		}
	}
	if len(all) > 1 {
		d.Problem = probe.Maybe(domain + " has more than one SPF record, which counts as none (RFC 7208 section 4.5)")
	}
	d.SPF = kept(strings.Join(all, "\n"))
	lookUpDMARC(ctx, resolver, d)
	return d
}

// texts gives the TXT records of a name; that there are none is no error.
func texts(ctx context.Context, r *net.Resolver, name string) ([]string, error) {
	records, err := r.LookupTXT(ctx, strings.TrimSuffix(name, ".")+".")
	var missing *net.DNSError
	if errors.As(err, &missing) && missing.IsNotFound {
		return nil, nil
	}
	return records, err
}

func lookUpDMARC(ctx context.Context, r *net.Resolver, d *probe.SenderDomain) {
	for _, place := range []string{d.Domain, received.Organisation(d.Domain)} {
		records, err := texts(ctx, r, "_dmarc."+place)
		if err != nil {
			d.Problem = probe.Maybe("the DNS does not answer for _dmarc." + place)
			return
		}
		for _, text := range records {
			record, err := dmarc.Parse(text)
			if err != nil {
				continue
			}
			d.DMARC, d.DMARCDomain = kept(text), probe.Maybe(place)
			d.DMARCPolicy = probe.Maybe(record.Policy)
			if place != d.Domain && record.SubdomainPolicy != "" {
				d.DMARCPolicy = probe.Maybe(record.SubdomainPolicy)
			}
			d.AlignmentSPF, d.AlignmentDKIM = strictness(record.SPFAlignment), strictness(record.DKIMAlignment)
			return
		}
	}
}

func strictness(mode dmarc.AlignmentMode) probe.Maybe {
	if mode == dmarc.AlignmentStrict {
		return "s"
	}
	return "r"
}

func kept(text string) probe.Maybe { return probe.Maybe(secret.Clean(cut(text, maxRecord))) }
