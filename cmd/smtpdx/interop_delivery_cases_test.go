//go:build linux

package main_test

import (
	"testing"
	"time"
)

// The ways a message may come, written down before the first run.

// came is a message that arrived without a fault but that its certificate is
// the test's own.
func came(how, kept string) deliveryRow { return deliveryRow{trusted, how, kept} }

// warned is a message that came with a remark.
func warned(cause, how, kept string) deliveryRow {
	return deliveryRow{row{"-", cause, 0, "warn"}, how, kept}
}

func stopped(step, cause string, exit int, how, kept string) deliveryRow {
	return deliveryRow{failsAt(step, cause, exit), how, kept}
}

// cameNot is a redirect of which no message arrived.
func cameNot(cause string) deliveryRow {
	return stopped("redirect", cause, 20, "undetermined", "?/?")
}

func delivers(inbox, to string, more ...string) []string {
	return append([]string{"deliver", "candidate", "--to", to, "--inbox", inbox, "--wait", "15s"}, more...)
}

func redirects(via string, more ...string) []string {
	return append([]string{"redirect", "candidate", "--via", via, "--inbox", "in", "--bounces", "candidate", "--wait", "15s"}, more...)
}

var deliveryCases = []deliveryCase{
	{name: "delivered", args: delivers("in", target), decided: "INBOX", want: came("-", "-"),
		says: func(t *testing.T, s deliveryStep) {
			t.Helper()
			if c := s.Checked; c == nil || c.Client != "192.0.2.51" || c.SPF == nil || c.SPF.Result != "pass" || len(c.DKIM) != 1 || c.DKIM[0].Result != "pass" {
				t.Errorf("the program's own look at SPF and DKIM: %+v", s.Checked)
			}
		}},
	{name: "delivered, IMAP with STARTTLS", args: delivers("in-starttls", target), decided: "INBOX", want: came("-", "-")},
	{name: "delivered, IMAP with a token", args: delivers("token", "jobs@acme.example"), decided: "INBOX", want: came("-", "-")},
	{name: "junked", args: delivers("spam", "spam@app.example"), decided: "Junk", want: warned("delivery-junk", "-", "-")},
	{name: "delayed 20 s", args: delivers("late", "late@app.example", "--wait", "40s"), within: 60 * time.Second, decided: "INBOX", want: came("-", "-"),
		says: func(t *testing.T, s deliveryStep) {
			t.Helper()
			if s.ArrivedAfterMs < 20000 || s.ArrivedAfterMs > 35000 {
				t.Errorf("arrived after %.0f ms", s.ArrivedAfterMs)
			}
		}},
	{name: "lost", args: delivers("in", "lost@app.example", "--wait", "4s"), want: stopped("delivery", "delivery-not-arrived", 19, "-", "-")},
	{name: "wrong IMAP password", args: delivers("in-wrong-password", target), decided: "AUTHENTICATIONFAILED", want: stopped("delivery", "imap-login-failed", 19, "-", "-")},
	{name: "send-as refused after DATA", args: []string{"send", "boss", "--to", target}, decided: "5.7.60", want: stopped("message", "sender-not-owned", 18, "-", "-")},

	{name: "alias redirect", args: redirects("alias@company.example"), want: came("redirected", "yes/yes")},
	{name: "Sieve redirect", args: redirects("sieve@company.example"), decided: "X-Sieve-Redirected-From", want: came("redirected", "yes/yes")},
	{name: "Sieve redirect, absence reply", args: redirects("away@company.example"), want: came("redirected", "yes/yes")},
	{name: "SRS", args: redirects("alias@srs.company.example"), decided: "SRS0=", want: came("redirected-srs", "yes/yes")},
	{name: "DKIM kept", args: redirects("recipient@company.example"), want: came("redirected", "yes/yes")},
	{name: "DKIM broken by a footer", args: redirects("footer@company.example"), want: warned("redirect-signature-broken", "redirected", "yes/no")},
	{name: "resent by hand", args: redirects("resend@company.example"), decided: "Resent-From", want: came("resent", "yes/yes"),
		at: "resend@company.example", hand: &byHand{keys: "<bounce-message>in@app.example<enter><exit>"}},
	{name: "forward as new message", args: redirects("as-new@company.example"), decided: "Fwd:", want: stopped("redirect", "redirect-forwarded-as-new", 20, "forwarded-as-new", "no/?")},
	{name: "forward as attachment", args: redirects("attach@company.example"), want: stopped("redirect", "redirect-forwarded-as-new", 20, "forwarded-as-attachment", "no/?"),
		at: "attach@company.example", hand: &byHand{keys: "<forward-message>in@app.example<enter><send-message><exit>", settings: []string{"set mime_forward=yes"}}},
	{name: "From rewritten", args: redirects("nofrom@company.example"), decided: "nofrom@company.example", want: stopped("redirect", "redirect-from-rewritten", 20, "from-rewritten", "no/?")},
	{name: "From rewritten, Reply-To kept", args: redirects("refrom@company.example"), decided: "Reply-To", want: warned("redirect-from-rewritten", "from-rewritten", "yes/?")},
	{name: "From rewritten by a list", args: redirects("munged@lists.company.example"), decided: "Reply-To", want: warned("redirect-from-rewritten", "from-rewritten", "yes/?")},
	{name: "delivered twice", args: redirects("twice@company.example"), want: warned("redirect-duplicate", "redirected", "yes/yes")},
	{name: "bounced with a delivery status", args: redirects("gone@company.example"), decided: "5.1.1", want: cameNot("redirect-not-arrived")},
	{name: "bounced through SRS", args: redirects("gone@srs.company.example"), decided: "5.1.1", want: cameNot("redirect-not-arrived")},
	{name: "quota full", args: redirects("full@company.example"), decided: "5.2.2", want: cameNot("redirect-not-arrived")},
	{name: "forwarding to the outside blocked", args: redirects("blocked@company.example"), decided: "5.7.520", want: cameNot("redirect-external-blocked")},
	{name: "looped", args: redirects("loop@company.example"), decided: "too many hops", want: cameNot("redirect-loop")},
	{name: "lost on the way", args: redirects("lost@company.example", "--wait", "4s"), want: cameNot("redirect-not-arrived")},
}
