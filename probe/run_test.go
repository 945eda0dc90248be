package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/smtpdx/smtpdx/probe/secret"
)

const (
	good4   = "192.0.2.10:587"
	other4  = "192.0.2.11:587"
	good6   = "[2001:db8::10]:587"
	healthy = "title: t\nteaches: t\nmake: postfix\nencryption: starttls\naccount: jobs@acme.example\npassword: right-password\nexpect: pass\n"
)

// statusOf gives "status" or "skip:reason" of every step, in order.
func statusOf(r Result) []string {
	var out []string
	for _, s := range r.Steps {
		word := string(s.ID) + " " + string(s.Status)
		if s.Status == Skip {
			word += ":" + string(s.SkipReason)
		}
		if s.Address != "" {
			word += " " + string(s.Address)
		}
		out = append(out, word)
	}
	return out
}

// The floor of round trips from connected to verdict: the greeting's half,
// then one for each question that the protocol does not let us join.
func TestRoundTripsFromConnectedToVerdict(t *testing.T) {
	for _, test := range []struct {
		encryption Encryption
		port       int
		want       float64
	}{{STARTTLS, 587, 6.5}, {SSL, 465, 5}} {
		t.Run(string(test.encryption), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.latency = 50 * time.Millisecond
				address := fmt.Sprintf("192.0.2.10:%d", test.port)
				text := healthy
				if test.encryption == SSL {
					text = strings.Replace(text, "encryption: starttls", "encryption: ssl", 1)
				}
				s := dialogue(t, text)
				w.at(address, s)
				w.names["localhost"] = []string{"192.0.2.10"}
				settings := given("localhost", test.port, test.encryption, "jobs@acme.example", "right-password")
				settings.Auth = "PLAIN"
				var connected, verdict time.Time
				p := &Prober{Net: w.net()}
				for e := range p.Run(t.Context(), settings) {
					switch {
					case e.Step != nil && e.Step.ID == StepTCP:
						connected = time.Now()
					case e.Result != nil:
						verdict = time.Now()
						if e.Result.Verdict != Pass {
							t.Errorf("verdict %s at %s", e.Result.Verdict, e.Result.FailedStep)
						}
					}
				}
				trips := float64(verdict.Sub(connected)) / float64(2*w.latency)
				t.Logf("%s: %.1f round trips from connected to verdict", test.encryption, trips)
				if trips != test.want {
					t.Errorf("%.2f round trips, the floor is %.1f", trips, test.want)
				}
				if v := s.Violations(); len(v) > 0 {
					t.Errorf("we are no good client: %v", v)
				}
			})
		})
	}
}

func TestADeadAddressCostsNothingWhileAnotherAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := dialogue(t, healthy)
		w.at(good4, s)
		w.answers[good6] = nil
		w.names["localhost"] = []string{"2001:db8::10", "192.0.2.10"}
		begin := time.Now()
		r, _ := w.probed(t.Context(), given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password"))
		if took := time.Since(begin); took > time.Second+othersGrace {
			t.Errorf("took %v", took)
		}
		res := r.Results[0]
		if res.Verdict != Pass || res.Address != good4 {
			t.Errorf("verdict %s on %s", res.Verdict, res.Address)
		}
		want := "tcp skip:given-up " + good6
		if got := statusOf(res); !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	})
}

func TestEveryPlannedStepIsInTheReportInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(good4, dialogue(t, healthy))
		w.answers[other4] = func(c net.Conn) { c.Close() }
		w.names["localhost"] = []string{"192.0.2.11", "192.0.2.10"}
		r, _ := w.probed(t.Context(), given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password"))
		got := statusOf(r.Results[0])
		want := []string{
			"settings pass", "dns pass",
			"tcp pass 192.0.2.11:587", "tcp pass 192.0.2.10:587",
			"greeting fail 192.0.2.11:587", "greeting pass 192.0.2.10:587",
			"ehlo skip:blocked 192.0.2.11:587", "ehlo pass 192.0.2.10:587",
			"starttls skip:blocked 192.0.2.11:587", "starttls pass 192.0.2.10:587",
			"tls skip:blocked 192.0.2.11:587", "tls pass 192.0.2.10:587",
			"certificate skip:blocked 192.0.2.11:587", "certificate pass 192.0.2.10:587",
			"ehlo-tls skip:blocked 192.0.2.11:587", "ehlo-tls pass 192.0.2.10:587",
			"auth pass", "sender pass",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if r.Results[0].Verdict != Warn {
			t.Errorf("another address fails, and the verdict is %s", r.Results[0].Verdict)
		}
	})
}

func TestWithoutAnAddressTheLaneStepsStandThereOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, _ := w.probed(t.Context(), given("nowhere.example", 465, SSL, "a@b.example", "x"))
		res := r.Results[0]
		if len(res.Steps) != len(Plan(Settings{Encryption: SSL})) || res.FailedStep != Maybe(StepDNS) {
			t.Errorf("failed %s: %q", res.FailedStep, statusOf(res))
		}
		for _, s := range res.Steps[2:] {
			if s.Status != Skip || s.BlockedBy != Maybe(StepDNS) || s.Address != "" {
				t.Errorf("%+v", s)
			}
		}
		if len(w.dialled) != 0 {
			t.Errorf("dialled %v", w.dialled)
		}
	})
}

func TestRefusedSettingsContactNothing(t *testing.T) {
	w := newWorld(t)
	s := given("localhost", 587, STARTTLS, "a@b.example", "x")
	s.Refused = &Refusal{Key: "port", Text: "port 70000 is out of range", Hint: "1 to 65535"}
	r, _ := w.probed(t.Context(), s)
	res := r.Results[0]
	if res.FailedStep != Maybe(StepSettings) || len(w.dialled) > 0 || len(res.Steps) != len(Plan(s)) {
		t.Errorf("%q %v", statusOf(res), w.dialled)
	}
}

func TestUntilStopsAfterThatStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		srv := dialogue(t, healthy)
		w.at(good4, srv)
		w.names["localhost"] = []string{"192.0.2.10"}
		s := given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")
		s.Until = StepEHLO
		r, _ := w.probed(t.Context(), s)
		for _, step := range r.Results[0].Steps {
			after := slices.Index(AllSteps(), step.ID) > slices.Index(AllSteps(), StepEHLO)
			if after != (step.Status == Skip && step.SkipReason == Maybe(NotAsked)) {
				t.Errorf("%s is %s %s", step.ID, step.Status, step.SkipReason)
			}
		}
		if v := srv.Violations(); len(v) > 0 {
			t.Error(v)
		}
	})
}

func TestABadCertificateIsFollowedByEvidenceAndNoPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := dialogue(t, healthy+"certificate: expired\n")
		w.at(good4, s)
		w.names["localhost"] = []string{"192.0.2.10"}
		r, _ := w.probed(t.Context(), given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password"))
		got := strings.Join(statusOf(r.Results[0]), "\n")
		for _, want := range []string{"certificate fail", "ehlo-tls pass", "auth skip:blocked", "sender skip:blocked"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		if strings.Contains(strings.Join(s.Transcript(), "\n"), "C: AUTH") {
			t.Error("a credential was sent past a bad certificate")
		}
		if v := s.Violations(); len(v) > 0 {
			t.Error(v)
		}
	})
}

func TestCtrlCEndsAtOnceWithTheReportSoFar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(good4, dialogue(t, healthy+"\nehlo\n  stall\n"))
		w.names["localhost"] = []string{"192.0.2.10"}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		begin := time.Now()
		r, _ := w.probed(ctx, given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password"))
		if took := time.Since(begin); took > 3*time.Second+100*time.Millisecond {
			t.Errorf("took %v", took)
		}
		res := r.Results[0]
		if !res.Interrupted || !slices.Contains(statusOf(res), "ehlo skip:interrupted "+good4) ||
			!slices.Contains(statusOf(res), "auth skip:interrupted") {
			t.Errorf("interrupted %v: %q", res.Interrupted, statusOf(res))
		}
	})
}

func TestTheDeadlineEndsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(good4, dialogue(t, healthy+"\nehlo\n  stall\n"))
		w.names["localhost"] = []string{"192.0.2.10"}
		s := given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")
		s.Deadline = 4 * time.Second
		begin := time.Now()
		r, _ := w.probed(t.Context(), s)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
		if res := r.Results[0]; res.FailedStep != Maybe(StepEHLO) || res.Interrupted {
			t.Errorf("%q", statusOf(res))
		}
	})
}

func TestTheLaneThatIsReadyFirstIsTheMainLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(other4, dialogue(t, healthy+"\ngreeting\n  wait 2s\n  220 mail.acme.example ESMTP Postfix\n"))
		w.at(good4, dialogue(t, healthy))
		w.names["localhost"] = []string{"192.0.2.11", "192.0.2.10"}
		r, _ := w.probed(t.Context(), given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password"))
		if r.Results[0].Address != good4 || r.Results[0].Verdict != Pass {
			t.Errorf("%s on %s: %q", r.Results[0].Verdict, r.Results[0].Address, statusOf(r.Results[0]))
		}
	})
}

func TestOneLoginOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := dialogue(t, healthy)
		for _, address := range []string{good4, other4} {
			w.at(address, s)
		}
		w.names["localhost"] = []string{"192.0.2.11", "192.0.2.10"}
		p := &Prober{Net: w.net(), Refused: &RefusedLogins{}}
		settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "wrong-password")
		first, _ := fold(p.Run(t.Context(), settings))
		second, _ := fold(p.Run(t.Context(), settings))
		logins := strings.Count(strings.Join(s.Transcript(), "\n"), "C: AUTH")
		if logins != 1 {
			t.Errorf("%d logins with a refused password", logins)
		}
		for _, r := range []Report{first, second} {
			if r.Results[0].FailedStep != Maybe(StepAuth) {
				t.Errorf("%q", statusOf(r.Results[0]))
			}
		}
	})
}

func TestWaitingForAPersonIsNoStepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := dialogue(t, healthy)
		w.at(good4, s)
		w.names["localhost"] = []string{"192.0.2.10"}
		settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "")
		settings.Password = Credential{Source: "prompt"}
		p := &Prober{Net: w.net(), AskPassword: func(context.Context, Settings) (secret.Value, error) {
			time.Sleep(90 * time.Second)
			return secret.New("right-password"), nil
		}}
		r, _ := fold(p.Run(t.Context(), settings))
		res := r.Results[0]
		if res.Verdict != Pass {
			t.Fatalf("%q", statusOf(res))
		}
		for _, step := range res.Steps {
			if step.DurationMs != nil && *step.DurationMs > 1000 {
				t.Errorf("%s took %v ms", step.ID, *step.DurationMs)
			}
		}
	})
}

func TestAServerThatHungUpDuringThePromptIsCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := dialogue(t, healthy)
		calls := 0
		w.trust(s)
		w.answers[good4] = func(c net.Conn) {
			if calls++; calls == 1 {
				time.AfterFunc(20*time.Second, func() { c.Close() })
			}
			s.Serve(c)
		}
		w.names["localhost"] = []string{"192.0.2.10"}
		settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "")
		settings.Password = Credential{Source: "prompt"}
		p := &Prober{Net: w.net(), AskPassword: func(context.Context, Settings) (secret.Value, error) {
			time.Sleep(30 * time.Second)
			return secret.New("right-password"), nil
		}}
		r, _ := fold(p.Run(t.Context(), settings))
		if r.Results[0].Verdict != Pass || calls != 2 {
			t.Errorf("%d connections: %q", calls, statusOf(r.Results[0]))
		}
	})
}

func TestNobodyThereToAskFailsAuthOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(good4, dialogue(t, healthy))
		w.names["localhost"] = []string{"192.0.2.10"}
		settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "")
		settings.Password = Credential{Source: "prompt"}
		p := &Prober{Net: w.net(), AskPassword: func(context.Context, Settings) (secret.Value, error) {
			return secret.Value{}, errors.New("no terminal")
		}}
		r, _ := fold(p.Run(t.Context(), settings))
		if r.Results[0].FailedStep != Maybe(StepAuth) {
			t.Errorf("%q", statusOf(r.Results[0]))
		}
	})
}

func TestFoldingTheLinesGivesTheReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(good4, dialogue(t, healthy))
		w.answers[good6] = nil
		w.names["localhost"] = []string{"2001:db8::10", "192.0.2.10"}
		r, events := w.probed(t.Context(), given("localhost", 587, STARTTLS, "jobs@acme.example", "wrong"))
		var again Report
		for _, e := range events {
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			var back Event
			if err := json.Unmarshal(line, &back); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			again.Add(back)
		}
		a, _ := json.MarshalIndent(r, "", " ")
		b, _ := json.MarshalIndent(again, "", " ")
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestStoppingToListenEndsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(good4, dialogue(t, healthy))
		w.names["localhost"] = []string{"192.0.2.10"}
		p := &Prober{Net: w.net(), Transcript: true}
		n := 0
		for range p.Run(t.Context(), given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")) {
			if n++; n == 5 {
				break
			}
		}
	})
}
