// Package judge says how a message came: straight, redirected, or forwarded as
// something new; whether its header still has the original sender; and whether
// mail of senders with a strict DMARC policy survives the way. For the commands
// that inspect a message or send one through an address that redirects.
//
// A judgement rests on one rule and quotes the fields that decided. Where they
// do not decide, it says so, and what would.
package judge

import (
	"slices"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// Known is what is known of a message beside itself; all of it may be empty.
type Known struct {
	Via    []string // addresses that redirect
	Sender string   // who sent it first
	Target string   // the mailbox in which it was found

	// Advice gives the words on how mail is redirected so that its sender
	// survives, for the provider of an address that redirects, known by the
	// names of its servers too; "" where nobody knows. Nil: nobody knows.
	Advice func(via string, servers []string) string
}

// Inspect judges a message.
func Inspect(m *received.Message, known Known) probe.Inspection {
	w := newWay(m, known)
	v := judge(w)
	survives, reason := w.survives(v)
	in := probe.Inspection{How: v.how, Confidence: v.confidence, SenderKept: v.kept, OriginalSender: probe.Maybe(v.original),
		SenderField: probe.Maybe(v.field), From: probe.Maybe(w.from.Address), Via: probe.Maybe(w.viaOf(v)), Mailbox: probe.Maybe(w.final),
		Rule: probe.InspectionRule{ID: v.rule, Text: v.text, Headers: v.fields}, DMARCSurvives: survives, DMARCReason: reason,
		Hops: w.hops, Authentication: w.h.Authentication()}
	facts := w.facts(v, survives, reason)
	in.Findings, in.Words = findings(v, facts), facts.Values
	for o := range facts.Seen {
		in.Saw = append(in.Saw, o)
	}
	slices.Sort(in.Saw)
	for _, d := range v.decides {
		next := probe.Next{Text: d.text, Command: probe.Maybe(d.command)}
		if d.command != "" {
			next.Shell = "posix"
		}
		in.Next = append(in.Next, next)
	}
	return in
}

// Missing is the judgement on a message that was sent and did not come.
func Missing(known Known) probe.Inspection {
	w := newWay(&received.Message{}, known)
	return probe.Inspection{How: probe.Undetermined, Confidence: cause.Certain, OriginalSender: probe.Maybe(known.Sender), Via: probe.Maybe(w.via()),
		Mailbox: probe.Maybe(known.Target), Rule: probe.InspectionRule{ID: "not-arrived", Text: "The message did not arrive."},
		DMARCReason: "It did not arrive, so nothing was found out about its signature.",
		Words:       map[string]string{"original_sender": known.Sender, "via": w.via(), "mailbox": known.Target}}
}
