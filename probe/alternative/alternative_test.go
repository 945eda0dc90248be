package alternative_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/smtpdx/smtpdx/probe"
	"github.com/smtpdx/smtpdx/probe/alternative"
	"github.com/smtpdx/smtpdx/probe/cause"
)

const host = "localhost.example"

func quiet(net.Conn) {}

// suggests demands a verified suggestion within five seconds.
func suggests(t *testing.T, r probe.Result, took time.Duration, port int, encryption string) {
	t.Helper()
	if took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	s := r.Suggestion
	if s == nil || !s.Verified || s.Settings.Host != host || s.Settings.Port != port || s.Settings.Encryption != encryption || s.Settings.Account != "jobs@acme.example" {
		t.Fatalf("suggestion %+v, failed at %s\n%s", s, r.FailedStep, triedOf(r))
	}
}

func TestSettingsThatWorkAreSuggestedWithinFiveSeconds(t *testing.T) {
	for _, test := range []struct {
		name       string
		world      func(*world)
		port       int
		encryption probe.Encryption
		failed     string
		to         int
		with       string
		text       string
	}{
		{"blocked 587, open 465", func(w *world) { w.answers["192.0.2.10:587"] = nil; w.at("192.0.2.10:465", "ssl") },
			587, probe.STARTTLS, "tcp", 465, "ssl", "587 does not answer from here, 465 with SSL does"},
		{"all blocked but 2525", func(w *world) {
			for _, port := range []string{"587", "25"} {
				w.answers["192.0.2.10:"+port] = nil
			}
			w.at("192.0.2.10:2525", "starttls")
		}, 587, probe.STARTTLS, "tcp", 2525, "starttls", "587 does not answer from here, 2525 with TLS/STARTTLS does"},
		{"ssl on 587", func(w *world) { w.at("192.0.2.10:587", "starttls"); w.at("192.0.2.10:465", "ssl") },
			587, probe.SSL, "tls", 587, "starttls", "587 with SSL does not work, 587 with TLS/STARTTLS does"},
		{"starttls on 465", func(w *world) { w.at("192.0.2.10:587", "starttls"); w.at("192.0.2.10:465", "ssl") },
			465, probe.STARTTLS, "greeting", 465, "ssl", "465 with TLS/STARTTLS does not"},
		{"silent greeting", func(w *world) { w.answers["192.0.2.10:587"] = quiet; w.at("192.0.2.10:465", "ssl") },
			587, probe.STARTTLS, "greeting", 465, "ssl", "587 with TLS/STARTTLS does not answer from here, 465 with SSL does"},
		{"refused 587", func(w *world) { w.at("192.0.2.10:465", "ssl") },
			587, probe.STARTTLS, "tcp", 465, "ssl", "587 with TLS/STARTTLS does not work, 465 with SSL does"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				test.world(w)
				r, took := w.check(t.Context(), alternative.Finder{}, given(host, test.port, test.encryption))
				suggests(t, r, took, test.to, test.with)
				if string(r.FailedStep) != test.failed || !strings.Contains(r.Suggestion.Text, test.text) {
					t.Errorf("failed at %s: %q\n%s", r.FailedStep, r.Suggestion.Text, triedOf(r))
				}
			})
		})
	}
}

// A step that is cut says how long it was given.
func TestACutStepIsATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers["192.0.2.10:587"] = nil
		w.at("192.0.2.10:465", "ssl")
		r, _ := w.check(t.Context(), alternative.Finder{}, given(host, 587, probe.STARTTLS))
		i := slices.IndexFunc(r.Steps, func(s probe.StepResult) bool { return s.ID == probe.StepTCP })
		if f := r.Steps[i].Fault; f == nil || f.Kind != probe.Timeout || f.Text != "no answer within 4 s" {
			t.Errorf("%+v", f)
		}
	})
}

func TestNothingThatWorksIsSaidAndNothingSuggested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers["192.0.2.10:587"], w.answers["192.0.2.10:465"] = nil, nil
		r, took := w.check(t.Context(), alternative.Finder{}, given(host, 587, probe.STARTTLS))
		if r.Suggestion != nil || r.FailedStep != "tcp" || took > 13*time.Second+500*time.Millisecond {
			t.Errorf("%+v at %s after %v", r.Suggestion, r.FailedStep, took)
		}
		for _, fix := range r.Findings[0].Fix {
			if fix.To == "465" {
				t.Errorf("advises what does not work: %+v", fix)
			}
		}
		if want := "465 with SSL: no answer\n2525 with TLS/STARTTLS; 25 with TLS/STARTTLS: refused"; triedOf(r) != want {
			t.Errorf("tried:\n%s", triedOf(r))
		}
	})
}

func TestAPassingCheckOpensNoOtherConnection(t *testing.T) {
	for _, first := range []string{"silent", "refused"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.at("192.0.2.10:587", "starttls")
			w.at("192.0.2.10:465", "ssl")
			w.names[host] = []string{"192.0.2.11", "192.0.2.10"}
			if first == "silent" {
				w.answers["192.0.2.11:587"] = nil
			}
			r, _ := w.check(t.Context(), alternative.Finder{}, given(host, 587, probe.STARTTLS))
			if r.FailedStep != "" || len(w.dialled) != 2 {
				t.Errorf("the first address is %s: failed at %q, dialled %q", first, r.FailedStep, w.dialled)
			}
		})
	}
}

// An unverified suggestion that was not tried would stay; one that failed goes.
func TestASuggestionThatDoesNotWorkIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		off := given(host, 587, probe.STARTTLS)
		p := w.prober(alternative.Finder{})
		p.Alternatives = nil
		var report probe.Report
		for e := range p.Run(t.Context(), off) {
			report.Add(e)
		}
		if s := report.Results[0].Suggestion; s == nil || s.Verified || s.Settings.Port != 465 {
			t.Fatalf("the rules suggest %+v", s)
		}
		r, _ := w.check(t.Context(), alternative.Finder{}, off)
		if r.Suggestion != nil || !strings.Contains(triedOf(r), "465 with SSL") {
			t.Errorf("%+v\n%s", r.Suggestion, triedOf(r))
		}
	})
}

func TestNoMoreThanTwoConnectionsAtOnceToAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, port := range []string{"587", "465", "2525", "25"} {
			w.answers["192.0.2.10:"+port] = quiet
		}
		known := func(string, []string, bool) []alternative.Endpoint {
			w.names["other.example"], w.names["third.example"] = []string{"192.0.2.10"}, []string{"192.0.2.10"}
			return []alternative.Endpoint{{Host: "other.example", Port: 465, Encryption: probe.SSL}, {Host: "third.example", Port: 465, Encryption: probe.SSL}}
		}
		w.check(t.Context(), alternative.Finder{Published: known}, given(host, 587, probe.STARTTLS))
		if w.most["192.0.2.10"] != 2 || len(w.dialled) < 4 {
			t.Errorf("%d at once, dialled %q", w.most["192.0.2.10"], w.dialled)
		}
	})
}

func TestNoCredentialLeavesOnAnAlternative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answers["192.0.2.10:587"] = nil
		w.at("192.0.2.10:465", "ssl")
		r, _ := w.check(t.Context(), alternative.Finder{}, given(host, 587, probe.STARTTLS))
		seen := strings.Join(w.servers["192.0.2.10:465"].Transcript(), "\n")
		if !strings.Contains(seen, "EHLO") || strings.Contains(seen, "C: AUTH") || strings.Contains(seen, "C: MAIL") || strings.Contains(seen, "jobs@") {
			t.Errorf("the server saw:\n%s", seen)
		}
		for _, bad := range w.servers["192.0.2.10:465"].Violations() {
			t.Error(bad)
		}
		marked := slices.ContainsFunc(r.Transcript, func(l probe.TranscriptLine) bool {
			return l.Purpose == "alternative" && strings.HasPrefix(l.Text, "EHLO")
		})
		if !marked {
			t.Error("the transcript does not show the alternative")
		}
	})
}

// synctest fails when a goroutine of the bubble is left. Which of two that end
// at the same time is first is chance, so it is tried more than once.
func TestACancelledRunLeavesNothing(t *testing.T) {
	for _, after := range slices.Repeat([]time.Duration{time.Second, 2010 * time.Millisecond, 3 * time.Second, 7 * time.Second}, 20) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for _, port := range []string{"587", "465"} {
				w.answers["192.0.2.10:"+port] = nil
			}
			w.answers["192.0.2.10:2525"] = quiet
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			r, took := w.check(ctx, alternative.Finder{}, given(host, 587, probe.STARTTLS))
			if !r.Interrupted || took > after+600*time.Millisecond {
				t.Errorf("%v: interrupted %v after %v", after, r.Interrupted, took)
			}
		})
	}
}

func TestAMisspeltHostGetsTheRightOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.at("192.0.2.10:587", "starttls")
		near := func(_ string, _ []string, missing bool) []alternative.Endpoint {
			if !missing {
				return nil
			}
			return []alternative.Endpoint{{Host: "localhost", Port: 587, Encryption: probe.STARTTLS, Why: "Did you mean localhost?"}}
		}
		w.names["localhost"] = []string{"192.0.2.10"}
		r, _ := w.check(t.Context(), alternative.Finder{Published: near}, given("localhots.example", 587, probe.STARTTLS))
		if s := r.Suggestion; r.FailedStep != "dns" || s == nil || !s.Verified || s.Settings.Host != "localhost" || s.Text != "Did you mean localhost? localhost answers on 587 with TLS/STARTTLS (tried without the password)." {
			t.Errorf("failed at %s: %+v\n%s", r.FailedStep, s, triedOf(r))
		}
	})
}

func TestAnUnusualPortOfThisComputerHasNoAlternatives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.names["localhost"] = []string{"127.0.0.1"}
		w.at("127.0.0.1:465", "ssl")
		for _, name := range []string{"localhost", "127.0.0.1"} {
			r, _ := w.check(t.Context(), alternative.Finder{}, given(name, 40025, probe.STARTTLS))
			if r.FailedStep != "tcp" || len(w.dialled) != 1 {
				t.Errorf("%s: failed at %s, dialled %q", name, r.FailedStep, w.dialled)
			}
			w.dialled = nil
		}
	})
}

// Whoever asks for one family learns whether the other would do; settings
// cannot say so, and none are suggested.
func TestTheOtherFamilyIsTriedWhereOneWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.names[host] = []string{"192.0.2.10", "2001:db8::10"}
		w.at("[2001:db8::10]:587", "starttls")
		s := given(host, 587, probe.STARTTLS)
		s.Family = 4
		r, _ := w.check(t.Context(), alternative.Finder{}, s)
		if want := "587 with TLS/STARTTLS over IPv6: works as far as the login, certificate good"; r.Suggestion != nil || !strings.Contains(triedOf(r), want) {
			t.Errorf("%+v\n%s", r.Suggestion, triedOf(r))
		}
	})
}

// The name that the rules find in the certificate is theirs to vouch for; it
// is suggested as verified only when a connection to it was good.
func TestTheNameInTheCertificateIsTried(t *testing.T) {
	for _, works := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.serve("192.0.2.10:465", "title: t\nteaches: t\nmake: postfix\nencryption: ssl\naccount: jobs@acme.example\npassword: "+password+
				"\ncertificate: misnamed\nexpect: fail at certificate: cert-name-mismatch\n")
			if works {
				w.names["hosting.example"] = []string{"192.0.2.10"}
			}
			w.names["mail.acme.hosting.example"] = []string{"192.0.2.10"}
			s := given("mail.acme.hosting.example", 465, probe.SSL)
			s.TLSServerName = ""
			r, _ := w.check(t.Context(), alternative.Finder{}, s)
			if r.FailedStep != "certificate" || (r.Suggestion != nil) != works {
				t.Fatalf("failed at %s, suggestion %+v\n%s", r.FailedStep, r.Suggestion, triedOf(r))
			}
			if works && (!r.Suggestion.Verified || r.Suggestion.Settings.Host != "hosting.example") {
				t.Errorf("%+v", r.Suggestion)
			}
		})
	}
}

// A port that offers no login is of no use to whoever has an account.
func TestAPortWithoutLoginDoesNotPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.serve("192.0.2.10:25", "title: t\nteaches: t\nmake: postfix\nencryption: starttls\nmechanisms: none\nexpect: pass\n")
		r, _ := w.check(t.Context(), alternative.Finder{}, given(host, 587, probe.STARTTLS))
		if r.Suggestion != nil || !strings.Contains(triedOf(r), "25 with TLS/STARTTLS: answers, but offers no login") {
			t.Errorf("%+v\n%s", r.Suggestion, triedOf(r))
		}
	})
}

// Settings that pass in a questionable way are not doubted on a guess: other
// ones are suggested when they were seen to work, and never with a credential.
func TestSettingsThatPassQuestionablyAreComparedWithTheUsualOnes(t *testing.T) {
	for _, test := range []struct {
		name  string
		world func(*world)
		want  int
	}{
		{"25 works, and 587 too", func(w *world) { w.at("192.0.2.10:25", "starttls"); w.at("192.0.2.10:587", "starttls") }, 587},
		{"25 works, 587 does not", func(w *world) { w.at("192.0.2.10:25", "starttls") }, 0},
		{"25 works, 587 is silent", func(w *world) { w.at("192.0.2.10:25", "starttls"); w.answers["192.0.2.10:587"] = nil }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				test.world(w)
				s := given(host, 25, probe.STARTTLS)
				s.Remarks = []probe.Remark{{Observation: string(cause.PortEncryptionUnusual)}}
				r, took := w.check(t.Context(), alternative.Finder{}, s)
				if r.FailedStep != "" || took > 5*time.Second {
					t.Fatalf("failed at %q after %v", r.FailedStep, took)
				}
				if test.want == 0 {
					if r.Suggestion != nil {
						t.Errorf("suggested: %+v", r.Suggestion)
					}
					return
				}
				suggests(t, r, took, test.want, "starttls")
				if !strings.Contains(r.Suggestion.Text, "works too and is the usual way") {
					t.Errorf("%q", r.Suggestion.Text)
				}
			})
		})
	}
}

// Who lets a bad certificate pass did so for the server entered; a server of
// another name is not called good with one.
func TestAnotherServerNeedsAGoodCertificateEvenWithInsecure(t *testing.T) {
	for certificate, want := range map[string]bool{"expired": false, "good": true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.names["localhost"] = []string{"192.0.2.20"}
			text := "title: t\nteaches: t\nmake: postfix\nencryption: starttls\naccount: jobs@acme.example\npassword: " + password + "\n"
			if certificate != "good" {
				text += "expect: fail at certificate: cert-expired\ncertificate: " + certificate + "\n"
			} else {
				text += "expect: pass\n"
			}
			w.serve("192.0.2.20:587", text)
			known := func(string, []string, bool) []alternative.Endpoint {
				return []alternative.Endpoint{{Host: "localhost", Port: 587, Encryption: probe.STARTTLS}}
			}
			s := given(host, 587, probe.STARTTLS)
			s.Insecure = true
			r, _ := w.check(t.Context(), alternative.Finder{Published: known}, s)
			if got := r.Suggestion != nil && r.Suggestion.Verified; got != want {
				t.Errorf("certificate %s: suggested %+v\n%s", certificate, r.Suggestion, triedOf(r))
			}
		})
	}
}
