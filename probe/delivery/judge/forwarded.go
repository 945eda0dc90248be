package judge

import (
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// asAttachment: the message has the original one as a file.
func asAttachment(w *way) *verdict {
	inner := w.m.Attached()
	if len(inner) == 0 || w.isSendersOwn() {
		return nil
	}
	original := inner[0].Address("From").Address
	v := &verdict{how: probe.ForwardedAttachment, confidence: cause.Possible, rule: "attached-message", original: original,
		text:   "The message has another message attached (message/rfc822) and comes from " + orUnknown(w.from.Address) + "; the original one is in the attachment.",
		fields: append(w.quoted("From", "Subject"), inner[0].Lines("From")...)}
	signs := 0
	for _, is := range []bool{subjectKind(w.h.Text("Subject")) == "forward", w.toFinal(), writtenTo(inner[0], w.from.Address), original != "" && !received.SameMailbox(original, w.from.Address)} {
		if is {
			signs++
		}
	}
	switch {
	case w.isVia(w.from.Address) || w.ofVia(w.from.Address):
		v.confidence = cause.Certain
	case signs >= 3:
		v.confidence = cause.Certain
	case signs == 2:
		v.confidence = cause.Likely
	case subjectKind(w.h.Text("Subject")) == "reply" || signs == 0:
		return nil
	}
	if v.confidence != cause.Certain {
		v.decides = askForVia()
	}
	return w.withOtherField(v)
}

// isSendersOwn tells that From is the original sender, so that what is quoted
// or attached is the sender's own affair.
func (w *way) isSendersOwn() bool {
	if w.isVia(w.from.Address) {
		return false
	}
	return w.fromSender() || len(w.known.Via) > 0 && !w.ofVia(w.from.Address) && w.known.Sender == "" ||
		w.known.Via == nil && w.toOther() && !w.ofVia(w.from.Address)
}

// writtenTo tells whether a message went to an address.
func writtenTo(h received.Header, address string) bool {
	for _, name := range []string{"To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"} {
		for _, a := range h.Addresses(name) {
			if sameBox(a.Address, address) || sameOrganisation(received.Domain(a.Address), received.Domain(address)) && received.Domain(address) != "" {
				return true
			}
		}
	}
	return false
}

// asNewMessage: a mailbox or its owner wrote a new message that has the
// original one in its text.
func asNewMessage(w *way) *verdict {
	kind := subjectKind(w.h.Text("Subject"))
	q := findQuote(w.m.Body())
	if q == nil && kind == "forward" {
		q = findAttribution(w.m.Body())
	}
	isForward, certain := w.forwardSigns(kind, q)
	if !isForward || w.isSendersOwn() {
		return nil
	}
	v := &verdict{how: probe.ForwardedAsNew, confidence: cause.Likely, rule: "forward-subject", fields: w.quoted("From", "Subject", "X-Forwarded-Message-Id", "X-MS-Exchange-Inbox-Rules-Loop"),
		text: "The subject says that somebody forwarded it; the message is a new one from " + orUnknown(w.from.Address) + "."}
	if q != nil {
		v.rule, v.original, v.fields = "quoted-original", q.from, append(v.fields, q.lines...)
		v.text = "The message is a new one from " + orUnknown(w.from.Address) + "; the original one, from " + q.name + ", is quoted in its text."
	}
	switch {
	case certain || w.isVia(w.from.Address) || w.ofVia(w.from.Address):
		v.confidence = cause.Certain
	case q == nil && !w.toFinal():
		v.confidence = cause.Possible
		v.decides = askForVia()
	default:
		v.decides = askForVia()
	}
	return w.withOtherField(v)
}

// forwardSigns tells whether a message is a forwarded one, and whether by more
// than one sign.
func (w *way) forwardSigns(kind string, q *quote) (is, certain bool) {
	byProgram := w.h.Has("X-Forwarded-Message-Id")
	byRule := strings.Contains(w.h.Get("X-MS-Exchange-Generated-Message-Source"), "Mailbox Rules Agent")
	quotedFor := q != nil && (q.to != "" && w.from.Address != "" && strings.Contains(strings.ToLower(q.to), strings.ToLower(w.from.Address)))
	switch {
	case kind == "forward" && q != nil:
		return true, w.toFinal() && quotedFor || byProgram || byRule
	case kind == "forward":
		return true, byProgram || byRule
	case kind == "reply":
		return q != nil && q.marked && isForwardMark(w.m.Body()) && w.isVia(w.from.Address), false
	case q != nil && (byProgram || byRule || q.marked && q.own <= 3 || w.isVia(w.from.Address) || quotedFor && w.toFinal()):
		return true, byProgram || byRule
	case q != nil && q.own == 0 && !w.toOther():
		return true, false
	}
	return false, false
}

// isForwardMark: "Original message" stands in answers too, "Forwarded" does not.
func isForwardMark(body string) bool {
	for _, line := range firstLines(body, maxQuoteLines) {
		low := strings.ToLower(line)
		if markLine().MatchString(line) && !slices.ContainsFunc([]string{"original", "ursprünglich", "oorspronkelijk", "opprinnelig"}, func(s string) bool { return strings.Contains(low, s) }) {
			return true
		}
	}
	return false
}

// withOtherField looks whether the original sender stands in another field
// than From, where a program may look for it.
func (w *way) withOtherField(v *verdict) *verdict {
	sender := w.known.Sender
	if sender == "" {
		sender = v.original
	}
	if v.original == "" {
		v.original = w.known.Sender
	}
	for _, name := range otherFields() {
		for _, a := range w.h.Addresses(name) {
			if sender != "" && received.SameMailbox(a.Address, sender) {
				v.kept, v.field, v.original = yes(), name, a.Address
				v.fields = append(v.fields, w.quoted(name)...)
				return v
			}
		}
	}
	if sender == "" && w.replyTo != "" && !received.SameMailbox(w.replyTo, w.from.Address) && !sameOrganisation(received.Domain(w.replyTo), received.Domain(w.from.Address)) {
		v.fields = append(v.fields, w.quoted("Reply-To")...) // it may be the sender's, and nothing says so
		v.decides = append(v.decides, decide{text: "Is " + w.replyTo + ", which stands in Reply-To, the original sender?", command: "smtpdx inspect FILE --sender " + w.replyTo})
		return v
	}
	v.kept = no()
	return v
}

// otherFields are the fields in which programs look for the sender beside From.
func otherFields() []string {
	return []string{"Reply-To", "Resent-From", "X-Original-From", "X-Original-Sender", "X-Original-Reply-To"}
}

func askForVia() []decide {
	return []decide{{text: "Which address redirects, and who sent the message first?", command: "smtpdx inspect FILE --via ADDRESS --sender ADDRESS"}}
}

func orUnknown(address string) string {
	if address == "" {
		return "an unknown sender"
	}
	return address
}
