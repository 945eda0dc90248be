package judge

import (
	"net"
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// resent: the fields of RFC 5322 section 3.6.6, which leave the others alone.
func resent(w *way) *verdict {
	if !w.h.Has("Resent-From", "Resent-Sender", "Resent-To", "Resent-Message-ID") {
		return nil
	}
	by := w.h.Address("Resent-From").Address
	if by == "" {
		by = w.h.Address("Resent-Sender").Address
	}
	if w.rewritten != nil && !received.SameMailbox(w.rewritten.Original, by) && !w.isVia(w.from.Address) {
		return firstOfRules(w, srsKept, envelopeRewritten) // Exchange adds Resent-From to what it redirects
	}
	v := &verdict{how: probe.Resent, confidence: cause.Certain, rule: "resent-fields", fields: w.quoted("From", "Resent-From", "Resent-Sender", "Resent-To"),
		text: "It was sent on by " + orUnknown(by) + " with Resent fields, which leave From as it was (RFC 5322 section 3.6.6)."}
	if w.from.Address != "" && received.SameMailbox(by, w.from.Address) || w.isVia(w.from.Address) && !w.fromSender() {
		v.text = "It was sent on by " + orUnknown(by) + " with Resent fields, and From is the same address."
		v.confidence = cause.Likely
		return w.withOtherField(v)
	}
	return w.keptInFrom(v)
}

// keptInFrom: From is the original sender, unless another one is known.
func (w *way) keptInFrom(v *verdict) *verdict {
	if w.known.Sender != "" && !w.fromSender() {
		v.confidence = cause.Likely
		return w.withOtherField(v)
	}
	v.kept, v.original, v.field = yes(), w.from.Address, "From"
	return v
}

// srsKept: the rewritten envelope names the same sender as From, which no new
// message would.
func srsKept(w *way) *verdict {
	r := w.rewritten
	if r == nil || r.Original == "" || w.isVia(w.from.Address) || !sameOrganisation(received.Domain(r.Original), received.Domain(w.from.Address)) {
		return nil
	}
	return w.keptInFrom(&verdict{how: probe.RedirectedSRS, confidence: cause.Certain, rule: r.Scheme, fields: w.quoted("Return-Path", "From"),
		text: r.words() + " It names " + r.Original + " as the sender before, and From is of the same domain."})
}

// words say what the form of the envelope tells.
func (r *Rewritten) words() string {
	switch r.Scheme {
	case "srs1":
		return "The envelope was rewritten twice (SRS1), last by " + r.Forwarder + "."
	case "srs-microsoft":
		return "Microsoft rewrote the envelope for " + r.Forwarder + " (+SRS=)."
	case "caf-google":
		return "Google rewrote the envelope for " + r.Forwarder + " (+caf_=), which forwards to " + r.Target + "."
	}
	return "The envelope was rewritten (SRS0) by " + r.Forwarder + "."
}

// envelopeRewritten: as above, where the envelope does not name the sender, or
// is simply the mailbox that redirects.
func envelopeRewritten(w *way) *verdict {
	if w.from.Address == "" {
		return nil
	}
	if w.rewritten != nil {
		v := &verdict{how: probe.RedirectedSRS, confidence: cause.Certain, rule: w.rewritten.Scheme, fields: w.quoted("Return-Path", "From"), text: w.rewritten.words() + " From is as it was."}
		if w.rewritten.Original != "" && w.rewritten.Scheme != "caf-google" {
			v.confidence = cause.Likely
			v.text = w.rewritten.words() + " It names " + w.rewritten.Original + ", while From is " + w.from.Address + ", as with senders who use a sending service."
		}
		return w.keptInFrom(v)
	}
	if w.isVia(w.envelope) && !received.SameMailbox(w.envelope, w.from.Address) {
		return w.keptInFrom(&verdict{how: probe.Redirected, confidence: cause.Certain, rule: "envelope-is-mailbox", fields: w.quoted("Return-Path", "From"),
			text: "The envelope's sender is " + w.envelope + ", the mailbox that redirects; From is as it was."})
	}
	return nil
}

// throughList: a list that leaves From alone.
func throughList(w *way) *verdict {
	if !w.h.Has("List-Id", "List-Post", "X-BeenThere") || w.h.Get("Precedence") == "bulk" && !w.h.Has("List-Post") || w.from.Address == "" || w.isListAddress(w.from.Address) {
		return nil
	}
	if !w.h.Has("List-Post", "X-BeenThere", "Mailing-List", "X-Mailman-Version") {
		return nil // a newsletter has List-Id and List-Unsubscribe too
	}
	v := &verdict{how: probe.Redirected, confidence: cause.Likely, rule: "list", fields: w.quoted("Return-Path", "From", "List-Id", "List-Post"),
		text: "It came through a mailing list, which puts its own address into the envelope and leaves From as it was."}
	if w.envelope != "" && sameOrganisation(received.Domain(w.envelope), received.Domain(w.from.Address)) {
		v.text = "It came through a mailing list, which leaves From as it was."
	}
	return w.keptInFrom(v)
}

// throughMailboxes: other mailboxes than the final one stand in the header.
func throughMailboxes(w *way) *verdict {
	if w.from.Address == "" || w.isVia(w.from.Address) && !w.fromSender() {
		return nil
	}
	via := slices.IndexFunc(w.known.Via, func(v string) bool {
		return hasBox(w.passed, v) || w.final != "" && hasBox(w.to, v) && !sameBox(v, w.final)
	})
	v := &verdict{how: probe.Redirected, confidence: cause.Certain, rule: "passed-mailbox", fields: append(w.quoted("From", "To"), w.marks...)}
	switch {
	case via >= 0:
		v.text = "It was written to " + w.known.Via[via] + " and lies in " + w.final + "; From is as it was."
	case len(w.known.Via) > 0 && w.final == "" && slices.ContainsFunc(w.known.Via, func(v string) bool { return hasBox(w.to, v) }):
		v.rule, v.confidence = "written-to-via", cause.Likely
		v.text = "It was written to " + w.known.Via[0] + ", and nothing in the header was changed on the way; From is as it was."
	case len(w.passed) > 0 && !w.toFinal():
		v.text = "It went through " + w.passed[0] + " and lies in " + w.final + "; From is as it was."
		if !hasBox(w.to, w.passed[0]) {
			v.confidence = cause.Likely
		}
	case len(w.passed) > 0 && w.h.Has("X-Forwarded-For", "X-MS-Exchange-ForwardingLoop", "X-Sieve-Redirected-From"):
		v.confidence = cause.Likely
		v.text = "It went through " + w.passed[0] + " and lies in " + w.final + "; From is as it was."
	case w.passesMicrosoft() != "":
		v.rule, v.confidence = "exchange-mark", cause.Likely
		v.text = "Exchange has marked it as redirected (" + w.passesMicrosoft() + "); From is as it was."
		v.fields = append(v.fields, w.quoted(w.passesMicrosoft())...)
	case w.toOther():
		v.rule, v.confidence = "written-to-other", cause.Likely
		v.text = "It was written to " + w.to[0] + " and lies in " + w.final + "; From is as it was. (A blind copy would look the same.)"
		v.fields = append(v.fields, w.quoted("Delivered-To")...)
		v.decides = askForVia()[:1]
	default:
		return nil
	}
	return w.keptInFrom(v)
}

// passesMicrosoft is Exchange's mark of a mailbox that forwards, where the
// mailbox in which the message lies does not show.
func (w *way) passesMicrosoft() string {
	for _, name := range []string{"X-MS-Exchange-ForwardingLoop", "X-MS-Exchange-Inbox-Rules-Loop"} {
		if mark := w.h.Address(name).Address; w.h.Has(name) && !received.SameMailbox(mark, w.from.Address) {
			return name
		}
	}
	return ""
}

// throughServers: servers of the domain to which it was written took it, and
// then servers of another one.
func throughServers(w *way) *verdict {
	if w.from.Address == "" || w.final != "" || len(w.to) == 0 || len(w.known.Via) > 0 && !hasBox(w.known.Via, w.to[0]) {
		return nil
	}
	to := received.Domain(w.to[0])
	last := -1
	for i, hop := range w.hops {
		if sameOrganisation(string(hop.By), to) {
			last = i
		}
	}
	newest := w.lastServer()
	if last < 0 || newest == "" || sameOrganisation(newest, to) {
		return nil
	}
	return w.keptInFrom(&verdict{how: probe.Redirected, confidence: cause.Likely, rule: "passed-server", fields: append(w.quoted("From", "To"), w.quoted("Received")...),
		text: "Servers of " + to + ", to which it was written, took it and passed it on to " + newest + "; From is as it was.", decides: askForVia()})
}

// lastServer is the name of the newest server that has one.
func (w *way) lastServer() string {
	for i := len(w.hops) - 1; i >= 0; i-- {
		if by := string(w.hops[i].By); isServerName(by) {
			return by
		}
	}
	return ""
}

func isServerName(name string) bool {
	return strings.Contains(name, ".") && net.ParseIP(strings.Trim(name, "[]")) == nil && !strings.HasSuffix(name, ".local") && !strings.HasSuffix(name, ".localdomain")
}

// straight: nothing on the way but servers.
func straight(w *way) *verdict {
	if w.from.Address == "" || len(w.hops) == 0 {
		return nil
	}
	v := &verdict{how: probe.Direct, confidence: cause.Certain, rule: "no-sign", fields: w.quoted("From", "To", "Delivered-To"),
		text: "It was written to the mailbox in which it lies, and nothing was changed on the way."}
	switch {
	case len(w.known.Via) > 0 && w.final != "" && hasBox(w.known.Via, w.final):
		v.rule = "still-in-mailbox"
		v.text = "It lies in " + w.final + ", the mailbox that redirects: this is the copy from before that."
		v.decides = []decide{{text: "Save the copy that arrived in the mailbox of the application, and inspect that one."}}
	case len(w.known.Via) > 0 && w.toFinal():
		v.text = "It was written to " + w.final + " itself and did not go through " + w.known.Via[0] + "."
	case w.toFinal():
	case len(w.to) > 0 && w.final == "":
		v.confidence = cause.Likely
		v.text = "Nothing in the header tells of redirecting; the mailbox in which it lies does not show."
		v.decides = askForVia()
	default:
		return nil
	}
	return w.keptInFrom(v)
}
