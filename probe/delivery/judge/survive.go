package judge

import (
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// survives tells whether mail of a sender with DMARC p=reject comes through on
// this way (RFC 7489): only a signature of From's domain can pass a server that
// the sender does not know, so the question is whether it was still good at the
// last one. The reason is in words; nil where the message does not tell.
func (w *way) survives(v verdict) (*bool, string) {
	switch {
	case v.rule == "delivery-status":
		return w.bouncedForDMARC()
	case v.rule == "automatic-reply" || w.from.Address == "":
		return nil, "This is not the message."
	case slices.Contains([]probe.How{probe.ForwardedAsNew, probe.ForwardedAttachment, probe.FromRewritten}, v.how):
		return nil, "From is " + w.from.Address + ", so nobody asks for the policy of the original sender."
	}
	last := w.lastVerdict()
	if last == nil {
		return nil, w.noVerdict()
	}
	return w.bySignature(*last, v)
}

func (w *way) bouncedForDMARC() (*bool, string) {
	b := w.m.Bounce()
	for _, s := range b.Statuses {
		if strings.Contains(strings.ToLower(string(s.Diagnostic)), "dmarc") && s.Action != "delivered" {
			return no(), "It was refused because of the sender's DMARC policy."
		}
	}
	return nil, "It did not arrive, so nothing was found out about its signature."
}

// noVerdict is what there is to say where the last server left no results.
func (w *way) noVerdict() string {
	if !w.isSigned() {
		return "The last server left no results (Authentication-Results), and the message has no DKIM signature of " + w.domain() + "."
	}
	return "The last server left no results (Authentication-Results) that tell whether the DKIM signature of " + w.domain() + " is still good there."
}

func (w *way) domain() string { return received.Domain(w.from.Address) }

// isSigned tells whether a signature of From's domain is on the message.
func (w *way) isSigned() bool {
	return slices.ContainsFunc(w.h.All("DKIM-Signature"), func(value string) bool { return sameOrganisation(received.Tags(value)["d"], w.domain()) })
}

// lastVerdict is what the last server on the way found out, nil when the
// outermost results are of one before it.
func (w *way) lastVerdict() *received.Verdict {
	all := w.h.Verdicts()
	if len(all) == 0 || all[0].Set != 0 {
		return nil
	}
	v := all[0]
	reference := string(v.Server)
	if below := len(w.hops) - 1 - v.Above; !isServerName(reference) && below >= 0 {
		reference = string(w.hops[below].By)
	}
	if newest := w.lastServer(); v.Above > 0 && newest != "" && isServerName(reference) && !sameOperator(newest, reference) {
		return nil
	}
	if a := w.h.Authentication(); a != nil {
		v.Authentication = *a // all fields of that server
	}
	return &v
}

// sameOperator knows that Microsoft runs its mail under several names.
func sameOperator(a, b string) bool {
	operator := func(name string) string {
		org := received.Organisation(name)
		if slices.Contains([]string{"exchangelabs.com", "office365.com", "office.com", "hotmail.com", "microsoft.com"}, org) {
			return "outlook.com"
		}
		return org
	}
	return operator(a) == operator(b)
}

// bySignature judges by the results of the last server.
func (w *way) bySignature(last received.Verdict, v verdict) (*bool, string) {
	passed, failed := w.ownSignatures(last)
	passesSPF := last.SPF != nil && last.SPF.Result == "pass" && last.SPF.Aligned != nil && *last.SPF.Aligned
	passesDMARC := last.DMARC != nil && last.DMARC.Result == "pass"
	switch {
	case passed:
		return yes(), "The DKIM signature of " + w.domain() + " is still good at the last server."
	case passesDMARC && !passesSPF:
		return yes(), "The last server says that DMARC passes."
	case failed == "" && w.isSigned():
		return nil, "The message is signed by " + w.domain() + ", but the last server does not say whether the signature is still good."
	case failed == "" && passesSPF && v.how == probe.Direct:
		return nil, "Only SPF passes, which a redirect breaks; the message has no DKIM signature of " + w.domain() + "."
	case failed == "" && passesSPF:
		return yes(), "SPF passes for " + w.domain() + " even at the last server."
	case failed == "" && (last.DMARC != nil && last.DMARC.Result == "fail" || last.SPF != nil && v.how != probe.Direct):
		return no(), "The message has no DKIM signature of " + w.domain() + ", and SPF does not survive a redirect. Whether a signed message survives, only one shows."
	case failed == "":
		return nil, "The message has no DKIM signature of " + w.domain() + "; only a signed message shows whether it survives."
	}
	return w.brokenSignature(last, failed)
}

// ownSignatures looks at the results for signatures of From's domain: whether
// one is good, else what is said of the worst.
func (w *way) ownSignatures(v received.Verdict) (passed bool, failed string) {
	for _, d := range v.DKIM {
		switch {
		case d.Aligned == nil || !*d.Aligned:
		case d.Result == "pass":
			return true, ""
		case failed == "" || d.Result == "fail":
			failed = d.Result
		}
	}
	return false, failed
}

// brokenSignature: the signature of From's domain is not good at the last server.
func (w *way) brokenSignature(last received.Verdict, result string) (*bool, string) {
	switch {
	case last.Compauth == "pass" && last.Reason == "130":
		return yes(), "The DKIM signature of " + w.domain() + " is broken, but the last server trusts a server on the way that saw it good (ARC)."
	case result != "fail":
		return nil, "The last server could not check the DKIM signature of " + w.domain() + " (" + result + ")."
	case w.wasBrokenBefore():
		return nil, "The DKIM signature of " + w.domain() + " was broken before the message was redirected, so it tells nothing about the way."
	}
	reason := "The DKIM signature of " + w.domain() + " is broken at the last server"
	if last.BodyChanged {
		reason += ": the text was changed on the way"
	}
	if last.ARC != nil && last.ARC.Result == "pass" {
		sealers := w.h.Authentication().ARC.Sealers
		return nil, reason + ". The seals on the way are good (ARC, " + strings.Join(sealers, ", ") + "); whether that helps, each receiver decides."
	}
	return no(), reason + "; a receiver that heeds p=reject refuses it."
}

// wasBrokenBefore: an earlier server on the way found the same.
func (w *way) wasBrokenBefore() bool {
	all := w.h.Verdicts()
	for _, v := range all[min(1, len(all)):] {
		if v.Above == all[0].Above && v.Set == 0 {
			continue
		}
		if passed, failed := w.ownSignatures(v); !passed && failed == "fail" && w.isFirst(v, all) && w.cameFromOutside(v) {
			return true
		}
	}
	return false
}

// cameFromOutside tells that a server looked at the message when it came to its
// operator for the first time, and not after one of its own programs had it.
func (w *way) cameFromOutside(v received.Verdict) bool {
	below := len(w.hops) - 1 - v.Above
	if below < 0 {
		return false
	}
	from, by := string(w.hops[below].From), string(w.hops[below].By)
	wasThere := slices.ContainsFunc(w.hops[:below], func(h probe.Hop) bool { return sameOperator(string(h.By), by) })
	return isServerName(from) && isServerName(by) && !sameOperator(from, by) && !wasThere
}

// isFirst tells whether no older results are there: those of the first server
// that looked.
func (w *way) isFirst(v received.Verdict, all []received.Verdict) bool {
	return !slices.ContainsFunc(all, func(o received.Verdict) bool {
		return o.Above > v.Above || o.Set > 0 && (v.Set == 0 || o.Set < v.Set)
	})
}

// signatureFailed tells that the last server found a signature of From's domain
// broken.
func (w *way) signatureFailed() bool {
	last := w.lastVerdict()
	if last == nil {
		return false
	}
	_, failed := w.ownSignatures(*last)
	return failed == "fail"
}
