package judge

import (
	"slices"
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// way is what a message shows of the way that it took.
type way struct {
	m         *received.Message
	h         received.Header
	known     Known
	from      received.Address
	replyTo   string
	envelope  string // its sender, "" when it does not show or is empty
	rewritten *Rewritten
	final     string   // the mailbox in which it was found, "" when it does not show
	to        []string // those it was written to
	passed    []string // mailboxes on the way that are not the final one
	marks     []string // the fields that name those
	hops      []probe.Hop
}

func newWay(m *received.Message, known Known) *way {
	w := &way{m: m, h: m.Header, known: known, from: m.Header.Address("From"), replyTo: m.Header.Address("Reply-To").Address, hops: m.Header.Hops()}
	w.envelope = w.envelopeSender()
	if rewritten, ok := DecodeEnvelope(w.envelope); ok {
		w.rewritten = &rewritten
	}
	for _, name := range []string{"To", "Cc"} {
		for _, a := range w.h.Addresses(name) {
			w.to = append(w.to, a.Address)
		}
	}
	w.final = w.finalMailbox()
	w.passMailboxes()
	return w
}

// envelopeSender is Return-Path, else what SPF was asked about.
func (w *way) envelopeSender() string {
	if address := w.h.Address("Return-Path").Address; address != "" {
		return address
	}
	for _, v := range w.h.Verdicts() {
		if v.Set == 0 && strings.Contains(v.MailFrom, "@") {
			return v.MailFrom
		}
	}
	return ""
}

// finalMailbox is where the message was found: as it was said, or as the last
// server noted.
func (w *way) finalMailbox() string {
	if w.known.Target != "" {
		return w.known.Target
	}
	for _, name := range []string{"Delivered-To", "Envelope-To", "X-Envelope-To", "X-Rcpt-To", "X-Apparently-To", "X-Forwarded-To"} {
		if address := w.h.Address(name).Address; address != "" {
			return address
		}
	}
	for i := len(w.hops) - 1; i >= 0; i-- {
		if address := string(w.hops[i].For); strings.Contains(address, "@") {
			return address
		}
	}
	return ""
}

// passMailboxes collects the mailboxes that the message went through before.
func (w *way) passMailboxes() {
	for _, name := range []string{"X-Forwarded-For", "X-MS-Exchange-ForwardingLoop", "X-MS-Exchange-Inbox-Rules-Loop", "X-Sieve-Redirected-From",
		"X-Redirected-From", "X-Original-To", "X-Yahoo-Forwarded", "X-Zimbra-Forwarded", "X-Forwarded-By", "X-Original-Delivered-To", "Delivered-To", "Resent-From"} {
		for _, line := range w.h.Lines(name) {
			_, value, _ := strings.Cut(line, ":")
			addresses := received.ParseAddresses(strings.ReplaceAll(value, ";", ","))
			if len(addresses) > 0 && name == "X-Forwarded-For" {
				addresses = addresses[:1] // the last one is where it goes
			}
			w.pass(line, addresses...)
		}
	}
	for _, hop := range w.hops {
		if strings.Contains(string(hop.For), "@") {
			w.pass("Received: ... for <"+string(hop.For)+">", received.Address{Address: string(hop.For)})
		}
	}
	if w.rewritten != nil && strings.Contains(w.rewritten.Forwarder, "@") {
		w.pass("Return-Path: <"+w.envelope+">", received.Address{Address: w.rewritten.Forwarder})
	}
}

// pass notes mailboxes, and the field that names them.
func (w *way) pass(line string, all ...received.Address) {
	for _, a := range all {
		if !strings.Contains(a.Address, "@") || w.final == "" || sameBox(a.Address, w.final) {
			continue
		}
		if !slices.ContainsFunc(w.passed, func(p string) bool { return received.SameMailbox(p, a.Address) }) {
			w.passed = append(w.passed, a.Address)
		}
		if !slices.Contains(w.marks, line) {
			w.marks = append(w.marks, line)
		}
	}
}

// sameBox tells whether two addresses are names of one mailbox as far as can
// be seen: the same, or the same person's at hosts of one domain, or with an
// extension after a plus sign.
func sameBox(a, b string) bool {
	if received.SameMailbox(a, b) {
		return true
	}
	localA, _, _ := strings.Cut(strings.ToLower(a), "@")
	localB, _, _ := strings.Cut(strings.ToLower(b), "@")
	localA, _, _ = strings.Cut(localA, "+")
	localB, _, _ = strings.Cut(localB, "+")
	return localA == localB && sameOrganisation(received.Domain(a), received.Domain(b))
}

func sameOrganisation(a, b string) bool {
	return a != "" && b != "" && received.Organisation(a) == received.Organisation(b)
}

// toFinal tells whether the message was written to the mailbox where it was found.
func (w *way) toFinal() bool { return w.final != "" && hasBox(w.to, w.final) }

// toOther tells that it was written to others only, and the final mailbox is known.
func (w *way) toOther() bool { return w.final != "" && len(w.to) > 0 && !w.toFinal() }

func hasBox(list []string, address string) bool {
	return slices.ContainsFunc(list, func(a string) bool { return sameBox(a, address) })
}

// isVia tells whether an address is one that is known to redirect.
func (w *way) isVia(address string) bool {
	return address != "" && (hasBox(w.known.Via, address) || hasBox(w.passed, address))
}

// ofVia tells whether an address is in the domain of one that redirects.
func (w *way) ofVia(address string) bool {
	domain := received.Domain(address)
	return domain != "" && slices.ContainsFunc(slices.Concat(w.known.Via, w.passed), func(v string) bool { return sameOrganisation(received.Domain(v), domain) })
}

// fromSender tells that From is known to be the original sender's.
func (w *way) fromSender() bool {
	return received.SameMailbox(w.known.Sender, w.from.Address)
}

// quoted gives fields as they stand, those that are there.
func (w *way) quoted(names ...string) []string {
	var lines []string
	for _, name := range names {
		all := w.h.Lines(name)
		lines = append(lines, all[:min(len(all), 2)]...)
	}
	return lines
}
