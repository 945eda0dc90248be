package report

import (
	"strings"
	"testing"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/cause"
)

func messagePlan(more ...probe.StepID) []probe.StepID {
	return append(append([]probe.StepID{}, starttlsPlan...), more...)
}

func sentEvidence(to ...probe.Recipient) *probe.MessageEvidence {
	took := time.Date(2026, 11, 23, 13, 2, 12, 0, time.UTC)
	return &probe.MessageEvidence{MessageID: "<smtpdx7k3m9q2xw4abcdef@acme.example>", Token: "smtpdx7k3m9q2xw4abcdef", From: "jobs@acme.example",
		Subject: "Test message smtpdx7k3m9q2xw4abcdef", Size: ptr(1996), QueueID: "4F1D23A0B1", ReplyMs: ptr(probe.Ms(210)), SentAt: &took,
		EightBit: ptr(false), SMTPUTF8: ptr(false), Recipients: to,
		SenderDomain: &probe.SenderDomain{Domain: "acme.example", SPF: "v=spf1 mx -all", DMARC: "v=DMARC1; p=reject", DMARCDomain: "acme.example",
			DMARCPolicy: "reject", AlignmentSPF: "r", AlignmentDKIM: "r"}}
}

func beforeMessage(at string) []probe.StepResult {
	return join(read(), dns("192.0.2.1", 9, "192.0.2.1"), passed(probe.StepTCP, at, "answers", 17), passed(probe.StepGreeting, at, "Postfix", 21),
		passed(probe.StepEHLO, at, "STARTTLS offered", 18), passed(probe.StepSTARTTLS, at, "accepted", 17), passed(probe.StepTLS, at, "TLS 1.3", 24),
		passed(probe.StepCertificate, at, "fits the name, public issuer, 241 days left", 1), passed(probe.StepEHLOTLS, at, "login offered: PLAIN", 18),
		passed(probe.StepAuth, "", "logged in as jobs@acme.example (PLAIN)", 110), passed(probe.StepSender, "", "jobs@acme.example accepted so far", 60))
}

func messageSettings(to ...string) probe.ShownSettings {
	s := settings("smtp.acme.example", 587, probe.STARTTLS, "jobs@acme.example", "jobs@acme.example")
	s.To = to
	return s
}

// partlyScene: one of two recipients is refused.
func partlyScene() scene {
	const at = "192.0.2.1:587"
	no := reply(550, "5.1.1", "5.1.1 <bob@acme.example>: Recipient address rejected: User unknown")
	message := failed(probe.StepMessage, "", "taken for 1 of 2 recipients; bob@acme.example refused with 550", 320, probe.Rejected, "the server answered 550")
	message.Reply = no
	message.Exchanges = probe.List[probe.Exchange]{{Command: "RCPT", Argument: "TO:<bob@acme.example>", Reply: no}}
	message.Evidence = sentEvidence(probe.Recipient{Address: "ann@recipient.example", Status: probe.RecipientAccepted, Reply: reply(250, "2.0.0", "2.0.0 Ok: queued as 4F1D23A0B1")},
		probe.Recipient{Address: "bob@acme.example", Status: probe.RecipientRefused, Reply: no})
	return scene{
		settings: messageSettings("ann@recipient.example", "bob@acme.example"), plan: messagePlan(probe.StepMessage),
		steps: join(beforeMessage(at), message),
		findings: []probe.Finding{{Cause: "recipient-unknown", Step: "message", Severity: cause.Error, Confidence: cause.Certain, Title: "the recipient bob@acme.example does not exist",
			Explanation: "The server knows all its mailboxes, and this one is not among them.", Who: cause.User,
			Fix: probe.List[probe.Fix]{{Text: "Correct the recipient", Who: cause.User, Setting: "to"}}}},
		outcome: probe.Outcome{Verdict: probe.Fail, FailedStep: "message", Address: at, Vantage: probe.Vantage{LocalAddress: "192.168.20.31"},
			Next: next("smtpdx send smtp.acme.example:587 -u jobs@acme.example --to bob@acme.example", "send again after the change")},
	}
}

// deliveredScene: the message arrived late, over three servers, with a footer.
func deliveredScene() scene {
	const at = "192.0.2.1:587"
	message := passed(probe.StepMessage, "", "taken by the server as 4F1D23A0B1", 320)
	message.Evidence = sentEvidence(probe.Recipient{Address: "ann@recipient.example", Status: probe.RecipientAccepted, Reply: reply(250, "2.0.0", "2.0.0 Ok: queued as 4F1D23A0B1")})
	delivery := passed(probe.StepDelivery, "", "arrived in INBOX after 20.4 s", 20400)
	delivery.Status = probe.Warn
	delivery.Evidence = &probe.DeliveryEvidence{Server: "imap.recipient.example:993", Folder: "INBOX", Junk: ptr(false), LookedIn: probe.List[string]{"INBOX", "Junk"},
		Copies: ptr(1), WaitedMs: ptr(probe.Ms(20100)), ArrivedAfterMs: ptr(probe.Ms(20400)), Others: ptr(0),
		Hops: probe.List[probe.Hop]{{From: "client", By: "smtp.acme.example"}, {From: "smtp.acme.example", By: "filter.recipient.example", DelayMs: ptr(probe.Ms(19000))},
			{From: "filter.recipient.example", By: "mx.recipient.example", DelayMs: ptr(probe.Ms(0))}},
		From: "jobs@acme.example", ReturnPath: "jobs@acme.example",
		Authentication: &probe.Authentication{Server: "mx.recipient.example", SPF: &probe.SPFResult{Result: "pass", Domain: "acme.example", Aligned: ptr(true)},
			DKIM: probe.List[probe.DKIMResult]{{Result: "fail", Domain: "acme.example", Selector: "s1", Aligned: ptr(true)}}, DMARC: &probe.DMARCResult{Result: "pass", Domain: "acme.example", Policy: "reject"}},
		Checked: &probe.Checked{Client: "203.0.113.9"}, Changed: probe.List[string]{`the text has more behind it: "checked by a gateway"`}}
	return scene{
		settings: messageSettings("ann@recipient.example"), plan: messagePlan(probe.StepMessage, probe.StepDelivery),
		steps: join(beforeMessage(at), message, delivery),
		findings: []probe.Finding{{Cause: "delivery-altered", Step: "delivery", Severity: cause.Warning, Confidence: cause.Certain, Title: "the message was changed on its way",
			Explanation: "What arrived is not what was sent. Who changes the text breaks signatures (DKIM).", Who: cause.ITAdmin,
			Fix: probe.List[probe.Fix]{{Text: "Have the gateway let the message pass as it is", Who: cause.ITAdmin}}}},
		outcome: probe.Outcome{Verdict: probe.Warn, Address: at, Vantage: probe.Vantage{LocalAddress: "192.168.20.31"}},
	}
}

// byHandScene: the message is out, and a person looks for it.
func byHandScene() scene {
	s := deliveredScene()
	last := &s.steps[len(s.steps)-1]
	*last = skippedFor(probe.NotAsked, "not asked for", "", probe.StepDelivery)[0]
	s.findings, s.outcome.Verdict = nil, probe.Pass
	s.outcome.Next = next("smtpdx inspect message.eml", "see how it came")
	return s
}

func TestWhatBecameOfTheMessageIsToldWithoutWordsOfTheProtocol(t *testing.T) {
	for name, c := range map[string]struct {
		scene scene
		want  []string
	}{
		"partly":    {partlyScene(), []string{"to ann@recipient.example: taken by the server", "to bob@acme.example: refused with 550", "4F1D23A0B1"}},
		"delivered": {deliveredScene(), []string{"in INBOX, 20.4 s after", "filter.recipient.example (19.0 s)", "SPF pass, DKIM fail, DMARC pass", "asks for p=reject", "checked by a gateway"}},
		"by hand":   {byHandScene(), []string{"By hand", "smtpdx7k3m9q2xw4abcdef", "ann@recipient.example", "smtpdx inspect message.eml"}},
	} {
		text := strings.Join(strings.Fields(string(printed(t, "text", Options{Width: 80}, play(c.scene)))), " ")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in:\n%s", name, want, text)
			}
		}
	}
}
