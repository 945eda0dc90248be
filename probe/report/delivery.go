package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe"
)

// mostHops is how many servers on the way are named; the report has all.
const mostHops = 6

// arrivalBlock tells where and how the message arrived, nothing where it was
// not followed.
func (t *text) arrivalBlock(r *probe.Result) block {
	step := onlyStep(r, probe.StepDelivery)
	if step == nil {
		return nil
	}
	e, ok := step.Evidence.(*probe.DeliveryEvidence)
	if !ok || e.Folder == "" {
		return nil
	}
	if judged := t.redirectBlock(r); judged != nil {
		return append(block{t.section("Arrived", 1, arrivedWords(e))}, append(judged, t.section("Way", 1, wayWords(e.Hops)))...)
	}
	return block{
		t.section("Arrived", 1, arrivedWords(e)),
		t.section("Way", 1, wayWords(e.Hops)),
		t.section("Changed", 1, e.Changed...),
		t.section("Proof", 2, proofLines(e, domainOf(r))...),
	}
}

// redirectBlock is the verdict on the redirect in its two parts, and what it
// rests on; nothing where none was judged.
func (t *text) redirectBlock(r *probe.Result) block {
	step := onlyStep(r, probe.StepRedirect)
	if step == nil {
		return nil
	}
	e, ok := step.Evidence.(*probe.RedirectEvidence)
	if !ok || e.How == "" {
		return nil
	}
	b := block{}
	if e.How != probe.Undetermined {
		b = append(b, t.section("Sender", 1, KeptSentence(e.Inspection)), t.section("DMARC", 1, SurvivesSentence(e.Inspection)),
			t.section("Came", 1, howWords(e.Inspection)))
	}
	b = append(b, t.section("Rule", 2, e.Rule.ID+": "+e.Rule.Text), t.section("Header", 1, firstFew(e.Rule.Headers, 3)...))
	if e.AbsenceReply {
		b = append(b, t.section("Answer", 1, "an automatic answer came to the sender, as of somebody who is absent"))
	}
	if e.ReplyToKept != nil && !*e.ReplyToKept {
		b = append(b, t.section("Reply-To", 1, "the one that was sent did not arrive"))
	}
	return b
}

// byHand tells a person what to look for where nothing was followed.
func (t *text) byHand(r *probe.Result) *section {
	step, message := onlyStep(r, probe.StepDelivery), onlyStep(r, probe.StepMessage)
	if step == nil || message == nil || step.SkipReason != probe.Maybe(probe.NotAsked) {
		return nil
	}
	e, ok := message.Evidence.(*probe.MessageEvidence)
	if !ok || e.Token == "" {
		return nil
	}
	if onlyStep(r, probe.StepRedirect) != nil {
		via := strings.Join(r.Settings.To, ", ")
		return t.section("By hand", 3, "look for "+string(e.Token)+" in the mailbox to which "+via+" redirects, in the junk folder too, and in the mailbox of "+
			strings.Join(r.Settings.From, ", ")+" for a report of failure; save what came with its whole header as message.eml")
	}
	return t.section("By hand", 3, "look for "+string(e.Token)+" in the mailbox of "+strings.Join(r.Settings.To, ", ")+
		", in the junk folder too; save the message with its whole header as message.eml and give it to smtpdx inspect")
}

// domainOf is what the DNS says of the sender's domain, nil when not asked.
func domainOf(r *probe.Result) *probe.SenderDomain {
	step := onlyStep(r, probe.StepMessage)
	if step == nil {
		return nil
	}
	e, ok := step.Evidence.(*probe.MessageEvidence)
	if !ok {
		return nil
	}
	return e.SenderDomain
}

func arrivedWords(e *probe.DeliveryEvidence) string {
	words := "in " + string(e.Folder)
	if e.ArrivedAfterMs != nil {
		words += ", " + took(*e.ArrivedAfterMs) + " after the server took it"
	}
	if e.Copies != nil && *e.Copies > 1 {
		words += fmt.Sprintf(", %d times", *e.Copies)
	}
	switch e.Deleted {
	case "removed":
		words += "; removed again"
	case "marked":
		words += "; marked as deleted (the server cannot remove one message alone)"
	case "failed":
		words += "; it could not be removed"
	}
	return words
}

// wayWords names the servers on the way, with the time that each took where
// the stamps show it.
func wayWords(hops []probe.Hop) string {
	var names []string
	for i, h := range hops {
		if i == mostHops {
			names = append(names, fmt.Sprintf("and %d more", len(hops)-i))
			break
		}
		name := string(h.By)
		if name == "" {
			name = "a server without a name"
		}
		if h.DelayMs != nil && h.DelayMs.Duration() >= 2*time.Second {
			name += " (" + took(*h.DelayMs) + ")"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// proofLines say what speaks for the sender: what the receiving server found,
// else what we find, and what the domain itself publishes.
func proofLines(e *probe.DeliveryEvidence, d *probe.SenderDomain) []string {
	var lines []string
	switch {
	case e.Authentication != nil:
		lines = append(lines, receiverWords(e.Authentication))
	case e.Checked != nil:
		lines = append(lines, "the receiving server says nothing; by our own look: "+ownWords(e.Checked))
	}
	if d != nil {
		lines = append(lines, domainWords(d, e.Authentication))
	}
	return lines
}

func receiverWords(a *probe.Authentication) string {
	words := []string{"SPF " + spfWords(a.SPF), "DKIM " + dkimWords(a.DKIM), "DMARC none"}
	if a.DMARC != nil {
		words[2] = "DMARC " + a.DMARC.Result
	}
	if a.ARC != nil && a.ARC.Result != "" {
		words = append(words, "ARC "+string(a.ARC.Result))
	}
	text := strings.Join(words, ", ")
	if a.Server != "" {
		text += " (found by " + string(a.Server) + ")"
	}
	return text
}

func ownWords(c *probe.Checked) string {
	return "SPF " + spfWords(c.SPF) + ", DKIM " + dkimWords(c.DKIM)
}

func spfWords(r *probe.SPFResult) string {
	if r == nil {
		return "not known"
	}
	if r.Result == "pass" && r.Aligned != nil && !*r.Aligned {
		return "pass for another domain, " + string(r.Domain)
	}
	return r.Result
}

func dkimWords(all []probe.DKIMResult) string {
	if len(all) == 0 {
		return "none"
	}
	best := all[0]
	for _, r := range all {
		if r.Result == "pass" && (best.Result != "pass" || r.Aligned != nil && *r.Aligned) {
			best = r
		}
	}
	if best.Result == "pass" && best.Aligned != nil && !*best.Aligned {
		return "pass for another domain, " + string(best.Domain)
	}
	return best.Result
}

// domainWords say what the domain asks for, and what that means on this way.
func domainWords(d *probe.SenderDomain, a *probe.Authentication) string {
	if d.Problem != "" {
		return string(d.Problem)
	}
	var words []string
	if d.SPF == "" {
		words = append(words, d.Domain+" publishes no SPF record")
	}
	switch {
	case d.DMARC == "":
		words = append(words, d.Domain+" publishes no DMARC record: nobody is told what to do with forged mail")
	case d.DMARCPolicy == "none":
		words = append(words, "DMARC of "+string(d.DMARCDomain)+" asks for nothing (p=none)")
	default:
		words = append(words, "DMARC of "+string(d.DMARCDomain)+" asks for p="+string(d.DMARCPolicy)+meaning(a))
	}
	return strings.Join(words, "; ")
}

// meaning is what the policy means for mail on this way.
func meaning(a *probe.Authentication) string {
	switch {
	case a == nil || a.DMARC == nil:
		return ""
	case a.DMARC.Result == "pass":
		return ", which mail on this way fulfils"
	case a.DMARC.Result == "fail":
		return ", so other servers will not let mail in that comes this way"
	}
	return ""
}
