package judge

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// findings names the causes that fit a judgement, with the provider's way to
// redirect as the first thing to change.
func (w *way) findings(v verdict, survives *bool, reason string) []probe.Finding {
	facts := w.facts(v, survives, reason)
	advice := w.advice()
	var all []probe.Finding
	for _, found := range cause.Builtin().Match(facts) {
		f := probe.FindingOf(found, probe.StepRedirect, evidenceOf(v, facts))
		if advice != "" && slices.Contains([]string{"redirect-forwarded-as-new", "redirect-from-rewritten", "redirect-signature-broken"}, f.Cause) {
			f.Fix = slices.Insert(f.Fix, 0, probe.Fix{Text: advice, Who: cause.ITAdmin})
		}
		all = append(all, f)
	}
	return all
}

// advice is the provider's words for the address that redirects.
func (w *way) advice() string {
	if w.known.Advice == nil {
		return ""
	}
	via := w.via()
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
	f := cause.Facts{Step: string(probe.StepRedirect), Failed: v.kept != nil && !*v.kept, From: v.original, To: w.via(), Seen: cause.Set{},
		Values: map[string]string{"original_sender": v.original, "came_from": w.from.Address, "via": w.via(), "mailbox": w.final, "sender_field": v.field, "way_reason": reason}}
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
	seen(redirected && survives != nil && !*survives, cause.SignatureBroken)
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
		BounceFacts(f, s)
		return
	}
}

var replyCode = pattern(`\b([45]\d\d)[ -]`)

// BounceFacts fills facts with what a delivery status says.
func BounceFacts(f *cause.Facts, s received.Status) {
	f.Failed, f.Fault = s.Action != "delayed", "not-arrived"
	f.Text, f.Enhanced = string(s.Diagnostic), string(s.Status)
	if found := replyCode().FindStringSubmatch(f.Text); found != nil {
		f.Code, _ = strconv.Atoi(found[1]) // three digits
	}
	if found := regexp.MustCompile(`\b[45]\.\d{1,3}\.\d{1,3}\b`).FindString(f.Text); found != "" {
		f.Enhanced = found
	}
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
