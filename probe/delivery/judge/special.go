package judge

import (
	"strings"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

// noSender: without From there is nothing to judge.
func noSender(w *way) *verdict {
	if w.from.Address != "" || w.m.Bounce() != nil {
		return nil
	}
	return &verdict{how: probe.Undetermined, confidence: cause.Certain, rule: "no-from", fields: w.quoted("From", "Sender", "Return-Path", "Subject"),
		text:    "The header has no From with an address in it.",
		decides: []decide{{text: "Save the whole message as .eml, or copy all lines of its header, and inspect that."}}}
}

// bounced: it is not the message but word that it could not be delivered.
func bounced(w *way) *verdict {
	b := w.m.Bounce()
	if b == nil {
		return nil
	}
	s := b.Statuses[0]
	v := &verdict{how: probe.Undetermined, confidence: cause.Certain, rule: "delivery-status", original: b.About.Address("From").Address,
		text:   "This is not the message but a report about it (RFC 3464): delivery to " + orUnknown(string(s.Recipient)) + " " + actionWords(string(s.Action)) + ".",
		fields: w.quoted("From", "Subject", "X-Failed-Recipients")}
	for name, value := range map[string]probe.Maybe{"Action": s.Action, "Status": s.Status, "Diagnostic-Code": s.Diagnostic} {
		if value != "" {
			v.fields = append(v.fields, name+": "+string(value))
		}
	}
	return v
}

func actionWords(action string) string {
	switch action {
	case "delayed":
		return "is delayed"
	case "delivered", "relayed", "expanded":
		return "went well (" + action + ")"
	}
	return "failed"
}

// absenceReply: an answer that a mailbox wrote by itself (RFC 3834).
func absenceReply(w *way) *verdict {
	if !isAutomaticReply(w) {
		return nil
	}
	return &verdict{how: probe.Undetermined, confidence: cause.Certain, rule: "automatic-reply", fields: w.quoted("From", "Subject", "Auto-Submitted", "X-Autoreply", "In-Reply-To"),
		text:    "This is an automatic answer of " + orUnknown(w.from.Address) + ", as of somebody who is absent, and not the message itself.",
		decides: []decide{{text: "Inspect the message that arrived in the mailbox of the application."}}}
}

func isAutomaticReply(w *way) bool {
	auto := strings.ToLower(w.h.Get("Auto-Submitted"))
	subject := strings.ToLower(w.h.Text("Subject"))
	said := strings.HasPrefix(auto, "auto-replied") || w.h.Has("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Vacation") ||
		strings.Contains(strings.ToLower(w.h.Get("Precedence")), "auto_reply")
	named := false
	for _, word := range []string{"automatic reply", "automatische antwort", "out of office", "abwesenheit", "abwesend", "réponse automatique", "respuesta automática", "risposta automatica",
		"automatisch antwoord", "afwezig", "autosvar", "automatiskt svar", "odpowiedź automatyczna", "resposta automática", "автоответ", "自动回复", "自動回覆", "自動応答", "auto:", "autoreply", "auto-reply", "absence du bureau"} {
		named = named || strings.Contains(subject, word)
	}
	isReply := w.h.Has("In-Reply-To", "References", "X-Auto-Response-Suppress") || strings.HasPrefix(auto, "auto-generated")
	return said && !w.h.Has("X-Forwarded-For") || named && isReply
}

// undetermined says what would decide.
func undetermined(w *way) verdict {
	v := verdict{how: probe.Undetermined, confidence: cause.Possible, rule: "too-little", fields: w.quoted("From", "To", "Subject"), original: w.known.Sender,
		text: "The header does not show the way that the message took."}
	if w.fromSender() {
		v.kept, v.field, v.original = yes(), "From", w.from.Address
	}
	switch {
	case len(w.hops) == 0:
		v.text = "The lines hold no Received field, so the way that the message took does not show."
		v.decides = []decide{{text: "Save the whole message as .eml, or copy all lines of its header, and inspect that."}}
	default:
		v.decides = askForVia()
	}
	return v
}
