package probe

import (
	"crypto/tls"
	"strings"
	"testing"
	"testing/synctest"
)

// advice probes a dialogue with an account and gives what is found and said.
func advice(t *testing.T, text string, change func(*Settings)) (Result, string) {
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
	return r.Results[0], strings.Join(s.Transcript(), "\n")
}

// words are all texts and commands of the findings.
func words(r Result) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, f.Cause, f.Title, f.Explanation, string(f.Who))
		for _, fix := range f.Fix {
			all = append(all, fix.Text, string(fix.Setting))
		}
		for _, d := range f.Decides {
			all = append(all, d.Question, string(d.Command))
		}
	}
	return strings.Join(all, "\n")
}

func TestANewerTLSThanTheServersIsTheSettingsAffair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := advice(t, "tls: 1.2\n", func(s *Settings) { s.TLSMin = tls.VersionTLS13 })
		if len(r.Findings) == 0 || r.Findings[0].Cause != "tls-version-too-old" || r.Findings[0].Who != "user" ||
			!strings.Contains(words(r), "tls_min") || strings.Contains(words(r), "Have the server updated") {
			t.Errorf("%s\n%s", r.FailedStep, words(r))
		}
	})
}

func TestPLAINDecidesOnlyWhereItIsOffered(t *testing.T) {
	for mechanisms, want := range map[string]bool{"CRAM-MD5 PLAIN": true, "CRAM-MD5 LOGIN": false} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := advice(t, "mechanisms: "+mechanisms+"\n\nAUTH CRAM-MD5 answered\n  535 5.7.8 Error: authentication failed\n",
				func(s *Settings) { s.Auth = "CRAM-MD5" })
			if got := strings.Contains(words(r), "--auth PLAIN"); got != want || r.FailedStep != Maybe(StepAuth) {
				t.Errorf("%s: %v\n%s", mechanisms, got, words(r))
			}
		})
	}
}

// A second login with the same password can lock the account.
func TestAnAccountThatIsNotRecognisedIsNoWordAboutTheMechanism(t *testing.T) {
	for reply, logins := range map[string]int{
		"535 5.7.8 User name not recognized":           1,
		"535 Account not supported":                    1,
		"535 5.7.8 Authentication credentials invalid": 1,
		"504 5.7.4 Unrecognized authentication type":   2,
		"535 5.7.8 Invalid authentication mechanism":   2,
	} {
		synctest.Test(t, func(t *testing.T) {
			r, said := advice(t, "mechanisms: PLAIN LOGIN\n\nAUTH PLAIN answered\n  "+reply+"\n", nil)
			if n := strings.Count(said, "C: AUTH"); n != logins {
				t.Errorf("%q: %d logins, want %d: %q", reply, n, logins, statusOf(r))
			}
		})
	}
}

func TestTheNextCheckAsksTheSame(t *testing.T) {
	s := given("mail.acme.example", 587, STARTTLS, "jobs@acme.example", "right-password")
	s.Auth, s.Helo, s.TLSServerName, s.TLSMin, s.Family, s.UsedBy = "LOGIN", "app.acme.example", "mx.acme.example", tls.VersionTLS13, 4, "cloud"
	s.Insecure, s.AllowPlaintextAuth = true, true
	res := &Result{Settings: s.Shown(), FailedStep: Maybe(StepAuth)}
	const want = "smtpdx check mail.acme.example:587 -u jobs@acme.example --auth LOGIN --helo app.acme.example --tls-server-name mx.acme.example --tls-min 1.3 --used-by cloud -4"
	if got := nextSteps(&s, res)[0].Command; got != Maybe(want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	res.Suggestion = &Suggestion{Settings: SuggestedSettings{Host: "smtp.acme.example", Port: 465, Encryption: "ssl"}}
	if got := string(nextSteps(&s, res)[0].Command); strings.Contains(got, "--tls-server-name") || !strings.HasPrefix(got, "smtpdx check smtp.acme.example:465 ") {
		t.Errorf("for another host: %s", got)
	}
}
