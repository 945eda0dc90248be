package probe

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/smtpdx/smtpdx/probe/wire"
)

// The verb does not tell who is refused; text and enhanced code do.
func TestWhoIsRefused(t *testing.T) {
	const from, to = "jobs@acme.example", "anna@other.example"
	for _, test := range []struct {
		verb, enhanced, text, want string
		code                       int
	}{
		{"RCPT", "5.7.1", "5.7.1 <jobs@acme.example>: Sender address rejected: not owned by user info@acme.example", "sender", 553},
		{"RCPT", "5.1.8", "5.1.8 <jobs@acme.example>: Sender address rejected: Domain not found", "sender", 550},
		{"MAIL", "", "Sender address is not allowed.", "sender", 550},
		{"MAIL", "", "Requested action not taken: mailbox unavailable", "sender", 550},
		{"RCPT", "5.1.1", "5.1.1 <anna@other.example>: Recipient address rejected: User unknown in local recipient table", "recipient", 550},
		{"RCPT", "5.1.1", "5.1.1 The email account that you tried to reach does not exist", "recipient", 550},
		{"RCPT", "", "No such user here", "recipient", 550},
		{"RCPT", "", "Unrouteable address", "recipient", 550},
		{"RCPT", "5.7.60", "5.7.60 SMTP; Client does not have permissions to send as this sender", "sender", 550},
		{"RCPT", "5.7.1", "5.7.1 <anna@other.example>: Relay access denied", "unclear", 554},
		{"MAIL", "5.7.0", "5.7.0 Authentication Required", "unclear", 530},
		{"RCPT", "4.7.1", "4.7.1 <anna@other.example>: Recipient address rejected: Greylisted, see http://x", "recipient", 450},
		{"RCPT", "", "Greylisted, please try again in 300 seconds", "recipient", 451},
		{"RCPT", "", "Sender verify failed", "sender", 550},
		{"RCPT", "2.2.2", "5.2.2 Mailbox full", "recipient", 552},
		{"RCPT", "5.7.1", "5.7.1 Service unavailable; Client host [192.0.2.1] blocked", "unclear", 554},
		{"RCPT", "5.7.1", "5.7.1 Mail from IP 192.0.2.1 was rejected", "unclear", 550},
		{"RCPT", "", "Messages from unlisted hosts are not taken", "unclear", 554},
		{"RCPT", "", "From address is not yours", "sender", 553},
		{"RCPT", "", "You may not send from jobs@acme.example", "sender", 553},
		{"RCPT", "", "this From: is not allowed", "sender", 553},
		{"RCPT", "", "Mail from <jobs@acme.example> is not permitted", "sender", 553},
	} {
		r := wire.Reply{Code: test.code, Enhanced: test.enhanced, Lines: []string{test.text}}
		if got := whoIsRefused(test.verb, r, from, to); got != test.want {
			t.Errorf("%s: %d %s: %s, want %s", test.verb, test.code, test.text, got, test.want)
		}
	}
}

func senderRun(t *testing.T, text string, change func(*Settings)) (StepResult, []string) {
	t.Helper()
	w := newWorld(t)
	s := dialogue(t, healthy+text)
	w.at(good4, s)
	w.names["localhost"] = []string{"192.0.2.10"}
	settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")
	if change != nil {
		change(&settings)
	}
	r, _ := w.probed(t.Context(), settings)
	for _, v := range s.Violations() {
		t.Errorf("violation: %s", v)
	}
	last := r.Results[0].Steps[len(r.Results[0].Steps)-1]
	if last.ID != StepSender {
		t.Fatalf("the last step is %s", last.ID)
	}
	return last, s.Transcript()
}

func TestTheAccountItselfIsTriedWhenAnotherSenderIsRefused(t *testing.T) {
	for _, capabilities := range []string{"PIPELINING, 8BITMIME, STARTTLS", "8BITMIME, STARTTLS"} {
		synctest.Test(t, func(t *testing.T) {
			step, said := senderRun(t, "capabilities: "+capabilities+"\n\nmail <boss@acme.example>\n  550 5.7.1 Sender address is not allowed\n", func(s *Settings) {
				s.From = []string{"boss@acme.example"}
			})
			e := step.Evidence.(*SenderEvidence)
			if step.Status != Fail || len(e.Tries) != 2 || e.Tries[0].Refused != "sender" || !e.Tries[1].AccountItself || e.Tries[1].Refused != "" {
				t.Errorf("%s %+v", step.Status, e.Tries)
			}
			all := strings.Join(said, "\n")
			if strings.Contains(all, "C: DATA") || !strings.Contains(all, "C: RSET") {
				t.Errorf("said:\n%s", all)
			}
			if !strings.Contains(capabilities, "PIPELINING") && strings.Count(all, "C: RCPT") != 1 {
				t.Errorf("a recipient was asked for after a refused sender:\n%s", all)
			}
		})
	}
}

func TestADefaultRecipientThatIsRefusedIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _ := senderRun(t, "\nrcpt\n  550 5.1.1 User unknown\n", nil)
		if step.Status == Fail || step.Evidence.(*SenderEvidence).Tries[0].Refused != "recipient" {
			t.Errorf("%s %v", step.Status, step.Fault)
		}
		step, _ = senderRun(t, "\nrcpt\n  550 5.1.1 User unknown\n", func(s *Settings) { s.To = []string{"anna@other.example"} })
		if step.Status != Fail {
			t.Errorf("a recipient given with --to: %s", step.Status)
		}
	})
}

func TestEverySenderIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _ := senderRun(t, "\nrcpt from <b@acme.example>\n  553 5.7.1 <b@acme.example>: Sender address rejected: not owned by user jobs@acme.example\n",
			func(s *Settings) { s.From = []string{"a@acme.example", "b@acme.example", "c@acme.example"} })
		e := step.Evidence.(*SenderEvidence)
		var refused []string
		for _, try := range e.Tries {
			if try.Refused != "" {
				refused = append(refused, try.From+" "+string(try.Refused))
			}
		}
		if !slices.Equal(refused, []string{"b@acme.example sender"}) || len(e.Tries) != 4 {
			t.Errorf("%v of %+v", refused, e.Tries)
		}
	})
}

func TestAnAddressOutsideASCIINeedsSMTPUTF8(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		change := func(s *Settings) { s.From = []string{"jürgen@acme.example"} }
		step, _ := senderRun(t, "capabilities: PIPELINING, STARTTLS\n", change)
		if step.Status != Fail || step.Fault.Kind != NotOffered {
			t.Errorf("%s %v", step.Status, step.Fault)
		}
		step, said := senderRun(t, "capabilities: PIPELINING, STARTTLS, SMTPUTF8\n", change)
		if step.Status == Fail || !strings.Contains(strings.Join(said, "\n"), "SMTPUTF8") {
			t.Errorf("%s %v", step.Status, step.Fault)
		}
	})
}

func TestAConnectionLostInTheSenderStepIsNoRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _ := senderRun(t, "\nrcpt\n  close\n", nil)
		if step.Status != Fail || step.Fault.Kind != Closed {
			t.Errorf("%s %v", step.Status, step.Fault)
		}
	})
}

// 28: addresses go in angle brackets, always.
func TestAddressesGoInAngleBrackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, said := senderRun(t, "", nil)
		all := strings.Join(said, "\n")
		if !strings.Contains(all, "MAIL FROM:<jobs@acme.example>") || !strings.Contains(all, "RCPT TO:<jobs@acme.example>") {
			t.Errorf("said:\n%s", all)
		}
	})
}

func TestARefusalBeforeTheServerHangsUpIsTheReason(t *testing.T) {
	for _, capabilities := range []string{"PIPELINING, STARTTLS", "STARTTLS"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.at(good4, dialogue(t, healthy+"capabilities: "+capabilities+"\n\nMAIL <jobs@acme.example>\n  550 5.7.1 Sender address is not allowed\n  close\n"))
			w.names["localhost"] = []string{"192.0.2.10"}
			r, _ := w.probed(t.Context(), given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password"))
			step := stepIn(t, r.Results[0], StepSender, "")
			if step.Fault == nil || step.Fault.Kind != Rejected || step.Reply == nil || step.Reply.Code != 550 {
				t.Errorf("%s: %v %v", capabilities, step.Fault, step.Reply)
			}
		})
	}
}
