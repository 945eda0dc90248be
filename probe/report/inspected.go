package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// Inspected prints the judgement on a message that name stands for: "text" as
// a screen, "markdown" to be put into a ticket.
func Inspected(w io.Writer, format string, o Options, name string, in probe.Inspection) error {
	if format == "markdown" {
		m := &markdown{page: newPage(Options{Unicode: true})}
		_, err := io.WriteString(w, m.whole(inspectedHandOver(name, in)))
		return err
	}
	t := &text{page: newPage(o), w: w, shell: o.Shell}
	if t.shell == "" {
		t.shell = "posix"
	}
	var out strings.Builder
	t.put(&out, t.inspected(name, in)...)
	_, err := io.WriteString(w, out.String())
	return err
}

// inspected is the whole screen: the verdict in its two parts, what it rests
// on, and what to change.
func (t *text) inspected(name string, in probe.Inspection) []row {
	rows := append(t.paragraph(span{inspectedTitle(name, in), plain}), nil)
	head := t.paragraph(span{KeptSentence(in), keptStyle(in)})
	if says := SurvivesSentence(in); says != "" {
		head = append(head, t.paragraph(span{says, survivesStyle(in)})...)
	}
	blocks := []block{t.inspectedBlock(in)}
	next := t.nextRows(&probe.Result{Next: in.Next})
	t.shrink(blocks, t.mostRows()-len(head)-rowsWithBlank(len(next)))
	rows = append(rows, head...)
	if lines := t.blockRows(blocks[0]); len(lines) > 0 {
		rows = append(append(rows, nil), lines...)
	}
	if len(next) > 0 {
		rows = append(append(rows, nil), next...)
	}
	return rows
}

func (t *text) inspectedBlock(in probe.Inspection) block {
	b := block{
		t.section("Came", 1, howWords(in)),
		t.section("Rule", 2, in.Rule.ID+": "+in.Rule.Text),
		t.section("Header", 1, firstFew(in.Rule.Headers, 4)...),
		t.section("Way", 1, hopLines(in.Hops)...),
	}
	f := troubleOf(in)
	if f != nil {
		change, better, not := t.fixes(f)
		b = append(b, t.section("Cause", 1, f.Cause+" ("+string(f.Confidence)+")"), t.section("Why", 3, strings.Split(f.Explanation, "\n")...),
			change, better, not, t.section("Who", 1, whoWords(f.Who)), t.open(f))
	}
	var further []string
	for i := range in.Findings {
		if other := &in.Findings[i]; other != f && other.Cause != "redirect-sender-kept" {
			further = append(further, other.Cause+": "+other.Title)
		}
	}
	return append(b, t.section("Also", 1, further...))
}

func firstFew(lines []string, n int) []string { return lines[:min(n, len(lines))] }

// troubleOf is the finding to talk about: the first that asks for a change.
func troubleOf(in probe.Inspection) *probe.Finding {
	for i := range in.Findings {
		if in.Findings[i].Severity != cause.Info {
			return &in.Findings[i]
		}
	}
	return nil
}

func inspectedTitle(name string, in probe.Inspection) string {
	parts := []string{}
	if in.From != "" {
		parts = append(parts, "from "+string(in.From))
	}
	if in.Via != "" && in.Via != in.From {
		parts = append(parts, "by way of "+string(in.Via))
	}
	if in.Mailbox != "" && in.Mailbox != in.Via {
		parts = append(parts, "found in "+string(in.Mailbox))
	}
	if len(parts) == 0 {
		return name
	}
	return name + ": " + strings.Join(parts, ", ")
}

// KeptSentence is the first part of the verdict: can the original sender be
// told from the header.
func KeptSentence(in probe.Inspection) string {
	switch {
	case in.SenderKept != nil && *in.SenderKept && in.How == probe.Direct:
		return fmt.Sprintf("KEPT: the sender %s stands in From; the message was not redirected.", in.OriginalSender)
	case in.SenderKept != nil && *in.SenderKept && in.SenderField == "From":
		return fmt.Sprintf("KEPT: the original sender %s stands in From.", in.OriginalSender)
	case in.SenderKept != nil && *in.SenderKept:
		return fmt.Sprintf("KEPT, but not in From: the original sender %s stands in %s.", in.OriginalSender, in.SenderField)
	case in.SenderKept != nil && in.OriginalSender != "" && in.OriginalSender != in.From:
		return fmt.Sprintf("LOST: a program takes %s for the sender, and not %s.", in.From, in.OriginalSender)
	case in.SenderKept != nil:
		return fmt.Sprintf("LOST: a program takes %s for the sender, and not the original one.", in.From)
	case len(in.Findings) > 0 && in.Findings[0].Severity == cause.Error:
		return "FAILED: " + sentence(in.Findings[0].Title)
	case in.How != probe.Undetermined:
		return "NOT CLEAR whether the header has the original sender."
	}
	return "UNDETERMINED: " + in.Rule.Text
}

func keptStyle(in probe.Inspection) style {
	switch {
	case in.SenderKept == nil:
		return doubtful
	case !*in.SenderKept:
		return bad
	case in.SenderField != "From":
		return doubtful
	}
	return good
}

// SurvivesSentence is the second part: does mail of strict senders come
// through; "" where there is nothing to say about it.
func SurvivesSentence(in probe.Inspection) string {
	switch {
	case in.DMARCSurvives != nil && *in.DMARCSurvives:
		return "COMES THROUGH also from senders with DMARC p=reject. " + in.DMARCReason
	case in.DMARCSurvives != nil:
		return "REFUSED from senders with DMARC p=reject. " + in.DMARCReason
	case in.How == probe.Undetermined:
		return ""
	case slices.Contains([]probe.How{probe.ForwardedAsNew, probe.ForwardedAttachment, probe.FromRewritten}, in.How):
		return "DMARC p=reject of the original sender does not matter here. " + in.DMARCReason
	}
	return "NOT KNOWN whether it comes through from senders with DMARC p=reject. " + in.DMARCReason
}

func survivesStyle(in probe.Inspection) style {
	switch {
	case in.DMARCSurvives == nil:
		return doubtful
	case *in.DMARCSurvives:
		return good
	}
	return bad
}

// howWords say how a message came.
func howWords(in probe.Inspection) string {
	words := map[probe.How]string{
		probe.Direct: "straight", probe.Redirected: "with its header as it was",
		probe.RedirectedSRS: "with a rewritten envelope", probe.Resent: "with Resent fields added",
		probe.ForwardedAsNew: "the original one in the text of a new one", probe.ForwardedAttachment: "the original one attached to a new one",
		probe.FromRewritten: "by a list or gateway", probe.Undetermined: "it cannot be told",
	}[in.How]
	return fmt.Sprintf("%s, %s (%s)", in.How, words, in.Confidence)
}

// hopLines are the servers on the way, with the time from one to the next.
func hopLines(hops []probe.Hop) []string {
	var lines []string
	for _, h := range hops {
		line := string(h.By)
		if h.From != "" {
			line = string(h.From) + " -> " + string(h.By)
		}
		switch {
		case h.DelayMs != nil:
			line += ", " + delayWords(h.DelayMs.Duration())
		case h.At != nil:
			line += ", " + h.At.UTC().Format("2006-01-02 15:04:05 UTC")
		}
		lines = append(lines, line)
	}
	if gone := len(lines) - mostHops; gone > 0 {
		lines = slices.Concat(lines[:3], []string{fmt.Sprintf("(%d more)", gone)}, lines[len(lines)-3:])
	}
	return lines
}

func delayWords(d time.Duration) string {
	if d < 0 {
		return "their clocks differ by " + (-d).Round(time.Second).String()
	}
	return "+" + d.Round(time.Second).String()
}

// inspectedHandOver is the same for a ticket.
func inspectedHandOver(name string, in probe.Inspection) *handover {
	h := &handover{title: "Redirected mail: " + shortVerdict(in)}
	h.heading(1, "%s", h.title)
	h.paragraph(piece{text: KeptSentence(in)})
	if says := SurvivesSentence(in); says != "" {
		h.paragraph(piece{text: says})
	}
	if f := troubleOf(in); f != nil {
		h.toDo(&probe.Result{Verdict: probe.Fail, FailedStep: probe.Maybe(probe.StepRedirect), Findings: in.Findings, Next: in.Next})
	}
	h.heading(2, "How we know")
	h.list(false, []item{
		{words: says("%s", inspectedTitle(name, in))},
		{words: says("It came: %s", howWords(in))},
		{words: says("Rule %s: %s", in.Rule.ID, in.Rule.Text), code: in.Rule.Headers},
	})
	if lines := hopLines(in.Hops); len(lines) > 0 {
		h.heading(2, "The way")
		h.list(true, wayItems(lines))
	}
	h.list(false, nextItems(&probe.Result{Next: in.Next}))
	return h
}

func wayItems(lines []string) []item {
	var items []item
	for _, line := range lines {
		items = append(items, item{words: says("%s", line)})
	}
	return items
}

// shortVerdict is the first part of the verdict for a heading.
func shortVerdict(in probe.Inspection) string {
	switch {
	case in.SenderKept != nil && *in.SenderKept && in.SenderField == "From":
		return "the original sender is kept"
	case in.SenderKept != nil && *in.SenderKept:
		return "the original sender is kept, but not in From"
	case in.SenderKept != nil:
		return "the original sender is lost"
	case len(in.Findings) > 0 && in.Findings[0].Severity == cause.Error:
		return in.Findings[0].Title
	}
	return "whether the original sender is kept cannot be told"
}
