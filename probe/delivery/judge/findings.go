package judge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// findings names the causes that fit a judgement.
func findings(v verdict, facts cause.Facts) []probe.Finding {
	var all []probe.Finding
	for _, found := range cause.Builtin().Match(facts) {
		f := probe.NewFinding(found)
		f.Step = probe.Maybe(probe.StepRedirect)
		for _, text := range evidenceOf(v, facts) {
			f.Evidence = append(f.Evidence, probe.FindingEvidence{Step: f.Step, Text: text})
		}
		all = append(all, f)
	}
	return all
}

// viaOf is via; of a message that came in a mailbox's own name it is that one,
// where nothing else shows.
func (w *way) viaOf(v verdict) string {
	if via := w.via(); via != "" {
		return via
	}
	if slices.Contains([]probe.How{probe.ForwardedAsNew, probe.ForwardedAttachment, probe.FromRewritten}, v.how) {
		return w.from.Address
	}
	return ""
}

// advice is the provider's words for the address that redirects.
func (w *way) advice(via string) string {
	if w.known.Advice == nil {
		return ""
	}
	var servers []string
	for _, hop := range w.hops {
		if isServerName(string(hop.By)) && (via == "" || sameOrganisation(string(hop.By), received.Domain(via))) {
			servers = append(servers, string(hop.By))
		}
	}
	return w.known.Advice(via, servers)
}

// via is the address that redirects, as it was said or as it shows.
func (w *way) via() string {
	if b := w.m.Bounce(); b != nil && len(w.known.Via) == 0 {
		return b.About.Address("To").Address
	}
	switch {
	case len(w.known.Via) > 0:
		return w.known.Via[0]
	case len(w.passed) > 0:
		return w.passed[0]
	case w.toOther():
		return w.to[0]
	}
	return ""
}

func (w *way) facts(v verdict, survives *bool, reason string) cause.Facts {
	via := w.viaOf(v)
	f := cause.Facts{Step: string(probe.StepRedirect), Failed: v.kept != nil && !*v.kept, From: v.original, To: via, Seen: cause.Set{},
		Values: map[string]string{"original_sender": v.original, "came_from": w.from.Address, "via": via, "mailbox": w.final, "sender_field": v.field, "way_reason": reason, "advice": w.advice(via)}}
	seen := func(is bool, all ...cause.Observation) {
		if is {
			f.Seen.Add(all...)
		}
	}
	redirected := slices.Contains([]probe.How{probe.Redirected, probe.RedirectedSRS, probe.Resent}, v.how)
	kept := v.kept != nil && *v.kept
	seen(redirected, cause.CameRedirected)
	seen(v.how == probe.ForwardedAsNew, cause.CameAsNew)
	seen(v.how == probe.ForwardedAttachment, cause.CameAsAttachment)
	seen(v.how == probe.FromRewritten, cause.CameFromRewritten)
	seen(kept && v.field == "From", cause.SenderInFrom)
	seen(kept && v.field != "From", cause.SenderElsewhere)
	seen(v.kept == nil, cause.SenderUnclear)
	seen(w.looped(), cause.CameLooped)
	seen(redirected && survives != nil && !*survives && w.signatureFailed(), cause.SignatureBroken)
	seen(v.rule == "automatic-reply", cause.AbsenceReply)
	if v.rule == "delivery-status" {
		w.bounceFacts(&f)
	}
	return f
}

// bounceFacts hands on what a bounce says, as if the server had said it here.
func (w *way) bounceFacts(f *cause.Facts) {
	for _, s := range w.m.Bounce().Statuses {
		if slices.Contains([]string{"delivered", "relayed", "expanded"}, string(s.Action)) {
			continue
		}
		bounceWords(f, s)
		return
	}
}

var (
	replyCode    = pattern(`\b([45]\d\d)[ -]`)
	enhancedCode = pattern(`\b[45]\.\d{1,3}\.\d{1,3}\b`)
)

// BounceReply gives the reply that a delivery status quotes: its code, 0 when
// there is none, its enhanced code, and its text.
func BounceReply(s received.Status) (code int, enhanced, text string) {
	text, enhanced = string(s.Diagnostic), string(s.Status)
	if found := replyCode().FindStringSubmatch(text); found != nil {
		code, _ = strconv.Atoi(found[1]) // three digits
	}
	if found := enhancedCode().FindString(text); found != "" {
		enhanced = found
	}
	return code, enhanced, text
}

// bounceWords fills facts with what a delivery status says.
func bounceWords(f *cause.Facts, s received.Status) {
	f.Failed, f.Fault = s.Action != "delayed", string(probe.NotArrived)
	f.Code, f.Enhanced, f.Text = BounceReply(s)
	f.Seen.Add(cause.CameBack)
	f.Values["diagnostic"] = firstOf(string(s.Diagnostic), string(s.Status))
	f.Values["bounced_recipient"] = string(s.Recipient)
}

func firstOf(words ...string) string {
	for _, word := range words {
		if word != "" {
			return word
		}
	}
	return ""
}

// looped: a mailbox, or a server for the same recipient, stands in the header
// again and again.
func (w *way) looped() bool {
	count := map[string]int{}
	for _, a := range w.h.Addresses("Delivered-To") {
		count[strings.ToLower(a.Address)]++
	}
	for _, n := range count {
		if n > 1 {
			return true
		}
	}
	again := map[string]int{}
	for _, hop := range w.hops {
		if hop.For != "" && isServerName(string(hop.By)) {
			again[strings.ToLower(string(hop.By+" "+hop.For))]++
		}
	}
	for _, n := range again {
		if n > 2 {
			return true
		}
	}
	return false
}

// evidenceOf quotes what a finding rests on.
func evidenceOf(v verdict, f cause.Facts) []string {
	if f.Seen[cause.CameBack] && f.Text != "" {
		return []string{f.Text}
	}
	return v.fields[:min(len(v.fields), 6)]
}
