package judge

import (
	"regexp"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

var (
	viaName     = pattern(`(?i)(^|\s)["'(\[]?(via|über|durch|par l.intermédiaire de|vía|tramite|através de|przez|från|through|on behalf of)\s+\S`)
	addressName = pattern(`(?i)([a-z0-9._%+-]+)\s?(?:@|\(at\)|\[at\]| at )\s?([a-z0-9-]+(?:\.[a-z0-9-]+)+)`)
	equalsLocal = pattern(`(?i)^(.+)=40([a-z0-9.-]+\.[a-z]{2,})$|^(.+)=([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})$`)
	atLocal     = pattern(`(?i)^(.+?)[_.]at[_.](.+?)(?:[_.][a-z0-9]{6,})?$`)
)

// rewrittenBySign: a field tells what From was before, or From says itself
// that it speaks for somebody else.
func rewrittenBySign(w *way) *verdict {
	if v := w.originalFromField(); v != nil {
		return v
	}
	if w.fromSender() {
		return nil
	}
	via := viaName().MatchString(w.from.Name)
	isList := w.isListAddress(w.from.Address)
	switch {
	case isList && w.h.Has("List-Id", "List-Post", "Mailing-List", "X-BeenThere"):
		return w.munged("list-from", cause.Certain, "From is the address of the mailing list, which puts itself in the sender's place.")
	case via && (w.isVia(w.from.Address) || w.ofVia(w.from.Address) || hasBox(w.to, w.from.Address) || w.h.Has("List-Id", "List-Post")):
		return w.munged("via-name", cause.Certain, "From says \"via\": a list or gateway has put its address in the sender's place.")
	case via && !w.isVia(w.from.Address):
		return w.munged("via-name", cause.Likely, "From says \"via\": a list or gateway has put its address in the sender's place.")
	case w.addressInFrom() != "":
		return w.munged("sender-in-from", cause.Likely, "From holds the address of another sender: a list or gateway has put its own address in place of it.")
	}
	return nil
}

// originalFromField: X-Original-From and its like differ from From. Programs
// look for the sender in the first of them only.
func (w *way) originalFromField() *verdict {
	for _, name := range []string{"X-Original-From", "Original-From", "Old-From", "X-SimpleLogin-Original-From", "X-AnonAddy-Original-From-Header", "X-AnonAddy-Original-Sender", "X-Mailman-Original-From"} {
		original := w.h.Address(name).Address
		if original == "" || received.SameMailbox(original, w.from.Address) {
			continue
		}
		return w.withOtherField(&verdict{how: probe.FromRewritten, confidence: cause.Certain, original: original, rule: "original-from",
			text:   "From is " + orUnknown(w.from.Address) + ", and " + name + " keeps what it was before.",
			fields: w.quoted("From", name, "Sender")})
	}
	return nil
}

func (w *way) isListAddress(address string) bool {
	if address == "" {
		return false
	}
	for _, name := range []string{"List-Post", "X-BeenThere", "Mailing-List", "List-Id"} {
		value := strings.ToLower(w.h.Get(name))
		if strings.Contains(value, strings.ToLower(address)) || name == "List-Id" && strings.Contains(value, "<"+strings.Replace(strings.ToLower(address), "@", ".", 1)+">") {
			return true
		}
	}
	return false
}

// munged judges a From that was rewritten.
func (w *way) munged(rule string, confidence cause.Confidence, text string) *verdict {
	v := &verdict{how: probe.FromRewritten, confidence: confidence, rule: rule, text: text, original: w.addressInFrom(),
		fields: w.quoted("From", "Sender", "List-Id", "X-Original-Sender", "X-MailFrom")}
	if v.original == "" {
		v.original = w.guessedOriginal()
	}
	return w.withOtherField(v)
}

// guessedOriginal is who wrote to the list: as its program notes it, else as
// Reply-To or Cc have a name that From has too.
func (w *way) guessedOriginal() string {
	if w.known.Sender != "" {
		return w.known.Sender
	}
	for _, name := range []string{"X-Original-Sender", "X-MailFrom"} {
		if address := w.h.Address(name).Address; address != "" && !received.SameMailbox(address, w.from.Address) {
			if _, isRewritten := DecodeEnvelope(address); !isRewritten {
				return address
			}
		}
	}
	name := plainName(w.from.Name)
	for _, field := range []string{"Reply-To", "Cc"} {
		for _, a := range w.h.Addresses(field) {
			other := plainName(a.Name)
			if a.Address != "" && !received.SameMailbox(a.Address, w.from.Address) && other != "" && strings.HasPrefix(name, other) {
				return a.Address
			}
		}
	}
	if w.replyTo != "" && !sameOrganisation(received.Domain(w.replyTo), received.Domain(w.from.Address)) && len(w.h.Addresses("Reply-To")) == 1 {
		return w.replyTo
	}
	return ""
}

func plainName(name string) string {
	return strings.ToLower(strings.Trim(strings.TrimSpace(name), `"'`))
}

// addressInFrom is the address of another sender that From holds, in its name
// or in the part before the @ ("ann=candidate.example@...", "ann_at_candidate.example_x1y2z3@...").
func (w *way) addressInFrom() string {
	if found := addressName().FindStringSubmatch(w.from.Name); found != nil {
		address := join(found[1], found[2])
		if !received.SameMailbox(address, w.from.Address) && !sameOrganisation(received.Domain(address), received.Domain(w.from.Address)) {
			return address
		}
	}
	local, _, _ := strings.Cut(w.from.Address, "@")
	if rewritten, ok := DecodeEnvelope(w.from.Address); ok && rewritten.Original != "" {
		return rewritten.Original
	}
	if found := equalsLocal().FindStringSubmatch(local); found != nil {
		return join(found[1]+found[3], found[2]+found[4])
	}
	if found := atLocal().FindStringSubmatch(local); found != nil && isKnownSuffix(found[2]) {
		return join(found[1], strings.ReplaceAll(found[2], "_", "."))
	}
	return ""
}

// isKnownSuffix: "candidate.example" or "candidate_com", not just any word.
func isKnownSuffix(domain string) bool {
	return regexp.MustCompile(`^[a-z0-9-]+([._][a-z0-9-]+)+$`).MatchString(strings.ToLower(domain))
}

// formMail: a form of the company's own web site writes for somebody, whose
// address stands in Reply-To. From is the company's from the beginning, and
// nobody has rewritten it.
func formMail(w *way) *verdict {
	from := w.from.Address
	own := w.isVia(from) || w.ofVia(from) || len(w.to) > 0 && sameOrganisation(received.Domain(w.to[0]), received.Domain(from))
	if w.replyTo == "" || !own || sameOrganisation(received.Domain(w.replyTo), received.Domain(from)) || !w.beganAt(received.Domain(from)) ||
		w.known.Sender != "" && !received.SameMailbox(w.known.Sender, w.replyTo) || len(w.to) > 0 && !w.isVia(w.to[0]) && !sameOrganisation(received.Domain(w.to[0]), received.Domain(from)) {
		return nil
	}
	v := &verdict{how: probe.Direct, confidence: cause.Likely, rule: "form-mail", original: w.replyTo, kept: yes(), field: "Reply-To",
		fields: w.quoted("From", "Reply-To", "To"), text: "It was written by a form or program of " + received.Domain(from) + " for " + w.replyTo + ", who stands in Reply-To."}
	if w.toOther() && !hasBox(w.known.Via, w.final) {
		v.how = probe.Redirected
		v.fields = append(v.fields, w.marks...)
	}
	return v
}

// beganAt tells whether the first server that handed the message on is of a domain.
func (w *way) beganAt(domain string) bool {
	return len(w.hops) > 0 && sameOrganisation(string(w.hops[0].From), domain)
}

// rewrittenByMailbox: From is the mailbox that redirects, or one of its domain,
// though nothing was forwarded in the text.
func rewrittenByMailbox(w *way) *verdict {
	from := w.from.Address
	if from == "" || w.fromSender() || !w.isVia(from) && !(len(w.known.Via) > 0 && w.known.Sender != "" && w.ofVia(from)) && !(hasBox(w.to, from) && w.replyTo != "" && !sameBox(w.replyTo, from)) {
		return nil
	}
	if w.keptOriginalParts() || hasBox(w.to, from) {
		v := w.munged("from-is-mailbox", cause.Likely, "From is "+from+", the address that redirects, in a message that others wrote.")
		return v
	}
	v := &verdict{how: probe.ForwardedAsNew, confidence: cause.Likely, rule: "from-is-mailbox", fields: w.quoted("From", "Sender", "Message-ID"),
		text: "The message is a new one from " + from + ", the address that redirects."}
	v.original = w.guessedOriginal()
	if v.original == w.replyTo {
		v.original = w.known.Sender
	}
	return w.withOtherField(v)
}

// keptOriginalParts tells that the message is the original one in all but From:
// its id, or its signature, is of the original sender's domain.
func (w *way) keptOriginalParts() bool {
	domain := received.Domain(w.known.Sender)
	if domain == "" {
		domain = received.Domain(w.replyTo)
	}
	if domain == "" || sameOrganisation(domain, received.Domain(w.from.Address)) {
		return false
	}
	if sameOrganisation(received.Domain(strings.Trim(w.h.Get("Message-ID"), "<> ")), domain) {
		return true
	}
	for _, value := range w.h.All("DKIM-Signature") {
		if sameOrganisation(received.Tags(value)["d"], domain) {
			return true
		}
	}
	return false
}

// otherThanTheSender: From is neither the sender that was named nor the mailbox.
func otherThanTheSender(w *way) *verdict {
	if w.known.Sender == "" || w.fromSender() || w.from.Address == "" {
		return nil
	}
	if w.keptOriginalParts() || received.SameMailbox(w.envelope, w.known.Sender) {
		return w.munged("not-the-sender", cause.Likely, "From is "+w.from.Address+" and not "+w.known.Sender+", though the rest of the header is of that sender.")
	}
	return w.withOtherField(&verdict{how: probe.Undetermined, confidence: cause.Possible, rule: "not-the-sender", fields: w.quoted("From", "Message-ID"),
		text:    "From is " + w.from.Address + " and not " + w.known.Sender + ". It may be another message, or a new one that somebody wrote.",
		decides: []decide{{text: "Is it the message that " + w.known.Sender + " sent? Compare date and Message-ID with the copy in the sender's folder of sent mail."}}})
}
