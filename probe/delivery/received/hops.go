package received

import (
	"net/mail"
	"strings"
	"time"

	"github.com/smtpdx/smtpdx/probe"
)

// maxHops is how many stamps are told of; servers refuse a mail long before.
const maxHops = 100

// Hops reads the stamps of the servers, the oldest first.
func (h Header) Hops() probe.List[probe.Hop] {
	values := h.All("Received")
	if len(values) > maxHops {
		values = values[:maxHops]
	}
	hops := make(probe.List[probe.Hop], 0, len(values))
	for i := len(values) - 1; i >= 0; i-- {
		hops = append(hops, ParseHop(values[i]))
	}
	for i := range hops {
		if i > 0 && hops[i].At != nil && hops[i-1].At != nil {
			delay := probe.Milliseconds(hops[i].At.Sub(*hops[i-1].At))
			hops[i].DelayMs = &delay
		}
	}
	return hops
}

// ParseHop reads one Received field (RFC 5321 section 4.4), in the ways in
// which servers write it.
func ParseHop(value string) probe.Hop {
	clauses, date := cutDate(value)
	words := dropComments(clauses)
	return probe.Hop{
		From: probe.Maybe(clause(words, "from")), By: probe.Maybe(clause(words, "by")),
		For: probe.Maybe(strings.Trim(clause(words, "for"), "<>;")), At: parseTime(date),
	}
}

// cutDate cuts at the last semicolon outside comments; some servers forget it.
func cutDate(value string) (clauses, date string) {
	at := strings.LastIndexByte(value, ';')
	if at < 0 {
		return value, value
	}
	return value[:at], value[at+1:]
}

// clause gives the word after a keyword of Received.
func clause(words, keyword string) string {
	fields := strings.Fields(words)
	for i, word := range fields {
		if strings.EqualFold(word, keyword) && i+1 < len(fields) && (i == 0 || keyword != "from") {
			return strings.Trim(fields[i+1], ";,")
		}
	}
	return ""
}

// parseTime reads a date in the forms of RFC 5322, and any that a field ends with.
func parseTime(text string) *time.Time {
	text = strings.Join(strings.Fields(dropComments(text)), " ")
	if at, err := mail.ParseDate(text); err == nil {
		return &at
	}
	found := aDate().FindAllString(text, -1)
	if len(found) == 0 {
		return nil
	}
	last := found[len(found)-1]
	if at, err := mail.ParseDate(last); err == nil {
		return &at
	}
	if at, err := mail.ParseDate(last + " +0000"); err == nil {
		return &at
	}
	return nil
}

// dropComments takes out what stands in parentheses, nested ones too (RFC 5322 section 3.2.2).
func dropComments(text string) string {
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			if depth == 0 {
				b.WriteByte(text[i+1])
			}
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
			b.WriteByte(c)
		case c == '(' && !quoted:
			depth++
		case c == ')' && depth > 0:
			depth--
			b.WriteByte(' ')
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}
