package delivery

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/dkim"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// lookUpLimit is the time for all questions to the DNS beside a message.
const lookUpLimit = 10 * time.Second

// maxSignatures is how many DKIM signatures of a message are checked.
const maxSignatures = 5

// prove finds out what speaks for the sender of the message: what the
// receiving server says, else what the DNS says now.
func prove(ctx context.Context, e *probe.DeliveryEvidence, dns spf.DNSResolver, found *Arrived, h received.Header, w probe.Watch) {
	limit, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	domain := received.Domain(string(e.From))
	checked := &probe.Checked{}
	if client := clientOf(h); client.IsValid() {
		checked.Client = probe.Maybe(client.String())
		checked.SPF = checkSPF(limit, dns, client, string(e.ReturnPath), domain)
	}
	if found.Whole {
		checked.DKIM, checked.Keys = checkDKIM(limit, dns, found.Raw, domain, w)
	}
	e.Checked = checked
	if dmarcFails(e) {
		e.Saw = append(e.Saw, cause.DMARCFailed)
	}
}

// bracketed is an address as a server stamps it: [192.0.2.1], [IPv6:2001:db8::1].
var bracketed = regexp.MustCompile(`[\[(](?:IPv6:)?([0-9A-Fa-f.:]{3,45})[\])]`)

// clientOf is who handed the message to the receiving side: the first address
// from outside, from the stamp of the server that judged the sender on down,
// else from the newest stamp.
func clientOf(h received.Header) netip.Addr {
	stamps := h.All("Received")
	for _, stamp := range stamps[entry(h, stamps):] {
		from, _, _ := strings.Cut(stamp, " by ")
		for _, m := range bracketed.FindAllStringSubmatch(from, -1) {
			a, err := netip.ParseAddr(m[1])
			if err == nil && a.IsGlobalUnicast() && !a.IsPrivate() {
				return a
			}
		}
	}
	return netip.Addr{}
}

// entry is the stamp of the receiving side's first server, the one that leaves
// its results (Authentication-Results): above its stamp, or below as Google
// does. What is stamped after it is the way to the mailbox. 0 where the results
// are none of the receiving side's.
func entry(h received.Header, stamps []string) int {
	verdicts := h.Verdicts()
	if len(verdicts) == 0 || verdicts[0].Set != 0 || verdicts[0].Above == 0 {
		return 0
	}
	server, above := string(verdicts[0].Server), verdicts[0].Above
	newest := received.Organisation(string(received.ParseHop(stamps[0]).By))
	if server != "" && newest != "" && !sameOrganisation(server, newest) {
		return 0
	}
	if server == "" { // Microsoft signs its results with no name
		return min(above, len(stamps)-1)
	}
	for _, i := range []int{above, above - 1} {
		if i < len(stamps) && strings.EqualFold(string(received.ParseHop(stamps[i]).By), server) {
			return i
		}
	}
	return 0
}

func checkSPF(ctx context.Context, r spf.DNSResolver, client netip.Addr, sender, from string) *probe.SPFResult {
	domain := received.Domain(sender)
	if domain == "" {
		return nil
	}
	result, _ := spf.CheckHostWithSender(net.IP(client.AsSlice()), domain, sender, spf.WithContext(ctx), spf.WithResolver(r)) // the result says all
	aligned := sameOrganisation(domain, from)
	return &probe.SPFResult{Result: string(result), Domain: probe.Maybe(domain), Aligned: &aligned}
}

func sameOrganisation(a, b string) bool {
	return a != "" && strings.EqualFold(received.Organisation(a), received.Organisation(b))
}

// checkDKIM checks the signatures on the message as it arrived, and looks
// where their keys should stand.
func checkDKIM(ctx context.Context, r spf.DNSResolver, raw []byte, from string, w probe.Watch) (probe.List[probe.DKIMResult], probe.List[probe.DKIMKey]) {
	var keys probe.List[probe.DKIMKey]
	lookUp := func(name string) ([]string, error) {
		records, err := r.LookupTXT(ctx, name)
		if selector, domain, ok := strings.Cut(name, "._domainkey."); ok {
			keys = append(keys, probe.DKIMKey{Domain: shown(w, domain), Selector: shown(w, selector), State: keyState(records, err)})
		}
		return records, err
	}
	all, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: lookUp, MaxVerifications: maxSignatures})
	if err != nil && !errors.Is(err, dkim.ErrTooManySignatures) {
		return nil, keys
	}
	var results probe.List[probe.DKIMResult]
	for _, v := range all {
		result := "pass"
		switch {
		case v.Err != nil && dkim.IsTempFail(v.Err):
			result = "temperror"
		case v.Err != nil && dkim.IsPermFail(v.Err):
			result = "permerror"
		case v.Err != nil:
			result = "fail"
		}
		aligned := sameOrganisation(v.Domain, from)
		results = append(results, probe.DKIMResult{Result: result, Domain: probe.Maybe(shown(w, v.Domain)), Aligned: &aligned})
	}
	return results, keys
}

func keyState(records []string, err error) string {
	var none *net.DNSError
	all := strings.ReplaceAll(strings.Join(records, ""), " ", "")
	switch {
	case errors.As(err, &none) && none.IsNotFound, err == nil && len(records) == 0:
		return "missing"
	case err != nil:
		return "unknown"
	case strings.HasSuffix(all, "p=") || strings.Contains(all, "p=;"):
		return "revoked"
	}
	return "found"
}

// dmarcFails: the receiving server says so. Where it says nothing, nothing is
// known: what we find may not be what it would.
func dmarcFails(e *probe.DeliveryEvidence) bool {
	return e.Authentication != nil && e.Authentication.DMARC != nil && e.Authentication.DMARC.Result == "fail"
}
