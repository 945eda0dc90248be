package delivery

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
	"github.com/smtpdx/smtpdx/probe/delivery/received"
)

// describe says how the message looked when it arrived.
func describe(ctx context.Context, e *probe.DeliveryEvidence, dns spf.DNSResolver, sent *probe.MessageEvidence, found *Arrived, w probe.Watch) {
	e.Raw = found.Raw
	e.Folder, e.Junk, e.Copies = probe.Maybe(found.Folder), &found.Junk, &found.Copies
	if sent.SentAt != nil {
		after := probe.Milliseconds(max(found.SeenAt.Sub(*sent.SentAt), 0))
		e.ArrivedAfterMs = &after
		times(e, after.Duration())
	}
	if found.Junk {
		e.Saw = append(e.Saw, cause.ArrivedInJunk)
	}
	if found.Copies > 1 {
		e.Saw = append(e.Saw, cause.ArrivedTwice)
		e.Words["copies"] = fmt.Sprint(found.Copies)
	}
	message, err := received.Read(bytes.NewReader(found.Raw))
	if err != nil {
		e.Changed = append(e.Changed, "the message as it arrived cannot be read: "+shown(w, err.Error()))
		e.Saw = append(e.Saw, cause.ArrivedChanged)
		return
	}
	readHeader(e, message.Header, w)
	compare(e, sent, message, w)
	prove(ctx, e, dns, found, message.Header, w)
}

// times tells slow from late, and where the time went.
func times(e *probe.DeliveryEvidence, after time.Duration) {
	switch {
	case after >= late:
		e.Saw = append(e.Saw, cause.ArrivedLate)
	case after >= slow:
		e.Saw = append(e.Saw, cause.ArrivedSlowly)
	}
	e.Words["after"] = after.Round(time.Second).String()
}

func readHeader(e *probe.DeliveryEvidence, h received.Header, w probe.Watch) {
	e.Hops = h.Hops()
	e.From, e.Sender = mailbox(h, "From", w), mailbox(h, "Sender", w)
	e.ReplyTo, e.ReturnPath = mailbox(h, "Reply-To", w), mailbox(h, "Return-Path", w)
	e.Authentication = h.Authentication()
	e.Words["slowest"] = slowest(e.Hops)
}

func mailbox(h received.Header, field string, w probe.Watch) probe.Maybe {
	return probe.Maybe(shown(w, h.Address(field).Address))
}

// slowest names the server at which the message stayed longest, "" where no
// stamp tells.
func slowest(hops []probe.Hop) string {
	name, most := "", time.Second
	for _, h := range hops {
		if h.DelayMs != nil && h.DelayMs.Duration() > most {
			name, most = string(h.By), h.DelayMs.Duration()
		}
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf("%s, %s", name, most.Round(time.Second))
}

// compare finds what the way has changed of what was sent.
func compare(e *probe.DeliveryEvidence, sent *probe.MessageEvidence, m *received.Message, w probe.Watch) {
	h := m.Header
	changed := func(format string, args ...any) {
		e.Changed = append(e.Changed, shown(w, fmt.Sprintf(format, args...)))
	}
	if e.From != "" && !received.SameMailbox(string(e.From), string(sent.From)) {
		changed("From: %s became %s", sent.From, e.From)
	}
	if got := strings.Join(strings.Fields(h.Text("Subject")), " "); sent.Subject != "" && got != string(sent.Subject) {
		changed("Subject: %q became %q", sent.Subject, cut(got, 200))
	}
	if got := strings.TrimSpace(h.Get("Message-ID")); sent.MessageID != "" && got != string(sent.MessageID) {
		changed("Message-ID: %s became %s", sent.MessageID, cut(got, 200))
	}
	if e.ReturnPath != "" && !received.SameMailbox(string(e.ReturnPath), string(sent.From)) {
		changed("the envelope's sender %s became %s", sent.From, e.ReturnPath)
	}
	if !m.HeaderOnly && !m.Incomplete && !strings.Contains(m.Body(), string(sent.Token)) {
		changed("the text no longer holds the token")
	}
	if extra := footer(m.Body(), string(sent.Token)); extra != "" {
		changed("the text has more behind it: %q", cut(extra, 120))
	}
	if len(e.Changed) > 0 {
		e.Saw = append(e.Saw, cause.ArrivedChanged)
	}
}

// footer is what somebody has put behind our text, whose last word is the token.
func footer(body, token string) string {
	_, behind, found := strings.Cut(body, token)
	if !found {
		return ""
	}
	return strings.Join(strings.Fields(behind), " ")
}

// remove deletes the message; that it cannot is a remark, as it has arrived.
func remove(e *probe.DeliveryEvidence, session *Session, found *Arrived, wanted Wanted) {
	how, err := session.Remove(found, wanted)
	if err != nil {
		e.Deleted = "failed"
		e.Saw = append(e.Saw, cause.DeleteFailed)
		e.Words["imap_text"] = err.Error()
		return
	}
	e.Deleted = probe.Maybe(how)
}
