package received

import (
	"strings"

	"github.com/smtpdx/smtpdx/probe"
)

// Status is what a server reports about one recipient (RFC 3464 section 2.3).
type Status struct {
	Recipient  probe.Maybe `json:"recipient"`
	Action     probe.Maybe `json:"action"` // failed, delayed, delivered, relayed, expanded
	Status     probe.Maybe `json:"status"` // "5.7.520"
	Diagnostic probe.Maybe `json:"diagnostic"`
	By         probe.Maybe `json:"by"`     // who reports
	Remote     probe.Maybe `json:"remote"` // who refused
}

// Bounce is a delivery status that came back.
type Bounce struct {
	Statuses  []Status
	About     Header // of the message that it is about, as far as it was brought back
	MessageID string // of that message, "" when not said
	Token     string // what else may tell which message it was: its subject
}

// maxStatuses is how many recipients of a bounce are told of.
const maxStatuses = 50

// Bounce reads a delivery status (RFC 3464), or the bounces of servers that
// write them as plain text; nil when the message is none.
func (m *Message) Bounce() *Bounce {
	b := &Bounce{}
	for _, p := range m.Parts {
		switch {
		case p.Depth > 0:
		case p.Type == "message/delivery-status" || p.Type == "message/global-delivery-status":
			b.Statuses = append(b.Statuses, parseStatuses(p.Text)...)
		case p.Header != nil && len(b.About.Fields) == 0:
			b.About = *p.Header
		}
	}
	if len(b.Statuses) == 0 && !m.looksLikeBounce() {
		return nil
	}
	if len(b.Statuses) == 0 {
		b.Statuses = plainStatuses(m.Header, m.Body())
	}
	if len(b.Statuses) == 0 {
		return nil
	}
	b.Statuses = b.Statuses[:min(len(b.Statuses), maxStatuses)]
	b.MessageID, b.Token = b.About.Get("Message-ID"), b.About.Text("Subject")
	return b
}

// parseStatuses reads groups of fields: one about the message, then one for each recipient.
func parseStatuses(text string) []Status {
	var all []Status
	by := ""
	for _, group := range strings.Split(strings.TrimLeft(text, "\n"), "\n\n") {
		h := ParseHeader(strings.TrimLeft(group, "\n") + "\n\n")
		if !h.Has("Final-Recipient", "Original-Recipient", "Action", "Status") {
			if name := h.Get("Reporting-MTA"); name != "" {
				by = typed(name)
			}
			continue
		}
		if name := h.Get("Reporting-MTA"); name != "" {
			by = typed(name)
		}
		all = append(all, Status{
			Recipient: probe.Maybe(firstOf(typed(h.Get("Final-Recipient")), typed(h.Get("Original-Recipient")))), Action: probe.Maybe(strings.ToLower(firstWord(h.Get("Action")))),
			Status: probe.Maybe(firstWord(h.Get("Status"))), Diagnostic: probe.Maybe(typed(h.Get("Diagnostic-Code"))),
			By: probe.Maybe(by), Remote: probe.Maybe(typed(h.Get("Remote-MTA"))),
		})
	}
	return all
}

// typed takes the type off: "rfc822; a@b", "smtp; 550 no".
func typed(value string) string {
	kind, rest, found := strings.Cut(value, ";")
	if !found || strings.ContainsAny(strings.TrimSpace(kind), " @") {
		return strings.TrimSpace(value)
	}
	return strings.TrimSpace(rest)
}

func firstWord(text string) string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

func firstOf(words ...string) string {
	for _, word := range words {
		if word != "" {
			return word
		}
	}
	return ""
}

// looksLikeBounce: sent by a mail system, with the empty envelope sender.
func (m *Message) looksLikeBounce() bool {
	from := strings.ToLower(m.Header.Address("From").Address)
	local, _, _ := strings.Cut(from, "@")
	system := local == "mailer-daemon" || local == "postmaster" || strings.HasPrefix(local, "microsoftexchange")
	return m.Header.Has("X-Failed-Recipients") || system && (strings.TrimSpace(m.Header.Get("Return-Path")) == "<>" || !m.Header.Has("Return-Path"))
}

// plainStatuses finds refusals in the text of a bounce.
func plainStatuses(h Header, body string) []Status {
	body = body[:min(len(body), maxText)]
	found := refusalLine().FindStringSubmatch(body)
	recipient := h.Address("X-Failed-Recipients").Address
	if recipient == "" {
		for _, a := range looseAddresses(body) {
			recipient = a.Address
			break
		}
	}
	switch {
	case found != nil:
		return []Status{{Recipient: probe.Maybe(recipient), Action: "failed", Status: probe.Maybe(found[2]), Diagnostic: probe.Maybe(clean(found[0]))}}
	case h.Has("X-Failed-Recipients"):
		return []Status{{Recipient: probe.Maybe(recipient), Action: "failed"}}
	}
	return nil
}
