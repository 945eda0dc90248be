package probe

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe/secret"
)

// quiet takes the connection and says nothing.
func quiet(net.Conn) {}

func stepIn(t *testing.T, res Result, id StepID, address Maybe) StepResult {
	t.Helper()
	for _, s := range res.Steps {
		if s.ID == id && s.Address == address {
			return s
		}
	}
	t.Fatalf("no step %s at %q in %q", id, address, statusOf(res))
	return StepResult{}
}

// A silent address on a port of plain SMTP is looked at with TLS when its own
// time is over, and not when it was given up.
func TestALaneThatIsGivenUpLooksNoFurther(t *testing.T) {
	for _, port := range []int{587, 2525} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			good, silent := "192.0.2.10:"+itoa(port), "192.0.2.11:"+itoa(port)
			w.at(good, dialogue(t, healthy))
			w.answers[silent] = quiet
			w.names["localhost"] = []string{"192.0.2.11", "192.0.2.10"}
			begin := time.Now()
			r, _ := w.probed(t.Context(), given("localhost", port, STARTTLS, "jobs@acme.example", "right-password"))
			if took := time.Since(begin); took > time.Second {
				t.Errorf("port %d: took %v", port, took)
			}
			if want := "greeting skip:given-up " + silent; !slices.Contains(statusOf(r.Results[0]), want) {
				t.Errorf("no %q in %q", want, statusOf(r.Results[0]))
			}
			if n := len(w.dialled); n != 2 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// A look that the step's own end meets is not made again.
func TestASilentPortIsLookedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers["192.0.2.10:2525"] = quiet
		w.names["localhost"] = []string{"192.0.2.10"}
		s := given("localhost", 2525, STARTTLS, "", "")
		s.Timeout = 4 * time.Second
		begin := time.Now()
		r, _ := w.probed(t.Context(), s)
		if took := time.Since(begin); len(w.dialled) != 2 || took > lookAfter+lookLimit+100*time.Millisecond {
			t.Errorf("%d connections, took %v", len(w.dialled), took)
		}
		e := stepIn(t, r.Results[0], StepGreeting, "192.0.2.10:2525").Evidence.(*GreetingEvidence)
		if e.TLSAnswers == nil || *e.TLSAnswers {
			t.Errorf("TLS answers: %v", e.TLSAnswers)
		}
	})
}

func TestCtrlCDuringASilenceEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers[good4] = quiet
		w.names["localhost"] = []string{"192.0.2.10"}
		begin := time.Now()
		p := &Prober{Net: w.net()}
		for e := range p.Run(t.Context(), given("localhost", 587, STARTTLS, "", "")) {
			if e.Start != nil && e.Start.ID == StepGreeting {
				break
			}
		}
		if took := time.Since(begin); took > 100*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

func TestADeadAddressCostsNothingWhereNoLoginIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(good4, dialogue(t, healthy))
		w.answers[good6] = nil
		w.names["localhost"] = []string{"2001:db8::10", "192.0.2.10"}
		s := given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")
		s.Until = StepEHLO
		begin := time.Now()
		r, _ := w.probed(t.Context(), s)
		if took := time.Since(begin); took > time.Second {
			t.Errorf("took %v", took)
		}
		if res := r.Results[0]; res.Verdict != Pass || res.Address != good4 || !slices.Contains(statusOf(res), "auth skip:not-asked") {
			t.Errorf("%s on %s: %q", res.Verdict, res.Address, statusOf(res))
		}
	})
}

func TestAutoLooksAtThePort(t *testing.T) {
	const one, two = "192.0.2.10:1025", "[2001:db8::10]:1025"
	for name, test := range map[string]struct {
		answers map[string]func(net.Conn) // nil: the healthy server
		text    string
		want    Encryption
	}{
		"a greeting is plain text":            {nil, "", STARTTLS},
		"silence is TLS":                      {nil, "listen: tls\n", SSL},
		"an end without a greeting is no TLS": {map[string]func(net.Conn){one: func(c net.Conn) { c.Close() }}, "", STARTTLS},
		"a dead address decides nothing":      {map[string]func(net.Conn){two: nil}, "listen: tls\n", SSL},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.at(one, dialogue(t, healthy+test.text))
				w.names["localhost"] = []string{"192.0.2.10"}
				for address, answer := range test.answers {
					w.answers[address] = answer
					if address == two {
						w.names["localhost"] = []string{"2001:db8::10", "192.0.2.10"}
					}
				}
				begin := time.Now()
				r, events := w.probed(t.Context(), given("localhost", 1025, Auto, "", ""))
				if got := r.Results[0].Settings.Encryption; got != Maybe(test.want) {
					t.Errorf("auto became %s: %v", got, r.Results[0].Settings.Origins)
				}
				if took := time.Since(begin); took > 4*time.Second {
					t.Errorf("took %v", took)
				}
				if events[0].Kind != EventPlan {
					t.Errorf("the first event is %s", events[0].Kind)
				}
				if lines := r.Results[0].Transcript; len(lines) == 0 || lines[0].Purpose != "tls-probe" {
					t.Errorf("the look is not in the transcript: %v", lines)
				}
			})
		})
	}
}

func TestUntilSettingsAndUntilDNSConnectToNothing(t *testing.T) {
	for until, lookUps := range map[StepID]int{StepSettings: 0, StepDNS: 1} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.at("192.0.2.10:1025", dialogue(t, healthy))
			w.names["localhost"] = []string{"192.0.2.10"}
			world, asked := w.net(), 0
			inner := world.LookupAddrs
			world.LookupAddrs = func(ctx context.Context, host string) ([]netip.Addr, error) {
				asked++
				return inner(ctx, host)
			}
			s := given("localhost", 1025, Auto, "jobs@acme.example", "right-password")
			s.Until = until
			r, _ := fold((&Prober{Net: world}).Run(t.Context(), s))
			if len(w.dialled) != 0 || asked != lookUps {
				t.Errorf("until %s: dialled %v, %d look-ups", until, w.dialled, asked)
			}
			if r.Results[0].Verdict != Pass {
				t.Errorf("%q", statusOf(r.Results[0]))
			}
		})
	}
}

// What a connection made during the prompt says stands in the report like any other's.
func TestARenewedConnectionsLoginIsReported(t *testing.T) {
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
			return secret.New("wrong-password"), nil
		}}
		r, _ := fold(p.Run(t.Context(), settings))
		auth := stepIn(t, r.Results[0], StepAuth, "")
		if len(auth.Exchanges) == 0 || auth.Reply == nil || auth.Reply.Code != 535 {
			t.Errorf("exchanges %v, reply %v", auth.Exchanges, auth.Reply)
		}
	})
}

// A server that changed during the prompt is judged anew before the password goes.
func TestNoPasswordGoesToARenewedConnectionWithABadCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first, second := dialogue(t, healthy), dialogue(t, healthy+"certificate: expired\n")
		w.trust(first)
		w.trust(second)
		calls := 0
		w.answers[good4] = func(c net.Conn) {
			if calls++; calls > 1 {
				second.Serve(c)
				return
			}
			time.AfterFunc(20*time.Second, func() { c.Close() })
			first.Serve(c)
		}
		w.names["localhost"] = []string{"192.0.2.10"}
		settings := given("localhost", 587, STARTTLS, "jobs@acme.example", "")
		settings.Password = Credential{Source: "prompt"}
		p := &Prober{Net: w.net(), AskPassword: func(context.Context, Settings) (secret.Value, error) {
			time.Sleep(30 * time.Second)
			return secret.New("right-password"), nil
		}}
		r, _ := fold(p.Run(t.Context(), settings))
		if r.Results[0].FailedStep != Maybe(StepAuth) || calls != 2 {
			t.Errorf("%d connections: %q", calls, statusOf(r.Results[0]))
		}
		if strings.Contains(strings.Join(second.Transcript(), "\n"), "C: AUTH") {
			t.Error("a password was sent past a bad certificate")
		}
		if w.open != 0 {
			t.Errorf("%d connections are left open", w.open)
		}
	})
}

func TestNobodyIsAskedForAPasswordThatCannotBeUsed(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		e    Encryption
	}{
		"plain line":       {"", NoEncryption},
		"no login offered": {"mechanisms: none\n", STARTTLS},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.at(good4, dialogue(t, healthy+test.text))
				w.names["localhost"] = []string{"192.0.2.10"}
				settings := given("localhost", 587, test.e, "jobs@acme.example", "")
				settings.Password = Credential{Source: "prompt"}
				p := &Prober{Net: w.net(), AskPassword: func(context.Context, Settings) (secret.Value, error) {
					t.Error("somebody was asked")
					return secret.New("right-password"), nil
				}}
				r, _ := fold(p.Run(t.Context(), settings))
				if r.Results[0].FailedStep != Maybe(StepAuth) {
					t.Errorf("%q", statusOf(r.Results[0]))
				}
			})
		})
	}
}

func TestTheEndOfTheWholeTimeIsNotBlamedOnTheServerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at(good4, dialogue(t, healthy+"\ngreeting\n  wait 3s\n  220 mail.acme.example ESMTP Postfix\n\nehlo\n  stall\n"))
		w.names["localhost"] = []string{"192.0.2.10"}
		s := given("localhost", 587, STARTTLS, "jobs@acme.example", "right-password")
		s.Deadline = 4 * time.Second
		r, _ := w.probed(t.Context(), s)
		step := stepIn(t, r.Results[0], StepEHLO, good4)
		if step.Fault == nil || step.Fault.Kind != Timeout || !strings.Contains(step.Fault.Text, "4 s for the whole probe") {
			t.Errorf("%v", step.Fault)
		}
		if f := r.Results[0].Findings; len(f) == 0 || f[0].Cause != "server-silent" || !strings.Contains(f[0].Title, "whole check") {
			t.Errorf("%+v", f)
		}
	})
}
