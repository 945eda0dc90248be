package probe

import (
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// stepOf probes one dialogue without login and gives one step of it.
func stepOf(t *testing.T, id StepID, port int, e Encryption, text string) (StepResult, Result, time.Duration) {
	t.Helper()
	w := newWorld(t)
	s := dialogue(t, healthy+text)
	address := "192.0.2.10:" + itoa(port)
	w.at(address, s)
	w.names["localhost"] = []string{"192.0.2.10"}
	begin := time.Now()
	r, _ := w.probed(t.Context(), given("localhost", port, e, "", ""))
	took := time.Since(begin)
	for _, v := range s.Violations() {
		t.Errorf("violation: %s", v)
	}
	for _, step := range r.Results[0].Steps {
		if step.ID == id {
			return step, r.Results[0], took
		}
	}
	t.Fatalf("no step %s in %q", id, statusOf(r.Results[0]))
	return StepResult{}, Result{}, 0
}

func TestOtherServicesOnThePortAreNamed(t *testing.T) {
	for says, want := range map[string]Maybe{
		`raw "SSH-2.0-OpenSSH_9.2p1 Debian\r\n"`:       "ssh",
		`raw "* OK [CAPABILITY IMAP4rev1] ready.\r\n"`: "imap",
		`raw "+OK POP3 ready\r\n"`:                     "pop3",
		`raw "HTTP/1.1 400 Bad Request\r\n\r\n"`:       "http",
		"220 (vsFTPd 3.0.3)":                           "ftp",
		`raw "\x15\x03\x01\x00\x02\x02\x46"`:           "tls",
		`raw "RFB 003.008\n"`:                          "unknown",
	} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				step, _, _ := stepOf(t, StepGreeting, 2525, STARTTLS, "\ngreeting\n  "+says+"\n")
				e := step.Evidence.(*GreetingEvidence)
				if step.Status != Fail || step.Fault.Kind != NotSMTP || e.LooksLike != want {
					t.Errorf("%s %v looks like %s", step.Status, step.Fault, e.LooksLike)
				}
			})
		})
	}
}

func TestARefusingGreetingKeepsItsWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _, _ := stepOf(t, StepGreeting, 587, STARTTLS, "\ngreeting\n  554-No SMTP service here\n  554 blocked, see https://example.org\n")
		if step.Status != Fail || step.Fault.Kind != Rejected || step.Reply == nil || len(step.Reply.Lines) != 2 {
			t.Errorf("%s %v %+v", step.Status, step.Fault, step.Reply)
		}
		step, _, _ = stepOf(t, StepGreeting, 587, STARTTLS, "\ngreeting\n  421 4.7.0 too many connections\n  close\n")
		if step.Fault.Kind != Deferred || step.Reply.Enhanced != "4.7.0" {
			t.Errorf("%v %+v", step.Fault, step.Reply)
		}
	})
}

func TestTLSBehindASilentPortIsKnownInSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _, took := stepOf(t, StepGreeting, 465, STARTTLS, "listen: tls\n")
		e := step.Evidence.(*GreetingEvidence)
		if step.Status != Fail || e.TLSAnswers == nil || !*e.TLSAnswers {
			t.Errorf("%s %v %+v", step.Status, step.Fault, e)
		}
		if took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Servers delay the greeting on purpose and ban who speaks before it.
func TestNoByteBeforeALateGreetingOnTheSubmissionPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := "early bytes: forbidden\n\ngreeting\n  wait 20s\n  220 mail.acme.example ESMTP Postfix\n"
		step, _, _ := stepOf(t, StepGreeting, 587, STARTTLS, late)
		if step.Status == Fail {
			t.Errorf("%v", step.Fault)
		}
	})
}

func TestASilentServerEndsAtTheGreetingsOwnTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _, took := stepOf(t, StepGreeting, 587, STARTTLS, "\ngreeting\n  stall\n")
		e := step.Evidence.(*GreetingEvidence)
		if step.Fault == nil || step.Fault.Kind != Timeout || took < greetingTimeout || took > greetingTimeout+2*lookLimit {
			t.Errorf("%v after %v", step.Fault, took)
		}
		if e.TLSAnswers == nil || *e.TLSAnswers {
			t.Errorf("TLS answers: %v", e.TLSAnswers)
		}
	})
}

func TestSoftwareAndHostAreReadFromTheGreeting(t *testing.T) {
	for text, want := range map[string][2]string{
		"mail.acme.example ESMTP Postfix (Debian/GNU)":                          {"mail.acme.example", "Postfix"},
		"AM0PR.outlook.office365.com Microsoft ESMTP MAIL Service ready at Mon": {"AM0PR.outlook.office365.com", "Microsoft Exchange"},
		"mx.acme.example ESMTP Exim 4.96 Tue, 24 Nov 2026":                      {"mx.acme.example", "Exim"},
		"smtp.gmail.com ESMTP a640c23a62f3a-x - gsmtp":                          {"smtp.gmail.com", "Google"},
		"**********************************":                                    {"", ""},
		"":                                                                      {"", ""},
	} {
		if got := [2]string{hostName(text), softwareOf(text)}; got != want {
			t.Errorf("%q gives %q", text, got)
		}
	}
}

// 9 to 11: EHLO refusals are kept, keywords have no letter case, AUTH lines add up.
func TestCapabilitiesAsServersWriteThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _, _ := stepOf(t, StepEHLO, 587, NoEncryption,
			"\nehlo\n  250-mail.acme.example Hello [203.0.113.9]\n  250-starttls\n  250-auth PLAIN login\n  250-AUTH SCRAM-SHA-256\n  250-AUTH=LOGIN CRAM-MD5\n  250 Size 1000\n")
		e := step.Evidence.(*EHLOEvidence)
		if diff := cmp.Diff(List[string]{"PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"}, e.Auth); diff != "" {
			t.Error(diff)
		}
		if !e.offers("STARTTLS") || !e.offers("SIZE") || e.ServerName != "mail.acme.example" {
			t.Errorf("%+v", e)
		}
	})
}

func TestHELOIsTriedWithoutLosingTheRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _, _ := stepOf(t, StepEHLO, 587, NoEncryption, "\nehlo\n  502 5.5.1 Command not implemented\n")
		e := step.Evidence.(*EHLOEvidence)
		if step.Status == Fail || e.Verb != "HELO" || len(step.Exchanges) != 2 || step.Exchanges[0].Reply.Code != 502 {
			t.Errorf("%s %+v %+v", step.Status, e, step.Exchanges)
		}
	})
}

func TestWhatTLSChangesAmongTheCapabilities(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, res, _ := stepOf(t, StepEHLOTLS, 587, STARTTLS, "capabilities: PIPELINING, VRFY, STARTTLS\nmechanisms: PLAIN\nmechanisms in clear: CRAM-MD5\n")
		e := step.Evidence.(*EHLOEvidence)
		if !slices.Contains(e.Added, "AUTH PLAIN") || !slices.Contains(e.Removed, "AUTH CRAM-MD5") || slices.Contains(e.Removed, "STARTTLS") {
			t.Errorf("added %v removed %v in %q", e.Added, e.Removed, statusOf(res))
		}
	})
}

// 15: and they belong to nobody who speaks TLS.
func TestBytesBeforeTheHandshakeAreAnInjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _, _ := stepOf(t, StepSTARTTLS, 587, STARTTLS, "\nstarttls\n  raw \"220 go ahead\\r\\n250 injected\\r\\n\"\n")
		e := step.Evidence.(*STARTTLSEvidence)
		if step.Status != Fail || step.Fault.Kind != EarlyBytes || e.EarlyBytes == nil || *e.EarlyBytes != 14 {
			t.Errorf("%s %v %+v", step.Status, step.Fault, e)
		}
	})
}

// 9: a server that is silent, or says goodbye, is not asked with HELO.
func TestNoHELOAfterASilenceOrA421(t *testing.T) {
	for _, does := range []string{"stall", "421 4.7.0 Try again later, closing connection\n  close"} {
		synctest.Test(t, func(t *testing.T) {
			step, _, _ := stepOf(t, StepEHLO, 587, STARTTLS, "\nehlo\n  "+does+"\n")
			if step.Status != Fail || len(step.Exchanges) != 1 || step.Exchanges[0].Command != "EHLO" {
				t.Errorf("%s: %s %v", does, step.Status, step.Exchanges)
			}
		})
	}
}

// 31: the name given is no computer's own, which often has no dot.
func TestTheNameGivenWithEHLOIsAnAddressLiteral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, _, _ := stepOf(t, StepEHLO, 587, NoEncryption, "")
		if e := step.Evidence.(*EHLOEvidence); e.Helo != "[198.51.100.7]" {
			t.Errorf("EHLO %s", e.Helo)
		}
	})
}

func TestAnEndlessGreetingEnds(t *testing.T) {
	w := newWorld(t)
	w.answers["192.0.2.10:587"] = func(c net.Conn) {
		line := []byte("220-" + strings.Repeat("x", 70) + "\r\n")
		for range 100_000 {
			if _, err := c.Write(line); err != nil {
				return
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w.names["localhost"] = []string{"192.0.2.10"}
		r, _ := w.probed(t.Context(), given("localhost", 587, STARTTLS, "", ""))
		for _, s := range r.Results[0].Steps {
			if s.ID == StepGreeting && (s.Fault == nil || s.Fault.Kind != TooMuch) {
				t.Errorf("%s %v", s.Status, s.Fault)
			}
		}
	})
}

// 13: the handshake is a step of its own, with its own time and its own end.
func TestAServerThatStallsInTheHandshakeFailsTLSAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step, res, took := stepOf(t, StepTLS, 587, STARTTLS, "\nhandshake\n  stall\n")
		if step.Status != Fail || step.Fault.Kind != Timeout || took < stepTimeout || took > stepTimeout+time.Second {
			t.Errorf("%s %v after %v: %q", step.Status, step.Fault, took, statusOf(res))
		}
	})
}
